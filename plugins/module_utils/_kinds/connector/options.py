# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The options of a connector, parsed once: its fields, a published body, a file, or a provider's server."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any, Iterator, Mapping

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ..._endpoints import blueprint, providers
from ..._errors.exceptions import Failure
from ..._runtime.option_checks import structure_faults
from ..._values.compare import text_of, without_none
from ..._values.masking import find_secrets
from ..base import EXTRA_FIELDS_OPTION
from .resource import Connector

ACTION_OPTIONS: dict[str, dict[str, Any]] = {
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
    "supports_structured_output": {"type": "bool"},
    **EXTRA_FIELDS_OPTION,
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
    **EXTRA_FIELDS_OPTION,
}

#: The fields of a connector's body, by option name. Each is also in ``resource.FIELDS``, by which bodies are compared.
BODY_OPTIONS: dict[str, dict[str, Any]] = {
    "name": {"type": "str"},
    "description": {"type": "str"},
    "version": {"type": "str"},
    "protocol": {"type": "str"},
    "parameters": {"type": "dict"},
    "credential": {"type": "dict", "no_log": True},
    "actions": {"type": "list", "elements": "dict", "options": ACTION_OPTIONS},
    "client_config": {"type": "dict", "options": CLIENT_CONFIG_OPTIONS},
    "url": {"type": "str"},
    "mcp_headers": {"type": "dict"},
    "access_mode": {"type": "str", "choices": ["public", "private", "restricted"]},
    "backend_roles": {"type": "list", "elements": "str"},
    "add_all_backend_roles": {"type": "bool"},
    **EXTRA_FIELDS_OPTION,
}

#: Other sources of these fields.
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

#: Options that are only valid with a provider.
_PROVIDER_OPTIONS = ("base_url", "model", "api_key", "capability", "api_path", "api_version", "extra_body")

#: Fields that are merged key by key if both an option and the source give them; any other field is replaced as a whole.
_MERGED = ("parameters", "credential", "client_config", "mcp_headers", "extra_fields")


@dataclass(frozen=True)
class ConnectorOptions:
    """The options of ml_connector, with ``provider``, ``definition`` and ``src`` resolved.

    ``body`` holds the given fields of the connector's body, by option name; ``credential`` is one of them. ``wait_timeout``
    is in seconds. ``warnings`` were found while parsing.
    """

    name: str | None
    connector_id: str | None
    state: str
    body: Mapping[str, Any]
    update_credential: str
    update_strategy: str
    probe: Mapping[str, Any] | None
    wait_timeout: float
    delete_in_use: bool
    planned_settings: Mapping[str, Any]
    warnings: tuple[str, ...] = ()

    def check_name(self) -> None:
        """Raises Failure if nothing identifies the connector."""
        if not self.name and not self.connector_id:
            raise Failure("invalid_input", "name: neither the options nor the definition give the connector a name.")

    @property
    def credential(self) -> Mapping[str, Any] | None:
        return self.body.get("credential")

    @property
    def desired(self) -> dict[str, Any]:
        """The given fields in the form in which the server stores them, without the credential."""
        return Connector.desired(self.body)


def parse(params: Mapping[str, Any]) -> ConnectorOptions:
    """The typed options of the validated parameters. A file named by ``src`` is read once.

    An option overrides what ``provider``, ``definition`` or ``src`` give for it. Raises Failure for a body that no connector
    can have.
    """
    warnings: list[str] = []
    fields = {name: params.get(name) for name in (*BODY_OPTIONS, "probe")}
    source = _source_fields(params, warnings)
    if source is not None:
        fields = _merged(source, fields)
        if params["provider"] and (params["probe"] == {} or params["actions"] is not None):
            # The provider's probe fits only the provider's action.
            fields["probe"] = params["probe"]
        if params["provider"]:
            providers.check_key(params["provider"], fields["credential"], fields["actions"])
    return ConnectorOptions(
        name=fields["name"],
        connector_id=params["connector_id"],
        state=params["state"],
        body=without_none({name: fields[name] for name in BODY_OPTIONS}),
        update_credential=params["update_credential"],
        update_strategy=params["update_strategy"],
        probe=fields["probe"],
        wait_timeout=params["wait_timeout"],
        delete_in_use=params["delete_in_use"],
        planned_settings=params["planned_settings"] or {},
        warnings=tuple(warnings),
    )


