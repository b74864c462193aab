"""Perceptrons: the truth tables, both threshold rules, XOR made of three gates."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from micrograd_kr.perceptron import (
    AND,
    AND_WEIGHTS,
    INPUTS,
    NAND,
    OR,
    AND_gate,
    NAND_gate,
    OR_gate,
    Perceptron,
    XOR_gate,
    step,
    xor_table,
)

TRUTH = {AND_gate: [0, 0, 0, 1], NAND_gate: [1, 1, 1, 0], OR_gate: [0, 1, 1, 1], XOR_gate: [0, 1, 1, 0]}
FILE = Path(os.environ.get("MICROGRAD_KR_DATA", "")).resolve().parent / "chapter" / "gates.json"


@pytest.mark.parametrize("gate", TRUTH, ids=["AND", "NAND", "OR", "XOR"])
def test_a_gate_has_its_truth_table_one_by_one_and_as_a_batch(gate):
    assert [gate(x) for x in INPUTS] == TRUTH[gate]
    assert all(type(gate(x)) is int for x in INPUTS)
    assert gate(np.array(INPUTS)).tolist() == TRUTH[gate]


def test_xor_goes_by_way_of_nand_and_or():
    assert xor_table() == [(0, 0, 1, 0, 0), (0, 1, 1, 1, 1), (1, 0, 1, 1, 1), (1, 1, 0, 1, 0)]


@pytest.mark.parametrize(("rule", "at_0"), [(">", 0), ("≥", 1)])
def test_the_rules_differ_at_0_only(rule, at_0):
    assert [step(x, rule) for x in (-1e-300, 0.0, -0.0, 1e-300)] == [0, at_0, at_0, 1]
    assert step(np.array([[-1.0, 0.0, 2.0]]), rule).tolist() == [[0, at_0, 1]]


def test_ones_with_bias_minus_one_are_and_under_one_rule_and_or_under_the_other():
    assert [Perceptron((1.0, 1.0), -1.0, ">")(x) for x in INPUTS] == TRUTH[AND_gate]
    assert [Perceptron((1.0, 1.0), -1.0, "≥")(x) for x in INPUTS] == TRUTH[OR_gate]


def test_all_printed_and_weights_are_and_under_the_default_rule():
    assert [[gate(x) for x in INPUTS] for gate in AND_WEIGHTS] == [TRUTH[AND_gate]] * 3


def test_nand_is_and_with_all_signs_turned_unless_the_sum_is_0():
    assert -AND == NAND
    assert [(-AND_WEIGHTS[1])(x) for x in INPUTS] == TRUTH[NAND_gate]
    assert [(-AND_WEIGHTS[2])(x) for x in INPUTS] == [1, 0, 0, 0]


def test_the_threshold_is_minus_the_bias():
    for gate in (AND, OR):
        assert gate.theta == -gate.b
        assert [int(gate.w[0] * a + gate.w[1] * b > gate.theta) for a, b in INPUTS] == [gate(x) for x in INPUTS]


def test_no_single_perceptron_on_a_grid_is_xor():
    grid = np.linspace(-2, 2, 17)
    for w1 in grid:
        for w2 in grid:
            sums = np.array(INPUTS) @ [w1, w2]
            fired = sums[:, None] + grid > 0
            assert not (fired == np.array(TRUTH[XOR_gate])[:, None]).all(0).any()


@pytest.mark.parametrize("x", [[1], [1, 0, 1], 1, []])
def test_another_number_of_inputs_is_an_error_that_says_so(x):
    with pytest.raises(ValueError, match="expected 2 inputs, one for each weight, got an x of shape"):
        AND(x)


def test_an_unknown_rule_is_an_error():
    with pytest.raises(ValueError, match="expected the rule"):
        step(1.0, ">=")


def test_the_gates_are_the_chapters():
    if not FILE.exists():
        pytest.skip("the chapter's gates.json is not here: MICROGRAD_KR_DATA names the folder beside it")
    chapter = json.loads(FILE.read_text("utf-8"))
    rules = {">": "listing_rule_output", "≥": "formula_rule_output"}
    for each in chapter["gates"]:
        for rule, key in rules.items():
            gate = Perceptron((each["w1"], each["w2"]), each["b"], rule)
            assert [gate.weighted_sum(x) for x in INPUTS] == each["z"]
            assert [gate(x) for x in INPUTS] == each[key]
            assert gate.theta == each["theta"]
    used = {each["gate"]: (each["w1"], each["w2"], each["b"]) for each in chapter["gates"] if each["used_in_listing"]}
    assert used == {"AND": (*AND.w, AND.b), "NAND": (*NAND.w, NAND.b), "OR": (*OR.w, OR.b)}
