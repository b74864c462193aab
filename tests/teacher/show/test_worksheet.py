"""Worksheets: blanks and keys, numbers drawn by a seed, new exercises, and the demos' exercises for teachers."""

import html
import math
import re
import sys
import tomllib
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from micrograd_kr.__main__ import main
from micrograd_kr.teacher.ask.exercise import Exercise
from micrograd_kr.teacher.ask.expressions import Symbol
from micrograd_kr.teacher.ask.file import built_in, load, source_text
from micrograd_kr.teacher.ask.formula import evaluate, read_formula
from micrograd_kr.teacher.ask.messages import ExerciseError
from micrograd_kr.teacher.ask.solution import solve
from micrograd_kr.teacher.derive.notation import written
from micrograd_kr.teacher.show.nets import LOSSES, Net, layer_sizes, new
from micrograd_kr.teacher.show.picture import net
from micrograd_kr.teacher.show.worksheet import FUNCTIONS, answer, as_text, suggested, worksheet

DEMOS = Path(__file__).parents[3] / "demos"
FOR_TEACHERS = ("neuron", "dead-path", "paths-meet")
EXERCISES = (*built_in(), *(str(DEMOS / f"{name}.toml") for name in FOR_TEACHERS))

TYPED = str.maketrans({"×": "*", "−": "-", "½": "1/2", "¹": "**1", "²": "**2", "³": "**3"})
SEVEN_GIVEN = {"x1": 0.05, "x2": 0.45, "target_o1": 0.15, "target_o2": 0.2}
SEVEN_PARAMETERS = {"W1": 0.55, "W2": 0.85, "W3": 0.25, "W4": 0.35, "W5": 0.75, "W6": 0.95, "W7": 0.65, "W8": 0.4}


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")


def saved(text: str, name: str = "sheet.toml") -> str:
    Path(name).write_text(text, "utf-8")
    return name


def small(lr: float = 0.5, formula: str = "sigmoid(z)", w: float = 0.5, x: float = 0.7) -> Exercise:
    return load(
        saved(
            f"""title = "t"
loss = "E"
lr = {lr}
[given]
x = {x}
[parameters]
w = {w}
[forward]
z = "w*x"
o = "{formula}"
E = "1/2*(0.3 - o)**2"
""",
            "small.toml",
        )
    )


# --- blanks and keys --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [None, 0, 1, 2, 3])
@pytest.mark.parametrize("name", EXERCISES)
def test_a_sheet_filled_in_from_its_key_matches_in_every_number(name, seed, capsys):
    sheet = worksheet(load(name), seed=seed)
    key = tomllib.loads(as_text(sheet, "toml", answers=True))["hand"]
    text = as_text(sheet, "toml")
    assert text.partition("[hand]")[2].count('= ""') == len(key)
    for each, number in key.items():
        text = re.sub(rf'^("?){re.escape(each)}\1 = ""$', rf'\g<1>{each}\1 = "{number}"', text, flags=re.M)
    assert main(["check", saved(text), "--lang", "en"]) == 0
    assert f"{len(key)} match, 0 rounding, 0 wrong." in capsys.readouterr().out


def test_a_sheet_that_is_half_done_is_checked_as_far_as_it_goes(capsys):
    text = (
        as_text(worksheet(load("chapter7")), "toml").replace('z1 = ""', 'z1 = "0.08"').replace('h1 = ""', 'h1 = "0.62"')
    )
    assert main(["check", saved(text), "--lang", "en"]) == 1
    out = capsys.readouterr().out
    assert "1 match, 0 rounding, 1 wrong." in out
    assert "Left blank: 38." in out


@pytest.mark.parametrize("form", ["markdown", "html", "toml"])
@pytest.mark.parametrize("lang", ["en", "ko"])
def test_no_answer_stands_on_the_sheet_and_every_answer_on_the_key(form, lang):
    sheet = worksheet(load("chapter7"), seed=5)
    blank, key = (
        html.unescape(as_text(sheet, form, lang=lang, answers=answers)).replace("−", "-") for answers in (False, True)
    )
    long = [line.answer for line in sheet.lines if len(line.answer) > 6]
    assert len(long) > 30
    assert [each for each in long if each in blank] == []
    assert [line.answer for line in sheet.lines if line.answer not in key] == []


