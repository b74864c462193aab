"""The built-in exercises: every number in them, against values that the engine had no part in."""

from decimal import ROUND_HALF_UP, Decimal, localcontext

import pytest

from micrograd_kr.teacher.ask.file import built_in, load, source_text
from micrograd_kr.teacher.ask.solution import forward, solve

# Exact values of the chapter's 40 printed numbers, from arithmetic with 60 digits, to the nearest float.
CHAPTER7 = {
    "z1": ("0.08", 0.08),
    "h1": ("0.51998934", 0.5199893401555817),
    "z2": ("0.11", 0.11),
    "h2": ("0.52747230", 0.5274723043445937),
    "z3": ("0.44498412", 0.44498412480784927),
    "o1": ("0.60944600", 0.6094460049966992),
    "z4": ("0.68047592", 0.6804759207156634),
    "o2": ("0.66384491", 0.6638449096982894),
    "E_o1": ("0.02193381", 0.02193381450453867),
    "E_o2": ("0.00203809", 0.002038086247191358),
    "E_total": ("0.02397190", 0.02397190075173003),
    "dE_total/do1": ("0.20944600", 0.2094460049966992),
    "do1/dz3": ("0.23802157", 0.2380215719902625),
    "dz3/dW5": ("0.51998934", 0.5199893401555817),
    "dE_total/dW5": ("0.02592286", 0.0259228556036474),
    "W5+": ("0.43703857", 0.4370385721981763),
    "W6+": ("0.38685205", 0.386852049335899),
    "W7+": ("0.69629578", 0.6962957776863933),
    "W8+": ("0.59624247", 0.5962424716649418),
    "dE_o1/dh1": ("0.02243370", 0.02243370031037762),
    "dE_o2/dh1": ("0.00997311", 0.009973110674726062),
    "dE_total/dh1": ("0.03240681", 0.03240681098510369),
    "dh1/dz1": ("0.24960043", 0.24960042628014445),
    "dz1/dW1": ("0.1", 0.1),
    "dE_total/dW1": ("0.00080888", 0.0008088753836261947),
    "W1+": ("0.29959556", 0.2995955623081869),
    "W2+": ("0.24919112", 0.2491911246163738),
    "W3+": ("0.39964496", 0.39964495699447256),
    "W4+": ("0.34928991", 0.3492899139889451),
    "z1'": ("0.07979778", 0.07979778115409344),
    "z2'": ("0.10982248", 0.10982247849723628),
    "h1'": ("0.51993887", 0.5199388660415861),
    "h2'": ("0.52742806", 0.5274280577335926),
    "z3'": ("0.43126996", 0.4312699646566468),
    "z4'": ("0.67650625", 0.6765062458483245),
    "o1'": ("0.60617688", 0.6061768834555608),
    "o2'": ("0.66295848", 0.6629584821381178),
    "E_o1'": ("0.02125445", 0.02125445363572394),
    "E_o2'": ("0.00198189", 0.001981885236567852),
    "E_total'": ("0.02323634", 0.02323633887229179),
}
NAMES = ["absolute", "adam", "chapter7", "chapter7-misprints", "momentum", "purchase", "recurrent", "recurrent-vectors"]
NAMES += ["sigmoid-neuron", "softmax", "straight-line", "xor"]
MISPRINTS = {
    "E_total": "1/9*(target_o1 - o1)**2 + 1/9*(target_o2 - o2)**2",  # 1/2, both
    "dE_total/dW5": "0.20944600*0.23802157*0.51998934 = 0.02592286",  # comes to …285; the result is right
    "W1+": "0.1 - 0.5*0.00080888 = 0.29959556",  # 0.3
}


def half_a_unit(written: str) -> float:
    """Half a unit of the last decimal, and what a float may be off."""
    return 0.5 * 10.0 ** min(0, Decimal(written).as_tuple().exponent) + 1e-15


def result(written: str) -> str:
    return written.rpartition("=")[2].strip()


@pytest.mark.parametrize("name", NAMES)
def test_every_number_in_an_exercise_is_within_half_a_unit_of_the_engines(name):
    exercise = load(name)
    solution = solve(exercise)
    assert exercise.hand
    for quantity, written in exercise.hand.items():
        assert abs(solution.value(quantity) - float(result(written))) <= half_a_unit(result(written)), quantity


def test_the_exercises_are_these_and_each_says_in_korean_and_english_what_it_is():
    assert built_in() == NAMES
    for name in built_in():
        title = load(name).title
        assert any("가" <= letter <= "힣" for letter in title)
        assert any("a" <= letter <= "z" for letter in title)
        assert source_text(name).startswith("# ")


def test_the_chapters_forty_printed_numbers_are_the_exact_values_to_eight_decimals():
    exercise = load("chapter7")
    solution = solve(exercise)
    assert list(exercise.hand) == list(CHAPTER7)
    assert len(CHAPTER7) == 40
    for name, (printed, exact) in CHAPTER7.items():
        assert exercise.hand[name] == printed
        assert abs(exact - float(printed)) <= 5e-9
        assert abs(solution.value(name) - exact) <= 1e-15


def test_the_loss_falls_in_one_step():
    solution = solve(load("chapter7"))
    assert solution.value("E_total'") < solution.value("E_total")


