# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Creating exactly one object of a name, whatever becomes of the answer and whoever else creates it now."""

from __future__ import annotations

from functools import partial
from typing import Any, Callable, Mapping

from .._errors.exceptions import AnswerLost, ApiError, Failure
from .._http.client import Client
from .._kinds.base import Doc, Kind
from .._runtime import versions
from .._runtime.run import Run
from .deterministic_id import custom_id
from .duplicates import UNIQUE_TIMEOUT, back_off, retry_delete, wait_until_unique

#: How often two who create the same thing at once start over.
CREATE_TRIES = 8


def create_once(
    kind: type[Kind],
    run: Run,
    body: Mapping[str, Any],
    *,
    path: str,
    query: Mapping[str, str] | None = None,
    withdraw: Callable[[str], None],
    counts: Callable[[Doc], bool] = lambda doc: True,
    among: Callable[[list[Doc]], list[Doc]] = lambda found: found,
    apart: str = "",
) -> tuple[Doc, bool]:
    """Create exactly one object although answers get lost and others may create the same one now.

    ``counts`` tells which objects of the body's name count as this one; there was none before. A lost answer is settled by
    a look before anything is sent again. Whoever is not alone afterwards takes the own one back (``withdraw``) and waits
    until at most one is left, of several that others have made of those that ``among`` leaves; only who made the oldest
    waits first for the others to take back theirs. A server that takes ids (3.9) is given one that follows from the kind,
    the name and ``apart``, and refuses the second create by itself; an id that something else has is done without.
    Returns the object and whether it was made here. Raises Failure where others keep getting in the way.
    """
    name = str(body["name"])

    def look(own: str | None = None, *, shared: bool = True) -> list[Doc]:
        if own and run.shared_search and shared:
            # Somebody else reads it back, and that there is no other one a search tells.
            found = run.shared_search(kind, name)
            if [doc.id for doc in found] == [own]:
                return found
        return [doc for doc in kind.all_named(run.client, name) if doc.id == own or counts(doc)]

    def left() -> list[Doc]:
        found = look()
        return among(found) if len(found) > 1 else found

    sent = dict(body)
    if versions.has(run.version, "custom_ids"):
        sent[kind.ID_FIELD] = custom_id(kind.LABEL, name, apart)
    lost: AnswerLost | None = None
    found: list[Doc] = []
    for attempt in range(CREATE_TRIES):
        own: str | None = None
        try:
            own = str(run.client.create(path, sent, query).body[kind.ID_FIELD])
        except AnswerLost as exc:
            lost = exc
        except ApiError as error:
            taken = sent.pop(kind.ID_FIELD, None)
            if error.code != "id_taken" or taken is None:
                raise
            back_off(run, attempt)
            holder = _holder(kind, run.client, taken)
            if holder is not None and holder.name == name and counts(holder):
                return holder, False
            continue
        found = look(own)
        if own:
            anew = partial(look, own, shared=False)
            found = wait_until_unique(run, found, anew, kind.DUPLICATE_TIMEOUT, own=own)
            if [doc.id for doc in found] != [own] and not retry_delete(
                run, withdraw, own, anew, kind.DUPLICATE_TIMEOUT
            ):
                found = anew()
        if len(found) == 1 and own in (None, found[0].id):
            run.created.append((kind.PATH, found[0]))
            run.created_by_stack.add((kind.PATH, found[0].id))
            return found[0], True
        back_off(run, attempt)
        found = wait_until_unique(run, left(), left, UNIQUE_TIMEOUT)
        if len(found) == 1:
            return found[0], False
        if found:
            break
    if lost is not None and not found:
        raise lost
    raise Failure("concurrent_change", f"{len(found)} {kind.LABEL}s of one name were made at the same time.")


def _holder(kind: type[Kind], client: Client, object_id: str) -> Doc | None:
    """Who has an id that was refused as taken; None where it is gone again, or belongs to others alone."""
    try:
        return kind.get(client, object_id)
    except ApiError as error:
        if error.status != 403:
            raise
        return None
