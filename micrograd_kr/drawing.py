"""The picture of a graph: data forward, gradient backward, and on each edge the local derivative.

    render(draw(y), "y.svg")

`draw` shows the graph below a Value, one node for each number. `draw_exercise` shows an exercise as its textbook
would: inputs on the left, the loss on the right, the hand numbers beside the engine's. Both give Graphviz's language;
`render` makes the file. All numbers of a picture come from one place: a contribution is what a node's rule makes of
that node's gradient, and contributions are added up only to be compared with the gradient shown.
"""

import heapq
import html
import os
import re
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import graphviz
import numpy as np

from micrograd_kr.engine import UNSET, Value, set_mode
from micrograd_kr.files import write
from micrograd_kr.said import LANGUAGES, Said, SaidError, say

# Mid-tones for what stands on the page itself, light fills of their own for the nodes: legible on white and on black.
INK, SOFT, LINE, BACK = "#1f2937", "#64748b", "#8a94a6", "#b4532a"


FILLS = {  # kind: fill, border
    "line": ("#ffffff", "#c3cad5"),
    "side": ("#ffffff", "#c3cad5"),
    "constant": ("#f3f4f6", "#9ca3af"),
    "given": ("#eef2f6", "#94a3b8"),
    "parameter": ("#fdf5e3", "#cf9f3f"),
    "computed": ("#edf4fc", "#6f9bd1"),
    "root": ("#fbeeec", "#cd7f6e"),
}


FONT = "Helvetica,Arial,sans-serif"


PILL = ' BGCOLOR="#ffffff" BORDER="1" COLOR="#d3d9e2" STYLE="ROUNDED"'


LONGEST = 60  # characters of one text before it is cut


NO_XML = (
    "[^\n\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\x7f-\x9f]"  # XML 1.0, section 2.2, and control characters
)


class DrawingError(SaidError):
    """A picture that cannot be drawn or written as asked."""


class RendererMissing(DrawingError):  # noqa: N818 -- says what is missing, as ExecutableNotFound does
    """No Graphviz on this machine. `path` is the .dot file that was written instead."""

    def __init__(self, said: Said, path: Path) -> None:
        super().__init__(said)
        self.path = path


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


def table(rows: Sequence[str], attributes: str = ' BORDER="0"', padding: int = 1) -> str:
    """An HTML-like label of the rows, each a string of cells."""
    inner = "".join(f"<TR>{row}</TR>" for row in rows)
    return f'<<TABLE{attributes} CELLBORDER="0" CELLSPACING="0" CELLPADDING="{padding}">{inner}</TABLE>>'


def cell(text: str, attributes: str = ' ALIGN="LEFT"', height: int = 13) -> str:
    """height: at least so much, so that lines do not run into each other where Graphviz finds no font to measure."""
    return f'<TD HEIGHT="{height}"{attributes}>{text}</TD>'


def _shown(number: Any, digits: int, lang: str) -> str:
    """A scalar with so many significant digits; a tensor as its shape, mean and spread."""
    if np.ndim(number) == 0:
        return f"{float(number):.{digits}g}"
    shape = "×".join(str(n) for n in np.shape(number))
    if not np.size(number):
        return f"[{shape}]"
    with np.errstate(all="ignore"):
        wide = np.asarray(number, np.float64)
        return (
            f"[{shape}] {say('mean').in_(lang)} {wide.mean():.{digits}g} {say('std').in_(lang)} {wide.std():.{digits}g}"
        )


# --- what flows through a graph ---------------------------------------------------------------------------------------


class Arc(NamedTuple):
    """One edge of a picture: from a Value (None: a constant) that was worth `data` into the Value computed from it.

    local: the derivative of target by source along this edge; for tensors that of the sum of target's entries.
    flow: the contribution that came back along it, target's gradient times the local derivative; None where target
        has no gradient.
    """

    source: Value | None
    data: Any
    target: Value
    local: Any
    flow: Any


def _inputs(node: Value) -> list[tuple[Value | None, Any]]:
    """What a node was computed from, with the numbers it had then."""
    if node.rule is None:
        return []
    if type(node.x) is tuple:
        return list(zip(node.x, node.x_data, strict=True))
    return [(node.x, node.x_data)] if node.rule.dy is None else [(node.x, node.x_data), (node.y, node.y_data)]


def _contributions(node: Value, g: Any) -> list[Any]:
    """What gradient g at a node hands to each input: the node's rule, recorded once more on inputs of its own."""
    stand_ins = [data if value is None else Value(data) for value, data in _inputs(node)]
    rule: Any = node.rule
    with set_mode(recording=True, watch=None), np.errstate(all="ignore"):
        if type(node.x) is tuple:
            out = rule(tuple(stand_ins), node.y_data)
        else:
            out = rule(stand_ins[0], node.y_data) if rule.dy is None else rule(*stand_ins)
    if not isinstance(out, Value):  # constants only
        return [None] * len(stand_ins)
    out.backward(g)
    return [each.grad if isinstance(each, Value) else None for each in stand_ins]


