# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What is on the cluster and not declared: which of it a stack removes, and what is kept as somebody uses it."""

from __future__ import annotations

from typing import Any, Iterable, Mapping

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

#: The kinds that can be removed, users before what they use.
_KINDS: tuple[tuple[str, type[Kind]], ...] = (
    ("agents", Agent), ("models", Model), ("connectors", Connector), ("model_groups", ModelGroup),
)  # fmt: skip


class Pruner:
    """Finds what to remove: what carries the stack's mark (``managed``), or whatever the given sections do not name
    (``all``). What counts as used goes by the cluster as it is ``foreseen`` with everything declared done."""

    def __init__(self, client: Client, memory: Snapshot, foreseen: Snapshot, declaration: Declaration) -> None:
        self._client = client
        self._memory = memory
        self._foreseen = foreseen
        self._declaration = declaration
        self.warnings: list[str] = []

    def managed(self, stack: str) -> list[Item]:
        """What an earlier run of this stack made and the declaration does not name any more."""
        mark = ownership_label.marked(None, stack)

        def of_stack(description: Any) -> bool:
            return ownership_label.owner(str(description or "")) == stack

        found = {
            option: [
                doc
                for doc in kind.search(self._client, {"match_phrase": {"description": mark}})
                if of_stack(doc.source.get("description"))
            ]
            for option, kind in _KINDS
        }
        return self._items(found, lambda body: of_stack(body.get("description")))

    def all(self, sections: Iterable[str]) -> list[Item]:
        """Everything of the named sections that the declaration does not name; of models, the remote ones."""
        named = set(sections)
        found = {
            option: [doc for doc in kind.search(self._client, {"match_all": {}}) if _removable(option, doc)]
            for option, kind in _KINDS
            if option in named
        }
        return self._items(found, lambda body: "pipelines" in named)

    def _items(self, found: Mapping[str, list[Doc]], of_pipeline: Any) -> list[Item]:
        surplus = {
            option: [doc for doc in docs if (option, doc.name) not in self._declaration.by_key]
            for option, docs in found.items()
        }
        bodies = {type_: pipelines.read_all(self._client, type_) for type_ in pipelines.PATHS}
        dropped = [
            (type_, name)
            for type_, held in bodies.items()
            for name, body in held.items()
            if of_pipeline(body) and ("pipelines", f"{type_}/{name}") not in self._declaration.by_key
        ]
        staying = [
            text_of(self._as_foreseen(f"{pipelines.PATHS[type_]}/{segment(name)}", body))
            for type_, held in bodies.items()
            for name, body in held.items()
            if (type_, name) not in dropped
        ]
        self._keep_referred(surplus, staying)
        self._keep_used(surplus)
        items = [_pipeline_item(type_, name) for type_, name in dropped]
        for type_, name in dropped:
            answer = Answer(200, {name: bodies[type_][name]})
            for memory in (self._memory, self._foreseen):
                memory.answer(f"{pipelines.PATHS[type_]}/{segment(name)}", answer)
        for option, kind in _KINDS:
            for doc in surplus.get(option, []):
                for memory in (self._memory, self._foreseen):
                    memory.learn(kind.PATH, {"ids": {"values": [doc.id]}}, [doc])
                items.append(_item(option, kind, doc))
        return items

    def _keep_referred(self, surplus: dict[str, list[Doc]], staying: list[str]) -> None:
        """Take out of the surplus what is named in a text that stays: in pipelines, agents and the guardrails of models."""
        referred = ("agents", "models", "connectors")
        if not any(surplus.get(option) for option in referred):
            return
        every = Agent.search(self._client, {"match_all": {}})
        # They go with the agents for which the server made them.
        executors = agents.executors(every)
        surplus["agents"] = [doc for doc in surplus.get("agents", []) if doc.id not in executors]
        going = {doc.id for option in referred for doc in surplus.get(option, [])}
        texts = [
            *staying,
            *(
                text_of(self._as_foreseen(f"{Agent.PATH}/{segment(doc.id)}", doc.source))
                for doc in every
                if (executors[doc.id].id if doc.id in executors else doc.id) not in going
            ),
            *(_guard_of(doc) for doc in Model.search(self._client, {"match_all": {}}) if doc.id not in going),
        ]
        needed = {(need.section, need.reference) for item in self._declaration for need in item.needs() if need.must}
        # What is kept keeps what it uses in turn.
        left = [(option, doc) for option in referred for doc in surplus.get(option, [])]
        while True:
            kept = next(
                (
                    (option, doc)
                    for option, doc in left
                    if not needed.isdisjoint([(option, doc.name), (option, doc.id)])
                    or any(doc.id in text for text in texts)
                ),
                None,
            )
            if kept is None:
                return
            left.remove(kept)
            option, doc = kept
            if option != "connectors":
                texts.append(text_of(doc.source) if option == "agents" else _guard_of(doc))
            self._keep(surplus, option, doc, "an agent, a pipeline or a model uses it")

    def _keep_used(self, surplus: dict[str, list[Doc]]) -> None:
        """Take out of the surplus the connectors and groups of models that stay."""
        going = {doc.id for docs in surplus.values() for doc in docs}
        connectors = surplus.get("connectors", [])
        if connectors:
            self._learn_models(models.connector_query(doc.id for doc in connectors))
        for doc in list(connectors):
            users = [user for user in self._foreseen.having(Model.PATH, "connector_id", doc.id) if user.id not in going]
            if users:
                self._keep(surplus, "connectors", doc, f"model {users[0].name!r} uses it")
        groups = surplus.get("model_groups", [])
        if groups:
            self._learn_models({"terms": {"model_group_id": [doc.id for doc in groups]}})
        # A model's own group goes with it, and stays with it.
        surplus["model_groups"] = [
            doc
            for doc in groups
            if all(user.id in going for user in self._foreseen.having(Model.PATH, "model_group_id", doc.id))
        ]

    def _as_foreseen(self, target: str, found: Any) -> Any:
        """What is planned for an object, else what was found."""
        answer = self._foreseen.read(target)
        return found if answer is None else answer.body

    def _learn_models(self, query: Mapping[str, Any]) -> None:
        found = Model.search(self._client, query)
        for memory in (self._memory, self._foreseen):
            memory.learn(Model.PATH, query, found)

    def _keep(self, surplus: dict[str, list[Doc]], option: str, doc: Doc, why: str) -> None:
        surplus[option] = [other for other in surplus[option] if other.id != doc.id]
        self.warnings.append(f"{BY_OPTION[option].option}: {doc.name!r} ({doc.id}) is kept, as {why}.")


