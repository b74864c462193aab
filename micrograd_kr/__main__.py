"""The command line: check an exercise, explain it, draw it, step through it, make worksheets of it."""

import argparse
import locale
import os
import shutil
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TextIO

from micrograd_kr import __version__
from micrograd_kr.chapter7 import FORMULAS, by_formulas, by_tensors
from micrograd_kr.files import write
from micrograd_kr.said import SaidError
from micrograd_kr.teacher.ask.exercise import Exercise, built_in, load, source_text
from micrograd_kr.teacher.ask.quantity import spelled
from micrograd_kr.teacher.check.diagnosis import check
from micrograd_kr.teacher.check.report import Report
from micrograd_kr.teacher.derive import notation
from micrograd_kr.teacher.derive.explanation import FORMATS, decimals_of, explain_exercise
from micrograd_kr.teacher.show.nets import ACTIVATIONS, LOSSES, Net, layer_sizes, new
from micrograd_kr.teacher.show.tables import as_json, as_text, displayable
from micrograd_kr.teacher.show.worksheet import SHEETS, Worksheet, worksheet
from micrograd_kr.teacher.show.worksheet import as_text as sheet_text
from micrograd_kr.teacher.show.worksheet import net as blank_net
from micrograd_kr.words import WORDS

CANNOT = 2  # beside 0, nothing wrong, and 1, something is
INTERRUPTED, PIPE_CLOSED = 130, 141  # as a shell has them

Ways = dict[str, tuple[float | None, float]]  # a number by formulas (None: there is no formula) and by tensors


class CannotError(Exception):
    """What was asked for cannot be done; the message says why and what to do, in the language asked for."""


# --- the console ------------------------------------------------------------------------------------------------------


def encoding_of(stream: TextIO) -> str:
    return getattr(stream, "encoding", None) or "utf-8"


def language(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> str:
    """ko or en: what --lang says, else the locale's, if the console can show it."""
    for before, each in zip(["", *arguments], arguments, strict=False):
        if before == "--lang" or each.startswith("--lang="):
            return "ko" if each.removeprefix("--lang=") == "ko" else "en"
    variables = (environment.get(each) for each in ("LC_ALL", "LC_MESSAGES", "LANG"))
    name = next((each for each in variables if each), None) or locale.getlocale()[0] or ""
    speaks_korean = name.lower().startswith("ko")  # ko_KR.UTF-8, and Korean_Korea on Windows
    return "ko" if speaks_korean and displayable("한글", encoding_of(sys.stdout)) == "한글" else "en"


def width_of(stream: TextIO) -> int | None:
    """The cells of a line: a terminal's, or what COLUMNS says; None where a line may be as long as it likes."""
    if stream.isatty():
        return shutil.get_terminal_size().columns
    columns = os.environ.get("COLUMNS", "")
    return int(columns) if columns.isdecimal() and len(columns) < 6 and int(columns) > 0 else None


def tell(text: str, stream: TextIO | None = None) -> None:
    stream = stream or sys.stdout
    for line in text.splitlines():
        print(displayable(line, encoding_of(stream)), file=stream)


# --- the commands -----------------------------------------------------------------------------------------------------


def run_check(options: argparse.Namespace) -> int:
    exercise = load(options.exercise)
    report = check(exercise)
    if options.json:
        print(as_json(report))
    else:
        ways = side_by_side(exercise, options.words) if options.side_by_side else None
        print_tables(exercise, report, options, ways)
    return 1 if report.wrong else 0


def print_tables(exercise: Exercise, report: Report, options: argparse.Namespace, ways: Ways | None = None) -> None:
    stream = sys.stdout
    text = as_text(
        report,
        title=exercise.title,
        blanks=len(exercise.blanks),
        ways=ways,
        lang=options.lang,
        digits=options.digits,
        width=width_of(stream),
        encoding=encoding_of(stream),
        terminal=stream.isatty(),
    )
    stream.write(text)


def side_by_side(exercise: Exercise, words: Mapping[str, str]) -> Ways:
    """Each number of the chapter's example by formulas (None: the chapter has none for it) and by tensors."""
    if {name: each.text for name, each in exercise.forward.items()} != FORMULAS or exercise.lr is None:
        raise CannotError(words["not chapter7"].format(source=exercise.source))
    numbers = {**exercise.given, **exercise.parameters}
    formulas = by_formulas(numbers, exercise.lr)
    tensors = by_tensors(numbers, exercise.lr, list(exercise.hand))
    return {name: (formulas.get(name), tensors[name]) for name in exercise.hand}


def run_show(options: argparse.Namespace) -> int:
    if options.list:
        names = built_in()
        for name in names:
            tell(f"{name:<{max(map(len, names))}}  {load(name).title}")
        return 0
    print_file(source_text(options.exercise))
    return 0


def print_file(text: str) -> None:
    """Print what is to become a file: as it is, whatever the console's encoding and line ends, unless someone looks."""
    if sys.stdout.isatty():
        tell(text)
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode())


