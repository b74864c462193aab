"""The command line: check the numbers of an exercise, show the file it is, draw it."""

import argparse
import locale
import os
import shutil
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TextIO

from micrograd_kr import __version__
from micrograd_kr.chapter7 import FORMULAS, by_formulas, by_tensors
from micrograd_kr.diagnosis import check
from micrograd_kr.exercise import Exercise, built_in, load, parse_name, source_text
from micrograd_kr.explanation import FORMATS, decimals_of, explain_exercise
from micrograd_kr.files import BilingualError, write
from micrograd_kr.tables import as_json, as_text, displayable
from micrograd_kr.worksheet import ACTIVATIONS, LOSSES, SHEETS, Net, Worksheet, layer_sizes, new, worksheet
from micrograd_kr.worksheet import as_text as sheet_text
from micrograd_kr.worksheet import net as blank_net

CANNOT, INTERRUPTED, PIPE_CLOSED = (
    2,
    130,
    141,
)  # beside 0, nothing wrong, and 1, something is; the last two as a shell has them

WORDS = {
    "en": {
        "about": "Check the backpropagation you worked out by hand, number by number.\n"
        "Without a command: check chapter7 and draw it here as chapter7.svg.",
        "examples": """examples:
  micrograd-kr                                 check the chapter's 40 numbers and draw them
  micrograd-kr show chapter7 > mine.toml       start a file of your own
  micrograd-kr check mine.toml --lang ko       check it; the table in Korean
  micrograd-kr check --side-by-side            formulas by hand, scalars and tensors
  micrograd-kr draw mine.toml -o mine.png      draw it
  micrograd-kr explain chapter7 W5+            how W5+ comes about, by the chain rule
  micrograd-kr page mine.toml -o mine.html     a page to step through, forward and back
  micrograd-kr worksheet --seed 7 -o 7.html --answers 7key.html    a sheet with other numbers, and its key
  micrograd-kr new --layers 2-3-1 --activation relu,sigmoid -o net.toml

exit status: 0 nothing is wrong, 1 a number is, 2 a file or the command line cannot be used""",
        "check": "check the numbers of an exercise",
        "show": "print the file of a built-in exercise, to start from",
        "draw": "draw an exercise: what flows forward and back",
        "exercise": "a built-in exercise ({names}) or a file; by default chapter7",
        "built-in": "a built-in exercise ({names}); by default chapter7",
        "lang": "language of what is printed; by default that of the locale",
        "digits": "decimals of the engine's numbers; by default those of the hand's",
        "json": "print JSON instead of tables",
        "side": "the chapter's example by formulas, scalars and tensors, side by side",
        "list": "list the built-in exercises instead",
        "output": "where to: .svg, .png, .pdf or .dot; by default NAME.svg in this folder",
        "version": "print the version",
        "help": "print this help",
        "wrote": "Wrote {path}: every number of {name} where it arises, forward and back.",
        "dot": "Wrote {path}: the picture of {name} as text, since nothing here can render it. For a picture, install "
        'Graphviz (https://graphviz.org/download/) or run: pip install "pygraphviz>=2". Then do this again.',
        "not chapter7": "{source}: --side-by-side is for the chapter's example, "
        "and this has other formulas or no lr; leave the option out",
        "decimals": "expected a whole number of decimals, 0 to 30, got {text!r}",
        "output failed": "expected to write what was found, got: {reason}. Make room, or write elsewhere",
        "worksheet": "print an exercise with blanks to work by hand: Markdown, a page, or a file that check reads",
        "seed": "draw other, comfortable numbers; one seed, one sheet",
        "hide": "what is left blank, parted by commas: names (z1,dE/dW5,W5+), or forward, gradients, updates, second; "
        "by default all that the exercise's [hand] lists",
        "sheet digits": "decimals of the answers; by default those of the exercise's hand numbers, else 6",
        "format": "by default as FILE ends (.md, .html, .toml), else markdown",
        "sheet": "where to; by default it is printed",
        "answers": "where to write the answer key, in the format its name ends in",
        "force": "write over a file that is there already",
        "new": "write a commented exercise file for a net, with comfortable numbers",
        "layers": "sizes of the layers, inputs first; by default 2-2-2",
        "activation": "{names}, for all layers or one for each, parted by commas; by default sigmoid",
        "net loss": "the error of an output; by default half-squared",
        "bias": "give each neuron a bias",
        "new seed": "of the numbers; by default 0",
        "no seed": "expected a whole number, 0 or more, as the seed, got {text!r}",
        "exists": "{path}: there is such a file already, and someone's work may be in it; --force writes over it",
        "one file": "{path}: the answers need a file of their own, apart from the blanks; give --answers another name",
        "wrote sheet": "Wrote {path}.",
        "no picture": "the sheet has no picture, since nothing here can render one: install Graphviz "
        '(https://graphviz.org/download/) or run: pip install "pygraphviz>=2"',
        "explain": "write the derivation out: the chain rule, each factor's formula and its number",
        "explained": "a built-in exercise ({names}) or a file, by default chapter7; then quantities of it "
        "(dE_total/dW5, W5+, h1, z1'), by default all in the order of working",
        "explain digits": "decimals of computed numbers; by default those of the hand's",
        "explain format": "how it is written; by default as text",
        "page": "make a page to step through, forward and back, whose numbers can be changed: one HTML file",
        "page output": "where to; by default NAME.html in this folder",
        "exercises": "built-in exercises ({names}) or files, a page for each; by default chapter7",
        "one page": "expected one exercise for -o, got several: leave -o out, each page is named after its exercise",
        "error": "error",
        "warning": "warning",
    },
    "ko": {
        "about": "손으로 계산한 역전파를 수 하나하나 확인합니다.\n"
        "명령 없이 실행하면 chapter7을 확인하고 이 폴더에 chapter7.svg를 그립니다.",
        "examples": """예:
  micrograd-kr                                 책의 수 40개를 확인하고 그립니다
  micrograd-kr show chapter7 > mine.toml       내 파일을 만듭니다
  micrograd-kr check mine.toml --lang en       확인합니다 (표는 영어로)
  micrograd-kr check --side-by-side            손으로 유도한 식, 스칼라, 텐서를 나란히
  micrograd-kr draw mine.toml -o mine.png      그립니다
  micrograd-kr explain chapter7 W5+            W5+를 연쇄 법칙으로 풀어 씁니다
  micrograd-kr page mine.toml -o mine.html     한 단계씩 따라가는 페이지
  micrograd-kr worksheet --seed 7 -o 7.html --answers 7key.html    다른 수로 된 연습지와 정답
  micrograd-kr new --layers 2-3-1 --activation relu,sigmoid -o net.toml

종료 코드: 0 틀린 수 없음, 1 틀린 수 있음, 2 파일이나 명령을 쓸 수 없음""",
        "check": "문제의 수를 확인합니다",
        "show": "내장 문제의 파일을 출력합니다",
        "draw": "문제를 그립니다: 순전파와 역전파",
        "exercise": "내장 문제({names})나 파일 (기본: chapter7)",
        "built-in": "내장 문제({names}) (기본: chapter7)",
        "lang": "출력 언어 (기본: 로캘의 언어)",
        "digits": "엔진 값의 소수점 아래 자릿수 (기본: 손계산과 같게)",
        "json": "표 대신 JSON으로 출력합니다",
        "side": "책의 예제를 손으로 유도한 식, 스칼라, 텐서로 나란히",
        "list": "내장 문제의 목록을 출력합니다",
        "output": "그림 파일: .svg, .png, .pdf, .dot (기본: 이 폴더의 문제 이름.svg)",
        "version": "버전을 출력합니다",
        "help": "이 도움말을 출력합니다",
        "wrote": "{path} 파일에 {name}의 그림을 그렸습니다: 순전파와 역전파의 모든 수.",
        "dot": "{path} 파일에 {name}의 그림을 글로 저장했습니다. 그림으로 바꿀 프로그램이 없습니다. "
        'Graphviz(https://graphviz.org/download/)를 설치하거나 pip install "pygraphviz>=2"로 설치한 뒤 다시 하세요.',
        "not chapter7": "{source}: --side-by-side는 책의 예제에만 쓸 수 있습니다. "
        "이 문제는 식이 다르거나 lr이 없습니다. 이 옵션을 빼세요",
        "decimals": "소수점 아래 자릿수는 0부터 30까지의 정수여야 합니다: {text!r}",
        "output failed": "결과를 쓸 수 없습니다: {reason}. 자리를 마련하거나 다른 곳에 쓰세요",
        "worksheet": "빈칸이 있는 연습지를 만듭니다: Markdown, 인쇄할 쪽, check로 확인할 파일",
        "seed": "계산하기 좋은 다른 수를 뽑습니다. 시드가 같으면 연습지도 같습니다",
        "hide": "빈칸으로 둘 것, 쉼표로 나누어: 이름(z1,dE/dW5,W5+)이나 forward, gradients, updates, second "
        "(기본: 문제의 [hand]에 있는 모든 것)",
        "sheet digits": "정답의 소수점 아래 자릿수 (기본: 문제의 손계산과 같게, 없으면 6)",
        "format": "기본: FILE의 끝(.md, .html, .toml)에 따라, 없으면 markdown",
        "sheet": "저장할 파일 (기본: 화면에 출력)",
        "answers": "정답을 저장할 파일. 형식은 이름의 끝에 따릅니다",
        "force": "이미 있는 파일을 덮어씁니다",
        "new": "신경망의 문제 파일을 계산하기 좋은 수와 설명을 넣어 만듭니다",
        "layers": "입력층부터 층의 크기 (기본: 2-2-2)",
        "activation": "{names}. 모든 층에 하나, 또는 층마다 하나씩 쉼표로 나누어 (기본: sigmoid)",
        "net loss": "출력 하나의 오차 (기본: half-squared)",
        "bias": "뉴런마다 편향을 둡니다",
        "new seed": "수를 뽑는 시드 (기본: 0)",
        "no seed": "시드는 0 이상의 정수여야 합니다: {text!r}",
        "exists": "{path}: 이미 있는 파일이고, 누군가 쓴 것이 있을 수 있습니다. --force를 붙이면 덮어씁니다",
        "one file": "{path}: 정답은 빈칸과 다른 파일에 씁니다. --answers에 다른 이름을 쓰세요",
        "wrote sheet": "{path} 파일을 만들었습니다.",
        "no picture": "그림을 그릴 프로그램이 없어 연습지에 그림이 없습니다. "
        'Graphviz(https://graphviz.org/download/)를 설치하거나 pip install "pygraphviz>=2"로 설치하세요',
        "explain": "미분을 풀어 씁니다: 연쇄 법칙, 인수마다 식과 수",
        "explained": "내장 문제({names})나 파일 (기본: chapter7), 그다음 알고 싶은 양 "
        "(dE_total/dW5, W5+, h1, z1', 기본: 계산 순서대로 모두)",
        "explain digits": "계산한 수의 소수점 아래 자릿수 (기본: 손계산과 같게)",
        "explain format": "출력 형식 (기본: text)",
        "page": "순전파와 역전파를 한 단계씩 따라가고 수를 바꾸어 보는 페이지를 만듭니다 (HTML 파일 하나)",
        "page output": "저장할 파일 (기본: 이 폴더의 문제 이름.html)",
        "exercises": "내장 문제({names})나 파일, 하나에 한 페이지씩 (기본: chapter7)",
        "one page": "-o는 문제가 하나일 때만 쓸 수 있습니다. -o를 빼면 문제 이름으로 저장합니다",
        "error": "오류",
        "warning": "주의",
    },
}


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


