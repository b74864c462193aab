"""Modules and layers: what is registered, shown, saved and loaded; what a layer computes and refuses; labels."""

import copy
import pickle
from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from micrograd_kr.engine import UNSET, Value, no_grad, where
from micrograd_kr.nn import (
    MLP,
    Dropout,
    Flatten,
    Identity,
    Layer,
    LeakyReLU,
    Linear,
    LogSoftmax,
    Module,
    Neuron,
    ReLU,
    Sequential,
    Sigmoid,
    Softmax,
    Tanh,
    l1_penalty,
    l2_penalty,
)


class Residual(Module):
    """Layers in an attribute, in a list and shared, as a person writes a module."""

    def __init__(self, seed=0):
        generator = np.random.default_rng(seed)
        self.scale = Value([1.0, 2.0])
        self.first = Linear(2, 2, dtype=np.float64, seed=generator)
        self.others = [Linear(2, 2, bias=False, seed=generator), Tanh()]
        self.again = self.first
        self.drop = Dropout(0.5, seed=generator)

    def forward(self, x):
        for each in (self.first, *self.others, self.drop):
            x = x + each(x)
        return x * self.scale


@pytest.fixture
def model():
    return Residual()


def chapter():
    return Sequential(
        Linear(4, 3, seed=0), LeakyReLU(), Dropout(0.2), Linear(3, 2, bias=False, seed=1), Softmax(dim=-1)
    )


# --- modules ----------------------------------------------------------------------------------------------------------


def test_parameters_have_names_and_a_shared_one_is_counted_once(model):
    assert [name for name, _ in model.named_parameters()] == ["scale", "first.weight", "first.bias", "others.0.weight"]
    assert [each for _, each in model.named_parameters()] == model.parameters()
    assert model.count_parameters() == 2 + 4 + 2 + 4


def test_the_chapters_network_has_its_number_of_parameters():
    sizes = [784, 500, 400, 300, 200, 100, 50, 10]
    layers = [Linear(n, m, seed=0) for n, m in pairwise(sizes)]
    assert Sequential(*layers).count_parameters() == 799_060


def test_train_and_eval_reach_every_module_inside(model):
    assert all(each.training for each in model.modules())
    assert model.eval() is model
    assert not any(each.training for each in model.modules())
    assert len(model.modules()) == 5
    model.train()
    assert model.drop.training


def test_zero_grad_forgets_every_gradient(model):
    model(np.ones((3, 2))).sum().backward()
    assert all(np.any(each.grad != 0) for each in model.parameters())
    model.zero_grad()
    assert not any(np.any(each.grad != 0) for each in model.parameters())


def test_repr_is_pytorchs():
    assert repr(chapter()) == (
        "Sequential(\n"
        "  (0): Linear(in_features=4, out_features=3, bias=True)\n"
        "  (1): LeakyReLU(negative_slope=0.01)\n"
        "  (2): Dropout(p=0.2, inplace=False)\n"
        "  (3): Linear(in_features=3, out_features=2, bias=False)\n"
        "  (4): Softmax(dim=-1)\n"
        ")"
    )
    nested = Sequential(Sequential(Flatten(), ReLU()), Sigmoid(), LogSoftmax(dim=1))
    assert repr(nested) == (
        "Sequential(\n"
        "  (0): Sequential(\n"
        "    (0): Flatten(start_dim=1, end_dim=-1)\n"
        "    (1): ReLU()\n"
        "  )\n"
        "  (1): Sigmoid()\n"
        "  (2): LogSoftmax(dim=1)\n"
        ")"
    )
    assert "(others.0): Linear(" in repr(Residual())


def test_a_sequence_is_indexed_cut_and_counted():
    model = chapter()
    assert len(model) == 5
    assert isinstance(model[1], LeakyReLU)
    assert list(model[:2]) == [model[0], model[1]]
    model.train()
    assert len(model) == 5
    with pytest.raises(TypeError, match=r"expected modules, got \[.*in place 0: give Sequential\(first, second"):
        Sequential([Sigmoid()])


def test_a_module_without_forward_says_so():
    with pytest.raises(NotImplementedError, match="Empty has no forward"):
        type("Empty", (Module,), {})()(1.0)


def test_a_device_is_accepted_and_a_dtype_is_not_taken_for_one():
    model = chapter()
    assert model.to("cpu") is model.to("cuda:0") is model
    with pytest.raises(TypeError, match=r'the name of a device such as "cpu", got .*float64'):
        model.to(np.float64)


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_a_copied_module_computes_the_same_from_parameters_of_its_own(model, twin):
    model.eval()
    other = twin(model)
    assert_array_equal(other(np.ones(2)).data, model(np.ones(2)).data)
    assert other.again is other.first
    assert not set(other.parameters()) & set(model.parameters())


