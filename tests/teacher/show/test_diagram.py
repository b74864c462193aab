"""The diagram of an exercise: one layout, and one answer to which number a name stands for, for all who draw it."""

import re
from dataclasses import replace

import pytest

from micrograd_kr.__main__ import main
from micrograd_kr.teacher.ask.exercise import Exercise
from micrograd_kr.teacher.ask.file import built_in, load
from micrograd_kr.teacher.ask.solution import forward, solve
from micrograd_kr.teacher.derive.lines import Lines
from micrograd_kr.teacher.show import picture
from micrograd_kr.teacher.show.diagram import Diagram, way_back
from micrograd_kr.teacher.show.picture import draw_exercise, net


def diagram_of(exercise: Exercise, every_line: bool = True) -> Diagram:
    solution = solve(exercise)
    return Diagram(Lines.of(solution), solution, every_line=every_line)


every_exercise = pytest.mark.parametrize("name", built_in())


@every_exercise
@pytest.mark.parametrize("every_line", [True, False])
def test_every_quantity_stands_in_one_box_and_every_line_shows_its_derivative_once(name: str, every_line: bool) -> None:
    exercise = load(name)
    diagram = diagram_of(exercise, every_line)
    assert sorted(each for box in diagram.boxes.values() for each in box.names) == sorted(exercise.positions)
    changed_with = {each: each for each in exercise.positions} | {
        state: parameter for state, (_, parameter) in exercise.states.items()
    }
    assert all(changed_with[each] in diagram.boxes[key].names for each, key in diagram.home.items())
    shown = sorted(arc for box in diagram.boxes.values() for arc in box.local)
    assert shown == sorted(diagram.arcs)


@every_exercise
def test_each_route_goes_from_column_to_column_through_places_of_its_own(name: str) -> None:
    diagram = diagram_of(load(name))
    column = {key: i for i, keys in enumerate(diagram.columns) for key in keys}
    assert len(column) == sum(map(len, diagram.columns))
    for start, places in diagram.routes:
        assert [column[each] - column[start] for each in places] == list(range(1, len(places) + 1))
        assert [each in diagram.boxes for each in places] == [False] * (len(places) - 1) + [True]


@every_exercise
def test_picture_and_sheet_draw_the_boxes_and_lines_of_the_diagram(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture, "PRINTED", 60)  # entry by entry
    exercise = load(name)
    diagram = diagram_of(exercise)
    edges = [line for line in draw_exercise(exercise).source.splitlines() if "->" in line and "invis" not in line]
    assert len(edges) == sum(len(box.to) for box in diagram.boxes.values())
    nodes = re.findall(r'^\t"?([^"]+?)"? \[label=', net(exercise).source, re.M)
    assert set(nodes) >= {*exercise.given, *(diagram.home[each] for each in exercise.forward)}


def test_only_what_an_update_changes_has_a_number_in_a_later_pass() -> None:
    chapter, price = diagram_of(load("chapter7")), diagram_of(load("purchase"))
    assert [str(each) for each in chapter.numbers("W5")] == ["W5", "W5+"]
    assert [str(each) for each in chapter.numbers("z1")] == ["z1", "z1'"]
    assert [str(each) for each in chapter.numbers("x1")] == ["x1"]
    assert {len(price.numbers(each)) for each in price.home} == {1}


def test_each_pass_of_a_solution_is_drawn_however_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    chapter = load("chapter7")
    solution = solve(chapter)
    later = dict.fromkeys(chapter.parameters, 0.0)
    states = (*solution.states, {})
    more = replace(solution, passes=(*solution.passes, forward(chapter, later)), states=states)
    diagram = Diagram(Lines.of(more), more, every_line=True)
    numbers, inside = diagram.numbers, [each for group in diagram.groups(diagram.boxes["h1"]) for each in group]
    assert [each.key for each in inside if each.kind == "second"] == ["z1'", "z1''", "h1'", "h1''"]
    assert [str(each) for each in (*numbers("W5"), *numbers("z1"))] == ["W5", "W5+", "W5++", "z1", "z1'", "z1''"]
    assert [more.value(each) for each in numbers("z1")] == [solution.value("z1"), solution.value("z1'"), 0.0]
    monkeypatch.setattr("micrograd_kr.teacher.show.diagram.solve", lambda exercise: more)
    assert " = 0.02397190 → E_total′ = 0.02323634 → E_total″ = 0.01 (" in draw_exercise(chapter).source


def test_a_name_stands_for_a_quantity_for_a_line_or_for_nothing_that_is_drawn() -> None:
    key = diagram_of(load("chapter7")).key
    assert [key(each) for each in ("z1'", "dE_total/dW5", "do1/dz3")] == ["z1'", "dE_total/dW5", "∂o1/∂z3"]
    assert key("dE_o1/dh1") == "←h1,z3"
    assert key("dE_o1/dW1") is None


def test_the_way_back_goes_from_the_loss_by_the_longest_ways() -> None:
    chapter = load("chapter7")
    back = way_back(chapter)
    assert back[0] == chapter.loss
    assert sorted(back) == sorted(chapter.positions)
    for source, target in diagram_of(chapter).arcs:
        assert back.index(target) < back.index(source)


MANY = """\
title = "eight units"
loss = "E"
lr = 0.5
[given]
X = [[0.1, 0.2, 0.3, 0.4], [0.5, 0.6, 0.7, 0.8], [0.9, 0.1, 0.2, 0.3]]
[parameters]
W = [[1, 2, 3, 4], [4, 3, 2, 1], [1, 0, 1, 0], [0, 1, 0, 1], [1, 1, 1, 1], [2, 1, 2, 1], [3, 3, 3, 3], [1, 2, 1, 2]]
[forward]
H = "tanh(X @ W.T)"
E = "mean(H**2)"
[hand]
"H[0,0]" = "0.99505475"
"H[0,1]" = "0.51"
"dE/dW[0,1]" = "0.5"
"""


def test_above_sixty_quantities_an_array_is_one_box_with_its_shape_and_how_its_hand_numbers_fare(tmp_path) -> None:
    path = tmp_path / "many.toml"
    path.write_text(MANY, "utf-8")
    exercise = load(path)
    assert len(exercise.positions) > 60
    source = draw_exercise(exercise).source
    for name, shape in {"X": "(3, 4)", "W": "(8, 4)", "H": "(3, 8)"}.items():
        assert f"<B>{name}  {shape}</B>" in source
    assert {tuple(edge) for edge in re.findall(r"^\t(\w+) -> (\w+)$", source, re.MULTILINE)} == {
        ("X", "H"),
        ("W", "H"),
        ("H", "E"),
    }
    for each in ("✓ 1", "✗ 1", "0.51"):  # of H; the gradient's stands in W's box
        assert each in source
    assert "H[0,0]" not in source
    assert "H[0,0]" in draw_exercise(exercise, entries=True).source


@pytest.mark.parametrize(
    ("lang", "by_array", "by_entry"),
    [("en", "a box for each array", "every number of many where"), ("ko", "배열마다 상자 하나로", "모든 값.")],
)
def test_it_is_said_whether_every_number_is_drawn(tmp_path, capsys, lang: str, by_array: str, by_entry: str) -> None:
    path = tmp_path / "many.toml"
    path.write_text(MANY, "utf-8")
    for options, said in [([], by_array), (["--entries"], by_entry)]:
        main(["draw", str(path), "-o", str(tmp_path / "many.dot"), "--force", "--lang", lang, *options])
        assert said in capsys.readouterr().out
