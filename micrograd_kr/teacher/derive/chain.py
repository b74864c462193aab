"""How the derivative of one named quantity by another is put together: factors along a path, a sum over paths."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import islice, takewhile
from typing import Any, Literal, NamedTuple

from micrograd_kr import ops
from micrograd_kr.teacher.ask import quantity
from micrograd_kr.teacher.ask.expressions import Symbol, number, simplified
from micrograd_kr.teacher.derive import notation
from micrograd_kr.teacher.derive.lines import Lines, reached
from micrograd_kr.teacher.derive.softmax import left_over

Kind = Literal[
    "forward", "chain", "upstream", "local", "sum", "product", "total", "left", "gradient", "update", "second"
]

FACTORS = 6  # of one chain; a longer one is worked in parts


@dataclass(frozen=True)
class Line:
    """A quantity and what it is equal to.

    name: of the quantity, as on a sheet. kind: "chain" and "sum" say how a derivative is put together, "product" and
    "total" its number, "left" the same in fewer terms, "upstream" and "local" are factors. sides: equal expressions in
    the order in which they are written. value: the number, an array for a tensor.
    """

    name: str
    kind: Kind
    sides: tuple[Any, ...]
    value: Any

    @property
    def in_numbers(self) -> bool:
        """Whether the last side with numbers in the place of names, and the value, come after the sides."""
        return self.kind not in ("chain", "sum")


def equation(name: str, kind: Kind, side: Any) -> Line:
    """A quantity that has one other side."""
    return Line(name, kind, (side,), number(side))


def update(name: str, start: Any, lr: float, slope: Symbol) -> Line:
    """A step of gradient descent."""
    return equation(quantity.updated(name), "update", Symbol(name, start) - Symbol("lr", lr) * slope)


def distinct(*sides: Any) -> tuple[Any, ...]:
    """Of expressions that look the same, the last."""
    return tuple({notation.text(side): side for side in sides}.values())


Step = Callable[[str, Symbol], Iterable[Line]]


class Factor(NamedTuple):
    """∂of/∂by; own: it is a line's own derivative, with no other way from the one to the other."""

    of: str
    by: str
    own: bool = False

    @property
    def name(self) -> str:
        return quantity.derivative(self.of, self.by)


