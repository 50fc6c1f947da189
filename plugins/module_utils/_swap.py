# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Changing a connector under models that serve: a new connector takes over, and the old one goes.

A model takes another ``connector_id`` in place, without being undeployed (2.12 and later). Each step can be the last
one of a run that is killed; the new connector's notes name the old one, so that the next run knows the two for halves
of one swap, and ends it.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any, Callable, Mapping

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors import ApiError, Failure
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._resource import SEARCH_LAG, Doc, made_after
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._resources import connector as connectors
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._resources import model as models
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._resources.connector import Connector
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._resources.model import Model
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._run import Run
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._waiter import WaitTimeout, wait_until

#: For how long a half-done swap may stand still, in seconds, before it is taken for one that was cut off.
SOMEBODY_ELSE = 5.0


def swap(
    run: Run,
    old: Doc,
    body: Mapping[str, Any],
    users: list[Doc],
    probe: Callable[[str], None],
    *,
    timeout: float,
) -> Doc:
    """Put a new connector in the place of ``old`` for all its ``users``, then delete ``old``.

    ``probe`` is called with the id of a model that serves, after it points at the new connector; when it raises, all
    models point at the old connector again, the new one is deleted, and its failure is raised.
    """
    new = _create(run, old, body)
    _take_over(run, old, new, users, probe, timeout=timeout)
    return new


def merge(run: Run, old: Doc, kept: Doc, users: list[Doc], probe: Callable[[str], None], *, timeout: float) -> None:
    """Point the ``users`` of one connector at another that stays in any case, then delete the first. As in :func:`swap`,
    a ``probe`` that raises points them back."""
    _take_over(run, old, kept, users, probe, timeout=timeout, withdraw=lambda: None)


def settle(run: Run, found: list[Doc], probe: Callable[[str], None], *, timeout: float) -> list[Doc]:
    """End what an interrupted swap left among connectors of one name: forward where the new one is in use already and
    stands the probe, else back. Others of the same name are left alone. Returns what remains."""
    for new in found:
        for old in found:
            # An old one that was made later has nothing but its id from the one that was replaced.
            if old.id == connectors.notes_of(new.source).get("replaces") and not made_after(old, new):
                gone = _settle_pair(run, old, new, probe, timeout)
                return settle(run, [doc for doc in found if doc is not gone], probe, timeout=timeout)
    return found


def _settle_pair(run: Run, old: Doc, new: Doc, probe: Callable[[str], None], timeout: float) -> Doc:
    """Returns the one of the two that is deleted."""
    users = models.using_connectors(run.client, [new.id, old.id])
    if not run.check_mode and not _uses(users, new):
        # It may be the beginning of a swap that somebody else is at right now, and not what is left of one.
        with suppress(WaitTimeout):
            wait_until(
                lambda: (
                    Connector.get(run.client, new.id) and Connector.get(run.client, old.id),
                    models.using_connectors(run.client, [new.id, old.id]),
                ),
                lambda seen: seen[0] is None or _uses(seen[1], new),
                what=f"the swap of connector {old.id} to go on",
                describe=lambda seen: "it stands still",
                timeout=SOMEBODY_ELSE,
                clock=run.clock,
                tell=run.waiting,
            )
        for doc in (old, new):
            if Connector.get(run.client, doc.id) is None:
                return doc
        users = models.using_connectors(run.client, [new.id, old.id])
    if _uses(users, new):
        try:
            run.act(
                "finish_swap",
                Connector.LABEL,
                old.name,
                lambda: _take_over(run, old, new, users, probe, timeout=timeout),
                id=old.id,
            )
            return old
        except _TakenBack as failure:
            # What is stated now may well be what mends it: the task goes on from the old connector.
            run.warn(f"An interrupted change was taken back. {failure.message}")
            run.act("undo_swap", Connector.LABEL, new.name, lambda: None, id=new.id)
            return new
    run.act("undo_swap", Connector.LABEL, new.name, lambda: _delete(run, new.id), id=new.id)
    return new


def repoint(run: Run, doc: Doc, *, timeout: float) -> None:
    """Models that still name the connector whose place this one took, which is gone, are pointed at this one: somebody
    else may have pointed them back at the moment of the swap, and the server does not check whether an id exists."""
    replaced = connectors.notes_of(doc.source).get("replaces")
    users = models.using_connectors(run.client, [str(replaced)]) if replaced else []
    # The id may have been given anew, to one that its users mean.
    if users and Connector.get(run.client, str(replaced)) is not None:
        return
    for model in users:
        move = partial(models.update, run, model, {"connector_id": doc.id}, timeout=timeout)
        run.act("repoint", Model.LABEL, model.name, move, id=model.id)


def _uses(users: list[Doc], connector: Doc) -> bool:
    return any(model.source.get("connector_id") == connector.id for model in users)


class _TakenBack(Failure):
    """The new connector failed, and everything is again as it was before it."""


def _take_over(
    run: Run,
    old: Doc,
    new: Doc,
    users: list[Doc],
    probe: Callable[[str], None],
    *,
    timeout: float,
    withdraw: Callable[[], None] | None = None,
) -> None:
    """Point all users at the new connector, probe, delete the old one; or everything back, then :class:`_TakenBack`.

    ``withdraw`` takes the new one away again, by deleting it unless stated otherwise.
    """
    moved = [model for model in users if model.source.get("connector_id") == new.id]
    try:
        for model in [model for model in users if model not in moved]:
            moved.append(model)
            models.update(run, model, {"connector_id": new.id}, timeout=timeout)
        for model in [model for model in users if models.state_of(model) in models.LIVE][:1]:
            probe(model.id)
        if Connector.get(run.client, new.id) is None:
            raise Failure("concurrent_change", f"Somebody else has deleted the new connector {new.id}.")
    except Failure as failure:
        try:
            for model in moved:
                models.update(run, model, {"connector_id": old.id}, timeout=timeout)
            if withdraw is None:
                _delete(run, new.id)
            else:
                withdraw()
        except Failure as second:
            failure.message += (
                f" Going back to connector {old.id} failed as well ({second.message.rstrip('.')}); "
                "the next run ends what was begun."
            )
            raise failure from second
        message = f"The new connector failed, the old one ({old.id}) serves on: {failure.message}"
        raise _TakenBack(failure.code, message, failure.status, **failure.details) from failure
    _delete(run, old.id)


def _delete(run: Run, connector_id: str) -> None:
    """Delete a connector that no model uses any more. The server looks for users with a search, which on 2.19 may be
    a second old: a refusal is asked for again for as long as that can explain it."""
    end = run.clock.now() + SEARCH_LAG
    while True:
        try:
            return Connector.delete(run, connector_id)
        except ApiError as error:
            if error.code != "connector_in_use" or run.clock.now() >= end:
                raise
        run.clock.sleep(0.3)


def _create(run: Run, old: Doc, body: Mapping[str, Any]) -> Doc:
    new, ours = Connector.create_one(
        run,
        body,
        path=f"{Connector.PATH}/_create",
        withdraw=lambda connector_id: Connector.delete(run, connector_id),
        counts=lambda doc: connectors.notes_of(doc.source).get("replaces") == old.id,
        apart=old.id,
    )
    if not ours:
        raise Failure("concurrent_change", f"Somebody else is replacing connector {old.name!r} ({old.id}) right now.")
    return new
