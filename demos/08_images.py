"""Section 8 of the chapter: handwritten digits, and MNIST, Fashion-MNIST and CIFAR-10, by a multi-layer perceptron.

Shows the images and how they become rows of numbers, splits and batches them, trains the chapter's network on logits,
tests the weights of the best epoch (loss, accuracy, confusion matrix, precision and recall), and sets the chapter's
double softmax beside it. By default on scikit-learn's small digits, which need no download; --data mnist and the other
sets are looked for in the folder MICROGRAD_KR_DATA, else downloaded, and take minutes. mpiexec -n 4 python
demos/08_images.py shares the work out among four processes.

책 8절: 손글씨 숫자와 MNIST, Fashion-MNIST, CIFAR-10을 다층 퍼셉트론으로 분류합니다.
이미지가 어떻게 숫자의 행이 되는지 보이고, 나누고 묶어 책의 신경망을 로짓으로 훈련한 뒤, 가장 좋은 에포크의 가중치를
테스트합니다(손실, 정확도, 혼동 행렬, 정밀도와 재현율). 책의 이중 소프트맥스도 나란히 비교합니다. 기본은 내려받지 않아도
되는 scikit-learn의 작은 숫자 데이터입니다. --data mnist 등은 MICROGRAD_KR_DATA 폴더에서 찾고, 없으면 내려받으며,
몇 분 걸립니다. mpiexec -n 4 python demos/08_images.py는 계산을 프로세스 네 개가 나누어 합니다.
"""

import math
import warnings
from itertools import pairwise

import numpy as np
from frame import options, start
from matplotlib import pyplot as plt

from micrograd_kr.data import load, scale, split
from micrograd_kr.engine import Value
from micrograd_kr.metrics import as_text
from micrograd_kr.nn import CrossEntropyLoss, LeakyReLU, Linear, Sequential, Softmax
from micrograd_kr.optim import Adam
from micrograd_kr.parallel import parallel
from micrograd_kr.plots import plot_history, plot_image, plot_images
from micrograd_kr.train import evaluate, fit

parser = options(__doc__)
parser.add_argument(
    "--data", choices=("digits", "mnist", "fashion_mnist", "cifar10"), default="digits", help="(digits)"
)
parser.add_argument("--epochs", type=int, metavar="N", help="of training (10; for digits, which are few, 20)")
demo = start(parser)
small = demo.options.data == "digits"
epochs = demo.options.epochs if demo.options.epochs is not None else 20 if small else 10
batch_size = 32 if small else 256
seed = demo.options.seed

# %% [markdown]
# The data: images with a label from 0 to 9. A pixel is a number from 0 to 255.
#
# 데이터는 0부터 9까지의 레이블이 붙은 이미지입니다. 픽셀 하나는 0부터 255까지의 수입니다.

# %%
data = load(demo.options.data)
print(data)
pixels = np.rint(255 * data.x_train[1]).astype(np.uint8)  # as a file holds them; `load` scales them
with np.printoptions(linewidth=120):
    print(pixels)
demo.say(
    f"The label of image 10 is {data.y_train[10]}, the first ten are {data.y_train[:10]}.",
    f"이미지 10의 레이블은 {data.y_train[10]}이고, 처음 열 개는 {data.y_train[:10]}입니다.",
)
demo.save(plot_image(data.x_train[0], data.y_train[0]), "08_images_one.png")
demo.save(plot_images(data.x_train, data.y_train, lang=demo.plot_lang), "08_images.png")

# %% [markdown]
# The pixels are scaled to 0..1, and each image laid out as one row: the network has an input for each of its numbers,
# and an output for each class.
#
# 픽셀을 0과 1 사이로 스케일 조정하고 이미지를 한 줄로 폅니다. 신경망의 입력은 그 수만큼, 출력은 클래스 수만큼입니다.

# %%
demo.say(
    f"scaled: {scale(pixels).min()} to {scale(pixels).max()}",
    f"스케일 조정: {scale(pixels).min()}부터 {scale(pixels).max()}까지",
)
x, y = data.x_train, data.y_train
print(x.shape, y.shape)
x = x.reshape(len(x), -1)
with np.printoptions(threshold=100):
    print(x[0])
input_size, output_size = x.shape[1], int(y.max()) + 1
demo.say(f"inputs {input_size}, outputs {output_size}", f"입력 {input_size}개, 출력 {output_size}개")

