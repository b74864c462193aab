"""Networks: a module is whatever holds parameters. PyTorch's layers and losses for arrays, micrograd's for scalars.

    generator = np.random.default_rng(0)
    model = Sequential(Linear(2, 10, seed=generator), Sigmoid(), Linear(10, 1, seed=generator), Sigmoid())
    loss = BCELoss()(model(x), target)
    loss.backward()

Names, defaults and the layout of `state_dict` are PyTorch's.
"""

from micrograd_kr.nn import layers, modules, scalars
from micrograd_kr.nn.layers import *  # noqa: F403  (each file lists its public names)
from micrograd_kr.nn.modules import *  # noqa: F403
from micrograd_kr.nn.scalars import *  # noqa: F403

__all__ = layers.__all__ + modules.__all__ + scalars.__all__
