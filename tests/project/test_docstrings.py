"""The examples in the docstrings print what they say."""

import doctest
from importlib import import_module
from pkgutil import walk_packages

import pytest

import micrograd_kr

MODULES = ["micrograd_kr", *(each.name for each in walk_packages(micrograd_kr.__path__, "micrograd_kr."))]


def test_modules_in_folders_are_looked_at_too():
    assert "micrograd_kr.teacher.derive.notation" in MODULES


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_print_what_they_say(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = doctest.testmod(import_module(name), optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert not result.failed
