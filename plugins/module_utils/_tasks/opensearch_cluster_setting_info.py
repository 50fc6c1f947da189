# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The task of opensearch_cluster_setting_info: read all settings once, return those that match."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Iterable, Iterator

from .._endpoints import pattern_safety
from .._kinds import cluster_setting as settings
from .._runtime.module import Module, typed
from .._runtime.run import Run
from .._values.compare import as_list

SPEC = {"patterns": {"type": "list", "elements": "str"}}


@dataclass(frozen=True)
class Options:
    patterns: list[str] | None


def execute(options: Options, run: Run) -> dict[str, Any]:
    """The settings whose names match one of the patterns. Raises Failure."""
    patterns = ["*"] if options.patterns is None else options.patterns
    observed = settings.read(run.client)
    names = [name for name in observed.names() if any(fnmatchcase(name, pattern) for pattern in patterns)]
    return {
        "settings": settings.to_result(observed, names),
        "origins": {name: observed.origin(name) for name in names},
        "risky_patterns": list(_risky_patterns(observed, names)),
    }


def _risky_patterns(observed: settings.Settings, names: Iterable[str]) -> Iterator[dict[str, Any]]:
    """The trusted-endpoint patterns that versions of OpenSearch refuse, and what to write instead."""
    for name in names:
        for risk in pattern_safety.find_risks(name, as_list(observed.effective(name))):
            yield {
                "setting": name,
                "pattern": risk.pattern,
                "reason": risk.reason,
                "refused_by": risk.versions,
                "instead": risk.instead,
            }


MODULE = Module(SPEC, execute, typed(Options))
