"""The files of a class: what was handed in, as files or in folders."""

import re
from collections.abc import Sequence
from pathlib import Path

from micrograd_kr.said import Said, SaidError, say
from micrograd_kr.teacher.grade.paper import without_ending

ENDINGS = ".toml", ".toml.txt"  # the second is what Windows' Notepad makes of the first, and does not show
SHOWN = 30  # names of files that are left aside


def handed_in(places: Sequence[Path]) -> tuple[list[tuple[Path, str]], list[Said]]:
    """Files, each once and with what it is called; and what is to be said of the others.

    A folder stands for the .toml files in it and below, in the order of their names, 2 before 10; a sheet beside a
    file of its name is nothing to speak of. Raises SaidError for one that has none.
    """
    found: dict[Path, tuple[Path, str]] = {}
    remarks: list[Said] = []
    for place in places:
        listed, others = [(place, str(place))], list[str]()
        if place.is_dir():
            files = sorted((each for each in place.rglob("*") if each.is_file()), key=_in_order)
            above = place if len(places) == 1 else place.parent
            listed = [(each, each.relative_to(above).as_posix()) for each in files if is_paper(each)]
            of_papers = {without_ending(str(each)) for each, _ in listed}
            alone = (each for each in files if without_ending(str(each)) not in of_papers)
            others = [each.name for each in alone if each.name[0] != "."]
        few = ", ".join(others[:SHOWN]) + "…" * (len(others) > SHOWN)
        if not listed:
            got = say("got {few}", few=few) if others else say("it is empty")
            raise SaidError(
                "{folder}: expected students' files, .toml, as worksheet --seeds writes them, {got}",
                folder=str(place),
                got=got,
            )
        if others:
            remarks.append(say("Left aside in {folder}, as no .toml: {few}", folder=str(place), few=few))
        for path, name in listed:
            found.setdefault(path.resolve(), (path, name))
    return list(found.values()), remarks


def is_paper(path: Path) -> bool:
    return path.name.lower().endswith(ENDINGS)


def _in_order(path: Path) -> list[tuple[bool, int, str]]:
    """Names in the order that people expect: 2 before 10."""
    parts = re.split(r"([0-9]+)", str(path))
    return [(each.isdecimal(), int(each) if each.isdecimal() else 0, each) for each in parts]
