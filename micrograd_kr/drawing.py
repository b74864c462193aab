"""The picture of a graph: data forward, gradient backward, and on each edge the local derivative.

    render(draw(y), "y.svg")

`draw` gives Graphviz's language, one node for each number below a Value; `render` makes the file. All numbers of a
picture come from one place: a contribution is what a node's rule makes of that node's gradient, and contributions are
added up only to be compared with the gradient shown.
"""

import html
import os
import re
import shutil
import subprocess
import sys
import warnings
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import graphviz
import numpy as np

from micrograd_kr import ops
from micrograd_kr.engine import UNSET, Value, derivative_at, inputs_first
from micrograd_kr.files import write
from micrograd_kr.said import Said, SaidError, check_language, say

# Mid-tones for what stands on the page itself, light fills of their own for the nodes: legible on white and on black.
INK, SOFT, LINE, BACK = "#1f2937", "#64748b", "#8a94a6", "#b4532a"
FILLS = {  # kind: fill, border
    "line": ("#ffffff", "#c3cad5"),
    "constant": ("#f3f4f6", "#9ca3af"),
    "given": ("#eef2f6", "#94a3b8"),
    "parameter": ("#fdf5e3", "#cf9f3f"),
    "computed": ("#edf4fc", "#6f9bd1"),
    "root": ("#fbeeec", "#cd7f6e"),
}
FONT = "Helvetica,Arial,sans-serif"
ACROSS = ' COLSPAN="2"'
PILL = ' BGCOLOR="#ffffff" BORDER="1" COLOR="#d3d9e2" STYLE="ROUNDED"'
LONGEST = 60  # characters of one text before it is cut
STRAIGHT = "\tsplines=line\n"  # of a picture's text
# All but XML 1.0's characters, section 2.2, and control characters.
NO_XML = "[^\n\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\x7f-\x9f]"
SIGNS = {"+": 1, "−": 1, "×": 2, "÷": 2, "@": 2, "**": 3}  # how closely each binds


class DrawingError(SaidError):
    """A picture that cannot be drawn or written as asked."""


class RendererMissing(DrawingError):  # noqa: N818 -- says what is missing, as ExecutableNotFound does
    """No Graphviz on this machine. `path` is the .dot file that was written instead."""

    path = property(lambda self: self.said.gaps["instead"])


# --- text -------------------------------------------------------------------------------------------------------------


def escaped(text: str) -> str:
    """Any text as HTML-like labels and SVG take it: no control characters, no markup, at most LONGEST characters."""
    text = text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
    text = re.sub(NO_XML, "\ufffd", text.replace("\t", " "))
    return html.escape(text).replace("\\", "\\\\").replace("\n", "<BR/>")  # a single backslash would be an escape: \N


def font(text: str, color: str, size: float = 10, tags: str = "") -> str:
    """Text that is already escaped, in a colour; Graphviz takes no empty tags."""
    for tag in tags:
        text = f"<{tag}>{text}</{tag}>" if text else ""
    return f'<FONT COLOR="{color}" POINT-SIZE="{size:g}">{text}</FONT>' if text else ""


def table(rows: Iterable[str], attributes: str = ' BORDER="0"', padding: int = 1) -> str:
    """An HTML-like label of the rows, each a string of cells."""
    inner = "".join(f"<TR>{row}</TR>" for row in rows)
    return f'<<TABLE{attributes} CELLBORDER="0" CELLSPACING="0" CELLPADDING="{padding}">{inner}</TABLE>>'


def cell(text: str, attributes: str = ' ALIGN="LEFT"', height: int = 13) -> str:
    """height: at least so much, so that lines do not run into each other where Graphviz finds no font to measure."""
    return f'<TD HEIGHT="{height}"{attributes}>{text}</TD>'


def _shown(number: Any, digits: int, lang: str = "") -> str:
    """A scalar with so many significant digits; a tensor as its shape, in a language also with mean and spread."""
    shape = np.shape(number)
    text = f"[{'×'.join(map(str, shape))}]" if shape else f"{float(number):.{digits}g}"
    if not shape or not np.size(number) or not lang:
        return text
    wide = np.asarray(number, np.float64)
    with np.errstate(all="ignore"):
        return f"{text} {say('mean').in_(lang)} {wide.mean():.{digits}g} {say('std').in_(lang)} {wide.std():.{digits}g}"


# --- what flows through a graph ---------------------------------------------------------------------------------------


