"""The command line: check an exercise, explain it, draw it, step through it, make worksheets of it.

Each command loads what it needs when it runs, and only the command that is asked for gets its arguments.
"""

import argparse
import locale
import os
import shutil
import sys
import warnings
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import micrograd_kr as mk
from micrograd_kr.printed import as_text, displayable, width_of
from micrograd_kr.said import Said, SaidError, say

if TYPE_CHECKING:
    from micrograd_kr.teacher.check.report import Report
    from micrograd_kr.teacher.show.worksheet import Worksheet

Options = argparse.Namespace

CANNOT, PIPE_CLOSED = 2, 141  # beside 0, nothing wrong, and 1, something is
MOST_DIGITS, LAST_SEED = 30, 10**18

# What stands in a page, and in an .svg or .dot, that we made: such a file may be made again.
MARKS = (b'<meta name="generator" content="micrograd-kr">', b'id="micrograd_kr"', b"\tid=micrograd_kr\n")

INSTALL = say('install Graphviz (https://graphviz.org/download/) or run: pip install "pygraphviz>=2"')


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


def tell(text: str, stream: TextIO | None = None) -> None:
    stream = stream or sys.stdout
    for line in text.splitlines():
        print(displayable(line, encoding_of(stream)), file=stream)


def complain(kind: Said, message: Said | str, lang: str) -> None:
    """One line on standard error. Where that cannot be written the exit status says enough."""
    what = message.in_(lang) if isinstance(message, Said) else message
    with suppress(OSError):
        tell(f"micrograd-kr: {kind.in_(lang)}: {what}", sys.stderr)


def print_file(text: str) -> None:
    """Print what is to become a file: as it is, whatever the console's encoding and line ends, unless someone looks."""
    if sys.stdout.isatty():
        tell(text)
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode())


# --- the files --------------------------------------------------------------------------------------------------------


def check_place(path: Path | None, options: Options, endings: Collection[str] | None = None) -> None:
    """Refuse, before anything is worked out, a place that cannot be written to or should not be: no folder, a name that
    promises something else than will be there, a file that we did not make and that is not to be forced.
    """
    if path is None:
        return
    if endings is not None and path.suffix.lower() not in endings:
        raise SaidError("{path}: expected a file whose name ends in {endings}", path=path, endings=", ".join(endings))
    if not path.parent.is_dir():
        raise SaidError("{path}: there is no folder {folder}; make it first", path=path, folder=path.parent)
    ours = path.is_file() and any(mark in path.read_bytes() for mark in MARKS)
    if os.path.lexists(path) and not ours and not options.force:
        raise SaidError("{path} is there already; --force writes over it, or choose another name", path=path)


def put(text: str, path: Path | None, options: Options, stream: TextIO | None = None) -> None:
    """Write text to a file, whole or not at all, and say so; or print it."""
    from micrograd_kr.files import write

    if path is None:
        print_file(text)
    else:
        there = os.path.lexists(path)
        tell_written(say("Wrote {path}.", path=write(path, text.encode())), there, options, stream)


def tell_written(wrote: Said, replaced: bool, options: Options, stream: TextIO | None = None) -> None:
    there = " " + say("It replaced the file that was there.").in_(options.lang) if replaced else ""
    tell(wrote.in_(options.lang) + there, stream)


# --- the arguments ----------------------------------------------------------------------------------------------------


class Parser(argparse.ArgumentParser):
    """A parser that speaks one language, and does not keep quiet about help that could not be written."""

    def __init__(self, lang: str, **settings: Any) -> None:
        layout = argparse.RawDescriptionHelpFormatter
        super().__init__(formatter_class=layout, add_help=False, allow_abbrev=False, **settings)
        self.lang = lang
        self.add("-h", "--help", says=say("print this help"), action="help")
        spoken = say("language of what is printed; by default that of the locale")
        self.add("--lang", says=spoken, choices=("ko", "en"), default=lang)

    def _print_message(self, message: str, file: Any = None) -> None:
        (file or sys.stderr).write(message)

    def add(self, *names: str, says: Said, **settings: Any) -> None:
        self.add_argument(*names, help=says.in_(self.lang), **settings)

    def add_flag(self, name: str, says: Said) -> None:
        self.add(name, says=says, action="store_true")

    def add_number(self, name: str, most: int, says: Said, default: int | None = None) -> None:
        """A whole number from 0."""

        def read(text: str) -> int:
            if not text.isdecimal() or len(text) > 20 or int(text) > most:
                wrong = say("expected a whole number, 0 to {most:,}, got {text!r}", most=most, text=text)
                raise argparse.ArgumentTypeError(wrong.in_(self.lang))
            return int(text)

        self.add(name, says=says, type=read, default=default, metavar="N")

    def add_exercise(self) -> None:
        says = say("a built-in exercise ({names}) or a file; by default chapter7", names=names())
        self.add("exercise", says=says, nargs="?", default="chapter7")

    def add_output(self, says: Said) -> None:
        self.add("-o", "--output", says=says, type=Path, metavar="FILE")
        self.add_force()

    def add_force(self) -> None:
        self.add_flag("--force", say("write over a file that is there already"))


