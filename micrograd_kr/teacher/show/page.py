"""An exercise as a page to step through: one file, with its lines, its picture and its words, that needs nothing else.

    Path("chapter7.html").write_text(page(load("chapter7")), "utf-8")

Python hands over data: the places of the picture's boxes, formulas as MathML, the hand numbers with their verdicts; and
each line with its derivatives as JavaScript, written from the rules. The page computes every number itself
(web/engine.js), draws (web/picture.js) and is stepped through (web/page.js), so that a weight can be changed and all
follows. A text from an exercise reaches the page as data and is shown as text; a content security policy admits this
page's own script and style and nothing else.
"""

import base64
import hashlib
import html
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.resources import files
from itertools import pairwise
from string import Template
from typing import Any, get_args

from micrograd_kr.teacher.ask.exercise import Exercise, parse_name
from micrograd_kr.teacher.ask.formula import names_in
from micrograd_kr.teacher.ask.messages import ExerciseError
from micrograd_kr.teacher.ask.solution import Solution, solve
from micrograd_kr.teacher.check.diagnosis import check
from micrograd_kr.teacher.check.report import Report, Row
from micrograd_kr.teacher.derive import chain, explanation, notation
from micrograd_kr.teacher.derive.lines import Line, Lines, line_of
from micrograd_kr.teacher.derive.notation import symbol
from micrograd_kr.teacher.show.diagram import Plan, planned
from micrograd_kr.teacher.show.worksheet import depths

MOST = 100  # quantities; a page with more is no longer one that anybody steps through


ROOM = 400_000  # characters of formulas, so that a page stays well below a megabyte


def script_of(solution: Solution, lines: Lines) -> str:
    """LINES in JavaScript: the place of each line's number, its formula, and its derivatives by what stands at a place.

    Names do not come into it, whatever they are: the numbers stand in an array, in the order of `lines`.
    """
    start = {**solution.exercise.given, **solution.exercise.parameters}
    written = []
    for name, place in lines.order.items():
        if name not in start:
            line = lines.lines.get(name) or Line(name, solution.before[name].data, {})  # a formula without names
            formula, *slopes = (
                f"(v) => {notation.javascript(each, lines.order)}" for each in (line.formula, *line.partials.values())
            )
            pairs = ", ".join(
                f"[{lines.order[used]}, {slope}]" for used, slope in zip(line.partials, slopes, strict=True)
            )
            written.append(f"  [{place}, {formula}, [{pairs}]],\n")
    return f"\n// The exercise, written from micrograd_kr's rules.\nconst LINES = [\n{''.join(written)}];\n\n"


# --- the picture ------------------------------------------------------------------------------------------------------


def boxes(exercise: Exercise, plan: Plan) -> dict[str, dict[str, Any]]:
    """The boxes of the picture: quantities, and what stands on the lines between them.

    kind: given, parameter, computed, loss or line. names: the quantities in it, z and h = f(z) together. local: the
    (target, source) of the local derivatives it shows. flow: the (source, target) whose contribution comes back through
    it. to: the boxes its lines lead to. What is given or a parameter and used once needs no box on its line.
    """
    found: dict[str, dict[str, Any]] = {}
    for name in plan.users:
        if name in plan.pairs.values() or name in plan.weights.values():
            continue
        names = [plan.pairs[name], name] if name in plan.pairs else [name]
        pair = [(name, plan.pairs[name])] if name in plan.pairs else []
        found[name] = {"kind": _kind(exercise, name), "names": names, "local": pair, "flow": None, "to": []}
    for source, target in _in_order(exercise, plan):
        if plan.pairs.get(target) == source or source in plan.weights.values():
            continue
        home, weight = found[plan.home(source)], plan.weights.get((source, target))
        if home["kind"] in ("given", "parameter") and plan.users[source] == [target] and not weight:
            home |= {"local": [(target, source)], "flow": (source, target), "to": [plan.home(target)]}
            continue
        key = f"{source} {target}"
        found[key] = {
            "kind": "parameter" if weight else "line",
            "names": [weight] if weight else [],
            "local": [(target, weight)] * bool(weight) + [(target, source)],
            "flow": (source, target),
            "to": [plan.home(target)],
        }
        home["to"].append(key)
    return found


