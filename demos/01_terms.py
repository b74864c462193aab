"""Section 1 of the chapter: the terms of machine learning, on small real data.

Splits data for training, validation and test; tunes hyperparameters by validation accuracy; does a binary
classification (breast cancer), a multi-class one (handwritten digits) and a regression (diabetes), all scikit-learn's
data; counts a confusion matrix, precision and recall; and shows underfitting, overfitting and early stopping.

책 1절: 머신러닝 용어를 작은 실제 데이터로 살펴봅니다.
데이터를 훈련용, 검증용, 테스트용으로 나누고, 검증 정확도로 하이퍼파라미터를 정합니다. scikit-learn의 데이터로 이진
분류(유방암), 다중 클래스 분류(손글씨 숫자), 회귀(당뇨병)를 하고, 혼동 행렬과 정밀도, 재현율을 구합니다.
과소적합, 과적합, 조기 종료도 보여 줍니다.
"""

from typing import NamedTuple

import numpy as np
from frame import start
from matplotlib import pyplot as plt
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits

from micrograd_kr.data import split, standardize
from micrograd_kr.metrics import as_text, count, precision, recall
from micrograd_kr.nn import BCELoss, CrossEntropyLoss, Dropout, Linear, MSELoss, ReLU, Sequential, Sigmoid
from micrograd_kr.optim import Adam
from micrograd_kr.plots import plot_history
from micrograd_kr.train import evaluate, fit

demo = start(__doc__)
seed = demo.options.seed

# %% [markdown]
# Data is a matrix X of m rows and n columns: a row is a sample, a column a feature. It is split three ways. Training
# data fits the parameters, validation data chooses the hyperparameters, test data is used once, at the end.
#
# 데이터는 m행 n열의 행렬 X입니다. 행 하나가 샘플, 열 하나가 특성입니다. 이것을 셋으로 나눕니다. 훈련용 데이터로
# 매개변수를 학습하고, 검증용 데이터로 하이퍼파라미터를 고르고, 테스트용 데이터는 마지막에 한 번만 씁니다.


# %%
class Parts(NamedTuple):
    """The three parts of a data set, each a pair (X, y)."""

    train: tuple[np.ndarray, np.ndarray]
    valid: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]


def three_parts(X, y):  # noqa: N803  (the chapter's X)
    """60 % to train, 20 % to validate, 20 % to test; every feature scaled as the training data alone says."""
    parts = split((X.astype(np.float32), y), (0.6, 0.2, 0.2), seed=seed)
    scaled = standardize(*(x for x, _ in parts)).arrays
    return Parts(*zip(scaled, (y for _, y in parts), strict=True))


X, diagnosis = load_breast_cancer(return_X_y=True)
y = (diagnosis == 0).astype(np.float32).reshape(-1, 1)  # 1 where the tumour is malignant
cancer = three_parts(X, y)
lengths = [len(x) for x, _ in cancer]
demo.say(
    f"Breast cancer: X is {X.shape[0]} samples × {X.shape[1]} features, split into {lengths}.",
    f"유방암: X는 샘플 {X.shape[0]}개 × 특성 {X.shape[1]}개이고 {lengths}개로 나눕니다.",
)

# %% [markdown]
# Binary classification: one of two answers, here whether a tumour is malignant (1) or not (0).
#
# 이진 분류는 둘 중 하나의 답을 정하는 문제입니다. 여기서는 종양이 악성(1)인지 아닌지(0)를 답합니다.

# %%
generator = np.random.default_rng(seed)
model = Sequential(Linear(30, 16, seed=generator), ReLU(), Linear(16, 1, seed=generator), Sigmoid())
criterion = BCELoss()
optimizer = Adam(model.parameters(), lr=0.01)
fit(model, criterion, optimizer, cancer.train, cancer.valid, epochs=100, batch_size=32, patience=10, seed=seed)
binary = evaluate(model, criterion, *cancer.test)
demo.say(
    f"{model.count_parameters()} parameters, learned. Test accuracy {binary.accuracy:.3f}.",
    f"학습한 매개변수는 {model.count_parameters()}개, 테스트 정확도는 {binary.accuracy:.3f}입니다.",
)