class Derivation:
    """Derivatives of named quantities, worked one after the other; each is written out once.

    start: the numbers that are differentiated by. step: the lines of an update of one of them, from its name and slope.
    """

    def __init__(self, lines: Lines, loss: str, start: Collection[str], step: Step | None) -> None:
        self.lines, self.loss, self.start, self.step = lines, loss, start, step
        self.given = [name for name in lines.order if name not in lines.lines]
        self.numbers: dict[str, Any] = {}  # of each derivative that is written out, None while it is being worked
        self.written: list[Any] = []

    def taken(self) -> tuple[Line, ...]:
        """What has been written out since this was asked last."""
        taken, self.written = tuple(self.written), []
        return taken

    def descend(self, name: str) -> None:
        """Write out a derivative of the loss and, if there is one, the update of what it is taken by."""
        slope = self.work(self.loss, name)
        if self.step and name in self.start:
            self.written += self.step(name, slope)

    def work(self, of: str, by: str) -> Symbol:
        """Write out ∂of/∂by and everything it is made of. Returns it by its name."""
        working = [iter([Factor(of, by)])]
        while working:  # not by recursion: a derivative may stand on thousands of others
            first = next(working[-1], None)
            if first is None:
                working.pop()
            elif first.name not in self.numbers:
                self.numbers[first.name] = None
                working.append(self._derive(first))
        return self._symbol(Factor(of, by))

    def _symbol(self, factor: Factor) -> Symbol:
        return Symbol(factor.name, self.numbers[factor.name])

    def _derive(self, factor: Factor) -> Iterator[Factor]:
        """Write out a derivative: how it is put together, what goes into it (yielded, to be worked), its number."""
        a, b, own = factor
        users = [] if own else self.lines.steps(a, b)
        if a == b or not users:
            return self._write_factor(factor, factor if own else None)
        kind: Kind = "sum" if len(users) > 1 else "chain"
        if kind == "sum":
            terms = [[Factor(end, b)] for end in self._terms_of_total(a, b)] or self._over_users(a, b)
        else:
            terms = [self._factors(a, b)]
            if len(terms[0]) == 1:
                return self._write_factor(factor, Factor(users[0], b, own=True))
        place = len(self.written)
        self.written.append(None)  # the first line is known when the last one is
        needed = [each for term in terms for each in term if isinstance(each, Factor)]
        # One path of a sum over paths is written as one formula, too, if its first factor is known from before.
        as_formula = kind == "chain" and a != self.loss and needed[0].name in self.numbers
        yield from needed
        products = ([self._symbol(each) if isinstance(each, Factor) else each for each in term] for term in terms)
        side = reduce(ops.add, (reduce(ops.mul, each) for each in products))
        self.numbers[factor.name] = number(side)
        self.written[place] = Line(factor.name, kind, (side, self._formula(needed)) if as_formula else (side,), None)
        self.written.append(equation(factor.name, "product" if kind == "chain" else "total", side))
        if (left := left_over(self.lines, a, b, self.given)) is not None:
            self.written.append(equation(factor.name, "left", left))
        return None

    def _write_factor(self, factor: Factor, direct: Factor | None) -> None:
        """A derivative that a line gives by itself; `direct` is the line's own, if there is one."""
        partial = self.lines.lines[direct.of].partials[direct.by] if direct else float(factor.of == factor.by)
        sides = [partial, simplified(partial)]
        if direct and direct.of != factor.of:
            sides.insert(0, Symbol(direct.name, number(partial)))
            self.numbers[direct.name] = number(partial)
        self.numbers[factor.name] = number(partial)
        kind: Kind = "upstream" if factor.of == self.loss else "local"
        self.written.append(Line(factor.name, kind, distinct(*sides), number(partial)))

    def _formula(self, factors: Sequence[Factor]) -> Any:
        """The product of the factors' formulas; of one that is no line's own derivative, its name."""
        partials = ((each, self.lines.lines[each.of].partials) for each in factors)
        sides = (simplified(own[each.by]) if each.by in own else self._symbol(each) for each, own in partials)
        return simplified(reduce(ops.mul, sides))

    def _upwards(self, a: str, user: str, b: str) -> Iterator[Factor]:
        """The lines' own derivatives on the way from b over one of its users, to a or to where ways part."""
        yield Factor(user, b, own=True)
        while user != a and len(users := self.lines.steps(a, user)) == 1:
            yield Factor(users[0], user, own=True)
            user = users[0]

    def _factors(self, a: str, b: str) -> list[Factor]:
        """The derivatives on the way up from b, from above: from a, where ways part, or what is worked already.

        ∂E_total/∂o1 is one factor where E_total = E_o1 + E_o2.
        """
        first, *others = islice(self._upwards(a, self.lines.steps(a, b)[0], b), FACTORS - 1)
        path = [first, *takewhile(lambda each: Factor(a, each.by).name not in self.numbers, others)]
        if path[-1].of != a:
            return [Factor(a, path[-1].of), *reversed(path)]
        last, *below = reversed(self._without_passing_on(path))
        return [Factor(a, last.by), *below]

    def _without_passing_on(self, path: list[Factor]) -> list[Factor]:
        """A path without the lines at its upper end whose derivative is 1; at least one is left."""
        while len(path) > 1 and self.lines.passes_on(path[-1].of, path[-1].by):
            path = path[:-1]
        return path

    def _terms_of_total(self, a: str, b: str) -> list[str]:
        """The terms of a total, if b reaches each over one path of its own: ∂E/∂h1 = ∂E_o1/∂h1 + ∂E_o2/∂h1."""
        paths = [list(islice(self._upwards(a, user, b), FACTORS)) for user in self.lines.steps(a, b)]
        if any(path[-1].of != a for path in paths):
            return []
        ends = [self._without_passing_on(path)[-1].of for path in paths]
        passed = Counter(each.of for path in paths for each in path)
        return ends if a not in ends and all(passed[end] == 1 for end in ends) else []

    def _over_users(self, a: str, b: str) -> list[list[Any]]:
        """Σ ∂a/∂c · ∂c/∂b over the lines c that use b.

        Where one c is reached over another, too, its ∂c/∂b would be more than this line's own derivative: these are
        written by their formulas.
        """
        users, order = self.lines.steps(a, b), self.lines.order
        last = max(order[each] for each in users)
        above = reached(users, lambda each: (user for user in self.lines.steps(a, each) if order[user] <= last))
        if a not in users and above.isdisjoint(users):
            return [[Factor(a, user), Factor(user, b, own=True)] for user in reversed(users)]
        own = {user: simplified(self.lines.lines[user].partials[b]) for user in reversed(users)}
        return [[partial] if user == a else [Factor(a, user), partial] for user, partial in own.items()]
