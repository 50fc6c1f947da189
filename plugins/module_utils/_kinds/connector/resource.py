# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The connector: its desired and observed fields, their diff, its notes, and its request body."""

from __future__ import annotations

import json
import re
from typing import Any, Container, Iterable, Mapping, Sequence

from ..._endpoints import connector_checks
from ..._errors.exceptions import Failure
from ..._values.compare import canonical, contains, same_tree, text_of, without_none
from ..._values.masking import is_literal_secret
from ..._values.nested import parse_json
from ..base import NOTES_PARAMETER, Kind, read_notes, with_notes
from . import template

#: The server requires a credential even if the backend needs none; this one is never sent to a backend.
PLACEHOLDER_CREDENTIAL = {"placeholder": "the backend needs no credential"}

#: Always sent when a connector is created: the server's own default for the timeouts was 30,000 seconds up to 3.5 and is 30
#: seconds from 3.6 on, in which no backend loads a large model.
CLIENT_CONFIG = {
    "max_connection": 30,
    "connection_timeout": 10,
    "read_timeout": 180,
    "retry_backoff_millis": 200,
    "retry_timeout_seconds": 30,
    "max_retry_times": 0,
    "retry_backoff_policy": "constant",
}

_PARAMETER = re.compile(r"\$\{parameters\.([^}:]+)(:-[^}]*)?\}")

#: The fields of an action and the keys of the client configuration that every supported version stores. A version that does
#: not know one of the others drops it.
ACTION_FIELDS = frozenset(
    {
        "action_type", "name", "method", "url", "headers", "request_body", "pre_process_function", "post_process_function",
    }
)  # fmt: skip
CLIENT_CONFIG_FIELDS = frozenset({*CLIENT_CONFIG, "skip_ssl_verification"})

#: The fields of an action that have options, and that some supported versions drop.
VERSIONED_FIELDS = frozenset({"supports_structured_output"})