def below(roots: Sequence[Value]) -> list[Value]:
    """Every Value below the roots, each once, inputs first and in the order in which they are written."""
    order: dict[Value, None] = {}
    waiting = [(root, False) for root in reversed(roots)]
    while waiting:
        node, ready = waiting.pop()
        if node in order:
            continue
        inputs = [value for value, _ in _inputs(node) if value is not None and value not in order]
        if ready or not inputs:
            order[node] = None
        else:
            waiting.append((node, True))
            waiting += [(each, False) for each in reversed(inputs)]
    return list(order)


def taken_back(
    target: Value, g: Any, kept: Mapping[Value, Any], place: Mapping[Value, int]
) -> list[tuple[Value | None, Any, Any]]:
    """Gradient g at target, taken back to the nearest Values that are drawn: (source, its number, contribution) each.

    Where an edge stands for folded nodes, what came over all of its paths is added up.
    """
    direct: list[tuple[Value | None, Any, Any]] = []
    folded: dict[Value | None, tuple[Any, Any]] = {}
    arrived = {target: g}
    waiting = [(-place[target], target)]
    while waiting:
        _, node = heapq.heappop(waiting)
        for (value, data), r in zip(_inputs(node), _contributions(node, arrived.pop(node)), strict=True):
            if node is target and (value is None or value in kept):
                direct.append((value, data, r))
            elif value in kept:
                folded[value] = (data, folded[value][1] + r if value in folded else r)
            elif value is not None and value.rule is not None:
                if value not in arrived:
                    heapq.heappush(waiting, (-place[value], value))
                arrived[value] = arrived[value] + r if value in arrived else r
    return direct + [(value, data, r) for value, (data, r) in folded.items()]


def arcs(roots: Sequence[Value], limit: int) -> tuple[list[Value], list[Arc], int]:
    """The Values to draw (inputs first), the edges between them, and how many Values there are in all.

    Above `limit` Values only the roots and the labelled ones are drawn, at most `limit` of these, nearest to the roots.
    """
    order = below(roots)
    drawn = order
    if len(order) > limit:
        labelled = [each for each in order if each.label]
        chosen = dict.fromkeys([*labelled[max(0, len(labelled) - limit) :], *roots])
        drawn = [each for each in order if each in chosen]
    kept, place = dict.fromkeys(drawn), {each: i for i, each in enumerate(order)}
    found = []
    for target in drawn:
        if target.rule is None:
            continue
        locals_ = taken_back(target, np.ones(np.shape(target.out)), kept, place)
        flows = (
            [None] * len(locals_) if _unset(target) else [r for _, _, r in taken_back(target, target.grad, kept, place)]
        )
        found += [
            Arc(source, data, target, local, flow) for (source, data, local), flow in zip(locals_, flows, strict=True)
        ]
    return drawn, found, len(order)


