"""What is said about an exercise that cannot be used, in English and in Korean."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches

from micrograd_kr.files import BilingualError

NAME_LENGTH = 60


# --- what a file becomes ----------------------------------------------------------------------------------------------


class ExerciseError(BilingualError):
    """An exercise that cannot be used: which file and which name in it, what was expected, what to do."""

    def at(self, place: str) -> "ExerciseError":
        """The same error with its place in front."""
        return ExerciseError(f"{place}: {self.english}", f"{place}: {self.korean}") if place else self


# --- what is said -----------------------------------------------------------------------------------------------------


@contextmanager
def placed(place: str) -> Iterator[None]:
    """A context whose ExerciseErrors say where."""
    try:
        yield
    except ExerciseError as error:
        raise error.at(place) from None


def problem(what: str, **words: str | tuple[str, str]) -> ExerciseError:
    """A message in both languages. A word that differs between them comes as a pair."""
    english, korean = (
        text.format_map({key: word if isinstance(word, str) else word[i] for key, word in words.items()})
        for i, text in enumerate(MESSAGES[what])
    )
    return ExerciseError(english, korean)


def printable(text: str) -> str:
    """Text from outside on one line, short, with nothing that a terminal would act on."""
    safe = "".join(each if each.isprintable() else repr(each)[1:-1] for each in text[:120])
    return safe + "…" * (len(text) > 120)


def quoted(text: str, most: int = 60) -> str:
    """Text from outside as it is quoted in a message."""
    return f'"{printable(text[:most])}{"…" * (len(text) > most)}"'


def closest(name: str, names: Iterable[str]) -> tuple[str, str]:
    """A suggestion to put behind a name that is not known, in both languages; empty where nothing is near."""
    alike = 0.5 if len(name) == 2 else 0.6  # x2 is near x1
    near = get_close_matches(name, list(names), 1, alike) if len(name) <= 2 * NAME_LENGTH else []
    return (f", did you mean {near[0]}?", f" ({near[0]} 아닙니까?)") if near else ("", "")


# fmt: off  (a message and its translation are read side by side)
MESSAGES: dict[str, tuple[str, str]] = {
    # formulas
    "formula too long": (
        "too long: {length} characters, a formula has at most {most}; make several lines of it",
        "너무 깁니다: {length}자. 식은 {most}자까지입니다. 여러 줄로 나누어 쓰세요",
    ),
    "formula too deep": (
        "too deeply nested: at most {most} levels or terms; make several lines of it",
        "너무 깊이 겹쳐 있습니다: {most}단계(항)까지입니다. 여러 줄로 나누어 쓰세요",
    ),
    "no formula": (
        'expected a formula such as "W1*x1 + W2*x2", got {text}',
        '"W1*x1 + W2*x2"와 같은 식이 필요합니다. 지금: {text}',
    ),
    "no token": (
        "expected numbers, names, + - * / ** and brackets, got {found} in {text}",
        "식에는 수, 이름, + - * / **, 괄호를 씁니다. 쓸 수 없는 것: {found}, 식: {text}",
    ),
    "no operator": ("expected an operator before {found} in {text}", "{found} 앞에 연산 기호가 필요합니다. 식: {text}"),
    "no such syntax": (
        "expected a formula of numbers, names, + - * / **, brackets and the functions {functions}",
        "식에는 수, 이름, + - * / **, 괄호와 다음 함수만 씁니다: {functions}",
    ),
    "no such function": (
        "no such function {name}{meant}; there are {functions}; a product is written with *",
        "없는 함수입니다: {name}{meant}. 쓸 수 있는 함수: {functions}. 곱셈에는 *를 씁니다",
    ),
    "function without argument": (
        "{name} is a function: expected its argument in brackets, {name}(z1)",
        "{name}: 함수입니다. {name}(z1)처럼 괄호 안에 인수를 쓰세요",
    ),
    "wrong number of arguments": (
        "wrong number of arguments: {name} takes {expected}, got {got}",
        "인수의 개수가 다릅니다: {name} 함수는 {expected}개를 받습니다. 지금: {got}개",
    ),
    "no plain slope": (
        "expected a plain number as the slope of leaky_relu; with a name write max(a*z1, z1)",
        "leaky_relu의 기울기는 수로 씁니다. 이름으로 쓰려면 max(a*z1, z1)",
    ),
    "not finite": ("expected a finite number, at most 1.8e308", "유한한 수가 필요합니다 (1.8e308까지)"),
    "did you mean": ("{error}; did you mean {meant}?", "{error}. 혹시 {meant} 아닙니까?"),
    # names and hand numbers
    "unknown quantity": (
        "unknown name {name}{meant}; expected a name of the exercise, or dE/dW, W+, z' of such names",
        "모르는 이름입니다: {name}{meant}. 문제의 이름, 또는 그 이름으로 된 dE/dW, W+, z'를 쓰세요",
    ),
    "not updated": (
        "expected W+ with a name of [parameters], z' with one of [forward]; what is given does not change",
        "W+는 [parameters]의 이름, z'는 [forward]의 이름에 씁니다. [given]은 바뀌지 않습니다",
    ),
    "lr is missing": (
        "lr is missing: {name} comes after a step of gradient descent; write lr = 0.5 above the tables",
        "lr이 없습니다: {name}: 경사 하강 한 번 뒤의 값입니다. 표들 위에 lr = 0.5처럼 쓰세요",
    ),
    "no derivative": ("expected a derivative as in dE/dW, got {text}", "미분은 dE/dW처럼 씁니다. 지금: {text}"),
    "derivative of the second pass": (
        "expected a derivative of the first pass, without ' and +",
        "미분은 첫 번째 순전파의 것만 씁니다 (' 와 + 없이)",
    ),
    "derivative of a number": (
        "expected a derivative of a name in [forward]; {name} is not computed from anything",
        "[forward]에 있는 이름의 미분이 필요합니다. {name}: 계산되는 값이 아닙니다",
    ),
    "derivative the wrong way": (
        "expected what stands later above the line, {by} stands after {of}: did you mean d{by}/d{of}?",
        "뒤에 계산되는 이름이 분자에 옵니다. {of} 다음에 {by} 순서입니다: d{by}/d{of} 아닙니까?",
    ),
    "no number": ("expected a number, got {text}", "수가 필요합니다. 지금: {text}"),
    "no result": (
        'expected a number, or a worked line that ends in one, "0.3 - 0.5*0.1 = 0.25"; got {text}',
        '수, 또는 수로 끝나는 풀이 "0.3 - 0.5*0.1 = 0.25"가 필요합니다. 지금: {text}',
    ),
    "no worked line": (
        'expected a number; a worked line ends in its result, "0.3 - 0.5*0.1 = 0.25"; got {text}',
        '수가 필요합니다. 풀이는 결과로 끝납니다: "0.3 - 0.5*0.1 = 0.25". 지금: {text}',
    ),
    "no equals sign": ("expected = before the result, got {text}", "결과 앞에는 =를 씁니다. 지금: {text}"),
    # files
    "no such file": (
        "no such file; expected an exercise file, or the name of a built-in exercise: {names}",
        "파일이 없습니다. 문제 파일이나 내장 문제의 이름이 필요합니다: {names}",
    ),
    "cannot be read": (
        "expected a text file, cannot read it: {reason}",
        "텍스트 파일이 필요합니다. 읽을 수 없습니다: {reason}",
    ),
    "too long": ("too long: expected at most {most}", "너무 깁니다: {most}까지입니다"),
    "not UTF-8": (
        "not UTF-8: byte {byte} in line {line}; save the file again with the encoding UTF-8",
        "UTF-8이 아닙니다: {line}번째 줄의 바이트 {byte}. 인코딩을 UTF-8로 하여 다시 저장하세요",
    ),
    "not TOML": ("not TOML: {error}{hint}", "TOML이 아닙니다: {error}{hint}"),
    "toml: twice": ("{name} is defined twice; keep one", "{name}: 두 번 정의되었습니다. 하나만 남기세요"),
    "toml: curly quotes": ('write straight quotes, "', '곧은 따옴표 "를 쓰세요'),
    "toml: quote the name": ("such a name stands in quotes, {name} = …", "이런 이름은 따옴표 안에 씁니다: {name} = …"),
    "toml: number": ("a number has a point between digits, 0.5", "수는 0.5처럼 소수점 양쪽에 숫자를 씁니다"),
    "toml: quote the formula": (
        'text and formulas stand in quotes, z1 = "W1*x1"',
        '글자와 식은 따옴표 안에 씁니다: z1 = "W1*x1"',
    ),
    # exercises
    "no such exercise": (
        "no built-in exercise {name}{meant}; there are {names}; a file is given as my.toml",
        "없는 문제입니다: {name}{meant}. 내장 문제: {names}. 파일은 my.toml처럼 씁니다",
    ),
    "no exercise beside": (
        "expected a built-in exercise ({names}) or a .toml file in this folder or below, got {name}{meant}",
        "내장 문제({names})나 이 폴더 안의 .toml 파일이 필요합니다. 지금: {name}{meant}",
    ),
    "only numbers": (
        'numbers without an exercise: write exercise = "chapter7" above [hand]',
        '수만 있고 문제가 없습니다: [hand] 위에 exercise = "chapter7"처럼 쓰세요',
    ),
    "unknown part": (
        "unknown part {name}{meant}; expected {allowed}",
        "모르는 항목입니다: {name}{meant}. 쓸 수 있는 항목: {allowed}",
    ),
    "missing line": ("missing line {example}; write it above the tables", "빠진 줄: {example}. 표들 위에 쓰세요"),
    "missing table": (
        "missing table {example}; only [forward] may not be empty",
        "빠진 표: {example}. [forward]가 아니면 비어 있어도 됩니다",
    ),
    "wrong kind": ("expected {example}, got {kind}", "{example}처럼 씁니다. 지금: {kind}"),
    "empty table": ("expected at least one formula", "식이 하나 이상 필요합니다"),
    "no text": (
        'expected a formula in quotes, "W1*x1 + W2*x2", got {kind}',
        '따옴표 안의 식이 필요합니다: "W1*x1 + W2*x2". 지금: {kind}',
    ),
    "quoted number": ("expected a number without quotes, got {text}", "따옴표 없는 수가 필요합니다. 지금: {text}"),
    "name too long": (
        "too long: expected a name of at most {most} characters",
        "너무 깁니다: 이름은 {most}자까지입니다",
    ),
    "reserved name": (
        "expected another name: {name} is a function's, the learning rate's or Python's own; add a _",
        "다른 이름이 필요합니다: {name}: 함수, 학습률, 파이썬의 이름입니다. _를 붙이세요",
    ),
    "no name": (
        "expected a name of letters, digits and _, no digit first{hint}; W+, z' and dE/dW belong in [hand]",
        "이름은 글자, 숫자, _로 쓰고 숫자로 시작하지 않습니다{hint}. W+, z', dE/dW는 [hand]에 씁니다",
    ),
    "defined twice": (
        "defined twice, before in {table}; keep one, or give it another name",
        "두 번 정의되었습니다. 먼저 {table}에 있습니다. 하나만 남기거나 다른 이름을 쓰세요",
    ),
    "lr is not positive": ("lr: expected a number above 0, got {lr}", "lr: 0보다 큰 수가 필요합니다. 지금: {lr}"),
    "no loss": (
        "loss: expected the name of a line in [forward], got {name}{meant}",
        "loss: [forward]에 있는 이름이 필요합니다. 지금: {name}{meant}",
    ),
    "unknown name": (
        "unknown name {name}{meant}; expected one of [given], [parameters] or a line above",
        "모르는 이름입니다: {name}{meant}. [given], [parameters]나 위의 줄에 있는 이름을 쓰세요",
    ),
    "uses itself": (
        "uses itself: expected only names that stand above {name}",
        "자기 자신을 씁니다: {name}보다 위에 있는 이름만 쓸 수 있습니다",
    ),
    "used before it stands": (
        "{name} is used before it stands: put the line {name} above this one",
        "{name}: 아직 나오지 않았습니다. 그 줄을 이 줄 위로 옮기세요",
    ),
    "infinite": (
        "comes to {value}, expected a finite number: choose other numbers, or a smaller lr",
        "계산 결과: {value}. 유한한 수가 되도록 다른 수나 더 작은 lr을 쓰세요",
    ),
}
