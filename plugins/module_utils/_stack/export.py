# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Exports a cluster as a declaration: names in place of ids, variables in place of secrets."""

from __future__ import annotations

import copy
import re
from collections import Counter
from fnmatch import fnmatchcase
from functools import partial
from typing import Any, Dict, List, Mapping, NamedTuple, Tuple

from .._errors.exceptions import Failure
from .._kinds import agent as agents
from .._kinds import cluster_setting
from .._kinds import controller as controllers
from .._kinds import model as models
from .._kinds.agent import Agent
from .._kinds.base import MAX_NAME_LENGTH, Doc, Kind, supersedes
from .._kinds.connector import resource as connectors
from .._kinds.connector.resource import Connector
from .._kinds.controller import Controller
from .._kinds.memory_container import MemoryContainer
from .._kinds.model import Model
from .._kinds.model_group import ModelGroup
from .._kinds.snapshot import Snapshot
from .._values.compare import decoded, text_of
from .._values.masking import map_secrets
from .._values.nested import map_strings
from . import ownership_label
from .declaration import make_item
from .empty_cluster import EmptyCluster
from .id_to_reference import References, used_ids
from .sections import BY_OPTION

#: The access mode that the server gives to an object without one.
_DEFAULT_ACCESS_MODE = "public"

_ML_SETTINGS = "plugins.ml_commons."

#: The template of a variable in an item.
_VARIABLE = re.compile(r"\{\{ (\w+) \}\}")


#: The items of a section, each with the id of its object.
Items = List[Tuple[str, Dict[str, Any]]]


class LeftOut(NamedTuple):
    """An object that cannot be declared, and why."""

    section: str
    name: str
    id: str
    reason: str


