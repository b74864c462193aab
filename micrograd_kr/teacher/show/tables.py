"""What a check found, as a table for a person or as JSON for a program.

A table fits its terminal: the column of formulas goes first, then that of differences; nothing else is left out or cut.
What explains a row stands right below it. The text holds only characters that its console can show.
"""

import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from io import StringIO
from typing import Any, NamedTuple

from micrograd_kr.said import Said, say
from micrograd_kr.teacher.ask.number import hand
from micrograd_kr.teacher.check.report import SAID, Cause, Note, Report, Row, Verdict

STYLES: dict[Verdict, str] = {"match": "", "rounding": "yellow", "wrong": "bold red"}


GAP = 2


WIDEST = 60  # cells of one column; what is longer goes on in the next line


SUBSTITUTES = {
    "∂": "d",
    "−": "-",
    "·": "*",
    "×": "*",
    "→": "->",
    "½": "1/2",
    "⁺": "+",
    "′": "'",
    "…": "...",
    "—": "-",
    "─": "-",
}


# --- text and numbers -------------------------------------------------------------------------------------------------


def displayable(text: str, encoding: str) -> str:
    """A line of text in characters that an encoding has: d for ∂ if need be, escapes for what nothing stands for."""
    return "".join(_displayable(each, encoding) for each in text)


def _displayable(character: str, encoding: str) -> str:
    if not character.isprintable():  # it could move the cursor, or is no character at all
        return character.encode("unicode_escape").decode("ascii")
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return SUBSTITUTES.get(character) or character.encode(encoding, "backslashreplace").decode(encoding)
    return character


def decimal(value: float, like: str, digits: int | None = None) -> str:
    """A number with the decimals of one written by hand (in powers of ten if that is), or with so many decimals.

    >>> decimal(0.60944600499, "0.60944600"), decimal(0.00080887, "8.1e-4"), decimal(0.60944600499, "0.6", digits=10)
    ('0.60944600', '8.1e-04', '0.6094460050')
    """
    mantissa, power, _ = like.lower().partition("e")
    if power and digits is None:
        return f"{value:.{len(mantissa.partition('.')[2])}e}"
    places = hand(like).decimals if digits is None else digits
    return f"{value:z.{places}f}" if abs(value) < 1e16 else f"{value:.{min(places, 15)}e}"


def _aligned(cells: Sequence[str]) -> list[str]:
    """Numbers with blanks behind them, so that aligned right their decimal points stand in one column."""
    tails = [len(each) - (each + ".").index(".") for each in cells]
    return [each + " " * (max(tails, default=0) - tail) for each, tail in zip(cells, tails, strict=True)]


def _right(cells: Sequence[str]) -> list[str]:
    """Cells aligned right; rich would take away the blanks behind a number."""
    from rich.cells import cell_len

    widest = max(map(cell_len, cells))
    return [" " * (widest - cell_len(each)) + each for each in cells]


def _difference(difference: float) -> str:
    return f"{difference:+.1e}" if difference else "0"


# --- JSON -------------------------------------------------------------------------------------------------------------


def as_json(report: Report) -> str:
    """A report as JSON, in ASCII characters; a number that is not finite is null."""
    rows = [
        {
            "name": row.name,
            "formula": row.formula,
            "hand": row.hand,
            "value": row.value,
            "difference": row.difference,
            "verdict": row.verdict,
            "parts": None if row.parts is None else [_finite(each._asdict()) for each in row.parts],
            "follows_from": row.follows_from,
            "causes": [_entries(each, CAUSE) for each in row.causes],
            "notes": [_entries(each, NOTE) for each in row.notes],
        }
        for row in report.rows
    ]
    found = {
        "exercise": report.exercise,
        "first_wrong": None if report.first_wrong is None else report.first_wrong.name,
        "rows": [_finite(each) for each in rows],
        "parameters": [_finite(each._asdict()) for each in report.parameters],
        "loss": _finite(dict(zip(("before", "after"), report.loss, strict=True))),
    }
    return json.dumps(found, indent=2, allow_nan=False)