@pytest.mark.parametrize("name", EXERCISES)
def test_each_working_on_the_key_comes_to_the_number_beside_it(name):
    sheet = worksheet(load(name), seed=1, digits=6)
    rows = re.findall(r"^\| `(.+?)` \| `(.+)` \| \*\*(.+)\*\* \|$", as_text(sheet, "markdown", answers=True), re.M)
    assert len(rows) == len(sheet.lines)
    worked = 0
    for _, working, number in rows:
        last = working.rpartition(" = ")[2].translate(TYPED)
        if re.search(r"\d", last) and not re.search(r"[^\W\d_](?![\w]*\()|{|sign", last):
            assert evaluate(read_formula(last), {}) == pytest.approx(float(number), rel=1e-3, abs=1e-5)
            worked += 1
    assert worked > len(rows) / 2


def test_derivatives_that_are_one_are_each_worked_on_the_key():
    sheet = worksheet(load("chapter7"), hide=["dE_total/do1", "dE_o1/do1", "x1"])
    key = as_text(sheet, "markdown", answers=True)
    assert "| `x1` |  | **0.1** |" in key
    assert "| `∂E_total/∂o1` | `∂E_o1/∂o1 = −½·2·(target_o1 − o1) = " in key
    assert "| `∂E_o1/∂o1` | `−½·2·(target_o1 − o1) = −(target_o1 − o1) = −(0.4 − 0.60944600)` | **0.20944600** |" in key


@pytest.mark.parametrize("form", ["markdown", "html"])
def test_how_a_derivative_is_worked_stands_on_the_key_only(form):
    sheet = worksheet(load("chapter7"), hide=["dE_total/dW5"])
    product = "0.20944600 × 0.23802157 × 0.51998934"
    assert product not in as_text(sheet, form)
    assert product in as_text(sheet, form, answers=True)


@pytest.mark.parametrize(
    ("hide", "blanks"),
    [
        (["dE_total/dW5", "∂E_total/∂W1"], ["dE_total/dW5", "dE_total/dW1"]),
        (["updates"], ["W5+", "W6+", "W7+", "W8+", "W1+", "W2+", "W3+", "W4+"]),
        (["z1′", "forward"], [*load("chapter7").forward, "z1'"]),
        (["dE_total/dh2"], ["dE_total/dh2"]),  # not in the exercise's [hand]
    ],
)
def test_what_is_not_hidden_stands_there_as_a_number(hide, blanks):
    chapter = load("chapter7")
    sheet = worksheet(chapter, hide=hide)
    assert {line.name for line in sheet.lines if line.blank} == set(blanks)
    assert {line.name for line in sheet.lines} == {*chapter.hand, *blanks}
    written = load(saved(as_text(sheet, "toml")))
    assert set(written.blanks) == set(blanks)
    assert written.hand == {line.name: chapter.hand[line.name] for line in sheet.lines if not line.blank}


def test_a_group_or_a_name_that_there_is_not_is_refused_in_both_languages():
    for hide, english in ((["updates"], "no updates to hide"), (["qq"], 'unknown name "qq"')):
        with pytest.raises(ExerciseError, match=english) as error:
            worksheet(load("purchase"), hide=hide)
        assert re.search("[가-힣]", error.value.korean)


def test_an_exercise_without_hand_numbers_asks_for_all_that_the_loss_depends_on():
    text = """title = "t"
loss = "E"
lr = 0.1
[given]
x = 2
[parameters]
w = 3
v = 4
[forward]
p = "w*x"
q = "v*x"
E = "p**2"
"""
    exercise = load(saved(text))
    expected = ["p", "q", "E", "dE/dp", "dE/dw", "w+", "p'", "q'", "E'"]
    assert suggested(exercise) == expected
    assert [line.name for line in worksheet(exercise).lines] == expected


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.1 + 0.2, 8, "0.3"),
        (0.6094460049966992, 8, "0.60944600"),
        (0.775, 2, "0.775"),
        (2 / 3, 2, "0.67"),
        (-0.0, 3, "0"),
        (-1e-9, 3, "0.000"),
        (715.0, 1, "715"),
    ],
)
def test_an_answer_is_written_to_its_end_if_that_is_near_else_rounded(value, digits, text):
    assert answer(value, digits) == text


def test_an_exercise_file_keeps_every_name_formula_and_number_whatever_they_are_called():
    text = """title = 'a "quote", a \\ and 한글'
loss = "오차"
[given]
"입력" = 1e-7
x = 1e22
[forward]
"오차" = "(x*입력 + 1)**2"
"""
    exercise = load(saved(text, "one.toml"))
    again = load(saved(as_text(worksheet(exercise), "toml"), "two.toml"))
    for part in ("title", "loss", "lr", "given", "parameters", "forward"):
        assert getattr(again, part) == getattr(exercise, part)