# %% [markdown]
# Shuffled, 80 % are for training and 20 % for validation; the test set stays apart. The second part is what the first
# leaves, so that they add up for every length (80 % and 20 % of 7, both rounded down, are 6).
#
# 섞어서 80 %는 훈련용, 20 %는 검증용으로 나누고, 테스트용 데이터는 따로 둡니다. 두 번째는 첫 번째의 나머지라서 개수가
# 언제나 맞습니다. (7의 80 %와 20 %를 각각 내림하면 합이 6입니다.)

# %%
train, valid = split((x, y), (0.8, 0.2), seed=seed)
test = data.x_test.reshape(len(data.x_test), -1), data.y_test
names = {"train": ("training", "훈련"), "valid": ("validation", "검증"), "test": ("test", "테스트")}
counts = [len(labels) for _, labels in (train, valid, test)]
print(*counts)
for name, (part_x, part_y) in zip(names.values(), (train, valid, test), strict=True):
    batches = math.ceil(len(part_x) / batch_size)
    demo.say(
        f"{name[0]}: {part_x.shape} {part_y.shape}, {batches} batches of {batch_size}, the last of "
        f"{len(part_x) - (batches - 1) * batch_size}",
        f"{name[1]}: {part_x.shape} {part_y.shape}, 배치 {batches}개({batch_size}개씩, 마지막은 "
        f"{len(part_x) - (batches - 1) * batch_size}개)",
    )

# %% [markdown]
# The chapter's network. Its listing ends in Softmax and then takes CrossEntropyLoss, which has a softmax inside: here
# the network ends in logits, and the listing's version comes last.
#
# 책의 신경망입니다. 책의 코드는 Softmax로 끝나는데 CrossEntropyLoss 안에도 소프트맥스가 있습니다. 그래서 여기서는
# 로짓으로 끝내고, 책의 코드대로 한 것은 마지막에 봅니다.


# %%
def new_model(input_size, *end):
    """784–500–400–300–200–100–50–10 on MNIST, with LeakyReLU between; the same weights for one seed."""
    draw, layers = np.random.default_rng(seed), []
    for inputs, outputs in pairwise((input_size, 500, 400, 300, 200, 100, 50, output_size)):
        layers += [Linear(inputs, outputs, seed=draw), LeakyReLU()]
    return parallel(Sequential(*layers[:-1], *end))  # no activation after the last layer; ranks share a batch's work


device = "cpu"  # there is no other here, as there is in PyTorch
model = new_model(input_size).to(device)
print(model)
parameters = {size: new_model(size).count_parameters() for size in (input_size, 28 * 28, 32 * 32 * 3)}
for size, count in parameters.items():
    demo.say(f"with {size} inputs {count:,} parameters", f"입력이 {size}개이면 매개변수 {count:,}개")

# %% [markdown]
# Training as the chapter writes it: Adam, shuffled batches, validation after each epoch. The model ends with the
# weights of the epoch whose validation loss was the lowest.
#
# 책과 같은 훈련입니다. Adam으로, 섞은 배치로 훈련하고 에포크마다 검증합니다. 끝나면 모델은 검증 손실이 가장 낮았던
# 에포크의 가중치를 갖습니다.