class Edge(NamedTuple):
    """One edge of a picture: from a Value (None: a constant) that was worth `data` into the Value computed from it.

    local: the derivative of target by source along this edge; for tensors that of the sum of target's entries.
    flow: the contribution that came back along it, target's gradient times the local derivative; None where target
        has no gradient.
    """

    source: Value | None
    data: Any
    target: Value
    local: Any
    flow: Any = None


def handed_on(node: Value, g: Any) -> list[Any]:
    """What gradient g at a node hands to each of its inputs, by its rule; None to a constant."""
    rule: Any = node.rule
    numbers = g, node.out, node.x_data, node.y_data
    with np.errstate(all="ignore"):
        first: Any = None if node.x is None else derivative_at(node, rule.dx, *numbers)
        second = None if node.y is None else derivative_at(node, rule.dy, *numbers)
        parts = [*(first if type(node.x) is tuple else [first]), second]
        pairs = zip(node.inputs(), parts, strict=False)  # an option is no input
        return [None if value is None else ops.unbroadcast.compute(r, data) for (value, data), r in pairs]


def formulas_of(order: Sequence[Value], kept: Collection[Value], digits: int) -> dict[Value, str]:
    """What kept Values are made of where others are folded into them, (y − t)² ÷ 2; f(y, t) if that would be too long.

    order: all Values, inputs first.
    """
    formulas: dict[Value, str] = {}
    # Of what is folded: its text, how closely that holds together, and the names in it.
    written: dict[Value, tuple[str, int, list[str]]] = {}

    def operand(value: Value | None, data: Any) -> tuple[str, int, list[str]]:
        if value in written:
            return written[value]
        if value is None or not (value.label or value.rule):
            text = _shown(data, digits)
            return text, 1 if text.startswith("-") else 4, []
        return value.label or "…", 4, [value.label or "…"]

    for node in order:
        inputs = node.inputs()
        if not node.rule or (node in kept and all(each is None or each in kept for each, _ in inputs)):
            continue
        parts = [operand(*each) for each in inputs]
        sign, level = node.rule.symbol, SIGNS.get(node.rule.symbol, 4)
        if level < 4:
            (left, a, _), (right, b, _) = parts
            left = f"({left})" if a < level or a == level == 3 else left
            right = f"({right})" if b <= level else right
            power = {"2": "²", "3": "³"}.get(right) if sign == "**" else None
            text = f"{left}{power}" if power else f"{left} {sign} {right}"
        else:
            text = f"{sign}({', '.join(part for part, *_ in parts)})"
        names = list(dict.fromkeys(name for *_, names in parts for name in names))
        if node in kept:
            formulas[node] = text if len(text) <= LONGEST else f"f({', '.join(names)})"
        else:
            written[node] = text[: LONGEST + 1], level, names
    return formulas


def edges_of(order: Sequence[Value], kept: Collection[Value], formulas: Collection[Value] = ()) -> list[Edge]:
    """The edges between kept Values, in one walk back: what came through others is added up to one edge.

    order: all Values, inputs first. formulas: the Values whose constants stand in a formula, and so have no edge.
    """
    # What arrived at a Value, by the kept one it came from: the local gradient, and the flow where there is one.
    arrived: dict[Value, dict[Any, list[Any]]] = defaultdict(dict)
    found: dict[Value, dict[Any, list[Any]]] = {each: {} for each in order if each in kept}
    then: dict[Any, Any] = {}
    for node in reversed(order):
        if node in kept:
            grads = [] if node.grad is UNSET or node.grad is None else [node.grad]
            arrived[node][node] = [np.ones(np.shape(node.out)), *grads]
        for target, gs in arrived.pop(node).items() if node.rule else ():
            handed = zip(*(handed_on(node, g) for g in gs), strict=True)
            for i, ((value, data), rs) in enumerate(zip(node.inputs(), handed, strict=True)):
                if value is None and (node is not target or node in formulas):
                    continue
                if value is None or value in kept:
                    sums, key = found[target], (value, i if node is target else None)  # both edges of x·x
                    then.setdefault((target, key), data)
                else:
                    sums, key = arrived[value], target
                sums[key] = [a + b for a, b in zip(sums[key], rs, strict=True)] if key in sums else list(rs)
    return [Edge(key[0], then[to, key], to, *sums) for to, ways in found.items() for key, sums in ways.items()]


# --- the picture of a graph -------------------------------------------------------------------------------------------


