"""What the tests of several processes run in each: `mpiexec -n N python -c "import ranked; ranked.CASE(…)"`."""

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

from micrograd_kr import checkpoints, data, nn, optim, parallel, seeds
from micrograd_kr.engine import Value
from micrograd_kr.train import evaluate, fit

DRAW = np.random.default_rng(5)
X = DRAW.normal(size=(101, 6))
CLASSES = (X @ DRAW.normal(size=(6, 3))).argmax(axis=1)
TARGETS = np.tanh(X @ DRAW.normal(size=(6, 3)))
VALID = slice(0, 34)
NAMES = "train_loss", "valid_loss", "train_accuracy", "valid_accuracy"


def network(seed=0, dropout=0.3):
    """Float64, with dropout."""
    draw = np.random.default_rng(seed)
    first, last = (nn.Linear(*sizes, dtype=np.float64, seed=draw) for sizes in ((6, 16), (16, 3)))
    return nn.Sequential(first, nn.LeakyReLU(), nn.Dropout(dropout, seed=draw), last)


def noisy(x, draw):
    return data.noise(x, 0.1, draw)


def fitted(loss, y, valid=None, epochs=6, batch=49, **options):
    """A run of `fit` with all that may be in it: batches of 49, 49 and 3, which is less than there are ranks."""
    model = parallel.parallel(network())
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    schedule = optim.ExponentialLR(optimizer, 0.9)
    more = {"penalty": lambda: 1e-3 * nn.l2_penalty(model.parameters()), "augment": noisy, "schedule": schedule}
    pair = None if valid is None else (X[VALID], valid[VALID])
    history = fit(model, loss, optimizer, (X, y), pair, epochs=epochs, batch_size=batch, seed=0, **more | options)
    return model.state_dict() | {name: np.array(getattr(history, name)) for name in NAMES}


def by_hand(loss, y, epochs=4):
    """The loop that a person writes, with a loader, a momentum, and gradients that add up over two batches."""
    seeds.manual_seed(3)
    model = parallel.parallel(network())
    optimizer = optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    loader, total = data.DataLoader((X, y), batch_size=32, shuffle=True), 0.0
    for _ in range(epochs):
        for i, (x, target) in enumerate(loader):
            cost = loss(model(x), target)
            cost.backward()
            total += cost.item()
            if i % 2:
                optimizer.step()
                optimizer.zero_grad()
    seeds.manual_seed(None)
    return model.state_dict() | {"total": np.array(total)}


def two_models(steps=5):
    """One model's output is another's input, both in parts, as is a layer of the first by itself; and it counts in the
    loss.
    """
    draw = np.random.default_rng(2)
    first, second = (
        parallel.parallel(nn.Sequential(nn.Linear(*sizes, dtype=np.float64, seed=draw), nn.Tanh()))
        for sizes in ((6, 4), (4, 3))
    )
    parallel.parallel(first[0])
    optimizer = optim.Adam([*first.parameters(), *second.parameters()], lr=0.01)
    for _ in range(steps):
        optimizer.zero_grad()
        between = first(X)
        (nn.MSELoss()(second(between), TARGETS) + 0.1 * nn.l2_penalty([between])).backward()
        optimizer.step()
    return first.state_dict() | {f"second {name}": each for name, each in second.state_dict().items()}


RUNS = {
    "cross-entropy": lambda: fitted(nn.CrossEntropyLoss(), CLASSES, CLASSES),
    "sum": lambda: fitted(nn.CrossEntropyLoss("sum"), CLASSES, CLASSES),
    "squares, no validation": lambda: fitted(nn.MSELoss(), TARGETS),
    "early stopping": lambda: fitted(nn.MSELoss(), TARGETS, -TARGETS, epochs=40, patience=2),
    "by hand": lambda: by_hand(nn.CrossEntropyLoss(), CLASSES),
    "two models": two_models,
    "by hand, squares": lambda: by_hand(nn.MSELoss(), TARGETS),
}


