# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The record of what tasks have added to the cluster settings, so that a later task can undo it and nothing else.

The cluster keeps the record itself, in one of the settings that it leaves to its users (``cluster.metadata.*``: OpenSearch,
ClusterService.USER_DEFINED_METADATA). The same request writes the values and the record, so that a run that is killed leaves
both or neither, and each controller finds it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Mapping

from .compare import text_of
from .nested import parse_json

#: The setting that contains the record, as JSON: by the name of a setting an :class:`Entry`.
NAME = "cluster.metadata.searchops_opensearch_ml"


@dataclass
class Entry:
    """What was added to one setting.

    ``added``: each added item of a list, or the value, and for whom it was added. ``before``: the value that it replaced, or
    the default list to which items were added; None if there was none.
    """

    added: dict[str, str] = field(default_factory=dict)
    before: Any = None


def parse(text: Any) -> dict[str, Entry]:
    """The record from the text that a cluster has of it. Empty without a valid one."""
    try:
        stored = parse_json(text or "")
    except ValueError:
        stored = {}
    return {
        str(name): Entry({str(value): str(owner) for value, owner in entry["added"].items()}, entry.get("before"))
        for name, entry in (stored.items() if isinstance(stored, dict) else ())
        if isinstance(entry, dict) and isinstance(entry.get("added"), dict)
    }


def to_request(record: Mapping[str, Entry]) -> str | None:
    """The value to write for the setting. None, which deletes it, for an empty record."""
    stored = {name: {"added": entry.added, "before": entry.before} for name, entry in record.items() if entry.added}
    return text_of(stored) if stored else None