def test_the_misprinted_workings_have_the_chapters_results_and_its_misprints():
    exercise, printed = load("chapter7-misprints"), load("chapter7").hand
    assert {name: result(line) for name, line in exercise.hand.items()} == printed
    assert exercise.forward == load("chapter7").forward
    for name, part in MISPRINTS.items():
        assert part in exercise.hand[name]
    assert sum("=" in line for line in exercise.hand.values()) == 33


def test_the_prices_and_their_slopes_are_the_worked_ones():
    solution = solve(load("purchase"))
    expected = {
        "price": 715,
        "dprice/dapple": 2.2,
        "dprice/dapples": 110,
        "dprice/dorange": 3.3,
        "dprice/doranges": 165,
    }
    for name, number in (expected | {"dprice/dtax": 650}).items():
        assert solution.value(name) == pytest.approx(number, rel=1e-15)


def test_the_sigmoid_neuron_gives_0_73_and_the_slope_of_its_parts_is_the_sigmoids():
    solution = solve(load("sigmoid-neuron"))
    f = solution.value("f")
    assert f"{f:.2f}" == "0.73"
    assert solution.value("df/dz") == pytest.approx(f * (1 - f), rel=1e-14)


@pytest.mark.parametrize(("b", "slope"), [(-0.3, -1.5), (5.0, 1.5), (0.8, 0.0)])
def test_the_absolute_error_slopes_by_the_sign_and_not_at_all_where_it_is_zero(b, slope):
    exercise = load("absolute")
    values = forward(exercise, {"b": b, "w": 0.8})
    values["E"].backward()
    assert values["w"].grad == slope


# --- one weight, three paths: worked in decimal numbers, by the formulas of backpropagation through time --------------


def tanh(z: Decimal) -> Decimal:
    e = (2 * z).exp()
    return (e - 1) / (e + 1)


def recurrent_pass(u: Decimal, w: Decimal, b: Decimal, v: Decimal, c: Decimal) -> dict[str, Decimal]:
    """The forward pass: a_t = u·x_t + w·h_(t−1) + b, h_t = tanh a_t, p = v·h_3 + c, E = ½(p − y)²."""
    x, h = [Decimal("0.5"), Decimal("-0.3"), Decimal("0.8")], Decimal("0.2")
    found = {}
    for t in (1, 2, 3):
        found[f"a{t}"] = u * x[t - 1] + w * h + b
        found[f"h{t}"] = h = tanh(found[f"a{t}"])
    p = v * h + c
    return found | {"p": p, "E": (p - Decimal("0.9")) ** 2 / 2}


def recurrent_gradients(values: dict[str, Decimal], w: Decimal, v: Decimal) -> dict[str, Decimal]:
    """The backward pass: dE/dh_t = w·dE/da_(t+1), dE/da_t = dE/dh_t·(1 − h_t²); each weight is a sum over t."""
    error = values["p"] - Decimal("0.9")
    found = {"p": error, "v": error * values["h3"], "c": error, "h3": error * v}
    for t in (3, 2, 1):
        found[f"a{t}"] = found[f"h{t}"] * (1 - values[f"h{t}"] ** 2)
        if t > 1:
            found[f"h{t - 1}"] = found[f"a{t}"] * w
    a = [found["a1"], found["a2"], found["a3"]]
    before = [Decimal("0.2"), values["h1"], values["h2"]]
    inputs = [Decimal("0.5"), Decimal("-0.3"), Decimal("0.8")]
    found["w"] = sum((each * h for each, h in zip(a, before, strict=True)), Decimal(0))
    found["u"] = sum((each * x for each, x in zip(a, inputs, strict=True)), Decimal(0))
    found["b"] = sum(a, Decimal(0))
    return found


def test_the_weight_with_three_paths_has_the_numbers_of_decimal_arithmetic():
    with localcontext() as context:
        context.prec = 40
        start = dict(zip("uwbvc", map(Decimal, ("0.7", "0.4", "0.1", "1.2", "-0.2")), strict=True))
        values = recurrent_pass(**start)
        slopes = recurrent_gradients(values, start["w"], start["v"])
        updated = {name: number - Decimal("0.1") * slopes[name] for name, number in start.items()}
        expected = values | {f"dE/d{name}": slope for name, slope in slopes.items()}
        expected |= {f"{name}+": number for name, number in updated.items()}
        expected |= {f"{name}'": number for name, number in recurrent_pass(**updated).items()}
        written = {name: str(number.quantize(Decimal("0.000001"), ROUND_HALF_UP)) for name, number in expected.items()}
    exercise = load("recurrent")
    solution = solve(exercise)
    assert {name: result(line) for name, line in exercise.hand.items()} == written
    for name, number in expected.items():
        assert solution.value(name) == pytest.approx(float(number), rel=1e-13)


def test_the_three_paths_of_the_weight_add_up_to_its_slope():
    solution = solve(load("recurrent"))
    paths = [solution.value(f"dE/da{t}") * solution.value(f"h{t - 1}") for t in (1, 2, 3)]
    assert all(abs(path) > 1e-3 for path in paths)
    assert sum(paths) == pytest.approx(solution.value("dE/dw"), rel=1e-14)
