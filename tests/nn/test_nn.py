"""Modules, and micrograd's scalar networks: a seed gives micrograd's own run, number for number."""

import copy
import pickle
import random

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from micrograd_kr.engine import UNSET, Value, no_grad
from micrograd_kr.nn import MLP, Layer, Module, Neuron

SAMPLES = [[2.0, 3.0, -1.0], [3.0, -1.0, 0.5], [0.5, 1.0, 1.0], [1.0, 1.0, -1.0]]
TARGETS = [1.0, -1.0, -1.0, 1.0]

# micrograd 0.1.0 after random.seed(7): MLP(3, [4, 4, 1]), the samples above, squared error, 20 steps, lr 0.01.
FIRST_WEIGHTS = [-0.35233447033367526, -0.6983016521509962, 0.3018689460797075, 0.0, -0.8551274266649145]
LAST_WEIGHTS = [-0.638547240152125, 0.1632003273249325, 0.2778269378523681, -0.25520491454853755, 0.0]
SCORES = [0.0, -0.008531797423387673, 0.0, 0.012536276106501737]
LOSSES = {0: 3.958093802726113, 1: 3.9319974035506604, 5: 3.8254673638944796, 19: 3.3121522614188756}
TRAINED = [-0.638547240152125, 0.18670167126809084, 0.3551845994146165, -0.36363917924380207, 0.001596848849703656]

# The losses and accuracies that micrograd's notebook prints (demo.ipynb): two moons, MLP(2, [16, 16, 1]), seed 1337.
MOONS = [
    (0.8958441028683222, 0.50), (1.7235905336972022, 0.81), (0.7429006313851131, 0.77), (0.7705641260584198, 0.82),
    (0.3692793385976538, 0.84), (0.313545481918522, 0.86), (0.2814234349772435, 0.89), (0.26888733313983904, 0.91),
]  # fmt: skip


@pytest.fixture(autouse=True)
def seed():
    random.seed(7)


def train(model, value=Value, steps=20):
    """The losses of a few steps of gradient descent, as a reader of micrograd writes them."""
    losses = []
    for _ in range(steps):
        loss = sum((model(list(map(value, x))) - y) ** 2 for x, y in zip(SAMPLES, TARGETS, strict=True))
        model.zero_grad()
        loss.backward()
        for p in model.parameters():
            p.data -= 0.01 * p.grad
        losses.append(loss.data)
    return losses


