"""An exercise that cannot be used: the error that says where and why, and what it quotes."""

from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches

from micrograd_kr.printed import displayable
from micrograd_kr.said import Said, SaidError, say

NAME_LENGTH = 60


class ExerciseError(SaidError):
    """An exercise that cannot be used: which file and which name in it, what was expected, what to do."""

    def at(self, place: str) -> "ExerciseError":
        """The same error with its place in front."""
        return ExerciseError("{place}: {said}", place=place, said=self.said) if place else self


@contextmanager
def placed(place: str) -> Iterator[None]:
    """A context whose ExerciseErrors say where."""
    try:
        yield
    except ExerciseError as error:
        raise error.at(place) from None


def printable(text: str, most: int = 120) -> str:
    """Text from outside on one line, short, with nothing that a terminal would act on."""
    return displayable(text[:most], "utf-8") + "…" * (len(text) > most)


def quoted(text: str, most: int = 60) -> str:
    """Text from outside as it is quoted in a message."""
    return f'"{printable(text, most)}"'


def nearest(name: str, names: Iterable[str]) -> str:
    """Which of some names was probably meant: the same in capitals or small letters, or one that is like it; or ""."""
    listed = list(names)
    if len(name) > 2 * NAME_LENGTH:
        return ""
    alike = 0.5 if len(name) == 2 else 0.6  # x2 is near x1
    same = [each for each in listed if each.casefold() == name.casefold()]
    return next(iter(same or get_close_matches(name, listed, 1, alike)), "")


def product(name: str, names: Container[str]) -> str:
    """A name that is two of some names, one behind the other, with the sign that was left out, W1*x1; or ""."""
    halves = ((name[:i], name[i:]) for i in range(1, min(len(name), 2 * NAME_LENGTH)))
    return next((f"{one}*{two}" for one, two in halves if one in names and two in names), "")


def unknown(said: Said, name: str, names: Iterable[str], meant: str | None = None) -> ExerciseError:
    """A name that is none of some. said: with the gaps name, meant (by default the nearest; "": none) and names."""
    listed = list(names)
    near = nearest(name, listed) if meant is None else meant
    suggested = say(", did you mean {near}?", near=near) if near else ""
    return ExerciseError(Said(said.text, {"name": quoted(name), "meant": suggested, "names": ", ".join(listed)}))


def limit(count: int, most: int, said: Said | str) -> None:
    """Raise ExerciseError, saying what the most is, where there is more."""
    if count > most:
        raise ExerciseError("too long: expected at most {most}", most=said)


def changed_meanwhile() -> ExerciseError:
    """The error of a file whose two ends may be of two versions."""
    return ExerciseError("the file was written to while it was read; read it again when it is whole")
