"""What is tested is the installed wheel, and where nothing may be skipped a skip is a failure.

`pytest` and `python -m pytest` test the package that `pip install` put into the environment, never the folder in the
checkout. `PYTHONPATH=. pytest` tests that folder instead, while it is being edited.
"""

import os
import signal
import sys

if "PYTEST_XDIST_WORKER" in os.environ:  # several processes with threads of their own wait for one another
    os.environ |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # read where numpy and torch are imported

from collections.abc import Generator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

CHECKOUT = Path(__file__).resolve().parents[1]
ASKED_FOR = [Path(each).resolve() for each in os.environ.get("PYTHONPATH", "").split(os.pathsep) if each]

settings.register_profile("patient", settings(), deadline=None)  # on a busy machine slow is no failure
settings.load_profile("patient")


def pytest_configure(config: pytest.Config) -> None:
    """Take the checkout off the import path, unless PYTHONPATH names it, and heed Ctrl-C; in what tests start, too."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell starts what it runs in the background
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if ASKED_FOR:  # made absolute, since tests start programs in other folders
        os.environ["PYTHONPATH"] = os.pathsep.join(map(str, ASKED_FOR))
    if CHECKOUT not in ASKED_FOR:  # `python -m pytest` puts it there, and so would `python -m micrograd_kr`
        sys.path[:] = [each for each in sys.path if Path(each).resolve() != CHECKOUT]
        os.environ["PYTHONSAFEPATH"] = "1"
    if find_spec("micrograd_kr") is None:
        raise pytest.UsageError(
            'expected micrograd_kr to be installed as a wheel: pip install ".[test]" (without -e), '
            "or test the checkout itself: PYTHONPATH=. pytest"
        )


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With -n, a file's tests stay in one process: what they share, a demo's run, say, is made once."""
    from xdist.scheduler import LoadFileScheduling

    return LoadFileScheduling(config, log)


def pytest_report_header() -> str:
    spec = find_spec("micrograd_kr")
    return f"micrograd_kr from {spec.origin if spec else None}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, Any]:
    return _not_skipped((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, Any, Any]:
    return _not_skipped((yield))


def _not_skipped(report: Any) -> Any:
    """The report, or where MICROGRAD_KR_NO_SKIPS is set and something was skipped, one that has failed and says why."""
    if os.environ.get("MICROGRAD_KR_NO_SKIPS") and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped where nothing may be skipped: {report.longrepr}"
    return report
