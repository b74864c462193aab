"""An exercise as its textbook draws it, the hand numbers beside the engine's."""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from itertools import pairwise
from typing import NamedTuple

import graphviz
import numpy as np

from micrograd_kr.drawing import (
    BACK,
    FILLS,
    INK,
    PILL,
    SOFT,
    Drawing,
    DrawingError,
    cell,
    check_language,
    escaped,
    font,
    paper,
    pen_width,
    table,
)
from micrograd_kr.said import say
from micrograd_kr.teacher.ask.exercise import Exercise, parse_name
from micrograd_kr.teacher.ask.quantity import again, derivative, updated
from micrograd_kr.teacher.ask.solution import Solution, solve
from micrograd_kr.teacher.check.diagnosis import diagnosed
from micrograd_kr.teacher.check.report import SAID, Report, Row, Verdict
from micrograd_kr.teacher.derive.lines import Lines
from micrograd_kr.teacher.derive.notation import subscripts, symbol
from micrograd_kr.teacher.show.diagram import Plan, planned

MOST = 400  # quantities of an exercise; above that nobody finds a number, and Graphviz takes minutes


# --- an exercise, as its textbook draws it ----------------------------------------------------------------------------

MARKS: dict[Verdict, tuple[str, str]] = {
    "match": ("✓", "#15803d"),
    "rounding": ("≈", "#a16207"),
    "wrong": ("✗", "#c81e1e"),
}


COLORS = {"value": INK, "second": "#5b6b82", "gradient": BACK, "local": "#6b5ca5", "flow": BACK}


PENCIL = "#33518f"  # hand numbers


Key = tuple[str, str, str | None]  # a quantity's kind, of, by


class Entry(NamedTuple):
    """One number of a box: what it is called, its kind (a key of COLORS), its value, and the hand's number for it."""

    name: str
    kind: str
    value: float
    hand: Row | None


class Line(NamedTuple):
    """From a box to the next: where to, how much flowed back along it, and whether it arrives at a quantity."""

    to: str
    flow: float
    arrives: bool


@dataclass(frozen=True)
class Box:
    """A quantity, or what stands on the line between two.

    groups: its numbers, each group under a formula or "". lines: what leaves it.
    """

    kind: str
    title: str
    groups: list[tuple[str, list[Entry]]]
    lines: list[Line]


def draw_exercise(
    exercise: Exercise, *, lang: str = "en", report: Report | None = None, second: bool = True, digits: int = 8
) -> "Drawing":
    """An exercise as its textbook draws it: inputs on the left, the loss on the right, the weights on their lines.

    Each quantity shows its value, its value in the second pass (z₁′, with the updated parameters W₁⁺) and its gradient;
    each line between two of them the local derivative and the contribution that flows back along it (←), its width
    growing with the contribution; Σ marks the gradients that contributions add up to. Under the engine's number stands
    the hand's, digit under digit, with its verdict: ✓ match, ≈ rounding, ✗ wrong.

    report: of `check`; by default the exercise's own hand numbers are checked. second: whether to show the second pass.
    digits: decimals shown. lang: "en" or "ko". Raises DrawingError for another language, ExerciseError as `check` does.
    """
    check_language(lang)
    count = len(exercise.given) + len(exercise.parameters) + len(exercise.forward)
    if count > MOST:
        raise DrawingError(
            "expected an exercise of at most {most} quantities to draw, got {count}: draw a part of it",
            most=MOST,
            count=count,
        )
    solution = solve(exercise)
    lines = Lines.of(solution)
    rows = (report or diagnosed(lines, solution)).rows
    boxes = _boxes(planned(lines, solution), solution, {_key(exercise, row.name): row for row in rows}, second)
    dot = paper("")
    layers = _layers(boxes)
    if _is_layered(boxes, layers):  # then no straight line can cross a box
        dot.attr(splines="line")
        dot.attr("edge", tailport="e", headport="w")
    dot.attr(labelloc="t", label=_heading(exercise, solution, rows, second, digits, lang))
    for name, box in boxes.items():
        dot.node(name, table(_box_rows(box, digits), padding=0), fillcolor=FILLS[box.kind][0], color=FILLS[box.kind][1])
    _lines(dot, boxes, layers)
    return dot


