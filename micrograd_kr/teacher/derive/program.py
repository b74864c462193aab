"""A graph of scalars as a program: straight-line Python, a line for each named number, forward and then backward.

The operations are run on symbols, forwards and back, by the rules that the engine runs on numbers; so the program has
no derivatives of its own, and comes to the engine's numbers. An operation that nobody named stands in the line of the
one that uses it, unless it is used twice, grows long, or would have to be worked again on the way back.
"""

import keyword
import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from micrograd_kr import ops
from micrograd_kr.engine import Value, inputs_first
from micrograd_kr.ops import Rule
from micrograd_kr.teacher.ask.arrays import log_share, share
from micrograd_kr.teacher.ask.exercise import Exercise
from micrograd_kr.teacher.ask.expressions import Symbol, named_in, parts_of, renamed
from micrograd_kr.teacher.ask.solution import solve
from micrograd_kr.teacher.derive import notation
from micrograd_kr.teacher.derive.lines import contributions, operands

LONG = 40  # operations in a line, and terms in a sum
WIDE = 100  # characters of a list of names in a line
LARGE = 2**22  # bytes, more than what a batch takes for a line
CHEAP = frozenset((ops.add, ops.sub, ops.neg, ops.mul))  # worked again sooner than remembered under a name
PYTHON = notation.TEMPLATES["python"]
NUMPY = PYTHON | notation.TEMPLATES["numpy"]


def _total(samples: int, *factors: Any) -> float:
    """The sum over the samples of a product, whose factors have an entry for each sample or one for all."""
    if not samples:
        return 0.0
    if all(np.size(each) == samples > 1 for each in factors) and len(factors) == 2:
        return float(np.dot(*factors))
    product = math.prod(factors)
    return float(np.sum(product)) * (1 if np.size(product) == samples else samples)


def _called(rule: Rule) -> str:
    return notation.FUNCTIONS.get(rule.symbol, rule.symbol)


# The operations that have a line, and what the lines of an array program call.
OPERATIONS = {each for each in vars(ops).values() if isinstance(each, Rule)} - {ops.softmax, ops.log_softmax}
WRITTEN = {each for each in OPERATIONS if _called(each) in PYTHON or _called(each) in PYTHON["helpers"]}
WRITTEN |= {each for each in OPERATIONS if hasattr(math, _called(each))}
WRITTEN = (WRITTEN | {ops.identity, ops.absolute, share, log_share}) - {ops.amax, ops.amin}
ARRAYS: dict[str, Any] = {_called(each): each.forward for each in WRITTEN if _called(each).isidentifier()}
ARRAYS |= {"where": np.where, "clip": np.clip, "maximum": np.maximum, "minimum": np.minimum, "power": np.power}
ARRAYS |= {"inf": math.inf, "nan": math.nan, "total": _total}
TAKEN = frozenset([*keyword.kwlist, *ARRAYS, *dir(math), *PYTHON["helpers"], "abs", "max", "min", "program", "samples"])
TAKEN = TAKEN - {"e"} | {"__debug__"}
IMPORTED = frozenset(dir(math)) - {"e"}


def program(loss: Value, inputs: Sequence[Value] = ()) -> str:
    """A graph as a Python program that runs by itself: the loss and its derivatives, a line for each named number.

    Names are the labels; what has none is v1, v2, … if it needs a line, p1, p2, … if it is a leaf, and g1, g2, … if it
    is a gradient that needs one. inputs: the leaves that come first among its arguments, by which it does not
    differentiate: a sample, say. The program is a function `program` of all leaves that returns the loss and the tuple
    of its derivatives by those that are no inputs; dE_dW is ∂E/∂W of a loss labelled E, dW of one without a label.

    A number that was taken out of the graph, as in x − x.max().item(), stands in the program as it was; so does the
    condition of a `where`. What is multiplied by a constant 0 is left out.

    Raises TypeError for tensors, ValueError for a loss that nothing computed and for inputs that it has not.

    >>> x, w = Value(2.0, label="x"), Value(-1.0, label="w")
    >>> loss = (x * w - 1) ** 2
    >>> loss.label = "E"
    >>> print(program(loss, [x]))
    def program(x, w):
        v1 = x * w - 1
        E = v1 ** 2
        # backward
        dE_dv1 = 2 * v1
        dE_dw = dE_dv1 * x
        return E, (dE_dw,)
    """
    return _Trace(loss, inputs).source()