def say(text: str, stream: TextIO | None = None) -> None:
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


def print_tables(exercise: Exercise, report: Any, options: argparse.Namespace, ways: Any = None) -> None:
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


def side_by_side(exercise: Exercise, words: Mapping[str, str]) -> dict[str, tuple[float | None, float]]:
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
            say(f"{name:<{max(map(len, names))}}  {load(name).title}")
        return 0
    print_file(source_text(options.exercise))
    return 0


def print_file(text: str) -> None:
    """Print what is to become a file: as it is, whatever the console's encoding and line ends, unless someone looks."""
    if sys.stdout.isatty():
        say(text)
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
        say(written)
    else:
        print_file(written)
    return 0


def run_page(options: argparse.Namespace) -> int:
    from micrograd_kr.page import page

    if options.output and len(options.exercises) > 1:
        raise CannotError(options.words["one page"])
    for name in options.exercises:
        put(page(load(name), lang=options.lang), options.output or Path(Path(name).stem + ".html"), options)
    return 0


def is_quantity(text: str) -> bool:
    """Whether what stands in the place of an exercise is a quantity, of chapter7."""
    try:
        return not Path(text).exists() and bool(parse_name(load("chapter7"), text))
    except ValueError:
        return False


def run_bare(options: argparse.Namespace) -> int:
    """The main job. A machine that cannot render gets the picture as text, which is no failure."""
    exercise = load("chapter7")
    report = check(exercise)
    print_tables(exercise, report, options)
    print()
    picture(exercise, report, Path("chapter7.svg"), options)
    return 1 if report.wrong else 0


