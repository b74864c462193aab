"""What a check found: rows, parts of worked lines, causes; as a table for a person or as JSON for a program.

A table fits its terminal: the column of formulas goes first, then that of differences; nothing else is left out or cut.
What explains a row stands right below it.
"""

import json
import math
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from micrograd_kr.printed import SUBSTITUTES, Column, Printed, displayable, grid, plain, width_of
from micrograd_kr.said import Said, say
from micrograd_kr.teacher.ask.cell import Unreadable
from micrograd_kr.teacher.ask.exercise import Exercise
from micrograd_kr.teacher.ask.number import hand
from micrograd_kr.teacher.ask.quantity import updated

Verdict = Literal["match", "rounding", "undecided", "wrong", "unreadable"]
SAID: dict[Verdict, Said] = {
    "match": say("match"),
    "rounding": say("rounding"),
    "undecided": say("undecided"),
    "wrong": say("wrong"),
    "unreadable": say("unreadable"),
}
VERDICTS = tuple(SAID)  # from best to worst
STYLES: dict[Verdict, str] = {
    "match": "",
    "rounding": "yellow",
    "undecided": "bold yellow",
    "wrong": "bold red",
    "unreadable": "magenta",
}

SHOWN = 2  # causes of a number


@dataclass(frozen=True)
class Part:
    """One side of a worked line.

    text: as written. value: what it comes to. remedy: what would mend it, "0.1 → W1 = 0.3"; None if it agrees or
    nothing was found.
    """

    text: str
    value: float
    verdict: Verdict
    remedy: str | None = None


@dataclass(frozen=True)
class Note:
    """Something to be said of a number."""

    kind: str
    said: Said


SAME_AS, SAME_AT = say("the same mistake as at {name}"), say("{cause}; the same at {names}")


def few_decimals(due: int) -> Note:
    """That a number has too few decimals to tell whether it is right."""
    return Note("few decimals", say("too few decimals to tell; write at least {due}", due=due))


WORKING = Note("working", say("the number is right, its working is not"))


@dataclass(frozen=True)
class Cause:
    """A mistake that explains a wrong number.

    kind: what it is called, "sign" or "updated". place: the quantity in whose working it was made, the number's own or
    one that is not on the sheet. value: what the number comes to with it, unrounded. said: what was done.
    also: what else it may be called, since that comes to the same. throughout: made at every such place.
    same_at: other numbers that are wrong for the same reason.
    """

    kind: str
    place: str
    value: float
    said: Said
    also: tuple[str, ...] = ()
    throughout: bool = False
    same_at: tuple[str, ...] = ()


@dataclass(frozen=True)
class Row:
    """One number of a person's beside the engine's.

    name, formula: of the quantity. hand: as written, the last number of a worked line. value: the engine's.
    difference: value − hand. bound: the largest |difference| that rounding explains. parts: of a worked line, else
    None. follows_from: the wrong number that makes this one wrong, if it is not so by itself. causes: of one that is.
    Of a line that cannot be read there are name and hand as typed, no numbers (nan), and a note that says why.
    """

    name: str
    formula: str
    hand: str
    value: float
    difference: float
    bound: float
    verdict: Verdict
    parts: tuple[Part, ...] | None = None
    follows_from: str | None = None
    causes: tuple[Cause, ...] = ()
    notes: tuple[Note, ...] = ()


def unreadable_row(line: Unreadable) -> Row:
    """The row of a line that cannot be read."""
    note = Note("unreadable", say("cannot be read: {why}", why=line.why))
    nan = math.nan
    return Row(line.name, "", line.text, nan, nan, nan, "unreadable", notes=(note,))


@dataclass(frozen=True)
class Step:
    """One parameter in one step of gradient descent; after is None without a learning rate."""

    name: str
    before: float
    gradient: float
    after: float | None


