"""The picture: what it says is read back from its DOT text and compared with the engine.

The text of some pictures is kept in tests/drawing/golden. After a change that is meant, write it anew and look at it:

    MICROGRAD_KR_WRITE_GOLDEN=1 pytest tests/drawing
"""

import html
import math
import os
import re
import sys
import warnings
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import graphviz
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import TABLE, VALUE_FUNCTIONS, Graph, Row, graphs

import micrograd_kr.drawing as drawing
from micrograd_kr import Value, check, explain, no_grad, program
from micrograd_kr.drawing import DrawingError, RendererMissing, draw, render
from micrograd_kr.engine import inputs_first
from micrograd_kr.files import FileError
from micrograd_kr.said import SaidError, say
from micrograd_kr.teacher.ask.file import built_in, load
from micrograd_kr.teacher.ask.messages import ExerciseError
from micrograd_kr.teacher.ask.solution import solve
from micrograd_kr.teacher.derive.lines import Lines
from micrograd_kr.teacher.derive.notation import symbol
from micrograd_kr.teacher.show import picture as of_exercise
from micrograd_kr.teacher.show.diagram import Diagram
from micrograd_kr.teacher.show.picture import draw_exercise

GOLDEN = Path(__file__).parent / "golden"


# --- reading a picture back -------------------------------------------------------------------------------------------


class Edge(NamedTuple):
    source: str
    target: str
    texts: list[str]
    attributes: str


class Picture(NamedTuple):
    nodes: dict[str, list[list[str]]]  # name: rows of cells, as text
    edges: list[Edge]


def rows_of(label: str) -> list[list[str]]:
    cells = (re.findall(r"<TD[^>]*>(.*?)</TD>", row) for row in re.findall(r"<TR>(.*?)</TR>", label))
    return [[shown(cell) for cell in row] for row in cells]


def shown(cell: str) -> str:
    """The text a reader sees."""
    plain = re.sub(r"<[^>]*>", "", cell.replace("<BR/>", "\n"))
    return html.unescape(plain).replace("\\\\", "\\").replace("\xa0", " ").strip()


def read(dot: graphviz.Digraph) -> Picture:
    nodes, edges = {}, []
    name = r'("(?:[^"\\]|\\.)*"|[^\s"\[]+)'
    for line in dot.source.splitlines():
        if edge := re.match(rf"\s*{name} -> {name}(.*)", line):
            source, target, rest = (each.strip('"') for each in edge.groups())
            edges.append(Edge(source, target, [row[0] for row in rows_of(rest)], rest))
        elif node := re.match(rf"\s*{name} \[(label=<.*)", line):
            nodes[node[1].strip('"')] = rows_of(node[2])
    return Picture(nodes, [edge for edge in edges if "invis" not in edge.attributes])


def fact(rows: list[list[str]], name: str) -> str | None:
    return next((row[1] for row in rows if len(row) == 2 and row[0] == name), None)


def flows(picture: Picture, source: str) -> list[float]:
    return [float(text[1:]) for edge in picture.edges if edge.source == source for text in edge.texts if text[0] == "←"]


def half_a_unit(number: float, digits: int) -> float:
    """Of the last digit shown."""
    return 0.5 * 10.0 ** (math.floor(math.log10(abs(number))) - digits + 1) if number else 0.0


def same_as_golden(dot: graphviz.Digraph, name: str) -> bool:
    path = GOLDEN / name
    if os.environ.get("MICROGRAD_KR_WRITE_GOLDEN"):
        path.write_text(dot.source, encoding="utf-8")
    return path.read_text(encoding="utf-8") == dot.source


def neuron() -> Value:
    x, w, b = Value(3.0, "x"), Value(-2.0, "w"), Value(5.5, "b")
    h = (w * x + b).tanh()
    h.label = "h"
    y = h * h + 2 * x
    y.label = "y"
    return y


# --- a graph ----------------------------------------------------------------------------------------------------------


def test_the_text_of_a_small_graph_is_as_kept() -> None:
    y = neuron()
    y.backward()
    assert same_as_golden(draw(y, notes={"h": "the neuron"}, title="y = tanh(wx + b)² + 2x"), "neuron.dot")


