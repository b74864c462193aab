"""The names of what is asked for on a sheet: z1, dE_total/dW5, W5+, z1'."""

import unicodedata
from typing import Literal, NamedTuple


class Quantity(NamedTuple):
    """What a name in [hand] stands for.

    kind: "value" of a name (z1), "gradient", the total derivative of `of` with respect to `by` (dE/dW5), "updated",
    a parameter after one step (W5+), "second", a name in the forward pass after that step (z1').
    """

    kind: Literal["value", "gradient", "updated", "second"]
    of: str
    by: str | None = None


# --- names and hand numbers -------------------------------------------------------------------------------------------

_MARKS = str.maketrans({"∂": "d", "′": "'", "’": "'"})  # ⁺ and subscripts are made plain by NFKC


def spelled(text: str) -> str:
    """A name in the one spelling that is kept."""
    return unicodedata.normalize("NFKC", "".join(text.translate(_MARKS).split()))
