"""Where a model goes on elsewhere: its weights in a safetensors file, itself as a PyTorch module or an ONNX file.

    save_model(model, "model.safetensors")  # as safetensors.torch.save_model writes a PyTorch module
    load_model(model, "model.safetensors")
    theirs = to_torch(model)
    to_onnx(model, x, "model.onnx")

Names and layout are PyTorch's everywhere: a state_dict of `to_torch(model)` is loaded by `model.load_state_dict`.
Nothing is pickled, and no pickle is opened.
"""

import os
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from micrograd_kr import checkpoints, files
from micrograd_kr.checkpoints import CheckpointError, Location
from micrograd_kr.engine import Value, no_grad
from micrograd_kr.nn import layers
from micrograd_kr.nn.modules import Module, Sequential
from micrograd_kr.nn.scalars import MLP, Layer, Neuron

__all__ = ["from_torch", "load_model", "save_model", "to_onnx", "to_torch"]

OPSET = 17  # of ONNX: 2022's, which has all that is needed; each runtime since then reads it


# --- weights in a file ------------------------------------------------------------------------------------------------


def save_model(model: Module, path: Location, metadata: Mapping[str, str] | None = None) -> None:
    """Write a model's weights as a safetensors file: whole, or not at all. PyTorch's tools read it.

    The file is what `safetensors.torch.save_model` writes: arrays under the names of the state_dict, a shared one once,
    by its first name, and in the metadata its other names with that.

    Raises TypeError for metadata that is no mapping from texts to texts, OSError where the file cannot be written.
    """
    from safetensors.numpy import save

    if not isinstance(metadata, Mapping | None):
        raise TypeError(f"expected a mapping from texts to texts as metadata, got {type(metadata).__name__}")
    for entry in (metadata or {}).items():
        if set(map(type, entry)) != {str}:
            got = "{!r}: {!r}; write str(…)".format(*entry)
            raise TypeError(f"expected texts in the metadata of a safetensors file, got {got}")
    arrays = {name: np.asarray(each.data, order="C") for name, each in model.named_parameters()}
    others = {name: first for name, first in _first_names(model).items() if name != first}
    files.put(path, save(arrays, {"format": "pt", **others, **(metadata or {})}))


def load_model(model: Module, path: Location, strict: bool = True) -> dict[str, str]:
    """Take over the weights of a safetensors file, written here or by PyTorch; gives the file's metadata.

    strict: every name must be there, and no other. The model's dtypes stay. Raises CheckpointError for a file that is
    none, RuntimeError, as PyTorch does, for names, shapes or dtypes that do not fit; then nothing has been changed.
    """
    from safetensors import SafetensorError, deserialize

    raw = checkpoints.contents(path, "a safetensors file")
    try:
        tensors: dict[str, dict[str, Any]] = dict(deserialize(raw))  # type: ignore[no-untyped-call, unused-ignore]
    except SafetensorError as error:
        remedy = "give what save_model wrote, or PyTorch with safetensors.torch.save_file(module.state_dict(), …)"
        raise CheckpointError(
            f"expected a safetensors file, got {checkpoints.refused(path, raw, error, remedy)}"
        ) from error
    metadata = checkpoints.metadata(raw)
    first = _first_names(model)
    known = {name: each for name, each in tensors.items() if name in first}
    if "tree" in metadata and len(known) < len(first):
        remedy = f"""take its model's, model.load_state_dict(checkpoints.load({os.fspath(path)!r})["model"])"""
        raise RuntimeError(f"expected the weights of this model, got {path}, the checkpoint of a run: {remedy}")
    odd = ", ".join(f"{name} in {each['dtype']}" for name, each in sorted(known.items()) if each["dtype"] not in READ)
    if odd:
        remedy = "write the model's .float() there; whole numbers are quantised weights, which need their scale"
        raise RuntimeError(f"expected weights in F32 or F64 (float32, float64), got {odd} in {path}: {remedy}")
    state: dict[str, Any] = dict.fromkeys(tensors)  # what the model does not have is only named
    state |= {name: np.frombuffer(x["data"], READ[x["dtype"]]).reshape(x["shape"]) for name, x in known.items()}
    by_first = {first[name]: state[name] for name in known}
    model.load_state_dict(state | {name: by_first[kept] for name, kept in first.items() if kept in by_first}, strict)
    return metadata


READ: Any = {"F32": np.dtype("<f4"), "F64": np.dtype("<f8")}  # the dtypes of parameters, as safetensors calls them