def test_a_picture_drawn_twice_is_the_same_text() -> None:
    assert draw(neuron()).source == draw(neuron()).source


@settings(max_examples=60)
@given(graph=graphs(), passes=st.integers(1, 2), digits=st.sampled_from([4, 10]))
def test_the_contributions_shown_add_up_to_the_gradient_shown(graph: Graph, passes: int, digits: int) -> None:
    y = graph(*(Value(float(np.ravel(each)[0])) for each in graph.inputs), functions=VALUE_FUNCTIONS)
    for _ in range(passes):
        y.backward()
    picture = read(draw(y, digits=digits))
    for name, rows in picture.nodes.items():
        gradient = fact(rows, "gradient") or fact(rows, "Σ gradient")
        if gradient is None or name == list(picture.nodes)[-1 - sum(each[0] == "c" for each in picture.nodes)]:
            continue  # a constant, or the root
        rest = fact(rows, "from other passes")
        arrived = flows(picture, name) + [float(each) for each in [rest] if each is not None]
        allowed = sum(half_a_unit(each, digits) for each in [float(gradient), *arrived])
        assert abs(math.fsum(arrived) - float(gradient)) <= allowed + 1e-12 * sum(map(abs, arrived))
        assert ("Σ gradient" in str(rows)) == (len(arrived) > 1)


@settings(max_examples=40)
@given(graph=graphs())
def test_one_pass_leaves_nothing_unexplained_in_tensors_either(graph: Graph) -> None:
    y = graph(*map(Value, graph.inputs), functions=VALUE_FUNCTIONS).sum()
    y.backward()
    assert "from other passes" not in draw(y).source


@pytest.mark.parametrize("row", [row for row in TABLE if row.rule.dx is not None], ids=lambda row: row.name)
def test_every_operation_is_drawn_with_its_symbol_and_its_contributions(row: Row) -> None:
    inputs = [Value(each) for each in row.sample.inputs]
    y = row.call(*inputs, **row.sample.options)
    root = (y[0] if isinstance(y, list) else y).sum()
    root.backward()
    source = draw(root).source
    assert html.escape(row.rule.symbol) in source
    assert "from other passes" not in source
    drawn = inputs_first(root)
    edges = drawing.edges_of(list(drawn), drawn)
    for each in inputs:
        if each in drawn:
            total = sum(arc.flow for arc in edges if arc.source is each)
            np.testing.assert_allclose(total, each.grad, rtol=1e-12)


def test_a_wrong_gradient_on_a_node_is_seen_in_the_picture() -> None:
    y = neuron()
    y.backward()
    assert "from other passes" not in draw(y).source
    h = y.x.x
    h.grad += 0.25
    picture = read(draw(y))
    (rows,) = [rows for rows in picture.nodes.values() if rows[0] == ["tanh  h"]]
    assert fact(rows, "from other passes") == "0.25"


def test_a_second_backward_is_shown_as_another_pass() -> None:
    x = Value(3.0, "x")
    y = x * x
    y.backward()
    y.backward()
    rows = read(draw(y)).nodes["n0"]
    assert (fact(rows, "Σ gradient"), fact(rows, "from other passes")) == ("12", "6")


def test_both_edges_of_a_square_are_drawn() -> None:
    x = Value(3.0, "x")
    y = x * x
    y.backward()
    picture = read(draw(y))
    assert [(edge.source, edge.target, edge.texts) for edge in picture.edges] == [("n0", "n1", ["∂ 3", "← 3"])] * 2
    assert fact(picture.nodes["n0"], "Σ gradient") == "6"


def test_before_backward_no_gradient_is_shown() -> None:
    picture = read(draw(neuron()))
    assert all(len(edge.texts) < 2 and "penwidth" not in edge.attributes for edge in picture.edges)
    assert all(fact(rows, "gradient") == "not computed" for name, rows in picture.nodes.items() if name[0] == "n")
    assert "∂ -2" in draw(neuron()).source


