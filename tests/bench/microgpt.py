"""microgpt's own listing (karpathy.github.io/2026/02/12/microgpt), trained with its own Value and with ours.

The listing is its author's and does not stand here: the environment variable MICROGRAD_KR_MICROGPT names the file.
"""

import ast
import contextlib
import io
import os
import random
import tempfile
from pathlib import Path
from typing import Any

from measure import Step

from micrograd_kr import Value
from micrograd_kr import compile as compiled

LISTING = os.environ.get("MICROGRAD_KR_MICROGPT", "")


def training(engine: str, steps: int) -> Step:
    """The listing up to the end of its training, of so many steps, on names made up; gives the last loss."""
    program = compile(trained(Path(LISTING).read_text("utf-8"), engine, steps), "microgpt", "exec")
    draw = random.Random(0)
    names = ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randint(4, 8))) for _ in range(200)]

    def step() -> float:
        found: dict[str, Any] = {}
        quiet = contextlib.redirect_stdout(io.StringIO())
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), quiet:
            Path("input.txt").write_text("\n".join(names), "utf-8")
            exec(program, found)
        return float(found["loss"].data)

    return step


def one_step(engine: str, letters: int = 6) -> Step:
    """A step of the listing's training, on names of one length. engine: "program" is ours, compiled for that length."""
    listing = trained(Path(LISTING).read_text("utf-8"), "micrograd_kr" if engine == "program" else engine, 1000)
    draw = random.Random(0)
    names = ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=letters)) for _ in range(200)]
    loop = listing.body.pop()
    assert isinstance(loop, ast.For)
    found: dict[str, Any] = {}
    quiet = contextlib.redirect_stdout(io.StringIO())
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), quiet:
        Path("input.txt").write_text("\n".join(names), "utf-8")
        exec(compile(listing, "microgpt", "exec"), found)
    if engine == "program":
        found["learned"] = learned(found)
        is_graph = ["[[] for" in (text := ast.unparse(each)) or ".backward()" in text for each in loop.body]
        first, last = is_graph.index(True), len(is_graph) - is_graph[::-1].index(True)
        loop.body[first:last] = ast.parse("loss = learned(tokens, n)").body
        if "gpt(" in (rest := ast.unparse(loop)):
            raise ValueError(f"expected a loop that calls its model where it makes its graph, got\n{rest}")
    body = compile(ast.Module(loop.body, []), "microgpt", "exec")
    found["step"] = -1

    def step() -> float:
        found["step"] += 1
        with contextlib.redirect_stdout(io.StringIO()):
            exec(body, found)
        return float(found["loss"].data)

    return step


def learned(of: dict[str, Any]) -> Any:
    """The loss of a document, by the listing's own model compiled for each number of tokens.

    What a token chooses, a row of the embedding and a probability, comes in as numbers: the row, and 0 and 1.
    """
    weights, vocabulary = of["state_dict"], of["vocab_size"]
    programs: dict[int, Any] = {}

    def program(n: int) -> Any:
        rows = [[Value(each.data) for each in weights["wte"][0]] for _ in range(n)]
        chosen = [[Value(float(not i)) for i in range(vocabulary)] for _ in range(n)]
        own, weights["wte"] = weights["wte"], rows
        keys, values = ([[] for _ in range(of["n_layer"])] for _ in range(2))
        losses = []
        for at in range(n):
            probabilities = of["softmax"](of["gpt"](at, at, keys, values))
            losses.append(-sum(one * each.log() for one, each in zip(chosen[at], probabilities, strict=True)))
        weights["wte"] = own
        return rows, compiled((1 / n) * sum(losses), [each for row in chosen for each in row])

    def loss(tokens: list[int], n: int) -> Value:
        if n not in programs:
            programs[n] = program(n)
        rows, step = programs[n]
        for token, row in zip(tokens, rows, strict=False):
            for each, own in zip(row, weights["wte"][token], strict=True):
                each.data = own.data
                each.zero_grad()
        out = step(*(float(i == target) for target in tokens[1 : n + 1] for i in range(vocabulary)))
        for token, row in zip(tokens, rows, strict=False):
            for each, own in zip(row, weights["wte"][token], strict=True):
                own.grad = own.grad + each.grad
        return Value(out)

    return loss


def trained(text: str, engine: str, steps: int) -> ast.Module:
    """A listing with its `num_steps` set and nothing after its training; for another engine with that one's Value."""
    listing = ast.parse(text)
    body: list[ast.stmt] = []
    for each in listing.body:
        if isinstance(each, ast.ClassDef) and engine != "microgpt":
            each = ast.parse(f"from {engine} import Value").body[0]
        if isinstance(each, ast.Assign) and ast.unparse(each.targets[0]) == "num_steps":
            each.value = ast.copy_location(ast.Constant(steps), each.value)
        body.append(each)
        if isinstance(each, ast.For) and ".backward()" in ast.unparse(each):
            return ast.Module(body, [])
    raise ValueError("expected a listing of microgpt with a loop that calls backward(), found none")
