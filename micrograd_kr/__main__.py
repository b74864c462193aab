"""The command line: check an exercise, explain it, draw it, step through it, make worksheets of it.

Each command loads what it needs when it runs, and only the command that is asked for gets its arguments.
"""

import argparse
import locale
import os
import shutil
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TextIO

import micrograd_kr as mk
from micrograd_kr.said import Said, SaidError, say

if TYPE_CHECKING:
    from micrograd_kr.teacher.ask.exercise import Exercise
    from micrograd_kr.teacher.check.report import Report
    from micrograd_kr.teacher.show.worksheet import Worksheet

CANNOT = 2  # beside 0, nothing wrong, and 1, something is
INTERRUPTED, PIPE_CLOSED = 130, 141  # as a shell has them

# What stands in a page, and in an .svg or .dot, that we made: such a file may be made again.
MARKS = (b'<meta name="generator" content="micrograd-kr">', b'id="micrograd_kr"', b"\tid=micrograd_kr\n")


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
    return "ko" if speaks_korean and "한글".encode(encoding_of(sys.stdout), "ignore") else "en"


def width_of(stream: TextIO) -> int | None:
    """The cells of a line: a terminal's, or what COLUMNS says; None where a line may be as long as it likes."""
    if stream.isatty():
        return shutil.get_terminal_size().columns
    columns = os.environ.get("COLUMNS", "")
    return int(columns) if columns.isdecimal() and len(columns) < 6 and int(columns) > 0 else None


def tell(text: str, stream: TextIO | None = None) -> None:
    from micrograd_kr.teacher.show.tables import displayable

    stream = stream or sys.stdout
    for line in text.splitlines():
        print(displayable(line, encoding_of(stream)), file=stream)


def complain(kind: Said, message: str, lang: str) -> None:
    """One line on standard error. Where that cannot be written the exit status says enough."""
    try:
        tell(f"micrograd-kr: {kind.in_(lang)}: {message}", sys.stderr)
    except OSError:
        drop(sys.stderr)


def print_file(text: str) -> None:
    """Print what is to become a file: as it is, whatever the console's encoding and line ends, unless someone looks."""
    if sys.stdout.isatty():
        tell(text)
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode())


# --- the commands -----------------------------------------------------------------------------------------------------


def run_check(options: argparse.Namespace) -> int:
    exercise = mk.load(options.exercise)
    report = mk.check(exercise)
    if options.json:
        from micrograd_kr.teacher.show.tables import as_json

        print(as_json(report))
    else:
        print_tables(exercise, report, options)
    return 1 if report.wrong else 0


def print_tables(exercise: "Exercise", report: "Report", options: argparse.Namespace) -> None:
    from micrograd_kr.teacher.show.tables import as_text

    stream = sys.stdout
    text = as_text(
        report,
        title=exercise.title,
        blanks=len(exercise.blanks),
        lang=options.lang,
        digits=options.digits,
        width=width_of(stream),
        encoding=encoding_of(stream),
        terminal=stream.isatty(),
    )
    stream.write(text)


def run_show(options: argparse.Namespace) -> int:
    from micrograd_kr.teacher.ask.exercise import built_in, source_text

    if options.list:
        names = built_in()
        for name in names:
            tell(f"{name:<{max(map(len, names))}}  {mk.load(name).title}")
        return 0
    print_file(source_text(options.exercise))
    return 0


def run_draw(options: argparse.Namespace) -> int:
    exercise = mk.load(options.exercise)
    path = options.output or Path(Path(options.exercise).stem + ".svg")
    return 0 if picture(exercise, mk.check(exercise), path, options) else CANNOT


def run_explain(options: argparse.Namespace) -> int:
    from micrograd_kr.teacher.derive.explanation import FORMATS, decimals_of

    asked = list(options.asked)
    exercise = mk.load(asked.pop(0) if asked and not is_quantity(asked[0]) else "chapter7")
    digits = decimals_of(exercise) if options.digits is None else options.digits
    written = FORMATS[options.format](mk.explain(exercise, *asked), lang=options.lang, digits=digits)
    (tell if options.format == "text" else print_file)(written)
    return 0


def is_quantity(text: str) -> bool:
    """Whether what stands in the place of an exercise is a quantity: a name of chapter7's, or like dE/dW, W+, z'."""
    from micrograd_kr.teacher.ask.quantity import spelled
    from micrograd_kr.teacher.derive import notation

    name, path = spelled(text), Path(text)
    named = notation.derivative(name) or notation.parts(name).mark or name in mk.load("chapter7").positions
    return bool(named) and path.suffix != ".toml" and not path.exists()


