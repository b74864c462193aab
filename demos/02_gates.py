"""Section 2 of the chapter: perceptrons. The gates AND, NAND and OR, and XOR, which takes three of them.

Shows the step function, the two rules for when a perceptron fires and where they differ, the line that each gate
draws through the plane, why no line is XOR, and XOR from NAND, OR and AND.

책 2절: 퍼셉트론. AND, NAND, OR 게이트와, 게이트 세 개로 만드는 XOR를 다룹니다.
계단 함수, 임계치 규칙 두 가지와 그 차이, 게이트마다 평면을 나누는 직선, XOR에는 그런 직선이 없는 이유,
그리고 NAND, OR, AND로 XOR를 만드는 방법을 보여 줍니다.
"""

from itertools import product

import numpy as np
from frame import start
from matplotlib import pyplot as plt

from micrograd_kr.nn import MLP
from micrograd_kr.perceptron import (
    AND,
    AND_WEIGHTS,
    INPUTS,
    NAND,
    OR,
    AND_gate,
    NAND_gate,
    OR_gate,
    Perceptron,
    XOR_gate,
    step,
    xor_table,
)

demo = start(__doc__)

# %% [markdown]
# A perceptron (Rosenblatt, 1957) has many inputs x and one output y, like a neuron: what the axon is there is a weight
# here, and the larger it is, the more its input counts. The step function turns the weighted sum into an answer: 1
# above the threshold, 0 below. Books differ at equality.
#
# 퍼셉트론(로젠블라트, 1957)은 뉴런처럼 여러 입력 x에서 출력 y 하나를 냅니다. 축삭돌기의 역할을 가중치가 하며,
# 가중치가 클수록 그 입력이 중요합니다. 계단 함수는 가중합을 답으로 바꿉니다. 임계치보다 크면 1, 작으면 0이고,
# 같을 때의 값은 책마다 다릅니다.

# %%
figure, row = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
for axes, rule in zip(row, (">", "≥"), strict=True):
    for side in (np.linspace(-2, -1e-9), np.linspace(1e-9, 2)):
        axes.plot(side, step(side, rule), color="C0")
    at_0 = step(0.0, rule)
    axes.plot(0, at_0, "o", color="C0")
    axes.plot(0, 1 - at_0, "o", color="C0", markerfacecolor="white")
    axes.set(
        title=demo.label(f"Step function, rule {rule}", f"계단 함수, 규칙 {rule}"), xlabel="$w·x + b$", yticks=[0, 1]
    )
demo.save(figure, "02_gates_step.png")

# %% [markdown]
# A gate is a perceptron with the right weights: AND, NAND and OR as the chapter's programs print them.
#
# 게이트는 가중치를 알맞게 정한 퍼셉트론입니다. 책의 프로그램이 출력하는 AND, NAND, OR입니다.

# %%
input_data = np.array(INPUTS)
gates = {"AND": AND_gate, "NAND": NAND_gate, "OR": OR_gate}
for name, gate in gates.items():
    result = []
    for x in input_data:
        result.append(gate(x))
    print(f"{name:>4}", result)


# %% [markdown]
# The chapter states the rule with a threshold θ (w·x ≥ θ) and with a bias b = −θ (w·x + b ≥ 0), and programs `> 0`.
# θ or b makes no difference; > or ≥ does, where the sum is exactly 0. Turning all signs turns AND into NAND, unless a
# sum is 0.
#
# 책은 규칙을 임계치 θ(w·x ≥ θ)와 편향 b = −θ(w·x + b ≥ 0)로 쓰고, 프로그램에서는 `> 0`을 씁니다.
# θ로 쓰든 b로 쓰든 결과는 같지만, 합이 정확히 0이면 >와 ≥의 결과가 다릅니다. 부호를 모두 바꾸면 AND는 NAND가
# 되지만, 합이 0인 입력이 있으면 그렇지 않습니다.


# %%
def by_threshold(gate):
    """The outputs by the θ form: w·x against θ, no bias added."""
    sums = Perceptron(gate.w, 0.0).weighted_sum(input_data)
    return (sums > gate.theta if gate.rule == ">" else sums >= gate.theta).astype(int).tolist()


def under_both_rules(gate):
    """The outputs by "> 0" and by "≥ 0"."""
    return [Perceptron(gate.w, gate.b, rule)(input_data).tolist() for rule in (">", "≥")]


sets = {"AND": AND_WEIGHTS, "NAND": [-each for each in AND_WEIGHTS], "OR": [OR]}
print(f"{'':4}  {'w1':>4} {'w2':>4} {'b':>4} {'θ':>4}   {'w·x+b > 0':12} {'w·x > θ':12} {'w·x+b ≥ 0':12}")
for name, several in sets.items():
    for gate in several:
        above, reached = under_both_rules(gate)
        numbers = " ".join(f"{each:4.1f}" for each in (*gate.w, gate.b, gate.theta))
        print(f"{name:>4}  {numbers}   {above} {by_threshold(gate)} {reached}", "" if above == reached else "←")
