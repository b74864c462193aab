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
