"""A trained model elsewhere: `python tests/bench/elsewhere.py [--epochs N]`, with PyTorch, onnx and onnxruntime.

The chapter's network, 784-500-400-300-200-100-50-10, after some epochs on MNIST (the folder MICROGRAD_KR_DATA, else
downloaded), as a PyTorch module and as an ONNX file, beside PyTorch's own export of that module. A difference is the
largest one, in parts of the largest number; exits with 1 where one is above its bar, or an image gets another class.
Then seconds, each the least of several, with one thread, and the bytes of files. A file is sent to the disk here.
"""

import argparse
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from training import CHAPTER

from micrograd_kr import data, no_grad
from micrograd_kr.interchange import load_model, save_model, to_onnx, to_torch
from micrograd_kr.nn import CrossEntropyLoss, Dropout, LeakyReLU, Linear, Module, Sequential
from micrograd_kr.optim import Adam
from micrograd_kr.train import fit

BAR = 5e-6  # of float32: 2⁻²⁴ is 6e-8, and a sum of 784 products rounds some dozens of times


class Difference(NamedTuple):
    """Two results of what should be the same, and how far they are apart."""

    what: str
    found: float
    at_most: float


def chapter(seed: int = 0) -> Sequential:
    draw = np.random.default_rng(seed)
    hidden = [(Linear(n, m, seed=draw), LeakyReLU(), Dropout(0.1, seed=draw)) for n, m in pairwise(CHAPTER[:-1])]
    return Sequential(*(each for layer in hidden for each in layer), Linear(*CHAPTER[-2:], seed=draw))


def apart(found: Any, expected: Any) -> float:
    return float(np.max(np.abs(found - expected)) / np.max(np.abs(expected)))


def session(path: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def exported(theirs: Any, x: Any, path: Path) -> None:
    """What PyTorch itself writes, with its exporter that needs nothing else."""
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        names = {"input_names": ["input"], "output_names": ["output"], "dynamic_axes": {"input": {0: "batch"}}}
        torch.onnx.export(theirs, (torch.from_numpy(x[:2]),), path, dynamo=False, opset_version=17, **names)


def differences(model: Module, theirs: Any, folder: Path, x: Any, y: Any) -> Iterator[Difference]:
    """Of a model in evaluation, and what `to_torch` made of it; its ONNX file is left in the folder."""
    import torch

    ours = model(x).data
    with torch.no_grad():
        outputs = theirs(torch.from_numpy(x)).numpy()
    yield Difference("outputs, PyTorch", apart(outputs, ours), BAR)
    yield Difference("images with another class, PyTorch", np.sum(outputs.argmax(1) != ours.argmax(1)), 0)
    batch = slice(256)
    model.zero_grad()
    theirs.zero_grad()
    CrossEntropyLoss()(model(x[batch]), y[batch]).backward()
    torch.nn.CrossEntropyLoss()(theirs(torch.from_numpy(x[batch])), torch.from_numpy(y[batch])).backward()
    gradients = zip(model.parameters(), theirs.parameters(), strict=True)
    yield Difference(
        "gradients of every parameter, PyTorch", max(apart(b.grad.numpy(), a.grad) for a, b in gradients), BAR
    )
    to_onnx(model, x[:1], folder / "ours.onnx")
    (found,) = session(folder / "ours.onnx").run(None, {"input": x})
    yield Difference("outputs, onnxruntime", apart(found, ours), BAR)
    yield Difference("images with another class, onnxruntime", np.sum(found.argmax(1) != ours.argmax(1)), 0)
    exported(theirs, x, folder / "theirs.onnx")
    (same,) = session(folder / "theirs.onnx").run(None, {"input": x})
    yield Difference("onnxruntime: our file and PyTorch's own of it", apart(found, same), 0)


def least(step: Callable[[], Any], times: int = 5) -> float:
    found = []
    for _ in range(times):
        start = time.perf_counter()
        step()
        found.append(time.perf_counter() - start)
    return min(found)


def costs(model: Module, theirs: Any, folder: Path, x: Any) -> Iterator[tuple[str, dict[str, float]]]:
    """Seconds and bytes, by who does it."""
    import torch
    from safetensors import torch as torchs

    given, run = torch.from_numpy(x), session(folder / "ours.onnx").run
    with torch.no_grad(), no_grad():
        yield (
            f"outputs for {len(x):,} images, s",
            {
                "micrograd_kr": least(lambda: model(x)),
                "PyTorch": least(lambda: theirs(given)),
                "onnxruntime": least(lambda: run(None, {"input": x})),
            },
        )
    ours, own = folder / "ours.safetensors", folder / "theirs.safetensors"
    yield (
        "weights to a file, s",
        {
            "micrograd_kr": least(lambda: save_model(model, ours)),
            "PyTorch": least(lambda: torchs.save_model(theirs, own)),
        },
    )
    yield (
        "weights from a file, s",
        {
            "micrograd_kr": least(lambda: load_model(model, ours)),
            "PyTorch": least(lambda: torchs.load_model(theirs, own)),
        },
    )
    yield (
        "an ONNX file, s",
        {
            "micrograd_kr": least(lambda: to_onnx(model, x[:1], folder / "ours.onnx")),
            "PyTorch": least(lambda: exported(theirs, x, folder / "theirs.onnx")),
        },
    )
    for kind in ("safetensors", "onnx"):
        sizes = ((folder / f"{name}.{kind}").stat().st_size for name in ("ours", "theirs"))
        yield f"{kind}, bytes", dict(zip(("micrograd_kr", "PyTorch"), sizes, strict=True))


def main(words: list[str]) -> int:
    import torch

    parser = argparse.ArgumentParser(description="A trained model in PyTorch and in onnxruntime.")
    parser.add_argument("--epochs", type=int, default=2, metavar="N", help="of training (2)")
    given = parser.parse_args(words)
    torch.set_num_threads(1)
    images, model = data.load("MNIST"), chapter()
    x, tested = (each.reshape(len(each), -1) for each in (images.x_train, images.x_test))
    train = (x, images.y_train)
    fit(model, CrossEntropyLoss(), Adam(model.parameters()), train, epochs=given.epochs, seed=0, verbose=False)
    model.eval()
    right = np.mean(model(tested).data.argmax(1) == images.y_test)
    print(f"{len(tested):,} test images, {right:.4f} of them right after {given.epochs} epochs\n")
    missed = False
    with tempfile.TemporaryDirectory() as name:
        folder, theirs = Path(name), to_torch(model)
        for each in differences(model, theirs, folder, tested, images.y_test.astype(np.int64)):
            over = each.found > each.at_most
            print(f"{each.what:<48}{each.found:>10.2g}   at most {each.at_most:g}: {'MISSED' if over else 'met'}")
            missed |= over
        for what, found in costs(model, theirs, folder, tested):
            print(f"{what:<48}" + "   ".join(f"{who} {number:,.4g}" for who, number in found.items()))
    return int(missed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
