"""The chapter's back-propagation example, written in the engine's own API: forward, backward, one update, forward
again, and then on until the error is minimal.

Each number is printed to the eight decimals of the chapter, with the factors of the chain rule it is the product of.
All 40 that the chapter prints are compared with `micrograd-kr check chapter7`, and worked in three ways that share no
step (`three_ways.py`).

교재의 역전파 예제를 엔진의 API로 그대로 씁니다. 순전파, 역전파, 업데이트 한 번, 다시 순전파를 하고,
이어서 오차가 최소가 될 때까지 되풀이합니다. 모든 수를 연쇄 법칙의 각 항과 함께 교재처럼 소수점 아래
8자리까지 출력하고, 교재에 인쇄된 수 40개를 `micrograd-kr check chapter7`과 비교하고, 서로 다른 세 가지
방법(`three_ways.py`)으로 구합니다.
"""

from frame import start
from matplotlib import pyplot
from three_ways import by_formulas, by_tensors

from micrograd_kr import Value, check, gradients
from micrograd_kr.teacher.ask.file import load

demo = start(__doc__)

# %% [markdown]
# Two inputs, two hidden neurons, two outputs, no bias. What the training changes is a `Value`; the rest are numbers.
#
# 입력 2개, 은닉 뉴런 2개, 출력 2개이고 편향은 없습니다. 학습으로 바뀌는 것만 `Value`이고 나머지는 그냥 수입니다.

# %%
x1, x2 = 0.1, 0.2
target_o1, target_o2 = 0.4, 0.6
lr = 0.5
W1, W2, W3, W4 = (Value(each, f"W{i}") for i, each in enumerate((0.3, 0.25, 0.4, 0.35), 1))
W5, W6, W7, W8 = (Value(each, f"W{i}") for i, each in enumerate((0.45, 0.4, 0.7, 0.6), 5))
weights = [W1, W2, W3, W4, W5, W6, W7, W8]


def forward() -> dict[str, Value]:
    """One forward pass with the present weights: every quantity by its name."""
    z1, z2 = W1 * x1 + W2 * x2, W3 * x1 + W4 * x2
    h1, h2 = z1.sigmoid(), z2.sigmoid()
    z3, z4 = W5 * h1 + W6 * h2, W7 * h1 + W8 * h2
    o1, o2 = z3.sigmoid(), z4.sigmoid()
    error1, error2 = (target_o1 - o1) ** 2 / 2, (target_o2 - o2) ** 2 / 2
    found = {"z1": z1, "z2": z2, "h1": h1, "h2": h2, "z3": z3, "z4": z4, "o1": o1, "o2": o2}
    found |= {"E_o1": error1, "E_o2": error2, "E_total": error1 + error2}
    for name, value in found.items():
        value.label = name
    return found


# %% [markdown]
# Forward propagation: from the inputs to the error.
#
# 순전파: 입력에서 오차까지 계산합니다.

# %%
results: dict[str, float] = {}  # every number shown, by the name that an exercise file gives it


def show(name: str, formula: str, value: float) -> None:
    results[name] = value
    print(f"  {name:13} = {formula:34} = {value:.8f}")


FORMULAS = {
    "z1": "W1·x1 + W2·x2",
    "z2": "W3·x1 + W4·x2",
    "h1": "sigmoid(z1)",
    "h2": "sigmoid(z2)",
    "z3": "W5·h1 + W6·h2",
    "z4": "W7·h1 + W8·h2",
    "o1": "sigmoid(z3)",
    "o2": "sigmoid(z4)",
    "E_o1": "½(target_o1 − o1)²",
    "E_o2": "½(target_o2 − o2)²",
    "E_total": "E_o1 + E_o2",
}
first = forward()
demo.say("Forward propagation", "순전파")
for name, formula in FORMULAS.items():
    show(name, formula, first[name].data)

