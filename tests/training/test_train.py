"""A run ends with the best weights, says why it ended, and goes on after a kill as if nothing had been."""

import contextlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import types
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micrograd_kr import Value, data, nn, optim, train
from micrograd_kr.checkpoints import CheckpointError, load, save
from micrograd_kr.train import evaluate, fit

DRAW = np.random.default_rng(5)
X = DRAW.normal(size=(150, 6)).astype(np.float32)
Y = (X @ DRAW.normal(size=(6, 3))).argmax(axis=1)
TRAIN, VALID = (X[:100], Y[:100]), (X[100:], Y[100:])


def classifier(seed=0, dropout=0.0):
    draw = np.random.default_rng(seed)
    hidden = nn.Dropout(dropout, seed=draw)
    return nn.Sequential(nn.Linear(6, 16, seed=draw), nn.LeakyReLU(), hidden, nn.Linear(16, 3, seed=draw))


def trained(model=None, loss=None, optimizer=None, train=TRAIN, valid=VALID, **options):
    """A model, and the history of a short quiet run of it."""
    model = model or classifier()
    optimizer = optimizer or optim.Adam(model.parameters(), lr=0.01)
    options = {"epochs": 4, "batch_size": 32, "seed": 0, "verbose": False} | options
    return model, fit(model, loss or nn.CrossEntropyLoss(), optimizer, train, valid, **options)


def bits(model):
    return {name: np.asarray(each).tobytes() for name, each in model.state_dict().items()}


class Line(nn.Module):
    """One weight; its training and validation losses are what a test says."""

    def __init__(self):
        self.w = Value(0.0)

    def forward(self, x):
        return self.w * x[:, 0]


class Scripted:
    """A loss of slope 1 in training, and in validation the next number of a script."""

    def __init__(self, script):
        self.script = iter(script)

    def __call__(self, output, target):
        return output.sum() if target[0] == 7 else Value(next(self.script))


def scripted(script, **options):
    """A run whose weight is −(e + 1) after epoch e."""
    model = Line()
    one = np.ones((1, 1))
    history = fit(
        model,
        Scripted(script),
        optim.SGD(model.parameters(), lr=1),
        (one, [7.0]),
        (one, [8.0]),
        verbose=False,
        **options,
    )
    return model, history


def chapter(script, patience):
    """The textbook's loop: the epochs run, and the best of them."""
    lowest, best = np.inf, 0
    for i, loss in enumerate(script):
        if loss <= lowest:
            lowest, best = loss, i
        elif patience > 0 and best + patience < i + 1:
            return i + 1, best
    return len(script), best


# --- early stopping and the best weights ------------------------------------------------------------------------------


@given(script=st.lists(st.integers(0, 5).map(float), min_size=1, max_size=20), patience=st.integers(0, 4))
@settings(max_examples=150)
def test_early_stopping_is_the_textbooks_and_the_best_weights_are_restored(script, patience):
    model, history = scripted(script, epochs=len(script), patience=patience)
    epochs, best = chapter(script, patience)
    assert (len(history.valid_loss), history.best_epoch) == (epochs, best)
    assert history.valid_loss == tuple(script[:epochs])
    assert history.best_loss == script[best]
    assert model.w.data == -(best + 1)


def test_a_run_ends_after_exactly_patience_epochs_without_a_lower_loss():
    _, history = scripted([3, 2, 4, 4, 4, 4], epochs=6, patience=3)
    assert len(history.valid_loss) == 5
    assert history.stopped_by == "early stopping"
    assert history.reason.startswith("Stopped early: no lower validation loss in 3 epochs.")


def test_an_equal_loss_counts_as_the_lowest_so_the_later_weights_are_kept():
    model, history = scripted([2, 2, 3], epochs=3)
    assert (history.best_epoch, model.w.data) == (1, -2)


def test_without_validation_data_the_last_weights_stay():
    model = Line()
    one = np.ones((1, 1))
    history = fit(model, Scripted([]), optim.SGD(model.parameters(), lr=1), (one, [7.0]), epochs=3, verbose=False)
    assert (model.w.data, history.best_epoch, history.valid_loss) == (-3, 2, ())
    assert history.train_loss == (0, -1, -2)


def test_the_weights_kept_are_a_copy_that_training_in_place_does_not_change():
    model, history = trained(optimizer=None, epochs=8, valid=(X[100:], (Y[100:] + 1) % 3))
    assert history.best_epoch < 7  # it learns other classes than it is tested on
    again, _ = trained(epochs=history.best_epoch + 1, valid=(X[100:], (Y[100:] + 1) % 3))
    assert bits(model) == bits(again)


