"""The page in a real browser: its numbers, its controls, its words, what it looks like to a screen reader.

Runs where Playwright and a Chromium of the system are installed. Whatever is said on the console is a failure.
"""

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from browsing import CHROMIUM, chromium, until
from hypothesis import HealthCheck, assume, settings
from hypothesis import given as drawn

from micrograd_kr import ops
from micrograd_kr.said import LANGUAGES
from micrograd_kr.teacher.ask.exercise import Exercise
from micrograd_kr.teacher.ask.expressions import Symbol
from micrograd_kr.teacher.ask.file import built_in, load
from micrograd_kr.teacher.ask.formula import FUNCTIONS, OPERATORS, read_formula
from micrograd_kr.teacher.ask.hand import with_hand
from micrograd_kr.teacher.ask.messages import ExerciseError
from micrograd_kr.teacher.ask.quantity import spelled
from micrograd_kr.teacher.ask.solution import Solution, solve
from micrograd_kr.teacher.check.diagnosis import check
from micrograd_kr.teacher.derive import notation
from micrograd_kr.teacher.derive.explanation import explain_exercise, line_text
from micrograd_kr.teacher.derive.lines import Lines
from micrograd_kr.teacher.show.diagram import Diagram
from micrograd_kr.teacher.show.page import WORDS, page, script_of

pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")

CHAPTER = load("chapter7")
MISPRINTS = load("chapter7-misprints")
HOSTILE = '</script><script>window.ran = 1</script><img src=x onerror="window.ran = 1">\u2028{target}⟦z1⟧'
PHONE, DESK = {"width": 360, "height": 780}, {"width": 1440, "height": 900}
Open = Callable[..., Any]
RULES = {*FUNCTIONS.values(), *OPERATORS.values(), ops.neg, ops.sign, ops.identity}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Iterator[Open]:
    """Opens the page of an exercise from disk, without motion unless asked for; nothing may be said on the console."""
    said: list[str] = []
    contexts = []

    def opener(exercise: Exercise = CHAPTER, lang: str = "en", motion: str = "reduce", **options: Any) -> Any:
        file = tmp_path / f"{len(contexts)}.html"
        file.write_text(page(exercise, lang=lang), "utf-8")
        contexts.append(browser.new_context(reduced_motion=motion, offline=True, **{"viewport": DESK, **options}))
        shown = contexts[-1].new_page()
        shown.on("console", lambda message: said.append(message.text))
        shown.on("pageerror", lambda error: said.append(str(error)))
        shown.goto(file.as_uri())
        return shown

    yield opener
    for context in contexts:
        context.close()
    assert said == []


def number_of(solution: Solution) -> Callable[[str], float]:
    """The engine's number for a key of the page."""
    exercise = solution.exercise
    arcs = Diagram(Lines.of(solution), solution, every_line=False).arcs

    def number(key: str) -> float:
        if key == "lr":
            return float(exercise.lr or 0)
        if key[0] == "∂":
            target, source = key[1:].split("/∂")
            return arcs[source, target][0]
        if key[0] == "←":
            source, target = re.split(r",(?![^\[]*\])", key[1:])  # no comma of an entry, W[0,1]
            return arcs[source, target][1]
        return solution.value(key)

    return number


def written_by(exercise: Exercise, digits: int) -> Callable[[str], str]:
    """How micrograd-kr writes the number for a key of the page."""
    number = number_of(solve(exercise))
    exact = [*exercise.given, *exercise.parameters, "lr"]
    return lambda key: notation.decimals(digits, "text", exact)(key, number(key), False)


# --- numbers ----------------------------------------------------------------------------------------------------------

LINES = (
    "{a} + {b}",
    "{a} - {b}",
    "tanh({a})*{b} + {c}",
    "{a}/({b}*{b} + 1)",
    "1/2*({a} - {b})**2/(1 + {c}**2)",
    "({a}*{a} + 1)**tanh({b})",
    "2**tanh({a})",
    "sigmoid({a})",
    "relu({a}) - relu(-{b})",
    "leaky_relu({a}) + leaky_relu({b}, 0.3)",
    "softplus({a})",
    "step({a})*{b}",
    "exp(tanh({a}))",
    "log({a}*{a} + 1)",
    "log2({a}*{a} + 1)*log10({b}*{b} + 2)",
    "sqrt({a}*{a} + 0.5)",
    "abs({a})",
    "sin({a})*cos({b})",
    "tan(tanh({a}))",
    "sign({a})*{b}",
    "max({a}, {b})",
    "min({a}, {b})*{c}/(1 + {c}*{c})",
    "softmax({a}, {b}, {c})[1]",
    "log_softmax({a}, {b})[0]",
    "{a}",
    "-({a})",
)


