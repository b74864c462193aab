"""The mistakes people make in a worked form, each as one edit of it.

A `Working` is a quantity as a person may have worked it: operations on the numbers of the sheet, and what is not on the
sheet worked in place. An `Edit` puts another expression for some of its operations; the result is recomputed from
there on, twice: in the person's numbers, and carried, with exact numbers wherever theirs are right.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from functools import cache, partial
from itertools import chain, combinations
from typing import Any, NamedTuple

from micrograd_kr import ops
from micrograd_kr.ops import Rule
from micrograd_kr.said import Said, say
from micrograd_kr.teacher.ask.expressions import Comparison, Symbol, inside_out, names_in, number, parts_of, within
from micrograd_kr.teacher.ask.expressions import operands as made_of
from micrograd_kr.teacher.ask.quantity import read, updated
from micrograd_kr.teacher.check.forms import Forms
from micrograd_kr.teacher.derive.labelled import stem

# One or several: {s} is "" or "s", {was} "was" or "were", and so on; Korean needs none of it.
USED = say("{done} {was} used where {due} {is_} due")

# Every kind of mistake; of names for one and the same result the first is used.
SENTENCES: dict[str, Said] = {
    "kink": say("at 0 the derivative is taken as {due}, not {done}"),
    "case": say("the other case was taken, {done} where {due} is due"),
    "updated": USED,
    "old": USED,
    "derivative": say("{done} {was} used where {its} derivative{s} {is_} due, {due}"),
    "other function": USED,
    "lr twice": say("lr was multiplied twice"),
    "half": say("the factor ½ was left out"),
    "two": say("the factor 2 was left out"),
    "lr": say("the factor lr was left out"),
    "plus for minus": say("{done} {was} worked where {due} {is_} due"),
    "sign": say("the sign{s} of {due} {was} turned"),
    "minus one": say("the factor −1 was left out"),
    "exchanged": say("{due} and {done} were exchanged"),
    "power": say("the power was left out: {done} {was} used where {due} {is_} due"),
    "function": say("the function was left out: {done} {was} used where {due} {is_} due"),
    "term": say("the term{s} {due} {was} left out"),
    "factor": say("the factor{s} {due} {was} left out"),
    "index": USED,
    "operand": USED,
    "digits": say("digits were transposed, {done} for {due}"),
    "rounded": say("{due} was rounded too early, to {done} decimal{s}"),
    "point": say("the decimal point of {due} was moved"),
    "far": USED,
    "copied": say("{done} was written in the place of {due}"),
}

KINDS = tuple(SENTENCES)

# What is made at every such place by those who do not know better; the others are slips.
MISCONCEPTIONS = frozenset(KINDS[: KINDS.index("exchanged")]) - {"kink", "case"} | {"power", "term", "factor"}

SLACK = 1e-6
LITERALS = {0.5: "half", 2.0: "two", -1.0: "minus one"}
POWERS_OF_TEN = (0.01, 0.1, 10.0, 100.0)


def _cut(x: float, decimals: float, more: float = 0.0) -> float:
    """The slack is for numbers that a float cannot hold. Very large ones have no decimals."""
    units = abs(x) * 10**decimals + more + SLACK
    return math.copysign(math.floor(units) / 10**decimals, x) if units < 1e16 else x


def _rounded(x: float, decimals: float) -> float:
    """Half up, as people do it."""
    return _cut(x, decimals, 0.5)


ROUNDED = Rule("round", _rounded, dx=lambda g, out, x, decimals: g, scalar=_rounded)
CUT = Rule("cut", _cut, dx=lambda g, out, x, decimals: g, scalar=_cut)
LOG10 = Rule("log10", lambda x: ops.log.compute(x) / math.log(10), dx=lambda g, out, x: g / (x * math.log(10)))
OTHERS = {ops.log: LOG10, ops.sigmoid: ops.tanh, ops.tanh: ops.sigmoid}  # functions taken for one another


class Numbers(NamedTuple):
    """What the names known so far stand for: carried, with exact numbers where the person's are right, and by hand.

    start: what the exercise starts from, lr included. shortest: the form by which each number that is not on the sheet
    is worked, and its length in operations; in the second, gradients on the sheet are worked anew, too.
    """

    start: Mapping[str, float]
    carried: Mapping[str, float]
    hand: Mapping[str, float]
    shortest: tuple[dict[str, tuple[int, Any]], dict[str, tuple[int, Any]]]


Table = dict[Any, float]


# --- a quantity as it may have been worked ----------------------------------------------------------------------------


class Plan:
    """A form of a quantity, and those of what it needs that is not on the sheet, each after what it is worked from."""

    def __init__(self, forms: Forms, numbers: Numbers, name: str, form: Any, afresh: bool = False) -> None:
        """afresh: gradients on the sheet are worked anew, too."""
        self.forms, self.numbers, self.name, self.is_afresh = forms, numbers, name, afresh
        self.shortest, self._ways = numbers.shortest[afresh], cache(self._forms_of)
        unknown = [each for each in names_in(form) if not self._is_known(each)][::-1]
        for each in chain(*(inside_out(last, cache(self._needed), self.shortest) for last in unknown)):
            self.shortest[each] = min(map(self._sized, self._ways(each)), key=lambda sized: sized[0])
        worked: dict[str, Any] = {}
        for each in chain(*(inside_out(last, self._used_by_shortest, worked) for last in unknown)):
            worked[each] = self.shortest[each][1]
        self.worked = worked | {name: form}
        self.length = sum(len(operations(each)) or 1 for each in self.worked.values())

    def _is_known(self, name: str) -> bool:
        return name in self.numbers.hand and not (self.is_afresh and name in self.forms.gradients)

    def _unknown(self, *forms: Any) -> list[str]:
        return sorted({each for form in forms for each in names_in(form) if not self._is_known(each)}, reverse=True)

    def _needed(self, name: str) -> list[str]:
        return self._unknown(*self._ways(name))

    def _used_by_shortest(self, name: str) -> list[str]:
        return self._unknown(self.shortest[name][1])

    def _sized(self, form: Any) -> tuple[int, Any]:
        return len(operations(form)) + sum(self.shortest[each][0] for each in self._unknown(form)), form

    def _forms_of(self, name: str) -> list[Any]:
        """How a quantity that is not on the sheet may be worked; what uses no gradient on it only in the usual way."""
        forms = self.forms.of(name, self.numbers.hand, named=True)
        usual, written = next(forms), self.forms.gradients.keys() & self.numbers.hand.keys()
        return (
            [usual] if self.is_afresh else [usual, *(each for each in forms if not written.isdisjoint(names_in(each)))]
        )


class Working:
    """Operations on the numbers of a sheet that give one quantity, in the order in which they are done.

    order: the operations. place: the quantity in whose working each stands. roots: the last operation of each quantity
    that is worked here. tables: the results, carried and in the person's numbers.
    """

    def __init__(self, plan: Plan) -> None:
        self.forms, self.numbers, self.name, self.is_afresh = plan.forms, plan.numbers, plan.name, plan.is_afresh
        self.order: list[Symbol] = []
        self.place: dict[Symbol, str] = {}
        self.roots: dict[str, Symbol] = {}
        self.tables: tuple[Table, Table] = ({}, {})
        self.users: dict[Symbol, list[Symbol]] = defaultdict(list)
        self._leaves: dict[str, Symbol] = {}
        for each, form in plan.worked.items():
            self._add(each, form)
        self._index = {node: i for i, node in enumerate(self.order)}
        self.root = self.roots[self.name]

    @property
    def names(self) -> Iterable[str]:
        """The numbers it starts from."""
        return self._leaves

    def _add(self, name: str, form: Any) -> None:
        """Copy a form, with what is worked here in the place of its names."""
        copies: dict[Any, Any] = {}
        for operation in operations(form):
            copies[operation] = self._operation(name, operation, copies)
        root = copies.get(form) if isinstance(form, Symbol) else None
        if root is None:  # a mere name or number
            root = self._operation(name, Symbol(None, number(form), ops.identity, form), copies)
        self.roots[name] = root

    def _operation(self, place: str, operation: Symbol, copies: Mapping[Any, Any]) -> Symbol:
        def copied(each: Symbol) -> Symbol:
            return copies[each] if each in copies else self.operand(str(each.name))

        node = mapped(operation, copied)
        self.order.append(node)
        self.place[node] = place
        for each in dict.fromkeys(operands(node)):
            self.users[each].append(node)
        for table in self.tables:
            table[node] = value(node, {}, table)
        return node

    def operand(self, name: str) -> Symbol:
        """A quantity as an operand: worked here, or a number that is known."""
        if name in self.roots:
            return self.roots[name]
        if name not in self._leaves:
            exact = self.forms.exact(name)
            hand = self.numbers.hand.get(name, exact)
            self._leaves[name] = Symbol(name, hand)
            self.tables[0][self._leaves[name]] = self.numbers.carried.get(name, exact)
            self.tables[1][self._leaves[name]] = hand
        return self._leaves[name]

    def name_of(self, operand: Any) -> str | None:
        """What an operand is called, if it has a name."""
        if not isinstance(operand, Symbol):
            return None
        if operand.rule is None:
            return str(operand.name)
        place = self.place.get(operand)
        return place if place is not None and self.roots[place] is operand else None

    def above(self, nodes: Iterable[Symbol]) -> list[Symbol]:
        """Operations and all that is worked from them, in order."""
        found = set(nodes)
        waiting = list(found)
        while waiting:
            fresh = [user for user in self.users[waiting.pop()] if user not in found]
            found.update(fresh)
            waiting += fresh
        return sorted(found, key=self._index.__getitem__)

    def recomputed(self, changes: Mapping[Symbol, Any], table: Table, affected: Iterable[Symbol]) -> Table:
        """The results that are others once some operations are replaced."""
        changed: Table = {}
        for node in affected:
            changed[node] = value(changes.get(node, node), changed, table, node)
        return changed

    def form(self, changes: Mapping[Symbol, Any] | None = None) -> Any:
        """The whole working as one expression in the person's numbers."""
        made: dict[Any, Any] = {}
        for node in self.order:
            made[node] = rebuilt((changes or {}).get(node, node), made.get)
        return made[self.root]

    def shown(self, expression: Any, names: Mapping[str, str], whole: str | None = None) -> Any:
        """An expression to print: what has a name by the one it has on the sheet, but for the whole."""

        def named(each: Symbol) -> Symbol | None:
            name = self.name_of(each)
            if name is None or (name == whole and each.rule is not None):
                return None
            return Symbol(names.get(name, name), self.tables[1].get(each, each.number))

        return rebuilt(expression, named)