def _unset(value: Value) -> bool:
    return value.grad is UNSET or value.grad is None


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
    lang: "en" or "ko". Raises DrawingError for anything but Values, and for another language.
    """
    roots = list(root) if isinstance(root, Sequence) else [root]
    if not roots or not all(isinstance(each, Value) for each in roots):
        raise DrawingError(
            "expected a Value, or a list of Values, got {root}: draw what the graph computed", root=repr(root)
        )
    check_language(lang)
    drawn, edges, total = arcs(roots, limit)
    dot = paper(title)
    if len(drawn) < total:
        text = say(
            "{inner:,} of {total:,} nodes folded away: above {limit:,} only labelled nodes are drawn ({kept:,})",
            inner=total - len(drawn),
            total=total,
            limit=limit,
            kept=len(drawn),
        ).in_(lang)
        _node(dot, "folded", "constant", [cell(font(text, INK, tags="I"))], style="filled,dashed")
    names = {each: f"n{i}" for i, each in enumerate(drawn)}
    out: dict[Value | None, list[Arc]] = {each: [] for each in [None, *drawn]}
    for arc in edges:
        out[arc.source].append(arc)
    ends = set(roots)  # a list would compare data
    for each in drawn:
        kind = "root" if each in ends else "given" if each.rule is None else "computed"
        rows = _value_rows(each, out[each], each in ends, digits, lang)
        if each.label and notes and each.label in notes:
            rows.append(cell(font(escaped(notes[each.label]), SOFT, 9, "I"), ' COLSPAN="2" ALIGN="LEFT"'))
        _node(dot, names[each], kind, rows)
    _edges(dot, edges, names, digits, lang)
    return dot


def _edges(dot: graphviz.Digraph, edges: Sequence[Arc], names: Mapping[Value, str], digits: int, lang: str) -> None:
    """The edges of a graph, and the constants at their beginnings."""
    largest = max((_size(arc.flow) for arc in edges if arc.flow is not None), default=0.0)
    for i, arc in enumerate(edges):
        if arc.source is None:
            _node(dot, f"c{i}", "constant", [cell(font(_shown(arc.data, digits, lang), INK))], style="filled,dashed")
            dot.edge(f"c{i}", names[arc.target], style="dashed")
        else:
            dot.edge(
                names[arc.source], names[arc.target], _edge_label(arc, digits, lang), **pen_width(arc.flow, largest)
            )


def check_language(lang: str) -> None:
    if lang not in LANGUAGES:
        languages = " or ".join(map(repr, LANGUAGES))
        raise DrawingError("expected a language, {languages}, got {lang!r}", languages=languages, lang=lang)


def paper(title: str) -> "Drawing":
    """An empty picture: left to right on a transparent background."""
    dot = Drawing(
        graph_attr={"rankdir": "LR", "bgcolor": "white", "nodesep": "0.2", "ranksep": "0.4", "fontname": FONT},
        node_attr={
            "shape": "box",
            "style": "rounded,filled",
            "fontname": FONT,
            "fontsize": "10",
            "margin": "0.09,0.05",
            "height": "0",
            "width": "0",
        },
        edge_attr={"color": LINE, "fontname": FONT, "fontsize": "9", "arrowsize": "0.6"},
    )
    if title:
        dot.attr(labelloc="t", label=table([cell(font(escaped(title), INK, 13, "B"))], PILL, 5))
    return dot


def _node(dot: graphviz.Digraph, name: str, kind: str, rows: Sequence[str], **attributes: str) -> None:
    fill, border = FILLS[kind]
    dot.node(name, table(rows), fillcolor=fill, color=border, **attributes)


def _value_rows(value: Value, out: Sequence[Arc], is_root: bool, digits: int, lang: str) -> list[str]:
    """The rows of one node: symbol and label, data, gradient, and what explains them."""
    operation = font(escaped(value.rule.symbol), SOFT, 13, "B") if value.rule else ""
    head = "&nbsp;&nbsp;".join(part for part in (operation, font(escaped(value.label), INK, 12, "B")) if part)
    rows = [cell(head, ' COLSPAN="2"', 16)] if head else []
    rows.append(_row(say("data").in_(lang), _shown(value.data, digits, lang), INK))
    for data in _others([arc.data for arc in out], value.data):
        rows.append(_row(say("computed with").in_(lang), _shown(data, digits, lang), INK))
    if _unset(value):
        rows.append(_row(say("gradient").in_(lang), say("not computed").in_(lang), SOFT))
    else:
        flows = [arc.flow for arc in out if arc.flow is not None]
        rest = None if is_root else _rest(value.grad, flows)
        sigma = "Σ " if len(flows) + (rest is not None) > 1 else ""
        rows.append(_row(sigma + say("gradient").in_(lang), _shown(value.grad, digits, lang), BACK))
        if rest is not None:
            rows.append(_row(say("from other passes").in_(lang), _shown(rest, digits, lang), BACK))
    return rows


def _row(name: str, number: str, color: str) -> str:
    return cell(font(escaped(name) + "&nbsp;", SOFT, 9)) + cell(font(escaped(number), color))


def _others(used: Sequence[Any], data: Any) -> list[Any]:
    """The numbers a graph was computed with that are not what a Value holds now, each once."""
    found: list[Any] = []
    for each in used:
        if each is not data and not any(np.array_equal(each, known, equal_nan=True) for known in [data, *found]):
            found.append(each)
    return found


def _rest(grad: Any, flows: Sequence[Any]) -> Any:
    """What of a gradient the contributions do not account for; None if they do, but for the rounding of their sum."""
    total, size = (sum(flows), sum(abs(each) for each in flows)) if flows else (0.0, 0.0)
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


def _edge_label(arc: Arc, digits: int, lang: str) -> str:
    rows = [cell(font("∂ " + _shown(arc.local, digits, lang), SOFT, 9))]
    if arc.flow is not None:
        rows.append(cell(font("← " + _shown(arc.flow, digits, lang), BACK, 9)))
    return table(rows, PILL, 2)


# --- to a file --------------------------------------------------------------------------------------------------------

FORMATS = {".svg": "svg", ".png": "png", ".pdf": "pdf", ".dot": "dot", ".gv": "dot"}


FONT_FOLDERS = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "~/.fonts",
    "~/.local/share/fonts",
    "/System/Library/Fonts",
    "/Library/Fonts",
    "C:/Windows/Fonts",
)


KOREAN_FONTS = re.compile(
    "nanum|noto.*(cjk|kr)|source ?han|applegothic|sdgothic|malgun|batang|gulim|dotum|myeongjo|pretendard|baekmuk",
    re.I,
)


class Drawing(graphviz.Digraph):  # type: ignore[misc]  # graphviz has no types
    """A graph that a notebook shows: as a picture, drawn as by `render`, or where nothing can draw as text."""

    def _repr_mimebundle_(self, *args: Any, **kwargs: Any) -> dict[str, str]:
        try:
            return {"image/svg+xml": _rendered(self, "svg").decode()}
        except graphviz.ExecutableNotFound:
            return {"text/plain": self.source}


def render(dot: graphviz.Digraph, path: str | os.PathLike[str]) -> Path:
    """Write a picture: .svg, .png, .pdf, or as text for Graphviz .dot or .gv. The file is whole or not there at all.

    Drawn by the system's Graphviz, and where there is none by pygraphviz, which brings its own. Returns the path.

    Raises FileError for a folder that is not there or cannot be written to, DrawingError for another suffix and a
    picture that Graphviz refuses; RendererMissing where there is no Graphviz, and then the .dot is written instead.
    Warns where a .png or .pdf has Hangul and no font for it was found.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        endings = ", ".join(FORMATS)
        raise DrawingError(
            "expected a file that ends in {endings}, got {path!r}: choose one of these", endings=endings, path=str(path)
        )
    if FORMATS[suffix] == "dot":
        return write(path, dot.source.encode())
    try:
        picture = _rendered(dot, FORMATS[suffix])
    except graphviz.ExecutableNotFound as error:
        instead = write(path.with_suffix(".dot"), dot.source.encode())
        raise RendererMissing(
            say(
                "expected Graphviz to draw {name}, found none; the picture is in {instead} as text. To draw it, "
                'pip install "pygraphviz>=2", or install your system\'s graphviz package (apt, brew, winget)',
                name=path.name,
                instead=str(instead),
            ),
            instead,
        ) from error
    if suffix in (".png", ".pdf") and re.search("[가-힣]", dot.source) and not has_korean_font():
        warnings.warn(
            f"no font with Hangul was found, so {path.name} shows boxes in its place: install one, "
            "for example apt install fonts-nanum, or write an .svg",
            stacklevel=2,
        )
    return write(path, picture)