# --- formulas ---------------------------------------------------------------------------------------------------------

BY_EXPONENTIALS = """title = "t"
loss = "L"
lr = 0.5
[given]
x = 0.7
[parameters]
w = 0.5
v = 0.2
[forward]
e1 = "exp(w*x)"
e2 = "exp(v*x)"
s = "e1 + e2"
p1 = "e1/s"
other = "v + 1"
L = "-log(p1)"
[hand]
"""
TO_P1 = {"e1", "e2", "s", "p1"}


def formulas_of(text: str, form: str, exercise: Exercise) -> set[str]:
    """The names whose formulas stand on a sheet, beside a blank or above, p for that of an update."""
    formulas = {**exercise.forward, **exercise.update}
    if form == "toml":
        tables = tomllib.loads(text)
        return {*tables["forward"], *tables.get("update", {})}
    notations = {"markdown": "text", "html": "mathml"}
    symbols = {name: Symbol(name, 0.5) for formula in formulas.values() for name in formula.names}
    set_in_form = {name: written(evaluate(formula, symbols), notations[form]) for name, formula in formulas.items()}
    return {name for name, formula in set_in_form.items() if formula in text}


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("form", ["markdown", "html", "toml"])
@pytest.mark.parametrize(
    ("blanks", "due"),
    [
        (["p1"], TO_P1),
        (["dL/dw"], {*TO_P1, "L"}),
        (["dp1/ds"], TO_P1),
        (["L'"], {*TO_P1, "L", "p"}),
        (["w+", "v+", "L'"], {*TO_P1, "L"}),  # beside the blanks: w − lr·∂L/∂w
        (["w+", "L'"], {*TO_P1, "L", "p"}),
    ],
)
def test_a_sheet_has_every_formula_that_a_blank_depends_on_and_no_other(blanks, due, form, lang):
    exercise = load(saved(BY_EXPONENTIALS + "".join(f'"{name}" = ""\n' for name in blanks)))
    found = formulas_of(as_text(worksheet(exercise), form, lang=lang), form, exercise)
    if form == "toml":  # a whole exercise
        assert found == {*exercise.forward} | ({"p"} if exercise.asked.keys() & {"w+", "L'"} else set())
    else:
        assert found == due


@pytest.mark.parametrize("form", ["markdown", "html"])
@pytest.mark.parametrize(
    ("name", "blank", "meant"),
    [
        ("chapter7", "z1", []),
        ("chapter7", "E_total", ["sigmoid(z) = 1/(1 + exp(−z))"]),
        ("softmax", "p[0]", ["softmax(z)[i] = exp(z[i])/"]),
        ("softmax", "dL/dW[0,0]", ["softmax(z)[i] = exp(z[i])/", "log(z) = ln(z)"]),
        ("momentum", "E", []),
    ],
)
def test_a_sheet_says_what_the_functions_of_its_blanks_mean_and_no_other(name, blank, meant, form):
    exercise = load(saved(source_text(name).partition("\n[hand]")[0] + f'\n[hand]\n"{blank}" = ""\n'))
    text = html.unescape(as_text(worksheet(exercise), form))
    assert {each for each in FUNCTIONS.values() if each in text} == {
        each for each in FUNCTIONS.values() for start in meant if each.startswith(start)
    }


@pytest.mark.parametrize(("name", "formula"), FUNCTIONS.items())
def test_what_a_sheet_says_of_a_function_is_so(name, formula):
    left, right = formula.replace("ln(", "log(").replace(", a)", ", 0.01)").replace("a·z", "0.01*z").split(" = ")
    right = right.translate(TYPED).replace("z[0]", "0.3").replace("z[1]) + …", "-1.2)")
    if "[i]" in left:
        left = left.replace("[i]", "[1]").replace("(z)", "(0.3, -1.2)")
        right = right.replace("softmax(z)[i]", "softmax(0.3, -1.2)[1]").replace("z[i]", "-1.2")
    for z in (-1.2, 0.3, 2.5):
        if name != "log" or z > 0:
            values = [evaluate(read_formula(each), {"z": z}) for each in (left, right)]
            assert values[0] == pytest.approx(values[1], rel=1e-12)


@pytest.mark.parametrize("form", ["markdown", "html"])
def test_what_arrays_are_computed_from_stands_once_as_the_file_has_it(form):
    exercise = load(saved(source_text("xor").partition("[hand]")[0] + '[hand]\nE = ""\n'))
    text = html.unescape(as_text(worksheet(exercise), form))
    assert {name: text.count(line) for name, line in exercise.written.items()} == {
        "Z": 1,
        "H": 1,
        "s": 1,
        "o": 1,
        "E": 0,
    }