def _lines(dot: graphviz.Digraph, boxes: Mapping[str, Box], layers: Sequence[Sequence[str]]) -> None:
    """The lines between the boxes, and what keeps each layer upright and in its order."""
    largest = max((abs(line.flow) for box in boxes.values() for line in box.lines), default=0.0)
    for i, layer in enumerate(layers):
        for name in layer:
            for line, weight in zip(
                boxes[name].lines, _weights(boxes[name], i, 2 * layer.index(name) < len(layer)), strict=True
            ):
                dot.edge(
                    name,
                    line.to,
                    weight=str(weight),
                    **pen_width(line.flow, largest),
                    **({} if line.arrives else {"arrowhead": "none"}),
                )
    for layer in layers:
        with dot.subgraph() as same:
            same.attr(rank="same")
            for name in layer:
                same.node(name)
            for upper, lower in pairwise(layer):
                same.edge(upper, lower, style="invis")  # of weight 1, which the lines outweigh


def _key(exercise: Exercise, name: str) -> Key:
    quantity = parse_name(exercise, name)
    return quantity.kind, quantity.of, quantity.by


def _boxes(plan: Plan, solution: Solution, sheet: dict[Key, Row], second: bool) -> dict[str, Box]:
    """Every box, quantities first, in the exercise's order; each hand number in the box of its quantity."""
    exercise = solution.exercise
    boxes: dict[str, Box] = {}
    for name in solution.before:
        if name in plan.pairs.values():
            continue
        kind = _kind(name, exercise)
        members = [plan.pairs[name], name] if name in plan.pairs else [name]
        groups = [
            (_formula(each, exercise), _quantity(each, exercise, solution, plan, sheet, second)) for each in members
        ]
        if len(members) == 2:
            groups.insert(1, ("", [_local(members[0], name, plan, sheet)]))
        title = " | ".join(map(symbol, members))
        if name not in exercise.forward and groups[0][1][0].hand is None:
            title += f" = {groups[0][1].pop(0).value:g}"
        boxes[name] = Box(kind, title, groups, [])
    own_first = sorted(plan.arcs.items(), key=lambda arc: arc[0][0] not in plan.weights.values())
    for (s, t), (_, flow) in own_first:
        if plan.pairs.get(t) == s:
            continue
        on_line = s in plan.weights.values()
        stop = plan.home(s) if on_line else plan.weights.get((s, t), f"{s} {t}")
        if not on_line:
            boxes[plan.home(s)].lines.append(Line(stop, flow, False))
        arc = [_local(s, t, plan, sheet)] + [_flow(s, t, exercise, plan, sheet)] * (not on_line)
        boxes.setdefault(stop, Box("side" if s in exercise.given else "line", "", [], [])).groups.append(("", arc))
        if on_line or (s, t) not in plan.weights:
            boxes[stop].lines.append(Line(plan.home(t), flow, True))
    for (kind, of, by), row in sheet.items():  # what belongs to no line
        if second or kind not in ("second", "updated"):
            boxes[plan.home(by or of)].groups.append(("", [Entry(symbol(row.name), "gradient", row.value, row)]))
    return boxes


def _kind(name: str, exercise: Exercise) -> str:
    if name in exercise.forward:
        return "root" if name == exercise.loss else "computed"
    return "given" if name in exercise.given else "parameter"