# %% [markdown]
# Accuracy does not say which mistakes were made; the confusion matrix does. Rows are the truth, columns the prediction.
# The chapter puts true first, scikit-learn class 0. Precision asks how many of those called malignant are; recall, how
# many of the malignant were found. Where nothing was called malignant precision is 0/0: 0, unless you choose otherwise.
#
# 정확도로는 어떤 답을 틀렸는지 알 수 없고, 혼동 행렬로 알 수 있습니다. 행은 실제, 열은 예측입니다. 책은 참을 먼저,
# scikit-learn은 클래스 0을 먼저 씁니다. 정밀도는 악성이라고 답한 것 중 실제 악성의 비율, 재현율은 실제 악성 중 찾아낸
# 비율입니다. 악성이라고 답한 것이 하나도 없으면 정밀도는 0/0이며, 따로 정하지 않으면 0으로 둡니다.

# %%
counts = count(binary.target, binary.predicted)
demo.say("The chapter's layout, [[TP, FN], [FP, TN]]:", "책의 배치, [[TP, FN], [FP, TN]]:")
print(as_text(counts.textbook(), demo.text("true false", "참 거짓").split(), demo.lang))
demo.say("scikit-learn's layout, [[TN, FP], [FN, TP]]:", "scikit-learn의 배치, [[TN, FP], [FN, TP]]:")
print(as_text(counts.sklearn(), lang=demo.lang))
found, right = recall(counts.textbook())[0], precision(counts.textbook())[0]  # of the first row and column, true
demo.say(
    f"precision {counts.TP}/({counts.TP} + {counts.FP}) = {right:.4f}, recall {counts.TP}/({counts.TP} + {counts.FN}) "
    f"= {found:.4f}",
    f"정밀도 {counts.TP}/({counts.TP} + {counts.FP}) = {right:.4f}, 재현율 {counts.TP}/({counts.TP} + {counts.FN}) "
    f"= {found:.4f}",
)
never = count(binary.target, np.zeros_like(binary.target))  # a model that calls nothing malignant
undefined = [float(precision(never.textbook(), zero_division)[0]) for zero_division in (0.0, 1.0, np.nan)]
demo.say(
    f"Never saying malignant: accuracy {(never.TP + never.TN) / sum(never):.3f}, recall "
    f"{recall(never.textbook())[0]:.1f}, precision 0/0 as {undefined}.",
    f"악성이라고 한 번도 답하지 않으면: 정확도 {(never.TP + never.TN) / sum(never):.3f}, 재현율 "
    f"{recall(never.textbook())[0]:.1f}, 정밀도 0/0은 {undefined} 중에서 고릅니다.",
)

# %% [markdown]
# Multi-class classification: one of ten digits. A person sets the hyperparameters; each setting is trained, the one
# with the best validation accuracy is chosen, and it alone meets the test data.
#
# 다중 클래스 분류는 셋 이상의 답 중 하나를 정하는 문제로, 여기서는 숫자 열 개입니다. 하이퍼파라미터는 사람이 정합니다.
# 설정마다 학습해 보고 검증 정확도가 가장 높은 것을 골라, 그 모델만 테스트용 데이터로 평가합니다.


# %%
class Setting(NamedTuple):
    """The chapter's hyperparameters."""

    lr: float
    epochs: int
    hidden_layers: int
    neurons: int
    dropout: float


def new_net(features, outputs, setting):
    """A network of the hidden layers that a setting asks for."""
    generator, layers = np.random.default_rng(seed), []
    for _ in range(setting.hidden_layers):
        layers += [Linear(features, setting.neurons, seed=generator), ReLU(), Dropout(setting.dropout, seed=generator)]
        features = setting.neurons
    return Sequential(*layers, Linear(features, outputs, seed=generator))


def trained(setting, train, valid=None, patience=0):
    """A classifier trained with a setting, and its history."""
    model = new_net(train[0].shape[1], int(train[1].max()) + 1, setting)
    optimizer = Adam(model.parameters(), lr=setting.lr)
    options = {"epochs": setting.epochs, "batch_size": 64, "patience": patience, "seed": seed, "lang": demo.lang}
    return model, fit(model, CrossEntropyLoss(), optimizer, train, valid, **options)


