"""Section 3 of the chapter: one layer trained on XOR. It ends at loss ln 2, with 0.5 for every input.

Trains as the chapter does, 10001 steps of gradient descent on the binary cross-entropy, and shows why nothing better
comes out: the loss is convex, and its one minimum is at weights and bias 0. --every 100 prints the chapter's 101 lines.

책 3절: 단층 퍼셉트론으로 XOR를 학습합니다. 손실은 ln 2에서 멈추고 출력은 모두 0.5가 됩니다.
책과 같이 이진 교차 엔트로피를 경사 하강법으로 10001번 줄이고, 더 나아지지 않는 이유를 보여 줍니다. 손실은 볼록하고,
하나뿐인 최솟값은 가중치와 편향이 0인 곳에 있습니다. --every 100으로 실행하면 책처럼 101줄을 출력합니다.
"""

import math

import numpy as np
from frame import options, start
from matplotlib import pyplot as plt

from micrograd_kr import Value, gradients, no_grad
from micrograd_kr.nn import BCELoss, BCEWithLogitsLoss, Linear, Sequential, Sigmoid
from micrograd_kr.optim import SGD

parser = options(__doc__)
parser.add_argument(
    "--every", type=int, default=1000, choices=(1, 10, 100, 1000), help="print after every so many steps (1000)"
)
demo = start(parser)

# %% [markdown]
# The chapter's program, with its names and settings. The weights of OR, AND and NAND (the chapter writes XOR there, for
# which none exist) were found by hand; now gradient descent looks for them.
#
# 책의 프로그램을 이름과 설정까지 그대로 옮겼습니다. OR, AND, NAND의 가중치는(책에는 NAND 자리에 XOR라고 되어 있지만
# XOR의 가중치는 없습니다) 손으로 찾았고, 이제는 경사 하강법으로 찾습니다.

# %%
X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
Y = np.array([[0], [1], [1], [0]], np.float32)

linear = Linear(2, 1, bias=True, seed=demo.options.seed)
sigmoid = Sigmoid()
model = Sequential(linear, sigmoid)
criterion = BCELoss()
optimizer = SGD(model.parameters(), lr=1)

side = np.linspace(-0.5, 1.5, 101)
plane = np.stack(np.meshgrid(side, side), axis=-1)  # a grid of inputs around the four points


def surface():
    """What the model answers all over the plane: (101, 101)."""
    with no_grad():
        return model(plane.reshape(-1, 2)).data.reshape(101, 101)


surface_before = surface()
costs = []
for step in range(10001):
    optimizer.zero_grad()
    hypothesis = model(X)
    cost = criterion(hypothesis, Y)
    cost.backward()
    optimizer.step()
    costs.append(cost.item())
    if step % demo.options.every == 0:
        print(step, cost.item())
surface_after = surface()

# %% [markdown]
# The answers say nothing: all outputs are 0.5 to float32's last digit, and `> 0.5` asks which way that digit fell.
#
# 답에는 의미가 없습니다. 출력은 float32의 마지막 자리까지 모두 0.5이고, `> 0.5`는 그 마지막 자리만 보고 답을 정합니다.

# %%
prediction = model(X)
answers = (prediction > 0.5).astype(np.float32)
ln2 = math.log(2)
demo.say(f"The loss is {costs[-1]:.8f}, ln 2 is {ln2:.8f}.", f"손실은 {costs[-1]:.8f}, ln 2는 {ln2:.8f}입니다.")
outputs = prediction.data.ravel()
shown = ", ".join(f"{each:.6f}" for each in outputs)
furthest = np.abs(outputs - 0.5).max()
demo.say(
    f"Outputs {shown}: at most {furthest:.1g} from 0.5.", f"출력 {shown}: 0.5와의 차이는 최대 {furthest:.0e}입니다."
)
demo.say(
    f"Answers {answers.ravel().tolist()}: {int((answers == Y).sum())} of 4 are right.",
    f"답 {answers.ravel().tolist()}: 4개 중 {int((answers == Y).sum())}개가 맞습니다.",
)

# %% [markdown]
# Why it stops there: at w1 = w2 = b = 0 the gradient is exactly 0. The errors p − y are +½, −½, −½, +½; each
# component of the gradient weighs them by x1, by x2 or by 1, and they cancel.
#
# 왜 거기서 멈출까요? w1 = w2 = b = 0에서 기울기가 정확히 0입니다. 오차 p − y는 +½, −½, −½, +½이고, 기울기의 각
# 성분은 여기에 x1, x2 또는 1을 곱해 더한 것이라 모두 상쇄됩니다.

