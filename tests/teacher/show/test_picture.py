"""The pictures of exercises, as Graphviz draws them: no line through a box, no formula cut, a legend that is true."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from micrograd_kr import drawing
from micrograd_kr.teacher.ask.exercise import Exercise
from micrograd_kr.teacher.ask.file import built_in, load
from micrograd_kr.teacher.show.picture import KINDS, draw_exercise

SVG = "{http://www.w3.org/2000/svg}"
Point = tuple[float, float]


def numbers(text: str) -> list[Point]:
    found = [float(number) for number in re.findall(r"-?[\d.]+", text)]
    return list(zip(found[::2], found[1::2], strict=True))


def along(points: list[Point]) -> Iterator[Point]:
    """Many points of a path that SVG writes as Bézier curves."""
    for i in range(0, len(points) - 3, 3):
        for t in (k / 40 for k in range(41)):
            weights = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3
            x, y = (
                sum(w * at for w, at in zip(weights, each, strict=True))
                for each in zip(*points[i : i + 4], strict=True)
            )
            yield x, y


def struck(svg: bytes) -> set[tuple[str, str]]:
    """Each line that goes through a box it does not lead to, with the box."""
    boxes, lines = {}, []
    for group in ElementTree.fromstring(svg).iter(f"{SVG}g"):
        title, paths = group.findtext(f"{SVG}title") or "", group.findall(f"{SVG}path")
        if group.get("class") == "node":
            xs, ys = zip(*numbers(paths[0].get("d") or ""), strict=True)
            boxes[title] = (min(xs) + 1, max(xs) - 1), (min(ys) + 1, max(ys) - 1)
        elif group.get("class") == "edge":
            ends = {end.removesuffix(":e").removesuffix(":w") for end in title.split("->")}
            lines += [(title, ends, point) for path in paths for point in along(numbers(path.get("d") or ""))]
    return {
        (line, name)
        for line, ends, (x, y) in lines
        for name, ((left, right), (top, bottom)) in boxes.items()
        if name not in ends and left < x < right and top < y < bottom
    }


def svg_of(exercise: Exercise) -> bytes:
    svg = drawing.rendered(draw_exercise(exercise), "svg")
    assert svg is not None
    return svg


def test_no_line_goes_through_a_box_of_a_net_in_matrices() -> None:
    pytest.importorskip("pygraphviz")
    assert struck(svg_of(load("xor"))) == set()


@pytest.mark.parametrize("name", ["adam", "straight-line"])
def test_no_line_goes_through_a_box(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pygraphviz")
    assert struck(svg_of(load(name))) == set()
    monkeypatch.setattr(drawing, "_goes_through", lambda layout: False)
    assert struck(svg_of(load(name)))  # straight lines would


def test_lines_that_go_through_no_box_stay_straight(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pygraphviz")
    drawn = svg_of(load("chapter7"))
    assert struck(drawn) == set()
    monkeypatch.setattr(drawing, "_goes_through", lambda layout: False)
    assert drawn == svg_of(load("chapter7"))


@pytest.mark.parametrize(
    ("start", "end", "meets"),
    [
        ((0, 0), (10, 10), True),
        ((0, 5), (10, 5), True),  # level
        ((0, 0), (10, 0), False),
        ((0, 3), (3, 0), False),  # past a corner
        ((0, 0), (4, 4), False),  # it ends at the corner
        ((0, 4), (10, 4), False),  # along the rim
    ],
)
def test_a_line_meets_a_box_or_passes_it(start: Point, end: Point, meets: bool) -> None:
    assert drawing._meets(start, end, [(4, 6), (4, 6)]) == meets


def texts(exercise: Exercise, lang: str = "en") -> list[str]:
    """What stands in the picture, piece by piece."""
    source = draw_exercise(exercise, lang=lang).source
    return re.findall(r">([^<>]+)</(?:FONT|B|I)>", source.replace("&nbsp;", ""))


@pytest.mark.parametrize("name", built_in())
def test_no_formula_is_cut(name: str) -> None:
    assert [text for text in texts(load(name)) if "…" in text] == []


def test_a_long_formula_goes_on_in_the_next_line_and_is_cut_only_where_it_is_very_long(
    written: Callable[[int], Exercise],
) -> None:
    shown = " ".join(texts(written(20)))
    assert all(f"{i}·x²" in shown for i in range(20))
    assert "…" not in shown
    assert "…" in " ".join(texts(written(90)))


@pytest.fixture
def written(tmp_path: Path) -> Callable[[int], Exercise]:
    """An exercise whose loss is a sum of so many terms."""

    def make(terms: int) -> Exercise:
        path = tmp_path / "long.toml"
        total = " + ".join(f"{i}*x**2" for i in range(terms))
        path.write_text(f'title = "t"\nloss = "E"\n[given]\nx = 2\n[forward]\nE = "{total}"\n', "utf-8")
        return load(path)

    return make


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("name", built_in())
def test_the_legend_names_what_is_drawn(name: str, lang: str) -> None:
    shown = texts(load(name), lang)
    for kind, mark in {"flow": "← ", "gradient": "Σ "}.items():
        said = f"{mark}{KINDS[kind][2].in_(lang)}"
        assert (said in shown) == any(text.startswith(mark) and text != said for text in shown)


@pytest.mark.parametrize(("lang", "said"), [("en", "after the updates"), ("ko", "업데이트 후")])
def test_several_updates_are_told_apart_in_the_heading(lang: str, said: str) -> None:
    _, losses, *legend = texts(load("straight-line"), lang)
    assert re.findall(r"→ (\S+) = ", losses) == ["cost′", "cost@10", "cost@100", "cost@200"]
    assert f"z′, z@10, z@100, z@200 {said}" in legend


def test_what_an_update_remembers_is_no_gradient() -> None:
    labels = re.findall(r'COLOR="(#\w+)" POINT-SIZE="9">([^<>]+?)&nbsp;<', draw_exercise(load("adam")).source)
    colour = {name: colour for colour, name in labels}
    assert colour["m_w⁺⁺"] == colour["w⁺⁺"] == KINDS["second"][0]
    assert colour["∂E′/∂w"] == colour["∂E/∂w"] == KINDS["gradient"][0]


@pytest.mark.parametrize(("lang", "loss"), [("en", "loss"), ("ko", "손실")])
def test_what_is_not_made_smaller_is_not_called_a_loss(lang: str, loss: str) -> None:
    assert "price = 715" in texts(load("purchase"), lang)
    assert texts(load("chapter7"), lang)[1].startswith(f"{loss} E_total = ")
