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
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar

import numpy as np

from micrograd_kr.engine import UNSET, Value

# A parameter is updated in pieces of so many bytes: the four or five arrays of a piece stay in the cache, where those
# of a large parameter would not. Smaller pieces cost more in calls than they save.
PIECE = 480_000


# --- options ----------------------------------------------------------------------------------------------------------


def _at_least_0(name: str, number: Any) -> Any:
    if not isinstance(number, int | float | np.integer | np.floating):
        raise TypeError(f"expected {name} to be a number, 0 or more, got {number!r}")
    plain = number.item() if isinstance(number, np.generic) else number
    if not 0 <= plain <= sys.float_info.max:
        raise ValueError(f"expected {name} to be 0 or more, got {number}")
    return plain


def _at_least_1(name: str, number: Any) -> Any:
    if not isinstance(number, int | np.integer):
        raise TypeError(f"expected {name} to be a whole number of epochs, got {number!r}")
    if number < 1:
        raise ValueError(f"expected a {name} of at least one epoch, got {number}")
    return number


def _two_betas(name: str, betas: Any) -> tuple[float, float]:
    if not isinstance(betas, tuple | list) or len(betas) != 2:
        raise TypeError(f"expected two {name}, got {betas!r}")
    first, second = (_at_least_0(name, each) for each in betas)
    if max(first, second) >= 1:
        raise ValueError(f"expected two {name} from 0 to less than 1, got {betas}")
    return first, second


def _yes_or_no(name: str, value: Any) -> bool:
    if not isinstance(value, bool | np.bool_ | int):
        raise TypeError(f"expected {name} to be True or False, got {value!r}")
    return bool(value)


# --- optimisers -------------------------------------------------------------------------------------------------------