def test_no_epochs_change_nothing():
    before = bits(classifier())
    model, history = trained(epochs=0)
    assert bits(model) == before
    assert (history.train_loss, history.best_epoch, history.stopped_by) == ((), None, "epochs")


# --- what an epoch is -------------------------------------------------------------------------------------------------


def test_one_seed_is_one_run_and_another_seed_another():
    first, second, third = (bits(trained(classifier(dropout=0.3), seed=seed)[0]) for seed in (0, 0, 1))
    assert first == second != third


def test_every_epoch_takes_each_sample_once_in_a_new_order():
    seen = []

    def watched(output, target):
        seen.append(np.asarray(target).tolist())
        return output.sum()

    x = np.arange(10.0).reshape(-1, 1)
    model = Line()
    fit(
        model,
        watched,
        optim.SGD(model.parameters(), lr=0.0),
        (x, x[:, 0]),
        epochs=2,
        batch_size=4,
        seed=0,
        verbose=False,
    )
    assert [len(each) for each in seen] == [4, 4, 2] * 2
    orders = [[*first, *second, *third] for first, second, third in (seen[:3], seen[3:])]
    assert sorted(orders[0]) == sorted(orders[1]) == x[:, 0].tolist()
    assert orders[0] != orders[1] != x[:, 0].tolist()


def test_validation_is_in_eval_mode_without_a_graph_and_training_in_neither():
    seen = set()

    class Spy(nn.Module):
        def __init__(self):
            self.w = Value(np.ones(1))

        def forward(self, x):
            out = self.w * x
            seen.add((len(x), self.training, out.rule is not None))
            return out

    model = Spy()
    x = np.ones((10, 1))
    fit(model, nn.MSELoss(), optim.SGD(model.parameters()), (x, x), (x[:9], x[:9]), epochs=2, verbose=False)
    assert seen == {(10, True, True), (9, False, False)}


@pytest.mark.parametrize("training", [True, False])
def test_the_mode_a_model_was_in_is_restored(training):
    model, _ = trained(classifier().train(training))
    assert model.training == training
    evaluate(model, nn.CrossEntropyLoss(), *VALID)
    assert model.training == training


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_losses_of_batches_are_weighted_by_their_sizes(reduction):
    model = classifier()
    whole = evaluate(model, nn.CrossEntropyLoss(), X, Y, batch_size=150)
    ragged = evaluate(model, nn.CrossEntropyLoss(reduction), X, Y, batch_size=64)
    assert ragged.loss == pytest.approx(whole.loss, rel=1e-6)
    np.testing.assert_allclose(ragged.output, whole.output, rtol=1e-5)
    still = optim.SGD(model.parameters(), lr=0.0)
    _, history = trained(model, nn.CrossEntropyLoss(reduction), still, (X, Y), (X, Y), epochs=1, batch_size=64)
    assert history.train_loss[0] == pytest.approx(whole.loss, rel=1e-6)
    assert history.valid_loss[0] == pytest.approx(whole.loss, rel=1e-6)


def test_a_penalty_is_minimised_and_not_recorded():
    model = classifier()
    still = trained(model, optimizer=optim.SGD(model.parameters(), lr=0.0))[1]
    small = classifier()
    parameters = small.parameters()
    _, history = trained(
        small,
        optimizer=optim.SGD(parameters, lr=0.1),
        penalty=lambda: 3.0 * nn.l2_penalty(parameters),
        epochs=30,
        valid=None,
    )
    assert history.train_loss[0] < still.train_loss[0] + 0.5
    assert max(np.abs(p.data).max() for p in parameters) < 0.2


def test_augmentation_changes_training_batches_and_draws_from_the_runs_own_generator():
    augment = lambda x, generator: data.noise(x, 0.5, generator)  # noqa: E731
    plain, noisy, again = (trained(augment=each)[1].train_loss for each in (None, augment, augment))
    assert plain != noisy == again


def test_a_schedule_steps_once_an_epoch():
    model = classifier()
    optimizer = optim.SGD(model.parameters(), lr=1.0)
    trained(model, optimizer=optimizer, schedule=optim.ExponentialLR(optimizer, 0.5), epochs=3)
    assert optimizer.lr == 0.125


