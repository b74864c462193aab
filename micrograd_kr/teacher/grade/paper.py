"""A paper: what one student handed in, judged number by number; and each mistake in words that a class can share."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from micrograd_kr.said import Said, say
from micrograd_kr.teacher.ask.exercise import Exercise, parse_name
from micrograd_kr.teacher.ask.file import load
from micrograd_kr.teacher.ask.messages import ExerciseError, printable
from micrograd_kr.teacher.ask.solution import solve
from micrograd_kr.teacher.check.diagnosis import diagnosed
from micrograd_kr.teacher.check.forms import Forms
from micrograd_kr.teacher.check.report import Report, Row
from micrograd_kr.teacher.check.slips import OF_A_PEN
from micrograd_kr.teacher.derive.lines import Lines

Outcome = Literal["right", "follows", "wrong", "undecided", "unreadable", "blank"]
OUTCOMES: dict[Outcome, Said] = {
    "right": say("right"),
    "follows": say("follows"),
    "wrong": say("wrong"),
    "undecided": say("undecided"),
    "unreadable": say("unreadable"),
    "blank": say("blank"),
}
ASIDE = ("few digits", "fewer decimals", "working")  # notes that say nothing of what was done


@dataclass(frozen=True)
class Answer:
    """What was written for one quantity. follows: the wrong number that it follows from."""

    outcome: Outcome
    hand: str
    follows: str | None = None


@dataclass(frozen=True)
class Mistake:
    """A number that is wrong by itself, and what explains it.

    name, hand: the quantity, and what was written. said: what was done. shared: the same without indices and numbers,
    which is what others who did it have in common. sure: False where another mistake may come to this number, too.
    """

    name: str
    hand: str
    said: Said
    shared: Said
    sure: bool


@dataclass(frozen=True)
class Paper:
    """One file, judged.

    student: who it says it is of, else its own name. exercise: its title. sort: see `sort_of`. answers_to: the name of
    the exercise. seed, numbers: with which they were drawn, and those that it starts from. answers: by quantity, in the order of the file, blanks included. keys: of these, as in `keys_of`.
    strays: names in [hand] that are no quantity's. mistakes: in the order of working, the first wrong number first.
    error: why the file cannot be judged; then there is nothing else.
    """

    file: str
    student: str
    exercise: str = ""
    sort: tuple[str, ...] = ()
    answers_to: str = ""
    seed: int | None = None
    numbers: tuple[float, ...] = ()
    answers: Mapping[str, Answer] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)
    strays: tuple[str, ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    error: Said | None = None


def judged(path: Path, file: str) -> Paper:
    """The paper of a file, which is called so. One that cannot be used is a paper, too, with the reason why."""
    try:
        exercise = load(path)
        solution = solve(exercise)
        report = diagnosed(lines := Lines.of(solution), solution)
    except ExerciseError as error:
        return unusable(file, error.said)
    answers, strays = _answers(exercise, report)
    forms = Forms(solution, lines)
    return Paper(
        file,
        exercise.student or _own_name(file),
        exercise.title or exercise.name,
        sort_of(exercise),
        exercise.name,
        exercise.seed,
        (*exercise.given.values(), *exercise.parameters.values(), exercise.lr or 0.0),
        answers,
        {name: forms.key(name) or name for name in answers},
        strays,
        tuple(map(_mistake, report.roots)),
    )


def keys_of(exercise: Exercise) -> dict[str, str]:
    """What each quantity that an exercise asks for is one number with: ∂E_o1/∂o1 is ∂E_total/∂o1."""
    forms = Forms(solution := solve(exercise), Lines.of(solution))
    return {name: forms.key(name) or name for name in exercise.asked}


def sort_of(exercise: Exercise) -> tuple[str, ...]:
    """What exercises have in common that are one but for their numbers."""
    return exercise.title, exercise.loss, *(f"{name} = {formula}" for name, formula in exercise.written.items())


def unusable(file: str, why: Said) -> Paper:
    """The paper of a file that cannot be judged. why: with the file's name, to which its folder is put."""
    folder = Path(file).parent.as_posix()
    return Paper(file, _own_name(file), error=why if folder == "." else say("{folder}/{said}", folder=folder, said=why))


def _own_name(file: str) -> str:
    return printable(Path(file).with_suffix("").as_posix())