demo.say(
    "← The rules differ: [1.0, 1.0, −1.0], which the chapter calls AND, is OR under ≥. Here, as in its programs: > 0.",
    "← 규칙에 따라 다릅니다. 책에 AND로 나온 [1.0, 1.0, −1.0]은 ≥에서는 OR입니다. 여기서도 책의 프로그램처럼 > 0을 "
    "씁니다.",
)

# %% [markdown]
# The bias is the weight of an input that is always 1.
#
# 편향은 값이 항상 1인 입력의 가중치입니다.

# %%
with_ones = np.column_stack([input_data, np.ones(4)])
bias_as_weight = Perceptron((*AND.w, AND.b), 0.0)(with_ones).tolist()
demo.say(f"AND with inputs x1, x2, 1: {bias_as_weight}", f"입력이 x1, x2, 1인 AND: {bias_as_weight}")

# %% [markdown]
# Each gate cuts the plane along the line w1·x1 + w2·x2 + b = 0. For XOR the two classes lie across.
#
# 게이트는 직선 w1·x1 + w2·x2 + b = 0을 따라 평면을 둘로 나눕니다. XOR는 두 답이 서로 엇갈려 있습니다.


# %%
def plane(axes, title, outputs, points=input_data, names=("$x_1$", "$x_2$")):
    """Points in the unit square with their outputs: filled where it is 1, hollow where it is 0."""
    for point, output in zip(points, outputs, strict=True):
        color, box = ("white", "C0") if output else ("C0", "white")
        circle = {"boxstyle": "circle", "facecolor": box, "edgecolor": "C0", "linewidth": 2}
        axes.text(*point, str(output), color=color, ha="center", va="center", bbox=circle)
    axes.set(title=title, xlabel=names[0], ylabel=names[1], xlim=(-0.5, 1.5), ylim=(-0.5, 1.5), aspect="equal")
    axes.set(xticks=[0, 1], yticks=[0, 1])


def line(axes, gate, color="C3"):
    """The line on which a gate's weighted sum is 0."""
    (w1, w2), x1 = gate.w, np.array([-0.5, 1.5])
    axes.plot(x1, -(w1 * x1 + gate.b) / w2, color=color)


def shade(axes, gate):
    """The part of the plane where a gate gives 1."""
    side = np.linspace(-0.5, 1.5, 401)
    grid = np.stack(np.meshgrid(side, side), axis=-1)
    axes.contourf(side, side, gate(grid), levels=[0.5, 1.5], colors=["C0"], alpha=0.15)


figure, row = plt.subplots(1, 4, figsize=(12, 3.6), layout="constrained")
for axes, (name, gate) in zip(row, (("AND", AND), ("NAND", NAND), ("OR", OR)), strict=False):
    plane(axes, name, gate(input_data))
    line(axes, gate)
    shade(axes, gate)
plane(row[3], demo.label("XOR: no line does it", "XOR: 그런 직선이 없음"), XOR_gate(input_data))
demo.save(figure, "02_gates.png")

# %% [markdown]
# Why none can: each point asks for an inequality. Added up, the two that want 1 and the two that want 0 have the same
# left-hand side, which would have to be above 0 and not above 0.
#
# 왜 없을까요? 점마다 부등식이 하나씩 나옵니다. 1이어야 하는 두 점의 식과 0이어야 하는 두 점의 식을 각각 더하면
# 좌변이 같아집니다. 같은 값이 0보다 크면서 동시에 크지 않을 수는 없습니다.


# %%
def side_of(coefficients):
    """w1 + w2 + 2·b, from the numbers of w1, w2 and b."""
    terms = [name if n == 1 else f"{n}·{name}" for n, name in zip(coefficients, ("w1", "w2", "b"), strict=True) if n]
    return " + ".join(terms)


wanted = XOR_gate(input_data)
inequalities = [((*x, 1), ">" if y else "≤") for x, y in zip(INPUTS, wanted, strict=True)]
for coefficients, sign in inequalities:
    print(f"  {coefficients[:2]}: {side_of(coefficients):12} {sign} 0")
sums = {sign: tuple(np.sum([each for each, s in inequalities if s == sign], axis=0).tolist()) for sign in (">", "≤")}
demo.say(
    f"  Sums: {side_of(sums['>'])} > 0 and {side_of(sums['≤'])} ≤ 0, a contradiction. So no weights exist.",
    f"  합: {side_of(sums['>'])} > 0이면서 {side_of(sums['≤'])} ≤ 0이어야 하므로 모순입니다. 그런 가중치는 없습니다.",
)

