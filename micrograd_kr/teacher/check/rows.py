"""A row for each number of a sheet, with what explains a wrong one though no formula is mistaken: a slip, a program."""

import re
from collections.abc import Mapping
from dataclasses import replace

from micrograd_kr.said import say
from micrograd_kr.teacher.ask.exercise import parse_name
from micrograd_kr.teacher.ask.expressions import Symbol
from micrograd_kr.teacher.ask.quantity import Quantity
from micrograd_kr.teacher.ask.solution import Solution
from micrograd_kr.teacher.check.finite import Differences
from micrograd_kr.teacher.check.report import VERDICTS, WORKING, Note, Part, Row, few_decimals
from micrograd_kr.teacher.check.sheet import Sheet, in_float32
from micrograd_kr.teacher.check.worked import WorkedLine
from micrograd_kr.teacher.derive import notation
from micrograd_kr.teacher.derive.lines import changed

IN_FLOAT32 = Note("float32", say("this is the number in float32"))
ALL_IN_FLOAT32 = Note(
    "float32", say("These are float32 numbers of a program; --float32 (in Python float32=True) judges them as such.")
)
NOT_UPDATED = Note("not updated", say("this is the value before the update, and the gradient on the sheet changes it"))


def row_of(sheet: Sheet, name: str, line: WorkedLine | None = None) -> Row:
    """One number with its verdict, the worst of its own and its worked line's."""
    judged = sheet.judged[name]
    parts = line.parts() if line else None
    verdicts = [judged.verdict, *(part.verdict for part in parts or ())]
    worst = max([*verdicts, "wrong"] if line and line.slip else verdicts, key=VERDICTS.index)
    notes = list(line.notes()) if line else []
    if worst == "wrong" and judged.verdict in ("match", "rounding"):
        notes.append(WORKING)
    if worst == "undecided":
        notes.append(few_decimals(judged.decimals))
    difference, bound = judged.value - float(judged.written.number), judged.error + judged.unit
    formula = _formula(sheet.solution, name)
    written = judged.written.shown or judged.written.text
    return Row(name, formula, written, judged.value, difference, bound, worst, parts, notes=tuple(notes))


def explanations(sheet: Sheet, lines: Mapping[str, WorkedLine]) -> tuple[dict[str, tuple[Note, ...]], tuple[Note, ...]]:
    """What needs no mistake in a formula to be wrong, with what is to be said of it; and what is to be said of all."""
    wrong = {name: each for name, each in sheet.judged.items() if each.verdict == "wrong"}
    floats = in_float32(sheet.hands) & wrong.keys()
    if floats:
        anew = Sheet(sheet.solution, sheet.lines, float32=True).judged
        floats = {name for name in floats if anew[name].verdict != "wrong"}
    many = len(floats) > 1
    found: dict[str, tuple[Note, ...]] = dict.fromkeys(floats, () if many else (IN_FLOAT32,))
    differences = Differences(sheet.solution)
    for name, each in wrong.items():
        if name in lines and (lines[name].explains or each.decimals):
            found[name] = ()  # the row says so
        elif each.decimals:
            found[name] = (NOT_UPDATED,)
        elif name not in found and (note := differences.note(name, each.written)):
            found[name] = (note,)
    return found, (ALL_IN_FLOAT32,) if many else ()


def as_due(parts: tuple[Part, ...] | None) -> tuple[Part, ...] | None:
    """The parts of a line that was worked rightly from a wrong number."""
    return parts and tuple(replace(part, verdict="match", remedy=None) for part in parts)


def _formula(solution: Solution, name: str) -> str:
    """What stands in the formula column: a value's formula, a derivative's name, an update."""
    exercise = solution.exercise
    asked = parse_name(exercise, name)
    if asked.kind == "gradient":
        return notation.quantity(name)
    if asked.kind == "updated":
        parameter = exercise.changed_by(asked.of)[1]
        slope = Quantity(exercise.loss, parameter, asked.in_pass)
        return notation.text(changed(solution, asked, Symbol(str(slope), solution.value(slope)), "k"))
    text = exercise.forward[asked.of].text if asked.of in exercise.forward else asked.of

    def after(found: re.Match[str]) -> str:
        is_parameter = found[0] in exercise.parameters
        then = str(Quantity(found[0], step=asked.step, is_parameter=is_parameter))
        return notation.quantity(then) if is_parameter or found[0] in exercise.forward else found[0]

    return re.sub(r"[^\W\d]\w*(?:\[[0-9,]+\])?", after, text) if asked.step else text
