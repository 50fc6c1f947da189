# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Connectors: what is sent, what is stored of it, what differs."""

from __future__ import annotations

import json
import re
from typing import Any, Iterable, Mapping

from ..._values import json_text
from ..._values.compare import canonical, contains, same_text, same_tree, text_of, without_none
from ..._values.masking import MASK, is_literal_secret
from ..base import Doc, Kind, created_after
from ..notes import PARAMETER, read_notes, with_notes

#: The server asks for a credential even where the backend wants none; this one is never sent to a backend.
PLACEHOLDER_CREDENTIAL = {"placeholder": "the backend needs no credential"}

#: How many connectors before the one that was replaced are kept in mind. Each is there only while the server holds it.
MAX_REPLACED_IDS = 8

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
    UNKNOWN_CODE = "unknown_connector"


def words_of(connector_id: str) -> set[str]:
    """The words in an id. The server keeps the id of a model's connector as text, and takes every model that has one of
    these words there for a user of the connector (ml-commons, DeleteConnectorTransportAction and
    UpdateConnectorTransportAction; seen on 2.19.1 and 3.6.0)."""
    return set(re.findall(r"[0-9a-z_]+", connector_id.lower()))


#: Seconds to let pass before another connector is made as the id of the last one was alike, so that it is less so. On a server
#: whose ids have one hyphen in their fixed part and one in what counts the time, all that are made in the same 1.024 s
#: share a word (seen on 2.19.1).
ID_RETRY_PAUSE = 0.3


def share_a_word(connector_id: str, others: Iterable[str]) -> bool:
    """Whether the server takes the models of one of the others for users of this one."""
    words = words_of(connector_id)
    return not all(words.isdisjoint(words_of(other)) for other in others)


