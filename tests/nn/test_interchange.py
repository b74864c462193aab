"""What goes elsewhere computes the same there: weights in safetensors files, PyTorch modules, ONNX files; and back."""

import os
import pickle
import subprocess
import sys
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import safetensors
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st
from meanwhile import at_the_end, longer
from numpy.testing import assert_allclose, assert_array_equal

from micrograd_kr import Value, checkpoints, interchange, nn, optim, train
from micrograd_kr.checkpoints import CheckpointError
from micrograd_kr.interchange import from_torch, load_model, save_model, to_onnx, to_torch
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
)

F32, F64 = np.float32, np.float64
both = pytest.mark.parametrize("dtype", [F32, F64], ids=["float32", "float64"])
SCALARS = (Neuron, Layer, MLP)


def layers(dtype):
    """Of each class that nn exports, but for losses: models, and the shapes of what they take."""

    def linear(*sizes, **options):
        return Linear(*sizes, dtype=dtype, seed=sum(sizes), **options)

    shared = linear(3, 3)
    tied = Sequential(linear(3, 3), Tanh(), linear(3, 3))
    tied[2].weight = tied[0].weight
    return {
        "Linear": [
            (linear(3, 4), (5, 3)),
            (linear(3, 4, bias=False), (5, 3)),
            (linear(3, 4), (3,)),
            (linear(3, 1), (2, 5, 3)),
            (linear(3, 4, bias=False), (2, 1, 5, 3)),
        ],
        "Identity": [(Identity(5, unused=True), (2, 3)), (Identity(), (4,))],
        "Flatten": [
            (Flatten(), (5, 2, 3, 4)),
            (Flatten(), (5, 3)),
            (Flatten(0), (5, 2, 3)),
            (Flatten(0, 1), (5, 2, 3, 4)),
            (Flatten(1, 2), (5, 2, 3, 4)),
            (Flatten(-2), (5, 2, 3, 4)),
            (Flatten(0), (4,)),
        ],
        "Dropout": [(Dropout(0), (4, 3)), (Dropout(1), (4, 3)), (Dropout(0.5, seed=0).eval(), (4, 3))],
        "Sigmoid": [(Sigmoid(), (4, 3))],
        "Tanh": [(Tanh(), (4, 3))],
        "ReLU": [(ReLU(), (4, 3)), (Sequential(Sigmoid(), ReLU(inplace=True)), (4, 3))],
        "LeakyReLU": [(LeakyReLU(), (4, 3)), (LeakyReLU(0.5), (3,)), (LeakyReLU(2.0), (4, 3))],
        "Softmax": [(Softmax(dim=-1), (4, 3)), (Softmax(dim=0), (4, 3)), (Softmax(1), (2, 3, 4)), (Softmax(0), (3,))],
        "LogSoftmax": [(LogSoftmax(dim=-1), (4, 3)), (LogSoftmax(dim=1), (2, 3, 4)), (LogSoftmax(dim=0), (4, 3))],
        "Sequential": [
            (Sequential(), (4, 3)),
            (Sequential(Flatten(), linear(6, 4), LeakyReLU(0.1), Sequential(linear(4, 3), Softmax(-1))), (5, 2, 3)),
            (Sequential(shared, Sigmoid(), shared), (4, 3)),
            (tied, (4, 3)),
        ],
    }  # fmt: skip


def scalars():
    """micrograd's, which are float64 and take one sample."""
    return {
        "Neuron": [(Neuron(3), (3,)), (Neuron(2, nonlin=False), (2,))],
        "Layer": [(Layer(3, 4), (3,)), (Layer(3, 1), (3,)), (Layer(3, 2, nonlin=False), (3,))],
        "MLP": [(MLP(2, [4, 4, 1]), (2,)), (MLP(3, [2]), (3,)), (MLP(3, []), (3,)), (MLP(1, [3, 2]), (1,))],
    }


LOSSES = {
    "BCELoss": ([[0.2], [0.9], [0.5]], [[0.0], [1.0], [0.25]]),
    "BCEWithLogitsLoss": ([[0.2], [-3.0], [40.0]], [[0.0], [1.0], [0.25]]),
    "CrossEntropyLoss": ([[1.0, -2.0, 0.5], [0.0, 3.0, 1.0]], [2, 1]),
    "L1Loss": ([[0.2], [-3.0]], [[0.0], [1.0]]),
    "MSELoss": ([[0.2], [-3.0]], [[0.0], [1.0]]),
    "NLLLoss": ([[-1.0, -2.0, -0.5], [-3.0, -0.1, -1.0]], [2, 1]),
}


def cases(*built):
    """A case for each model, but built where it is needed: tests change their models."""
    return [(name, i) for each in built for name, models in each.items() for i in range(len(models))]


every_layer = pytest.mark.parametrize(("name", "i"), cases(layers(F32)))
every_net = pytest.mark.parametrize(("name", "i"), cases(scalars()))


def an_input(shape, dtype=F64, seed=0):
    x = np.random.default_rng(seed).normal(size=shape).astype(dtype)
    if x.size > 4:
        x.flat[1] = 0.0  # a kink
    return x