def draw(
    root: Value | Sequence[Value],
    *,
    notes: Mapping[str, str] | None = None,
    title: str = "",
    digits: int = 4,
    limit: int = 100,
    lang: str = "en",
) -> "Drawing":
    """The graph below a Value, or below several, as Graphviz draws it; `render` makes a file of it.

    A node shows its label, its operation's symbol, its data and its gradient; constants are set apart. An edge shows
    the local derivative (∂) and, after `backward`, the contribution that flowed back along it (←): the gradient that
    now stands at its target times the local derivative. Its width grows with the contribution. Σ marks a gradient that
    contributions add up to. Where a gradient is more than that (a leaf keeps adding over several backward passes) the
    rest is shown as coming from other passes, so that the numbers shown always add up. A derivative is taken at the
    numbers the graph was computed from, also where `data` was set since. A tensor is shown as its shape, mean and
    standard deviation; its local derivative is that of the sum of the target's entries.

    title, notes: text above, and more text for the nodes that have these labels. digits: significant digits.
    limit: in a graph of more nodes only the roots and the labelled ones are drawn, at most so many, those nearest to
        the roots; an edge then stands for all paths between.
    lang: "en" or "ko". Raises DrawingError for anything but Values, SaidError for another language.
    """
    roots = list(root) if isinstance(root, Sequence) else [root]
    if not roots or not all(isinstance(each, Value) for each in roots):
        raise DrawingError("expected a Value, or a list of Values, got {root!r}: draw what was computed", root=root)
    check_language(lang)
    order = list(dict.fromkeys(each for root in roots for each in inputs_first(root)))
    kept = set(order)
    if len(order) > limit:
        kept = {*[each for each in reversed(order) if each.label][:limit], *roots}
    drawn = [each for each in order if each in kept]
    formulas = formulas_of(order, kept, digits)
    edges = edges_of(order, kept, formulas)
    dot = paper(title)
    if len(drawn) < len(order):
        counts = {"inner": len(order) - len(drawn), "total": len(order), "limit": limit, "kept": len(drawn)}
        text = say(
            "{inner:,} of {total:,} nodes folded away: above {limit:,} only labelled nodes are drawn ({kept:,})",
            **counts,
        )
        dot.constant("folded", font(text.in_(lang), INK, tags="I"))
    names = {each: f"n{i}" for i, each in enumerate(drawn)}
    ends = set(roots)  # a list would compare data
    out = defaultdict(list)
    for edge in edges:
        out[edge.source].append(edge)
    shown = partial(_shown, digits=digits, lang=lang)
    for each in drawn:
        kind = "root" if each in ends else "given" if each.rule is None else "computed"
        note = notes.get(each.label, "") if notes and each.label else ""
        dot.box(names[each], kind, _rows(each, formulas.get(each, ""), note, out[each], each in ends, shown, lang))
    largest = max((_size(edge.flow) for edge in edges if edge.flow is not None), default=0.0)
    for i, (source, data, target, local, flow) in enumerate(edges):
        if source is None:
            dot.constant(f"c{i}", font(shown(data), INK))
            dot.edge(f"c{i}", names[target], style="dashed")
            continue
        rows = [cell(font(f"∂ {shown(local)}", SOFT, 9))]
        rows += [] if flow is None else [cell(font(f"← {shown(flow)}", BACK, 9))]
        dot.edge(names[source], names[target], table(rows, PILL, 2), **pen_width(flow, largest))
    return dot


def paper(title: str = "") -> "Drawing":
    """An empty picture, left to right on white."""
    size = {"fontsize": "10", "margin": "0.09,0.05", "height": "0", "width": "0"}
    dot = Drawing(
        graph_attr={"rankdir": "LR", "bgcolor": "white", "nodesep": "0.2", "ranksep": "0.4", "fontname": FONT},
        node_attr={"shape": "box", "style": "rounded,filled", **size, "fontname": FONT},
        edge_attr={"color": LINE, "fontsize": "9", "arrowsize": "0.6", "fontname": FONT},
    )
    if title:
        dot.attr(labelloc="t", label=table([cell(font(escaped(title), INK, 13, "B"))], PILL, 5))
    return dot