def run_draw(options: argparse.Namespace) -> int:
    exercise = load(options.exercise)
    path = options.output or Path(Path(options.exercise).stem + ".svg")
    return 0 if picture(exercise, check(exercise), path, options) else CANNOT


def run_explain(options: argparse.Namespace) -> int:
    asked = list(options.asked)
    exercise = load(asked.pop(0) if asked and not is_quantity(asked[0]) else "chapter7")
    explanation = explain_exercise(exercise, *asked)
    digits = decimals_of(exercise) if options.digits is None else options.digits
    written = FORMATS[options.format](explanation, lang=options.lang, digits=digits)
    if options.format == "text":
        tell(written)
    else:
        print_file(written)
    return 0


def is_quantity(text: str) -> bool:
    """Whether what stands in the place of an exercise is a quantity: a name of chapter7's, or like dE/dW, W+, z'."""
    name, path = spelled(text), Path(text)
    named = notation.derivative(name) or notation.parts(name).mark or name in load("chapter7").positions
    return bool(named) and path.suffix != ".toml" and not path.exists()


def run_page(options: argparse.Namespace) -> int:
    from micrograd_kr.teacher.show.page import page

    check_ending(options.output, [".html"], options)
    paths = [options.output or Path(Path(name).stem + ".html") for name in options.exercises]
    for path in paths:
        if paths.count(path) > 1:
            raise CannotError(options.words["one page"].format(path=path))
    for name, path in zip(options.exercises, paths, strict=True):
        put(page(load(name), lang=options.lang), path, options)
    return 0


def run_bare(options: argparse.Namespace) -> int:
    """The main job. A machine that cannot render gets the picture as text, which is no failure."""
    exercise = load("chapter7")
    report = check(exercise)
    print_tables(exercise, report, options)
    print()
    picture(exercise, report, Path("chapter7.svg"), options)
    return 1 if report.wrong else 0


def picture(exercise: Exercise, report: Report, path: Path, options: argparse.Namespace) -> bool:
    """Draw an exercise and say where; False if it could be written only as text, with how to get a renderer said."""
    from micrograd_kr.drawing import RendererMissing, render
    from micrograd_kr.teacher.show.picture import draw_exercise

    dot = draw_exercise(exercise, lang=options.lang, report=report)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UserWarning)
            written = render(dot, path)
    except RendererMissing as error:
        tell(options.words["dot"].format(path=error.path, name=exercise.name))
        return False
    except OSError as error:  # here a broken pipe is the renderer's
        raise CannotError(str(error)) from error
    for each in caught:
        tell(f"micrograd-kr: {options.words['warning']}: {each.message}", sys.stderr)
    tell(options.words["wrote"].format(path=written, name=exercise.name))
    return True


def run_worksheet(options: argparse.Namespace) -> int:
    output, answers = options.output, options.answers
    check_ending(answers, SHEETS, options)
    if not options.format:
        check_ending(output, SHEETS, options)
    if output and answers and output.resolve() == answers.resolve():
        raise CannotError(options.words["one file"].format(path=answers))
    check_places([output, answers], options)
    sheet = worksheet(load(options.exercise), hide=listed(options.hide), seed=options.seed, digits=options.digits)
    form = options.format or (SHEETS[output.suffix.lower()] if output else "markdown")
    key_form = SHEETS[answers.suffix.lower()] if answers else None
    picture = inline_picture(sheet, options) if "html" in (form, key_form) else ""
    put(sheet_text(sheet, form, lang=options.lang, picture=picture), output, options)
    if key_form:
        key = sheet_text(sheet, key_form, lang=options.lang, picture=picture, answers=True)
        put(key, answers, options, sys.stdout if output else sys.stderr)  # not into the sheet that is being printed
    return 0


