"""A class as a page for its teacher: one file that needs no network, in both languages, for a desk and for a phone.

What the class got wrong comes first, by how many and with whom; then each paper, with all its numbers behind it; then
each quantity. What stands in a file reaches the page as text.
"""

import base64
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from importlib.resources import files
from string import Template

from micrograd_kr.said import LANGUAGES, Said, say
from micrograd_kr.teacher.check.report import in_a_sentence
from micrograd_kr.teacher.derive import notation
from micrograd_kr.teacher.grade.marks import Class, Course, Misconception
from micrograd_kr.teacher.grade.mistake import Mistake
from micrograd_kr.teacher.grade.paper import OUTCOMES, Outcome, Paper
from micrograd_kr.teacher.grade.table import cause, number, summary

WEB = files("micrograd_kr.teacher.grade") / "web"
MARKS: dict[Outcome, str] = {
    "right": "✓",
    "follows": "↳",
    "wrong": "✗",
    "undecided": "?",
    "unreadable": "?",
    "blank": "",
}
SWITCH = '<span class="en" lang="ko">한국어</span><span class="ko" lang="en">English</span>'  # in the other's own words


def page(found: Class, *, lang: str = "en") -> str:
    """A class as one HTML file. lang: "en" or "ko", what the page begins with."""
    frame, style, script = ((WEB / f"class.{kind}").read_text("utf-8") for kind in ("html", "css", "js"))
    hashes = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (script, style))
    remarks = [*(each.error for each in found.unusable if each.error), *found.remarks]
    return Template(frame).substitute(
        dict(zip(("script_hash", "style_hash"), hashes, strict=True)),
        lang=lang,
        title=escape(" · ".join(each.title for each in found.courses) or "micrograd-kr"),
        heading=both(say("The marks of the class")),
        switch=SWITCH,
        dark=both(say("Dark")),
        remarks=f'<ul class="remarks">{"".join(f"<li>{both(each)}</li>" for each in remarks)}</ul>' if remarks else "",
        courses="\n".join(map(_course, found.courses)),
        style=style,
        script=script,
    )


def both(said: Said) -> str:
    """A sentence in both languages, of which the page shows one."""
    return "".join(f'<span class="{lang}" lang="{lang}">{escape(said.in_(lang))}</span>' for lang in LANGUAGES)


COLUMNS = say("quantity"), say("hand"), say("engine"), say("verdict")
HEADINGS = "".join(["<tr>", *(f'<th scope="col">{both(each)}</th>' for each in COLUMNS), "</tr>"])


def _course(course: Course) -> str:
    marks = {name: number(each) for name, each in course.marks._asdict().items()}
    rule = say(
        "Right: {right}. Following from an own mistake: {follows}. Wrong: {wrong}. Blank or not to be judged: 0.",
        **marks,
    )
    parts = [f"<h2>{escape(course.title)}</h2>", f"<p>{both(summary(course))}</p>"]
    parts.append(f'<p class="soft">{both(rule)}</p>')
    if course.misconceptions:
        alone = [each for each in course.misconceptions if len(each.made) == 1 and each.is_explained]
        others = [each for each in course.misconceptions if each not in alone]
        entries, rest = ([_misconception(course, each) for each in part] for part in (others, alone))
        parts += _listed(say("What went wrong"), entries, "ul", "card mistakes")
        if rest:
            title, listed = both(say("Made by one each: {count}", count=len(rest))), "".join(rest)
            parts.append(
                f'<details class="card"><summary>{title}</summary><ul class="mistakes">{listed}</ul></details>'
            )
    parts += _listed(say("The papers"), (_paper(course, each) for each in course.papers), "div", "card")
    parts += _listed(say("The quantities"), (_quantity(course, name) for name in course.asked), "div", "card")
    return "<section>\n" + "\n".join(parts) + "\n</section>\n"


