"""Marks: what each number is worth, what is asked, and what a class got wrong; on papers whose mistakes are known."""

import re
from collections import Counter
from functools import partial
from pathlib import Path

import pupils
import pytest

from micrograd_kr import load
from micrograd_kr.said import Said, SaidError, say
from micrograd_kr.teacher.check.causes import SENTENCES
from micrograd_kr.teacher.grade.marks import USUAL, Marks, marked
from micrograd_kr.teacher.grade.mistake import bare, shared
from micrograd_kr.teacher.grade.paper import judged
from micrograd_kr.teacher.show.worksheet import as_text, worksheet

HAND = {
    "z1": "0.08000000",  # right
    "h1": "0.51998935",  # right within rounding
    "h2": "0,52747230",  # right, with a comma
    "o1": "",  # blank
    "z3": "zz",  # unreadable
    "W5+": "0.45",  # nothing is wrong with it, and it is the value before the update
    "dE_total/dW5": "0.0",  # undecided
    "dE_total/dh1": "0.03170787",  # wrong: W5+ and W7+ for W5 and W7
    "dE_total/dW1": "0.00079143",  # follows
    "W1+": "0.29960428",  # follows
}
OUTCOMES = "right right right blank unreadable wrong undecided wrong follows follows".split()  # noqa: SIM905


def written(folder: Path, name: str, hand: dict[str, str], head: str = 'exercise = "chapter7"') -> Path:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    rows = "".join(f'"{quantity}" = "{text}"\n' for quantity, text in hand.items())
    path.write_text(f"{head}\n[hand]\n{rows}", "utf-8")
    return path


def the_class(folder, papers, marks=USUAL, **options):
    """What comes of papers, given by what stands on each."""
    files = [written(folder, f"{n}.toml", hand) for n, hand in enumerate(papers, 1)]
    return marked([judged(path, path.name) for path in files], marks, **options)


def test_each_number_of_a_paper_counts_as_what_it_is(tmp_path):
    (course,) = the_class(tmp_path, [HAND]).courses
    (paper,) = course.papers
    assert {name: course.outcome(paper, name) for name in HAND} == dict(zip(HAND, OUTCOMES, strict=True))
    assert set(course.asked) == set(HAND)
    assert sorted(course.to_look_at(paper)) == ["dE_total/dW5", "z3"]


@pytest.mark.parametrize(
    ("marks", "points", "most"),
    [("1,1,0", 5, 10), ("1,0,0", 3, 10), ("2,1,0.5", 9, 20), ("1,0.5,0", 4, 10)],
)
def test_errors_are_carried_forward_as_the_marks_say(tmp_path, marks, points, most):
    (course,) = the_class(tmp_path, [HAND], Marks.read(marks.split(","))).courses
    assert (course.points(course.papers[0]), course.most) == (points, most)
    assert course.share(course.papers[0]) == course.mean == points / most


@pytest.mark.parametrize(
    "marks", ["1,1", "1,1,0,0", "1,x,0", "-1,1,0", "1,1,nan", "0,0,0", "0,1,0", "1,0,1", "1e9,1,0", ""]
)
def test_marks_that_are_none_are_refused_with_what_was_expected(marks):
    with pytest.raises(SaidError, match="--marks: expected .*" + re.escape(marks)):
        Marks.read(marks.split(","))


# --- thirty pupils ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def thirty(tmp_path_factory):
    """The pupils, and their papers judged."""
    folder = tmp_path_factory.mktemp("thirty")
    found = pupils.papers(folder)
    return found, [judged(folder / each.file, each.file) for each in found]


def unfair(course, those):
    """The pupils who get other marks than they should: a line that was worked wrongly costs its mark, a blank costs
    one, and what was worked rightly from a wrong number costs nothing.
    """
    for pupil, paper in zip(those, course.papers, strict=True):
        roots = {mistake.name for mistake in paper.mistakes}
        counts = course.counts(paper)
        answered = counts["right"] + counts["follows"] + counts["wrong"]
        due = len(course.asked) - len(pupil.wrong & course.quantities.keys()) - counts["blank"]
        is_fair = course.points(paper) == answered - len(roots) and course.points(paper) >= due
        if not (is_fair and roots <= pupil.wrong and roots):
            yield pupil.file