def test_a_wider_line_carries_more() -> None:
    x, z = Value(1.0), Value(1.0)
    y = 9 * x + z
    y.backward()
    widths = re.findall(r"penwidth=([0-9.]+)", draw(y).source)
    assert widths == ["5.00", "2.33", "2.33"]  # 1 + 4·√(1/9)


def test_constants_are_set_apart() -> None:
    picture = read(draw(2 * Value(3.0)))
    assert picture.nodes["c0"] == [["2"]]
    assert [edge.texts for edge in picture.edges if edge.source == "c0"] == [[]]


def test_a_tensor_is_shown_as_shape_mean_and_spread() -> None:
    w = Value([[1.0, 2.0], [3.0, 6.0]], "w")
    w.sum().backward()
    assert fact(read(draw(w)).nodes["n0"], "data") == "[2×2] mean 3 std 1.871"
    assert fact(read(draw(w, lang="ko")).nodes["n0"], "기울기") == "[2×2] 평균 1 표준편차 0"


@pytest.mark.parametrize("data", [np.zeros((0, 3)), np.array([np.inf, -np.inf]), np.array([np.nan]), np.inf, np.nan])
def test_numbers_that_are_none_are_drawn_without_a_warning(data: Any) -> None:
    with np.errstate(all="ignore"):
        y = (Value(data, "x") * 2).sum()
    y.backward()
    assert "n2" in draw(y).source


def test_data_that_was_set_since_is_shown_beside_what_was_computed_with() -> None:
    w = Value(2.0, "w")
    y = w * w
    w.data = 5.0
    rows = read(draw(y)).nodes["n0"]
    assert (fact(rows, "data"), fact(rows, "computed with")) == ("5", "2")
    assert [edge.texts for edge in read(draw(y)).edges] == [["∂ 2"]] * 2


def test_several_roots_share_one_picture() -> None:
    x = Value(2.0, "x")
    picture = read(draw([x * 3, x + x]))
    assert [name for name in picture.nodes if name[0] == "n"] == ["n0", "n1", "n2"]
    assert sum(edge.source == "n0" for edge in picture.edges) == 3


def test_a_graph_can_be_drawn_where_nothing_is_recorded() -> None:
    y = neuron()
    y.backward()
    with no_grad():
        inside = draw(y).source
    assert inside == draw(y).source


def test_a_large_graph_is_folded_to_its_labelled_nodes_and_still_adds_up() -> None:
    x, w = Value(3.0, "x"), Value(-2.0, "w")
    q = x
    for _ in range(50):
        q = q * 1.01 + w
    q.label = "q"
    y = q * x * x
    y.backward()
    picture = read(draw(y, limit=20))
    assert picture.nodes["folded"] == [["100 of 104 nodes folded away: above 20 only labelled nodes are drawn (4)"]]
    assert len([name for name in picture.nodes if name[0] == "n"]) == 4
    assert "from other passes" not in draw(y, limit=20).source
    assert "folded" not in draw(y, limit=200).source


def test_a_folded_operation_says_what_it_is_made_of() -> None:
    y, t = Value(0.6, "y"), Value(1.0, "t")
    half = (y - t) ** 2 / 2
    half.label = "E"
    picture = read(draw(half, limit=3))
    assert picture.nodes["n2"][:2] == [["E"], ["= (y − t)² ÷ 2"]]
    assert [(edge.source, edge.target) for edge in picture.edges] == [("n0", "n2"), ("n1", "n2")]
    assert read(draw(half)).nodes["n4"][0] == ["÷  E"]


def test_a_formula_of_what_is_folded_has_the_brackets_it_needs() -> None:
    a, b, c = Value(2.0, "a"), Value(3.0, "b"), Value(5.0, "c")
    for y, text in [
        (a - (b - c), "a − (b − c)"),
        (a - b - c, "a − b − c"),
        ((a + b) * c, "(a + b) × c"),
        (a / (b * c), "a ÷ (b × c)"),
        ((a**b) ** c, "(a ** b) ** c"),
        (-2.0 * a + b, "(-2) × a + b"),
        ((a * b).tanh() ** 3, "tanh(a × b)³"),
        ((a + b) * (a + b) * (a + b) * (a + b) * (a + b) * (a + b) * (a + b) + c, "f(a, b, c)"),
    ]:
        assert ["= " + text] in list(read(draw(y, limit=3)).nodes.values())[-1]


