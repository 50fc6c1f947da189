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
from typing import Any, Callable, Mapping, Sequence

from .._coordination.create import create_once
from .._errors.exceptions import Failure
from .._kinds import model as models
from .._kinds.base import Doc
from .._kinds.connector import resource as connectors
from .._kinds.connector.resource import Connector
from .._kinds.model import Model
from .._runtime.run import Run, WaitTimeout
from . import undeletable_connector as removal
from .replacement_pairs import (
    Undeletable,
    is_replacement_pair,
    replaced_same_connector,
    replaces,
    replaces_several,
    uses,
)

#: For how long a half-done swap may stand still, in seconds, before it is taken for one that was cut off.
STALLED_AFTER = 5.0

#: How many new connectors are put aside as the server would not delete the old one beside them.
MAX_DISCARDED = 3


def swap(
    run: Run,
    old: Doc,
    body: Mapping[str, Any],
    users: list[Doc],
    probe: Callable[[str], None],
    *,
    timeout: float,
    beside: Sequence[Doc] = (),
) -> Doc:
    """Put a new connector in the place of ``old`` for all its ``users``, then delete ``old`` and those ``beside`` it.

    ``probe`` is called with the id of a model that serves, after it points at the new connector; when it raises, all
    models point at the old connector again, the new one is deleted, unless there are others ``beside``, and its failure
    is raised.
    """
    new, aside = _create(run, old, body)
    # What is beside the old one is tied to it by the new one's notes alone: without them there would be two for good.
    withdraw = _stays if beside else None
    _take_over(run, old, new, users, probe, timeout=timeout, withdraw=withdraw)
    # Not before: while models use the old one, these cannot be deleted either.
    for doc in [*aside, *beside]:
        _let_go(run, doc.id)
    return new


def merge(run: Run, old: Doc, kept: Doc, users: list[Doc], probe: Callable[[str], None], *, timeout: float) -> None:
    """Point the ``users`` of one connector at another that stays in any case, then delete the first. As in :func:`swap`,
    a ``probe`` that raises points them back."""
    _take_over(run, old, kept, users, probe, timeout=timeout, withdraw=_stays)


def _stays() -> None:
    """Takes the new connector back where it stays in any case."""


def settle(run: Run, found: list[Doc], probe: Callable[[str], None], *, timeout: float) -> list[Doc]:
    """End what an interrupted swap left among connectors of one name: forward where the new one is in use already and
    stands the probe, or where it stands for more than one, else back. Others of the same name are left alone. Returns what remains."""
    for new in found:
        for old in found:
            if is_replacement_pair(old, new):
                gone = _settle_pair(run, old, new, probe, timeout, replaces_several(found, old, new))
                return settle(run, [doc for doc in found if doc is not gone], probe, timeout=timeout)
    return found


def _settle_pair(run: Run, old: Doc, new: Doc, probe: Callable[[str], None], timeout: float, for_more: bool) -> Doc:
    """Returns the one of the two that is deleted, or that counts as such as nobody uses it and it cannot be. ``for_more``
    tells that the new one stands for others beside the old one, and must not go."""
    users = models.using_connectors(run.client, [new.id, old.id])
    if replaced_same_connector(old, new) and uses(users, old):
        old, new = new, old
    double = Undeletable(run.client, users).of(old, new)
    if double is not None:
        other = new if double is old else old
        run.warn(f"Connector {double.id}, a double of {other.id}, is left, as the server does not delete it yet.")
        return double
    if not run.check_mode and not uses(users, new):
        # It may be the beginning of a swap that somebody else is at right now, and not what is left of one.
        with suppress(WaitTimeout):
            run.wait_until(
                lambda: (
                    Connector.get(run.client, new.id) and Connector.get(run.client, old.id),
                    models.using_connectors(run.client, [new.id, old.id]),
                ),
                lambda seen: seen[0] is None or uses(seen[1], new),
                what=f"the swap of connector {old.id} to go on",
                describe=lambda seen: "it stands still",
                timeout=STALLED_AFTER,
            )
        for doc in (old, new):
            if Connector.get(run.client, doc.id) is None:
                return doc
        users = models.using_connectors(run.client, [new.id, old.id])
    if uses(users, new) or for_more:
        moving = [model for model in users if model.source.get("connector_id") == old.id]
        # Only a swap of these two may be the one that was cut off, and be taken back as a whole: what came in the place of
        # others since has been proven, and stays. So does what came in the place of several.
        cut_off = replaces(new, old) and not for_more
        end = partial(_take_over, run, old, new, users, probe, timeout=timeout)
        if not cut_off:
            end = partial(merge, run, old, new, moving, probe, timeout=timeout)
        try:
            ids = [model.id for model in moving]
            run.perform("finish_swap", Connector.LABEL, old.name, end, id=old.id, kept_id=new.id, models=ids)
            return old
        except _TakenBack as failure:
            if not cut_off:
                raise
            # What is stated now may well be what mends it: the task goes on from the old connector.
            run.warn(f"An interrupted change was taken back. {failure.message}")
            run.perform("undo_swap", Connector.LABEL, new.name, lambda: None, id=new.id)
            return new
    run.perform("undo_swap", Connector.LABEL, new.name, lambda: removal.delete(run, new.id), id=new.id)
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
        run.perform("repoint", Model.LABEL, model.name, move, id=model.id)


