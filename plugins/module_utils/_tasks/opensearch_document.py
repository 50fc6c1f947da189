# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What opensearch_document does: documents of an index with the stated fields."""

from __future__ import annotations

from typing import Any, Callable, Mapping

from .._errors.exceptions import Failure
from .._errors.server_errors import missing_permission
from .._kinds import document as stored_documents
from .._kinds.index import check_name
from .._runtime.module import Module
from .._runtime.run import Run

OPTIONS = {
    "index": {"type": "str", "required": True},
    "documents": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {"id": {"type": "str", "required": True}, "source": {"type": "dict"}},
    },
    "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
}


def execute(options: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """Bring the documents to the stated state. Raises Failure."""
    index, documents, present = options["index"], options["documents"], options["state"] == "present"
    check_name(index)
    ids = [doc["id"] for doc in documents]
    _check(documents, ids, present)
    found = stored_documents.read(run.client, index, ids)
    if found is None and present:
        if not run.check_mode:
            raise Failure("unknown_index", f"There is no index {index!r}.")
        run.warn(f"There is no index {index!r} yet; this check assumes that an earlier task makes it.")
    stored = found or {}
    if present:
        todo = [doc for doc in documents if not stored_documents.holds(stored.get(doc["id"]), doc["source"])]
        for batch in stored_documents.batches(todo):
            _act(run, "index", index, [doc["id"] for doc in batch], _storing(run, index, batch))
        if todo and not run.check_mode:
            _written(run, index, todo)
        after = {doc["id"]: doc["source"] for doc in todo}
    else:
        todo = [doc for doc in documents if doc["id"] in stored]
        for batch in stored_documents.batches(todo):
            _act(run, "delete", index, [doc["id"] for doc in batch], _deleting(run, index, batch))
        after = {}
    before = {doc["id"]: _stated(stored[doc["id"]], doc) for doc in todo if doc["id"] in stored}
    return {"documents": [doc["id"] for doc in todo], "diff": {"before": before, "after": after}}


def _check(documents: list[dict[str, Any]], ids: list[str], present: bool) -> None:
    twice = sorted({each for each in ids if ids.count(each) > 1})
    if twice or not all(ids):
        raise Failure("invalid_input", f"documents: each needs an id of its own; {', '.join(twice) or 'one is empty'}.")
    bare = [doc["id"] for doc in documents if doc["source"] is None]
    if bare and present:
        raise Failure("invalid_input", f"documents: without 'source': {', '.join(bare)}.")


def _act(run: Run, action: str, index: str, ids: list[str], do: Callable[[], dict[str, str]]) -> None:
    """One request, which the server does in part where it refuses some documents."""
    refused = run.perform(action, "document", index, do, had_effect=lambda failed: len(failed) < len(ids), ids=ids)
    if refused:
        reasons = "; ".join(f"{each}: {reason[:300]}" for each, reason in sorted(refused.items())[:5])
        message = f"{index}: {len(refused)} of {len(ids)} refused: {reasons}"
        for reason in refused.values():
            permission = missing_permission(reason)
            if permission:
                raise Failure("forbidden", message, documents=refused, permission=permission)
        raise Failure("document_refused", message, documents=refused)


def _storing(run: Run, index: str, batch: list[dict[str, Any]]) -> Callable[[], dict[str, str]]:
    return lambda: stored_documents.store(run.client, index, batch)


def _deleting(run: Run, index: str, batch: list[dict[str, Any]]) -> Callable[[], dict[str, str]]:
    return lambda: stored_documents.delete(run.client, index, [doc["id"] for doc in batch])


def _stated(stored: Mapping[str, Any], doc: Mapping[str, Any]) -> dict[str, Any]:
    """The stated fields as they are stored; all of them of a document that goes."""
    return {name: value for name, value in stored.items() if doc["source"] is None or name in doc["source"]}


def _written(run: Run, index: str, documents: list[dict[str, Any]]) -> None:
    stored = stored_documents.read(run.client, index, [doc["id"] for doc in documents]) or {}
    other = [doc["id"] for doc in documents if not stored_documents.holds(stored.get(doc["id"]), doc["source"])]
    if other:
        raise Failure("not_converged", f"{index}: stored otherwise than they were sent: {', '.join(other)[:500]}.")


MODULE = Module(OPTIONS, execute)