class Connector(Kind):
    LABEL = "connector"
    PATH = "/_plugins/_ml/connectors"
    ID_FIELD = "connector_id"
    UNKNOWN_CODE = "unknown_connector"
    FIELDS = (
        "name", "description", "version", "protocol", "parameters", "actions", "client_config",
        "url", "headers", "access_mode", "backend_roles", "add_all_backend_roles",
    )  # fmt: skip
    READ_ONLY_FIELDS = ("created_time", "last_updated_time", "owner")
    SERVER_FIELDS = ("access", "tenant_id")
    NESTED = {"actions": {*ACTION_FIELDS, *VERSIONED_FIELDS}, "client_config": CLIENT_CONFIG_FIELDS}
    OPTION_OF = {"headers": "mcp_headers", "credential": "credential", "dry_run": "--check"}
    STORED_SINCE = {"provisioned_by": "provisioned_by", "actions.supports_structured_output": "structured_output"}
    HAS_NOTES = True

    @classmethod
    def desired(cls, options: Mapping[str, Any]) -> dict[str, Any]:
        # The option 'headers' belongs to the connection: it is for the cluster, and secret.
        fields = super().desired({**options, "headers": options.get("mcp_headers")})
        for name in {"parameters", "headers"} & set(fields):
            fields[name] = {str(key): text_of(value) for key, value in fields[name].items()}
        if "actions" in fields:
            fields["actions"] = [
                _action(_with_extra(action, {*ACTION_FIELDS, *VERSIONED_FIELDS}, f"actions[{number}]"))
                for number, action in enumerate(fields["actions"])
            ]
        if "client_config" in fields:
            fields["client_config"] = without_none(
                _with_extra(fields["client_config"], CLIENT_CONFIG_FIELDS, "client_config")
            )
        return fields

    @classmethod
    def observed(cls, source: Mapping[str, Any], desired: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """With all fields that the collection does not know, as a connector that replaces this one needs them."""
        fields = super().observed(source, source)
        fields["parameters"] = {
            name: value for name, value in (source.get("parameters") or {}).items() if name != NOTES_PARAMETER
        }
        fields["actions"] = [_action(action) for action in source.get("actions") or []]
        if source.get("access"):
            fields["access_mode"] = source["access"]
        if "access_mode" in fields:
            fields["access_mode"] = str(fields["access_mode"]).lower()
        if not fields["actions"]:
            del fields["actions"]
        return fields

    @classmethod
    def same(cls, name: str, observed: Any, desired: Any) -> bool:
        if name == "client_config":
            return observed is not None and contains(_lower_policy(observed), _lower_policy(desired))
        if name == "actions":
            observed = _without_other_extra(observed or [], desired)
            return same_tree(_without_bodies(observed), _without_bodies(desired)) and _bodies(observed) == _bodies(
                desired
            )
        if name == "headers":
            return same_tree(observed, desired)
        if name == "add_all_backend_roles":
            return True  # an instruction to the server, not stored
        return super().same(name, observed, desired)

    @classmethod
    def not_stored(cls, observed: Mapping[str, Any], desired: Mapping[str, Any]) -> list[str]:
        """Also the fields of actions that this version of the server does not know, although the collection does."""
        lacking = super().not_stored(observed, desired)
        have = observed.get("actions") or []
        for number, action in enumerate(desired.get("actions") or []):
            stored = have[number] if number < len(have) else {}
            names = (name for name in VERSIONED_FIELDS if name in action and name not in stored)
            lacking += [f"actions[{number}].{name}" for name in names]
        return lacking

    @classmethod
    def unknown_places(cls, fields: Mapping[str, Any]) -> list[str]:
        return [place for place in super().unknown_places(fields) if place.rpartition(".")[2] not in VERSIONED_FIELDS]

    @classmethod
    def for_display(cls, fields: Mapping[str, Any]) -> dict[str, Any]:
        """With JSON strings parsed."""
        view = dict(fields)
        if "client_config" in view:
            view["client_config"] = {
                key: value for key, value in _lower_policy(view["client_config"]).items() if value is not False
            }
        if "parameters" in view:
            view["parameters"] = {name: canonical(value) for name, value in view["parameters"].items()}
        return super().for_display(view)


def words_of(connector_id: str) -> set[str]:
    """The words in an id.

    The server stores the id of a model's connector as text, and takes every model with one of these words there for a user
    of the connector (ml-commons, DeleteConnectorTransportAction and UpdateConnectorTransportAction; seen on 2.19.1 and
    3.6.0).
    """
    return set(re.findall(r"[0-9a-z_]+", connector_id.lower()))


def share_a_word(connector_id: str, others: Iterable[str]) -> bool:
    """Whether the server takes the models of one of the others for users of this one."""
    words = words_of(connector_id)
    return not all(words.isdisjoint(words_of(other)) for other in others)


def replacing(body: Mapping[str, Any], replaced: Iterable[str]) -> dict[str, Any]:
    """The body of a create with the ids of the connectors that the new one replaces in its notes."""
    notes = {**read_notes(body), "replaces": list(replaced)}
    return {**body, "parameters": with_notes(body.get("parameters") or {}, notes)}


def extra_in_action(action: Mapping[str, Any]) -> list[str]:
    """The names of the fields of an action that not every supported version stores."""
    return [name for name in action if name not in ACTION_FIELDS]


def _without_other_extra(
    observed: Iterable[Mapping[str, Any]], desired: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The observed actions without the fields that the collection does not know and that are not desired.

    A later version of the server may add such a field to every action.
    """
    actions = []
    for number, action in enumerate(observed):
        wanted = desired[number] if number < len(desired) else {}
        surplus = [name for name in extra_in_action(action) if name not in wanted and name not in VERSIONED_FIELDS]
        actions.append({name: value for name, value in action.items() if name not in surplus})
    return actions


def _without_bodies(actions: Iterable[Mapping[str, Any]] | None) -> list[dict[str, Any]]:
    return [{name: value for name, value in action.items() if name != "request_body"} for action in actions or []]


def _bodies(actions: Iterable[Mapping[str, Any]] | None) -> list[Any]:
    """The request bodies for a strict comparison: to the backend ``1`` and ``"1"`` differ."""
    bodies: list[Any] = []
    for action in actions or []:
        try:
            bodies.append(json.dumps(parse_json(action.get("request_body") or "null"), sort_keys=True))
        except ValueError:
            bodies.append(action.get("request_body"))
    return bodies


def removed_parameters(observed_fields: Mapping[str, Any], desired_fields: Mapping[str, Any]) -> list[str]:
    """The observed parameters that are no longer desired; a PUT merges and cannot remove them."""
    if "parameters" not in desired_fields:
        return []
    return sorted(set(observed_fields.get("parameters") or {}) - set(desired_fields["parameters"]))


def merged(observed_fields: Mapping[str, Any], desired_fields: Mapping[str, Any]) -> dict[str, Any]:
    """All fields of the connector after the change: the desired ones over the observed ones."""
    fields = {**observed_fields, **desired_fields}
    if "actions" in desired_fields:
        fields["actions"] = _with_observed_extra(observed_fields.get("actions") or [], desired_fields["actions"])
    if "client_config" in desired_fields:
        # A PUT resets the keys that it does not name.
        config = observed_fields.get("client_config") or {}
        fields["client_config"] = {**CLIENT_CONFIG, **config, **desired_fields["client_config"]}
    return fields


def _with_observed_extra(
    observed: Sequence[Mapping[str, Any]], desired: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The desired actions with the fields of the observed ones of the same place and type that the collection does not know."""
    actions = []
    for number, action in enumerate(desired):
        old = observed[number] if number < len(observed) else {}
        same_type = old.get("action_type") == action.get("action_type")
        kept = extra_in_action(old) if same_type else []
        actions.append({**{name: old[name] for name in kept if name not in VERSIONED_FIELDS}, **action})
    return actions


def with_defaults(desired_fields: Mapping[str, Any]) -> dict[str, Any]:
    """The desired fields with what the server requires beyond them for a create."""
    fields = {"version": "1", "protocol": "http", "parameters": {}, **desired_fields}
    fields["client_config"] = {**CLIENT_CONFIG, **fields.get("client_config", {})}
    return fields


def request_body(
    fields: Mapping[str, Any], credential: Mapping[str, Any] | None, notes: Mapping[str, Any]
) -> dict[str, Any]:
    """The body of a create or update. Without ``credential`` the server keeps the one that it has."""
    body = dict(fields)
    if "parameters" in body and notes:
        body["parameters"] = with_notes(body["parameters"], notes)
    if credential is not None:
        body["credential"] = {str(name): text_of(value) for name, value in credential.items()}
    return body


def urls(fields: Mapping[str, Any]) -> list[str]:
    """The URLs that the connector calls, with its parameters filled in."""
    return list(dict.fromkeys(call.url for call in connector_checks.calls(fields)))


def literal_secrets(actions: Any, headers: Any = None) -> list[str]:
    """The plain secrets in headers. Values of the wrong type have none."""
    holders = [action.get("headers") for action in _iterable(actions) if isinstance(action, Mapping)]
    return [
        text_of(value)
        for group in [headers, *holders]
        if isinstance(group, Mapping)
        for name, value in group.items()
        if is_literal_secret(str(name), text_of(value))
    ]


def _iterable(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else []


def needs_credential(fields: Mapping[str, Any]) -> bool:
    """Whether the connector uses a credential, so that a copy of it needs one."""
    return bool(connector_checks.keys_of_protocol(fields) or credential_keys(fields))


def credential_keys(fields: Mapping[str, Any]) -> set[str]:
    """The names in the ``${credential.NAME}`` of the connector."""
    return {each.name for each in template.placeholders(fields) if each.kind == template.CREDENTIAL}


def declared_keys(fields: Mapping[str, Any]) -> list[str]:
    """The keys of the credential with which the connector can be declared: those of its protocol, then in the order of their
    use.

    ``secretArn``, from which Amazon OpenSearch Service reads a secret, goes with the role that may read it.
    """
    names = [each.name for each in template.placeholders(fields) if each.kind == template.CREDENTIAL]
    keys = [key for name in names for key in (("secretArn", "roleArn") if name.startswith("secretArn.") else (name,))]
    return list(dict.fromkeys([*connector_checks.keys_of_protocol(fields), *keys]))


def _action(action: Mapping[str, Any]) -> dict[str, Any]:
    """An action in the form that is compared: the server stores the method in the case in which it was sent."""
    fields = without_none(action)
    if not fields.get("supports_structured_output", True):
        # The server stores only true.
        del fields["supports_structured_output"]
    if "action_type" in fields:
        fields["action_type"] = str(fields["action_type"]).lower()
    if "method" in fields:
        fields["method"] = str(fields["method"]).upper()
    if "request_body" in fields:
        # Ansible strips the option. The console's triple quotes leave line breaks around a body that is stored as it was sent.
        fields["request_body"] = text_of(fields["request_body"]).strip()
    if "headers" in fields:
        fields["headers"] = {str(name): text_of(value) for name, value in fields["headers"].items()}
    return fields


def _with_extra(fields: Mapping[str, Any], known: Container[str], place: str) -> dict[str, Any]:
    """The fields with those of the suboption ``extra_fields`` among them. Raises Failure if one of these is known."""
    extra = fields.get("extra_fields") or {}
    for name in extra:
        if name in known:
            raise Failure("invalid_input", f"{place}.extra_fields: {name!r} has an option; write '{name}'.")
    return {**{name: value for name, value in fields.items() if name != "extra_fields"}, **extra}


def _lower_policy(config: Mapping[str, Any]) -> dict[str, Any]:
    policy = config.get("retry_backoff_policy")
    return {**config, **({"retry_backoff_policy": str(policy).lower()} if policy is not None else {})}