def accuracy(model, part):
    return evaluate(model, CrossEntropyLoss(), *part).accuracy


digits = Parts(*split(((load_digits().data / 16).astype(np.float32), load_digits().target), (0.6, 0.2, 0.2), seed=seed))
settings = [
    Setting(lr=0.001, epochs=5, hidden_layers=1, neurons=16, dropout=0.0),
    Setting(lr=0.01, epochs=20, hidden_layers=1, neurons=16, dropout=0.0),
    Setting(lr=0.01, epochs=20, hidden_layers=1, neurons=64, dropout=0.3),
    Setting(lr=0.01, epochs=20, hidden_layers=2, neurons=64, dropout=0.3),
    Setting(lr=0.1, epochs=20, hidden_layers=2, neurons=64, dropout=0.0),
]
models = [trained(setting, digits.train)[0] for setting in settings]
valid_accuracies = [accuracy(model, digits.valid) for model in models]
chosen = int(np.argmax(valid_accuracies))
print(f"{'lr':>6} {'epochs':>6} {'layers':>6} {'neurons':>7} {'dropout':>7}   {demo.text('validation', '검증')}")
for i, (setting, value) in enumerate(zip(settings, valid_accuracies, strict=True)):
    numbers = f"{setting.lr:6} {setting.epochs:6} {setting.hidden_layers:6} {setting.neurons:7} {setting.dropout:7}"
    print(f"{numbers}   {value:.4f}", "←" if i == chosen else "")
multiclass = evaluate(models[chosen], CrossEntropyLoss(), *digits.test)
demo.say(
    f"Chosen by validation: ←, test accuracy {multiclass.accuracy:.4f}. Confusion matrix:",
    f"검증 정확도로 고른 것: ←, 테스트 정확도 {multiclass.accuracy:.4f}. 혼동 행렬:",
)
print(as_text(multiclass.confusion(), [str(i) for i in range(10)], demo.lang))

# %% [markdown]
# Regression: a continuous number, here how far diabetes goes in a year, from ten measurements. The error is compared
# with that of always answering the mean.
#
# 회귀는 연속된 값을 답하는 문제입니다. 여기서는 측정값 열 개로 1년 뒤 당뇨병의 진행 정도를 예측합니다. 오차는 항상
# 평균으로 답할 때의 오차와 비교합니다.

# %%
X, progression = load_diabetes(return_X_y=True)
diabetes = three_parts(X, progression.astype(np.float32).reshape(-1, 1))
targets, mean, std = standardize(*(y for _, y in diabetes))
train, valid, test = [(x, y) for (x, _), y in zip(diabetes, targets, strict=True)]
generator = np.random.default_rng(seed)
model = Sequential(Linear(10, 16, seed=generator), ReLU(), Linear(16, 1, seed=generator))
optimizer = Adam(model.parameters(), lr=0.01)
fit(model, MSELoss(), optimizer, train, valid, epochs=100, batch_size=32, patience=10, seed=seed)
predicted = evaluate(model, MSELoss(), *test).output * std + mean
rmse = float(np.sqrt(np.mean((predicted - diabetes.test[1]) ** 2)))
rmse_of_mean = float(np.sqrt(np.mean((mean - diabetes.test[1]) ** 2)))
demo.say(
    f"Diabetes: root mean squared error {rmse:.1f}, of the mean {rmse_of_mean:.1f}.",
    f"당뇨병: 평균 제곱근 오차 {rmse:.1f}, 평균으로 답하면 {rmse_of_mean:.1f}입니다.",
)

# %% [markdown]
# Trained too little, a model underfits: it could still get better. Trained too much, it overfits: it knows the training
# data by heart and does worse on the rest. Early stopping ends where the validation loss is lowest. (The chapter stops
# by the test data; then nothing would be left to test with.) The question: is the progression above the median?
#
# 훈련이 부족하면 더 좋아질 여지가 남은 과소적합이고, 지나치면 훈련 데이터를 외워 다른 데이터에서 나빠지는 과적합입니다.
# 조기 종료는 검증 손실이 가장 낮은 곳에서 멈춥니다. (책은 테스트 데이터를 보고 멈추지만, 그러면 평가에 쓸 데이터가 남지
# 않습니다.) 문제는 진행 정도가 중앙값보다 큰지입니다.