def test_a_leaf_without_a_label_is_folded_into_a_formula_as_its_number() -> None:
    a = Value(2.0, "a")
    y = a * Value(3.0)
    y.label = "y"
    picture = read(draw(y * a, limit=3))
    assert picture.nodes["n1"][:2] == [["y"], ["= a × 3"]]
    assert [(edge.source, edge.target) for edge in picture.edges] == [("n0", "n1"), ("n1", "n2"), ("n0", "n2")]


def test_what_is_folded_gives_one_edge_to_each_of_those_computed_from_it() -> None:
    x = Value(3.0, "x")
    inner = x * x
    y, z = inner + x, inner * 2
    y.label, z.label = "y", "z"
    root = y + z
    root.backward()
    picture = read(draw(root, limit=4))
    assert [(edge.source, edge.target, edge.texts) for edge in picture.edges] == [
        ("n0", "n1", ["∂ 1", "← 1"]),
        ("n0", "n1", ["∂ 6", "← 6"]),
        ("n0", "n2", ["∂ 12", "← 12"]),
        ("n1", "n3", ["∂ 1", "← 1"]),
        ("n2", "n3", ["∂ 1", "← 1"]),
    ]
    assert "from other passes" not in str(picture.nodes)


def test_of_too_many_labelled_nodes_the_nearest_to_the_root_are_drawn() -> None:
    y = Value(1.0, "v0")
    for k in range(1, 40):
        y = y + 1.0
        y.label = f"v{k}"
    y = y * 2
    titles = [rows[0][0].split()[-1] for name, rows in read(draw(y, limit=5)).nodes.items() if name[0] == "n"]
    assert titles == ["v35", "v36", "v37", "v38", "v39", "×"]


def test_a_graph_of_doublings_is_folded_in_no_time() -> None:
    x = Value(1.0, "x")
    y = x
    for _ in range(200):
        y = y + y
    y.backward()
    (edge,) = read(draw(y)).edges
    assert edge.texts == ["∂ 1.607e+60", "← 1.607e+60"]


@pytest.mark.parametrize("wrong", [3.0, [], [Value(1.0), 2.0], "y"])
def test_what_is_no_value_is_refused(wrong: Any) -> None:
    with pytest.raises(DrawingError, match=r"expected a Value"):
        draw(wrong)


def test_another_language_is_refused() -> None:
    with pytest.raises(SaidError, match="expected a language, 'en' or 'ko', got 'fr'"):
        draw(Value(1.0), lang="fr")


# --- text -------------------------------------------------------------------------------------------------------------

LABELS = [
    'C:\\new "quoted" \\N \\G \\',
    "a <b>bold</b> & &amp; -> b",
    "first\nsecond\tthird",
    "한글 🙂 é",
    "]]> --> <!-- <?x ?>",
    "x" * 10_000,
    "\x00\x07\x1b[31m\ud800\ufffe",
    "<>",
    "n0:port [label=1]; }",
]


@pytest.mark.parametrize("label", LABELS, ids=range(len(LABELS)))
def test_any_label_is_one_text_in_dot_and_in_svg(label: str, tmp_path: Path) -> None:
    y = Value(1.0, label) * 2
    y.label = "y"
    dot = draw(y, title=label, notes={"y": label})
    (title, *_) = read(dot).nodes["n0"][0]
    assert len(title) <= drawing.LONGEST
    if len(label) <= drawing.LONGEST and "\x00" not in label:
        assert title == label.replace("\t", " ").strip()
    pytest.importorskip("pygraphviz")
    svg = ElementTree.parse(render(dot, tmp_path / "y.svg")).getroot()
    texts = [each.text or "" for each in svg.iter("{http://www.w3.org/2000/svg}text")]
    assert texts.count(drawn_line(label)) == 3  # title, label and note