# a moving average of the gradient, as it was before and after its own line
UPDATE = {
    "d": read_formula("m"),
    "m": read_formula("0.9*m + 0.1*g"),
    "p": read_formula("p - lr*(m/(1 - 0.9**k) + 0.1*d*x)"),
}


@st.composite
def exercises(draw: st.DrawFn) -> Exercise:
    """Three to nine lines over four numbers, each of the lines from those above."""
    numbers = st.floats(-2, 2).map(lambda x: round(x, 3))
    given, parameters = {"x": draw(numbers), "y": draw(numbers)}, {"u": draw(numbers), "v": draw(numbers)}
    forward = {}
    for i in range(draw(st.integers(3, 9))):
        among = st.sampled_from([*given, *parameters, *forward])
        text = draw(st.sampled_from(LINES)).format(a=draw(among), b=draw(among), c=draw(among))
        forward[f"q{i}"] = read_formula(text)
    lr = draw(st.sampled_from([0.01, 0.5, None]))
    update = draw(st.sampled_from([{}, UPDATE])) if lr else {}
    steps = draw(st.integers(1, 4)) if lr else 0
    return Exercise("random", "", f"q{i}", lr, given, parameters, forward, {}, "random", steps=steps, update=update)


def solved_by(shown: Any, exercise: Exercise, solution: Solution, written: Solution | None = None) -> dict[str, float]:
    """Every number of an exercise as the page's own engine computes it; written: what its lines are written from."""
    lines = Lines.of(written or solution).readable()
    names = {"order": list(lines.order), "loss": exercise.loss, "parameters": list(exercise.parameters)}
    names |= {"given": list(exercise.given), "steps": exercise.steps}
    numbers = [*exercise.given.items(), *exercise.parameters.items()]
    run = "return [...solve(LINES, told, new Map(numbers), lr, UPDATES)].map(([key, value]) => [key, String(value)])"
    found = shown.evaluate(
        f"([told, numbers, lr]) => {{ {script_of(written or solution, lines)} {run} }}",
        [names | {"forward": list(exercise.forward)}, numbers, exercise.lr],
    )
    return {key: float(value.replace("Infinity", "inf")) for key, value in found}


def of_the_engine(exercise: Exercise, solution: Solution) -> Callable[[str], Any]:
    """The engine's number, as near as other orders of adding and multiplying come to it."""
    expected = number_of(solution)
    size = max(abs(value.data) for value in [*solution.before.values(), *(solution.after or {}).values()])
    return lambda key: pytest.approx(expected(key), rel=1e-12, abs=1e-12 * max(1.0, size))


def test_the_script_has_every_function_of_an_exercise_and_no_derivative_of_its_own(opened):
    x = Symbol("x", 0.5)
    options = [(rule, [0.25] * (rule.dy is not None or rule is ops.leaky_relu)) for rule in RULES]
    written = ", ".join(notation.javascript(rule(x, *option), {"x": 0}) for rule, option in options)
    found = opened().evaluate(f"(() => {{ const v = [0.5]; return [{written}] }})()")
    assert found == pytest.approx([rule(0.5, *option) for rule, option in options], rel=1e-15)


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@drawn(exercise=exercises())
def test_the_numbers_of_random_exercises_are_the_engines(random_page, exercise):
    try:
        solution = solve(exercise)
    except ExerciseError:
        assume(False)
    expected = of_the_engine(exercise, solution)
    for key, found in solved_by(random_page, exercise, solution).items():
        assert found == expected(key), key


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@drawn(exercise=exercises(), data=st.data())
def test_the_numbers_follow_other_numbers_over_every_kink(random_page, exercise, data):
    """Written at one set of numbers, the lines are worked at another, in which some are 0 and some are equal."""
    edge = st.sampled_from([0.0, 1.0, -1.0, 0.5, *exercise.given.values(), *exercise.parameters.values()])
    other = replace(
        exercise,
        given={name: data.draw(edge) for name in exercise.given},
        parameters={name: data.draw(edge) for name in exercise.parameters},
    )
    try:
        written, solution = solve(exercise), solve(other)
    except ExerciseError:
        assume(False)
    expected = of_the_engine(other, solution)
    for key, found in solved_by(random_page, other, solution, written).items():
        try:
            assert found == expected(key), key
        except ExerciseError:
            assert not math.isfinite(found)