def test_a_class_is_marked_by_what_each_pupil_did(thirty):
    those, papers = thirty
    (course,) = marked(papers).courses
    assert list(unfair(course, those)) == []
    assert len(course.asked) == 62
    follows = {paper.file for paper in papers if course.counts(paper)["follows"]}
    assert len(follows) > 20


def test_marks_that_carry_nothing_forward_are_found_unfair(thirty):
    those, papers = thirty
    (course,) = marked(papers, Marks(1, 0, 0)).courses
    assert len(list(unfair(course, those))) > 20


def test_a_paper_of_somebody_else_is_found_unfair(thirty):
    those, papers = thirty
    (course,) = marked(papers).courses
    assert len(list(unfair(course, [*those[3:], *those[:3]]))) > 25


COMMON = {
    "½ forgotten": "the factor ½ was left out",
    "lr forgotten": "the factor lr was left out",
    "updated weight": "W⁺ was used where W is due",
    "digits transposed": "a slip in writing",
    "throughout: σ for σ'": "the function was used where its derivative is due",
    "throughout: + in updates": "p + lr·∂E_total/∂p was computed instead of p − lr·∂E_total/∂p",
}


def test_the_misconceptions_of_a_class_are_found_with_those_who_have_them(thirty):
    those, papers = thirty
    (course,) = marked(papers).courses
    found = {str(each.said): [made.paper.file for made in each.made] for each in course.misconceptions}
    for kind, said in COMMON.items():
        assert found[said] == [pupil.file for pupil in those if pupil.kind == kind], kind
    order = [(not each.is_explained, -len(each.made)) for each in course.misconceptions]
    assert order == sorted(order)
    assert Counter(file for files in found.values() for file in files).keys() == {pupil.file for pupil in those}


def test_of_each_quantity_it_is_known_how_many_had_it_right(thirty):
    _, papers = thirty
    (course,) = marked(papers).courses
    for name, counts in course.quantities.items():
        outcomes = [paper.answers[name].outcome for paper in papers]
        assert counts == Counter(outcomes)
    assert course.quantities["do1/dz3"]["wrong"] == 4  # three took σ for σ', one o2 for o1


def test_what_no_cause_was_found_for_stands_below_every_mistake_however_many_have_it(tmp_path):
    (course,) = the_class(
        tmp_path, [{"z1": "0.73912345"}, {"z1": "0.51812345"}, {"z1": "0.08", "o1": "-0.60944600"}]
    ).courses
    assert [str(each.said) for each in course.misconceptions][-1] == "no cause found"
    assert [len(each.made) for each in course.misconceptions] == [1, 2]


# --- what is asked ----------------------------------------------------------------------------------------------------

ANSWERS = dict(load("chapter7").hand)
FEW = {name: ANSWERS[name] for name in ("z1", "h1", "o1", "E_total")}


def test_who_deletes_a_line_of_the_sheet_has_not_answered_it(tmp_path):
    short = {name: text for name, text in FEW.items() if name != "o1"}
    (course,) = the_class(tmp_path, [FEW, FEW, short]).courses
    assert tuple(course.asked) == tuple(FEW)
    assert [course.points(each) for each in course.papers] == [4, 4, 3]
    assert course.counts(course.papers[2])["blank"] == 1


def test_what_nobody_asked_for_counts_for_nothing(tmp_path):
    (course,) = the_class(tmp_path, [FEW, FEW, {**FEW, "z2": "0.5", "h2": ANSWERS["h2"]}]).courses
    assert [course.points(each) for each in course.papers] == [4, 4, 4]


def test_of_two_papers_neither_says_alone_what_is_asked(tmp_path):
    (course,) = the_class(tmp_path, [FEW, {**FEW, "z2": ANSWERS["z2"]}]).courses
    assert tuple(course.asked) == tuple(FEW)


