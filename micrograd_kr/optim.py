"""Optimisers: what is done with a gradient. SGD, Adam and AdamW, and schedules for the learning rate.

    optimizer = Adam(model.parameters(), lr=1e-3)
    schedule = StepLR(optimizer, step_size=10)
    for epoch in range(30):
        optimizer.zero_grad()
        loss(model(x), y).backward()
        optimizer.step()
        schedule.step()

Names, defaults and formulas are PyTorch's. A parameter is whatever has `.data` and `.grad`. An array is updated in
place: a layer owns its arrays. A parameter without a gradient is left as it is, and so is what is known about it.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from micrograd_kr.engine import UNSET, Value

# A parameter is updated in pieces of so many bytes: the four or five arrays of a piece stay in the cache, where those
# of a large parameter would not. Smaller pieces cost more in calls than they save.
PIECE = 480_000


# --- optimisers -------------------------------------------------------------------------------------------------------


class Optimizer:
    """What all optimisers share. An optimiser defines `update`, the formula, on arrays.

    params: a list of Values. lr: the learning rate, which may be set at any time.
    Raises TypeError or ValueError where there is no parameter, or one twice.
    """

    options: tuple[str, ...] = ("lr",)

    def __init__(self, params: Iterable[Any], lr: float) -> None:
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
        self.lr = _at_least_0("lr", lr)
        self.state: dict[int, dict[str, Any]] = {}

    def update(self, p: Any, g: Any, state: Mapping[str, Any], first: bool) -> None:
        """Change the array p by its gradient g, in place, and what is known about it in `state`."""
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
            state = self.state.get(i)
            first = state is None
            if state is None:
                state = self.state[i] = self.new_state(p)
            if "step" in state:
                state["step"] += 1
            self.update_all(p, g, state, first)
            if scalar:
                each.data = float(p[0])

    def update_all(self, p: Any, g: Any, state: Mapping[str, Any], first: bool) -> None:
        """Update an array, a large one piece by piece."""
        if p.nbytes <= PIECE:
            self.update(p, g, state, first)
            return
        arrays = {name: value for name, value in state.items() if isinstance(value, np.ndarray)}
        for piece, g_piece, *rest in _pieces(p, g, *arrays.values()):
            self.update(piece, g_piece, {**state, **dict(zip(arrays, rest, strict=True))}, first)

    def zero_grad(self) -> None:
        """Forget the gradient of every parameter."""
        for each in self.params:
            each.grad = UNSET

    def state_dict(self) -> dict[str, Any]:
        """What a later run needs to go on, in PyTorch's layout; arrays are copied."""
        state = {
            i: {name: value.copy() if isinstance(value, np.ndarray) else value for name, value in each.items()}
            for i, each in self.state.items()
        }
        group = {name: getattr(self, name) for name in self.options} | {"params": list(range(len(self.params)))}
        return {"state": state, "param_groups": [group]}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from a state_dict, PyTorch's too. Raises ValueError where it belongs to other parameters."""
        if not {"state", "param_groups"} <= set(state_dict):
            raise TypeError(
                f"expected what {type(self).__name__}.state_dict() returns, got {type(state_dict).__name__} "
                'without "state" and "param_groups"'
            )
        (group,) = state_dict["param_groups"]
        absent = [name for name in self.options if name not in group]
        if absent:
            raise ValueError(f"expected a state of {type(self).__name__}, got one without {', '.join(absent)}")
        if len(group["params"]) != len(self.params):
            raise ValueError(
                f"expected the state of {len(self.params)} parameters, got that of {len(group['params'])}: "
                "build the model it was saved from"
            )
        new: dict[int, dict[str, Any]] = {}
        for i, saved in state_dict["state"].items():
            known = self.new_state(np.atleast_1d(self.params[int(i)].data))
            if set(known) != {name for name, value in saved.items() if value is not None}:
                raise ValueError(
                    f"expected {', '.join(known) or 'nothing'} for each parameter, got {', '.join(saved)}: "
                    f"this is another optimiser's state, or other options of {type(self).__name__}"
                )
            new[int(i)] = {name: _like(known[name], saved[name], f"{name} of parameter {i}") for name in known}
        self.state = new
        for name in self.options:
            setattr(self, name, group[name])

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={getattr(self, name)}" for name in self.options)
        return f"{type(self).__name__}({len(self.params)} parameters, {settings})"


class SGD(Optimizer):
    """w ← w − lr·g; with momentum, w ← w − lr·v, v ← momentum·v + (1 − dampening)·g, where v starts as g.

    nesterov: g + momentum·v takes the place of v. weight_decay: λ adds λ·w to the gradient.
    """

    options = ("lr", "momentum", "dampening", "weight_decay", "nesterov")

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
    ) -> None:
        super().__init__(params, lr)
        self.momentum, self.dampening = _at_least_0("momentum", momentum), dampening
        self.weight_decay, self.nesterov = _at_least_0("weight_decay", weight_decay), nesterov
        if nesterov and (not momentum or dampening):
            raise ValueError(
                f"nesterov needs a momentum and no dampening, got momentum={momentum}, dampening={dampening}"
            )

    def new_state(self, p: Any) -> dict[str, Any]:
        return {"momentum_buffer": np.zeros_like(p)} if self.momentum else {}

    def update(self, p: Any, g: Any, state: Mapping[str, Any], first: bool) -> None:
        if self.weight_decay:
            g = g + self.weight_decay * p
        if self.momentum:
            v = state["momentum_buffer"]
            v *= self.momentum
            v += g if first else (1 - self.dampening) * g
            g = g + self.momentum * v if self.nesterov else v
        p -= self.lr * g


