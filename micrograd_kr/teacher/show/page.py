"""An exercise as a page to step through: one file, with its lines, its picture and its words, that needs nothing else.

    Path("chapter7.html").write_text(page(load("chapter7")), "utf-8")

Python hands over data: the places of the picture's boxes, formulas as MathML, the hand numbers with their verdicts, the
worked forms of what may be asked for; and each line with its derivatives as JavaScript, written from the rules. The
page computes every number itself (web/engine.js), so that a weight can be changed and all follows, takes what a person
types (web/answers.js) and judges it (web/check.js and what it is made of), draws (web/picture.js) and is stepped
through (web/page.js) in its own words (web/words.json). A text from an exercise reaches the page as data and is shown
as text; a content security policy admits this page's own script and style and nothing else.
"""

import base64
import hashlib
import html
import json
import re
from collections.abc import Container, Sequence
from functools import partial
from importlib.resources import files
from pathlib import PurePath
from string import Template
from typing import Any, get_args

from micrograd_kr.said import LANGUAGES, Said
from micrograd_kr.teacher.ask.exercise import Exercise, parse_name
from micrograd_kr.teacher.ask.quantity import Quantity, derivative, updated
from micrograd_kr.teacher.ask.solution import Solution
from micrograd_kr.teacher.check.diagnosis import diagnosed
from micrograd_kr.teacher.check.report import Report, Row
from micrograd_kr.teacher.derive import chain, explanation, notation
from micrograd_kr.teacher.derive.lines import Line, Lines
from micrograd_kr.teacher.derive.notation import symbol
from micrograd_kr.teacher.show.answers import Answers
from micrograd_kr.teacher.show.diagram import Diagram, local_key, way_back, worked
from micrograd_kr.teacher.show.mistakes import Mistakes
from micrograd_kr.teacher.show.worksheet import Worksheet, as_text, suggested

MOST = 100  # quantities; a page with more is no longer one that anybody steps through
ROOM = 400_000  # characters of formulas, so that a page stays well below a megabyte
WEB = files("micrograd_kr.teacher.show") / "web"
WORDS = {key: Said(text) for key, text in json.loads((WEB / "words.json").read_text("utf-8")).items()}


def script_of(solution: Solution, lines: Lines) -> str:
    """LINES in JavaScript: the place of each line's number, its formula, and its derivatives by what stands at a place.

    Names do not come into it, whatever they are: the numbers stand in an array, in the order of `lines`.
    """

    def of(expression: Any) -> str:
        return f"(v) => {notation.javascript(expression, lines.order)}"

    start = {**solution.exercise.given, **solution.exercise.parameters}
    written = []
    for name, place in lines.order.items():
        if name not in start:
            line = lines.lines.get(name) or Line(name, solution.before[name].data, {})  # a formula without names
            slopes = ", ".join(f"[{lines.order[used]}, {of(slope)}]" for used, slope in line.partials.items())
            written.append(f"  [{place}, {of(line.formula)}, [{slopes}]],\n")
    # the numbers of an update: what is given, a parameter, its gradient, the number of the step, lr, and the states
    exercise = solution.exercise
    states = [line for line in exercise.update if line != "p"]
    places = {name: place for place, name in enumerate([*exercise.given, "p", "g", "k", "lr", *states])}
    updates = "".join(
        f'  [{places[line]}, (v) => {notation.javascript(formula.expression, places)}, "{line}"],\n'
        for line, formula in exercise.update.items()
    )
    constants = f"const LINES = [\n{''.join(written)}];\n\nconst UPDATES = [\n{updates}];\n\n"
    return f"\n// The exercise, written from micrograd_kr's rules.\n{constants}"


SLOTS: dict[notation.Form, tuple[str, str]] = {
    "mathml": ('<mrow data-of="%s"></mrow>', '<mrow data-of="%s" data-tight></mrow>'),
    "text": ("⟦%s⟧", "⟦(%s⟧"),
}


def _slot(name: str | None, value: float, tight: bool, form: notation.Form = "text", fixed: Container[str] = ()) -> str:
    """A place that the page fills with a number, tight: in brackets if it is negative; what is fixed is written."""
    own = notation.NOTATIONS[form]
    return own.literal(value, tight) if name is None or name in fixed else SLOTS[form][tight] % own.escaped(name)


