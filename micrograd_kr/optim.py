"""Optimisers: what is done with a gradient. SGD, Adam and AdamW, and schedules for the learning rate.

    optimizer = Adam(model.parameters(), lr=1e-3)
    schedule = StepLR(optimizer, step_size=10)
    for epoch in range(30):
        optimizer.zero_grad()
        loss(model(x), y).backward()
        optimizer.step()
        schedule.step()

Names, defaults and formulas are PyTorch's. A parameter is whatever has `.data` and `.grad`. A step gives it a new array
and writes into none that was there: a graph keeps the numbers it was computed from, a caller the array that was given.
A parameter without a gradient is left as it is, and so is what is known about it.
"""

import copy
import math
import reprlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Any

import numpy as np

from micrograd_kr.engine import UNSET, Value

# A parameter is updated in pieces of so many bytes: the four or five arrays of a piece stay in the cache, where those
# of a large parameter would not. Smaller pieces cost more in calls than they save.
PIECE = 480_000

# Optimisers and schedules are dataclasses. An option is a field, whose type says what it may be: how many numbers of
# which types, from where to where, and this in words.
_OPTIONS: Mapping[Any, tuple[int, Any, float, float, str]] = {
    float: (1, int | float, 0, sys.float_info.max, "a number, 0 or more"),
    int: (1, int, 1, sys.float_info.max, "a whole number of epochs, 1 or more"),
    "count": (1, int, 0, sys.float_info.max, "a whole number, 0 or more"),
    bool: (1, int, 0, 1, "True or False"),
    tuple[float, float]: (2, int | float, 0, math.nextafter(1, 0), "two numbers from 0 to less than 1"),
}


def _checked(name: str, value: Any, kind: Any = float) -> Any:
    count, types, least, most, wanted = _OPTIONS[kind]
    given = value if count > 1 and isinstance(value, tuple | list) else [value]
    plain = tuple(each.item() if isinstance(each, np.generic) else each for each in given)
    fits = len(plain) == count and all(isinstance(each, types) for each in plain)
    if not fits or not all(least <= each <= most for each in plain):
        raise (ValueError if fits else TypeError)(f"expected {name} to be {wanted}, got {reprlib.repr(value)}")
    return plain if count > 1 else bool(plain[0]) if kind is bool else plain[0]


def _check_options(given: Any) -> None:
    for each in fields(given):
        if each.type in _OPTIONS:
            setattr(given, each.name, _checked(each.name, getattr(given, each.name), each.type))


