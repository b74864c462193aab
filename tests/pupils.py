"""A class of thirty that works chapter7, three pupils for each of ten kinds of mistake; nothing in it is judged.

`papers(folder)` writes their files and says what each did: the kind, and the lines that were worked differently.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain
from pathlib import Path

import careless
from careless import CHAPTER
from people import Net

KINDS = (
    "sign",
    "a path or term forgotten",
    "½ forgotten",
    "lr forgotten",
    "updated weight",
    "another index",
    "digits transposed",
    "rounded too early",
    "throughout: σ for σ'",
    "throughout: + in updates",
)
NAMES = "김하늘 이서준 박지우 최민준 정하윤 O’Brien Müller Ngũgĩ 山田花子 Иванов محمد Àgnes".split()  # noqa: SIM905
LEFT_BLANK = 0.03  # of the numbers

NET = Net(
    (2, 2, 2),
    "sigmoid",
    "sigmoid",
    False,
    Decimal("0.5"),
    {name: Decimal(each) for name, each in zip(("x1", "x2", "t1", "t2"), ("0.1", "0.2", "0.4", "0.6"), strict=True)},
    {f"W{i}": Decimal(each) for i, each in enumerate(("0.3", "0.25", "0.4", "0.35", "0.45", "0.4", "0.7", "0.6"), 1)},
)


@dataclass(frozen=True)
class Pupil:
    """name, kind: of the pupil, and of the mistake. file: where the paper is. wrong: the lines that were worked
    differently. written: the numbers that are on the paper; blank: those that are left out.
    """

    name: str
    kind: str
    file: str
    wrong: frozenset[str]
    reached: frozenset[str]
    written: dict[str, str]
    blank: frozenset[str]


def pupils(seed: str = "class") -> Iterator[Pupil]:
    """The thirty, in the order of their kinds."""
    ways = {**careless.KINDS, **careless.MISCONCEPTIONS}
    course = CHAPTER._replace(
        net=lambda _: NET, lines=lambda net, _: careless.textbook(net, careless.Habit(False, True))
    )
    for n, kind in enumerate(chain(*([kind] * 3 for kind in KINDS))):
        draw = random.Random(f"{seed}/{n}")
        fixed = {"decimals": 8, "written": "all", "zeros": "kept", "carry": "carried", "scratch": False}
        planted = careless.drawn(draw, (seed, n), kind, course, ways[kind], 0.0, fixed)
        hand = {careless.canonical(name): number for name, number in planted.sheet.hand.items()}
        kept = planted.touched
        blank = frozenset(name for name in hand if name not in kept and draw.random() < LEFT_BLANK)
        name = NAMES[n % len(NAMES)] + f" {n // len(NAMES) + 1}" * (n >= len(NAMES))
        yield Pupil(name, kind, f"{n + 1}.toml", frozenset(planted.mistake), frozenset(kept), hand, blank)


def paper(pupil: Pupil) -> str:
    """A pupil's file."""
    rows = (f'"{name}" = "{"" if name in pupil.blank else text}"' for name, text in pupil.written.items())
    return "\n".join([f'name = "{pupil.name}"', 'exercise = "chapter7"', "[hand]", *rows]) + "\n"


def papers(folder: Path, seed: str = "class") -> list[Pupil]:
    """Write the files of a class."""
    found = list(pupils(seed))
    for each in found:
        (folder / each.file).write_text(paper(each), "utf-8")
    return found
