"""Section 9 of the chapter: overfitting, and what helps: more data, a simpler network, L1 and L2, dropout.

Few training samples, one label in five wrong: a network that knows them by heart does badly on new digits. Each remedy
is tried on the same data, and its accuracies stand in one table. Shows the learning curve over the number of samples,
digits before and after augmentation, what a penalty does to the weights, and dropout: the network drawn with and
without its dropped neurons, and many such networks that answer better together than alone.

책 9절: 과적합과 이를 막는 방법, 곧 데이터 늘리기, 모델 단순화, L1·L2 규제, 드롭아웃을 다룹니다.
훈련 샘플이 적고 레이블 다섯 개 중 하나가 틀렸을 때, 이것을 모두 외운 신경망은 새 숫자를 잘 맞히지 못합니다. 같은
데이터에 방법을 하나씩 써 보고 정확도를 한 표에 모읍니다. 샘플 수에 따른 학습 곡선, 증강 전후의 숫자, 규제가 가중치를
어떻게 바꾸는지, 그리고 드롭아웃을 보여 줍니다. 뉴런을 끄기 전과 끈 뒤의 신경망을 그리고, 그런 신경망 여럿이 함께 답하면
하나보다 낫다는 것을 확인합니다.
"""

from functools import partial
from typing import NamedTuple

import numpy as np
from frame import start
from matplotlib import pyplot as plt

from micrograd_kr import Value, no_grad
from micrograd_kr.data import erase, load, noise, rotate, shift, split
from micrograd_kr.metrics import accuracy
from micrograd_kr.nn import CrossEntropyLoss, Dropout, Linear, Module, ReLU, l1_penalty, l2_penalty
from micrograd_kr.optim import SGD, Adam, AdamW
from micrograd_kr.plots import plot_images
from micrograd_kr.train import evaluate, fit

demo = start(__doc__)
seed = demo.options.seed

# %% [markdown]
# Digits of 8 × 8 pixels, a third of them for testing. One training label in five is replaced by a wrong one: noise, as
# real data has it. What can be learned makes about 0.8 of them right; whoever knows more knows the noise by heart.
#
# 8 × 8 픽셀의 숫자이며, 3분의 1은 테스트용입니다. 실제 데이터처럼 노이즈가 있도록 훈련 레이블 다섯 개 중 하나를 틀린
# 것으로 바꿉니다. 제대로 배우면 훈련 정확도가 0.8쯤 되고, 그보다 높으면 노이즈까지 외운 것입니다.

# %%
digits = load("digits")
X = np.concatenate([digits.x_train, digits.x_test]).reshape(-1, 64)
y = np.concatenate([digits.y_train, digits.y_test])
pool, test = split((X, y), (2 / 3, 1 / 3), seed=seed)
generator = np.random.default_rng(seed)
wrong = generator.random(len(pool[1])) < 0.2
labels = np.where(wrong, (pool[1] + generator.integers(1, 10, len(wrong))) % 10, pool[1])
few = 200
demo.say(
    f"{len(labels)} training samples, {wrong.mean():.0%} of the labels wrong, of which {few} are used; {len(test[1])} "
    "for testing",
    f"훈련 샘플 {len(labels)}개(틀린 레이블 {wrong.mean():.0%}) 중 {few}개를 쓰고, 테스트 샘플은 {len(test[1])}개",
)


# %% [markdown]
# The chapter's two networks. It calls both Architecture1; the simpler one has a name of its own here.
#
# 책의 두 신경망입니다. 책에서는 이름이 둘 다 Architecture1이라서, 여기서는 단순한 쪽에 다른 이름을 붙입니다.


# %%
class Architecture1(Module):
    """Two hidden layers; `dropout` is the probability with which each of their neurons is off in training."""

    def __init__(self, input_size, hidden_size, num_classes, dropout=0.0):
        super().__init__()
        generator = np.random.default_rng(seed)
        self.fc1 = Linear(input_size, hidden_size, seed=generator)
        self.fc2 = Linear(hidden_size, hidden_size, seed=generator)
        self.fc3 = Linear(hidden_size, num_classes, seed=generator)
        self.relu = ReLU()
        self.dropout = Dropout(dropout, seed=generator)

    def forward(self, x):
        out = self.dropout(self.relu(self.fc1(x)))
        out = self.dropout(self.relu(self.fc2(out)))
        return self.fc3(out)


