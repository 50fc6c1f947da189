# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The task of ml_memory_container_info: list memory containers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .._kinds.memory_container import MemoryContainer
from .._runtime import versions
from .._runtime.module import Module, typed
from .._runtime.run import Run

SPEC = {
    "name": {"type": "str"},
    "name_pattern": {"type": "str"},
    "memory_container_id": {"type": "str"},
}

RULES = {"mutually_exclusive": [("name", "name_pattern", "memory_container_id")]}


@dataclass(frozen=True)
class Options:
    name: str | None
    name_pattern: str | None
    memory_container_id: str | None


def execute(options: Options, run: Run) -> dict[str, Any]:
    """The memory containers that the options select. Raises Failure."""
    versions.require(run.version, "memory_containers", "ml_memory_container_info")
    docs = MemoryContainer.select(
        run.reader, object_id=options.memory_container_id, name=options.name, pattern=options.name_pattern
    )
    return {"memory_containers": [MemoryContainer.to_result(doc) for doc in docs]}


MODULE = Module(SPEC, execute, typed(Options), RULES)
