# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Finds the objects that are on the cluster and not declared, and keeps those that are still used."""

from __future__ import annotations

from typing import Any, Callable, Iterable, Mapping

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from .._errors.exceptions import Failure
from .._http.client import Answer, Client, segment
from .._kinds import agent as agents
from .._kinds import model as models
from .._kinds import pipeline as pipelines
from .._kinds.agent import Agent
from .._kinds.base import Doc, Kind
from .._kinds.connector.resource import Connector
from .._kinds.model import Model
from .._kinds.model_group import ModelGroup
from .._values.compare import text_of
from . import ownership_label
from .declaration import Declaration, Item
from .sections import BY_OPTION
from .snapshot import Snapshot

#: The kinds that can be pruned, each before the kinds that it uses.
_KINDS: tuple[tuple[str, type[Kind]], ...] = (
    ("agents", Agent), ("models", Model), ("connectors", Connector), ("model_groups", ModelGroup),
)  # fmt: skip

#: The sections whose objects a pipeline, an agent or a model's guardrails can refer to by id.
_REFERENCED = ("agents", "models", "connectors")


class Pruner:
    """Returns the items that delete what is not declared: of one stack (:meth:`managed`), or of whole sections
    (:meth:`all`).

    An object counts as used by what is on the cluster after everything declared is applied: ``predicted``.
    """

    def __init__(self, client: Client, snapshot: Snapshot, predicted: Snapshot, declaration: Declaration) -> None:
        self._client = client
        self._predicted = predicted
        self._snapshots = (snapshot, predicted)
        self._declaration = declaration
        self.warnings: list[str] = []

    def managed(self, stack: str) -> list[Item]:
        """Objects that an earlier run of this stack created and that are no longer declared."""
        label = ownership_label.add_label(None, stack)

        def belongs_to_stack(body: Mapping[str, Any]) -> bool:
            return ownership_label.owner(str(body.get("description") or "")) == stack

        found = {
            option: [
                doc
                for doc in kind.search(self._client, {"match_phrase": {"description": label}})
                if belongs_to_stack(doc.source)
            ]
            for option, kind in _KINDS
        }
        return self._items(found, belongs_to_stack)

    def all(self, sections: Iterable[str]) -> list[Item]:
        """All objects of these sections that are not declared; of the models, only the remote ones."""
        included = set(sections)
        found = {
            option: [doc for doc in kind.search(self._client, {"match_all": {}}) if _is_prunable(option, doc)]
            for option, kind in _KINDS
            if option in included
        }
        return self._items(found, lambda body: "pipelines" in included)

    def _items(
        self, found: Mapping[str, list[Doc]], is_prunable_pipeline: Callable[[Mapping[str, Any]], bool]
    ) -> list[Item]:
        declared = self._declaration.by_key
        surplus = {
            option: [doc for doc in docs if (option, doc.name) not in declared] for option, docs in found.items()
        }
        bodies = {
            (type_, name): body
            for type_ in pipelines.PATHS
            for name, body in pipelines.read_all(self._client, type_).items()
        }
        pruned_pipelines = [
            (type_, name)
            for (type_, name), body in bodies.items()
            if is_prunable_pipeline(body) and ("pipelines", f"{type_}/{name}") not in declared
        ]
        kept_pipelines = [
            text_of(self._as_predicted(_pipeline_target(*key), body))
            for key, body in bodies.items()
            if key not in pruned_pipelines
        ]
        self._keep_referenced(surplus, kept_pipelines)
        self._keep_used(surplus)
        items = []
        for type_, name in pruned_pipelines:
            items.append(_absent_item("pipelines", f"{type_}/{name}", {"type": type_, "name": name}))
            for snapshot in self._snapshots:
                snapshot.put_answer(_pipeline_target(type_, name), Answer(200, {name: bodies[type_, name]}))
        for option, kind in _KINDS:
            for doc in surplus.get(option, []):
                items.append(_object_item(option, doc))
                for snapshot in self._snapshots:
                    snapshot.add_found(kind.PATH, {"ids": {"values": [doc.id]}}, [doc])
        return items

    def _keep_referenced(self, surplus: dict[str, list[Doc]], kept_texts: list[str]) -> None:
        """Keep objects whose id is in a pipeline, an agent or the guardrails of a model that stays.

        ``kept_texts`` are the texts of the pipelines that stay.
        """
        if not any(surplus.get(option) for option in _REFERENCED):
            return
        all_agents = Agent.search(self._client, {"match_all": {}})
        # The server deletes them with the agents for which it created them.
        executors = agents.owners_of_executors(all_agents)
        surplus["agents"] = [doc for doc in surplus.get("agents", []) if doc.id not in executors]
        pruned = {doc.id for option in _REFERENCED for doc in surplus.get(option, [])}
        texts = [
            *kept_texts,
            *(
                text_of(self._as_predicted(f"{Agent.PATH}/{segment(doc.id)}", doc.source))
                for doc in all_agents
                if (executors[doc.id].id if doc.id in executors else doc.id) not in pruned
            ),
            *(_guardrails(doc) for doc in Model.search(self._client, {"match_all": {}}) if doc.id not in pruned),
        ]
        self._keep_named_in(surplus, texts)

    def _keep_named_in(self, surplus: dict[str, list[Doc]], texts: list[str]) -> None:
        """Keep objects that a declared item requires or whose id is in one of the texts, and what these objects use in
        turn."""
        required = {
            (each.section, each.reference)
            for item in self._declaration
            for each in item.dependencies()
            if each.required
        }

        def is_used(option: str, doc: Doc) -> bool:
            return not required.isdisjoint([(option, doc.name), (option, doc.id)]) or any(
                doc.id in text for text in texts
            )

        remaining = [(option, doc) for option in _REFERENCED for doc in surplus.get(option, [])]
        while True:
            used = next(((option, doc) for option, doc in remaining if is_used(option, doc)), None)
            if used is None:
                return
            remaining.remove(used)
            option, doc = used
            if option != "connectors":
                texts.append(text_of(doc.source) if option == "agents" else _guardrails(doc))
            self._keep(surplus, option, doc, "an agent, a pipeline or a model uses it")

    def _keep_used(self, surplus: dict[str, list[Doc]]) -> None:
        """Keep the connectors and groups of models that stay."""
        pruned = {doc.id for docs in surplus.values() for doc in docs}
        connectors = surplus.get("connectors", [])
        if connectors:
            self._search_models(models.connector_query(doc.id for doc in connectors))
        for doc in list(connectors):
            users = self._predicted.find_by(Model.PATH, "connector_id", doc.id)
            staying = [user for user in users if user.id not in pruned]
            if staying:
                self._keep(surplus, "connectors", doc, f"model {staying[0].name!r} uses it")
        groups = surplus.get("model_groups", [])
        if groups:
            self._search_models({"terms": {"model_group_id": [doc.id for doc in groups]}})
        # Without a warning: a group that was created for a model is pruned and kept together with the model.
        surplus["model_groups"] = [
            doc
            for doc in groups
            if all(user.id in pruned for user in self._predicted.find_by(Model.PATH, "model_group_id", doc.id))
        ]

    def _as_predicted(self, target: str, observed: Any) -> Any:
        """The predicted body of an object, or the observed one if no step changes it."""
        answer = self._predicted.get(target)
        return observed if answer is None else answer.body

    def _search_models(self, query: Mapping[str, Any]) -> None:
        found = Model.search(self._client, query)
        for snapshot in self._snapshots:
            snapshot.add_found(Model.PATH, query, found)

    def _keep(self, surplus: dict[str, list[Doc]], option: str, doc: Doc, reason: str) -> None:
        surplus[option] = [other for other in surplus[option] if other.id != doc.id]
        self.warnings.append(f"{option}: {doc.name!r} ({doc.id}) is kept, as {reason}.")


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


def _guardrails(model: Doc) -> str:
    """A model's guardrails as text, which contains the ids of the models that guard it."""
    return text_of(model.source.get("guardrails") or "")


def _is_prunable(option: str, doc: Doc) -> bool:
    if doc.source.get("is_hidden"):
        return False
    return option != "models" or str(doc.source.get("algorithm")).upper() == "REMOTE"


def _object_item(option: str, doc: Doc) -> Item:
    named = {"name": doc.name} if option == "models" else {}
    return _absent_item(option, doc.name, {BY_OPTION[option].by_id: doc.id, **named})


def _absent_item(option: str, name: str, given: Mapping[str, Any]) -> Item:
    section = BY_OPTION[option]
    outcome = ArgumentSpecValidator(dict(section.spec)).validate({**given, "state": "absent"})
    return Item(section, "prune", name, outcome.validated_parameters)


def _pipeline_target(type_: str, name: str) -> str:
    return f"{pipelines.PATHS[type_]}/{segment(name)}"
