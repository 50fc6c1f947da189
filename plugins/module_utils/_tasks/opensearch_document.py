# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The task of opensearch_document: create, replace or delete documents of an index."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Callable, Mapping

from .._errors.exceptions import Failure
from .._errors.server_errors import missing_permission
from .._kinds import document as documents
from .._kinds.index import check_name
from .._runtime.module import Module, no_secrets, typed
from .._runtime.run import Run

SPEC = {
    "index": {"type": "str", "required": True},
    "documents": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {"id": {"type": "str", "required": True}, "source": {"type": "dict"}},
    },
    "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
}


@dataclass(frozen=True)
class Options:
    index: str
    documents: list[dict[str, Any]]
    state: str


def execute(options: Options, run: Run) -> dict[str, Any]:
    """Apply the desired state of the documents. Raises Failure."""
    found = documents.read(run.client, options.index, _ids(options.documents))
    if options.state == "absent":
        return _absent(options, run, found or {})
    if found is None:
        _check_missing_index(options.index, run)
    return _reconcile(options, run, found or {})


def check(options: Options) -> None:
    """Raises Failure for the name of no index, documents without an id or a source, and duplicate ids."""
    check_name(options.index)
    ids = _ids(options.documents)
    duplicates = sorted({each for each in ids if ids.count(each) > 1})
    if duplicates or not all(ids):
        problem = ", ".join(duplicates) or "one is empty"
        raise Failure("invalid_input", f"documents: each needs an id of its own; {problem}.")
    incomplete = [doc["id"] for doc in options.documents if doc["source"] is None]
    if incomplete and options.state == "present":
        raise Failure("invalid_input", f"documents: without 'source': {', '.join(incomplete)}.")


def _check_missing_index(index: str, run: Run) -> None:
    """Warns in check mode, else raises Failure."""
    if not run.check_mode:
        raise Failure("unknown_index", f"There is no index {index!r}.")
    run.warn_missing("index", index)


def _absent(options: Options, run: Run, found: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    existing = [doc for doc in options.documents if doc["id"] in found]
    for batch in documents.batches(existing):
        ids = _ids(batch)
        _write(run, "delete", options.index, ids, partial(documents.delete, run.client, options.index, ids))
    return _result(found, existing, {})


def _reconcile(options: Options, run: Run, found: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Store the documents that are missing or differ."""
    changed = _diff(found, options.documents)
    for batch in documents.batches(changed):
        _write(run, "index", options.index, _ids(batch), partial(documents.store, run.client, options.index, batch))
    if changed and not run.check_mode:
        _verify(options.index, run, changed)
    return _result(found, changed, {doc["id"]: doc["source"] for doc in changed})


def _diff(found: Mapping[str, Mapping[str, Any]], desired: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [doc for doc in desired if not documents.has_fields(found.get(doc["id"]), doc["source"])]


def _write(run: Run, action: str, index: str, ids: list[str], send: Callable[[], dict[str, str]]) -> None:
    """Send one request and journal it, unless the server refuses all documents. Raises Failure if it refuses any."""
    refused = run.perform(action, "document", index, send, had_effect=lambda failed: len(failed) < len(ids), ids=ids)
    if not refused:
        return
    reasons = "; ".join(f"{each}: {reason[:300]}" for each, reason in sorted(refused.items())[:5])
    message = f"{index}: the server refused {len(refused)} of {len(ids)} documents: {reasons}"
    for reason in refused.values():
        permission = missing_permission(reason)
        if permission:
            raise Failure("forbidden", message, documents=refused, permission=permission)
    raise Failure("document_refused", message, documents=refused)


def _verify(index: str, run: Run, desired: list[dict[str, Any]]) -> None:
    """Read the documents back after a write. Raises Failure if any still differs."""
    found = documents.read(run.client, index, _ids(desired)) or {}
    different = _ids(_diff(found, desired))
    if different:
        raise Failure(
            "not_converged", f"{index}: documents were written, but still differ: {', '.join(different)[:500]}."
        )


def _result(
    found: Mapping[str, Mapping[str, Any]], changed: list[dict[str, Any]], after: Mapping[str, Any]
) -> dict[str, Any]:
    before = {doc["id"]: _restrict(found[doc["id"]], doc["source"]) for doc in changed if doc["id"] in found}
    return {"documents": _ids(changed), "diff": {"before": before, "after": after}}


def _restrict(observed: Mapping[str, Any], desired: Mapping[str, Any] | None) -> dict[str, Any]:
    """The observed values of the desired fields; all fields if no source is given, as for a document to delete."""
    return {name: value for name, value in observed.items() if desired is None or name in desired}


def _ids(docs: list[dict[str, Any]]) -> list[str]:
    return [doc["id"] for doc in docs]


MODULE = Module(SPEC, execute, typed(Options), secrets=no_secrets, check=check)
