"""What is written for people, read back: formulas as text, and LaTeX."""

# The signs of a written formula as an exercise has them.
PLAIN = str.maketrans(
    {"·": "*", "×": "*", "−": "-", "½": "(1/2)"} | {each: f"**{i}" for i, each in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")}
)


def assert_balanced(latex: str) -> None:
    depth = 0
    for each in latex.replace(r"\{", "").replace(r"\}", ""):
        depth += {"{": 1, "}": -1}.get(each, 0)
        assert depth >= 0
    assert depth == 0
    assert latex.count(r"\left") == latex.count(r"\right")
    assert latex.count(r"\begin{cases}") == latex.count(r"\end{cases}")
