# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What tasks add to the cluster settings, as the record has it, and how to undo it."""

from __future__ import annotations

import copy
from typing import Any, Iterable, Mapping

from .._values import addition_record
from .._values.addition_record import Entry
from .._values.compare import as_list, text_of
from .cluster_setting import DEFAULT, Settings, request_value, same


def read(settings: Settings) -> dict[str, Entry]:
    """The record of a cluster."""
    return addition_record.parse(settings.persistent.get(addition_record.NAME))


def still_set(record: Mapping[str, Entry], settings: Settings, owner: str) -> dict[str, list[str]]:
    """By the name of a setting: the values that were added for ``owner`` and that its persistent value still has."""
    found = {
        name: [
            value
            for value, of in entry.added.items()
            if of == owner and value in as_list(settings.persistent.get(name))
        ]
        for name, entry in record.items()
    }
    return {name: values for name, values in found.items() if values}


def after_adding(
    record: Mapping[str, Entry], settings: Settings, changes: Mapping[str, Any], owner: str
) -> dict[str, Entry]:
    """The record after the changes are written, which add to the persistent settings what ``owner`` needs."""
    new = copy.deepcopy(dict(record))
    for name, value in changes.items():
        observed, before = settings.persistent.get(name), as_list(settings.underlying("persistent", name))
        recorded = new.get(name, Entry())
        if isinstance(value, list):
            # A list that has no value has its default in effect, to which it returns.
            entry = recorded if observed is not None else Entry(before=before)
            # Without what another program has removed: if it adds that again, it is not of a task.
            entry.added = {item: of for item, of in entry.added.items() if item in before}
            entry.added.update({item: owner for item in value if item not in before})
        else:
            entry = Entry({text_of(value): owner}, observed)
            if observed is not None and text_of(observed) in recorded.added:
                entry.before = recorded.before
        new[name] = entry
    return new


def undo(
    record: Mapping[str, Entry], settings: Settings, given: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Entry]]:
    """The values to write to undo what was added of the ``given`` values, and the record after that.

    A value that was not added, or is not set any more, is left alone.
    """
    changes: dict[str, Any] = {}
    new = copy.deepcopy(dict(record))
    for name, value in given.items():
        if name not in new or name not in settings.persistent:
            continue
        entry, observed = new[name], settings.persistent[name]
        undone = [item for item in as_list(value) if item in entry.added and item in as_list(observed)]
        if not undone:
            continue
        changes[name] = _before(entry, observed, undone)
        for item in undone:
            del entry.added[item]
    return changes, new


def needed_by(record: Mapping[str, Entry], given: Mapping[str, Mapping[str, str]]) -> dict[str, Entry]:
    """The record with others for which recorded values were added, by the name of the setting. What is not in the record
    stays out of it."""
    new = copy.deepcopy(dict(record))
    for name, owners in given.items():
        added = new[name].added if name in new else {}
        added.update({value: owner for value, owner in owners.items() if value in added})
    return new


def _before(entry: Entry, observed: Any, undone: Iterable[str]) -> Any:
    """The value of a setting without the ``undone`` ones."""
    if not isinstance(observed, (list, tuple)):
        return entry.before
    remaining = [item for item in as_list(observed) if item not in undone]
    return DEFAULT if entry.before is not None and same(remaining, entry.before) else request_value(remaining)