# %%
def trained(model, crit):
    """The history of a run, the same batches for each model."""
    optimizer = Adam(model.parameters())
    run = {"epochs": epochs, "batch_size": batch_size, "seed": seed, "lang": demo.lang}
    return fit(model, crit, optimizer, train, valid, print_interval=max(1, epochs // 5), **run)


crit = CrossEntropyLoss()
history = trained(model, crit)
demo.save(plot_history(history, lang=demo.plot_lang), "08_images_history.png")

# %% [markdown]
# The test: data that neither training nor the choice of the epoch has seen.
#
# 테스트는 훈련에도 에포크를 고르는 데도 쓰지 않은 데이터로 합니다.

# %%
tested = evaluate(model, crit, *test)
demo.say(
    f"test loss {tested.loss:.4f}, accuracy {tested.accuracy:.4f}",
    f"테스트 손실 {tested.loss:.4f}, 정확도 {tested.accuracy:.4f}",
)
print(as_text(tested.confusion(), lang=demo.lang))

# %% [markdown]
# Double softmax: its inner one gives numbers from 0 to 1, so that the outer one can tell classes apart by a factor of e
# at most. The loss cannot come near 0, and where the network is confidently wrong hardly a gradient is left.
#
# 이중 소프트맥스: 안쪽 소프트맥스의 값이 0과 1 사이라서, 바깥쪽에서는 클래스의 확률이 많아야 e배까지만 차이 납니다.
# 손실은 0에 가까워질 수 없고, 확신하면서 틀린 샘플에서는 기울기가 거의 남지 않습니다.


# %%
def largest_gradient(*end):
    """At logits 10, 0, 0 … for a sample of class 1: confident of class 0, and wrong."""
    logits = Value(10.0 * np.eye(1, 10))
    crit(Sequential(*end)(logits), [1]).backward()
    return float(abs(logits.grad).max())


with warnings.catch_warnings(record=True) as warned:
    warnings.simplefilter("always")
    bounds = [crit(np.eye(1, 10), [target]).item() for target in (0, 1)]  # the surest answer, right and wrong
    gradients = [largest_gradient(), largest_gradient(Softmax(dim=-1))]
    double = new_model(input_size, Softmax(dim=-1))
    double_history = trained(double, crit)
    double_tested = evaluate(double, crit, *test)
print(warned[0].message)
demo.say(
    f"The loss stays in [{bounds[0]:.7f}, {bounds[1]:.7f}]. Largest gradient where confidently wrong: "
    f"{gradients[0]:.5f} on logits, {gradients[1]:.3g} through two softmaxes.",
    f"손실은 [{bounds[0]:.7f}, {bounds[1]:.7f}]을 벗어나지 못합니다. 확신하면서 틀렸을 때 가장 큰 기울기는 로짓에서 "
    f"{gradients[0]:.5f}, 소프트맥스를 두 번 거치면 {gradients[1]:.3g}입니다.",
)
demo.say(
    f"Test accuracy {tested.accuracy:.4f} on logits, {double_tested.accuracy:.4f} with double softmax (loss "
    f"{double_tested.loss:.4f}).",
    f"테스트 정확도는 로짓에서 {tested.accuracy:.4f}, 이중 소프트맥스에서 {double_tested.accuracy:.4f}입니다(손실 "
    f"{double_tested.loss:.4f}).",
)

# %%
figure, (losses, accuracies) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
for run, name in ((history, ("logits", "로짓")), (double_history, ("double softmax", "이중 소프트맥스"))):
    losses.plot(run.valid_loss, label=demo.label(*name))
    accuracies.plot(run.valid_accuracy, label=demo.label(*name))
losses.axhline(bounds[0], color="0.5", linestyle=":")
losses.text(0, bounds[0], f"{bounds[0]:.4f}", va="bottom", color="0.4")
losses.set_title(demo.label("Validation loss", "검증 손실"))
accuracies.set_title(demo.label("Validation accuracy", "검증 정확도"))
for axes in (losses, accuracies):
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel(demo.label("epoch", "에포크"))
    axes.legend()
demo.save(figure, "08_images_double_softmax.png")

# %% [markdown]
# Other sets of images for deep learning (https://developer-together.tistory.com/49), and what they hold.
#
# 그 밖의 딥러닝 이미지 데이터셋입니다(https://developer-together.tistory.com/49).

# %%
# name, shape (h, w, channels), classes, images in all and in each class where all are equal, source
LISTED = (
    ("CIFAR-10", "32×32×3", 10, 50_000, 10_000, 5_000, 1_000, "https://www.cs.toronto.edu/~kriz/cifar.html"),
    ("CIFAR-100", "32×32×3", 100, 50_000, 10_000, 500, 100, "https://www.cs.toronto.edu/~kriz/cifar.html"),
    ("STL-10", "96×96×3", 10, 5_000, 8_000, 500, 800, "https://cs.stanford.edu/~acoates/stl10/"),
    ("MNIST", "28×28×1", 10, 60_000, 10_000, None, None, "http://yann.lecun.com/exdb/mnist/"),
    ("FASHION-MNIST", "28×28×1", 10, 60_000, 10_000, 6_000, 1_000, "https://arxiv.org/abs/1708.07747"),
    ("SVHN", "32×32×3", 10, 73_257, 26_032, None, None, "http://ufldl.stanford.edu/housenumbers/"),
    # That of the challenge of 2012: photographs of all sizes.
    ("ImageNet", "any size", 1_000, 1_281_167, 100_000, None, None, "https://www.image-net.org/challenges/LSVRC/2012/"),
)
for name, shape, classes, *images, source in LISTED:
    train_images, test_images = (
        f"{n:9,}{f' ({each:,})' if each else '':<8}" for n, each in zip(images[:2], images[2:], strict=True)
    )
    print(f"{name:<13} {shape:<8} {classes:>5,} classes {train_images} {test_images} {source}")
