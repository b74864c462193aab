"""The page as a file: what stands in it, whatever an exercise says, and how it is written."""

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path

import pytest

from micrograd_kr.__main__ import main
from micrograd_kr.teacher.ask import solution
from micrograd_kr.teacher.ask.exercise import Exercise
from micrograd_kr.teacher.ask.file import built_in, load
from micrograd_kr.teacher.ask.messages import ExerciseError
from micrograd_kr.teacher.derive import explanation, lines
from micrograd_kr.teacher.show import diagram
from micrograd_kr.teacher.show.page import MOST, WORDS, embedded, page

CHAPTER = load("chapter7")
FOLDER = files("micrograd_kr.teacher.show") / "web"
HOSTILE = '</script><script>document.title = "run"</script><img src=x onerror=alert(1)>"\' & \u2028 ]]> <!--'

NET = """
title = "3-4-2"
loss = "E"
lr = 0.5
[given]
{given}
[parameters]
{parameters}
[forward]
{forward}
E = "(t1 - o1)**2 + (t2 - o2)**2"
"""


def net_3_4_2(folder: Path) -> Exercise:
    hidden, outputs = range(1, 5), range(1, 3)
    given = [f"x{i} = 0.{i}" for i in range(1, 4)] + [f"t{i} = 0.{i}" for i in outputs]
    weights = [f"w{j}{i} = 0.{i + j}" for j in hidden for i in range(1, 4)]
    weights += [f"v{k}{j} = 0.{j + k}" for k in outputs for j in hidden]
    lines = []
    for j in hidden:
        lines += [f'z{j} = "{" + ".join(f"w{j}{i}*x{i}" for i in range(1, 4))}"', f'h{j} = "tanh(z{j})"']
    for k in outputs:
        lines += [f'y{k} = "{" + ".join(f"v{k}{j}*h{j}" for j in hidden)}"', f'o{k} = "sigmoid(y{k})"']
    file = folder / "net.toml"
    file.write_text(NET.format(given="\n".join(given), parameters="\n".join(weights), forward="\n".join(lines)))
    return load(file)


