"""A micro autograd engine that checks the backpropagation you worked out by hand, number by number."""

from importlib import import_module

TYPE_CHECKING = False  # typing would take longer to load than all else here
if TYPE_CHECKING:
    from micrograd_kr.anomalies import AnomalyError, anomaly
    from micrograd_kr.differences import gradcheck
    from micrograd_kr.engine import Value, grad, gradients, no_grad
    from micrograd_kr.seeds import manual_seed
    from micrograd_kr.teacher.derive.program import compile
    from micrograd_kr.teacher.verbs import check, draw, explain, load, program

__version__ = "0.1.0"
__all__ = [
    "AnomalyError", "Value", "anomaly", "check", "compile", "draw", "explain", "grad", "gradcheck", "gradients", "load",
    "manual_seed", "no_grad", "program",
]  # fmt: skip

# Loaded at first use: a name costs what it needs, and Ctrl-C in the command line, which is loaded after this, is seen.
_LAZY = {"AnomalyError": "anomalies", "anomaly": "anomalies", "gradcheck": "differences", "manual_seed": "seeds"}
_LAZY |= {"compile": "teacher.derive.program"}
_LAZY |= dict.fromkeys(("Value", "grad", "gradients", "no_grad"), "engine")
_LAZY |= dict.fromkeys(("check", "draw", "explain", "load", "program"), "teacher.verbs")
_NUMPYS = ("concatenate", "maximum", "minimum", "split", "stack", "where")

if not TYPE_CHECKING:  # with a __getattr__ in sight a type checker would accept every name

    def __getattr__(name: str) -> object:
        from importlib.util import find_spec

        if name in _LAZY:
            globals()[name] = getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
            return globals()[name]
        if name in _NUMPYS:
            raise AttributeError(f"module {__name__!r} has no {name!r}: write np.{name}(…), which takes Values")
        if not name.startswith("_") and find_spec(f"{__name__}.{name}"):  # mk.nn, without an import of its own
            return import_module(f"{__name__}.{name}")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
