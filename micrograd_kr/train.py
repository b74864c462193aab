"""Training: a model, a loss, an optimiser and data in; the best weights in the model and a history out.

history = fit(model, nn.CrossEntropyLoss(), optimizer, (x, y), (x_valid, y_valid), epochs=100, patience=10, seed=0)
evaluate(model, nn.CrossEntropyLoss(), x_test, y_test).accuracy  # 0.98
"""

import html
import math
import re
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from traceback import walk_tb
from typing import Any, Literal, NamedTuple

import numpy as np

from micrograd_kr import checkpoints, seeds
from micrograd_kr.anomalies import AnomalyError, anomaly
from micrograd_kr.checkpoints import CheckpointError, Location
from micrograd_kr.data import batches
from micrograd_kr.engine import UNSET, Value, no_grad
from micrograd_kr.metrics import accuracy, as_table, confusion_matrix, plain

WORDS: dict[str, dict[str, Any]] = {
    "en": {
        "epoch": "epoch {epoch}/{epochs}",
        "loss": "loss {loss:.4f}",
        "accuracy": "accuracy {accuracy:.1%}",
        "speed": "{speed:,.0f} samples/s",
        "train line": "epoch {epoch}: train loss {train:.6g}",
        "valid line": "epoch {epoch}: train loss {train:.6g}, validation loss {valid:.6g}, lowest {lowest:.6g}",
        "resumed": "Goes on from its checkpoint, after {done} epochs.",
        "epochs": "All {epochs} epochs are done.",
        "early stopping": "Stopped early: no lower validation loss in {patience} epochs, since epoch {epoch}.",
        "interrupted": "Interrupted in epoch {done}.",
        "unsaved checkpoint": "The checkpoint could not be written after {done} epochs: {error}. Make room and run "
        "this again: it goes on from the checkpoint before.",
        "kept best": "The lowest validation loss is {loss:.6g}, of epoch {epoch}; the model has its weights.",
        "kept last": "The model has the weights of epoch {epoch}.",
        "kept first": "The model has the weights it came with.",
        "kept present": "No epoch was complete; the model has its present weights.",
        "in training": "The loss is {number} in epoch {epoch}, batch {batch}: {fault}.",
        "in validation": "The validation loss is {number} in epoch {epoch}: {fault}.",
        "inputs": "the inputs hold nan or inf",
        "targets": "the targets hold nan or inf",
        "gradient": "{name} is not finite, since its gradient in the step before was not; {name} and what follows it "
        "is the place to look",
        "step": "{name} is not finite after a step along a finite gradient; lower the learning rate",
        "layer": "layer {layer} is the first whose output is not finite: {op}; lower the learning rate or scale the "
        "inputs",
        "no layer": "the model's {op} is the first that is not finite",
        "in loss": "the model's outputs are finite, {op} in the loss is not",
        "elsewhere": "not found again in a second pass",
        "heads": ("epoch", "train loss", "validation loss", "train accuracy", "validation accuracy"),
    },
    "ko": {
        "epoch": "에포크 {epoch}/{epochs}",
        "loss": "손실 {loss:.4f}",
        "accuracy": "정확도 {accuracy:.1%}",
        "speed": "초당 샘플 {speed:,.0f}개",
        "train line": "에포크 {epoch}: 훈련 손실 {train:.6g}",
        "valid line": "에포크 {epoch}: 훈련 손실 {train:.6g}, 검증 손실 {valid:.6g}, 최저 {lowest:.6g}",
        "resumed": "체크포인트에서 이어서 합니다. 끝난 에포크 수: {done}.",
        "epochs": "에포크 {epochs}번을 모두 마쳤습니다.",
        "early stopping": "조기 종료: 에포크 {epoch} 뒤로 {patience}번 동안 검증 손실이 더 낮아지지 않았습니다.",
        "interrupted": "에포크 {done}에서 중단되었습니다.",
        "unsaved checkpoint": "에포크 {done}번을 마친 뒤 체크포인트를 쓸 수 없었습니다: {error}. 공간을 마련하고 다시 "
        "실행하면 앞의 체크포인트에서 이어서 합니다.",
        "kept best": "검증 손실은 에포크 {epoch}에서 {loss:.6g}로 가장 낮았고, 모델에는 그 가중치가 있습니다.",
        "kept last": "모델에는 에포크 {epoch}의 가중치가 있습니다.",
        "kept first": "모델에는 처음 가중치가 있습니다.",
        "kept present": "끝난 에포크가 없어 모델에는 지금 가중치가 있습니다.",
        "in training": "에포크 {epoch}, 배치 {batch}에서 손실이 {number}입니다. {fault}.",
        "in validation": "에포크 {epoch}에서 검증 손실이 {number}입니다. {fault}.",
        "inputs": "입력에 nan 또는 inf가 있습니다",
        "targets": "정답에 nan 또는 inf가 있습니다",
        "gradient": "앞 단계의 기울기가 유한하지 않아 {name}도 유한하지 않습니다. {name}과 그 뒤를 살펴보세요",
        "step": "기울기는 유한하지만 한 단계 뒤 {name}이 유한하지 않습니다. 학습률을 낮추세요",
        "layer": "층 {layer}의 출력이 처음으로 유한하지 않습니다: {op}. 학습률을 낮추거나 입력을 스케일 조정하세요",
        "no layer": "모델의 {op}에서 처음으로 유한하지 않습니다",
        "in loss": "모델의 출력은 유한하지만 손실의 {op}에서 유한하지 않습니다",
        "elsewhere": "다시 계산했을 때는 나타나지 않았습니다",
        "heads": ("에포크", "훈련 손실", "검증 손실", "훈련 정확도", "검증 정확도"),
    },
}
StoppedBy = Literal["epochs", "early stopping", "interrupted", "nan loss", "unsaved checkpoint"]
Words = Mapping[str, Any]
OFTEN = 0.1  # seconds between two updates of what is shown; more cannot be read
ROWS = 12  # of a history that is printed