def drawn_line(label: str) -> str:
    """The first line of a label, cut and cleaned as a picture has it."""
    text = label if len(label) <= drawing.LONGEST else label[: drawing.LONGEST - 1] + "…"
    return "".join("\ufffd" if each in "\x00\x07\x1b\ud800\ufffe" else each for each in text).split("\n")[0]


# --- an exercise ------------------------------------------------------------------------------------------------------

every_exercise = pytest.mark.parametrize("name", built_in())


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_the_text_of_the_chapters_picture_is_as_kept(lang: str) -> None:
    assert same_as_golden(draw_exercise(load("chapter7"), lang=lang), f"chapter7.{lang}.dot")


def pairs(dot: graphviz.Digraph) -> list[tuple[str, str, str, str]]:
    """Every number of a person's in a picture: name, the engine's number, mark, the person's number."""
    found = []
    for rows in read(dot).nodes.values():
        for above, below in pairwise(rows):
            if len(below) == 2 and below[0] in ("✓", "≈", "?", "✗"):
                found.append((above[0].removeprefix("Σ ").removeprefix("← "), above[1], below[0], below[1]))
    return found


@every_exercise
def test_every_hand_number_stands_once_under_the_engines_with_its_verdict(name: str) -> None:
    exercise = load(name)
    rows = check(exercise).rows
    marks = {verdict: mark for verdict, (mark, _) in of_exercise.MARKS.items()}
    expected = {(symbol(row.name), marks[row.verdict], row.hand): row.value for row in rows}
    found = pairs(draw_exercise(exercise))
    assert sorted((name, mark, hand) for name, _, mark, hand in found) == sorted(expected)
    for quantity, number, mark, hand in found:
        assert float(number) == pytest.approx(expected[quantity, mark, hand], abs=0.51e-8)


@pytest.mark.parametrize(("lang", "word"), [("en", "undecided"), ("ko", "판정 불가")])
def test_a_number_that_tells_nothing_has_a_mark_of_its_own(lang: str, word: str) -> None:
    exercise = replace(load("chapter7"), hand={"h1": "1", "z1": "0.08"})
    dot = draw_exercise(exercise, lang=lang)
    assert sorted((name, mark, hand) for name, _, mark, hand in pairs(dot)) == [("h₁", "?", "1"), ("z₁", "✓", "0.08")]
    assert f"? {word} 1" in dot.source
    assert word not in draw_exercise(load("chapter7"), lang=lang).source


def test_the_chapters_forty_numbers_are_all_in_its_picture() -> None:
    found = {(name, hand) for name, _, mark, hand in pairs(draw_exercise(load("chapter7"))) if mark == "✓"}
    assert len(found) == 40
    assert {
        ("z₁", "0.08"),
        ("∂E_total/∂o₁", "0.20944600"),
        ("∂o₁/∂z₃", "0.23802157"),
        ("∂z₃/∂W₅", "0.51998934"),
        ("∂E_o₁/∂h₁", "0.02243370"),
        ("∂E_o₂/∂h₁", "0.00997311"),
        ("∂E_total/∂h₁", "0.03240681"),
        ("∂E_total/∂W₁", "0.00080888"),
        ("W₁⁺", "0.29959556"),
        ("E_total′", "0.02323634"),
    } <= found


@every_exercise
def test_the_contributions_to_a_quantity_add_up_to_its_gradient(name: str) -> None:
    rows_of_picture = read(draw_exercise(load(name))).nodes
    exercise = load(name)
    solution = solve(exercise)
    arcs = Diagram(Lines.of(solution), solution, every_line=True).arcs
    for quantity in solution.before:
        if quantity != exercise.loss:
            total = math.fsum(flow for (source, _), (_, flow) in arcs.items() if source == quantity)
            assert total == pytest.approx(solution.gradients[quantity], rel=1e-12, abs=1e-15)
    sums = [row for rows in rows_of_picture.values() for row in rows if row[0].startswith("Σ")]
    assert len(sums) == sum(len([1 for source, _ in arcs if source == each]) > 1 for each in solution.before)


