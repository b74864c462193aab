"""Demo 7: the curves and their slopes, stacked linear layers, gradients that vanish, ReLUs that die, and the pairs."""

import re

import numpy as np
import pytest
from demos_run import run

pytest.importorskip("sklearn")


@pytest.fixture(scope="module", params=["en", "ko"])
def demo(request, tmp_path_factory):
    return run("07_activations", tmp_path_factory.mktemp("out"), "--lang", request.param)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


CURVES = {  # name: the function and its derivative
    "sigmoid": (sigmoid, lambda x: sigmoid(x) * (1 - sigmoid(x))),
    "tanh": (np.tanh, lambda x: 1 - np.tanh(x) ** 2),
    "relu": (lambda x: np.maximum(0, x), lambda x: (x > 0) * 1.0),
    "leaky_relu": (lambda x: np.maximum(0.1 * x, x), lambda x: np.where(x > 0, 1, 0.1)),
}


@pytest.mark.parametrize("name", CURVES)
def test_each_curve_and_its_slope_are_those_of_the_textbook_on_its_100_points(demo, name):
    x, (function, slope) = np.arange(-5.0, 5.0, 0.1), CURVES[name]
    assert demo.names["values"][name] == pytest.approx(function(x), abs=1e-12)
    assert demo.names["slopes"][name] == pytest.approx(slope(x), abs=1e-12)
    y = demo.names["values"][name]
    row = [f"{each:.4f}" for each in (y.min(), y.max(), slope(x)[0], slope(x).max(), slope(x)[-1])]
    (line,) = [line for line in demo.text.splitlines() if line.startswith(f"│ {name} ")]
    assert line.strip("│ ").replace("│", " ").split()[1:6] == row


def test_sigmoid_slopes_are_a_quarter_at_most_and_those_of_tanh_one(demo):
    assert demo.names["slopes"]["sigmoid"].max() == pytest.approx(0.25)
    assert demo.names["slopes"]["tanh"].max() == pytest.approx(1)


def test_leaky_relu_gives_a_times_x_which_is_max_only_up_to_1(demo):
    assert "a = 0.01: leaky_relu(-3) = -0.03, max(a·(-3), -3) = -0.03, slope 0.01" in demo.text
    assert "a = 2.0: leaky_relu(-3) = -6, max(a·(-3), -3) = -3, slope 2" in demo.text


def test_softmax_sums_to_one_and_its_derivative_is_a_matrix(demo):
    assert demo.names["softmax"].sum() == pytest.approx(1)
    assert demo.names["softmax"].max() == pytest.approx(0.0951669, abs=5e-8)
    assert "0.0951669" in demo.text
    p = demo.names["p"].data
    assert demo.names["jacobian"] == pytest.approx(np.diag(p) - np.outer(p, p), abs=1e-15)


def test_softmax_stands_large_numbers_where_the_formula_does_not(demo):
    assert np.isnan(demo.names["naive"]).tolist() == [True, False]
    assert demo.names["stable"].tolist() == [1, 0]


def test_linear_functions_and_layers_stacked_are_linear(demo):
    assert demo.names["stacked"] == {0: (21, 21), 1: (29, 29), -2: (5, 5), 10: (101, 101)}
    assert demo.names["apart"] < 1e-14


def test_the_four_steps_repeated_bring_the_loss_down(demo):
    first, second, third = demo.names["cycle_losses"]
    assert first > second > third
    lines = re.findall(r"1 \S+ ([\d.]+), 2 \S+ ([\d.]+), 3 \S+ (-[\d.]+), 4 \S+ ([\d.]+) → ([\d.]+)", demo.text)
    assert len(lines) == 3
    for prediction, loss, gradient, before, after in np.array(lines, float):
        assert loss == pytest.approx(-np.log(prediction), abs=2e-4)
        assert gradient == pytest.approx(prediction - 1, abs=2e-4)
        assert after == pytest.approx(before - gradient, abs=2e-4)


def test_the_gradient_vanishes_with_sigmoid_and_not_with_tanh_or_relu(demo):
    ratios = {name: sizes[-1] / sizes[0] for name, sizes in demo.names["arriving"].items()}
    assert ratios["Sigmoid"] > 1000
    assert max(ratios["Tanh"], ratios["ReLU"]) < 30
    assert demo.names["unwidened"][-1] / demo.names["unwidened"][0] > 100
    sigmoid = demo.names["arriving"]["Sigmoid"]
    assert len(sigmoid) == 9
    assert sigmoid == sorted(sigmoid)


def test_where_it_vanishes_nothing_is_learned_and_the_front_stays(demo):
    costs, moved = demo.names["costs"], demo.names["moved"]
    assert costs["Sigmoid"] == pytest.approx(np.log(2), abs=1e-3)
    assert max(costs["Tanh"], costs["ReLU"]) < 0.05
    assert moved["Sigmoid"] < 0.001
    assert min(moved["Tanh"], moved["ReLU"]) > 0.01


def test_dead_relus_stay_dead_and_leaky_ones_recover(demo):
    dead, alive, recovery = demo.names["dead"], demo.names["survivors"], demo.names["recovery"]
    assert demo.names["at_first"] > alive["ReLU"] == 10 - dead.sum()
    assert alive["LeakyReLU(0.01)"] == alive["LeakyReLU(0.1)"] == 10
    t = demo.names["t"]
    assert recovery["ReLU"][-1] == pytest.approx((t**2).mean() * dead.sum() / 10, rel=1e-3)  # they answer 0
    sooner, later = (np.argmax(np.array(recovery[f"LeakyReLU({a})"]) < 1e-3) for a in (0.1, 0.01))
    assert 0 < sooner < later
    assert re.search(r"ReLU .*≤ 0e\+00", demo.text)


def test_the_pairs_of_activation_and_cost_are_named_with_their_gradient(demo):
    rows = [[cell.strip() for cell in line.split("│")] for line in demo.text.splitlines()]
    pairs = {cost: (activation, gradient) for _, _, activation, cost, gradient, _ in (r for r in rows if len(r) == 6)}
    assert pairs["BCELoss()"] == ("sigmoid", "sigmoid(z) − t")
    assert pairs["CrossEntropyLoss()"] == ("softmax", "softmax(z) − t")
    assert pairs["MSELoss()"][0] in ("none", "없음")
    for engine, formula in demo.names["at_z"].values():
        assert engine == pytest.approx(formula, abs=1e-15)
    assert max(abs(each) for each in demo.names["apart_losses"].values()) < 1e-15


def test_its_pictures_are_there(demo):
    curves = ["sigmoid", "tanh", "relu", "leaky_relu", "softmax"]
    gradients = [f"gradients_{each}" for each in ("sigmoid", "tanh", "relu")]
    names = [f"07_activations_{each}.png" for each in (*curves, *gradients, "dying_relu")]
    assert set(demo.pictures) == {"07_activations.png", *names}