def run_page(options: argparse.Namespace) -> int:
    from micrograd_kr.teacher.show.page import page

    check_ending(options.output, [".html"])
    paths = [options.output or Path(Path(name).stem + ".html") for name in options.exercises]
    for path in paths:
        if paths.count(path) > 1:
            raise SaidError(
                "{path}: several exercises would have this one page; leave -o out if it is there, else make each "
                "page by itself with its own -o",
                path=path,
            )
        check_ours(path, options)
    for name, path in zip(options.exercises, paths, strict=True):
        put(page(mk.load(name), lang=options.lang), path, options)
    return 0


def run_bare(options: argparse.Namespace) -> int:
    """The main job. A machine that cannot render gets the picture as text, which is no failure."""
    exercise = mk.load("chapter7")
    report = mk.check(exercise)
    print_tables(exercise, report, options)
    print()
    picture(exercise, report, Path("chapter7.svg"), options)
    return 1 if report.wrong else 0


def picture(exercise: "Exercise", report: "Report", path: Path, options: argparse.Namespace) -> bool:
    """Draw an exercise and say where; False if it could be written only as text, with how to get a renderer said."""
    from micrograd_kr.drawing import RendererMissing, render
    from micrograd_kr.teacher.show.picture import draw_exercise

    there = check_ours(path if can_render() else path.with_suffix(".dot"), options)
    dot = draw_exercise(exercise, lang=options.lang, report=report)
    dot.attr(id="micrograd_kr")  # one of MARKS
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UserWarning)
            written = render(dot, path)
    except RendererMissing as error:
        tell_written(
            say(
                "Wrote {path}: the picture of {name} as text, since nothing here can render it. For a picture, "
                'install Graphviz (https://graphviz.org/download/) or run: pip install "pygraphviz>=2". Then do '
                "this again.",
                path=error.path,
                name=exercise.name,
            ),
            there,
            options,
        )
        return False
    except OSError as error:  # here a broken pipe is the renderer's
        raise no_drawing(error) from error
    for each in caught:
        complain(say("warning"), str(each.message), options.lang)
    tell_written(
        say(
            "Wrote {path}: every number of {name} where it arises, forward and back.", path=written, name=exercise.name
        ),
        there,
        options,
    )
    return True


def can_render() -> bool:
    if shutil.which("dot"):
        return True
    try:
        import pygraphviz  # noqa: F401
    except ImportError:
        return False
    return True


def no_drawing(error: OSError) -> SaidError:
    return SaidError("expected Graphviz to draw the picture, got: {reason}; does `dot -V` work?", reason=error)


def run_worksheet(options: argparse.Namespace) -> int:
    from micrograd_kr.teacher.show.worksheet import SHEETS, as_text, worksheet

    output, answers = options.output, options.answers
    check_ending(answers, SHEETS)
    if not options.format:
        check_ending(output, SHEETS)
    if output and answers and output.resolve() == answers.resolve():
        raise SaidError(
            "{path}: the answers need a file of their own, apart from the blanks; give --answers another name",
            path=answers,
        )
    check_places([output, answers], options)
    sheet = worksheet(mk.load(options.exercise), hide=listed(options.hide), seed=options.seed, digits=options.digits)
    form = options.format or (SHEETS[output.suffix.lower()] if output else "markdown")
    key_form = SHEETS[answers.suffix.lower()] if answers else None
    picture = inline_picture(sheet, options) if "html" in (form, key_form) else ""
    put(as_text(sheet, form, lang=options.lang, picture=picture), output, options)
    if key_form:
        key = as_text(sheet, key_form, lang=options.lang, picture=picture, answers=True)
        put(key, answers, options, sys.stdout if output else sys.stderr)  # not into the sheet that is being printed
    return 0


def run_new(options: argparse.Namespace) -> int:
    from micrograd_kr.teacher.show.nets import Net, layer_sizes, new

    check_ending(options.output, [".toml"])
    check_places([options.output], options)
    net = Net(layer_sizes(options.layers), listed(options.activation), options.loss, options.bias)
    put(new(net, options.seed), options.output, options)
    return 0


def listed(text: str | None) -> list[str]:
    """What is parted by commas; nothing where the option was not given."""
    return [] if text is None else [each.strip() for each in text.split(",")]


