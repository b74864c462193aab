"""Where random numbers come from: a seed of one's own, or else `manual_seed`'s, or else new ones in each run."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np
from numpy.typing import NDArray

Seed = int | np.random.Generator | None

# Which rows of a batch are computed here, from where to where and of how many, where others compute the rest.
_part: ContextVar[tuple[int, int, int] | None] = ContextVar("part", default=None)
_sequence: np.random.SeedSequence | None = None


def manual_seed(seed: int | None) -> None:
    """Make one run of all that is created, and of every function that is called, from here on without a `seed`.

    Layers and their weights, Dropout, the shuffling of `fit`, and what `data` splits, shuffles and augments: each gets
    a generator of its own, the same ones in the same order. Not micrograd's Neuron, Layer and MLP, which draw from
    Python's `random` as micrograd does: random.seed(0).
    seed: a whole number, 0 or more; None for new numbers in each run, as before. Holds for all threads.
    Raises TypeError or ValueError, numpy's, for anything else.
    """
    global _sequence
    _sequence = None if seed is None else np.random.SeedSequence(seed)


def generator(seed: Seed = None) -> np.random.Generator:
    """The generator of a seed, the same numbers each time; a Generator as it is, which moves on; or one without."""
    if seed is None and _sequence is not None:
        return np.random.default_rng(_sequence.spawn(1)[0])
    return np.random.default_rng(seed)


@contextmanager
def part(start: int, stop: int, of: int) -> Iterator[None]:
    """A context in which these rows of a batch are computed; each row draws what it would in the whole batch."""
    token = _part.set((start, stop, of))
    try:
        yield
    finally:
        _part.reset(token)


def in_part() -> bool:
    """Whether some rows of a batch are computed here, and others elsewhere."""
    return _part.get() is not None


def uniform(draw: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Random numbers from 0 to 1, as float32, for the rows of a batch: how a layer draws, so that it may be computed
    in parts, too. Those of the whole batch are drawn, and the generator moves on alike in every part.

    Raises ValueError where the first axis does not count samples.
    """
    here = _part.get()
    if here is None:
        return draw.random(shape, np.float32)
    start, stop, of = here
    rows, rest = divmod(shape[0] if shape else 0, stop - start)
    if rest or not rows:
        got = f"an array of shape {shape} for {stop - start} samples"
        raise ValueError(f"expected a layer that draws to have the samples of a batch along its first axis, got {got}")
    return draw.random((of * rows, *shape[1:]), np.float32)[start * rows : stop * rows]