# %% [markdown]
# Back-propagation: `backward` fills `.grad` of every Value with the derivative of E_total. A single factor of the
# chain rule, do1/dz3 say, is what `gradients(o1, [z3])` gives.
#
# 역전파: `backward`는 모든 Value의 `.grad`에 E_total의 미분을 채웁니다. 연쇄 법칙의 한 항, 예를 들어 do1/dz3은
# `gradients(o1, [z3])`로 구합니다.

# %%
first["E_total"].backward()
h1, o1, z1, z3 = first["h1"], first["o1"], first["z1"], first["z3"]


def derivative(of: Value, by: Value) -> float:
    return gradients(of, [by])[0]


demo.say("\nBack-propagation, step 1: W5 to W8", "\n역전파 1단계: W5부터 W8까지")
show("dE_total/do1", "−(target_o1 − o1)", o1.grad)
show("do1/dz3", "o1·(1 − o1)", derivative(o1, z3))
show("dz3/dW5", "h1", derivative(z3, W5))
show("dE_total/dW5", "dE_total/do1 · do1/dz3 · dz3/dW5", W5.grad)

demo.say(
    "\nBack-propagation, step 2: W1 to W4, with the old W5 to W8; two paths lead to h1 and their gradients add up",
    "\n역전파 2단계: W1부터 W4까지, 업데이트 전의 W5~W8로 계산합니다. h1에는 두 경로가 있고 기울기는 더해집니다",
)
show("dE_o1/dh1", "dE_total/do1 · do1/dz3 · W5", derivative(first["E_o1"], h1))
show("dE_o2/dh1", "dE_total/do2 · do2/dz4 · W7", derivative(first["E_o2"], h1))
show("dE_total/dh1", "dE_o1/dh1 + dE_o2/dh1", h1.grad)
show("dh1/dz1", "h1·(1 − h1)", derivative(h1, z1))
show("dz1/dW1", "x1", derivative(z1, W1))
show("dE_total/dW1", "dE_total/dh1 · dh1/dz1 · dz1/dW1", W1.grad)

# %% [markdown]
# Gradient descent: all eight weights take one step against their gradients, at once. (The chapter's line for W1 starts
# from 0.1; it is 0.3.)
#
# 경사 하강법: 가중치 8개가 모두 한꺼번에 기울기의 반대쪽으로 한 번 옮겨 갑니다. (교재의 W1 식은 0.1에서
# 시작하지만 0.3이 맞습니다.)


# %%
def descend() -> bool:
    """One step of all weights; whether any of them has changed."""
    old = [p.data for p in weights]
    for p in weights:
        p.data -= lr * p.grad
        p.zero_grad()
    return [p.data for p in weights] != old


demo.say("\nUpdates", "\n업데이트")
workings = {p.label: f"{p.data:g} − {lr:g}·{p.grad:.8f}" for p in weights}
descend()
for p in weights:
    show(f"{p.label}+", workings[p.label], p.data)

second = forward()
demo.say("\nForward again, with the new weights (')", "\n새 가중치로 다시 순전파 (')")
for name, formula in FORMULAS.items():
    show(f"{name}'", formula, second[name].data)

# %% [markdown]
# The same 40 numbers as the exercise `chapter7`, which holds what the chapter prints; `micrograd-kr draw chapter7`
# draws them.
#
# 교재의 수를 담은 문제 `chapter7`의 수 40개와 같습니다. `micrograd-kr draw chapter7`로 그려 볼 수 있습니다.

# %%
report = check(load("chapter7"))
matches = sum(row.verdict == "match" for row in report.rows)
apart = max(abs(results[row.name] - row.value) for row in report.rows)
demo.say(
    f"\nmicrograd-kr check chapter7: {matches} of {len(report.rows)} printed numbers match; "
    f"the largest difference from those above is {apart:.1g}.",
    f"\nmicrograd-kr check chapter7: 인쇄된 수 {len(report.rows)}개 중 {matches}개가 일치합니다. "
    f"위의 수와의 가장 큰 차이는 {apart:.1g}입니다.",
)

