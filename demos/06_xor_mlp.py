"""XOR with three hidden layers: the chapter's program with 261 parameters, several seeds, and why its learning rate is
1 and not 0.1.

The picture shows the cost of each run and what the trained net answers over the whole plane.

XOR를 은닉층 3개로 풉니다. 매개변수 261개인 교재의 프로그램을 여러 시드로 돌리고, 학습률이 왜 0.1이 아니라 1인지 봅니다.
그림에는 각 실행의 비용과, 학습한 신경망이 평면 전체에서 내는 답이 있습니다.
"""

import math

import numpy as np
from frame import options, start
from matplotlib import pyplot

from micrograd_kr import no_grad
from micrograd_kr.nn import BCELoss, Linear, Sequential, Sigmoid
from micrograd_kr.optim import SGD

parser = options(__doc__)
parser.add_argument("--runs", type=int, default=3, metavar="N", help="how many seeds, from --seed on (3)")
demo = start(parser)

# %% [markdown]
# XOR, and a net with an input layer of 2, three hidden layers of 10 and an output layer of 1.
#
# XOR, 그리고 입력층 2, 은닉층 10이 3개, 출력층 1인 신경망입니다.

# %%
X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
Y = np.array([[0], [1], [1], [0]], np.float32)


def network(seed: int) -> Sequential:
    generator = np.random.default_rng(seed)
    return Sequential(
        Linear(2, 10, seed=generator),
        Sigmoid(),
        Linear(10, 10, seed=generator),
        Sigmoid(),
        Linear(10, 10, seed=generator),
        Sigmoid(),
        Linear(10, 1, seed=generator),
        Sigmoid(),
    ).to("cpu")  # there is no other device: .to() is here so that PyTorch's programs run


# %% [markdown]
# The training loop. It returns the cost of every epoch.
#
# 학습 반복입니다. 모든 에포크의 비용을 돌려줍니다.


# %%
def train(model: Sequential, lr: float, epochs: int = 10001, every: int | None = None) -> list[float]:
    criterion = BCELoss().to("cpu")
    optimizer = SGD(model.parameters(), lr=lr)
    costs = []
    for epoch in range(epochs):
        optimizer.zero_grad()
        cost = criterion(model(X), Y)
        cost.backward()
        optimizer.step()
        costs.append(cost.item())
        if every and epoch % every == 0:
            print(epoch, costs[-1])
    return costs


seed = demo.options.seed
model = network(seed)
print(model)
demo.say(f"{model.count_parameters()} parameters", f"매개변수 {model.count_parameters()}개")
costs = {(seed, 1.0): train(model, lr=1, every=100)}
prediction = model(X)
answers = (prediction > 0.5).astype(np.float32)
print(prediction.data)
print(answers)

# %% [markdown]
# Other seeds start elsewhere, and leave the plateau at ln 2 at other times; and the first seed again with lr 0.1, the
# rate that the chapter replaced.
#
# 시드가 다르면 출발점이 다르고, ln 2의 평지를 벗어나는 때도 다릅니다. 첫 시드는 교재가 바꾸기 전의 학습률 0.1로도 다시
# 학습합니다.

# %%
for other in range(seed + 1, seed + demo.options.runs):
    costs[other, 1.0] = train(network(other), lr=1)
costs[seed, 0.1] = train(network(seed), lr=0.1)


def learned_at(history: list[float]) -> int | None:
    """The first epoch whose cost is below 0.1."""
    return next((epoch for epoch, cost in enumerate(history) if cost < 0.1), None)


for (each, lr), history in costs.items():
    at = learned_at(history)
    demo.say(
        f"seed {each}, lr {lr:g}: cost {history[-1]:.6f} at the end, below 0.1 "
        + ("never" if at is None else f"first in epoch {at}"),
        f"시드 {each}, lr {lr:g}: 마지막 비용 {history[-1]:.6f}, "
        + ("0.1 아래로 내려가지 않음" if at is None else f"에포크 {at}에서 처음 0.1 아래"),
    )

# %% [markdown]
# A rate of 0.1 goes the same way in steps a tenth as long: after 10,000 steps it stands where 1 stood after 1,000, on
# the plateau.
#
# 학습률 0.1은 같은 길을 10분의 1 크기의 업데이트로 갑니다. 10,000번 업데이트한 뒤에는 학습률 1이 1,000번 업데이트한
# 뒤에 있던 평지 위에 있습니다.

# %%
slow, fast = costs[seed, 0.1][10000], costs[seed, 1.0][1000]
demo.say(
    f"lr 0.1 after 10000 steps: {slow:.6f}; lr 1 after 1000: {fast:.6f}; ln 2 = {math.log(2):.6f}",
    f"lr 0.1로 10000번 업데이트한 뒤: {slow:.6f}, lr 1로 1000번 업데이트한 뒤: {fast:.6f}, ln 2 = {math.log(2):.6f}",
)

# %% [markdown]
# What the net answers between and around the four points.
#
# 네 점의 사이와 둘레에서 신경망이 내는 답입니다.

# %%
side = np.linspace(-0.5, 1.5, 101, dtype=np.float32)
x1, x2 = np.meshgrid(side, side)
with no_grad():
    surface = model(np.stack([x1.ravel(), x2.ravel()], axis=1)).data.reshape(x1.shape)

figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4.5))
for (each, lr), history in costs.items():
    name = demo.label(f"seed {each}, lr {lr:g}", f"시드 {each}, lr {lr:g}")
    left.semilogy(history, "-" if lr == 1 else "--", label=name)
left.axhline(math.log(2), color="black", linestyle=":", label="ln 2")
left.yaxis.set_major_formatter("{x:g}")
left.set(title=demo.label("cost", "비용"), xlabel=demo.label("epoch", "에포크"))
left.legend()
filled = right.contourf(x1, x2, surface, np.linspace(0, 1, 11), cmap="coolwarm")
right.contour(x1, x2, surface, [0.5], colors="black")
right.scatter(*X.T, c=Y.ravel(), cmap="coolwarm", edgecolors="black", s=80, zorder=2)
right.set(
    title=demo.label("what the net answers", "신경망의 답"), xlabel="x1", ylabel="x2", xticks=[0, 1], yticks=[0, 1]
)
figure.colorbar(filled, label=demo.label("output; black: 0.5", "출력, 검은 선: 0.5"))
figure.tight_layout()
demo.save(figure, "06_xor_mlp.png")
