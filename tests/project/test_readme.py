"""The READMEs: their code runs and prints what they say, their links lead somewhere, and the two say the same."""

import doctest
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
README, KOREAN = CHECKOUT / "README.md", CHECKOUT / "README.ko.md"
BOTH = pytest.mark.parametrize("readme", [README, KOREAN], ids=["en", "ko"])


def blocks(readme: Path) -> list[tuple[str, str]]:
    """The code blocks of a README, each with its language."""
    return re.findall(r"^```(\w+)\n(.*?)^```$", readme.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def prose(readme: Path) -> str:
    return re.sub(r"^```.*?^```$", "", readme.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)


def links(readme: Path) -> list[str]:
    return [each for each in re.findall(r"\]\(([^)#]+)[^)]*\)", prose(readme)) if "://" not in each]


def tables(readme: Path) -> list[int]:
    """The number of columns of each line of each table."""
    lines = re.findall(r"^\|.*\|$", prose(readme), re.MULTILINE)
    return [len(re.findall(r"(?<!\\)\|", each)) - 1 for each in lines]


@BOTH
def test_every_code_block_has_a_language_that_is_run(readme):
    assert {language for language, _ in blocks(readme)} == {"sh", "text", "pycon", "toml"}
    assert len(blocks(readme)) == readme.read_text("utf-8").count("```") / 2


@BOTH
def test_the_python_of_a_readme_prints_what_it_says(readme, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    session = "\n".join(code for language, code in blocks(readme) if language == "pycon")
    test = doctest.DocTestParser().get_doctest(session, {}, readme.name, str(readme), 0)
    said: list[str] = []
    result = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test, out=said.append)
    assert not result.failed, "".join(said)


@BOTH
def test_the_commands_of_a_readme_run_and_print_what_it_says(readme, tmp_path):
    """All but pip, python, pytest and .ci/check, which .ci/run covers; on the files that the README shows."""
    (tmp_path / "demos").symlink_to(CHECKOUT / "demos")
    programs, printed = set(), ""
    for language, text in blocks(readme):
        if language == "toml":
            (tmp_path / text.split()[1]).write_text(text, "utf-8")
        elif language == "text":
            assert text in printed
        elif language == "sh":
            for words in (shlex.split(each) for line in text.splitlines() for each in line.split(" && ")):
                programs.add(words[0])
                if words[0] == "micrograd-kr":
                    printed = said(words[1:], tmp_path)
    assert programs == {"pip", "python", "pytest", "micrograd-kr", "mpiexec", ".ci/check"}
    assert list(tmp_path.glob("chapter7.*")), "the bare command writes a picture, or DOT where nothing can render"
    assert all((tmp_path / f"{each}.html").exists() for each in ("mine", "sheet", "answers", "neuron", "paths-meet"))


def said(words: list[str], folder: Path) -> str:
    """What a command prints, without blanks at the ends of lines. The README's own sheet, mine.toml, has a mistake."""
    command = [sys.executable, "-m", "micrograd_kr", *words]
    env = os.environ | {"PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == (words[:2] == ["check", "mine.toml"]), f"{words}\n{done.stdout}{done.stderr}"
    return "".join(line.rstrip() + "\n" for line in done.stdout.splitlines())


@BOTH
def test_the_first_two_commands_run_the_main_job_and_pass_the_tests(readme):
    assert blocks(readme)[:2] == [
        ("sh", 'pip install ".[draw]" && micrograd-kr\n'),
        ("sh", 'pip install ".[test]" && pytest -n auto\n'),
    ]


@BOTH
def test_what_a_readme_links_to_and_names_exists(readme):
    named = re.findall(r"`((?:micrograd_kr|tests|demos)/[\w./]+)`", prose(readme))
    assert links(readme)
    assert named
    assert [each for each in links(readme) + named if not (CHECKOUT / each).exists()] == []


@pytest.mark.parametrize("picture", ["chapter7.svg", "chapter7.ko.svg"])
def test_the_picture_shows_every_number_that_the_chapter_prints(picture):
    hand = tomllib.loads((CHECKOUT / "micrograd_kr/teacher/exercises/chapter7.toml").read_text("utf-8"))["hand"]
    shown = (CHECKOUT / "demos" / picture).read_text("utf-8")
    assert len(hand) == 40
    assert [(name, number) for name, number in hand.items() if number not in shown] == []


def test_both_readmes_have_the_same_code_headings_and_tables():
    code = [[each for each in blocks(readme) if each[0] != "text"] for readme in (README, KOREAN)]
    assert code[0] == [(language, text.replace("--lang ko", "--lang en")) for language, text in code[1]]
    assert [language for language, _ in blocks(README)] == [language for language, _ in blocks(KOREAN)]
    headings = [re.findall(r"^(#+) ", prose(each), re.MULTILINE) for each in (README, KOREAN)]
    assert headings[0] == headings[1]
    assert tables(README) == tables(KOREAN)
    assert [each.replace(".ko.", ".") for each in links(README)] == [
        each.replace(".ko.", ".") for each in links(KOREAN)
    ]


def test_both_readmes_name_the_same_code():
    code = [sorted(re.findall(r"`[^`\n]+`", prose(each))) for each in (README, KOREAN)]
    assert code[0] == code[1]


def test_the_glossary_gives_each_korean_term_once_with_its_english():
    glossary = (CHECKOUT / "demos/glossary.md").read_text("utf-8")
    terms = [each for each in re.findall(r"^\| (.*?) \| (.*?) \|", glossary, re.MULTILINE) if each[0] != "한국어"]
    assert len(terms) > 90
    assert all(re.search("[가-힣]", korean) and re.search("[a-zA-Z]", english) for korean, english in terms)
    assert len({korean for korean, _ in terms}) == len(terms)