def of_exercise(exercise: Exercise) -> str:
    """The program of an exercise's passes, which differentiates by the parameters; by all that is given without any."""
    solution = solve(exercise)
    loss = solution.before[exercise.loss]
    used = inputs_first(loss)
    given = [solution.before[name] for name in exercise.given]
    return program(loss, [each for each in given if each in used] if exercise.parameters else ())


def compile(loss: Value, inputs: Sequence[Value] = ()) -> "Compiled":
    """A graph as a program that runs: it takes new numbers for the inputs, gives the loss, and leaves `.grad`.

    >>> x, w = Value(2.0), Value(-1.0)
    >>> step = compile((x * w - 1) ** 2, [x])
    >>> step(3.0), w.grad
    (16.0, -24.0)
    >>> w.zero_grad()
    >>> step([3.0, 2.0]), w.grad
    (array([16.,  9.]), -36.0)
    """
    return Compiled(loss, inputs)


class Compiled:
    """A loss worked by the lines of its `program`, many times faster than a graph is recorded.

    Called with a number for each of the inputs, in their order, it returns the loss and adds to the `.grad` of every
    other leaf, at the `.data` that these have now, as recording the same and `backward()` would. Called with arrays of
    one shape for some inputs, a number for each sample, it returns the losses as an array, worked in float64; the
    gradients are those of their sum.

    source: the program. Raises TypeError for more or fewer numbers than inputs, ValueError for arrays of different
    shapes and for a leaf that is no scalar any more.
    """

    def __init__(self, loss: Value, inputs: Sequence[Value] = ()) -> None:
        trace = _Trace(loss, inputs)
        self.source = trace.source()
        self._names = [trace.names[each] for each in trace.inputs]
        self._leaves = trace.others
        self._on_floats = _made(self.source, {})
        self._of_arrays = trace.source(arrays=True)
        self._on_arrays: Any = None

    def __call__(self, *numbers: Any) -> Any:
        """The loss at these numbers; the leaves that are no inputs get their gradients."""
        if len(numbers) != len(self._names):
            wanted = ", ".join(self._names) or "none"
            raise TypeError(f"expected a number for each of the inputs ({wanted}), got {len(numbers)}")
        given = [each if type(each) is float else Value(each).data for each in numbers]
        is_one = all(type(each) is float for each in given)
        given += [each._numbers for each in self._leaves]  # as .data, in a third of the time
        try:
            out, slopes = self._on_floats(*given) if is_one else self._many(given)
        except (ArithmeticError, ValueError, TypeError):  # 1/0, (−1)**0.5: numpy has an answer
            out, slopes = self._many(given)
        if is_one:
            if isinstance(out, np.ndarray):  # there is an array among the leaves
                self._many(given)
            out = float(out)
        for leaf, slope in zip(self._leaves, slopes, strict=True):
            before = leaf.grad
            leaf.grad = 0.0 + slope if before is None else before + slope
        return out

    def _many(self, given: list[Any]) -> tuple[Any, list[float]]:
        """All samples at once: every number is an array with an entry for each sample, or with one for all."""
        count = len(self._names)
        for leaf, each in zip(self._leaves, given[count:], strict=True):
            if type(each) is not float:
                name = repr(leaf.label) if leaf.label else "without a label"
                raise ValueError(
                    f"expected a scalar in the leaf {name}, as when it was compiled; got shape {leaf.shape}"
                )
        shapes = {each.shape for each in given[:count] if type(each) is not float}
        if len(shapes) > 1:
            raise ValueError(f"expected arrays of one shape, an entry for each sample; got {sorted(shapes)}")
        (shape,) = shapes or {()}
        samples = math.prod(shape)
        if self._on_arrays is None:
            self._on_arrays = _made(self._of_arrays, ARRAYS)
            np.empty(LARGE, np.uint8)  # freed at once: from now on glibc keeps the memory of what is smaller, too
        with np.errstate(all="ignore"):
            out, slopes = self._on_arrays(samples, *(np.reshape(each, -1) for each in given))
        return (np.array(np.broadcast_to(out, samples)).reshape(shape) if shape else float(np.ravel(out)[0])), slopes