def test_a_run_learns():
    model, history = trained(epochs=60)
    assert evaluate(model, nn.CrossEntropyLoss(), *VALID).accuracy >= 0.9
    assert len(history.train_accuracy) == len(history.valid_accuracy) == 60
    assert history.train_accuracy[-1] >= 0.95


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"epochs": -1}, "epochs needs a whole number from 0 on, got -1"),
        ({"epochs": 2.0}, "epochs needs a whole number"),
        ({"batch_size": 0}, "batch_size needs a whole number from 1 on"),
        ({"patience": 2, "valid": None}, "patience needs validation data"),
        ({"train": (X, Y[:3])}, r"train needs one target for each sample.* \(150, 6\) and \(3,\)"),
        ({"train": (X[:0], Y[:0])}, "at least one sample"),
        ({"valid": 3}, r"valid needs a pair \(x, y\)"),
        ({"lang": "fr"}, "expected a language, 'en' or 'ko', got 'fr'"),
        ({"print_interval": -1}, "print_interval needs"),
        ({"checkpoint_every": 0}, "checkpoint_every needs"),
    ],
)
def test_settings_without_sense_are_refused(change, words):
    with pytest.raises(ValueError, match=words):
        trained(**change)


# --- evaluation -------------------------------------------------------------------------------------------------------


class Given(nn.Module):
    """Gives what it gets."""

    def forward(self, x):
        return Value(x)


@pytest.mark.parametrize(
    ("loss", "output", "y", "accuracy", "confusion"),
    [
        (
            nn.CrossEntropyLoss(),
            [[2.0, 0, 0], [0, 1, 0], [3, 1, 0]],
            [0, 1, 1],
            2 / 3,
            [[1, 0, 0], [1, 1, 0], [0, 0, 0]],
        ),
        (nn.CrossEntropyLoss(), [[2.0, 0], [0, 1]], [0, 0], 1 / 2, [[1, 1], [0, 0]]),
        (nn.MSELoss(), [[0.2, 0.1], [0, 1]], [[1.0, 0], [0, 1]], 1.0, [[1, 0], [0, 1]]),
        (nn.BCELoss(), [[0.4], [0.6], [0.3]], [[0.0], [1.0], [1.0]], 2 / 3, [[1, 0], [1, 1]]),
        (nn.BCELoss(), [0.4, 0.6], [0, 1], 1.0, [[1, 0], [0, 1]]),
        (nn.BCEWithLogitsLoss(), [0.4, -0.6], [1.0, 1.0], 0.5, [[0, 0], [1, 1]]),
        (nn.MSELoss(), [0.4, 0.6], [0.5, 3.0], None, None),
        (nn.MSELoss(), [0.4, 0.6], [2, 3], None, None),
    ],
)
def test_accuracy_and_confusion_follow_from_what_the_targets_are(loss, output, y, accuracy, confusion):
    found = evaluate(Given(), loss, np.array(output), np.array(y), batch_size=2)
    assert found.accuracy == accuracy
    if confusion is None:
        with pytest.raises(ValueError, match="a confusion matrix needs classes"):
            found.confusion()
    else:
        assert found.confusion().tolist() == confusion


def test_evaluation_leaves_the_weights_their_gradients_and_the_generators_alone():
    model = classifier(dropout=0.5)
    before, state = bits(model), model[2].generator.bit_generator.state
    first, second = (evaluate(model, nn.CrossEntropyLoss(), *VALID) for _ in range(2))
    assert first.loss == second.loss
    assert (bits(model), model[2].generator.bit_generator.state) == (before, state)
    assert not any(np.any(p.grad) for p in model.parameters())


# --- nan and inf ------------------------------------------------------------------------------------------------------


class Sick(nn.Module):
    """A net with something not finite in the layer given."""

    def __init__(self, where=""):
        draw = np.random.default_rng(0)
        self.first, self.second = nn.Linear(6, 4, seed=draw), nn.Linear(4, 3, seed=draw)
        self.where = where

    def forward(self, x):
        hidden = self.first(x)
        if self.where == "first":
            hidden = (hidden * 1e30).exp()
        out = self.second(hidden)
        return out / 0.0 if self.where == "second" else out


class Exploding(nn.Module):
    """A layer without parameters whose numbers overflow."""

    def forward(self, x):
        return (x * 1e30).exp()


def large():
    """A layer whose products overflow."""
    layer = nn.Linear(3, 3, seed=0)
    layer.weight.data = np.full((3, 3), 3e38, np.float32)
    return layer


def broken(x, value=np.nan):
    x = x.copy()
    x.flat[-1] = value
    return x


