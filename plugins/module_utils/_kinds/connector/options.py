# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The ways to state a connector: option by option, as a published body, from a file, or as a provider's server."""

from __future__ import annotations

from typing import Any, Mapping

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ..._endpoints import blueprint, providers
from ..._errors.exceptions import Failure
from ..._runtime.run import Run
from ..._values.compare import text_of, without_none

ACTION_OPTIONS = {
    "action_type": {
        "type": "str",
        "default": "predict",
        "choices": ["predict", "execute", "batch_predict", "cancel_batch_predict", "batch_predict_status"],
    },
    "name": {"type": "str"},
    "method": {"type": "str", "default": "POST", "choices": ["GET", "POST", "PUT", "PATCH", "DELETE"]},
    "url": {"type": "str", "required": True},
    "headers": {"type": "dict"},
    "request_body": {"type": "json"},
    "pre_process_function": {"type": "str"},
    "post_process_function": {"type": "str"},
}

CLIENT_CONFIG_OPTIONS = {
    "max_connection": {"type": "int"},
    "connection_timeout": {"type": "int"},
    "read_timeout": {"type": "int"},
    "retry_backoff_millis": {"type": "int"},
    "retry_timeout_seconds": {"type": "int"},
    "max_retry_times": {"type": "int"},
    "retry_backoff_policy": {
        "type": "str",
        "choices": ["constant", "exponential_equal_jitter", "exponential_full_jitter"],
    },
    "skip_ssl_verification": {"type": "bool"},
}

#: The fields of a connector's body, by the names of the options.
BODY_OPTIONS = {
    "name": {"type": "str"},
    "description": {"type": "str"},
    "version": {"type": "str"},
    "protocol": {"type": "str", "choices": ["http", "aws_sigv4", "mcp_sse", "mcp_streamable_http"]},
    "parameters": {"type": "dict"},
    "credential": {"type": "dict", "no_log": True},
    "actions": {"type": "list", "elements": "dict", "options": ACTION_OPTIONS},
    "client_config": {"type": "dict", "options": CLIENT_CONFIG_OPTIONS},
    "url": {"type": "str"},
    "mcp_headers": {"type": "dict"},
    "access_mode": {"type": "str", "choices": ["public", "private", "restricted"]},
    "backend_roles": {"type": "list", "elements": "str"},
    "add_all_backend_roles": {"type": "bool"},
}

#: Other ways to say the same.
SHORTHANDS = {
    "definition": {"type": "dict"},
    "src": {"type": "path"},
    "provider": {"type": "str", "choices": list(providers.PROVIDERS)},
    "base_url": {"type": "str"},
    "model": {"type": "str"},
    "api_key": {"type": "str", "no_log": True},
    "capability": {"type": "str", "choices": list(providers.CAPABILITIES)},
    "api_path": {"type": "str"},
    "api_version": {"type": "str"},
    "extra_body": {"type": "dict"},
}

#: What goes with a provider only.
_OF_PROVIDERS = ("base_url", "model", "api_key", "capability", "api_path", "api_version", "extra_body")

#: Stated twice, these are joined key by key; anything else is replaced as a whole.
_JOINED = ("parameters", "credential", "client_config", "mcp_headers")


