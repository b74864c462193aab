"""The chapter's 2-2-2 example worked in three ways that share no step: formulas by hand, scalar Values, tensor Values.

    h = σ(W x)    o = σ(V h)    E_i = ½ (t_i − o_i)²    E_total = Σ E_i    W+ = W − lr ∂E_total/∂W

with W = [[W1, W2], [W3, W4]] and V = [[W5, W6], [W7, W8]], no bias. The scalar Values are those of the demo; here
are the formulas, written out in plain Python with no engine at all, and the tensors. Names are those of a sheet: z1,
W5+.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from micrograd_kr.engine import Value, gradients

FORMULAS = {  # the lines of the exercises this is for
    "z1": "W1*x1 + W2*x2",
    "h1": "sigmoid(z1)",
    "z2": "W3*x1 + W4*x2",
    "h2": "sigmoid(z2)",
    "z3": "W5*h1 + W6*h2",
    "o1": "sigmoid(z3)",
    "z4": "W7*h1 + W8*h2",
    "o2": "sigmoid(z4)",
    "E_o1": "1/2*(target_o1 - o1)**2",
    "E_o2": "1/2*(target_o2 - o2)**2",
    "E_total": "E_o1 + E_o2",
}


# --- formulas by hand -------------------------------------------------------------------------------------------------


def by_formulas(numbers: Mapping[str, float], lr: float) -> dict[str, float]:
    """Every quantity the chapter derives, from formulas worked out by hand.

    numbers: x1, x2, target_o1, target_o2, W1 … W8. The names are those of a sheet: z1, dE_total/dW5, W5+, z1'.
    """
    forward = _forward(numbers)
    slopes = _output_layer(numbers, forward)
    slopes |= _hidden_layer(numbers, forward, slopes)
    updated = {f"W{i}": numbers[f"W{i}"] - lr * slopes[f"dE_total/dW{i}"] for i in range(1, 9)}
    second = _forward({**numbers, **updated})
    return (
        {**numbers, **forward}
        | slopes
        | {f"{name}+": each for name, each in updated.items()}
        | {f"{name}'": each for name, each in second.items()}
    )


def _sigmoid(z: float) -> float:
    if z < 0:  # where exp(−z) could overflow
        return math.exp(z) / (1 + math.exp(z))
    return 1 / (1 + math.exp(-z))


def _forward(n: Mapping[str, float]) -> dict[str, float]:
    z1 = n["W1"] * n["x1"] + n["W2"] * n["x2"]
    z2 = n["W3"] * n["x1"] + n["W4"] * n["x2"]
    h1, h2 = _sigmoid(z1), _sigmoid(z2)
    z3 = n["W5"] * h1 + n["W6"] * h2
    z4 = n["W7"] * h1 + n["W8"] * h2
    o1, o2 = _sigmoid(z3), _sigmoid(z4)
    e1, e2 = (n["target_o1"] - o1) ** 2 / 2, (n["target_o2"] - o2) ** 2 / 2
    values = {"z1": z1, "z2": z2, "h1": h1, "h2": h2, "z3": z3, "z4": z4, "o1": o1, "o2": o2}
    return values | {"E_o1": e1, "E_o2": e2, "E_total": e1 + e2}


def _output_layer(n: Mapping[str, float], f: Mapping[str, float]) -> dict[str, float]:
    """Step 1: ∂E/∂W5 = ∂E/∂o1 · ∂o1/∂z3 · ∂z3/∂W5, and so for W6, W7, W8."""
    slopes: dict[str, float] = {}
    for o, z, weights in (("o1", "z3", ("W5", "W6")), ("o2", "z4", ("W7", "W8"))):
        error = -(n[f"target_{o}"] - f[o])
        slope = f[o] * (1 - f[o])
        slopes |= {f"dE_total/d{o}": error, f"dE_{o}/d{o}": error, f"d{o}/d{z}": slope}
        slopes |= {f"dE_total/d{z}": error * slope, f"dE_{o}/d{z}": error * slope}
        for w, h in zip(weights, ("h1", "h2"), strict=True):
            slopes |= {f"d{z}/d{w}": f[h], f"d{z}/d{h}": n[w]}
            slopes |= {f"dE_total/d{w}": error * slope * f[h], f"dE_{o}/d{w}": error * slope * f[h]}
    return slopes


def _hidden_layer(n: Mapping[str, float], f: Mapping[str, float], s: Mapping[str, float]) -> dict[str, float]:
    """Step 2: ∂E/∂h1 = ∂E_o1/∂h1 + ∂E_o2/∂h1, with the old W5 … W8; then ∂E/∂W1 = ∂E/∂h1 · ∂h1/∂z1 · ∂z1/∂W1."""
    slopes: dict[str, float] = {}
    for h, z, weights, onward in (("h1", "z1", ("W1", "W2"), ("W5", "W7")), ("h2", "z2", ("W3", "W4"), ("W6", "W8"))):
        path1 = s["dE_total/do1"] * s["do1/dz3"] * n[onward[0]]
        path2 = s["dE_total/do2"] * s["do2/dz4"] * n[onward[1]]
        slope = f[h] * (1 - f[h])
        slopes |= {f"dE_o1/d{h}": path1, f"dE_o2/d{h}": path2, f"dE_total/d{h}": path1 + path2, f"d{h}/d{z}": slope}
        slopes[f"dE_total/d{z}"] = (path1 + path2) * slope
        for w, x in zip(weights, ("x1", "x2"), strict=True):
            slopes |= {f"d{z}/d{w}": n[x], f"d{z}/d{x}": n[w], f"dE_total/d{w}": (path1 + path2) * slope * n[x]}
    return slopes


# --- tensors ----------------------------------------------------------------------------------------------------------

TENSORS = {
    "x": ["x1", "x2"],
    "t": ["target_o1", "target_o2"],
    "W": [["W1", "W2"], ["W3", "W4"]],
    "V": [["W5", "W6"], ["W7", "W8"]],
    "Wx": ["z1", "z2"],
    "h": ["h1", "h2"],
    "Vh": ["z3", "z4"],
    "o": ["o1", "o2"],
    "E": ["E_o1", "E_o2"],
    "E_total": "E_total",
}
_PLACES = {str(name): (tensor, at) for tensor, names in TENSORS.items() for at, name in np.ndenumerate(np.array(names))}


def by_tensors(numbers: Mapping[str, float], lr: float, names: list[str]) -> dict[str, float]:
    """The named quantities, each an entry of a vector or a 2×2 matrix; gradients are those of whole tensors.

    numbers: as `by_formulas` takes them. names: z1, dA/dB for any A that is computed from B, W5+, z1'.
    """
    before = _layers(*(Value(_tensor(TENSORS[name], numbers)) for name in ("x", "t", "W", "V")))
    slopes = gradients(before["E_total"], [before["W"], before["V"]])
    updated = [Value(before[name].data - lr * slope) for name, slope in zip(("W", "V"), slopes, strict=True)]
    after = _layers(before["x"], before["t"], *updated)
    found = {}
    for name in names:
        if "/" in name:
            (above, i), (below, j) = (_PLACES[each[1:]] for each in name.split("/"))
            root = before[above][i] if i else before[above]
            found[name] = float(np.asarray(gradients(root, [before[below]])[0])[j])
        else:
            tensor, at = _PLACES[name.rstrip("+'")]
            found[name] = float(np.asarray((before if name in _PLACES else after)[tensor].data)[at])
    return found


def _tensor(names: Any, numbers: Mapping[str, float]) -> Any:
    return [_tensor(each, numbers) for each in names] if isinstance(names, list) else numbers[names]


def _layers(x: Value, t: Value, w: Value, v: Value) -> dict[str, Value]:
    wx = w @ x
    h = wx.sigmoid()
    vh = v @ h
    o = vh.sigmoid()
    errors = (t - o) ** 2 / 2
    return {"x": x, "t": t, "W": w, "V": v, "Wx": wx, "h": h, "Vh": vh, "o": o, "E": errors, "E_total": errors.sum()}