def test_the_weights_stand_on_the_lines_and_a_sum_and_its_activation_in_one_box() -> None:
    picture = read(draw_exercise(load("chapter7")))
    lines = {(edge.source, edge.target) for edge in picture.edges}
    assert {("x1", "W1"), ("W1", "h1"), ("h1", "W5"), ("W5", "o1"), ("o1", "o1 E_o1"), ("o1 E_o1", "E_o1")} <= lines
    assert picture.nodes["h1"][0] == ["z₁ | h₁"]
    assert "z1" not in picture.nodes


def test_a_wrong_hand_number_is_marked_and_a_wrong_part_is_quoted() -> None:
    exercise = load("chapter7")
    hand = {**exercise.hand, "h1": "0.52998934", "W1+": "0.1 - 0.5*0.00080888 = 0.29959556"}
    dot = draw_exercise(replace(exercise, hand=hand))
    assert ("h₁", "0.51998934", "✗", "0.52998934") in pairs(dot)
    assert ["✗ 0.1 - 0.5*0.00080888"] in read(dot).nodes["W1"]
    assert "✗ wrong 2" in shown(dot.source)


def test_the_second_pass_can_be_left_out() -> None:
    dot = draw_exercise(load("chapter7"), second=False)
    assert len(pairs(dot)) == 40 - 8 - 11
    assert "′" not in dot.source


def test_a_report_is_taken_as_it_is_given() -> None:
    exercise = load("chapter7")
    report = check(exercise)
    assert len(pairs(draw_exercise(exercise, report=replace(report, rows=report.rows[:3])))) == 3


def exercise_of(tmp_path: Path, forward: str, hand: str = "", given: str = "x = 2.0") -> Any:
    path = tmp_path / "mine.toml"
    head = f'title = "<&\\"\\\\>"\nloss = "L"\nlr = 0.1\n[given]\n{given}\n[parameters]\nw = 0.3\n'
    text = f"{head}[forward]\n{forward}\n[hand]\n{hand}\n"
    path.write_text(text, encoding="utf-8")
    return load(path)


def test_a_derivative_over_several_ways_stands_at_its_quantity(tmp_path: Path) -> None:
    exercise = exercise_of(
        tmp_path,
        'a = "w*x"\nb = "a*a + w*w"\nL = "b*b*x"',
        '"db/dw" = "3.0"\n"da/dw" = "2.0"\n"db/da" = "1.2"\n"dL/da" = "2.16"',
    )
    dot = draw_exercise(exercise)
    assert ["∂b/∂w", "3"] in read(dot).nodes["w"]  # over a and directly: 2·0.6·2 + 0.6
    assert ("∂b/∂a", "1.2", "✓", "1.2") in pairs(dot)
    assert len(pairs(dot)) == 4


@pytest.mark.parametrize(
    "forward",
    [
        'L = "w"',
        'L = "x*x*x"',
        'a = "w"\nb = "a"\nL = "b + 1"',
        'a = "sigmoid(x)"\nc = "sigmoid(a)"\nL = "abs(c) - w"',
    ],
)
def test_any_exercise_is_drawn(forward: str, tmp_path: Path) -> None:
    source = draw_exercise(exercise_of(tmp_path, forward)).source
    assert "∂L/∂L" in source


def test_an_exercise_of_too_many_quantities_is_refused(tmp_path: Path) -> None:
    lines = "\n".join(f'a{k} = "x + {k}"' for k in range(of_exercise.MOST))
    with pytest.raises(ExerciseError, match="at most 400 quantities, got 403"):
        draw_exercise(exercise_of(tmp_path, f'{lines}\nL = "w"'))


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.3, "0.3"),
        (0.1 + 0.2, "0.3"),
        (715.0000000000001, "715"),
        (0.609446004997, "0.60944600"),
        (0.0, "0"),
        (-0.0, "0"),
        (1.5e-9, "1.5e-09"),
        (2e12, "2e+12"),
        (math.inf, "inf"),
        (-0.00080888, "-0.00080888"),
    ],
)
def test_decimals_say_as_much_as_there_is(number: float, text: str) -> None:
    assert of_exercise._decimals(number, 8) == text


# --- files ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def without_dot(monkeypatch: pytest.MonkeyPatch) -> None:
    """No Graphviz of the system's."""
    monkeypatch.setattr(drawing.shutil, "which", lambda name: None)