def inline_picture(sheet: "Worksheet", options: argparse.Namespace) -> str:
    """A sheet's net as an SVG element; nothing where it cannot be rendered, which is said."""
    from micrograd_kr.drawing import RendererMissing, render
    from micrograd_kr.teacher.show.worksheet import net

    with TemporaryDirectory() as folder:
        try:
            picture = render(net(sheet.exercise), Path(folder, "net.svg")).read_text("utf-8")
        except RendererMissing:
            missing = say(
                "the sheet has no picture, since nothing here can render one: install Graphviz "
                '(https://graphviz.org/download/) or run: pip install "pygraphviz>=2"'
            )
            complain(say("warning"), missing.in_(options.lang), options.lang)
            return ""
        except OSError as error:
            raise no_drawing(error) from error
    return picture[picture.index("<svg") :]


# --- the files --------------------------------------------------------------------------------------------------------


def check_ending(path: Path | None, endings: Iterable[str]) -> None:
    """Refuse a file whose name promises something else than will be in it."""
    if path and path.suffix.lower() not in endings:
        raise SaidError(
            "{path}: expected a file whose name ends in {endings}; give it such a name",
            path=path,
            endings=", ".join(endings),
        )


def check_places(paths: Sequence[Path | None], options: argparse.Namespace) -> None:
    """Refuse to write over files, and where there is no folder, before anything is worked out."""
    for path in filter(None, paths):
        if not path.parent.is_dir():
            raise SaidError(
                "{path}: there is no folder {folder}; make it, or choose another", path=path, folder=path.parent
            )
        if os.path.lexists(path) and not options.force:
            raise SaidError(
                "{path}: there is such a file already, and someone's work may be in it; --force writes over it",
                path=path,
            )


def check_ours(path: Path, options: argparse.Namespace) -> bool:
    """Refuse to write over a file that we did not make. Returns whether there is one to be replaced."""
    there = os.path.lexists(path)
    if there and not options.force and not (path.is_file() and any(mark in path.read_bytes() for mark in MARKS)):
        raise SaidError(
            "{path}: there is such a file already, and it is not one that micrograd-kr made; "
            "--force writes over it, -o chooses another",
            path=path,
        )
    return there


def put(text: str, path: Path | None, options: argparse.Namespace, stream: TextIO | None = None) -> None:
    """Write text to a file, whole or not at all, and say so; or print it."""
    from micrograd_kr.files import write

    if path is None:
        print_file(text)
    else:
        there = os.path.lexists(path)
        tell_written(say("Wrote {path}.", path=write(path, text.encode())), there, options, stream)


def tell_written(wrote: Said, replaced: bool, options: argparse.Namespace, stream: TextIO | None = None) -> None:
    there = " " + say("It replaced the file that was there.").in_(options.lang) if replaced else ""
    tell(wrote.in_(options.lang) + there, stream)


# --- the arguments ----------------------------------------------------------------------------------------------------


class Parser(argparse.ArgumentParser):
    """A parser that does not keep quiet about help that could not be written."""

    def _print_message(self, message: str, file: Any = None) -> None:
        (file or sys.stderr).write(message)


def add_check(parser: argparse.ArgumentParser, lang: str) -> None:
    add_exercise(parser, lang)
    add_digits(parser, say("decimals of the engine's numbers; by default those of the hand's"), lang)
    parser.add_argument("--json", action="store_true", help=say("print JSON instead of tables").in_(lang))


def add_show(parser: argparse.ArgumentParser, lang: str) -> None:
    meaning = say("a built-in exercise ({names}); by default chapter7", names=names())
    parser.add_argument("exercise", nargs="?", default="chapter7", help=meaning.in_(lang))
    parser.add_argument("--list", action="store_true", help=say("list the built-in exercises instead").in_(lang))


def add_draw(parser: argparse.ArgumentParser, lang: str) -> None:
    add_exercise(parser, lang)
    add_output(parser, say("where to: .svg, .png, .pdf or .dot; by default NAME.svg in this folder"), lang)


def add_explain(parser: argparse.ArgumentParser, lang: str) -> None:
    from micrograd_kr.teacher.derive.explanation import FORMATS

    asked = say(
        "a built-in exercise ({names}) or a file, by default chapter7; then quantities of it "
        "(dE_total/dW5, W5+, h1, z1'), by default all in the order of working",
        names=names(),
    )
    parser.add_argument("asked", nargs="*", metavar="EXERCISE NAME", help=asked.in_(lang))
    add_digits(parser, say("decimals of computed numbers; by default those of the hand's"), lang)
    written = say("how it is written; by default as text").in_(lang)
    parser.add_argument("--format", choices=tuple(FORMATS), default="text", help=written)


