"""Modules: whatever holds parameters, and modules one after another."""

from collections.abc import Iterable, Iterator, Mapping
from copy import copy
from textwrap import indent
from typing import Any, Self

import numpy as np

from micrograd_kr.engine import UNSET, Value
from micrograd_kr.printed import displayable

__all__ = ["Module", "Sequential"]


class Module:
    """Anything with parameters: the Values among its attributes, or in modules, lists, tuples and dicts there.

    A module defines `forward`, and is called.
    """

    training: bool = True

    def __call__(self, *args: Any) -> Any:
        return self.forward(*args)

    def forward(self, *args: Any) -> Any:
        """What the module computes; each module defines its own."""
        raise NotImplementedError(f"{type(self).__name__} has no forward: define what it computes from its inputs")

    def parameters(self) -> list[Value]:
        """Every Value of this module and of those inside it, in the order of assignment; a shared one once.

        A Value that an operation made is no parameter: a module may keep its last output.
        """
        return [each for _, each in self.named_parameters()]

    def named_parameters(self, *, remove_duplicate: bool = True) -> list[tuple[str, Value]]:
        """The parameters with their names, "0.weight"; a shared one once, by its first name, or by each that it has."""
        found = [(name, each) for name, each in _held(self) if isinstance(each, Value)]
        return _once(found, Value) if remove_duplicate else found

    def count_parameters(self) -> int:
        """How many numbers a training changes."""
        return sum(each.size for each in self.parameters())

    def modules(self) -> list["Module"]:
        """This module and all those inside it, each once."""
        return [each for _, each in self.named_modules()]

    def named_modules(self) -> list[tuple[str, "Module"]]:
        """The same with their names, "0.1", this one's empty; a shared one once, by its first name."""
        return _once([("", self), *_held(self)], Module)

    def generators(self) -> list[np.random.Generator]:
        """The generators that this module and those inside it draw from, each once."""
        held = (each for module in self.modules() for each in vars(module).values())
        return list(dict.fromkeys(each for each in held if isinstance(each, np.random.Generator)))

    def children(self) -> list["Module"]:
        """The modules directly inside this one, each once."""
        return [each for _, each in self.named_children()]

    def named_children(self) -> list[tuple[str, "Module"]]:
        """The modules directly inside this one with their names; a shared one once, by its first name."""
        return _once(_held(self, deep=False), Module)

    def train(self, mode: bool = True) -> Self:
        """Switch to training, where dropout drops; or with false, as `eval` does, to evaluation."""
        for each in self.modules():
            each.training = mode
        return self

    def eval(self) -> Self:
        """Switch to evaluation."""
        return self.train(False)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradient of every parameter; or with false, as PyTorch does, set those that are there to 0."""
        for p in self.parameters():
            p.grad = UNSET if set_to_none or p.grad is UNSET else np.zeros_like(p.data) if p.ndim else 0.0

    def state_dict(self) -> dict[str, Any]:
        """The numbers of every parameter by name, copied: training on does not change them."""
        return {name: copy(each.data) for name, each in self.named_parameters(remove_duplicate=False)}

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> None:
        """Take over the numbers of a state_dict: arrays, floats, or PyTorch's tensors. Dtypes stay.

        strict: every name must be there, and no other. Raises TypeError for what is no mapping, RuntimeError, as
        PyTorch does, for what does not fit; then nothing has been changed.
        """
        if not isinstance(state_dict, Mapping):
            got = f"{type(state_dict).__name__}: give what model.state_dict() returns (with its parentheses)"
            raise TypeError(f"expected a mapping from names to arrays, got {got}")
        own = dict(self.named_parameters(remove_duplicate=False))
        wrong = [f"missing {name}" for name in own if strict and name not in state_dict]
        wrong += [f"unexpected {name}" for name in state_dict if strict and name not in own]
        new = {}
        for name in own:
            if name in state_dict:
                new[name], odd = _numbers(state_dict[name], own[name].shape)
                wrong += [f"{name} {odd}"] if odd else []
        if wrong:
            named = displayable("; ".join(wrong), "utf-8")  # what a file says could move a terminal's cursor
            got = f"one that does not fit: {named}. {_remedy(list(own), list(map(str, state_dict)))}"
            raise RuntimeError(f"expected the state_dict of a {type(self).__name__} like this one, got {got}")
        with np.errstate(over="ignore"):
            for name, array in new.items():
                own[name].data = array.astype(own[name].dtype)

    def to(self, device: str) -> Self:
        """Nothing: all is computed on the CPU. It is here so that programs written for PyTorch run."""
        if not isinstance(device, str):
            remedy = "a layer's dtype is chosen when it is made, Linear(…, dtype=np.float64)"
            raise TypeError(f'expected the name of a device such as "cpu", got {device!r}: {remedy}')
        return self

    def extra_repr(self) -> str:
        """What stands in the parentheses of repr; a layer with options defines it."""
        return ""

    def __repr__(self) -> str:
        held = [f"({name}): {each!r}" for name, each in _held(self, deep=False) if isinstance(each, Module)]
        inside = "\n".join(filter(None, [self.extra_repr(), *held]))
        inside = indent(f"\n{inside}\n", "  ") if held else inside
        return f"{type(self).__name__}({inside})"


def _numbers(given: Any, shape: tuple[int, ...]) -> tuple[np.ndarray, str]:
    """An entry of a state_dict as an array, and what keeps it from being a parameter of a shape."""
    given = given.data if isinstance(given, Value) else given
    try:  # a tensor may ask for gradients, or lie elsewhere than in this machine's memory
        array = np.asarray(given.detach().cpu() if hasattr(given, "detach") else given)
    except (TypeError, ValueError, RuntimeError):
        kind = getattr(given, "dtype", type(given).__name__)
        return np.empty(0), f"holds {kind}, which numpy cannot read: of a tensor give its .float()"
    if array.dtype.kind not in "fiub":
        return array, f"holds {array.dtype}, not real numbers"
    turned = ", its axes turned about: give its .T" if array.shape == shape[::-1] else ""
    return array, "" if array.shape == shape else f"has shape {array.shape} where this model has {shape}{turned}"


def _remedy(own: list[str], given: list[str]) -> str:
    """What to do about a state_dict that does not fit, by the names here and there."""
    prefix = next((name.removesuffix(own[0]) for name in given if own and name.endswith(own[0])), "")
    if prefix and {prefix + name for name in own} <= {*given}:
        return f"Its names begin with {prefix!r}: take that off, name.removeprefix({prefix!r})"
    return "Build the model it was saved from"


def _held(
    part: Any, deep: bool = True, name: str = "", above: tuple[int, ...] = ()
) -> Iterator[tuple[str, Module | Value]]:
    """The modules and the parameters in a part with their names, those in lists, tuples and dicts too, a shared one by
    each of its names. deep: and what the modules hold, after each.
    """
    held = vars(part) if isinstance(part, Module) else part if isinstance(part, dict) else dict(enumerate(part))
    for key, each in held.items():
        path, is_module = f"{name}.{key}" if name else str(key), isinstance(each, Module)
        if is_module or (isinstance(each, Value) and each.rule is None):
            yield path, each
        inside = isinstance(each, list | tuple | dict) or (is_module and deep)
        if inside and id(each) not in (*above, id(part)):
            yield from _held(each, deep, path, (*above, id(part)))


def _once(found: Iterable[tuple[str, Any]], kind: type) -> list[tuple[str, Any]]:
    """What is of a kind, each once, by its first name."""
    first: dict[Any, str] = {}
    for name, each in found:
        if isinstance(each, kind):
            first.setdefault(each, name)
    return [(name, each) for each, name in first.items()]


class Sequential(Module):
    """Modules one after another. Called with the first one's input; `model[0]`, `len(model)` and iteration work."""

    def __init__(self, *modules: Module) -> None:
        for i, each in enumerate(modules):
            if not isinstance(each, Module):
                raise TypeError(f"expected modules, got {each!r} in place {i}: give Sequential(first, second, …)")
            setattr(self, str(i), each)

    def forward(self, x: Any) -> Any:
        for each in self:
            x = each(x)
        return x

    def __iter__(self) -> Iterator[Module]:
        return (each for each in vars(self).values() if isinstance(each, Module))

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __getitem__(self, i: int | slice) -> Module:
        found = list(self)[i]
        return Sequential(*found) if isinstance(found, list) else found