def _answers(exercise: Exercise, report: Report) -> tuple[dict[str, Answer], tuple[str, ...]]:
    """What is answered or left blank, in the order of the file, and the names of what is no quantity."""
    answers, strays = {name: Answer("blank", "") for name in exercise.asked}, []
    for row in report.rows:
        try:
            name = str(parse_name(exercise, row.name))
        except ExerciseError:
            strays.append(row.name)
        else:
            answers[name] = Answer(_outcome(row), row.hand, row.follows_from)
    return answers, tuple(strays)


def _outcome(row: Row) -> Outcome:
    match row.verdict:
        case "match" | "rounding":
            return "right"
        case "wrong":
            return "wrong" if row.follows_from is None else "follows"
    return row.verdict


def _mistake(row: Row) -> Mistake:
    sure = all(note.kind != "few digits" for note in row.notes)
    found = [(cause.kind, cause.said, cause.place) for cause in row.causes]
    remedies = (part.remedy for part in row.parts or () if part.verdict == "wrong" and part.remedy)
    found += [("working", say("in the working {remedy} is due", remedy=each), row.name) for each in remedies]
    found += [(note.kind, note.said, row.name) for note in row.notes if note.kind not in ASIDE]
    kind, said, place = [*found, ("no cause", say("no cause found"), row.name)][0]
    return Mistake(row.name, row.hand, said, SHORT.get(kind) or shared(said, place), sure)


# --- what those who make one mistake have in common -------------------------------------------------------------------

# Of these kinds each is one mistake, whatever it was made in.
SHORT: dict[str, Said] = {
    **dict.fromkeys(OF_A_PEN, say("a slip in writing")),
    "rounded": say("rounded too early"),
    "derivative": say("the function was used where its derivative is due"),
    "arithmetic": say("a slip in the arithmetic of a line"),
    "working": say("another number in the working than is due"),
}
INDICES = r"\[[0-9, ]+\]|(?<=[^\W\d])_?[0-9]+"  # of W5, W_5, E_o1 and W[0,1]; not the 1 of 1 − o1
NUMBERS = r"[−-]?[0-9]+\.[0-9]+(?:e[−+-]?[0-9]+)?|^(?:[2-9]|[1-9][0-9]+)$"
SINGULAR = {"s": "", "was": "was", "is_": "is", "has": "has", "its": "its"}
PLURAL = {"s": "s", "was": "were", "is_": "are", "has": "have", "its": "their"}


def shared(said: Said, place: str) -> Said:
    """A mistake without indices, numbers and where it was made: W5⁺ and W7⁺ for W5 and W7 is W⁺ for W."""
    for outer in ("mistake", "one", "sentence"):  # the mistake of one with its form, the first of two, it everywhere
        if isinstance(said.gaps.get(outer), Said):
            return shared(said.gaps[outer], place)
    listed = {name: _items(gap) for name, gap in said.gaps.items() if name in ("due", "done")}
    own = rf"(?<![^\W∂]){re.escape(place.rstrip('+'))}(?!\w)"
    if place.endswith("+") and all(re.search(own, " ".join(items)) for items in listed.values()):
        listed = {name: [re.sub(own, "p", each) for each in items] for name, items in listed.items()}
    common = {name: list(dict.fromkeys(map(bare, items))) for name, items in listed.items()}
    if "done" in common and common["done"] == common.get("due"):
        return say("{name} with another index was used", name=_listed(common["due"]))
    grammar = {name: each for name, each in said.gaps.items() if name in SINGULAR}
    if any(len(items) > 1 for items in listed.values()):
        grammar = PLURAL if any(len(items) > 1 for items in common.values()) else SINGULAR
    gaps = {name: _listed(items) for name, items in common.items()}
    return Said(said.text, dict.fromkeys(said.gaps, "…") | gaps | grammar)


def _items(gap: Any) -> list[str]:
    """What is listed in a gap, one after the other."""
    if isinstance(gap, Said):
        return [item for each in gap.gaps.values() for item in _items(each)]
    return str(gap).split(", ")


def _listed(items: list[str]) -> Said | str:
    return say("{first} and {last}", first=", ".join(items[:-1]), last=items[-1]) if len(items) > 1 else items[0]


def bare(text: str) -> str:
    """What a formula is but for its indices and numbers.

    >>> bare("∂E_o1/∂W5"), bare("1 − h12²"), bare("h_1 = 0.5199"), bare("3")
    ('∂E_o/∂W', '1 − h²', 'h = …', '…')
    """
    return re.sub(INDICES, "", re.sub(NUMBERS, "…", text))
