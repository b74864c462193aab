"""Training: a model, a loss, an optimiser and data in; the best weights in the model and a history out.

history = fit(model, nn.CrossEntropyLoss(), optimizer, (x, y), (x_valid, y_valid), epochs=100, patience=10, seed=0)
evaluate(model, nn.CrossEntropyLoss(), x_test, y_test).accuracy  # 0.98
"""

import math
import re
import signal
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from traceback import walk_tb
from types import SimpleNamespace
from typing import Any, Literal

import numpy as np

from micrograd_kr import checkpoints, seeds
from micrograd_kr.anomalies import AnomalyError, anomaly
from micrograd_kr.checkpoints import CheckpointError, Location
from micrograd_kr.data import batches
from micrograd_kr.engine import UNSET, Value, no_grad
from micrograd_kr.metrics import accuracy, as_table, confusion_matrix
from micrograd_kr.parallel import ranks_of
from micrograd_kr.printed import Printed
from micrograd_kr.said import Said, check_language, say

StoppedBy = Literal["epochs", "early stopping", "interrupted", "nan loss", "unsaved checkpoint"]
OFTEN = 0.1  # seconds between two updates of what is shown; more cannot be read
ROWS = 12  # of a history that is printed


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

        heads = say("train loss"), say("validation loss"), say("train accuracy"), say("validation accuracy")
        columns = self.train_loss, self.valid_loss, self.train_accuracy, self.valid_accuracy
        kept = [(head.in_(self.lang), each) for head, each in zip(heads, columns, strict=True) if each]
        n, table = len(self.train_loss), Table(say("epoch").in_(self.lang), *(head for head, _ in kept), box=None)
        for i in sorted({*range(0, n, max(1, math.ceil(n / (ROWS - 2)))), *{self.best_epoch, n - 1} & {*range(n)}}):
            table.add_row(f"{i}{' ←' * (i == self.best_epoch)}", *(f"{each[i]:.6g}" for _, each in kept))
        return Group(*[table] * bool(n), Text(self.reason))


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

        measured = _measured(self.loss, self.accuracy).in_(self.lang)
        return measured if self.predicted is None else Group(measured, as_table(self.confusion(), lang=self.lang))

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
    _at_least(1, batch_size=batch_size)
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


def _measured(loss: float, accuracy: float | None) -> Said:
    if accuracy is None:
        return say("loss {loss:.4f}", loss=loss)
    return say("loss {loss:.4f} · accuracy {accuracy:.1%}", loss=loss, accuracy=accuracy)


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
    above = output > (0.0 if type(loss).__name__ == "BCEWithLogitsLoss" else 0.5)
    return above.astype(np.int64).reshape(-1), y.astype(np.int64).reshape(-1)


def _pair(data: Any, name: str) -> tuple[np.ndarray, np.ndarray]:
    try:
        x, y = data
    except (TypeError, ValueError):
        raise ValueError(f"{name} needs a pair (x, y) of arrays, got {type(data).__name__}") from None
    x, y = np.asarray(x), np.asarray(y)
    if not x.ndim or not y.ndim or len(x) != len(y) or not len(x):
        raise ValueError(f"{name} needs one target for each sample, at least one sample, got {x.shape} and {y.shape}")
    return x, y


def _at_least(least: int, **numbers: Any) -> None:
    for name, number in numbers.items():
        if isinstance(number, bool) or not isinstance(number, int | np.integer) or number < least:
            raise ValueError(f"{name} needs a whole number from {least} on, got {number!r}")


