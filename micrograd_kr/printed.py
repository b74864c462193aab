"""What is printed: tables with rich, as text and in notebooks, in the characters that a console has."""

import os
import shutil
from collections.abc import Iterator, Sequence
from io import BytesIO, TextIOWrapper
from typing import Any, NamedTuple, TextIO

from micrograd_kr.said import Said

GAP = 2  # cells between two columns
WIDE = 100_000  # cells of a line that may be as long as it likes
WIDEST = 60  # cells of one column; what is longer goes on in the next line

SUBSTITUTES = dict(zip("∂−·×→½⁺′…—─", ["d", "-", "*", "*", "->", "1/2", "+", "'", "...", "-", "-"], strict=True))


class Printed:
    """What rich can show prints as that: as plain text, and so in a notebook."""

    def __str__(self) -> str:
        return plain(self)

    def _repr_html_(self) -> str:
        from html import escape

        return f"<pre>{escape(plain(self))}</pre>"


def plain(shown: Any, width: int | None = None) -> str:
    """What rich can show, as text without colours, and without blanks at the ends of lines or lines of blanks."""
    lines = as_text(shown, width).splitlines()
    return "\n".join(line.rstrip() for line in lines if line.strip() or not line) + "\n"


def as_text(shown: Any, width: int | None = None, encoding: str = "utf-8", terminal: bool = False) -> str:
    """What rich can show, as text for a console.

    width: cells of a line, by default as many as it needs. encoding: of the console; terminal: whether it has colours.
    """
    from rich.console import Console

    page = TextIOWrapper(BytesIO(), encoding, newline="")
    off: dict[str, Any] = dict.fromkeys(("force_jupyter", "legacy_windows", "markup", "highlight"), False)
    console = Console(file=page, width=width or WIDE, force_terminal=terminal, **off)
    console.print(shown, soft_wrap=True)  # lines of text are the terminal's to wrap
    page.seek(0)
    return page.read()


def width_of(stream: TextIO) -> int | None:
    """The cells of a line: a terminal's, or what COLUMNS says; None where a line may be as long as it likes."""
    if stream.isatty():
        return shutil.get_terminal_size().columns
    columns = os.environ.get("COLUMNS", "")
    return int(columns) if columns.isdecimal() and len(columns) < 6 and int(columns) > 0 else None


def displayable(text: str, encoding: str) -> str:
    """A line of text in characters that an encoding has: d for ∂ if need be, escapes for what nothing stands for."""
    # What is not printable could move the cursor, or is no character at all.
    known = (each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text)
    shown = (each if each.encode(encoding, "ignore") else SUBSTITUTES.get(each, each) for each in "".join(known))
    return "".join(shown).encode(encoding, "backslashreplace").decode(encoding)


class Column(NamedTuple):
    """One column: its title and its cells from top to bottom. spare: it goes where the console is too narrow."""

    title: Said
    cells: Sequence[str]
    numeric: bool = False
    spare: bool = False


def grid(
    columns: Sequence[Column], rows: Sequence[tuple[str, Sequence[str]]], console: Any, options: Any, lang: str
) -> Iterator[Any]:
    """Columns as wide as need be, for rich. rows: the style of each row, and the notes that stand right below it.

    Where the console is too narrow the spare columns go, one after the other; nothing else is left out or cut.
    console, options: rich's.
    """
    from rich.cells import cell_len
    from rich.table import Table
    from rich.text import Text

    shown, widths = dict[str, list[str]](), dict[str, int]()
    for title, cells, numeric, _ in columns:
        texts = [displayable(each, options.encoding) for each in (title.in_(lang), *cells)]
        widest = max(map(cell_len, texts))
        if numeric:  # rich's own alignment would take away the blanks behind a number
            texts = [" " * (widest - cell_len(each)) + each for each in texts]
        shown[str(title)], widths[str(title)] = texts, min(WIDEST, widest)
    for each in columns:
        if each.spare and sum(widths.values()) + GAP * (len(widths) - 1) > options.max_width:
            del widths[str(each.title)]
    lines = zip(*(shown[title] for title in widths), strict=True)
    for line, (style, notes) in zip(lines, [("bold", ()), *rows], strict=True):
        table = Table.grid(padding=(0, GAP, 0, 0))
        for width in widths.values():
            table.add_column(width=width, overflow="fold")
        table.add_row(*map(Text, line), style=style)
        yield from console.render(table, options.update(width=WIDE) if options.no_wrap else options)
        yield from (Text(displayable(f"    {note}", options.encoding), style) for note in notes)
