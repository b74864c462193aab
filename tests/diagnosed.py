"""What a diagnosis makes of planted mistakes, and the bars it has to meet.

Of a report only the verdicts, the names and the values of causes are looked at:

hidden  The mistake reaches the sheet, but moves no number further than rounding may. It counts for nothing else.
first   The first wrong number is the first one, in the order of working, that the mistake reaches and that is called
        wrong. ∂E_o1/∂o1 and ∂E_total/∂o1 are one number.
right   A cause named for that number comes to what the mistake comes to, within 1e-9 of it, from exact numbers, or
        within 1e-12 where that is 0, which floats may miss; if rounding hides a part of what the mistake does, with or
        without that part; if digits were transposed in a number that is not on the sheet, to within one in its last
        digit. What comes to one number by nature (σ for σ', 1 − o forgotten) or by data (lr twice, ½ forgotten where
        lr is ½) cannot be told apart, so no more is asked; sentences are not read.
told    The right cause is one of those that are shown without being asked for; what follows looks at these only.
misleading  A number has causes without a caveat, and none of them is what was done: none comes to what the mistake
        comes to, or it blames a number that stands on the sheet and that the mistake does not reach. That a number was
        written wrongly itself blames nothing.
beside  Beside the right cause of the first wrong number stands another without a caveat that is not.
slip    The first wrong number is said to be a slip in writing, and which; vague: its last digits are said to differ.
"""

import math
import statistics
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from careless import Planted, canonical


class Outcome(NamedTuple):
    """What a report made of one planted mistake; the counts of a hidden one mean nothing."""

    kind: str
    hidden: bool
    first: bool
    right: bool
    causes: int  # of the first wrong number
    unexplained: int  # other numbers that follow from nothing and have no cause
    elsewhere: int  # numbers called wrong that the mistake does not reach
    told: bool = False
    misleading: int = 0  # roots
    later: int = 0  # of them those after the first
    beside: bool = False
    slip: bool = False
    vague: bool = False
    wrong: int = 0  # numbers called wrong


# How a report says that it is not sure, and that digits were written wrongly: the kinds of its notes and causes.
CAVEATS = ("few digits",)
SLIPS = ("slip", "digits", "left out", "doubled", "look-alike", "point")
VAGUE = ("last digits",)
SHOWN = 2  # causes of a number


def shown(row: Any) -> Sequence[Any]:
    return row.causes[:SHOWN]


def claims(row: Any) -> list[Any]:
    """The causes of a number that are named without a caveat, but for slips in writing that number itself."""
    if any(note.kind in CAVEATS for note in row.notes):
        return []
    return [cause for cause in shown(row) if not (cause.kind in SLIPS and math.isclose(cause.value, float(row.hand)))]


def is_right(cause: Any, row: Any, planted: Planted, wrong: Iterable[str]) -> bool:
    """Whether a cause is what was done, as far as can be told."""
    place, untouched = canonical(cause.place), set(map(canonical, planted.sheet.hand)) - planted.touched
    blames_the_right = place in untouched and place != canonical(row.name)
    return not blames_the_right and comes_to(cause.value, planted, row.name, wrong)


def is_misleading(row: Any, planted: Planted, wrong: Iterable[str]) -> bool:
    return bool(claims(row)) and not any(is_right(cause, row, planted, wrong) for cause in shown(row))


