"""An exercise: its numbers and formulas, and what the names on a sheet stand for.

It is data, nothing in it is ever run. A name may be Hangul. It is normalised as Python does it (NFKC), so that two ways
to type one name are one name.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from micrograd_kr.said import say
from micrograd_kr.teacher.ask.arrays import array_of, entry
from micrograd_kr.teacher.ask.cell import Cell, Unreadable, read_cell
from micrograd_kr.teacher.ask.formula import Formula, read_formula
from micrograd_kr.teacher.ask.messages import ExerciseError, nearest, placed, product, quoted, unknown
from micrograd_kr.teacher.ask.number import Hand
from micrograd_kr.teacher.ask.quantity import Quantity, derivative, parse, spelled

_NEW = re.compile(r"_?new_?|_?next|새|\((?:new|next|새|\+|t\+1)\)")  # people call W+ so
USUAL = "p - lr*g"  # what an update does to a parameter where nothing else is said


@dataclass(frozen=True)
class Exercise:
    """An exercise, and the numbers one person worked out for it.

    name: of the built-in exercise, or the file's stem; a student's file has the name of the exercise it answers.
    loss: the line of `forward` that is differentiated. lr: the learning rate, if there is one.
    given, parameters: the numbers it starts from; a step of gradient descent changes the parameters.
    forward: the formulas, in order. All three are unrolled: an array W is W[0,0], W[0,1] and so on.
    hand: a person's numbers as written, "0.08", or worked lines, "0.3 - 0.5*0.1 = 0.25".
    source: the file's name. asked: what the names in [hand] stand for, blanks included. unreadable: the lines of [hand]
    that cannot be read.
    steps: updates; none without a learning rate and [update]. update: how one changes a parameter, p: formulas in p,
    its gradient g, the number k of the step, lr, what is given, and the other lines, which are 0 at first.
    shapes: of the arrays, by name. written: the formulas of [forward] as in the file.
    student, id: who filled the file in, where it says so. seed: with which its numbers were drawn.
    """

    name: str
    title: str
    loss: str
    lr: float | None
    given: Mapping[str, float]
    parameters: Mapping[str, float]
    forward: Mapping[str, Formula]
    hand: Mapping[str, str]
    source: str
    asked: Mapping[str, Quantity] = field(default_factory=dict, repr=False)
    unreadable: tuple[Unreadable, ...] = ()
    steps: int = 0
    update: Mapping[str, Formula] = field(default_factory=dict)
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    written: Mapping[str, str] = field(default_factory=dict, repr=False)
    student: str = ""
    id: str = ""
    seed: int | None = None
    picture: ClassVar[Any] = None  # what draws one; drawing lies above exercises, and says so itself

    def __post_init__(self) -> None:
        """Where nothing else is said, with a learning rate there is one step of gradient descent."""
        update = self.update or ({} if self.lr is None else {"p": read_formula(USUAL)})
        written = self.written or {name: formula.text for name, formula in self.forward.items()}
        for name, default in {"update": update, "steps": self.steps or int(bool(update)), "written": written}.items():
            object.__setattr__(self, name, default)

    @cached_property
    def positions(self) -> dict[str, int]:
        """Every name with its place in the order of computation."""
        return {name: i for i, name in enumerate((*self.given, *self.parameters, *self.forward))}

    @cached_property
    def names(self) -> set[str]:
        """All that may be called by its name, whole arrays and what an update remembers among it."""
        return {*self.positions, *self.states, *self.shapes}

    @cached_property
    def states(self) -> dict[str, tuple[str, str]]:
        """What an update remembers of each parameter, m_W5, with its line in [update] and the parameter."""
        return {f"{line}_{name}": (line, name) for line in self.update if line != "p" for name in self.parameters}

    def entries(self, name: str) -> Any:
        """The quantities that are the entries of a whole one, of W or dE/dW; None for any other name."""
        if not self.shapes:
            return None
        try:
            asked = parse(name)
        except ExerciseError:
            return None
        of_by = asked.by is not None and asked.by in self.shapes
        whole = (asked.by if of_by else None) or asked.of
        if whole not in self.shapes or (of_by and asked.of in self.shapes):
            return None
        found = np.empty(self.shapes[whole], object)
        for at in np.ndindex(found.shape):
            one = entry(whole, at)
            found[at] = asked._replace(by=one) if of_by else asked._replace(of=one)
        return found

    def changed_by(self, name: str) -> tuple[str, str]:
        """The line of [update] that changes a parameter or a state, and the parameter that it is of."""
        return self.states.get(name, ("p", name))

    @property
    def constants(self) -> set[str]:
        """What a worked line may hold besides quantities: lr, and k in an exercise with an update of its own."""
        k = {"k"} if self.update and not self.is_usual and "k" not in self.positions else set()
        return k | ({"lr"} if self.lr is not None else set())

    @property
    def is_usual(self) -> bool:
        """Whether an update is a step of gradient descent."""
        return [each.text for each in self.update.values()] == [USUAL]

    def whole(self, numbers: Mapping[str, float]) -> dict[str, Any]:
        """Numbers by the names of the file: those of an array as nested lists."""
        found: dict[str, Any] = {}
        for name in dict.fromkeys(map(array_of, numbers)):
            shape = self.shapes.get(name, ())
            flat = [numbers[entry(name, at)] for at in np.ndindex(shape)]
            found[name] = np.array(flat).reshape(shape).tolist()
        return found

    @property
    def blanks(self) -> tuple[str, ...]:
        """The names in [hand] that are left empty, "", as on a worksheet."""
        return tuple(name for name in self.asked if name not in self.hand)

    @cached_property
    def cells(self) -> dict[str, Cell]:
        """What was written for each name in [hand]."""
        cells = ((name, read_cell(text, name)) for name, text in self.hand.items())
        return {name: cell for name, cell in cells if cell}

    @property
    def results(self) -> list[Hand]:
        """The numbers in [hand], of a worked line the last; without those that were left to be worked, as 1/3."""
        return [each.result for each in self.cells.values() if each.result and not each.result.known]

    def _repr_mimebundle_(self, *args: Any, **kwargs: Any) -> dict[str, str]:
        """A notebook shows an exercise as its picture."""
        bundle: dict[str, str] = type(self).picture(self)._repr_mimebundle_() if type(self).picture else {}
        return bundle


def parse_name(exercise: Exercise, text: str) -> Quantity:
    """What a name stands for: z1, dE_total/dW5, W5+ or z1'; ∂, ′, ⁺ and subscripts are read as well.

    Raises ExerciseError for what is no quantity of the exercise, or needs a learning rate where there is none.
    """
    asked = exercise.asked.get(text)
    if asked is not None and not (asked.step and not exercise.steps):
        return asked
    with placed(exercise.source), placed(quoted(text)):
        return quantity_meant(exercise, spelled(text))


def quantity_meant(exercise: Exercise, text: str) -> Quantity:
    """The quantity of a name, spelled as kept. Raises ExerciseError, with the one that was probably meant."""
    try:
        return verified(exercise, parse(text))
    except ExerciseError as error:
        meant = _meant(exercise, text)
        if not meant or f"did you mean {meant}" in str(error):
            raise
        raise ExerciseError("{error}; did you mean {meant}?", error=error.said, meant=meant) from None


def _meant(exercise: Exercise, text: str) -> str:
    """The quantity that was probably meant by dl/dw1, E/h1 or z1+; "" if none is like it."""

    def near(name: str) -> str:
        found = nearest(name, [*exercise.positions, *exercise.shapes])
        return found or (exercise.loss if name and exercise.loss.startswith(name) else "")  # E of E_total

    above, slash, below = (each.strip("'+") for each in text.partition("@")[0].partition("/"))
    if slash:
        of, by = (near(each[1:]) if each.startswith("d") else near(each) for each in (above, below))
        meant = derivative(of, by)
    else:
        of = near(plain := _NEW.sub("", above))
        meant = of + ("+" if of in exercise.parameters else "'") * (plain != text)
    with suppress(ExerciseError):
        if exercise.entries(meant) is None:
            verified(exercise, parse(meant))
        return "" if meant == text else meant
    return ""


def verified(exercise: Exercise, asked: Quantity) -> Quantity:
    """A quantity, once it is known to be one. Raises ExerciseError for what is none of the exercise's."""
    meant = None if str(asked) == asked.of else ""  # all of it is meant to be said, dE/dW
    of = known(exercise, asked.of, meant)
    if asked.by is not None:
        known(exercise, asked.by, meant)
        if of not in exercise.forward:
            raise ExerciseError("expected a derivative of what [forward] computes, which {name} is not", name=of)
        if exercise.positions.get(asked.by, 0) > exercise.positions[of]:
            raise ExerciseError("{by} is computed after {of}: did you mean d{by}/d{of}?", of=of, by=asked.by)
    elif asked.step:
        is_changed = of in exercise.parameters or of in exercise.states
        if of in exercise.given or (asked.is_parameter and not is_changed):
            raise ExerciseError("expected W+ of a name of [parameters], z' of one of [forward]; what is given stays")
        asked = asked._replace(is_parameter=is_changed)
    if asked.step and not exercise.steps:
        raise ExerciseError(
            "lr is missing: {name} comes after a step; write lr = 0.5 above the tables", name=str(asked)
        )
    if asked.step > exercise.steps:
        raise ExerciseError(
            "{name} comes after more updates than steps = {steps}", name=str(asked), steps=exercise.steps
        )
    return asked


def known(exercise: Exercise, name: str, meant: str | None = None) -> str:
    """The name of a number. Raises ExerciseError for another, with what was meant, by default the nearest."""
    array = array_of(name)
    if array in exercise.shapes and name not in exercise.positions and name not in exercise.states:
        shape = exercise.shapes[array]
        first = entry(array, (0,) * len(shape))
        raise ExerciseError(
            "{name} has the shape {shape}: expected one of its numbers, {first}", name=array, shape=shape, first=first
        )
    if name not in exercise.positions and name not in exercise.states:
        said = say("unknown name {name}{meant}; expected a name of the exercise, or dE/dW, W+, z' of such names")
        two = product(name, exercise.names) if meant is None else ""
        raise unknown(said, name, exercise.positions, two or meant)
    return name
