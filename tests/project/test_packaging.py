"""What is installed: the files, the names, the version, what it needs and what importing it loads."""

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from contextlib import suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from types import ModuleType

import pytest

import micrograd_kr

CHECKOUT = Path(__file__).resolve().parents[2]
PACKAGE = Path(micrograd_kr.__file__).resolve().parent
# conftest.py has made it absolute.
TESTING_THE_CHECKOUT = str(CHECKOUT) in os.environ.get("PYTHONPATH", "").split(os.pathsep)


@pytest.fixture
def installed() -> metadata.Distribution:
    if TESTING_THE_CHECKOUT:
        pytest.skip("PYTHONPATH names the checkout, which is tested and has no metadata")
    return metadata.distribution("micrograd-kr")


def files_in(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def needed(distribution: metadata.Distribution, extra: str) -> set[str]:
    """The names of what `pip install .[extra]` asks for."""
    wanted = [each for each in distribution.requires or [] if "extra ==" not in each or re.search(f"'{extra}'", each)]
    return {re.match(r"[\w.-]+", each)[0] for each in wanted}


def test_the_package_under_test_is_the_installed_one_and_not_the_checkout(installed):
    assert CHECKOUT not in PACKAGE.parents
    assert Path(installed.locate_file("micrograd_kr")).resolve() == PACKAGE


def test_the_installed_package_is_built_from_this_checkout(installed):
    ours, theirs = files_in(CHECKOUT / "micrograd_kr"), files_in(PACKAGE)
    assert sorted(theirs) == sorted(ours), "not all in the wheel, or an old install: pip install ."
    changed = [name for name, content in ours.items() if theirs[name] != content]
    assert not changed, "an old install: pip install ."


def test_the_package_ships_its_exercises_and_its_types():
    assert {"py.typed", "teacher/exercises/chapter7.toml"} <= set(files_in(PACKAGE))


def test_public_names_are_sorted_and_are_all_the_public_names():
    assert micrograd_kr.__all__ == sorted(set(micrograd_kr.__all__))
    modules = {name: getattr(value, "__module__", "") for name, value in vars(micrograd_kr).items()}
    defined = {name for name, module in modules.items() if module.startswith("micrograd_kr.")}
    assert defined <= set(micrograd_kr.__all__) == set(dir(micrograd_kr)) - {"__version__"}


@pytest.mark.parametrize("name", micrograd_kr.__all__)
def test_a_public_name_is_a_function_or_class_of_its_own_name_and_no_module(name):
    assert find_spec(f"micrograd_kr.{name}") is None, "a module of this name would hide it once imported"
    value = getattr(micrograd_kr, name)
    assert not isinstance(value, ModuleType)
    assert value.__name__ == name
    assert value.__module__.startswith("micrograd_kr.")


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'micrograd_kr' has no attribute 'Valeu'"):
        _ = micrograd_kr.Valeu


@pytest.mark.parametrize("name", ["concatenate", "maximum", "minimum", "split", "stack", "where"])
def test_a_name_that_numpy_has_says_to_write_numpys(name):
    with pytest.raises(AttributeError, match=rf"no '{name}': write np\.{name}\(…\)"):
        getattr(micrograd_kr, name)


def test_a_module_is_there_without_an_import_of_its_own():
    code = "import micrograd_kr as mk; print(mk.nn.Linear.__name__, mk.optim.SGD.__name__, mk.engine.Value is mk.Value)"
    assert python(code) == "Linear SGD True\n"


def test_the_package_loads_what_a_name_needs_and_nothing_else_heavy():
    assert "numpy" not in python("import sys, micrograd_kr; print(*sys.modules)").split()
    loaded = set(python("import sys; from micrograd_kr import Value; print(*sys.modules)").split())
    assert "numpy" in loaded
    assert not loaded & {
        "graphviz",
        "pygraphviz",
        "rich",
        "matplotlib",
        "sklearn",
        "pandas",
        "torch",
        "torchvision",
        "onnx",
        "safetensors",
    }


def hidden_imports(code: str) -> list[str]:
    """What is imported by a name made of text, which no contract sees: all of importlib but its files."""
    found = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            found += [each.name for each in node.names if each.name.partition(".")[0] == "importlib"]
        elif isinstance(node, ast.ImportFrom) and node.module != "importlib.resources":
            found += [node.module] if (node.module or "").partition(".")[0] == "importlib" else []
        elif isinstance(node, ast.Name) and node.id == "__import__":
            found.append(node.id)
    return found


def test_no_module_but_the_package_itself_imports_by_a_text():
    planted = (
        "import importlib\nfrom importlib import import_module\n__import__('os')\nfrom importlib.resources import files"
    )
    assert hidden_imports(planted) == ["importlib", "importlib", "__import__"]
    hiding = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if hidden_imports(path.read_text("utf-8"))
    }
    assert hiding == {"__init__.py"}


