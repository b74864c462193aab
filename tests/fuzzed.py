"""What is fuzzed, for tests/bench/fuzz.py: of each target how an input is drawn, how it is used, what may refuse it.

Inputs come from grammars, and from changes to valid ones: bytes, words and parts exchanged, left out, repeated.
"""

import gzip
import io
import json
import os
import pickle
import string
import struct
import tempfile
import tomllib
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from copy import deepcopy
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np
import people

import micrograd_kr as mk
from micrograd_kr import checkpoints, data, nn, optim
from micrograd_kr.__main__ import main
from micrograd_kr.checkpoints import CheckpointError
from micrograd_kr.data import DataError
from micrograd_kr.engine import Value
from micrograd_kr.said import LANGUAGES
from micrograd_kr.teacher.ask import latex
from micrograd_kr.teacher.ask.arrays import entries
from micrograd_kr.teacher.ask.file import built_in, source_text
from micrograd_kr.teacher.ask.formula import ALL_FUNCTIONS, evaluate, read_entries, read_formula, read_worked
from micrograd_kr.teacher.ask.hand import with_hand
from micrograd_kr.teacher.ask.messages import ExerciseError
from micrograd_kr.teacher.ask.solution import solve

PUBLISHED = Path(__file__).parent / "teacher" / "published"


class Target(NamedTuple):
    """draw: one input. use: what is done with it, in an empty folder that it may write to; True if it was refused
    without an error. refusals: the errors that refuse bad input.
    """

    draw: Callable[[Random], Any]
    use: Callable[[Any, Path], bool | None]
    refusals: tuple[type[Exception], ...]


def half_written(folder: Path) -> Iterator[str]:
    """The files in a folder that are not whole, by how files of their kinds end."""
    for place, _, names in os.walk(folder.parent):
        yield from (name for name in names if not is_whole(Path(place, name)))


def is_whole(path: Path) -> bool:
    contents, kind = path.read_bytes(), path.suffix.lower()
    ends = {".html": b"</html>", ".svg": b"</svg>", ".dot": b"}", ".pdf": b"%%EOF", ".md": b"", ".csv": b""}
    if kind in ends:
        return bool(contents) and contents.rstrip().endswith(ends[kind])
    if kind == ".png":
        return contents.endswith(b"IEND\xaeB`\x82")
    try:
        if kind in (".toml", ".json"):
            (tomllib if kind == ".toml" else json).loads(contents.decode())
        return kind in (".toml", ".json")
    except ValueError:
        return False


# --- changes to what is valid -----------------------------------------------------------------------------------------

EXTREME = ("0", "-0.0", "1", "-1", "1e308", "-1e308", "5e-324", "1e999", "nan", "inf", "1e-400", "9" * 400, "0x1F",
    "1_0",
           "2147483648", "18446744073709551616", "1e5", ".5", "5.", "00", "1e", "٣", "½", "１２", "0.1.2",
           "1,5")  # fmt: skip
ODD = "\x00\x07\x1b[31m\u2028\u202e\ufeff\ud7ff\U0001f600é가각́ẞß𝑧￥₩√σ∂Σ×·÷−–^²⁻¹½≈…⊤⟨⟩∶'\"\\{}[]()<>&;|%#=@,.:_$~`"
CANARY = "canary"  # a file that only code could make
CODE = ("__import__('os').system('touch canary')", "open('canary', 'w')", "().__class__.__base__.__subclasses__()",
        "exec('raise SystemExit')", "(lambda: 0)()", "[x for x in ()]", "eval('1')", "${canary}", "$(touch canary)",
        "`touch canary`", "{0.__class__}", "{said}", "%s%n", "a.b.c", "x if x else y", "f'{x}'", "print(1)",
        "<script>alert(1)</script>", "../../etc/passwd", "!!python/object/apply:os.system [touch canary]")  # fmt: skip


