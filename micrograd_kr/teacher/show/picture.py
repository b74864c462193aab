"""An exercise as its textbook draws it, the hand numbers beside the engine's; and as a net to print on a worksheet."""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from textwrap import wrap
from typing import Literal

import graphviz
import numpy as np

from micrograd_kr import drawing
from micrograd_kr.drawing import ACROSS, BACK, INK, LONGEST, PILL, SOFT, cell, escaped, font, table
from micrograd_kr.said import check_language, say
from micrograd_kr.teacher.ask.arrays import array_of
from micrograd_kr.teacher.ask.exercise import Exercise, parse_name
from micrograd_kr.teacher.ask.number import to_its_end
from micrograd_kr.teacher.ask.quantity import Quantity
from micrograd_kr.teacher.ask.solution import Solution, solve
from micrograd_kr.teacher.check.diagnosis import diagnosed
from micrograd_kr.teacher.check.report import SAID, Report, Row, Verdict
from micrograd_kr.teacher.derive.lines import Lines
from micrograd_kr.teacher.derive.notation import subscripts, symbol
from micrograd_kr.teacher.show.diagram import Box, Diagram, Number, worked

MOST = 400  # quantities of an exercise; above that nobody finds a number, and Graphviz takes minutes
LINES = 6  # of a formula
PRINTED = 24  # quantities of a net in arrays that can be read on a sheet of paper
ENTRIES = 60  # quantities up to which an array is drawn entry by entry
MARKS: dict[Verdict, tuple[str, str]] = {
    "match": ("✓", "#15803d"),
    "rounding": ("≈", "#a16207"),
    "undecided": ("?", "#7c3aed"),
    "wrong": ("✗", "#c81e1e"),
}
# What a picture shows: the kinds of its numbers, each with its colour, its mark and what that means.
KINDS = {
    "value": (INK, "z", say("data forward")),
    "second": ("#5b6b82", "z′", say("after the update")),
    "local": ("#6b5ca5", "∂", say("local derivative")),
    "flow": (BACK, "←", say("gradient, flowing back (line width: its size)")),
    "gradient": (BACK, "Σ", say("contributions meet")),
}
PENCIL = "#33518f"  # hand numbers


def draw_exercise(
    exercise: Exercise,
    *,
    lang: str = "en",
    report: Report | None = None,
    second: bool = True,
    digits: int = 8,
    entries: bool | None = None,
) -> drawing.Drawing:
    """An exercise as its textbook draws it: inputs on the left, the loss on the right, the weights on their lines.

    Each quantity shows its value, its value in the second pass (z₁′, with the updated parameters W₁⁺) and its gradient;
    each line between two of them the local derivative and the contribution that flows back along it (←), its width
    growing with the contribution; Σ marks the gradients that contributions add up to. Under the engine's number stands
    the hand's, digit under digit, with its verdict: ✓ match, ≈ rounding, ? undecided, ✗ wrong.

    report: of `check`; by default the exercise's own hand numbers are checked. second: whether to show the second pass.
    digits: decimals shown. entries: whether an array is drawn entry by entry, or as one box with its shape; by default
    each entry where there are at most ENTRIES quantities. lang: "en" or "ko". Raises SaidError for another language,
    ExerciseError for an exercise of more than MOST quantities, and as `check` does.
    """
    check_language(lang)
    if entries is None:
        entries = not exercise.shapes or len(exercise.positions) <= ENTRIES
    solution, lines = worked(exercise, MOST if entries else len(exercise.positions))
    rows = (report or diagnosed(lines, solution)).read
    if not entries:
        return _draw_arrays(solution, rows, digits, lang)
    if not second:
        solution = replace(solution, passes=solution.passes[:1])
        rows = tuple(row for row in rows if not parse_name(exercise, row.name).step)
    diagram = Diagram(lines, solution, every_line=True)
    groups = {key: list(diagram.groups(box)) for key, box in diagram.boxes.items()}
    drawn = {number.key for each in groups.values() for group in each for number in group}
    by_hand: dict[str, Row] = {}
    for row in rows:
        key = diagram.key(row.name)
        if key not in drawn or by_hand.setdefault(key, row) is not row:  # it belongs to no line
            by_hand[row.name] = row
            asked = parse_name(exercise, row.name)
            kind: Literal["gradient", "second"] = "gradient" if asked.by else "second"  # or what an update remembers
            groups[diagram.home[asked.by or asked.of]].append([Number(row.name, kind, row.name, row.value)])
    dot = drawing.paper()
    if all(len(places) == 1 for _, places in diagram.routes):  # else a straight line would cross a column
        dot.attr(splines="line")
        dot.attr("edge", tailport="e", headport="w")
    numbers = [number for each in groups.values() for group in each for number in group]
    kinds = {number.kind for number in numbers if number.kind != "gradient" or number.mark}
    dot.attr(labelloc="t", label=_heading(solution, rows, kinds, digits, lang))
    nodes = {key: box.names[-1] if box.names else key for key, box in diagram.boxes.items()}
    for key in sorted(nodes, key=lambda key: exercise.positions.get(nodes[key], MOST)):
        box = diagram.boxes[key]
        shown = _rows(diagram, box, groups[key], by_hand, digits)
        dot.box(nodes[key], "root" if box.kind == "loss" else box.kind, shown, padding=0)
    _draw_lines(dot, diagram, nodes)
    return dot