def picture(exercise: Exercise, report: Any, path: Path, options: argparse.Namespace) -> bool:
    """Draw an exercise and say where; False if it could be written only as text, with how to get a renderer said."""
    from micrograd_kr.drawing import RendererMissing, draw_exercise, render

    dot = draw_exercise(exercise, lang=options.lang, report=report)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UserWarning)
            written = render(dot, path)
    except RendererMissing as error:
        say(options.words["dot"].format(path=error.path, name=exercise.name))
        return False
    except OSError as error:  # here a broken pipe is the renderer's
        raise CannotError(str(error)) from error
    for each in caught:
        say(f"micrograd-kr: {options.words['warning']}: {each.message}", sys.stderr)
    say(options.words["wrote"].format(path=written, name=exercise.name))
    return True


def run_worksheet(options: argparse.Namespace) -> int:
    output, answers = options.output, options.answers
    if output and answers and output.resolve() == answers.resolve():
        raise CannotError(options.words["one file"].format(path=answers))
    check_absent([output, answers], options)
    hide = [] if options.hide is None else options.hide.split(",")
    sheet = worksheet(load(options.exercise), hide=hide, seed=options.seed, digits=options.digits)
    form = options.format or SHEETS.get(output.suffix.lower() if output else "", "markdown")
    key_form = SHEETS.get(answers.suffix.lower(), form) if answers else None
    picture = inline_picture(sheet, options) if "html" in (form, key_form) else ""
    put(sheet_text(sheet, form, lang=options.lang, picture=picture), output, options)
    if answers and key_form:
        put(sheet_text(sheet, key_form, lang=options.lang, picture=picture, answers=True), answers, options)
    return 0