def judged(planted: Planted, report: Any) -> Outcome:
    wrong = {row.name for row in report.wrong}
    elsewhere = len(wrong - planted.reached)
    due = next((name for name in planted.sheet.hand if name in wrong & planted.reached), None)
    row = report.first_wrong
    if due is None or row is None:
        return Outcome(planted.kind, due is None, False, False, 0, 0, elsewhere)
    first = canonical(row.name) == canonical(due)
    right = first and any(comes_to(cause.value, planted, due, wrong) for cause in row.causes)
    unexplained = sum(not each.causes for each in report.roots if each.name != row.name)
    misled = [is_misleading(each, planted, wrong) for each in report.roots]
    told = first and any(comes_to(cause.value, planted, due, wrong) for cause in shown(row))
    beside = told and not misled[0] and not all(is_right(each, row, planted, wrong) for each in claims(row))
    return Outcome(
        planted.kind,
        False,
        first,
        right,
        len(row.causes),
        unexplained,
        elsewhere,
        told,
        sum(misled),
        sum(misled[1:]),
        beside,
        first and any(cause.kind in SLIPS for cause in shown(row)),
        first and any(note.kind in VAGUE for note in row.notes),
        len(wrong),
    )


def comes_to(value: float, planted: Planted, name: str, wrong: Iterable[str]) -> bool:
    """Whether a cause's value is what the mistake makes of a number, from right numbers where rounding hides it."""
    hidden = planted.reached - set(wrong)
    truths = [
        planted.truth(right, mistake)[canonical(name)] for mistake in planted.equal_mistakes() for right in ((), hidden)
    ]
    return any(math.isclose(value, truth, rel_tol=1e-9, abs_tol=1e-12) for truth in truths)


# --- the bars ---------------------------------------------------------------------------------------------------------


class Bars(NamedTuple):
    """What is asked at so many decimals."""

    right: float  # of each kind, at least
    rounded_early: float  # of that kind
    causes: float  # in the mean, at most
    few: float  # the share with three at most


BARS = {8: Bars(right=0.97, rounded_early=0.95, causes=1.1, few=0.99), 4: Bars(0.95, 0.95, 1.25, 0.97)}
FIRST = 0.995
HIDDEN = 0.01  # at most, at 8 decimals
NO_CAUSE = 0.99  # for random numbers, at 8 decimals


def reaches(found: int, of: int, at_least: float, few_sheets: bool = False) -> bool:
    """Whether a rate holds; of few sheets, whether it would come out as low as this once in 10,000 times or more."""
    if not few_sheets:
        return found >= at_least * of
    log_right, log_wrong = math.log(at_least), math.log1p(-at_least)
    as_low = (math.log(math.comb(of, n)) + n * log_right + (of - n) * log_wrong for n in range(found + 1))
    return sum(map(math.exp, as_low)) > 1e-4


def keeps_to(counts: Sequence[int], at_most: float, few_sheets: bool = False) -> bool:
    """Whether a mean holds; of few sheets, within four standard errors."""
    error = statistics.stdev(counts) / math.sqrt(len(counts)) if few_sheets and len(counts) > 1 else 0.0
    return statistics.fmean(counts or [0]) - 4 * error <= at_most


def missed(outcomes: Sequence[Outcome], decimals: int, few_sheets: bool = False) -> list[str]:
    """The bars that are missed, in words."""
    bars, shown = BARS[decimals], [each for each in outcomes if not each.hidden]
    rates = {"first wrong number": ([each.first for each in shown], FIRST)}
    rates["three causes at most"] = [each.causes <= 3 for each in shown], bars.few
    if decimals == 8:
        rates["not hidden"] = [not each.hidden for each in outcomes], 1 - HIDDEN
    for kind in dict.fromkeys(each.kind for each in shown):
        right = [each.right for each in shown if each.kind == kind]
        rates[f"right cause, {kind}"] = right, bars.rounded_early if kind == "rounded too early" else bars.right
    found = [
        f"{what}: {sum(held)} of {len(held)}"
        for what, (held, bar) in rates.items()
        if not reaches(sum(held), len(held), bar, few_sheets)
    ]
    causes = [each.causes for each in shown]
    if not keeps_to(causes, bars.causes, few_sheets):
        found.append(f"causes in the mean: {statistics.fmean(causes):.3f}")
    elsewhere = sum(each.elsewhere for each in outcomes)
    return found + [f"numbers called wrong that no mistake reaches: {elsewhere}"] * (elsewhere > 0)