class _TakenBack(Failure):
    """The new connector failed, and everything is again as it was before it."""


def _point(run: Run, model: Doc, connector: Doc, timeout: float) -> bool:
    """Point a model at a connector. Returns whether the model is still there: whoever made it may have taken it back."""
    try:
        models.update(run, model, {"connector_id": connector.id}, timeout=timeout)
    except Failure as failure:
        if failure.code != Model.UNKNOWN_CODE:
            raise
        return False
    return True


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
        gone = []
        for model in [model for model in users if model not in moved]:
            moved.append(model)
            if not _point(run, model, new, timeout):
                gone.append(model)
        for model in [model for model in users if models.state_of(model) in models.LIVE and model not in gone][:1]:
            probe(model.id)
        if Connector.get(run.client, new.id) is None:
            raise Failure("concurrent_change", f"Somebody else has deleted the new connector {new.id}.")
    except Failure as failure:
        try:
            for model in moved:
                _point(run, model, old, timeout)
            if moved and Connector.get(run.client, old.id) is None:
                # Not before: as soon as a model names it again nobody can delete it.
                for model in moved:
                    _point(run, model, new, timeout)
                raise Failure("concurrent_change", f"somebody else has deleted it, the new one, {new.id}, serves")
            if withdraw is None:
                _let_go(run, new.id)
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
    _let_go(run, old.id)


def _let_go(run: Run, connector_id: str) -> None:
    """Delete a connector that no model uses any more; one that the server takes for used is left. Raises Failure
    ``concurrent_change`` where somebody has given it to a model meanwhile."""
    try:
        removal.delete(run, connector_id)
    except Failure as failure:
        if failure.code == "connector_in_use":
            raise Failure("concurrent_change", failure.message, failure.status) from failure
        if failure.code != "connector_held":
            raise
        run.warn(f"A connector that was replaced is left. {failure.message}. {failure.remedy}")


def _create(run: Run, old: Doc, body: Mapping[str, Any]) -> tuple[Doc, list[Doc]]:
    """The new connector, and those that were made in vain.

    Of two connectors whose ids share a word the server deletes neither while a model uses the other (see
    :func:`connectors.words_of`). So one that shares a word with the old one is put aside, for another one.
    """

    def lets_go(doc: Doc) -> bool:
        return not connectors.alike(doc.id, [old.id])

    # What is left of a change that failed and that the server does not delete is nobody's who replaces it right now.
    left = [doc for doc in Connector.all_named(run.client, old.name) if replaces(doc, old)]
    held = {doc.id for doc in left if models.falsely_matched_users(run.client, doc.id)}
    aside: list[Doc] = []
    while True:
        try:
            new, ours = create_once(
                Connector,
                run,
                body,
                path=f"{Connector.PATH}/_create",
                withdraw=partial(removal.delete, run, patience=0.0),
                counts=lambda doc: replaces(doc, old) and lets_go(doc) and doc.id not in held,
                apart=old.id,
            )
        except Failure as failure:
            if failure.code not in removal.STAYS:
                raise
            ours = False  # Its notes tell what it is to the other one.
        if not ours:
            raise Failure(
                "concurrent_change", f"Somebody else is replacing connector {old.name!r} ({old.id}) right now."
            )
        if lets_go(new) or len(aside) == MAX_DISCARDED:
            return new, aside
        aside.append(new)
        run.clock.sleep(connectors.ID_RETRY_PAUSE)