@pytest.mark.parametrize(
    ("model", "change", "reason"),
    [
        (Sick(), {"train": (broken(X), Y)}, r"The loss is nan in epoch 0, batch \d: the inputs hold nan or inf"),
        (Sick(), {"train": (X, broken(X[:, :3])), "loss": nn.MSELoss()}, "the targets hold nan or inf"),
        (Sick("first"), {}, r"layer Sick is the first whose output is not finite: exp at .*test_train\.py:\d+; lower"),
        (Sick("second"), {}, r"layer Sick is the first whose output is not finite: ÷ at .*test_train\.py:\d+; lower"),
        (
            nn.Sequential(classifier(), large(), large()),
            {},
            r"layer 2 is the first whose output is not finite: .* lower",
        ),
        (nn.Sequential(classifier(), Exploding()), {}, "layer 1 is the first whose output .*: exp at "),
        (
            Sick(),
            {"penalty": lambda: Value(-1.0).log()},
            r"The loss is nan .*, log at .*test_train\.py:\d+ in the loss is not",
        ),
        (
            Sick(),
            {"loss": lambda p, t: (p * 0).log().mean()},
            "The loss is -inf .* outputs are finite, log at .* in the loss",
        ),
        (
            Sick(),
            {"loss": lambda p, t: (p * 0).sqrt().mean()},
            "batch 1: first.weight is not finite, since its gradient",
        ),
        (Sick(), {"valid": (broken(X), Y)}, "The validation loss is nan in epoch 0: the inputs hold nan or inf"),
        (Sick("first"), {"lang": "ko"}, "층 Sick의 출력이 처음으로 유한하지 않습니다: exp at "),
    ],
)
def test_a_loss_that_is_not_finite_ends_the_run_with_the_place_and_the_best_weights(model, change, reason):
    before = bits(model)
    model, history = trained(model, **change)
    assert history.stopped_by == "nan loss"
    assert re.search(reason, history.reason), history.reason
    assert bits(model) == before  # no epoch was complete
    assert history.best_epoch is None


def test_a_learning_rate_too_large_is_said_to_be_and_the_best_weights_stay():
    model = classifier()
    optimizer = optim.SGD(model.parameters(), lr=0.1)

    class Wild:
        """Lets two epochs pass, then leaps."""

        def step(self):
            optimizer.lr = optimizer.lr * (1e38 if len(seen) else 1)
            seen.append(1)

    seen = []
    _, history = trained(model, optimizer=optimizer, schedule=Wild(), epochs=9)
    assert history.stopped_by == "nan loss"
    assert "lower the learning rate" in history.reason
    assert all(np.isfinite(p.data).all() for p in model.parameters())
    assert evaluate(model, nn.CrossEntropyLoss(), *VALID, 32).loss == history.best_loss == min(history.valid_loss)


# --- Ctrl-C -----------------------------------------------------------------------------------------------------------


class Interrupting(nn.CrossEntropyLoss):
    """Presses Ctrl-C at its n-th call, or has another signal come."""

    def __init__(self, n, sign=signal.SIGINT):
        super().__init__()
        self.left, self.sign = n, sign

    def forward(self, prediction, target):
        self.left -= 1
        if self.left == 0:
            signal.raise_signal(self.sign)
        return super().forward(prediction, target)


class Failing(nn.CrossEntropyLoss):
    """Fails at once."""

    def forward(self, prediction, target):
        raise ZeroDivisionError


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("call", [15, 17, 18])  # 4 + 2 calls an epoch: in training, in validation
def test_ctrl_c_or_sigterm_ends_the_run_with_the_best_weights_and_the_history_so_far(call, sign, capfd):
    model, history = trained(loss=Interrupting(call, sign), verbose=None)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    whole, two = trained(epochs=2)
    assert history.stopped_by == "interrupted"
    assert (history.train_loss, history.valid_loss) == (two.train_loss, two.valid_loss)
    assert bits(model) == bits(whole)
    assert model.training
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("Interrupted in epoch 2. The lowest validation loss is")


def test_a_handler_of_sigterm_that_a_program_has_stays_its_own():
    heard = []
    signal.signal(signal.SIGTERM, own := lambda *_: heard.append(1))
    try:
        _, history = trained(loss=Interrupting(15, signal.SIGTERM), epochs=3)
        assert signal.getsignal(signal.SIGTERM) is own
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    assert (heard, history.stopped_by) == ([1], "epochs")


def test_a_run_in_a_thread_leaves_signals_alone():
    with ThreadPoolExecutor(1) as pool:
        _, history = pool.submit(trained, epochs=2).result()
    assert history.stopped_by == "epochs"


@pytest.mark.skipif(os.name != "posix", reason="this system ends a program without asking it")
def test_a_program_that_is_told_to_end_writes_what_it_has_learnt(tmp_path):
    program = """
import numpy as np
from micrograd_kr import checkpoints, nn, optim, train

model = nn.Sequential(nn.Linear(2, 3, seed=0), nn.Tanh(), nn.Linear(3, 1, seed=1))
x = np.random.default_rng(0).normal(size=(64, 2))
went = lambda x, _: (print("training", flush=True), x)[1]
history = train.fit(model, nn.MSELoss(), optim.SGD(model.parameters(), lr=1e-3), (x, x[:, :1]), epochs=10**6,
                    augment=went, seed=0)
checkpoints.save("after.safetensors", {"model": model.state_dict(), "why": history.stopped_by})
"""
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as ended:
        for _ in range(200):
            assert ended.stdout.readline() == "training\n"
        ended.terminate()
        _, err = ended.communicate(timeout=60)
    assert ended.returncode == 0, err
    assert "Traceback" not in err
    assert load(tmp_path / "after.safetensors")["why"] == "interrupted"