def found(name):
    """What a run came to, and how a whole data set is judged."""
    result = RUNS[name]()
    tested = evaluate(parallel.parallel(network()), nn.CrossEntropyLoss(), X, CLASSES, batch_size=40)
    return result | {"tested": np.array([tested.loss, tested.accuracy]), "output": tested.output}


# --- planted faults ---------------------------------------------------------------------------------------------------


def idle(g, part):
    """The gradient of a rank that does not add what it found."""
    return g * (part.ranks.rank != 1)


def mean_of_means(g, part):
    """The gradient where each part counts as much as any other, however long it is."""
    rows = part.rows.stop - part.rows.start
    return g * (len(g) / part.ranks.size / max(rows, 1))


def plant(name):
    if name in ("idle", "mean_of_means"):
        back, changed = parallel._Part.back, globals()[name]
        parallel._Part.back = lambda part, g: back(part, changed(g, part))
    if name in ("own dropout", "own dropout, checked"):
        nn.layers.uniform = lambda draw, shape: draw.random(shape, np.float32)
    if name == "own dropout":
        parallel._InParts.check = lambda *_: None


def saved(folder, fault, *names):
    """All these runs, with a fault in them, for each rank in a file of its own."""
    plant(fault)
    for name in names:
        result = found(name)
        np.savez(Path(folder, f"{name}-{parallel.ranks().rank}.npz"), **result)


# --- programs that go wrong -------------------------------------------------------------------------------------------


class Centred(nn.Module):
    """What batch normalisation does: the mean of the batch is taken off."""

    def __init__(self):
        self.inside = nn.Linear(6, 3, dtype=np.float64, seed=0)

    def forward(self, x):
        out = self.inside(x)
        return out - out.mean(axis=0)


class Noisy(Centred):
    """It draws for its own rows, not for those of the batch."""

    def __init__(self):
        super().__init__()
        self.draw = np.random.default_rng(0)

    def forward(self, x):
        out = self.inside(x)
        return out + self.draw.normal(size=out.shape)


class Summed(Centred):
    """It has no row for a sample."""

    def forward(self, x):
        return self.inside(x).sum()


class Choosy(Centred):
    """Which parameters it uses depends on the numbers of a sample."""

    def __init__(self):
        super().__init__()
        self.other = nn.Linear(6, 3, dtype=np.float64, seed=1)

    def forward(self, x):
        return (self.other if x[0, 0] >= np.median(X[:, 0]) else self.inside)(x)


class Sly(Centred):
    """It takes another model's output from elsewhere."""

    def __init__(self):
        super().__init__()
        self.elsewhere = [parallel.parallel(nn.Linear(6, 3, dtype=np.float64, seed=0))(X).mean()]

    def forward(self, x):
        return self.inside(x) * self.elsewhere[0]


def refused(name):
    """One step of a model that is not computed in parts."""
    model = parallel.parallel(globals()[name]())
    x = X[np.argsort(X[:, 0])]
    if name == "Choosy":
        model.forward.checked = True
    nn.MSELoss()(model(x), TARGETS).backward()


def apart(how):
    """Ranks that do not do the same."""
    together = parallel.ranks()
    print(f"rank {together.rank}")
    model = parallel.parallel(network(), timeout=1 if how == "late" else 60)
    x, rank = X, together.rank
    if how == "batch":
        x = np.random.default_rng().permutation(X)
    if how == "weights" and rank == 1:
        model[0].weight.data = model[0].weight.data * 2
    if how == "error" and rank == 1:
        raise ZeroDivisionError("on purpose")
    if how == "error on all":
        raise ZeroDivisionError("on purpose")
    if how == "exit" and rank == 1:
        sys.exit(3)
    if how == "exit of all":
        sys.exit(3)
    if how == "late" and rank == 1:
        time.sleep(60)
    if how == "alone" and rank == 0:
        model(x)
        print("not reached")
    if how == "backward":
        out = model(x)
        if rank == 0:
            out.sum().backward()
        model(x)
    elif how != "alone":
        model(x)
        print("not reached" if how != "fine" else "fine")