def changed(draw: Random, text: Any, others: Sequence[Any], words: Sequence[Any], most: int = 6) -> Any:
    """A text, or bytes, with a few changes."""
    for _ in range(draw.randint(1, most)):
        i = draw.randrange(len(text) + 1)
        j = min(len(text), i + draw.choice((0, 1, 1, 2, 4, 8, 40, 400)))
        other, word = draw.choice(others), draw.choice(words)
        k = draw.randrange(len(other) + 1)
        put = draw.choice(
            (
                text[:0],
                word,
                word,
                text[i:j] * draw.choice((2, 3, 50)),
                other[k : k + draw.randint(1, 60)],
                text[j : j + 9],
            )
        )
        text = text[:i] + put + text[j:]
    return text[: draw.randrange(len(text) + 1)] if draw.random() < 0.05 else text


def bytes_changed(draw: Random, raw: bytes, others: Sequence[bytes]) -> bytes:
    words = [bytes([draw.randrange(256)]), b"\xff" * 8, bytes(8), struct.pack(">I", 2**31), struct.pack("<Q", 2**40)]
    return changed(draw, raw, others, words)


def number(draw: Random) -> str:
    if draw.random() < 0.15:
        return draw.choice(EXTREME)
    return draw.choice(("{:.3g}", "{:.6f}", "{:g}", "{:.2e}", "{:.0f}")).format(
        draw.gauss(0, 10 ** draw.randint(-4, 3))
    )


USUAL = "x x1 W W5 b t z1 h 가중치 E E_total o α β1 lr k g p m λ"
UNUSUAL = "sum def dE dE/dW5 W5+ z1' W[0] __import__ ẞ e ln T ﬁ"
NAMES, STRANGE = USUAL.split(), [*UNUSUAL.split(), "a b", "", "x" * 70]


def name(draw: Random) -> str:
    return draw.choice(STRANGE) if draw.random() < 0.03 else draw.choice(NAMES)


FUNCTIONS = (*ALL_FUNCTIONS, "elu", "σ", "ln", "Tanh", "logistic", "eval", "__import__")


KEYS = ("0", "-1", "1, 0", ":", ":, 0", "99", "1:9:-1", "0, 0, 0", "x", "::0", "9" * 20)
AXES = ("axis=0", "1", "axis=-1", "axis=9", "axis=x", "axis=0.5")


def expression(draw: Random, names: Sequence[str], depth: int = 4) -> str:
    """Of the grammar of formulas, with what people type and what does not belong there."""
    inner = partial(expression, draw, names, depth - 1)
    if depth == 0 or draw.random() < 0.2:
        return number(draw) if draw.random() < 0.4 else draw.choice(names)
    match draw.randrange(16):
        case 0 | 1 | 2 | 3 | 4:
            return f"{inner()} {draw.choice('+-*/+-*/@×·−÷^')} {inner()}"
        case 5 | 6:
            return f"({inner()})"
        case 7:
            return f"({inner()}){draw.choice(('**2', '**0.5', '²', '⁻¹', '^2', '.T', '**-1', '**9**9**9'))}"
        case 8 | 9 | 10:
            inside = ", ".join(inner() for _ in range(draw.choice((1, 1, 1, 1, 2, 3))))
            return f"{draw.choice(FUNCTIONS)}({inside})"
        case 11:
            return f"{draw.choice(('-', '+', '--', '√', '½', '2'))}{inner()}"
        case 12:
            return f"{draw.choice(names)}[{draw.choice(KEYS)}]"
        case 13:
            return f"{draw.choice(('sum', 'mean', 'max', 'softmax'))}({inner()}, {draw.choice(AXES)})"
        case 14:
            return f"\\frac{{{inner()}}}{{{inner()}}}"
        case _:
            return draw.choice(CODE) if draw.random() < 0.2 else f"{inner()} {inner()}"


def short(text: str) -> str:
    return text[:990]


# --- exercises, their cells and formulas ------------------------------------------------------------------------------


def quantity(draw: Random, names: Sequence[str], loss: str) -> str:
    each = draw.choice(names)
    mark = draw.choice(("", "", "+", "'", "++", "''", "@1", "@2", "@99999999999", "[0]", "[0,1]", "[-1]", "_new"))
    return draw.choice(
        (f"{each}{mark}", f"d{loss}/d{each}{mark}", f"∂{loss}/∂{each}", f"d{draw.choice(names)}/d{each}",
        f"m_{each}{mark}",
         rf"\\frac{{\\partial {loss}}}{{\\partial {each}}}", f"{each}₁", f"d{loss}{mark}/d{each}")
    )  # fmt: skip