class Optimizer:
    """What all optimisers share. An optimiser names its options, and defines `update`, the formula, on arrays.

    params: a list of Values. lr: the learning rate, which may be set at any time.
    Raises TypeError or ValueError where there is no parameter, or one twice, and for an option that makes no sense.
    """

    # How each option is checked, by its name.
    options: ClassVar[Mapping[str, Callable[[str, Any], Any]]] = {"lr": _at_least_0}

    def __init__(self, params: Iterable[Any], **options: Any) -> None:
        if isinstance(params, Value | np.ndarray):
            raise TypeError("expected a list of parameters, got one: give [parameter], or model.parameters()")
        self.params = list(params)
        for each in self.params:
            if not hasattr(each, "data") or not hasattr(each, "grad"):
                raise TypeError(f"expected parameters with .data and .grad, got {type(each).__name__}: give Values")
        if not self.params or len({id(each) for each in self.params}) < len(self.params):
            raise ValueError(
                f"expected parameters, each once, got {len(self.params)} with some of them twice: "
                "give model.parameters()"
                if self.params
                else "expected parameters to change, got none: give model.parameters()"
            )
        self.lr: float
        self.state: dict[int, dict[str, Any]] = {}
        self.set_options(options)

    def set_options(self, options: Mapping[str, Any]) -> None:
        """Check the options and take them over."""
        for name, checked in self.options.items():
            setattr(self, name, checked(name, options[name]))

    def update(self, p: Any, g: Any, state: Mapping[str, Any], first: bool, out: Any = None) -> Any:
        """The array p changed by its gradient g, written into `out` or else a new array. What is known about it, in
        `state`, changes in place; p and g do not.
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
                p = np.array([p])
            if getattr(g, "shape", ()) != p.shape:
                g = np.broadcast_to(g, p.shape)
            state = self.state.get(i)
            first = state is None
            if state is None:
                state = self.state[i] = self.new_state(p)
            if "step" in state:
                state["step"] += 1
            new = self.update(p, g, state, first) if p.nbytes <= PIECE else self.update_pieces(p, g, state, first)
            each.data = float(new[0]) if scalar else new if new.dtype is p.dtype else new.astype(p.dtype)

    def update_pieces(self, p: Any, g: Any, state: Mapping[str, Any], first: bool) -> Any:
        """A large array changed piece by piece."""
        out = np.empty_like(p)
        arrays = {name: value for name, value in state.items() if isinstance(value, np.ndarray)}
        for p_piece, out_piece, g_piece, *rest in _pieces(p, out, g, *arrays.values()):
            self.update(p_piece, g_piece, {**state, **dict(zip(arrays, rest, strict=True))}, first, out_piece)
        return out

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradient of every parameter; or with false, as PyTorch does, set those that are there to 0."""
        for each in self.params:
            if set_to_none or each.grad is UNSET or each.grad is None:
                each.grad = UNSET
            else:
                each.grad = np.zeros_like(each.grad) if isinstance(each.grad, np.ndarray) else 0.0

    def state_dict(self) -> dict[str, Any]:
        """What a later run needs to go on, in PyTorch's layout; arrays are copied."""
        state = {
            i: {name: value.copy() if isinstance(value, np.ndarray) else value for name, value in each.items()}
            for i, each in self.state.items()
        }
        group = {name: getattr(self, name) for name in self.options} | {"params": list(range(len(self.params)))}
        return {"state": state, "param_groups": [group]}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from a state_dict, PyTorch's too, with the options that were saved in it.

        Raises TypeError for what is no state_dict, ValueError where it belongs to other parameters or another
        optimiser, and either for an option that makes no sense; then nothing has been changed.
        """
        name = type(self).__name__
        try:
            saved, (group,) = state_dict["state"], state_dict["param_groups"]
            count, there = len(group["params"]), dict(group)
        except (TypeError, ValueError, LookupError, AttributeError) as error:
            raise TypeError(
                f"expected what {name}.state_dict() returns, got {type(state_dict).__name__} "
                'without "state" and one of "param_groups"'
            ) from error
        absent = [each for each in self.options if each not in there]
        if absent:
            raise ValueError(f"expected a state of {name}, got one without {', '.join(absent)}")
        if there.get("maximize"):
            raise ValueError(f"expected a state of {name}, which minimizes, got one of an optimiser with maximize=True")
        if count != len(self.params):
            raise ValueError(
                f"expected the state of {len(self.params)} parameters, got that of {count}: "
                "build the model it was saved from"
            )
        loaded = copy.copy(self)
        loaded.set_options(there)
        loaded.state = loaded.read(saved)
        vars(self).update(vars(loaded))

    def read(self, saved: Any) -> dict[int, dict[str, Any]]:
        """What is known about the parameters, from a state_dict, in our own arrays."""
        if not isinstance(saved, Mapping) or not all(isinstance(each, Mapping) for each in saved.values()):
            raise TypeError("expected a state that is a mapping from each parameter's number to what is known about it")
        places = {str(i): i for i in range(len(self.params))}
        new: dict[int, dict[str, Any]] = {}
        for key, entry in saved.items():
            if str(key) not in places:
                raise ValueError(f"expected the state of parameters 0 to {len(places) - 1}, got one of {key!r}")
            i = places[str(key)]
            known = self.new_state(np.atleast_1d(self.params[i].data))
            if set(known) != {name for name, value in entry.items() if value is not None}:
                raise ValueError(
                    f"expected {', '.join(known) or 'nothing'} for each parameter, got {', '.join(map(str, entry))}: "
                    f"this is another optimiser's state, or other options of {type(self).__name__}"
                )
            new[i] = {name: _like(known[name], entry[name], f"{name} of parameter {i}") for name in known}
        return new

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={getattr(self, name)}" for name in self.options)
        return f"{type(self).__name__}({len(self.params)} parameters, {settings})"


class SGD(Optimizer):
    """w ← w − lr·g; with momentum, w ← w − lr·v, v ← momentum·v + (1 − dampening)·g, where v starts as g.

    nesterov: g + momentum·v takes the place of v. weight_decay: λ adds λ·w to the gradient.
    """

    options: ClassVar = {
        "lr": _at_least_0, "momentum": _at_least_0, "dampening": _at_least_0, "weight_decay": _at_least_0,
        "nesterov": _yes_or_no,
    }  # fmt: skip
    momentum: float
    dampening: float
    weight_decay: float
    nesterov: bool

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
    ) -> None:
        super().__init__(
            params, lr=lr, momentum=momentum, dampening=dampening, weight_decay=weight_decay, nesterov=nesterov
        )

    def set_options(self, options: Mapping[str, Any]) -> None:
        super().set_options(options)
        if self.nesterov and (not self.momentum or self.dampening):
            raise ValueError(
                f"nesterov needs a momentum and no dampening, got momentum={self.momentum}, dampening={self.dampening}"
            )

    def new_state(self, p: Any) -> dict[str, Any]:
        return {"momentum_buffer": np.zeros_like(p)} if self.momentum else {}

    def update(self, p: Any, g: Any, state: Mapping[str, Any], first: bool, out: Any = None) -> Any:
        if self.weight_decay:
            g = g + self.weight_decay * p
        if self.momentum:
            v = state["momentum_buffer"]
            v *= self.momentum
            v += g if first else (1 - self.dampening) * g
            g = g + self.momentum * v if self.nesterov else v
        new = np.multiply(g, -self.lr, out)
        new += p
        return new


class Adam(Optimizer):
    """w ← w − lr·m̂ / (√v̂ + eps), from running means m of the gradient and v of its square.

    m̂ = m / (1 − β₁ᵗ) and v̂ = v / (1 − β₂ᵗ) undo that both start at 0. weight_decay: λ adds λ·w to the gradient.
    amsgrad: the largest v so far takes the place of v. Source: Kingma and Ba, arXiv 1412.6980.
    """

    options: ClassVar = {
        "lr": _at_least_0, "betas": _two_betas, "eps": _at_least_0, "weight_decay": _at_least_0, "amsgrad": _yes_or_no,
    }  # fmt: skip
    betas: tuple[float, float]
    eps: float
    weight_decay: float
    amsgrad: bool

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
    ) -> None:
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad)

    def new_state(self, p: Any) -> dict[str, Any]:
        names = ["exp_avg", "exp_avg_sq"] + ["max_exp_avg_sq"] * self.amsgrad
        return {"step": 0.0} | {name: np.zeros_like(p) for name in names}

    def decayed(self, p: Any, g: Any) -> tuple[Any, Any]:
        """The parameter and the gradient with weight decay in it."""
        return p, g + self.weight_decay * p if self.weight_decay else g

    def update(self, p: Any, g: Any, state: Mapping[str, Any], first: bool, out: Any = None) -> Any:
        # One array holds all that is temporary and becomes the parameter, and no pass is made that a factor can save.
        beta1, beta2 = self.betas
        t, m, v = state["step"], state["exp_avg"], state["exp_avg_sq"]
        p, g = self.decayed(p, g)
        m *= beta1
        work = np.multiply(g, 1 - beta1, out)
        m += work
        work *= g
        work *= (1 - beta2) / (1 - beta1)
        v *= beta2
        v += work
        if self.amsgrad:
            v = np.maximum(state["max_exp_avg_sq"], v, out=state["max_exp_avg_sq"])
        corrected = math.sqrt(1 - beta2**t)  # m̂ / (√v̂ + eps) with this taken out of the fraction: a division less
        np.sqrt(v, out=work)
        work += self.eps * corrected
        np.divide(m, work, out=work)
        work *= -self.lr * corrected / (1 - beta1**t)
        work += p
        return work


class AdamW(Adam):
    """Adam whose weight decay takes lr·λ·w off the parameter itself. Source: Loshchilov and Hutter, 1711.05101."""

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad)

    def decayed(self, p: Any, g: Any) -> tuple[Any, Any]:
        return p * (1 - self.lr * self.weight_decay), g


def _pieces(p: Any, out: Any, g: Any, *state: Any) -> Iterator[tuple[Any, ...]]:
    """The same pieces of several arrays of one shape, as views."""
    if not all(each.flags.c_contiguous for each in (p, out, *state)):
        yield p, out, g, *state
        return
    flat = [each.reshape(-1) for each in (p, out, g, *state)]  # only the gradient, which is read, may be copied here
    length = PIECE // p.itemsize
    for start in range(0, p.size, length):
        yield tuple(each[start : start + length] for each in flat)


def _like(known: Any, saved: Any, name: str) -> Any:
    """A saved number or array in the form of what stands there at the start."""
    try:
        array = np.asarray(saved)
    except ValueError as error:  # a list of lists of several lengths
        raise ValueError(f"expected numbers for {name}, got {type(saved).__name__}: {error}") from error
    if array.dtype.kind not in "fiub":
        raise TypeError(f"expected real numbers for {name}, got {array.dtype}")
    if not isinstance(known, np.ndarray):
        if array.size != 1:
            raise ValueError(f"expected one number for {name}, got {array.size}")
        return float(_at_least_0(name, array.reshape(())[()]))
    array = np.atleast_1d(array)
    if array.shape != known.shape:
        raise ValueError(f"expected {name} of shape {known.shape}, got {array.shape}: this is another model's state")
    if "_sq" in name and array.min(initial=0) < 0:
        raise ValueError(f"expected {name} to be a mean of squares, 0 or more, got {array.min():g}")
    with np.errstate(over="ignore"):
        return array.astype(known.dtype)


# --- schedules --------------------------------------------------------------------------------------------------------


class Schedule:
    """What all schedules share: after each epoch the learning rate that stands there is changed, so that one set by
    hand stays and two schedules combine. A schedule defines `next_lr`.
    """

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer, self.base_lr, self.last_epoch = optimizer, float(optimizer.lr), 0

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
            base_lr, epochs = state_dict["base_lr"], _at_least_0("last_epoch", state_dict["last_epoch"])
        except (TypeError, LookupError) as error:
            raise TypeError(
                f"expected what {type(self).__name__}.state_dict() returns, got {type(state_dict).__name__} "
                'without "base_lr" and "last_epoch", two numbers'
            ) from error
        if epochs != int(epochs):
            raise ValueError(f"expected last_epoch to be a whole number, got {epochs}")
        self.base_lr, self.last_epoch = float(_at_least_0("base_lr", base_lr)), int(epochs)


class StepLR(Schedule):
    """After every step_size epochs the learning rate is multiplied by gamma."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        super().__init__(optimizer)
        self.step_size: int = _at_least_1("step_size", step_size)
        self.gamma: float = _at_least_0("gamma", gamma)

    def next_lr(self, lr: float) -> float:
        return lr if self.last_epoch % self.step_size else lr * self.gamma


