# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Connectors: what is sent, what is stored of it, what differs."""

from __future__ import annotations

import json
import re
from typing import Any, Iterable, Mapping

from ansible_collections.searchops.opensearch_ml.plugins.module_utils import _versions
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._backend import parse, plain_port_warning
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._client import Client
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors import Failure
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._masking import MASK, is_literal_secret
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._resource import LONGEST_NAME, Doc, Kind
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._run import Run
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._values import (
    canonical,
    covers,
    given,
    same_text,
    same_tree,
    text_of,
)

#: The server asks for a credential even where the backend wants none; this one is never sent to a backend.
PLACEHOLDER_CREDENTIAL = {"placeholder": "the backend needs no credential"}

#: A parameter of our own in which notes on the connector are kept; it fills no placeholder and is hidden from results.
NOTES = "_searchops"

#: The fields in which a connector is stated and compared.
FIELDS = (
    "name", "description", "version", "protocol", "parameters", "actions", "client_config",
    "url", "headers", "access_mode", "backend_roles", "add_all_backend_roles",
)  # fmt: skip

#: Always sent when a connector is made, since the server's own default for the timeouts was 30,000 seconds up to 3.5
#: and is 30 seconds from 3.6, in which no large model is loaded.
CLIENT_CONFIG = {
    "max_connection": 30,
    "connection_timeout": 10,
    "read_timeout": 180,
    "retry_backoff_millis": 200,
    "retry_timeout_seconds": 30,
    "max_retry_times": 0,
    "retry_backoff_policy": "constant",
}

_PLACEHOLDER = re.compile(r"\$\{(parameters|credential)\.([^}:]+)(:-[^}]*)?\}")


class Connector(Kind):
    LABEL = "connector"
    PATH = "/_plugins/_ml/connectors"
    ID_FIELD = "connector_id"
    UNKNOWN = "unknown_connector"