# --- the page ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_the_page_is_one_file_for_a4_with_a_place_for_the_name(lang):
    page = as_text(worksheet(load("chapter7")), "html", lang=lang)
    assert f'<html lang="{lang}">' in page
    assert "@page { size: A4" in page
    assert {"en": "Name", "ko": "이름"}[lang] in page
    assert not re.search(r"https?:|src=|<script|<link", page)
    assert page.count("<tr>") == 40 + page.count("<thead>")


def test_a_title_with_markup_stays_text():
    exercise = load(saved('title = "<script>*x*"\nloss = "E"\n[given]\nx = 2\n[forward]\nE = "x*x"\n'))
    assert "<script>" not in as_text(worksheet(exercise), "html")
    assert as_text(worksheet(exercise), "markdown").startswith("# \\<script>\\*x\\*\n")


def test_the_picture_shows_what_is_given_and_nothing_to_be_worked():
    source = net(load("chapter7")).source
    assert all(f"W{low} = {number:g}" in source for low, number in zip("₁₂₃₄", (0.3, 0.25, 0.4, 0.35), strict=True))
    assert "z₁ → h₁" in source
    assert set(re.findall(r"= ([\d.]+)", source)) <= {"0.1", "0.2", "0.25", "0.3", "0.35", "0.4", "0.45", "0.6", "0.7"}


def test_where_there_is_no_room_for_every_number_each_array_is_a_node_of_the_net():
    source = net(load("xor")).source
    nodes = dict(re.findall(r'^\t(\w) \[label=("[^"]+"|\w+)', source, re.M))
    assert nodes | {"X": '"X  (4, 2)"', "W": '"W  (2, 2)"', "c": '"c = 0.2"', "o": '"o  (4,)"', "E": "E"} == nodes
    assert {edge for edge in re.findall(r"^\t(\w) -> (\w)$", source, re.M) if "H" in edge or "E" in edge} == {
        ("Z", "H"),
        ("H", "s"),
        ("o", "E"),
        ("t", "E"),
    }
    assert "z[0]" in net(load("softmax")).source


# --- several updates --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lang", "titles", "zero"),
    [
        ("en", ["Backpropagation after update 1", "Update 2", "Forward pass after update 2"], "at first m = v = 0"),
        ("ko", ["업데이트 1 뒤의 역전파", "업데이트 2", "업데이트 2 뒤의 순전파"], "처음에는 m = v = 0입니다"),
    ],
)
def test_each_pass_of_several_is_called_what_it_is_and_what_an_update_remembers_begins_at_0(lang, titles, zero):
    text = as_text(worksheet(load("adam")), "markdown", lang=lang)
    assert re.findall(r"^## \d+\. (.+)$", text, re.M)[4:7] == titles
    assert zero in text
    assert not re.search("second|, k = |다시 하는", text)
    once = as_text(worksheet(load("chapter7")), "markdown", lang=lang)
    assert {"en": "The second forward pass", "ko": "다시 하는 순전파"}[lang] in once


def test_an_update_of_its_own_is_set_as_formulas_on_the_page_and_kept_in_the_file():
    sheet = worksheet(load("adam"))
    assert "0.999·v + 0.001·g²" in as_text(sheet, "markdown")
    assert 'v = "0.999*v + 0.001*g**2"' in as_text(sheet, "toml")
    page = as_text(sheet, "html")
    assert "**" not in page
    assert "<msqrt>" in page.partition("<figure")[0].partition("<h2>")[0]


def test_what_is_too_long_for_a_row_of_the_page_goes_on_in_the_next():
    terms = " + ".join(f"weight{i}*x" for i in range(9))
    weights = "\n".join(f"weight{i} = {i}" for i in range(9))
    text = f'title = "t"\nloss = "E"\n[given]\nx = 2\n[parameters]\n{weights}\n[forward]\nE = "{terms}"\n'
    page = as_text(worksheet(load(saved(text))), "html")
    assert "=&nbsp;weight0·x + weight1·x" in page  # as text
    assert "<mi>lr</mi>" in as_text(worksheet(load("chapter7")), "html")  # as MathML
    assert "nowrap" not in re.search(r"\.numbers span \{.*\}", page)[0]


# --- numbers by a seed ------------------------------------------------------------------------------------------------