# --- state_dict -------------------------------------------------------------------------------------------------------


def test_a_state_has_pytorchs_names_and_is_a_copy():
    model = chapter()
    state = model.state_dict()
    assert [(name, each.shape) for name, each in state.items()] == [
        ("0.weight", (3, 4)), ("0.bias", (3,)), ("3.weight", (2, 3)),
    ]  # fmt: skip
    model[0].weight.data += 1
    assert (state["0.weight"] != model[0].weight.data).all()


def test_a_state_that_was_loaded_gives_the_same_outputs(model):
    other = Residual(seed=1)
    model.eval()
    other.eval()
    x = np.linspace(-1, 1, 6).reshape(3, 2)
    assert (other(x).data != model(x).data).any()
    state = model.state_dict()
    other.load_state_dict(state)
    assert_array_equal(other(x).data, model(x).data)
    state["scale"] += 1  # what was loaded is a copy too
    assert_array_equal(other(x).data, model(x).data)


def test_loading_keeps_dtypes_and_takes_lists_and_scalars():
    model = Linear(2, 1, seed=0)
    model.load_state_dict({"weight": [[1, 2]], "bias": np.array([0.5])})
    assert model.weight.dtype == model.bias.dtype == np.float32
    assert model([1.0, 1.0]).data.tolist() == [3.5]
    neuron = Neuron(2)
    neuron.load_state_dict({"w.0": 0.25, "w.1": 0.5, "b": 1.0})
    assert neuron([1.0, 1.0]).data == 1.75
    assert type(neuron.w[0].data) is float


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weight": None}, "missing weight"),
        ({"Weight": np.ones((3, 2))}, "unexpected Weight"),
        (
            {"weight": np.ones((2, 3))},
            r"weight has shape \(2, 3\) where this model has \(3, 2\), its axes .* give its \.T",
        ),
        ({"weight": [[1.0, 2.0], [3.0]]}, "weight holds list, which numpy cannot read"),
        ({"bias": 1.0}, r"bias has shape \(\) where this model has \(3,\)"),
        ({"bias": np.ones(3, complex)}, "bias holds complex128, not real numbers"),
        ({"bias": ["a", "b", "c"]}, "not real numbers"),
        ({None: 1, 2: 3}, "unexpected None; unexpected 2"),
        ({"\x1b[2J": 1.0}, r"unexpected \\x1b\[2J"),
    ],
)
def test_a_state_that_does_not_fit_is_refused_by_name_and_changes_nothing(change, message):
    model = Linear(2, 3, seed=0)
    before = model.state_dict()
    state = {name: each + 1 for name, each in before.items()} | change
    state = {name: each for name, each in state.items() if each is not None}
    with pytest.raises(RuntimeError, match=message):
        model.load_state_dict(state)
    for name, each in model.state_dict().items():
        assert_array_equal(each, before[name])


def test_all_that_does_not_fit_is_said_at_once():
    with pytest.raises(RuntimeError, match=r"missing bias; unexpected b; weight has shape \(1,\)"):
        Linear(2, 3).load_state_dict({"weight": [1.0], "b": [1.0]})


def test_names_that_all_begin_alike_are_told():
    model = Linear(2, 3, seed=0)
    state = {f"module.{name}": each for name, each in model.state_dict().items()}
    with pytest.raises(RuntimeError, match=r"begin with 'module\.': take that off, name\.removeprefix\('module\.'\)$"):
        model.load_state_dict(state)
    del state["module.bias"]
    with pytest.raises(RuntimeError, match=r"Build the model it was saved from$"):
        model.load_state_dict(state)


def test_a_state_may_hold_values_and_names_of_shared_ones_are_all_given_where_asked_for():
    model, other = chapter(), chapter()
    other[0].weight.data += 1
    other[3].weight.data += 1
    model.load_state_dict(dict(other.named_parameters()))
    assert_array_equal(model[0].weight.data, other[0].weight.data)
    tied = Sequential(model[0], model[0])
    assert [name for name, _ in tied.named_parameters()] == ["0.weight", "0.bias"]
    names = [name for name, _ in tied.named_parameters(remove_duplicate=False)]
    assert names == ["0.weight", "0.bias", "1.weight", "1.bias"]


