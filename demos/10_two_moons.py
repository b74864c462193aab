"""micrograd's demonstration, two moons parted by a 2-16-16-1 net, on scalars; then the same code on columns.

A neuron adds up weights times inputs. An input may be a number, one for each point, or a whole column of numbers, one
input of all the points at once: nothing in the code says which. The losses are the same, the times are not.

micrograd의 예제: 두 초승달을 2-16-16-1 신경망으로 가릅니다. 먼저 스칼라로, 다음에는 같은 코드에 열을 주어 계산합니다.
뉴런은 가중치와 입력을 곱해 더합니다. 입력은 점 하나의 수일 수도, 모든 점의 수를 담은 열일 수도 있고, 코드는 이를 가리지
않습니다. 손실은 같고 걸리는 시간은 다릅니다.
"""

import random
import time
from typing import Any, NamedTuple

import numpy as np
from frame import options, start
from matplotlib import pyplot
from sklearn.datasets import make_moons

from micrograd_kr import Value, no_grad
from micrograd_kr.nn import MLP

parser = options(__doc__)
parser.add_argument("--steps", type=int, default=100, metavar="N", help="of the training on columns (100)")
parser.add_argument("--scalar-steps", type=int, default=10, metavar="N", help="how many of them on scalars, too (10)")
demo = start(parser)
steps, scalar_steps = demo.options.steps, min(demo.options.scalar_steps, demo.options.steps)
if scalar_steps < 1:
    parser.error("--steps and --scalar-steps: expected 1 or more")

# %% [markdown]
# A hundred points in two moons, of class 1 or −1.
#
# 두 초승달에 있는 점 100개이고, 클래스는 1 또는 −1입니다.

# %%
X, y = make_moons(n_samples=100, noise=0.1, random_state=demo.options.seed)
y = y * 2 - 1

# %% [markdown]
# The loss: max-margin as in a support vector machine, and L2 regularisation. A sample is two inputs and their target;
# `mean` of a scalar is the scalar itself.
#
# 손실: 서포트 벡터 머신의 최대 마진과 L2 규제입니다. 샘플은 입력 두 개와 그 정답입니다. 스칼라의 `mean`은 그 수
# 자체입니다.


# %%
def loss_of(model: MLP, samples: list[Any]) -> Value:
    margins = [(1 - target * model(inputs)).relu().mean() for inputs, target in samples]
    return sum(margins) / len(margins) + 1e-4 * sum(p * p for p in model.parameters())


class Training(NamedTuple):
    model: MLP
    losses: list[float]
    seconds: float  # for one step


def train(samples: list[Any], count: int) -> Training:
    """The first so many steps of gradient descent, with a learning rate that goes from 1 to 0.1."""
    random.seed(demo.options.seed)
    model = MLP(2, [16, 16, 1])
    losses = []
    began = time.perf_counter()
    for k in range(count):
        loss = loss_of(model, samples)
        model.zero_grad()
        loss.backward()
        learning_rate = 1.0 - 0.9 * k / steps
        for p in model.parameters():
            p.data -= learning_rate * p.grad
        losses.append(loss.item())
    return Training(model, losses, (time.perf_counter() - began) / count)


# %% [markdown]
# Once with a hundred samples of numbers, once with one sample of columns.
#
# 한 번은 수로 된 샘플 100개로, 한 번은 열로 된 샘플 하나로 학습합니다.

# %%
scalars = [([float(x1), float(x2)], float(target)) for (x1, x2), target in zip(X, y, strict=True)]
columns = [([X[:, 0], X[:, 1]], y)]

by_scalars = train(scalars, scalar_steps)
by_columns = train(columns, steps)

for k in range(scalar_steps):
    demo.say(
        f"step {k}: loss on scalars {by_scalars.losses[k]:.15f}, on columns {by_columns.losses[k]:.15f}",
        f"업데이트 {k}번: 스칼라의 손실 {by_scalars.losses[k]:.15f}, 열의 손실 {by_columns.losses[k]:.15f}",
    )
apart = max(abs(a - b) for a, b in zip(by_scalars.losses, by_columns.losses, strict=False))
ratio = by_scalars.seconds / by_columns.seconds
demo.say(
    f"largest difference {apart:.0e}; a step takes {by_scalars.seconds * 1000:.1f} ms on scalars, "
    f"{by_columns.seconds * 1000:.1f} ms on columns, {ratio:.0f} times quicker",
    f"가장 큰 차이 {apart:.0e}. 업데이트 한 번에 스칼라로 {by_scalars.seconds * 1000:.1f} ms, "
    f"열로 {by_columns.seconds * 1000:.1f} ms, {ratio:.0f}배 빠름",
)

# %% [markdown]
# How many points the trained net puts on the right side, and where its boundary runs. Columns again: of the points,
# and of a grid over the plane.
#
# 학습한 신경망이 점을 몇 개나 맞히는지, 경계가 어디로 지나는지 봅니다. 이번에도 점들의 열과, 평면 위 격자의
# 열을 줍니다.


# %%
def scores(model: MLP, x1: np.ndarray, x2: np.ndarray) -> np.ndarray:
    with no_grad():
        return model([x1, x2]).data


accuracy = float(np.mean((scores(by_columns.model, X[:, 0], X[:, 1]) > 0) == (y > 0)))
demo.say(
    f"after {steps} steps: loss {by_columns.losses[-1]:.4f}, accuracy {accuracy:.0%}",
    f"{steps}번 업데이트한 뒤: 손실 {by_columns.losses[-1]:.4f}, 정확도 {accuracy:.0%}",
)

x1, x2 = np.meshgrid(np.linspace(-1.75, 2.75, 151), np.linspace(-1.25, 1.75, 101))
surface = scores(by_columns.model, x1.ravel(), x2.ravel()).reshape(x1.shape)

figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4.5))
left.plot(by_columns.losses, label=demo.label("on columns", "열로"))
left.plot(by_scalars.losses, "o", markersize=4, label=demo.label("on scalars", "스칼라로"))
left.set(title=demo.label("loss", "손실"), xlabel=demo.label("step", "업데이트 횟수"))
left.legend()
right.contourf(x1, x2, surface, levels=[-1e9, 0, 1e9], cmap="coolwarm", alpha=0.5)
right.scatter(*X.T, c=y, cmap="coolwarm", edgecolors="black", s=30)
right.set(title=demo.label(f"the boundary, accuracy {accuracy:.0%}", f"경계, 정확도 {accuracy:.0%}"))
right.set(xlabel="x1", ylabel="x2")
figure.tight_layout()
demo.save(figure, "10_two_moons.png")