def _made(source: str, names: dict[str, Any]) -> Any:
    found = dict(names)
    exec(source, found)
    return found["program"]


class _Trace:
    """The lines of a graph, forward and backward: names, and the expressions that they are worked by."""

    def __init__(self, loss: Value, inputs: Sequence[Value]) -> None:
        for each in (loss, *([inputs] if isinstance(inputs, Value) else inputs)):
            if not isinstance(each, Value):
                raise TypeError(f"expected Values, a loss and a list of inputs, got {type(each).__name__}")
        if isinstance(inputs, Value):
            raise TypeError("expected a list of inputs, got one Value: write [x]")
        self.loss, self.inputs = loss, list(inputs)
        self.order: list[Any] = list(inputs_first(loss))
        self._check()
        self.into = {node: [each for each, _ in node.inputs() if each is not None] for node in self.order}
        self.uses = Counter(each for inputs in self.into.values() for each in inputs)
        self.names: dict[Value, str] = {}
        self.symbols: dict[Any, Any] = {}
        self.forward: list[tuple[str, Any]] = []
        self.backward: list[tuple[str, Any]] = []
        self.slopes: dict[Value, str] = {}
        self.shares: dict[Any, Symbol] = {}  # entries of a softmax, whose derivatives are made of one another
        self._used: Counter[str] = Counter(dict.fromkeys(TAKEN, 1))
        self._labels = {_plain(each.label, "") for each in self.order}
        with np.errstate(all="ignore"):
            self._go_forward()
            self._go_back()

    def _check(self) -> None:
        """Raises TypeError for what is no graph of scalars, ValueError for a leaf and inputs that are none of it."""
        if self.loss.rule is None:
            raise ValueError("expected a loss computed from something, got a leaf; under no_grad() nothing is recorded")
        for node in self.order:
            if node.shape:
                made_by = f" of {node.rule.symbol}" if node.rule else ""
                raise TypeError(f"expected a graph of scalars, got a tensor{made_by}, of shape {node.shape}")
            if node.rule and node.rule not in WRITTEN:
                remedy = "leave it out if it is one of tensors; record the graph outside anomaly()"
                raise TypeError(f"expected operations of scalars, got {node.rule.symbol} that has no line: {remedy}")
        leaves = {each for each in self.order if each.rule is None}
        counts = Counter(self.inputs)
        for each in self.inputs:
            if each not in leaves or counts[each] > 1:
                what = "one that is computed" if each.rule else "one twice" if each in leaves else "another Value"
                raise ValueError(f"expected inputs among the leaves of the loss, each once; got {what}, {each!r}")

    # --- names ---

    def _name(self, label: str, prefix: str) -> str:
        """A name that is not taken: the label as Python spells it, or a letter with a number."""
        stem = name = _plain(label, prefix)
        while not name or self._used[name]:
            self._used[stem or prefix] += 1
            name = f"{stem}_{self._used[stem]}" if stem else f"{prefix}{self._used[prefix]}"
            name = "" if not stem and name in self._labels else name
        self._used[name] += 1
        return name

    # --- forward ---

    def _go_forward(self) -> None:
        """Every operation on symbols; one with a line of its own goes on by its name."""
        remembered = self._needed()
        costs: dict[Any, int] = {}
        for each in (*self.inputs, *self.order):
            if each.rule is None and each not in self.names:
                self._leaf(each, costs)
        for node in self.order:
            if node.rule is None:
                continue
            formula = node.rule(*operands(node, self._symbol))
            cost = costs[node] = 1 + sum(costs[each] for each in self.into[node])
            is_again = node in remembered and (cost > 1 or node.rule not in CHEAP)
            self.symbols[node] = formula
            if node.label or node is self.loss or self.uses[node] > 1 or cost > LONG or is_again:
                self.names[node] = name = self._name(node.label, "v")
                self.forward.append((name, formula))
                self.symbols[node], costs[node] = Symbol(name, node.out), 0
                if type(getattr(formula, "x", None)) is tuple:
                    self.shares[node.rule, formula.x, formula.y] = self.symbols[node]

    def _leaf(self, leaf: Value, costs: dict[Any, int]) -> None:
        self.names[leaf] = name = self._name(leaf.label, "p")
        self.symbols[leaf], costs[leaf] = Symbol(name, leaf.data), 0

    def _symbol(self, of: Value | None, data: Any) -> Any:
        return data if of is None else self.symbols[of]

    def _needed(self) -> set[Any]:
        """The Values whose numbers are used again on the way back."""
        found: set[Any] = set()
        for node in self.order:
            if node.rule is None:
                continue
            data = [data if each is None else None for each, data in node.inputs()]
            option = node.y_data if node.rule.dy is None else None
            which = _mentioned(node.rule, tuple(data), option) if type(node.x) is not tuple else ()
            found |= {(node, *(each for each, _ in node.inputs()))[place] for place in which}
        return found

    # --- backward ---

    def _go_back(self) -> None:
        """The chain rule from the loss to the leaves; what arrives at a Value is summed in a line of its own."""
        reached = {each for each in self.order if each.rule is None} - set(self.inputs)
        for node in self.order:
            if not reached.isdisjoint(self.into[node]):
                reached.add(node)
        arrived = defaultdict[Value, list[Any]](list, {self.loss: [1.0]})
        goes_to = {node: [each for each in self.into[node] if each in reached] for node in reached}
        waiting = Counter(each for inputs in goes_to.values() for each in inputs)
        for node in reversed(self.order):
            if node.rule is None or node not in reached:
                continue
            g = self._arrived(node, arrived.pop(node), len(goes_to[node]))
            for each, r in contributions(node, g, self.symbols[node], operands(node, self._symbol)):
                if each in reached:
                    arrived[each].append(self._with_shares(r) if type(node.x) is tuple else r)
                    waiting[each] -= 1
                    if each.rule is None and not waiting[each]:
                        self._arrived(each, arrived.pop(each), 0)
        self.others = [each for each in self._in_lines() if each in reached]

    def _with_shares(self, of: Any) -> Any:
        """An expression with the names of the entries of a softmax that have a line."""
        shares = (
            (each, self.shares.get((each.rule, each.x, each.y))) for each in parts_of(of) if type(each.x) is tuple
        )
        return renamed(of, lambda leaf: leaf, {each: name for each, name in shares if name})

    def _in_lines(self) -> list[Value]:
        """The leaves in the order in which the lines name them; then those that no line does, as of x·0."""
        by_name = {name: each for each, name in self.names.items() if each.rule is None}
        found = (str(each.name) for _, formula in self.forward for each in reversed(named_in(formula)))
        return list(dict.fromkeys([*(by_name[name] for name in found if name in by_name), *by_name.values()]))

    def _arrived(self, node: Value, parts: list[Any], goes_to: int) -> Any:
        """The gradient of the loss by a Value, by its name if it gets a line."""
        total = _one_constant(parts[0])
        for i, each in enumerate(parts[1:], 1):
            if i % LONG == 0:
                total = self._line("g", total)
            term = _one_constant(each)
            total = total + term if (less := _without_minus(term)) is None else total - less
        total = total if isinstance(total, Symbol) else np.float64(total)  # whose 1/0 is inf
        is_plain = not isinstance(total, Symbol) or total.rule is None
        if node in self.names and (node.label or node.rule is None or not is_plain) and node is not self.loss:
            of = f"d{self.names[self.loss]}_" if self.loss.label else ""
            named = self._line("", total, f"{of}d{self.names[node]}")
            self.slopes[node] = str(named.name)
            return named if isinstance(total, Symbol) else total
        return total if is_plain or goes_to < 2 else self._line("g", total)

    def _line(self, prefix: str, of: Any, label: str = "") -> Symbol:
        name = self._name(label, prefix)
        self.backward.append((name, of))
        return Symbol(name, getattr(of, "number", of))

    # --- text ---

    def source(self, arrays: bool = False) -> str:
        """The program. arrays: for numbers that are arrays, to be run with the names of ARRAYS."""
        of_leaves = {self.slopes[each] for each in self.others} if arrays else set()

        def written(formula: Any) -> str:
            return notation.code(formula, str, NUMPY if arrays else PYTHON)

        def line(name: str, formula: Any) -> str:
            if name not in of_leaves:
                return f"    {name} = {written(formula)}\n"
            is_product = isinstance(formula, Symbol) and formula.rule is ops.mul
            factors = (formula.x, formula.y) if is_product else (formula,)
            return f"    {name} = total(samples, {', '.join(map(written, factors))})\n"

        arguments = ["samples"] * arrays + [self.names[each] for each in (*self.inputs, *self.others)]
        slopes = [self.slopes[each] for each in self.others]
        forward, backward = ("".join(line(*each) for each in lines) for lines in (self.forward, self.backward))
        body = f"{_wide('def program(', arguments)}):\n{forward}    # backward\n{backward}"
        body += _wide(f"    return {self.names[self.loss]}, (", slopes) + ("," if len(slopes) == 1 else "") + ")"
        return body if arrays else "".join(_header(body)) + body