def cell(draw: Random, names: Sequence[str], loss: str = "E") -> str:
    """A cell of a sheet as somebody might type it."""
    if draw.random() < 0.5:
        return (
            draw.choice(("", "", "≈ ", "약 ", "+", "−"))
            + number(draw)
            + draw.choice(("", "", "", "…", " %", " (rounded)", "점", "e-3"))
        )
    parts = []
    for _ in range(draw.choice((1, 2, 2, 3, 4))):
        known = [*names, quantity(draw, names, loss), "lr"]
        parts.append(expression(draw, known, draw.choice((1, 2, 3))))
    line = draw.choice((" = ", "=", " ≈ ", " -> ")).join([*parts, number(draw)] if draw.random() < 0.7 else parts)
    return changed(draw, line, [line], [*ODD, *EXTREME], 2) if draw.random() < 0.2 else line


def quotes(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def array_text(draw: Random) -> str:
    rows, columns = draw.choice((1, 2, 2, 3, 40)), draw.choice((1, 2, 2, 3, 40))
    row = lambda: "[" + ", ".join(number(draw) for _ in range(columns - (draw.random() < 0.05))) + "]"  # noqa: E731
    return draw.choice((row(), "[" + ", ".join(row() for _ in range(rows)) + "]", "[]", "[[[1]]]", "[1, [2]]"))


def exercise_text(draw: Random) -> str:
    """A file by the grammar of exercises, most of it sound."""
    names: list[str] = []

    def named() -> str:
        names.append(name(draw))
        return names[-1] if names[-1].isidentifier() and names[-1].isascii() else quotes(names[-1])

    def numbers(count: int) -> list[str]:
        return [f"{named()} = {array_text(draw) if draw.random() < 0.3 else number(draw)}" for _ in range(count)]

    lines = ["[given]", *numbers(draw.randint(0, 4)), "[parameters]", *numbers(draw.randint(0, 4)), "[forward]"]
    for _ in range(draw.randint(1, 6)):
        formula = short(expression(draw, names or ["x"], draw.choice((1, 2, 2, 3, 5))))
        lines.append(f"{named()} = {quotes(formula)}")
    loss = names[-1]
    if draw.random() < 0.3:
        lines += ["[update]"]
        for line in draw.sample(("m", "v", "p", "p"), draw.randint(1, 3)):
            lines.append(f"{line} = {quotes(expression(draw, ('p', 'g', 'lr', 'k', 'm', 'v'), 2))}")
    lines += ["[hand]"]
    for _ in range(draw.randint(0, 8)):
        written = array_text(draw) if draw.random() < 0.1 else quotes(cell(draw, names, loss))
        lines.append(f"{quotes(quantity(draw, names, loss))} = {written}")
    top = [
        f"title = {quotes(draw.choice(('t', *CODE)))}",
        f"loss = {quotes(loss if draw.random() < 0.95 else name(draw))}",
    ]
    top += [f"lr = {number(draw)}"] * (draw.random() < 0.8)
    top += [f"steps = {draw.choice((1, 2, 3, 10, 100, 10**6, -1))}"] * (draw.random() < 0.3)
    top += [draw.choice(('name = "김"', "seed = 3", 'id = "7"', "seed = 1e9", "name = 3", "more = 1"))] * (
        draw.random() < 0.1
    )
    return "\n".join([*top, *lines, ""])


@cache
def sheets() -> list[str]:
    """Valid exercise files: those that are shipped, published ones of both formats, people's, a student's."""
    texts = [source_text(each).replace("steps = 200", "steps = 4") for each in built_in()]
    texts += [each.read_text("utf-8") for each in sorted(PUBLISHED.glob("*.toml"))]
    texts += [people.sheet("fuzz", n, *style).toml() for n, style in enumerate(people.STYLES)]
    answered = tomllib.loads(source_text("chapter7"))["hand"]
    return [
        *texts,
        'exercise = "chapter7"\nname = "김하늘"\n[hand]\n' + "".join(f'"{k}" = "{v}"\n' for k, v in answered.items()),
    ]


TOML = ("[given]\n", "[[hand]]\n", "[hand]\n", '"""', "'''", "= ", "\r\n", "\t", '"', "1979-05-27", "true", "{a = 1}",
    "#", "steps = 3\n",
        'exercise = "adam"\n', "a.b.c = 1\n", "\\u0000", "\\", "@1", "+", "'", "/d", *EXTREME, *ODD, *CODE)  # fmt: skip


def draw_exercise(draw: Random) -> bytes:
    if draw.random() < 0.03:
        return draw.randbytes(draw.randrange(300))
    text = exercise_text(draw) if draw.random() < 0.5 else draw.choice(sheets())
    if draw.random() < 0.6:
        text = changed(draw, text, sheets(), TOML)
    raw = text.encode(draw.choice(("utf-8",) * 8 + ("utf-16", "cp949")), "replace")
    return bytes_changed(draw, raw, [raw]) if draw.random() < 0.1 else raw


def use_exercise(raw: bytes, folder: Path) -> None:
    path = folder / "my.toml"
    path.write_bytes(raw)
    try:
        exercise = mk.load(path)
        solution = solve(exercise)
        for each in exercise.hand:
            solution.value(each)
        if sum(raw) % 100 == 0:  # which takes as long as the others together
            report = mk.check(exercise)
            for lang in LANGUAGES:
                str(replace(report, lang=lang))
    except ExerciseError as error:
        if not str(error).startswith("my.toml: "):
            raise AssertionError("the file is not named") from error
        raise
    finally:
        path.unlink()


@cache
def asked() -> list[Any]:
    return [mk.load(each) for each in ("chapter7", "softmax", "xor", "recurrent-vectors", "adam")]


def draw_cell(draw: Random) -> tuple[int, str, str]:
    which = draw.randrange(len(asked()))
    exercise = asked()[which]
    names = [*exercise.positions]
    key = quantity(draw, names, exercise.loss) if draw.random() < 0.3 else draw.choice([*exercise.hand])
    return which, key, cell(draw, names, exercise.loss)


def use_cell(given: tuple[int, str, str], folder: Path) -> None:
    which, key, text = given
    exercise = with_hand(asked()[which], {key: text})
    for why in exercise.unreadable:
        for lang in LANGUAGES:
            assert why.why.in_(lang).isprintable()
    if sum(text.encode("utf-8", "replace")) % 50 == 0:  # mistakes are searched for as long as a hundred cells are read
        report = mk.check(exercise)
        for lang in LANGUAGES:
            str(replace(report, lang=lang))


def draw_formula(draw: Random) -> str:
    if draw.random() < 0.03:
        return "".join(draw.choices([*ODD, *string.printable], k=draw.randrange(60)))
    text = expression(draw, NAMES, draw.randint(1, 6))
    if draw.random() < 0.5:
        text = changed(draw, text, [text], [*ODD, *EXTREME, *CODE, *string.printable, *FUNCTIONS, *STRANGE])
    return text


ARRAYS = {"W": entries("W", (2, 2)), "x": entries("x", (2,))}


def use_formula(text: str, folder: Path) -> None:
    """Read in each of the ways there are; refused by one it may be read by another."""
    refusal = None

    def worked(read: Callable[[], Any]) -> None:
        nonlocal refusal
        try:
            formula = read()
            for start in (0.5, -1.0, 0.0):
                assert type(evaluate(formula, dict.fromkeys(formula.names, start))) is float
        except ExerciseError as error:
            refusal = error

    worked(lambda: read_formula(text))
    worked(lambda: read_worked(latex.plain(text, NAMES), NAMES))
    try:
        read_entries(text, ARRAYS)
    except ExerciseError as error:
        refusal = error
    if refusal:
        raise refusal


# --- the command line -------------------------------------------------------------------------------------------------

WORDS = ("chapter7", "xor", "adam", "softmax", "recurrent-vectors", "my.toml", "my.toml", "names.csv", "nobody.toml",
    "", "-", "--", ".", "..", "W5+",
         "dE_total/dW5", "h1", "z1'", "E@2", "가", "\x00", "a\nb", "--lang", "ko", "en", "x" * 300, "/dev/null",
         "\udcff")  # fmt: skip
VALUES = ("0", "1", "3", "-1", "7.5", "1e3", "31", "99999999999999999999", "٣", "1-3", "3-1", "1,2", "1-999999999",
    "ko", "markdown", "html", "toml",
          "latex", "mathml", "text", "names.csv", "my.toml", "out.html", "out.md", "out.toml", "out.svg", "out.dot",
          "out.csv", "out.json", "out.xyz",
          "no/such/out.html", "my.toml/out.html", "sub", ".", "", "2-3-1", "2-2", "1-1-1", "50-50-50", "9" * 30,
          "relu", "sigmoid,tanh", "cross-entropy",
          "adam", "momentum", "forward,updates", "z1,dE/dW5", "1,1,0", "nan,inf,1", "1/2,0,0", "a" * 300 + ".html",
          "\x00.html", "가.html")  # fmt: skip


SELDOM = {"page": 0.4, "grade": 0.05, "draw": 2, "nonsense": 1, "": 1}  # what takes long, or is soon answered


@cache
def options() -> dict[str, list[str]]:
    """The options of each command, as its own help has them."""
    texts = json.loads((Path(mk.__file__).parent / "command.json").read_text("utf-8"))
    return {each: [word for takes in command["takes"] for word in takes.split() if word[0] == "-"]
            for each, command in texts["commands"].items()}  # fmt: skip


class Line(NamedTuple):
    """A command line, and the files that it may name."""

    words: list[str]
    sheet: bytes
    names: bytes


def draw_line(draw: Random) -> Line:
    commands = [*options(), "nonsense", ""]
    command = draw.choices(commands, [SELDOM.get(each, 6) for each in commands])[0]
    words = [command] if command else []
    for _ in range(draw.choice((0, 1, 1, 2, 2, 3, 5))):
        if draw.random() < 0.5 and command in options():
            option = draw.choice([*options()[command], "--lang", "--help", "--version"])
            words += [draw.choice((option, f"{option}={draw.choice(VALUES)}"))]
            words += [draw.choice(VALUES)] * (draw.random() < 0.6)
        else:
            words.append(draw.choice(WORDS))
    if command in ("draw", "page") and draw.random() < 0.6:
        words += ["-o", draw.choice(("out.dot", "out.xyz", "no/out.svg", "out.html", "my.toml"))]
    if draw.random() < 0.1:
        words = [changed(draw, each, VALUES, [*ODD], 2) for each in words]
    words = [each.replace("\0", "") for each in words]  # which no system passes to a program
    names = changed(draw, "name,id\n김하늘,1\nKim/Lee,2\n..,3\n", ["이름;학번\n가;1\n"], [*ODD, *CODE])
    return Line(words, draw_exercise(draw), names.encode("utf-8", "replace"))


def use_line(given: Line, folder: Path) -> bool:
    """The command line in this process: an exit status as it is documented, and what is wrong on standard error."""
    os.chdir(folder)
    sheet, names = folder / "my.toml", folder / "names.csv"
    sheet.write_bytes(given.sheet)
    names.write_bytes(given.names)
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2))
    try:
        with redirect_stdout(out), redirect_stderr(err):
            status = main(list(given.words))
        for each in (out, err):
            each.flush()
        printed, said = (each.buffer.getvalue().decode() for each in (out, err))
        assert status in (0, 1, 2), f"exit status {status}"
        assert "Traceback" not in printed + said, printed + said
        assert status != 2 or said or printed, "exit status 2, and nothing is said"
        assert sheet.read_bytes() == given.sheet or "--force" in given.words or b"micrograd-kr" in given.sheet, (
            "the sheet was written over"
        )
        return status == 2
    finally:
        os.chdir("/")
        for path in (sheet, names):
            if path.read_bytes() in given:
                path.unlink()