def _listed(title: Said, entries: Iterable[str], element: str, style: str) -> Iterator[str]:
    yield f'<h3>{both(title)}</h3>\n<{element} class="{style}">'
    yield from entries
    yield f"</{element}>"


def _misconception(course: Course, each: Misconception) -> str:
    who = "; ".join(f"<bdi>{escape(course.called(made.paper))}</bdi>: {escape(made.place)}" for made in each.made)
    return f'<li><b>{len(each.made)}</b><div>{both(each.said)}<p class="soft">{who}</p></div></li>'


def _named(name: str) -> str:
    return escape(notation.quantity(name))


def _bar(counts: Counter[Outcome]) -> str:
    """How many came out how, as lengths; beside it stand the numbers."""
    parts, start = [], 0
    for outcome in OUTCOMES:
        parts.append(f'<rect class="{outcome}" x="{start}" width="{counts[outcome]}" height="1"/>')
        start += counts[outcome]
    drawn = "".join(parts)
    return f'<svg class="bar" viewBox="0 0 {start} 1" preserveAspectRatio="none" aria-hidden="true">{drawn}</svg>'


def _counts(counts: Counter[Outcome]) -> str:
    found = (f'<b class="{each}">{counts[each]} {both(OUTCOMES[each])}</b>' for each in OUTCOMES if counts[each])
    return f'<span class="counts soft">{" · ".join(found)}</span>'


def _paper(course: Course, paper: Paper) -> str:
    counts = course.counts(paper)
    told = _counts(counts)
    if paper.mistakes:
        told = _mistake(paper.mistakes[0])
    points = f"{number(course.points(paper))} / {number(course.most)}"
    missed = [name for name in course.asked if course.outcome(paper, name) != "right"]
    rows = "".join([HEADINGS * bool(missed), *(_answer(course, paper, name) for name in missed)])
    others = "".join(f"<li>{_mistake(each, paper.mistakes)}</li>" for each in paper.mistakes[1:])
    look = course.to_look_at(paper)
    names = both(say("to be looked at: {names}", names=", ".join(map(notation.quantity, look)))) if look else ""
    return f"""<details>
<summary><span class="name"><bdi>{escape(course.called(paper))}</bdi></span> <span>{points}</span>
{_bar(counts)} <span class="soft">{told}</span></summary>
<div class="paper"><p>{_counts(counts)}</p><p>{names}</p><ul>{others}</ul><table>{rows}</table>
<p class="soft">{escape(paper.file)}</p></div>
</details>"""


def _mistake(mistake: Mistake, among: Sequence[Mistake] = ()) -> str:
    """A mistake; one that another number was made wrong by before is only referred to."""
    alike = (each for each in among if each.shared == mistake.shared and mistake.is_explained)
    first = next(alike, mistake)
    same = say("the same mistake as at {name}", name=notation.quantity(first.name))
    written = f"{notation.quantity(mistake.name)} = {in_a_sentence(mistake.hand)}"
    return f'<b class="wrong">{escape(written)}</b> {both(cause(mistake) if first is mistake else same)}'


def _answer(course: Course, paper: Paper, name: str) -> str:
    answer = course.answer(paper, name)
    outcome, hand = answer.outcome, escape(in_a_sentence(answer.hand))
    told = both(OUTCOMES[outcome])
    if answer.follows:
        told = both(say("follows from {name}", name=notation.quantity(answer.follows)))
    cells = (
        f'<td>{hand}</td><td>{escape(in_a_sentence(answer.due))}</td><td class="{outcome}">{MARKS[outcome]} {told}</td>'
    )
    return f'<tr><th scope="row">{_named(name)}</th>{cells}</tr>'


def _quantity(course: Course, name: str) -> str:
    counts = course.quantities[name]
    right = f"{counts['right']} / {len(course.papers)} ✓"
    return f"""<div class="quantity"><span class="name">{_named(name)}</span> <span>{right}</span>
{_bar(counts)} {_counts(counts)}</div>"""
