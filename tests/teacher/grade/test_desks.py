"""Papers judged side by side: each process that one costs costs no other paper."""

import threading
from pathlib import Path

import pytest

from micrograd_kr.teacher.grade.desks import all_judged

GOOD = 'exercise = "chapter7"\n[hand]\nz1 = "0.08"\n'

# In a file of its own, since other processes import it. What a paper is called says what becomes of its judge.
JUDGE = """
import os, time
from micrograd_kr.teacher.grade.paper import judged

def judge(path, file):
    if "slow" in file:
        time.sleep(600)
    if "dead" in file:
        os._exit(9)
    if "mistaken" in file:
        raise ZeroDivisionError("ours")
    return judged(path, file)
"""


@pytest.fixture
def judge(tmp_path, monkeypatch):
    (tmp_path / "a_judge.py").write_text(JUDGE, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    import a_judge

    return a_judge.judge


def files(folder: Path, *names: str) -> list[tuple[Path, str]]:
    for name in names:
        (folder / name).write_text(GOOD, "utf-8")
    return [(folder / name, name) for name in names]


def test_a_paper_that_takes_too_long_one_that_kills_its_judge_and_a_mistake_of_ours_cost_one_row_each(tmp_path, judge):
    names = ["1.toml", "slow.toml", "2.toml", "dead.toml", "mistaken.toml", "3.toml"]
    found = dict(all_judged(files(tmp_path, *names), patience=10, judge=judge))
    assert [found[place].file for place in range(len(names))] == names
    said = {paper.file: paper.error and str(paper.error) for paper in found.values()}
    assert said == {
        "1.toml": None,
        "2.toml": None,
        "3.toml": None,
        "slow.toml": "slow.toml: the check took more than 10 s; is it meant to be so large?",
        "dead.toml": "dead.toml: the check came to a sudden end; try micrograd-kr check with it alone",
        "mistaken.toml": "mistaken.toml: the check failed, which is not the file's fault: ZeroDivisionError('ours')",
    }
    assert {found[place].answers["z1"].outcome for place in (0, 2, 5)} == {"right"}


def test_who_stops_looking_leaves_no_process_and_no_thread(tmp_path):
    before = threading.active_count()
    papers = all_judged(files(tmp_path, *(f"{n}.toml" for n in range(6))))
    next(papers)
    papers.close()
    assert threading.active_count() == before