def names() -> str:
    from micrograd_kr.teacher.ask.exercise import built_in

    return ", ".join(built_in())


def listed(text: str) -> list[str]:
    return [each.strip() for each in text.split(",")]


# --- the commands -----------------------------------------------------------------------------------------------------


def add_check(parser: Parser) -> None:
    parser.add_exercise()
    parser.add_number("--digits", MOST_DIGITS, say("decimals of the engine's numbers; by default those of the hand's"))
    parser.add_flag("--json", say("print JSON instead of tables"))


def run_check(options: Options) -> int:
    from micrograd_kr.teacher.check.report import as_json

    report = mk.check(options.exercise)
    if options.json:
        print(as_json(report))
    else:
        print_tables(report, options)
    return 1 if report.wrong else 0


def print_tables(report: "Report", options: Options) -> None:
    out = sys.stdout
    shown = replace(report, lang=options.lang, digits=options.digits)
    out.write(as_text(shown, width_of(out), encoding_of(out), out.isatty()))


def run_bare(options: Options) -> int:
    """The main job. A machine that cannot render gets the picture as text, which is no failure."""
    report = mk.check("chapter7")
    print_tables(report, options)
    print()
    picture(report, Path("chapter7.svg"), options)
    return 1 if report.wrong else 0


def add_show(parser: Parser) -> None:
    says = say("a built-in exercise ({names}); by default chapter7", names=names())
    parser.add("exercise", says=says, nargs="?", default="chapter7")
    parser.add_flag("--list", say("list the built-in exercises instead"))


def run_show(options: Options) -> int:
    from micrograd_kr.teacher.ask.exercise import built_in, source_text

    if options.list:
        names = built_in()
        for name in names:
            tell(f"{name:<{max(map(len, names))}}  {mk.load(name).title}")
    else:
        print_file(source_text(options.exercise))
    return 0


def add_draw(parser: Parser) -> None:
    parser.add_exercise()
    parser.add_output(say("where to: .svg, .png, .pdf or .dot; by default NAME.svg in this folder"))


def run_draw(options: Options) -> int:
    path = options.output or Path(Path(options.exercise).stem + ".svg")
    return 0 if picture(mk.check(options.exercise), path, options) else CANNOT


def picture(report: "Report", path: Path, options: Options) -> bool:
    """Draw an exercise and say where; False if it could be written only as text, with how to get a renderer said."""
    from micrograd_kr.drawing import FORMATS, render

    drawn = FORMATS.get(path.suffix.lower()) == "dot" or can_render()
    place = path if drawn else path.with_suffix(".dot")
    check_place(path, options, FORMATS)
    check_place(place, options)
    there = os.path.lexists(place)
    dot = mk.draw(report, lang=options.lang)
    dot.attr(id="micrograd_kr")  # one of MARKS
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        render(dot, place)
    for each in caught:
        complain(say("warning"), str(each.message), options.lang)
    gaps = {"path": place, "name": report.exercise}
    wrote = say("Wrote {path}: every number of {name} where it arises, forward and back.", **gaps)
    if not drawn:
        wrote = say("Wrote {path}: the picture of {name} as text; for a picture {install}.", install=INSTALL, **gaps)
    tell_written(wrote, there, options)
    return drawn


def can_render() -> bool:
    if shutil.which("dot"):
        return True
    try:
        import pygraphviz  # noqa: F401
    except ImportError:
        return False
    return True