def _in_order(exercise: Exercise, plan: Plan) -> list[tuple[str, str]]:
    """The lines of the net, in the order in which their ends stand in the exercise."""
    return sorted(plan.arcs, key=lambda arc: (exercise.positions[arc[1]], exercise.positions[arc[0]]))


def _kind(exercise: Exercise, name: str) -> str:
    if name in exercise.forward:
        return "loss" if name == exercise.loss else "computed"
    return "given" if name in exercise.given else "parameter"


def columns(found: Mapping[str, Mapping[str, Any]]) -> tuple[list[list[str]], list[tuple[str, list[str]]]]:
    """The boxes column by column, the loss's last, and each line: where it begins, and the places it goes through.

    A line goes one column to the right; where it has farther to go, it passes through empty places. Within a column the
    boxes stand in the order of what they lead to.
    """
    depth: dict[str, int] = {}
    waiting = list(found)
    while waiting:
        each = waiting[-1]
        after = [other for other in found[each]["to"] if other not in depth]
        waiting += after
        if not after:
            depth[waiting.pop()] = max((depth[other] + 1 for other in found[each]["to"]), default=0)
    routes: list[tuple[str, list[str]]] = []
    next_to: dict[str, list[str]] = {}
    for each in found:
        next_to[each] = []
        for to in found[each]["to"]:
            empty = {f">{len(depth) + k}": i for k, i in enumerate(range(depth[each] - 1, depth[to], -1))}
            depth |= empty
            routes.append((each, [*empty, to]))
            next_to |= {place: [after] for place, after in pairwise([*empty, to])}
            next_to[each].append([*empty, to][0])
    layers: list[list[str]] = [[] for _ in range(max(depth.values()) + 1)]
    for each in next_to:
        layers[depth[each]].append(each)
    height: dict[str, float] = {}
    for layer in layers:
        layer.sort(key=lambda each: sum(height[to] for to in next_to[each]) / max(len(next_to[each]), 1))
        height |= {each: i / len(layer) for i, each in enumerate(layer)}
    return layers[::-1], routes


# --- what flows back --------------------------------------------------------------------------------------------------


def differentiated(exercise: Exercise, plan: Plan, wanted: Iterable[str]) -> list[str]:
    """The quantities whose gradients are worked out: those between the loss and what is wanted, loss first.

    In the order of the way back: nearest to the loss first, and as in the exercise among equals.
    """
    depth = depths(exercise)
    ahead = set().union(*(plan.reaches(name) for name in wanted))
    return sorted(depth.keys() & ahead | {exercise.loss}, key=lambda name: depth[name])


def _wanted(exercise: Exercise) -> set[str]:
    """What a person wants the gradient of: the parameters, what is on the sheet, or all that is given."""
    on_sheet = {
        str(quantity.by)
        for quantity in (parse_name(exercise, name) for name in exercise.hand)
        if quantity.kind == "gradient" and quantity.of == exercise.loss
    }
    return {*exercise.parameters, *on_sheet} or set(exercise.given)


# --- formulas ---------------------------------------------------------------------------------------------------------


def _slot(name: str | None, value: float, tight: bool) -> str:
    """A place in a text that the page fills with a number, ⟦name⟧, in brackets if it is negative, ⟦(name⟧."""
    return notation.NOTATIONS["text"].literal(value, tight) if name is None else f"⟦{'(' * tight}{name}⟧"


def _slot_in_math(name: str | None, value: float, tight: bool) -> str:
    """The same as an element of MathML."""
    if name is None:
        return notation.NOTATIONS["mathml"].literal(value, tight)
    return f'<mrow data-of="{html.escape(name)}"{" data-tight" * tight}></mrow>'


Sides = list[tuple[str, str]]  # equal expressions from left to right, each in MathML and as text


