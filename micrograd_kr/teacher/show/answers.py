"""What a page needs to judge a person's numbers: the worked forms of each quantity, and how far each operation rounds.

Forms are rows of one table, an operation each, after what it is made of: a number, the name of a quantity, or a rule
with the places of its operands. The rules that come up are written in JavaScript, with their derivatives, so that
web/rounding.js and its neighbours have none of their own. What `check` works out from an exercise alone, the order of
the quantities among it, is handed over; what depends on the numbers that a person wrote is left to the page.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from micrograd_kr import ops
from micrograd_kr.ops import Rule
from micrograd_kr.teacher.ask import cell, formula, number
from micrograd_kr.teacher.ask.exercise import parse_name
from micrograd_kr.teacher.ask.expressions import Comparison, Symbol, parts_of
from micrograd_kr.teacher.ask.expressions import number as value_of
from micrograd_kr.teacher.ask.quantity import QUANTITY, SPELLING, Quantity, read
from micrograd_kr.teacher.ask.solution import Solution
from micrograd_kr.teacher.check.forms import Forms, stage
from micrograd_kr.teacher.check.rounding import INSIDE, TRANSCENDENTAL, group_of
from micrograd_kr.teacher.derive import notation
from micrograd_kr.teacher.derive.lines import Lines

OPERATIONS = (ops.add, ops.sub, ops.mul, ops.div, ops.power)
KINDS = {ops.add: "sum", ops.sub: "sum", ops.mul: "product", ops.neg: "product", ops.where_: "choice"}


def reading() -> dict[str, Any]:
    """What a cell is read with: patterns in JavaScript, what characters stand for, and what functions are called."""
    token = re.compile(rf"(?P<number>{formula.DIGITS})|(?P<name>{QUANTITY})|\*\*|[^ ]")
    whole = {name: (f"^(?:{in_javascript(each)})$", each.flags) for name, each in (number.WHOLE | cell.WHOLE).items()}
    parts = number.PARTS | cell.PARTS | formula.PARTS | {"token": token}
    patterns = whole | {name: (in_javascript(each), each.flags) for name, each in parts.items()}
    functions = formula.FUNCTIONS | {name: formula.FUNCTIONS[alias] for name, alias in formula.ALIASES.items()}
    return {
        "patterns": [
            (name, pattern, "u" + "g" * (name in parts) + "i" * bool(flags & re.IGNORECASE))
            for name, (pattern, flags) in patterns.items()
        ],
        "characters": list(formula.CHARACTERS.items()),
        "spelling": list(SPELLING.items()),
        "functions": [(name, rule.symbol) for name, rule in functions.items()],
        "equals": cell.EQUALS,
    }


LETTERS = {r"[^\W\d]": r"[\p{L}_]", r"[^\w": r"[^\p{L}\p{N}_", r"[\w": r"[\p{L}\p{N}_", r"\w]": r"\p{L}\p{N}_]"}


def in_javascript(pattern: re.Pattern[str]) -> str:
    r"""A regular expression of Python's, whose \w is a letter of any script."""
    text = pattern.pattern.replace("(?P<", "(?<")
    for python, own in LETTERS.items():
        text = text.replace(python, own)
    return text.replace(r"\w", r"[\p{L}\p{N}_]")


