# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Replaces a connector under live models: a new connector takes over, then the old one is deleted.

A model accepts another ``connector_id`` in place, without being undeployed (2.12 and later). A run can be killed after each
step: the new connector's notes name those that it replaces, so that the next run finishes the swap.

The server refuses to delete some connectors although no model uses them. Before 3.9 it searches for the users of a connector
word by word: it takes a model for a user if the id of the model's connector has a word in common with this one's id (see
:func:`connectors.words_of`).
"""

from __future__ import annotations

from functools import partial
from typing import Any, Mapping, NoReturn, Sequence

from .._coordination.create import Creation, create_once
from .._errors.exceptions import ApiError, Failure
from .._kinds import model as models
from .._kinds.base import SEARCH_LAG, Doc, replaced_ids, supersedes
from .._kinds.connector import resource as connectors
from .._kinds.connector.resource import Connector
from .._kinds.model import Model
from .._runtime.run import Run
from . import predict

#: Seconds after which the nodes use a model's new connector. The server answers the change before; a probe that comes too
#: early would be answered through the old one (up to 0.2 s on 3.6.0).
SWITCH_TIME = 0.5

#: The longest time that the probe may be repeated, in seconds.
PROBE_PATIENCE = 30.0

#: How many new connectors are created while the server would confuse each id with the old one's, and the pause between two,
#: in seconds. On a server whose ids have one hyphen in their constant part and one in the part that counts the time, all ids
#: of the same 1.024 s share a word (seen on 2.19.1).
MAX_ID_TRIES, ID_RETRY_PAUSE = 4, 0.3


class _RolledBack(Failure):
    """The new connector failed, and everything is as it was before."""


class Swap:
    """Moves models from one connector to another.

    ``probe`` are the parameters of a prediction that a live model has to answer through the new connector before the old
    one is deleted; without them nothing is asked. ``timeout``, in seconds, limits each wait for a model.
    """

    def __init__(self, run: Run, *, probe: Mapping[str, Any] | None, timeout: float) -> None:
        self._run = run
        self._probe = probe
        self._timeout = timeout
        #: The connectors with the name of the one to replace; None before they are known.
        self._left: list[Doc] | None = None

    def leave(self, connector: Doc, reason: Failure) -> None:
        """Note that the server refuses to delete a connector that no model uses. ``reason`` is that of :func:`held`."""
        models_taken = list(reason.details.get("models", []))
        self._run.add_leftovers(
            [{"connector_id": connector.id, "name": connector.name, "models": models_taken, "reason": reason.message}]
        )

    def replace(self, old: Doc, body: Mapping[str, Any], users: list[Doc], *, fields: Sequence[str]) -> Doc | None:
        """Create a new connector, move all ``users`` to it, then delete ``old``.

        Returns the new connector; None in check mode. ``fields`` are the names of those that change, for the journal. If a
        model cannot be moved or the probe fails, all models are moved back, the new connector is deleted, and the Failure is
        raised.
        """
        do = partial(self._replace, old, body, users)
        ids = [model.id for model in users]
        return self._run.perform(
            "swap", Connector.LABEL, body["name"], do, replaced_id=old.id, models=ids, fields=list(fields)
        )

    def merge(self, old: Doc, kept: Doc, users: list[Doc]) -> None:
        """Move the ``users`` of one connector to another that exists already, then delete the first. As in :meth:`replace`,
        a failure moves them back."""
        self._take_over(old, kept, users, keep_new=True)

    def finish_interrupted(self, counts: Doc, found: list[Doc]) -> Doc:
        """Finish the interrupted swaps among connectors with one name, of which ``counts`` is the one that the name means.

        If a model uses the new connector already, the others are moved to it, and the old one is deleted. Otherwise the new
        one is. Returns the connector that counts now. Connectors that are not part of a swap are left alone.
        """
        self._left = found
        for other in found:
            if other is not counts and (supersedes(counts, other) or supersedes(other, counts)):
                kept = self._finish(counts, other)
                if kept is not counts:
                    return self.finish_interrupted(kept, [doc for doc in found if doc is not counts])
        return counts

    def _finish(self, counts: Doc, other: Doc) -> Doc:
        """Delete one of two connectors of a swap, to which no model must refer any more. Returns the one that remains."""
        run = self._run
        users = models.using_connectors(run.reader, [counts.id, other.id])
        moving = [model for model in users if model.source.get("connector_id") == other.id]
        mistaken = [] if moving else models.falsely_matched_users(run.reader, other.id)
        if mistaken:
            self.leave(other, held(other.id, mistaken))
            return counts
        delete = partial(delete_unused, run, other.id)
        if supersedes(other, counts):
            run.perform("undo_swap", Connector.LABEL, other.name, delete, id=other.id)
            return counts
        if not moving:
            # Without a probe: a backend that is down now must not bring back a connector that was replaced long ago.
            facts: dict[str, Any] = {"id": other.id, "kept_id": counts.id, "models": []}
            run.perform("finish_swap", Connector.LABEL, other.name, delete, **facts)
            return counts
        finish = partial(self._take_over, other, counts, users, keep_new=False)
        ids = [model.id for model in moving]
        try:
            run.perform("finish_swap", Connector.LABEL, other.name, finish, id=other.id, kept_id=counts.id, models=ids)
        except _RolledBack as failure:
            # The desired fields of this task may be the repair: it goes on from the old connector.
            run.warn(f"An interrupted change was rolled back. {failure.message}")
            run.journal("undo_swap", Connector.LABEL, counts.name, id=counts.id)
            return other
        return counts

    def _replace(self, old: Doc, body: Mapping[str, Any], users: list[Doc]) -> Doc:
        new, discarded = self._create(old, body)
        self._take_over(old, new, users, keep_new=False)
        # Only now: the server refuses while models use the old connector.
        for doc in discarded:
            self._delete_if_possible(doc)
        return new

    def _take_over(self, old: Doc, new: Doc, users: list[Doc], *, keep_new: bool) -> None:
        moved = [model for model in users if model.source.get("connector_id") == new.id]
        try:
            self._move_and_probe(new, users, moved)
        except Failure as failure:
            self._roll_back(failure, old, new, moved, keep_new=keep_new)
        self._delete_if_possible(old)

    def _move_and_probe(self, new: Doc, users: list[Doc], moved: list[Doc]) -> None:
        """Point the users at the new connector, each of which is added to ``moved`` before, and probe one live model."""
        deleted = []
        for model in [model for model in users if model not in moved]:
            moved.append(model)
            if not self._point(model, new):
                deleted.append(model)
        live = [model for model in users if models.state_of(model) in models.LIVE and model not in deleted]
        if live and self._probe:
            self._run.clock.sleep(SWITCH_TIME)
            predict.predict_with_retries(
                self._run,
                predict.Question(live[0].id, {"parameters": self._probe}, self._timeout),
                predict.Expectation(content=False),
                retry_for=min(self._timeout, PROBE_PATIENCE),
            )

    def _roll_back(self, failure: Failure, old: Doc, new: Doc, moved: list[Doc], *, keep_new: bool) -> NoReturn:
        """Point the moved models at the old connector and delete the new one. Raises :class:`_RolledBack`, or the failure
        itself if that fails as well."""
        try:
            for model in moved:
                self._point(model, old)
            if not keep_new:
                self._delete_if_possible(new)
        except Failure as second:
            failure.message += (
                f" Rolling back to connector {old.id} failed as well ({second.message.rstrip('.')}); "
                "the next run finishes the swap."
            )
            raise failure from second
        message = f"The new connector failed, and the models use the old one ({old.id}) again: {failure.message}"
        raise _RolledBack(failure.code, message, failure.status, **failure.details) from failure

    def _point(self, model: Doc, connector: Doc) -> bool:
        """Point a model at a connector. Returns whether the model still exists: its creator may have deleted it."""
        try:
            models.update(self._run, model, {"connector_id": connector.id}, timeout=self._timeout)
        except Failure as failure:
            if failure.code != Model.UNKNOWN_CODE:
                raise
            return False
        return True

    def _delete_if_possible(self, connector: Doc) -> None:
        """Delete a connector that no model uses any more; warn if the server refuses because it confuses ids."""
        try:
            delete_unused(self._run, connector.id)
        except Failure as failure:
            if failure.code != "connector_held":
                raise
            self.leave(connector, failure)

    def _create(self, old: Doc, body: Mapping[str, Any]) -> tuple[Doc, list[Doc]]:
        """The new connector, and those that were created before it and are not used.

        Of two connectors whose ids share a word the server deletes neither while a model uses the other (see
        :func:`connectors.words_of`). So a new one that shares a word with the old one is not used, and another is created.
        """
        run = self._run
        replaced = [old.id, *self._left_of_earlier_swaps(old)]
        created: list[Doc] = []
        for _attempt in range(MAX_ID_TRIES):
            creation = Creation(
                Connector,
                connectors.replacing(body, replaced),
                f"{Connector.PATH}/_create",
                delete_own=partial(delete_unused, run, patience=0.0),
                matches=partial(_replaces_exactly, list(replaced)),
                discriminator=" ".join(replaced),
            )
            created.append(create_once(run, creation))
            if not connectors.share_a_word(created[-1].id, [old.id]):
                break
            replaced.append(created[-1].id)
            run.clock.sleep(ID_RETRY_PAUSE)
        return created[-1], created[:-1]

    def _left_of_earlier_swaps(self, old: Doc) -> list[str]:
        """The ids of connectors of earlier swaps that the server did not delete, finished and rolled back ones."""
        if self._left is None:
            self._left = Connector.all_named(self._run.reader, old.name)
        return [doc.id for doc in self._left if supersedes(old, doc) or supersedes(doc, old)]


def _replaces_exactly(ids: list[str], doc: Doc) -> bool:
    return replaced_ids(doc.source) == ids


def delete_unused(run: Run, connector_id: str, patience: float = SEARCH_LAG) -> None:
    """Delete a connector that no model uses any more.

    On 2.19 the server's search for users may lag a second; a refusal is retried for ``patience`` seconds. Raises Failure
    ``connector_held`` if the server refuses because of models that use other connectors.
    """
    end = run.clock.now() + patience
    while True:
        try:
            return Connector.delete(run, connector_id)
        except ApiError as error:
            if error.code != "connector_in_use" or run.clock.now() >= end:
                raise refusal_cause(run, connector_id, error) from None
        run.clock.sleep(0.3)


def refusal_cause(run: Run, connector_id: str, error: ApiError) -> Failure:
    """The failure to raise for a refused change or delete: ``connector_held`` if the server is wrong about which models use
    the connector, else the server's own error."""
    mistaken = models.falsely_matched_users(run.server, connector_id) if error.code == "connector_in_use" else []
    return held(connector_id, mistaken, error.status) if mistaken else error


def held(connector_id: str, mistaken: list[Doc], status: int | None = None) -> Failure:
    """The failure ``connector_held``, which names the models that the server takes for users of the connector."""
    named = ", ".join(
        f"{model.name!r} ({model.id}) with connector {model.source.get('connector_id')}" for model in mistaken[:10]
    )
    return Failure(
        "connector_held",
        f"No model uses connector {connector_id}, but the server refuses to change or delete it: it matches ids word by "
        f"word and takes these models for its users: {named}",
        status,
        models=[model.id for model in mistaken],
    )