def _quantity(
    name: str, exercise: Exercise, solution: Solution, plan: Plan, sheet: dict[Key, Row], second: bool
) -> list[Entry]:
    """The numbers of a quantity: its value, what it is after the update, its gradient."""
    found = [Entry(symbol(name), "value", solution.before[name].data, sheet.pop(("value", name, None), None))]
    if second and name in solution.updated:
        hand = sheet.pop(("updated", name, None), None)
        found.append(Entry(symbol(updated(name)), "second", solution.updated[name], hand))
    elif second and solution.after and name in exercise.forward:
        hand = sheet.pop(("second", name, None), None)
        found.append(Entry(symbol(again(name)), "second", solution.after[name].data, hand))
    sigma = "Σ " if len(plan.users[name]) > 1 else ""
    hand = sheet.pop(("gradient", exercise.loss, name), None)
    gradient = solution.gradients.get(name, 0.0)
    return [*found, Entry(sigma + symbol(derivative(exercise.loss, name)), "gradient", gradient, hand)]


def _local(s: str, t: str, plan: Plan, sheet: dict[Key, Row]) -> Entry:
    """The local derivative of t by s; a hand number, a total derivative, only where s has no other way to t."""
    hand = ("gradient", t, s)
    alone = hand in sheet and not any((s2, t) in plan.arcs for s2 in plan.reaches(s) - {s})
    return Entry(symbol(derivative(t, s)), "local", plan.arcs[s, t][0], sheet.pop(hand) if alone else None)


def _flow(s: str, t: str, exercise: Exercise, plan: Plan, sheet: dict[Key, Row]) -> Entry:
    """What flows from t back to s, under the hand's name for it: dA/ds, where A depends on s through t alone."""
    flow = plan.arcs[s, t][1]
    for (kind, a, by), row in sheet.items():
        is_derivative = kind == "gradient" and by == s and abs(row.value - flow) <= 1e-12 * abs(flow)
        if is_derivative and [t] == [each for each in plan.users[s] if a in plan.reaches(each)]:
            return Entry("← " + symbol(row.name), "flow", flow, sheet.pop((kind, a, by)))
    return Entry(f"← {symbol(s)}", "flow", flow, None)


def _decimals(number: float, digits: int) -> str:
    """So many decimals, but none that say nothing (0.3, 715); very small and very large numbers in powers of ten."""
    if not np.isfinite(number) or (number and not 10.0 ** (2 - digits) <= abs(number) < 1e9):
        return f"{number:.{min(digits, 5)}g}"
    fixed = f"{number:.{digits}f}"
    short = fixed.rstrip("0").rstrip(".") if digits else fixed
    return short if abs(float(short) - number) <= 4 * math.ulp(number) else fixed


def _formula(name: str, exercise: Exercise) -> str:
    """A line of the forward pass as a textbook sets it; nothing for what is given."""
    if name not in exercise.forward:
        return ""
    text = re.sub(r"\s*\*\*\s*([23])(?![\d.])", lambda found: "²³"[int(found[1]) - 2], exercise.forward[name].text)
    return symbol(name) + " = " + subscripts(re.sub(r"(?<!\*)\*(?!\*)", "·", text).replace("-", "−"))


def _box_rows(box: Box, digits: int) -> list[str]:
    """The title, then group by group each number, with the hand's right under it, digit under digit."""
    across = ' COLSPAN="2"'
    rows = [cell(font(escaped(box.title), INK, 13, "B"), across, 18)] if box.title else []
    for i, (formula, entries) in enumerate(box.groups):
        if rows and i:
            rows.append(cell("", across, 4))
        if formula:
            rows.append(cell(font(escaped(formula), SOFT, 8), across, 11))
        for entry in entries:
            rows += _entry_rows(entry, digits)
    return rows


