"""Demo 8: the chapter's network on images; its counts, its test, and what a second softmax costs."""

import os
import re
from pathlib import Path

import numpy as np
import pytest
from demos_run import run

pytest.importorskip("matplotlib")
pytest.importorskip("sklearn")

FOLDER = os.environ.get("MICROGRAD_KR_DATA", "")


@pytest.fixture(scope="module", params=["en", "ko"])
def demo(request, tmp_path_factory):
    return run("08_images", tmp_path_factory.mktemp("out"), "--lang", request.param)


def test_the_digits_are_split_without_loss(demo):
    assert demo.names["counts"] == [1149, 288, 360]
    assert "\n1149 288 360\n" in demo.text
    assert all(shape in demo.text for shape in ("(1149, 64) (1149,)", "(288, 64) (288,)", "(360, 64) (360,)"))


def test_the_network_has_as_many_parameters_as_the_chapters(demo):
    assert demo.names["parameters"] == {64: 439_060, 784: 799_060, 3072: 1_943_060}
    assert "(12): Linear(in_features=50, out_features=10, bias=True)\n)" in demo.text


def test_the_best_weights_classify_most_of_the_test_digits(demo):
    history, tested = demo.names["history"], demo.names["tested"]
    assert history.best_loss == min(history.valid_loss)
    assert tested.accuracy > 0.85
    confusion = tested.confusion()
    assert (confusion.sum(), np.trace(confusion) / confusion.sum()) == (360, pytest.approx(tested.accuracy))
    for i, row in enumerate(confusion):
        counts = re.search(rf"true_{i} +([\d ]+?) +{row[i] / row.sum():.4f}\n", demo.text)
        assert counts, "each row is printed with its recall"
        assert [int(each) for each in counts[1].split()] == row.tolist()


def test_two_softmaxes_keep_the_loss_up_and_the_gradient_down(demo):
    low, high = demo.names["bounds"]
    assert (low, high) == pytest.approx((1.4611502, 2.4611502), abs=5e-8)
    assert demo.names["gradients"] == pytest.approx([0.99995, 1.05e-4], rel=5e-3)
    losses = demo.names["double_history"].train_loss + demo.names["double_history"].valid_loss
    assert low < min(losses) < max(losses) < high
    assert max(demo.names["history"].train_loss[-5:]) < low
    assert "[1.4611502, 2.4611502]" in demo.text


def test_two_softmaxes_learn_more_slowly(demo):
    fast, slow = (demo.names[name].valid_accuracy[:5] for name in ("history", "double_history"))
    assert sum(fast) > sum(slow) + 0.2


def test_the_second_softmax_is_noticed_once(demo):
    assert len(demo.names["warned"]) == 1
    assert demo.text.count("leave the model's Softmax out") == 1


def test_the_table_of_data_sets_is_printed_with_the_chapters_numbers(demo):
    rows = {name: rest for name, *rest in demo.names["LISTED"]}
    assert list(rows) == ["CIFAR-10", "CIFAR-100", "STL-10", "MNIST", "FASHION-MNIST", "SVHN", "ImageNet"]
    assert rows["STL-10"][:6] == ["96×96×3", 10, 5_000, 8_000, 500, 800]
    assert rows["SVHN"][:4] == ["32×32×3", 10, 73_257, 26_032]
    for name, (_, classes, train, test, train_per_class, test_per_class, source) in rows.items():
        assert train_per_class in (None, train // classes)
        assert test_per_class in (None, test // classes)
        assert re.search(rf"^{name} .*{train:,}.*{test:,}.*{source}$", demo.text, re.MULTILINE)


def test_its_pictures_are_there(demo):
    parts = ("", "_one", "_history", "_double_softmax")
    assert set(demo.pictures) == {f"08_images{part}.png" for part in parts}


@pytest.mark.skipif(not Path(FOLDER, "MNIST").is_dir() or not FOLDER, reason="no MNIST in MICROGRAD_KR_DATA")
def test_one_epoch_on_mnist_is_enough_for_nine_in_ten(tmp_path):
    demo = run("08_images", tmp_path, "--data", "mnist", "--epochs", "1")
    assert demo.names["counts"] == [48_000, 12_000, 10_000]
    assert "(48000, 784) (48000,), 188 batches of 256, the last of 128" in demo.text
    assert "(12000, 784) (12000,), 47 batches of 256, the last of 224" in demo.text
    assert "(10000, 784) (10000,), 40 batches of 256, the last of 16" in demo.text
    assert "is 3, the first ten are [5 0 4 1 9 2 1 3 1 4]" in demo.text
    assert demo.names["tested"].accuracy > 0.9
    assert demo.names["double_tested"].loss > demo.names["bounds"][0]