@pytest.mark.parametrize(("a", "b"), [(0.0, 2.0), (2.0, 0.0), (0.0, 0.0), (3.0, 0.5)])
@pytest.mark.parametrize("start", [(0.0, 2.0), (2.0, 0.0), (0.0, 0.0), (3.0, 0.5)])
def test_a_power_has_its_derivatives_wherever_it_was_written(opened, start, a, b):
    forward = {"E": read_formula("a**b")}
    first, other = (
        Exercise("power", "", "E", None, {}, {"a": x, "b": y}, forward, {}, "power") for x, y in (start, (a, b))
    )
    solution = solve(other)
    expected = of_the_engine(other, solution)
    for key, found in solved_by(opened(), other, solution, solve(first)).items():
        assert found == expected(key), key


def test_a_line_too_long_to_read_is_worked_in_parts_to_the_same_numbers(opened):
    text = "tanh(sin(tanh(cos(tanh(sin(tanh(cos(tanh(sigmoid(a*b))))))))))"
    forward = {"z": read_formula(f"{text} + a*max(a, b)"), "c": read_formula("2*3"), "E": read_formula("(z - c)**2")}
    exercise = Exercise("deep", "", "E", 0.5, {"a": 0.5}, {"b": 0.25}, forward, {}, "deep")
    solution = solve(exercise)
    assert Lines.of(solution).readable().order.keys() > solution.before.keys()
    shown = opened(exercise)
    expected = of_the_engine(exercise, solution)
    for key, found in shown.evaluate("[...now.found]"):
        if "t1" not in key and "t2" not in key:
            assert found == expected(key), key
    assert {"∂z/∂b", "c'", "dE/db", "b+"} <= dict(shown.evaluate("[...now.found]")).keys()
    shown.select_option("#chosen", "b")
    assert not re.search("NaN|undefined", shown.inner_text("#lines"))


@pytest.fixture
def random_page(opened):
    return opened()


@pytest.mark.parametrize("name", [*built_in(), *sorted(map(str, Path("demos").glob("*.toml")))])
def test_the_numbers_of_an_exercise_are_the_engines_bit_for_bit(opened, name):
    exercise = load(name)
    shown = opened(exercise)
    expected = number_of(solve(exercise))
    found = shown.evaluate("hand => [...now.found.keys(), ...hand].map((key) => [key, number(key)])", [*exercise.hand])
    # the sum in softmax, and the order of sums, may differ by a last bit, which many steps carry on
    slack = 1e-12 if exercise.steps > 3 or any("softmax" in text for text in exercise.written.values()) else 0.0
    off = [(key, value, expected(key)) for key, value in found if not math.isclose(value, expected(key), rel_tol=slack)]
    assert off == []


@pytest.mark.parametrize("name", built_in())
def test_every_number_of_every_step_is_the_engines(opened, name):
    exercise = load(name)
    shown = opened(exercise)
    written = written_by(exercise, shown.evaluate("data.digits"))
    steps = shown.evaluate("""() => steps.map((step, i) => {
        go(i);
        const slots = [...document.querySelectorAll("#formulas [data-of]")];
        const rows = [...drawn.rows].filter(([, { row }]) => row.classList.contains("known"));
        return {
            ...step,
            formulas: slots.map((each) => [each.dataset.of, each.textContent.replace(/[()]/g, "")]),
            picture: rows.map(([key, { number }]) => [key, number.textContent.trim()]),
        };
    })""")
    for step in steps:
        for key, text in [*step["formulas"], *step["picture"]]:
            assert text.replace("×10", "e").replace("e−0", "e−") == written(key).replace("e−0", "e−"), (step, key)
    last = {key for key, _ in steps[-1]["picture"]}
    assert {*exercise.positions, *(f"d{exercise.loss}/d{name}" for name in exercise.parameters)} <= last


def test_the_way_back_multiplies_along_each_line_and_adds_where_lines_meet(opened):
    shown = opened()
    steps = shown.evaluate("steps")
    meeting = next(step for step in steps if step["kind"] == "sum" and step["source"] == "h1")
    assert meeting["uses"] == ["←h1,z3", "←h1,z4"]
    shown.evaluate("step => go(step)", steps.index(meeting))
    assert shown.locator("#formulas .formula").get_attribute("data-text") == (
        "∂E_total/∂h₁ = 0.02243370 + 0.00997311 = 0.03240681"
    )
    before = [step["kind"] for step in steps[: steps.index(meeting)] if step.get("source") == "h1"]
    assert before == ["several", "several"]


# --- controls ---------------------------------------------------------------------------------------------------------


def test_each_control_goes_where_it_says(opened):
    shown = opened()
    last = shown.evaluate("steps.length") - 1
    where = "now.step"
    for control, expected in [("next", 1), ("next", 2), ("back", 1), ("last", last), ("back", last - 1), ("first", 0)]:
        shown.click(f"#{control}")
        assert shown.evaluate(where) == expected
    shown.locator("#slider").fill("30")
    assert shown.evaluate(where) == 30
    assert shown.inner_text("#count") == f"31 / {last + 1}"
    shown.click("#phases >> text=Update")
    assert shown.evaluate("steps[now.step].phase") == "update"
    shown.set_viewport_size(PHONE)
    room = "at('scroll').scrollWidth - at('scroll').clientWidth"
    assert shown.evaluate(room) == 0
    shown.click("#large")
    assert shown.evaluate(room) > 0