class Epoch(NamedTuple):
    """What one epoch came to. Losses are means over samples, accuracies shares; None where there is no such thing."""

    train_loss: float
    valid_loss: float | None
    train_accuracy: float | None
    valid_accuracy: float | None


class Best(NamedTuple):
    """The weights kept, the epoch they are of (−1: before the first), and its loss."""

    epoch: int
    loss: float
    weights: dict[str, Any]


class Printed:
    """What rich can show prints as that: as plain text, and so in a notebook."""

    def __str__(self) -> str:
        return plain(self)

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"


@dataclass(frozen=True)
class History(Printed):
    """What a run came to, one entry for each complete epoch; epochs count from 0.

    valid_loss, valid_accuracy and train_accuracy are empty where there is nothing to measure them by. best_epoch is
    the epoch whose weights the model has, None where it has those of none; best_loss its validation loss, or without
    validation data its training loss. reason says in a sentence why the run ended.
    """

    train_loss: tuple[float, ...]
    valid_loss: tuple[float, ...]
    train_accuracy: tuple[float, ...]
    valid_accuracy: tuple[float, ...]
    best_epoch: int | None
    best_loss: float
    stopped_by: StoppedBy
    reason: str
    lang: str = "en"

    def __rich__(self) -> Any:
        """A table of the epochs, of many a dozen with the best and the last, and why the run ended."""
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        n, heads = len(self.train_loss), WORDS[self.lang]["heads"]
        columns = self.train_loss, self.valid_loss, self.train_accuracy, self.valid_accuracy
        kept = [(head, each) for head, each in zip(heads[1:], columns, strict=True) if each]
        table = Table(heads[0], *(head for head, _ in kept), box=None)
        for i in sorted({*range(0, n, max(1, math.ceil(n / (ROWS - 2)))), *{self.best_epoch, n - 1} & {*range(n)}}):
            table.add_row(f"{i}{' ←' * (i == self.best_epoch)}", *(f"{each[i]:.6g}" for _, each in kept))
        return Group(*[table] * bool(n), Text(self.reason))