def test_there_is_one_version(installed):
    assert installed.version == micrograd_kr.__version__
    newest = re.search(r"^## \[(\d\S*)\]", (CHECKOUT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert newest is None or newest[1] == micrograd_kr.__version__
    assert micrograd_kr.__version__ not in (CHECKOUT / "pyproject.toml").read_text("utf-8")


def test_the_core_needs_numpy_graphviz_rich_and_safetensors_and_no_more(installed):
    assert needed(installed, "none of them") == {"numpy", "graphviz", "rich", "safetensors"}


@pytest.mark.parametrize("extra", ["draw", "test"])
def test_nobody_needs_torch_to_draw_or_to_test(installed, extra):
    assert extra in installed.metadata.get_all("Provides-Extra")
    assert not needed(installed, extra) & {"torch", "torchvision", "micrograd-kr"}


def test_the_console_script_is_the_module_s_main(installed):
    scripts = {each.name: each.value for each in installed.entry_points if each.group == "console_scripts"}
    assert scripts == {"micrograd-kr": "micrograd_kr.__main__:main"}
    assert callable(installed.entry_points["micrograd-kr"].load())


SKIPPING = {
    "test_one.py": "import pytest\ndef test_a(): pass\ndef test_b(): pytest.skip('a_test_planted')\n",
    "test_all.py": "import pytest\npytest.importorskip('a_module_planted')\n",
}


@pytest.mark.parametrize(("no_skips", "counts"), [("", "1 passed, 2 skipped"), ("1", "1 failed, 1 passed, 1 error")])
def test_a_skip_is_a_failure_where_nothing_may_be_skipped(tmp_path, no_skips, counts):
    (tmp_path / "conftest.py").write_bytes((CHECKOUT / "tests" / "conftest.py").read_bytes())
    for name, text in SKIPPING.items():
        (tmp_path / name).write_text(text)
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-rs", "--continue-on-collection-errors"]
    command = [sys.executable, "-m", "pytest", *options, "."]
    env = os.environ | {"MICROGRAD_KR_NO_SKIPS": no_skips}
    done = subprocess.run(command, capture_output=True, text=True, env=env, cwd=tmp_path, check=False)
    assert counts in done.stdout, done.stdout
    assert bool(done.returncode) == bool(no_skips)
    assert "a_test_planted" in done.stdout
    assert "a_module_planted" in done.stdout


def python(code: str) -> str:
    """What a new interpreter prints."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


# --- licences ---------------------------------------------------------------------------------------------------------


def listed(readme: str) -> dict[str, tuple[str, str]]:
    """The versions and the licence of each library, as a README has them."""
    section = re.split(r"^## (?:Dependencies and licences|의존 라이브러리와 라이선스)$", readme, flags=re.MULTILINE)[1]
    rows = re.findall(r"^\| ([\w-]+) \| ≥ ([\d.]+) \| (.+?) \| .+ \|$", section, re.MULTILINE)
    return {name: (version, licence) for name, version, licence in rows}


def asked_for() -> dict[str, str]:
    """The oldest version of each library that pyproject.toml names, its own extras apart."""
    settings = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))
    project = settings["project"]
    wanted = [*settings["build-system"]["requires"], *project["dependencies"]]
    wanted += [each for extra in project["optional-dependencies"].values() for each in extra]
    bounds = (each.partition(";")[0].split(">=") for each in wanted if not each.startswith("micrograd-kr["))
    return dict(bounds)


def licences_of(name: str) -> str:
    """What an installed library says of its licence."""
    told = metadata.metadata(name)
    classified = (each for each in told.get_all("Classifier") or [] if each.startswith("License"))
    return " ".join([told.get("License-Expression") or "", told.get("License") or "", *classified])


def unlisted(readme: str, wanted: dict[str, str]) -> list[str]:
    """What a README leaves out, or says otherwise than pyproject.toml and the installed libraries do."""
    there = listed(readme)
    wrong = [name for name, version in wanted.items() if there.get(name, ("", ""))[0] != version]
    wrong += [name for name in there if name not in wanted]
    for name, (_, licence) in there.items():
        with suppress(metadata.PackageNotFoundError):
            wrong += [name] * (re.split("[- ]", licence)[0] not in licences_of(name))
    return wrong


@pytest.mark.parametrize("readme", ["README.md", "README.ko.md"])
def test_each_dependency_is_listed_with_its_versions_and_its_licence(readme):
    text, wanted = (CHECKOUT / readme).read_text("utf-8"), asked_for()
    assert unlisted(text, wanted) == []
    assert unlisted(text, wanted | {"leftpad": "1"}) == ["leftpad"]
    assert unlisted(text, wanted | {"rich": "12"}) == ["rich"]
    assert unlisted(text.replace("| rich | ≥ 13 | MIT |", "| rich | ≥ 13 | Zlib |"), wanted) == ["rich"]
    assert unlisted(text, {name: each for name, each in wanted.items() if name != "mypy"}) == ["mypy"]


@pytest.mark.parametrize(("old", "status"), [("rich", 1), ("ruff", 0), ("", 0)])
def test_a_library_of_the_core_without_a_release_in_two_years_is_told(old, status):
    class Index(BaseHTTPRequestHandler):
        def do_GET(self):
            year = datetime.now(UTC).year - 3 * (self.path == f"/simple/{old}/")
            times = [f"{each}-01-02T03:04:05.6Z" for each in (year, 2016)]
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"files": [{}, *({"upload-time": each} for each in times)]}).encode())

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Index) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        index = {"PIP_INDEX_URL": f"http://127.0.0.1:{server.server_port}/simple", "no_proxy": "127.0.0.1"}
        command = [sys.executable, str(CHECKOUT / "tests" / "bench" / "releases.py")]
        done = subprocess.run(command, env=os.environ | index, capture_output=True, text=True)
        server.shutdown()
    assert done.returncode == status, done.stderr
    assert ("no release in two years: rich" in done.stdout) == bool(status)
    assert set(asked_for()) - {"hatchling"} <= {line.split()[0] for line in done.stdout.splitlines()}