# %%
median = np.median(diabetes.train[1])
above = Parts(*((x, (y.ravel() > median).astype(np.int64)) for x, y in diabetes))
setting = Setting(lr=0.001, epochs=300, hidden_layers=2, neurons=64, dropout=0.0)
underfit, _ = trained(setting._replace(epochs=1), above.train)
stopped, stopped_history = trained(setting, above.train, above.valid, patience=20)
overfit, _ = trained(setting, above.train)
_, history = trained(setting, above.train, above.valid)  # the same run, watched to its end
print(stopped_history.reason)
rows = {
    ("underfit", "과소적합"): (1, underfit),
    ("stopped early", "조기 종료"): (stopped_history.best_epoch + 1, stopped),
    ("overfit", "과적합"): (setting.epochs, overfit),
}
table = [[accuracy(model, part) for part in above] for _, model in rows.values()]
demo.say("Accuracy in training, validation and test:", "훈련, 검증, 테스트 정확도:")
for (words, (epochs, _)), accuracies in zip(rows.items(), table, strict=True):
    numbers = "  ".join(f"{each:.3f}" for each in accuracies)
    demo.say(f"  {numbers}   {words[0]}, epochs: {epochs}", f"  {numbers}   {words[1]}, 에포크 수: {epochs}")

# %% [markdown]
# The pictures: the split, the confusion matrix, the regression; then the losses of the long run.
#
# 그림: 데이터 분리, 혼동 행렬, 회귀 결과, 그리고 길게 학습했을 때의 손실입니다.

# %%
figure, (bars, matrix, scatter) = plt.subplots(1, 3, figsize=(13, 4), layout="constrained")
names = [("training", "훈련용"), ("validation", "검증용"), ("test", "테스트용")]
for left, length, name in zip(np.cumsum([0, *lengths]), lengths, names, strict=False):
    bars.barh(0, length, left=left, edgecolor="white")
    bars.text(
        left + length / 2, 0, f"{demo.label(*name)}\n{length}", ha="center", va="center", color="white", fontsize=9
    )
bars.set(title=demo.label("Breast cancer: three parts", "유방암: 데이터 분리"), yticks=[], ylim=(-1, 1))
bars.set_xlabel(demo.label("samples", "샘플"))

matrix.imshow(counts.textbook(), cmap="Blues")
for name, number, (row, column) in zip(counts._fields, counts, np.ndindex(2, 2), strict=True):
    color = "white" if number > max(counts) / 2 else "black"
    matrix.text(column, row, f"{name}\n{number}", ha="center", va="center", color=color, fontsize=13)
sides = demo.label("true false", "참 거짓").split()
matrix.set(title=demo.label("Confusion matrix", "혼동 행렬"), xticks=[0, 1], yticks=[0, 1])
matrix.set(
    xlabel=demo.label("prediction", "예측"), ylabel=demo.label("truth", "실제"), xticklabels=sides, yticklabels=sides
)

scatter.plot(diabetes.test[1], predicted, ".")
ends = [diabetes.test[1].min(), diabetes.test[1].max()]
scatter.plot(ends, ends, "--", color="0.5")
scatter.set(title=demo.label("Regression: diabetes", "회귀: 당뇨병"))
scatter.set(xlabel=demo.label("truth", "실제"), ylabel=demo.label("prediction", "예측"))
demo.save(figure, "01_terms.png")

figure = plot_history(history, lang=demo.plot_lang)
axes = figure.axes[0]
axes.axvline(history.best_epoch, color="C3", linestyle="--", label=demo.label("early stopping", "조기 종료"))
axes.text(history.best_epoch + 8, max(history.valid_loss), demo.label("overfitting →", "과적합 →"), va="top")
axes.set_xlabel(demo.label("epoch", "에포크"))
axes.legend(loc="center right")
figure.tight_layout()
demo.save(figure, "01_terms_fitting.png")