@dataclass(frozen=True)
class Report(Printed):
    """What `check` found: a row for each number of the person's, the step each parameter takes, the loss before and
    after it.

    order: the rows' names in the order a person works in. asked: the exercise the numbers are of, None for tensors.
    remarks: on all of them. lang, digits: how it prints, "en" or "ko", with so many decimals of the engine's numbers,
    by default the hand's. all_causes: it prints all causes, not only the two likeliest.
    """

    exercise: str
    rows: tuple[Row, ...]
    parameters: tuple[Step, ...]
    loss: tuple[float, float | None]
    order: tuple[str, ...] = ()
    asked: Exercise | None = None
    lang: str = "en"
    digits: int | None = None
    all_causes: bool = False
    remarks: tuple[Note, ...] = ()

    @property
    def undecided(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.verdict == "undecided")

    @property
    def wrong(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.verdict == "wrong")

    @property
    def unreadable(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.verdict == "unreadable")

    @property
    def read(self) -> tuple[Row, ...]:
        """The rows with numbers: all that could be read."""
        return tuple(row for row in self.rows if row.verdict != "unreadable")

    @property
    def is_done(self) -> bool:
        """Whether the step is shown: not to who has still something to work, be its line deleted from a drawn sheet."""
        sheet = self.asked
        has_blanks = bool(sheet and (sheet.blanks or not sheet.hand))
        if sheet and sheet.seed is not None:
            has_blanks |= any(updated(each.name) not in sheet.hand for each in self.parameters)
        return not (has_blanks or self.unreadable or math.isnan(self.loss[0]))

    @property
    def roots(self) -> tuple[Row, ...]:
        """The rows that are wrong by themselves, in working order."""
        place = {name: i for i, name in enumerate(self.order)}
        roots = (row for row in self.wrong if row.follows_from is None)
        return tuple(sorted(roots, key=lambda row: place.get(row.name, 0)))

    @property
    def first_wrong(self) -> Row | None:
        return next(iter(self.roots), None)

    def __str__(self) -> str:
        return plain(self, width_of(sys.stdout))

    def __rich_console__(self, console: Any, options: Any) -> Iterator[Any]:
        """The exercise's title, a table of the rows, one of the parameters and the loss, and a summary."""
        from rich.text import Text

        encoding = options.encoding
        if self.asked and self.asked.title:
            title = self.asked.title
            readable = all(each in SUBSTITUTES or displayable(each, encoding) == each for each in title)
            yield Text(displayable(title if readable else self.exercise, encoding), "bold")
            yield Text()
        for remark in self.remarks:
            yield Text(displayable(remark.said.in_(self.lang), encoding), STYLES["wrong"])
            yield Text()
        if self.rows:
            rows = [(STYLES[row.verdict], self._notes(row)) for row in self.rows]
            yield from grid(self._columns(), rows, console, options, self.lang)
            yield Text()
        if self.is_done:
            steps = [("", ())] * (len(self.parameters) + 1)
            yield from grid(self._step(), steps, console, options, self.lang)
            yield Text()
        yield from (Text(displayable(each.in_(self.lang), encoding)) for each in self._summary())

    def _columns(self) -> list[Column]:
        rows = self.rows
        values = ["" if math.isnan(row.value) else self._value(row) for row in rows]
        differences = [_signed(row.difference) for row in rows]
        return [
            Column(say("quantity"), [row.name for row in rows]),
            Column(say("formula"), [row.formula for row in rows], spare=True),
            Column(say("hand"), _aligned([row.hand for row in rows]), numeric=True),
            Column(say("engine"), _aligned(values), numeric=True),
            Column(say("difference"), differences, numeric=True, spare=True),
            Column(say("verdict"), [SAID[row.verdict].in_(self.lang) for row in rows]),
        ]

    def _value(self, row: Row) -> str:
        """The engine's number with the hand's decimals; with more where those would not show why it is no match."""
        looks_right = row.verdict in ("undecided", "wrong") and row.difference
        other = float(hand(row.hand).number) if looks_right else math.nan
        return self._apart(row.value, other, row.hand)

    def _apart(self, value: float, other: float, like: str) -> str:
        """A number with the decimals of one written by hand; with more where those would make it look like another."""
        shown, same = (decimal(each, like, self.digits) for each in (value, other))
        places = hand(like).decimals
        while self.digits is None and places < self._most() and shown == same:
            places += 1
            shown, same = (decimal(each, "0", places) for each in (value, other))
        return shown

    def _most(self) -> int:
        """The most decimals of the hand's numbers, at least four."""
        return max(4, max((hand(row.hand).decimals for row in self.read), default=8))

    def _notes(self, row: Row) -> list[str]:
        """What stands below a row: the wrong parts of a worked line, and why."""
        lang = self.lang
        notes = [say("the first wrong number").in_(lang)] if row is self.first_wrong else []
        for part in row.parts or ():
            if part.verdict == "wrong":
                value, remedy = self._apart(part.value, row.value, row.hand), f": {part.remedy}" if part.remedy else ""
                notes.append(f"{part.text} = {value}  {SAID['wrong'].in_(lang)}{remedy}")
        if row.follows_from:
            notes.append(say("follows from {name}", name=row.follows_from).in_(lang))
        notes += [each.said.in_(lang) for each in row.notes if each != WORKING]  # which the summary says
        return notes + [each.in_(lang) for each in self.explained(row)]

    def explained(self, row: Row) -> Iterator[Said]:
        """The causes of a row; one that stands below another row already is only referred to."""
        place = {each.name: i for i, each in enumerate(self.rows)}
        for cause in row.causes[: len(row.causes) if self.all_causes else SHOWN]:
            first = min((row.name, *cause.same_at), key=lambda name: place.get(name, len(place)))
            if first != row.name:
                yield Said(SAME_AS.text, {"name": first})
                return
            same = Said(SAME_AT.text, {"cause": cause.said, "names": ", ".join(cause.same_at)})
            yield same if cause.same_at else cause.said

    def _step(self) -> list[Column]:
        """Each parameter before the step, its gradient, and after it; in the last row the loss."""
        places = min(self._most(), 12) if self.digits is None else self.digits
        steps, (before, after) = self.parameters, self.loss

        def numbers(values: Iterable[float]) -> list[str]:
            return _aligned([decimal(each, "0", places) for each in values])

        start = [*(f"{each.before:.12g}" for each in steps), decimal(before, "0", places)]
        columns = [
            Column(say("parameter"), [*(each.name for each in steps), say("loss").in_(self.lang)]),
            Column(say("before"), _aligned(start), numeric=True),
            Column(say("gradient"), [*numbers(each.gradient for each in steps), ""], numeric=True),
        ]
        if after is not None:
            updated = [each.before if each.after is None else each.after for each in steps]
            columns.append(Column(say("after"), numbers([*updated, after]), numeric=True))
        return columns

    def _summary(self) -> Iterator[Said]:
        counts = Counter(row.verdict for row in self.rows)
        if self.rows:
            told = {each: counts[each] for each in SAID}
            if counts["undecided"]:
                yield say("{match} match, {rounding} rounding, {undecided} undecided, {wrong} wrong.", **told)
            else:
                yield say("{match} match, {rounding} rounding, {wrong} wrong.", **told)
        else:
            yield say("No numbers to check: write yours in a [hand] table.")
        if self.unreadable:
            yield say("Cannot be read: {count}.", count=len(self.unreadable))
        if self.asked and self.asked.blanks:
            yield say("Left blank: {count}.", count=len(self.asked.blanks))
        row, following = self.first_wrong, counts["wrong"] - len(self.roots)
        if row is None:
            return
        if following:
            yield say("Only following from another: {count} of the wrong ones.", count=following)
        written, value = (in_a_sentence(each) for each in (row.hand, self._value(row)))
        if math.isnan(row.value) and WORKING not in row.notes:
            yield say("The first wrong one: {name} = {hand}.", name=row.name, hand=written)
            return
        why = WORKING.said if WORKING in row.notes else say("the engine has {value}", value=value)
        yield say("The first wrong one: {name} = {hand}; {why}.", name=row.name, hand=written, why=why)


