"""When each library that pyproject.toml names was last released: `python tests/bench/releases.py`.

Asks PyPI, or the index that PIP_INDEX_URL names, for its JSON (PEP 691, with the times of PEP 700). Exits with 1 if a
library that the core needs has had no release in two years.
"""

import json
import os
import re
import sys
import tomllib
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"
INDEX = os.environ.get("PIP_INDEX_URL", "https://pypi.org/simple")
AS_JSON = {"Accept": "application/vnd.pypi.simple.v1+json"}
TWO_YEARS = timedelta(days=2 * 365)


def last_release(name: str) -> datetime:
    """When the newest of its files came."""
    request = urllib.request.Request(f"{INDEX.rstrip('/')}/{name}/", headers=AS_JSON)
    with urllib.request.urlopen(request, timeout=60) as answer:
        files = json.load(answer)["files"]
    return max(datetime.fromisoformat(each["upload-time"]) for each in files if "upload-time" in each)


def main() -> int:
    project = tomllib.loads(PROJECT.read_text("utf-8"))["project"]
    others = [each for extra in project["optional-dependencies"].values() for each in extra]
    old = []
    for each in (*project["dependencies"], *others):
        name, is_core = re.split(r"[\[>=;]", each)[0], each in project["dependencies"]
        if name == project["name"]:  # its own extras
            continue
        released = last_release(name)
        print(f"{name:16} {released:%Y-%m-%d}{'  core' * is_core}")
        old += [name] * (is_core and datetime.now(UTC) - released > TWO_YEARS)
    if old:
        print(f"no release in two years: {', '.join(old)}")
    return len(old) > 0


if __name__ == "__main__":
    sys.exit(main())
