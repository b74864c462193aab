"""Demo 10: scalars and columns give the same losses, columns sooner, and the full training parts the moons."""

import re

import numpy as np
import pytest
from demos_run import run

pytest.importorskip("sklearn")


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    return run("10_two_moons", tmp_path_factory.mktemp("out"), "--scalar-steps", "4")


def test_columns_give_the_losses_of_scalars(demo):
    scalars, columns = demo.names["by_scalars"].losses, demo.names["by_columns"].losses
    assert len(scalars) == 4
    assert columns[:4] == pytest.approx(scalars, rel=1e-13)
    assert len(set(scalars)) == 4
    printed = re.findall(r"^step \d: loss on scalars ([\d.]+), on columns ([\d.]+)$", demo.text, re.MULTILINE)
    assert np.array(printed, float) == pytest.approx(np.array([scalars, columns[:4]]).T, abs=1e-15)


def test_the_loss_is_micrograds_max_margin_with_l2(demo):
    model, (inputs, y) = demo.names["by_columns"].model, demo.names["columns"][0]
    margins = np.maximum(0, 1 - y * demo.names["scores"](model, *inputs))
    squares = sum(p.data**2 for p in model.parameters())
    expected = margins.mean() + 1e-4 * squares
    assert demo.names["loss_of"](model, demo.names["columns"]).item() == pytest.approx(expected, rel=1e-12)
    assert demo.names["loss_of"](model, demo.names["scalars"]).item() == pytest.approx(expected, rel=1e-12)


def test_columns_are_quicker_and_both_times_are_printed(demo):
    scalars, columns = demo.names["by_scalars"].seconds, demo.names["by_columns"].seconds
    assert columns < scalars / 4
    assert f"{scalars * 1000:.1f} ms on scalars, {columns * 1000:.1f} ms on columns" in demo.text


def test_a_hundred_steps_put_every_point_on_its_side(demo):
    assert len(demo.names["by_columns"].losses) == 100
    assert demo.names["by_columns"].losses[-1] < 0.05
    assert demo.names["accuracy"] == 1
    assert "accuracy 100%" in demo.text
    assert set(demo.pictures) == {"10_two_moons.png"}


def test_in_korean_with_fewer_steps_it_says_what_it_reached(tmp_path):
    demo = run("10_two_moons", tmp_path, "--lang", "ko", "--steps", "3", "--scalar-steps", "1")
    assert len(demo.names["by_columns"].losses) == 3
    assert demo.names["accuracy"] < 1
    assert (
        f"3번 업데이트한 뒤: 손실 {demo.names['by_columns'].losses[-1]:.4f}, 정확도 {demo.names['accuracy']:.0%}"
        in demo.text
    )
    assert set(demo.pictures) == {"10_two_moons.png"}


def test_less_than_one_step_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        run("10_two_moons", tmp_path, "--steps", "0")
    assert "expected 1 or more" in capsys.readouterr().err