def _draw_arrays(solution: Solution, rows: Sequence[Row], digits: int, lang: str) -> drawing.Drawing:
    """An exercise with one box for each array: its shape, its line, and how its hand numbers fare."""
    exercise = solution.exercise
    by_hand = defaultdict[str, list[Row]](list)
    for row in rows:
        asked = parse_name(exercise, row.name)
        of = asked.by or asked.of
        by_hand[array_of(exercise.changed_by(of)[1])].append(row)
    dot = drawing.paper()
    dot.by_array = True
    dot.attr(labelloc="t", label=_heading(solution, rows, (), digits, lang))
    for name, kind, used in _arrays(exercise):
        shape = exercise.shapes.get(name)
        number = str(shape) if shape else _decimals(solution.value(name), digits)
        dot.box(name, kind, _array_rows(f"{symbol(name)}  {number}", exercise.written.get(name, ""), by_hand[name]))
        for each in used:
            dot.edge(each, name)
    return dot


def _arrays(exercise: Exercise) -> Iterator[tuple[str, str, list[str]]]:
    """The arrays and single numbers of an exercise: name, kind, and which of them it is computed from."""
    names, given = dict.fromkeys(map(array_of, exercise.positions)), {*map(array_of, exercise.given)}
    for name in names:
        kind = "given" if name in given else "parameter"
        kind = "root" if name == exercise.loss else "computed" if name in exercise.written else kind
        used = dict.fromkeys(re.findall(r"[^\W\d]\w*", exercise.written.get(name, "")))
        yield name, kind, [each for each in used if each in names]


def _array_rows(title: str, formula: str, rows: Sequence[Row]) -> Iterator[str]:
    """An array's name and line, how many of its hand numbers match or do not, and the first that is wrong."""
    yield cell(font(escaped(title), INK, 13, "B"), ACROSS, 18)
    for part in _folded(formula):
        yield cell(font(part, SOFT, 9), ACROSS, 12)
    counts = Counter(row.verdict for row in rows)
    if rows:
        marks = [
            font(f"{mark} {counts[verdict]}", ink, 10) for verdict, (mark, ink) in MARKS.items() if counts[verdict]
        ]
        yield cell("&nbsp;&nbsp;".join(marks), ACROSS)
    for row in [row for row in rows if row.verdict == "wrong"][:1]:
        yield cell(font(escaped(symbol(row.name)), BACK, 9)) + cell(font(f"{row.value:.6g}", BACK))
        yield from _hand_rows(row)


