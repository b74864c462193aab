"""What a check found, as a table for a person or as JSON for a program.

A table fits its terminal: the column of formulas goes first, then that of differences; nothing else is left out or cut.
What explains a row stands right below it. The text holds only characters that its console can show.
"""

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from io import StringIO
from typing import Any, NamedTuple

from micrograd_kr.teacher.ask.number import hand
from micrograd_kr.teacher.check.report import Cause, Note, Report, Row, Verdict

WORDS = {
    "en": {
        "quantity": "quantity",
        "formula": "formula",
        "hand": "hand",
        "engine": "engine",
        "difference": "difference",
        "verdict": "verdict",
        "parameter": "parameter",
        "before": "before",
        "gradient": "gradient",
        "after": "after",
        "loss": "loss",
        "count": "{count} {verdict}",
        "match": "match",
        "rounding": "rounding",
        "wrong": "wrong",
        "first wrong": "the first wrong number",
        "follows": "follows from {name}",
        "same at": "{cause}; the same at {names}",
        "following": "Only following from another: {count} of the wrong ones.",
        "nothing": "No numbers to check: write yours in a [hand] table.",
        "blanks": "Left blank: {count}.",
        "first": "The first wrong one: {name} = {hand}; the engine has {value}.",
        "first part": "The first wrong one: {name} = {hand}; the number is right, its working is not.",
    },
    "ko": {
        "quantity": "양",
        "formula": "식",
        "hand": "손계산",
        "engine": "엔진",
        "difference": "차이",
        "verdict": "판정",
        "parameter": "매개변수",
        "before": "갱신 전",
        "gradient": "기울기",
        "after": "갱신 후",
        "loss": "손실",
        "count": "{verdict} {count}",
        "match": "일치",
        "rounding": "반올림",
        "wrong": "틀림",
        "first wrong": "처음 틀린 수",
        "follows": "{name}에서 이어진 것",
        "same at": "{cause}. 같은 곳: {names}",
        "following": "틀린 수 가운데 다른 수에서 이어진 것: {count}.",
        "nothing": "확인할 수가 없습니다. [hand] 표에 손으로 계산한 수를 쓰세요.",
        "blanks": "빈칸: {count}.",
        "first": "처음 틀린 수: {name} = {hand}. 엔진의 값은 {value}.",
        "first part": "처음 틀린 수: {name} = {hand}. 수는 맞지만 풀이가 틀렸습니다.",
    },
}


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
            "causes": [_finite(asdict(each)) for each in row.causes],
            "notes": [each._asdict() for each in row.notes],
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


def _finite(entries: dict[str, Any]) -> dict[str, Any]:
    return {key: None if isinstance(each, float) and not math.isfinite(each) else each for key, each in entries.items()}


# --- tables -----------------------------------------------------------------------------------------------------------


class Column(NamedTuple):
    """One column: its name in WORDS, and its cells from top to bottom."""

    name: str
    cells: Sequence[str]
    numeric: bool = False


class Page:
    """Where tables and lines are laid out, with rich.

    width: in cells; None: as wide as need be. encoding: of the console. terminal: whether it shows colours.
    """

    def __init__(self, lang: str, width: int | None, encoding: str, terminal: bool) -> None:
        from rich.console import Console

        self.lang, self.words, self.width, self.encoding = lang, WORDS[lang], width, encoding
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

    def said(self, each: Cause | Note) -> str:
        return each.korean if self.lang == "ko" else each.english

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
        for name, below, numeric in columns:
            shown = [displayable(each, self.encoding) for each in (self.words[name], *below)]
            cells[name] = _right(shown) if numeric else shown
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
        page.grid(_columns(report, page.words, digits), styles, notes, leaving=("formula", "difference"))
        page.line()
    _step(page, report, digits)
    for line in _summary(report, page.words, blanks, digits):
        page.line(line)
    return page.written.getvalue()


def _columns(report: Report, words: Mapping[str, str], digits: int | None) -> list[Column]:
    rows = report.rows
    return [
        Column("quantity", [row.name for row in rows]),
        Column("formula", [row.formula for row in rows]),
        Column("hand", _aligned([row.hand for row in rows]), numeric=True),
        Column("engine", _aligned([decimal(row.value, row.hand, digits) for row in rows]), numeric=True),
        Column("difference", [_difference(row.difference) for row in rows], numeric=True),
        Column("verdict", [words[row.verdict] for row in rows]),
    ]


def _notes(row: Row, report: Report, page: Page, digits: int | None) -> list[str]:
    """What stands below a row: the wrong parts of a worked line, and why."""
    words = page.words
    notes = [words["first wrong"]] if row is report.first_wrong else []
    for part in row.parts or ():
        if part.verdict == "wrong":
            value, remedy = decimal(part.value, row.hand, digits), f": {part.remedy}" if part.remedy else ""
            notes.append(f"{part.text} = {value}  {words['wrong']}{remedy}")
    if row.follows_from:
        notes.append(words["follows"].format(name=row.follows_from))
    notes += [page.said(each) for each in row.notes]
    for cause in row.causes:
        names = ", ".join(cause.same_at)
        notes.append(words["same at"].format(cause=page.said(cause), names=names) if names else page.said(cause))
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
        Column("parameter", [*(each.name for each in report.parameters), page.words["loss"]]),
        Column("before", _aligned(start), numeric=True),
        Column("gradient", [*numbers(each.gradient for each in report.parameters), ""], numeric=True),
    ]
    if after is not None:
        updated = [each.before if each.after is None else each.after for each in report.parameters]
        columns.append(Column("after", numbers([*updated, after]), numeric=True))
    rows = len(report.parameters) + 1
    page.grid(columns, [""] * rows, [()] * rows)
    page.line()


def _summary(
    report: Report,
    words: Mapping[str, str],
    blanks: int,
    digits: int | None,
) -> Iterable[str]:
    if report.rows:
        counts = Counter(row.verdict for row in report.rows)
        yield ", ".join(words["count"].format(count=counts[each], verdict=words[each]) for each in STYLES) + "."
    else:
        yield words["nothing"]
    if blanks:
        yield words["blanks"].format(count=blanks)
    row = report.first_wrong
    if row is not None:
        following = len(report.wrong) - len(report.roots)
        if following:
            yield words["following"].format(count=following)
        right = abs(row.difference) < row.bound
        value = decimal(row.value, row.hand, digits)
        yield words["first part" if right else "first"].format(name=row.name, hand=row.hand, value=value)