def _plain(label: str, prefix: str) -> str:
    """A label with nothing in it that a name of Python's cannot have: w₂₁⁽²⁾ is w21_2."""
    spelled = "".join(each if f"a{each}".isidentifier() else " " for each in unicodedata.normalize("NFKC", label))
    name = "_".join(spelled.split())
    return f"{prefix}_{name}" if name and not name.isidentifier() else name


def _wide(start: str, names: list[str]) -> str:
    """What names in brackets begin with, and the names, in several lines if they are long."""
    lines = [start]
    for i, name in enumerate(names):
        each = f"{name}, " if i + 1 < len(names) else name
        if len(lines[-1]) + len(each) > WIDE and lines[-1] != start:
            lines[-1] = lines[-1].rstrip()
            lines.append(" " * 8)
        lines[-1] += each
    return "\n".join(lines)


def _header(body: str) -> Iterator[str]:
    """What the lines of a program call: functions of math, and helpers."""
    words = set(re.findall(r"\w+", body))
    for name, (_, text) in PYTHON["helpers"].items():
        words |= set(re.findall(r"\w+", text)) if name in words else set()
    if imported := sorted(words & IMPORTED):
        yield f"from math import {', '.join(imported)}\n\n\n"
    for name, (arguments, text) in PYTHON["helpers"].items():
        if name in words:
            yield f"def {name}({arguments}):\n    return {text}\n\n\n"