def _draw_lines(dot: graphviz.Digraph, diagram: Diagram, nodes: Mapping[str, str]) -> None:
    """The lines between the boxes, and what keeps each column upright and in its order.

    A line's weight is how straight it lies: the net's the straighter the farther from the loss; what is given goes up
    or down with its outer line.
    """
    boxes, given = diagram.boxes, diagram.solution.exercise.given
    columns = [[key for key in column if key in boxes] for column in reversed(diagram.columns)]
    flows = {  # from a weight's box, what comes back to the weight
        (key, to): diagram.arcs[boxes[to].flow or box.local[0]][1] for key, box in boxes.items() for to in box.to
    }
    largest = max(map(abs, flows.values()), default=0.0)
    for i, column in enumerate(columns):
        for j, key in enumerate(column):
            box = boxes[key]
            start = (box.names or box.flow or [""])[0]
            outer = 0 if 2 * j < len(column) else len(box.to) - 1
            arrow = {} if box.flow else {"arrowhead": "none"}  # it does not arrive yet
            for k, to in enumerate(box.to):
                weight = 10 * (i + 2) if start not in given else 10 if k == outer else 5
                dot.edge(
                    nodes[key], nodes[to], weight=str(weight), **drawing.pen_width(flows[key, to], largest), **arrow
                )
    for column in columns:
        with dot.subgraph() as same:
            same.attr(rank="same")
            for key in column:
                same.node(nodes[key])
            for upper, lower in pairwise(column):
                same.edge(nodes[upper], nodes[lower], style="invis")  # of weight 1, which the lines outweigh


def _decimals(number: float, digits: int) -> str:
    """So many decimals, but none that say nothing (0.3, 715); very small and very large numbers in powers of ten."""
    if not np.isfinite(number) or (number and not 10.0 ** (2 - digits) <= abs(number) < 1e9):
        return f"{number:.{min(digits, 5)}g}"
    return to_its_end(number, digits) or f"{number:.{digits}f}"


def _formula(name: str, exercise: Exercise) -> str:
    """A line of the forward pass as a textbook sets it; nothing for what is given."""
    if name not in exercise.forward:
        return ""
    text = re.sub(r"\s*\*\*\s*([23])(?![\d.])", lambda found: "²³"[int(found[1]) - 2], exercise.forward[name].text)
    return symbol(name) + " = " + subscripts(re.sub(r"(?<!\*)\*(?!\*)", "·", text).replace("-", "−"))


def _folded(formula: str) -> list[str]:
    """A formula in as many lines as it needs, up to LINES."""
    return [escaped(part) for part in wrap(formula, LONGEST, break_long_words=False, max_lines=LINES, placeholder=" …")]


def _rows(
    diagram: Diagram, box: Box, groups: Sequence[Sequence[Number]], by_hand: Mapping[str, Row], digits: int
) -> Iterator[str]:
    """A box's quantities, then group by group each number, with the hand's right under it, digit under digit.

    A number that is given, and not by hand, stands beside the name and nowhere else.
    """
    title, first = " | ".join(map(symbol, box.names)), groups[0][0]
    in_title = box.kind in ("given", "parameter") and first.key not in by_hand
    if title:
        yield cell(font(escaped(title + f" = {first.value:g}" * in_title), INK, 13, "B"), ACROSS, 18)
    for i, group in enumerate(groups):
        if i:
            yield cell("", ACROSS, 4)
        for part in _folded(_formula(group[0].name, diagram.solution.exercise)):
            yield cell(font(part, SOFT, 8), ACROSS, 11)
        for key, kind, name, value, mark in group[in_title and i == 0 :]:
            row, (color, *_) = by_hand.get(key), KINDS[kind]
            label = escaped(mark + symbol(row.name if row else name))
            yield cell(font(f"{label}&nbsp;", color, 9)) + cell(font(_decimals(value, digits), color))
            if row:
                yield from _hand_rows(row)


def _hand_rows(row: Row) -> Iterator[str]:
    """The hand's number with its verdict, and what is wrong in a worked line."""
    mark, ink = MARKS[row.verdict]
    mark = font(f"{mark}&nbsp;", ink, 8, "B")
    back = ' BGCOLOR="#fbd5d5"' if row.verdict == "wrong" else ""
    yield cell(mark, f' ALIGN="RIGHT"{back}') + cell(font(escaped(row.hand), PENCIL, 10, "I"), f' ALIGN="LEFT"{back}')
    for part in row.parts or ():
        if part.verdict == "wrong":
            yield cell(mark + font(escaped(part.text), PENCIL, 8, "I"), f'{ACROSS} ALIGN="RIGHT"{back}')