@dataclass(eq=False, repr=False)
class Optimizer:
    """What all optimisers share. An optimiser is a dataclass of its options, and defines `update`, the formula.

    params: a list of Values. lr: the learning rate, which may be set at any time.
    Raises TypeError or ValueError where there is no parameter, or one twice, and for an option that makes no sense.
    """

    params: Any
    lr: float = 1e-3

    def __post_init__(self) -> None:
        if isinstance(self.params, Value | np.ndarray):
            raise TypeError("expected a list of parameters, got one: give [parameter], or model.parameters()")
        self.params = list(self.params)
        for each in self.params:
            if not hasattr(each, "data") or not hasattr(each, "grad"):
                raise TypeError(f"expected parameters with .data and .grad, got {type(each).__name__}: give Values")
        if len({id(each) for each in self.params}) < max(len(self.params), 1):
            got = "some of them twice" if self.params else "none"
            raise ValueError(f"expected parameters, each once, got {got}: give model.parameters()")
        self.state: dict[int, dict[str, Any]] = {}
        _check_options(self)

    def options(self) -> dict[str, Any]:
        """What was chosen, by name."""
        return {each.name: getattr(self, each.name) for each in fields(self) if each.name != "params"}

    def update(self, p: Any, g: Any, out: Any, state: Mapping[str, Any], first: bool) -> Any:
        """The array p changed by its gradient g, written into `out`, or where that is None a new array.

        What is known about p, in `state`, changes in place; p and g do not. first: whether nothing was known before.
        """
        raise NotImplementedError(f"{type(self).__name__} has no update: define its formula")

    def new_state(self, p: Any) -> dict[str, Any]:
        """What is known about a parameter before its first step."""
        return {}

    def step(self) -> None:
        """Change every parameter that has a gradient."""
        for i, each in enumerate(self.params):
            p, g = each.data, each.grad
            if g is UNSET or g is None:
                continue
            scalar = not isinstance(p, np.ndarray)
            if scalar:
                p, g = np.array([p]), np.array([g])
            elif not isinstance(g, np.ndarray):
                g = np.full_like(p, g)
            first = i not in self.state
            if first:
                self.state[i] = self.new_state(p)
            state = self.state[i]
            if "step" in state:
                state["step"] += 1
            if p.nbytes <= PIECE:
                new = self.update(p, g, None, state, first)
            else:
                new, length = np.empty_like(p), max(1, PIECE * len(p) // p.nbytes)
                for rows in (slice(start, start + length) for start in range(0, len(p), length)):
                    known = {name: held[rows] if np.ndim(held) else held for name, held in state.items()}
                    self.update(p[rows], g[rows], new[rows], known, first)
            each.data = float(new[0]) if scalar else new if new.dtype is p.dtype else new.astype(p.dtype)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradient of every parameter; or with false, as PyTorch does, set those that are there to 0."""
        for each in self.params:
            unset = set_to_none or each.grad is UNSET or each.grad is None
            each.grad = UNSET if unset else np.zeros_like(each.data) if np.ndim(each.data) else 0.0

    def state_dict(self) -> dict[str, Any]:
        """What a later run needs to go on, in PyTorch's layout; arrays are copied."""
        group = {**self.options(), "params": list(range(len(self.params)))}
        return {"state": copy.deepcopy(self.state), "param_groups": [group]}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from a state_dict, PyTorch's too, with the options that were saved in it.

        Raises TypeError for what is no state_dict, ValueError where it belongs to other parameters or another
        optimiser, and either for an option that makes no sense; then nothing has been changed.
        """
        name, count = type(self).__name__, len(self.params)
        try:
            (group,) = state_dict["param_groups"]
            there, saved = dict(group), len(group["params"])
            known = {i: {k: v for k, v in each.items() if v is not None} for i, each in state_dict["state"].items()}
        except (TypeError, ValueError, LookupError, AttributeError) as error:
            got = f'{type(state_dict).__name__} without its "param_groups" and "state"'
            raise TypeError(f"expected what {name}.state_dict() returns, got {got}") from error
        absent = [each for each in self.options() if each not in there]
        if absent or there.get("maximize"):
            got = f"without {', '.join(absent)}" if absent else f"with maximize=True, where {name} minimizes"
            raise ValueError(f"expected a state of {name}, got one {got}")
        if saved != count or not set(known) <= {*range(count)}:
            got = f"that of {saved}" if saved != count else f"one of {', '.join(map(str, known))}"
            raise ValueError(f"expected the state of {count} parameters, got {got}: load it into its own model")
        loaded = replace(self, **{each: there[each] for each in self.options()})
        for i, entry in known.items():
            new = loaded.new_state(np.atleast_1d(self.params[i].data))
            if new.keys() != entry.keys():
                got = f"{', '.join(map(str, entry))}: load it with the optimiser and the options it is of"
                raise ValueError(f"expected {', '.join(new) or 'nothing'} for each parameter, got {got}")
            loaded.state[i] = {k: _like(each, entry[k], f"{k} of parameter {i}") for k, each in new.items()}
        vars(self).update(vars(loaded))

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value}" for name, value in self.options().items())
        return f"{type(self).__name__}({len(self.params)} parameters, {settings})"


def _like(new: Any, saved: Any, name: str) -> Any:
    """A saved number or array in the form of what stands there at the start."""
    try:
        array = np.atleast_1d(saved)
    except ValueError:  # a list of lists of several lengths
        array = np.array(None)
    if array.dtype.kind not in "fiub" or array.shape != np.atleast_1d(new).shape:
        got = f"{array.dtype} of shape {array.shape}: this is another model's state"
        raise ValueError(f"expected real numbers of shape {np.shape(new)} for {name}, got {got}")
    if not isinstance(new, np.ndarray):
        return float(_checked(name, array[0]))
    if "_sq" in name and array.min(initial=0) < 0:
        raise ValueError(f"expected {name} to be a mean of squares, 0 or more, got {array.min():g}")
    with np.errstate(over="ignore"):
        return array.astype(new.dtype)


@lru_cache
def _factor(number: float, dtype: Any) -> Any:
    """A number as an array without a dimension, by which numpy multiplies a small array in half the time of a float."""
    return np.array(number, dtype)


@dataclass(eq=False, repr=False)
class SGD(Optimizer):
    """w ← w − lr·g; with momentum, w ← w − lr·v, v ← momentum·v + (1 − dampening)·g, where v starts as g.

    nesterov: g + momentum·v takes the place of v. weight_decay: λ adds λ·w to the gradient.
    """

    momentum: float = 0
    dampening: float = 0
    weight_decay: float = 0
    nesterov: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.nesterov and (not self.momentum or self.dampening):
            got = f"momentum={self.momentum}, dampening={self.dampening}"
            raise ValueError(f"nesterov needs a momentum and no dampening, got {got}")

    def new_state(self, p: Any) -> dict[str, Any]:
        return {"momentum_buffer": np.zeros_like(p)} if self.momentum else {}

    def update(self, p: Any, g: Any, out: Any, state: Mapping[str, Any], first: bool) -> Any:
        if self.weight_decay:
            g = g + self.weight_decay * p
        if self.momentum:
            v = state["momentum_buffer"]
            v *= self.momentum
            v += g if first else (1 - self.dampening) * g
            g = g + self.momentum * v if self.nesterov else v
        new = np.multiply(g, _factor(-float(self.lr), g.dtype), out)
        new += p
        return new


@dataclass(eq=False, repr=False)
class Adam(Optimizer):
    """w ← w − lr·m̂ / (√v̂ + eps), from running means m of the gradient and v of its square.

    m̂ = m / (1 − β₁ᵗ) and v̂ = v / (1 − β₂ᵗ) undo that both start at 0. weight_decay: λ adds λ·w to the gradient.
    amsgrad: the largest v so far takes the place of v. Source: Kingma and Ba, arXiv 1412.6980.
    """

    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0
    amsgrad: bool = False

    def new_state(self, p: Any) -> dict[str, Any]:
        names = ["exp_avg", "exp_avg_sq"] + ["max_exp_avg_sq"] * self.amsgrad
        return {"step": 0.0} | {name: np.zeros_like(p) for name in names}

    def decayed(self, p: Any, g: Any) -> tuple[Any, Any]:
        """The parameter and the gradient with weight decay in it."""
        return p, g + self.weight_decay * p if self.weight_decay else g

    def update(self, p: Any, g: Any, out: Any, state: Mapping[str, Any], first: bool) -> Any:
        # One array holds all that is temporary and becomes the parameter, and no pass is made that a factor can save.
        beta1, beta2 = self.betas
        t, m, v = state["step"], state["exp_avg"], state["exp_avg_sq"]
        p, g = self.decayed(p, g)
        m *= beta1
        new = np.multiply(g, 1 - beta1, out)
        m += new
        new *= g
        new *= (1 - beta2) / (1 - beta1)
        v *= beta2
        v += new
        if self.amsgrad:
            v = np.maximum(state["max_exp_avg_sq"], v, out=state["max_exp_avg_sq"])
        corrected = math.sqrt(1 - beta2**t)  # m̂ / (√v̂ + eps) with this taken out of the fraction: a division less
        np.sqrt(v, out=new)
        new += self.eps * corrected
        np.divide(m, new, out=new)
        new *= -self.lr * corrected / (1 - beta1**t)
        new += p
        return new


@dataclass(eq=False, repr=False)
class AdamW(Adam):
    """Adam whose weight decay takes lr·λ·w off the parameter itself. Source: Loshchilov and Hutter, 1711.05101."""

    weight_decay: float = 1e-2

    def decayed(self, p: Any, g: Any) -> tuple[Any, Any]:
        return p * (1 - self.lr * self.weight_decay), g


@dataclass(eq=False)
class Schedule:
    """What all schedules share: after each epoch the learning rate that stands there is changed, so that one set by
    hand stays and two schedules combine. A schedule is a dataclass of its options, and defines `next_lr`.
    """

    optimizer: Optimizer

    def __post_init__(self) -> None:
        self.base_lr, self.last_epoch = float(self.optimizer.lr), 0
        _check_options(self)

    def next_lr(self, lr: float) -> float:
        """The learning rate after `last_epoch` epochs, from the one before."""
        raise NotImplementedError(f"{type(self).__name__} has no next_lr: define its formula")

    def step(self) -> None:
        """An epoch is over: change the optimiser's learning rate for the next."""
        self.last_epoch += 1
        self.optimizer.lr = self.next_lr(self.optimizer.lr)

    def get_last_lr(self) -> list[float]:
        """The learning rate now, in a list as PyTorch has it."""
        return [self.optimizer.lr]

    def state_dict(self) -> dict[str, Any]:
        """What a later run needs to go on."""
        return {"base_lr": self.base_lr, "last_epoch": self.last_epoch}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from a state_dict; the optimiser loads its own, with its learning rate.

        Raises TypeError or ValueError for what is none; then nothing has been changed.
        """
        try:
            base_lr, epochs = state_dict["base_lr"], state_dict["last_epoch"]
        except (TypeError, LookupError) as error:
            got = f'{type(state_dict).__name__} without "base_lr" and "last_epoch"'
            raise TypeError(f"expected what {type(self).__name__}.state_dict() returns, got {got}") from error
        self.base_lr, self.last_epoch = float(_checked("base_lr", base_lr)), _checked("last_epoch", epochs, "count")


@dataclass(eq=False)
class StepLR(Schedule):
    """After every step_size epochs the learning rate is multiplied by gamma."""

    step_size: int
    gamma: float = 0.1

    def next_lr(self, lr: float) -> float:
        return lr if self.last_epoch % self.step_size else lr * self.gamma


@dataclass(eq=False)
class ExponentialLR(Schedule):
    """After every epoch the learning rate is multiplied by gamma."""

    gamma: float

    def next_lr(self, lr: float) -> float:
        return lr * self.gamma


@dataclass(eq=False)
class CosineAnnealingLR(Schedule):
    """Half a cosine from the first learning rate down to eta_min, in T_max epochs; then up again.

    Source: Loshchilov and Hutter, arXiv 1608.03983; the quotient of two epochs' rates is PyTorch's.
    """

    T_max: int
    eta_min: float = 0.0

    def next_lr(self, lr: float) -> float:
        before, now = (1 + math.cos(math.pi * each / self.T_max) for each in (self.last_epoch - 1, self.last_epoch))
        if (self.last_epoch - 1) % (2 * self.T_max) == self.T_max:  # from the lowest point on nothing can be multiplied
            return lr + (self.base_lr - self.eta_min) * (1 - math.cos(math.pi / self.T_max)) / 2
        return now / before * (lr - self.eta_min) + self.eta_min