class _Run(SimpleNamespace):
    """What `fit` is asked to do, by the names of its arguments, and what the run has come to.

    generators: the first shuffles, the others are the model's. parts: what else changes, by its name in a checkpoint.
    settings: what a checkpoint must agree with. so_far: the complete epochs, and the best weights of them: one thing,
    so that Ctrl-C cannot come between the two.
    """

    valid: tuple[np.ndarray, np.ndarray] | None
    so_far: tuple[History, dict[str, Any]]
    history = property(lambda self: self.so_far[0])
    done = property(lambda self: len(self.so_far[0].train_loss), doc="How many epochs are complete.")


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

    Ctrl-C or SIGTERM, a loss of nan or inf, or a disk where the checkpoint finds no room ends the run, with the best
    weights so far and a `History.reason`. Raises ValueError for settings without sense, CheckpointError for a
    checkpoint damaged or of another run, OSError where the first checkpoint cannot be written.
    """
    run = _Run(**locals())
    _at_least(0, epochs=epochs, patience=patience, print_interval=print_interval)
    _at_least(1, batch_size=batch_size, checkpoint_every=checkpoint_every)
    if patience and valid is None:
        raise ValueError("patience needs validation data to stop by: give valid=(x, y), or patience=0")
    check_language(lang)
    run.train, run.valid = _pair(train, "train"), None if valid is None else _pair(valid, "valid")
    run.generators = list(dict.fromkeys([seeds.generator(seed), *model.generators()]))
    run.ranks = ranks_of(model)
    for generator, state in zip(run.generators, run.ranks.agreed(_states(run)), strict=True):
        generator.bit_generator.state = state
    run.parts = {"model": model, "optimizer": optimizer} | ({} if schedule is None else {"schedule": schedule})
    run.so_far = History((), (), (), (), None, math.inf, "interrupted", "", lang), model.state_dict()
    if checkpoint is not None:
        run.settings = _settings(run)
        if run.ranks.first(Path(checkpoint).exists):
            _resume(run)
        else:
            run.ranks.first(lambda: _save(run))  # unseeded weights are the same after a kill in the first epoch
    screen, training = _Screen(run), model.training
    try:
        with _sigterm_as_ctrl_c(), screen.bar or nullcontext(), np.errstate(all="ignore"):
            why, said = _train(run, screen)
        return _ended(run, screen, why, said)
    except KeyboardInterrupt:
        return _ended(run, screen, "interrupted", say("Interrupted in epoch {done}.", done=run.done))
    finally:
        model.train(training)


@contextmanager
def _sigterm_as_ctrl_c() -> Iterator[None]:
    """A context that SIGTERM, with which machines end programs, interrupts as Ctrl-C does, not at once for good.

    A program's own handler stays. Only the main thread may set one, and hears of it.
    """
    is_ours = threading.current_thread() is threading.main_thread()
    if not is_ours or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    of_ctrl_c = signal.getsignal(signal.SIGINT)  # that of ranks, say
    signal.signal(signal.SIGTERM, of_ctrl_c if callable(of_ctrl_c) else signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _ended(run: _Run, screen: "_Screen", why: StoppedBy, said: Said) -> History:
    """The best weights in the model, and the history with why the run ended, which is said."""
    history, weights = run.so_far
    if history.best_epoch is None and why == "interrupted":
        kept = say("No epoch was complete; the model has its present weights.")
    else:
        run.model.load_state_dict(weights)
        if history.best_epoch is None:
            kept = say("The model has the weights it came with.")
        elif run.valid:
            gaps = {"loss": history.best_loss, "epoch": history.best_epoch}
            kept = say("The lowest validation loss is {loss:.6g}, of epoch {epoch}; the model has its weights.", **gaps)
        else:
            kept = say("The model has the weights of epoch {epoch}.", epoch=history.best_epoch)
    reason = say("{ended} {kept}", ended=said, kept=kept)
    screen.print(reason, urgent=why not in ("epochs", "early stopping"))
    return replace(history, stopped_by=why, reason=reason.in_(run.lang))


def _train(run: _Run, screen: "_Screen") -> tuple[StoppedBy, Said]:
    """Epoch after epoch, until there are enough, no better ones come, or one fails: which of these, in words too."""
    while not (end := _over(run)):
        measured = run.ranks.agreed(_epoch(run, screen))  # another machine's may differ in its last bit
        if isinstance(measured, Said):
            return "nan loss", measured
        history, weights = run.so_far
        loss = measured.get("valid_loss", measured["train_loss"])
        if run.valid is None or loss <= history.best_loss:  # of two equal losses the later is kept
            history, weights = replace(history, best_epoch=run.done, best_loss=loss), run.model.state_dict()
        longer: dict[str, Any] = {name: (*getattr(history, name), each) for name, each in measured.items()}
        run.so_far = replace(history, **longer), weights
        screen.show(measured)
        if run.checkpoint is not None and (run.done % run.checkpoint_every == 0 or _over(run)):
            try:
                run.ranks.first(lambda: _save(run))
            except OSError as error:
                remedy = say("Make room and run this again: it goes on from the checkpoint before.")
                if not Path(run.checkpoint).parent.is_dir():
                    remedy = say("Make its folder again and run this again: it begins anew.")
                gaps = {"done": run.done, "error": error, "remedy": remedy}
                said = say("The checkpoint could not be written after {done} epochs: {error}. {remedy}", **gaps)
                return "unsaved checkpoint", said
    return end


def _over(run: _Run) -> tuple[StoppedBy, Said] | None:
    """Why a run has come to its end, if it has: after exactly `patience` epochs that were not kept, or all epochs."""
    if run.patience and (run.history.best_epoch or 0) + run.patience < run.done:
        said = say("Stopped early: no lower validation loss in {patience} epochs.", patience=run.patience)
        return "early stopping", said
    return ("epochs", say("All {epochs} epochs are done.", epochs=run.epochs)) if run.done >= run.epochs else None


def _epoch(run: _Run, screen: "_Screen") -> dict[str, Any] | Said:
    """One pass over the training data: what a history has of an epoch, or where a loss is not finite, and why."""
    (x, y), size, shuffling = run.train, run.batch_size, run.generators[0]
    kind, total, right, seen = _kind(y), 0.0, 0.0, 0
    run.model.train()
    for i, (inputs, target) in enumerate(batches(x, y, size, shuffling, shuffle=len(x) > size)):
        if run.augment:
            inputs = run.augment(inputs, shuffling)
        loss, output = _step(run, inputs, target)
        if not math.isfinite(loss):
            gaps = {"number": loss, "epoch": run.done, "batch": i, "fault": _fault(run, [(inputs, target)])}
            return say("The loss is {number} in epoch {epoch}, batch {batch}: {fault}.", **gaps)
        total += loss * _weight(run.loss, target)
        seen += len(target)
        measured = {"train_loss": total / seen}
        if classes := _classes(kind, run.loss, output, target):
            right += accuracy(*classes) * len(target)
            measured["train_accuracy"] = right / seen
        screen.show(measured, seen)
    if run.schedule is not None:
        run.schedule.step()
    if run.valid is not None:
        found = evaluate(run.model, run.loss, *run.valid, batch_size=size)
        if not math.isfinite(found.loss):
            run.model.eval()
            fault = _fault(run, batches(*run.valid, size=size, shuffle=False))
            gaps = {"number": found.loss, "epoch": run.done, "fault": fault}
            return say("The validation loss is {number} in epoch {epoch}: {fault}.", **gaps)
        measured["valid_loss"] = found.loss
        if found.accuracy is not None:
            measured["valid_accuracy"] = found.accuracy
    return measured


def _step(run: _Run, x: Any, y: Any) -> tuple[float, Any]:
    """One step on one batch, if what is minimised is finite: the loss, or that, and what the model gave."""
    output = run.model(x)  # this graph ends with the function, before the next is made
    loss = run.loss(output, y)
    objective = loss + run.penalty() if run.penalty else loss
    if not math.isfinite(number := objective.item()):
        return number, output.data
    run.optimizer.zero_grad()
    objective.backward()
    run.optimizer.step()
    return loss.item(), output.data


def _fault(run: _Run, pairs: Iterable[tuple[Any, Any]]) -> Said:
    """Where the first number arises that is not finite: in a weight, in the data, in a layer, or in the loss."""
    for name, p in run.model.named_parameters():
        if not np.isfinite(p.data).all():  # the gradient is still that of the step before
            if p.grad is UNSET or np.isfinite(p.grad).all():
                return say("{name} is not finite after a step of finite gradient; lower the learning rate", name=name)
            return say("{name} is not finite, since its gradient was not; look at it and what follows", name=name)
    for x, y in pairs:
        for numbers, said in ((x, say("the inputs hold nan or inf")), (y, say("the targets hold nan or inf"))):
            if not np.isfinite(numbers).all():
                return said
        try:
            with anomaly():  # computed again, and watched
                run.loss(run.model(x), y)
                if run.penalty:
                    run.penalty()
        except AnomalyError as error:
            op = str(error).partition(": ")[2].partition(", computed from")[0]
            names = {id(module): name or type(module).__name__ for name, module in run.model.named_modules()}
            entered = [id(frame.f_locals.get("self")) for frame, _ in walk_tb(error.__traceback__)]
            layers = [names[each] for each in entered if each in names]
            if not layers:
                return say("the model's outputs are finite, {op} in the loss is not", op=op)
            gaps = {"layer": layers[-1], "op": op, "remedy": say("lower the learning rate or scale the inputs")}
            return say("layer {layer} is the first whose output is not finite: {op}; {remedy}", **gaps)
    return say("not found again in a second pass")


def _save(run: _Run) -> None:
    history, best = run.so_far
    parts = {name: part.state_dict() for name, part in run.parts.items()}
    tree = {"settings": run.settings, "history": vars(history), "best": best, **parts, "generators": _states(run)}
    checkpoints.save(run.checkpoint, tree)


def _states(run: _Run) -> list[Any]:
    return [each.bit_generator.state for each in run.generators]


def _resume(run: _Run) -> None:
    """Bring a run to where its checkpoint was written."""
    there = run.ranks.first(lambda: checkpoints.load(run.checkpoint))
    try:
        different = checkpoints.differences(run.settings, there["settings"])
        if not different:
            run.so_far = replace(History(**there["history"]), lang=run.lang), there["best"]
            for name, part in run.parts.items():
                part.load_state_dict(there[name])
            for generator, state in zip(run.generators, there["generators"], strict=True):
                generator.bit_generator.state = state
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        got = f"{run.checkpoint}, which is none ({type(error).__name__}: {error}): delete it, or name another file"
        raise CheckpointError(f"expected the checkpoint of a run of fit, got {got}") from error
    if different:
        remedy = f"{'; '.join(different)}. Delete it to begin anew, name another file, or go back to its settings"
        raise CheckpointError(f"expected the checkpoint of this run, got another in {run.checkpoint}: {remedy}")


def _settings(run: _Run) -> dict[str, Any]:
    """What makes a run this run and no other; more epochs or patience only make it longer."""
    (options,) = run.optimizer.state_dict()["param_groups"]
    schedule = {} if run.schedule is None else vars(run.schedule)
    settings = {
        **{each: vars(run)[each] for each in ("model", "loss", "penalty", "augment", "seed")},
        **{f"weights {name}": f"{np.asarray(w).dtype} {np.shape(w)}" for name, w in run.so_far[1].items()},
        "optimizer": type(run.optimizer).__name__,
        **{f"optimizer's {name}": each for name, each in options.items() if name != "params"},
        "schedule": type(run.schedule).__name__,
        **{f"schedule's {name}": each for name, each in schedule.items() if isinstance(each, int | float)},
        "batch size": run.batch_size,
    }
    for name, pair in (("training data", run.train), ("validation data", run.valid)):
        arrays = pair and (f"{a.dtype} {a.shape} {zlib.crc32(np.ascontiguousarray(a).data):08x}" for a in pair)
        settings[name] = arrays and ", ".join(arrays)
    changing = {"schedule's last_epoch", "optimizer's lr" if schedule else ""}
    # An address differs from one program run to the next.
    return {n: re.sub(" at 0x[0-9A-Fa-f]+", "", str(each)) for n, each in settings.items() if n not in changing}


class _Screen:
    """What is seen of a run: rich's bar in terminals and notebooks, a line after every so many epochs, how it ended."""

    def __init__(self, run: _Run) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self.run, self.last, self.quiet, console = run, -math.inf, run.verbose is False, Console()
        terminal, samples = console.is_jupyter or console.is_terminal, len(run.train[0])
        columns = BarColumn(20), TextColumn("{task.description}", markup=False), TimeRemainingColumn(compact=True)
        # None rather than disabled, which prints an empty line in rich 13.0
        self.bar = Progress(*columns, console=console) if terminal and not self.quiet else None
        self.interval = 0 if self.quiet else run.print_interval or int(run.verbose is True and not terminal)
        self.shown = bool(self.bar or self.interval)
        self.console = console if self.shown else Console(stderr=True)
        if self.bar:
            self.bar.add_task("", total=run.epochs * samples, completed=run.done * samples)
        if run.done:
            self.print(say("Goes on from its checkpoint, after {done} epochs.", done=run.done))

    def print(self, said: Said, urgent: bool = False) -> None:
        """A line of text where the run is shown; an urgent one is told even where nothing else is, but on stderr."""
        if self.shown or (urgent and not self.quiet):
            encoding = self.console.encoding
            text = said.in_(self.run.lang).encode(encoding, "replace").decode(encoding)  # no run ends for a letter
            self.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def show(self, measured: dict[str, float], seen: int = 0) -> None:
        """What an epoch has come to: after so many samples of it, or, after none of the next, as a whole."""
        run = self.run
        if self.interval and not seen and run.done % self.interval == 0:
            gaps = {"epoch": run.done - 1, "lowest": run.history.best_loss, **measured}
            valid = say(", validation loss {valid_loss:.6g}, lowest {lowest:.6g}", **gaps) if run.valid else ""
            self.print(say("epoch {epoch}: train loss {train_loss:.6g}{valid}", valid=valid, **gaps))
        if self.bar and (not seen or self.bar.get_time() - self.last > OFTEN):
            self.last = self.bar.get_time()
            (task,) = self.bar.tasks
            loss = measured.get("valid_loss", measured["train_loss"])
            shown = _measured(loss, measured.get("valid_accuracy", measured.get("train_accuracy")))
            gaps = {"epoch": run.done + bool(seen), "epochs": run.epochs, "speed": task.speed or 0}
            said = say("epoch {epoch}/{epochs} · {measured} · {speed:,.0f} samples/s", measured=shown, **gaps)
            completed, refresh = run.done * len(run.train[0]) + seen, run.done == run.epochs
            self.bar.update(task.id, completed=completed, description=said.in_(run.lang), refresh=refresh)