def run_new(options: argparse.Namespace) -> int:
    check_absent([options.output], options)
    net = Net(layer_sizes(options.layers), options.activation.split(","), options.loss, options.bias)
    put(new(net, options.seed), options.output, options)
    return 0


def inline_picture(sheet: Worksheet, options: argparse.Namespace) -> str:
    """A sheet's net as an SVG element; nothing where it cannot be rendered, which is said."""
    from micrograd_kr.drawing import RendererMissing, render

    with TemporaryDirectory() as folder:
        try:
            picture = render(blank_net(sheet.exercise), Path(folder, "net.svg")).read_text("utf-8")
        except RendererMissing:
            say(f"micrograd-kr: {options.words['warning']}: {options.words['no picture']}", sys.stderr)
            return ""
        except OSError as error:
            raise CannotError(str(error)) from error
    return picture[picture.index("<svg") :]


def check_absent(paths: Sequence[Path | None], options: argparse.Namespace) -> None:
    """Refuse to write over files, before anything is worked out."""
    for path in paths:
        if path and not options.force and os.path.lexists(path):
            raise CannotError(options.words["exists"].format(path=path))


def put(text: str, path: Path | None, options: argparse.Namespace) -> None:
    """Write text to a file, whole or not at all, or print it."""
    if path is None:
        print_file(text)
    else:
        say(options.words["wrote sheet"].format(path=write(path, text.encode())))


# --- the arguments ----------------------------------------------------------------------------------------------------