def test_one_seed_is_one_sheet_on_every_machine():
    chapter = load("chapter7")
    assert as_text(worksheet(chapter, seed=7), "toml") == as_text(worksheet(chapter, seed=7), "toml")
    sheets = {as_text(worksheet(chapter, seed=seed), "toml") for seed in range(20)}
    assert len(sheets) == 20
    drawn = worksheet(chapter, seed=7).exercise
    assert drawn.given == SEVEN_GIVEN
    assert drawn.parameters == SEVEN_PARAMETERS


@pytest.mark.parametrize("name", EXERCISES)
def test_drawn_numbers_are_comfortable(name):
    exercise = load(name)
    for seed in range(6):
        sheet = worksheet(exercise, seed=seed)
        drawn, solution = sheet.exercise, solve(sheet.exercise)
        old, numbers = ({**each.given, **each.parameters} for each in (exercise, drawn))
        sizes = [abs(numbers[each]) for each in old if old[each] not in (0, 1)]  # yes and no stay
        assert len(set(sizes)) == len(sizes)
        assert all(round(each, 2) == each for each in sizes)
        assert all(numbers[each] * old[each] > 0 if old[each] else numbers[each] == 0 for each in old)
        for line in sheet.lines:
            assert float(line.answer) != 0 or answer(solve(exercise).value(line.name), 12) == "0"
        for line, formula in drawn.forward.items():
            if formula.text.startswith("sigmoid"):
                assert 0.04 < solution.before[line].data < 0.96
            if formula.text.startswith("tanh"):
                assert abs(solution.before[line].data) < 0.91
        if solution.after:
            assert solution.after[drawn.loss].data < solution.before[drawn.loss].data


def test_a_gradient_that_is_0_whatever_the_numbers_are_keeps_no_numbers_from_being_drawn():
    """The bias that both outputs of a softmax share: its gradient is a difference that floats make 1e-17 of."""
    published = load(Path(__file__).parents[1] / "published" / "a04_softmax.toml")
    sheet = worksheet(published, hide=["gradients"], seed=1)
    assert float({line.name: line.answer for line in sheet.lines}["dL/db2"]) == 0


@pytest.mark.parametrize(
    ("exercise", "digits", "english", "korean"),
    [
        ({"lr": 1e6, "formula": "z"}, 6, "E does not go down in the step; use a smaller lr", "더 작은 lr"),
        ({"formula": "sigmoid(z + 9)"}, 6, "o is saturated", "포화"),
        ({}, 1, "has fewer than two digits at 1 decimals", "--digits"),
        (
            {"formula": "log(0.0001 - (w - 0.37)**2)", "w": 0.37},
            6,
            "[forward] o: comes to nan, expected a finite",
            "유한한 수",
        ),
        ({"x": 1.7e308, "formula": "sigmoid(z/1e308)"}, 6, "not enough different numbers", "모자랍니다"),
    ],
)
def test_where_no_numbers_are_comfortable_it_says_why_and_what_to_do(exercise, digits, english, korean):
    with pytest.raises(ExerciseError, match=re.escape(english)) as error:
        worksheet(small(**exercise), seed=3, digits=digits)
    assert "seed 3" in str(error.value)
    assert korean in error.value.korean


# --- new exercises ----------------------------------------------------------------------------------------------------


def test_a_2_2_2_net_has_the_chapters_names_and_formulas():
    chapter, made = load("chapter7"), load(saved(new(Net())))
    assert made.forward == chapter.forward
    assert list(made.parameters) == list(chapter.parameters)
    assert list(made.given) == list(chapter.given)
    assert (made.loss, made.lr) == (chapter.loss, chapter.lr)
    assert {"dE_total/dh1", "dE_total/dW1", "W8+", "E_total'"} < set(made.blanks)