def assert_near(found, expected, dtype, name=""):
    """Equal to so many digits of the largest number: sums of many lose some of their own."""
    rtol = 1e-12 if dtype == F64 else 2e-6
    atol = rtol * max(np.abs(expected).max(initial=0), 1e-3)
    assert_allclose(found, expected, rtol=rtol, atol=atol, err_msg=name)


def uncompared():
    """The modules that nn exports and nothing here compares."""
    exported = {name: getattr(nn, name) for name in nn.__all__ if isinstance(getattr(nn, name), type)}
    kinds = {name for name, each in exported.items() if issubclass(each, Module)}
    return kinds - {"Module", *layers(F32), *scalars(), *LOSSES}


def test_every_layer_that_nn_exports_is_compared(monkeypatch):
    assert not uncompared()
    monkeypatch.setattr(nn, "Swish", type("Swish", (Module,), {}), raising=False)
    monkeypatch.setattr(nn, "__all__", [*nn.__all__, "Swish"])
    assert uncompared() == {"Swish"}


def test_neither_torch_nor_onnx_is_loaded_before_it_is_needed():
    code = "import sys, micrograd_kr.interchange; print({'torch', 'onnx', 'safetensors'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.parametrize(
    ("missing", "call", "message"),
    [
        ("torch", lambda: to_torch(Sigmoid()), "to_torch needs PyTorch: pip install torch"),
        (
            "onnx",
            lambda: to_onnx(Sigmoid(), [1.0], "x.onnx"),
            r'to_onnx needs onnx: pip install "micrograd-kr\[onnx\]"',
        ),
    ],
)
def test_what_is_not_installed_is_named_with_what_installs_it(missing, call, message, monkeypatch):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ImportError, match=message):
        call()


# --- PyTorch ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


def assert_same_in_torch(torch, model, theirs, x, dtype):
    """Outputs, and the gradients of parameters and input by a sum with weights."""
    model.zero_grad()
    theirs.zero_grad()
    ours, its = Value(x), torch.tensor(x, requires_grad=True)
    out, expected = model(ours), theirs(its)
    weights = an_input(out.shape, dtype, seed=9)
    assert_near(out.data, expected.detach().numpy(), dtype)
    (out * weights).sum().backward()
    (expected * torch.tensor(weights)).sum().backward()
    assert out.dtype == np.dtype(str(expected.dtype).removeprefix("torch."))
    assert_near(ours.grad, its.grad.numpy(), dtype)
    params = dict(theirs.named_parameters())
    assert [*params] == [name for name, _ in model.named_parameters()]
    for key, each in model.named_parameters():
        assert_near(each.grad, params[key].grad.numpy(), dtype, key)


@both
@every_layer
def test_a_layer_in_pytorch_has_the_same_outputs_and_gradients(torch, name, i, dtype):
    model, shape = layers(dtype)[name][i]
    theirs = to_torch(model)
    assert isinstance(theirs, torch.nn.Module)
    assert repr(theirs) == repr(model).replace("inplace=True", "").replace("Identity(…)", "Identity()")
    assert [*theirs.state_dict()] == [*model.state_dict()]
    assert_same_in_torch(torch, model, theirs, an_input(shape, dtype), dtype)


def flat(net, gradients):
    """The gradients of Linears as micrograd's net has its parameters: neuron by neuron, the bias after the weights."""
    pairs = zip(gradients[::2], gradients[1::2], strict=True)
    return [number for w, b in pairs for row in np.column_stack([w, b]) for number in row]