def _rows(
    value: Value, formula: str, note: str, out: Sequence[Edge], is_root: bool, shown: Callable[[Any], str], lang: str
) -> Iterator[str]:
    """The rows of a node: operation and label, its formula where others are folded into it, its numbers, a note."""

    def line(text: str, tags: str = "") -> str:
        return cell(font(escaped(text), SOFT, 9, tags), f'{ACROSS} ALIGN="LEFT"')

    def row(name: Said, text: str, color: str, sigma: str = "") -> str:
        return cell(font(escaped(sigma + name.in_(lang)) + "&nbsp;", SOFT, 9)) + cell(font(escaped(text), color))

    symbol = "" if formula or not value.rule else font(escaped(value.rule.symbol), SOFT, 13, "B")
    if head := "&nbsp;&nbsp;".join(filter(None, (symbol, font(escaped(value.label), INK, 12, "B")))):
        yield cell(head, ACROSS, 16)
    if formula:
        yield line(f"= {formula}")
    yield row(say("data"), shown(value.data), INK)
    known = [value.data]
    for edge in out:
        if not any(np.array_equal(edge.data, each, equal_nan=True) for each in known):
            known.append(edge.data)
            yield row(say("computed with"), shown(edge.data), INK)
    if value.grad is UNSET or value.grad is None:
        yield row(say("gradient"), say("not computed").in_(lang), SOFT)
    else:
        flows = [edge.flow for edge in out if edge.flow is not None]
        rest = None if is_root else _rest(value.grad, flows)
        yield row(say("gradient"), shown(value.grad), BACK, "Σ " * (len(flows) + (rest is not None) > 1))
        if rest is not None:
            yield row(say("from other passes"), shown(rest), BACK)
    if note:
        yield line(note, tags="I")


def _rest(grad: Any, flows: Sequence[Any]) -> Any:
    """What of a gradient the contributions do not account for; None if they do, but for the rounding of their sum."""
    total, size = sum(flows), sum(map(abs, flows))
    precision = 1e-4 if getattr(grad, "dtype", None) == np.float32 else 1e-9
    with np.errstate(all="ignore"):
        if np.allclose(grad, total, rtol=precision, atol=precision * float(np.max(size, initial=0.0)), equal_nan=True):
            return None
        return grad - total


def _size(flow: Any) -> float:
    """How much flowed: the largest entry."""
    return float(np.max(np.abs(flow), initial=0.0))


def pen_width(flow: Any, largest: float) -> dict[str, str]:
    """A pen as wide as the square root of the contribution, so that small ones stay visible beside large ones."""
    if flow is None:
        return {}
    share = _size(flow) / largest if 0 < largest < np.inf else 0.0
    return {"penwidth": f"{1 + 4 * np.sqrt(share) if share >= 0 else 5:.2f}"}


FORMATS = {".svg": "svg", ".png": "png", ".pdf": "pdf", ".dot": "dot", ".gv": "dot"}
INSTALL = say('install Graphviz (https://graphviz.org/download/) or run: pip install "pygraphviz>=2"')
FONT_FOLDERS = (
    *("/usr/share/fonts", "/usr/local/share/fonts", "~/.fonts", "~/.local/share/fonts"),
    *("/System/Library/Fonts", "/Library/Fonts", "C:/Windows/Fonts"),
)
KOREAN_FONTS = re.compile(
    "nanum|noto.*(cjk|kr)|source ?han|applegothic|sdgothic|malgun|batang|gulim|dotum|myeongjo|pretendard|baekmuk", re.I
)


class Drawing(graphviz.Digraph):  # type: ignore[misc]  # graphviz has no types
    """A graph that a notebook shows: as a picture, drawn as by `render`, or where nothing can draw as text.

    by_array: whether a box stands for an array, and not every number is shown.
    """

    by_array = False

    def box(self, name: str, kind: str, rows: Iterable[str], padding: int = 1, **attributes: str) -> None:
        """A node. kind: a key of FILLS."""
        fill, border = FILLS[kind]
        self.node(name, table(rows, padding=padding), fillcolor=fill, color=border, **attributes)

    def constant(self, name: str, text: str) -> None:
        self.box(name, "constant", [cell(text)], style="filled,dashed")

    def _repr_mimebundle_(self, *args: Any, **kwargs: Any) -> dict[str, str]:
        svg = rendered(self, "svg")
        return {"text/plain": self.source} if svg is None else {"image/svg+xml": svg.decode()}


def render(dot: graphviz.Digraph, path: str | os.PathLike[str]) -> Path:
    """Write a picture: .svg, .png, .pdf, or as text for Graphviz .dot or .gv. The file is whole or not there at all.

    Drawn by the system's Graphviz, and where there is none by pygraphviz, which brings its own. Returns the path.

    Raises FileError for a folder that is not there or cannot be written to, DrawingError for another suffix and a
    picture that Graphviz refuses; RendererMissing where there is no Graphviz, and then the .dot is written instead.
    Warns where a .png or .pdf has Hangul and no font for it was found.
    """
    path, text = Path(path), dot.source.encode()
    format = FORMATS.get(path.suffix.lower())
    if format is None:
        gaps: dict[str, Any] = {"endings": ", ".join(FORMATS), "path": str(path)}
        raise DrawingError("expected a file that ends in {endings}, got {path!r}: choose one of these", **gaps)
    if format == "dot":
        return write(path, text)
    picture = rendered(dot, format)
    if picture is None:
        gaps = {"name": path.name, "instead": write(path.with_suffix(".dot"), text), "install": INSTALL}
        raise RendererMissing("no Graphviz to draw {name} was found: {instead} has it as text; {install}", **gaps)
    if format != "svg" and re.search("[가-힣]", dot.source) and not has_korean_font():
        remedy = "install one, for example apt install fonts-nanum, or write an .svg"
        warnings.warn(f"no font with Hangul was found, so {path.name} shows boxes in its place: {remedy}", stacklevel=2)
    return write(path, picture)


