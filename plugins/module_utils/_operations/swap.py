# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Replaces a connector under live models: a new connector takes over, then the old one is deleted.

A model accepts another ``connector_id`` in place, without being undeployed (2.12 and later). A run can be killed after each
step: the new connector's notes name the old one, so that the next run recognises the two as a replacement pair and rolls the
swap forward or back.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any, Mapping, NoReturn, Sequence

from .._coordination.create import Creation, create_once
from .._errors.exceptions import Failure
from .._kinds import model as models
from .._kinds.base import Doc, read_notes, replaces
from .._kinds.connector import resource as connectors
from .._kinds.connector.resource import Connector
from .._kinds.model import Model
from .._runtime.run import Run, WaitTimeout
from . import predict
from .undeletable_connector import ID_RETRY_PAUSE, REFUSALS, UndeletableCheck, delete_unused, is_used

#: For how long an unfinished swap may make no progress, in seconds, before it counts as interrupted.
STALLED_AFTER = 5.0

#: The longest time that the probe may be repeated, in seconds.
PROBE_PATIENCE = 30.0

#: How many new connectors are discarded because the server would confuse their ids with the old one's.
MAX_DISCARDED = 3


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

    def replace(
        self,
        old: Doc,
        body: Mapping[str, Any],
        users: list[Doc],
        *,
        fields: Sequence[str],
        duplicates: Sequence[Doc] = (),
    ) -> Doc | None:
        """Create a new connector, move all ``users`` to it, then delete ``old`` and its ``duplicates``.

        Returns the new connector; None in check mode. ``fields`` are the names of those that change, for the journal. If a
        model cannot be moved or the probe fails, all models are moved back and the Failure is raised. The new connector is
        deleted then, unless there are duplicates: only its notes link them to the old one.
        """
        do = partial(self._replace, old, body, users, duplicates)
        ids = [model.id for model in users]
        return self._run.perform(
            "swap", Connector.LABEL, body["name"], do, replaced_id=old.id, models=ids, fields=list(fields)
        )

    def merge(self, old: Doc, kept: Doc, users: list[Doc]) -> None:
        """Move the ``users`` of one connector to another that exists already, then delete the first. As in :meth:`replace`,
        a failure moves them back."""
        self._take_over(old, kept, users, keep_new=True)

    def finish_interrupted(self, found: list[Doc]) -> list[Doc]:
        """Finish the interrupted swaps among connectors with one name. Returns the connectors that remain.

        A swap is rolled forward if a model already uses the new connector and the probe passes, or if the new connector
        replaces several; else it is rolled back. Duplicates that are no replacement pair are left alone.
        """
        for new in found:
            for old in found:
                if connectors.is_replacement_pair(old, new):
                    removed = self._finish_pair(old, new, keep_new=connectors.replaces_several(found, old, new))
                    return self.finish_interrupted([doc for doc in found if doc is not removed])
        return found

    def repoint(self, doc: Doc) -> None:
        """Point models at this connector that still use the one that it replaced, although that one was deleted.

        Another controller may have pointed them back at the moment of the swap: the server does not check whether an id
        exists.
        """
        client = self._run.client
        replaced_id = read_notes(doc.source).get("replaces")
        users = models.using_connectors(client, [str(replaced_id)]) if replaced_id else []
        # The id may belong to a new connector, which these models really use.
        if users and Connector.get(client, str(replaced_id)) is not None:
            return
        for model in users:
            move = partial(models.update, self._run, model, {"connector_id": doc.id}, timeout=self._timeout)
            self._run.perform("repoint", Model.LABEL, model.name, move, id=model.id)

    def _replace(self, old: Doc, body: Mapping[str, Any], users: list[Doc], duplicates: Sequence[Doc]) -> Doc:
        new, discarded = self._create(old, body)
        self._take_over(old, new, users, keep_new=bool(duplicates))
        # Delete these last; the server refuses while models use the old connector.
        for doc in [*discarded, *duplicates]:
            self._delete_if_possible(doc.id)
        return new

    def _finish_pair(self, old: Doc, new: Doc, *, keep_new: bool) -> Doc:
        """Returns the connector of the pair that is deleted, or that is unused and undeletable and so does not count."""
        run = self._run
        users = models.using_connectors(run.client, [new.id, old.id])
        if connectors.replaced_same_connector(old, new) and is_used(users, old):
            old, new = new, old
        undeletable = UndeletableCheck(run.client, users).first_undeletable(old, new)
        if undeletable is not None:
            other = new if undeletable is old else old
            run.warn(
                f"Connector {undeletable.id}, which {other.id} supersedes, remains: the server does not delete it yet."
            )
            return undeletable
        if not run.check_mode and not is_used(users, new):
            self._wait_for_progress(old, new)
            for doc in (old, new):
                if Connector.get(run.client, doc.id) is None:
                    return doc
            users = models.using_connectors(run.client, [new.id, old.id])
        if is_used(users, new) or keep_new:
            return self._roll_forward(old, new, users, keep_new=keep_new)
        run.perform("undo_swap", Connector.LABEL, new.name, partial(delete_unused, run, new.id), id=new.id)
        return new

    def _wait_for_progress(self, old: Doc, new: Doc) -> None:
        """Give another controller time to continue: the swap may have just started rather than been interrupted."""
        client = self._run.client
        with suppress(WaitTimeout):
            self._run.wait_until(
                lambda: (
                    Connector.get(client, new.id) and Connector.get(client, old.id),
                    models.using_connectors(client, [new.id, old.id]),
                ),
                lambda seen: seen[0] is None or is_used(seen[1], new),
                what=f"the swap of connector {old.id} to go on",
                describe=lambda seen: "no progress",
                timeout=STALLED_AFTER,
            )

    def _roll_forward(self, old: Doc, new: Doc, users: list[Doc], *, keep_new: bool) -> Doc:
        """Move all models to the new connector and delete the old one. Returns the connector that was deleted, which is the
        new one if the probe fails."""
        run = self._run
        moving = [model for model in users if model.source.get("connector_id") == old.id]
        # Roll back only a direct pair. A connector that has replaced others or several has passed its probe and stays.
        may_roll_back = replaces(new, old) and not keep_new
        finish = partial(self._take_over, old, new, users if may_roll_back else moving, keep_new=not may_roll_back)
        ids = [model.id for model in moving]
        try:
            run.perform("finish_swap", Connector.LABEL, old.name, finish, id=old.id, kept_id=new.id, models=ids)
        except _RolledBack as failure:
            if not may_roll_back:
                raise
            # The desired fields of this task may be the repair: it goes on from the old connector.
            run.warn(f"An interrupted change was rolled back. {failure.message}")
            run.perform("undo_swap", Connector.LABEL, new.name, _done_already, id=new.id)
            return new
        return old

    def _take_over(self, old: Doc, new: Doc, users: list[Doc], *, keep_new: bool) -> None:
        """Point all users at the new connector, probe it, delete the old one.

        On failure everything is rolled back and :class:`_RolledBack` raised; with ``keep_new`` the new connector stays.
        """
        moved = [model for model in users if model.source.get("connector_id") == new.id]
        try:
            self._move_and_probe(new, users, moved)
        except Failure as failure:
            self._roll_back(failure, old, new, moved, keep_new=keep_new)
        self._delete_if_possible(old.id)

    def _move_and_probe(self, new: Doc, users: list[Doc], moved: list[Doc]) -> None:
        """Point the users at the new connector, each of which is added to ``moved`` before, and probe one live model."""
        deleted = []
        for model in [model for model in users if model not in moved]:
            moved.append(model)
            if not self._point(model, new):
                deleted.append(model)
        live = [model for model in users if models.state_of(model) in models.LIVE and model not in deleted]
        if live and self._probe:
            predict.predict_with_retries(
                self._run,
                predict.Question(live[0].id, self._probe, self._timeout),
                predict.Expectation(content=False),
                retry_for=min(self._timeout, PROBE_PATIENCE),
            )
        if Connector.get(self._run.client, new.id) is None:
            raise Failure("concurrent_change", f"Another controller has deleted the new connector {new.id}.")

    def _roll_back(self, failure: Failure, old: Doc, new: Doc, moved: list[Doc], *, keep_new: bool) -> NoReturn:
        """Point the moved models at the old connector and delete the new one. Raises :class:`_RolledBack`, or the failure
        itself if that fails as well."""
        try:
            for model in moved:
                self._point(model, old)
            if moved and Connector.get(self._run.client, old.id) is None:
                # Checked only now: once a model names the old connector again, no other controller can delete it.
                for model in moved:
                    self._point(model, new)
                raise Failure(
                    "concurrent_change", f"another controller has deleted it, and models use the new connector {new.id}"
                )
            if not keep_new:
                self._delete_if_possible(new.id)
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

    def _delete_if_possible(self, connector_id: str) -> None:
        """Delete a connector that no model uses any more; warn if the server refuses because it confuses ids.

        Raises Failure ``concurrent_change`` if a model uses it again.
        """
        try:
            delete_unused(self._run, connector_id)
        except Failure as failure:
            if failure.code == "connector_in_use":
                raise Failure("concurrent_change", failure.message, failure.status) from failure
            if failure.code != "connector_held":
                raise
            self._run.warn(f"A connector that was replaced remains. {failure.message}. {failure.remedy}")

    def _create(self, old: Doc, body: Mapping[str, Any]) -> tuple[Doc, list[Doc]]:
        """The new connector, and those that were created and discarded.

        Of two connectors whose ids share a word the server deletes neither while a model uses the other (see
        :func:`connectors.words_of`). So a new one that shares a word with the old one is discarded and another one created.
        """
        run = self._run
        # A leftover that cannot be deleted does not mean that another controller's swap is running.
        earlier = [doc for doc in Connector.all_named(run.client, old.name) if replaces(doc, old)]
        undeletable = {doc.id for doc in earlier if models.falsely_matched_users(run.client, doc.id)}

        def matches(doc: Doc) -> bool:
            distinct = not connectors.share_a_word(doc.id, [old.id])
            return replaces(doc, old) and distinct and doc.id not in undeletable

        creation = Creation(
            Connector,
            body,
            f"{Connector.PATH}/_create",
            delete_own=partial(delete_unused, run, patience=0.0),
            matches=matches,
            discriminator=old.id,
        )
        discarded: list[Doc] = []
        while True:
            try:
                new, created_here = create_once(run, creation)
            except Failure as failure:
                if failure.code not in REFUSALS:
                    raise
                created_here = False  # Its notes show the next run which connector it replaces.
            if not created_here:
                raise Failure(
                    "concurrent_change", f"Another controller is replacing connector {old.name!r} ({old.id}) right now."
                )
            if not connectors.share_a_word(new.id, [old.id]) or len(discarded) == MAX_DISCARDED:
                return new, discarded
            discarded.append(new)
            run.clock.sleep(ID_RETRY_PAUSE)


def _done_already() -> None:
    """The rollback has deleted the connector; only the journal entry is missing."""