Sides = list[tuple[str, str]]  # equal expressions from left to right, each in MathML and as text


def _sides(name: str, line: chain.Line, fixed: Container[str] = ()) -> Sides:
    """A name and what it is equal to: ∂o/∂z = o(1 − o) = its numbers = its value."""
    both = (
        [notation.quantity(name, form), *explanation.sides(line, form, partial(_slot, form=form, fixed=fixed))]
        for form in SLOTS
    )
    return list(zip(*both, strict=True))


def _hand(diagram: Diagram, report: Report, row: Row) -> dict[str, Any]:
    """A row of the report, with the key of the number in the picture that it is about."""
    said = [*report.explained(row), *(note.said for note in row.notes)]
    return {part: getattr(row, part) for part in ("name", "hand", "value", "difference", "verdict")} | {
        "key": diagram.key(row.name),
        "follows": row.follows_from,
        "parts": [vars(part) for part in row.parts or ()],
        "said": [{lang: each.in_(lang) for lang in LANGUAGES} for each in said],
    }


def content(solution: Solution, lines: Lines, report: Report, asked: Sequence[str] = ()) -> dict[str, Any]:
    """All that the page is told, ready for JSON; what has names of the exercise as keys is a list of pairs.

    asked: the numbers that a person may type.
    """
    exercise = solution.exercise
    diagram, readable, kinds = Diagram(lines, solution, every_line=False), lines.readable(), get_args(chain.Kind)
    on_sheet = [parse_name(exercise, name) for name in exercise.hand]
    wanted = {*exercise.parameters, *(asked.by for asked in on_sheet if asked.of == exercise.loss and asked.by)}
    wanted = wanted or set(exercise.given)
    gradients = [name for name in way_back(exercise) if name == exercise.loss or lines.below(name) & wanted]
    in_order = sorted(diagram.arcs, key=lambda arc: exercise.positions[arc[0]])
    arcs = [(s, t) for target in gradients for s, t in in_order if t == target and s in gradients]
    boxes, names = [], dict[str, str]()
    for key, box in diagram.boxes.items():
        numbers = [each for group in diagram.groups(box) for each in group]
        names |= {each.key: each.name for each in numbers if each.kind != "flow"}
        rows = [(each.key, each.kind) for each in numbers]
        boxes.append((key, {"kind": box.kind, "names": box.names, "flow": box.flow, "rows": rows}))
    along = ((s, t, chain.equation(local_key(s, t), "local", lines.lines[t].partials.get(s, 0.0))) for s, t in arcs)
    fields = [
        {"name": name, "key": diagram.key(name), "text": exercise.hand.get(name, ""), "isOwn": name in exercise.asked}
        for name in asked
    ]
    return {
        "title": exercise.title,
        "student": exercise.student,
        "seed": exercise.seed,
        "asked": fields,
        "file": {"name": f"{PurePath(exercise.source).name.removesuffix('.toml')}.toml", "head": _head(exercise)},
        "loss": exercise.loss,
        "lr": exercise.lr,
        "steps": exercise.steps,
        "passes": solution.shown,
        "laterPasses": [symbol(str(Quantity("z", step=step))) for step in solution.shown[1:]],
        "usual": exercise.is_usual,
        "updates": list(exercise.update),
        "digits": min(max(explanation.decimals_of(exercise), 1), 15),
        "given": list(exercise.given),
        "parameters": list(exercise.parameters),
        "forward": list(exercise.forward),
        "numbers": list({**exercise.given, **exercise.parameters}.items()),
        "order": list(readable.order),
        "boxes": boxes,
        "columns": diagram.columns,
        "routes": diagram.routes,
        "home": [(name, key) for key, box in diagram.boxes.items() for name in box.names],
        "arcs": arcs,
        "uses": [(name, formula.names) for name, formula in exercise.forward.items()],
        "names": [(key, symbol(name)) for key, name in (names | {name: name for name in asked}).items()],
        "math": [(key, notation.quantity(name, "mathml")) for key, name in names.items()],
        "partials": [(line.name, _sides(derivative(t, s), line)) for s, t, line in along],
        **_derivations(solution, readable, gradients),
        "hand": [_hand(diagram, report, row) for row in report.read],
        "remarks": [{lang: each.said.in_(lang) for lang in LANGUAGES} for each in report.remarks],
        "firstWrong": report.first_wrong.name if report.first_wrong else None,
        "words": {lang: {key: each.template(lang) for key, each in WORDS.items()} for lang in LANGUAGES},
        "captions": {lang: {kind: explanation.caption(kind, lang) for kind in kinds} for lang in LANGUAGES},
    }