def moons(n=100, noise=0.1, seed=1337):
    """Scikit-learn's two moons as its make_moons draws them, with labels −1 and 1."""
    generator = np.random.RandomState(seed)
    angle = np.linspace(0, np.pi, n // 2)
    upper, lower = np.c_[np.cos(angle), np.sin(angle)], np.c_[1 - np.cos(angle), 0.5 - np.sin(angle)]
    order = np.arange(n)
    generator.shuffle(order)
    points = np.concatenate([upper, lower])[order]
    return points + generator.normal(scale=noise, size=(n, 2)), np.where(order < n // 2, -1, 1)


# --- micrograd's run --------------------------------------------------------------------------------------------------


def test_a_seed_draws_micrograds_weights():
    parameters = [p.data for p in MLP(3, [4, 4, 1]).parameters()]
    assert len(parameters) == 41
    assert parameters[:5] == FIRST_WEIGHTS
    assert parameters[-5:] == LAST_WEIGHTS


def test_weights_are_uniform_in_order_and_biases_zero():
    model = MLP(2, [3, 1])
    random.seed(7)
    for layer in model.layers:
        for neuron in layer.neurons:
            assert [w.data for w in neuron.w] == [random.uniform(-1, 1) for _ in neuron.w]
            assert neuron.b.data == 0.0


def test_scores_are_micrograds_to_the_last_bit():
    model = MLP(3, [4, 4, 1])
    assert [model(x).data for x in SAMPLES] == SCORES


def test_training_is_micrograds_run():
    model = MLP(3, [4, 4, 1])
    losses = train(model)
    assert {k: losses[k] for k in LOSSES} == pytest.approx(LOSSES, rel=1e-13)
    assert [p.data for p in model.parameters()][-5:] == pytest.approx(TRAINED, rel=1e-12)


def test_micrograds_notebook_gives_the_printed_losses():
    points, labels = moons()
    random.seed(1337)
    model = MLP(2, [16, 16, 1])
    assert len(model.parameters()) == 337
    for k, printed in enumerate(MOONS):
        scores = [model(list(map(Value, x))) for x in points]
        hinges = [(1 + -y * score).relu() for y, score in zip(labels, scores, strict=True)]
        loss = sum(hinges) * (1.0 / len(hinges)) + 1e-4 * sum(p * p for p in model.parameters())
        right = [(y > 0) == (score.data > 0) for y, score in zip(labels, scores, strict=True)]
        model.zero_grad()
        loss.backward()
        for p in model.parameters():
            p.data -= (1.0 - 0.9 * k / 100) * p.grad
        assert (loss.data, sum(right) / len(right)) == pytest.approx(printed, rel=1e-12)


@pytest.mark.parametrize(("nin", "nouts"), [(3, [4, 4, 1]), (1, [1]), (2, [5]), (2, [3, 2])])
def test_micrograd_itself_gives_the_same_network(nin, nouts):
    theirs = pytest.importorskip("micrograd.nn").MLP(nin, nouts)
    random.seed(7)
    ours = MLP(nin, nouts)
    assert repr(ours) == repr(theirs)
    assert [p.data for p in ours.parameters()] == [p.data for p in theirs.parameters()]
    x = [random.uniform(-2, 2) for _ in range(nin)]
    scores, expected = ours(x), theirs(x)
    many = isinstance(expected, list)
    assert isinstance(scores, list) == many
    for a, b in zip(scores if many else [scores], expected if many else [expected], strict=True):
        assert a.data == b.data
        a.backward()
        b.backward()
    assert [p.grad for p in ours.parameters()] == pytest.approx([p.grad for p in theirs.parameters()], rel=1e-14)


def test_micrograd_itself_gives_the_same_training():
    value = pytest.importorskip("micrograd.engine").Value
    theirs = pytest.importorskip("micrograd.nn").MLP(3, [4, 4, 1])
    random.seed(7)
    ours = MLP(3, [4, 4, 1])
    assert train(ours) == pytest.approx(train(theirs, value), rel=1e-13)
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert a.data == pytest.approx(b.data, rel=1e-12)


# --- neurons, layers, networks ----------------------------------------------------------------------------------------


def test_a_neuron_adds_from_the_bias_on_from_left_to_right():
    neuron = Neuron(3, nonlin=False)
    neuron.b.data = 1e16
    for w in neuron.w:
        w.data = 1.0
    assert neuron([1.0, 1.0, 1.0]).data == 1e16  # each 1 is lost in it; their sum 3 would not be
    neuron.b.data = 0.0
    assert neuron([1.0, 1e16, -1e16]).data == 0.0


def test_a_neuron_is_bent_by_relu_unless_it_is_linear():
    bent, straight = Neuron(1), Neuron(1, nonlin=False)
    for neuron in (bent, straight):
        neuron.w[0].data = 2.0
    assert (bent([-3.0]).data, straight([-3.0]).data) == (0.0, -6.0)
    assert (bent.nonlin, straight.nonlin) == (True, False)
    assert bent([-3.0])._op == "ReLU"


def test_a_layer_gives_a_list_or_of_one_neuron_the_value():
    outs = Layer(2, 3)([1.0, 2.0])
    assert isinstance(outs, list)
    assert [type(each) for each in outs] == [Value] * 3
    assert isinstance(Layer(2, 1)([1.0, 2.0]), Value)


def test_only_the_last_layer_of_a_network_is_linear():
    model = MLP(2, [3, 3, 2])
    assert [[n.nonlin for n in layer.neurons] for layer in model.layers] == [[True] * 3, [True] * 3, [False] * 2]
    assert [[len(n.w) for n in layer.neurons] for layer in model.layers] == [[2] * 3, [3] * 3, [3] * 2]


def test_repr_is_micrograds():
    assert repr(Neuron(2)) == "ReLUNeuron(2)"
    assert repr(Neuron(2, nonlin=False)) == "LinearNeuron(2)"
    assert repr(Layer(2, 2)) == "Layer of [ReLUNeuron(2), ReLUNeuron(2)]"
    assert repr(MLP(3, [2, 1])) == "MLP of [Layer of [ReLUNeuron(3), ReLUNeuron(3)], Layer of [LinearNeuron(2)]]"


@pytest.mark.parametrize(
    "sample",
    [
        [0.5, -1.0],
        (0.5, -1.0),
        np.array([0.5, -1.0]),
        np.array([0.5, -1.0], np.float32),
        [Value(0.5), Value(-1.0)],
        [np.float64(0.5), Value(-1.0)],
        Value([0.5, -1.0]),
    ],
)
def test_a_sample_may_be_any_sequence_of_its_numbers(sample):
    model = MLP(2, [3, 1])
    expected = model([0.5, -1.0])
    assert model(sample).data == expected.data
    assert type(model(sample).data) is float
    assert MLP(2, [3, 2]).layers[0](iter([0.5, -1.0]))[2].rule is not None


def test_gradients_reach_the_inputs_too():
    x, row = [Value(0.5), Value(-1.0)], Value([0.5, -1.0])
    model = MLP(2, [8, 1])
    model(x).backward()
    model(row).backward()
    assert_array_equal([each.grad for each in x], row.grad)
    assert np.any(row.grad)


def test_a_network_of_one_number_takes_it_bare_and_layers_of_one_follow_each_other():
    model = MLP(1, [1, 1, 2])
    assert [each.data for each in model(0.5)] == [each.data for each in model([0.5])]
    assert [each.data for each in model(Value(2))] == [each.data for each in model(2)]


@pytest.mark.parametrize("sample", [[1.0], [1.0, 2.0, 3.0], [], 1.0, Value(1.0), np.ones(3), iter([1.0])])
@pytest.mark.parametrize("kind", [lambda: Neuron(2), lambda: Layer(2, 3), lambda: MLP(2, [3, 1])])
def test_another_number_of_inputs_is_an_error_that_says_both(kind, sample):
    with pytest.raises(ValueError, match=r"expected one sample of 2 numbers.*got \d of them"):
        kind()(copy.copy(sample) if not isinstance(sample, Value) else sample)


@pytest.mark.parametrize(
    "batch", [[[1.0, 2.0], [3.0, 4.0]], np.ones((2, 2)), Value(np.ones((2, 2))), [(1.0, 2.0), (3.0, 4.0)]]
)
def test_a_batch_is_an_error_that_says_what_to_do(batch):
    with pytest.raises(ValueError, match=r"several samples.*\[model\(x\) for x in samples\]"):
        MLP(2, [3, 1])(batch)


# --- modules ----------------------------------------------------------------------------------------------------------


class Scaled(Module):
    """A module of a person's own, with parameters in every place where they may be."""

    def __init__(self):
        self.scale = Value(2.0, "scale")
        self.name = "scaled"
        self.tensors = (Value(np.ones((2, 2)), "W"), {"b": Value(np.zeros(2), "b")})
        self.inner = [Neuron(1), None, [Neuron(2)]]
        self.tied = self.scale
        self.parent = self
        self.last = None

    def __call__(self, x):
        self.last = self.scale * x
        return self.last


def test_parameters_are_found_by_attribute_in_order_each_once():
    module = Scaled()
    found = module.parameters()
    assert isinstance(found, list)
    first, second = module.inner[0], module.inner[2][0]
    expected = [module.scale, module.tensors[0], module.tensors[1]["b"], *first.w, first.b, *second.w, second.b]
    assert len(found) == len(expected)
    assert all(a is b for a, b in zip(found, expected, strict=True))


def test_a_kept_output_is_no_parameter():
    module = Scaled()
    before = len(module.parameters())
    module(3.0)
    assert len(module.parameters()) == before


def test_a_parameter_assigned_later_is_found():
    module = Module()
    assert module.parameters() == []
    module.w = Value(1.0)
    assert module.parameters() == [module.w]
    module.w = Value([2.0, 3.0])
    assert module.parameters()[0] is module.w
    del module.w
    assert module.parameters() == []


def test_zero_grad_forgets_every_gradient():
    model = MLP(2, [3, 1])
    model([1.0, 2.0]).backward()
    assert any(p.grad for p in model.parameters())
    model.zero_grad()
    assert all(p.grad is UNSET for p in model.parameters())
    assert all(p.grad == 0 for p in model.parameters())


def test_without_zero_grad_gradients_add_up():
    model = MLP(2, [3, 1])
    model([1.0, 2.0]).backward()
    once = [p.grad for p in model.parameters()]
    model([1.0, 2.0]).backward()
    assert [p.grad for p in model.parameters()] == [2 * g for g in once]


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_network_is_copied_with_its_weights(copied):
    model = MLP(2, [3, 1])
    twin = copied(model)
    assert [p.data for p in twin.parameters()] == [p.data for p in model.parameters()]
    twin.parameters()[0].data += 1.0
    assert twin.parameters()[0].data != model.parameters()[0].data


def test_a_network_without_recording_gives_the_same_score():
    model = MLP(2, [3, 1])
    with no_grad():
        score = model([1.0, 2.0])
    assert score.rule is None
    assert score.data == model([1.0, 2.0]).data


def test_a_scalar_network_agrees_with_the_same_network_in_tensors():
    model = MLP(2, [4, 1])
    hidden, out = model.layers
    w1, b1 = Value([[w.data for w in n.w] for n in hidden.neurons]), Value([n.b.data for n in hidden.neurons])
    w2 = Value([w.data for w in out.neurons[0].w])
    model([0.5, -1.0]).backward()
    score = (w1 @ np.array([0.5, -1.0]) + b1).relu() @ w2 + out.neurons[0].b.data
    score.backward()
    assert score.data == pytest.approx(model([0.5, -1.0]).data, rel=1e-14)
    assert_allclose(w1.grad, [[w.grad for w in n.w] for n in hidden.neurons], rtol=1e-14)
    assert_allclose(b1.grad, [n.b.grad for n in hidden.neurons], rtol=1e-14)
    assert_allclose(w2.grad, [w.grad for w in out.neurons[0].w], rtol=1e-14)
