"""Section 4 of the chapter: feed forward through a 2-2-1 network, in scalars and in matrices, and a picture of it.

Computes every z and a in the chapter's notation, where w₂₁⁽²⁾ leads from node 1 to node 2 of layer 2, then the same in
matrices, and compares outputs, loss and gradients. Drawing the network with these labels takes Graphviz:
pip install "micrograd-kr[draw]".

책 4절: 2-2-1 신경망의 피드포워드를 스칼라와 행렬로 계산하고 그림으로 그립니다.
책의 표기법으로 z와 a를 모두 계산합니다. w₂₁⁽²⁾는 노드 1에서 계층 2의 노드 2로 가는 가중치입니다. 같은 계산을 행렬로
다시 하여 출력, 손실, 기울기를 비교합니다. 이 표기를 붙인 그림을 그리려면 Graphviz가 필요합니다:
pip install "micrograd-kr[draw]"
"""

import random
from itertools import pairwise

import numpy as np
from frame import start

from micrograd_kr import Value, draw
from micrograd_kr.nn import Layer
from micrograd_kr.ops import sigmoid
from micrograd_kr.optim import SGD

demo = start(__doc__)

# %% [markdown]
# All weights and biases start at random. A Layer names them as the chapter does: w₂₁⁽²⁾ leads to node 2 of layer 2 and
# comes from node 1, the next layer's number first.
#
# 가중치와 편향은 모두 난수로 초기화합니다. Layer는 책의 표기법대로 이름을 붙입니다. w₂₁⁽²⁾는 노드 1에서 계층 2의
# 노드 2로 가는 가중치로, 다음 계층의 노드 번호가 앞에 옵니다.

# %%
random.seed(demo.options.seed)


def new_layer(nin, nout, number):
    """A layer of linear regressions, z; the biases, which a Layer starts at 0, at random too."""
    layer = Layer(nin, nout, nonlin=False, layer=number)
    for neuron in layer.neurons:
        neuron.b.data = random.uniform(-1, 1)
    return layer


def named(value, label):
    value.label = label
    return value


hidden, output = new_layer(2, 2, 2), new_layer(2, 1, 3)
(w11_2, w12_2), (w21_2, w22_2) = (neuron.w for neuron in hidden.neurons)
b1_2, b2_2 = (neuron.b for neuron in hidden.neurons)
w11_3, w12_3 = output.neurons[0].w
b1_3 = output.neurons[0].b
parameters = [w11_2, w12_2, w21_2, w22_2, b1_2, b2_2, w11_3, w12_3, b1_3]
for each in parameters:
    print(f"{each.label} = {each.data:8.5f}")

# %% [markdown]
# Scalars, one equation a line. The input layer passes its inputs on as they are; every other node is a linear
# regression z and a sigmoid a, that is, one logistic regression.
#
# 스칼라로, 한 줄에 식 하나씩 씁니다. 입력층은 입력을 그대로 내보냅니다. 다른 노드는 모두 선형회귀 값 z와 시그모이드 a,
# 곧 로지스틱 회귀 하나입니다.

# %%
x1, x2, t = Value(0.1, "x₁ = a₁⁽¹⁾"), Value(0.2, "x₂ = a₂⁽¹⁾"), Value(1.0, "t")
a1_1, a2_1 = x1, x2

z1_2 = named(a1_1 * w11_2 + a2_1 * w12_2 + b1_2, "z₁⁽²⁾")
z2_2 = named(a1_1 * w21_2 + a2_1 * w22_2 + b2_2, "z₂⁽²⁾")
a1_2 = named(z1_2.sigmoid(), "a₁⁽²⁾")
a2_2 = named(z2_2.sigmoid(), "a₂⁽²⁾")

z1_3 = named(a1_2 * w11_3 + a2_2 * w12_3 + b1_3, "z₁⁽³⁾")
y = named(z1_3.sigmoid(), "y = a₁⁽³⁾")
loss = named((y - t) ** 2 / 2, "E")

# %% [markdown]
# Above 0.5, that is where z > 0, a node stands for 1, otherwise for 0.
#
# a가 0.5를 넘으면, 곧 z > 0이면 노드는 1을, 그렇지 않으면 0을 뜻합니다.

# %%
for z, a in ((z1_2, a1_2), (z2_2, a2_2), (z1_3, y)):
    print(f"{z.label} = {z.data:8.5f}   {a.label} = {a.data:.5f} → {int(a.data > 0.5)}")
print(f"E = (y − t)² / 2 = {loss.data:.5f}")

# %% [markdown]
# Matrices: one product a layer, (z₁ z₂) = (a₁ a₂)·Wᵀ + (b₁ b₂). Row k of W holds the weights that lead to node k, so W
# is transposed; the chapter prints it without ᵀ, and then z₁ takes w₂₁ where its own equation says w₁₂.
#
# 행렬로는 층마다 곱셈 하나면 됩니다. (z₁ z₂) = (a₁ a₂)·Wᵀ + (b₁ b₂)입니다. W의 k번째 행은 노드 k로 들어가는
# 가중치이므로 전치해야 합니다. 책에는 ᵀ가 빠져 있는데, 그러면 z₁이 식에 있는 w₁₂ 대신 w₂₁을 쓰게 됩니다.

