# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""A cluster as a declaration: what each object would have to be stated as, names in place of ids, no secrets."""

from __future__ import annotations

import re
from collections import Counter
from fnmatch import fnmatchcase
from typing import Any, Iterable, Mapping, NamedTuple

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._client import Client
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors import Failure
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._masking import is_literal_secret
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._resource import Doc, Kind
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._resources import agent as agents
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._resources import cluster_setting
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._resources import connector as connectors
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._resources import controller as controllers
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._resources import model as models
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._resources import model_group as groups
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._resources import pipeline as pipelines
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._resources.agent import Agent
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._resources.connector import Connector
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._resources.controller import Controller
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._resources.model import Model
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._resources.model_group import ModelGroup
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._stack import _marks
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._values import canonical, text_of

#: What the server gives to an object for which nothing was stated.
_OPEN = "public"

_ML_SETTINGS = "plugins.ml_commons."

#: States in which a model is stated to serve; one that failed or was never deployed is stated to be there only.
_STATES = {**dict.fromkeys(models.LIVE, "deployed"), models.UNDEPLOYED: "undeployed"}


class LeftOut(NamedTuple):
    """An object that cannot be stated, and why."""

    section: str
    name: str
    id: str
    reason: str


class Cluster(NamedTuple):
    """All objects of a cluster that a stack can declare."""

    settings: cluster_setting.Settings
    groups: list[Doc]
    connectors: list[Doc]
    models: list[Doc]
    limits: dict[str, Doc]
    agents: list[Doc]
    pipelines: dict[str, dict[str, dict[str, Any]]]

    @classmethod
    def read(cls, client: Client) -> Cluster:
        """One search for each kind, and one read for each model with limits of single users."""

        def found(kind: type[Kind]) -> list[Doc]:
            docs = [doc for doc in kind.search(client, {"match_all": {}}) if not doc.source.get("is_hidden")]
            return sorted(docs, key=lambda doc: (doc.name, doc.source.get("created_time") or 0, doc.id))

        remote = [doc for doc in found(Model) if str(doc.source.get("algorithm")).upper() == "REMOTE"]
        limited = [doc.id for doc in remote if doc.source.get("is_controller_enabled")]
        limits = {model_id: Controller.get(client, model_id) for model_id in limited}
        everything = found(Agent)
        made = {agents.executor_of(doc): f"{doc.name} (ReAct)" for doc in everything}
        return cls(
            cluster_setting.read(client),
            found(ModelGroup),
            found(Connector),
            remote,
            {model_id: held for model_id, held in limits.items() if held},
            [doc for doc in everything if made.get(doc.id) != doc.name],
            {type_: pipelines.read_all(client, type_) for type_ in pipelines.PATHS},
        )


