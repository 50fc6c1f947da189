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
from typing import Any, Dict, List, Mapping, NamedTuple, Tuple

from .._errors.exceptions import Failure
from .._kinds import agent as agents
from .._kinds import cluster_setting
from .._kinds import controller as controllers
from .._kinds import model as models
from .._kinds.agent import Agent
from .._kinds.base import MAX_NAME_LENGTH, Doc, Kind
from .._kinds.connector import resource as connectors
from .._kinds.connector.resource import Connector
from .._kinds.controller import Controller
from .._kinds.model import Model
from .._kinds.model_group import ModelGroup
from .._kinds.snapshot import Snapshot
from .._values.compare import decoded, text_of
from .._values.masking import is_literal_secret
from . import ownership_label
from .declaration import make_item
from .id_to_reference import References
from .sections import BY_OPTION

#: The access mode that the server gives to an object without one.
_DEFAULT_ACCESS_MODE = "public"

_ML_SETTINGS = "plugins.ml_commons."


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

    ``variables`` maps the variables in place of secrets to what they are for. ``left_out`` lists the objects that
    cannot be declared.
    """

    def __init__(self, snapshot: Snapshot, *, stack: str | None = None, pattern: str | None = None) -> None:
        self._snapshot = snapshot
        self.variables: dict[str, str] = {}
        self.left_out: list[LeftOut] = []
        self._stack = stack
        self._pattern = pattern
        self._group_docs, self._connector_docs = snapshot.visible(ModelGroup), snapshot.visible(Connector)
        self._models_of_cluster = snapshot.visible(Model)
        self._own_agents = agents.without_executors(snapshot.visible(Agent))
        self._connector_names = {doc.id: doc.name for doc in self._connector_docs}
        self._group_names = {doc.id: doc.name for doc in self._group_docs}
        self._references = References(self._models_of_cluster, self._own_agents, self._connector_docs)
        remote = [doc for doc in self._models_of_cluster if models.is_remote(doc)]
        self._model_obstacles = {doc.id: reason for doc in remote for reason in [self._model_obstacle(doc)] if reason}
        for model_id in self._model_obstacles:
            self._references.exclude(model_id)
        # Another cluster may have the same local model, so what uses it can be declared.
        for doc in self._models_of_cluster:
            if not models.is_remote(doc):
                self._model_obstacles[doc.id] = "It is a local model, and the module ml_model manages remote ones."
        self._agent_obstacles = self._find_agent_obstacles()

    def section(self, option: str) -> list[dict[str, Any]]:
        """The items of one section. Adds to ``variables`` and ``left_out``."""
        return [
            item
            for object_id, item in getattr(self, f"_{option}")()
            if self._is_declarable(option, str(item.get("name") or item.get("model")), object_id, item)
        ]

    def _is_declarable(self, option: str, name: str, object_id: str, item: dict[str, Any]) -> bool:
        """Whether a stack accepts the item. If not, the object is left out."""
        section = BY_OPTION[option]
        try:
            params = make_item(section, option, item).params
            section.module.parse(params)
            if section.kind:
                section.kind.desired(params)
        except Failure as failure:
            self.left_out.append(LeftOut(option, name, object_id, f"No stack can declare it: {failure.message}"))
            return False
        return True

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
                item: dict[str, Any] = {"settings": settings}
                if scope == "transient":
                    item["scope"] = scope
                if any(_is_catch_all(name, value) for name, value in settings.items()):
                    item["allow_catch_all"] = True
                items.append((scope, item))
        return items

    def _model_groups(self) -> Items:
        items = []
        for doc in self._exportable("model_groups", self._group_docs):
            fields = ModelGroup.observed(doc.source)
            items.append(
                (doc.id, {"name": doc.name, **_description(doc), **_access(fields), **_extra(ModelGroup, doc.source)})
            )
        return items

    def _connectors(self) -> Items:
        return [(doc.id, self._connector(doc)) for doc in self._exportable("connectors", self._connector_docs)]

    def _connector(self, doc: Doc) -> dict[str, Any]:
        fields = Connector.observed(doc.source)
        item: dict[str, Any] = {"name": doc.name, **_description(doc)}
        for name in ("version", "protocol", "url"):
            if fields.get(name) is not None:
                item[name] = fields[name]
        item["parameters"] = decoded(fields["parameters"])
        if fields.get("headers"):
            item["mcp_headers"] = self._headers(doc.name, fields["headers"])
        if "actions" in fields:
            item["actions"] = [self._action(doc.name, action) for action in fields["actions"]]
        config = Connector.for_display({"client_config": fields.get("client_config") or {}})["client_config"]
        config = {name: value for name, value in config.items() if value is not None}
        # The default configuration is left out: the module applies it to a connector for which the server has none.
        if config and config != connectors.CLIENT_CONFIG:
            item["client_config"] = config
        keys = dict.fromkeys(connectors.declared_keys(fields))
        if fields.get("protocol") == "aws_sigv4":
            keys = {"access_key": None, "secret_key": None, **keys}
        if keys:
            item["credential"] = {key: self._variable(doc.name, key) for key in keys}
        return {**Connector.to_options(item), **_access(fields), **_extra(Connector, doc.source)}

    def _action(self, name: str, action: Mapping[str, Any]) -> dict[str, Any]:
        headers = {"headers": self._headers(name, action["headers"])} if action.get("headers") else {}
        return {**action, **headers}

    def _headers(self, name: str, headers: Mapping[str, Any]) -> dict[str, Any]:
        return {
            header: self._variable(name, header) if is_literal_secret(str(header), text_of(value)) else value
            for header, value in headers.items()
        }

    def _variable(self, name: str, key: str) -> str:
        """The template of a variable in place of a secret, which cannot be read from the server."""
        base = re.sub(r"[^a-z0-9]+", "_", f"{name}_{key}".lower()).strip("_")
        base = base if base[:1].isalpha() else f"v_{base}"
        variable, number, purpose = base, 2, f"{name}: {key}"
        while self.variables.get(variable, purpose) != purpose:
            variable, number = f"{base}_{number}", number + 1
        self.variables[variable] = purpose
        return f"{{{{ {variable} }}}}"

    def _models(self) -> Items:
        docs = self._exportable("models", self._models_of_cluster, self._model_obstacles)
        return [(doc.id, self._model(doc)) for doc in docs]

    def _model_obstacle(self, doc: Doc) -> str | None:
        """Why a model cannot be declared; None if it can. Does not check whether its name is unique."""
        name = self._connector_names.get(str(doc.source.get("connector_id")))
        if name is None:
            inline = doc.source.get("connector") and not doc.source.get("connector_id")
            return "It carries its connector inside it." if inline else "Its connector is gone."
        times = list(self._connector_names.values()).count(name)
        if times > 1:
            return f"It uses connector {name!r}, which is one of {times} of this name."
        sides = (doc.source.get("guardrails") or {}).values()
        if any(isinstance(side, Mapping) and side.get("model_id") for side in sides):
            return "Its guardrails name a model by its id."
        return None

    def _model(self, doc: Doc) -> dict[str, Any]:
        group = self._group_names.get(str(doc.source.get("model_group_id")))
        observed = Model.observed(doc.source)
        if "interface" in observed:
            observed["interface"] = decoded(observed["interface"])
        options = ("is_enabled", "rate_limiter", "guardrails", "interface", "deploy_setting", "model_config")
        fields = {name: observed[name] for name in options if name in observed}
        if fields.get("is_enabled") is not False:
            fields.pop("is_enabled", None)
        return {
            "name": doc.name,
            **_description(doc),
            "connector": self._connector_names[doc.source["connector_id"]],
            **({"model_group": group} if group else {}),
            **Model.to_options({name: value for name, value in fields.items() if value not in ({}, None)}),
            **_extra(Model, doc.source),
            # Where the model is created again, 'undeployed' also fits one that was never deployed or failed to deploy.
            "state": "deployed" if _is_deployed(doc) else "undeployed",
        }

    def _controllers(self) -> Items:
        limited = [doc for doc in self._models_of_cluster if doc.source.get("is_controller_enabled")]
        items = []
        for doc in self._exportable("controllers", limited, self._controller_obstacles()):
            found = self._snapshot.get(Controller, doc.id)
            if found:
                item = {"model": doc.name, "user_rate_limiter": controllers.limits_of(found)}
                items.append((doc.id, {**item, **_extra(Controller, found.source)}))
        return items

    def _controller_obstacles(self) -> dict[str, str]:
        """Why limits cannot be declared, by the ids of their models."""
        times = Counter(doc.name for doc in self._models_of_cluster)
        left_out = [doc for doc in self._models_of_cluster if doc.id in self._model_obstacles or times[doc.name] > 1]
        return {doc.id: "Its model is left out." for doc in left_out}

    def _agents(self) -> Items:
        docs = self._exportable("agents", self._own_agents, self._agent_obstacles)
        return [(doc.id, self._agent(doc)) for doc in docs]

    def _agent(self, doc: Doc) -> dict[str, Any]:
        fields = _agent_fields(doc)
        options = {name: fields[name] for name in fields if name in Agent.FIELDS}
        with_ids = {**Agent.to_options(options), **_extra(Agent, fields)}
        return {"name": doc.name, **_description(doc), **self._references.replace_ids(with_ids)}

    def _agent_obstacle(self, doc: Doc) -> str | None:
        if doc.source.get("model"):
            return "It was registered with a 'model', whose credential cannot be read from the server."
        return self._references.obstacle(_agent_fields(doc))

    def _find_agent_obstacles(self) -> dict[str, str]:
        """Why agents cannot be declared, by their ids. An agent that uses such an agent cannot be declared either."""
        found: dict[str, str] = {}
        while True:
            more = {
                doc.id: reason
                for doc in self._own_agents
                if doc.id not in found
                for reason in [self._agent_obstacle(doc)]
                if reason
            }
            if not more:
                return found
            found.update(more)
            for agent_id in more:
                self._references.exclude(agent_id)

    def _pipelines(self) -> Items:
        items = []
        for (type_, name), body in self._snapshot.pipelines().items():
            if not self._is_selected(name, body.get("description")):
                continue
            reason = self._references.obstacle(body)
            if reason:
                self.left_out.append(LeftOut("pipelines", name, f"{type_}/{name}", reason))
                continue
            definition = self._references.replace_ids(_without_label(body))
            items.append((f"{type_}/{name}", {"name": name, "type": type_, "definition": definition}))
        return items

    def _exportable(self, section: str, docs: list[Doc], obstacles: Mapping[str, str] | None = None) -> list[Doc]:
        """The selected objects that can be declared. The others are added to ``left_out``."""
        times = Counter(doc.name for doc in docs)
        exportable = []
        for doc in docs:
            if not self._is_selected(doc.name, doc.source.get("description")):
                continue
            reason = f"{times[doc.name]} have this name." if times[doc.name] > 1 else (obstacles or {}).get(doc.id)
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


def _agent_fields(doc: Doc) -> dict[str, Any]:
    """The fields of an agent without its name and description, with those that have no option."""
    fields = copy.deepcopy(Agent.observed(doc.source, dict.fromkeys(Agent.extra_names(doc.source))))
    for holder in (fields, fields.get("llm") or {}, *fields["tools"]):
        holder.update({name: decoded(holder[name]) for name in agents.TEXT_FIELDS if name in holder})
    return {
        name: value
        for name, value in fields.items()
        if name not in ("name", "description") and value not in ({}, [], None)
    }


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
