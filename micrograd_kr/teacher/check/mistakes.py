"""The mistakes people make in a worked form, each as one edit of it.

An `Edit` puts another expression for some of a working's operations, or other operands; the result is recomputed from
there on, twice: in the person's numbers, and carried, with exact numbers wherever theirs are right.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from itertools import chain, combinations
from typing import Any, NamedTuple

from micrograd_kr import ops
from micrograd_kr.ops import Rule
from micrograd_kr.said import Said, say
from micrograd_kr.teacher.ask.expressions import Symbol
from micrograd_kr.teacher.ask.quantity import read, updated
from micrograd_kr.teacher.check.working import Working, applied, value
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
    "far": USED,
    "copied": say("{done} was written in the place of {due}"),
}

KINDS = tuple(SENTENCES)

# What is made at every such place by those who do not know better; the others are slips.
MISCONCEPTIONS = frozenset(KINDS[: KINDS.index("exchanged")]) - {"kink", "case"} | {"power", "term", "factor"}

FACTORS: dict[Any, str] = {0.5: "half", 2.0: "two", -1.0: "minus one", "lr": "lr"}
LOG10 = Rule("log10", lambda x: ops.log.compute(x) / math.log(10), dx=lambda g, out, x: g / (x * math.log(10)))
OTHERS = {ops.log: LOG10, ops.sigmoid: ops.tanh, ops.tanh: ops.sigmoid}  # functions taken for one another


def op(rule: Rule, x: Any, y: Any = None) -> Symbol:
    return Symbol(None, float("nan"), rule, x, y)


# What is done wrong in an operation of x and y: the kind, what should stand there, what does, what is put for it all.
Rows = list[tuple[str, Any, Any, Any]]

OF_OPERATION: dict[Rule | None, Callable[[Symbol, Any, Any], Rows]] = {
    ops.add: lambda node, x, y: [
        ("plus for minus", node, other := op(ops.sub, x, y), other),
        ("sign", x, None, op(ops.sub, y, x)),
        ("term", y, None, x),
        ("term", x, None, y),
    ],
    ops.sub: lambda node, x, y: [
        ("plus for minus", node, other := op(ops.add, x, y), other),
        ("sign", x, None, op(ops.neg, other)),
        ("term", y, None, x),
        ("term", x, None, op(ops.neg, y)),
        ("exchanged", x, y, op(ops.sub, y, x)),
    ],
    ops.mul: lambda node, x, y: [("factor", x, None, y), ("factor", y, None, x)],
    ops.neg: lambda node, x, y: [("minus one", -1.0, x, x)],
    ops.div: lambda node, x, y: [("factor", y, None, x), ("exchanged", x, y, op(ops.div, y, x))],
    ops.power: lambda node, x, y: [("power", node, x, x)],
    ops.identity: lambda node, x, y: [],
}


def _of_function(node: Symbol, x: Any, y: Any) -> Rows:
    if y is not None or not isinstance(x, Symbol):
        return []
    rows = [("sign", x, None, applied(node, {x: op(ops.neg, x)})), ("function", node, x, x)]
    others = [op(OTHERS[node.rule], x)] if node.rule in OTHERS else []
    return [*rows, *(("other function", node, other, other) for other in others)]


class Edit(NamedTuple):
    """One mistake in a working.

    kind: of KINDS. place: the quantity in whose working it is made. due, done: what should stand there, what does.
    nodes: operations and what is put in their place. operands: operations, and what is put for some of their operands.
    position: where in the place; alike in like places.
    """

    kind: str
    place: str
    due: Any
    done: Any
    nodes: Mapping[Any, Any] = {}
    operands: Mapping[Any, Mapping[Any, Any]] = {}
    position: int = 0
    throughout: bool = False

    @property
    def changes(self) -> dict[Any, Any]:
        """What is put for operations."""
        return {**self.nodes, **{node: applied(node, put) for node, put in self.operands.items()}}


class Catalogue:
    """All single edits of a working, and the misconceptions made throughout."""

    def __init__(self, working: Working) -> None:
        self.working, self.known, self.forms = working, working.known, working.known.forms
        self.operations = [node for node in working.order if isinstance(node, Symbol)]
        self.uses: dict[str, dict[Any, list[Symbol]]] = defaultdict(lambda: defaultdict(list))  # by places and operands
        for node in self.operations:
            if node.rule is not ops.where_:
                for each in dict.fromkeys((node.x, node.y)):
                    if each in working.called:
                        self.uses[working.place[node]][each].append(node)
        self.likely = cache(self._likely)

    def edits(self) -> Iterator[Edit]:
        """Every edit, those that nobody would think of first last."""
        uses = [(operand, nodes) for each in self.uses.values() for operand, nodes in each.items()]
        singles = []
        of_operations = (edits(node) for node in self.operations for edits in (self._of_operation, self._of_result))
        for edit in chain(*of_operations, *(self._of_operand(*each) for each in uses)):
            singles.append(edit)
            yield edit
        yield from chain(*map(self._exchanged, self.uses), self._throughout(singles))
        yield from chain(*(self._far(*each) for each in uses))
        root, name = self.working.root, self.working.name
        for other in self._allowed(name, name, self.known.names):
            yield self.put(root, "copied", root, self.working.operand(other))

    def put(self, node: Symbol, kind: str, due: Any, done: Any, put: Any = None) -> Edit:
        """An edit of one operation. put: what is put for it, if that is not what is said to be done."""
        place, position = self.working.place[node], self.working.position[node]
        return Edit(kind, place, due, done, {node: done if put is None else put}, position=position)

    def used(self, kind: str, operand: Any, nodes: list[Symbol], done: Any) -> Iterator[Edit]:
        """Something used in the place of an operand: once, and at all its places."""
        place, position, put = self.working.place[nodes[0]], self.working.position, {operand: done}
        for some in [[each] for each in nodes] + [nodes] * (len(nodes) > 1):
            yield Edit(kind, place, operand, done, operands=dict.fromkeys(some, put), position=position[some[0]])

    def _of_operation(self, node: Symbol) -> Iterator[Edit]:
        x, y, called = node.x, node.y, self.working.called
        if node.rule is ops.where_:
            # where both sides of the comparison are equal, at 0 of relu, either case is as good
            sides = [value(each, self.working.carried) for each in (y.x, y.y)]
            one, other = x if y.operation(*sides) else x[::-1]
            yield self.put(node, "kink" if sides[0] == sides[1] else "case", one, other)
            return
        for kind, due, done, put in OF_OPERATION.get(node.rule, _of_function)(node, x, y):
            sort = FACTORS.get(called.get(due, due), kind) if node.rule is ops.mul else kind
            yield self.put(node, sort, due, done, put)

    def _of_result(self, node: Symbol) -> Iterator[Edit]:
        """What is done to a quantity as a whole; of a derivative, the function itself or another one's."""
        place, forms = self.working.place[node], self.forms
        if self.working.roots[place] is not node:
            return
        again = op(node.rule or ops.identity, node.x, node.y)
        yield self.put(node, "sign", node, None, node.x if node.rule is ops.neg else op(ops.neg, again))
        function, by = forms.gradients[place] if forms.is_local(place) else ("", "")
        formula = forms.lines[function].formula if function else None
        if formula is not None and formula.rule not in (ops.add, ops.sub, ops.mul, ops.identity):
            out = self.working.operand(function)
            yield self.put(node, "derivative", node, out)
            if formula.rule in OTHERS and formula.x.rule is None:
                yield self.put(
                    node, "other function", node, OTHERS[formula.rule].dx(1.0, out, self.working.operand(by))
                )

    def _of_operand(self, operand: Any, nodes: list[Symbol]) -> Iterator[Edit]:
        name = self.working.called[operand]
        if name == "lr":
            yield from self.used("lr twice", operand, nodes[:1], op(ops.mul, operand, operand))
        for kind, others in self.likely(self.working.place[nodes[0]], name).items():
            for other in others:
                yield from self.used(kind, operand, nodes, self.working.operand(other))

    def _likely(self, place: str, name: str) -> dict[str, list[str]]:
        """What is easily used in the place of an operand, by the kind of mistake."""
        asked, alike = read(name), self._alike(name)
        changes = name in self.forms.exercise.parameters and self.forms.exercise.lr is not None
        return {
            "updated": self._allowed(place, name, [updated(name)] * changes),
            "old": [str(asked.before)] if asked.step else [],
            "index": self._allowed(place, name, alike),
            "operand": self._allowed(place, name, self._near(place, name, {*alike})),
        }

    def _allowed(self, place: str, name: str, others: Iterable[str]) -> list[str]:
        """What may be used for a name: nothing that is worked from the place itself."""
        depends, places = self.forms.depends, {place, self.working.name}
        return [each for each in others if each != name and not any(depends(each, on) for on in places)]

    def _alike(self, name: str) -> list[str]:
        asked = read(name)
        if asked.step:
            names = self.forms.exercise.parameters if asked.is_parameter else self.forms.lines
            return [str(asked._replace(of=each)) for each in names if stem(each) == stem(asked.of)]
        if name in self.forms.gradients:
            by = stem(self.forms.gradients[name][1])
            return [each for each, (_, b) in self.forms.gradients.items() if stem(b) == by]
        return [each for each in self.forms.order if stem(each) == stem(name)]

    def _near(self, place: str, name: str, alike: set[str]) -> list[str]:
        """What shares a formula with a name, and is known."""
        here = [self.working.called[each] for each in self.uses[place]]
        asked, lines = read(name), self.forms.lines
        bare = name if asked.by else asked.of
        around = [each for each in (bare, *self.forms.users.get(bare, ())) if each in lines]
        near = dict.fromkeys((*here, *chain(*((each, *lines[each].partials) for each in around))))
        ends = {*self.forms.gradients.get(name, ())}
        known = self.known.names.keys() | here
        far = [each for each, pair in self.forms.gradients.items() if each in known and not ends.isdisjoint(pair)]
        return [each for each in dict.fromkeys((*near, *far)) if each not in alike]

    def _far(self, operand: Any, nodes: list[Symbol]) -> Iterator[Edit]:
        place, name = self.working.place[nodes[0]], self.working.called[operand]
        likely = {"lr"}.union(*self.likely(place, name).values())
        others = [each for each in (*self.known.start, *self.known.names) if each not in likely]
        for other in self._allowed(place, name, others):
            yield from self.used("far", operand, nodes, self.working.operand(other))

    def _exchanged(self, place: str) -> Iterator[Edit]:
        for (one, some), (other, others) in combinations(self.uses[place].items(), 2):
            if stem(self.working.called[one]) == stem(self.working.called[other]):
                swap = {one: other, other: one}
                yield Edit("exchanged", place, one, other, operands=dict.fromkeys((*some, *others), swap))

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
                nodes = {node: put for edit in edits for node, put in edit.nodes.items()}
                operands = defaultdict[Any, dict[Any, Any]](dict)
                for node, put in chain(*(edit.operands.items() for edit in edits)):
                    operands[node] |= put
                due, done = (tuple(dict.fromkeys(getattr(edit, each) for edit in edits)) for each in ("due", "done"))
                edit = edits[0]
                yield edit._replace(due=due, done=done, nodes=nodes, operands=operands, throughout=True)

    def _sort(self, edit: Edit) -> tuple[Any, ...]:
        """What edits have in common that are one misconception."""
        if edit.kind in ("updated", "half", "two", "lr", "lr twice"):
            return ()
        if edit.kind == "old":
            return (read(self.working.called[edit.due]).kind,)
        if read(edit.place).kind == "updated":
            return ("updated", edit.position)
        if self.forms.is_local(edit.place):
            function = self.forms.gradients[edit.place][0]
            return (self.forms.lines[function].formula.rule, edit.position * (edit.kind != "derivative"))
        return (stem(edit.place), edit.position)