# --- evaluation -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Evaluation(Printed):
    """What a model does with data it is tested on.

    loss: the mean over samples. output: what the model gave, an array of as many rows as samples. predicted, target:
    the classes, and accuracy the share in which they agree; all three None where the targets are no classes.
    """

    loss: float
    output: np.ndarray
    predicted: np.ndarray | None
    target: np.ndarray | None
    lang: str = "en"

    def __rich__(self) -> Any:
        """The loss, and for classes the accuracy and the confusion matrix."""
        from rich.console import Group

        words, accuracy = WORDS[self.lang], self.accuracy
        loss = words["loss"].format(loss=self.loss)
        if accuracy is None:
            return loss
        return Group(
            f"{loss} · {words['accuracy'].format(accuracy=accuracy)}", as_table(self.confusion(), lang=self.lang)
        )

    @property
    def accuracy(self) -> float | None:
        return None if self.predicted is None or self.target is None else accuracy(self.target, self.predicted)

    def confusion(self) -> np.ndarray:
        """How often each true class (row) was predicted as each class (column): (classes, classes)."""
        if self.predicted is None or self.target is None:
            raise ValueError("a confusion matrix needs classes, and these targets are none: give y as class numbers")
        several = self.output.ndim == 2 and len(self.target) == len(self.output) and self.output.shape[1] > 1
        return confusion_matrix(self.target, self.predicted, self.output.shape[1] if several else 2)


def evaluate(model: Any, loss: Any, x: Any, y: Any, batch_size: int = 256, lang: str = "en") -> Evaluation:
    """The loss, the outputs and the classes that a model predicts, batch by batch, in eval mode and without a graph.

    Classes are read from the targets y. Integers (n,), for outputs (n, classes): the largest output is the class.
    Rows with a single 1: the same. Otherwise zeros and ones: 1 is predicted above 0.5, for BCEWithLogitsLoss above 0.
    A last batch that is shorter counts by its length. Raises ValueError where x and y do not go together.
    """
    x, y = _pair((x, y), "evaluate")
    _count("batch_size", batch_size)
    training = model.training
    outputs, total = [], 0.0
    model.eval()
    try:
        with no_grad(), np.errstate(all="ignore"):
            for batch, target in batches(x, y, batch_size, shuffle=False):
                output = model(batch)
                total += loss(output, target).item() * _weight(loss, target)
                outputs.append(output.data)
    finally:
        model.train(training)
    output = np.concatenate(outputs)
    predicted, true = _classes(_kind(y), loss, output, y) or (None, None)
    return Evaluation(total / len(x), output, predicted, true, lang)


def _weight(loss: Any, target: np.ndarray) -> int:
    """What a batch's loss counts in a sum over samples."""
    return 1 if getattr(loss, "reduction", "mean") == "sum" else len(target)


def _kind(y: np.ndarray) -> str | None:
    """What the targets of a whole data set are, if they are classes."""
    if not ((y == 0) | (y == 1)).all():
        return "classes" if y.dtype.kind in "iu" and y.ndim == 1 else None
    return "one-hot" if y.ndim == 2 and y.shape[1] > 1 and (y.sum(axis=1) == 1).all() else "binary"