def test_a_phase_leads_to_where_it_comes_next_and_from_the_last_to_the_first(opened):
    shown = opened(load("adam"))
    found = []
    for _ in range(4):
        shown.click("#phases >> text=Update")
        found.append(shown.evaluate("now.step"))
    assert found == [*sorted({*found}), found[0]]
    assert all(shown.evaluate("steps")[step]["phase"] == "update" for step in found)


def test_the_keyboard_alone_suffices(opened):
    shown = opened()
    last = shown.evaluate("steps.length") - 1
    for key, expected in [("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1), ("End", last), ("Home", 0)]:
        shown.keyboard.press(key)
        assert shown.evaluate("now.step") == expected
    reached = set()
    for _ in range(240):
        shown.keyboard.press("Tab")
        reached.add(shown.evaluate("document.activeElement.id || document.activeElement.dataset.names || ''"))
    assert {
        "language",
        "theme",
        "scroll",
        "W5",
        "play",
        "next",
        "slider",
        "chosen",
        "field-W5",
        "reset",
        "save",
        "load",
    } <= reached
    shown.locator('[data-names="W5"]').focus()
    shown.keyboard.press("Enter")
    assert shown.input_value("#chosen") == "W5"
    shown.keyboard.press("Escape")
    assert shown.input_value("#chosen") == ""
    shown.locator("#field-W5").focus()
    shown.keyboard.press("End")
    assert shown.evaluate("now.step") == 0


def test_it_plays_and_pauses(opened):
    shown = opened()
    shown.keyboard.press(" ")
    assert shown.get_attribute("#play", "aria-label") == "Pause"
    assert shown.evaluate("now.step") == 1
    until(shown, "now.step === 2")
    shown.keyboard.press(" ")
    assert shown.get_attribute("#play", "aria-label") == "Play"
    at = shown.evaluate("now.step")
    shown.wait_for_timeout(2300)
    assert shown.evaluate("now.step") == at


def test_nothing_moves_when_the_system_asks_for_that(opened):
    def moves(shown):
        shown.evaluate("go(20, true)")
        return shown.locator(".dot").get_attribute("visibility")

    assert moves(opened(motion="no-preference")) == "visible"
    assert moves(opened(motion="reduce")) == "hidden"


def test_a_dot_goes_back_along_the_line_of_a_contribution_and_is_gone(opened):
    shown = opened(motion="no-preference")
    shown.evaluate("go(steps.findIndex(({ kind }) => kind === 'several'), true)")
    at = "drawn.dot.getCTM().e - at('picture').getCTM().e"
    start = shown.evaluate(at)
    until(shown, f"{at} < {start} - 20")
    until(shown, "drawn.dot.getAttribute('visibility') === 'hidden'")


# --- words ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", built_in())
@pytest.mark.parametrize("lang", ["en", "ko"])
def test_every_step_is_said_in_words_and_formulas(opened, name, lang):
    shown = opened(load(name), lang)
    said = shown.evaluate("""() => steps.map((step, i) => {
        go(i);
        const [words, live] = ["words", "live"].map((id) => document.getElementById(id).textContent);
        return [words, live, document.querySelectorAll("#formulas math").length, step.kind];
    })""")
    for words, live, formulas, kind in said:
        assert words
        assert words in live
        assert formulas or kind in ("start", "stop")
        assert not re.search(r"[{}⟦⟧]|undefined|NaN|null", words + live)
        assert bool(re.search("[가-힣]", words)) == (lang == "ko")


@pytest.mark.parametrize(
    ("name", "lang", "update", "end", "again", "legend"),
    [
        ("adam", "en", "own update", "After 3 updates the loss E", "Forward again", "z′, z″, z@3 after the updates"),
        ("adam", "ko", "업데이트 식에 따라", "업데이트 3번으로", "다시 순전파", "z′, z″, z@3 업데이트 후"),
        ("straight-line", "en", "takes one step", "After 200 updates", "Forward again", "z@200 after the updates"),
        ("chapter7", "en", "takes one step", "After one step of", "Second pass", "z′ after the update"),
        ("chapter7", "ko", "기울기의 반대 방향", "경사 하강 한 번", "다시 순전파", "z′ 업데이트 후"),
    ],
)
def test_updates_are_called_what_they_are(opened, name, lang, update, end, again, legend):
    shown = opened(load(name), lang)
    said = shown.evaluate("steps.map((step) => [step.kind, wordsOf(step)])")
    assert {update in words for kind, words in said if kind == "update"} == {True}
    assert [end in words for kind, words in said if kind == "end"] == [True]
    assert again in shown.text_content("#phases")
    assert legend in shown.text_content("#legend li.second")
    shown.evaluate("go(steps.findIndex(({ kind }) => kind === 'second'))")
    assert shown.text_content("#phase") == again


@pytest.mark.parametrize(("name", "lr", "blames"), [("chapter7", 1000.0, True), ("momentum", 30.0, False)])
def test_the_learning_rate_is_blamed_for_a_larger_loss_only_where_nothing_else_takes_the_step(opened, name, lr, blames):
    shown = opened(replace(load(name), lr=lr, hand={}))
    assert "went up by" in shown.evaluate("wordsOf(steps.at(-1))")
    assert ("learning rate" in shown.evaluate("wordsOf(steps.at(-1))")) == blames


def test_the_languages_are_switched_in_place(opened):
    shown = opened()
    shown.evaluate("go(20)")
    shown.fill("#field-W5", "0.5")
    shown.click("#language")
    assert shown.get_attribute("html", "lang") == "ko"
    assert shown.evaluate("now.step") == 20
    assert shown.input_value("#field-W5") == "0.5"
    texts = shown.evaluate("[...document.querySelectorAll('[data-word]')].map((e) => [e.dataset.word, e.textContent])")
    assert all(text == WORDS[word].in_("ko") for word, text in texts)
    labels = shown.evaluate("[...document.querySelectorAll('[data-label]')].map((e) => [e.dataset.label, e.ariaLabel])")
    assert all(label == WORDS[word].in_("ko") for word, label in labels)
    shown.click("#language")
    assert shown.get_attribute("html", "lang") == "en"


def test_light_and_dark_follow_the_system_and_the_button(opened):
    shown = opened(color_scheme="dark")
    assert shown.get_attribute("html", "data-theme") == "dark"
    shown.click("#theme")
    assert shown.get_attribute("html", "data-theme") == "light"
    assert opened(color_scheme="light").get_attribute("html", "data-theme") == "light"


# --- a derivation -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", built_in())
def test_a_derivation_reads_as_explain_writes_it(opened, name):
    exercise = load(name)
    shown = opened(exercise)
    digits = shown.evaluate("data.digits")
    for parameter in exercise.parameters:
        asked = f"{parameter}+" if exercise.lr else f"d{exercise.loss}/d{parameter}"
        explanation = explain_exercise(exercise, asked)
        written = notation.decimals(digits, "text", list(explanation.exact))
        shown.select_option("#chosen", parameter)
        texts = shown.evaluate("[...document.querySelectorAll('#lines .formula')].map((e) => e.dataset.text)")
        assert texts == [line_text(each, written) for each in explanation.lines]


def test_a_click_on_a_parameter_lights_its_paths(opened):
    shown = opened()
    shown.click('[data-names="W1"]')
    lit = shown.evaluate("[...drawn.boxes].filter(([, box]) => box.classList.contains('lit')).map(([key]) => key)")
    assert {"x1 z1", "h1", "h1 z3", "h1 z4", "o1", "o2", "E_o1", "E_o2", "E_total"} <= set(lit)
    assert {"h2", "x2 z1", "target_o1"}.isdisjoint(lit)
    assert shown.get_attribute('[data-names="W1"]', "aria-pressed") == "true"
    assert shown.input_value("#chosen") == "W1"


def test_a_chosen_box_leads_to_its_derivation_below(opened):
    shown = opened(viewport=PHONE)
    top = "at('derivation').getBoundingClientRect().top"
    assert not shown.is_visible("#lead")
    shown.click('[data-names="W1"]')
    assert shown.inner_text("#lead") == "Derivation: W1 ↓"
    assert shown.evaluate(top) > PHONE["height"]
    shown.click("#lead")
    assert 0 <= shown.evaluate(top) < PHONE["height"] / 2
    shown.keyboard.press("Escape")
    assert not shown.is_visible("#lead")


# --- hand numbers -----------------------------------------------------------------------------------------------------


def test_hand_numbers_stand_beside_the_engines_with_marks_and_words(opened):
    shown = opened(MISPRINTS)
    shown.keyboard.press("End")
    report = check(MISPRINTS)
    verdicts = shown.evaluate("""() => [...document.querySelectorAll("#verdicts tbody tr:has(strong)")].map(
        (row) => [row.querySelector("input").value, row.innerText])""")
    assert len(verdicts) == len(report.rows)
    for row, (typed, text) in zip(report.rows, verdicts, strict=True):
        assert row.hand in typed
        assert {"match": "✓ match", "rounding": "≈ rounding", "wrong": "✗ wrong"}[row.verdict] in text
    for row in report.rows:
        key = next(each["key"] for each in shown.evaluate("data.hand") if each["name"] == row.name)
        mark = shown.evaluate("key => drawn.rows.get(key).mark.textContent", key)
        assert mark == {"match": "✓", "rounding": "≈", "wrong": "✗"}[row.verdict]
    assert report.first_wrong is not None
    said = shown.inner_text("#verdicts .note.wrong")
    assert shown.evaluate("levelled(data.symbol(data.firstWrong))") in said
    assert all(str(cause.said) in said for cause in report.first_wrong.causes)


@pytest.mark.parametrize("language", ["en", "ko"])
def test_a_number_that_tells_nothing_and_a_remark_on_all_are_shown(opened, language):
    floats = {"h1": "0.5199893116950989", "o1": "0.6094459891319275", "z1": "0", "h2": "1"}
    exercise = replace(load("chapter7"), hand=floats)
    shown = opened(exercise, language)
    (remark,) = check(exercise).remarks
    said = shown.inner_text("#verdicts")
    assert remark.said.in_(language) in said
    assert f"? {WORDS['undecided'].in_(language)} 2" in said
    assert shown.locator("#verdicts tbody strong.undecided").count() == 2
    assert shown.locator("#picture .mark.undecided").count() == 2


def test_a_hand_number_leads_to_its_step(opened):
    shown = opened(MISPRINTS)
    shown.locator("#verdicts tbody .link").nth(1).click()
    step = shown.evaluate("steps[now.step]")
    assert (step["kind"], step["target"]) == ("forward", "h1")
    assert "0.51998934" in shown.inner_text("#compared")
    assert "✓" in shown.inner_text("#compared")


# --- other numbers ----------------------------------------------------------------------------------------------------


def test_other_numbers_are_worked_through_at_once(opened):
    shown = opened()
    shown.keyboard.press("End")
    for name, text in [("W5", "-0.25"), ("x1", "1,5"), ("lr", "0.125"), ("\\/digits", "5")]:
        shown.fill(f"#field-{name}", text)
    exercise = replace(
        CHAPTER, given={**CHAPTER.given, "x1": 1.5}, parameters={**CHAPTER.parameters, "W5": -0.25}, lr=0.125
    )
    written = written_by(exercise, 5)
    rows = shown.evaluate("[...drawn.rows].map(([key, { number }]) => [key, number.textContent.trim()])")
    assert [key for key, text in rows if text != written(key)] == []
    shown.select_option("#chosen", "W1")
    explanation = explain_exercise(exercise, "W1+")
    texts = shown.evaluate("[...document.querySelectorAll('#lines .formula')].map((e) => e.dataset.text)")
    hook = notation.decimals(5, "text", list(explanation.exact))
    assert texts == [line_text(each, hook) for each in explanation.lines]
    assert str(WORDS["other numbers"]) in shown.inner_text("#verdicts")
    shown.click("#reset")
    assert shown.evaluate('number("E_total\'")') == pytest.approx(solve(CHAPTER).value("E_total'"), rel=1e-12)
    assert str(WORDS["other numbers"]) not in shown.inner_text("#verdicts")


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("W5", ""),
        ("W5", "half"),
        ("x1", "1e999"),
        ("x1", "1,000"),
        ("x1", "0x10"),
        ("lr", "-1"),
        ("\\/digits", "2.5"),
        ("target_o1", "1e308"),
    ],
)
def test_a_number_that_cannot_be_used_is_answered_and_changes_nothing(opened, field, text):
    shown = opened()
    before = shown.evaluate("[...now.found]")
    shown.fill(f"#field-{field}", text)
    message = shown.inner_text("#trouble")
    assert message
    assert shown.evaluate("[...now.found]") == before
    shown.click("#language")
    assert re.search("[가-힣]", shown.inner_text("#trouble"))
    assert re.search("[가-힣]", shown.inner_text("#words"))
    shown.click("#reset")
    assert shown.inner_text("#trouble") == ""
    assert shown.locator("[aria-invalid='true']").count() == 0