def rebuilt(expression: Any, known: Callable[[Symbol], Any]) -> Any:
    """An expression with other symbols for those that are known; operations that change nothing go."""
    again = partial(rebuilt, known=known)
    if isinstance(expression, Comparison):
        return Comparison(again(expression.x), again(expression.y), expression.operation)
    if not isinstance(expression, Symbol):
        return expression
    instead = known(expression)
    if instead is not None or expression.rule is None:
        return expression if instead is None else instead
    x, y = within(expression.x, again), within(expression.y, again)
    return expression.rule.compute(float(number(x)), y) if expression.rule in (ROUNDED, CUT) else expression.rule(x, y)


def operations(form: Any) -> list[Symbol]:
    """The operations of an expression, each once and after what it is applied to."""
    return [each for each in parts_of(form) if isinstance(each, Symbol) and each.rule is not None]


def operands(operation: Symbol) -> Iterator[Symbol]:
    """The symbols that an operation is applied to, those it compares included."""
    for each in made_of(operation):
        yield from made_of(each) if isinstance(each, Comparison) else [each]


def mapped(operation: Symbol, other: Any) -> Symbol:
    """The same operation on other operands; its number stays."""

    def of(each: Any) -> Any:
        if isinstance(each, Comparison):
            return Comparison(within(each.x, of), within(each.y, of), each.operation)
        return other(each)

    return Symbol(None, operation.number, operation.rule, within(operation.x, of), within(operation.y, of))


