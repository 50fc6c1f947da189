# SPDX-License-Identifier: GPL-3.0-or-later
"""The tests of documents and tools run without coverage: they reach little of the plugins, and it doubles their time."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

HERE = Path(__file__).resolve().parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.resolve().parents:
            item.add_marker(pytest.mark.no_cover)


@pytest.fixture(scope="session")
def noxfile() -> ModuleType:
    """The noxfile, whose sessions nox accepts once in a process."""
    spec = importlib.util.spec_from_file_location("noxfile", HERE.parents[1] / "noxfile.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