class Table:
    """Expressions as rows, each once.

    rules: an operation of each rule, by what it is called in a row. names: the values of the leaves.
    """

    def __init__(self) -> None:
        self.rows: list[Any] = []
        x, y = Symbol("x", 0.5), Symbol("y", 0.25)
        named = {rule: rule.symbol for rule in (*OPERATIONS, ops.neg, *formula.FUNCTIONS.values())}
        self.rules = {
            called: Symbol(None, 0.5, rule, x, y if _takes_two(rule) else None) for rule, called in named.items()
        }
        self.names: dict[str, float] = {}
        self._places: dict[Any, int] = {}
        self._found: dict[Any, int] = {}

    def place(self, form: Any) -> int:
        """The row of an expression."""
        for each in parts_of(form):
            if each not in self._found:
                is_name = isinstance(each, Symbol) and each.rule is ops.identity  # another name changes nothing
                self._found[each] = self._of(each.x) if is_name else self._row(self._written(each))
        return self._of(form)

    def _of(self, each: Any) -> int:
        return self._found[each] if isinstance(each, (Symbol, Comparison)) else self._row(float(each))

    def _row(self, row: Any) -> int:
        key = tuple(row) if isinstance(row, list) else row
        if key not in self._places:
            self._places[key] = len(self.rows)
            self.rows.append(row)
        return self._places[key]

    def _written(self, each: Any) -> Any:
        if isinstance(each, Symbol) and each.rule is None:
            self.names[str(each.name)] = each.number
            return str(each.name)
        called, inputs = applied(each)
        self.rules.setdefault(called, each)
        return [called, *map(self._of, inputs)]


def _takes_two(rule: Rule) -> bool:
    return rule.dy is not None or rule is ops.leaky_relu


def applied(node: Any) -> tuple[str, list[Any]]:
    """What the rule of an operation is called, and its operands; each entry of a softmax is a rule of its own."""
    if isinstance(node, Comparison):
        return notation.RELATIONS[node.operation], [node.x, node.y]
    if node.rule is ops.where_:
        return node.rule.symbol, [node.y, *node.x]
    if type(node.x) is tuple:
        return f"{node.rule.symbol} {node.y} of {len(node.x)}", list(node.x)
    return node.rule.symbol, [each for each in (node.x, node.y) if each is not None]


def rule_in_javascript(node: Any) -> str:
    """A rule as the page reads it: its kind, the operation, its derivatives, what is rounded inside it.

    Each is a function of v, the operands and what the operation came to.
    """
    _, inputs = applied(node)
    symbols = [Symbol(f"x{i}", float(value_of(each))) for i, each in enumerate(inputs)]
    places = {f"x{i}": i for i in range(len(inputs))} | {"out": len(inputs)}

    def of(expression: Any) -> str:
        return f"(v) => {notation.javascript(expression, places)}"

    if isinstance(node, Comparison):
        return f'{{ kind: "comparison", of: {of(Comparison(symbols[0], symbols[1], node.operation))} }}'
    rule: Rule = node.rule
    if rule is ops.where_:
        return '{ kind: "choice", of: (v) => (v[0] ? v[1] : v[2]) }'
    together = type(node.x) is tuple
    given: tuple[Any, ...] = (tuple(symbols), node.y) if together else tuple(symbols)
    out = Symbol("out", node.number)
    done = Symbol(None, node.number, rule, *given)
    kind = KINDS.get(rule, "share" if together else "function")
    slopes = rule.dx(1.0, out, *given) if together else [rule.dx(1.0, out, *given)]
    slopes += [rule.dy(1.0, out, *given)] if rule.dy else []
    fields = [f'kind: "{kind}"', f"inputs: {len(inputs)}", f"of: {of(done)}", f"slopes: [{', '.join(map(of, slopes))}]"]
    if rule in TRANSCENDENTAL:
        fields.append(f"rational: {1 if rule is ops.log else 0}")
    if rule in INSIDE:
        pairs = (f"[{of(slope)}, {of(size)}]" for slope, size in INSIDE[rule](out))
        fields.append(f"inside: [{', '.join(pairs)}]")
    return f"{{ {', '.join(fields)} }}"