def _heading(solution: Solution, rows: Sequence[Row], kinds: Collection[str], digits: int, lang: str) -> str:
    """The title, what each step did to the loss, and what the colours and marks mean, of the kinds that are drawn."""
    exercise, shown = solution.exercise, solution.shown
    losses = [_decimals(solution.passes[step][exercise.loss].data, digits) for step in shown]
    later = [symbol(str(Quantity("z", step=step))) for step in shown[1:]]
    if shown[-1] > 1:  # then it has to be said which is which
        names = [symbol(str(Quantity(exercise.loss, step=step))) for step in shown]
        losses = [losses[0], *(f"{name} = {number}" for name, number in zip(names[1:], losses[1:], strict=True))]
    result = f"{symbol(exercise.loss)} = {' → '.join(losses)}"
    if exercise.steps:  # else it may be a price
        result = f"{say('loss').in_(lang)} {result}"
    rate = f" ({say('learning rate').in_(lang)} {exercise.lr:g})" if later and exercise.lr else ""
    counts = Counter(row.verdict for row in rows)
    meanings = {kind: (mark, said) for kind, (_, mark, said) in KINDS.items() if kind in kinds}
    if shown[-1] > 1 and "second" in kinds:
        meanings["second"] = ", ".join(later), say("after the updates")
    legend = [font(f"{mark} {said.in_(lang)}", KINDS[kind][0], 9) for kind, (mark, said) in meanings.items()]
    if rows:
        legend.append(font(say("by hand").in_(lang), PENCIL, 9, "I"))
        shown_marks = {each: mark for each, mark in MARKS.items() if counts[each] or each != "undecided"}
        legend += [
            font(f"{mark} {SAID[each].in_(lang)} {counts[each]}", ink, 9) for each, (mark, ink) in shown_marks.items()
        ]
    lines = [
        font(escaped(exercise.title), INK, 14, "B"),
        font(result + rate, INK),
        "&nbsp; " + "&nbsp;&nbsp; ".join(legend) + "&nbsp; ",
    ]
    return table([cell(line, "", 16) for line in lines if line], PILL, 3)


def net(exercise: Exercise) -> graphviz.Digraph:
    """An exercise as a net to print on its worksheet: what it starts from, and none of the numbers to be worked.

    Where there is no room for every number of an array, each array is one node.
    """
    dot = graphviz.Digraph()
    dot.attr(rankdir="LR", nodesep="0.1", ranksep="0.3", bgcolor="transparent")
    dot.attr("node", shape="ellipse", fontname="sans-serif", fontsize="12", height="0.3", width="0.4", margin="0.04")
    dot.attr("edge", arrowsize="0.5", color="#777777")

    def start(node: str, name: str, number: float, **attributes: str) -> None:
        dot.node(node, f"{symbol(name)} = {number:.15g}".replace("-", "−"), **attributes)

    numbers = {**exercise.given, **exercise.parameters}
    styles = {"given": {"shape": "box"}, "parameter": {"shape": "plaintext", "fontsize": "10"}}
    if exercise.shapes and len(exercise.positions) > PRINTED:
        for name, kind, used in _arrays(exercise):
            style = styles.get(kind, {})
            if name in numbers:
                start(name, name, numbers[name], **style)
            else:
                dot.node(name, f"{symbol(name)}  {exercise.shapes.get(name, '')}".strip(), **style)
            for each in used:
                dot.edge(each, name)
        return dot
    solution = solve(exercise)
    diagram = Diagram(Lines.of(solution), solution, every_line=False)
    for name, number in exercise.given.items():
        start(name, name, number, **styles["given"])
    for key, box in diagram.boxes.items():
        if box.kind in ("computed", "loss"):
            dot.node(key, " → ".join(map(symbol, box.names)))
    for source, target in diagram.arcs:
        here, there = diagram.home[source], diagram.home[target]
        if source in exercise.parameters:
            here = f"{source} {target}"
            start(here, source, numbers[source], **styles["parameter"])
        if (source, target) in diagram.factors:
            dot.edge(here, f"{diagram.factors[source, target]} {target}", arrowhead="none")
        elif here != there:
            dot.edge(here, there)
    return dot
