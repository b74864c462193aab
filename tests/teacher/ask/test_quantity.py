"""Quantities: a name and what it stands for are one, for any number of updates."""

from hypothesis import given
from hypothesis import strategies as st

from micrograd_kr.teacher.ask import exercise as reading
from micrograd_kr.teacher.ask.file import load
from micrograd_kr.teacher.ask.quantity import Quantity, derivative, read, updated
from micrograd_kr.teacher.verbs import check

NAMES = st.from_regex(r"[A-Za-z가-힣][A-Za-z0-9_]{0,8}", fullmatch=True)


@given(NAMES, NAMES)
def test_a_quantity_is_read_back_from_its_name(one, other):
    for name in (one, derivative(one, other), updated(one), str(Quantity(one, step=1))):
        assert str(read(name)) == name
    assert read(derivative(one, other)) == Quantity(one, other)
    assert read(updated(one)).before == read(str(Quantity(one, step=1))).before == Quantity(one)


def test_each_update_has_a_mark():
    assert str(Quantity("W5", step=2, is_parameter=True)) == "W5++"
    assert str(Quantity("z1", step=3).before) == "z1''"
    kinds = [Quantity("E", "W5"), Quantity("z1"), Quantity("W5", step=2, is_parameter=True), Quantity("z1", step=2)]
    assert [each.kind for each in kinds] == ["gradient", "value", "updated", "second"]


def test_check_parses_each_name_of_a_sheet_once(monkeypatch):
    parsed, parse = [], reading.parse
    monkeypatch.setattr(reading, "parse", lambda text: parsed.append(text) or parse(text))
    assert not check("chapter7").wrong
    assert sorted(parsed) == sorted(load("chapter7").hand)
    assert len(set(parsed)) == 40
