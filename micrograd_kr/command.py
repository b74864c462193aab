"""The command line: check an exercise, explain it, draw it, step through it, make worksheets of it, mark a class.

What each command says of itself and takes stands beside this file in command.json, as argparse has it. Each loads what
it needs when it runs, and only the command that is asked for gets its arguments.
"""

import argparse
import json
import locale
import os
import sys
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import micrograd_kr as mk
from micrograd_kr.printed import as_text, displayable, width_of
from micrograd_kr.said import Said, SaidError, say

if TYPE_CHECKING:
    from micrograd_kr.teacher.check.report import Report
    from micrograd_kr.teacher.grade.paper import Paper
    from micrograd_kr.teacher.show.worksheet import Worksheet

Options = argparse.Namespace

CANNOT, PIPE_CLOSED = 2, 141  # beside 0, nothing is wrong or undecided, and 1, something is

# What stands in a page, and in an .svg or .dot, that we made: such a file may be made again.
MARKS = (b'<meta name="generator" content="micrograd-kr">', b'id="micrograd_kr"', b"\tid=micrograd_kr\n")


def language(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> str:
    """ko or en: what --lang says, else the locale's, if the console can show it."""
    for before, each in zip(["", *arguments], arguments, strict=False):
        if before == "--lang" or each.startswith("--lang="):
            return "ko" if each.removeprefix("--lang=") == "ko" else "en"
    variables = (environment.get(each) for each in ("LC_ALL", "LC_MESSAGES", "LANG"))
    name = next((each for each in variables if each), None) or locale.getlocale()[0] or ""
    speaks_korean = name.lower().startswith("ko")  # ko_KR.UTF-8, and Korean_Korea on Windows
    return "ko" if speaks_korean and "한글".encode(sys.stdout.encoding or "utf-8", "ignore") else "en"


def tell(text: str, stream: TextIO | None = None) -> None:
    stream = stream or sys.stdout
    for line in text.splitlines():
        print(displayable(line, stream.encoding or "utf-8"), file=stream)


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


def check_place(path: Path | None, options: Options, endings: Collection[str] | None = None) -> None:
    """Refuse, before anything is worked out, a place that cannot be written to or should not be."""
    if path is None:
        return
    if endings is not None and path.suffix.lower() not in endings:
        raise SaidError("{path}: expected a file whose name ends in {endings}", path=path, endings=", ".join(endings))
    if not path.parent.is_dir():
        raise SaidError("{path}: there is no folder {folder}; make it first", path=path, folder=path.parent)
    ours = path.is_file() and any(mark in path.read_bytes() for mark in MARKS)
    if os.path.lexists(path) and not ours and not options.force:
        raise SaidError("{path} is there already; --force writes over it, or choose another name", path=path)


@contextmanager
def writing(path: Path, wrote: Said, lang: str, stream: TextIO | None = None) -> Iterator[None]:
    """A context in which a file is written; then that is said, and whether it took the place of another."""
    replaced = os.path.lexists(path)
    yield
    said = [wrote, say("It replaced the file that was there.")] if replaced else [wrote]
    tell(" ".join(each.in_(lang) for each in said), stream)


def put(text: str, path: Path | None, lang: str, stream: TextIO | None = None) -> None:
    """Write text to a file, whole or not at all, and say so; or print it."""
    from micrograd_kr.files import write

    if path is None:
        print_file(text)
    else:
        with writing(path, say("Wrote {path}.", path=path), lang, stream):
            write(path, text.encode())


def check(options: Options) -> int:
    from micrograd_kr.teacher.check.report import as_json
    from micrograd_kr.teacher.check.withheld import without_answers

    found: list[str] = []
    worst, several = 0, len(options.exercises) > 1
    for name in options.exercises:
        try:
            report = mk.check(name, float32=options.float32)
        except SaidError as error:  # the others are checked all the same
            complain(say("error"), error.said, options.lang)
            found.append("null")
            worst = CANNOT
            continue
        worst = max(worst, status(report))
        if options.no_answers:
            report = without_answers(report)
        if options.json:
            found.append(as_json(report))
            continue
        if several:
            tell(f"── {name}")
        print_tables(report, options)
        if several:
            print()
    if options.json and (several or worst != CANNOT):
        print("[" + ",\n".join(found) + "]" if several else found[0])
    return worst


def status(report: "Report") -> int:
    return 1 if report.wrong or report.undecided or report.unreadable else 0


def print_tables(report: "Report", options: Options) -> None:
    show_on_console(replace(report, lang=options.lang, digits=options.digits, all_causes=options.all_causes))


def show_on_console(shown: Any) -> None:
    """Print what rich can show, as wide as the terminal, in the characters that it has."""
    out = sys.stdout
    out.write(as_text(shown, width_of(out), out.encoding or "utf-8", out.isatty()))


def alone(options: Options) -> int:
    """The main job. A machine that cannot render gets the picture as text, which is no failure."""
    report = mk.check("chapter7")
    print_tables(report, options)
    print()
    picture(report, Path("chapter7.svg"), options)
    return status(report)


def show(options: Options) -> None:
    from micrograd_kr.teacher.ask.file import built_in, source_text

    if options.list:
        names = built_in()
        for name in names:
            tell(f"{name:<{max(map(len, names))}}  {mk.load(name).title}")
    elif options.blank:
        from micrograd_kr.teacher.show.worksheet import as_text, worksheet

        print_file(as_text(worksheet(mk.load(options.exercise)), "toml"))
    else:
        print_file(source_text(options.exercise))


def draw(options: Options) -> int:
    path = options.output or Path(Path(options.exercise).stem + ".svg")
    return 0 if picture(mk.check(options.exercise), path, options) else CANNOT


def picture(report: "Report", path: Path, options: Options) -> bool:
    """Draw an exercise and say where; False if it could be written only as text, with how to get a renderer said."""
    from micrograd_kr.drawing import FORMATS, INSTALL, render, renderer

    drawn = FORMATS.get(path.suffix.lower(), "dot") == "dot" or renderer() is not None
    path = path if drawn else path.with_suffix(".dot")
    check_place(path, options, FORMATS)
    dot = mk.draw(report, lang=options.lang, entries=getattr(options, "entries", False) or None)
    dot.attr(id="micrograd_kr")  # one of MARKS
    gaps = {"path": path, "name": report.exercise}
    wrote = say("Wrote {path}: every number of {name} where it arises, forward and back.", **gaps)
    if dot.by_array:
        wrote = say("Wrote {path}: {name} with a box for each array; --entries draws every number.", **gaps)
    if not drawn:
        wrote = say("Wrote {path}: the picture of {name} as text; for a picture {install}.", install=INSTALL, **gaps)
    with writing(path, wrote, options.lang), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        render(dot, path)
    for each in caught:
        complain(say("warning"), str(each.message), options.lang)
    return drawn


def explain(options: Options) -> None:
    from micrograd_kr.teacher.derive.explanation import FORMATS, decimals_of

    asked = list(options.asked)
    exercise = mk.load(asked.pop(0) if asked and not is_quantity(asked[0]) else "chapter7")
    digits = decimals_of(exercise) if options.digits is None else options.digits
    written = FORMATS[options.format](mk.explain(exercise, *asked), lang=options.lang, digits=digits)
    (tell if options.format == "text" else print_file)(written)


def program(options: Options) -> None:
    print_file(mk.program(options.exercise) + "\n")


def is_quantity(text: str) -> bool:
    """Whether what stands in the place of an exercise is a quantity: a name of chapter7's, or like dE/dW, W+, z'."""
    from micrograd_kr.teacher.ask.quantity import read, spelled

    name, path = spelled(text), Path(text)
    is_named = read(name).kind != "value" or name in mk.load("chapter7").positions
    return is_named and path.suffix != ".toml" and not path.exists()


def page(options: Options) -> None:
    from micrograd_kr.teacher.ask.hand import blank
    from micrograd_kr.teacher.show import page

    paths = [options.output or Path(Path(name).stem + ".html") for name in options.exercises]
    for path in paths:
        if paths.count(path) > 1:
            raise SaidError("{path}: several exercises would have this one page; make each by itself", path=path)
        check_place(path, options, [".html"])
    for name, path in zip(options.exercises, paths, strict=True):
        exercise = blank(mk.load(name)) if options.practice else mk.load(name)
        put(page.page(exercise, lang=options.lang, practice=options.practice), path, options.lang)


def worksheet(options: Options) -> None:
    (handout if options.seeds or options.names else one_worksheet)(options)


def one_worksheet(options: Options) -> None:
    from micrograd_kr.teacher.show.worksheet import SHEETS, as_text, worksheet

    output, answers, lang = options.output, options.answers, options.lang
    check_place(output, options, None if options.format else SHEETS)
    check_place(answers, options, SHEETS)
    if output and answers and output.resolve() == answers.resolve():
        raise SaidError("{path}: the answers need a file of their own, apart from the blanks", path=answers)
    sheet = worksheet(mk.load(options.exercise), hide=options.hide, seed=options.seed, digits=options.digits)
    form = options.format or (SHEETS[output.suffix.lower()] if output else "markdown")
    key_form = SHEETS[answers.suffix.lower()] if answers else None
    picture = inline_pictures([sheet], lang)[0] if "html" in (form, key_form) else ""
    put(as_text(sheet, form, lang=lang, picture=picture), output, lang)
    if key_form:
        key = as_text(sheet, key_form, lang=lang, picture=picture, answers=True)
        put(key, answers, lang, sys.stdout if output else sys.stderr)  # not into the sheet that is being printed


def handout(options: Options) -> None:
    """Worksheets for a class: all files in a folder, the key among them or in a place of its own."""
    from micrograd_kr.files import write_all
    from micrograd_kr.teacher.ask.register import KEY, listed_in
    from micrograd_kr.teacher.show.handout import ENDINGS, file_names, handout, students
    from micrograd_kr.teacher.show.worksheet import SHEETS, key_of_all

    folder, form, lang = options.output, options.format or "html", options.lang
    if folder is None:
        raise SaidError("the sheets of a class need a folder: -o FOLDER")
    if options.seed is not None:
        raise SaidError("expected --seed for one sheet, or --seeds or --names for a class; not both")
    class_ = students(listed_in(options.names) if options.names else [], options.seeds or [])
    key = options.answers or folder / (KEY + ENDINGS["html" if form == "toml" else form])
    if SHEETS.get(key.suffix.lower(), "toml") == "toml":
        raise SaidError("{path}: expected a file whose name ends in {endings}", path=key, endings=".md, .html")
    names, is_apart = file_names(class_, form), key.parent.resolve() != folder.resolve()
    if not is_apart and key.name in names:
        raise SaidError("{path}: the answers need a file of their own, apart from the blanks", path=key)
    inside = names if is_apart else [*names, key.name]
    for place in [folder / name for name in inside] if folder.is_dir() else [folder]:
        check_place(place, options)
    check_place(key if is_apart else None, options)
    found = handout(mk.load(options.exercise), class_, hide=options.hide, digits=options.digits)
    pictures = inline_pictures(found.sheets, lang) if form == "html" else [""] * len(class_)
    texts = found.files(form, lang, pictures)
    answers = key_of_all(found.sheets, SHEETS[key.suffix.lower()], lang)
    write_all(
        folder, {name: text.encode() for name, text in (texts if is_apart else texts | {key.name: answers}).items()}
    )
    if is_apart:
        put(answers, key, lang)
    gaps = {"folder": folder, "count": len(class_), "key": key}
    wrote = say(
        "Wrote {count} sheets into {folder}, a file to fill in and a page beside each; the key is {key}.", **gaps
    )
    if not found.has_pages:
        wrote = say(
            "Wrote {count} sheets into {folder}, a file to fill in beside each, and no page, since with so many "
            "quantities nobody steps through one; the key is {key}.",
            **gaps,
        )
    tell(wrote.in_(lang))


def inline_pictures(sheets: "Sequence[Worksheet]", lang: str) -> list[str]:
    """The nets of sheets as SVG elements; nothing where none can be rendered, which is said."""
    from micrograd_kr.drawing import INSTALL, rendered
    from micrograd_kr.teacher.show.picture import net

    drawn = [rendered(net(sheet.exercise), "svg") for sheet in sheets]
    if None in drawn:
        missing = say("the sheet has no picture, since nothing here can render one: {install}", install=INSTALL)
        complain(say("warning"), missing, lang)
    return [svg[svg.index(b"<svg") :].decode() if svg else "" for svg in drawn]


def grade(options: Options) -> int:
    from micrograd_kr.teacher.ask.register import listed_in
    from micrograd_kr.teacher.grade.folder import handed_in
    from micrograd_kr.teacher.grade.marks import Marks, marked
    from micrograd_kr.teacher.grade.page import page
    from micrograd_kr.teacher.grade.paper import numbers_of
    from micrograd_kr.teacher.grade.table import Table, as_csv, as_json
    from micrograd_kr.teacher.show.worksheet import worksheet

    marks = Marks.read(options.marks)
    forms: dict[str, Callable[[], str]] = {
        ".html": lambda: page(found, lang=options.lang),
        ".csv": lambda: as_csv(found, options.lang),
        ".json": lambda: as_json(found) + "\n",
    }
    for path in options.outputs:
        check_place(path, options, forms)
    files, remarks = handed_in(options.papers)
    sheet = options.sheet and mk.load(options.sheet)
    listed = listed_in(options.names) if options.names else []

    def drawn(seed: int) -> tuple[float, ...] | None:
        with suppress(SaidError):
            return numbers_of(worksheet(sheet, seed=seed).exercise)
        return None

    found = marked(judged(files), marks, sheet, listed, drawn)
    found = replace(found, remarks=(*remarks, *found.remarks))
    printed = ".csv" if options.csv else ".json" if options.json else None
    if printed:
        print_file(forms[printed]())
    else:
        show_on_console(Table(found, options.lang))
    for path in options.outputs:
        put(forms[path.suffix.lower()](), path, options.lang, sys.stderr if printed else None)
    return 0 if not found.unusable else 1 if found.courses else CANNOT


def judged(files: Sequence[tuple[Path, str]]) -> "list[Paper]":
    """The papers of a class, in the order of the files, with a bar on a terminal while they are judged."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    from micrograd_kr.teacher.grade.desks import all_judged

    console, papers = Console(stderr=True), dict[int, "Paper"]()
    columns = BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True) if console.is_terminal else nullcontext() as bar:
        task = bar.add_task("", total=len(files)) if bar else None
        for place, paper in all_judged(files):
            papers[place] = paper
            if bar and task is not None:
                bar.advance(task)
    return [papers[place] for place in sorted(papers)]


def new(options: Options) -> None:
    from micrograd_kr.teacher.show.nets import Net, layer_sizes, new

    check_place(options.output, options, [".toml"])
    sizes, samples, steps = layer_sizes(options.layers), options.samples, options.steps
    net = Net(sizes, options.activation, options.loss, options.bias, samples, steps, options.update)
    put(new(net, options.seed), options.output, options.lang)


COMMANDS: dict[str, Callable[[Options], int | None]]
COMMANDS = {each.__name__: each for each in (check, show, draw, explain, program, page, worksheet, grade, new)}


class Parser(argparse.ArgumentParser):
    """A parser that speaks one language. takes: what `add_argument` is given, by the names of the argument."""

    def __init__(self, lang: str, takes: Mapping[str, Any], **settings: Any) -> None:
        layout = argparse.RawDescriptionHelpFormatter
        super().__init__(formatter_class=layout, add_help=False, allow_abbrev=False, **settings)
        self.lang, self.version = lang, f"micrograd-kr {mk.__version__}"
        self.register("type", "path", Path)
        self.register("type", "list", lambda text: [each.strip() for each in text.split(",")])
        self.register("type", "digits", partial(self.whole, 30))
        self.register("type", "seed", partial(self.whole, 10**18))
        self.register("type", "count", partial(self.whole, 50, least=1))
        self.register("type", "seeds", self.seeds)
        for names, each in takes.items():
            gaps = {}
            if "{names}" in each["help"]:
                from micrograd_kr.teacher.ask.file import built_in

                gaps = {"names": ", ".join(built_in())}
            self.add_argument(*names.split(), **{**each, "help": Said(each["help"], gaps).in_(lang)})
        self.set_defaults(lang=lang)

    def whole(self, most: int, text: str, least: int = 0) -> int:
        if not text.isdecimal() or len(text) > 20 or not least <= int(text) <= most:
            gaps = {"least": least, "most": most, "text": text}
            wrong = say("expected a whole number, {least} to {most:,}, got {text!r}", **gaps)
            raise argparse.ArgumentTypeError(wrong.in_(self.lang))
        return int(text)

    def seeds(self, text: str) -> list[int]:
        from micrograd_kr.teacher.show.handout import seeds_in

        try:
            return seeds_in(text)
        except SaidError as error:
            raise argparse.ArgumentTypeError(error.said.in_(self.lang)) from None

    def _print_message(self, message: str, file: Any = None) -> None:
        print(message, end="", file=file or sys.stderr, flush=True)  # argparse's own keeps quiet where this fails


def parser_in(lang: str, arguments: Collection[str] = tuple(COMMANDS)) -> Parser:
    """The parser, with the arguments of those commands that are named."""
    texts = json.loads(files("micrograd_kr").joinpath("command.json").read_text("utf-8"))
    about, examples = (Said("\n".join(texts[each])).in_(lang) for each in ("about", "examples"))
    parser = Parser(lang, texts["always"] | texts["alone"], prog="micrograd-kr", description=about, epilog=examples)
    parser.set_defaults(run=alone, digits=None, all_causes=False)
    commands = parser.add_subparsers(metavar="COMMAND")
    for name, run in COMMANDS.items():
        command = texts["commands"][name]
        says = Said(command["help"]).in_(lang)
        takes = texts["always"] | (command["takes"] if name in arguments else {})
        # what may stand before the command, too, has its default there
        takes |= {each: takes[each] | {"default": argparse.SUPPRESS} for each in takes.keys() & texts["alone"].keys()}
        commands.add_parser(name, lang=lang, takes=takes, help=says, description=says).set_defaults(run=run)
    return parser


def run(arguments: Sequence[str]) -> int:
    """A run of the command line, to its exit status; what is wrong is one line on standard error."""
    prepare_streams()
    lang = language(arguments)
    try:
        options = parser_in(lang, arguments).parse_args(arguments)
        status: int = options.run(options) or 0
        sys.stdout.flush()
        return status
    except SystemExit as ended:  # argparse has said why
        return int(ended.code or 0)
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
        stream = getattr(sys, name) or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 -- None: it was closed
        if hasattr(stream, "reconfigure"):  # argparse's own words, and paths, on a console that lacks their characters
            stream.reconfigure(errors="backslashreplace")
        setattr(sys, name, stream)


def drop(stream: TextIO) -> None:
    """Let go what could not be written: the interpreter would try once more at its end, and complain."""
    try:
        stream.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
