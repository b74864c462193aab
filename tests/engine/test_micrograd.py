"""micrograd's own programs on this engine: its README, tests and lecture, with the numbers they give there."""

import random
from importlib import import_module

import pytest

from micrograd_kr import engine
from micrograd_kr.engine import UNSET, Value


def readme(value):
    """The example of micrograd's README, on any class of values."""
    a, b = value(-4.0), value(2.0)
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    e = c - d
    f = e**2
    g = f / 2.0
    g += 10.0 / f
    return a, b, g


def sanity_check(value):
    """A small expression in which x is reached over many paths."""
    x = value(-4.0)
    z = 2 * x + 2 + x
    q = z.relu() + z * x
    h = (z * z).relu()
    return x, h + q + q * x


def test_the_readme_example_gives_the_printed_numbers():
    a, b, g = readme(Value)
    assert f"{g.data:.4f}" == f"{g:.4f}" == "24.7041"
    g.backward()
    assert f"{a.grad:.4f}" == "138.8338"
    assert f"{b.grad:.4f}" == "645.5773"


def test_the_readme_example_gives_the_exact_numbers():
    a, b, g = readme(Value)
    g.backward()
    assert g.data == pytest.approx(24.70408163265306, rel=1e-15)
    assert a.grad == pytest.approx(138.83381924198252, rel=1e-15)
    assert b.grad == pytest.approx(645.5772594752186, rel=1e-15)


def test_the_readme_example_is_the_same_in_tensors():
    a, b, g = readme(lambda x: Value([x, x]))
    g.sum().backward()
    assert a.grad == pytest.approx([138.83381924198252] * 2)
    assert b.grad == pytest.approx([645.5772594752186] * 2)


def test_its_sanity_check_gives_pytorchs_numbers():
    x, y = sanity_check(Value)
    y.backward()
    assert y.data == -20.0
    assert x.grad == 46.0


@pytest.mark.parametrize("program", [readme, sanity_check])
def test_micrograd_itself_gives_the_same(program):
    theirs = program(pytest.importorskip("micrograd.engine").Value)
    ours = program(Value)
    theirs[-1].backward()
    ours[-1].backward()
    for a, b in zip(ours, theirs, strict=True):
        assert a.data == pytest.approx(b.data, rel=1e-15)
        assert a.grad == pytest.approx(b.grad, rel=1e-14)


@pytest.mark.parametrize("program", [readme, sanity_check])
def test_pytorch_gives_the_same(program):
    torch = pytest.importorskip("torch")
    theirs = program(lambda x: torch.tensor(x, dtype=torch.float64, requires_grad=True))
    ours = program(Value)
    theirs[-1].backward()
    ours[-1].backward()
    assert ours[-1].data == pytest.approx(theirs[-1].item(), rel=1e-15)
    for a, b in zip(ours[:-1], theirs[:-1], strict=True):
        assert a.grad == pytest.approx(b.grad.item(), rel=1e-14)


def test_random_scalar_programs_give_micrograds_numbers():
    theirs_value = pytest.importorskip("micrograd.engine").Value
    for seed in range(200):
        runs = []
        for value in (Value, theirs_value):
            draw = random.Random(seed)
            leaves = [value(draw.uniform(-2, 2)) for _ in range(3)]
            nodes = list(leaves)
            for _ in range(12):
                a, b, k = draw.choice(nodes), draw.choice(nodes), draw.choice([2, 3, -1.5, 0.5])
                nodes.append(
                    draw.choice([a + b, a * b, a - b, a.relu(), k - a, a * k, k + a, -a, a**2, (a * a + 1) ** -1])
                )
                if abs(nodes[-1].data) > 1e6:
                    nodes.pop()
            nodes[-1].backward()
            runs.append((nodes[-1].data, [leaf.grad for leaf in leaves]))
        (ours, slopes), (expected, expected_slopes) = runs
        assert ours == pytest.approx(expected, rel=1e-13, abs=1e-13)
        assert slopes == pytest.approx(expected_slopes, rel=1e-11, abs=1e-11)


# --- its surface ------------------------------------------------------------------------------------------------------


def test_its_names_are_where_it_has_them():
    assert import_module("micrograd_kr.engine").Value is Value
    for name in ("Module", "Neuron", "Layer", "MLP"):
        assert isinstance(getattr(import_module("micrograd_kr.nn"), name), type)


def test_what_is_not_promised_is_not_there():
    assert not hasattr(Value(1.0), "_backward")
    with pytest.raises(TypeError):
        Value(1.0, (Value(2.0),), "+", "a", "b")


def test_a_value_has_the_attributes_of_micrograds():
    v = Value(2.0, label="a")
    assert (v.data, v.grad, v.label, v._op, v._prev) == (2.0, 0.0, "a", "", ())
    v.grad = 0.0
    v.label = "b"
    for out in (v.relu(), v.tanh(), v.exp(), v.log()):
        out.backward()
    assert v.grad == pytest.approx(1 + (1 - 0.9640275800758169**2) + 7.38905609893065 + 0.5)