class ExponentialLR(Schedule):
    """After every epoch the learning rate is multiplied by gamma."""

    def __init__(self, optimizer: Optimizer, gamma: float) -> None:
        super().__init__(optimizer)
        self.gamma: float = _at_least_0("gamma", gamma)

    def next_lr(self, lr: float) -> float:
        return lr * self.gamma


class CosineAnnealingLR(Schedule):
    """Half a cosine from the first learning rate down to eta_min, in T_max epochs; then up again.

    Source: Loshchilov and Hutter, arXiv 1608.03983; the quotient of two epochs' rates is PyTorch's.
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0) -> None:  # noqa: N803  (PyTorch's name)
        super().__init__(optimizer)
        self.T_max: int = _at_least_1("T_max", T_max)
        self.eta_min: float = _at_least_0("eta_min", eta_min)

    def next_lr(self, lr: float) -> float:
        before, now = (1 + math.cos(math.pi * each / self.T_max) for each in (self.last_epoch - 1, self.last_epoch))
        if (self.last_epoch - 1) % (2 * self.T_max) == self.T_max:  # from the lowest point on nothing can be multiplied
            return lr + (self.base_lr - self.eta_min) * (1 - math.cos(math.pi / self.T_max)) / 2
        return now / before * (lr - self.eta_min) + self.eta_min
