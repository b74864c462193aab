"""What of an exercise stands where in a picture of it."""

import ast
from collections import Counter
from dataclasses import dataclass

from micrograd_kr.teacher.ask.solution import Solution
from micrograd_kr.teacher.derive.expressions import number
from micrograd_kr.teacher.derive.lines import Lines


@dataclass(frozen=True)
class Plan:
    """What of an exercise stands where.

    arcs: (local derivative, contribution) of each pair of quantities, the second computed from the first.
    pairs: z for each h = f(z) that is all z is used for: the two share a box.
    weights: the parameter W of each (x, z) where W·x is part of z and W is used nowhere else: it stands on the line.
    users: what each quantity is used by.
    """

    arcs: dict[tuple[str, str], tuple[float, float]]
    pairs: dict[str, str]
    weights: dict[tuple[str, str], str]
    users: dict[str, list[str]]

    def home(self, name: str) -> str:
        """The box in which a quantity stands."""
        used_by = self.users[name]
        return used_by[0] if len(used_by) == 1 and self.pairs.get(used_by[0]) == name else name

    def reaches(self, name: str) -> set[str]:
        """Everything that depends on a quantity, itself included."""
        found, waiting = {name}, [name]
        while waiting:
            new = set(self.users[waiting.pop()]) - found
            found |= new
            waiting += new
        return found


def planned(lines: Lines, solution: Solution) -> Plan:
    """What a picture of an exercise is made of."""
    exercise, users = solution.exercise, lines.users
    arcs: dict[tuple[str, str], tuple[float, float]] = {}
    for target, line in lines.lines.items():
        for source, partial in line.partials.items():
            local = float(number(partial))
            arcs[source, target] = local, solution.gradients.get(target, 0.0) * local
    pairs: dict[str, str] = {}
    weights: dict[tuple[str, str], str] = {}
    for name, formula in exercise.forward.items():
        match formula.tree:
            case ast.Call(args=[ast.Name(id=z)]) if z in exercise.forward and len(users[z]) == 1 and z not in pairs:
                pairs[name] = z
        used = Counter(each.id for each in ast.walk(formula.tree) if isinstance(each, ast.Name))
        for node in ast.walk(formula.tree):
            match node:
                case ast.BinOp(left=ast.Name(id=one), op=ast.Mult(), right=ast.Name(id=other)) if (
                    used[one] == used[other] == 1
                ):
                    for w, x in ((one, other), (other, one)):
                        if w in exercise.parameters and x not in exercise.parameters and len(users[w]) == 1:
                            weights[x, name] = w
    return Plan(arcs, pairs, weights, users)
