"""How long an import takes, in a process that does nothing else."""

import subprocess
import sys

from measure import environment


def import_seconds(package: str) -> list[float]:
    """The time of the import statement alone, without the interpreter's own start."""
    program = f"import time; start = time.perf_counter(); import {package}; print(time.perf_counter() - start)"
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment(), capture_output=True, text=True, check=True
    )
    return [float(done.stdout)]
