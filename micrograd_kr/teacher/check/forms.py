"""The expressions a person evaluates for a quantity.

A worked form is a quantity's formula, or the sum over paths of products of derivatives, in other named quantities.
"""

from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping
from functools import cache
from heapq import heappop, heappush
from itertools import chain
from typing import Any

from micrograd_kr.teacher.ask.exercise import parse_name
from micrograd_kr.teacher.ask.expressions import Symbol, inside_out, names_in, number, parts_of, renamed
from micrograd_kr.teacher.ask.quantity import Quantity, derivative, read
from micrograd_kr.teacher.ask.solution import Solution
from micrograd_kr.teacher.derive.labelled import stem
from micrograd_kr.teacher.derive.lines import Lines, changed, later, reached
from micrograd_kr.teacher.derive.softmax import left_over

WAYS = 6  # through the quantities nearest to either end of a derivative; the others' rounding lies between theirs


class Forms:
    """Every quantity of an exercise as expressions in other quantities. Names are as on a sheet: z1, dE/dW, W+, z1'."""

    def __init__(self, solution: Solution, lines: Lines) -> None:
        self.solution, self.exercise, self.start = solution, solution.exercise, solution.start
        self.lines, self.users, self.below, self.steps = lines.lines, lines.users, lines.below, lines.steps
        self.passes_on, self.order = lines.passes_on, lines.order
        self.gradients: dict[str, tuple[str, str]] = {}
        self.alike = defaultdict[str, list[str]](list)  # those by W5 and W7
        self._worked_from: dict[str, set[str]] = {}
        # of many quantities, and of a quantity many times, the same is asked
        self.gradient, self.expansion = cache(self._gradient), cache(self._expansion)
        self._by_users, self._by_operands = cache(self._over_users), cache(self._over_operands)
        self._by_middle = cache(lambda a, middle, b: self.gradient(a, middle) * self.gradient(middle, b))
        self._above = cache(lambda name: {name} | reached([name], lambda each: self.users.get(each, ())))
        self._through = cache(self._all_through)
        self._left_over = cache(lambda a, b: left_over(lines, a, b, self.exercise.given))
        self.mentions = cache(lambda name: names_in(self.expansion(name)))
        self.parts, self.names_in = cache(parts_of), cache(names_in)
        self.operations = cache(lambda form: [each for each in self.parts(form) if getattr(each, "rule", None)])

    def _gradient(self, a: str, b: str) -> Any:
        """dA/dB as a symbol, 1 where they are one; equal derivatives have one name."""
        if b not in self.below(a):
            return 0.0
        a, b = self._same(a, b)
        if a == b:
            return 1.0
        name = derivative(a, b)
        if name not in self.gradients:
            self.gradients[name] = (a, b)
            self.alike[stem(b)].append(name)
            for between in self._between(a, b)[:0:-1]:  # from A towards B, so that a long chain needs no recursion
                self.gradient(a, between)
        return Symbol(name, number(self.expansion(name)))

    def _between(self, a: str, b: str) -> list[str]:
        """What lies on the paths from B to A, both included, in the order of computation."""
        return sorted(self.below(a) & self._above(b), key=self.order.__getitem__)

    def _same(self, a: str, b: str) -> tuple[str, str]:
        """The innermost pair whose derivative is the same number: dE/dz for dE_total/dz if E_total only adds E."""
        while a != b:
            last, first = self._used(a, b), self.steps(a, b)
            if len(last) == 1 and self.passes_on(a, last[0]):
                a = last[0]
            elif len(first) == 1 and self.passes_on(first[0], b):
                b = first[0]
            else:
                break
        return a, b

    def _expansion(self, name: str) -> Any:
        """The usual form of a quantity; a given or a parameter has none."""
        if name in self.lines:
            return self.lines[name].formula
        if name in self.gradients:
            return self._by_users(*self.gradients[name], False)
        asked = read(name)
        if asked.kind == "updated":
            parameter = self.exercise.changed_by(asked.of)[1]
            return changed(
                self.solution, asked, self._in_pass(self.gradient(self.exercise.loss, parameter), asked.in_pass)
            )
        return self._in_pass(self.expansion(str(asked._replace(step=0))), asked.step) if asked.step else None

    def _in_pass(self, form: Any, step: int) -> Any:
        """An expression of the first pass in the one after so many updates."""
        return renamed(form, later(self.solution, step)) if step else form

    def depends(self, name: str, on: str) -> bool:
        """Whether a quantity is another, or is worked from it."""
        worked_from = self._worked_from
        for each in inside_out(name, self.mentions, worked_from) if name not in worked_from else ():
            worked_from[each] = {each}.union(*map(worked_from.__getitem__, self.mentions(each)))
        return on in worked_from[name]

    def _over_users(self, a: str, b: str, named: bool) -> Any:
        """Σ dA/dc · ∂c/∂B over everything c that is computed from B."""
        return sum((self.gradient(a, c) * self._partial(c, b, named and c != a) for c in self.steps(a, b)), 0.0)

    def _over_operands(self, a: str, b: str, named: bool) -> Any:
        """Σ ∂A/∂p · dp/dB over everything p that A is computed from."""
        return sum((self._partial(a, p, named and p != b) * self.gradient(p, b) for p in self._used(a, b)), 0.0)

    def _used(self, a: str, b: str) -> list[str]:
        """What A is computed from that is B or computed from it."""
        return [each for each in self.lines[a].partials if each in self._above(b)]

    def _partial(self, c: str, b: str, named: bool) -> Any:
        """∂c/∂B: its expression, or the name dc/dB where it is more than a name and has no other path."""
        partial = self.lines[c].partials[b]
        is_more = named and isinstance(partial, Symbol) and partial.rule is not None
        return self.gradient(c, b) if is_more and self._used(c, b) == [b] else partial

    def is_local(self, name: str) -> bool:
        """Whether a quantity is the derivative of one line by what stands in it."""
        return name in self.gradients and self._used(*self.gradients[name]) == [self.gradients[name][1]]

    def of(self, name: str, sheet: Container[str], named: bool = False) -> Iterator[Any]:
        """The forms of a quantity that a person may have worked, given what else stands on the sheet."""
        return (
            form for form, either in self.possible(name, named) if not either or any(map(sheet.__contains__, either))
        )

    def possible(self, name: str, named: bool = False) -> Iterator[tuple[Any, tuple[str, ...]]]:
        """The forms of a quantity, each with the names of which one has to be on the sheet, if it needs any.

        named: a factor that is the derivative of one line, o(1 − o), is a quantity of its own, do/dz.
        """
        asked = read(name)
        if asked.by is not None and asked.step:
            first = str(asked._replace(step=0))
            self.gradient(asked.of, asked.by)
            yield from ((self._in_pass(form, asked.step), ()) for form in self.of(first, (), named))
            return
        if name not in self.gradients:
            yield self.expansion(name), ()
            return
        a, b = self.gradients[name]
        yield self._by_users(a, b, named), ()
        if not self.is_local(name):  # there it is the same
            yield self._by_operands(a, b, named), ()
        for middle in self._through(a, b):
            yield self._by_middle(a, middle, b), (derivative(a, middle), derivative(middle, b))
        if (left := self._left_over(a, b)) is not None:
            yield left, ()

    def _all_through(self, a: str, b: str) -> list[str]:
        """What every path from B to A goes through, no line after it uses one before it; of many, those near an end."""
        between = self._between(a, b)
        place = {each: i for i, each in enumerate(between)}
        through, furthest = [], 0
        for i, each in enumerate(between):
            if furthest <= i:
                through.append(each)
            furthest = max(furthest, *(place.get(user, 0) for user in self.users[each]), 0)
        inner = through[1:-1]
        return sorted({*inner[:WAYS], *inner[-WAYS:]})

    def key(self, name: str) -> str:
        """What a quantity on a sheet is called among the forms; "" for a constant."""
        quantity = parse_name(self.exercise, name)
        if quantity.kind != "gradient" or quantity.by is None:
            return name
        symbol = self._in_pass(self.gradient(quantity.of, quantity.by), quantity.step)
        return str(symbol.name) if isinstance(symbol, Symbol) else ""

    def working_order(self, sheet: Iterable[str]) -> Iterator[str]:
        """The order a person works in: each number after those it may be worked from; otherwise as in the file."""
        meant = {name: parse_name(self.exercise, name) for name in sheet}
        names = sorted(meant, key=lambda name: stage(meant[name]))
        later = self.before([meant[name] for name in names])
        due = Counter(chain(*later))
        ready = [i for i in range(len(names)) if not due[i]]
        while ready:
            yield names[i := heappop(ready)]
            for then in later[i]:
                due[then] -= 1
                if not due[then]:
                    heappush(ready, then)

    def before(self, asked: list[Quantity]) -> list[list[int]]:
        """Of each quantity which of the others of its stage may be worked from it, in order."""
        places = defaultdict[tuple[int, bool, str], list[int]](list)  # of each stage, by names
        for i, each in enumerate(asked):
            places[*stage(each), each.by or each.of].append(i)
        return [sorted(self._later(each, asked, places)) for each in asked]

    def _later(self, first: Quantity, asked: list[Quantity], places: Mapping[Any, list[int]]) -> list[int]:
        """Which may be worked from a number, of those of its stage; all later stages may."""
        here = stage(first)
        if first.is_parameter:
            line, parameter = self.exercise.changed_by(first.of)
            lines = list(self.exercise.update)
            after = lines[lines.index(line) + 1 :]
            changes = (parameter if each == "p" else f"{each}_{parameter}" for each in after)
            return [i for name in changes for i in places[*here, name] if asked[i].is_parameter]
        above = self._above(first.of)
        if first.by is None:
            return [i for name in above - {first.of} for i in places[*here, name]]
        inside, states = self.below(first.by), defaultdict[str, list[str]](list)
        for state, (_, parameter) in self.exercise.states.items():
            states[parameter].append(state)
        among = [i for name in inside for each in (name, *states[name]) for i in places[*here, each]]
        return [i for i in among if asked[i].is_parameter or (asked[i].of in above and asked[i] is not first)]


def stage(of: Quantity) -> tuple[int, bool]:
    """When a number is worked: pass by pass, gradients and what the update makes of them after the values."""
    return of.in_pass, of.by is not None or of.is_parameter