def _partial(formula: Any, source: str, target: str) -> Sides:
    """The local derivative along one line: ∂o/∂z = o(1 − o) = its numbers = its value."""

    def sides(form: notation.Form, slot: notation.Number) -> list[str]:
        left = notation.quantity(f"d{target}/d{source}", form)
        written = [notation.written(formula, form, in_numbers, slot) for in_numbers in (False, True)]
        return [left, *written, slot(f"∂{target}/∂{source}", 0.0, False)]

    return _twice(sides)


def _derived(each: chain.Line) -> Sides:
    """A line of a derivation."""
    return _twice(lambda form, slot: [notation.quantity(each.name, form), *explanation.sides(each, form, slot)])


def _twice(sides: Callable[[notation.Form, notation.Number], list[str]]) -> Sides:
    return list(zip(sides("mathml", _slot_in_math), sides("text", _slot), strict=True))


# --- hand numbers -----------------------------------------------------------------------------------------------------


def _hand(exercise: Exercise, solution: Solution, plan: Plan, row: Row) -> dict[str, Any]:
    """A row of the report, with the key of the number in the picture that it is about."""
    said: list[Any] = [*row.causes, *row.notes]
    return {
        "name": row.name,
        "key": _key(exercise, solution, plan, row.name),
        "hand": row.hand,
        "value": row.value,
        "difference": row.difference,
        "verdict": row.verdict,
        "follows": row.follows_from,
        "parts": [part._asdict() for part in row.parts or ()],
        "said": [{"en": each.english, "ko": each.korean} for each in said],
    }


def _key(exercise: Exercise, solution: Solution, plan: Plan, name: str) -> str | None:
    """Which number of the picture a name on the sheet stands for: a quantity's, or what belongs to a line.

    dA/ds is the local derivative of a line where s reaches A by it alone, and what flows back along a line to s where
    A depends on s through this line alone and all else of the loss adds nothing to that.
    """
    kind, of, by = parse_name(exercise, name)
    if kind != "gradient" or by is None:
        return of + {"value": "", "updated": "+", "second": "'"}[kind]
    if of == exercise.loss:
        return f"d{of}/d{by}"
    ways = [user for user in plan.users[by] if of in plan.reaches(user)]
    if ways == [of]:
        return f"∂{of}/∂{by}"
    value = solution.value(name)
    if len(ways) == 1 and abs(plan.arcs[by, ways[0]][1] - value) <= 1e-12 * abs(value):
        return f"←{by},{ways[0]}"
    return None


# --- the page ---------------------------------------------------------------------------------------------------------


def content(solution: Solution, lines: Lines, report: Report) -> dict[str, Any]:
    """All that the page is told, ready for JSON; what has names of the exercise as keys is a list of pairs."""
    exercise = solution.exercise
    plan = planned(exercise, solution)
    gradients = differentiated(exercise, plan, _wanted(exercise))
    found = boxes(exercise, plan)
    order, routes = columns(found)
    kinds = get_args(chain.Kind)
    return {
        "loss": exercise.loss,
        "lr": exercise.lr,
        "digits": min(max(explanation.decimals_of(exercise), 1), 15),
        "given": list(exercise.given),
        "parameters": list(exercise.parameters),
        "forward": list(exercise.forward),
        "numbers": list({**exercise.given, **exercise.parameters}.items()),
        "order": list(lines.order),
        "boxes": list(found.items()),
        "columns": order,
        "routes": routes,
        "home": [(name, key) for key, box in found.items() for name in box["names"]],
        **_formulas(solution, lines, plan, gradients),
        "hand": [_hand(exercise, solution, plan, row) for row in report.rows],
        "firstWrong": report.first_wrong.name if report.first_wrong else None,
        "words": WORDS,
        "captions": {lang: {kind: explanation.caption(kind, lang) for kind in kinds} for lang in WORDS},
    }