def _rendered(dot: graphviz.Digraph, format: str) -> bytes:
    try:
        return bytes(dot.pipe(format=format, quiet=True))
    except graphviz.CalledProcessError as error:
        raise _refused((error.stderr or b"").decode(errors="replace").strip()) from error
    except OSError as error:  # a broken pipe, too
        raise DrawingError(
            "expected Graphviz to draw the picture, got: {reason}; does `dot -V` work?", reason=error
        ) from error
    except graphviz.ExecutableNotFound as error:
        try:
            import pygraphviz
        except ImportError:
            raise error from None
    with _errors_kept() as said:
        try:
            picture = pygraphviz.AGraph(string=dot.source).draw(format=format, prog="dot")
        except (ValueError, OSError, RuntimeError) as error:
            raise _refused(str(error)) from error
    if not picture or any(line.startswith("Error") for line in said):
        raise _refused("; ".join(said))
    return bytes(picture)


def _refused(why: str) -> DrawingError:
    return DrawingError("Graphviz refused the picture: {why}", why=why)


def has_korean_font() -> bool:
    """Whether a font with Hangul is installed, as fontconfig says, or else by the names in the usual folders."""
    if shutil.which("fc-list"):
        return bool(subprocess.run(["fc-list", ":lang=ko", "family"], capture_output=True, check=False).stdout.strip())
    folders = (Path(each).expanduser() for each in FONT_FOLDERS)
    names = (font.name for folder in folders if folder.is_dir() for font in folder.rglob("*.[to]t[fc]"))
    return any(KOREAN_FONTS.search(name) for name in names)


@contextmanager
def _errors_kept() -> Iterator[list[str]]:
    """What C libraries say on the standard error inside, in a list afterwards; but for fontconfig's complaints."""
    said: list[str] = []
    with tempfile.TemporaryFile() as file:
        before = os.dup(2)
        os.dup2(file.fileno(), 2)
        try:
            yield said
        finally:
            os.dup2(before, 2)
            os.close(before)
            file.seek(0)
            said += [line for line in file.read().decode(errors="replace").splitlines() if "Fontconfig" not in line]