# --- what it looks like -----------------------------------------------------------------------------------------------


# What is not in sight of what a step speaks of, on the first screen; and text in the picture that is too small there.
OUT_OF_SIGHT = """() => {
    const bottom = at("controls").getBoundingClientRect().top + 1;
    const outside = ({ width, top, left, right, bottom: end }) =>
        width && (top < -1 || left < -1 || right > innerWidth + 1 || end > bottom);
    const parts = ["words", "formulas", "compared", "near", "stage"];
    const found = parts.filter((id) => outside(at(id).getBoundingClientRect()));
    for (const each of [at("step"), ...at("formulas").children]) {
        const over = each.scrollWidth > each.clientWidth + 2 || each.scrollHeight > each.clientHeight + 2;
        if (over) found.push(`all of ${each.id || "a formula"}`);
    }
    if (at("near").hidden) {
        const frame = at("scroll").getBoundingClientRect();
        for (const { row } of drawn.rows.values()) {
            if (!row.matches(".new, .used")) continue;
            const { top, left, right, bottom: end } = row.getBoundingClientRect();
            if (top < frame.top || left < frame.left || right > frame.right || end > frame.bottom) found.push("a box");
        }
        if (at("picture").getScreenCTM().a < 0.999) found.push("text of 12 pixels");
    } else if (parseFloat(getComputedStyle(at("near").firstChild).fontSize) < 12) found.push("a chip of 12 pixels");
    return found;
}"""
SIZES = [(1440, 900), (1366, 768), (1280, 720), (768, 1024), (390, 844)]
OF_THE_LESSON = sorted(map(str, Path("demos").glob("*.toml")))