def _formulas(solution: Solution, lines: Lines, plan: Plan, gradients: Sequence[str]) -> dict[str, Any]:
    """Names and formulas of all quantities, and which of them go into which."""
    exercise = solution.exercise
    arcs = [
        (source, target)
        for target in gradients
        for source, other in _in_order(exercise, plan)
        if other == target and source in gradients
    ]
    second = exercise.forward if solution.after else ()
    later = [*(f"{name}+" for name in solution.updated), *(f"{name}'" for name in second)]
    keys = {key: key for key in [*solution.before, *later, *(f"d{exercise.loss}/d{name}" for name in solution.before)]}
    undivided = {target: _undivided(solution, lines, target) for _, target in arcs}
    keys |= {f"∂{target}/∂{source}": f"d{target}/d{source}" for source, target in plan.arcs}
    return {
        "gradients": gradients,
        "arcs": arcs,
        "uses": [(name, names_in(formula)) for name, formula in exercise.forward.items()],
        "names": [(key, symbol(name)) for key, name in (keys | {row: row for row in exercise.hand}).items()],
        "math": [(key, notation.quantity(name, "mathml")) for key, name in keys.items()],
        "partials": [(f"∂{t}/∂{s}", _partial(undivided[t].partials.get(s, 0.0), s, t)) for s, t in arcs],
        **_derivations(solution, lines, gradients),
    }


def _undivided(solution: Solution, lines: Lines, name: str) -> Line:
    """A line in quantities of the exercise only, where `lines` has it in parts."""
    line = lines.lines[name]
    if line.partials.keys() <= solution.before.keys():
        return line
    return line_of(name, solution.before[name], {value: each for each, value in solution.before.items()})


def _derivations(solution: Solution, lines: Lines, gradients: Sequence[str]) -> dict[str, Any]:
    """The line of each number, and each quantity's derivation, as `explain` has them; a line they share comes once.

    forms: each key's place in `written`. derivations: each quantity's places. written: kind and sides of each line.
    Parameters come first; what is asked for when the page has grown to ROOM has its own line only.
    """
    exercise = solution.exercise
    places: dict[tuple[str, str], int] = {}
    written: list[tuple[str, Sides]] = []
    size = 0

    def place(each: chain.Line) -> int:
        nonlocal size
        key = (each.kind, explanation.line_text(each, _slot))
        if key not in places:
            places[key] = len(written)
            written.append((each.kind, _derived(each)))
            size += sum(len(math) + len(text) for math, text in written[-1][1])
        return places[key]

    def derivation(name: str) -> list[int]:
        asked = f"{name}+" if f"{name}+" in forms else f"d{exercise.loss}/d{name}" if name in gradients[1:] else name
        if asked in forms and (size > ROOM or asked == name):  # a formula without names has no line
            return [forms[asked]]
        return [place(each) for each in explanation.explain_solution(solution, lines, asked).lines]

    forms = {each.name: place(each) for each in explanation.explain_solution(solution, lines).lines}
    derivable = [*exercise.parameters, *(name for name in gradients if name in exercise.given), *exercise.forward]
    found = {name: derivation(name) for name in derivable}
    return {
        "forms": list(forms.items()),
        "derivations": [(name, found[name]) for name in exercise.positions if name in found],
        "written": written,
    }


def page(exercise: Exercise, *, report: Report | None = None, lang: str = "en") -> str:
    """An exercise as one HTML file. report: of `check`; by default the exercise's own hand numbers are checked.

    lang: "en" or "ko", what the page begins with. Raises ExerciseError for an exercise of more than MOST quantities,
    and as `check` does.
    """
    count = len(exercise.positions)
    if count > MOST:
        raise ExerciseError(
            f"expected an exercise of at most {MOST} quantities for a page, got {count}: make a page of a part of it",
            f"페이지로 만들 수 있는 문제는 양이 {MOST}개까지입니다. 지금: {count}개. 일부만 나누어 쓰세요",
        ).at(exercise.source)
    report = report or check(exercise)
    solution = solve(exercise)
    lines = explanation.lines_of(solution)
    folder = files("micrograd_kr.teacher.show") / "web"
    names = ("page.css", "page.html", "engine.js", "picture.js", "page.js")
    style, frame, engine, *rest = (folder.joinpath(name).read_text("utf-8") for name in names)
    script = "".join([engine, script_of(solution, lines), *rest])
    return Template(frame).substitute(
        lang=lang,
        title=html.escape(exercise.title),
        policy=_policy(script, style),
        style=style,
        script=script,
        data=embedded(content(solution, lines, report)),
    )