class Exporter:
    """Makes a declaration of what ``wanted`` tells of names and marks. ``variables`` are those that stand for secrets,
    ``left_out`` is what could not be stated."""

    def __init__(self, cluster: Cluster, *, stack: str | None = None, pattern: str | None = None) -> None:
        self.cluster = cluster
        self.variables: dict[str, str] = {}
        self.left_out: list[LeftOut] = []
        self._stack = stack
        self._pattern = pattern
        self._named = {
            Connector: {doc.id: doc.name for doc in cluster.connectors},
            ModelGroup: {doc.id: doc.name for doc in cluster.groups},
        }
        self._references = {doc.id: f"${{model:{doc.name}}}" for doc in cluster.models}
        self._references.update((doc.id, f"${{agent:{doc.name}}}") for doc in cluster.agents)

    def section(self, option: str) -> list[dict[str, Any]]:
        """The items of one section."""
        items: list[dict[str, Any]] = getattr(self, f"_{option}")()
        return items

    def _settings(self) -> list[dict[str, Any]]:
        items = []
        for scope in ("persistent", "transient"):
            held = {
                name: value
                for name, value in sorted(self.cluster.settings.scope(scope).items())
                if name.startswith(_ML_SETTINGS)
            }
            if held and self._stack is None:
                open_ = {"allow_catch_all": True} if any(_catches_all(name, held[name]) for name in held) else {}
                items.append({"settings": held, **({"scope": scope} if scope == "transient" else {}), **open_})
        return items

    def _model_groups(self) -> list[dict[str, Any]]:
        items = []
        for doc in self._unique("model_groups", self.cluster.groups):
            fields = groups.stored(doc.source)
            items.append({"name": doc.name, **_described(doc), **_access(fields)})
        return items

    def _connectors(self) -> list[dict[str, Any]]:
        return [self._connector(doc) for doc in self._unique("connectors", self.cluster.connectors)]

    def _connector(self, doc: Doc) -> dict[str, Any]:
        fields = connectors.stored(doc.source)
        item: dict[str, Any] = {"name": doc.name, **_described(doc)}
        for name in ("version", "protocol", "url"):
            if fields.get(name) is not None:
                item[name] = fields[name]
        item["parameters"] = {name: canonical(value) for name, value in fields["parameters"].items()}
        if fields.get("headers"):
            item["mcp_headers"] = self._headers(doc.name, fields["headers"])
        if "actions" in fields:
            item["actions"] = [
                {**action, **({"headers": self._headers(doc.name, action["headers"])} if action.get("headers") else {})}
                for action in fields["actions"]
            ]
        if fields.get("client_config"):
            config = connectors.shown({"client_config": fields["client_config"]})["client_config"]
            item["client_config"] = {name: value for name, value in config.items() if value is not None}
        keys = {name: None for kind, name, _default in connectors.placeholders(fields) if kind == "credential"}
        if fields.get("protocol") == "aws_sigv4":
            keys = {"access_key": None, "secret_key": None, **keys}
        if keys:
            item["credential"] = {key: self._variable(doc.name, key) for key in keys}
        return {**item, **_access(fields)}

    def _headers(self, name: str, headers: Mapping[str, Any]) -> dict[str, Any]:
        return {
            header: self._variable(name, header) if is_literal_secret(str(header), text_of(value)) else value
            for header, value in headers.items()
        }

    def _variable(self, name: str, key: str) -> str:
        """A variable in the place of a secret, which nobody can read back."""
        plain = re.sub(r"[^a-z0-9]+", "_", f"{name}_{key}".lower()).strip("_")
        plain = plain if plain[:1].isalpha() else f"v_{plain}"
        variable, number = plain, 2
        while self.variables.get(variable, f"{name}: {key}") != f"{name}: {key}":
            variable, number = f"{plain}_{number}", number + 1
        self.variables[variable] = f"{name}: {key}"
        return f"{{{{ {variable} }}}}"

    def _models(self) -> list[dict[str, Any]]:
        return [item for doc in self._unique("models", self.cluster.models) for item in self._model(doc)]

    def _model(self, doc: Doc) -> list[dict[str, Any]]:
        connector = self._named[Connector].get(str(doc.source.get("connector_id")))
        if connector is None:
            inline = doc.source.get("connector") and not doc.source.get("connector_id")
            self._leave("models", doc, "It carries its connector inside it." if inline else "Its connector is gone.")
            return []
        group = self._named[ModelGroup].get(str(doc.source.get("model_group_id")))
        fields = models.shown(doc.source, ("is_enabled", "rate_limiter", "guardrails", "interface", "deploy_setting"))
        if fields.get("is_enabled") is not False:
            fields.pop("is_enabled", None)
        return [
            {
                "name": doc.name,
                **_described(doc),
                "connector": connector,
                **({"model_group": group} if group else {}),
                **{name: value for name, value in fields.items() if value not in ({}, None)},
                "state": _STATES.get(models.state_of(doc), "present"),
            }
        ]

    def _controllers(self) -> list[dict[str, Any]]:
        return [
            {"model": doc.name, "user_rate_limiter": controllers.limits_of(self.cluster.limits[doc.id])}
            for doc in self._unique("models", self.cluster.models, told=False)
            if doc.id in self.cluster.limits
        ]

    def _agents(self) -> list[dict[str, Any]]:
        items = []
        for doc in self._unique("agents", self.cluster.agents):
            fields = {
                name: value
                for name, value in agents.shown(agents.stored(doc.source)).items()
                if name not in ("name", "description") and value not in ({}, [], None)
            }
            items.append({"name": doc.name, **_described(doc), **self._by_name(fields)})
        return items

    def _pipelines(self) -> list[dict[str, Any]]:
        return [
            {"name": name, "type": type_, "definition": self._by_name(_unmarked(body))}
            for type_, held in self.cluster.pipelines.items()
            for name, body in sorted(held.items())
            if self._wanted(name, body.get("description"))
        ]

    def _by_name(self, value: Any) -> Any:
        """The value with references in the place of the ids of models and agents, at any depth."""
        if isinstance(value, str):
            for object_id, reference in self._references.items():
                value = value.replace(object_id, reference)
            return value
        if isinstance(value, dict):
            return {name: self._by_name(each) for name, each in value.items()}
        return [self._by_name(each) for each in value] if isinstance(value, list) else value

    def _unique(self, section: str, docs: Iterable[Doc], *, told: bool = True) -> list[Doc]:
        docs = list(docs)
        times = Counter(doc.name for doc in docs)
        wanted = [doc for doc in docs if self._wanted(doc.name, doc.source.get("description"))]
        for doc in [doc for doc in wanted if times[doc.name] > 1 and told]:
            self._leave(section, doc, f"{times[doc.name]} have this name.")
        return [doc for doc in wanted if times[doc.name] == 1]

    def _wanted(self, name: str, description: Any) -> bool:
        if self._stack is not None and _marks.owner(str(description or "")) != self._stack:
            return False
        return self._pattern is None or fnmatchcase(name, self._pattern)

    def _leave(self, section: str, doc: Doc, reason: str) -> None:
        self.left_out.append(LeftOut(section, doc.name, doc.id, reason))


def _catches_all(name: str, value: Any) -> bool:
    try:
        cluster_setting.check(name, value, allow_catch_all=False)
    except Failure as failure:
        return failure.code == "catch_all_refused"
    return False


def _described(doc: Doc) -> dict[str, str]:
    description = _marks.unmarked(doc.source.get("description"))
    return {"description": description} if description else {}


def _unmarked(body: Mapping[str, Any]) -> dict[str, Any]:
    """A pipeline's body as it was stated; the mark may be all of its description."""
    described = _marks.unmarked(body.get("description"))
    if _marks.owner(body.get("description")) and not described:
        return {name: value for name, value in body.items() if name != "description"}
    return {**body, **({"description": described} if "description" in body else {})}


def _access(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Who may use the object, unless everybody may."""
    if fields.get("access_mode") in (None, _OPEN):
        return {}
    return {name: fields[name] for name in ("access_mode", "backend_roles") if fields.get(name)}
