"""How well the chapter's network classifies: `python tests/bench/accuracy.py [mnist|fashion_mnist|cifar10] …`.

784–500–400–300–200–100–50–10 (on CIFAR-10 with 3,072 inputs), LeakyReLU, logits, cross-entropy, batches of 256; 80 % of
the training images train, the others choose the epoch by their loss, and its weights meet the test images. Two recipes:
the chapter's, and ours: standardised inputs, shifted images, a learning rate that falls along a cosine. Prints the test
accuracy and the seconds of each seed, and their means; exits with 1 where a mean accuracy is below its bar.

--pytorch runs the chapter's recipe with PyTorch, too, from the same weights on the same batches. The images come from
the folder MICROGRAD_KR_DATA, or are downloaded. Either library takes as many threads as it does when left alone.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Iterable
from copy import deepcopy
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from training import CHAPTER, between

from micrograd_kr import data
from micrograd_kr.nn import CrossEntropyLoss, LeakyReLU, Linear, Sequential
from micrograd_kr.optim import Adam, CosineAnnealingLR
from micrograd_kr.train import evaluate, fit

BATCH = 256


class Task(NamedTuple):
    """A data set: how long to train, what our recipe does with its images, and the mean accuracy that is asked for."""

    name: str
    epochs: int
    pixels: int  # that an image is shifted by, at most
    mirrored: bool  # half of the images, left to right, where they stay what they are
    at_least: dict[str, float]


TASKS = {
    "mnist": Task("MNIST", 10, 1, False, {"chapter": 0.975, "ours": 0.98}),
    "fashion_mnist": Task("FashionMNIST", 20, 1, False, {"ours": 0.885}),
    "cifar10": Task("CIFAR10", 10, 2, True, {"ours": 0.52}),
}


class Start(NamedTuple):
    """All that a run starts from."""

    train: tuple[Any, Any]
    valid: tuple[Any, Any]
    test: tuple[Any, Any]
    model: Sequential
    draw: np.random.Generator


class Result(NamedTuple):
    accuracy: float
    epoch: int
    seconds: float


def started(images: data.Dataset, seed: int, standardized: bool) -> Start:
    """The images in three parts, flat, and the network as drawn; of one seed always the same."""
    draw = np.random.default_rng(seed)
    train, valid = data.split((images.x_train, images.y_train), (0.8, 0.2), seed=draw)
    parts = [train, valid, (images.x_test, images.y_test)]
    pixels = [x for x, _ in parts]
    if standardized:  # by one mean, or by one for each colour
        pixels = list(data.standardize(*pixels, axis=(0, 1, 2)).arrays)
    flat = [(x.reshape(len(x), -1), y) for x, (_, y) in zip(pixels, parts, strict=True)]
    sizes = [flat[0][0].shape[1], *CHAPTER[1:]]
    layers = [Linear(*each, seed=draw) for each in pairwise(sizes)]
    return Start(*flat, Sequential(*between(layers, LeakyReLU)), draw)


def moved(task: Task, shape: tuple[int, ...]) -> Any:
    """What changes a batch of flat images: each is shifted, and mirrored or not."""

    def augment(x: Any, draw: np.random.Generator) -> Any:
        x = data.shift(x, task.pixels, draw, shape)
        if task.mirrored:
            mirrored = draw.random(len(x)) < 0.5
            x[mirrored] = x.reshape(len(x), *shape)[mirrored, :, ::-1].reshape(-1, x.shape[1])
        return x

    return augment


def micrograd_kr(task: Task, images: data.Dataset, seed: int, ours: bool) -> Result:
    start, loss = started(images, seed, standardized=ours), CrossEntropyLoss()
    optimizer = Adam(start.model.parameters())
    options: dict[str, Any] = {}
    if ours:
        options["augment"] = moved(task, images.x_train.shape[1:])
        options["schedule"] = CosineAnnealingLR(optimizer, task.epochs)
    run = {"epochs": task.epochs, "batch_size": BATCH, "seed": start.draw, **options}
    began = time.perf_counter()
    history = fit(start.model, loss, optimizer, start.train, start.valid, **run)
    seconds = time.perf_counter() - began
    return Result(evaluate(start.model, loss, *start.test).accuracy or 0.0, history.best_epoch or 0, seconds)


def pytorch(task: Task, images: data.Dataset, seed: int) -> Result:
    """The chapter's recipe, as its listing has it without its slips."""
    import torch

    start, crit = started(images, seed, standardized=False), torch.nn.CrossEntropyLoss()
    layers = [torch.nn.Linear(each.in_features, each.out_features) for each in start.model[::2]]
    model = torch.nn.Sequential(*between(layers, torch.nn.LeakyReLU))
    model.load_state_dict({name: torch.tensor(w) for name, w in start.model.state_dict().items()})
    optimizer = torch.optim.Adam(model.parameters())
    (x_valid, y_valid), (x_test, y_test) = ([torch.from_numpy(each) for each in part] for part in start[1:3])
    lowest, best, best_epoch = float("inf"), {}, 0
    began = time.perf_counter()
    for epoch in range(task.epochs):
        for x, y in data.batches(*start.train, BATCH, start.draw):
            loss = crit(model(torch.from_numpy(x)), torch.from_numpy(y))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            valid_loss = crit(model(x_valid), y_valid).item()
        if valid_loss <= lowest:
            lowest, best, best_epoch = valid_loss, deepcopy(model.state_dict()), epoch
    seconds = time.perf_counter() - began
    model.load_state_dict(best)
    with torch.no_grad():
        right = (model(x_test).argmax(dim=1) == y_test).float().mean().item()
    return Result(right, best_epoch, seconds)


def table(title: str, results: Iterable[Result], at_least: float | None) -> bool:
    """Print a line for each seed as it comes, and the mean; whether that is below its bar."""
    print(f"\n{title}\n{'seed':>6}{'test accuracy':>15}{'best epoch':>12}{'seconds':>9}", flush=True)
    found = []
    for seed, each in enumerate(results):
        print(f"{seed:>6}{each.accuracy:>15.4f}{each.epoch:>12}{each.seconds:>9.1f}", flush=True)
        found.append(each)
    mean, seconds = (statistics.mean(column) for column in ([r.accuracy for r in found], [r.seconds for r in found]))
    missed = at_least is not None and mean < at_least
    bar = "" if at_least is None else f"   at least {at_least:g}: {'MISSED' if missed else 'met'}"
    print(f"{'mean':>6}{mean:>15.4f}{'':>12}{seconds:>9.1f}{bar}", flush=True)
    return missed


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Test accuracy of the chapter's network.")
    parser.add_argument("data", nargs="?", choices=TASKS, help="all three if none is named")
    parser.add_argument("--recipe", choices=("chapter", "ours"), help="both if none is named")
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="seeds 0 … N − 1 (3)")
    parser.add_argument("--pytorch", action="store_true", help="the chapter's recipe with PyTorch, too")
    given = parser.parse_args(words)
    missed = False
    for key in [given.data] if given.data else TASKS:
        task, images = TASKS[key], data.load(TASKS[key].name)
        for recipe in ("chapter", "ours") if given.recipe is None else (given.recipe,):
            runs = (micrograd_kr(task, images, seed, recipe == "ours") for seed in range(given.seeds))
            title = f"{task.name}, {task.epochs} epochs, recipe: {recipe}"
            missed |= table(title, runs, task.at_least.get(recipe))
            if given.pytorch and recipe == "chapter":
                table(f"{title}, PyTorch", (pytorch(task, images, seed) for seed in range(given.seeds)), None)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
