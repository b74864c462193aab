"""Quantities and their names, z1, dE_total/dW5, W5+, z1': the one place that knows how these are spelled."""

import re
import unicodedata
from functools import lru_cache
from typing import Literal, NamedTuple

from micrograd_kr.teacher.ask.messages import ExerciseError, quoted

Kind = Literal["value", "gradient", "updated", "second"]
_TYPED = str.maketrans(
    dict.fromkeys("∂𝛛𝜕𝝏𝞉𝟃", "d") | dict.fromkeys("′’‘`´ʹ", "'") | {"″": "''"} | dict.fromkeys("÷∕\u2044", "/")
)  # ⁺ and subscripts are made plain by NFKC
SPELLING = {chr(code): plain for code, plain in _TYPED.items()}  # which the page goes by, too
_MARKS = "'+"  # of what is computed anew after an update, and of a parameter that one changed
MARKS = 2  # a name has as many; after more updates it says their number, W5+@3

# A quantity's name in the midst of a formula: W5, W[0, 1], z1', W5⁺, dE/dW5, W5@2. A + is a mark where no number can
# follow, "W5+*x1", or a sign stands by itself behind it, "W5+ - lr*g".
_INDEX = r"\[ ?[0-9]+ ?(?:, ?[0-9]+ ?){0,2}\]"
_NAME = rf"[^\W\d]\w*(?:{_INDEX})?(?:@[0-9]+)?(?:['⁺]|\+(?=\+{{0,9}} ?(?:[*/,)}}\]=]|$)|\+{{0,9}} [-+] ))*"
QUANTITY = rf"(?:[d∂]{_NAME} ?/ ?[d∂]{_NAME}|{_NAME})"


class Quantity(NamedTuple):
    """What a name stands for; as a string, that name.

    of: the name of a line or of a number. by: what `of` is differentiated with respect to, over all paths, else None.
    step: how many updates came before: W5 after one is W5+, z1 in the forward pass after it z1', a derivative in it
    dE/dW5@1. is_parameter: of what the update itself changes, a parameter or its state.
    """

    of: str
    by: str | None = None
    step: int = 0
    is_parameter: bool = False

    @property
    def kind(self) -> Kind:
        """Of which sort it is: a gradient, the value of a name, a parameter updated, a value in a later pass."""
        if self.by is not None:
            return "gradient"
        return "value" if not self.step else "updated" if self.is_parameter else "second"

    @property
    def in_pass(self) -> int:
        """The pass that it is worked in: what an update changes, at the end of the one before it."""
        return self.step - self.is_parameter

    @property
    def before(self) -> "Quantity":
        """The same, one update earlier."""
        return self._replace(step=self.step - 1, is_parameter=self.is_parameter and self.step > 1)

    def __str__(self) -> str:
        if self.by is not None:
            return f"d{self.of}/d{self.by}" + f"@{self.step}" * (self.step > 0)
        mark = _MARKS[self.is_parameter]
        return self.of + (mark * self.step if self.step <= MARKS else mark * self.is_parameter + f"@{self.step}")


def derivative(of: str, by: str) -> str:
    """The name of a total derivative, dE/dW."""
    return str(Quantity(of, by))


def updated(name: str) -> str:
    """The name of a parameter after a step, W+."""
    return str(Quantity(name, step=1, is_parameter=True))


@lru_cache(maxsize=10_000)
def read(name: str) -> Quantity:
    """The quantity of a name in the spelling that is kept; what is no derivative and has no mark is a value."""
    bare, at, step = name.partition("@")
    above, slash, below = bare.partition("/d")
    if slash and above.startswith("d"):
        return Quantity(above[1:], below, int(step or 0))
    of, marks = _without_marks(bare)
    return Quantity(of, step=int(step) if at else len(marks), is_parameter=marks[:1] == "+")


def _without_marks(name: str) -> tuple[str, str]:
    of = name[:1] + name[1:].rstrip(_MARKS)
    return of, name[len(of) :]


def parse(text: str) -> Quantity:
    """The quantity of a name that a person wrote, spelled as kept; W5@2 is as good as W5++, dE@3/dW5 as dE/dW5@3.

    Whether W5@2 or z1@2 is a parameter is not known here. Raises ExerciseError for a derivative that is not written as
    dE/dW, and for a pass that is no number.
    """
    bare, steps = re.sub("@[^/]*", "", text), re.findall("@([^/]*)", text)
    if not all(re.fullmatch("[0-9]{1,6}", step) for step in steps):
        raise ExerciseError("expected the number of a pass behind @, as in E@100, got {text}", text=quoted(text))
    above, slash, below = bare.partition("/")
    if slash and (not above.startswith("d") or not below.startswith("d")):
        raise ExerciseError("expected a derivative as in dE/dW, got {text}", text=quoted(text))
    (of, marks), (by, others) = _without_marks(above), _without_marks(below)
    most = max(map(int, steps)) if steps else max(len(marks), len(others))
    return Quantity(of[1:], by[1:], most) if slash else Quantity(of, None, most, marks[:1] == "+")


def spelled(text: str) -> str:
    """A name in the one spelling that is kept."""
    return unicodedata.normalize("NFKC", "".join(text.translate(_TYPED).split()))
