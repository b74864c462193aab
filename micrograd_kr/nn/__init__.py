"""Networks: a module is whatever holds parameters. PyTorch's layers and losses for arrays, micrograd's for scalars.

    generator = np.random.default_rng(0)
    model = Sequential(Linear(2, 10, seed=generator), Sigmoid(), Linear(10, 1, seed=generator), Sigmoid())
    loss = BCELoss()(model(x), target)
    loss.backward()

Names, defaults and the layout of `state_dict` are PyTorch's.
"""

from micrograd_kr.nn.layers import (
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    Dropout,
    Flatten,
    Identity,
    L1Loss,
    LeakyReLU,
    Linear,
    LogSoftmax,
    MSELoss,
    NLLLoss,
    ReLU,
    Sigmoid,
    Softmax,
    Tanh,
    l1_penalty,
    l2_penalty,
)
from micrograd_kr.nn.modules import (
    Module,
    Sequential,
)
from micrograd_kr.nn.scalars import (
    MLP,
    Layer,
    Neuron,
)

__all__ = [
    "MLP",
    "BCELoss",
    "BCEWithLogitsLoss",
    "CrossEntropyLoss",
    "Dropout",
    "Flatten",
    "Identity",
    "L1Loss",
    "Layer",
    "LeakyReLU",
    "Linear",
    "LogSoftmax",
    "MSELoss",
    "Module",
    "NLLLoss",
    "Neuron",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "Softmax",
    "Tanh",
    "l1_penalty",
    "l2_penalty",
]
