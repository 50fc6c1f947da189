# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def noxfile() -> ModuleType:
    """The noxfile, whose sessions nox accepts once in a process."""
    spec = importlib.util.spec_from_file_location("noxfile", Path(__file__).resolve().parents[2] / "noxfile.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