def test_a_sheet_says_what_is_asked(tmp_path):
    found = the_class(tmp_path, [FEW, FEW], sheet=load("chapter7"))
    assert tuple(found.courses[0].asked) == tuple(load("chapter7").asked)
    assert found.remarks == ()
    other = the_class(tmp_path, [FEW], sheet=load("xor"))
    assert tuple(other.courses[0].asked) == tuple(FEW)
    assert list(map(str, other.remarks)) == ["None of the papers is of xor.toml."]


@pytest.mark.parametrize("sheet", [None, "chapter7"])
def test_a_number_under_its_other_name_is_answered(tmp_path, sheet):
    own, total = ({f"dE_{of}/do1": ANSWERS["dE_total/do1"], "z1": "0.08"} for of in ("o1", "total"))
    papers = [own, total, total, {**own, "dE_total/do1": ""}, {"z1": "0.08"}]
    (course,) = the_class(tmp_path, papers, sheet=sheet and load(sheet)).courses
    assert [course.points(each) for each in course.papers] == [2, 2, 2, 2, 1]
    assert "dE_o1/do1" not in course.asked
    assert sheet or set(course.asked) == {"z1", "dE_total/do1"}


def test_a_number_that_half_call_by_either_name_is_asked_once(tmp_path):
    own, total = ({f"dE_{of}/do1": ANSWERS["dE_total/do1"]} for of in ("o1", "total"))
    (course,) = the_class(tmp_path, [own, own, total, total]).courses
    assert len(course.asked) == 1
    assert [course.points(each) for each in course.papers] == [1, 1, 1, 1]


def test_two_quantities_that_are_one_number_are_both_asked_where_the_sheet_has_both(tmp_path):
    both = {"dE_o1/do1": ANSWERS["dE_total/do1"], "dE_total/do1": ANSWERS["dE_total/do1"]}
    (course,) = the_class(tmp_path, [both, both, {"dE_total/do1": both["dE_total/do1"]}]).courses
    assert set(course.asked) == set(both)
    assert [course.points(each) for each in course.papers] == [2, 2, 1]


def test_a_line_that_is_no_quantity_is_to_be_looked_at_and_not_asked_of_others(tmp_path):
    (course,) = the_class(tmp_path, [{**FEW, "W99": "0.1"}]).courses
    assert tuple(course.asked) == tuple(FEW)
    assert course.to_look_at(course.papers[0]) == ["W99"]


# --- classes with more in them ----------------------------------------------------------------------------------------

NET = """title = "{title}"
loss = "E"
{head}
[given]
x = {x}
t = 1
[parameters]
w = 0.3
[forward]
z = "{z}"
E = "(t - z)**2"
[hand]
z = "{hand}"
"""


def drawn(folder, name, *, head="", x=2, z="w*x", hand="0.6", title="A line"):
    (folder / name).write_text(NET.format(head=head, x=x, z=z, hand=hand, title=title), "utf-8")
    return judged(folder / name, name)


def test_sheets_with_other_numbers_are_of_one_exercise(tmp_path):
    two = [drawn(tmp_path, "a.toml", head='name = "Kim"\nseed = 1'), drawn(tmp_path, "b.toml", x=3, hand="0.9")]
    (course,) = marked(two).courses
    assert [(each.student, each.seed, course.points(each)) for each in course.papers] == [("Kim", 1, 1), ("b", None, 1)]


def solved(of, folder, name, whose, head=""):
    """A paper with the numbers of whose sheet are right on it, of a sheet of chapter7."""
    sheet = Path(folder, name)
    text = as_text(worksheet(load("chapter7"), seed=of), "toml")
    answers = iter(
        re.findall(r' = "([-0-9.]+)"\n', as_text(worksheet(load("chapter7"), seed=whose), "toml", answers=True))
    )
    sheet.write_text(re.sub(r'= ""\n', lambda _: f'= "{next(answers)}"\n', text), "utf-8")
    return judged(sheet, name)