@pytest.mark.parametrize(
    ("build", "op"),
    [
        (lambda a, b: a + b, "+"),
        (lambda a, b: 1 + a, "+"),
        (lambda a, b: a * b, "*"),
        (lambda a, b: 2 * a, "*"),
        (lambda a, b: a - b, "-"),
        (lambda a, b: a / b, "/"),
        (lambda a, b: a**3, "**3"),
        (lambda a, b: a**-1, "**-1"),
        (lambda a, b: a**0.5, "**0.5"),
        (lambda a, b: a**b, "**"),
        (lambda a, b: 2**a, "**"),
        (lambda a, b: a.relu(), "ReLU"),
        (lambda a, b: a.tanh(), "tanh"),
        (lambda a, b: a.exp(), "exp"),
        (lambda a, b: a.log(), "log"),
        (lambda a, b: a, ""),
    ],
)
def test_op_is_spelt_as_micrograd_spells_it(build, op):
    assert build(Value(2.0), Value(3.0))._op == op


def test_prev_holds_both_edges_and_the_constants():
    a, b = Value(2.0), Value(3.0)
    for out in (a + b, a * b, a - b, a / b, a**b, engine.maximum(a, b)):
        first, second = out._prev
        assert first is a
        assert second is b
    assert len((a * a)._prev) == 2
    assert all(each is a for each in (a * a)._prev)
    for out in (a.relu(), a**3, a.exp(), -a):
        (only,) = out._prev
        assert only is a
    for out, constant, at in ((a + 10, 10.0, 1), (10 * a, 10.0, 0), (10 / a, 10.0, 0), (2**a, 2.0, 0)):
        assert isinstance(out._prev[at], Value)
        assert out._prev[at].data == constant
        assert out._prev[1 - at] is a
    assert [each.data for each in engine.stack([a, b, 4.0])._prev] == [[2.0], [3.0], [4.0]]
    x, y = Value([1.0]), Value([2.0])
    assert engine.where([True], x, y)._prev == (x, y)


def test_a_graph_can_be_traced_as_the_lecture_traces_it():
    a, b, c = Value(2.0, label="a"), Value(-3.0, label="b"), Value(10.0, label="c")
    e = a * b
    d = e + c
    nodes, edges = set(), set()

    def build(v):
        if v not in nodes:
            nodes.add(v)
            for child in v._prev:
                edges.add((child, v))
                build(child)

    build(d)
    assert nodes == {a, b, c, d, e}
    assert edges == {(a, e), (b, e), (e, d), (c, d)}


def test_values_sum_with_pythons_sum():
    values = [Value(float(i)) for i in range(5)]
    total = sum(values)
    assert total.data == 10.0
    total.backward()
    assert [v.grad for v in values] == [1.0] * 5
    assert sum((v * v for v in values), Value(1.0)).data == 31.0


def test_data_compares_with_numbers_as_a_float_does():
    assert (Value(1.5).data > 0) is True
    assert [s.data > 0 for s in (Value(-1.0), Value(2.0))] == [False, True]
    assert max(Value(1.0), Value(3.0)).data == 3.0


def test_the_update_of_the_lecture_moves_every_parameter():
    a, b = Value(2.0), Value(-3.0)
    loss = (a * b + 1) ** 2
    loss.backward()
    for p in (a, b):
        p.data -= 0.01 * p.grad
    assert a.data == pytest.approx(2.0 - 0.01 * 2 * -5 * -3)
    assert b.data == pytest.approx(-3.0 - 0.01 * 2 * -5 * 2)


def test_a_parameter_without_a_gradient_does_not_move():
    p = Value(2.0)
    p.data -= 0.1 * p.grad
    assert p.data == 2.0
    assert p.grad is UNSET


def test_nudging_an_inner_node_estimates_its_gradient():
    def lecture(nudge=0.0):
        a, b, c, f = Value(2.0), Value(-3.0), Value(10.0), Value(-2.0)
        e = a * b
        e.data += nudge
        return e, (e + c) * f

    h = 1e-4
    (e, before), (_, after) = lecture(), lecture(h)
    before.backward()
    assert e.grad == -2.0
    assert (after.data - before.data) / h == pytest.approx(e.grad, rel=1e-8)


def test_the_neuron_of_the_lecture_backpropagates():
    x1, x2, w1, w2, b = Value(2.0), Value(0.0), Value(-3.0), Value(1.0), Value(6.8813735870195432)
    o = (x1 * w1 + x2 * w2 + b).tanh()
    o.backward()
    assert o.data == pytest.approx(0.7071067811865476, rel=1e-14)
    assert (x1.grad, w1.grad, x2.grad, w2.grad) == pytest.approx((-1.5, 1.0, 0.5, 0.0), rel=1e-14)


def test_tanh_taken_apart_has_the_same_gradients():
    x1, w1, b = Value(2.0), Value(-3.0), Value(6.8813735870195432)
    e = (2 * (x1 * w1 + b)).exp()
    o = (e - 1) / (e + 1)
    o.backward()
    assert o.data == pytest.approx(0.7071067811865476, rel=1e-14)
    assert (x1.grad, w1.grad) == pytest.approx((-1.5, 1.0), rel=1e-13)


def test_the_bug_of_the_lecture_is_none_here():
    a = Value(3.0)
    b = a + a
    b.backward()
    assert a.grad == 2.0
    a, b = Value(-2.0), Value(3.0)
    ((a * b) * (a + b)).backward()
    assert (a.grad, b.grad) == (-3.0, -8.0)