def _entry_rows(entry: Entry, digits: int) -> list[str]:
    color = COLORS[entry.kind]
    number = cell(font(_decimals(entry.value, digits), color))
    rows = [cell(font(escaped(entry.name) + "&nbsp;", color, 9)) + number]
    if entry.hand:
        mark, ink = MARKS[entry.hand.verdict]
        back = ' BGCOLOR="#fbd5d5"' if entry.hand.verdict == "wrong" else ""
        hand = cell(font(escaped(entry.hand.hand), PENCIL, 10, "I"), f' ALIGN="LEFT"{back}')
        rows.append(cell(font(mark + "&nbsp;", ink, 8, "B"), f' ALIGN="RIGHT"{back}') + hand)
        for part in entry.hand.parts or ():
            if part.verdict == "wrong":
                text = font(f"{mark}&nbsp;", ink, 8, "B") + font(escaped(part.text), PENCIL, 8, "I")
                rows.append(cell(text, f' COLSPAN="2" ALIGN="RIGHT"{back}'))
    return rows


def _layers(boxes: Mapping[str, Box]) -> list[list[str]]:
    """The boxes by their distance from the loss, each layer in the order of what its boxes lead to."""
    layer: dict[str, int] = {}
    onward = {name: [line.to for line in box.lines] for name, box in boxes.items()}
    for name in TopologicalSorter(onward).static_order():
        layer[name] = max((layer[line.to] + 1 for line in boxes[name].lines), default=0)
    layers: list[list[str]] = [[] for _ in range(max(layer.values(), default=-1) + 1)]
    for name in boxes:
        layers[layer[name]].append(name)
    place: dict[str, float] = {}
    for names in layers:
        names.sort(key=lambda name: sum(place[line.to] for line in boxes[name].lines) / max(len(boxes[name].lines), 1))
        place |= {name: i / len(names) for i, name in enumerate(names)}
    return layers


def _weights(box: Box, layer: int, upper: bool) -> list[int]:
    """How straight the lines of a box are to lie.

    The net's the straighter the farther from the loss; what is given goes up or down with its outer line.
    """
    if box.kind not in ("given", "side"):
        return [10 * (layer + 2)] * len(box.lines)
    outer = 0 if upper else len(box.lines) - 1
    return [10 if i == outer else 5 for i in range(len(box.lines))]


def _is_layered(boxes: Mapping[str, Box], layers: Sequence[Sequence[str]]) -> bool:
    """Whether every line goes to the next layer."""
    layer = {name: i for i, names in enumerate(layers) for name in names}
    return all(layer[name] == layer[line.to] + 1 for name, box in boxes.items() for line in box.lines)


def _heading(exercise: Exercise, solution: Solution, rows: Sequence[Row], second: bool, digits: int, lang: str) -> str:
    """The title, what the step did to the loss, and what the colours and marks mean."""
    loss = f"{say('loss').in_(lang)} {symbol(exercise.loss)} = {_decimals(solution.before[exercise.loss].data, digits)}"
    if second and solution.after:
        after, rate = _decimals(solution.after[exercise.loss].data, digits), say("learning rate").in_(lang)
        loss += f" → {after} ({rate} {exercise.lr:g})"
    counts = Counter(row.verdict for row in rows)
    legend = [font(f"z {say('data forward').in_(lang)}", COLORS["value"], 9)]
    if second and solution.after:
        legend.append(font(f"z′ {say('after the update').in_(lang)}", COLORS["second"], 9))
    legend.append(font(f"∂ {say('local derivative').in_(lang)}", COLORS["local"], 9))
    legend.append(font(f"← {say('gradient, flowing back (line width: its size)').in_(lang)}", COLORS["flow"], 9))
    legend.append(font(f"Σ {say('contributions meet').in_(lang)}", COLORS["gradient"], 9))
    if rows:
        legend.append(font(say("by hand").in_(lang), PENCIL, 9, "I"))
        legend += [font(f"{MARKS[each][0]} {SAID[each].in_(lang)} {counts[each]}", MARKS[each][1], 9) for each in MARKS]
    lines = [
        font(escaped(exercise.title), INK, 14, "B"),
        font(loss, INK),
        "&nbsp; " + "&nbsp;&nbsp; ".join(legend) + "&nbsp; ",
    ]
    return table([cell(line, "", 16) for line in lines if line], PILL, 3)
