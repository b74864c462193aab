"""Demo 6: the three hidden layers learn XOR with the chapter's lr 1, and stay at ln 2 with 0.1."""

import math
import re

import numpy as np
import pytest
from demos_run import run

from micrograd_kr.nn import Linear


@pytest.fixture(scope="module", params=[("en", "2"), ("ko", "1")], ids=lambda each: each[0])
def demo(request, tmp_path_factory):
    lang, runs = request.param
    return run("06_xor_mlp", tmp_path_factory.mktemp("out"), "--lang", lang, "--runs", runs)


def test_the_net_has_the_chapters_layers_and_261_parameters(demo):
    sizes = [(each.in_features, each.out_features) for each in demo.names["model"] if isinstance(each, Linear)]
    assert sizes == [(2, 10), (10, 10), (10, 10), (10, 1)]
    assert demo.names["model"].count_parameters() == 261
    assert "261" in demo.text


def test_the_cost_is_printed_every_100_epochs_as_the_listing_does(demo):
    lines = re.findall(r"^(\d+) (\d\S+)$", demo.text, re.MULTILINE)
    epochs = {int(epoch): float(cost) for epoch, cost in lines}
    assert list(epochs) == list(range(0, 10001, 100))
    history = demo.names["costs"][0, 1.0]
    assert len(history) == 10001
    assert epochs == {epoch: history[epoch] for epoch in epochs}


def test_with_lr_1_every_seed_learns_xor(demo):
    assert demo.names["answers"].tolist() == [[0], [1], [1], [0]]
    fast = {seed: history for (seed, lr), history in demo.names["costs"].items() if lr == 1}
    assert fast
    for history in fast.values():
        assert history[-1] < 0.01
        assert demo.names["learned_at"](history) > 1000


def test_with_lr_01_the_cost_still_stands_at_ln_2(demo):
    slow = demo.names["costs"][0, 0.1]
    assert demo.names["learned_at"](slow) is None
    assert slow[-1] == pytest.approx(math.log(2), abs=1e-3)
    assert f"ln 2 = {math.log(2):.6f}" in demo.text


def test_a_tenth_of_the_rate_goes_the_same_way_ten_times_as_slowly(demo):
    fast, slow = demo.names["costs"][0, 1.0], demo.names["costs"][0, 0.1]
    assert fast[100:1001:100] == pytest.approx(slow[1000:10001:1000], abs=1e-4)


def test_the_surface_parts_the_four_points(demo):
    side, surface = demo.names["side"], demo.names["surface"]
    at = [int(np.argmin(abs(side - each))) for each in (0, 1)]
    assert [[bool(surface[i, j] > 0.5) for j in at] for i in at] == [[False, True], [True, False]]
    assert set(demo.pictures) == {"06_xor_mlp.png"}
