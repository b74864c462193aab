"""What the command line says, in English and in Korean: its help, its errors, what it has written."""

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
        "format": "by default as FILE ends (.md, .html, .toml), and markdown where the sheet is printed",
        "sheet": "where to; by default it is printed",
        "answers": "where to write the answer key: .md or .html with the working beside each number, "
        "or .toml with the numbers alone",
        "force": "write over a file that is there already",
        "new": "write a commented exercise file for a net, with comfortable numbers",
        "layers": "sizes of the layers, inputs first; by default 2-2-2",
        "activation": "{names}, for all layers or one for each, parted by commas; by default sigmoid",
        "net loss": "the error of an output; by default half-squared",
        "bias": "give each neuron a bias",
        "new seed": "of the numbers; by default 0",
        "no seed": "expected a whole number, 0 or more, as the seed, got {text!r}",
        "exists": "{path}: there is such a file already, and someone's work may be in it; --force writes over it",
        "ending": "{path}: expected a file whose name ends in {endings}; give it such a name",
        "no folder": "{path}: there is no folder {folder}; make it, or choose another",
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
        "one page": "{path}: several exercises would have this one page; leave -o out if it is there, "
        "else make each page by itself with its own -o",
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
        "format": "기본: FILE의 끝(.md, .html, .toml)에 따라, 화면에 출력할 때는 markdown",
        "sheet": "저장할 파일 (기본: 화면에 출력)",
        "answers": "정답을 저장할 파일: 수마다 풀이가 있는 .md나 .html, 수만 있는 .toml",
        "force": "이미 있는 파일을 덮어씁니다",
        "new": "신경망의 문제 파일을 계산하기 좋은 수와 설명을 넣어 만듭니다",
        "layers": "입력층부터 층의 크기 (기본: 2-2-2)",
        "activation": "{names}. 모든 층에 하나, 또는 층마다 하나씩 쉼표로 나누어 (기본: sigmoid)",
        "net loss": "출력 하나의 오차 (기본: half-squared)",
        "bias": "뉴런마다 편향을 둡니다",
        "new seed": "수를 뽑는 시드 (기본: 0)",
        "no seed": "시드는 0 이상의 정수여야 합니다: {text!r}",
        "exists": "{path}: 이미 있는 파일이고, 누군가 쓴 것이 있을 수 있습니다. --force를 붙이면 덮어씁니다",
        "ending": "{path}: 이름이 {endings}로 끝나는 파일이어야 합니다. 이름을 바꾸세요",
        "no folder": "{path}: {folder} 폴더가 없습니다. 폴더를 만들거나 다른 곳을 고르세요",
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
        "one page": "{path}: 여러 문제의 페이지가 이 파일 하나가 됩니다. -o를 썼으면 빼고, "
        "아니면 하나씩 따로 -o로 이름을 주어 만드세요",
        "error": "오류",
        "warning": "주의",
    },
}