class Architecture2(Module):
    """One hidden layer."""

    def __init__(self, input_size, hidden_size, num_classes):
        super().__init__()
        generator = np.random.default_rng(seed)
        self.fc1 = Linear(input_size, hidden_size, seed=generator)
        self.relu = ReLU()
        self.fc2 = Linear(hidden_size, num_classes, seed=generator)

    def forward(self, x):
        return self.fc2(self.relu(self.fc1(x)))


sizes = {each.__name__: each(10, 20, 2).count_parameters() for each in (Architecture1, Architecture2)}
for name, count in sizes.items():
    demo.say(f"{name}(10, 20, 2): {count} parameters", f"{name}(10, 20, 2): 매개변수 {count}개")


# %% [markdown]
# Overfitting: a large network, few samples. The training loss falls to 0, while the loss on new digits rises.
#
# 과적합: 신경망은 크고 샘플은 적습니다. 훈련 손실은 0으로 내려가는데 새 숫자의 손실은 올라갑니다.


# %%
class Result(NamedTuple):
    """Accuracies on what was trained with (its wrong labels too) and on new digits, and the loss on new digits."""

    train: float
    test: float
    test_loss: float


crit = CrossEntropyLoss()
large = partial(Architecture1, 64, 128, 10)


def training(model, samples=few, valid=None, **options):
    """A run of as many steps for any number of samples; without `valid` the weights of its end stay."""
    optimizer = Adam(model.parameters())
    data = pool[0][:samples], labels[:samples]
    return fit(model, crit, optimizer, data, valid, epochs=24_000 // samples, batch_size=32, seed=seed, **options)


def measured(model, samples=few):
    """How a trained model does."""
    on_train, on_test = evaluate(model, crit, pool[0][:samples], labels[:samples]), evaluate(model, crit, *test)
    return Result(on_train.accuracy, on_test.accuracy, on_test.loss)


def trained(model, samples=few, **options):
    """The accuracies of a model after a run."""
    training(model, samples, **options)
    return measured(model, samples)


history = training(large(), valid=test)  # the loss on new digits, watched after each epoch
unchanged = large()
overfit = trained(unchanged)
results = {("nothing", "그대로"): overfit}
demo.say(
    f"training {overfit.train:.3f}, test {overfit.test:.3f}: a gap of {overfit.train - overfit.test:.3f}. Test loss "
    f"{overfit.test_loss:.3f}, after epoch {history.best_epoch} it was {history.best_loss:.3f}.",
    f"훈련 {overfit.train:.3f}, 테스트 {overfit.test:.3f}, 차이 {overfit.train - overfit.test:.3f}. 테스트 손실은 "
    f"{overfit.test_loss:.3f}인데, 에포크 {history.best_epoch} 뒤에는 {history.best_loss:.3f}이었습니다.",
)

# %% [markdown]
# 1. More data. The same network and as many steps: what is memorised becomes less, what is learned more.
#
# 1. 데이터의 양 늘리기. 신경망과 단계 수는 같습니다. 외우는 것이 줄고 배우는 것이 늘어납니다.

# %%
counts = (50, 100, 200, 400, 800, len(labels))
curve = [trained(large(), samples) for samples in counts]
for samples, each in zip(counts, curve, strict=True):
    demo.say(
        f"{samples:5} samples: training {each.train:.3f}, test {each.test:.3f}",
        f"샘플 {samples:4}개: 훈련 {each.train:.3f}, 테스트 {each.test:.3f}",
    )
results["more data", "데이터 늘리기"] = curve[-1]

# %% [markdown]
# Where there is no more data, it is made from what there is: augmentation. Each batch is changed anew.
#
# 데이터를 더 구할 수 없으면 있는 데이터로 만듭니다. 이것이 증강이며, 배치마다 새로 변형합니다.

# %%
image = (8, 8)
kinds = {
    ("original", "원본"): lambda x, generator: x,
    ("rotated", "회전"): lambda x, generator: rotate(x, 15, generator, image),
    ("shifted", "이동"): lambda x, generator: shift(x, 1, generator, image),
    ("noisy", "노이즈"): lambda x, generator: noise(x, 0.2, generator),
    ("erased", "지우기"): lambda x, generator: erase(x, 3, generator, image),
}
five = pool[0][[np.argmax(pool[1] == digit) for digit in range(5)]]
rows = np.stack([change(five, generator) for change in kinds.values()], axis=1)  # a digit, then its variants
titles = [demo.label(*words) for words in kinds] * len(rows)
figure = plot_images(rows.reshape(-1, 64), titles, rows=len(rows), columns=len(kinds), lang=demo.plot_lang)
demo.save(figure, "09_overfitting_augmentation.png")


def augment(x, generator):
    """Turned and noisy; a shift by one of eight pixels, or a hole of three, would be much for so small a digit."""
    return noise(rotate(x, 15, generator, image), 0.2, generator)


results["augmentation", "데이터 증강"] = trained(large(), augment=augment)

# %% [markdown]
# 2. A simpler model: fewer layers, fewer parameters.
#
# 2. 모델의 복잡도 줄이기: 층과 매개변수를 줄입니다.

# %%
simple = partial(Architecture2, 64, 16, 10)
parameters = [make().count_parameters() for make in (large, simple)]
demo.say(
    f"{parameters[0]:,} parameters, then {parameters[1]:,}", f"매개변수 {parameters[0]:,}개에서 {parameters[1]:,}개로"
)
results["simpler model", "단순한 모델"] = trained(simple())

# %% [markdown]
# 3. Regularization: a penalty on the weights is added to the cost. L1, the sum of |w|, brings many of them close to 0;
# L2, the sum of w² (the square of the norm, not the norm), makes all of them small.
#
# 3. 가중치 규제: 비용에 가중치의 벌점을 더합니다. L1은 |w|의 합이며 많은 가중치를 0 가까이로 만들고, L2는 w²의 합이며
# (노름이 아니라 노름의 제곱입니다) 모든 가중치를 작게 만듭니다.


# %%
def weights(model):
    return [w for name, w in model.named_parameters() if name.endswith("weight")]


regularized = {"": unchanged, "L1": large(), "L2": large()}
results["L1", "L1 규제"] = trained(regularized["L1"], penalty=lambda: 0.001 * l1_penalty(weights(regularized["L1"])))
results["L2", "L2 규제"] = trained(regularized["L2"], penalty=lambda: 0.01 * l2_penalty(weights(regularized["L2"])))
near_0 = {}
for name, model in regularized.items():
    every = np.concatenate([w.data.ravel() for w in weights(model)])
    near_0[name] = float(np.mean(abs(every) < 0.001))
    sums = f"Σ|w| = {np.abs(every).sum():7.1f}   Σw² = {np.square(every).sum():6.1f}"
    demo.say(
        f"{name or 'none':5} {sums}   |w| < 0.001: {near_0[name]:.0%}",
        f"{name or '없음':4} {sums}   |w| < 0.001: {near_0[name]:.0%}",
    )

# %% [markdown]
# An optimiser's weight_decay λ adds λw to the gradient, as λ/2 · Σw² in the cost would. Adam divides a gradient by its
# size, the decay too, so that there it is something else; AdamW takes lr·λ·w off the weight itself. A weight 2 with
# gradient 0, lr 1, λ 0.1:
#
# 최적화기의 weight_decay λ는 기울기에 λw를 더합니다. 비용에 λ/2 · Σw²을 더하는 것과 같습니다. Adam은 기울기를 그 크기로
# 나누므로 규제도 나뉘어 결과가 달라지고, AdamW는 가중치에서 lr·λ·w를 직접 뺍니다. 가중치 2, 기울기 0, lr 1, λ 0.1일 때:


# %%
def decayed(optimizer_class):
    """The weight after one step."""
    w = Value(2.0)
    (0 * w).backward()
    optimizer_class([w], lr=1.0, weight_decay=0.1).step()
    return w.item()


decays = {each.__name__: decayed(each) for each in (SGD, Adam, AdamW)}
print({name: round(w, 6) for name, w in decays.items()})
model = Architecture1(10, 20, 2)
optimizer = Adam(model.parameters(), lr=1e-4, weight_decay=1e-5)
print(optimizer)

# %% [markdown]
# 4. Dropout: at each step of the training every hidden neuron is off with probability 0.5, and the others count double,
# so that the sum stays the same on average. In prediction (`model.eval()`) all are on.
#
# 4. 드롭아웃: 훈련 단계마다 은닉 뉴런이 각각 확률 0.5로 꺼지고, 남은 뉴런은 두 배가 되어 합이 평균적으로 같습니다.
# 예측할 때는(`model.eval()`) 모두 켜집니다.

# %%
halves = Dropout(0.5, seed=seed)
print("train:", halves(np.ones(10)))
print("eval: ", halves.eval()(np.ones(10)))
dropout = large(dropout=0.5)
results["dropout", "드롭아웃"] = trained(dropout)

# %% [markdown]
# Every pass in training mode goes through another random network. One alone answers worse; the mean of a hundred is
# about what the whole network answers: dropout trains an ensemble.
#
# 훈련 모드에서는 통과할 때마다 다른 무작위 신경망이 됩니다. 하나만 쓰면 정확도가 낮고, 백 개의 답을 평균하면 전체
# 신경망과 비슷합니다. 드롭아웃은 앙상블을 훈련하는 셈입니다.

# %%
dropout.train()
with no_grad():
    answers = [dropout(test[0]).softmax(-1).data for _ in range(100)]
dropout.eval()
alone = [accuracy(test[1], answer.argmax(axis=1)) for answer in answers]
together = accuracy(test[1], np.mean(answers, axis=0).argmax(axis=1))
whole = results["dropout", "드롭아웃"].test
demo.say(
    f"test accuracy of one random network {np.mean(alone):.3f} (the best {max(alone):.3f}), of {len(alone)} together "
    f"{together:.3f}, of the whole network {whole:.3f}",
    f"테스트 정확도: 무작위 신경망 하나는 평균 {np.mean(alone):.3f}(최고 {max(alone):.3f}), {len(alone)}개의 평균은 "
    f"{together:.3f}, 전체 신경망은 {whole:.3f}",
)


# %%
def network(axes, layers, on):
    """Neurons in rows from the bottom up, a line between each two that are on; those that are off crossed out."""
    places = [[((i + 0.5) / n, height) for i in range(n)] for height, n in enumerate(layers)]
    for height in range(len(layers) - 1):
        for start_at, start_on in zip(places[height], on[height], strict=True):
            for end_at, end_on in zip(places[height + 1], on[height + 1], strict=True):
                if start_on and end_on:
                    axes.plot(*zip(start_at, end_at, strict=True), color="0.6", linewidth=0.8, zorder=1)
    for layer, layer_on in zip(places, on, strict=True):
        for place, is_on in zip(layer, layer_on, strict=True):
            axes.scatter(*place, s=260, color="white", edgecolor="C0" if is_on else "0.7", linewidth=1.5, zorder=2)
            if not is_on:
                axes.scatter(*place, s=130, color="C3", marker="x", zorder=3)
    axes.axis("off")


layers = (4, 6, 6, 3)
hidden = Dropout(0.5, seed=seed)
on = [np.ones(n, bool) if n in (layers[0], layers[-1]) else hidden(np.ones(n)) > 0 for n in layers]
figure, (standard, dropped) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
network(standard, layers, [np.ones(n, bool) for n in layers])
network(dropped, layers, on)
standard.set_title(demo.label("(a) Standard neural network", "(a) 표준 신경망"))
dropped.set_title(demo.label("(b) Network after dropout", "(b) 드롭아웃을 적용한 신경망"))
demo.save(figure, "09_overfitting_dropout.png")

# %% [markdown]
# All of them. Below 1 in training is no loss here: a fifth of those labels is wrong.
#
# 모두 모으면 이렇습니다. 훈련 레이블의 5분의 1이 틀렸으므로, 훈련 정확도가 1보다 낮은 것은 손해가 아닙니다.

# %%
demo.say("training   test   test loss", "   훈련 테스트 테스트 손실")
for words, each in results.items():
    print(f"   {each.train:.3f}  {each.test:.3f}       {each.test_loss:.3f}   {demo.text(*words)}")

figure, (losses, learning, remedies) = plt.subplots(1, 3, figsize=(14, 4), layout="constrained")
losses.plot(history.train_loss, label=demo.label("training", "훈련"))
losses.plot(history.valid_loss, label=demo.label("test", "테스트"))
losses.axvline(history.best_epoch, color="0.5", linestyle=":")
losses.set_title(demo.label("Overfitting: loss", "과적합: 손실"))
losses.set_xlabel(demo.label("epoch", "에포크"))
learning.plot(counts, [each.train for each in curve], "o-", label=demo.label("training", "훈련"))
learning.plot(counts, [each.test for each in curve], "o-", label=demo.label("test", "테스트"))
learning.axhline(1 - wrong.mean(), color="0.5", linestyle=":", label=demo.label("right labels", "맞는 레이블"))
learning.set_title(demo.label("Learning curve: accuracy", "학습 곡선: 정확도"))
learning.set_xlabel(demo.label("training samples", "훈련 샘플 수"))
for axes in (losses, learning):
    axes.legend(loc="center right")
bars = remedies.barh([demo.label(*words) for words in results], [each.test for each in results.values()])
remedies.bar_label(bars, fmt=" {:.3f}")
remedies.invert_yaxis()
remedies.set(title=demo.label("Test accuracy", "테스트 정확도"), xlim=(0, 1.15))
demo.save(figure, "09_overfitting.png")