class Exporter:
    """Exports the objects of one stack or with names that match a pattern; all objects without either.

    ``left_out`` lists the objects that cannot be declared, or that a stack would refuse to create.
    """

    def __init__(self, snapshot: Snapshot, *, stack: str | None = None, pattern: str | None = None) -> None:
        self._snapshot = snapshot
        #: The variables in place of secrets -> what they are for, and the secret if every user may read it.
        self._variables: dict[str, tuple[str, str]] = {}
        self.left_out: list[LeftOut] = []
        self._stack = stack
        self._pattern = pattern
        self._empty = EmptyCluster(snapshot)
        self._group_docs = snapshot.visible(ModelGroup)
        self._models_of_cluster = snapshot.visible(Model)
        self._connector_docs = self._without_replaced("connectors", snapshot.visible(Connector))
        #: Another cluster may have the same ones, so what uses them can be declared.
        self._local_models = [doc for doc in self._models_of_cluster if not models.is_remote(doc)]
        self._own_agents = self._without_replaced("agents", agents.without_executors(snapshot.visible(Agent)))
        self._connector_names = {doc.id: doc.name for doc in self._connector_docs}
        self._group_names = {doc.id: doc.name for doc in self._group_docs}
        #: The models that the server has registered for agents with a 'model', and registers again with these.
        self._models_of_agents = {
            doc.id
            for agent in self._own_agents
            if agent.source.get("model")
            for doc in self._models_of_cluster
            if doc.id == _model_of(agent) and not doc.source.get("connector_id")
        }
        self._container_docs = snapshot.visible(MemoryContainer)
        self._references = References(
            {
                "model": self._models_of_cluster,
                "agent": self._own_agents,
                "connector": self._connector_docs,
                "memory_container": self._container_docs,
            }
        )
        #: Why objects cannot be declared, by their ids. What uses such an object cannot be declared either.
        self._obstacles: dict[str, str] = {}
        for option, docs in (
            ("model_groups", self._group_docs),
            ("connectors", self._connector_docs),
            ("models", self._models_of_cluster),
            ("memory_containers", self._container_docs),
            ("agents", self._own_agents),
        ):
            self._find_obstacles(option, docs)

    def section(self, option: str) -> list[dict[str, Any]]:
        """The items of one section. Adds to ``left_out``."""
        return [item for _object_id, item in getattr(self, f"_{option}")()]

    def variables_in(self, declared: Mapping[str, Any]) -> dict[str, str]:
        """The variables of these items, each with what it is for."""
        text = text_of(dict(declared))
        return {name: purpose for name, (purpose, _secret) in self._variables.items() if f"{{{{ {name} }}}}" in text}

    def _without_replaced(self, option: str, docs: list[Doc]) -> list[Doc]:
        """Those of the objects that nothing has replaced, or that are still used. Adds the others to ``left_out``."""
        users = [*self._models_of_cluster, *self._snapshot.visible(Agent)]
        used = set(used_ids([user.source for user in users]))
        kept = []
        for doc in docs:
            new = next((new.id for new in docs if supersedes(new, doc) and doc.id not in used), None)
            if new is None:
                kept.append(doc)
            elif self._is_selected(doc.name, doc.source.get("description")):
                reason = f"{new} has replaced it; a later run of its task deletes it."
                self.left_out.append(LeftOut(option, doc.name, doc.id, reason))
        return kept

    def _find_obstacles(self, option: str, docs: list[Doc]) -> None:
        """Find the objects that cannot be declared, and those that use such an object of the same kind."""
        while True:
            left = [doc for doc in docs if doc.id not in self._obstacles]
            found = [(doc, reason) for doc in left for reason in [self._obstacle(option, doc)] if reason]
            if not found:
                return
            for doc, reason in found:
                self._exclude(doc, reason)

    def _obstacle(self, option: str, doc: Doc) -> str | None:
        """Why an object cannot be declared; None if it can. Does not check whether its name is unique."""
        found: str | None = getattr(self, f"_obstacle_in_{option}")(doc)
        return found or self._refusal(option, getattr(self, f"_item_in_{option}")(doc))

    def _refusal(self, option: str, item: Mapping[str, Any]) -> str | None:
        """Why no stack can create the object of the item; None if one can."""
        try:
            filled = map_strings(item, self._with_secret)
            self._empty.plan(make_item(BY_OPTION[option], option, filled))
        except Failure as failure:
            return f"No stack can declare it: {failure.message}"
        return None

    def _with_secret(self, text: str) -> str:
        """The secret for the template of a variable, as far as it can be read; any other text as it is."""
        variable = _VARIABLE.fullmatch(text)
        return self._variables.get(variable[1], ("", ""))[1] or "filled" if variable else text

    def _exclude(self, doc: Doc, reason: str) -> None:
        self._obstacles[doc.id] = reason
        if doc not in self._local_models:
            self._references.exclude(doc.id)

    def _is_declarable(self, option: str, name: str, object_id: str, item: dict[str, Any]) -> bool:
        """Whether a stack accepts the item. If not, the object is left out."""
        reason = self._refusal(option, item)
        if reason:
            self.left_out.append(LeftOut(option, name, object_id, reason))
        return not reason

    def _settings(self) -> Items:
        items = []
        observed = self._snapshot.fact(cluster_setting.read)
        for scope in ("persistent", "transient"):
            settings = {
                name: value
                for name, value in sorted(observed.scope(scope).items())
                if name.startswith(_ML_SETTINGS) and self._stack is None
                # Each by itself, so that one does not keep the others out.
                if self._is_declarable("settings", name, scope, {"settings": {name: value}, "allow_catch_all": True})
            }
            if settings:
                item: dict[str, Any] = {"settings": self._without_secrets("cluster", settings)}
                if scope == "transient":
                    item["scope"] = scope
                if any(_is_catch_all(name, value) for name, value in settings.items()):
                    item["allow_catch_all"] = True
                items.append((scope, item))
        return items

    def _model_groups(self) -> Items:
        docs = [doc for doc in self._group_docs if not self._is_group_of_agents(doc)]
        return [(doc.id, self._item_in_model_groups(doc)) for doc in self._exportable("model_groups", docs)]

    def _is_group_of_agents(self, group: Doc) -> bool:
        """Whether the server has created the group for models that it has registered for agents."""
        if not self._models_of_agents:
            return False
        members = {doc.id for doc in self._models_of_cluster if doc.source.get("model_group_id") == group.id}
        return bool(members) and members <= self._models_of_agents

    def _obstacle_in_model_groups(self, doc: Doc) -> str | None:
        return None

    def _item_in_model_groups(self, doc: Doc) -> dict[str, Any]:
        fields = ModelGroup.observed(doc.source)
        extra = self._without_secrets(doc.name, _extra(ModelGroup, doc.source))
        return {"name": doc.name, **_description(doc), **_access(fields), **extra}

    def _connectors(self) -> Items:
        return [(doc.id, self._item_in_connectors(doc)) for doc in self._exportable("connectors", self._connector_docs)]

    def _obstacle_in_connectors(self, doc: Doc) -> str | None:
        return None

    def _item_in_connectors(self, doc: Doc) -> dict[str, Any]:
        fields = Connector.observed(doc.source)
        item: dict[str, Any] = {"name": doc.name, **_description(doc)}
        for name in ("version", "protocol", "url"):
            if fields.get(name) is not None:
                item[name] = fields[name]
        item["parameters"] = decoded(fields["parameters"])
        if fields.get("headers"):
            item["mcp_headers"] = fields["headers"]
        if "actions" in fields:
            item["actions"] = fields["actions"]
        config = Connector.for_display({"client_config": fields.get("client_config") or {}})["client_config"]
        config = {name: value for name, value in config.items() if value is not None}
        # The default configuration is left out: the module applies it to a connector for which the server has none.
        if config and config != connectors.CLIENT_CONFIG:
            item["client_config"] = config
        item = {**Connector.to_options(item), **_access(fields), **_extra(Connector, doc.source)}
        return {**self._without_secrets(doc.name, item), **self._credential(doc.name, fields)}

    def _credential(self, name: str, connector: Mapping[str, Any]) -> dict[str, Any]:
        """The option ``credential`` for a connector with these fields, with a variable for each key; empty without keys."""
        keys = connectors.declared_keys(connector)
        return {"credential": {key: self._variable(name, key) for key in keys}} if keys else {}

    def _without_secrets(self, name: str, value: dict[str, Any]) -> dict[str, Any]:
        """The options of the object of this name with variables in place of secrets that every user may read."""
        found: dict[str, Any] = map_secrets(value, partial(self._variable, name), partial(self._variable, name, "url"))
        return found

    def _variable(self, name: str, key: str, secret: str = "") -> str:
        """The template of a variable in place of a secret of the object of this name: of the ``secret``, or, without one, of a
        key of the credential, which cannot be read from the server."""
        base = re.sub(r"[^a-z0-9]+", "_", f"{name}_{key}".lower()).strip("_")
        base = base if base[:1].isalpha() else f"v_{base}"
        variable, number, meant = base, 2, (f"{name}: {key}", secret)
        while self._variables.setdefault(variable, meant) != meant:
            variable, number = f"{base}_{number}", number + 1
        return f"{{{{ {variable} }}}}"

    def _models(self) -> Items:
        docs = [doc for doc in self._models_of_cluster if doc.id not in self._models_of_agents]
        return [(doc.id, self._item_in_models(doc)) for doc in self._exportable("models", docs)]

    def _obstacle_in_models(self, doc: Doc) -> str | None:
        if doc in self._local_models:
            return "It is a local model, and the module ml_model manages remote ones."
        connector_id = str(doc.source.get("connector_id"))
        name = self._connector_names.get(connector_id)
        if name is None:
            inline = doc.source.get("connector") and not doc.source.get("connector_id")
            return "It carries its connector inside it." if inline else "Its connector is gone."
        times = list(self._connector_names.values()).count(name)
        if times > 1:
            return f"It uses connector {name!r}, which is one of {times} of this name."
        if connector_id in self._obstacles:
            return f"It uses connector {name!r}, which is left out."
        group_id = str(doc.source.get("model_group_id"))
        if group_id in self._obstacles:
            return f"It is in model group {self._group_names[group_id]!r}, which is left out."
        if self._guards_itself(doc):
            return "Its guardrails name it, directly or through other models."
        return self._references.obstacle(doc.source.get("guardrails") or {})

    def _guards_itself(self, doc: Doc) -> bool:
        """Whether the guardrails lead back to the model, so that no stack could create it."""
        if not doc.source.get("guardrails"):
            # Most models, each of which would go through all others.
            return False
        guards = {each.id: list(used_ids(each.source.get("guardrails") or {})) for each in self._models_of_cluster}
        found, waiting = set(), guards[doc.id]
        while waiting:
            found.update(waiting)
            waiting = [each for model_id in waiting for each in guards.get(model_id, []) if each not in found]
        return doc.id in found

    def _item_in_models(self, doc: Doc) -> dict[str, Any]:
        group = self._group_names.get(str(doc.source.get("model_group_id")))
        observed = Model.observed(doc.source)
        if "interface" in observed:
            observed["interface"] = decoded(observed["interface"])
        options = ("is_enabled", "rate_limiter", "guardrails", "interface", "deploy_setting", "model_config")
        fields = {name: observed[name] for name in options if name in observed}
        if fields.get("is_enabled") is not False:
            fields.pop("is_enabled", None)
        fields = Model.to_options({name: value for name, value in fields.items() if value not in ({}, None)})
        if "guardrails" in fields:
            fields["guardrails"] = self._references.replace_ids(fields["guardrails"])
        return {
            "name": doc.name,
            **_description(doc),
            "connector": self._connector_names[doc.source["connector_id"]],
            **({"model_group": group} if group else {}),
            **self._without_secrets(doc.name, {**fields, **_extra(Model, doc.source)}),
            # Where the model is created again, 'undeployed' also fits one that was never deployed or failed to deploy.
            "state": "deployed" if _is_deployed(doc) else "undeployed",
        }

    def _controllers(self) -> Items:
        limited = [doc for doc in self._models_of_cluster if doc.source.get("is_controller_enabled")]
        times = Counter(doc.name for doc in self._models_of_cluster)
        left_out = [doc for doc in self._models_of_cluster if doc.id in self._obstacles or times[doc.name] > 1]
        obstacles = {doc.id: "Its model is left out." for doc in left_out}
        items = []
        for doc in self._exportable("controllers", limited, obstacles):
            found = self._snapshot.get(Controller, doc.id)
            if found:
                extra = self._without_secrets(doc.name, _extra(Controller, found.source))
                item = {"model": doc.name, "user_rate_limiter": controllers.limits_of(found), **extra}
                if self._is_declarable("controllers", doc.name, doc.id, item):
                    items.append((doc.id, item))
        return items

    def _memory_containers(self) -> Items:
        docs = self._exportable("memory_containers", self._container_docs)
        return [(doc.id, self._item_in_memory_containers(doc)) for doc in docs]

    def _obstacle_in_memory_containers(self, doc: Doc) -> str | None:
        return self._references.obstacle(MemoryContainer.observed(doc.source)["configuration"])

    def _item_in_memory_containers(self, doc: Doc) -> dict[str, Any]:
        observed = copy.deepcopy(MemoryContainer.observed(doc.source))
        configuration = observed["configuration"]
        for strategy in configuration.get("strategies") or []:
            # The server gives others to the container of another cluster.
            strategy.pop("id", None)
        roles = {"backend_roles": observed["backend_roles"]} if observed.get("backend_roles") else {}
        options = MemoryContainer.to_options({**roles, "configuration": self._references.replace_ids(configuration)})
        fields = self._without_secrets(doc.name, {**options, **_extra(MemoryContainer, doc.source)})
        return {"name": doc.name, **_description(doc), **fields}

    def _agents(self) -> Items:
        return [(doc.id, self._item_in_agents(doc)) for doc in self._exportable("agents", self._own_agents)]

    def _item_in_agents(self, doc: Doc) -> dict[str, Any]:
        fields = self._agent_fields(doc)
        options = Agent.to_options({name: fields[name] for name in fields if name in Agent.FIELDS})
        with_ids = self._without_secrets(doc.name, {**options, **_extra(Agent, fields)})
        if "model" in with_ids:
            connector = self._connector_of_agent(doc) or {}
            with_ids["model"] = {**with_ids["model"], **self._credential(doc.name, connector)}
        return {"name": doc.name, **_description(doc), **self._references.replace_ids(with_ids)}

    def _obstacle_in_agents(self, doc: Doc) -> str | None:
        if doc.source.get("model") and not self._connector_of_agent(doc):
            return "It was registered with a 'model', and what the server registered for it is gone."
        # The id in a 'model' is the provider's.
        fields = {name: value for name, value in self._agent_fields(doc).items() if name != "model"}
        return self._references.obstacle(fields)

    def _connector_of_agent(self, doc: Doc) -> Mapping[str, Any] | None:
        """The connector that the server has created for an agent with a ``model``; None if it is gone. It shows the keys of
        the credential, which the server does not return."""
        model = self._snapshot.get(Model, _model_of(doc))
        connector = model.source.get("connector") if model else None
        return connector if isinstance(connector, Mapping) else None

    def _agent_fields(self, doc: Doc) -> dict[str, Any]:
        """The fields of an agent without its name and description, with those that have no option."""
        fields = copy.deepcopy(Agent.observed(doc.source, dict.fromkeys(Agent.extra_names(doc.source))))
        if "model" in fields:
            # The server sets these from it.
            fields.pop("llm", None)
            fields["parameters"].pop(agents.LLM_INTERFACE, None)
        for holder in (fields, fields.get("llm") or {}, *fields["tools"]):
            holder.update({name: decoded(holder[name]) for name in agents.TEXT_FIELDS if name in holder})
        return {
            name: value
            for name, value in fields.items()
            if name not in ("name", "description") and value not in ({}, [], None)
        }

    def _pipelines(self) -> Items:
        items = []
        for (type_, name), body in self._snapshot.pipelines().items():
            if not self._is_selected(name, body.get("description")):
                continue
            reason = self._references.obstacle(body)
            if reason:
                self.left_out.append(LeftOut("pipelines", name, f"{type_}/{name}", reason))
                continue
            definition = self._without_secrets(name, self._references.replace_ids(_without_label(body)))
            item = {"name": name, "type": type_, "definition": definition}
            if self._is_declarable("pipelines", name, f"{type_}/{name}", item):
                items.append((f"{type_}/{name}", item))
        return items

    def _exportable(self, section: str, docs: list[Doc], obstacles: Mapping[str, str] | None = None) -> list[Doc]:
        """The selected objects that can be declared. The others are added to ``left_out``."""
        times = Counter(doc.name for doc in docs)
        obstacles = self._obstacles if obstacles is None else obstacles
        exportable = []
        for doc in docs:
            if not self._is_selected(doc.name, doc.source.get("description")):
                continue
            reason = f"{times[doc.name]} have this name." if times[doc.name] > 1 else obstacles.get(doc.id)
            if len(doc.name) > MAX_NAME_LENGTH:
                reason = f"Its name has more than {MAX_NAME_LENGTH} characters, so that no search finds it."
            if reason is None:
                exportable.append(doc)
            else:
                self.left_out.append(LeftOut(section, doc.name, doc.id, reason))
        return exportable

    def _is_selected(self, name: str, description: Any) -> bool:
        if self._stack is not None and ownership_label.owner(str(description or "")) != self._stack:
            return False
        return self._pattern is None or fnmatchcase(name, self._pattern)