# %% [markdown]
# The same numbers by formulas worked out by hand (no engine at all), by the scalar Values above, and by Values that
# hold vectors and matrices.
#
# 같은 수를 손으로 유도한 식(엔진 없이), 위의 스칼라 Value, 벡터와 행렬을 담은 Value로 나란히 구합니다.

# %%
numbers = {"x1": x1, "x2": x2, "target_o1": target_o1, "target_o2": target_o2}
numbers |= {step.name: step.before for step in report.parameters}
formulas, tensors = by_formulas(numbers, lr), by_tensors(numbers, lr, list(results))
ways = {name: (formulas[name], scalar, tensors[name]) for name, scalar in results.items()}
spread = max(max(each) - min(each) for each in ways.values())
demo.say(
    "\nquantity           formulas      scalars      tensors", "\n양                   식으로       스칼라         텐서"
)
for name, each in ways.items():
    print(f"  {name:12}", *(f"{number:12.8f}" for number in each))
demo.say(
    f"The largest difference between formulas by hand, scalar Values and tensor Values: {spread:.1g}.",
    f"손으로 유도한 식, 스칼라 Value, 텐서 Value 사이의 가장 큰 차이: {spread:.1g}.",
)

# %% [markdown]
# Forward and backward again and again, until the error is minimal. A sum of squares cannot go below 0, and one sample
# with eight weights can bring it there. In float64 the minimum is where a step changes no weight any more: lr times the
# gradient is lost when it is subtracted.
#
# 오차가 최소가 될 때까지 순전파와 역전파를 되풀이합니다. 제곱의 합은 0보다 작을 수 없고, 샘플 하나에 가중치가 8개이므로
# 0까지 줄일 수 있습니다. float64에서 최소란 한 번 업데이트해도 가중치가 바뀌지 않는 곳입니다. lr과 기울기의 곱이
# 너무 작아 빼도 그대로입니다.

# %%
passes = [first, second]
second["E_total"].backward()
while descend():
    passes.append(forward())
    passes[-1]["E_total"].backward()

errors = [each["E_total"].data for each in passes]
outputs = {name: [each[name].data for each in passes] for name in ("o1", "o2")}
steps = len(passes) - 1
zero_to_8 = next(i for i, error in enumerate(errors) if f"{error:.8f}" == "0.00000000")
miss = max(abs(outputs["o1"][-1] - target_o1), abs(outputs["o2"][-1] - target_o2))
demo.say(
    f"Repeated: after {zero_to_8} steps E_total prints as 0.00000000; after {steps} no weight changes any more, "
    f"E_total is {errors[-1]:.1e},\nand the outputs are within {miss:.1e} of their targets.",
    f"되풀이: {zero_to_8}번 업데이트한 뒤 E_total은 0.00000000으로 출력되고, "
    f"{steps}번 업데이트한 뒤 더는 바뀌는 가중치가 없습니다.\n"
    f"이때 E_total은 {errors[-1]:.1e}, 출력과 목표의 차이는 {miss:.1e} 이하입니다.",
)

figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4.5))
left.semilogy(errors)
left.plot([0, 1], errors[:2], "o", markersize=4, label=demo.label("the chapter's two passes", "교재의 순전파 두 번"))
left.yaxis.set_major_formatter("{x:.0e}")  # the usual 10⁻⁶ needs a − that few Korean fonts have
left.set(title=demo.label("the error, E_total", "오차 E_total"), xlabel=demo.label("step", "업데이트 횟수"))
for (name, numbers), target, color in zip(outputs.items(), (target_o1, target_o2), ("C0", "C1"), strict=True):
    right.plot(numbers, color=color, label=name)
    right.axhline(target, color=color, linestyle=":", label=demo.label(f"its target, {target}", f"그 목표 {target}"))
right.set(title=demo.label("the outputs", "출력"), xlabel=demo.label("step", "업데이트 횟수"))
for axes in (left, right):
    axes.legend()
figure.tight_layout()
demo.save(figure, "05_worked_example.png")