def add_explain(parser: Parser) -> None:
    from micrograd_kr.teacher.derive.explanation import FORMATS

    says = say(
        "a built-in exercise ({names}) or a file, by default chapter7; then quantities of it "
        "(dE_total/dW5, W5+, h1, z1'), by default all in the order of working",
        names=names(),
    )
    parser.add("asked", says=says, nargs="*", metavar="EXERCISE NAME")
    parser.add_number("--digits", MOST_DIGITS, say("decimals of computed numbers; by default those of the hand's"))
    parser.add("--format", says=say("how it is written; by default as text"), choices=tuple(FORMATS), default="text")


def run_explain(options: Options) -> int:
    from micrograd_kr.teacher.derive.explanation import FORMATS, decimals_of

    asked = list(options.asked)
    exercise = mk.load(asked.pop(0) if asked and not is_quantity(asked[0]) else "chapter7")
    digits = decimals_of(exercise) if options.digits is None else options.digits
    written = FORMATS[options.format](mk.explain(exercise, *asked), lang=options.lang, digits=digits)
    (tell if options.format == "text" else print_file)(written)
    return 0


def is_quantity(text: str) -> bool:
    """Whether what stands in the place of an exercise is a quantity: a name of chapter7's, or like dE/dW, W+, z'."""
    from micrograd_kr.teacher.ask.quantity import read, spelled

    name, path = spelled(text), Path(text)
    is_named = read(name).kind != "value" or name in mk.load("chapter7").positions
    return is_named and path.suffix != ".toml" and not path.exists()


def add_page(parser: Parser) -> None:
    says = say("built-in exercises ({names}) or files, a page for each; by default chapter7", names=names())
    parser.add("exercises", says=says, nargs="*", default=["chapter7"])
    parser.add_output(say("where to; by default NAME.html in this folder"))


def run_page(options: Options) -> int:
    from micrograd_kr.teacher.show.page import page

    paths = [options.output or Path(Path(name).stem + ".html") for name in options.exercises]
    for path in paths:
        if paths.count(path) > 1:
            raise SaidError("{path}: several exercises would have this one page; make each by itself", path=path)
        check_place(path, options, [".html"])
    for name, path in zip(options.exercises, paths, strict=True):
        put(page(mk.load(name), lang=options.lang), path, options)
    return 0


def add_worksheet(parser: Parser) -> None:
    from micrograd_kr.teacher.show.worksheet import SHEETS

    parser.add_exercise()
    parser.add_number("--seed", LAST_SEED, say("draw other, comfortable numbers; one seed, one sheet"))
    hide = say(
        "what is left blank, parted by commas: names (z1,dE/dW5,W5+), or forward, gradients, updates, "
        "second; by default all that the exercise's [hand] lists"
    )
    parser.add("--hide", says=hide, type=listed, default=[], metavar="NAMES")
    parser.add_number("--digits", MOST_DIGITS, say("decimals of the answers; by default those of the hand's, else 6"))
    form = say("by default as FILE ends (.md, .html, .toml), and markdown where the sheet is printed")
    parser.add("--format", says=form, choices=tuple(SHEETS.values()))
    answers = say(
        "where to write the answer key: .md or .html with the working beside each number, or .toml with "
        "the numbers alone"
    )
    parser.add("--answers", says=answers, type=Path, metavar="FILE")
    parser.add_output(say("where to; by default it is printed"))


def run_worksheet(options: Options) -> int:
    from micrograd_kr.teacher.show.worksheet import SHEETS, as_text, worksheet

    output, answers = options.output, options.answers
    check_place(output, options, None if options.format else SHEETS)
    check_place(answers, options, SHEETS)
    if output and answers and output.resolve() == answers.resolve():
        raise SaidError("{path}: the answers need a file of their own, apart from the blanks", path=answers)
    sheet = worksheet(mk.load(options.exercise), hide=options.hide, seed=options.seed, digits=options.digits)
    form = options.format or (SHEETS[output.suffix.lower()] if output else "markdown")
    key_form = SHEETS[answers.suffix.lower()] if answers else None
    picture = inline_picture(sheet, options) if "html" in (form, key_form) else ""
    put(as_text(sheet, form, lang=options.lang, picture=picture), output, options)
    if key_form:
        key = as_text(sheet, key_form, lang=options.lang, picture=picture, answers=True)
        put(key, answers, options, sys.stdout if output else sys.stderr)  # not into the sheet that is being printed
    return 0