def _first_names(model: Module) -> dict[str, str]:
    """The first name of each parameter by each of its names."""
    first = {id(each): name for name, each in model.named_parameters()}
    return {name: first[id(each)] for name, each in model.named_parameters(remove_duplicate=False)}


# --- the table --------------------------------------------------------------------------------------------------------


class _Row(NamedTuple):
    """How a layer is made elsewhere.

    options: its arguments, whose names are PyTorch's. nodes: adds what it computes to an ONNX graph, from the graph,
    the layer, its path, the name of its input, and an example of what comes in and of what goes out; gives the name of
    its output. None where it does nothing in evaluation.
    """

    options: Callable[[Any], dict[str, Any]]
    nodes: Callable[["_Graph", Any, str, str, np.ndarray, np.ndarray], str] | None


def _options(*names: str) -> Callable[[Any], dict[str, Any]]:
    return lambda layer: {name: getattr(layer, name) for name in names}


def _node(operator: str, **attributes: str) -> Any:
    """One node; attributes: the layer's by their names in ONNX."""

    def nodes(graph: "_Graph", layer: Any, path: str, x: str, *example: np.ndarray) -> str:
        return graph.node(operator, path, x, **{theirs: getattr(layer, ours) for theirs, ours in attributes.items()})

    return nodes


def _linear(graph: "_Graph", layer: Any, path: str, x: str, before: np.ndarray, after: np.ndarray) -> str:
    weight = graph.constant(_name(path, "weight"), layer.weight)
    bias = [] if layer.bias is None else [graph.constant(_name(path, "bias"), layer.bias)]
    if before.ndim == 2:
        return graph.node("Gemm", path, x, weight, *bias, transB=1)
    out = graph.node("MatMul", path, x, graph.node("Transpose", path, weight))
    return graph.node("Add", path, out, *bias) if bias else out


def _flatten(graph: "_Graph", layer: Any, path: str, x: str, before: np.ndarray, after: np.ndarray) -> str:
    # 0 is the length that came, as a batch's may be any. Where the batch itself is merged, its axis takes what is left.
    first = 0 if range(before.ndim)[layer.start_dim] else -1
    shape = np.array([first, *after.shape[1:]], np.int64)
    return graph.node("Reshape", path, x, graph.constant(_name(path, "shape"), shape))


_LOSSES = (
    layers.BCELoss,
    layers.BCEWithLogitsLoss,
    layers.CrossEntropyLoss,
    layers.L1Loss,
    layers.MSELoss,
    layers.NLLLoss,
)
_TABLE: dict[type[Module], _Row] = {
    layers.Linear: _Row(
        lambda layer: _options("in_features", "out_features")(layer) | {"bias": layer.bias is not None}, _linear
    ),
    layers.Identity: _Row(_options(), None),
    layers.Flatten: _Row(_options("start_dim", "end_dim"), _flatten),
    layers.Dropout: _Row(_options("p"), None),
    layers.Sigmoid: _Row(_options(), _node("Sigmoid")),
    layers.Tanh: _Row(_options(), _node("Tanh")),
    layers.ReLU: _Row(_options(), _node("Relu")),  # not inplace: PyTorch's would write over what Sigmoid still needs
    layers.LeakyReLU: _Row(_options("negative_slope"), _node("LeakyRelu", alpha="negative_slope")),  # alpha is float32
    layers.Softmax: _Row(_options("dim"), _node("Softmax", axis="dim")),
    layers.LogSoftmax: _Row(_options("dim"), _node("LogSoftmax", axis="dim")),
    **{loss: _Row(_options("reduction"), None) for loss in _LOSSES},
}


def _kind(part: Module, path: str) -> type[Module]:
    """The class whose computation a module's is, which a subclass may have under another name.

    Raises TypeError for a module that computes something of its own.
    """
    own: Any = type(part)
    bases: tuple[type[Module], ...] = own.__mro__
    kind = next((each for each in bases if each in {*_TABLE, Sequential, MLP, Layer, Neuron}), Module)
    if kind is not Module and (own.forward, own.__call__) == (kind.forward, kind.__call__):
        return kind
    place = f" at {path!r}" if path else ""
    remedy = (
        "put it together of these; or write its forward there, and take over its numbers: "
        "theirs.load_state_dict({name: torch.tensor(each) for name, each in model.state_dict().items()})"
    )
    raise TypeError(f"expected the layers of micrograd_kr.nn, got {own.__name__}{place}, a class of its own: {remedy}")


def _inside(sequential: Module) -> list[tuple[str, Module]]:
    """The modules of a Sequential with their names, a shared one as often as it is computed."""
    return [(name, each) for name, each in vars(sequential).items() if isinstance(each, Module)]