def killed(path, epoch, epochs):
    """A run whose rank 1 is killed in the given epoch, counted from 0; -1: in none."""

    def augment(x, draw):
        calls.append(1)
        if len(calls) == 3 * int(epoch) + 2 and parallel.ranks().rank == parallel.ranks().size - 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return noisy(x, draw)

    augment.__qualname__ = "augment"
    calls = []
    result = fitted(nn.CrossEntropyLoss(), CLASSES, epochs=int(epochs), checkpoint=path, augment=augment)
    if parallel.ranks().rank == 0:
        np.savez(f"{path}.npz", **result)


def endless(path):
    """A run that goes on until it is interrupted, and what is then done with the model."""
    model = parallel.parallel(network())
    optimizer = optim.Adam(model.parameters())
    print("ready", flush=True)
    history = fit(model, nn.CrossEntropyLoss(), optimizer, (X, CLASSES), epochs=10**6, seed=0, checkpoint=path)
    tested = evaluate(model, nn.CrossEntropyLoss(), X, CLASSES)
    print(history.stopped_by, len(history.train_loss) > 0, tested.loss > 0)


# --- small questions, answered by all ranks ---------------------------------------------------------------------------


def answers(folder):
    """What several tests ask, in one run: each rank writes what it saw."""
    from threadpoolctl import threadpool_info

    model = network()
    for p in model.parameters():
        p.data = p.data * (1 + parallel.ranks().rank)  # unseeded weights would differ
    model = parallel.parallel(model)
    seen = {"threads": max([each["num_threads"] for each in threadpool_info()], default=1)}
    seen["weight"] = model[0].weight.data
    seen["again"] = parallel.parallel(model).forward.model is model
    import copy

    twin = copy.deepcopy(model)
    twin[0].weight.data = twin[0].weight.data * 0
    seen["twin"] = np.abs(twin.eval()(X).data - model.eval()(X).data).max()
    model.train()
    # unseeded: the same shuffling, since rank 0's is taken
    history = fit(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters()), (X, CLASSES), epochs=2, batch_size=40)
    seen["unseeded"] = np.array(history.train_loss)
    # a batch of Values has gradients, too
    x = Value(X.copy())
    (model.eval()(x) ** 2).sum().backward()
    seen["input"] = x.grad
    # a loss that is not finite is found where it is
    sick = X.copy()
    sick[60, 2] = np.inf
    history = fit(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters()), (sick, CLASSES), seed=0, epochs=2)
    seen["reason"] = history.reason
    checkpoints.save(Path(folder, f"of {parallel.ranks().rank}.safetensors"), 1)
    try:
        fit(model, nn.MSELoss(), optim.SGD(model.parameters()), (X, TARGETS), checkpoint=Path(folder, "no", "where"))
    except FileNotFoundError as error:
        seen["unwritable"] = str(error)
    np.savez(Path(folder, f"answers-{parallel.ranks().rank}.npz"), **seen)


def kept_memory(large=""):
    """Prints the page faults of a step whose gradients are 2 MB: with memory that is kept there are next to none."""
    import resource

    if large:
        parallel.LARGE = int(large)
    model = parallel.parallel(nn.Sequential(nn.Linear(784, 640), nn.ReLU(), nn.Linear(640, 10)))
    optimizer, loss, x = optim.SGD(model.parameters(), lr=0.01), nn.MSELoss(), np.ones((64, 784), np.float32)

    def steps(n):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(n):
            optimizer.zero_grad()
            loss(model(x), np.zeros((64, 10), np.float32)).backward()
            optimizer.step()
        return (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / n

    steps(5)
    print(steps(20))