def test_the_numbers_of_another_sheet_are_one_mistake_that_names_the_sheet(tmp_path):
    papers = [
        solved(1, tmp_path, "kim.toml", 1),
        solved(2, tmp_path, "lee.toml", 1),
        solved(3, tmp_path, "park.toml", 3),
    ]
    (course,) = marked(papers).courses
    assert [len(each.mistakes) for each in course.papers] == [0, 1, 0]
    (mistake,) = course.papers[1].mistakes
    assert re.match(
        r"(3\d|40) of the (3\d|40) numbers that are not right here are right on the sheet of kim$", str(mistake.said)
    )
    assert "kim 연습지에서는 맞는 값입니다" in mistake.said.in_("ko")
    alone = marked(papers[1:]).courses[0].papers[0]
    assert len(alone.mistakes) > 5  # nobody of this class has such a sheet


def test_a_paper_that_starts_from_other_numbers_than_those_of_its_seed_is_named(tmp_path):
    changed = [drawn(tmp_path, f"{x}.toml", x=x, head=f"seed = {seed}") for x, seed in ((2, 7), (3, 8), (4, 8))]
    assert marked(changed).remarks == ()
    same = [drawn(tmp_path, f"same{n}.toml", head="seed = 7") for n in range(2)]
    (remark,) = marked([*changed, *same, drawn(tmp_path, "kim.toml", x=1, head="seed = 7")]).remarks
    assert str(remark) == "kim.toml starts from other numbers than the others; were they changed?"


def test_where_most_papers_start_from_other_numbers_than_their_seeds_draw_none_was_changed(tmp_path):
    papers = [solved(seed, tmp_path, f"{seed}.toml", seed) for seed in (1, 2, 3)]
    sheet = load("chapter7")
    one_other = marked(papers, sheet=sheet, drawn=lambda seed: (9.0,) if seed == 2 else papers[seed - 1].numbers)
    assert [str(each) for each in one_other.remarks] == [
        "2.toml starts from other numbers than the sheet of its seed, 2; were they changed?"
    ]
    assert marked(papers, sheet=sheet, drawn=lambda seed: (9.0,)).remarks == ()
    assert marked(papers, sheet=sheet, drawn=lambda seed: None).remarks == ()


def test_each_exercise_has_a_course_of_its_own_and_that_is_said(tmp_path):
    papers = [drawn(tmp_path, "a.toml"), drawn(tmp_path, "b.toml"), drawn(tmp_path, "c.toml", z="w*x + 0")]
    papers.append(judged(written(tmp_path, "d.toml", FEW), "d.toml"))
    found = marked(papers)
    titles = [each.title for each in found.courses]
    assert titles == ["A line (a.toml)", "A line (c.toml)", load("chapter7").title]
    assert "of 3 exercises" in str(found.remarks[0])


def test_papers_of_one_name_are_named(tmp_path):
    same = [written(tmp_path, f"{n}.toml", FEW, 'name = "김하늘"\nexercise = "chapter7"') for n in (1, 2)]
    found = marked([judged(each, each.name) for each in same])
    assert [str(each) for each in found.remarks] == ["Several papers are of 김하늘: 1.toml, 2.toml."]
    (course,) = found.courses
    assert list(map(course.called, course.papers)) == ["김하늘 (1.toml)", "김하늘 (2.toml)"]


def test_the_exercise_that_others_answer_is_no_paper_and_chapter7_toml_may_be_one(tmp_path):
    key = drawn(tmp_path, "net.toml", head='name = "the key"')
    kim = written(tmp_path, "kim.toml", {"z": "0.6"}, 'exercise = "net.toml"')
    mine = written(tmp_path, "chapter7.toml", FEW)
    other = written(tmp_path, "lee.toml", FEW)
    found = marked([key, *(judged(each, each.name) for each in (kim, mine, other))])
    assert [[each.file for each in course.papers] for course in found.courses] == [
        ["chapter7.toml", "lee.toml"],
        ["kim.toml"],
    ]
    assert str(found.remarks[1]) == "net.toml is the exercise that others answer, and no paper."