@pytest.fixture
def without_graphviz(without_dot: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pygraphviz", None)


@pytest.fixture
def dot_that_says(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Puts a program in the place of the system's Graphviz."""

    def put(script: str) -> None:
        program = tmp_path_factory.mktemp("bin") / "dot"
        program.write_text(script)
        program.chmod(0o755)
        monkeypatch.setattr(drawing.shutil, "which", lambda name: str(program))

    return put


DRAWS = "#!/bin/sh\ncat > /dev/null\nprintf '<svg/>'\n"


@pytest.mark.parametrize("lang", ["en", "ko"])
@every_exercise
def test_an_exercise_renders_to_well_formed_svg(name: str, lang: str, tmp_path: Path) -> None:
    pytest.importorskip("pygraphviz")
    exercise = load(name)
    svg = ElementTree.parse(render(draw_exercise(exercise, lang=lang), tmp_path / "picture.svg")).getroot()
    text = " ".join(each.text or "" for each in svg.iter("{http://www.w3.org/2000/svg}text"))
    assert say("local derivative").in_(lang) in text
    assert all(row.hand in text for row in check(exercise).rows)


@pytest.mark.parametrize(("suffix", "start"), [("svg", b"<?xml"), ("PNG", b"\x89PNG"), ("pdf", b"%PDF")])
def test_without_the_systems_graphviz_pygraphviz_draws(
    suffix: str, start: bytes, tmp_path: Path, without_dot: None, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("pygraphviz")
    path = render(draw(neuron()), tmp_path / f"y.{suffix}")
    assert path.read_bytes().startswith(start)
    assert os.listdir(tmp_path) == [path.name]
    assert capfd.readouterr() == ("", "")


def test_with_the_systems_graphviz_it_draws(tmp_path: Path, dot_that_says: Any) -> None:
    dot_that_says(DRAWS)
    assert render(draw(neuron()), tmp_path / "y.svg").read_bytes() == b"<svg/>"


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("#!/bin/sh\necho '<svg'\necho 'out of ink' >&2\nexit 1\n", "refused the picture: out of ink"),
        ("#!/bin/sh\necho '<svg'\necho 'Error: half of it' >&2\n", "refused the picture: Error: half of it"),
        ("#!/bin/sh\nexit 0\n", "refused the picture"),
        ("no program", r"does `dot -V` work\?"),
    ],
)
def test_a_graphviz_that_fails_is_an_error_and_no_file(
    script: str, why: str, tmp_path: Path, dot_that_says: Any
) -> None:
    dot_that_says(script)
    with pytest.raises(DrawingError, match=why):
        render(draw(neuron()), tmp_path / "y.svg")
    assert os.listdir(tmp_path) == []


def test_without_any_graphviz_the_text_is_written_and_both_ways_to_get_one_are_said(
    tmp_path: Path, without_graphviz: None
) -> None:
    dot = draw(neuron())
    with pytest.raises(
        RendererMissing, match=r'graphviz\.org/download/\) or run: pip install "pygraphviz>=2"'
    ) as caught:
        render(dot, tmp_path / "y.svg")
    assert caught.value.path == tmp_path / "y.dot"
    assert caught.value.path.read_text(encoding="utf-8") == dot.source
    assert os.listdir(tmp_path) == ["y.dot"]


def test_a_notebook_shows_a_drawing_and_an_exercise_as_pictures(dot_that_says: Any) -> None:
    dot_that_says(DRAWS)
    for shown in (draw(neuron()), load("purchase")):
        assert shown._repr_mimebundle_(include=None, exclude=None) == {"image/svg+xml": "<svg/>"}


def test_a_notebook_without_graphviz_shows_an_exercise_as_text(without_graphviz: None) -> None:
    exercise = load("purchase")
    assert exercise._repr_mimebundle_() == {"text/plain": draw_exercise(exercise).source}


@pytest.mark.parametrize("name", ["y.dot", "y.gv"])
def test_dot_text_needs_no_graphviz(name: str, tmp_path: Path, without_graphviz: None) -> None:
    dot = draw(neuron())
    assert render(dot, str(tmp_path / name)).read_text(encoding="utf-8") == dot.source


@pytest.mark.parametrize("name", ["y.jpg", "y", "y.svg.txt"])
def test_another_suffix_is_refused_with_the_ones_there_are(name: str, tmp_path: Path) -> None:
    with pytest.raises(DrawingError, match=r"expected a file that ends in \.svg, \.png, \.pdf, \.dot, \.gv, got"):
        render(draw(neuron()), tmp_path / name)
    assert os.listdir(tmp_path) == []


def test_a_missing_folder_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"nowhere.*No such file or directory"):
        render(draw(neuron()), tmp_path / "nowhere" / "y.dot")