@pytest.mark.parametrize(
    ("sizes", "activations", "loss", "bias"),
    [
        ((1, 1), ("linear",), "squared", False),
        ((2, 2, 1), ("relu", "tanh"), "half-squared", True),
        ((2, 3, 2), ("tanh",), "half-squared", True),
        ((2, 2, 2), ("relu", "sigmoid"), "cross-entropy", False),
        ((3, 4, 2), ("relu",), "half-squared", False),
        ((2, 2, 2, 2, 1), ("sigmoid",), "half-squared", True),
        ((4, 8, 3), ("sigmoid",), "half-squared", False),
        ((4, 8, 3), ("relu",), "half-squared", True),
    ],
)
def test_a_new_net_loads_has_all_its_weights_and_learns(sizes, activations, loss, bias):
    text = new(Net(sizes, activations, loss, bias), seed=2)
    assert text == new(Net(sizes, activations, loss, bias), seed=2)
    exercise = load(saved(text))
    solution = solve(exercise)
    weights = sum(before * after for before, after in pairwise(sizes))
    assert len(exercise.parameters) == weights + bias * sum(sizes[1:])
    assert solution.after is not None
    assert solution.after[exercise.loss].data < solution.before[exercise.loss].data
    assert all(solution.gradients[name] for name in exercise.parameters)
    targets = [exercise.given[name] for name in exercise.given if name.startswith("target")]
    outputs = [solution.before[name].data for name in exercise.forward if re.fullmatch(r"o\d*", name)]
    errors = {
        "half-squared": lambda t, o: (t - o) ** 2 / 2,
        "squared": lambda t, o: (t - o) ** 2,
        "cross-entropy": lambda t, o: -math.log(o if t else 1 - o),
    }
    assert set(errors) == set(LOSSES)
    total = sum(map(errors[loss], targets, outputs))
    assert solution.before[exercise.loss].data == pytest.approx(total, rel=1e-12)


KINDS_OF_NETS = [
    Net((2, 3, 3), ("tanh", "softmax"), "cross-entropy", bias=True),
    Net((3, 2), ("softmax",), "squared"),
    Net((2, 2, 1), ("leaky_relu", "sigmoid"), "cross-entropy", update="momentum", steps=3),
    Net((2, 2, 2), ("leaky_relu",), samples=3),
    Net((2, 3, 2), ("relu", "softmax"), "cross-entropy", samples=4, update="adam", steps=2),
    Net((2, 2, 1), ("sigmoid",), "cross-entropy", bias=True, samples=4, steps=2),
    Net((1, 1), ("linear",), "squared", samples=3, update="adam"),
]


def worked_by_numpy(net: Net, exercise: Exercise) -> float:
    """The loss of a net, from the numbers of its file and nothing else of it."""
    numbers = {**exercise.given, **exercise.parameters}
    if net.samples > 1:
        arrays = {name: np.zeros(shape) for name, shape in exercise.shapes.items() if name in ("X", "T")}
        arrays |= {name: np.zeros(shape) for name, shape in exercise.shapes.items() if re.fullmatch(r"[Wb]\d+", name)}
        for name, number in numbers.items():
            array, _, at = name.rstrip("]").partition("[")
            if at:
                arrays[array][tuple(map(int, at.split(",")))] = number
            else:
                arrays[array] = np.array(number)
        x, targets = arrays["X"], arrays["T"].reshape(net.samples, -1)
        weights = [arrays[f"W{i}"].reshape(n, -1) for i, n in enumerate(net.sizes[1:], 1)]
        biases = [arrays.get(f"b{i}", np.zeros(n)).reshape(-1) for i, n in enumerate(net.sizes[1:], 1)]
    else:
        in_order = {kind: [numbers[name] for name in numbers if name.startswith(kind)] for kind in ("x", "t", "W", "b")}
        x, targets = np.array([in_order["x"]]), np.array([in_order["t"]])
        weights, biases, taken, units = [], [], iter(in_order["W"]), iter(in_order["b"] or [0.0] * sum(net.sizes[1:]))
        for before, size in pairwise(net.sizes):
            weights.append(np.array([[next(taken) for _ in range(before)] for _ in range(size)]))
            biases.append(np.array([next(units) for _ in range(size)]))
    functions = {
        "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
        "tanh": np.tanh,
        "relu": lambda z: np.maximum(z, 0),
        "leaky_relu": lambda z: np.where(z > 0, z, 0.01 * z),
        "linear": lambda z: z,
        "softmax": lambda z: np.exp(z) / np.exp(z).sum(axis=1, keepdims=True),
    }
    names = net.activations if len(net.activations) > 1 else net.activations * len(weights)
    for weight, bias, name in zip(weights, biases, names, strict=True):
        x = functions[name](x @ weight.T + bias)
    errors = {
        "half-squared": lambda: (targets - x) ** 2 / 2,
        "squared": lambda: (targets - x) ** 2,
        "cross-entropy": lambda: -targets * np.log(x) - (names[-1] == "sigmoid") * (1 - targets) * np.log(1 - x),
    }
    return float(errors[net.loss]().sum() / net.samples)


