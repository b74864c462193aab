"""What people do wrong in a sum, an update, a gradient, a slope or a loss as a whole: rows by its pattern.

Where a mistake takes other quantities than those it is made in, δ₂ for δ₁, they are as on the sheet, or worked from it.
"""

from collections.abc import Iterator, Mapping
from functools import reduce
from operator import add
from typing import Any

from micrograd_kr import ops
from micrograd_kr.teacher.ask.expressions import Symbol, number, renamed
from micrograd_kr.teacher.ask.quantity import read
from micrograd_kr.teacher.check.operations import OF_SLOPE, Row, is_, is_activation, of_operation, opened
from micrograd_kr.teacher.check.working import Working, applied

FEW = 6  # terms of which one alone may be taken
TENS = (10.0, 0.1, 100.0, 0.01)
USUAL_LR = (1.0, 0.5, 0.1, 0.05, 0.01, 0.001)
ANY_LR = tuple(float(f"{digit}e{ten}") for ten in range(-3, 0) for digit in range(1, 10))


class Misconceptions:
    """The rows of a working, by its operations."""

    def __init__(self, working: Working) -> None:
        self.working, self.forms = working, working.known.forms
        self.exercise = self.forms.exercise
        sums = [node for node in working.order if is_(node, ops.add, ops.sub)]
        self.inner = {each for node in sums for each in self._summands(node)}

    def rows(self, node: Symbol) -> Iterator[Row]:
        """The mistakes in one operation; of the last one of a quantity also those in what that is."""
        working = self.working
        place = working.place[node]
        is_root, is_gradient = working.roots[place] is node, place in self.forms.gradients
        for row in of_operation(node):
            if row.kind == "factor" and working.called.get(row.due) == "lr":
                row = row._replace(kind="lr")
            elif row.kind == "term" and row.due in self.inner:
                row = row._replace(due=tuple(self._terms(row.due)))
            yield row
        yield from opened(node, working.called)
        yield from self._of_mean(node)
        is_update = read(place).kind == "updated"
        if is_(node, ops.add, ops.sub) and node not in self.inner and not is_update:
            yield from self._of_terms(node, is_root, is_gradient)
        if is_update and is_root and node.rule is ops.sub:
            yield from self._of_update(node.x, node.y, node)
        if is_gradient and is_root:
            yield from self._of_gradient(node, *self.forms.gradients[place])
        if is_gradient and self.forms.is_local(place):
            yield from self._of_local(node, is_root, *self.forms.gradients[place])
        elif is_root and str(read(place)._replace(step=0)) in self.forms.lines:  # of any pass
            formula = self.forms.expansion(place)
            others = list(self._other_losses(formula))
            yield from (Row("other loss", node, done) for done in others)
            parts = self.forms.parts(formula)
            if others and not any(_is_half(each.x) or _is_half(each.y) for each in parts):
                yield Row("half added", None, None, applied(node, {}) / 2.0)

    # --- sums

    def _summands(self, node: Symbol) -> list[Any]:
        """The sums that stand in a sum without a name of their own."""
        return [each for each in (node.x, node.y) if is_(each, ops.add, ops.sub) and each not in self.working.called]

    def _terms(self, node: Symbol) -> list[Any]:
        found, waiting = list[Any](), [(node, False)]
        while waiting:
            each, is_negative = waiting.pop()
            if each is node or each in self.inner:
                waiting += [(each.y, is_negative != (each.rule is ops.sub)), (each.x, is_negative)]
            else:
                found.append(-each if is_negative else each)
        return found

    def _of_terms(self, node: Symbol, is_root: bool, is_gradient: bool) -> Iterator[Row]:
        """The mean for the sum; one term alone; a product of sums for a sum of products."""
        terms, again = self._terms(node), applied(node, {})
        if is_root:
            yield Row("mean", None, float(len(terms)), again / float(len(terms)))
        if len(terms) > 2:  # the last alone is what is left without all before it
            for each in terms[: -1 if len(terms) <= FEW else 1]:
                yield Row("term", tuple(other for other in terms if other is not each), None, each)
        called = self.working.called
        products = {each: None for each in terms if is_(each, ops.mul) and each.x in called and each.y in called}
        others = [each for each in terms if each not in products]
        if len(products) > 1:
            one, other = (reduce(add, [getattr(each, side) for each in products]) for side in "xy")
            yield Row("brackets", node, reduce(add, others, one * other))
        pairs = [(each.x, each.y) if self._is_parameter(each.x) else (each.y, each.x) for each in products]
        weights = [weight for weight, _ in pairs]
        if not is_gradient and len(products) > 1 and all(map(self._is_parameter, weights)):
            total = reduce(add, weights)
            shares = [weight / total * x for weight, x in pairs]  # one by one: each quotient may be rounded
            yield Row("normalised", None, total, reduce(add, (*shares, *others)))
        for bias in filter(self._is_parameter, [] if is_gradient else others):
            for _, x in pairs:
                rest = [term for term in terms if term is not bias]
                yield Row("times input", bias, x, reduce(add, rest, bias * x))

    def _of_mean(self, node: Symbol) -> Iterator[Row]:
        """One term alone for the mean, with its sign."""
        if is_(node, ops.mul) and not isinstance(node.x, Symbol):
            whole, is_negative = node.y, node.x < 0
        elif is_(node, ops.div) and not isinstance(node.y, Symbol):
            whole, is_negative = node.x, node.y < 0
        else:
            return
        if is_(whole, ops.neg):
            whole, is_negative = whole.x, not is_negative
        if is_(whole, ops.add, ops.sub) and whole not in self.working.called:
            for term in self._terms(whole)[:FEW]:
                yield Row("one of many", node, -term if is_negative else term)

    def _is_parameter(self, of: Any) -> bool:
        return read(self.working.called.get(of, "")).of in self.exercise.parameters

    # --- updates

    def _of_update(self, weight: Any, step: Any, node: Symbol) -> Iterator[Row]:
        yield Row("step twice", step, None, weight - 2.0 * step)
        yield Row("step halved", step, None, weight - step / 2.0)
        yield Row("update", node, step)
        if self.exercise.lr == 1.0:  # which is not written
            lr, gradient = 1.0, step
            yield Row("one", gradient, 1.0, weight - 1.0)
        elif is_(step, ops.mul) and "lr" in map(self.working.called.get, (step.x, step.y)):
            lr, gradient = (step.x, step.y) if self.working.called.get(step.x) == "lr" else (step.y, step.x)
        else:
            return
        for done in (weight - gradient / lr, (weight - lr) * gradient, lr * (weight - gradient)):
            yield Row("update", node, done)
        rate = number(lr)
        usual = (*(float(f"{rate * ten:.12g}") for ten in TENS), *USUAL_LR)
        kinds = dict.fromkeys(ANY_LR, "any lr") | dict.fromkeys(usual, "another lr")
        for other, kind in kinds.items():
            if other != rate:
                yield Row(kind, f"{rate:.12g}", f"{other:.12g}", weight - other * gradient)

    # --- gradients

    def _of_gradient(self, node: Symbol, a: str, b: str) -> Iterator[Row]:
        """A factor left at 1, the slope or an input multiplied once more."""
        again, users, parameters = applied(node, {}), self.forms.users, self.exercise.parameters
        yield Row("one", node, 1.0)
        z = users[b][0] if b in parameters and len(users[b]) == 1 else b
        sources = self._sources(z)
        slopes = [("slope twice", out, z) for out in users[z]]
        if self.working.root is node:
            slopes += [("slope early", z, by) for by in self._partials(z)]
        for kind, out, by in slopes:
            slope = self.forms.gradient(out, by) if (out, by) != (a, b) else None
            if isinstance(slope, Symbol) and is_activation(self.forms.lines[out].formula, slope.number):
                named = self.working.operand(str(slope.name))
                yield Row(kind, named, None, again * self._known(str(slope.name)))
        is_local = self.forms.is_local(self.working.place[node])
        has_bias = any(each in parameters and _is_one(partial) for each, partial in self._partials(z).items())
        if z == b and has_bias and not is_local:
            for x in map(self.working.operand, sources.values()):
                yield Row("added factor", None, x, again * x)
        if z != b and b in sources:
            weight = self.working.operand(b)
            yield Row("times itself", None, weight, again * weight)
            yield from self._of_weight(node, z, sources[b], sorted(sources.values(), key=self.forms.order.__getitem__))

    def _of_weight(self, node: Symbol, z: str, x: str, inputs: list[str]) -> Iterator[Row]:
        """δ₁·h₂ for δ₂·h₁, and (δ₁ + δ₂)·h₁ for δ₁·h₁."""
        units, loss = [each for each in self.forms.users[x] if x in self._sources(each).values()], self.exercise.loss
        deltas = [self.forms.gradient(loss, each) for each in units]
        if len(units) < 2 or not all(isinstance(each, Symbol) for each in deltas):
            return
        known, named = ([of(str(each.name)) for each in deltas] for of in (self._known, self.working.operand))
        i, j = units.index(z), inputs.index(x)
        if i != j and j < len(units) and i < len(inputs):
            of_other = {each: name for name, each in self._sources(units[j]).items()}
            other = self.forms.gradient(loss, of_other[inputs[i]])
            product = known[j] * self.working.operand(inputs[i])
            yield Row("transposed", None, self.working.operand(str(other.name)), product)
        inp = self.working.operand(x)
        yield Row("summed", node, reduce(add, named) * inp, reduce(add, known) * inp)
        outs = [self.forms.users[each] for each in units]
        errors = [self.forms.gradient(loss, each[0]) for each in outs if len(each) == 1]
        slope = self.forms.gradient(outs[i][0], z)
        if len(errors) == len(units) and all(isinstance(each, Symbol) for each in (*errors, slope)):
            done, put = (
                reduce(add, [of(str(each.name)) for each in errors]) * of(str(slope.name)) * inp
                for of in (self.working.operand, self._known)
            )
            yield Row("summed", node, done, put)

    def _partials(self, name: str) -> Mapping[str, Any]:
        return self.forms.lines[name].partials if name in self.forms.lines else {}

    def _sources(self, z: str) -> dict[str, str]:
        """What the parameters in a line are multiplied by, by their names."""
        parameters = self.exercise.parameters
        found = {name: each for name, each in self._partials(z).items() if name in parameters}
        return {
            name: str(each.name)
            for name, each in found.items()
            if isinstance(each, Symbol) and each.rule is None and each.name not in parameters
        }

    def _known(self, name: str, steps: int = 2) -> Any:
        """A quantity as it is worked here or stands on the sheet, else in a few steps from what does."""
        form = self.forms.expansion(name) if steps and name not in self.working.roots else None
        if form is None or name in self.working.known.numbers:
            return self.working.operand(name)
        return renamed(form, lambda leaf: self._known(str(leaf.name), steps - 1))

    # --- derivatives of one line

    def _of_local(self, node: Symbol, is_root: bool, of: str, by: str) -> Iterator[Row]:
        formula, operand = self.forms.lines[of].formula, self.working.operand
        if is_root and is_(formula, *OF_SLOPE) and formula.x.rule is None:
            for done in OF_SLOPE[formula.rule](operand(of), operand(by)):
                yield Row("slope", node, done)
        if is_root:
            for done in self._other_slopes(formula, by):
                yield Row("other loss", node, done)
        if node.rule is ops.mul and any(is_(each, ops.power) for each in self.forms.parts(formula)):
            for two, base in ((node.x, node.y), (node.y, node.x)):
                if not isinstance(two, Symbol) and two == 2.0:
                    yield Row("power kept", base, base**2.0, two * base**2.0)

    def _other_slopes(self, formula: Any, by: str) -> Iterator[Any]:
        """The derivatives of the cross-entropy for the squared error's, and the other way round."""
        for is_log, out, t, o in self._compared(formula):
            if out == by and is_log:
                yield -(t - o)
            elif out == by:
                yield from (-t / o + (1.0 - t) / (1.0 - o), -t / o)

    def _other_losses(self, formula: Any) -> Iterator[Any]:
        """The cross-entropy for the squared error, and the other way round; their sums, halves and means."""
        pairs = list(self._compared(formula))
        if not pairs:
            return
        if pairs[0][0]:
            totals = [reduce(add, [(t - o) ** 2.0 for _, _, t, o in pairs])]
            shares = [0.5, 1.0, 1.0 / len(pairs), 0.5 / len(pairs)]
        else:
            right = reduce(add, [t * ops.log(o) for _, _, t, o in pairs])
            both = reduce(add, [t * ops.log(o) + (1.0 - t) * ops.log(1.0 - o) for _, _, t, o in pairs])
            totals, shares = [-both, -right], [1.0, 1.0 / len(pairs)]
        for total in totals:
            yield from (total if share == 1.0 else share * total for share in dict.fromkeys(shares))

    def _compared(self, formula: Any) -> Iterator[tuple[bool, str, Any, Any]]:
        """Of each target in a loss: whether it is beside a logarithm, the output's name, and both as they are known."""
        for each in self.forms.parts(formula):
            if is_(each, ops.power) and is_(each.x, ops.sub):
                target, out = (each.x.x, each.x.y) if self._is_target(each.x.x) else (each.x.y, each.x.x)
            elif is_(each, ops.log):
                target, out = self._weighing(each, formula), each.x
            else:
                continue
            if self._is_target(target) and getattr(out, "name", None):
                t, o = (renamed(one, lambda leaf: self.working.operand(str(leaf.name))) for one in (target, out))
                yield each.rule is ops.log, str(out.name), t, o

    def _is_target(self, of: Any) -> bool:
        return not isinstance(of, Symbol) or str(of.name) in self.exercise.given

    def _weighing(self, logarithm: Symbol, formula: Any) -> Any:
        """What a logarithm in a cross-entropy is multiplied by: the target, 1 where it is not written."""
        products = (each for each in self.forms.parts(formula) if is_(each, ops.mul))
        return next((each.x for each in products if each.y is logarithm and isinstance(each.x, Symbol)), 1.0)


def _is_half(of: Any) -> bool:
    return isinstance(of, float) and abs(of) == 0.5


def _is_one(of: Any) -> bool:
    return not isinstance(of, Symbol) and bool(of == 1.0)
