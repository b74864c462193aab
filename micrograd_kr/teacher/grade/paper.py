"""A paper: what one student handed in, judged number by number."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from micrograd_kr.said import Said, say
from micrograd_kr.teacher.ask.exercise import Exercise, parse_name
from micrograd_kr.teacher.ask.file import load
from micrograd_kr.teacher.ask.messages import ExerciseError, printable
from micrograd_kr.teacher.ask.solution import Solution, solve
from micrograd_kr.teacher.check.diagnosis import diagnosed
from micrograd_kr.teacher.check.forms import Forms
from micrograd_kr.teacher.check.report import Report, Row, decimal
from micrograd_kr.teacher.derive.lines import Lines
from micrograd_kr.teacher.grade.mistake import Mistake, mistake_of

DIGITS = 6  # decimals of what is due on a paper that has none
Outcome = Literal["right", "follows", "wrong", "undecided", "unreadable", "blank"]
OUTCOMES: dict[Outcome, Said] = {
    "right": say("right"),
    "follows": say("follows"),
    "wrong": say("wrong"),
    "undecided": say("undecided"),
    "unreadable": say("unreadable"),
    "blank": say("blank"),
}


@dataclass(frozen=True)
class Answer:
    """What was written for one quantity, and what is due. follows: the wrong number that it follows from."""

    outcome: Outcome
    hand: str
    due: str
    follows: str | None = None


@dataclass(frozen=True)
class Paper:
    """One file, judged.

    student, id: who it says it is of, else its own name. exercise: its title. sort: see `sort_of`. answers_to: the name
    of the exercise. numbers: those it starts from, drawn with the seed. answers: by quantity, in the order of the file,
    blanks included. keys: of these, as in `keys_of`. strays: names in [hand] that are no quantity's. mistakes: in the
    order of working, the first wrong number first. error: why the file cannot be judged; then there is nothing else.
    """

    file: str
    student: str
    id: str = ""
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
    answers, strays = _answers(solution, report)
    forms = Forms(solution, lines)
    return Paper(
        file,
        exercise.student or _own_name(file),
        exercise.id,
        exercise.title or exercise.name,
        sort_of(exercise),
        exercise.name,
        exercise.seed,
        numbers_of(exercise),
        answers,
        {name: forms.key(name) or name for name in answers},
        strays,
        tuple(map(mistake_of, report.roots)),
    )


def keys_of(exercise: Exercise) -> dict[str, str]:
    """What each quantity that an exercise asks for is one number with: ∂E_o1/∂o1 is ∂E_total/∂o1."""
    forms = Forms(solution := solve(exercise), Lines.of(solution))
    return {name: forms.key(name) or name for name in exercise.asked}


def numbers_of(exercise: Exercise) -> tuple[float, ...]:
    """What an exercise starts from."""
    return (*exercise.given.values(), *exercise.parameters.values(), exercise.lr or 0.0)


def sort_of(exercise: Exercise) -> tuple[str, ...]:
    """What exercises have in common that are one but for their numbers."""
    return exercise.title, exercise.loss, *(f"{name} = {formula}" for name, formula in exercise.written.items())


def unusable(file: str, why: Said) -> Paper:
    """The paper of a file that cannot be judged. why: with the file's name, to which its folder is put."""
    folder = Path(file).parent.as_posix()
    return Paper(file, _own_name(file), error=why if folder == "." else say("{folder}/{said}", folder=folder, said=why))


def _own_name(file: str) -> str:
    return printable(without_ending(Path(file).as_posix()))


def without_ending(file: str) -> str:
    return re.sub(r"(\.toml)?\.\w+$", "", file, flags=re.IGNORECASE)


def _answers(solution: Solution, report: Report) -> tuple[dict[str, Answer], tuple[str, ...]]:
    """What is answered or left blank, in the order of the file, and the names of what is no quantity."""
    exercise = solution.exercise
    digits = max((each.decimals for each in exercise.results), default=0) or DIGITS
    due = {name: decimal(solution.value(each), "0", digits) for name, each in exercise.asked.items()}
    answers, strays = {name: Answer("blank", "", due[name]) for name in due}, []
    for row in report.rows:
        try:
            name = str(parse_name(exercise, row.name))
        except ExerciseError:
            strays.append(row.name)
        else:
            answers[name] = Answer(_outcome(row), row.hand, due.get(name, ""), row.follows_from)
    return answers, tuple(strays)


def _outcome(row: Row) -> Outcome:
    match row.verdict:
        case "match" | "rounding":
            return "right"
        case "wrong":
            return "wrong" if row.follows_from is None else "follows"
    return row.verdict