def value(expression: Any, changed: Table, table: Table, node: Any = None) -> Any:
    """What an expression comes to. node: the operation that it replaces, which is worked as it was."""
    if isinstance(expression, Comparison):
        left, right = (value(each, changed, table, node) for each in (expression.x, expression.y))
        return float(expression.operation(left, right))
    if not isinstance(expression, Symbol):
        return expression
    if expression in changed:
        return changed[expression]
    if expression in table and expression is not node:
        return table[expression]
    if expression.rule is None:
        return expression.number
    if expression.rule is ops.where_:
        taken = expression.x[0 if value(expression.y, changed, table, node) else 1]
        return value(taken, changed, table, node)
    x = value(expression.x, changed, table, node)
    if expression.y is None:
        return expression.rule.compute(x)
    return expression.rule.compute(x, value(expression.y, changed, table, node))


# --- edits ------------------------------------------------------------------------------------------------------------


class Edit(NamedTuple):
    """One mistake in a working.

    kind: of KINDS. place: the quantity in whose working it is made. due, done: what should stand there, what does.
    nodes: operations and what is put in their place. slots: operations, an operand of each, what is put in its place.
    position: where in the place; alike in like places.
    """

    kind: str
    place: str
    due: Any
    done: Any
    nodes: Mapping[Symbol, Any] = {}
    slots: tuple[tuple[Symbol, Any, Any], ...] = ()
    position: int = 0
    throughout: bool = False

    @property
    def changes(self) -> dict[Symbol, Any]:
        changes, others = dict(self.nodes), defaultdict[Symbol, dict[Any, Any]](dict)
        for node, old, new in self.slots:
            others[node][old] = new
        for node, instead in others.items():
            changes[node] = mapped(node, partial(_other, instead))
        return changes