class Answers:
    """What is handed over for the quantities that may be asked for."""

    def __init__(self, solution: Solution, lines: Lines, names: Iterable[str]) -> None:
        """names: of the quantities, as on a sheet."""
        self.solution, self.exercise = solution, solution.exercise
        self.lines, self.forms, self.table = lines, Forms(solution, lines), Table()
        self.names = list(dict.fromkeys(names))
        self.keys = {name: self.forms.key(name) for name in self.names}
        self.written = set(self.keys.values()) - {""}
        self.gradients = {key for key in self.written if key in self.forms.gradients}

    def content(self) -> dict[str, Any]:
        """All of it, ready for JSON; what has names of the exercise as keys is a list of pairs."""
        asked = list(self._asked())
        forms = [(key, list(self._forms(key))) for key in dict.fromkeys(self.keys.values()) if key]
        ways = list(self._ways())
        quantities = list(self._quantities(key for key, _ in forms))
        changed = dict.fromkeys([*self.exercise.parameters, *self.exercise.states], "+")
        return {
            "reading": reading(),
            "start": list(self.forms.start.items()),
            "marks": list((changed | dict.fromkeys(self.exercise.forward, "'")).items()),
            "asked": asked,
            "forms": forms,
            "ways": ways,
            "quantities": quantities,
            "nodes": self.table.rows,
        }

    def script(self) -> str:
        """RULES in JavaScript: those that come up in the forms. To be asked for after the content."""
        rules = "".join(f'  "{name}": {rule_in_javascript(node)},\n' for name, node in self.table.rules.items())
        return f"const RULES = {{\n{rules}}};\n\n"

    def _asked(self) -> Iterator[dict[str, Any]]:
        """Each quantity: what it is, and which of the others may be worked from it."""
        meant = [parse_name(self.exercise, name) for name in self.names]
        later = self.forms.before(meant)
        for name, asked, then in zip(self.names, meant, later, strict=True):
            is_own = asked.is_parameter and asked.of in self.exercise.parameters
            slope = Quantity(self.exercise.loss, asked.of, asked.in_pass)
            yield {
                "name": name,
                "key": self.keys[name],
                "value": self.solution.value(asked),
                "group": group_of(asked),
                "stage": [int(each) for each in stage(asked)],
                "later": then,
                **({"old": self.solution.value(asked.before)} if asked.step else {}),
                **({"slope": self.forms.key(str(slope))} if is_own else {}),
            }

    def _forms(self, key: str) -> Iterator[Any]:
        """The forms of a quantity; one that needs another to be on the sheet with the names of which either does."""
        if self.forms.expansion(key) is None:
            return
        for form, either in self.forms.possible(key):
            names = [each for each in either if each in self.written]
            if names or not either:
                yield [self.table.place(form), *names]

    def _ways(self) -> Iterator[tuple[str, list[Any]]]:
        """How each quantity may be worked where it is wrong, or not on the sheet and needed for one that is wrong.

        Then, but in the usual way, it is worked so only from a gradient that is on the sheet.
        """
        forms, done = self.forms, set[str]()
        waiting = [key for key in dict.fromkeys(self.keys.values()) if key]
        while waiting:
            name = waiting.pop()
            if name in done or forms.expansion(name) is None:
                continue
            done.add(name)
            found: list[list[Any]] = []
            for form, either in forms.possible(name, named=True):
                names = [each for each in either if each in self.written]
                mentioned = forms.names_in(form)
                is_usable = name in self.written or not found or not self.gradients.isdisjoint(mentioned)
                if (names or not either) and is_usable:
                    found.append([self.table.place(form), *names])
                    waiting += mentioned
            yield name, found

    def _quantities(self, asked: Iterable[str]) -> Iterator[tuple[Any, ...]]:
        """Every quantity that comes up: its name, value, pass, group of a person's habit, and its usual form's row."""
        forms, done = self.forms, set[str]()
        waiting = [*asked, *self.table.names]
        while waiting:
            name = waiting.pop()
            if name in done:
                continue
            done.add(name)
            form, meant = forms.expansion(name), read(name)
            place = None if form is None else self.table.place(form)
            waiting += [] if form is None else forms.names_in(form)
            value = self.table.names.get(name)
            if value is None:
                value = self.solution.value(name)
            yield name, value, meant.in_pass, group_of(meant), place