@pytest.mark.parametrize("net", KINDS_OF_NETS)
def test_a_new_net_is_what_it_says_with_all_its_samples_and_updates(net):
    text = new(net, seed=1)
    assert text == new(net, seed=1) != new(net, seed=2)
    exercise = load(saved(text))
    assert not exercise.hand
    solution = solve(exercise)
    assert solution.before[exercise.loss].data == pytest.approx(worked_by_numpy(net, exercise), rel=1e-12)
    assert exercise.steps == net.steps
    losses = [values[exercise.loss].data for values in solution.passes]
    assert losses == sorted(losses, reverse=True)
    parameter = next(iter(exercise.parameters))
    slope, lr = solution.gradients[parameter], exercise.lr
    first = {"gradient-descent": lr * slope, "momentum": lr * slope, "adam": math.copysign(lr, slope)}[net.update]
    start = exercise.parameters[parameter]
    assert solution.value(f"{parameter}+") == pytest.approx(start - first, rel=1e-6)
    assert any(each.step == net.steps for each in exercise.asked.values())
    assert all(solution.gradients[name] for name in exercise.parameters)


def test_a_net_of_several_samples_is_made_by_the_command(capsysbinary):
    arguments = ["--layers", "2-2-2", "--activation", "tanh,softmax", "--loss", "cross-entropy", "--samples", "3"]
    assert main(["new", *arguments, "--update", "momentum", "--steps", "2"]) == 0
    made = load(saved(capsysbinary.readouterr().out.decode()))
    assert (made.shapes["X"], made.shapes["O"], made.steps) == ((3, 2), (3, 2), 2)
    assert {name: formula.text for name, formula in made.update.items()} == {"m": "0.9*m + g", "p": "p - lr*m"}
    assert made.written["E"] == "mean(sum(-T*log(O), 1))"


def test_a_new_file_says_in_both_languages_what_its_lines_are():
    text = new(Net((2, 2, 2, 1), bias=True))
    comments = [line for line in text.splitlines() if line.startswith("#")]
    for both in (
        "은닉층 1 · hidden layer 1",
        "은닉층 2 · hidden layer 2",
        "출력층 · the output layer",
        "오차 · the error",
    ):
        assert f"# {both}" in comments


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--layers", "3"], "--layers: expected the sizes of two layers or more, inputs first"),
        (["--layers", "2-0-1"], 'as in 2-3-1; got "2-0-1"'),
        (["--layers", "30-30-2"], "at most 500 quantities"),
        (["--activation", "gelu"], "expected sigmoid, tanh, relu, leaky_relu, linear, softmax, one for all or 2"),
        (["--activation", "relu,relu,relu"], "one for all or 2 parted by commas; got relu,relu,relu"),
        (["--loss", "cross-entropy", "--activation", "tanh"], "sigmoid or softmax in the last layer; got tanh"),
        (["--activation", "softmax,sigmoid"], "--activation softmax: expected it in the last layer only"),
        (["--activation", "sigmoid,softmax", "--layers", "2-2-1"], "with two outputs or more"),
        (["--layers", "9-9-9", "--samples", "9"], "at most 500 quantities"),
        (["--samples", "0"], "argument --samples: expected a whole number, 1 to 50, got '0'"),
        (["--steps", "51"], "argument --steps: expected a whole number, 1 to 50"),
        (["--seed", "-1"], "argument --seed: expected a whole number, 0 to 1,000,000,000,000,000,000"),
    ],
)  # fmt: skip
def test_a_net_that_cannot_be_is_refused_with_what_would_do(options, message, capsys):
    assert said(["new", *options, "--lang", "en"], capsys).count(message) == 1
    assert re.search("[가-힣]{2}", said(["new", *options, "--lang", "ko"], capsys))
    assert list(Path().iterdir()) == []


def said(arguments, capsys) -> str:
    """What stands on standard error after a command that ends in status 2."""
    try:
        status = main(arguments)
    except SystemExit as error:
        status = error.code
    assert status == 2
    return capsys.readouterr().err


# --- the commands -----------------------------------------------------------------------------------------------------


def test_a_worksheet_and_its_key_are_written_to_two_files(capsys):
    arguments = ["worksheet", "--seed", "3", "-o", "s.toml", "--answers", "k.md", "--lang", "en"]
    assert main(arguments) == 0
    assert len(load("s.toml").blanks) == 40
    assert Path("k.md").read_text("utf-8").startswith("# Answer key: ")
    assert "Wrote s.toml." in capsys.readouterr().out
    Path("s.toml").write_text("mine", "utf-8")
    assert "--force" in said(arguments, capsys)
    assert Path("s.toml").read_text("utf-8") == "mine"
    assert main([*arguments, "--force"]) == 0
    assert Path("s.toml").read_text("utf-8") != "mine"