def test_ctrl_c_in_the_first_epoch_keeps_what_was_learnt(capfd):
    model, history = trained(loss=Interrupting(4), lang="ko", verbose=None)
    assert bits(model) != bits(classifier())
    assert history.best_epoch is None
    assert "지금 가중치" in capfd.readouterr().err


def interrupted_at(line, **options):
    """A run of three epochs whose validation losses are 2, 1, 3, with Ctrl-C at the n-th line of train.py it runs."""
    model, one, left = Line(), np.ones((1, 1)), line
    began = False

    def trace(frame, event, _):
        nonlocal left, began
        began = began or frame.f_code.co_name == "_train"
        if not began or frame.f_code.co_filename != train.__file__:
            return trace if frame.f_code.co_filename == train.__file__ else None
        if event == "line":
            left -= 1
            if left == 0:
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        loss, optimizer = Scripted([2.0, 1.0, 3.0]), optim.SGD(model.parameters(), lr=1)
        history = fit(model, loss, optimizer, (one, [7.0]), (one, [8.0]), epochs=3, verbose=False, **options)
    except KeyboardInterrupt:
        history = None
    finally:
        sys.settrace(before)
    return model, history, left > 0


@pytest.mark.parametrize("checkpointed", [False, True])
def test_ctrl_c_at_any_line_leaves_a_history_and_weights_that_go_together(tmp_path, checkpointed):
    over, line, lost = False, 0, 0
    while not over:
        line += 1
        options = {"checkpoint": tmp_path / f"{line}.safetensors"} if checkpointed else {}
        model, history, over = interrupted_at(line, **options)
        if history is None:  # as the run was given back
            lost += 1
            continue
        n = len(history.valid_loss)
        assert (history.train_loss, history.valid_loss) == ((0, -1, -2)[:n], (2, 1, 3)[:n])
        assert history.best_epoch == (None, 0, 1, 1)[n]
        if n:
            assert (history.best_loss, model.w.data) == ((2, 1, 1)[n - 1], (-1, -2, -2)[n - 1])
        assert model.training
    assert line > 150
    assert lost <= 3


FULL = """
import resource, sys
sys.path[:0] = sys.argv[2:]
import numpy as np
import test_train as t

class Filling(t.nn.CrossEntropyLoss):
    def forward(self, prediction, target):
        if self.left == 0:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
        self.left -= 1
        return super().forward(prediction, target)

loss = Filling()
loss.left = 15
model, history = t.trained(loss=loss, checkpoint=sys.argv[1], verbose=None)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
whole, three = t.trained(epochs=3)
assert t.bits(model) == t.bits(whole)
assert (history.train_loss, history.valid_loss) == (three.train_loss, three.valid_loss)
assert history.best_epoch == three.best_epoch
print(history.stopped_by)
"""


def test_a_disk_that_is_full_ends_the_run_with_the_best_weights_and_the_next_goes_on(tmp_path):
    path = tmp_path / "c.safetensors"
    command = [sys.executable, "-c", FULL, str(path), os.path.dirname(__file__)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=unmeasured())
    assert done.stdout == "unsaved checkpoint\n"
    assert done.stderr.startswith("The checkpoint could not be written after 3 epochs: ")
    assert "File too large" in done.stderr
    assert os.listdir(tmp_path) == ["c.safetensors"]
    assert epochs_done(path) == 2
    whole, history = trained()
    resumed, its = trained(loss=type("Filling", (nn.CrossEntropyLoss,), {})(), checkpoint=path)
    assert (bits(resumed), its) == (bits(whole), history)


@pytest.mark.parametrize(("lang", "words"), [("en", "Make its folder again"), ("ko", "폴더를 다시 만들고")])
def test_a_folder_that_vanishes_ends_the_run_with_the_best_weights(tmp_path, lang, words):
    place = tmp_path / "runs"
    place.mkdir()

    def vanishing(x, _):
        seen.append(1)
        if len(seen) == 9:  # 4 batches an epoch
            shutil.rmtree(place)
        return x

    seen = []
    _, history = trained(checkpoint=place / "c.safetensors", augment=vanishing, lang=lang)
    assert (history.stopped_by, len(history.train_loss)) == ("unsaved checkpoint", 3)
    assert words in history.reason
    assert list(tmp_path.iterdir()) == []