@lru_cache(maxsize=1000)
def _mentioned(rule: Rule, constants: tuple[Any, ...], option: Any) -> frozenset[int]:
    """What the derivatives of an operation are worked from: the result (0) and its operands (1, 2).

    constants: the numbers among its operands, None for each that is differentiated by.
    """
    g, out = Symbol("g", 1.0), Symbol("0", 0.5)
    given = [Symbol(f"{i}", 0.25 * i) if each is None else each for i, each in enumerate(constants, 1)]
    given += [option] * (option is not None)
    derivatives = [each for each, constant in zip((rule.dx, rule.dy), constants, strict=False) if constant is None]
    found = [each(g, out, *given) for each in derivatives if each]
    return frozenset(int(each.name) for of in found for each in named_in(of) if each is not g)


def _one_constant(of: Any) -> Any:
    """A product with its constants and signs as one in front: −(½·(2·(t − o))) is −(t − o)."""

    def split(each: Any) -> tuple[float, Any]:
        if not isinstance(each, Symbol):
            return float(each), None
        if each.rule is ops.neg:
            constant, rest = split(each.x)
            return -constant, rest
        if each.rule is ops.div:
            constant, rest = split(each.x)
            return (-1.0, (1.0 if rest is None else rest) / each.y) if constant == -1.0 else (1.0, each)
        if each.rule is not ops.mul:
            return 1.0, each
        (one, left), (other, right) = split(each.x), split(each.y)
        if left is None or right is None:
            return one * other, left if right is None else right
        return one * other, each if left is each.x and right is each.y else left * right

    constant, rest = split(of)
    if rest is None or rest is of:
        return of if rest is of else constant
    return rest if constant == 1.0 else -rest if constant == -1.0 else constant * rest


def _without_minus(term: Any) -> Any:
    """What is subtracted where a term with a minus in front would be added, else None."""
    if not isinstance(term, Symbol):
        return -term if term < 0 else None
    if term.rule is ops.mul and not isinstance(term.x, Symbol) and term.x < 0:
        return -term.x * term.y
    return term.x if term.rule is ops.neg else None
