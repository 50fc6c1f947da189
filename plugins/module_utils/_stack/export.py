# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""A cluster as a declaration: what each object would have to be stated as, names in place of ids, no secrets."""

from __future__ import annotations

import re
from collections import Counter
from fnmatch import fnmatchcase
from typing import Any, Mapping, NamedTuple

from .._errors.exceptions import Failure
from .._kinds import agent as agents
from .._kinds import cluster_setting
from .._kinds import controller as controllers
from .._kinds import model as models
from .._kinds import model_group as groups
from .._kinds.base import Doc
from .._kinds.connector import resource as connectors
from .._values.compare import canonical, text_of
from .._values.masking import is_literal_secret
from . import ownership_label
from .id_to_reference import References
from .inventory import Cluster

#: What the server gives to an object for which nothing was stated.
_OPEN = "public"

_ML_SETTINGS = "plugins.ml_commons."


class LeftOut(NamedTuple):
    """An object that cannot be stated, and why."""

    section: str
    name: str
    id: str
    reason: str


class Exporter:
    """Makes a declaration of what ``wanted`` tells of names and marks. ``variables`` are those that stand for secrets,
    ``left_out`` is what could not be stated."""

    def __init__(self, cluster: Cluster, *, stack: str | None = None, pattern: str | None = None) -> None:
        self.cluster = cluster
        self.variables: dict[str, str] = {}
        self.left_out: list[LeftOut] = []
        self._stack = stack
        self._pattern = pattern
        self._connector_names = {doc.id: doc.name for doc in cluster.connectors}
        self._group_names = {doc.id: doc.name for doc in cluster.groups}
        everything = [*cluster.models, *cluster.local_models]
        self._references = References(everything, cluster.agents, cluster.connectors)
        self._model_obstacles = {doc.id: why for doc in cluster.models for why in [self._of_model(doc)] if why}
        for model_id in self._model_obstacles:
            self._references.leave_out(model_id)
        self._agent_obstacles = self._of_agents()

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
        for doc in self._stateable("model_groups", self.cluster.groups):
            fields = groups.observed(doc.source)
            items.append({"name": doc.name, **_described(doc), **_access(fields)})
        return items

    def _connectors(self) -> list[dict[str, Any]]:
        return [self._connector(doc) for doc in self._stateable("connectors", self.cluster.connectors)]

    def _connector(self, doc: Doc) -> dict[str, Any]:
        fields = connectors.observed(doc.source)
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
        config = connectors.for_display({"client_config": fields.get("client_config") or {}})["client_config"]
        config = {name: value for name, value in config.items() if value is not None}
        # What is stated by default; with that one is made of which the server knows none.
        if config and config != connectors.CLIENT_CONFIG:
            item["client_config"] = config
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
        docs = self._stateable("models", self.cluster.models, self._model_obstacles)
        return [self._model(doc) for doc in docs]

    def _of_model(self, doc: Doc) -> str | None:
        """Why a model cannot be stated, unless it is for its own name."""
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
        fields = models.for_display(
            doc.source, ("is_enabled", "rate_limiter", "guardrails", "interface", "deploy_setting")
        )
        if fields.get("is_enabled") is not False:
            fields.pop("is_enabled", None)
        return {
            "name": doc.name,
            **_described(doc),
            "connector": self._connector_names[doc.source["connector_id"]],
            **({"model_group": group} if group else {}),
            **{name: value for name, value in fields.items() if value not in ({}, None)},
            # Where it is made anew, one that was undeployed is as one that was never deployed, or failed to be.
            "state": "deployed" if _serves(doc) else "undeployed",
        }

    def _controllers(self) -> list[dict[str, Any]]:
        return [
            {"model": doc.name, "user_rate_limiter": controllers.limits_of(self.cluster.limits[doc.id])}
            for doc in self._stateable("models", self.cluster.models, self._model_obstacles, told=False)
            if doc.id in self.cluster.limits
        ]

    def _agents(self) -> list[dict[str, Any]]:
        docs = self._stateable("agents", self.cluster.agents, self._agent_obstacles)
        return [{"name": doc.name, **_described(doc), **self._references.by_name(_of_agent(doc))} for doc in docs]

    def _of_agents(self) -> dict[str, str]:
        """Why agents cannot be stated, by their ids; what keeps one of them back keeps those back that use it."""
        found: dict[str, str] = {}
        while True:
            more = {
                doc.id: why
                for doc in self.cluster.agents
                if doc.id not in found
                for why in [self._references.obstacle(_of_agent(doc))]
                if why
            }
            if not more:
                return found
            found.update(more)
            for agent_id in more:
                self._references.leave_out(agent_id)

    def _pipelines(self) -> list[dict[str, Any]]:
        items = []
        for type_, held in self.cluster.pipelines.items():
            for name, body in sorted(held.items()):
                if not self._wanted(name, body.get("description")):
                    continue
                why = self._references.obstacle(body)
                if why:
                    self.left_out.append(LeftOut("pipelines", name, f"{type_}/{name}", why))
                    continue
                items.append({"name": name, "type": type_, "definition": self._references.by_name(_unmarked(body))})
        return items

    def _stateable(
        self, section: str, docs: list[Doc], obstacles: Mapping[str, str] | None = None, *, told: bool = True
    ) -> list[Doc]:
        """Of the wanted objects those that can be stated."""
        times = Counter(doc.name for doc in docs)
        stateable = []
        for doc in docs:
            if not self._wanted(doc.name, doc.source.get("description")):
                continue
            why = f"{times[doc.name]} have this name." if times[doc.name] > 1 else (obstacles or {}).get(doc.id)
            if why is None:
                stateable.append(doc)
            elif told:
                self.left_out.append(LeftOut(section, doc.name, doc.id, why))
        return stateable

    def _wanted(self, name: str, description: Any) -> bool:
        if self._stack is not None and ownership_label.owner(str(description or "")) != self._stack:
            return False
        return self._pattern is None or fnmatchcase(name, self._pattern)


def _catches_all(name: str, value: Any) -> bool:
    try:
        cluster_setting.check(name, value, allow_catch_all=False)
    except Failure as failure:
        return failure.code == "catch_all_refused"
    return False


def _serves(doc: Doc) -> bool:
    """Whether a model is deployed, or will be as soon as it is asked."""
    state = models.state_of(doc)
    return state in models.LIVE or (state == models.UNDEPLOYED and models.undeployed_by_ttl(doc))


def _of_agent(doc: Doc) -> dict[str, Any]:
    """The fields of an agent beside its name and description."""
    return {
        name: value
        for name, value in agents.shown(agents.observed(doc.source)).items()
        if name not in ("name", "description") and value not in ({}, [], None)
    }


def _described(doc: Doc) -> dict[str, str]:
    description = ownership_label.unmarked(doc.source.get("description"))
    return {"description": description} if description else {}


def _unmarked(body: Mapping[str, Any]) -> dict[str, Any]:
    """A pipeline's body as it was stated; the mark may be all of its description."""
    described = ownership_label.unmarked(body.get("description"))
    if ownership_label.owner(body.get("description")) and not described:
        return {name: value for name, value in body.items() if name != "description"}
    return {**body, **({"description": described} if "description" in body else {})}


def _access(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Who may use the object, unless everybody may."""
    if fields.get("access_mode") in (None, _OPEN):
        return {}
    return {name: fields[name] for name in ("access_mode", "backend_roles") if fields.get(name)}