# --- data sets --------------------------------------------------------------------------------------------------------


def idx(array: np.ndarray) -> bytes:
    return bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


@cache
def idx_files() -> list[bytes]:
    images, labels = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3), np.array([1, 2], np.uint8)
    return [idx(images), idx(labels), *(gzip.compress(idx(each), mtime=0) for each in (images, labels)),
            gzip.compress(bytes((0, 0, 8, 3)) + b"\xff" * 12 + bytes(2**20), mtime=0)]  # fmt: skip


def draw_idx(draw: Random) -> tuple[bytes, ...]:
    def one(sound: bytes) -> bytes:
        if draw.random() < 0.8:
            return sound
        if draw.random() < 0.3:
            shape = [draw.choice((0, 1, 2, 3, 255, 2**16, 2**31, 2**32 - 1)) for _ in range(draw.choice((1, 3, 3, 4)))]
            raw = bytes((0, 0, draw.choice((8, 8, 9, 13)), len(shape))) + struct.pack(f">{len(shape)}I", *shape)
            raw += draw.randbytes(draw.choice((0, 1, 9, 300)))
            return gzip.compress(raw, mtime=0) if draw.random() < 0.3 else raw
        return bytes_changed(draw, draw.choice([sound, *idx_files()]), idx_files())

    return tuple(one(idx_files()[draw.choice((i % 2, i % 2 + 2))]) for i in range(4))