def add_page(parser: argparse.ArgumentParser, lang: str) -> None:
    meaning = say("built-in exercises ({names}) or files, a page for each; by default chapter7", names=names())
    parser.add_argument("exercises", nargs="*", default=["chapter7"], help=meaning.in_(lang))
    add_output(parser, say("where to; by default NAME.html in this folder"), lang)


def add_worksheet(parser: argparse.ArgumentParser, lang: str) -> None:
    from micrograd_kr.teacher.show.worksheet import SHEETS

    add_exercise(parser, lang)
    add_seed(parser, say("draw other, comfortable numbers; one seed, one sheet"), lang)
    hide = say(
        "what is left blank, parted by commas: names (z1,dE/dW5,W5+), or forward, gradients, updates, "
        "second; by default all that the exercise's [hand] lists"
    )
    parser.add_argument("--hide", metavar="NAMES", help=hide.in_(lang))
    add_digits(parser, say("decimals of the answers; by default those of the exercise's hand numbers, else 6"), lang)
    form = say("by default as FILE ends (.md, .html, .toml), and markdown where the sheet is printed")
    parser.add_argument("--format", choices=tuple(SHEETS.values()), help=form.in_(lang))
    add_output(parser, say("where to; by default it is printed"), lang, force=False)
    answers = say(
        "where to write the answer key: .md or .html with the working beside each number, or .toml with "
        "the numbers alone"
    )
    parser.add_argument("--answers", type=Path, metavar="FILE", help=answers.in_(lang))
    add_force(parser, lang)


def add_new(parser: argparse.ArgumentParser, lang: str) -> None:
    from micrograd_kr.teacher.show.nets import ACTIVATIONS, LOSSES

    layers = say("sizes of the layers, inputs first; by default 2-2-2")
    parser.add_argument("--layers", default="2-2-2", metavar="SIZES", help=layers.in_(lang))
    activation = say(
        "{names}, for all layers or one for each, parted by commas; by default sigmoid", names=", ".join(ACTIVATIONS)
    )
    parser.add_argument("--activation", default="sigmoid", metavar="NAMES", help=activation.in_(lang))
    loss = say("the error of an output; by default half-squared").in_(lang)
    parser.add_argument("--loss", choices=tuple(LOSSES), default="half-squared", help=loss)
    parser.add_argument("--bias", action="store_true", help=say("give each neuron a bias").in_(lang))
    add_seed(parser, say("of the numbers; by default 0"), lang, default=0)
    add_output(parser, say("where to; by default it is printed"), lang)


def add_exercise(parser: argparse.ArgumentParser, lang: str) -> None:
    meaning = say("a built-in exercise ({names}) or a file; by default chapter7", names=names())
    parser.add_argument("exercise", nargs="?", default="chapter7", help=meaning.in_(lang))


def add_digits(parser: argparse.ArgumentParser, meaning: Said, lang: str) -> None:
    number = whole_number(30, say("expected a whole number of decimals, 0 to 30, got {text!r}"), lang)
    parser.add_argument("--digits", type=number, metavar="N", help=meaning.in_(lang))


def add_seed(parser: argparse.ArgumentParser, meaning: Said, lang: str, default: int | None = None) -> None:
    number = whole_number(10**18, say("expected a whole number, 0 or more, as the seed, got {text!r}"), lang)
    parser.add_argument("--seed", type=number, default=default, metavar="N", help=meaning.in_(lang))


def add_output(parser: argparse.ArgumentParser, meaning: Said, lang: str, force: bool = True) -> None:
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help=meaning.in_(lang))
    if force:
        add_force(parser, lang)


def add_force(parser: argparse.ArgumentParser, lang: str) -> None:
    parser.add_argument("--force", action="store_true", help=say("write over a file that is there already").in_(lang))


def names() -> str:
    from micrograd_kr.teacher.ask.exercise import built_in

    return ", ".join(built_in())


def whole_number(most: int, complaint: Said, lang: str) -> Callable[[str], int]:
    """A kind of argument: a whole number from 0."""

    def read(text: str) -> int:
        if not text.isdecimal() or len(text) > 20 or int(text) > most:
            raise argparse.ArgumentTypeError(complaint.template(lang).format(text=text))
        return int(text)

    return read