def test_weights_that_are_too_large_for_their_dtype_are_infinite_without_a_warning():
    model = Linear(2, 1, seed=0)
    model.load_state_dict({"weight": [[1e300, 1.0]], "bias": [-1e300]})
    assert model.weight.data.tolist() == [[np.inf, 1.0]]
    assert model.bias.data.tolist() == [-np.inf]


def test_without_strict_what_has_no_counterpart_is_left():
    model = Linear(2, 1, seed=0)
    model.load_state_dict({"bias": [3.0], "other": 1}, strict=False)
    assert model.bias.data.tolist() == [3.0]


def test_what_is_no_mapping_is_refused():
    model = chapter()
    with pytest.raises(TypeError, match=r"got method: give what model.state_dict\(\) returns \(with its parentheses\)"):
        model.load_state_dict(model.state_dict)


# --- layers -----------------------------------------------------------------------------------------------------------


def test_linear_is_x_times_the_weights_turned_plus_the_bias():
    layer = Linear(2, 3, dtype=np.float64, seed=0)
    x = np.linspace(-1, 1, 8).reshape(4, 2)
    expected = x @ layer.weight.data.T + layer.bias.data
    assert_allclose(layer(x).data, expected, rtol=1e-15)
    assert_allclose(layer(x.reshape(2, 2, 2)).data, expected.reshape(2, 2, 3), rtol=1e-15)
    assert_allclose(layer(x[0]).data, expected[0], rtol=1e-15)
    assert_allclose(Linear(2, 3, bias=False, seed=0)(np.zeros(2)).data, 0)


def test_linear_starts_uniform_between_plus_and_minus_one_over_the_root_of_the_inputs():
    layer = Linear(100, 400, seed=0)
    for each in (layer.weight, layer.bias):
        assert each.dtype == np.float32
        assert np.abs(each.data).max() <= 0.1
        assert np.abs(each.data).max() > 0.098
        assert abs(each.data.mean()) < 0.01
        assert each.data.std() == pytest.approx(0.2 / 12**0.5, rel=0.06)


def test_one_seed_one_run():
    assert_array_equal(Linear(3, 2, seed=5).weight.data, Linear(3, 2, seed=5).weight.data)
    assert (Linear(3, 2, seed=5).weight.data != Linear(3, 2, seed=6).weight.data).any()
    assert (Linear(3, 2).weight.data != Linear(3, 2).weight.data).any()
    generator = np.random.default_rng(5)
    first, second = Linear(3, 2, seed=generator), Linear(3, 2, seed=generator)
    assert_array_equal(first.weight.data, Linear(3, 2, seed=5).weight.data)
    assert (second.weight.data != first.weight.data).any()


