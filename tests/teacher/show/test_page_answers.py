"""Numbers typed into the page: judged at once, kept, saved as the file that check reads; in practice not told before.

Runs where Playwright and a Chromium of the system are installed. Whatever is said on the console is a failure.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from browsing import CHROMIUM, chromium, until

from micrograd_kr.__main__ import main
from micrograd_kr.said import LANGUAGES
from micrograd_kr.teacher.ask.exercise import Exercise
from micrograd_kr.teacher.ask.file import load
from micrograd_kr.teacher.ask.hand import blank, with_hand
from micrograd_kr.teacher.ask.solution import solve
from micrograd_kr.teacher.check.diagnosis import check
from micrograd_kr.teacher.show.page import WORDS, page
from micrograd_kr.teacher.show.worksheet import suggested

pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")

CHAPTER = load("chapter7")
BLANK = blank(CHAPTER)
LAPTOP, PHONE = {"width": 1366, "height": 768}, {"width": 390, "height": 844}
KEY = 50.0  # milliseconds from a key to its verdict, at most
EXACT = {name: f"{solve(CHAPTER).value(name):.8f}" for name in suggested(CHAPTER)}
WRONG = EXACT | {"h1": "0.51989934", "dE_total/do1": "-0.20944600"}
MARKS = {"match": "✓", "rounding": "≈", "undecided": "?", "wrong": "✗", "more": "…"}
Open = Callable[..., Any]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Iterator[Open]:
    """Opens a page from disk; nothing may be said on the console. Pages of one test keep what is typed in one place."""
    said: list[str] = []
    context = browser.new_context(reduced_motion="reduce", offline=True, viewport=LAPTOP)
    files = []

    def opener(exercise: Exercise = BLANK, lang: str = "en", practice: bool = False) -> Any:
        files.append(tmp_path / f"{len(files)}.html")
        files[-1].write_text(page(exercise, lang=lang, practice=practice), "utf-8")
        shown = context.new_page()
        shown.on("console", lambda message: said.append(message.text))
        shown.on("pageerror", lambda error: said.append(str(error)))
        shown.goto(files[-1].as_uri())
        return shown

    yield opener
    context.close()
    assert said == []


def field(shown: Any, name: str, among: str = "#list") -> Any:
    return shown.locator(f'{among} [data-answer="{name}"]')


def type_in(shown: Any, numbers: dict[str, str]) -> None:
    """All of a sheet, as if typed into the list; causes are waited for."""
    shown.evaluate(
        """(numbers) => {
            for (const [name, text] of Object.entries(numbers)) {
                const [field] = fieldsOf(name);
                field.value = text;
                for (const event of ["input", "change"]) field.dispatchEvent(new Event(event));
            }
        }""",
        numbers,
    )
    until(shown, "answers.first || !answers.rows.some(({ verdict }) => verdict === 'wrong')")


def told(shown: Any) -> dict[str, str]:
    """What is said of each number in the list, by its name."""
    return shown.evaluate("""() => Object.fromEntries(data.asked.map(({ name }) => {
        const [row, said] = document.querySelectorAll(`#list [data-outcome="${CSS.escape(name)}"]`);
        return [name, row.lastChild.textContent + " " + said.textContent];
    }).filter(([, said]) => said.trim()))""")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_list_says_of_each_number_what_check_prints(opened, lang):
    shown = opened(lang=lang)
    type_in(shown, WRONG)
    report = check(with_hand(CHAPTER, WRONG))
    assert {row.verdict for row in report.rows} == {"match", "wrong"}
    found = told(shown)
    assert found.keys() == WRONG.keys()
    for row in report.rows:
        assert found[row.name].startswith(f"{MARKS[row.verdict]} {WORDS[row.verdict].in_(lang)}")
        if row.follows_from:
            symbol = shown.evaluate("(name) => levelled(data.symbol(name))", row.follows_from)
            assert WORDS["follows"].in_(lang).replace("{from}", symbol) in found[row.name]
    for row in report.roots:
        assert row.causes[0].said.in_(lang) in found[row.name]
    assert report.first_wrong is not None
    assert shown.evaluate("answers.first") == report.first_wrong.name
    assert WORDS["first wrong"].in_(lang) in shown.inner_text("#summary")


def test_a_fault_in_the_causes_or_the_first_wrong_number_is_seen(opened):
    shown = opened()
    shown.evaluate("(explained = (found) => ({ rows: found.rows, firstWrong: 'h2', areFloats: false }), 0)")
    type_in(shown, WRONG)
    report = check(with_hand(CHAPTER, WRONG))
    assert shown.evaluate("answers.first") != report.first_wrong.name
    assert all(row.causes[0].said.in_("en") not in told(shown)[row.name] for row in report.roots)


def test_a_number_is_typed_at_its_step_and_stands_in_the_list_too(opened):
    shown = opened()
    step = shown.evaluate("steps.findIndex(({ gives }) => gives.includes('h1'))")
    shown.evaluate("go", step)
    field(shown, "h1", "#compared").press_sequentially("0.51998934")
    assert field(shown, "h1").input_value() == "0.51998934"
    assert "✓ match" in shown.inner_text("#compared")
    field(shown, "h1", "#compared").press("Backspace")
    field(shown, "h1", "#compared").press("9")
    assert shown.evaluate("now.step") == step, "keys in a field are no controls"
    assert "✗ wrong" in shown.inner_text("#compared")
    assert shown.evaluate("document.activeElement.dataset.answer") == "h1"
    assert shown.evaluate("key => drawn.rows.get(key).mark.textContent", "h1") == "✗"
    field(shown, "h1").fill("")
    assert "wrong" not in shown.inner_text("#compared")


def test_what_the_page_cannot_read_is_left_to_check_with_the_sheet_as_a_file(opened):
    shown = opened()
    shown.evaluate("go(steps.findIndex(({ gives }) => gives.includes('z1')))")
    field(shown, "z1", "#compared").fill("0.3(0.1)+0.05 = 0.08")
    assert str(WORDS["knows more"]) in shown.inner_text("#compared")
    with shown.expect_download() as download:
        shown.locator("#compared .help.save").click()
    assert download.value.suggested_filename == "chapter7.toml"


@pytest.mark.parametrize("name", ["chapter7", "xor", "momentum"])
def test_a_saved_sheet_is_judged_by_check_as_on_the_page_and_loaded_again(opened, name, tmp_path):
    exercise = load(name)
    numbers = {each: f"{solve(exercise).value(each):.6f}" for each in suggested(exercise)}
    first = next(iter(numbers))
    numbers |= {first: '약 0,25 \\ "x" = 0.25'}
    shown = opened(blank(exercise))
    type_in(shown, numbers)
    with shown.expect_download() as download:
        shown.click("#save")
    download.value.save_as(tmp_path / "sheet.toml")
    saved = load(tmp_path / "sheet.toml")
    due = {row.name: row.verdict for row in check(saved).rows}
    own = shown.evaluate("answers.rows.map(({ name, verdict }) => [name, verdict])")
    assert {each: verdict for each, verdict in own if verdict != "more"} == {
        each: verdict for each, verdict in due.items() if verdict != "unreadable"
    }
    assert len(own) == len(numbers)
    shown.on("dialog", lambda dialog: dialog.accept())
    shown.click("#erase")
    assert shown.evaluate("answers.rows") == []
    shown.set_input_files("#file", tmp_path / "sheet.toml")
    until(shown, "answers.rows.length")
    assert shown.evaluate("answers.rows.map(({ name, verdict }) => [name, verdict])") == own
    assert str(len(numbers)) in shown.inner_text("#told")


BAD_FILES = {
    "no table": ('title = "x"\n[given]\nx = 1\n', "no table", {}),
    "no number": ("[hand]\nz1 = \n", "no line", {"line": 2, "text": "z1 ="}),
    "another name": ('[hand]\n"z1" = "0.08"\nz99 = "1"\n', "not asked", {"line": 3, "name": "z99"}),
    "twice": ('[hand]\nz1 = 0.08\n"z1" = "0.09"\n', "twice", {"line": 3, "name": "z1"}),
}


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize(("text", "word", "gaps"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_file_that_is_no_sheet_is_refused_with_what_to_do(opened, tmp_path, lang, text, word, gaps):
    (tmp_path / "bad.toml").write_text(text, "utf-8")
    shown = opened(lang=lang)
    field(shown, "z1").fill("0.08")
    shown.set_input_files("#file", tmp_path / "bad.toml")
    until(shown, "at('told').textContent")
    assert shown.inner_text("#told") == WORDS[word].template(lang).format(file="bad.toml", **gaps)
    assert field(shown, "z1").input_value() == "0.08"


def test_only_the_hand_numbers_of_a_file_are_taken(opened, tmp_path):
    lines = ("[given]", "z1 = 5", "[ hand ]  # mine", "'h1' = '0.51998934' # σ", "z1=0.08", '"∂E_total/∂W5" = ""')
    (tmp_path / "mine.toml").write_text("\n".join([*lines, "[other]", "z2 = 1"]), "utf-8")
    shown = opened()
    shown.set_input_files("#file", tmp_path / "mine.toml")
    until(shown, "answers.rows.length")
    assert shown.evaluate("answers.rows.map(({ name, verdict }) => [name, verdict])") == [
        ["z1", "match"],
        ["h1", "match"],
    ]


def test_what_was_typed_is_still_there_and_belongs_to_its_exercise(opened):
    shown = opened()
    field(shown, "z1").fill("0.08")
    field(shown, "h1").fill("0.6")
    shown.reload()
    assert field(shown, "z1").input_value() == "0.08"
    assert told(shown)["h1"].startswith("✗ wrong")
    other = replace(BLANK, given={**BLANK.given, "x1": 0.15})
    assert opened(other).evaluate("answers.rows") == []
    shown.on("dialog", lambda dialog: dialog.accept())
    shown.click("#erase")
    shown.reload()
    assert field(shown, "z1").input_value() == ""


def test_erasing_is_asked_about_and_brings_back_the_files_own_numbers(opened):
    shown = opened(CHAPTER)
    given = field(shown, "h1").input_value()
    field(shown, "h1").fill("0.6")
    shown.once("dialog", lambda dialog: dialog.dismiss())
    shown.click("#erase")
    assert field(shown, "h1").input_value() == "0.6"
    shown.once("dialog", lambda dialog: dialog.accept())
    shown.click("#erase")
    assert field(shown, "h1").input_value() == given
    assert "wrong" not in told(shown)["h1"]


TIMED = """(name) => {
    const [field] = fieldsOf(name);
    return Array.from({ length: 15 }, (_, i) => {
        field.value = `0.6094460${i % 10}`;
        const start = performance.now();
        field.dispatchEvent(new Event("input"));
        document.body.offsetHeight;  // laid out
        return performance.now() - start;
    });
}"""


def test_the_verdict_is_there_at_once(opened):
    shown = opened()
    type_in(shown, WRONG)
    assert min(shown.evaluate(TIMED, "o1")) < KEY


# --- practice ---------------------------------------------------------------------------------------------------------


def everything(shown: Any) -> str:
    """All that is shown or read out, of every step and derivation."""
    return shown.evaluate("""() => {
        const found = [];
        const read = () => found.push(document.body.innerText,
            ...[...document.querySelectorAll("[aria-label], [data-text], [title]")].map(
                (each) => [each.ariaLabel, each.dataset.text, each.title].join(" ")));
        for (const name of data.derivations.keys()) { choose(name); read(); }
        for (let i = 0; i < steps.length; i++) { go(i); read(); }
        return found.join(" ");
    }""")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_in_practice_no_number_of_the_engines_is_shown_before_it_was_tried(opened, lang):
    hidden = {name: text for name, text in EXACT.items() if len(text.rstrip("0")) > 6}
    assert len(hidden) > 30
    said = everything(opened(lang=lang, practice=True)).replace("−", "-")
    assert [name for name, text in hidden.items() if text.lstrip("-") in said] == []
    said = everything(opened(lang=lang)).replace("−", "-")
    assert [name for name, text in hidden.items() if text.lstrip("-") not in said] == []


def test_in_practice_a_hint_shows_the_form_then_what_stands_in_it_and_a_try_the_verdict(opened):
    shown = opened(practice=True)
    shown.evaluate("go(steps.findIndex(({ gives }) => gives.includes('z1')))")
    step, formulas = shown.locator("#compared"), "[...at('formulas').children].map((each) => each.dataset.text)"
    assert step.locator("button").all_inner_texts() == ["Hint"]
    step.locator(".hint").click()
    assert shown.evaluate(formulas) == ["z1 = W1·x1 + W2·x2"]
    step.locator(".hint").click()
    (text,) = shown.evaluate(formulas)
    assert "0.3" in text
    assert "0.08" not in text
    assert step.locator("button").count() == 0, "the answer is told only after a try"
    field(shown, "z1", "#compared").fill("0.0912")
    assert "wrong" not in step.inner_text(), "it is no try before Enter"
    field(shown, "z1", "#compared").press("Enter")
    until(shown, "answers.first")
    assert "✗ wrong" in step.inner_text()
    assert "0.08" not in step.inner_text()
    step.locator(".reveal").click()
    assert "0.08" in shown.evaluate(formulas)[0]
    assert shown.evaluate("text('h1')") == "?"


def test_in_practice_what_is_right_opens_but_not_for_a_guess(opened):
    shown = opened(practice=True)
    type_in(shown, {"h1": "0.5"})
    assert told(shown)["h1"].startswith("✓ match")
    assert shown.evaluate("text('h1')") == "?"
    type_in(shown, {"h1": "0.51998934"})
    assert shown.evaluate("text('h1')") == "0.51998934"
    shown.reload()
    assert shown.evaluate("text('h1')") == "0.51998934"


def test_a_page_says_whose_it_is_and_saves_the_file_that_was_handed_out(opened):
    assert opened().inner_text("#whose") == ""
    shown = opened(replace(BLANK, student="김하늘", seed=7, source="class/김하늘.toml"))
    assert shown.text_content("#whose") == " · 김하늘 · seed 7"
    shown.click("#language")
    assert shown.text_content("#whose") == " · 김하늘 · 시드 7"
    with shown.expect_download() as saved:
        shown.click("#save")
    assert saved.value.suggested_filename == "김하늘.toml"


def test_in_practice_a_derivation_is_asked_for_and_then_a_number(opened):
    shown = opened(practice=True)
    assert shown.inner_text("#lines") == WORDS["ask"].in_("en")
    shown.evaluate("choose('W5')")
    assert "a number of W5 first" in shown.inner_text("#lines")


def test_a_verdict_moves_nothing_below_the_controls_of_a_phone(opened):
    shown = opened(practice=True)
    shown.set_viewport_size(PHONE)
    shown.evaluate("go(1)")
    assert shown.inner_text("#summary") == ""
    field(shown, "z1", "#compared").fill("0.08")
    field(shown, "z1", "#compared").press("Enter")
    until(shown, "at('summary').textContent")
    bottom, top = (
        f"at('{each}').getBoundingClientRect().{side}" for each, side in (("step", "bottom"), ("controls", "top"))
    )
    assert shown.evaluate(bottom) <= shown.evaluate(top)


def test_in_practice_a_slip_is_not_told_with_the_number_that_is_due(opened):
    slipped = EXACT | {"h1": "0.51989934"}
    shown = opened(practice=True)
    type_in(shown, slipped)
    assert EXACT["h1"] not in told(shown)["h1"]
    assert "a slip in writing" in told(shown)["h1"]
    shown = opened()
    type_in(shown, slipped)
    assert EXACT["h1"] in told(shown)["h1"]


def test_the_command_makes_a_page_to_practise_on(opened, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["page", "chapter7", "--practice"]) == 0
    shown = opened()
    shown.goto((tmp_path / "chapter7.html").as_uri())
    assert shown.evaluate("[data.practice, answers.rows.length, text('z1')]") == [True, 0, "?"]
    assert str(WORDS["practice"]) in shown.inner_text("#hand")


# --- for everybody ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [PHONE, LAPTOP], ids=["390", "1366"])
@pytest.mark.parametrize("practice", [False, True], ids=["answers", "practice"])
def test_axe_finds_nothing_that_keeps_anyone_out_of_answering(opened, size, practice):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    shown = opened(practice=practice)
    shown.set_viewport_size(size)
    type_in(shown, {"z1": "0.09", "z2": "0.3(0.1)", "h1": "0.51998934"})
    shown.evaluate("go(1)")
    assert shown.evaluate("document.documentElement.scrollWidth") <= size["width"]
    assert axe.run(shown).response["violations"] == []
    shown.emulate_media(color_scheme="dark")
    assert axe.run(shown).response["violations"] == []


def test_on_paper_no_button_is_left_of_answering(opened):
    shown = opened(practice=True)
    shown.evaluate("go(1)")
    shown.emulate_media(media="print")
    assert not shown.locator(".help, #save, #load, #erase").filter(visible=True).count()