def resolved(options: Mapping[str, Any], run: Run | None = None) -> dict[str, Any]:
    """The options with the body's fields filled in from ``provider``, ``definition`` or ``src``; what is stated beside
    them overrides. Raises Failure for a body that no connector can have."""
    if options["provider"] and options["state"] == "absent":
        return dict(options)
    if options["provider"]:
        fields = providers.connector_fields(options["provider"], **{name: options[name] for name in _OF_PROVIDERS})
    elif any(options[name] is not None for name in _OF_PROVIDERS):
        named = ", ".join(name for name in _OF_PROVIDERS if options[name] is not None)
        raise Failure("invalid_input", f"{named}: given without 'provider', to which it belongs.")
    elif options["definition"] is not None:
        fields = _checked(options["definition"], "definition", run)
    elif options["src"]:
        fields = _checked(blueprint.read_file(options["src"]), "src", run)
    else:
        return dict(options)
    joined = dict(options)
    for name, value in without_none(fields).items():
        stated = options.get(name)
        if stated is None:
            joined[name] = value
        elif name in _JOINED:
            joined[name] = {**value, **without_none(stated)} if name == "client_config" else {**value, **stated}
    if options["provider"] and (options["probe"] == {} or options["actions"] is not None):
        # The table's question fits the table's action only.
        joined["probe"] = options["probe"] or None
    if not joined["name"] and not joined["connector_id"]:
        raise Failure("invalid_input", "name: neither the options nor the definition name the connector.")
    return joined


def _checked(body: Mapping[str, Any], place: str, run: Run | None) -> dict[str, Any]:
    """A published body as options: under their names, of their types. What the server would ignore is warned of."""
    fields = dict(body)
    if "headers" in fields:
        fields["mcp_headers"] = fields.pop("headers")
    unknown = _drop_unknown(fields, BODY_OPTIONS)
    protocol = str(fields.get("protocol") or "http")
    # A blueprint may say more than its protocol has; stated as an option the same is refused.
    surplus = _not_of(protocol, fields)
    unknown += ["headers" if name == "mcp_headers" else name for name in surplus]
    for name in surplus:
        del fields[name]
    if isinstance(fields.get("actions"), (list, tuple)):
        fields["actions"] = [
            _action(action, f"{place}.actions[{number}]", unknown) for number, action in enumerate(fields["actions"])
        ]
    config = fields.get("client_config")
    if isinstance(config, Mapping):
        config = dict(config)
        unknown += _drop_unknown(config, CLIENT_CONFIG_OPTIONS, "client_config.")
        policy = config.get("retry_backoff_policy")
        fields["client_config"] = {**config, **({"retry_backoff_policy": str(policy).lower()} if policy else {})}
    if isinstance(fields.get("access_mode"), str):
        fields["access_mode"] = fields["access_mode"].lower()
    if unknown and run:
        run.warn(f"{place}: such a connector has no {', '.join(unknown)}; the server would ignore it.")
    outcome = ArgumentSpecValidator(BODY_OPTIONS).validate(without_none(fields))
    if outcome.error_messages:
        raise Failure("invalid_input", f"{place}: {'; '.join(outcome.error_messages)}")
    valid: dict[str, Any] = without_none(outcome.validated_parameters)
    return valid


def _not_of(protocol: str, fields: Mapping[str, Any]) -> list[str]:
    """The stated fields that a connector of this protocol does not have, so that the server would drop them."""
    names = ("actions",) if protocol.startswith("mcp_") else ("url", "mcp_headers")
    return [name for name in names if fields.get(name) is not None]


def _action(action: Any, place: str, unknown: list[str]) -> Any:
    if not isinstance(action, Mapping):
        raise Failure("invalid_input", f"{place}: must be a mapping, not {text_of(action)[:80]!r}.")
    fields = dict(action)
    unknown += _drop_unknown(fields, ACTION_OPTIONS, place.partition(".")[2] + ".")
    # The server takes these in any case, and a number or a truth value for a body.
    if isinstance(fields.get("action_type"), str):
        fields["action_type"] = fields["action_type"].lower()
    if isinstance(fields.get("method"), str):
        fields["method"] = fields["method"].upper()
    if isinstance(fields.get("request_body"), (bool, int, float)):
        fields["request_body"] = text_of(fields["request_body"])
    return fields


def _drop_unknown(fields: dict[str, Any], known: Mapping[str, Any], place: str = "") -> list[str]:
    names = sorted(str(name) for name in fields if name not in known)
    for name in names:
        fields.pop(name, None)
    return [place + name for name in names]