@pytest.mark.parametrize("size", SIZES, ids=[f"{width}x{height}" for width, height in SIZES])
@pytest.mark.parametrize("name", [*built_in(), *OF_THE_LESSON])
def test_all_that_a_step_says_is_in_sight_without_scrolling(opened, name, size):
    shown = opened(load(name), "ko" if size[0] < 1000 else "en", viewport={"width": size[0], "height": size[1]})
    missed = shown.evaluate(f"""() => steps.map((_, i) => {{
        go(i);
        return [i, ({OUT_OF_SIGHT})()];
    }}).filter(([, found]) => found.length)""")
    assert missed == []


def test_what_is_out_of_sight_is_seen_to_be(opened):
    shown = opened(viewport={"width": 1280, "height": 720})
    shown.evaluate("go(1)")
    assert shown.evaluate(OUT_OF_SIGHT) == []
    shown.evaluate("at('scroll').scrollTo(1000, 0)")
    assert "a box" in shown.evaluate(OUT_OF_SIGHT)
    shown.evaluate("at('words').append(...Array.from({ length: 60 }, () => make('p', {}, 'more')))")
    assert {"words", "all of step"} <= set(shown.evaluate(OUT_OF_SIGHT))


def test_a_number_beside_a_small_picture_comes_back_to_one_quantity(opened):
    shown = opened(load("xor"), viewport=PHONE)
    found = shown.evaluate("steps.flatMap(neighbourhood).map((each) => each.textContent ?? each)")
    assert any(text.startswith("← Z[1,0] ") for text in found)
    assert not any("]," in text for text in found)