@every_net
def test_a_net_of_scalars_in_pytorch_has_the_same_outputs_and_gradients(torch, name, i):
    model, shape = scalars()[name][i]
    theirs, x = to_torch(model), an_input((6, *shape))
    out = theirs(torch.tensor(x))
    for sample, expected in zip(x, out.tolist(), strict=True):
        given = model(sample.tolist())
        ours = [getattr(each, "data", each) for each in (given if isinstance(given, list) else [given])]
        assert_allclose(ours, expected, rtol=1e-12, atol=1e-14)
    if not model.parameters():
        return
    out.sum().backward()
    for sample in x:
        given = model(sample.tolist())
        sum(given if isinstance(given, list) else [given]).backward()
    expected = flat(model, [each.grad.numpy() for each in theirs.parameters()])
    assert_allclose([each.grad for each in model.parameters()], expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_in_pytorch_is_the_same(torch, name, reduction):
    prediction, target = map(np.array, LOSSES[name])
    ours = getattr(nn, name)(reduction)
    expected = to_torch(ours)(torch.tensor(prediction), torch.tensor(target))
    assert_allclose(ours(Value(prediction), target).data, expected.numpy(), rtol=1e-12)


def test_a_weight_goes_to_pytorch_whatever_its_order_in_memory(torch):
    model = Sequential(Linear(3, 4, seed=0), Linear(4, 2, seed=1))
    model[0].weight.data = np.asfortranarray(model[0].weight.data)
    model[1].weight.data = model[1].weight.data[::-1, ::-1]
    assert_same_in_torch(torch, model, to_torch(model), an_input((5, 3), F32), F32)


def test_the_mode_comes_along_and_no_random_number_is_drawn(torch):
    model = Sequential(Linear(3, 4, seed=0), Sequential(Dropout(0.25, seed=0)))
    model[1].eval()
    state = torch.get_rng_state()
    theirs = to_torch(model)
    assert_array_equal(torch.get_rng_state().numpy(), state.numpy())
    assert [each.training for each in theirs.modules()] == [each.training for each in model.modules()]
    assert [each.training for each in theirs.modules()] == [True, True, False, False]
    ones = torch.ones(1000)
    assert set(theirs.train()[1](ones).tolist()) == {0.0, float(F32(1 / 0.75))}
    assert set(theirs.eval()[1](ones).tolist()) == {1.0}


def test_what_is_shared_here_is_shared_there_and_nothing_with_the_model(torch):
    shared = Linear(3, 3, seed=0)
    tied = Linear(3, 3, seed=1)
    tied.weight = shared.weight
    model = Sequential(shared, Tanh(), shared, tied)
    theirs = to_torch(model)
    assert theirs[0] is theirs[2]
    assert theirs[3].weight is theirs[0].weight
    with torch.no_grad():
        theirs[0].weight += 1
    assert (shared.weight.data != theirs[0].weight.detach().numpy()).all()


@pytest.mark.parametrize(
    ("fault", "plant"),
    [
        ("two rows of a weight exchanged", lambda theirs: theirs[0].weight.copy_(theirs[0].weight[[1, 0, 2]])),
        ("a transposed weight", lambda theirs: theirs[0].weight.copy_(theirs[0].weight.T.clone())),
        ("softmax along another axis", lambda theirs: setattr(theirs[2], "dim", 0)),
        ("another slope", lambda theirs: setattr(theirs[1], "negative_slope", 0.1)),
        ("a bias left out", lambda theirs: theirs[0].bias.zero_()),
    ],
)
def test_a_fault_in_what_pytorch_has_is_seen(torch, fault, plant):
    model = Sequential(Linear(3, 3, seed=0), LeakyReLU(), Softmax(dim=1))
    theirs, x = to_torch(model), an_input((4, 3), F32)
    assert_same_in_torch(torch, model, theirs, x, F32)
    with torch.no_grad():
        plant(theirs)
    with pytest.raises(AssertionError):
        assert_same_in_torch(torch, model, theirs, x, F32)


def test_a_layer_that_does_not_pass_its_gradient_on_is_seen(torch):
    model = Sequential(Linear(3, 3, seed=0), Tanh())
    theirs = to_torch(model)
    broken = torch.nn.Sequential(theirs[0], theirs[1])
    broken.forward = lambda x: theirs[1](theirs[0](x.detach()) + 0 * x)
    with pytest.raises(AssertionError):
        assert_same_in_torch(torch, model, broken, an_input((4, 3), F32), F32)


def test_what_was_trained_in_pytorch_comes_back(torch):
    model = Sequential(Linear(3, 4, seed=0), Tanh(), Linear(4, 1, seed=1))
    net = MLP(3, [4, 1])
    x = torch.tensor(an_input((8, 3), F32))
    for ours, dtype in ((model, torch.float32), (net, torch.float64)):
        theirs = to_torch(ours)
        theirs(x.to(dtype)).pow(2).sum().backward()
        with torch.no_grad():
            for each in theirs.parameters():
                each -= 0.1 * each.grad
        from_torch(ours, theirs.state_dict())
        expected = theirs(x.to(dtype)).detach().numpy().ravel()
        found = [ours(each.tolist()).item() for each in x]
        assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    mixed = Sequential(MLP(3, [4, 2]), Sequential(MLP(2, [1])))
    before = mixed(sample := [0.5, -1.0, 2.0]).item()
    from_torch(mixed, {name: each + 1 for name, each in to_torch(mixed).state_dict().items()})
    theirs = to_torch(mixed)
    assert mixed(sample).item() != before
    assert [*theirs.state_dict()][:2] == ["0.0.weight", "0.0.bias"]
    assert mixed(sample).item() == pytest.approx(theirs(torch.tensor(sample, dtype=torch.float64)).item(), rel=1e-12)
    model.load_state_dict(to_torch(model).state_dict())
    model.load_state_dict(dict(to_torch(model).named_parameters()))  # which ask for gradients
    with pytest.raises(RuntimeError, match=r"missing 2\.weight; missing 2\.bias; 0\.weight has shape \(2, 3\)"):
        from_torch(net, {"0.weight": torch.ones(2, 3), "0.bias": torch.ones(4)})


class Residual(Module):
    def __init__(self):
        self.inside = Linear(3, 3, seed=0)

    def forward(self, x):
        return x + self.inside(x)


class Squared(Linear):
    def forward(self, x):
        return super().forward(x) ** 2


class Net(Sequential):
    """A Sequential that only says what it is made of."""

    def __init__(self):
        super().__init__(Linear(3, 4, seed=0), Tanh())


ELSEWHERE = {"torch": to_torch, "onnx": lambda model: to_onnx(model, np.ones((2, 3)), "never.onnx")}


@pytest.mark.parametrize("there", ELSEWHERE)
@pytest.mark.parametrize("own", [Residual(), Squared(3, 3, seed=0), Module()], ids=lambda each: type(each).__name__)
def test_a_class_of_ones_own_is_named_with_its_place_and_what_can_be_done(own, there):
    pytest.importorskip(there)
    message = (
        rf"^expected the layers of micrograd_kr\.nn, got {type(own).__name__} at '1\.0', .*put it together of these"
    )
    with pytest.raises(TypeError, match=message):
        ELSEWHERE[there](Sequential(Tanh(), Sequential(own)))
    with pytest.raises(TypeError, match=f"got {type(own).__name__}, a class of its own"):
        ELSEWHERE[there](own)
    assert not os.path.exists("never.onnx")


def test_a_class_that_only_says_what_it_is_made_of_goes_elsewhere(torch):
    model = Net()
    assert_same_in_torch(torch, model, to_torch(model), an_input((4, 3), F32), F32)


@pytest.mark.parametrize("there", ELSEWHERE)
def test_neurons_that_are_not_alike_make_no_matrix(there):
    pytest.importorskip(there)
    odd = Layer(3, 2)
    odd.neurons[1].nonlin = False
    for net in (odd, Neuron(0)):
        with pytest.raises(TypeError, match=r"expected layers of neurons that are all alike and have inputs, got \["):
            ELSEWHERE[there](net)


# --- ONNX -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def onnx():
    pytest.importorskip("onnxruntime")
    return pytest.importorskip("onnx")


def session(path):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def in_evaluation(model, x):
    """What a model of this package gives without dropout, whatever its mode, which stays."""
    modes = [(each, each.training) for each in model.modules()]
    out = model.eval()(x)
    for each, training in modes:
        each.training = training
    return np.asarray(getattr(out, "data", out))


def assert_same_in_onnx(model, path, x, dtype):
    (out,) = session(path).run(None, {"input": x})
    expected = in_evaluation(model, x)
    assert out.dtype == expected.dtype == dtype
    assert out.shape == expected.shape
    assert_near(out, expected, F32)  # where a slope is float32 in ONNX, too


@both
@every_layer
def test_a_layer_in_onnxruntime_has_the_same_outputs(onnx, tmp_path, name, i, dtype):
    model, shape = layers(dtype)[name][i]
    path = tmp_path / "model.onnx"
    to_onnx(model, an_input(shape, dtype), path)
    onnx.checker.check_model(onnx.load(path), full_check=True)
    lengths = [shape[0], 1, 7] if len(shape) > 1 else [None]
    for length in lengths:  # a batch may have any length
        taken = shape if length is None else (length, *shape[1:])
        assert_same_in_onnx(model, path, an_input(taken, dtype, seed=1), dtype)


@every_net
def test_a_net_of_scalars_in_onnxruntime_has_the_same_outputs(onnx, tmp_path, name, i):
    model, shape = scalars()[name][i]
    x = an_input((6, *shape))
    to_onnx(model, x[:2], tmp_path / "batch.onnx")
    to_onnx(model, x[0], tmp_path / "one.onnx")
    (out,) = session(tmp_path / "batch.onnx").run(None, {"input": x})
    for sample, expected in zip(x, out, strict=True):
        given = model(sample.tolist())
        ours = [getattr(each, "data", each) for each in (given if isinstance(given, list) else [given])]
        assert_allclose(expected, ours, rtol=1e-12, atol=1e-14)
        assert_allclose(session(tmp_path / "one.onnx").run(None, {"input": sample})[0], ours, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_no_onnx_model(onnx, tmp_path, name):
    message = f"expected a model, which computes outputs from one input, got the loss {name}.*: export the model"
    with pytest.raises(TypeError, match=message):
        to_onnx(getattr(nn, name)(), [[1.0]], tmp_path / "loss.onnx")


def test_an_onnx_file_says_what_it_is_made_of(onnx, tmp_path):
    model = Sequential(Flatten(), Linear(6, 4, seed=0), Dropout(0.5), LeakyReLU(0.25), Linear(4, 2, seed=1))
    to_onnx(model, np.ones((5, 2, 3)), tmp_path / "model.onnx", input_name="image", output_name="logits", batch="n")
    made = onnx.load(tmp_path / "model.onnx")
    assert (made.producer_name, made.doc_string, made.ir_version) == ("micrograd_kr", repr(model), 8)
    assert [(each.domain, each.version) for each in made.opset_import] == [("", 17)]
    assert [each.op_type for each in made.graph.node] == ["Reshape", "Gemm", "LeakyRelu", "Gemm"]
    shapes = [[each.dim_param or each.dim_value for each in end.type.tensor_type.shape.dim]
              for end in (*made.graph.input, *made.graph.output)]  # fmt: skip
    assert [each.name for each in (*made.graph.input, *made.graph.output)] == ["image", "logits"]
    assert shapes == [["n", 2, 3], ["n", 2]]
    weights = {each.name: onnx.numpy_helper.to_array(each) for each in made.graph.initializer}
    for name, each in model.state_dict().items():
        assert_array_equal(weights[name], each)
    to_onnx(Sequential(Tanh()), 0.5, tmp_path / "number.onnx")
    assert session(tmp_path / "number.onnx").run(None, {"input": np.array(0.5)})[0] == pytest.approx(np.tanh(0.5))
    to_onnx(model, np.ones((5, 2, 3)), tmp_path / "fixed.onnx", batch=None)
    fixed = onnx.load(tmp_path / "fixed.onnx").graph.input[0].type.tensor_type.shape.dim
    assert [each.dim_value for each in fixed] == [5, 2, 3]


def test_to_make_an_onnx_file_changes_nothing_in_the_model(onnx, tmp_path):
    model = Sequential(Linear(3, 3, seed=0), Dropout(0.5, seed=np.random.default_rng(0)))
    drawn, state = model[1].generator.bit_generator.state, model.state_dict()
    to_onnx(model, np.ones((2, 3)), tmp_path / "model.onnx")
    assert model[1].generator.bit_generator.state == drawn
    assert all(each.training for each in model.modules())
    assert all((model.state_dict()[name] == each).all() for name, each in state.items())


def test_a_shared_weight_stands_in_an_onnx_file_once(onnx, tmp_path):
    shared = Linear(3, 3, seed=0)
    to_onnx(Sequential(shared, Tanh(), shared), np.ones((2, 3)), tmp_path / "model.onnx")
    assert [each.name for each in onnx.load(tmp_path / "model.onnx").graph.initializer] == ["0.weight", "0.bias"]


def test_what_an_onnx_file_cannot_be_made_of_is_refused_and_the_one_before_stays(onnx, tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"before")
    model = Sequential(Linear(3, 3, seed=0), Tanh(), Linear(3, 3, dtype=F64, seed=0))
    with pytest.raises(ValueError, match="expected a model of one dtype, got float32 and float64: make all its layers"):
        to_onnx(model, np.ones((2, 3)), path)
    with pytest.raises(ValueError, match=r"Linear\(3, 3\) needs 3 features, got an input of shape \(2, 4\)"):
        to_onnx(model[:2], np.ones((2, 4)), path)
    with pytest.raises(TypeError, match="float16"):
        to_onnx(Tanh(), np.ones((2, 3), np.float16), path)
    with pytest.raises(FileNotFoundError):
        to_onnx(model[:2], np.ones((2, 3)), tmp_path / "nowhere" / "model.onnx")
    assert path.read_bytes() == b"before"
    assert os.listdir(tmp_path) == ["model.onnx"]


def rows_exchanged(onnx, made):
    weight = made.graph.initializer[0]
    array = onnx.numpy_helper.to_array(weight)[[1, 0, 2]]
    weight.CopyFrom(onnx.numpy_helper.from_array(array, weight.name))


ONNX_FAULTS = {
    "two rows of a weight exchanged": rows_exchanged,
    "a transposed weight": lambda onnx, made: setattr(made.graph.node[0].attribute[0], "i", 0),
    "another slope": lambda onnx, made: setattr(made.graph.node[1].attribute[0], "f", 0.1),
    "softmax along another axis": lambda onnx, made: setattr(made.graph.node[2].attribute[0], "i", 0),
    "a bias left out": lambda onnx, made: made.graph.node[0].input.pop(),
    "another function": lambda onnx, made: setattr(made.graph.node[2], "op_type", "LogSoftmax"),
}


@pytest.mark.parametrize("fault", ONNX_FAULTS)
def test_a_fault_in_an_onnx_file_is_seen(onnx, tmp_path, fault):
    model, path, x = (
        Sequential(Linear(3, 3, seed=0), LeakyReLU(), Softmax(dim=1)),
        tmp_path / "m.onnx",
        an_input((4, 3), F32),
    )
    to_onnx(model, x, path)
    assert_same_in_onnx(model, path, x, F32)
    made = onnx.load(path)
    ONNX_FAULTS[fault](onnx, made)
    onnx.save(made, path)
    with pytest.raises(AssertionError):
        assert_same_in_onnx(model, path, x, F32)


# --- a whole model ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained():
    """The chapter's network for images, in small, after some epochs on images of ten kinds."""
    draw = np.random.default_rng(0)
    kinds = draw.random((10, 28, 28), F32)
    y = draw.integers(0, 10, 400)
    x = (kinds[y] + draw.normal(0, 0.3, (400, 28, 28))).astype(F32)
    sizes = [784, 64, 32, 10]
    hidden = [
        each
        for n, m in pairwise(sizes[:-1])
        for each in (Linear(n, m, seed=draw), LeakyReLU(0.1), Dropout(0.2, seed=draw))
    ]
    model = Sequential(Flatten(), *hidden, Linear(32, 10, seed=draw), LogSoftmax(dim=-1))
    optimizer = optim.Adam(model.parameters())
    train.fit(model, nn.NLLLoss(), optimizer, (x, y), epochs=4, batch_size=50, verbose=False)
    assert np.mean(model.eval()(x).data.argmax(1) == y) > 0.9
    return model, x


def test_a_trained_network_gives_the_same_in_pytorch(torch, trained):
    model, x = trained
    assert_same_in_torch(torch, model, to_torch(model), x[:50], F32)


def test_a_trained_network_gives_the_same_in_onnxruntime(onnx, trained, tmp_path):
    model, x = trained
    to_onnx(model, x[:1], tmp_path / "model.onnx")
    assert_same_in_onnx(model, tmp_path / "model.onnx", x, F32)


def test_a_trained_network_comes_back_from_its_file(trained, tmp_path):
    model, x = trained
    save_model(model, tmp_path / "model.safetensors")
    other = Sequential(*[Linear(each.in_features, each.out_features, seed=7) if isinstance(each, Linear) else each
                         for each in model])  # fmt: skip
    load_model(other, tmp_path / "model.safetensors")
    assert_array_equal(other(x).data, model(x).data)


# --- safetensors ------------------------------------------------------------------------------------------------------


def small(seed=0, dtype=F32):
    return Sequential(Linear(3, 4, dtype=dtype, seed=seed), Tanh(), Linear(4, 2, dtype=dtype, seed=seed + 1))


def assert_equal_states(ours, others):
    assert {*ours} == {*others}
    for name, each in ours.items():
        assert_array_equal(np.asarray(each), np.asarray(others[name]), err_msg=name)


@both
def test_weights_come_back_bit_for_bit_with_their_metadata(tmp_path, dtype):
    path, model, other = tmp_path / "m.safetensors", small(dtype=dtype), small(5, dtype=dtype)
    save_model(model, path, {"epoch": "3", "data": "숫자"})
    assert load_model(other, path) == {"format": "pt", "epoch": "3", "data": "숫자"}
    assert_equal_states(model.state_dict(), other.state_dict())
    with safetensors.safe_open(path, "numpy") as file:
        assert file.metadata() == {"format": "pt", "epoch": "3", "data": "숫자"}
        assert {name: file.get_tensor(name).dtype for name in file.keys()} == dict.fromkeys(model.state_dict(), dtype)  # noqa: SIM118


def test_the_numbers_of_scalars_come_back(tmp_path):
    net, other = MLP(2, [3, 1]), MLP(2, [3, 1])
    save_model(net, tmp_path / "m.safetensors")
    load_model(other, tmp_path / "m.safetensors")
    assert [each.data for each in other.parameters()] == [each.data for each in net.parameters()]
    assert type(other.parameters()[0].data) is float


def test_dtypes_stay_those_of_the_model(tmp_path):
    save_model(small(dtype=F64), tmp_path / "m.safetensors")
    model = small(5)
    load_model(model, tmp_path / "m.safetensors")
    assert {each.dtype for each in model.parameters()} == {np.dtype(F32)}
    assert_equal_states(model.state_dict(), {n: x.astype(F32) for n, x in small(dtype=F64).state_dict().items()})


@pytest.mark.parametrize("written", ["save_model", "checkpoint"])
def test_a_weight_that_stands_by_columns_in_memory_is_no_transposed_one_in_the_file(tmp_path, written):
    path, model = tmp_path / "m.safetensors", small()
    model[0].weight.data = np.asfortranarray(model[0].weight.data)
    if written == "checkpoint":
        checkpoints.save(path, model.state_dict())
        assert checkpoints.load(path)["0.weight"].flags.f_contiguous
    else:
        save_model(model, path)
    assert_equal_states(model.state_dict(), safetensors.numpy.load_file(path))


def test_a_shared_weight_stands_in_the_file_once_and_comes_back(tmp_path):
    def tied(seed):
        model = Sequential(Linear(3, 3, seed=seed), Tanh(), Linear(3, 3, seed=seed + 1))
        model[2].weight = model[0].weight
        return model

    path, model, other = tmp_path / "m.safetensors", tied(0), tied(5)
    save_model(model, path)
    assert [*safetensors.numpy.load_file(path)] == ["0.bias", "0.weight", "2.bias"]
    assert load_model(other, path)["2.weight"] == "0.weight"
    assert_equal_states(model.state_dict(), other.state_dict())
    torch = pytest.importorskip("torch")
    torchs = pytest.importorskip("safetensors.torch")
    theirs = to_torch(other)
    torchs.load_model(theirs, path)
    torchs.save_model(theirs, path)
    load_model(tied(9), path)
    with torch.no_grad():
        theirs[0].weight += 1
    torchs.save_model(theirs, path)
    load_model(other, path)
    assert_allclose(other[2].weight.data, model[0].weight.data + 1, rtol=1e-6)


def test_pytorchs_tools_read_and_write_what_is_read_and_written_here(torch, tmp_path):
    torchs = pytest.importorskip("safetensors.torch")
    path, model, other = tmp_path / "m.safetensors", small(), small(5)
    save_model(model, path, {"epoch": "3"})
    theirs = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
    theirs.load_state_dict(torchs.load_file(path))
    assert_same_in_torch(torch, model, theirs, an_input((5, 3), F32), F32)
    with safetensors.safe_open(path, "pt") as file:
        metadata = file.metadata()
    torchs.save_file(theirs.state_dict(), path, metadata=metadata)
    assert load_model(other, path) == {"format": "pt", "epoch": "3"}
    assert_equal_states(model.state_dict(), other.state_dict())


def test_a_checkpoint_that_pytorchs_tools_wrote_anew_is_the_same_checkpoint(torch, tmp_path):
    torchs = pytest.importorskip("safetensors.torch")
    path, model = tmp_path / "run.safetensors", small()
    model[2].weight.data = np.asfortranarray(model[2].weight.data)
    checkpoints.save(path, {"epoch": 3, "model": model.state_dict(), "lr": np.float32(0.1)})
    tensors = torchs.load_file(path)
    theirs = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
    theirs.load_state_dict({n.removeprefix("model/"): x for n, x in tensors.items() if n.startswith("model/")})
    assert_same_in_torch(torch, model, theirs, an_input((5, 3), F32), F32)
    with safetensors.safe_open(path, "pt") as file:
        metadata = file.metadata()
    torchs.save_file(tensors, path, metadata)
    again = checkpoints.load(path)
    assert (again["epoch"], again["lr"], type(again["lr"])) == (3, F32(0.1), F32)
    assert_equal_states(again["model"], model.state_dict())
    assert again["model"]["2.weight"].flags.f_contiguous


def refused(model, path, message, error=RuntimeError, **options):
    before = model.state_dict()
    with pytest.raises(error, match=message):
        load_model(model, path, **options)
    assert_equal_states(before, model.state_dict())


FIT = "^expected the state_dict of a Sequential like this one, got one that does not fit: "


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"0.bias": None}, FIT + r"missing 0\.bias\. Build the model it was saved from$"),
        ({"1.running_mean": np.ones(4, F32)}, FIT + r"unexpected 1\.running_mean\. Build"),
        ({"1.num_batches_tracked": np.int64(5)}, FIT + r"unexpected 1\.num_batches_tracked\. Build"),
        (
            {"0.weight": np.ones((3, 4), F32)},
            r"0\.weight has shape \(3, 4\) where this model has \(4, 3\), its axes tu.*\.T",
        ),
        ({"2.weight": np.ones((4, 4), F32)}, r"2\.weight has shape \(4, 4\) where this model has \(2, 4\)\. Build"),
        ({"0.bias": np.ones(0, F32)}, r"0\.bias has shape \(0,\) where this model has \(4,\)\. Build"),
        ({"0.bias": np.ones((4, 1), F32)}, r"0\.bias has shape \(4, 1\) where this model has \(4,\)\. Build"),
        ({"0.bias": np.ones(4, np.float16)}, r"F32 or F64 \(float32, float64\), got 0\.bias in F16 in .*\.float\(\)"),
        (
            {"0.bias": np.ones(4, np.int8), "2.bias": np.ones(2, bool)},
            "got 0.bias in I8, 2.bias in BOOL in .*quantised",
        ),
    ],
)
def test_a_file_that_does_not_fit_says_what_was_expected_what_came_and_what_to_do(tmp_path, change, message):
    path, arrays = tmp_path / "m.safetensors", {**small(5).state_dict(), **change}
    arrays = {name: np.asarray(each) for name, each in arrays.items() if each is not None}
    safetensors.numpy.save_file(arrays, path)
    refused(small(), path, message)


