"""Activation functions: five curves and their derivatives, why linear layers do not stack, how the gradient vanishes
in a deep net, how a ReLU dies and a LeakyReLU recovers, and which activation goes with which cost function.

활성화 함수: 다섯 함수의 그래프와 도함수, 선형 층은 왜 쌓아도 소용없는지, 깊은 신경망에서 기울기가 어떻게 사라지는지,
렐루가 어떻게 죽고 리키 렐루는 어떻게 되살아나는지, 어떤 활성화 함수에 어떤 비용 함수가 어울리는지 봅니다.
"""

import math
from collections.abc import Iterable
from timeit import repeat

import numpy as np
from frame import start
from matplotlib import pyplot
from rich.console import Console
from rich.table import Table
from sklearn.datasets import make_moons

from micrograd_kr import Value, grad, gradients
from micrograd_kr.nn import (
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    LeakyReLU,
    Linear,
    LogSoftmax,
    Module,
    MSELoss,
    NLLLoss,
    ReLU,
    Sequential,
    Sigmoid,
    Tanh,
)
from micrograd_kr.optim import SGD, Optimizer
from micrograd_kr.plots import CURVES, X, plot_curve, plot_curves, plot_gradients

demo = start(__doc__)
lang = demo.plot_lang


def show_table(title: str, headings: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    table = Table(*headings, title=title)
    for row in rows:
        table.add_row(*row)
    Console().print(table)


# %% [markdown]
# The five curves, on the chapter's 100 points. Sigmoid is flat at both ends and its slope is 0.25 at most; tanh is
# centred at 0 with slopes up to 1; ReLU stays at slope 1 however large x is, and needs no exponential.
#
# 교재의 100개 점 위에 그린 다섯 그래프입니다. 시그모이드는 양 끝이 평평하고 기울기가 최대 0.25입니다.
# 하이퍼볼릭탄젠트는 0이 중심이고 기울기가 1까지 갑니다. 렐루는 x가 아무리 커도 기울기가 1이고 지수 계산도
# 필요 없습니다.

# %%
NAMES = ("sigmoid", "tanh", "relu", "leaky_relu")
points, many = np.array(X), np.linspace(-5, 5, 100_000)


def slopes_of(name: str) -> np.ndarray:
    """The derivative at every point of X, by the engine."""
    x = Value(points)
    CURVES[name].function(x).sum().backward()
    return x.grad


def nanoseconds(name: str) -> float:
    """The time for one number, the best of some runs."""
    return min(repeat(lambda: CURVES[name].function(many), number=3, repeat=5)) / 3 / many.size * 1e9


values = {name: CURVES[name].function(points) for name in CURVES}
slopes = {name: slopes_of(name) for name in NAMES}
rows = []
for name in NAMES:
    y, slope = values[name], slopes[name]
    numbers = (y.min(), y.max(), slope[0], slope.max(), slope[-1])
    rows.append((name, *(f"{each:.4f}" for each in numbers), f"{nanoseconds(name):.1f} ns"))
show_table(
    demo.text("x from −5.0 to 4.9; f′ the slope, by the engine", "x는 −5.0부터 4.9까지, f′은 엔진이 구한 기울기"),
    ("f", "min f", "max f", "f′(−5)", "max f′", "f′(4.9)", demo.text("one number", "수 하나")),
    rows,
)
demo.save(plot_curves(NAMES, lang=lang), "07_activations.png")
for name in (*NAMES, "softmax"):
    demo.save(plot_curve(name, lang=lang), f"07_activations_{name}.png")

# %% [markdown]
# Leaky ReLU gives a·x for negative x, so its slope there is a. The text has 0.001 and 0.01, the listing 0.1; PyTorch's
# default is 0.01. max(ax, x) is the same thing only while a is at most 1.
#
# 리키 렐루는 음수 x에 a·x를 돌려주고, 그곳의 기울기는 a입니다. 본문은 0.001과 0.01을, 코드는 0.1을 씁니다. PyTorch의
# 기본값은 0.01입니다. a가 1 이하일 때만 max(ax, x)와 같습니다.

# %%
for a in (0.01, 0.1, 2.0):
    leaky, largest = Value(-3.0).leaky_relu(a).data, max(a * -3.0, -3.0)
    slope = grad(lambda x, a=a: x.leaky_relu(a))(-3.0)
    print(f"a = {a}: leaky_relu(-3) = {leaky:g}, max(a·(-3), -3) = {largest:g}, slope {slope:g}")

# %% [markdown]
# Softmax takes all its numbers together: what the chapter draws is one softmax of the 100 points. Its derivative is a
# matrix, p_i(1 − p_i) on the diagonal and −p_i·p_j elsewhere. It subtracts the largest number first; the formula as the
# chapter writes it overflows.
#
# 소프트맥스는 모든 수를 함께 받습니다. 교재의 그래프는 점 100개의 소프트맥스 하나입니다. 도함수는 행렬이고, 대각선은
# p_i(1 − p_i), 나머지는 −p_i·p_j입니다. 가장 큰 수를 먼저 빼고 계산합니다. 교재의 식 그대로는 넘칩니다.

# %%
softmax = values["softmax"]
demo.say(
    f"softmax of the 100 points: sum {softmax.sum():.6f}, largest {softmax.max():.7f}",
    f"점 100개의 소프트맥스: 합 {softmax.sum():.6f}, 최대 {softmax.max():.7f}",
)
z = Value([1.0, 2.0, 3.0])
p = z.softmax()
jacobian = np.stack([gradients(each, [z])[0] for each in p])
demo.say(f"softmax of 1, 2, 3: {p.data}, its derivatives:", f"1, 2, 3의 소프트맥스: {p.data}, 도함수:")
print(jacobian)

large = np.array([1000.0, 0.0])
with np.errstate(over="ignore", invalid="ignore"):
    naive = np.exp(large) / np.sum(np.exp(large))
stable = Value(large).softmax().data
demo.say(
    f"softmax of 1000, 0: the chapter's formula {naive}, here {stable}",
    f"1000, 0의 소프트맥스: 교재의 식 {naive}, 여기서는 {stable}",
)

# %% [markdown]
# Linear layers stacked are one linear layer: f(x) = Wx + b three times is W³x + (W² + W + 1)b. (The chapter leaves the
# second part out.) The same with matrices.
#
# 선형 층은 쌓아도 선형 층 하나입니다. f(x) = Wx + b를 세 번 하면 W³x + (W² + W + 1)b입니다. (교재는 뒷부분을
# 빠뜨렸습니다.) 행렬로도 같습니다.


# %%
W, b = 2, 3


def f(x: int) -> int:
    return W * x + b


stacked = {x: (f(f(f(x))), W**3 * x + (W**2 + W + 1) * b) for x in (0, 1, -2, 10)}
for x, (three_times, once) in stacked.items():
    print(f"f(f(f({x}))) = {three_times}, W³·{x} + (W² + W + 1)·b = {once}")

generator = np.random.default_rng(demo.options.seed)
first, second, third = (Linear(n, m, dtype=np.float64, seed=generator) for n, m in ((2, 10), (10, 10), (10, 1)))
w1, w2, w3 = (each.weight.data for each in (first, second, third))
b1, b2, b3 = (each.bias.data for each in (first, second, third))
inputs = generator.normal(size=(100, 2))
three_layers = Sequential(first, second, third)(inputs).data
one_layer = inputs @ (w3 @ w2 @ w1).T + w3 @ w2 @ b1 + w3 @ b2 + b3
apart = float(abs(three_layers - one_layer).max())
demo.say(
    f"Linear(2, 10), Linear(10, 10), Linear(10, 1) and one Linear(2, 1) differ by {apart:.0e} at most.",
    f"Linear(2, 10), Linear(10, 10), Linear(10, 1)과 Linear(2, 1) 하나의 차이는 최대 {apart:.0e}입니다.",
)

# %% [markdown]
# What a training repeats, in four steps; one neuron shows them.
#
# 학습은 다음 네 단계의 되풀이입니다. 뉴런 하나로 봅니다.


# %%
def cycle(model: Module, x: np.ndarray, t: np.ndarray, criterion: Module, optimizer: Optimizer) -> Value:
    prediction = model(x)  # 1 forward propagation
    loss = criterion(prediction, t)  # 2 the loss
    optimizer.zero_grad()
    loss.backward()  # 3 its gradient, by differentiation, back through the layers
    optimizer.step()  # 4 the parameters go against it
    return loss


def train(model: Module, x: np.ndarray, t: np.ndarray, criterion: Module, lr: float, steps: int) -> list[float]:
    optimizer = SGD(model.parameters(), lr=lr)
    return [cycle(model, x, t, criterion, optimizer).item() for _ in range(steps)]


neuron = Sequential(Linear(1, 1, seed=demo.options.seed), Sigmoid())
weight, one, optimizer = neuron[0].weight, np.ones((1, 1)), SGD(neuron.parameters(), lr=1)
cycle_losses = []
for i in range(1, 4):
    old, prediction = weight.data.item(), neuron(one).item()
    cycle_losses.append(cycle(neuron, one, one, BCELoss(), optimizer).item())
    numbers = (prediction, cycle_losses[-1], weight.grad.item(), old, weight.data.item())
    demo.say(
        "cycle {}: 1 prediction {:.4f}, 2 loss {:.4f}, 3 gradient {:.4f}, 4 weight {:.4f} → {:.4f}".format(i, *numbers),
        "{}번째: 1 예측 {:.4f}, 2 손실 {:.4f}, 3 기울기 {:.4f}, 4 가중치 {:.4f} → {:.4f}".format(i, *numbers),
    )

# %% [markdown]
# Vanishing gradient: eight hidden layers of 16, on two moons. The three nets start from the same weights (those that
# suit ReLU, between ±√(6/n) for n inputs); only the activation differs. In the sigmoid net hardly any gradient arrives
# at the front, whose weights stay what they were.
#
# 기울기 소실: 뉴런 16개짜리 은닉층 8개로 두 초승달을 가릅니다. 세 신경망은 같은 가중치(렐루에 맞는, 입력 n개에 ±√(6/n)
# 사이의 값)에서 시작하고 활성화 함수만 다릅니다. 시그모이드 신경망의 앞쪽에는 기울기가 거의 오지 않아 가중치가
# 그대로입니다.

# %%
moons, labels = make_moons(100, noise=0.1, random_state=demo.options.seed)
moons, labels = moons.astype(np.float32), labels.reshape(-1, 1).astype(np.float32)


def deep(activation: type[Module], widen: float = math.sqrt(6)) -> Sequential:
    generator = np.random.default_rng(demo.options.seed)
    layers = [Linear(n, 16, seed=generator) for n in (2, *[16] * 7)]
    for each in layers:
        each.weight.data *= np.float32(widen)  # Linear draws between ±1/√n
    pairs = [module for each in layers for module in (each, activation())]
    return Sequential(*pairs, Linear(16, 1, seed=generator), Sigmoid())


def weights_of(model: Sequential) -> list[Value]:
    return [each.weight for each in model if isinstance(each, Linear)]


def gradient_sizes(model: Sequential) -> list[float]:
    """The mean |gradient| of each layer's weights, from the input to the output."""
    BCELoss()(model(moons), labels).backward()
    return [float(abs(each.grad).mean()) for each in weights_of(model)]


arriving: dict[str, list[float]] = {}  # before the training
costs: dict[str, float] = {}  # after it
moved: dict[str, float] = {}  # by how much of its length the first layer's weight has moved
for activation in (Sigmoid, Tanh, ReLU):
    name, model = activation.__name__, deep(activation)
    front = weights_of(model)[0].data.copy()
    sizes = arriving[name] = gradient_sizes(model)
    ratio = sizes[-1] / sizes[0]
    costs[name] = train(model, moons, labels, BCELoss(), lr=0.1, steps=300)[-1]
    moved[name] = float(np.linalg.norm(weights_of(model)[0].data - front) / np.linalg.norm(front))
    demo.say(
        f"{name:8} |gradient| {sizes[0]:.0e} in the first layer, {sizes[-1]:.0e} in the last: {ratio:,.0f} times\n"
        f"         after 300 steps cost {costs[name]:.4f}, the first layer has moved by {moved[name]:.3%}",
        f"{name:8} |기울기| 첫 층 {sizes[0]:.0e}, 마지막 층 {sizes[-1]:.0e}: {ratio:,.0f}배\n"
        f"         300번 업데이트한 뒤 비용 {costs[name]:.4f}, 첫 층이 움직인 정도 {moved[name]:.3%}",
    )
unwidened = gradient_sizes(deep(ReLU, widen=1))
ratio = unwidened[-1] / unwidened[0]
demo.say(
    f"With ReLU, too, it is {ratio:,.0f} times from weights between ±1/√n: where a net starts matters as well.",
    f"±1/√n 사이의 가중치에서 시작하면 렐루도 {ratio:,.0f}배입니다. 어디서 시작하는지도 중요합니다.",
)
low = min(min(each) for each in arriving.values())
for name, sizes in arriving.items():
    figure = plot_gradients({str(i): size for i, size in enumerate(sizes, 1)}, lang=lang)
    figure.axes[0].set(title=f"{figure.axes[0].get_title()}: {name}", ylim=(low / 2, 1))
    demo.save(figure, f"07_activations_gradients_{name.lower()}.png")

# %% [markdown]
# Dying ReLU: ten neurons, each on its own, are to learn t = 2x + 0.5. Two steps with too large a learning rate push
# some of them to where z is negative for every x; their gradient is exactly 0, and no training brings them back. From
# the same weights LeakyReLU does, sooner with a slope of 0.1 than of 0.01.
#
# 죽은 렐루: 뉴런 10개가 저마다 t = 2x + 0.5를 배웁니다. 너무 큰 학습률로 두 번 업데이트하면 일부는 모든 x에서
# z가 음수인 곳으로 밀려납니다. 그곳의 기울기는 정확히 0이라 아무리 학습해도 돌아오지 못합니다. 같은 가중치에서
# 리키 렐루는 되살아납니다. 음수 쪽의 기울기가 0.1이면 0.01보다 빠릅니다.

# %%
x = np.linspace(0, 1, 20, dtype=np.float32).reshape(-1, 1)
t = np.repeat(2 * x + 0.5, 10, axis=1)


def alive(model: Sequential) -> int:
    """How many neurons are positive for some x."""
    return int((model[0](x) > 0).any(axis=0).sum())


relu = Sequential(Linear(1, 10, seed=demo.options.seed), ReLU())
at_first = alive(relu)
train(relu, x, t, MSELoss(), lr=10, steps=2)
pushed = relu.state_dict()
dead = ~(relu[0](x) > 0).any(axis=0)
demo.say(
    f"Neurons alive: {at_first} of 10 at first, {alive(relu)} after the two steps; then 1000 steps with lr 1:",
    f"살아 있는 뉴런: 처음에 10개 중 {at_first}개, 두 번 업데이트한 뒤 {alive(relu)}개. 이어서 lr 1로 1000번:",
)
recovery: dict[str, list[float]] = {}  # the cost at every step
survivors: dict[str, int] = {}
for name, activation in (("ReLU", ReLU()), ("LeakyReLU(0.01)", LeakyReLU(0.01)), ("LeakyReLU(0.1)", LeakyReLU(0.1))):
    model = Sequential(Linear(1, 10), activation)
    model.load_state_dict(pushed)
    recovery[name] = train(model, x, t, MSELoss(), lr=1, steps=1000)
    survivors[name] = alive(model)
    largest = float(abs(model[0].weight.grad[dead]).max(initial=0))
    demo.say(
        f"  {name:15} {survivors[name]} alive, cost {recovery[name][-1]:.6f}, |gradient| of the pushed ≤ {largest:.0e}",
        f"  {name:15} {survivors[name]}개, 비용 {recovery[name][-1]:.6f}, 밀려났던 뉴런의 |기울기| ≤ {largest:.0e}",
    )

figure, axes = pyplot.subplots()
for name, history in recovery.items():
    axes.semilogy(history, label=name)
axes.yaxis.set_major_formatter("{x:.0e}")
axes.set(title=demo.label("dead ReLU, recovered LeakyReLU", "죽은 렐루, 되살아난 리키 렐루"), ylim=(1e-6, 10))
axes.set(xlabel=demo.label("step", "업데이트 횟수"), ylabel=demo.label("cost", "비용"))
axes.legend()
figure.tight_layout()
demo.save(figure, "07_activations_dying_relu.png")

# %% [markdown]
# Which activation at the output goes with which cost function. They are pairs because the gradient at z, before the
# activation, comes out as prediction minus target (twice that for MSELoss). Hidden layers take ReLU or a variant of it.
#
# 출력층의 활성화 함수와 비용 함수의 짝입니다. 활성화 함수에 들어가는 z의 기울기가 (예측 − 정답)이 되기 때문에
# 짝입니다(MSELoss는 그 두 배). 은닉층에는 렐루나 그 변형을 씁니다.

# %%
score, logits, hot = Value([0.8]), Value([[2.0, 1.0, 0.1]]), np.array([[1.0, 0.0, 0.0]])
binary = BCELoss()(score.sigmoid(), [1.0])
multiclass = CrossEntropyLoss()(logits, [0])
regression = MSELoss()(score, [1.0])
at_z = {
    "BCELoss": (gradients(binary, [score])[0], score.sigmoid().data - 1),
    "CrossEntropyLoss": (gradients(multiclass, [logits])[0], logits.softmax().data - hot),
    "MSELoss": (gradients(regression, [score])[0], 2 * (score.data - 1)),
}
show_table(
    demo.text("output layer and cost function", "출력층과 비용 함수"),
    demo.text("problem|activation|cost function|gradient at z", "문제|활성화 함수|비용 함수|z의 기울기").split("|"),
    (
        (demo.text("binary classification", "이진 분류"), "sigmoid", "BCELoss()", "sigmoid(z) − t"),
        (demo.text("multi-class", "다중 클래스 분류"), "softmax", "CrossEntropyLoss()", "softmax(z) − t"),
        (demo.text("regression", "회귀"), demo.text("none", "없음"), "MSELoss()", "2(z − t)"),
    ),
)
demo.say("Gradients at z by the engine, and by the formula:", "z의 기울기, 엔진으로 그리고 식으로:")
for cost, (engine, by_hand) in at_z.items():
    print(f"  {cost}: {engine.ravel()} = {by_hand.ravel()}")

apart_losses = {
    "BCELoss": binary.item() - BCEWithLogitsLoss()(score, [1.0]).item(),
    "CrossEntropyLoss": multiclass.item() - NLLLoss()(LogSoftmax(dim=-1)(logits), [0]).item(),
}
demo.say(
    "CrossEntropyLoss has the softmax inside and takes z itself, with no Softmax before it: it is NLLLoss after\n"
    f"LogSoftmax (difference {apart_losses['CrossEntropyLoss']:.0e}), as BCEWithLogitsLoss is BCELoss after Sigmoid "
    f"({apart_losses['BCELoss']:.0e}).",
    "CrossEntropyLoss에는 소프트맥스가 들어 있으므로 앞에 Softmax를 두지 않고 z를 그대로 줍니다.\n"
    f"LogSoftmax 다음의 NLLLoss와 같고 (차이 {apart_losses['CrossEntropyLoss']:.0e}), "
    f"BCEWithLogitsLoss는 Sigmoid 다음의 BCELoss와 같습니다 ({apart_losses['BCELoss']:.0e}).",
)