def test_a_write_that_fails_leaves_the_file_before_it_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "y.dot"
    path.write_text("before")

    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(FileError, match="No space left on device"):
        render(draw(neuron()), path)
    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == ["y.dot"]


def test_a_file_is_put_in_place_at_once_and_whoever_reads_the_old_one_keeps_it(tmp_path: Path) -> None:
    path = tmp_path / "y.dot"
    path.write_text("before")
    with path.open() as old:
        render(draw(neuron()), path)
        assert old.read() == "before"
    assert path.read_text(encoding="utf-8").startswith("digraph")


@pytest.mark.parametrize("body", ["a -> ", "a [label=<<TABLE><TR><TD></TABLE>>]"])
def test_what_graphviz_refuses_is_an_error_with_its_words(body: str, tmp_path: Path, without_dot: None) -> None:
    pytest.importorskip("pygraphviz")
    with pytest.raises(DrawingError, match=r"Graphviz refused the picture: ."):
        render(graphviz.Digraph(body=[body]), tmp_path / "y.svg")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("suffix", "lang", "font", "warned"),
    [
        ("png", "ko", False, True),
        ("pdf", "ko", False, True),
        ("svg", "ko", False, False),
        ("png", "en", False, False),
        ("png", "ko", True, False),
    ],
)
def test_hangul_without_a_font_is_warned_of_where_it_would_be_lost(
    suffix: str, lang: str, font: bool, warned: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawing, "rendered", lambda dot, format: b"picture")
    monkeypatch.setattr(drawing, "has_korean_font", lambda: font)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        render(draw(neuron(), lang=lang), tmp_path / f"y.{suffix}")
    assert [warning.category for warning in caught] == [UserWarning] * warned
    assert all("no font with Hangul was found" in str(warning.message) for warning in caught)


@pytest.mark.parametrize(
    ("file", "found"), [("NanumGothic.ttf", True), ("NotoSansCJK-Regular.ttc", True), ("DejaVuSans.ttf", False)]
)
def test_without_fontconfig_fonts_are_looked_for_by_name(
    file: str, found: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawing.shutil, "which", lambda name: None)
    monkeypatch.setattr(drawing, "FONT_FOLDERS", (str(tmp_path), str(tmp_path / "none")))
    (tmp_path / "truetype").mkdir()
    (tmp_path / "truetype" / file).touch()
    assert drawing.has_korean_font() is found


def test_a_line_that_cannot_be_read_is_not_drawn(tmp_path: Path) -> None:
    assert "nowhere" not in draw_exercise(exercise_of(tmp_path, 'L = "w"', 'nowhere = "1.0"')).source


def test_a_graph_is_explained_checked_and_drawn_as_it_was_computed_though_data_was_set_since():
    def graph(new: float | None = None) -> Value:
        x, w = Value(2.0, "x"), Value(-1.0, "w")
        z = x * w
        z.label = "z"
        E = (z - 1) ** 2
        E.label = "E"
        E.backward()
        if new is not None:
            z.data = new
        return E

    def told(loss: Value) -> list[str]:
        return [str(explain(loss)), str(check({"dE/dw": "-12"}, loss)), program(loss)]

    assert told(graph(7.0)) == told(graph())
    assert "other passes" not in draw(graph(7.0)).source
    assert draw(graph(7.0)).source.count(">z<") == draw(graph()).source.count(">z<") == 1
