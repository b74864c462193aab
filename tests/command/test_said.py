"""Sentences: each that the package says has its Korean, and nothing else is in the catalogue."""

import json
import pickle
import re
import tomllib
from pathlib import Path
from string import Formatter

import pytest
from spoken import SAYING, sentences

import micrograd_kr
from micrograd_kr import said
from micrograd_kr.said import SaidError, say

PACKAGE = Path(micrograd_kr.__file__).parent
KOREAN = json.loads((PACKAGE / "korean.json").read_text("utf-8"))


def gaps(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


INFLECTIONS = {"s", "was", "is_", "its", "has"}  # of one or several, in English only


WEB = PACKAGE / "teacher/show/web"
OF_THE_PAGE = json.loads((WEB / "words.json").read_text("utf-8")).values()
SHEETS = tomllib.loads((WEB / "sheets.toml").read_text("utf-8"))
OF_SHEETS = [*SHEETS["words"].values(), *SHEETS["later"].values()]
CAPTIONS = tomllib.loads((PACKAGE / "teacher/derive/notations.toml").read_text("utf-8"))["captions"].values()
COMMAND = json.loads((PACKAGE / "command.json").read_text("utf-8"))
OF_THE_COMMAND = ["\n".join(COMMAND["about"]), "\n".join(COMMAND["examples"])]
OF_THE_COMMAND += re.findall('"help": "(.*?)"', json.dumps(COMMAND))
SAID = {text for path in PACKAGE.rglob("*.py") for text in sentences(path.read_text("utf-8"))}
SAID |= {*OF_THE_PAGE, *OF_SHEETS, *CAPTIONS, *OF_THE_COMMAND}


def test_every_sentence_has_its_korean_and_every_korean_its_sentence():
    assert sorted(SAID) == sorted(KOREAN)


def test_both_languages_have_the_same_gaps():
    assert {text for text, korean in KOREAN.items() if gaps(text) - INFLECTIONS != gaps(korean)} == set()


def test_the_korean_is_korean():
    plain = {text: re.sub(r"\{.*?\}", "", korean) for text, korean in KOREAN.items()}
    assert [
        text for text, korean in plain.items() if not re.search("[가-힣]", korean) and re.search(r"\w", korean)
    ] == []


def test_the_catalogue_is_sorted():
    assert list(KOREAN) == sorted(KOREAN)


def test_a_sentence_that_is_made_at_run_time_is_refused():
    with pytest.raises(ValueError, match="malformed"):
        sentences("say('a' + name)")
    with pytest.raises(ValueError, match="malformed"):
        sentences("ExerciseError(f'a {name}')")
    assert sentences("FileError('a {b}', b=1)") == ["a {b}"]
    assert sentences("say('a {b}', b=say('c'))") == ["a {b}", "c"]


def test_every_error_that_takes_a_sentence_is_looked_through():
    code = "".join(path.read_text("utf-8") for path in PACKAGE.rglob("*.py"))
    found, more = {"SaidError"}, True
    while more:
        more = set(re.findall(rf"class (\w+)\((?:{'|'.join(found)})\)", code)) - found
        found |= more
    assert found | {"say"} == SAYING


def test_a_sentence_stands_in_anothers_gap_in_the_same_language(monkeypatch):
    monkeypatch.setattr(said, "_korean", lambda: {"no {what}": "{what} 없음", "number": "수"})
    it = say("no {what}", what=say("number"))
    assert (str(it), it.in_("ko")) == ("no number", "수 없음")
    assert str(SaidError("no {what}", what="sum")) == "no sum"
    again = pickle.loads(pickle.dumps(SaidError(it)))
    assert (str(again), again.korean) == ("no number", "수 없음")


# No Korean that a student meets, or a second name for a thing that has one already: beside each what is said.
NOT_SAID = {
    "갱신": "업데이트",
    "상류 기울기": "출력 쪽에서 온 기울기",
    "기여": "더해지는 값",
    "꺼진": "0이 된",
    "걸음": "업데이트",
    "단추": "버튼",
    "연쇄법칙": "연쇄 법칙",
    "손계산": "손 계산",
    "처음으로 틀린": "처음 틀린 값",
    "틀린 수": "틀린 값",
    "옮겨 쓰": "옮겨 적",
    "받은 것": "지금",
    "십시오": "-세요",
    "학습률만큼": "학습률 × 기울기만큼",
    "검사": "확인",
}
BY_ITS_SOUND = r"\}(은|는|이|가|을|를|과|와|으로|로|이나|나)(?![가-힣])"  # wrong after half of the words
OTHER_REGISTERS = r"\w(?:(?<!니)다|(?<!세)요)(?=[.]|$)"  # than -습니다 and -세요


def otherwise_said(korean: str) -> list[str]:
    """What does not belong into a Korean sentence: words, particles after a gap, another register."""
    found = [word for word in NOT_SAID if word in korean]
    return found + re.findall(BY_ITS_SOUND, korean) + re.findall(OTHER_REGISTERS, korean)


def test_korean_has_one_name_for_each_thing_and_one_register():
    assert {text: found for text, korean in KOREAN.items() if (found := otherwise_said(korean))} == {}


@pytest.mark.parametrize(
    ("korean", "found"),
    [
        ("가중치를 갱신합니다", ["갱신"]),
        ("처음으로 틀린 수: {name}", ["처음으로 틀린", "틀린 수"]),
        ("{name}을 씁니다", ["을"]),
        ("{name}으로 끝납니다", ["으로"]),
        ("값이 다르다. 씁니다", ["르다"]),
        ("값이 달라요", ["라요"]),
        ("다른 값을 썼어요", ["어요"]),
        ("{name}까지 곱했습니다. {other} 값을 쓰세요", []),
    ],
)
def test_what_does_not_belong_into_a_sentence_is_found(korean, found):
    assert otherwise_said(korean) == found