def confirm(client: Client, given: str | None) -> None:
    """Raises Failure unless the cluster's name was given."""
    body = client.get("/").body
    name = str(body.get("cluster_name")) if isinstance(body, dict) else ""
    if given != name:
        raise Failure(
            "prune_unconfirmed",
            f"'prune: all' removes what no declaration names; prune_confirm is {given!r}, the cluster's name {name!r}.",
        )


def _guard_of(model: Doc) -> str:
    """What tells which models guard another one."""
    return text_of(model.source.get("guardrails") or "")


def _removable(option: str, doc: Doc) -> bool:
    if doc.source.get("is_hidden"):
        return False
    return option != "models" or str(doc.source.get("algorithm")).upper() == "REMOTE"


def _item(option: str, kind: type[Kind], doc: Doc) -> Item:
    section = BY_OPTION[option]
    given = {section.by_id: doc.id, "state": "absent", **({"name": doc.name} if option == "models" else {})}
    options = ArgumentSpecValidator(dict(section.spec)).validate(given).validated_parameters
    return Item(section, "prune", doc.name, options)


def _pipeline_item(kind: str, name: str) -> Item:
    section = BY_OPTION["pipelines"]
    given = {"type": kind, "name": name, "state": "absent"}
    options = ArgumentSpecValidator(dict(section.spec)).validate(given).validated_parameters
    return Item(section, "prune", f"{kind}/{name}", options)
