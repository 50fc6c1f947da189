# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Finds the objects that are on the cluster and not declared, and keeps those that are still used."""

from __future__ import annotations

from typing import Any, Callable, Iterable, Mapping

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from .._errors.exceptions import Failure
from .._http.client import Client
from .._kinds import agent as agents
from .._kinds import model as models
from .._kinds.agent import Agent
from .._kinds.base import Doc, Kind
from .._kinds.connector.resource import Connector
from .._kinds.memory_container import MemoryContainer
from .._kinds.model import Model
from .._kinds.model_group import ModelGroup
from .._kinds.snapshot import Snapshot
from .._operations.uses import texts_with_ids
from . import ownership_label
from .declaration import Declaration, Item
from .sections import BY_OPTION

#: The kinds that can be pruned, each before the kinds that it uses.
_KINDS: tuple[tuple[str, type[Kind]], ...] = (
    ("agents", Agent), ("memory_containers", MemoryContainer), ("models", Model), ("connectors", Connector),
    ("model_groups", ModelGroup),
)  # fmt: skip


class Pruner:
    """Returns the items that delete what is not declared: of one stack (:meth:`managed`), or of whole sections
    (:meth:`all`).

    An object counts as used by what is on the cluster after everything declared is applied: ``predicted``.
    """

    def __init__(self, snapshot: Snapshot, predicted: Snapshot, declaration: Declaration) -> None:
        self._snapshot = snapshot
        self._predicted = predicted
        self._declared = declaration.by_key
        dependencies = [each for item in declaration for each in item.dependencies()]
        self._required = {(each.section, each.reference) for each in dependencies if each.required}
        self._texts = list(texts_with_ids(predicted))
        #: The executors that the server created for agents, with which it deletes them, by their ids.
        self._owners = agents.owners_of_executors(predicted.all(Agent))
        self.warnings: list[str] = []

    def managed(self, stack: str) -> list[Item]:
        """Objects that an earlier run of this stack created and that are no longer declared."""

        def belongs_to_stack(body: Mapping[str, Any]) -> bool:
            return ownership_label.owner(str(body.get("description") or "")) == stack

        found = {
            option: [doc for doc in self._snapshot.all(kind) if belongs_to_stack(doc.source)] for option, kind in _KINDS
        }
        return self._items(found, belongs_to_stack)

    def all(self, sections: Iterable[str]) -> list[Item]:
        """All objects of these sections that are not declared; of the models, only the remote ones."""
        included = set(sections)
        found = {
            option: [doc for doc in self._snapshot.visible(kind) if kind is not Model or models.is_remote(doc)]
            for option, kind in _KINDS
            if option in included
        }
        return self._items(found, lambda body: "pipelines" in included)

    def _items(
        self, found: Mapping[str, list[Doc]], is_prunable_pipeline: Callable[[Mapping[str, Any]], bool]
    ) -> list[Item]:
        pruned_pipelines = [
            (type_, name)
            for (type_, name), body in self._snapshot.pipelines().items()
            if is_prunable_pipeline(body) and ("pipelines", f"{type_}/{name}") not in self._declared
        ]
        surplus = {
            option: [doc for doc in docs if (option, doc.name) not in self._declared and doc.id not in self._owners]
            for option, docs in found.items()
        }
        self._keep_used(surplus, {f"{type_}/{name}" for type_, name in pruned_pipelines})
        return [
            *(
                _absent_item("pipelines", f"{type_}/{name}", {"type": type_, "name": name})
                for type_, name in pruned_pipelines
            ),
            *(_object_item(option, doc) for option, docs in surplus.items() for doc in docs),
        ]

    def _keep_used(self, surplus: dict[str, list[Doc]], pruned: set[str]) -> None:
        """Remove from the surplus what is used by anything that stays. ``pruned`` are the ids of the pruned pipelines."""
        pruned |= {doc.id for docs in surplus.values() for doc in docs}
        kept = True
        while kept:
            kept = False
            for option, doc in [(option, doc) for option, docs in surplus.items() for doc in docs]:
                reason = self._reason_to_keep(option, doc, pruned)
                if reason is not None:
                    kept = True
                    surplus[option].remove(doc)
                    pruned.remove(doc.id)
                    # A group that was created for a model is pruned and kept together with the model.
                    if option != "model_groups":
                        self.warnings.append(f"{option}: {doc.name!r} ({doc.id}) is kept, as {reason}.")

    def _reason_to_keep(self, option: str, doc: Doc, pruned: set[str]) -> str | None:
        """Why an object is kept; None if nothing that stays uses it."""
        if not self._required.isdisjoint([(option, doc.name), (option, doc.id)]):
            return "an agent, a pipeline or a model uses it"
        for user, text in self._texts:
            owner = self._owners.get(user.id)
            if doc.id in text and user.id != doc.id and (owner.id if owner else user.id) not in pruned:
                return "an agent, a pipeline or a model uses it"
        field = {"connectors": "connector_id", "model_groups": "model_group_id"}.get(option)
        users = self._predicted.find(Model, [(field, doc.id)]) if field else []
        return next((f"model {user.name!r} uses it" for user in users if user.id not in pruned), None)


def check_confirmation(client: Client, given: str | None) -> None:
    """Raises Failure unless ``given`` is the cluster's name."""
    body = client.get("/").body
    name = str(body.get("cluster_name")) if isinstance(body, dict) else ""
    if given != name:
        raise Failure(
            "prune_unconfirmed",
            "'prune: all' deletes everything that is not declared; "
            f"prune_confirm is {given!r}, the cluster's name {name!r}.",
        )


def _object_item(option: str, doc: Doc) -> Item:
    named = {"name": doc.name} if option == "models" else {}
    return _absent_item(option, doc.name, {BY_OPTION[option].by_id: doc.id, **named})


def _absent_item(option: str, name: str, given: Mapping[str, Any]) -> Item:
    section = BY_OPTION[option]
    outcome = ArgumentSpecValidator(dict(section.spec)).validate({**given, "state": "absent"})
    return Item(section, "prune", name, outcome.validated_parameters)