# Run by itself: what its C library complains of comes on the standard error.
PYGRAPHVIZ = """
import sys, pygraphviz
dot = pygraphviz.AGraph(string=sys.stdin.buffer.read().decode())
sys.stdout.buffer.write(dot.draw(format=sys.argv[1].removeprefix("-T"), prog="dot"))
"""


def renderer() -> list[str] | None:
    """The command that draws, with the system's Graphviz or else with pygraphviz; None where there is neither."""
    if dot := shutil.which("dot"):
        return [dot]
    try:
        import pygraphviz  # noqa: F401 -- whether it is there
    except ImportError:
        return None
    return [sys.executable, "-P", "-c", PYGRAPHVIZ]


def rendered(dot: graphviz.Digraph, format: str) -> bytes | None:
    """The picture in a format of Graphviz's, None where nothing can draw. Raises DrawingError where it is refused.

    Lines that are to be straight are bent around the boxes where a straight one would go through one.
    """
    command = renderer()
    if command is None:
        return None
    text = dot.source
    if STRAIGHT in text and _goes_through(_run(command, "plain", text).decode()):
        text = text.replace(STRAIGHT, "\tsplines=true\n", 1)
    return _run(command, format, text)


def _run(command: Sequence[str], format: str, text: str) -> bytes:
    try:
        done = subprocess.run([*command, f"-T{format}"], input=text.encode(), capture_output=True, check=False)
    except OSError as error:
        raise DrawingError("expected Graphviz to draw, got: {reason}; does `dot -V` work?", reason=error) from error
    lines = done.stderr.decode(errors="replace").splitlines()
    errors = [line for line in lines if line.startswith("Error")]
    if errors or done.returncode or not done.stdout:
        raise DrawingError("Graphviz refused the picture: {why}", why="; ".join(errors or lines[-1:]))
    return bytes(done.stdout)


def _goes_through(layout: str) -> bool:
    """Whether a straight line of a layout, in Graphviz's plain format, goes through a box that it does not lead to."""
    name = r'("(?:[^"\\]|\\.)*"|\S+)'
    boxes = {}
    for node, x, y, *size in re.findall(rf"^node {name} (\S+) (\S+) (\S+) (\S+)", layout, re.M):
        halves = (float(each) / 2 for each in size)
        boxes[node] = [(float(at) - half, float(at) + half) for at, half in zip((x, y), halves, strict=True)]
    for tail, head, points, style in re.findall(rf"^edge {name} {name} \d+ ([-\d. e]+) (\w+) \S+$", layout, re.M):
        numbers = [float(each) for each in points.split()]
        others = (box for node, box in boxes.items() if node not in (tail, head))
        if style != "invis" and any(_meets(numbers[:2], numbers[-2:], box) for box in others):
            return True
    return False


def _meets(start: Sequence[float], end: Sequence[float], box: Sequence[tuple[float, float]]) -> bool:
    """Whether a straight line meets the inside of a box: the shares of it between left and right, top and bottom."""
    first, last = 0.0, 1.0
    for a, b, (low, high) in zip(start, end, box, strict=True):
        if a == b:
            if not low < a < high:
                return False
        else:
            enters, leaves = sorted(((low - a) / (b - a), (high - a) / (b - a)))
            first, last = max(first, enters), min(last, leaves)
    return first < last


def has_korean_font() -> bool:
    """Whether a font with Hangul is installed, as fontconfig says, or else by the names in the usual folders."""
    if shutil.which("fc-list"):
        return bool(subprocess.run(["fc-list", ":lang=ko", "family"], capture_output=True, check=False).stdout.strip())
    folders = (Path(each).expanduser() for each in FONT_FOLDERS)
    names = (font.name for folder in folders if folder.is_dir() for font in folder.rglob("*.[to]t[fc]"))
    return any(KOREAN_FONTS.search(name) for name in names)
