# SPDX-License-Identifier: GPL-3.0-or-later
"""Connectors of the fake cluster."""

from __future__ import annotations

import re
from typing import Any, Mapping

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.answers import Refused
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.java import java_text
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.newer_versions import (
    MUTUAL_TLS,
    VERTEX_AI,
    refused_google_cloud,
    refused_headers,
    refused_mutual_tls,
    release,
    stored_fields_of_action,
    stored_fields_of_client_config,
    stored_fields_of_connector,
)
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.search import matches
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.state import State

PROTOCOLS = ("aws_sigv4", "http", "google_cloud", "mcp_sse", "mcp_streamable_http")

CLIENT_CONFIG = {
    "max_connection": 30,
    "connection_timeout": 30000,
    "read_timeout": 30000,
    "retry_backoff_millis": 200,
    "retry_timeout_seconds": 30,
    "max_retry_times": 0,
    "retry_backoff_policy": "constant",
    "skip_ssl_verification": False,
}

ACTION_FIELDS = {
    "action_type", "name", "method", "url", "headers", "request_body", "pre_process_function", "post_process_function",
}  # fmt: skip


class Connectors(State):
    def _connectors_post_create(self, *, body: dict[str, Any], query: Any) -> dict[str, Any]:
        for field in ("name", "version", "protocol"):
            if body.get(field) is None:
                raise Refused(400, f"Connector {field} is null", "illegal_argument_exception")
        self._check_text("connector", body)
        known = [each for each in PROTOCOLS if each != "google_cloud" or release(self.version) >= (3, 9)]
        if body["protocol"] not in known:
            raise Refused(400, f"Unsupported connector protocol. Please use one of {known}")
        if not body["protocol"].startswith("mcp_"):
            if not body.get("credential"):
                raise Refused(400, "Connector credential is null or empty list", "illegal_argument_exception")
            if not body.get("actions"):
                raise Refused(400, "No actions configured for this connector", "illegal_argument_exception")
        stored = {name: body[name] for name in ("name", "description", "protocol", "url") if body.get(name) is not None}
        stored["version"] = java_text(body["version"])
        stored["parameters"] = {name: java_text(value) for name, value in (body.get("parameters") or {}).items()}
        stored["actions"] = [self._stored_action(action) for action in body.get("actions") or []]
        later = stored_fields_of_connector(self.version) | self.later_fields
        stored.update({name: body[name] for name in later & set(body)})
        if "headers" in body:
            stored["headers"] = {name: java_text(value) for name, value in body["headers"].items()}
        if "client_config" in body:
            stored["client_config"] = self._stored_config(body["client_config"])
        self._check_newer(stored)
        self._check_trusted(stored)
        object_id = self._id_for("connector", body, self.connectors)
        stored["created_time"] = stored["last_updated_time"] = self._now()
        self.connectors[object_id] = stored
        self.credentials[object_id] = {name: java_text(value) for name, value in (body.get("credential") or {}).items()}
        self._wrote(object_id)
        return {"connector_id": object_id}

    def _connector(self, object_id: str) -> dict[str, Any]:
        if object_id not in self.connectors:
            raise Refused(404, f"Failed to find connector with the provided connector id: {object_id}")
        return self.connectors[object_id]

    def _connectors_get_one(self, object_id: str, *, body: Any, query: Any) -> dict[str, Any]:
        return self._connector(object_id)

    def _connectors_put_one(self, object_id: str, *, body: dict[str, Any], query: Any) -> dict[str, Any]:
        stored = self._connector(object_id)
        users = [
            model_id
            for model_id in self._users_of(object_id)
            if self.models[model_id]["model_state"] in ("DEPLOYED", "PARTIALLY_DEPLOYED")
        ]
        if users:
            raise Refused(
                400,
                f"{len(users)} models are still using this connector, please undeploy the models first: {users}",
            )
        self._check_text("connector", body)
        new = dict(stored)
        for field in ("name", "description", "version", "protocol", "url"):
            if field in body:
                if body[field] is None:
                    raise Refused(400, "Can't get text on a VALUE_NULL", "illegal_state_exception")
                new[field] = java_text(body[field])
        if "parameters" in body:
            sent = {name: java_text(value) for name, value in body["parameters"].items()}
            new["parameters"] = {**stored["parameters"], **sent}
        if "actions" in body:
            new["actions"] = [self._stored_action(action) for action in body["actions"]]
        # A PUT does not change provisioned_by.
        new.update({name: body[name] for name in self.later_fields & set(body)})
        if "headers" in body:
            new["headers"] = {name: java_text(value) for name, value in body["headers"].items()}
        if "client_config" in body:
            new["client_config"] = self._stored_config(body["client_config"])
        self._check_newer(new)
        self._check_trusted(new)
        if body.get("credential"):
            sent = {name: java_text(value) for name, value in body["credential"].items()}
            self.credentials[object_id] = {**self.credentials[object_id], **sent}
        new["last_updated_time"] = self._now()
        self._changing(object_id, stored, self.change_lag)
        self.connectors[object_id] = new
        self._wrote(object_id)
        return {"_id": object_id, "result": "updated", "_version": self.versions[object_id]}

    def _users_of(self, connector_id: str) -> list[str]:
        """The models that the server considers users of a connector: those whose connector's id shares a word with its id."""
        query = {"match": {"connector_id": connector_id}}
        return [key for key, model in self.models.items() if matches(query, key, model)]

    def _connectors_delete_one(self, object_id: str, *, body: Any, query: Any) -> dict[str, Any]:
        users = self._users_of(object_id)
        if users:
            raise Refused(
                409,
                f"{len(users)} models are still using this connector, please delete or update the models first: {users}",
            )
        found = self.connectors.pop(object_id, None)
        self.credentials.pop(object_id, None)
        return {"_id": object_id, "result": "deleted" if found else "not_found"}

    def _connectors_post_search(self, *, body: dict[str, Any], query: Any) -> dict[str, Any]:
        return self._search(self.connectors, body)

    def _check_newer(self, connector: Mapping[str, Any]) -> None:
        """What 3.7 and later refuse in a new or changed connector."""
        for action in connector["actions"]:
            refused = refused_headers(self.version, connector["protocol"], action.get("headers"))
            if refused:
                raise Refused(400, refused, "illegal_argument_exception")
        gate = refused_mutual_tls(self.version, connector, self._effective(MUTUAL_TLS) == "true")
        gate = gate or refused_google_cloud(connector, self._effective(VERTEX_AI) == "true")
        if gate:
            raise Refused(*gate)

    def _check_trusted(self, connector: Mapping[str, Any]) -> None:
        patterns = self._effective("plugins.ml_commons.trusted_connector_endpoints_regex")
        for action in connector["actions"]:
            url = filled(action["url"], connector["parameters"])
            try:
                trusted = any(re.fullmatch(pattern, url) for pattern in patterns)
            except re.error as exc:
                raise Refused(400, str(exc), "pattern_syntax_exception")
            if not trusted:
                raise Refused(400, "Connector URL is not matching the trusted connector endpoint regex")

    def _stored_action(self, action: Mapping[str, Any]) -> dict[str, Any]:
        if "url" not in action:
            raise Refused(400, "url can't be null", "illegal_argument_exception")
        known = ACTION_FIELDS | stored_fields_of_action(self.version, action) | self.later_fields
        stored = {name: value for name, value in action.items() if name in known}
        stored["action_type"] = str(action["action_type"]).upper()
        if "headers" in action:
            stored["headers"] = {name: java_text(value) for name, value in action["headers"].items()}
        return stored

    def _stored_config(self, config: Mapping[str, Any]) -> dict[str, Any]:
        known = CLIENT_CONFIG.keys() | stored_fields_of_client_config(self.version) | self.later_fields
        stored = {**CLIENT_CONFIG, **{name: value for name, value in config.items() if name in known}}
        stored["retry_backoff_policy"] = str(stored["retry_backoff_policy"]).lower()
        return stored


def filled(text: str, parameters: Mapping[str, Any]) -> str:
    """A text with the values of those placeholders that have one."""
    return re.sub(r"\$\{parameters\.([^}]+)\}", lambda m: str(parameters.get(m.group(1), m.group())), text)