NOTE = ("kind", "english", "korean")


CAUSE = ("kind", "place", "value", "english", "korean", "also", "throughout", "same_at")


def _entries(each: Cause | Note, names: Sequence[str]) -> dict[str, Any]:
    return _finite({name: getattr(each, name) for name in names})


def _finite(entries: dict[str, Any]) -> dict[str, Any]:
    return {key: None if isinstance(each, float) and not math.isfinite(each) else each for key, each in entries.items()}


# --- tables -----------------------------------------------------------------------------------------------------------


class Column(NamedTuple):
    """One column: what stands above it, and its cells from top to bottom."""

    title: Said
    cells: Sequence[str]
    numeric: bool = False


class Page:
    """Where tables and lines are laid out, with rich.

    width: in cells; None: as wide as need be. encoding: of the console. terminal: whether it shows colours.
    """

    def __init__(self, lang: str, width: int | None, encoding: str, terminal: bool) -> None:
        from rich.console import Console

        self.lang, self.width, self.encoding = lang, width, encoding
        self.written = StringIO()
        self.console: Any = Console(
            file=self.written,
            width=100_000,  # each column is given its own, and lines of text are the terminal's to wrap
            force_terminal=terminal,
            force_jupyter=False,
            legacy_windows=False,
            highlight=False,
        )

    def line(self, text: str = "", style: str = "") -> None:
        from rich.text import Text

        self.console.print(Text(displayable(text, self.encoding), style))

    def grid(
        self,
        columns: Sequence[Column],
        styles: Sequence[str],
        notes: Sequence[Sequence[str]],
        leaving: Sequence[str] = (),
    ) -> None:
        """A header and rows in their styles, each with its notes below. leaving: what goes first where it is narrow."""
        from rich.cells import cell_len

        cells: dict[str, list[str]] = {}
        for title, below, numeric in columns:
            shown = [displayable(each, self.encoding) for each in (title.in_(self.lang), *below)]
            cells[str(title)] = _right(shown) if numeric else shown
        widths = {name: min(WIDEST, max(map(cell_len, shown))) for name, shown in cells.items()}
        for name in leaving:
            if self.width is not None and sum(widths.values()) + GAP * (len(widths) - 1) > self.width:
                del widths[name]
        header, *rows = zip(*(cells[name] for name in widths), strict=True)
        chunk = [(header, "bold")]
        for row, style, below in zip(rows, styles, notes, strict=True):
            chunk.append((row, style))
            if below:
                self._rows(list(widths.values()), chunk)
                chunk = []
                for note in below:
                    self.line(f"    {note}", style)
        self._rows(list(widths.values()), chunk)

    def _rows(self, widths: Sequence[int], rows: Sequence[tuple[Sequence[str], str]]) -> None:
        from rich.table import Table
        from rich.text import Text

        if rows:
            grid = Table.grid(padding=(0, GAP, 0, 0), pad_edge=False)
            for width in widths:
                grid.add_column(width=width, overflow="fold")
            for cells, style in rows:
                grid.add_row(*map(Text, cells), style=style)
            self.console.print(grid)


def as_text(
    report: Report,
    *,
    title: str = "",
    blanks: int = 0,
    lang: str = "en",
    digits: int | None = None,
    width: int | None = None,
    encoding: str = "utf-8",
    terminal: bool = False,
) -> str:
    """A report as a table of its rows, one of its parameters and the loss, and a summary.

    title, blanks: what stands above the table, and how many numbers were left blank. lang: "en" or "ko".
    digits: decimals of the engine's numbers, by default the hand's. width: in cells, by default as wide as need be.
    encoding: of the console. terminal: whether it shows colours.
    """
    page = Page(lang, width, encoding, terminal)
    if title:
        readable = all(each in SUBSTITUTES or displayable(each, encoding) == each for each in title)
        page.line(title if readable else report.exercise, "bold")
        page.line()
    if report.rows:
        styles = [STYLES[row.verdict] for row in report.rows]
        notes = [_notes(row, report, page, digits) for row in report.rows]
        page.grid(_columns(report, lang, digits), styles, notes, leaving=("formula", "difference"))
        page.line()
    _step(page, report, digits)
    for line in _summary(report, lang, blanks, digits):
        page.line(line)
    return page.written.getvalue()


