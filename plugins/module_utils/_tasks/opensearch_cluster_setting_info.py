# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What opensearch_cluster_setting_info does: reads all settings once and tells those that are asked for."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any, Mapping

from .._kinds import cluster_setting as settings
from .._runtime.module import Module
from .._runtime.run import Run

OPTIONS = {"patterns": {"type": "list", "elements": "str"}}


def execute(options: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """The settings whose names match one of the patterns. Raises Failure."""
    patterns = ["*"] if options["patterns"] is None else options["patterns"]
    current = settings.read(run.client)
    names = [name for name in current.names() if any(fnmatchcase(name, pattern) for pattern in patterns)]
    return {
        "settings": settings.to_result(current, names),
        "origins": {name: current.origin(name) for name in names},
    }


MODULE = Module(OPTIONS, execute)