def secrets(params: Mapping[str, Any], options: ConnectorOptions | None) -> list[str]:
    """The values to mask beyond those of 'no_log' options: the definition's credential, and keys in plain headers.

    ``params`` need not be valid, and ``options`` is None if they are not. A key that is given in two places is secret in
    both.
    """
    # The option 'headers' belongs to the connection to the cluster.
    own = {name: value for name, value in params.items() if name != "headers"}
    # With those in the file that 'src' names.
    return list(dict.fromkeys(find_secrets([own, options.body if options else {}])))


def _source_fields(params: Mapping[str, Any], warnings: list[str]) -> dict[str, Any] | None:
    """The fields that ``provider``, ``definition`` or ``src`` give; None without any of these. Raises Failure."""
    only_with_provider = [name for name in _PROVIDER_OPTIONS if params[name] is not None]
    if params["provider"]:
        if params["state"] == "absent":
            return None
        return providers.connector_fields(params["provider"], **{name: params[name] for name in _PROVIDER_OPTIONS})
    if only_with_provider:
        raise Failure("invalid_input", f"{', '.join(only_with_provider)}: only valid with 'provider'.")
    option = "src" if params["src"] else "definition"
    body = blueprint.with_body(params, "connectors")["definition"]
    if body is None:
        return None
    try:
        return _validated(body, option, warnings)
    except Failure as failure:
        failure.secrets = list(find_secrets(body))
        raise