# %% [markdown]
# A layer between solves it: s1 = NAND, s2 = OR, and AND of the two is XOR. In the plane of s1 and s2 a line is enough.
#
# 가운데에 층을 하나 두면 됩니다. s1 = NAND, s2 = OR로 두고 둘을 AND에 넣으면 XOR입니다. s1과 s2의 평면에서는 직선
# 하나로 나뉩니다.

# %%
final_output = []
for x in input_data:
    s1 = NAND_gate(x)
    s2 = OR_gate(x)
    final_output.append(AND_gate([s1, s2]))
print(" XOR", final_output)

table = xor_table([(0, 0), (1, 0), (0, 1), (1, 1)])  # the order of the chapter's table
print("  x1  x2  s1 NAND  s2 OR  y XOR")
for x1, x2, s1, s2, y in table:
    print(f"  {x1:2}  {x2:2}  {s1:7}  {s2:5}  {y:5}")

figure, (left, right) = plt.subplots(1, 2, figsize=(7.5, 4), layout="constrained")
plane(left, demo.label("XOR between two lines", "두 직선 사이의 XOR"), XOR_gate(input_data))
shade(left, XOR_gate)
line(left, NAND, "C1")
line(left, OR, "C2")
left.text(0.3, 1.25, "NAND", color="C1")
left.text(0.3, 0.3, "OR", color="C2", ha="right")
hidden = np.stack([NAND(input_data), OR(input_data)], axis=-1)
title = demo.label("After the hidden layer one line is enough", "은닉층을 지나면 직선 하나로 충분")
plane(right, title, AND(hidden), hidden, ("$s_1$ (NAND)", "$s_2$ (OR)"))
shade(right, AND)
line(right, AND)
demo.save(figure, "02_gates_xor.png")

# %% [markdown]
# One layer of weights is a single-layer perceptron; with a hidden layer it is a multi-layer perceptron (MLP), with two
# or more a deep neural network (DNN).
#
# 가중치 층이 하나면 단층 퍼셉트론, 은닉층이 있으면 다층 퍼셉트론(MLP), 은닉층이 둘 이상이면 심층 신경망(DNN)입니다.


# %%
def draw_net(axes, title, layers, weights=None):
    """Layers of named nodes from left to right, each joined to all nodes of the next layer but its constant 1.

    weights: for each pair of layers the numbers on the lines, one row for each node they lead to.
    """

    def place(i, j):
        return i, (len(layers[i]) - 1) / 2 - j

    for i in range(1, len(layers)):
        targets = [k for k, name in enumerate(layers[i]) if name != "1"]
        for k, j in product(targets, range(len(layers[i - 1]))):
            (x0, y0), (x1, y1) = place(i - 1, j), place(i, k)
            axes.plot([x0, x1], [y0, y1], color="0.6", zorder=1)
            if weights:
                part = 0.25 if k % 2 else 0.6  # so that the numbers on lines that cross stay apart
                where, box = (x0 + part * (x1 - x0), y0 + part * (y1 - y0)), {"color": "white", "pad": 1}
                axes.text(*where, f"{weights[i - 1][k][j]:g}", fontsize=9, ha="center", va="center", bbox=box)
    for i, names in enumerate(layers):
        for j, name in enumerate(names):
            axes.scatter(*place(i, j), s=650, c="white" if name == "1" else "#edf4fc", edgecolors="C0", zorder=2)
            axes.text(*place(i, j), name, ha="center", va="center", zorder=3)
    axes.set(title=title, xlim=(-0.3, len(layers) - 0.7), ylim=(-1.9, 1.9))
    axes.axis("off")


dnn = MLP(2, [4, 4, 1])
figure, row = plt.subplots(1, 3, figsize=(13, 4), layout="constrained")
x = ["$x_1$", "$x_2$"]
draw_net(row[0], demo.label("Single layer: AND", "단층 퍼셉트론: AND"), [[*x, "1"], ["$y$"]], [[(*AND.w, AND.b)]])
draw_net(
    row[1],
    demo.label("Multi-layer: XOR", "다층 퍼셉트론: XOR"),
    [[*x, "1"], ["$s_1$", "$s_2$", "1"], ["$y$"]],
    [[(*NAND.w, NAND.b), (*OR.w, OR.b)], [(*AND.w, AND.b)]],
)
draw_net(
    row[2],
    demo.label("Deep: two hidden layers", "심층 신경망: 은닉층 두 개"),
    [x, *([""] * len(layer.neurons) for layer in dnn.layers)],
)
demo.save(figure, "02_gates_nets.png")
demo.say(
    f"A deep neural network, two hidden layers of four: {dnn.count_parameters()} weights and biases.",
    f"은닉층이 두 개이고 각각 뉴런이 네 개인 심층 신경망: 가중치와 편향이 모두 {dnn.count_parameters()}개입니다.",
)