class Parts(HTMLParser):
    """The elements of a page with their attributes, and the text in its scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {"script": [], "style": [], "title": [], "h1": []}
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag in self.texts:
            self.texts[tag].append("")

    def handle_endtag(self, tag):
        self.elements.append((f"/{tag}", {}))

    def handle_data(self, data):
        tag = self.elements[-1][0] if self.elements else ""
        if tag in self.texts:
            self.texts[tag][-1] += data


def told(text: str) -> dict:
    """What a page is told, as its script reads it."""
    return json.loads(Parts(text).texts["script"][0])


# --- the lines and the picture ----------------------------------------------------------------------------------------


def test_the_page_solves_the_exercise_once_and_makes_each_line_once(monkeypatch):
    counted: Counter[str] = Counter()

    def counting(name, own):
        return lambda *args: counted.update([name]) or own(*args)

    for module in (diagram, explanation, lines, solution):
        for name in {"solve", "line_of"} & vars(module).keys():
            monkeypatch.setattr(module, name, counting(name, vars(module)[name]))
    page(CHAPTER)
    assert counted == {"solve": 1, "line_of": len(CHAPTER.forward)}
    assert len(CHAPTER.forward) == 11


def test_the_only_derivatives_of_the_page_are_those_written_from_the_rules():
    engine = FOLDER.joinpath("engine.js").read_text("utf-8")
    without_functions = re.sub(r"const LACKING = \{.*?\n\};", "", engine, flags=re.DOTALL)
    assert not re.search(r"\bd[xy]\b|Math\.(sin|cos|tanh|log|sign)\b", without_functions)
    assert len(without_functions) < len(engine)
    script = Parts(page(CHAPTER)).texts["script"][1]
    place = list(CHAPTER.positions).index
    at = f"v[{place('o1')}]"
    assert f"[{place('o1')}, (v) => LACKING.sigmoid(v[{place('z3')}]), " in script
    assert f"[[{place('z3')}, (v) => ({at} * (1.0 - {at}))]]" in script


@pytest.mark.parametrize("name", built_in())
def test_every_quantity_has_one_box_and_every_line_goes_one_column_on(name):
    exercise = load(name)
    data = told(page(exercise))
    boxes, columns = dict(data["boxes"]), data["columns"]
    assert sorted(each for box in boxes.values() for each in box["names"]) == sorted(exercise.positions)
    column = {each: i for i, places in enumerate(columns) for each in places}
    assert set(boxes) <= set(column)
    for start, places in data["routes"]:
        assert [column[each] for each in places] == list(range(column[start] + 1, column[start] + 1 + len(places)))


def test_of_the_chapter_the_weights_stand_on_the_lines_and_z_with_its_h():
    boxes = dict(told(page(CHAPTER))["boxes"])
    assert boxes["h1"]["names"] == ["z1", "h1"]
    assert boxes["h1 z3"]["names"] == ["W5"]
    assert boxes["h1 z3"]["flow"] == ["h1", "z3"]


def test_the_rows_of_a_box_are_its_numbers_in_the_diagram_pass_by_pass():
    boxes = dict(told(page(CHAPTER))["boxes"])
    of_the_weight = [["W5", "value"], ["W5+", "second"], ["dE_total/dW5", "gradient"], ["∂z3/∂W5", "local"]]
    assert boxes["h1 z3"]["rows"] == [*of_the_weight, ["∂z3/∂h1", "local"], ["←h1,z3", "flow"]]
    assert boxes["h1"]["rows"][3] == ["∂h1/∂z1", "local"]  # between z and h = f(z)


def test_the_way_back_leads_to_the_parameters_and_to_what_is_given_only_where_that_is_asked():
    def back(exercise):
        return {source for source, _ in told(page(exercise))["arcs"]}

    assert "x1" not in back(CHAPTER)
    assert "x0" in back(load("sigmoid-neuron"))
    assert "apple" in back(load("purchase"))


def test_each_hand_number_of_the_chapter_belongs_to_a_number_of_the_picture():
    keys = {row["name"]: row["key"] for row in told(page(CHAPTER))["hand"]}
    assert keys["z1"] == "z1"
    assert keys["z1'"] == "z1'"
    assert keys["W5+"] == "W5+"
    assert keys["dE_total/dh1"] == "dE_total/dh1"
    assert keys["do1/dz3"] == "∂o1/∂z3"
    assert keys["dE_o1/dh1"] == "←h1,z3"
    assert None not in keys.values()


# --- the file ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", built_in())
def test_a_page_needs_nothing_else_and_is_small(name):
    text = page(load(name))
    parts = Parts(text)
    assert len(text.encode()) < 1_000_000
    assert {tag for tag, _ in parts.elements}.isdisjoint({"link", "img", "iframe", "object", "base"})
    assert [attributes for _, attributes in parts.elements if attributes.keys() & {"src", "style", "onclick"}] == []
    assert {attributes["href"] for _, attributes in parts.elements if "href" in attributes} == {
        "#controls",
        "#derivation",
    }
    assert set(re.findall(r"https?://[^/\"]+", text)) == {"http://www.w3.org"}  # names of SVG and MathML


def test_a_page_of_a_larger_net_is_small_too(tmp_path):
    assert len(page(net_3_4_2(tmp_path)).encode()) < 1_000_000


def test_the_security_policy_admits_this_script_and_this_style_only():
    parts = Parts(page(CHAPTER))
    policy = next(each["content"] for _, each in parts.elements if each.get("http-equiv") == "Content-Security-Policy")
    assert str(policy).startswith("default-src 'none'; ")
    for kind, text in (("script", parts.texts["script"][1]), ("style", parts.texts["style"][0])):
        assert f"{kind}-src 'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" in str(policy)
    assert "unsafe" not in str(policy)


def test_whatever_an_exercise_says_stays_text():
    exercise = replace(CHAPTER, title=HOSTILE, name=HOSTILE, source=HOSTILE)
    parts, calm = Parts(page(exercise)), Parts(page(CHAPTER))
    assert [tag for tag, _ in parts.elements] == [tag for tag, _ in calm.elements]
    assert parts.texts["title"] == [HOSTILE]
    assert parts.texts["script"][1] == calm.texts["script"][1]


@pytest.mark.parametrize("text", [HOSTILE, "\u2028\u2029", "<!--<script>", "가 ½ \x00 \x7f", "\\u003c"])
def test_text_in_data_comes_back_as_it_was_and_cannot_end_the_script(text):
    written = embedded({"text": text})
    assert json.loads(written) == {"text": text}
    assert not set(written) & set("<\u2028\u2029")


def test_numbers_that_json_lacks_are_refused():
    with pytest.raises(ValueError, match="JSON"):
        embedded([float("nan")])


def test_an_exercise_that_nobody_could_step_through_is_an_error_in_both_languages(tmp_path):
    lines = "\n".join(f'a{i + 1} = "a{i}*2"' for i in range(MOST))
    file = tmp_path / "long.toml"
    file.write_text(f'title = "long"\nloss = "a{MOST}"\n[given]\na0 = 1e-9\n[forward]\n{lines}\n')
    with pytest.raises(ExerciseError, match=f"at most {MOST} quantities") as caught:
        page(load(file))
    assert str(MOST) in caught.value.korean


# --- words ------------------------------------------------------------------------------------------------------------


def test_every_word_is_used_and_every_word_used_is_there():
    script = "".join(FOLDER.joinpath(name).read_text("utf-8") for name in ("page.js", "answers.js", "picture.js"))
    frame = FOLDER.joinpath("page.html").read_text("utf-8")
    asked = set(re.findall(r'data-(?:word|label|title)="(\w+)"', frame)) | set(re.findall(r'word\("([\w ]+)"', script))
    assert asked <= set(WORDS)
    spoken = frame + script
    assert [key for key in WORDS if key.removeprefix("say ").removeprefix("legend ") not in spoken] == []


# --- writing ----------------------------------------------------------------------------------------------------------


def test_the_command_writes_a_page_where_it_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["page", "--lang", "ko"]) == 0
    assert Parts(Path("chapter7.html").read_text("utf-8")).elements[0] == ("html", {"lang": "ko"})
    assert main(["page", "recurrent", "-o", "net.html", "--lang", "en"]) == 0
    assert "net.html" in capsys.readouterr().out
    assert load("recurrent").title in Parts(Path("net.html").read_text("utf-8")).texts["h1"]
    assert main(["page", "-o", "no/such/folder/page.html"]) == 2
    assert main(["page", "absolute", "purchase"]) == 0
    assert Path("absolute.html").exists()
    assert Path("purchase.html").exists()
    assert main(["page", "absolute", "purchase", "-o", "both.html"]) == 2
    assert not Path("both.html").exists()


def test_a_page_is_the_same_file_each_time_it_is_written():
    code = "import hashlib, micrograd_kr as mk\n"
    code += "from micrograd_kr.teacher.show.page import page\n"
    code += "print(hashlib.sha256(page(mk.load('absolute')).encode()).hexdigest())"
    command = [sys.executable, "-c", code]
    written = {
        subprocess.run(command, env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True, check=True).stdout
        for seed in "123"
    }
    assert len(written) == 1