def _merged(source: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields, with those of the source where none is given."""
    merged = dict(fields)
    for name, value in without_none(source).items():
        given = fields[name]
        if given is None:
            merged[name] = value
        elif name == "client_config":
            merged[name] = {**value, **without_none(given)}
        elif name in _MERGED:
            merged[name] = {**value, **given}
    return merged


def _validated(body: Mapping[str, Any], place: str, warnings: list[str]) -> dict[str, Any]:
    """A published body as options: with their names and types, and unknown fields in ``extra_fields``.

    Adds a warning about fields that a connector of this protocol does not have. Raises Failure for a value of the wrong type.
    """
    fields = dict(body)
    if "headers" in fields:
        fields["mcp_headers"] = fields.pop("headers")
    if "access" in fields:
        # As the server returns it.
        fields.setdefault("access_mode", fields.pop("access"))
    warning = _drop_unusable(fields, place)
    fields = _with_extra_fields(fields, BODY_OPTIONS, place)
    warnings += _misspelt(fields, BODY_OPTIONS, place)
    if isinstance(fields.get("actions"), (list, tuple)):
        fields["actions"] = [
            _action(action, f"{place}.actions[{number}]") for number, action in enumerate(fields["actions"])
        ]
        for number, action in enumerate(fields["actions"]):
            warnings += _misspelt(action, ACTION_OPTIONS, f"{place}.actions[{number}]")
    config = fields.get("client_config")
    if isinstance(config, Mapping):
        fields["client_config"] = _client_config(config, f"{place}.client_config")
        warnings += _misspelt(fields["client_config"], CLIENT_CONFIG_OPTIONS, f"{place}.client_config")
    if isinstance(fields.get("access_mode"), str):
        fields["access_mode"] = fields["access_mode"].lower()
    outcome = ArgumentSpecValidator(BODY_OPTIONS).validate(without_none(fields))
    # Ansible does not say how to write a list.
    faults = structure_faults(BODY_OPTIONS, fields) or outcome.error_messages
    if faults:
        message = f"{place}: {'; '.join(faults)}{_unknown_in(fields.get('actions'))}"
        raise Failure("invalid_input", f"{message.rstrip('.')}. {warning}" if warning else message)
    if warning:
        warnings.append(warning)
    return without_none(outcome.validated_parameters)


def _drop_unusable(fields: dict[str, Any], place: str) -> str:
    """Remove the fields of other protocols, and those that only the server sets. Returns a warning about them, or an empty
    text. Raises Failure for a field that must not be sent."""
    if "dry_run" in fields:
        raise Failure("invalid_input", f"{place}: remove 'dry_run', and run the task in check mode instead.")
    # A blueprint may have fields that its protocol does not; given as an option the same is refused.
    foreign = _foreign_fields(str(fields.get("protocol") or "http"), fields)
    of_server = [
        name
        for name in (Connector.ID_FIELD, *Connector.READ_ONLY_FIELDS, *Connector.SERVER_FIELDS)
        if fields.get(name) is not None
    ]
    for name in foreign + of_server:
        del fields[name]
    texts = []
    if foreign:
        names = ["headers" if name == "mcp_headers" else name for name in foreign]
        texts.append(f"such a connector has no {', '.join(names)}; the server would ignore it.")
    if of_server:
        texts.append(f"only the server sets {', '.join(of_server)}, which the module does not send.")
    return " ".join(f"{place}: {text}" for text in texts)


def _misspelt(fields: Mapping[str, Any], known: Mapping[str, Any], place: str) -> Iterator[str]:
    """Warnings about the extra fields whose names resemble a known one."""
    for name in fields.get("extra_fields") or {}:
        [near] = difflib.get_close_matches(name, known, 1, 0.8) or [None]
        if near:
            yield f"{place}: {name!r} is unknown and is sent as it is. Did you mean {near!r}?"


def _unknown_in(actions: Any) -> str:
    """The unknown fields of those actions that lack a required one, as the end of a message: one may be meant for it."""
    required = [name for name, option in ACTION_OPTIONS.items() if option.get("required")]
    incomplete = [
        (number, action)
        for number, action in enumerate(actions if isinstance(actions, (list, tuple)) else ())
        if isinstance(action, Mapping) and action.get("extra_fields") and any(name not in action for name in required)
    ]
    return "".join(
        f". actions[{number}] has the unknown {', '.join(map(repr, action['extra_fields']))}{_near_names(action['extra_fields'])}"
        for number, action in incomplete
    )


def _near_names(extra: Mapping[str, Any]) -> str:
    near = [name for each in extra for name in difflib.get_close_matches(each.lower(), ACTION_OPTIONS, 1, 0.6)]
    return f"; did you mean {', '.join(map(repr, near))}" if near else ""


def _foreign_fields(protocol: str, fields: Mapping[str, Any]) -> list[str]:
    """The given fields that a connector of this protocol does not have, so that the server would drop them."""
    names = ("actions",) if protocol.startswith("mcp_") else ("url", "mcp_headers")
    return [name for name in names if fields.get(name) is not None]


def _client_config(config: Mapping[str, Any], place: str) -> dict[str, Any]:
    fields = _with_extra_fields(config, CLIENT_CONFIG_OPTIONS, place)
    policy = fields.get("retry_backoff_policy")
    return {**fields, "retry_backoff_policy": str(policy).lower()} if policy else fields


def _action(action: Any, place: str) -> Any:
    if not isinstance(action, Mapping):
        raise Failure("invalid_input", f"{place}: must be a mapping, not {text_of(action)[:80]!r}.")
    fields = _with_extra_fields(action, ACTION_OPTIONS, place)
    # The server accepts these in upper and lower case, and a number or a boolean for a body.
    if isinstance(fields.get("action_type"), str):
        fields["action_type"] = fields["action_type"].lower()
    if isinstance(fields.get("method"), str):
        fields["method"] = fields["method"].upper()
    if isinstance(fields.get("request_body"), (bool, int, float)):
        fields["request_body"] = text_of(fields["request_body"])
    return fields


def _with_extra_fields(fields: Mapping[str, Any], known: Mapping[str, Any], place: str) -> dict[str, Any]:
    """The fields, with those that are not known in the option ``extra_fields``. Raises Failure if that is no mapping."""
    extra = fields.get("extra_fields") or {}
    if not isinstance(extra, Mapping):
        raise Failure("invalid_input", f"{place}.extra_fields: must be a mapping, not {text_of(extra)[:80]!r}.")
    unknown = {str(name): value for name, value in fields.items() if name not in known and value is not None}
    given = {name: value for name, value in fields.items() if name in known}
    return {**given, "extra_fields": {**unknown, **extra}} if unknown else given
