r"""LaTeX, as it is copied out of an explanation or of a person's paper, in the characters of a worked line.

    \frac{\partial E}{\partial W_{5}}    ∂E/∂W5
    {\left(t - o\right)}^{2}             (t - o)**2

Groups in braces are rewritten from the innermost out, so that no pattern has to count them. What a command means is a
table; that it holds all that this tool writes is tested on all that it writes.
"""

import re
from collections.abc import Callable, Container, Iterator
from functools import partial

DEPTH = 100  # of braces
_IS_LATEX = re.compile(r"[\\$\f\b]|₩(?=[a-zA-Z])|_\{|\^ ?[{+']|\{,\}|\r(?=ight)|\t(?=anh|imes|op|ext|frac)")
_MEANT = {"\f": "\\f", "\b": "\\b", "\t": "\\t", "\r": "\\r"}  # "\frac" is a form feed and "rac" in TOML
_MEANT |= {"₩": "\\"}  # the backslash of Korean keyboards

_SIGNS = {
    sign: meant
    for signs, meant in {
        "cdot bullet": "·",
        "times": "×",
        "odot circ": "⊙",
        "ast": "*",
        "div": "÷",
        "ge geq geqslant": "≥",
        "le leq leqslant": "≤",
        "ne neq": "≠",
        "gt": ">",
        "lt": "<",
        "approx simeq": "≈",
        "partial": "∂",
        "top intercal": "ᵀ",
        "ldots dots cdots": "…",
        "prime": "'",
        "sigma": "σ",
        "lvert": "abs(",
        "rvert": ")",
        "left right big Big bigg Bigg bigl bigr Bigl Bigr quad qquad displaystyle textstyle limits nonumber": "",
    }.items()
    for sign in signs.split()
}
_GROUP = r"\{([^{}]*)\}"
_FONT = rf"\\(?:text|math|operatorname|boldsymbol|bm|vec)(?:rm|it|bf|sf|normal)?\*? ?{_GROUP}"
_AROUND = r"\\(?:begin|end) ?\{(?:align(?:ed)?|equation|gather(?:ed)?|split)\*?\}"
_OPEN, _CLOSE = "\x01", "\x02"  # braces that stay


Meant = str | Callable[[re.Match[str]], str]


def plain(text: str, names: Container[str]) -> str:
    """A text in which there may be LaTeX, without it. names: of the exercise; a low index makes one of them."""
    if not _IS_LATEX.search(text):
        return re.sub(_LOW, partial(_low, names), text) if "_" in text else text  # W_5
    text = _IS_LATEX.sub(lambda found: _MEANT.get(found[0], found[0]), text)
    for pattern, meant in _FIRST:
        text = re.sub(pattern, meant, text)
    rules = [(_LOW, partial(_low, names)), *_RULES, (_FRACTION, partial(_fraction, names))]
    for _ in range(DEPTH):
        before = text
        for pattern, meant in rules:
            text = re.sub(pattern, meant, text)
        if text == before:
            break
    for pattern, meant in _LAST:
        text = re.sub(pattern, meant, text)
    return " ".join(text.split())


def _listed(environment: re.Match[str]) -> str:
    """A matrix as [[a, b], [c, d]]; cases as {a (b), c (d)}."""
    rows = [[each.strip() for each in row.split("&")] for row in re.split(r"\\\\", environment[2]) if row.strip()]
    if environment[1] == "cases":
        return _OPEN + ", ".join(f"{row[0]} ({row[-1]})" for row in rows) + _CLOSE
    return "[" + ", ".join(f"[{', '.join(row)}]" for row in rows) + "]"


def _command(found: re.Match[str]) -> str:
    """What a command stands for; what is no sign and has no group is a word, log or eta."""
    is_word = not re.match(r"\*? ?\{", found.string[found.end() :])
    return _SIGNS.get(found[1], f" {found[1]}" if is_word else found[0])