COMMANDS = {
    "check": (run_check, add_check, say("check the numbers of an exercise")),
    "show": (run_show, add_show, say("print the file of a built-in exercise, to start from")),
    "draw": (run_draw, add_draw, say("draw an exercise: what flows forward and back")),
    "explain": (
        run_explain,
        add_explain,
        say("write the derivation out: the chain rule, each factor's formula and its number"),
    ),
    "page": (
        run_page,
        add_page,
        say("make a page to step through, forward and back, whose numbers can be changed: one HTML file"),
    ),
    "worksheet": (
        run_worksheet,
        add_worksheet,
        say("print an exercise with blanks to work by hand: Markdown, a page, or a file that check reads"),
    ),
    "new": (run_new, add_new, say("write a commented exercise file for a net, with comfortable numbers")),
}


def parser_in(lang: str, arguments: Iterable[str] = tuple(COMMANDS)) -> argparse.ArgumentParser:
    """The parser, with the arguments of those commands that are named."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("-h", "--help", action="help", help=say("print this help").in_(lang))
    common.add_argument(
        "--lang",
        choices=("ko", "en"),
        default=lang,
        help=say("language of what is printed; by default that of the locale").in_(lang),
    )
    layout: Any = {
        "formatter_class": argparse.RawDescriptionHelpFormatter,
        "add_help": False,
        "allow_abbrev": False,
        "parents": [common],
    }
    about = say(
        "Check the backpropagation you worked out by hand, number by number.\n"
        "Without a command: check chapter7 and draw it here as chapter7.svg."
    )
    examples = say(
        """examples:
  micrograd-kr                                 check the chapter's 40 numbers and draw them
  micrograd-kr show chapter7 > mine.toml       start a file of your own
  micrograd-kr check mine.toml --lang ko       check it; the table in Korean
  micrograd-kr draw mine.toml -o mine.png      draw it
  micrograd-kr explain chapter7 W5+            how W5+ comes about, by the chain rule
  micrograd-kr page mine.toml -o mine.html     a page to step through, forward and back
  micrograd-kr worksheet --seed 7 -o 7.html --answers 7key.html    a sheet with other numbers, and its key
  micrograd-kr new --layers 2-3-1 --activation relu,sigmoid -o net.toml

exit status: 0 nothing is wrong, 1 a number is, 2 a file or the command line cannot be used"""
    )
    parser = Parser("micrograd-kr", description=about.in_(lang), epilog=examples.in_(lang), **layout)
    version = say("print the version").in_(lang)
    parser.add_argument("--version", action="version", version=f"micrograd-kr {mk.__version__}", help=version)
    add_force(parser, lang)
    parser.set_defaults(run=run_bare, digits=None)
    commands = parser.add_subparsers(metavar="COMMAND")
    for name, (run, add_arguments, meaning) in COMMANDS.items():
        command = commands.add_parser(name, help=meaning.in_(lang), description=meaning.in_(lang), **layout)
        command.set_defaults(run=run)
        if name in arguments:
            add_arguments(command, lang)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line. Returns the exit status: 0 nothing is wrong, 1 a number is, 2 something cannot be used."""
    arguments = sys.argv[1:] if arguments is None else arguments
    lang = "en"
    try:
        prepare_streams()
        lang = language(arguments)
        return run(arguments, lang)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        drop(sys.stdout)
        return PIPE_CLOSED
    except OSError as error:  # a full disk
        drop(sys.stdout)
        failure = say(
            "expected to write what was found, got: {reason}. Make room, or write elsewhere",
            reason=error.strerror or error,
        )
        return failed(failure.in_(lang), lang)
    except ValueError as error:
        if not hasattr(error, "korean"):  # no message for a person, but a fault of ours
            raise
        return failed(error.korean if lang == "ko" else str(error), lang)


def run(arguments: Sequence[str], lang: str) -> int:
    try:
        options = parser_in(lang, arguments).parse_args(arguments)
        status: int = options.run(options)
    finally:  # also where argparse ends the program: help that could not be written was not given
        try:
            sys.stderr.flush()
        except OSError:
            drop(sys.stderr)
        sys.stdout.flush()
    return status


def prepare_streams() -> None:
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed before we began: the exit status says enough
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        stream = getattr(sys, name)  # argparse's own words, and paths, on a console that lacks their characters
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def failed(message: str, lang: str) -> int:
    complain(say("error"), message, lang)
    return CANNOT


def drop(stream: TextIO) -> None:
    """Let go what could not be written: the interpreter would try once more at its end, and complain."""
    try:
        stream.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


if __name__ == "__main__":
    sys.exit(main())