def _policy(script: str, style: str) -> str:
    """A content security policy that admits one script and one style, each by its hash, and nothing from anywhere."""
    hashes = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (script, style))
    allowed = "; ".join(f"{kind}-src 'sha256-{each}'" for kind, each in zip(("script", "style"), hashes, strict=True))
    return f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"


def embedded(data: Any) -> str:
    """JSON that can stand in a <script> element: no < that could end it, no line separators of JavaScript's."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


# --- what the page says -----------------------------------------------------------------------------------------------

WORDS: dict[str, dict[str, Any]] = {
    "en": {
        # the controls
        "skip": "To the controls",
        "picture": "The net: every quantity and its gradient",
        "scroll": "Picture of the net; scrolls sideways",
        "controls": "Controls",
        "first": "To the first step",
        "back": "One step back",
        "play": "Play",
        "pause": "Pause",
        "next": "One step on",
        "last": "To the last step",
        "slider": "Step",
        "fit": "Whole picture",
        "dark": "Dark",
        # phases
        "start": "Start",
        "forward": "Forward",
        "backward": "Backward",
        "update": "Update",
        "second": "Second pass",
        "end": "Result",
        # the step
        "step": "This step",
        "say start": "The inputs and the weights are given. Go on with ▶, the slider or the arrow keys.",
        "say forward": "{target} is computed from {sources}.",
        "say seed": "The way back begins at the loss: the derivative of {target} with respect to itself is 1.",
        "say edge": "The upstream gradient {upstream} comes back to {source}, times the local derivative {local}.",
        "say several": "The upstream gradient {upstream} comes back to {source}, times the local derivative {local}. "
        "It is one of {count} contributions that meet there.",
        "say sum": "{count} paths meet at {source}: what came back along them is added up (Σ) to {gradient}.",
        "say update": "{target} takes one step against its gradient, times the learning rate.",
        "say second": "Once more forward, with the updated parameters: {target}.",
        "say end": "After one step of gradient descent the loss {loss} is {after}; before it was {before}, {change}.",
        "say stop": "Every derivative of {loss} is known.",
        "down": "so it went down by {by}",
        "up": "so it went up by {by}: the learning rate is too large here",
        # legend
        "legend": "What the colours mean",
        "legend value": "z forward",
        "legend second": "z′ after the update",
        "legend local": "∂ local derivative",
        "legend gradient": "← gradient, flowing back; line width: its size",
        # a derivation
        "derivation": "Derivation",
        "choose": "Of",
        "nothing": "choose",
        "ask": "Choose a quantity here, or press its box in the picture: the chain rule is written out, "
        "factor by factor, and its paths to the loss light up.",
        "show derivation": "Show its derivation",
        # the numbers
        "numbers": "Try other numbers",
        "change": "All steps are computed again as you type.",
        "given": "Inputs",
        "parameters": "Parameters",
        "settings": "Settings",
        "lr": "learning rate",
        "digits": "decimals shown",
        "reset": "Back to the exercise's numbers",
        "no number": "{name}: expected a number such as 0.5, got “{text}”. The steps still show the numbers before.",
        "no rate": "{name}: expected a number above 0, got “{text}”. The steps still show the numbers before.",
        "no digits": "{name}: expected a whole number, 1 to 15, got “{text}”.",
        "infinite": "With these numbers {name} is not finite: choose others. The steps still show the numbers before.",
        # hand numbers
        "hand": "The numbers by hand",
        "other numbers": "These numbers belong to the exercise as it was given; the fields above hold others now.",
        "first wrong": "The first wrong number",
        "follows": "follows from {from}",
        "to step": "{name}: to the step it comes from",
        "quantity": "quantity",
        "by hand": "by hand",
        "engine": "engine",
        "difference": "difference",
        "verdict": "verdict",
        "match": "match",
        "rounding": "rounding",
        "wrong": "wrong",
        "made": "Made by micrograd-kr. This file needs no network.",
    },
    "ko": {
        "skip": "조작 단추로 가기",
        "picture": "신경망: 모든 값과 기울기",
        "scroll": "신경망 그림 (옆으로 움직일 수 있음)",
        "controls": "조작 단추",
        "first": "처음 단계로",
        "back": "한 단계 뒤로",
        "play": "재생",
        "pause": "멈춤",
        "next": "한 단계 앞으로",
        "last": "마지막 단계로",
        "slider": "단계",
        "fit": "전체 보기",
        "dark": "어둡게",
        "start": "시작",
        "forward": "순전파",
        "backward": "역전파",
        "update": "갱신",
        "second": "다시 순전파",
        "end": "결과",
        "step": "지금 단계",
        "say start": "입력과 가중치가 주어져 있습니다. ▶ 단추, 슬라이더, 화살표 키로 진행합니다.",
        "say forward": "{sources}에서 {target} 값을 계산합니다.",
        "say seed": "역전파는 손실에서 시작합니다. {target} 자신에 대한 미분은 1입니다.",
        "say edge": "상류 기울기 {upstream}에 국소 미분 {local} 값을 곱한 것이 {source} 쪽으로 돌아옵니다.",
        "say several": "상류 기울기 {upstream}에 국소 미분 {local} 값을 곱한 것이 {source} 쪽으로 돌아옵니다. "
        "그곳에서 만나는 {count}개 기여 가운데 하나입니다.",
        "say sum": "{source}에서 {count}개의 길이 만납니다. 돌아온 기여를 모두 더하면(Σ) {gradient} 값이 됩니다.",
        "say update": "{target} 값을 기울기의 반대 방향으로, 학습률만큼 한 번 옮깁니다.",
        "say second": "갱신한 매개변수로 다시 순전파합니다: {target}.",
        "say end": "손실 {loss}: {before} → {after}. 경사 하강 한 번으로 {change}.",
        "say stop": "{loss}의 모든 미분을 구했습니다.",
        "down": "{by}만큼 줄었습니다",
        "up": "{by}만큼 늘었습니다. 여기서는 학습률이 너무 큽니다",
        "legend": "색과 기호",
        "legend value": "z 순전파 값",
        "legend second": "z′ 갱신 후",
        "legend local": "∂ 국소 미분",
        "legend gradient": "← 돌아오는 기울기, 선 굵기: 그 크기",
        "derivation": "유도 과정",
        "choose": "무엇의",
        "nothing": "고르세요",
        "ask": "여기에서 고르거나 그림의 상자를 누르면, 연쇄 법칙을 인수마다 풀어 쓰고 손실까지의 길을 밝힙니다.",
        "show derivation": "유도 과정 보기",
        "numbers": "수를 바꾸어 보기",
        "change": "수를 쓰는 대로 모든 단계를 다시 계산합니다.",
        "given": "입력",
        "parameters": "매개변수",
        "settings": "설정",
        "lr": "학습률",
        "digits": "소수점 아래 자릿수",
        "reset": "문제의 수로 되돌리기",
        "no number": "{name}: 0.5와 같은 수가 필요합니다. 지금: “{text}”. 단계는 앞의 수를 그대로 보여 줍니다.",
        "no rate": "{name}: 0보다 큰 수가 필요합니다. 지금: “{text}”. 단계는 앞의 수를 그대로 보여 줍니다.",
        "no digits": "{name}: 1부터 15까지의 정수가 필요합니다. 지금: “{text}”.",
        "infinite": "이 수로는 {name} 값이 유한하지 않습니다. 다른 수를 쓰세요. 단계는 앞의 수를 그대로 보여 줍니다.",
        "hand": "손으로 계산한 수",
        "other numbers": "이 수들은 원래 문제의 것입니다. 지금 위의 칸에는 다른 수가 있습니다.",
        "first wrong": "처음으로 틀린 수",
        "follows": "{from}에서 이어진 것",
        "to step": "{name}: 이 수가 나오는 단계로",
        "quantity": "양",
        "by hand": "손 계산",
        "engine": "엔진",
        "difference": "차이",
        "verdict": "판정",
        "match": "일치",
        "rounding": "반올림 차이",
        "wrong": "틀림",
        "made": "micrograd-kr로 만든 페이지입니다. 네트워크가 필요 없습니다.",
    },
}
