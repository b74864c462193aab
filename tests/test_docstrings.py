"""The examples in the docstrings print what they say."""

import doctest
from importlib import import_module
from pkgutil import iter_modules

import pytest

import micrograd_kr

MODULES = ["micrograd_kr", *(f"micrograd_kr.{each.name}" for each in iter_modules(micrograd_kr.__path__))]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_print_what_they_say(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = doctest.testmod(import_module(name), optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert not result.failed