def _classes(kind: str | None, loss: Any, output: Any, y: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """The classes predicted and the true ones, of outputs and their targets."""
    if kind and output.ndim == 2 and y.ndim == 1:
        return output.argmax(axis=-1), y.astype(np.int64)
    if kind in (None, "classes") or output.shape != y.shape:
        return None
    if kind == "one-hot":
        return output.argmax(axis=-1), y.argmax(axis=-1)
    above = 0.0 if type(loss).__name__ == "BCEWithLogitsLoss" else 0.5
    return (output > above).astype(np.int64).reshape(-1), y.astype(np.int64).reshape(-1)


def _pair(data: Any, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and targets as arrays of one length."""
    try:
        x, y = data
    except (TypeError, ValueError):
        raise ValueError(f"{name} needs a pair (x, y) of arrays, got {type(data).__name__}") from None
    x, y = np.asarray(x), np.asarray(y)
    if not x.ndim or not y.ndim or len(x) != len(y) or not len(x):
        raise ValueError(
            f"{name} needs one target for each sample, and at least one sample, got shapes {x.shape} and {y.shape}"
        )
    return x, y


def _count(name: str, number: Any, least: int = 1) -> None:
    if isinstance(number, bool) or not isinstance(number, int | np.integer) or number < least:
        raise ValueError(f"{name} needs a whole number from {least} on, got {number!r}")


# --- training ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Plan:
    """What a run is asked to do."""

    loss: Any
    train: tuple[np.ndarray, np.ndarray]
    valid: tuple[np.ndarray, np.ndarray] | None
    epochs: int
    batch_size: int
    patience: int
    penalty: Callable[[], Value] | None
    augment: Callable[[Any, np.random.Generator], Any] | None
    lang: str

    @property
    def words(self) -> Words:
        return WORDS[self.lang]


class SoFar(NamedTuple):
    """The complete epochs and the best of them: one thing, so that Ctrl-C cannot come between the two."""

    records: tuple[Epoch, ...]
    best: Best


@dataclass
class _Run:
    """What a run has come to."""

    model: Any
    optimizer: Any
    schedule: Any
    generators: list[np.random.Generator]  # the first shuffles, the others are the model's
    so_far: SoFar

    @property
    def records(self) -> tuple[Epoch, ...]:
        return self.so_far.records

    @property
    def best(self) -> Best:
        return self.so_far.best


class _NotFiniteError(ArithmeticError):
    """A loss of nan or inf; says where it arose."""


def fit(
    model: Any,
    loss: Any,
    optimizer: Any,
    train: tuple[Any, Any],
    valid: tuple[Any, Any] | None = None,
    *,
    epochs: int = 100,
    batch_size: int = 256,
    patience: int = 0,
    seed: int | np.random.Generator | None = None,
    penalty: Callable[[], Value] | None = None,
    augment: Callable[[Any, np.random.Generator], Any] | None = None,
    schedule: Any = None,
    checkpoint: Location | None = None,
    checkpoint_every: int = 1,
    verbose: bool | None = None,
    print_interval: int = 0,
    lang: str = "en",
) -> History:
    """Train on shuffled batches; the model ends with the weights of the epoch of the lowest validation loss.

    train, valid: pairs (x, y); without the second the last epoch's weights stay. All in one batch is not shuffled.
    patience: so many epochs without a validation loss as low as the lowest end the run; 0: none do.
    seed: of the shuffling; with a seeded model, one seed is one run.
    penalty() is added to what is minimised, not to what is recorded; augment(x, generator) changes a batch.
    schedule.step() follows each epoch.
    checkpoint: a file written after every so many epochs; where it exists, the run goes on from it, bit for bit.
    verbose: None shows progress in terminals and notebooks, True everywhere, False nothing.
    print_interval: a line is printed after every so many epochs.

    Ctrl-C, a loss of nan or inf, or a full disk where the checkpoint is ends the run, with the best weights so far and
    a `History.reason`. Raises ValueError for settings without sense, CheckpointError for a checkpoint damaged or of
    another run, OSError where the first checkpoint cannot be written.
    """
    plan = _planned(loss, train, valid, epochs, batch_size, patience, penalty, augment, lang)
    shuffling = seeds.generator(seed)
    run = _Run(
        model, optimizer, schedule, _generators(shuffling, model), SoFar((), Best(-1, math.inf, model.state_dict()))
    )
    save = _saver(run, plan, seed, checkpoint, checkpoint_every)
    return _fit(run, plan, save, _screen(verbose, print_interval))


def _planned(loss: Any, train: Any, valid: Any, *rest: Any) -> _Plan:
    """The plan, where its settings make sense."""
    epochs, batch_size, patience, penalty, augment, lang = rest
    _count("epochs", epochs, 0)
    _count("batch_size", batch_size)
    _count("patience", patience, 0)
    if patience and valid is None:
        raise ValueError("patience needs validation data to stop by: give valid=(x, y), or patience=0")
    if lang not in WORDS:
        raise ValueError(f"lang needs one of {', '.join(WORDS)}, got {lang!r}")
    pairs = _pair(train, "train"), None if valid is None else _pair(valid, "valid")
    return _Plan(loss, *pairs, epochs, batch_size, patience, penalty, augment, lang)


def _fit(run: _Run, plan: _Plan, save: Callable[[bool], None], screen: "_Screen") -> History:
    """A run to its end, whichever that is."""
    training = run.model.training
    try:
        try:
            with _progress(screen, run, plan) as show, np.errstate(all="ignore"):
                why, reason = _train(run, plan, save, show)
            return _ended(run, plan, screen, why, reason)
        except KeyboardInterrupt:
            return _ended(run, plan, screen, "interrupted", plan.words["interrupted"].format(done=len(run.records)))
    finally:
        run.model.train(training)


def _ended(run: _Run, plan: _Plan, screen: "_Screen", why: StoppedBy, reason: str) -> History:
    """The best weights in the model, and the history, which is said."""
    reason = f"{reason} {_keep_best(run, plan, why)}"
    screen.close(reason, why)
    return _history(run, why, reason, plan.lang)


def _history(run: _Run, stopped_by: StoppedBy, reason: str, lang: str) -> History:
    def column(i: int) -> tuple[Any, ...]:
        return tuple(each[i] for each in run.records if each[i] is not None)

    best = None if run.best.epoch < 0 else run.best.epoch
    return History(column(0), column(1), column(2), column(3), best, run.best.loss, stopped_by, reason, lang)


def _keep_best(run: _Run, plan: _Plan, stopped_by: str) -> str:
    """Give the model the best weights, and say which they are."""
    if run.best.epoch < 0 and stopped_by == "interrupted":
        return str(plan.words["kept present"])
    run.model.load_state_dict(run.best.weights)
    kept = "kept first" if run.best.epoch < 0 else "kept best" if plan.valid else "kept last"
    return str(plan.words[kept].format(epoch=run.best.epoch, loss=run.best.loss))


def _train(run: _Run, plan: _Plan, save: Callable[[bool], None], show: "Show") -> tuple[StoppedBy, str]:
    """Epoch after epoch, until there are enough, no better ones come, or one fails: which of these, in words too.

    `<=` keeps the later of two equal losses, and the run ends after exactly `patience` epochs that were not kept.
    """
    words = plan.words
    while True:
        done = len(run.records)
        late = plan.patience and run.best.epoch + plan.patience < done
        why: StoppedBy | None = "early stopping" if late else "epochs" if done >= plan.epochs else None
        try:
            save(why is not None)
        except OSError as error:
            return "unsaved checkpoint", words["unsaved checkpoint"].format(done=done, error=error)
        if why:
            return why, str(words[why].format(epochs=plan.epochs, patience=plan.patience, epoch=run.best.epoch))
        try:
            record = _epoch(run, plan, show)
        except _NotFiniteError as error:
            return "nan loss", str(error)
        loss = record.train_loss if record.valid_loss is None else record.valid_loss
        better = plan.valid is None or loss <= run.best.loss
        best = Best(done, loss, run.model.state_dict()) if better else run.best
        run.so_far = SoFar((*run.records, record), best)
        show(0, record, True)


def _epoch(run: _Run, plan: _Plan, show: "Show") -> Epoch:
    """One pass over the training data, and what the validation data say after it."""
    x, y = plan.train
    kind, shuffling = _kind(y), run.generators[0]
    total, right, seen = 0.0, 0.0, 0
    run.model.train()
    for i, (inputs, target) in enumerate(batches(x, y, plan.batch_size, shuffling, shuffle=len(x) > plan.batch_size)):
        if plan.augment:
            inputs = plan.augment(inputs, shuffling)
        loss, output = _step(run, plan, inputs, target, i)
        total += loss * _weight(plan.loss, target)
        seen += len(target)
        classes = _classes(kind, plan.loss, output, target)
        if classes:
            right += float(np.mean(classes[0] == classes[1])) * len(target)
        show(seen, Epoch(total / seen, None, right / seen if classes else None, None), False)
    if run.schedule is not None:
        run.schedule.step()
    measured = Epoch(total / len(x), None, right / len(x) if classes else None, None)
    if plan.valid is None:
        return measured
    found = evaluate(run.model, plan.loss, *plan.valid, plan.batch_size)
    if not math.isfinite(found.loss):
        raise _NotFiniteError(_validation_fault(run, plan, found.loss))
    return measured._replace(valid_loss=found.loss, valid_accuracy=found.accuracy)


def _step(run: _Run, plan: _Plan, x: Any, y: Any, batch: int) -> tuple[float, Any]:
    """One step on one batch: its loss, and what the model gave. Its graph ends with it, before the next is made."""
    output = run.model(x)
    loss = plan.loss(output, y)
    objective = loss + plan.penalty() if plan.penalty else loss
    number = objective.item()
    if not math.isfinite(number):
        words, fault = plan.words, _fault(run.model, plan, x, y) or plan.words["elsewhere"]
        said = words["in training"].format(number=number, epoch=len(run.records), batch=batch, fault=fault)
        raise _NotFiniteError(said)
    run.optimizer.zero_grad()
    objective.backward()
    run.optimizer.step()
    return loss.item(), output.data


# --- a loss of nan or inf ---------------------------------------------------------------------------------------------


def _fault(model: Any, plan: _Plan, x: Any, y: Any) -> str | None:
    """Where the first number arises that is not finite: in the data, in a weight, in a layer, or in the loss."""
    words = plan.words
    if not np.isfinite(x).all():
        return str(words["inputs"])
    if not np.isfinite(y).all():
        return str(words["targets"])
    for name, p in model.named_parameters():
        if not np.isfinite(p.data).all():  # the gradient is still that of the step before
            return str(words["step" if p.grad is UNSET or np.isfinite(p.grad).all() else "gradient"].format(name=name))
    try:
        with anomaly():  # computed again, and watched
            plan.loss(model(x), y)
            if plan.penalty:
                plan.penalty()
    except AnomalyError as error:
        entered = [frame.f_locals.get("self") for frame, _ in walk_tb(error.__traceback__)]
        modules = {id(each) for each in model.modules()}
        inside = [each for each in entered if id(each) in modules]
        layer = _name(model, inside[-1]) if inside else ""
        op = str(error).partition(": ")[2].partition(", computed from")[0]
        return str(words["layer" if layer else "no layer" if inside else "in loss"].format(op=op, layer=layer))
    return None


def _name(model: Any, module: Any) -> str:
    """What a module is called in its model, as in the names of its parameters; without any, its class."""
    for name, p in module.named_parameters()[:1]:
        whole = next(whole for whole, each in model.named_parameters() if each is p)
        return str(whole).removesuffix(name).rstrip(".")
    return type(module).__name__


def _validation_fault(run: _Run, plan: _Plan, number: float) -> str:
    """The same for validation data, of the first batch where something is found."""
    run.model.eval()
    pairs = batches(*plan.valid, plan.batch_size, shuffle=False) if plan.valid else ()
    found = (_fault(run.model, plan, x, y) for x, y in pairs)
    fault = next((each for each in found if each), plan.words["elsewhere"])
    return str(plan.words["in validation"].format(number=number, epoch=len(run.records), fault=fault))


# --- checkpoints ------------------------------------------------------------------------------------------------------


def _generators(shuffling: np.random.Generator, model: Any) -> list[np.random.Generator]:
    """The Generator that shuffles, and every other that a module of the model holds, each once."""
    held = [each for module in model.modules() for each in vars(module).values()]
    generators = [each for each in (shuffling, *held) if isinstance(each, np.random.Generator)]
    return list({id(each): each for each in generators}.values())


def _saver(run: _Run, plan: _Plan, seed: Any, path: Location | None, every: int) -> Callable[[bool], None]:
    """What writes a run's checkpoint, at the end (True) or when it is time; a run that is on the disk goes on first."""
    _count("checkpoint_every", every)
    if path is None:
        return lambda end: None
    settings, written = _settings(run, plan, seed), -1

    def save(end: bool) -> None:
        nonlocal written
        done = len(run.records)
        if done != written and (end or done % every == 0):
            checkpoints.save(path, {"settings": settings, **_state(run)})
            written = done

    if Path(path).exists():
        _resume(run, settings, path)
        written = len(run.records)
    save(True)  # the start, too: unseeded weights are the same after a kill in the first epoch
    return save


def _state(run: _Run) -> dict[str, Any]:
    """All that the rest of a run depends on."""
    return {
        "records": [list(each) for each in run.records],
        "best": run.best._asdict(),
        "model": run.model.state_dict(),
        "optimizer": run.optimizer.state_dict(),
        "schedule": None if run.schedule is None else run.schedule.state_dict(),
        "generators": [each.bit_generator.state for each in run.generators],
    }


def _resume(run: _Run, settings: Mapping[str, Any], path: Location) -> None:
    """Bring a run to where its checkpoint was written."""
    there = checkpoints.load(path)
    try:
        different = checkpoints.differences(settings, there["settings"])
        if different:
            raise CheckpointError(
                f"expected the checkpoint of this run, got another in {path}: {'; '.join(different)}. "
                "Delete it to begin anew, name another file, or go back to its settings"
            )
        run.so_far = SoFar(tuple(Epoch(*each) for each in there["records"]), Best(**there["best"]))
        run.model.load_state_dict(there["model"])
        run.optimizer.load_state_dict(there["optimizer"])
        if run.schedule is not None:
            run.schedule.load_state_dict(there["schedule"])
        for generator, state in zip(run.generators, there["generators"], strict=True):
            generator.bit_generator.state = state
    except CheckpointError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise CheckpointError(
            f"expected the checkpoint of a run of fit, got {path}, which is none ({type(error).__name__}: {error}): "
            "delete it, or name another file"
        ) from error


def _settings(run: _Run, plan: _Plan, seed: Any) -> dict[str, Any]:
    """What makes a run this run and no other; more epochs or patience only make it longer."""
    (options,) = run.optimizer.state_dict()["param_groups"]
    schedule = (
        {name: value for name, value in vars(run.schedule).items() if name != "last_epoch"} if run.schedule else {}
    )
    changing = {"params", "lr"} if run.schedule else {"params"}
    return {
        "model": _described(run.model),
        "weights": {name: f"{np.asarray(w).dtype} {np.shape(w)}" for name, w in run.best.weights.items()},
        "loss": _described(plan.loss),
        "optimizer": type(run.optimizer).__name__,
        "optimizer's": {name: value for name, value in options.items() if name not in changing},
        "schedule": type(run.schedule).__name__,
        "schedule's": {name: value for name, value in schedule.items() if isinstance(value, int | float)},
        "batch size": plan.batch_size,
        "seed": "a Generator" if isinstance(seed, np.random.Generator) else _described(seed),
        "penalty": _described(plan.penalty),
        "augment": _described(plan.augment),
        "training data": [_fingerprint(each) for each in plan.train],
        "validation data": plan.valid and [_fingerprint(each) for each in plan.valid],
    }


def _described(thing: Any) -> str:
    """Its repr without addresses, which differ from one program run to the next."""
    return re.sub(r" at 0x[0-9A-Fa-f]+", "", repr(thing))


def _fingerprint(array: np.ndarray) -> str:
    return f"{array.dtype} {array.shape} {zlib.crc32(np.ascontiguousarray(array).data):08x}"


# --- progress ---------------------------------------------------------------------------------------------------------

Show = Callable[[int, Epoch, bool], None]


class _Screen(NamedTuple):
    """How a run is shown: by a bar (terminals, notebooks), by a line after so many epochs, by both or neither."""

    console: Any
    bar: bool
    interval: int
    quiet: bool

    def say(self, text: str) -> None:
        if self.bar or self.interval:
            _print(self.console, text)

    def close(self, reason: str, why: StoppedBy) -> None:
        """The end of a run; one that is no ordinary end is told even where nothing else is."""
        from rich.console import Console

        self.say(reason)
        if not (self.bar or self.interval or self.quiet or why in ("epochs", "early stopping")):
            _print(Console(stderr=True), reason)


def _print(console: Any, text: str) -> None:
    """A line of text; what the console's encoding lacks becomes ?, since no run may end for that."""
    text = text.encode(console.encoding, "replace").decode(console.encoding)
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def _screen(verbose: bool | None, interval: int) -> _Screen:
    """What is asked for, as far as the place where it goes can show it."""
    from rich.console import Console

    _count("print_interval", interval, 0)
    console = Console()
    bar = verbose is not False and (console.is_jupyter or console.is_terminal)
    return _Screen(
        console, bar, 0 if verbose is False else interval or int(verbose is True and not bar), verbose is False
    )


@contextmanager
def _progress(screen: _Screen, run: _Run, plan: _Plan) -> Iterator[Show]:
    """What is called after each batch, and with all samples seen after each epoch, to show how far the run is."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    samples, begun, began, last = len(plan.train[0]), len(run.records), time.perf_counter(), 0.0
    if begun:
        screen.say(plan.words["resumed"].format(done=begun))
    columns = BarColumn(20), TextColumn("{task.description}", markup=False), TimeRemainingColumn(compact=True)
    bar = Progress(*columns, console=screen.console)
    with bar if screen.bar else nullcontext():  # rich 13.0 prints an empty line for one that is disabled
        task = bar.add_task("", total=plan.epochs * samples, completed=begun * samples)

        def show(seen: int, record: Epoch, complete: bool) -> None:
            """What is known of the present epoch, or of the one just complete."""
            nonlocal last
            now, done = time.perf_counter(), len(run.records)
            if complete and screen.interval and done % screen.interval == 0:
                screen.say(_record_line(record, run, plan.words))
            if screen.bar and (complete or now - last > OFTEN):
                last = now
                whole = done * samples + seen
                speed = (whole - begun * samples) / max(now - began, 1e-9)
                said = _measures(record, done + (not complete), plan, speed)
                bar.update(task, completed=whole, description=said, refresh=done == plan.epochs)

        yield show


def _measures(record: Epoch, epoch: int, plan: _Plan, speed: float) -> str:
    """How far a run is, in one line."""
    accuracy = record.train_accuracy if record.valid_accuracy is None else record.valid_accuracy
    loss = record.train_loss if record.valid_loss is None else record.valid_loss
    words = plan.words
    parts = [words["epoch"].format(epoch=epoch, epochs=plan.epochs), words["loss"].format(loss=loss)]
    if accuracy is not None:
        parts.append(words["accuracy"].format(accuracy=accuracy))
    return " · ".join([*parts, words["speed"].format(speed=speed)])


def _record_line(record: Epoch, run: _Run, words: Words) -> str:
    """What an epoch came to, in one line."""
    word = "train line" if record.valid_loss is None else "valid line"
    numbers = {"train": record.train_loss, "valid": record.valid_loss, "lowest": run.best.loss}
    return str(words[word].format(epoch=len(run.records) - 1, **numbers))