def test_a_damaged_paper_costs_nobody_else_anything(tmp_path):
    (tmp_path / "bad.toml").write_text("[hand", "utf-8")
    good = written(tmp_path, "good.toml", FEW)
    found = marked([judged(each, each.name) for each in (tmp_path / "bad.toml", good, tmp_path / "gone.toml")])
    assert [each.file for each in found.courses[0].papers] == ["good.toml"]
    assert [(each.file, str(each.error).split(":")[0]) for each in found.unusable] == [
        ("bad.toml", "bad.toml"),
        ("gone.toml", "gone.toml"),
    ]


# --- what those who make one mistake have in common -------------------------------------------------------------------

used = partial(say, "{done} {was} used where {due} {is_} due", was="was", is_="is", s="")
several = partial(say, "{done} {was} used where {due} {is_} due", was="were", is_="are", s="s")
both = partial(say, "{first} and {last}")


@pytest.mark.parametrize(
    ("said", "place", "common"),
    [
        (used(done="W5⁺", due="W5"), "dE/dh1", "W⁺ was used where W is due"),
        (
            say(
                "{mistake} ({form})",
                mistake=say(
                    "{sentence}, everywhere",
                    sentence=several(
                        done=say("{paired}", paired=both(first="W5⁺, W6⁺", last="W7⁺")),
                        due=both(first="W5, W6", last="W7"),
                    ),
                ),
                form="W5·x1 = 3",
            ),
            "dE/dh1",
            "W⁺ was used where W is due",
        ),
        (
            several(done=both(first="W5, W6", last="b1"), due=both(first="W5⁺, W6⁺", last="b1⁺")),
            "z1'",
            "W and b were used where W⁺ and b⁺ are due",
        ),
        (
            say("{one}, or {other}", one=used(done="1 + o1", due="1 − o1"), other="x"),
            "z",
            "1 + o was used where 1 − o is due",
        ),
        (used(done="b2 + lr·∂E/∂b2", due="b2 − lr·∂E/∂b2"), "b2+", "p + lr·∂E/∂p was used where p − lr·∂E/∂p is due"),
        (used(done="W6", due="W8"), "W8+", "W with another index was used"),
        (used(done="1 + h1′²", due="1 − h1′²"), "dh1/dz1@1", "1 + h² was used where 1 − h² is due"),
        (used(done="o1′", due="∂E′/∂z1⁺"), "W1++", "o was used where ∂E/∂z is due"),
        (used(done="m_W1⁺", due="m_W1"), "W1++", "m_W⁺ was used where m_W is due"),
        (used(done="h[0,1]", due="W[2]"), "z", "h was used where W is due"),
    ],
)
def test_a_mistake_is_the_same_with_other_indices(said, place, common):
    assert str(shared(said, place)) == common
    assert re.search("[가-힣]", shared(said, place).in_("ko"))


@pytest.mark.parametrize("kind", SENTENCES)
@pytest.mark.parametrize("lang", ["en", "ko"])
def test_whatever_the_catalogue_names_can_be_said_without_indices(kind, lang):
    gaps = dict.fromkeys(("s", "was", "is_", "has", "its", "because"), "")
    one, other = (Said(SENTENCES[kind].text, gaps | {"due": f"W{i}", "done": f"h{i}", "at": i}) for i in (1, 2))
    assert shared(one, "dE/dh1").in_(lang) == shared(other, "dE/dh2").in_(lang)
    assert not re.search(r"[Wh][0-9]", shared(one, "dE/dh1").in_(lang))


def test_numbers_and_indices_are_left_out_but_not_those_of_a_formula():
    assert bare("1 − h12²") == "1 − h²"
    assert bare("½·2·(t_1 − o1)") == "½·2·(t − o)"
    assert bare("은닉2 = −0.5199") == "은닉 = …"