# %%
w1, w2, b = parameters = [Value(0.0, label=name) for name in ("w1", "w2", "b")]
x1, x2 = X.astype(np.float64).T
y = Y.ravel()


def loss_at(w1, w2, b):
    """The loss of the one-layer model as a function of its three numbers."""
    return BCEWithLogitsLoss()(w1 * x1 + w2 * x2 + b, y)


loss_at(w1, w2, b).backward()
gradient_at_0 = [each.grad for each in parameters]
demo.say(f"The gradient at w1 = w2 = b = 0: {gradient_at_0}", f"w1 = w2 = b = 0에서의 기울기: {gradient_at_0}")

# %% [markdown]
# And nowhere is it better: the loss is convex. Its second derivatives form the matrix H = Σ p(1 − p)·x xᵀ / 4, with
# x = (x1, x2, 1), and vᵀHv = Σ p(1 − p)·(v·x)² / 4 is positive for every v ≠ 0. A bowl has one lowest point. The
# engine, differentiating twice, finds this H at any weights.
#
# 다른 곳도 더 낫지 않습니다. 손실이 볼록하기 때문입니다. 이계도함수의 행렬은 x = (x1, x2, 1)일 때
# H = Σ p(1 − p)·x xᵀ / 4이고, v ≠ 0이면 vᵀHv = Σ p(1 − p)·(v·x)² / 4 > 0입니다. 그릇 모양이므로 가장 낮은 곳은
# 하나뿐입니다. 엔진이 두 번 미분하면 어느 가중치에서나 바로 이 H가 나옵니다.


# %%
def hessian(point):
    """The second derivatives of the loss by w1, w2 and b, found by the engine: (3, 3)."""
    inputs = [Value(float(each)) for each in point]
    first = gradients(loss_at(*inputs), inputs, create_graph=True)
    return np.array([gradients(each, inputs) for each in first])


def hessian_formula(point):
    """Σ p(1 − p)·x xᵀ / 4."""
    rows = np.column_stack([x1, x2, np.ones(4)])
    p = 1 / (1 + np.exp(-rows @ point))
    return (rows * (p * (1 - p))[:, None]).T @ rows / 4


points = [np.zeros(3), *np.random.default_rng(demo.options.seed).normal(0, 2, (5, 3))]
curvatures = [np.linalg.eigvalsh(hessian(each)) for each in points]  # all positive: curved upwards in every direction
largest_difference = max(np.abs(hessian(each) - hessian_formula(each)).max() for each in points)
demo.say("   w1     w2      b      loss   curvature, smallest", "   w1     w2      b      손실   가장 작은 곡률")
for point, curvature in zip(points, curvatures, strict=True):
    numbers = " ".join(f"{each:6.2f}" for each in point)
    print(f"{numbers}  {loss_at(*map(Value, point.tolist())).item():8.5f}   {curvature[0]:.5f}")
demo.say(
    f"Engine and formula differ by at most {largest_difference:.1g}.",
    f"엔진과 공식의 차이는 최대 {largest_difference:.1g}입니다.",
)

# %%
figure, (curve, before, after) = plt.subplots(1, 3, figsize=(12, 3.7), layout="constrained")
curve.plot(costs)
curve.axhline(ln2, color="C3", linestyle="--", label="ln 2")
curve.set(xscale="symlog", xlabel=demo.label("step", "단계"), title=demo.label("Loss", "손실"), xlim=(0, 10000))
curve.legend()
before.set_title(demo.label("Output before training", "학습 전 출력"))
after.set_title(demo.label("Output after it: 0.5 everywhere", "학습 후 출력: 어디서나 0.5"))
for axes, heights in ((before, surface_before), (after, surface_after)):
    picture = axes.pcolormesh(side, side, heights, vmin=0, vmax=1, cmap="coolwarm")
    for x, target in zip(X, y, strict=True):
        axes.text(*x, f"{target:g}", ha="center", va="center", bbox={"boxstyle": "circle", "facecolor": "white"})
    axes.set(xlabel="$x_1$", ylabel="$x_2$", xticks=[0, 1], yticks=[0, 1], aspect="equal")
figure.colorbar(picture, ax=(before, after))
demo.save(figure, "03_xor_one_layer.png")
