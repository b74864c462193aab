"""A line that is no TOML, and what was meant by it: x1 = 1/3, lr = 0.1 // half, α = 0.1, x1: 2, a missing quote."""

import re
import tomllib
from collections.abc import Callable
from contextlib import suppress

from micrograd_kr.said import Said, say
from micrograd_kr.teacher.ask.formula import RATES, evaluate, finite, read_worked
from micrograd_kr.teacher.ask.messages import ExerciseError, printable, quoted
from micrograd_kr.teacher.ask.number import hand

OF_NUMBERS = ("given", "parameters")
_OUTSIDE_QUOTES = r"""(?:[^"'#\s]|\s(?!\s)|"[^"]*"|'[^']*')*?"""
_WIDE = str.maketrans("［］＝：＃", "[]=:#")
_VALUE = r"(?P<value>[^#]*?)(?P<remark>\s*(?:#.*)?)"


def hint(lines: list[str], number: int, error: str) -> Said | str:
    """What to do about the line of this number, where that is clear. lines: of the file."""
    line = lines[number - 1].strip() if 0 < number <= len(lines) else ""
    if "overwrite" in error or "twice" in error or "Duplicate" in error:
        name = quoted(line.partition("=")[0].strip())
        return say(": {hint}", hint=say("{name} is defined twice; keep one", name=name))
    mended = _mended(line, table_above(lines, number))
    return say(": {hint}; write {line}", hint=mended[0], line=printable(mended[1], 200)) if mended else ""


def table_above(lines: list[str], number: int) -> str:
    """The name of the table that a line stands in, "" for none."""
    tables = (found[1] for above in reversed(lines[: number - 1]) if (found := re.match(r"\s*\[\s*(\w+)", above)))
    return next(tables, "")


def name_of(lines: list[str], number: int) -> str:
    """The name before a line that is no TOML, as it is meant where that is clear."""
    line = lines[number - 1].strip()
    mended = _mended(line, table_above(lines, number))
    return next(iter(tomllib.loads(mended[1])), line) if mended else line.partition("=")[0].strip("\"' ")


def _mended(line: str, table: str) -> tuple[Said, str] | None:
    """The same line as TOML, with the first thing that was wrong with it; None where that is not clear."""
    first: Said | None = None
    for mend in MENDS:
        reason, meant = mend(line, table)
        if meant != line:
            first, line = first or reason, meant
            if _is_toml(line):
                return first, line
    return None


def _is_toml(line: str) -> bool:
    try:
        tomllib.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def straight_quotes(text: str) -> str:
    """The text of a file with straight quotes where a phone or a word processor has put others for them."""

    def straight(line: str) -> str:
        _, meant = _quotes(line, "")
        return meant if meant != line and not _is_toml(line) and _is_toml(meant) else line

    return "\n".join(map(straight, text.split("\n")))


def _quotes(line: str, table: str) -> tuple[Said, str]:
    return say('write straight quotes, "'), re.sub("[‘’]", "'", re.sub("[“”„‟＂]", '"', line))


def _wide(line: str, table: str) -> tuple[Said, str]:
    """The signs of TOML in the width of Hangul."""
    outside = re.split(r"""("[^"]*"|'[^']*')""", line)
    outside[::2] = (each.translate(_WIDE) for each in outside[::2])
    return say("write [ ] = and # in their narrow form"), "".join(outside)


def _backslash(line: str, table: str) -> tuple[Said, str]:
    """LaTeX in double quotes, where TOML has backslashes of its own, or in none."""
    name, equals, value = line.partition("=")
    if "\\" in line and table == "hand":
        if '"' in line or line[:1] == "'":
            line = re.sub(r'"([^"]*\\[^"]*)"', lambda each: _literal(each[1]), line)
        elif equals:
            line = f"{_literal(name.rstrip(' &'))} = {_literal(value.strip())}"
    return say("what has a backslash stands in single quotes"), line


def _literal(text: str) -> str:
    return "'" + text.replace("'", "′") + "'"


def _bracket(line: str, table: str) -> tuple[Said, str]:
    return say("the name of a table stands in brackets"), re.sub(r"^\[ ?(\w+) ?$", r"[\1]", line)


def _remark(line: str, table: str) -> tuple[Said, str]:
    found = re.match(rf"({_OUTSIDE_QUOTES})\s*(?://|;|--)\s*(.*)", line)
    return say("a remark begins with #"), f"{found[1]}  # {found[2]}".removesuffix("  # ") if found else line


def _equals(line: str, table: str) -> tuple[Said, str]:
    name, sign = r"""("[^"]*"|'[^']*'|[^=:"'#]+?)""", "(?::=?|[→⇒≈≒]|[=-]>)"
    found = re.match(rf"{name}\s*{sign}\s*([^=]+)$", line) or re.match(rf"{name}\s+([-+−]?[0-9.,]+)$", line)
    return say("= stands between a name and its value"), f"{found[1]} = {found[2]}" if found else line


def _name(line: str, table: str) -> tuple[Said, str]:
    name, equals, value = map(str.strip, line.partition("="))
    if not table and name in RATES:
        return say("the learning rate is called lr"), f"lr = {value}"
    is_plain = not equals or '"' in name or re.fullmatch(r"[A-Za-z0-9_-]+", name)
    return say("such a name stands in quotes"), line if is_plain else f'"{name}" = {value}'


def _quote(line: str, table: str) -> tuple[Said, str]:
    """The one quotation mark that is missing, of the name or of the value."""
    name, equals, value = map(str.strip, line.partition("="))
    if not equals:
        name, value = "", line
    sides = [_closed(each) if each.count('"') % 2 else each for each in (name, value)]
    return say("a quotation mark is missing"), " = ".join(sides) if equals and '"' in line else line


def _closed(text: str) -> str:
    return f'"{text}' if text.endswith('"') and len(text) > 1 else f'{text}"'


def _number(line: str, table: str) -> tuple[Said, str]:
    """A number that stands where numbers do: 1/3, .5 and 0,5."""
    reason = say("a number is written in digits, with a point between them")
    found = re.match(rf"(?P<name>[^=]+?)\s*=\s*{_VALUE}$", line)
    if found and (table in OF_NUMBERS or found["name"] == "lr"):
        number = _worked(found["value"])
        line = f"{found['name']} = {number}{found['remark']}" if number else line
    return reason, line


def _worked(value: str) -> str:
    """The number that a text comes to, in digits; "" for none."""
    with suppress(ExerciseError):
        return repr(float(hand(value).number))
    with suppress(ExerciseError, KeyError):  # a name
        return repr(finite(evaluate(read_worked(value), {})))
    return ""


def _text(line: str, table: str) -> tuple[Said, str]:
    reason = say("text and formulas stand in quotes")
    found = re.match(rf"(?P<name>[^=]+?)\s*=\s*{_VALUE}$", line)
    is_text = found and (found["value"] or table == "hand") and '"' not in found["value"] and table not in OF_NUMBERS
    return reason, f'{found["name"]} = "{found["value"]}"{found["remark"]}' if found and is_text else line


MENDS: tuple[Callable[[str, str], tuple[Said, str]], ...]
MENDS = (_quotes, _wide, _backslash, _bracket, _remark, _equals, _name, _quote, _number, _text)
