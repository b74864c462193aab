"""Where random numbers come from: a seed of one's own, or else `manual_seed`'s, or else new ones in each run."""

import numpy as np

Seed = int | np.random.Generator | None

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
