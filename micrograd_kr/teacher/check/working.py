"""What is known of a sheet, and how a quantity may have been worked from it."""

import math
from collections import defaultdict
from collections.abc import Collection, Mapping
from copy import copy
from functools import cache, cached_property
from itertools import chain
from typing import Any

from micrograd_kr import ops
from micrograd_kr.teacher.ask.expressions import (
    PARTS,
    Comparison,
    Symbol,
    inside_out,
    number,
    operands,
    renamed,
    within,
)
from micrograd_kr.teacher.ask.number import distance
from micrograd_kr.teacher.check.rounding import RunningError
from micrograd_kr.teacher.check.sheet import Judged, Sheet
from micrograd_kr.teacher.derive.lines import reached

MANY = 6  # numbers that tell how a person rounds

Guess = dict[str, tuple[float, float]]  # what names stand for, carried and by hand


class Known:
    """What is known of a sheet when the next number is looked at.

    names: what stands on it by then. texts: its numbers and those of the exercise as written. numbers: what names stand
    for, carried, with exact numbers where the person's are right, and by hand.
    """

    def __init__(self, sheet: Sheet) -> None:
        self.sheet, self.forms, self.start = sheet, sheet.forms, sheet.forms.start
        self.names: dict[str, None] = {}
        self.texts = {name: f"{number:.15g}" for name, number in self.start.items()}
        self.numbers = {name: (number, number) for name, number in self.start.items()}
        self.wrong = {each.key: each.unit for each in sheet.judged.values() if each.verdict == "wrong"}
        self.right = {each.key for each in sheet.judged.values() if each.verdict in ("match", "rounding")}
        self.right -= self.wrong.keys()
        self._running = RunningError(self.forms, sheet.errors.known | self.wrong, sheet.kept)
        self._shortest: tuple[dict[str, tuple[int, Any]], ...] = ({}, {})

    def know(self, judged: Judged, carried: float) -> None:
        """A number is on the sheet from now on."""
        key = judged.key
        self._running.done.clear()  # the next number has other forms
        if key and key not in self.names:  # of a constant nothing is worked
            self.names[key] = None
            self.numbers[key] = carried, float(judged.written.number)
            self.texts.setdefault(key, judged.written.text)

    def guess(self, guess: Guess) -> None:
        """What quantities that are not on the sheet came to."""
        self.numbers |= {key: guess[key] for key in guess if key not in self.names}

    def instead(self, guess: Guess) -> "Known":
        """The same, but for what some names stand for."""
        other = copy(self)
        other.numbers, other._shortest = self.numbers | guess, ({}, {})
        return other

    @cached_property
    def cuts_off(self) -> bool:
        """Whether the person cuts off instead of rounding: nearly no number is larger in size than the exact one."""
        right = [each for each in self.sheet.judged.values() if each.verdict != "wrong"]
        inexact = [each for each in right if distance(each.written, each.value) > 4 * math.ulp(each.value)]
        larger = sum(abs(float(each.written.number)) > abs(each.value) for each in inexact)
        return len(inexact) >= MANY and larger <= len(inexact) / 10

    def error(self, form: Any) -> float:
        """The running error of a form in the person's numbers; what forms have in common is worked once."""
        done = self._running.done
        for each in inside_out(form, operands, done) if isinstance(form, Symbol) else ():
            done[each] = self._running.of(each)  # innermost first: a long chain would recurse too deep
        return self._running.of(form, last=True)

    def plan(self, name: str, form: Any, is_afresh: bool = False) -> dict[str, Any]:
        """The form of a quantity and, before it, the shortest of each that it needs and that is not on the sheet.

        is_afresh: gradients on the sheet are worked anew, too.
        """
        forms, names, shortest, worked = self.forms, self.forms.names_in, self._shortest[is_afresh], dict[str, Any]()

        def is_unknown(each: str) -> bool:
            return each not in self.numbers or (is_afresh and each in forms.gradients)

        def is_written(each: str) -> bool:
            return each in self.numbers and each in forms.gradients

        def unknown(*among: Any) -> list[str]:
            return sorted({each for form in among for each in names(form) if is_unknown(each)}, reverse=True)

        @cache
        def ways(each: str) -> list[Any]:
            """What uses no gradient on the sheet is worked only in the usual way."""
            found = forms.of(each, self.numbers, named=True)
            return [next(found), *(way for way in (() if is_afresh else found) if any(map(is_written, names(way))))]

        def sized(way: Any) -> tuple[int, Any]:
            return len(forms.operations(way)) + sum(shortest[each][0] for each in unknown(way)), way

        needed = cache(lambda each: unknown(*ways(each)))
        asked = [each for each in names(form)[::-1] if is_unknown(each)]
        for each in chain(*(inside_out(last, needed, shortest) for last in asked)):
            shortest[each] = min(map(sized, ways(each)), key=lambda sized: sized[0])
        for each in chain(*(inside_out(last, lambda each: unknown(shortest[each][1]), worked) for last in asked)):
            worked[each] = shortest[each][1]
        return worked | {name: form}


