"""Quantities and their names, z1, dE_total/dW5, W5+, z1': the one place that knows how these are spelled."""

import unicodedata
from functools import lru_cache
from typing import Literal, NamedTuple

from micrograd_kr.teacher.ask.messages import ExerciseError, quoted

Kind = Literal["value", "gradient", "updated", "second"]
_TYPED = str.maketrans({"∂": "d", "′": "'", "’": "'"})  # ⁺ and subscripts are made plain by NFKC
_MARKS = "'+"  # of what is computed anew after an update, and of a parameter that one changed

# A quantity's name in the midst of a formula: W5, W[0, 1], z1', W5⁺, dE/dW5, W5@2. A + is a mark where no number can
# follow, "W5+*x1", or a sign stands by itself behind it, "W5+ - lr*g".
_INDEX = r"\[ ?[0-9]+ ?(?:, ?[0-9]+ ?){0,2}\]"
_NAME = rf"[^\W\d]\w*(?:{_INDEX})?(?:@[0-9]+)?(?:['⁺]|\+(?=\+{{0,9}} ?(?:[*/,)}}\]=]|$)|\+{{0,9}} [-+] ))*"
QUANTITY = rf"(?:[d∂]{_NAME} ?/ ?[d∂]{_NAME}|{_NAME})"


class Quantity(NamedTuple):
    """What a name stands for; as a string, that name.

    of: the name of a line or of a number. by: what `of` is differentiated with respect to, over all paths, else None.
    step: how many updates came before: W5 after one is W5+, z1 in the forward pass after it z1'.
    is_parameter: of such a one, whether the update itself changed it.
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
    def before(self) -> "Quantity":
        """The same, one update earlier."""
        return self._replace(step=self.step - 1, is_parameter=self.is_parameter and self.step > 1)

    def __str__(self) -> str:
        name = self.of if self.by is None else f"d{self.of}/d{self.by}"
        return name + _MARKS[self.is_parameter] * self.step


def derivative(of: str, by: str) -> str:
    """The name of a total derivative, dE/dW."""
    return str(Quantity(of, by))


def updated(name: str) -> str:
    """The name of a parameter after a step, W+."""
    return str(Quantity(name, step=1, is_parameter=True))


def again(name: str) -> str:
    """The name of a value in the forward pass after a step, z'."""
    return str(Quantity(name, step=1))


@lru_cache(maxsize=10_000)
def read(name: str) -> Quantity:
    """The quantity of a name in the spelling that is kept; what is no derivative and has no mark is a value."""
    above, slash, below = name.partition("/d")
    if slash and above.startswith("d"):
        return Quantity(above[1:], below)
    if len(name) > 1 and name[-1] in _MARKS:
        return Quantity(name[:-1], step=1, is_parameter=bool(_MARKS.index(name[-1])))
    return Quantity(name)


def parse(text: str) -> Quantity:
    """The quantity of a name that a person wrote, spelled as kept.

    Raises ExerciseError for a derivative that is not written as dE/dW, or is one of a later pass.
    """
    above, slash, below = text.partition("/")
    if slash and (not above.startswith("d") or not below.startswith("d")):
        raise ExerciseError("expected a derivative as in dE/dW, got {text}", text=quoted(text))
    if slash and (text[-1] in _MARKS or above[-1] in _MARKS):
        raise ExerciseError("expected a derivative of the first pass, without ' and +")
    return read(text)


def spelled(text: str) -> str:
    """A name in the one spelling that is kept."""
    return unicodedata.normalize("NFKC", "".join(text.translate(_TYPED).split()))