def parser_in(lang: str) -> argparse.ArgumentParser:
    words = WORDS[lang]
    names = ", ".join(built_in())
    decimals = whole_number(30, words["decimals"])
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

    each = commands.add_parser("check", help=words["check"], description=words["check"], **layout)
    each.add_argument("exercise", nargs="?", default="chapter7", help=words["exercise"].format(names=names))
    each.add_argument("--digits", type=decimals, metavar="N", help=words["digits"])
    kind = each.add_mutually_exclusive_group()
    kind.add_argument("--json", action="store_true", help=words["json"])
    kind.add_argument("--side-by-side", action="store_true", help=words["side"])
    each.set_defaults(run=run_check)

    each = commands.add_parser("show", help=words["show"], description=words["show"], **layout)
    each.add_argument("exercise", nargs="?", default="chapter7", help=words["built-in"].format(names=names))
    each.add_argument("--list", action="store_true", help=words["list"])
    each.set_defaults(run=run_show)

    each = commands.add_parser("draw", help=words["draw"], description=words["draw"], **layout)
    each.add_argument("exercise", nargs="?", default="chapter7", help=words["exercise"].format(names=names))
    each.add_argument("-o", "--output", type=Path, metavar="FILE", help=words["output"])
    each.set_defaults(run=run_draw)

    each = commands.add_parser("explain", help=words["explain"], description=words["explain"], **layout)
    each.add_argument("asked", nargs="*", metavar="EXERCISE NAME", help=words["explained"].format(names=names))
    each.add_argument("--digits", type=decimals, metavar="N", help=words["explain digits"])
    each.add_argument("--format", choices=tuple(FORMATS), default="text", help=words["explain format"])
    each.set_defaults(run=run_explain)

    each = commands.add_parser("page", help=words["page"], description=words["page"], **layout)
    each.add_argument("exercises", nargs="*", default=["chapter7"], help=words["exercises"].format(names=names))
    each.add_argument("-o", "--output", type=Path, metavar="FILE", help=words["page output"])
    each.set_defaults(run=run_page)

    add_worksheet(commands, words, layout)
    add_new(commands, words, layout)
    return parser


def whole_number(most: int, complaint: str) -> Callable[[str], int]:
    """A kind of argument: a whole number from 0."""

    def read(text: str) -> int:
        if not text.isdecimal() or len(text) > 20 or int(text) > most:
            raise argparse.ArgumentTypeError(complaint.format(text=text))
        return int(text)

    return read


def add_worksheet(commands: Any, words: Mapping[str, str], layout: Mapping[str, Any]) -> None:
    each = commands.add_parser("worksheet", help=words["worksheet"], description=words["worksheet"], **layout)
    exercise = words["exercise"].format(names=", ".join(built_in()))
    each.add_argument("exercise", nargs="?", default="chapter7", help=exercise)
    each.add_argument("--seed", type=whole_number(10**18, words["no seed"]), metavar="N", help=words["seed"])
    each.add_argument("--hide", metavar="NAMES", help=words["hide"])
    each.add_argument("--digits", type=whole_number(30, words["decimals"]), metavar="N", help=words["sheet digits"])
    each.add_argument("--format", choices=tuple(SHEETS.values()), help=words["format"])
    each.add_argument("-o", "--output", type=Path, metavar="FILE", help=words["sheet"])
    each.add_argument("--answers", type=Path, metavar="FILE", help=words["answers"])
    each.add_argument("--force", action="store_true", help=words["force"])
    each.set_defaults(run=run_worksheet)


def add_new(commands: Any, words: Mapping[str, str], layout: Mapping[str, Any]) -> None:
    each = commands.add_parser("new", help=words["new"], description=words["new"], **layout)
    each.add_argument("--layers", default="2-2-2", metavar="SIZES", help=words["layers"])
    activation = words["activation"].format(names=", ".join(ACTIVATIONS))
    each.add_argument("--activation", default="sigmoid", metavar="NAMES", help=activation)
    each.add_argument("--loss", choices=tuple(LOSSES), default="half-squared", help=words["net loss"])
    each.add_argument("--bias", action="store_true", help=words["bias"])
    seed = whole_number(10**18, words["no seed"])
    each.add_argument("--seed", type=seed, default=0, metavar="N", help=words["new seed"])
    each.add_argument("-o", "--output", type=Path, metavar="FILE", help=words["sheet"])
    each.add_argument("--force", action="store_true", help=words["force"])
    each.set_defaults(run=run_new)


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
    except BilingualError as error:
        return failed(error.korean if lang == "ko" else error.english, lang)
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
    say(f"micrograd-kr: {WORDS[lang]['error']}: {message}", sys.stderr)
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