class Working:
    """Operations on the numbers of a sheet that give one quantity, in the order in which they are done.

    order: the operations and comparisons. place: the quantity in whose working each stands. position: its number there.
    roots: the last operation of each quantity that is worked here. leaves: the numbers it starts from. called: the
    names of both. carried, hand: the results in these numbers, and values those of the quantity.
    """

    def __init__(self, known: Known, name: str, plan: Mapping[str, Any], is_afresh: bool = False) -> None:
        """plan: a form of each quantity that is worked, the one that is asked for last."""
        self.known, self.name, self.is_afresh = known, name, is_afresh
        self.order: list[Any] = []
        self.place, self.position = dict[Any, str](), dict[Any, int]()
        self.roots, self.leaves, self.called = dict[str, Any](), dict[str, Symbol](), dict[Any, str]()
        self.carried, self.hand = dict[Any, float](), dict[Any, float]()
        self._users = defaultdict[Any, list[Any]](list)
        self.above = cache(self._above)
        for each, form in plan.items():
            self._add(each, form)
        self.root = self.roots[name]
        self.values = self.carried[self.root], self.hand[self.root]

    def _add(self, place: str, form: Any) -> None:
        """Copy a form, with what is worked here in the place of its names."""
        if not isinstance(form, Symbol) or form.rule is None:
            form = Symbol(None, number(form), ops.identity, form)
        start, copies = len(self.order), dict[Any, Any]()
        for part in self.known.forms.parts(form):
            if isinstance(part, Symbol) and part.rule is None:
                copies[part] = self.operand(str(part.name))
                continue
            node = copies[part] = applied(part, copies)
            self.place[node], self.position[node] = place, len(self.order) - start
            self.order.append(node)
            for each in operands(node):
                self._users[each].append(node)
            for table in (self.carried, self.hand):
                table[node] = worked(node, table)
        self.roots[place] = copies[form]
        self.called[copies[form]] = place

    def operand(self, name: str) -> Any:
        """A quantity as an operand: worked here, or a number that is known."""
        if name in self.roots:
            return self.roots[name]
        if name not in self.leaves:
            carried, by_hand = self.known.numbers.get(name) or [float(number(self.known.forms.expansion(name)))] * 2
            leaf = self.leaves[name] = Symbol(name, by_hand)
            self.called[leaf], self.carried[leaf], self.hand[leaf] = name, carried, by_hand
        return self.leaves[name]

    def _above(self, *nodes: Any) -> dict[Any, None]:
        """Operations and all that is worked from them, in order."""
        found = {*nodes} | reached(nodes, self._users.__getitem__)
        return dict.fromkeys(each for each in self.order if each in found)

    def recomputed(self, changes: Mapping[Any, Any], table: Mapping[Any, float]) -> dict[Any, float]:
        """The results once some operations are replaced."""
        results = dict(table)
        for node in self.above(*changes):
            results[node] = value(changes[node], results) if node in changes else worked(node, results)
        return results

    @cached_property
    def _forms(self) -> dict[Any, Any]:
        """Each operation as an expression in the person's numbers."""
        made: dict[Any, Any] = {}
        for node in self.order:
            renamed(node, lambda leaf: leaf, made)
        return made

    def form(self, changes: Mapping[Any, Any]) -> Any:
        """The whole working as one expression in the person's numbers, once some operations are replaced."""
        affected = self.above(*changes)
        made = {node: form for node, form in self._forms.items() if node not in affected}
        for node in affected:
            made[node] = renamed(changes.get(node, node), lambda leaf: leaf, made)
        return made[self.root]

    def shown(self, expression: Any, names: Mapping[str, str], whole: Collection[str] = ()) -> Any:
        """An expression to print: what has a name by the one it has on the sheet, but for what is shown whole."""

        def named(each: Any) -> Symbol:
            name = self.called[each]
            return Symbol(names.get(name, name), self.hand[each])

        return renamed(expression, named, {each: named(each) for name, each in self.roots.items() if name not in whole})


def applied(node: Any, others: Mapping[Any, Any]) -> Any:
    """The same operation or comparison with others for some of its operands; its number stays."""
    x, y = (within(each, lambda operand: others.get(operand, operand)) for each in (node.x, node.y))
    return (
        Comparison(x, y, node.operation) if isinstance(node, Comparison) else Symbol(None, node.number, node.rule, x, y)
    )


def value(of: Any, results: Mapping[Any, float]) -> Any:
    """What an expression comes to, where some parts have results; of several, softmax's inputs, what each does."""
    if type(of) is tuple:
        return tuple(value(each, results) for each in of)
    if not isinstance(of, PARTS):
        return of
    return results[of] if of in results else worked(of, results)


def worked(node: Any, results: Mapping[Any, float]) -> Any:
    """What an operation or a comparison comes to."""
    y = value(node.y, results)
    if isinstance(node, Comparison):
        return float(node.operation(value(node.x, results), y))
    if node.rule is ops.where_:
        return value(node.x[0 if y else 1], results)
    return node.rule.compute(value(node.x, results), y)