def run_new(options: argparse.Namespace) -> int:
    check_ending(options.output, [".toml"], options)
    check_places([options.output], options)
    net = Net(layer_sizes(options.layers), listed(options.activation), options.loss, options.bias)
    put(new(net, options.seed), options.output, options)
    return 0


def listed(text: str | None) -> list[str]:
    """What is parted by commas; nothing where the option was not given."""
    return [] if text is None else [each.strip() for each in text.split(",")]


def inline_picture(sheet: Worksheet, options: argparse.Namespace) -> str:
    """A sheet's net as an SVG element; nothing where it cannot be rendered, which is said."""
    from micrograd_kr.drawing import RendererMissing, render

    with TemporaryDirectory() as folder:
        try:
            picture = render(blank_net(sheet.exercise), Path(folder, "net.svg")).read_text("utf-8")
        except RendererMissing:
            tell(f"micrograd-kr: {options.words['warning']}: {options.words['no picture']}", sys.stderr)
            return ""
        except OSError as error:
            raise CannotError(str(error)) from error
    return picture[picture.index("<svg") :]


def check_ending(path: Path | None, endings: Iterable[str], options: argparse.Namespace) -> None:
    """Refuse a file whose name promises something else than will be in it."""
    if path and path.suffix.lower() not in endings:
        raise CannotError(options.words["ending"].format(path=path, endings=", ".join(endings)))


def check_places(paths: Sequence[Path | None], options: argparse.Namespace) -> None:
    """Refuse to write over files, and where there is no folder, before anything is worked out."""
    for path in filter(None, paths):
        if not path.parent.is_dir():
            raise CannotError(options.words["no folder"].format(path=path, folder=path.parent))
        if os.path.lexists(path) and not options.force:
            raise CannotError(options.words["exists"].format(path=path))


def put(text: str, path: Path | None, options: argparse.Namespace, stream: TextIO | None = None) -> None:
    """Write text to a file, whole or not at all, and say so; or print it."""
    if path is None:
        print_file(text)
    else:
        tell(options.words["wrote sheet"].format(path=write(path, text.encode())), stream)


# --- the arguments ----------------------------------------------------------------------------------------------------


Words = Mapping[str, str]


def add_check(parser: argparse.ArgumentParser, words: Words) -> None:
    add_exercise(parser, words["exercise"])
    add_digits(parser, words, words["digits"])
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--json", action="store_true", help=words["json"])
    kind.add_argument("--side-by-side", action="store_true", help=words["side"])


def add_show(parser: argparse.ArgumentParser, words: Words) -> None:
    add_exercise(parser, words["built-in"])
    parser.add_argument("--list", action="store_true", help=words["list"])


def add_draw(parser: argparse.ArgumentParser, words: Words) -> None:
    add_exercise(parser, words["exercise"])
    add_output(parser, words["output"])


def add_explain(parser: argparse.ArgumentParser, words: Words) -> None:
    parser.add_argument("asked", nargs="*", metavar="EXERCISE NAME", help=with_names(words["explained"]))
    add_digits(parser, words, words["explain digits"])
    parser.add_argument("--format", choices=tuple(FORMATS), default="text", help=words["explain format"])


def add_page(parser: argparse.ArgumentParser, words: Words) -> None:
    parser.add_argument("exercises", nargs="*", default=["chapter7"], help=with_names(words["exercises"]))
    add_output(parser, words["page output"])


def add_worksheet(parser: argparse.ArgumentParser, words: Words) -> None:
    add_exercise(parser, words["exercise"])
    parser.add_argument("--seed", type=whole_number(10**18, words["no seed"]), metavar="N", help=words["seed"])
    parser.add_argument("--hide", metavar="NAMES", help=words["hide"])
    add_digits(parser, words, words["sheet digits"])
    parser.add_argument("--format", choices=tuple(SHEETS.values()), help=words["format"])
    add_output(parser, words["sheet"])
    parser.add_argument("--answers", type=Path, metavar="FILE", help=words["answers"])
    parser.add_argument("--force", action="store_true", help=words["force"])