def test_the_key_never_goes_into_the_file_of_the_blanks(capsys):
    err = said(["worksheet", "-o", "s.toml", "--answers", "./s.toml", "--force", "--lang", "en"], capsys)
    assert "the answers need a file of their own" in err
    assert list(Path().iterdir()) == []


def test_a_sheet_that_is_printed_is_the_sheet_and_nothing_else(capsys):
    assert main(["worksheet", "--lang", "en"]) == 0
    alone = capsys.readouterr()
    assert main(["worksheet", "--answers", "k.toml", "--lang", "en"]) == 0
    with_key = capsys.readouterr()
    assert (with_key.out, alone.err) == (alone.out, "")
    assert with_key.err == "Wrote k.toml.\n"


def test_names_may_be_parted_by_commas_and_blanks():
    assert main(["worksheet", "--hide", "z1, updates", "-o", "s.toml"]) == 0
    assert set(load("s.toml").blanks) == {"z1", *(f"W{i}+" for i in range(1, 9))}
    assert main(["new", "--activation", "relu, sigmoid", "-o", "n.toml"]) == 0
    assert load("n.toml").forward["h1"].text == "relu(z1)"


def test_a_sheet_without_a_file_is_printed_and_loads(capsysbinary):
    assert main(["worksheet", "purchase", "--format", "toml"]) == 0
    assert load(saved(capsysbinary.readouterr().out.decode())).blanks
    assert main(["new", "--layers", "1-1"]) == 0
    assert load(saved(capsysbinary.readouterr().out.decode())).blanks


def test_without_a_renderer_the_page_has_no_picture_and_it_is_said_once(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    assert main(["worksheet", "-o", "s.html", "--answers", "k.html", "--lang", "en"]) == 0
    assert capsys.readouterr().err.count("no picture") == 1
    assert "<svg" not in Path("s.html").read_text("utf-8")
    assert sorted(each.name for each in Path().iterdir()) == ["k.html", "s.html"]


def test_with_a_renderer_the_picture_is_in_the_page():
    pytest.importorskip("pygraphviz")
    assert main(["worksheet", "-o", "s.html"]) == 0
    page = Path("s.html").read_text("utf-8")
    assert page.count("<svg") == 1
    assert "<!DOCTYPE svg" not in page


def test_sizes_of_layers_are_read_from_text():
    assert layer_sizes("2-3-1") == (2, 3, 1)


# --- the demos' exercises ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FOR_TEACHERS)
def test_each_exercise_for_teachers_is_right_and_explains_itself_in_both_languages(name, capsys):
    path = DEMOS / f"{name}.toml"
    assert main(["check", str(path), "--lang", "en"]) == 0
    assert f"{len(load(path).hand)} match, 0 rounding, 0 wrong." in capsys.readouterr().out
    opening = path.read_text("utf-8").split("\n\n")[0]
    assert all(line.startswith("# ") and len(line) <= 120 for line in opening.splitlines())
    assert re.search("[가-힣]{2}", opening)
    assert "To ask: " in opening


def test_the_neuron_s_gradient_is_the_product_of_its_three_factors():
    solution = solve(load(DEMOS / "neuron.toml"))
    factors = [solution.value(name) for name in ("dE/do", "do/dz", "dz/dw1")]
    assert math.prod(factors) == pytest.approx(solution.value("dE/dw1"), rel=1e-14)
    assert solution.value("dE/db") == pytest.approx(math.prod(factors[:2]), rel=1e-14)


def test_the_dead_path_has_no_gradient_and_stays_dead_when_numbers_are_drawn():
    exercise = load(DEMOS / "dead-path.toml")
    for each in (exercise, *(worksheet(exercise, seed=seed).exercise for seed in range(10))):
        solution = solve(each)
        assert [solution.gradients[name] for name in ("W3", "W4", "b2", "W6")] == [0, 0, 0, 0]
        assert all(solution.gradients[name] for name in ("W1", "W2", "b1", "W5", "b3"))
        assert solution.value("z2") < 0


def test_the_gradient_of_what_is_shared_is_the_sum_over_its_paths():
    solution = solve(load(DEMOS / "paths-meet.toml"))
    numbers = [solution.value(name) for name in ("dE1/dh1", "dE2/dh1")]
    assert numbers[0] * numbers[1] < 0
    assert sum(numbers) == pytest.approx(solution.value("dE/dh1"), rel=1e-14)
    paths = [solution.value(f"dE/dz{i}") * solution.value(f"W{i}") for i in (1, 2, 3)]
    assert sum(paths) == pytest.approx(solution.value("dE/dx"), rel=1e-14)
