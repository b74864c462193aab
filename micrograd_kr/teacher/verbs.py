"""What is done with an exercise, or with a graph of Values: load, check, explain, draw.

Each verb takes an exercise, its name or its file, or a graph of Values; each loads what it needs when it is called.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from micrograd_kr.engine import Value
from micrograd_kr.teacher.ask.exercise import Exercise
from micrograd_kr.teacher.ask.file import load

if TYPE_CHECKING:
    from micrograd_kr.drawing import Drawing
    from micrograd_kr.teacher.check.report import Report
    from micrograd_kr.teacher.derive.explanation import Explanation
    from micrograd_kr.teacher.derive.labelled import Parameters

__all__ = ["check", "draw", "explain", "load", "program"]


def _exercise(asked: Any) -> Any:
    """The exercise that a name or a path stands for; anything else as it is."""
    return load(asked) if isinstance(asked, str | os.PathLike) else asked


def check(
    numbers: "Exercise | str | os.PathLike[str] | Mapping[str, Any]",
    loss: Value | None = None,
    *,
    lr: float | None = None,
    parameters: "Parameters" = None,
    float32: bool = False,
    lang: str = "en",
) -> "Report":
    """Judge every number of a person's, and explain the wrong ones.

    numbers: an exercise with its [hand] table, its name or its file. Or a dict from names to numbers, `loss` being the
    graph of labelled Values they are of: names are labels, dE/dW, W+ and z'; text counts decimals, "0.0800", a float
    has lost its zeros. Numbers of tensors are nested lists or arrays; they get verdicts, no causes.
    lr: the learning rate, for W+ and z'. parameters: Values or labels that a step changes; by default those with a W+
    among the numbers, and those whose labels differ from one of these only by an index. float32: the numbers are a
    program's, worked in floats of 32 bits: what that makes them differ by is rounding. lang: "en" or "ko", in which the
    report prints.

    A line of an exercise that cannot be read is a row of its own, "unreadable". Of a graph it is an ExerciseError, as a
    label is that is there twice.
    """
    from micrograd_kr.teacher.check import diagnosis

    report = diagnosis.check(_exercise(numbers), loss, lr=lr, parameters=parameters, float32=float32)
    return replace(report, lang=lang)


def explain(
    asked: "Exercise | str | os.PathLike[str] | Value", *names: Value | str, lr: float | None = None, lang: str = "en"
) -> "Explanation":
    """How quantities come about, by the chain rule, factor by factor.

    asked: an exercise, its name or its file, and names as on a sheet, dE/dW5, W5+, h1, z1'; without names everything,
    in the order of working. Or a scalar loss with a label, and labelled Values it is computed from, or their labels; by
    default all labelled leaves, after the forward pass. For tensors: the gradients as products of matrices.
    lr: the learning rate of a graph's update, if one is to be shown; an exercise has its own. lang: "en" or "ko", in
    which the explanation prints.

    Raises ExerciseError for what is no quantity of the exercise, ValueError for labels that are not one quantity's.
    """
    from micrograd_kr.teacher.derive import explanation

    exercise = _exercise(asked)
    if isinstance(exercise, Value):
        return replace(explanation.explain(exercise, *names, lr=lr), lang=lang)
    return replace(explanation.explain_exercise(exercise, *map(str, names)), lang=lang)


def program(asked: "Exercise | str | os.PathLike[str] | Value", inputs: Sequence[Value] = ()) -> str:
    """An exercise, its name or its file, or a graph of scalars as a Python program that runs by itself.

    inputs: of a graph, the leaves that it does not differentiate by; of an exercise what is given. How it is named and
    what it returns says `micrograd_kr.teacher.derive.program.program`.
    """
    from micrograd_kr.teacher.derive import program as written

    exercise = _exercise(asked)
    return written.of_exercise(exercise) if isinstance(exercise, Exercise) else written.program(exercise, inputs)


def draw(asked: "Exercise | str | os.PathLike[str] | Report | Value | Sequence[Value]", **options: Any) -> "Drawing":
    """The picture of an exercise (or its name, its file, the report on it), or of the graph below Values.

    options: of an exercise lang, second, digits, entries; of a graph notes, title, digits, limit, lang. See
    `micrograd_kr.teacher.show.picture.draw_exercise` and `micrograd_kr.drawing.draw`.
    """
    exercise = _exercise(asked)
    if isinstance(asked_of := getattr(exercise, "asked", None), Exercise):
        exercise, options = asked_of, {"report": exercise, **options}
    if isinstance(exercise, Exercise):
        from micrograd_kr.teacher.show.picture import draw_exercise

        return draw_exercise(exercise, **options)
    from micrograd_kr import drawing

    return drawing.draw(exercise, **options)