def use_idx(given: tuple[bytes, ...], folder: Path) -> None:
    place = folder / "set"
    place.mkdir()
    for file, raw in zip(data.FILES, given, strict=True):
        (place / file).write_bytes(raw)
    try:
        check_set(data.load(place))
    finally:
        for file in data.FILES:
            (place / file).unlink()


def check_set(found: data.Dataset) -> None:
    for x, y in ((found.x_train, found.y_train), (found.x_test, found.y_test)):
        assert (x.dtype, y.dtype, len(x)) == (np.float32, np.int64, len(y))
        assert x.min() >= 0
        assert x.max() <= 1


class Canary:
    """What unpickling would run."""

    def __reduce__(self) -> Any:
        return open, (CANARY, "w")


@cache
def npy_files() -> list[bytes]:
    def saved(array: Any) -> bytes:
        out = io.BytesIO()
        np.save(out, array, allow_pickle=True)
        return out.getvalue()

    x = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
    arrays = (x, x / 17, np.asfortranarray(x), np.array([1, 2]), np.array([[1], [2]], np.uint8), np.array(["a", "b"]),
              np.array([Canary()], object), np.array(1.0), np.zeros((2, 0)), np.array([np.nan, 2]), np.ones((2, 2),
                  complex))  # fmt: skip
    return [saved(each) for each in arrays]