@pytest.mark.parametrize(
    "x", [np.ones((2, 3)), np.ones((2, 3), int), np.ones((2, 3), np.uint8), [[1, 1, 1], [1, 1, 1]]]
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_layer_computes_in_its_own_dtype_whatever_comes_in(x, dtype):
    layer = Linear(3, 2, dtype=dtype, seed=0)
    out = layer(x)
    out.sum().backward()
    assert out.dtype == layer.weight.grad.dtype == layer.bias.grad.dtype == dtype


def test_the_gradient_of_an_input_is_computed_where_it_is_a_value_only():
    layer = Linear(3, 2, dtype=np.float64, seed=0)
    x = Value(np.ones((4, 3)))
    layer(x).sum().backward()
    assert_allclose(x.grad, np.broadcast_to(layer.weight.data.sum(0), (4, 3)))
    out = layer(np.ones((4, 3)))
    assert out.x[0] is None
    assert out.y_data is False


def test_a_weights_gradient_has_the_weights_own_layout():
    layer = Linear(30, 20, seed=0)
    layer(np.ones((4, 30))).sum().backward()
    assert layer.weight.grad.flags.c_contiguous
    assert layer.weight.grad.flags.owndata


def test_an_input_of_another_shape_is_an_error_that_says_what_to_do():
    layer = Linear(784, 500)
    with pytest.raises(ValueError, match=r"Linear\(784, 500\) needs 784 features, got an input of shape \(2, 28, 28\); "
                       r"flatten it with x.reshape\(len\(x\), -1\)"):  # fmt: skip
        layer(np.zeros((2, 28, 28)))
    for shape in [(2, 100), (784, 1), ()]:
        with pytest.raises(ValueError, match="its last axis holds the features"):
            layer(np.zeros(shape))
    with pytest.raises(ValueError, match="at least one feature"):
        Linear(0, 3)
    with pytest.raises(ValueError, match="float32 or float64"):
        Linear(1, 3, dtype=np.float16)


def test_flatten_joins_axes_and_leaves_a_constant_a_constant():
    x = np.arange(48.0).reshape(2, 3, 4, 2)
    assert Flatten()(x).shape == (2, 24)
    assert Flatten(0)(x).shape == (48,)
    assert Flatten(1, 2)(Value(x)).shape == (2, 12, 2)
    assert type(Flatten()(x)) is np.ndarray
    model = Sequential(Flatten(), Linear(24, 3, seed=0))
    assert model(x).x[0] is None
    with pytest.raises(ValueError, match=r"Flatten\(start_dim=1, end_dim=-1\) needs an input that has these axes"):
        Flatten()(np.ones(3))


def test_dropout_drops_a_share_scales_the_rest_and_repeats_by_seed():
    x = np.ones((200, 100), np.float32)
    out = Dropout(0.3, seed=0)(Value(x))
    assert out.dtype == np.float32
    assert set(np.unique(out.data)) == {np.float32(0), np.float32(1 / 0.7)}
    assert np.mean(out.data == 0) == pytest.approx(0.3, abs=0.01)
    assert out.data.mean() == pytest.approx(1, abs=0.02)
    assert_array_equal(Dropout(0.3, seed=0)(x), out.data)


def test_dropout_draws_anew_at_each_call_and_passes_gradients_where_it_passes_numbers():
    layer, x = Dropout(0.5, seed=0), Value(np.ones((20, 20)))
    first, second = layer(x), layer(x)
    assert (first.data != second.data).any()
    first.sum().backward()
    assert_array_equal(x.grad, first.data)


def test_dropout_is_off_in_evaluation():
    layer, x = Dropout(0.9, seed=0), Value(np.ones(5))
    layer.eval()
    assert layer(x) is x
    assert_array_equal(Dropout(0.0)(x).data, 1)
    assert_array_equal(Dropout(1.0)(x).data, 0)
    with pytest.raises(ValueError, match=r"between 0 and 1, got Dropout\(p=1.5\)"):
        Dropout(1.5)


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (Sigmoid(), lambda x: 1 / (1 + np.exp(-x))),
        (Tanh(), np.tanh),
        (ReLU(), lambda x: np.maximum(x, 0)),
        (LeakyReLU(), lambda x: np.where(x > 0, x, 0.01 * x)),
        (LeakyReLU(0.1), lambda x: np.where(x > 0, x, 0.1 * x)),
        (Softmax(dim=1), lambda x: np.exp(x) / np.exp(x).sum(1, keepdims=True)),
        (Softmax(dim=0), lambda x: np.exp(x) / np.exp(x).sum(0, keepdims=True)),
        (LogSoftmax(dim=-1), lambda x: x - np.log(np.exp(x).sum(-1, keepdims=True))),
    ],
    ids=lambda each: "formula" if callable(each) and not isinstance(each, Module) else repr(each),
)
def test_an_activation_computes_its_formula_on_values_and_arrays(layer, expected):
    x = np.linspace(-3, 3, 12).reshape(4, 3)
    assert_allclose(layer(Value(x)).data, expected(x), rtol=1e-14)
    assert_allclose(layer(x).data, expected(x), rtol=1e-14)
    assert layer.parameters() == []


def test_nothing_is_recorded_without_gradients():
    with no_grad():
        assert chapter().eval()(np.ones((2, 4))).rule is None


def test_penalties_are_sums_of_sizes_and_of_squares():
    parameters = [Value([[1.0, -2.0]]), Value([3.0]), Value(-1.0)]
    assert l1_penalty(parameters).data == 7
    assert l2_penalty(parameters).data == 15
    (l1_penalty(parameters) * 10 + l2_penalty(parameters)).backward()
    assert_array_equal(parameters[0].grad, [[12, -14]])
    assert parameters[2].grad == -12
    assert l2_penalty([]).data == 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_choice_among_many_numbers_is_numpys_bit_for_bit(dtype):
    draw = np.random.default_rng(0)
    x, y = draw.normal(size=(2, 50, 40)).astype(dtype)
    x[0, :4] = y[1, :4] = [np.nan, np.inf, -np.inf, -0.0]
    mask = draw.random((50, 40)) > 0.5
    for pair in [
        (x, y),
        (x, 0.0),
        (0.0, x),
        (x, -0.0),
        (x, 2.5),
        (x, y[0]),
        (x[:, :1], y),
        (x[::-1], np.asfortranarray(y)),
    ]:
        found, expected = where(mask, *pair).data, np.where(mask, *pair).astype(dtype)
        assert found.dtype == dtype
        assert found.tobytes() == expected.tobytes()


