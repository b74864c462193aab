"""The command line: check the numbers of an exercise, show the file it is, draw it."""

import argparse
import locale
import os
import shutil
import sys
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from micrograd_kr import __version__
from micrograd_kr.chapter7 import FORMULAS, by_formulas, by_tensors
from micrograd_kr.checking import check
from micrograd_kr.exercise import Exercise, ExerciseError, built_in, load, source_text
from micrograd_kr.tables import as_json, as_text, displayable

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
    text = source_text(options.exercise)
    if sys.stdout.isatty():
        say(text)
    else:  # the file itself, whatever the console's encoding and line ends
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode())
    return 0


def run_draw(options: argparse.Namespace) -> int:
    exercise = load(options.exercise)
    path = options.output or Path(Path(options.exercise).stem + ".svg")
    return 0 if picture(exercise, check(exercise), path, options) else CANNOT


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
    from micrograd_kr.drawing import DrawingError, RendererMissing, draw_exercise, render

    dot = draw_exercise(exercise, lang=options.lang, report=report)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UserWarning)
            written = render(dot, path)
    except RendererMissing as error:
        say(options.words["dot"].format(path=error.path, name=exercise.name))
        return False
    except (DrawingError, OSError) as error:  # here a broken pipe is the renderer's
        raise CannotError(in_language(error, options.lang)) from error
    for each in caught:
        say(f"micrograd-kr: {options.words['warning']}: {each.message}", sys.stderr)
    say(options.words["wrote"].format(path=written, name=exercise.name))
    return True


# --- the arguments ----------------------------------------------------------------------------------------------------


def parser_in(lang: str) -> argparse.ArgumentParser:
    words = WORDS[lang]
    names = ", ".join(built_in())

    def decimals(text: str) -> int:
        if not text.isdecimal() or int(text) > 30:
            raise argparse.ArgumentTypeError(words["decimals"].format(text=text))
        return int(text)

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
    except ExerciseError as error:
        return failed(in_language(error, lang), lang)
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


def in_language(error: Exception, lang: str) -> str:
    return str(getattr(error, "korean", error)) if lang == "ko" else str(error)


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