def test_the_first_screen_says_how_many_are_wrong_and_leads_to_the_first(opened):
    report = check(MISPRINTS)
    assert report.first_wrong is not None
    for size in SIZES:
        shown = opened(MISPRINTS, viewport={"width": size[0], "height": size[1]})
        summary = shown.locator("#summary")
        assert summary.bounding_box()["y"] + summary.bounding_box()["height"] < size[1]
        assert f"✗ wrong {len(report.wrong)}" in summary.inner_text()
        summary.locator("button").click()
        assert shown.evaluate("steps[now.step].gives.includes(data.firstWrong)")
    assert opened(replace(CHAPTER, hand={})).inner_text("#summary") == ""


def test_on_paper_are_the_picture_and_the_derivation_and_no_controls(opened):
    shown = opened(CHAPTER, viewport={"width": 794, "height": 1123})
    shown.evaluate("choose('W5')")
    shown.emulate_media(media="print")
    visible = "id => at(id).getBoundingClientRect().height > 0"
    assert [shown.evaluate(visible, each) for each in ("picture", "lines")] == [True, True]
    assert not any(shown.evaluate(visible, each) for each in ("controls", "numbers", "large", "language"))
    assert shown.evaluate("document.documentElement.scrollWidth") <= 794
    assert shown.evaluate("at('picture').getBoundingClientRect().right") <= 794


def test_indices_are_set_and_no_characters_of_their_own(opened):
    shown = opened(MISPRINTS)
    shown.keyboard.press("End")
    shown.evaluate("choose('W5')")
    assert not re.search("[₀-₉]", shown.evaluate("document.body.innerText"))
    assert shown.locator("#picture .label .index").first.text_content() == "1"
    assert shown.locator("#verdicts sub").count() > 0