def inline_picture(sheet: "Worksheet", options: Options) -> str:
    """A sheet's net as an SVG element; nothing where it cannot be rendered, which is said."""
    from tempfile import TemporaryDirectory

    from micrograd_kr.drawing import render
    from micrograd_kr.teacher.show.picture import net

    if not can_render():
        missing = say("the sheet has no picture, since nothing here can render one: {install}", install=INSTALL)
        complain(say("warning"), missing, options.lang)
        return ""
    with TemporaryDirectory() as folder:
        picture = render(net(sheet.exercise), Path(folder, "net.svg")).read_text("utf-8")
    return picture[picture.index("<svg") :]


def add_new(parser: Parser) -> None:
    from micrograd_kr.teacher.show.nets import ACTIVATIONS, LOSSES

    layers = say("sizes of the layers, inputs first; by default 2-2-2")
    parser.add("--layers", says=layers, default="2-2-2", metavar="SIZES")
    activation = say(
        "{names}, for all layers or one for each, parted by commas; by default sigmoid", names=", ".join(ACTIVATIONS)
    )
    parser.add("--activation", says=activation, type=listed, default="sigmoid", metavar="NAMES")
    loss = say("the error of an output; by default half-squared")
    parser.add("--loss", says=loss, choices=tuple(LOSSES), default="half-squared")
    parser.add_flag("--bias", say("give each neuron a bias"))
    parser.add_number("--seed", LAST_SEED, say("of the numbers; by default 0"), default=0)
    parser.add_output(say("where to; by default it is printed"))


def run_new(options: Options) -> int:
    from micrograd_kr.teacher.show.nets import Net, layer_sizes, new

    check_place(options.output, options, [".toml"])
    net = Net(layer_sizes(options.layers), options.activation, options.loss, options.bias)
    put(new(net, options.seed), options.output, options)
    return 0


COMMANDS: dict[str, tuple[Said, Callable[[Parser], None], Callable[[Options], int]]] = {
    "check": (say("check the numbers of an exercise"), add_check, run_check),
    "show": (say("print the file of a built-in exercise, to start from"), add_show, run_show),
    "draw": (say("draw an exercise: what flows forward and back"), add_draw, run_draw),
    "explain": (say("write the derivation out: the chain rule, each factor and its number"), add_explain, run_explain),
    "page": (say("make a page to step through, whose numbers can be changed: one HTML file"), add_page, run_page),
    "worksheet": (say("print a sheet with blanks: Markdown, a page, or a file to check"), add_worksheet, run_worksheet),
    "new": (say("write a commented exercise file for a net, with comfortable numbers"), add_new, run_new),
}


def parser_in(lang: str, arguments: Iterable[str] = tuple(COMMANDS)) -> Parser:
    """The parser, with the arguments of those commands that are named."""
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
    parser = Parser(lang, prog="micrograd-kr", description=about.in_(lang), epilog=examples.in_(lang))
    parser.add("--version", says=say("print the version"), action="version", version=f"micrograd-kr {mk.__version__}")
    parser.add_force()
    parser.set_defaults(run=run_bare, digits=None)
    commands = parser.add_subparsers(metavar="COMMAND")
    for name, (says, add_arguments, run) in COMMANDS.items():
        command = commands.add_parser(name, help=says.in_(lang), description=says.in_(lang), lang=lang)
        command.set_defaults(run=run)
        if name in arguments:
            add_arguments(command)
    return parser


# --- a run ------------------------------------------------------------------------------------------------------------


def run(arguments: Sequence[str]) -> int:
    """A run of the command line, to its exit status; what is wrong is one line on standard error."""
    prepare_streams()
    lang = language(arguments)
    try:
        try:
            options = parser_in(lang, arguments).parse_args(arguments)
            status: int = options.run(options)
        except SystemExit as ended:  # argparse has said why
            status = int(ended.code or 0)
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        return PIPE_CLOSED
    except OSError as error:  # a full disk
        reason = error.strerror or error
        failure = say("expected to write what was found, got: {reason}. Make room, or write elsewhere", reason=reason)
        complain(say("error"), failure, lang)
    except SaidError as error:
        complain(say("error"), error.said, lang)
    finally:
        drop(sys.stdout)
        drop(sys.stderr)
    return CANNOT


def prepare_streams() -> None:
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed before we began: the exit status says enough
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        stream = getattr(sys, name)  # argparse's own words, and paths, on a console that lacks their characters
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def drop(stream: TextIO) -> None:
    """Let go what could not be written: the interpreter would try once more at its end, and complain."""
    try:
        stream.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