def _columns(report: Report, lang: str, digits: int | None) -> list[Column]:
    rows = report.rows
    return [
        Column(say("quantity"), [row.name for row in rows]),
        Column(say("formula"), [row.formula for row in rows]),
        Column(say("hand"), _aligned([row.hand for row in rows]), numeric=True),
        Column(say("engine"), _aligned([decimal(row.value, row.hand, digits) for row in rows]), numeric=True),
        Column(say("difference"), [_difference(row.difference) for row in rows], numeric=True),
        Column(say("verdict"), [SAID[row.verdict].in_(lang) for row in rows]),
    ]


def _notes(row: Row, report: Report, page: Page, digits: int | None) -> list[str]:
    """What stands below a row: the wrong parts of a worked line, and why."""
    lang = page.lang
    notes = [say("the first wrong number").in_(lang)] if row is report.first_wrong else []
    for part in row.parts or ():
        if part.verdict == "wrong":
            value, remedy = decimal(part.value, row.hand, digits), f": {part.remedy}" if part.remedy else ""
            notes.append(f"{part.text} = {value}  {SAID['wrong'].in_(lang)}{remedy}")
    if row.follows_from:
        notes.append(say("follows from {name}", name=row.follows_from).in_(lang))
    notes += [each.said.in_(lang) for each in row.notes]
    for cause in row.causes:
        same = say("{cause}; the same at {names}", cause=cause.said, names=", ".join(cause.same_at))
        notes.append((same if cause.same_at else cause.said).in_(lang))
    return notes


def _step(page: Page, report: Report, digits: int | None) -> None:
    """Each parameter before the step, its gradient, and after it; in the last row the loss."""
    most = max((hand(row.hand).decimals for row in report.rows), default=8)
    places = min(max(most, 4), 12) if digits is None else digits
    before, after = report.loss

    def numbers(values: Iterable[float]) -> list[str]:
        return _aligned([decimal(each, "0", places) for each in values])

    start = [*(f"{each.before:.12g}" for each in report.parameters), *numbers([before])]
    columns = [
        Column(say("parameter"), [*(each.name for each in report.parameters), say("loss").in_(page.lang)]),
        Column(say("before"), _aligned(start), numeric=True),
        Column(say("gradient"), [*numbers(each.gradient for each in report.parameters), ""], numeric=True),
    ]
    if after is not None:
        updated = [each.before if each.after is None else each.after for each in report.parameters]
        columns.append(Column(say("after"), numbers([*updated, after]), numeric=True))
    rows = len(report.parameters) + 1
    page.grid(columns, [""] * rows, [()] * rows)
    page.line()


def _summary(
    report: Report,
    lang: str,
    blanks: int,
    digits: int | None,
) -> Iterable[str]:
    if report.rows:
        counts = Counter(row.verdict for row in report.rows)
        found = (say("{count} {verdict}", count=counts[each], verdict=SAID[each]).in_(lang) for each in STYLES)
        yield ", ".join(found) + "."
    else:
        yield say("No numbers to check: write yours in a [hand] table.").in_(lang)
    if blanks:
        yield say("Left blank: {count}.", count=blanks).in_(lang)
    row = report.first_wrong
    if row is not None:
        following = len(report.wrong) - len(report.roots)
        if following:
            yield say("Only following from another: {count} of the wrong ones.", count=following).in_(lang)
        right = abs(row.difference) < row.bound
        value = decimal(row.value, row.hand, digits)
        why = say("the number is right, its working is not") if right else say("the engine has {value}", value=value)
        yield say("The first wrong one: {name} = {hand}; {why}.", name=row.name, hand=row.hand, why=why).in_(lang)