def _other(instead: Mapping[Any, Any], operand: Any) -> Any:
    return instead.get(operand, operand)


class Catalogue:
    """All single edits of a working, and the misconceptions made throughout."""

    def __init__(self, working: Working, known: Iterable[str], texts: Mapping[str, str], decimals: int) -> None:
        """known: what stands on the sheet by then. texts: its numbers and the exercise's as written."""
        self.working, self.forms = working, working.forms
        self.known, self.texts, self.decimals = list(known), texts, decimals
        self.slots: dict[str, dict[str, list[tuple[Symbol, Any]]]] = defaultdict(lambda: defaultdict(list))
        for node in working.order:
            for each in dict.fromkeys(operands(node) if node.rule is not ops.where_ else ()):
                name = working.name_of(each)
                if name is not None:
                    self.slots[working.place[node]][name].append((node, each))
        self.likely = cache(lambda place, name: list(self._likely(place, name)))
        self._positions: dict[Symbol, int] = {}
        counts: dict[str, int] = defaultdict(int)
        for node, place in working.place.items():
            self._positions[node] = counts[place]
            counts[place] += 1

    def edits(self) -> Iterator[Edit]:
        """Every edit, those that nobody would think of first last."""
        singles = []
        for edit in chain(self._of_operations(), self._of_operands()):
            singles.append(edit)
            yield edit
        for place in self.slots:
            yield from self._exchanged(place)
        yield from self._throughout(singles)
        for place, slots in self.slots.items():
            for name, uses in slots.items():
                yield from self._far(place, name, uses)
        yield from self._copied()

    def _of_operations(self) -> Iterator[Edit]:
        for node in self.working.order:
            yield from self._of_operation(node)
            yield from self._of_result(node)

    def _of_operands(self) -> Iterator[Edit]:
        for place, slots in self.slots.items():
            for name, uses in slots.items():
                yield from self._of_operand(place, name, uses)

    def _copied(self) -> Iterator[Edit]:
        """Another number that is on the sheet, as the result."""
        root, name = self.working.root, self.working.name
        for _, other in self._allowed("copied", name, name, self.known):
            yield self._put("copied", root, root, self.working.operand(other))

    # --- of an operation

    def _of_operation(self, node: Symbol) -> Iterator[Edit]:
        x, y = node.x, node.y
        if node.rule is ops.mul:
            yield self._without(node, x, y)
            yield self._without(node, y, x)
        elif node.rule is ops.neg:
            yield self._put("minus one", node, -1.0, x, x)
        elif node.rule in (ops.add, ops.sub):
            yield from self._of_sum(node)
        elif node.rule is ops.div:
            yield self._put("factor", node, y, None, x)
            yield self._put("exchanged", node, x, y, _op(ops.div, y, x))
        elif node.rule is ops.power:
            yield self._put("power", node, node, x)
        elif node.rule is ops.where_:
            yield self._of_choice(node)
        elif y is None and isinstance(x, Symbol) and node.rule is not ops.identity:
            yield self._put("sign", node, x, None, mapped(node, partial(_op, ops.neg)))
            yield self._put("function", node, node, x)
            if node.rule in OTHERS:
                yield self._put("other function", node, node, _op(OTHERS[node.rule], x))

    def _of_sum(self, node: Symbol) -> Iterator[Edit]:
        x, y, is_sum = node.x, node.y, node.rule is ops.add
        other = _op(ops.sub if is_sum else ops.add, x, y)
        yield self._put("plus for minus", node, node, other)
        yield self._put("sign", node, x, None, _op(ops.sub, y, x) if is_sum else _op(ops.neg, other))
        yield self._put("term", node, y, None, x)
        yield self._put("term", node, x, None, y if is_sum else _op(ops.neg, y))
        if not is_sum:
            yield self._put("exchanged", node, x, y, _op(ops.sub, y, x))
        place = self.working.place[node]
        for each in (x, y):
            if place in self.forms.gradients and isinstance(each, Symbol) and self.working.name_of(each) is None:
                yield from self._miscopied(place, [(node, each)], None)  # a path, a number on many a sheet

    def _of_choice(self, node: Symbol) -> Edit:
        """The other case; where both sides of the comparison are equal, at 0 of relu, it is as good."""
        sides = [value(each, {}, self.working.tables[0]) for each in (node.y.x, node.y.y)]
        one, other = node.x if node.y.operation(*sides) else node.x[::-1]
        return self._put("kink" if sides[0] == sides[1] else "case", node, one, other)

    def _without(self, node: Symbol, dropped: Any, kept: Any) -> Edit:
        kind = "lr" if self.working.name_of(dropped) == "lr" else "factor"
        if not isinstance(dropped, Symbol):
            kind = LITERALS.get(dropped, kind)
        return self._put(kind, node, dropped, None, kept)

    def _put(self, kind: str, node: Symbol, due: Any, done: Any, instead: Any = None) -> Edit:
        """An edit of one operation. instead: what is put for it, if that is not what is said to be done."""
        nodes = {node: done if instead is None else instead}
        return Edit(kind, self.working.place[node], due, done, nodes, position=self._positions[node])

    def _of_result(self, node: Symbol) -> Iterator[Edit]:
        """What is done to a quantity as a whole."""
        place = self.working.place[node]
        if self.working.roots[place] is not node:
            return
        yield self._put("sign", node, node, None, node.x if node.rule is ops.neg else _op(ops.neg, _again(node)))
        number = self.working.tables[0][node]
        for power in POWERS_OF_TEN:
            if _rounded(power * number, self.decimals):
                yield self._put("point", node, node, None, _op(ops.mul, _again(node), power))
        if place == self.working.name:
            for instead in self._shortened(_again(node), number):
                yield self._put("rounded", node, node, instead)
        if self.forms.is_local(place):
            yield from self._of_derivative(node, *self.forms.gradients[place])

    def _of_derivative(self, node: Symbol, function: str, by: str) -> Iterator[Edit]:
        """The function where its derivative is due, and the derivative of another function."""
        formula = self.forms.lines[function].formula
        if formula.rule not in (ops.add, ops.sub, ops.mul, ops.identity):
            out = self.working.operand(function)
            yield self._put("derivative", node, node, out)
            if formula.rule in OTHERS and self.working.name_of(formula.x):
                slope = OTHERS[formula.rule].dx(1.0, out, self.working.operand(by))
                yield self._put("other function", node, node, slope)

    # --- of an operand

    def _of_operand(self, place: str, name: str, uses: list[tuple[Symbol, Any]]) -> Iterator[Edit]:
        if name == "lr":
            node, lr = uses[0]
            twice = _op(ops.mul, lr, lr)
            yield Edit("lr twice", place, lr, twice, slots=((node, lr, twice),), position=self._positions[node])
        for kind, other in self.likely(place, name):
            yield from self._used(kind, place, uses, self.working.operand(other))
        yield from self._miscopied(place, uses, self.texts.get(name))

    def _used(self, kind: str, place: str, uses: list[tuple[Symbol, Any]], done: Any) -> Iterator[Edit]:
        """Something used in the place of an operand: once, and at all its places."""
        for some in [[each] for each in uses] + [uses] * (len(uses) > 1):
            slots = tuple((node, operand, done) for node, operand in some)
            yield Edit(kind, place, uses[0][1], done, slots=slots, position=self._positions[some[0][0]])

    def _likely(self, place: str, name: str) -> Iterator[tuple[str, str]]:
        """What is easily used in the place of an operand."""
        if name in self.forms.exercise.parameters and self.forms.exercise.lr is not None:
            yield from self._allowed("updated", place, name, [updated(name)])
        if read(name).step:
            yield "old", str(read(name).before)
        for kind, others in (("index", self._alike(name)), ("operand", self._near(place, name))):
            yield from self._allowed(kind, place, name, others)

    def _allowed(self, kind: str, place: str, name: str, others: Iterable[str]) -> Iterator[tuple[str, str]]:
        for other in others:
            if other != name and not any(self.forms.depends(other, each) for each in (place, self.working.name)):
                yield kind, other

    def _alike(self, name: str) -> list[str]:
        asked = read(name)
        if asked.step:
            names = self.forms.exercise.parameters if asked.is_parameter else self.forms.lines
            return [str(asked._replace(of=each)) for each in names if stem(each) == stem(asked.of)]
        if name in self.forms.gradients:
            gradients = self.forms.gradients.items()
            return [each for each, (_, b) in gradients if stem(b) == stem(self.forms.gradients[name][1])]
        return [each for each in self.forms.names if stem(each) == stem(name)]

    def _near(self, place: str, name: str) -> list[str]:
        """What shares a formula with a name, and is known."""
        near = dict.fromkeys(self.slots[place])
        asked = read(name)
        bare = name if asked.by else asked.of
        for line in self.forms.lines.values():
            around = (line.name, *line.partials)
            if bare in around:
                near |= dict.fromkeys(around)
        a, b = self.forms.gradients.get(name, ("", ""))
        ends = [each for each, pair in self.forms.gradients.items() if a and (a in pair or b in pair)]
        alike, known = self._alike(name), {*self.known, *self.slots[place]}
        return [each for each in dict.fromkeys((*near, *ends)) if each not in alike and (each in near or each in known)]

    def _far(self, place: str, name: str, uses: list[tuple[Symbol, Any]]) -> Iterator[Edit]:
        likely = {other for _, other in self.likely(place, name)}
        start = (*self.forms.exercise.given, *self.forms.exercise.parameters)
        others = [each for each in (*start, *self.known) if each not in likely]
        for _, other in self._allowed("far", place, name, others):
            yield from self._used("far", place, uses, self.working.operand(other))

    def _miscopied(self, place: str, uses: list[tuple[Symbol, Any]], text: str | None) -> Iterator[Edit]:
        """A number with digits transposed, or rounded before it is used. text: as it is on the sheet, if it is."""
        operand = uses[0][1]
        number = self.working.tables[0][operand]
        if text is None:
            texts = {f"{rounded(number, self.decimals):.{self.decimals}f}" for rounded in (_rounded, _cut)}
        else:
            texts = {text, f"{Decimal(text):.{self.decimals}f}"}  # zeros behind it may have been dropped
        for misread in dict.fromkeys(chain(*map(transposed, sorted(texts)))):
            yield from self._used("digits", place, uses, float(misread))
        if operand.name not in self.working.numbers.start:
            for instead in self._shortened(operand, number):
                yield from self._used("rounded", place, uses, instead)

    def _shortened(self, operand: Symbol, number: float) -> Iterator[Symbol]:
        """A number with fewer decimals, in every way that leaves something of it."""
        for rule in (ROUNDED, CUT):
            for decimals in range(1, self.decimals):
                if rule.compute(number, decimals):
                    yield _op(rule, operand, float(decimals))

    def _exchanged(self, place: str) -> Iterator[Edit]:
        for (one, one_uses), (other, other_uses) in combinations(self.slots[place].items(), 2):
            if stem(one) == stem(other):
                first, second = one_uses[0][1], other_uses[0][1]
                slots = [(node, first, second) for node, _ in one_uses]
                slots += [(node, second, first) for node, _ in other_uses]
                yield Edit("exchanged", place, first, second, slots=tuple(slots))

    # --- throughout

    def _throughout(self, singles: Iterable[Edit]) -> Iterator[Edit]:
        """The same misconception at every place where it could be made."""
        alike: dict[Any, list[Edit]] = defaultdict(list)
        made: Counter[Any] = Counter()
        for edit in singles:
            if edit.kind in MISCONCEPTIONS:
                here = edit.kind, *edit.nodes
                alike[edit.kind, made[here], *self._sort(edit)].append(edit)
                made[here] += bool(edit.nodes)  # of two factors only one is left out
        for edits in alike.values():
            if len(edits) > 1:
                nodes = {node: new for edit in edits for node, new in edit.nodes.items()}
                slots = tuple(dict.fromkeys(chain(*(edit.slots for edit in edits))))
                due, done = (
                    tuple(dict.fromkeys(each)) for each in zip(*((edit.due, edit.done) for edit in edits), strict=True)
                )
                yield edits[0]._replace(due=due, done=done, nodes=nodes, slots=slots, throughout=True)

    def _sort(self, edit: Edit) -> tuple[Any, ...]:
        """What edits have in common that are one misconception."""
        if edit.kind in ("updated", "half", "two", "lr", "lr twice"):
            return ()
        if edit.kind == "old":
            return (read(str(self.working.name_of(edit.due))).kind,)
        if read(edit.place).kind == "updated":
            return ("updated", edit.position)
        if self.forms.is_local(edit.place):
            function = self.forms.gradients[edit.place][0]
            return (self.forms.lines[function].formula.rule, edit.position * (edit.kind != "derivative"))
        return (stem(edit.place), edit.position)


def _op(rule: Rule, x: Any, y: Any = None) -> Symbol:
    return Symbol(None, float("nan"), rule, x, y)


def _again(node: Symbol) -> Symbol:
    return _op(node.rule or ops.identity, node.x, node.y)


def transposed(text: str) -> Iterator[str]:
    """A number with two neighbouring digits exchanged, in every way."""
    for at in range(len(text) - 1):
        one, other = text[at], text[at + 1]
        if one.isdigit() and other.isdigit() and one != other:
            changed = text[:at] + other + one + text[at + 2 :]
            if Decimal(changed) != Decimal(text):
                yield changed