HEADERS = ("descr", "fortran_order", "shape", "|u1", "<f8", ">f8", "|O", "<M8[s]", "(2,)", "(2**40,)", "(-1,)",
    "(1e9,)", "True", "None", "{", "}",
           "('a', '<f8')", "<f2", "<c16", "|S9999", "(1000000000000,)", "'", ",", "\n", "9" * 30, "__import__('os')",
           "[('x', '|O')]")  # fmt: skip


def npy(draw: Random) -> bytes:
    if draw.random() < 0.5:
        return draw.choice(npy_files())
    if draw.random() < 0.5:
        return bytes_changed(draw, draw.choice(npy_files()), npy_files())
    header = "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), }"
    text = changed(draw, header, [header], HEADERS).encode("utf-8", "replace") + b"\n"
    version = draw.choice((b"\x01\x00", b"\x01\x00", b"\x02\x00", b"\x03\x00"))
    size = struct.pack("<H" if version[0] == 1 else "<I", len(text) % 65536)
    return b"\x93NUMPY" + version + size + text + draw.randbytes(draw.choice((0, 6, 6, 100)))


def draw_npz(draw: Random) -> bytes:
    out = io.BytesIO()
    method = draw.choice(
        (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
    )
    sound = draw.choice((npy_files()[0], npy_files()[1])), npy_files()[3]
    with zipfile.ZipFile(out, "w", method) as archive:
        for i, field in enumerate(data.Dataset._fields):
            if draw.random() < 0.97:
                known = draw.choice((f"{field}.npy",) * 30 + (f"../{field}.npy", f"/{field}", field, f"가{i}.npy"))
                archive.writestr(zipfile.ZipInfo(known), npy(draw) if draw.random() < 0.15 else sound[i % 2], method)
    raw = out.getvalue()
    return bytes_changed(draw, raw, [raw]) if draw.random() < 0.3 else raw


def use_npz(raw: bytes, folder: Path) -> None:
    path = folder / "set.npz"
    path.write_bytes(raw)
    try:
        check_set(data.load(path))
    finally:
        path.unlink()


# --- checkpoints and state_dicts --------------------------------------------------------------------------------------


@cache
def saved_files() -> list[bytes]:
    import safetensors.numpy

    model = network()
    optimizer = optim.Adam(model.parameters())
    trees = (
        {"epoch": 3, "model": model.state_dict(), "optimizer": optimizer.state_dict(), "state": (1, [2.5, "가", None])},
        [1],
        np.arange(6.0).reshape(2, 3).T,
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "c.safetensors")
        found = []
        for each in trees:
            checkpoints.save(path, each)
            found.append(path.read_bytes())
    return [
        *found,
        safetensors.numpy.save({"w": np.zeros(3, np.float32)}),
        safetensors.numpy.save({}, {"tree": "1", "crc32": "x"}),
    ]


JSONS = ("{", "}", "[", "]", '"', ":", ",", "null", "true", "-1", "1e999", "NaN", '"F64"', '"BF16"', '"F8_E4M3"',
    '"I64"', '"BOOL"', '"__metadata__"',
         '"data_offsets"', '"shape"', '"dtype"', '"tree"', '"crc32"', '{"dict":[]}', '{"array":"w"}', '\\"',
         "\\u0000", "[" * 3000, *EXTREME)  # fmt: skip


def draw_checkpoint(draw: Random) -> bytes:
    raw = draw.choice(saved_files())
    if draw.random() < 0.3:
        return bytes_changed(draw, raw, saved_files())
    end = 8 + int.from_bytes(raw[:8], "little")
    header, tail = raw[8:end].decode("utf-8", "replace"), raw[end:]
    if draw.random() < 0.5:
        says = json.loads(header)
        kept = says.get("__metadata__", {"tree": "1"})
        kept["tree"] = json.dumps(part_changed(draw, json.loads(kept["tree"]), IN_JSON))
        text = json.dumps(says).encode()
    else:
        text = changed(draw, header, [header], JSONS).encode("utf-8", "replace")
    if draw.random() < 0.7:  # a checksum that is right, to come further
        text = with_checksum(text, tail) or text
    length = len(text) if draw.random() < 0.95 else draw.choice((0, 2**63, 2**64 - 1, 10**8, len(text) + 1))
    return length.to_bytes(8, "little") + text + tail


def with_checksum(text: bytes, tail: bytes) -> bytes | None:
    """A header with the checksum of what it and the numbers behind it say; None if it says nothing."""
    import safetensors.numpy

    try:
        header = json.loads(text)
        arrays = safetensors.numpy.load(len(text).to_bytes(8, "little") + text + tail)
        header["__metadata__"]["crc32"] = checkpoints._checksum(header["__metadata__"]["tree"], arrays)
        return json.dumps(header).encode()
    except Exception:
        return None


def use_checkpoint(raw: bytes, folder: Path) -> None:
    path = folder / "c.safetensors"
    path.write_bytes(raw)
    try:
        checkpoints.load(path)
    finally:
        path.unlink()


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(2, 3, seed=0), nn.Tanh(), nn.Linear(3, 1, seed=1))