def test_a_first_checkpoint_that_cannot_be_written_is_an_error_before_anything_is_trained(tmp_path):
    model = classifier()
    with pytest.raises(FileNotFoundError):
        trained(model, checkpoint=tmp_path / "nowhere" / "c.safetensors")
    assert bits(model) == bits(classifier())


# --- checkpoints ------------------------------------------------------------------------------------------------------

OPTIMIZERS = {
    "momentum": partial(optim.SGD, lr=0.05, momentum=0.9, weight_decay=0.01),
    "adam": partial(optim.Adam, lr=0.01, amsgrad=True),
    "adamw": partial(optim.AdamW, lr=0.01),
}


def resumable(path, epochs, seed=0, kind="adam", **options):
    """A run with everything in it that a checkpoint has to bring back."""
    model = classifier(seed, dropout=0.3)
    optimizer = OPTIMIZERS[kind](model.parameters())
    return trained(
        model,
        optimizer=optimizer,
        schedule=optim.CosineAnnealingLR(optimizer, 5),
        augment=noisy,
        epochs=epochs,
        checkpoint=path,
        **options,
    )


def noisy(x, generator):
    return data.noise(x, 0.1, generator)


@pytest.mark.parametrize("kind", OPTIMIZERS)
@pytest.mark.parametrize("every", [1, 2])
def test_a_run_goes_on_from_its_checkpoint_bit_for_bit(tmp_path, kind, every):
    whole, history = resumable(None, 7, kind=kind)
    resumable(tmp_path / "c.safetensors", 3, kind=kind, checkpoint_every=every)
    resumed, its = resumable(tmp_path / "c.safetensors", 7, seed=99, kind=kind, checkpoint_every=every)
    assert bits(resumed) == bits(whole)
    assert its == history


def test_a_run_that_was_complete_is_not_run_again(tmp_path):
    model, history = resumable(tmp_path / "c.safetensors", 3)
    again, its = resumable(tmp_path / "c.safetensors", 3, seed=99)
    assert bits(again) == bits(model)
    assert its == history


def test_a_run_that_was_stopped_by_ctrl_c_goes_on(tmp_path):
    whole, history = trained(epochs=4)
    trained(loss=Interrupting(15), checkpoint=tmp_path / "c.safetensors")
    resumed, its = trained(loss=Interrupting(0), checkpoint=tmp_path / "c.safetensors")
    assert bits(resumed) == bits(whole)
    assert its == history


