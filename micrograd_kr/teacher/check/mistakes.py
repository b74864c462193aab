"""The mistakes people make in a worked form, each as one edit of it.

An `Edit` puts another expression for some of a working's operations, or other operands; the result is recomputed from
there on, twice: in the person's numbers, and carried, with exact numbers wherever theirs are right.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, combinations
from typing import Any, NamedTuple

from micrograd_kr import ops
from micrograd_kr.ops import Rule
from micrograd_kr.said import Said, say
from micrograd_kr.teacher.ask.expressions import Symbol, number, operands
from micrograd_kr.teacher.ask.quantity import read, updated
from micrograd_kr.teacher.check.misconceptions import Misconceptions
from micrograd_kr.teacher.check.operations import fraction, is_activation
from micrograd_kr.teacher.check.working import Working, applied, value
from micrograd_kr.teacher.derive.labelled import stem

# One or several: {s} is "" or "s", {was} "was" or "were", and so on; Korean needs none of it.
USED = say("{done} {was} used where {due} {is_} due")
COMPUTED = say("{done} {was} computed instead of {due}")
ANOTHER_LR = say("{done} was used for lr = {due}")

# Every kind of mistake, the likelier first; of names for one and the same result the first is used.
SENTENCES: dict[str, Said] = {
    "kink": say("at 0 the derivative is taken as {due}, not {done}"),
    "case": say("the wrong branch was taken: since {because}, {due} is due, not {done}"),
    "updated": USED,
    "old": USED,
    "derivative": say("{done} {was} used where {its} derivative{s} {is_} due, {due}"),
    "derivative here": say("{done} itself was used; its derivative is {due}, since {because}"),
    "lr": say("the factor lr was left out"),
    "lr twice": say("it was multiplied by lr twice"),
    "share": say("it was not divided by {done}"),
    "mean": say("1/{done} of what is due: was the mean taken instead of the sum?"),
    "half": say("the factor ½ was left out"),
    "two": say("the factor 2 was left out"),
    "plus for minus": COMPUTED,
    "sign": say("{due} {has} the wrong sign{s}"),
    "minus one": say("the factor −1 was left out"),
    "slope twice": say("it was multiplied by the derivative{s} {due} twice"),
    "added factor": say("it was multiplied by {done}, too, as for a weight; for a bias it is not"),
    "times itself": say("it was multiplied by the weight {done} itself, too"),
    "slopes": say("the errors were passed back without the derivatives {due}"),
    "constants": say("the factors {due} were left out"),
    "weights": say("the weights {due} were left out"),
    "power kept": say("the power was kept in the derivative: {done} {was} used where {due} {is_} due"),
    "slope": USED,
    "brackets": say("the brackets were missed: {done} {was} computed instead of {due}"),
    "step twice": say("twice {due} was subtracted"),
    "step halved": say("only half of {due} was subtracted"),
    "another lr": ANOTHER_LR,
    "any lr": ANOTHER_LR,
    "update": COMPUTED,
    "exchanged": say("{due} and {done} were exchanged"),
    "square": say("{due} {was} not squared"),
    "power": say("the power was left out: {done} {was} used where {due} {is_} due"),
    "function": say("the function was left out: {done} {was} used where {due} {is_} due"),
    "other function": USED,
    "function twice": say("the function was applied twice: {done} {was} computed instead of {due}"),
    "formula": COMPUTED,
    "e": say("e was taken as {done}"),
    "degrees": say("{due} was worked in degrees; radians are due"),
    "term": say("the term{s} {due} {was} left out"),
    "factor": say("the factor{s} {due} {was} left out"),
    "other loss": say("{done} {was} used where {due} {is_} due: that belongs to another loss"),
    "half added": say("it was multiplied by ½, too, which is not in this error"),
    "slope early": say("it was multiplied by {due}, which comes only with the next step"),
    "inverse": USED,
    "one of many": say("{done} alone was taken, not the mean"),
    "transposed": say("the outer product was transposed: this is {done}"),
    "summed": say("errors of other weights were added: {done} {was} computed instead of {due}"),
    "times input": say("the bias {due} was multiplied by {done}"),
    "normalised": say("the weights were divided by their sum, {done}"),
    "index": USED,
    "operand": USED,
    "one": USED,
    "far": USED,
    "copied": say("{done} was written in place of {due}"),
}

KINDS = tuple(SENTENCES)
PRODUCTS = (ops.mul, ops.div, ops.neg, ops.identity)
FEW_NUMBERS = 4  # of more in one product all are left out, or none
OF_A_FUNCTION = frozenset({"function", "other function", "function twice", "formula", "e", "degrees"})

# Slips; the others are made at every such place by those who do not know better.
SLIPS = frozenset({"kink", "case", "exchanged", *KINDS[KINDS.index("index") :]})
MISCONCEPTIONS = frozenset(KINDS) - SLIPS | {"one"}


def op(rule: Rule, x: Any, y: Any = None) -> Symbol:
    return Symbol(None, float("nan"), rule, x, y)


class Edit(NamedTuple):
    """One mistake in a working.

    kind: of KINDS. place: the quantity in whose working it is made. due, done: what should stand there, what does.
    nodes: operations and what is put in their place. operands: operations, and what is put for some of their operands.
    position: where in the place; alike in like places. because: what holds, and makes one case due and not the other.
    """

    kind: str
    place: str
    due: Any
    done: Any
    nodes: Mapping[Any, Any] = {}
    operands: Mapping[Any, Mapping[Any, Any]] = {}
    position: int = 0
    throughout: bool = False
    because: Any = None

    @property
    def changes(self) -> dict[Any, Any]:
        """What is put for operations."""
        return {**self.nodes, **{node: applied(node, put) for node, put in self.operands.items()}}


class Catalogue:
    """All single edits of a working, and the misconceptions made throughout."""

    def __init__(self, working: Working) -> None:
        self.working, self.known, self.forms = working, working.known, working.known.forms
        operations = [node for node in working.order if isinstance(node, Symbol)]
        self.operations = sorted(operations, key=lambda node: working.place[node] != working.name)  # its own line first
        self.uses: dict[str, dict[Any, list[Symbol]]] = defaultdict(lambda: defaultdict(list))  # by places and operands
        for node in self.operations:
            if node.rule is not ops.where_:
                for each in dict.fromkeys(operands(node)):
                    if each in working.called:
                        self.uses[working.place[node]][each].append(node)
        self.misconceptions = Misconceptions(working)
        self.likely = defaultdict[tuple[str, str], set[str]](set)  # what was tried in the place of an operand

    def edits(self) -> Iterator[Edit]:
        """Every edit, those that nobody would think of first last."""
        uses = [(operand, nodes) for each in self.uses.values() for operand, nodes in each.items()]
        singles = []
        for edit in chain(self.of_operations(), *(self._of_operand(*each) for each in uses)):
            singles.append(edit)
            yield edit
        yield from chain(*map(self._exchanged, self.uses), self._throughout(singles), self._left_out())
        yield from self._constants()
        yield from chain(*(self._far(*each) for each in uses))
        root, name = self.working.root, self.working.name
        for other in self._allowed(name, name, self.known.names):
            if other not in self.known.wrong:  # from which it was worked somehow, as p − t is from p
                yield self.put(root, "copied", root, self.working.operand(other))

    def of_operations(self) -> Iterator[Edit]:
        """Those in what is done, not in what it is done to; they are made at once."""
        return chain(*(edits(node) for node in self.operations for edits in (self._of_operation, self._of_result)))

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
        if node.rule is ops.where_:
            yield self._of_choice(node)
            return
        for kind, due, done, put in self.misconceptions.rows(node):
            yield self.put(node, kind, due, done, put)

    def _of_result(self, node: Symbol) -> Iterator[Edit]:
        """What is done to a quantity as a whole; of a derivative, the function itself or another one's."""
        place, forms = self.working.place[node], self.forms
        if self.working.roots[place] is not node:
            return
        again = op(node.rule or ops.identity, node.x, node.y)
        yield self.put(node, "sign", node, None, node.x if node.rule is ops.neg else op(ops.neg, again))
        function = forms.gradients[place][0] if forms.is_local(place) else ""
        formula = forms.lines[function].formula if function else None
        if formula is not None and formula.rule not in (ops.add, ops.sub, ops.mul, ops.identity):
            edit = self.put(node, "derivative", node, self.working.operand(function))
            is_choice = node.rule is ops.where_
            yield edit._replace(kind="derivative here", **self._case(node)) if is_choice else edit

    def _of_choice(self, node: Symbol) -> Edit:
        """The other side of a comparison; where both are equal, at 0 of relu, either is as good."""
        case = self._case(node)
        _, relation, _ = case["because"]
        other = node.x[1 if value(node.y, self.working.carried) else 0]
        kind = "kink" if relation == "=" else "case"
        return self.put(node, kind, None, chosen(other, self.working.carried))._replace(**case)

    def _case(self, node: Symbol) -> dict[str, Any]:
        """What a choice comes down to, and why."""
        carried = self.working.carried
        left, right = (value(each, carried) for each in (node.y.x, node.y.y))
        relation = "=" if left == right else ">" if left > right else "<"
        return {"due": chosen(node, carried), "because": (node.y.x, relation, node.y.y)}

    def _of_operand(self, operand: Any, nodes: list[Symbol]) -> Iterator[Edit]:
        name = self.working.called[operand]
        if name == "lr":
            yield from self.used("lr twice", operand, nodes[:1], op(ops.mul, operand, operand))
        place = self.working.place[nodes[0]]
        for kind, other in self._likely(place, name):
            self.likely[place, name].add(other)
            yield from self.used(kind, operand, nodes, self.working.operand(other))

    def _likely(self, place: str, name: str) -> Iterator[tuple[str, str]]:
        """What is easily used in the place of an operand, with the kind of mistake."""
        asked, alike = read(name), self._alike(name)
        changes = name in self.forms.exercise.parameters and self.forms.exercise.lr is not None
        yield from (("updated", each) for each in self._allowed(place, name, [updated(name)] * changes))
        yield from (("old", str(asked.before)) for _ in range(asked.step > 0))
        yield from (("index", each) for each in self._allowed(place, name, alike))
        yield from (("operand", each) for each in self._allowed(place, name, self._near(place, name, {*alike})))

    def _allowed(self, place: str, name: str, others: Iterable[str]) -> Iterator[str]:
        """What may be used for a name: nothing that is worked from the place itself."""
        depends, places = self.forms.depends, {place, self.working.name}
        return (each for each in others if each != name and not any(depends(each, on) for on in places))

    def _alike(self, name: str) -> list[str]:
        asked = read(name)
        if (first := str(asked._replace(step=0))) in self.forms.gradients:  # of derivatives not every pair is one
            names = [*self.forms.alike[stem(self.forms.gradients[first][1])]]  # there may come more
            return [str(read(each)._replace(step=asked.step)) for each in names] if asked.step else names
        if asked.step:
            names = [*(self.forms.exercise.parameters if asked.is_parameter else self.forms.lines)]
            return [str(asked._replace(of=each)) for each in names if stem(each) == stem(asked.of)]
        return [each for each in self.forms.order if stem(each) == stem(name)]

    def _near(self, place: str, name: str, alike: set[str]) -> list[str]:
        """What shares a formula with a name, and is known."""
        here = [self.working.called[each] for each in self.uses[place]]
        asked, lines = read(name), self.forms.lines
        bare = name if asked.by else asked.of
        around = [each for each in (bare, *self.forms.users.get(bare, ())) if each in lines]
        near = dict.fromkeys((*here, *chain(*((each, *lines[each].partials) for each in around))))
        ends = {*self.forms.gradients.get(name, ())}
        known = {*here, *self.known.names} if ends else ()
        far = [each for each, pair in self.forms.gradients.items() if each in known and not ends.isdisjoint(pair)]
        return [each for each in dict.fromkeys((*near, *far)) if each not in alike]

    def _far(self, operand: Any, nodes: list[Symbol]) -> Iterator[Edit]:
        place, name = self.working.place[nodes[0]], self.working.called[operand]
        likely = {"lr"} | self.likely[place, name]
        others = (each for each in (*self.known.start, *self.known.names) if each not in likely)
        for other in self._allowed(place, name, others):
            yield from self.used("far", operand, nodes, self.working.operand(other))

    def _exchanged(self, place: str) -> Iterator[Edit]:
        for (one, some), (other, others) in combinations(self.uses[place].items(), 2):
            if stem(self.working.called[one]) == stem(self.working.called[other]):
                swap = {one: other, other: one}
                yield Edit("exchanged", place, one, other, operands=dict.fromkeys((*some, *others), swap))

    def _left_out(self) -> Iterator[Edit]:
        """All weights on the way back, or all derivatives of activations, or those of one layer."""
        parameters, operand = self.forms.exercise.parameters, self.working.operand
        found: dict[Any, list[tuple[Any, Any, list[Symbol]]]] = defaultdict(list)  # what is due, what is put for what
        for place, uses in self.uses.items():
            for each, nodes in uses.items() if place in self.forms.gradients else ():
                name, among = self.working.called[each], [node for node in nodes if node.rule is ops.mul]
                if among and name in parameters:
                    found["weights", ""].append((each, {each: 1.0}, among))
                elif among and self._is_slope(*self.forms.gradients.get(name, ("", ""))):
                    for layer in ("", stem(name)):
                        found["slopes", layer].append((each, {each: 1.0}, among))
                elif among and (error := self._error(name)):
                    slope, above = error
                    found["slopes", "raw"].append((operand(slope), {each: operand(above)}, among))
        for (kind, _), left_out in found.items():
            if len(left_out) > 1:
                puts = defaultdict[Any, dict[Any, Any]](dict)
                for _, put, nodes in left_out:
                    for node in nodes:
                        puts[node] |= put
                left_out.sort(key=lambda each: self._order(self.working.called[each[0]]))
                place = self.working.place[next(iter(puts))]
                yield Edit(kind, place, tuple(due for due, _, _ in left_out), None, operands=puts)

    def _order(self, name: str) -> int:
        """When what a name stands for, or is differentiated by, is worked."""
        asked = read(name)
        return self.forms.order.get(asked.by or asked.of, 0)

    def _error(self, name: str) -> tuple[str, str] | None:
        """Of ∂E/∂z, where o is an activation of z: ∂o/∂z and ∂E/∂o."""
        a, z = self.forms.gradients.get(name, ("", ""))
        users = self.forms.users.get(z, [])
        if len(users) == 1 and self._is_slope(users[0], z) and name not in self.working.roots:
            pair = self.forms.gradient(users[0], z), self.forms.gradient(a, users[0])
            return (pair[0].name, pair[1].name) if all(isinstance(each, Symbol) for each in pair) else None
        return None

    def _constants(self) -> Iterator[Edit]:
        """Two numbers in a product left out, or more of them, but for their signs."""
        tried = set[frozenset[Any]]()
        for place, nodes in self._products():
            sides = [
                (node, side)
                for node in nodes
                for side, each in (("x", node.x), ("y", node.y))
                if node.rule in PRODUCTS and isinstance(each, float) and abs(each) != 1.0
            ]
            for size in range(2, len(sides) + 1) if len(sides) <= FEW_NUMBERS else [len(sides)]:
                for some in combinations(sides, size):
                    if frozenset(some) not in tried:
                        tried.add(frozenset(some))
                        due = tuple(fraction(abs(getattr(node, side))) for node, side in some)
                        yield Edit("constants", place, due, None, _without(some))

    def _products(self) -> Iterator[tuple[str, list[Symbol]]]:
        """The products in each quantity that is worked, and what is multiplied for the last one through all of them."""
        for place in self.working.roots:
            yield place, [each for each in self.operations[::-1] if self.working.place[each] == place]
        through = [self.working.root]
        for node in through:
            through += [each for each in operands(node) if getattr(each, "rule", None) in PRODUCTS]
        yield self.working.name, through

    def _is_slope(self, of: str, by: str) -> bool:
        """Whether a derivative is that of an activation."""
        line = self.forms.lines.get(of)
        return line is not None and by in line.partials and is_activation(line.formula, number(line.partials[by]))

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
                edits.sort(key=lambda edit: self._order(edit.place))
                nodes = {node: put for edit in edits for node, put in edit.nodes.items()}
                puts = defaultdict[Any, dict[Any, Any]](dict)
                for node, put in chain(*(edit.operands.items() for edit in edits)):
                    puts[node] |= put
                due, done = (tuple(dict.fromkeys(getattr(edit, each) for edit in edits)) for each in ("due", "done"))
                edit = edits[0]
                yield edit._replace(due=due, done=done, nodes=nodes, operands=puts, throughout=True)

    def _sort(self, edit: Edit) -> tuple[Any, ...]:
        """What edits have in common that are one misconception."""
        if edit.kind in ("updated", "half", "two", "lr", "lr twice", "share"):
            return ()
        if edit.kind in OF_A_FUNCTION:
            return tuple(node.rule for node in edit.nodes)
        if edit.kind == "old":
            return (read(self.working.called[edit.due]).kind,)
        if read(edit.place).kind == "updated":
            return ("updated", edit.position)
        if self.forms.is_local(edit.place):
            function = self.forms.gradients[edit.place][0]
            return (self.forms.lines[function].formula.rule, edit.position * (edit.kind != "derivative"))
        return (stem(edit.place), edit.position)


def _without(constants: Iterable[tuple[Symbol, str]]) -> dict[Any, Any]:
    """Operations in which numbers are left out, but for their signs; each by its side."""
    left = dict[Symbol, dict[str, Any]]()
    for node, side in constants:
        sides = left.setdefault(node, {"x": node.x, "y": node.y})
        sides[side] = math.copysign(1.0, sides[side])
    return {node: op(node.rule or ops.identity, **sides) for node, sides in left.items()}


def chosen(of: Any, results: Mapping[Any, float]) -> Any:
    """What a choice comes down to."""
    while isinstance(of, Symbol) and of.rule is ops.where_:
        of = of.x[0 if value(of.y, results) else 1]
    return of