def test_without_strict_names_may_differ_but_nothing_else(tmp_path):
    path, model = tmp_path / "m.safetensors", small()
    safetensors.numpy.save_file({"0.bias": np.full(4, 7, F32), "other": np.ones(1, np.int8)}, path)
    assert load_model(model, path, strict=False) == {}
    assert_array_equal(model[0].bias.data, 7)
    safetensors.numpy.save_file({"0.bias": np.full(5, 7, F32)}, path)
    refused(model, path, r"0\.bias has shape \(5,\)", strict=False)


def test_names_that_all_begin_alike_are_told(tmp_path):
    path = tmp_path / "m.safetensors"
    safetensors.numpy.save_file({f"module.{name}": each for name, each in small().state_dict().items()}, path)
    refused(small(), path, r"""Its names begin with 'module\.': take that off, name\.removeprefix\('module\.'\)$""")


def test_brain_floats_are_told_from_a_file_and_from_tensors(torch, tmp_path):
    torchs = pytest.importorskip("safetensors.torch")
    path, model = tmp_path / "m.safetensors", small()
    theirs = to_torch(model).bfloat16()
    torchs.save_file(theirs.state_dict(), path)
    refused(model, path, r"got .*0\.weight in BF16.*: write the model's \.float\(\) there")
    with pytest.raises(
        RuntimeError, match=r"0\.bias holds torch\.bfloat16, which numpy cannot read: .* its \.float\(\)"
    ):
        model.load_state_dict(theirs.state_dict())
    model.load_state_dict(theirs.float().state_dict())