@pytest.mark.parametrize("name", built_in())
def test_a_page_is_never_wider_than_its_window_and_no_boxes_overlap(opened, name):
    shown = opened(load(name))
    shown.keyboard.press("End")
    shown.evaluate("choose([...data.derivations.keys()].at(-1))")
    for size in (PHONE, DESK):
        shown.set_viewport_size(size)
        for _ in LANGUAGES:
            shown.click("#language")
            assert shown.evaluate("document.documentElement.scrollWidth") <= size["width"]
    boxes = shown.evaluate("""() => [...drawn.boxes.values()].map((box) => {
        const { x, y, width, height } = box.firstChild.getBBox();
        return [x, y, x + width, y + height];
    })""")
    for i, (left, top, right, bottom) in enumerate(boxes):
        for other in boxes[:i]:
            assert left >= other[2] or right <= other[0] or top >= other[3] or bottom <= other[1]


def test_every_number_stays_inside_its_box_and_apart_from_its_name(opened):
    shown = opened(CHAPTER)
    shown.keyboard.press("End")
    rows = shown.evaluate("""() => [...drawn.rows.values()].map(({ row, number, mark }) => {
        const [box, ...texts] = [row.parentNode.firstChild, row.querySelector(".label"), number, mark];
        const edges = [box, ...texts].map((each) => each.getBBox());
        return edges.map(({ x, width }) => [x, x + width]);
    })""")
    for box, label, number, mark in rows:
        assert box[0] < label[0]
        assert label[1] < number[0]
        assert number[1] <= mark[0] + 1 or mark[0] == mark[1]
        assert max(number[1], mark[1]) <= box[1]


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["360", "1440"])
def test_axe_finds_nothing_that_keeps_anyone_out(opened, size):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    shown = opened(MISPRINTS, viewport=size)
    assert axe.run(shown).response["violations"] == []
    shown.emulate_media(color_scheme="dark")
    shown.evaluate("(go(20), choose('W1'))")
    shown.fill("#field-W5", "half")
    assert axe.run(shown).response["violations"] == []


# --- hostile exercises ------------------------------------------------------------------------------------------------


def test_a_hostile_exercise_runs_no_script_and_is_shown_as_text(opened):
    names = {"constructor": 0.5, "__proto__": 0.25, "가": 0.1, "querySelectorAll": 0.7}
    forward = {
        "toString": read_formula("constructor*가 + __proto__*querySelectorAll"),
        "E": read_formula("toString**2"),
    }
    hand = {"toString": "0.3", "dE/d__proto__": "0.60"}
    exercise = Exercise(HOSTILE, HOSTILE, "E", 0.5, {}, names, forward, hand, HOSTILE)
    shown = opened(exercise)
    shown.keyboard.press("End")
    for name in names:
        shown.select_option("#chosen", name)
    assert shown.evaluate("window.ran") is None
    assert shown.inner_text("h1").startswith("</script><script>")
    assert shown.evaluate("number('dE/d__proto__')") == pytest.approx(solve(exercise).value("dE/d__proto__"), rel=1e-12)


def test_a_script_that_comes_in_all_the_same_is_not_run(browser, tmp_path):
    file = tmp_path / "page.html"
    file.write_text(page(CHAPTER).replace("</body>", "<script>window.ran = 1</script></body>"), "utf-8")
    shown = browser.new_page()
    shown.goto(file.as_uri())
    assert shown.evaluate("[window.ran ?? 0, steps.length > 1]") == [0, True]
    shown.close()


# --- copying ----------------------------------------------------------------------------------------------------------

COPY = """() => {
  const event = new ClipboardEvent("copy", {clipboardData: new DataTransfer(), bubbles: true, cancelable: true});
  document.dispatchEvent(event);
  return [event.defaultPrevented, event.clipboardData.getData("text/plain")];
}"""


def test_a_formula_that_is_copied_may_be_pasted_into_a_sheet(opened):
    """All formulas of all steps."""
    shown, pasted = opened(), {}
    for step in range(shown.evaluate("steps.length")):
        shown.evaluate("step => go(step)", step)
        for index in range(shown.locator(".formula").count()):
            shown.evaluate("index => getSelection().selectAllChildren(at('formulas').children[index])", index)
            is_taken, text = shown.evaluate(COPY)
            assert is_taken
            name = spelled(text.partition(" = ")[0])
            pasted |= {name: text} if "·" not in name else {}  # what flows along one line has no name
    sheet = with_hand(replace(CHAPTER, hand={}, asked={}), pasted)
    assert (len(pasted) > 30, sheet.unreadable) == (True, ())
    assert {row.verdict for row in check(sheet).rows} <= {"match", "rounding"}


def test_what_is_copied_elsewhere_is_left_to_the_browser(opened):
    shown = opened()
    shown.evaluate("getSelection().selectAllChildren(at('words'))")
    assert shown.evaluate(COPY) == [False, ""]