def desired(options: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that the options state, in the form in which the server stores them."""
    # The option 'headers' is the connection's: what it holds is for the cluster, and secret.
    fields = {
        name: value
        for name, value in without_none({**options, "headers": options.get("mcp_headers")}).items()
        if name in FIELDS
    }
    if "parameters" in fields:
        fields["parameters"] = {str(name): text_of(value) for name, value in fields["parameters"].items()}
    if "actions" in fields:
        fields["actions"] = [_action(action) for action in fields["actions"]]
    if "client_config" in fields:
        fields["client_config"] = without_none(fields["client_config"])
    if "headers" in fields:
        fields["headers"] = {str(name): text_of(value) for name, value in fields["headers"].items()}
    return fields


def observed(source: Mapping[str, Any]) -> dict[str, Any]:
    """The same fields out of what the server answers."""
    fields = {name: source[name] for name in FIELDS if source.get(name) is not None}
    fields["parameters"] = {
        name: value for name, value in (source.get("parameters") or {}).items() if name != PARAMETER
    }
    fields["actions"] = [_action(action) for action in source.get("actions") or []]
    if source.get("access"):
        fields["access_mode"] = source["access"]
    if "access_mode" in fields:
        fields["access_mode"] = str(fields["access_mode"]).lower()
    if not fields["actions"]:
        del fields["actions"]
    return fields


def replaced_ids(source: Mapping[str, Any]) -> list[str]:
    """The ids of the connectors that this one replaced, the last one at the end. Any of them may still exist.

    The note ``replaces`` has the last one, ``before`` those that the last one and earlier ones had replaced.
    """
    notes = read_notes(source)
    before = notes.get("before")
    return [str(each) for each in [*(before if isinstance(before, list) else []), notes.get("replaces")] if each]


def replacement_notes(old: Doc, beside: Iterable[Doc] = ()) -> dict[str, Any]:
    """The notes of one that is to be swapped for the old one, and for those ``beside`` it."""
    before = [*replaced_ids(old.source), *(doc.id for doc in beside)][-MAX_REPLACED_IDS:]
    return {"replaces": old.id, **({"before": before} if before else {})}


def is_replacement_pair(old: Doc, new: Doc) -> bool:
    """Whether ``new`` replaced ``old``, directly or through others, or both replaced the same connector."""
    # If the old one is younger, its id was reused: no pair.
    return replaced_same_connector(old, new) or (old.id in replaced_ids(new.source) and not created_after(old, new))


def replaced_same_connector(one: Doc, other: Doc) -> bool:
    """Whether both replaced one connector, and neither replaced the other."""
    ids, other_ids = set(replaced_ids(one.source)), set(replaced_ids(other.source))
    return one.id not in other_ids and other.id not in ids and one is not other and not ids.isdisjoint(other_ids)


def replaces_several(found: list[Doc], old: Doc, new: Doc) -> bool:
    """Whether deleting ``new`` would lose the only link between ``old`` and another of the connectors with this name."""
    rest = [doc for doc in found if doc is not old and doc is not new and is_replacement_pair(doc, new)]
    return any(not is_replacement_pair(old, doc) and not is_replacement_pair(doc, old) for doc in rest)


def diff(current: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """The names of the stated fields that the stored connector does not fulfil."""
    return [name for name in wanted if not _same(name, current.get(name), wanted[name])]


def _same(field: str, have: Any, want: Any) -> bool:
    if field == "parameters":
        return (have or {}).keys() == want.keys() and all(same_text(have[name], want[name]) for name in want)
    if field == "client_config":
        return have is not None and contains(_lower_policy(have), _lower_policy(want))
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
            bodies.append(json.dumps(json_text.parse(action.get("request_body") or "null"), sort_keys=True))
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


def with_defaults(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The stated fields with what the server asks for beyond them."""
    fields = {"version": "1", "protocol": "http", "parameters": {}, **wanted}
    fields["client_config"] = {**CLIENT_CONFIG, **fields.get("client_config", {})}
    return fields


def body(fields: Mapping[str, Any], credential: Mapping[str, Any] | None, notes: Mapping[str, Any]) -> dict[str, Any]:
    """A request body; ``credential`` None leaves it out, as a PUT that keeps the stored one does."""
    sent = dict(fields)
    if "parameters" in sent and notes:
        sent["parameters"] = with_notes(sent["parameters"], notes)
    if credential is not None:
        sent["credential"] = {str(name): text_of(value) for name, value in credential.items()}
    return sent


def for_display(fields: Mapping[str, Any]) -> dict[str, Any]:
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


def to_result(doc: Doc) -> dict[str, Any]:
    """A connector as modules return it."""
    times: dict[str, Any] = {
        name: doc.source[name] for name in ("created_time", "last_updated_time", "owner") if name in doc.source
    }
    return {"connector_id": doc.id, **for_display(observed(doc.source)), **times}


def urls(fields: Mapping[str, Any]) -> list[str]:
    """The URLs that the connector calls, with its own parameters filled in."""
    parameters = fields.get("parameters") or {}

    def fill(match: re.Match[str]) -> str:
        return text_of(parameters[match[2]]) if match[1] == "parameters" and match[2] in parameters else match[0]

    called = [action["url"] for action in fields.get("actions") or [] if action.get("url")] + [fields.get("url")]
    return list(dict.fromkeys(_PLACEHOLDER.sub(fill, url) for url in called if url))


def literal_secrets(actions: Any, headers: Any = None) -> list[str]:
    """Secrets that stand in headers in the open; of what is no list of mappings, none."""
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
    """Whether the connector uses a credential, so that a copy of it would have to be given one."""
    return fields.get("protocol") == "aws_sigv4" or any(
        kind == "credential" for kind, _name, _default in placeholders(fields)
    )


def placeholders(fields: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """The ``${kind.name:-default}`` in URLs, headers and bodies, as (kind, name, default)."""
    texts: list[str] = [text_of(fields.get("headers") or "")]
    for action in fields.get("actions") or []:
        texts += [text_of(action.get(part) or "") for part in ("url", "request_body", "headers")]
    return [match for text in texts for match in _PLACEHOLDER.findall(text)]


def _action(action: Mapping[str, Any]) -> dict[str, Any]:
    """An action in the form in which it is compared: the server stores the method in the case in which it came."""
    fields = without_none(action)
    if "action_type" in fields:
        fields["action_type"] = str(fields["action_type"]).lower()
    if "method" in fields:
        fields["method"] = str(fields["method"]).upper()
    if "request_body" in fields:
        fields["request_body"] = text_of(fields["request_body"])
    if "headers" in fields:
        fields["headers"] = {str(name): text_of(value) for name, value in fields["headers"].items()}
    return fields


def _lower_policy(config: Mapping[str, Any]) -> dict[str, Any]:
    policy = config.get("retry_backoff_policy")
    return {**config, **({"retry_backoff_policy": str(policy).lower()} if policy is not None else {})}


def _masked_headers(headers: Mapping[str, Any]) -> dict[str, Any]:
    return {name: MASK if is_literal_secret(name, text_of(value)) else value for name, value in headers.items()}