# %%
W2 = Value([[w11_2.data, w12_2.data], [w21_2.data, w22_2.data]], "W⁽²⁾")
B2 = Value([b1_2.data, b2_2.data], "b⁽²⁾")
W3 = Value([[w11_3.data, w12_3.data]], "W⁽³⁾")
B3 = Value([b1_3.data], "b⁽³⁾")

A1 = np.array([[x1.data, x2.data]])
Z2 = A1 @ W2.T + B2
A2 = Z2.sigmoid()
Z3 = A2 @ W3.T + B3
Y = Z3.sigmoid()
matrix_loss = ((Y - t.data) ** 2).sum() / 2

scalars = [each.data for each in (z1_2, z2_2, a1_2, a2_2, z1_3, y, loss)]
matrices = np.concatenate([each.data.ravel() for each in (Z2, A2, Z3, Y)] + [[matrix_loss.data]])
difference = np.abs(matrices - scalars).max()
demo.say(
    f"Scalars and matrices differ by at most {difference:.1g}.", f"스칼라와 행렬의 차이는 최대 {difference:.1g}입니다."
)

a, W = np.array([1.0, 10.0]), np.array([[1.0, 2.0], [3.0, 4.0]])
by_equations = np.array([a[0] * w1 + a[1] * w2 for w1, w2 in W])
transposed, printed = a @ W.T, a @ W
demo.say(
    f"For a = (1, 10), w = 1, 2, 3, 4: by the equations {by_equations}, a·Wᵀ {transposed}, a·W as printed {printed}.",
    f"a = (1, 10), w = 1, 2, 3, 4일 때: 식으로 {by_equations}, a·Wᵀ {transposed}, 책에 나온 a·W {printed}.",
)

# %% [markdown]
# The loss goes back to every weight and bias: in scalars one gradient each, in matrices a gradient of W's shape. A step
# against it makes the loss smaller.
#
# 손실에서 모든 가중치와 편향으로 기울기가 전해집니다. 스칼라에서는 하나씩, 행렬에서는 W와 같은 모양으로 나옵니다.
# 기울기의 반대쪽으로 한 번 업데이트하면 손실이 줄어듭니다.

# %%
loss.backward()
matrix_loss.backward()
scalar_gradients = [each.grad for each in parameters]
matrix_gradients = np.concatenate([each.grad.ravel() for each in (W2, B2, W3, B3)])
gradient_difference = np.abs(matrix_gradients - scalar_gradients).max()
demo.say(
    f"Their nine gradients differ by at most {gradient_difference:.1g}.",
    f"기울기 아홉 개의 차이는 최대 {gradient_difference:.1g}입니다.",
)
picture = draw(loss, limit=20, digits=5, lang=demo.plot_lang)  # of more nodes than the limit the named ones only
demo.render(picture, "04_feed_forward.png")

# %% [markdown]
# Any network feeds forward like this: N inputs, hidden layers of M and K nodes, L outputs.
#
# 입력이 N개, 은닉층의 노드가 M개와 K개, 출력이 L개인 어떤 신경망도 피드포워드는 같습니다.


# %%
def feed_forward(layers, a):
    """The output layer's a, node by node."""
    for layer in layers:
        a = [neuron(a).sigmoid() for neuron in layer.neurons]
    return a


def feed_forward_matrices(layers, a):
    """The same, a product for each layer; a: (samples, nodes)."""
    for layer in layers:
        weights = np.array([[w.data for w in neuron.w] for neuron in layer.neurons])
        biases = np.array([neuron.b.data for neuron in layer.neurons])
        a = sigmoid(a @ weights.T + biases)
    return a


SGD(hidden.parameters() + output.parameters(), lr=0.5).step()
(y_after,) = feed_forward([hidden, output], [x1, x2])
loss_after = (y_after - t) ** 2 / 2
demo.say(
    f"A step with learning rate 0.5: E {loss.data:.5f} → {loss_after.data:.5f}",
    f"학습률 0.5로 한 번 업데이트: E {loss.data:.5f} → {loss_after.data:.5f}",
)

sizes = (4, 3, 5, 2)
name = "-".join(map(str, sizes))
net = [new_layer(n, m, i + 2) for i, (n, m) in enumerate(pairwise(sizes))]
x = np.random.default_rng(demo.options.seed).normal(size=(6, sizes[0]))
one_by_one = np.array([[a.data for a in feed_forward(net, sample.tolist())] for sample in x])
general_difference = np.abs(feed_forward_matrices(net, x) - one_by_one).max()
labels = " ".join(w.label for w in net[0].neurons[1].w)
demo.say(
    f"A {name} network, 6 samples: at most {general_difference:.1g} apart. To node 2: {labels}",
    f"{name} 신경망, 샘플 6개: 차이는 최대 {general_difference:.1g}. 노드 2로 가는 가중치: {labels}",
)