class Adam(Optimizer):
    """w ← w − lr·m̂ / (√v̂ + eps), from running means m of the gradient and v of its square.

    m̂ = m / (1 − β₁ᵗ) and v̂ = v / (1 − β₂ᵗ) undo that both start at 0. weight_decay: λ adds λ·w to the gradient.
    amsgrad: the largest v so far takes the place of v. Source: Kingma and Ba, arXiv 1412.6980.
    """

    options = ("lr", "betas", "eps", "weight_decay", "amsgrad")

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
    ) -> None:
        super().__init__(params, lr)
        if not all(0 <= each < 1 for each in betas):
            raise ValueError(f"expected two betas from 0 to less than 1, got {betas}")
        self.betas, self.eps = tuple(betas), _at_least_0("eps", eps)
        self.weight_decay, self.amsgrad = _at_least_0("weight_decay", weight_decay), amsgrad

    def new_state(self, p: Any) -> dict[str, Any]:
        names = ["exp_avg", "exp_avg_sq"] + ["max_exp_avg_sq"] * self.amsgrad
        return {"step": 0.0} | {name: np.zeros_like(p) for name in names}

    def decayed(self, p: Any, g: Any) -> Any:
        """The gradient with weight decay in it."""
        return g + self.weight_decay * p if self.weight_decay else g

    def update(self, p: Any, g: Any, state: Mapping[str, Any], first: bool) -> None:
        # One array holds all that is temporary, and no pass over the arrays is made that a factor can save.
        beta1, beta2 = self.betas
        t, m, v = state["step"], state["exp_avg"], state["exp_avg_sq"]
        g = self.decayed(p, g)
        m *= beta1
        work = g * (1 - beta1)
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
        work *= self.lr * corrected / (1 - beta1**t)
        p -= work


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

    def decayed(self, p: Any, g: Any) -> Any:
        p *= 1 - self.lr * self.weight_decay
        return g


def _at_least_0(name: str, number: float) -> float:
    if not number >= 0:
        raise ValueError(f"expected {name} to be 0 or more, got {number}")
    return number


def _pieces(p: Any, *others: Any) -> Iterator[tuple[Any, ...]]:
    """The same pieces of several arrays of one shape, as views."""
    if not all(each.flags.c_contiguous for each in (p, *others[1:])):
        yield p, *others
        return
    flat = [each.reshape(-1) for each in (p, *others)]  # only the gradient, which is read, may be copied here
    length = PIECE // p.itemsize
    for start in range(0, p.size, length):
        yield tuple(each[start : start + length] for each in flat)


def _like(known: Any, saved: Any, name: str) -> Any:
    """A saved number or array in the form of what stands there at the start."""
    if not isinstance(known, np.ndarray):
        return float(saved)
    array = np.atleast_1d(np.asarray(saved))
    if array.shape != known.shape:
        raise ValueError(f"expected {name} of shape {known.shape}, got {array.shape}: this is another model's state")
    return array.astype(known.dtype)


# --- schedules --------------------------------------------------------------------------------------------------------


class Schedule:
    """What all schedules share: the learning rate as a function of how many epochs are over. A schedule defines it."""

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer, self.base_lr, self.last_epoch = optimizer, optimizer.lr, 0

    def lr_after(self, epochs: int) -> float:
        """The learning rate when so many epochs are over."""
        raise NotImplementedError(f"{type(self).__name__} has no lr_after: define its formula")

    def step(self) -> None:
        """An epoch is over: set the optimiser's learning rate for the next."""
        self.last_epoch += 1
        self.optimizer.lr = self.lr_after(self.last_epoch)

    def get_last_lr(self) -> list[float]:
        """The learning rate now, in a list as PyTorch has it."""
        return [self.optimizer.lr]

    def state_dict(self) -> dict[str, Any]:
        """What a later run needs to go on."""
        return {"base_lr": self.base_lr, "last_epoch": self.last_epoch}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from a state_dict; the optimiser loads its own, with its learning rate."""
        self.base_lr, self.last_epoch = float(state_dict["base_lr"]), int(state_dict["last_epoch"])


class StepLR(Schedule):
    """After every step_size epochs the learning rate is multiplied by gamma."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        super().__init__(optimizer)
        if step_size < 1:
            raise ValueError(f"expected a step_size of at least one epoch, got {step_size}")
        self.step_size, self.gamma = step_size, gamma

    def lr_after(self, epochs: int) -> float:
        return self.base_lr * self.gamma ** (epochs // self.step_size)


class ExponentialLR(Schedule):
    """After every epoch the learning rate is multiplied by gamma."""

    def __init__(self, optimizer: Optimizer, gamma: float) -> None:
        super().__init__(optimizer)
        self.gamma = gamma

    def lr_after(self, epochs: int) -> float:
        return self.base_lr * self.gamma**epochs


class CosineAnnealingLR(Schedule):
    """Half a cosine from the first learning rate down to eta_min, in T_max epochs; then up again.

    Source: Loshchilov and Hutter, arXiv 1608.03983.
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0) -> None:  # noqa: N803  (PyTorch's name)
        super().__init__(optimizer)
        if T_max < 1:
            raise ValueError(f"expected a T_max of at least one epoch, got {T_max}")
        self.T_max, self.eta_min = T_max, eta_min

    def lr_after(self, epochs: int) -> float:
        swing = (1 + math.cos(math.pi * epochs / self.T_max)) / 2
        return self.eta_min + (self.base_lr - self.eta_min) * swing