def test_a_checkpoint_of_a_run_is_told_and_how_to_take_its_model(tmp_path):
    path, model = tmp_path / "run.safetensors", small()
    checkpoints.save(path, {"epoch": 3, "model": small(5).state_dict()})
    refused(model, path, r"""the checkpoint of a run: take its model's, model\.load_state_dict\(checkpoints\.load\(""")
    checkpoints.save(path, small(5).state_dict())  # one that holds nothing but weights is a file of weights
    load_model(model, path)
    assert_equal_states(model.state_dict(), small(5).state_dict())


class Planted:
    """What runs a program where it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return Path.touch, (Path(self.path),)


def test_a_pickle_is_never_opened_and_what_writes_it_anew_is_told(tmp_path):
    path, ran = tmp_path / "m.pt", tmp_path / "ran"
    written = [pickle.dumps(Planted(ran), protocol) for protocol in (2, 4, 5)]
    np.savez(tmp_path / "m.npz", a=np.ones(3))
    written.append((tmp_path / "m.npz").read_bytes())
    for contents in written:
        assert_never_opened(contents, path)
    assert not ran.exists()
    pickle.loads(written[0])
    assert ran.exists()


def assert_never_opened(contents, path):
    path.write_bytes(contents)
    message = (
        r"m\.pt, a pickle or a zip file as torch\.save writes it, which is never opened.*safetensors\.torch\.save_file"
    )
    refused(small(), path, "^expected a safetensors file, got .*" + message, CheckpointError)
    with pytest.raises(CheckpointError, match=message):
        checkpoints.load(path)


@pytest.mark.parametrize("zipped", [True, False])
def test_what_torch_save_writes_is_a_pickle(torch, tmp_path, zipped):
    path = tmp_path / "m.pt"
    torch.save(to_torch(small()).state_dict(), path, _use_new_zipfile_serialization=zipped)
    assert_never_opened(path.read_bytes(), path)


@pytest.mark.parametrize("names", [("0.weight", "y"), ("x", "0.weight"), ("x", "x"), ("x", "0.Gemm")])
def test_a_name_of_input_or_output_that_something_else_has_is_refused(names, tmp_path):
    pytest.importorskip("onnx")
    model = Sequential(Linear(4, 4), Linear(4, 2))
    with pytest.raises(ValueError, match="expected names of the input and the output that nothing else has, got"):
        to_onnx(model, np.ones((4, 4)), tmp_path / "m.onnx", input_name=names[0], output_name=names[1])
    assert not list(tmp_path.iterdir())


def test_a_file_of_weights_that_is_written_to_while_it_is_read_is_told_and_changes_nothing(tmp_path, monkeypatch):
    model, path = small(), tmp_path / "m.safetensors"
    save_model(small(), path)
    before = model.state_dict()
    with monkeypatch.context() as patch:
        at_the_end(patch, longer, path)
        with pytest.raises(CheckpointError, match=r"expected a safetensors file that stays as it is .* load it again"):
            load_model(model, path)
    assert all((each == before[name]).all() for name, each in model.state_dict().items())


@pytest.mark.parametrize("metadata", ["ab", [("a", "b")]])
def test_metadata_that_is_no_mapping_is_refused(metadata, tmp_path):
    with pytest.raises(TypeError, match="expected a mapping from texts to texts as metadata, got"):
        save_model(small(), tmp_path / "m.safetensors", metadata)


def test_metadata_of_anything_but_texts_is_refused_and_the_file_before_stays(tmp_path):
    path = tmp_path / "m.safetensors"
    save_model(small(), path)
    before = path.read_bytes()
    with pytest.raises(TypeError, match=r"expected texts in the metadata .*, got 'epoch': 3; write str"):
        save_model(small(5), path, {"epoch": 3})
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["m.safetensors"]


WHOLE = safetensors.numpy.save(small(5).state_dict(), {"a": "b"})


@settings(max_examples=200)
@given(
    contents=st.binary(max_size=60)
    | st.integers(0, len(WHOLE) - 1).map(lambda end: WHOLE[:end])
    | st.tuples(st.integers(0, 400), st.integers(0, 255)).map(
        lambda at: WHOLE[: at[0]] + bytes([at[1]]) + WHOLE[at[0] + 1 :]
    )
)
def test_any_bytes_are_weights_that_fit_or_an_error_in_words(tmp_path_factory, contents):
    path = tmp_path_factory.getbasetemp() / "any.safetensors"
    path.write_bytes(contents)
    model = small()
    with suppress(CheckpointError, RuntimeError):
        load_model(model, path)
        return
    assert_equal_states(model.state_dict(), small().state_dict())


def test_a_file_of_something_else_is_told_with_what_to_give(tmp_path):
    path = tmp_path / "m.safetensors"
    path.write_bytes(b"weights: 1, 2, 3")
    message = (
        r"^expected a safetensors file, got .*m\.safetensors, which is none or is damaged \(.*\): give what save_model"
    )
    refused(small(), path, message, CheckpointError)


def test_no_file_is_a_file_not_found_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_model(small(), tmp_path / "m.safetensors")


def test_public_names_are_sorted():
    assert interchange.__all__ == sorted(interchange.__all__)