ODDMENTS: tuple[Any, ...] = (None, True, -1, 10**400, 1.5, float("nan"), float("inf"), -0.0, "a", "", b"a", (), [],
    {}, [[1], [1, 2]], {1: 2}, 1 + 2j,
                             np.float32(1), np.array(["a"]), np.array([None]), np.zeros((3, 2)), np.zeros(3),
                                 np.ones(1), np.array(5.0), np.zeros((2, 3)),
                             np.full((3, 2), 1e300), np.array([np.nan] * 3), np.zeros(3, np.float16), np.zeros(3,
                                 complex), np.zeros(10**6),
                             np.array(["2020-01-01"], "M8[D]"), object(), range(3), {"a"}, lambda: 0, int)  # fmt: skip


IN_JSON = (None, True, -1, 10**400, 1.5, float("nan"), "a", "w", "model/0.weight", [], {}, [[1], 2], {"array": "w"},
    {"turned": "array"}, {"scalar": "w"},
           {"tuple": [1]}, {"dict": [[1, 2]]}, {"dict": [[[1], 2]]}, {"dict": 3}, {"tuple": None}, {"array": []},
           {"code": "1"}, {"array": "w", "tuple": []})  # fmt: skip


def part_changed(draw: Random, tree: Any, others: Sequence[Any] = ODDMENTS) -> Any:
    """A tree with one of its parts exchanged, left out, added, or named otherwise."""
    if isinstance(tree, dict) and tree and draw.random() < 0.85:
        key = draw.choice([*tree])
        match draw.randrange(8):
            case 0:
                return {k: v for k, v in tree.items() if k is not key}
            case 1:
                return tree | {
                    draw.choice(
                        ("more", 7, "0.weight", None, "tuple", "__class__", "lr", "params", "array", -1)
                    ): draw.choice(others)
                }
            case 2:
                return {draw.choice(("0.Weight", 3, None)) if k is key else k: v for k, v in tree.items()}
        return tree | {key: part_changed(draw, tree[key], others)}
    if isinstance(tree, list) and tree and draw.random() < 0.8:
        i = draw.randrange(len(tree))
        return draw.choice(
            (
                [*tree[:i], part_changed(draw, tree[i], others), *tree[i + 1 :]],
                tree * 2,
                tree[:i],
                tree[::-1],
                tuple(tree),
            )
        )
    return draw.choice(others)