def add_new(parser: argparse.ArgumentParser, words: Words) -> None:
    parser.add_argument("--layers", default="2-2-2", metavar="SIZES", help=words["layers"])
    activation = words["activation"].format(names=", ".join(ACTIVATIONS))
    parser.add_argument("--activation", default="sigmoid", metavar="NAMES", help=activation)
    parser.add_argument("--loss", choices=tuple(LOSSES), default="half-squared", help=words["net loss"])
    parser.add_argument("--bias", action="store_true", help=words["bias"])
    seed = whole_number(10**18, words["no seed"])
    parser.add_argument("--seed", type=seed, default=0, metavar="N", help=words["new seed"])
    add_output(parser, words["sheet"])
    parser.add_argument("--force", action="store_true", help=words["force"])


def add_exercise(parser: argparse.ArgumentParser, meaning: str) -> None:
    parser.add_argument("exercise", nargs="?", default="chapter7", help=with_names(meaning))


def add_digits(parser: argparse.ArgumentParser, words: Words, meaning: str) -> None:
    parser.add_argument("--digits", type=whole_number(30, words["decimals"]), metavar="N", help=meaning)


def add_output(parser: argparse.ArgumentParser, meaning: str) -> None:
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help=meaning)


def with_names(meaning: str) -> str:
    return meaning.format(names=", ".join(built_in()))


def whole_number(most: int, complaint: str) -> Callable[[str], int]:
    """A kind of argument: a whole number from 0."""

    def read(text: str) -> int:
        if not text.isdecimal() or len(text) > 20 or int(text) > most:
            raise argparse.ArgumentTypeError(complaint.format(text=text))
        return int(text)

    return read


COMMANDS = {
    "check": (run_check, add_check),
    "show": (run_show, add_show),
    "draw": (run_draw, add_draw),
    "explain": (run_explain, add_explain),
    "page": (run_page, add_page),
    "worksheet": (run_worksheet, add_worksheet),
    "new": (run_new, add_new),
}


def parser_in(lang: str) -> argparse.ArgumentParser:
    words = WORDS[lang]
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("-h", "--help", action="help", help=words["help"])
    common.add_argument("--lang", choices=("ko", "en"), default=lang, help=words["lang"])
    layout: Any = {
        "formatter_class": argparse.RawDescriptionHelpFormatter,
        "add_help": False,
        "allow_abbrev": False,
        "parents": [common],
    }
    parser = argparse.ArgumentParser("micrograd-kr", description=words["about"], epilog=words["examples"], **layout)
    parser.add_argument("--version", action="version", version=f"micrograd-kr {__version__}", help=words["version"])
    parser.set_defaults(run=run_bare, words=words, digits=None)
    commands = parser.add_subparsers(metavar="COMMAND")
    for name, (run, add_arguments) in COMMANDS.items():
        command = commands.add_parser(name, help=words[name], description=words[name], **layout)
        command.set_defaults(run=run)
        add_arguments(command, words)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line. Returns the exit status: 0 nothing is wrong, 1 a number is, 2 something cannot be used."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if sys.stdout is None:  # closed before we began: the exit status says enough
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):  # argparse's own words, and paths, on a console that lacks their characters
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    lang = language(arguments)
    try:
        options = parser_in(lang).parse_args(arguments)
        status: int = options.run(options)
        sys.stdout.flush()
    except SaidError as error:
        return failed(error.said.in_(lang), lang)
    except CannotError as error:
        return failed(str(error), lang)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        drop_output()
        return PIPE_CLOSED
    except OSError as error:  # a full disk
        drop_output()
        return failed(WORDS[lang]["output failed"].format(reason=error.strerror or error), lang)
    return status


def failed(message: str, lang: str) -> int:
    tell(f"micrograd-kr: {WORDS[lang]['error']}: {message}", sys.stderr)
    return CANNOT


def drop_output() -> None:
    """Let go what could not be written: the interpreter would try once more at its end, and complain."""
    try:
        sys.stdout.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


if __name__ == "__main__":
    sys.exit(main())