def stated(options: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that the options state, in the form in which the server stores them."""
    # The option 'headers' is the connection's: what it holds is for the cluster, and secret.
    fields = {
        name: value
        for name, value in given({**options, "headers": options.get("mcp_headers")}).items()
        if name in FIELDS
    }
    if "parameters" in fields:
        fields["parameters"] = {str(name): text_of(value) for name, value in fields["parameters"].items()}
    if "actions" in fields:
        fields["actions"] = [_action(action) for action in fields["actions"]]
    if "client_config" in fields:
        fields["client_config"] = given(fields["client_config"])
    if "headers" in fields:
        fields["headers"] = {str(name): text_of(value) for name, value in fields["headers"].items()}
    return fields


def stored(source: Mapping[str, Any]) -> dict[str, Any]:
    """The same fields out of what the server answers."""
    fields = {name: source[name] for name in FIELDS if source.get(name) is not None}
    fields["parameters"] = {name: value for name, value in (source.get("parameters") or {}).items() if name != NOTES}
    fields["actions"] = [_action(action) for action in source.get("actions") or []]
    if source.get("access"):
        fields["access_mode"] = source["access"]
    if not fields["actions"]:
        del fields["actions"]
    return fields


def notes_of(source: Mapping[str, Any]) -> dict[str, Any]:
    """Our own notes on a connector: ``replaces`` (the id of the one it was swapped for), ``credential`` (a fingerprint)."""
    notes = canonical((source.get("parameters") or {}).get(NOTES))
    return notes if isinstance(notes, dict) else {}


def differing(current: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """The names of the stated fields that the stored connector does not fulfil."""
    return [name for name in wanted if not _same(name, current.get(name), wanted[name])]


def _same(field: str, have: Any, want: Any) -> bool:
    if field == "parameters":
        return (have or {}).keys() == want.keys() and all(same_text(have[name], want[name]) for name in want)
    if field == "client_config":
        return have is not None and covers(_lower_policy(have), _lower_policy(want))
    if field == "actions":
        return same_tree(_without_bodies(have), _without_bodies(want)) and _bodies(have) == _bodies(want)
    if field == "headers":
        return same_tree(have, want)
    if field == "backend_roles":
        return sorted(have or []) == sorted(want)
    if field == "add_all_backend_roles":
        return True  # an instruction to the server, not stored
    return same_text(have if have is not None else "", want)


def _without_bodies(actions: Iterable[Mapping[str, Any]] | None) -> list[dict[str, Any]]:
    return [{name: value for name, value in action.items() if name != "request_body"} for action in actions or []]


def _bodies(actions: Iterable[Mapping[str, Any]] | None) -> list[Any]:
    """The request bodies for a strict comparison: the backend tells ``1`` from ``"1"``."""
    bodies: list[Any] = []
    for action in actions or []:
        try:
            bodies.append(json.dumps(json.loads(action.get("request_body") or "null"), sort_keys=True))
        except ValueError:
            bodies.append(action.get("request_body"))
    return bodies


def removed_parameters(current: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """Parameters that are stored and no longer stated; a PUT merges and cannot remove them."""
    if "parameters" not in wanted:
        return []
    return sorted(set(current.get("parameters") or {}) - set(wanted["parameters"]))


def merged(current: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """All fields of the connector as it shall be: the stated ones over the stored ones."""
    fields = {**current, **wanted}
    if "client_config" in wanted:
        # A PUT resets the keys that it does not name.
        fields["client_config"] = {**CLIENT_CONFIG, **(current.get("client_config") or {}), **wanted["client_config"]}
    return fields


def to_create(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The stated fields with what the server asks for beyond them."""
    fields = {"version": "1", "protocol": "http", "parameters": {}, **wanted}
    fields["client_config"] = {**CLIENT_CONFIG, **fields.get("client_config", {})}
    return fields


def body(fields: Mapping[str, Any], credential: Mapping[str, Any] | None, notes: Mapping[str, Any]) -> dict[str, Any]:
    """A request body; ``credential`` None leaves it out, as a PUT that keeps the stored one does."""
    sent = dict(fields)
    if "parameters" in sent and notes:
        sent["parameters"] = {**sent["parameters"], NOTES: text_of(dict(notes))}
    if credential is not None:
        sent["credential"] = {str(name): text_of(value) for name, value in credential.items()}
    return sent


def shown(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields for results and diffs: JSON taken out of strings, secrets in headers masked."""
    view = dict(fields)
    if "actions" in view:
        view["actions"] = [
            {**action, "headers": _masked_headers(action["headers"])} if "headers" in action else action
            for action in view["actions"]
        ]
    if "headers" in view:
        view["headers"] = _masked_headers(view["headers"])
    if "client_config" in view:
        view["client_config"] = {
            key: value for key, value in _lower_policy(view["client_config"]).items() if value is not False
        }
    if "parameters" in view:
        view["parameters"] = {name: canonical(value) for name, value in view["parameters"].items()}
    return view


def serialise(doc: Doc) -> dict[str, Any]:
    """A connector as modules return it."""
    times: dict[str, Any] = {
        name: doc.source[name] for name in ("created_time", "last_updated_time", "owner") if name in doc.source
    }
    return {"connector_id": doc.id, **shown(stored(doc.source)), **times}


def urls(fields: Mapping[str, Any]) -> list[str]:
    """The URLs that the connector calls, with its own parameters filled in."""
    parameters = fields.get("parameters") or {}

    def fill(match: re.Match[str]) -> str:
        return text_of(parameters[match[2]]) if match[1] == "parameters" and match[2] in parameters else match[0]

    called = [action["url"] for action in fields.get("actions") or [] if action.get("url")] + [fields.get("url")]
    return list(dict.fromkeys(_PLACEHOLDER.sub(fill, url) for url in called if url))


def literal_secrets(actions: Iterable[Mapping[str, Any]] | None, headers: Mapping[str, Any] | None = None) -> list[str]:
    """Secrets that stand in headers in the open."""
    found = []
    for group in [headers or {}, *((action or {}).get("headers") or {} for action in actions or [])]:
        found += [text_of(value) for name, value in group.items() if is_literal_secret(str(name), text_of(value))]
    return found


def needs_credential(fields: Mapping[str, Any]) -> bool:
    """Whether the connector uses a credential, so that a copy of it would have to be given one."""
    return fields.get("protocol") == "aws_sigv4" or any(
        kind == "credential" for kind, _name, _default in _placeholders(fields)
    )


def check(
    run: Run, fields: Mapping[str, Any], credential: Mapping[str, Any] | None, probe: Mapping[str, Any] | None
) -> None:
    """Everything that can be known to be wrong before anything is sent. Raises Failure, notes warnings."""
    name = fields.get("name") or ""
    if not name.strip() or len(name) > LONGEST_NAME:
        raise Failure("invalid_input", f"name: must have 1 to {LONGEST_NAME} characters, this one has {len(name)}.")
    if NOTES in (fields.get("parameters") or {}):
        raise Failure("invalid_input", f"parameters: the name {NOTES} is reserved for notes of the collection.")
    headers = text_of([fields.get("headers"), *(action.get("headers") for action in fields.get("actions") or [])])
    for key, value in (credential or {}).items():
        if f"${{credential.{key}}}" in headers and any(ord(char) < 32 for char in text_of(value)):
            raise Failure(
                "invalid_input", f"credential.{key} holds a line end or the like, which no header can; strip it."
            )
    if fields["protocol"] in ("http", "aws_sigv4") and not fields.get("actions"):
        raise Failure("invalid_input", f"actions: a connector of protocol {fields['protocol']} needs at least one.")
    for number, action in enumerate(fields.get("actions") or []):
        where = f"actions[{number}]"
        if not action.get("url") or not action.get("method"):
            raise Failure("invalid_input", f"{where}: 'method' and 'url' are needed.")
        if "${" not in action["url"]:
            try:
                parse(action["url"])
            except Failure as failure:
                raise Failure(failure.code, f"{where}.url: {failure.message}") from failure
            warning = plain_port_warning(action["url"])
            if warning:
                run.warn(warning)
        elif "${parameters." in action["url"].split("://", 1)[-1].split("/", 1)[0]:
            run.warn(
                f"{where}.url takes its host from a parameter, which whoever may predict can override; "
                "write the host into the URL."
            )
    if "stream" in (fields.get("parameters") or {}):
        run.warn(
            "parameters: from OpenSearch 3.3 on one named 'stream', whatever its value, leaves predictions without an "
            "answer; write it into the request body instead."
        )
    _check_placeholders(fields, credential, probe)
    for header in literal_secrets(fields.get("actions"), fields.get("headers")):
        if header:
            run.warn(
                "A header carries a secret in the open, where everybody who may read the connector sees it; use 'credential'."
            )


def _check_placeholders(
    fields: Mapping[str, Any], credential: Mapping[str, Any] | None, probe: Mapping[str, Any] | None
) -> None:
    filled = set(fields.get("parameters") or {}) | set(probe or {})
    for kind, name, default in _placeholders(fields):
        if kind == "credential" and credential is not None and name not in credential:
            raise Failure(
                "credential_missing",
                f"${{credential.{name}}} is used, but 'credential' has no {name!r}.",
                placeholder=name,
            )
        if kind == "parameters" and probe is not None and not default and name not in filled:
            raise Failure(
                "placeholder_unfilled",
                f"${{parameters.{name}}} is used, but neither the connector's parameters nor the probe's have {name!r}.",
                placeholder=name,
            )


def check_version(client: Client, fields: Mapping[str, Any]) -> None:
    """What depends on the server's version; one request. Raises Failure."""
    version = _versions.read_version(client)
    _versions.check_text(version, "name", fields.get("name"))
    _versions.check_text(version, "description", fields.get("description"))
    if fields["protocol"].startswith("mcp_"):
        _versions.need(version, fields["protocol"], f"protocol: {fields['protocol']}")
    if (fields.get("client_config") or {}).get("skip_ssl_verification"):
        _versions.need(version, "skip_ssl_verification", "client_config.skip_ssl_verification")
    if any("name" in action for action in fields.get("actions") or []):
        _versions.need(version, "action_name", "The name of an action")


def _placeholders(fields: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    texts: list[str] = [text_of(fields.get("headers") or "")]
    for action in fields.get("actions") or []:
        texts += [text_of(action.get(part) or "") for part in ("url", "request_body", "headers")]
    return [match for text in texts for match in _PLACEHOLDER.findall(text)]


def _action(action: Mapping[str, Any]) -> dict[str, Any]:
    fields = given(action)
    if "action_type" in fields:
        fields["action_type"] = str(fields["action_type"]).lower()
    if "headers" in fields:
        fields["headers"] = {str(name): text_of(value) for name, value in fields["headers"].items()}
    return fields


def _lower_policy(config: Mapping[str, Any]) -> dict[str, Any]:
    policy = config.get("retry_backoff_policy")
    return {**config, **({"retry_backoff_policy": str(policy).lower()} if policy is not None else {})}


def _masked_headers(headers: Mapping[str, Any]) -> dict[str, Any]:
    return {name: MASK if is_literal_secret(name, text_of(value)) else value for name, value in headers.items()}
