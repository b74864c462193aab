"""Demo 5: the chapter's 40 printed numbers where they are computed, and the error at its minimum."""

import re
from itertools import pairwise

import pytest
from demos_run import run

from micrograd_kr.teacher.ask.file import load

PRINTED = load("chapter7").hand


@pytest.fixture(scope="module", params=["en", "ko"])
def demo(request, tmp_path_factory):
    return run("05_worked_example", tmp_path_factory.mktemp("out"), "--lang", request.param)


@pytest.mark.parametrize("name", PRINTED)
def test_each_number_of_the_chapter_is_printed_in_its_own_line(demo, name):
    (number,) = re.findall(rf"^ +{re.escape(name)} += .* = ([\d.]+)$", demo.text, re.MULTILINE)
    assert number == f"{float(PRINTED[name]):.8f}"


def test_the_demo_computes_what_the_check_computes(demo):
    assert {row.name: demo.names["results"][row.name] for row in demo.names["report"].rows} == pytest.approx(
        {row.name: row.value for row in demo.names["report"].rows}, rel=1e-14
    )
    assert demo.names["matches"] == len(PRINTED) == 40
    assert re.search("chapter7: (40 of 40|.*40개 중 40개)", demo.text)


def test_three_ways_stand_side_by_side_and_agree(demo):
    for name, printed in PRINTED.items():
        (numbers,) = re.findall(rf"^  {re.escape(name)} +([\d.]+) +([\d.]+) +([\d.]+)$", demo.text, re.MULTILINE)
        assert numbers == (f"{float(printed):.8f}",) * 3
    assert set(demo.names["ways"]) == set(PRINTED)
    assert demo.names["spread"] < 1e-15


def test_the_error_falls_at_every_step_down_to_what_float64_can_tell(demo):
    errors = demo.names["errors"]
    assert errors[:2] == pytest.approx([0.02397190, 0.02323634], abs=5e-9)
    assert all(after < before for before, after in pairwise(errors) if before > 1e-25)
    assert errors[-1] < 1e-30
    assert demo.names["outputs"]["o1"][-1] == pytest.approx(0.4, abs=2e-15)
    assert demo.names["outputs"]["o2"][-1] == pytest.approx(0.6, abs=2e-15)
    assert errors[demo.names["zero_to_8"]] < 5e-9 <= errors[demo.names["zero_to_8"] - 1]


def test_one_more_step_changes_no_weight(demo):
    demo.names["forward"]()["E_total"].backward()
    assert not demo.names["descend"]()


def test_its_picture_is_there(demo):
    assert set(demo.pictures) == {"05_worked_example.png"}