def _derivations(solution: Solution, lines: Lines, gradients: Sequence[str]) -> dict[str, Any]:
    """The line of each number, and each quantity's derivation, as `explain` has them; a line they share comes once.

    forms: each key's place in `written`. derivations: each quantity's places. written: kind and sides of each line.
    Parameters come first; what is asked for when the page has grown to ROOM has its own line only.
    """
    exercise = solution.exercise
    written: dict[tuple[str, str], tuple[int, Sides]] = {}
    fixed = {"k"} - exercise.positions.keys()  # the number of a step, which the page does not change

    def place(each: chain.Line) -> int:
        key = (each.kind, explanation.line_text(each, partial(_slot, fixed=fixed)))
        if key not in written:
            written[key] = len(written), _sides(each.name, each, fixed)
        return written[key][0]

    forms = {each.name: place(each) for each in explanation.explained(lines, solution).lines}
    found: dict[str, list[int]] = {}
    for name in [*exercise.parameters, *(name for name in gradients if name in exercise.given), *exercise.forward]:
        asked = derivative(exercise.loss, name) if name in gradients[1:] else name
        asked = updated(name) if updated(name) in forms else asked
        size = sum(len(math) + len(text) for _, sides in written.values() for math, text in sides)
        if asked in forms and (size > ROOM or asked == name):  # a formula without names has no line
            found[name] = [forms[asked]]
        else:
            found[name] = [place(each) for each in explanation.explained(lines, solution, asked).lines]
    return {
        "forms": list(forms.items()),
        "derivations": [(name, found[name]) for name in exercise.positions if name in found],
        "written": [(kind, sides) for (kind, _), (_, sides) in written.items()],
    }


def _head(exercise: Exercise) -> str:
    """What stands above [hand] in the file of a sheet."""
    return as_text(Worksheet(exercise, (), 0), "toml").partition("\n[hand]\n")[0].lstrip("\n") + "\n"


def page(exercise: Exercise, *, report: Report | None = None, lang: str = "en", practice: bool = False) -> str:
    """An exercise as one HTML file. report: of `check`; by default the exercise's own hand numbers are checked.

    lang: "en" or "ko", what the page begins with. practice: its numbers and derivations are hidden until a person has
    tried them; whoever reads the file's source finds them. Raises ExerciseError for an exercise of more than MOST
    quantities, and as `check` does.
    """
    solution, lines = worked(exercise, MOST)
    report = report or diagnosed(lines, solution)
    answers = Answers(solution, lines, [*exercise.hand, *exercise.asked, *suggested(exercise, solution)])
    mistakes = Mistakes(answers).content()
    told = content(solution, lines, report, answers.names) | {"practice": practice}
    told["check"] = {"mistakes": mistakes, **answers.content()}
    scripts = ("engine", "reading", "rounding", "lines", "follows", "causes", "check", "answers", "picture", "page")
    names = ("page.css", "page.html", *map("{}.js".format, scripts))
    style, frame, engine, *rest = (_source(name) for name in names)
    script = "".join([engine, script_of(solution, lines.readable()), answers.script(), *rest])
    hashes = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (script, style))
    return Template(frame).substitute(
        dict(zip(("script_hash", "style_hash"), hashes, strict=True)),
        lang=lang,
        title=html.escape(exercise.title),
        style=style,
        script=script,
        data=embedded(told),
    )


def _source(name: str) -> str:
    """A file of the page's; a script without its comments and indents, which are for who reads it here."""
    text = (WEB / name).read_text("utf-8")
    return re.sub(r"^ *(//.*\n)?", "", text, flags=re.MULTILINE) if name.endswith(".js") else text


def embedded(data: Any) -> str:
    """JSON that can stand in a <script> element: no < that could end it, no line separators of JavaScript's."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