def _low(names: Container[str], found: re.Match[str]) -> str:
    """A name with a low index, W_{5}, E_{total} or W_{0,1}: the one of these that there is."""
    name, low = found[1], "".join((found[2] or found[3] or "").split())
    if ":" in low:
        return f"{name}[{low}]"
    meant = next((each for each in _spellings(name, low) if each in names), "")
    if not meant and name.startswith("d"):  # of dE/dW_5
        meant = next((f"d{each}" for each in _spellings(name[1:], low) if each in names), "")
    return meant or (name + low if found[2] else found[0])


def _spellings(name: str, low: str) -> Iterator[str]:
    """What a name with a low index may be called in an exercise."""
    pieces = low.split(",")
    yield from (name + low, f"{name}_{'_'.join(pieces)}", f"{name}[{low}]")
    for i in range(1, len(pieces)):
        start, index = "_".join(pieces[:i]), ",".join(pieces[i:])
        yield from (f"{name}{start}[{index}]", f"{name}_{start}[{index}]")


def _fraction(names: Container[str], found: re.Match[str]) -> str:
    """A fraction, or a derivative."""
    above, below = (re.sub("∂ +", "∂", each.strip()) for each in found.groups())
    is_derivative = above[:1] == below[:1] == "∂" or (above[1:].strip() in names and below[1:].strip() in names)
    if is_derivative and re.fullmatch(r"[\w\[\],'⁺@]+/[\w\[\],'⁺@]+", f"{above}/{below}".replace("∂", "d")):
        return f" {above}/{below} "
    return f"({_in_brackets(above)}/{_in_brackets(below)})"


def _in_brackets(text: str) -> str:
    return text if re.fullmatch(r"[\w.]+|\([^()]*\)", text) else f"({text})"


def _group(found: re.Match[str]) -> str:
    return _in_brackets(found[1].strip())


def _high(found: re.Match[str]) -> str:
    """A mark, W^{+}, a pass, W^{(3)}, what is transposed, or a power."""
    high = "".join((found[1] or found[2] or "").split())
    if not high:  # ^{}
        return ""
    if re.fullmatch(r"\++", high):
        return "⁺" * len(high)
    if re.fullmatch("'+|ᵀ", high):
        return high
    return "ᵀ" if high == "T" else f"**{_in_brackets(high)}"


_LOW = r"(?<![\w\\])([^\W\d_][^\W_]*)_(?:\{([^{}]*)\}|([^\W_]+)(?!\w))"
_FRACTION = rf"\\[dtc]?frac ?{_GROUP}{_GROUP}"
_HIGH = rf"\^ ?(?:{_GROUP}|([\w+'ᵀ]))"
_FIRST: list[tuple[str, Meant]] = [
    (rf"{_AROUND}|\$|(?<!\\)\\[,;:! ()\[\]]", " "),
    (r"\{,\}", ","),
    (r"\\left ?\|", "abs("),
    (r"\\right ?\|", ")"),
    (r"\\([_%#])", r"\1"),
    (r"\\[dtc]?frac ?([0-9]) ?([0-9])", r"(\1/\2)"),
    (r"\\begin ?\{(cases|\w?matrix)\}((?:(?!\\begin).)*?)\\end ?\{\1\}", _listed),
    (r"\\([a-zA-Z]+)", _command),
    (r"\}\s+(?=\{)", "}"),
    (r"(\^(?:\{[^{}]*\}|[+'])|'+)(_(?:\{[^{}]*\}|\w))", r"\2\1"),  # W^{+}_{5}
]
_RULES: list[tuple[str, Meant]] = [
    (_FONT, r" \1"),
    (rf"(?<=\))_(?:{_GROUP}|([0-9]))", r"[\1\2]"),  # an entry of a function's
    (r"(?<=[\w\]])\^ ?\{\(([0-9]+)\)\}", r"@\1"),
    (_HIGH, _high),
    (rf"\\sqrt ?{_GROUP}", r"sqrt(\1)"),
    (rf"(?<![_^A-Za-z}}\]]){_GROUP}", _group),
]
_LAST: list[tuple[str, Meant]] = [
    (r"\\\\|&", " "),
    (r"\\([a-zA-Z]+)", r"\1"),
    (_OPEN, "{"),
    (_CLOSE, "}"),
]