def in_a_sentence(number: str) -> str:
    """A number, or what was worked, with the minus signs of formulas; 1e-4 has none."""
    return re.sub("(?<![eE])-", "−", number)


def _signed(difference: float) -> str:
    return "" if math.isnan(difference) else f"{difference:+.1e}" if difference else "0"


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
    return [each + " " * (max(tails) - tail) for each, tail in zip(cells, tails, strict=True)]


def as_json(report: Report) -> str:
    """A report as JSON, in ASCII characters; a number that is not finite is null."""
    found = {
        "exercise": report.exercise,
        "first_wrong": report.first_wrong and report.first_wrong.name,
        "rows": report.rows,
        "parameters": report.parameters if report.is_done else (),
        "loss": dict(
            zip(("before", "after"), map(_finite, report.loss if report.is_done else (None, None)), strict=True)
        ),
        "remarks": report.remarks,
    }
    return json.dumps(found, indent=2, allow_nan=False, default=_entries)


def _entries(each: Row | Part | Cause | Note | Step) -> dict[str, Any]:
    """What JSON has of a piece of a report: what is said in both languages, and not what a number is judged by."""
    found: dict[str, Any] = {}
    for key, entry in vars(each).items():
        if isinstance(entry, Said):
            found |= {"english": str(entry), "korean": entry.in_("ko")}
        elif key != "bound":
            found[key] = _finite(entry)
    return found


def _finite(entry: Any) -> Any:
    return None if isinstance(entry, float) and not math.isfinite(entry) else entry