def test_unseeded_weights_are_the_same_after_an_end_in_the_first_epoch(tmp_path):
    first = classifier(seed=None)
    with pytest.raises(ZeroDivisionError):
        trained(first, loss=Failing(), checkpoint=tmp_path / "c.safetensors")
    second, _ = trained(classifier(seed=None), loss=Failing(), checkpoint=tmp_path / "c.safetensors", epochs=0)
    assert bits(second) == bits(first)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"model": nn.Sequential(nn.Linear(6, 8), nn.Linear(8, 3))},
            r"weights 0.weight: float32 \(16, 6\) in the checkpoint",
        ),
        ({"model": nn.Sequential(*classifier()[:1], nn.ReLU(), *classifier()[2:])}, r"model: .*LeakyReLU.* ReLU"),
        ({"loss": nn.NLLLoss()}, r"loss: CrossEntropyLoss.* in the checkpoint, NLLLoss"),
        ({"batch_size": 16}, "batch size: 32 in the checkpoint, 16 here"),
        ({"seed": 1}, "seed: 0 in the checkpoint, 1 here"),
        ({"lr": 0.5}, "optimizer's lr: 0.01 in the checkpoint, 0.5 here"),
        ({"optimizer": optim.SGD}, "optimizer: Adam in the checkpoint, SGD here"),
        ({"augment": noisy}, "augment: None in the checkpoint, <function noisy> here"),
        ({"train": (X[:100] + 1, Y[:100])}, r"training data: float32 \(100, 6\) "),
        ({"valid": None}, "validation data: .* in the checkpoint, None here"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused_with_what_differs_and_nothing_is_changed(tmp_path, change, words):
    path = tmp_path / "c.safetensors"
    trained(checkpoint=path)
    before = path.read_bytes()
    change = dict(change)
    model = change.pop("model", classifier())
    weights = bits(model)
    optimizer = change.pop("optimizer", optim.Adam)(model.parameters(), lr=change.pop("lr", 0.01))
    with pytest.raises(CheckpointError, match=rf"(?s)expected the checkpoint of this run, got another .*{words}"):
        trained(model, optimizer=optimizer, checkpoint=path, **change)
    assert path.read_bytes() == before
    assert bits(model) == weights


def test_more_epochs_and_patience_are_no_other_run(tmp_path):
    trained(checkpoint=tmp_path / "c.safetensors", epochs=2)
    _, history = trained(checkpoint=tmp_path / "c.safetensors", epochs=5, patience=4)
    assert len(history.train_loss) == 5


@pytest.mark.parametrize("tree", [{"n": 1}, 3, {"settings": 1}, {"settings": {}}])
def test_a_checkpoint_that_is_none_of_fit_is_refused(tmp_path, tree):
    save(tmp_path / "c.safetensors", tree)
    with pytest.raises(CheckpointError, match=r"c\.safetensors"):
        trained(checkpoint=tmp_path / "c.safetensors")


RUN = """
import os, signal, sys
sys.path[:0] = sys.argv[3:]
import numpy as np
import test_train

real, calls = os.replace, 0
place, at = sys.argv[2].split()
def replace(part, path):
    global calls
    calls += 1
    if calls == int(at) and place == "torn":
        os.truncate(part, os.path.getsize(part) // 2)
    if calls == int(at) and place != "after":
        os.kill(os.getpid(), signal.SIGKILL)
    real(part, path)
    if calls == int(at):
        os.kill(os.getpid(), signal.SIGKILL)
os.replace = replace
print("ready", flush=True)
model, history = test_train.resumable(sys.argv[1], 40)
np.savez(sys.argv[1] + ".end.npz", train_loss=history.train_loss, **model.state_dict())
"""


def child(path, place="never 0"):
    command = [sys.executable, "-c", RUN, str(path), place, os.path.dirname(__file__)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, env=unmeasured())


def unmeasured():
    """The environment without coverage's hook: a program that is killed would leave half a data file."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}


def epochs_done(path):
    return len(load(path)["history"]["train_loss"]) if path.exists() else 0


def same_as_never_killed(path):
    whole, history = resumable(None, 40)
    with np.load(f"{path}.end.npz") as end:
        assert {name: end[name].tobytes() for name in whole.state_dict()} == bits(whole)
        assert tuple(end["train_loss"]) == history.train_loss


def test_a_run_killed_at_random_moments_ends_with_the_weights_of_one_never_killed(tmp_path):
    path, moments, killed_at = tmp_path / "c.safetensors", random.Random(7), []
    for _ in range(5):
        with child(path) as run:
            run.stdout.readline()
            time.sleep(moments.uniform(0.0, 0.06))
            run.kill()
        killed_at.append(epochs_done(path))
    with child(path) as run:
        run.stdout.read()
    assert run.returncode == 0
    assert killed_at == sorted(killed_at)  # none begins anew
    same_as_never_killed(path)


def test_a_run_killed_while_it_writes_ends_with_the_weights_of_one_never_killed(tmp_path):
    path = tmp_path / "c.safetensors"
    for place in ("before 1", "torn 3", "after 4"):
        with child(path, place) as run:
            run.stdout.read()
        assert run.returncode == -signal.SIGKILL
    with child(path) as run:
        run.stdout.read()
    assert run.returncode == 0
    same_as_never_killed(path)


# --- what is shown ----------------------------------------------------------------------------------------------------


def test_a_run_is_quiet_where_its_output_is_piped(capfd):
    trained(verbose=None)
    assert capfd.readouterr() == ("", "")


def test_lines_are_printed_after_every_interval_with_the_textbooks_numbers(capfd):
    _, history = trained(verbose=None, print_interval=2)
    lines = capfd.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines[:-1]] == ["epoch 1", "epoch 3"]
    assert f"train loss {history.train_loss[1]:.6g}, validation loss {history.valid_loss[1]:.6g}, lowest" in lines[0]
    assert lines[-1] == history.reason
    assert history.reason.startswith("All 4 epochs are done. The lowest validation loss is")


def test_a_verbose_run_prints_a_line_for_each_epoch_where_it_is_piped(capfd):
    trained(verbose=True, valid=None)
    assert [line[:19] for line in capfd.readouterr().out.splitlines()[:4]] == [
        f"epoch {i}: train loss" for i in range(4)
    ]


def test_a_terminal_shows_loss_accuracy_speed_and_time_left(capfd, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    _, history = trained(verbose=None)
    out = capfd.readouterr().out
    assert f"epoch 4/4 · loss {history.valid_loss[-1]:.4f} · accuracy {history.valid_accuracy[-1]:.1%}" in out
    assert re.search(r"samples/s\S* \S*0:00", out)


def test_the_terminal_shows_korean_and_the_checkpoint_it_goes_on_from(capfd, monkeypatch, tmp_path):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    trained(epochs=2, checkpoint=tmp_path / "c.safetensors")
    capfd.readouterr()
    trained(verbose=None, lang="ko", checkpoint=tmp_path / "c.safetensors")
    out = capfd.readouterr().out
    assert "체크포인트에서 이어서 합니다. 끝난 에포크 수: 2." in out
    assert "에포크 4/4 · 손실" in out
    assert "정확도" in out


def test_a_notebook_shows_the_bar_in_a_widget_of_its_own(monkeypatch):
    shown = []
    output = type("Output", (contextlib.nullcontext,), {"clear_output": lambda self, wait: None})
    for name, module in (("IPython.display", {"display": shown.append}), ("ipywidgets", {"Output": output})):
        monkeypatch.setitem(sys.modules, name, types.SimpleNamespace(**module))
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    _, history = trained(epochs=2)
    assert shown == []
    _, history = trained(epochs=2, verbose=None)
    texts = [each.text for each in shown if hasattr(each, "text")]
    assert any(f"epoch 2/2 · loss {history.valid_loss[-1]:.4f}" in each for each in texts)
    assert texts[-1].strip() == history.reason
    assert history.reason in str(history)  # as text, not as another display


def test_a_history_prints_as_a_table_with_the_best_epoch_marked():
    _, history = trained(epochs=60)
    lines = str(history).splitlines()
    heads = re.split("  +", lines[0].strip())
    assert heads == ["epoch", "train loss", "validation loss", "train accuracy", "validation accuracy"]
    assert lines[-1] == history.reason
    assert 10 <= len(lines) - 2 <= train.ROWS
    rows = {line.split()[0]: line.replace("←", "").split() for line in lines[1:-1]}
    best, last = rows[str(history.best_epoch)], rows["59"]
    assert [line.split()[0] for line in lines if "←" in line] == [str(history.best_epoch)]
    assert float(best[2]) == pytest.approx(history.best_loss, rel=1e-5)
    assert float(last[1]) == pytest.approx(history.train_loss[-1], rel=1e-5)
    assert "<pre>" in history._repr_html_()


def test_a_history_without_epochs_or_validation_and_a_korean_one_print_too():
    assert str(trained(epochs=0)[1]) == "All 0 epochs are done. The model has the weights it came with.\n"
    korean = str(trained(epochs=2, valid=None, lang="ko")[1]).splitlines()
    assert korean[0].split() == ["에포크", "훈련", "손실", "훈련", "정확도"]
    assert len(korean) == 4


def test_an_evaluation_prints_its_loss_and_for_classes_the_confusion_matrix():
    model, _ = trained()
    found = evaluate(model, nn.CrossEntropyLoss(), *VALID, lang="ko")
    assert str(found).startswith(f"손실 {found.loss:.4f} · 정확도 {found.accuracy:.1%}\n")
    assert "true_2" in str(found)
    assert "&lt;" not in found._repr_html_()
    bare = evaluate(Given(), nn.MSELoss(), np.array([0.4, 0.6]), np.array([2, 3]))
    assert str(bare) == f"loss {bare.loss:.4f}\n"


def test_a_console_without_hangul_ends_no_run():
    program = f"import sys; sys.path[:0] = [{os.path.dirname(__file__)!r}]; import test_train as t; "
    done = subprocess.run(
        [sys.executable, "-c", program + "t.trained(verbose=True, lang='ko')"],
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=True,
    )
    assert done.stdout.count(b"?") > 10


# --- beside PyTorch ---------------------------------------------------------------------------------------------------


def test_a_run_gives_pytorchs_losses_and_weights():
    torch = pytest.importorskip("torch")
    model = classifier()
    theirs = torch.nn.Sequential(
        torch.nn.Linear(6, 16), torch.nn.LeakyReLU(), torch.nn.Dropout(0), torch.nn.Linear(16, 3)
    )
    theirs.load_state_dict({name: torch.tensor(each) for name, each in model.state_dict().items()})
    optimizer, criterion = torch.optim.Adam(theirs.parameters(), lr=0.01), torch.nn.CrossEntropyLoss()
    shuffling, losses = np.random.default_rng(0), []
    for _ in range(3):
        total = 0.0
        order = shuffling.permutation(100)
        for rows in (order[:32], order[32:64], order[64:96], order[96:]):
            loss = criterion(theirs(torch.tensor(X[rows])), torch.tensor(Y[rows]))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
        losses.append(total / 100)
    _, history = trained(model, epochs=3, valid=None)
    np.testing.assert_allclose(history.train_loss, losses, rtol=1e-5)
    for name, each in theirs.state_dict().items():
        np.testing.assert_allclose(model.state_dict()[name], each.numpy(), atol=1e-5)