def _is_catch_all(name: str, value: Any) -> bool:
    try:
        cluster_setting.check(name, value, allow_catch_all=False)
    except Failure as failure:
        return failure.code == "catch_all_refused"
    return False


def _is_deployed(doc: Doc) -> bool:
    """Whether a model is deployed, or the server deploys it on the next request to it."""
    state = models.state_of(doc)
    return state in models.LIVE or (state == models.UNDEPLOYED and models.undeployed_by_ttl(doc))


def _model_of(agent: Doc) -> str:
    """The id of the model that an agent asks."""
    return str((agent.source.get("llm") or {}).get("model_id"))


def _description(doc: Doc) -> dict[str, str]:
    description = ownership_label.remove_label(doc.source.get("description"))
    return {"description": description} if description else {}


def _without_label(body: Mapping[str, Any]) -> dict[str, Any]:
    """A pipeline's body as it was declared. A description that consists of the label alone is left out."""
    description = ownership_label.remove_label(body.get("description"))
    if ownership_label.owner(body.get("description")) and not description:
        return {name: value for name, value in body.items() if name != "description"}
    return {**body, **({"description": description} if "description" in body else {})}


def _access(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The access options of an object that is not public."""
    if fields.get("access_mode") in (None, _DEFAULT_ACCESS_MODE):
        return {}
    return {name: fields[name] for name in ("access_mode", "backend_roles") if fields.get(name)}


def _extra(kind: type[Kind], source: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that have no option, as ``extra_fields``."""
    extra = {name: source[name] for name in kind.extra_names(source) if source[name] is not None}
    return {"extra_fields": extra} if extra else {}