@pytest.mark.parametrize("slope", [0.01, 0.0, 0.5, 1.0, 2.0, -0.5])
@np.errstate(invalid="ignore")  # 0·inf, where the slope is 0
def test_the_gradient_of_many_leaky_relus_is_g_or_slope_times_g(slope):
    draw = np.random.default_rng(0)
    x, g = draw.normal(size=(2, 50, 40)).astype(np.float32)
    g[0, :3] = [np.inf, -np.inf, 0.0]
    value = Value(x)
    value.leaky_relu(slope).backward(g)
    assert_array_equal(value.grad, np.where(x > 0, g, np.float32(slope) * g))


# --- labels -----------------------------------------------------------------------------------------------------------


def labels_below(root):
    found, waiting = set(), [root]
    while waiting:
        node = waiting.pop()
        if node is not None:
            found.add(node.label)
            waiting += (node.x, node.y)
    return found - {""}


def test_a_network_of_scalars_is_labelled_as_the_textbook_writes_it():
    net = MLP(2, [2, 1])
    assert [p.label for p in net.parameters()] == [
        "w₁₁⁽²⁾", "w₁₂⁽²⁾", "b₁⁽²⁾", "w₂₁⁽²⁾", "w₂₂⁽²⁾", "b₂⁽²⁾", "w₁₁⁽³⁾", "w₁₂⁽³⁾", "b₁⁽³⁾",
    ]  # fmt: skip
    out = net([Value(1.0, "x₁"), Value(2.0, "x₂")])
    computed = {"z₁⁽²⁾", "z₂⁽²⁾", "a₁⁽²⁾", "a₂⁽²⁾", "z₁⁽³⁾", "x₁", "x₂"}
    assert labels_below(out) == computed | {p.label for p in net.parameters()}
    assert out.label == "z₁⁽³⁾"


def test_a_neuron_and_a_layer_on_their_own_are_numbered_as_far_as_is_known():
    assert [p.label for p in Neuron(2).parameters()] == ["w₁", "w₂", "b"]
    assert Neuron(1)([1.0]).label == "a"
    assert [p.label for p in Layer(1, 2).parameters()] == ["w₁₁", "b₁", "w₂₁", "b₂"]


def test_numbers_of_two_digits_are_kept_apart():
    layer = MLP(1, [12, 1]).layers[0]
    assert layer.neurons[11].w[0].label == "w₁₂,₁⁽²⁾"
    assert layer.neurons[0].w[0].label == "w₁₁⁽²⁾"


def test_a_neuron_without_inputs_keeps_the_label_of_its_bias():
    neuron = Neuron(0, nonlin=False)
    assert neuron([]).label == "b"


def test_the_same_in_place_is_computed_out_of_place_and_shown():
    x = Value([-1.0, 2.0])
    for layer in (ReLU(inplace=True), LeakyReLU(0.1, inplace=True)):
        assert "inplace=True" in repr(layer)
        assert_array_equal(layer(x).data, type(layer)(*[0.1] * (type(layer) is LeakyReLU))(x).data)
    assert_array_equal(x.data, [-1, 2])
    assert repr(ReLU()) == "ReLU()"


def test_an_identity_gives_what_came():
    x = Value([1.0])
    assert Identity(54, unused=1)(x) is x
    assert repr(Identity(54)) == "Identity()"


def test_children_are_the_modules_directly_inside_each_once_by_its_first_name():
    shared, inner = Tanh(), Sequential(Sigmoid())
    model = Sequential(shared, inner, shared)
    model.others = [ReLU()]
    assert [name for name, _ in model.named_children()] == ["0", "1", "others.0"]
    assert model.children() == [shared, inner, model.others[0]]
    assert Sigmoid().children() == []
    assert [name for name, _ in model.named_modules()] == ["", "0", "1", "1.0", "others.0"]


def test_a_modules_zero_grad_sets_zeros_where_it_is_asked_to():
    layer = Linear(2, 1, seed=0)
    layer.weight.grad = held = np.ones((1, 2), np.float32)
    layer.zero_grad(set_to_none=False)
    assert_array_equal(layer.weight.grad, [[0, 0]])
    assert_array_equal(held, 1)
    assert layer.weight.grad.dtype == np.float32
    assert layer.bias.grad is UNSET
    layer.zero_grad()
    assert layer.weight.grad is UNSET