KINDS: tuple[Callable[[list[Value]], Any], ...] = (
    lambda ps: optim.SGD(ps), lambda ps: optim.SGD(ps, momentum=0.9, nesterov=True), lambda ps: optim.Adam(ps),
    lambda ps: optim.Adam(ps, amsgrad=True), lambda ps: optim.AdamW(ps))  # fmt: skip
SCHEDULES: tuple[Callable[[Any], Any], ...] = (
    lambda o: optim.StepLR(o, 3), lambda o: optim.ExponentialLR(o, 0.9), lambda o: optim.CosineAnnealingLR(o,
        10))  # fmt: skip


class State(NamedTuple):
    """of: which part of a run it is loaded into: None a model, else an optimiser or a schedule."""

    of: tuple[str, int]
    state: Any


@cache
def trained(kind: str, which: int) -> tuple[Any, Any, Any]:
    """A part of a run after two steps, with its model and its optimiser."""
    model = network()
    optimizer = KINDS[which](model.parameters())
    for _ in range(2):
        step(model, optimizer)
    part = {"model": model, "optimizer": optimizer, "schedule": SCHEDULES[which % len(SCHEDULES)](optimizer)}[kind]
    return part, model, optimizer


def step(model: Any, optimizer: Any) -> None:
    model.zero_grad()
    (model(np.ones((1, 2))) ** 2).sum().backward()
    optimizer.step()


def draw_state(draw: Random) -> State:
    of = draw.choice(
        (
            ("model", 0),
            ("optimizer", draw.randrange(len(KINDS))),
            ("optimizer", draw.randrange(len(KINDS))),
            ("schedule", draw.randrange(3)),
        )
    )
    state = trained(*draw.choice((of, of, of, of, of, ("model", 0), ("optimizer", 1))))[0].state_dict()
    for _ in range(draw.choice((0, 1, 1, 1, 2, 3))):
        state = part_changed(draw, state)
    return State(of, state)


def use_state(given: State, folder: Path) -> None:
    """Loaded, or refused and nothing changed; what was loaded goes on being trained."""
    part, model, optimizer = deepcopy(trained(*given.of))
    before = pickle.dumps((part.state_dict(), model.state_dict()))
    try:
        part.load_state_dict(given.state)
    except Exception:
        assert pickle.dumps((part.state_dict(), model.state_dict())) == before, "refused, but changed"
        raise
    with np.errstate(all="ignore"):
        step(model, optimizer)
    if given.of[0] == "schedule":
        part.step()
    assert pickle.dumps(part.state_dict()), "what was loaded cannot be saved"


TARGETS = {
    "exercises": Target(draw_exercise, use_exercise, (ExerciseError,)),
    "cells": Target(draw_cell, use_cell, (ExerciseError,)),
    "formulas": Target(draw_formula, use_formula, (ExerciseError,)),
    "commands": Target(draw_line, use_line, (ExerciseError,)),
    "idx": Target(draw_idx, use_idx, (DataError,)),
    "npz": Target(draw_npz, use_npz, (DataError,)),
    "safetensors": Target(draw_checkpoint, use_checkpoint, (CheckpointError,)),
    "states": Target(draw_state, use_state, (TypeError, ValueError, RuntimeError)),
}
