"""Demo 2: the gates' numbers are the chapter's, the two rules differ where the sum is 0, and XOR takes three gates."""

import numpy as np
import pytest
from demos_run import Run, run

from micrograd_kr.perceptron import Perceptron

pytest.importorskip("matplotlib")

# w1, w2, b and the outputs for 00, 01, 10, 11 under > and ≥
GATES = [
    (0.5, 0.5, -0.7, [0, 0, 0, 1], [0, 0, 0, 1]),
    (0.5, 0.5, -0.8, [0, 0, 0, 1], [0, 0, 0, 1]),
    (1.0, 1.0, -1.0, [0, 0, 0, 1], [0, 1, 1, 1]),
    (-0.5, -0.5, 0.7, [1, 1, 1, 0], [1, 1, 1, 0]),
    (-0.5, -0.5, 0.8, [1, 1, 1, 0], [1, 1, 1, 0]),
    (-1.0, -1.0, 1.0, [1, 0, 0, 0], [1, 1, 1, 0]),
    (0.6, 0.6, -0.5, [0, 1, 1, 1], [0, 1, 1, 1]),
]
PICTURES = {"02_gates.png", "02_gates_nets.png", "02_gates_step.png", "02_gates_xor.png"}


@pytest.fixture(scope="module")
def english(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run("02_gates", tmp_path_factory.mktemp("en"))


def test_the_programs_print_what_the_chapters_print(english):
    for line in ("AND [0, 0, 0, 1]", "NAND [1, 1, 1, 0]", "OR [0, 1, 1, 1]", "XOR [0, 1, 1, 0]"):
        assert any(each.strip() == line for each in english.text.splitlines())


def test_all_weights_are_shown_under_both_rules_and_those_that_differ_are_marked(english):
    shown = [gate for several in english.names["sets"].values() for gate in several]
    assert [(*gate.w, gate.b, *english.names["under_both_rules"](gate)) for gate in shown] == GATES
    marked = [line for line in english.text.splitlines() if line.endswith("←")]
    assert [line.split()[1:4] for line in marked] == [["1.0", "1.0", "-1.0"], ["-1.0", "-1.0", "1.0"]]


@pytest.mark.parametrize("rule", [">", "≥"])
def test_threshold_and_bias_say_the_same(english, rule):
    for w1, w2, b, *_ in GATES:
        gate = Perceptron((w1, w2), b, rule)
        assert english.names["by_threshold"](gate) == gate(english.names["input_data"]).tolist()


def test_a_bias_is_the_weight_of_a_constant_input(english):
    assert english.names["bias_as_weight"] == [0, 0, 0, 1]


def test_the_four_inequalities_of_xor_add_up_to_a_contradiction_and_those_of_the_other_gates_do_not(english):
    inputs = np.column_stack([english.names["input_data"], np.ones(4, int)])
    assert [each for each, _ in english.names["inequalities"]] == [tuple(row) for row in inputs.tolist()]
    assert [sign for _, sign in english.names["inequalities"]] == ["≤", ">", ">", "≤"]
    assert english.names["sums"] == {">": (1, 1, 2), "≤": (1, 1, 2)}
    assert "w1 + w2 + 2·b > 0 and w1 + w2 + 2·b ≤ 0, a contradiction" in english.text
    for name, gate in english.names["gates"].items():
        fired = gate(english.names["input_data"]).astype(bool)
        assert inputs[fired].sum(axis=0).tolist() != inputs[~fired].sum(axis=0).tolist(), name


def test_xor_is_composed_in_the_order_of_the_chapters_table(english):
    assert english.names["table"] == [(0, 0, 1, 0, 0), (1, 0, 1, 1, 1), (0, 1, 1, 1, 1), (1, 1, 0, 1, 0)]
    assert english.names["final_output"] == [0, 1, 1, 0]


def test_in_korean_it_draws_the_same_pictures(english, tmp_path):
    korean = run("02_gates", tmp_path, "--lang", "ko")
    assert "모순" in korean.text
    assert set(korean.pictures) == set(english.pictures) == PICTURES