def _name(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


# --- micrograd's networks ---------------------------------------------------------------------------------------------


def _in_arrays(part: Module, path: str, made: dict[Module, Module]) -> Module:
    """A model with micrograd's networks in it as matrices; all that the table has is the model's own.

    made: what each part has become.
    """
    if part not in made:
        kind = _kind(part, path)
        if kind is Sequential:
            made[part] = Sequential().train(part.training)
            for name, each in _inside(part):
                setattr(made[part], name, _in_arrays(each, _name(path, name), made))
        else:
            made[part] = part if kind in _TABLE else _matrices(part)
    return made[part]


def _matrices(net: Module) -> Sequential:
    """micrograd's network as a Linear for each layer, with a ReLU where its neurons have one, in float64."""
    made: list[Module] = []
    for neurons in _rows(net):
        if len({(len(each.w), each.nonlin) for each in neurons}) != 1 or not neurons[0].w:
            raise TypeError(f"expected layers of neurons that are all alike and have inputs, got {neurons}")
        linear = layers.Linear(len(neurons[0].w), len(neurons), dtype=np.float64, seed=0)
        linear.load_state_dict(
            {"weight": [[w.data for w in each.w] for each in neurons], "bias": [each.b.data for each in neurons]}
        )
        made += [linear, *[layers.ReLU()] * neurons[0].nonlin]
    return Sequential(*made).train(net.training)


def _rows(net: Module) -> list[list[Neuron]]:
    """The neurons of a network, layer by layer."""
    return [layer.neurons for layer in net.layers] if isinstance(net, MLP) else [getattr(net, "neurons", [net])]


# --- PyTorch ----------------------------------------------------------------------------------------------------------


def to_torch(model: Module) -> Any:
    """A model as a torch.nn.Module of the same numbers, names, dtypes, and mode, training or evaluation.

    It has the model's outputs and gradients, and a copy of its numbers. Neuron, Layer and MLP become a Sequential of
    Linear and ReLU, for one sample or a batch, in float64. A loss becomes PyTorch's.

    Raises TypeError for a module of a class of one's own, ImportError where PyTorch is not installed.
    """
    try:
        import torch
    except ImportError as error:
        raise ImportError("to_torch needs PyTorch: pip install torch") from error
    made: dict[Module | Value, Any] = {}  # what is shared here is shared there

    def parameter(value: Value) -> Any:
        if value not in made:
            made[value] = torch.nn.Parameter(torch.from_numpy(np.array(value.data, order="C")))
        return made[value]

    def module(part: Module) -> Any:
        if part not in made:
            if isinstance(part, Sequential):
                made[part] = torch.nn.Sequential(OrderedDict((name, module(each)) for name, each in _inside(part)))
            else:
                made[part] = layer(part, _kind(part, ""))
            made[part].training = part.training
        return made[part]

    def layer(part: Module, kind: type[Module]) -> Any:
        with torch.device("meta"):  # no numbers are drawn there
            theirs = getattr(torch.nn, kind.__name__)(**_TABLE[kind].options(part))
        for name, _ in list(theirs.named_parameters()):
            setattr(theirs, name, parameter(getattr(part, name)))
        return theirs

    return module(_in_arrays(model, "", {}))


def from_torch(model: Module, state_dict: Mapping[str, Any]) -> None:
    """Take over the numbers of a state_dict of `to_torch(model)`, trained on there.

    Where micrograd's networks are in the model, whose numbers are matrices there; else it is `model.load_state_dict`.
    Raises RuntimeError for one that does not fit; then nothing has been changed.
    """
    made: dict[Module, Module] = {}
    _in_arrays(model, "", made).load_state_dict(state_dict)
    for net, arrays in made.items():
        if isinstance(net, MLP | Layer | Neuron):
            linears = [each for each in arrays.children() if isinstance(each, layers.Linear)]
            for neurons, linear in zip(_rows(net), linears, strict=True):
                rows = np.column_stack([each.data for each in linear.parameters()]).tolist()
                for neuron, row in zip(neurons, rows, strict=True):
                    for each, number in zip(neuron.parameters(), row, strict=True):
                        each.data = number


# --- ONNX -------------------------------------------------------------------------------------------------------------


def to_onnx(
    model: Module,
    example: Any,
    path: Location,
    *,
    input_name: str = "input",
    output_name: str = "output",
    batch: str | None = "batch",
) -> None:
    """Write what a model computes in evaluation, without dropout, as an ONNX file: whole, or not at all.

    The file takes inputs of the example's shape, in the dtype of the model, float32 or float64. The first of several
    axes may have any length and is called `batch`; with None it has the example's. Weights have the state_dict's names.
    Neuron, Layer and MLP become matrices, for one sample or a batch.

    Raises TypeError for a module of a class of one's own, ValueError for an example that does not fit the model, a
    model of several dtypes or names that something else has, ImportError where onnx is not installed, OSError where the
    file cannot be written.
    """
    try:
        import onnx
    except ImportError as error:
        raise ImportError('to_onnx needs onnx: pip install "micrograd-kr[onnx]"') from error
    parts = list(_parts(_in_arrays(model, "", {}), ""))
    x, made, at = _example(example, parts), _Graph(onnx), input_name
    kind = onnx.helper.np_dtype_to_tensor_dtype(x.dtype)
    shape = [batch or len(x), *x.shape[1:]] if x.ndim > 1 else x.shape
    ends = [onnx.helper.make_tensor_value_info(input_name, kind, shape)]
    ends += [onnx.helper.make_tensor_value_info(output_name, kind, None)]  # its shape is inferred
    for place, part, row in parts:
        if row.nodes is not None:
            with no_grad():
                out = part(x)
            after = np.asarray(out.data if isinstance(out, Value) else out)
            at, x = row.nodes(made, part, place, at, x, after), after
    if at == input_name:
        made.node("Identity", "", at)
    taken = {each.name for each in made.constants.values()}.union(*(node.output for node in made.nodes))
    if input_name == output_name or not taken.isdisjoint({input_name, output_name}):
        got = f"{input_name!r} and {output_name!r}: no two may be the same, nor the name of a weight or of a node"
        raise ValueError(f"expected names of the input and the output that nothing else has, got {got}")
    made.nodes[-1].output[0] = output_name
    graph = onnx.helper.make_graph(made.nodes, type(model).__name__, ends[:1], ends[1:], [*made.constants.values()])
    opsets = [onnx.helper.make_opsetid("", OPSET)]
    whole = onnx.helper.make_model(
        graph,
        opset_imports=opsets,
        ir_version=onnx.helper.find_min_ir_version_for(opsets),
        producer_name="micrograd_kr",
        doc_string=repr(model),
    )
    whole = onnx.shape_inference.infer_shapes(whole, check_type=True, strict_mode=True, data_prop=True)
    onnx.checker.check_model(whole, full_check=True)
    files.put(path, whole.SerializeToString())


def _parts(part: Module, path: str) -> Iterator[tuple[str, Any, _Row]]:
    """The layers of a model with their paths, in the order in which they are computed, each with its row."""
    if isinstance(part, Sequential):
        for name, each in _inside(part):
            yield from _parts(each, _name(path, name))
        return
    kind = _kind(part, path)
    if kind in _LOSSES:
        remedy = "export the model whose predictions go into it"
        raise TypeError(f"expected a model, which computes outputs from one input, got the loss {part}: {remedy}")
    yield path, part, _TABLE[kind]


def _example(example: Any, parts: list[tuple[str, Any, _Row]]) -> np.ndarray:
    """An input in the dtype of the model's parameters, or where it has none in the one that a Value has."""
    value = example if isinstance(example, Value) else Value(np.asarray(example))
    dtypes = {each.dtype for _, part, _ in parts for each in part.parameters()} or {value.dtype}
    if len(dtypes) > 1:
        got = " and ".join(sorted(map(str, dtypes)))
        raise ValueError(f"expected a model of one dtype, got {got}: make all its layers with one dtype=")
    return np.asarray(value.data, *dtypes)


class _Graph:
    """The nodes and constants of an ONNX graph while it is put together."""

    def __init__(self, onnx: Any) -> None:
        self.onnx = onnx
        self.nodes: list[Any] = []
        self.constants: dict[Value | str, Any] = {}

    def constant(self, name: str, given: Value | np.ndarray) -> str:
        """Numbers under a name, a shared parameter under its first."""
        key, array = (given, given.data) if isinstance(given, Value) else (name, given)
        if key not in self.constants:
            self.constants[key] = self.onnx.numpy_helper.from_array(np.asarray(array), name)
        return str(self.constants[key].name)

    def node(self, operator: str, path: str, *inputs: str, **attributes: Any) -> str:
        """A node of one output, both of one name."""
        name = _name(path, operator)
        self.nodes.append(self.onnx.helper.make_node(operator, inputs, [name], name, **attributes))
        return name
