# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The ``${...}`` in URLs, headers and request bodies: which of them the server fills, and with what.

The rules are those of ml-commons from 2.19 to 3.8 (``AbstractConnector``, ``HttpConnector.createPayload``,
``ConnectorUtils.escapeRemoteInferenceInputData``).
"""

from __future__ import annotations

import difflib
import itertools
import json
import re
from typing import Any, Iterator, Mapping, NamedTuple

from ..._endpoints import connector_checks
from ..._errors.exceptions import Failure
from ..._values.compare import text_of
from ..._values.nested import parse_json

PARAMETERS, CREDENTIAL = "parameters", "credential"

#: Parameters that, if they are true, switch off a check or a rule of the server.
_SKIP_MISSING = "skip_validating_missing_parameters"
_SCRIPT_MAKES_PARAMETERS = "pre_process_function.process_remote_inference_input"

#: The parameter with the names of those that the server inserts as they are.
_NO_ESCAPE = "no_escape_params"

_ANY = re.compile(r"\$\{([^{}]*)\}")
_KNOWN = re.compile(r"(parameters|credential)\.(.+?)(:-.*)?", re.DOTALL)

#: A placeholder behind a sign that makes it plain text: a second dollar sign, as in Terraform, is an escape for the server, too
#: (StringSubstitutor); a backslash, as in shells, is sent with it. Two backslashes are one in JSON.
_ESCAPED = re.compile(r"(\$|(?<!\\)(?:\\\\)*\\)(\$\{(?:parameters|credential)\.[^{}]*\})")

#: What looks like a placeholder: a word, and a name after it.
_KIND_AND_NAME = re.compile(r"\s*(\w+)\s*[.:]\s*[\w.-]+\s*(:-.*)?", re.DOTALL)

#: A variable of a shell or a script.
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")

#: Short forms that do not resemble the right word enough.
_SHORT = {"param": PARAMETERS, "cred": CREDENTIAL, "creds": CREDENTIAL}

#: Texts in place of a parameter whose value is not known: a value, nothing, and a part of an object.
_STAND_INS = ("0", "", ',"x":0', '"x":0,')

#: The maximum number of such parameters for which all combinations are tried.
_MAX_UNKNOWN = 5


class Placeholder(NamedTuple):
    """``${kind.name:-default}`` in the URL, the headers or the body of an action. ``part`` is the field's name.

    ``kind`` is empty if the server never fills it; ``name`` is then all that is between the braces.
    """

    kind: str
    name: str
    default: str | None
    place: str
    part: str

    @property
    def text(self) -> str:
        return f"${{{self.kind}.{self.name}}}" if self.kind else f"${{{self.name}}}"


def placeholders(fields: Mapping[str, Any]) -> Iterator[Placeholder]:
    """All placeholders of a connector's fields."""
    for text, place, part in _texts(fields):
        for inside in _ANY.findall(text):
            known = _KNOWN.fullmatch(inside)
            # The server does not strip a name.
            if known and known[2] == known[2].strip():
                default = known[3][2:] if known[3] is not None else None
                yield Placeholder(known[1], known[2], default, place, part)
            else:
                yield Placeholder("", inside, None, place, part)


def _texts(fields: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """The texts in which the server fills placeholders, each with its place and the name of its field."""
    holders = [("", fields), *((f"actions[{n}].", action) for n, action in enumerate(fields.get("actions") or []))]
    for place, holder in holders:
        for part in ("url", "request_body"):
            if holder.get(part) is not None:
                yield text_of(holder[part]), f"{place}{part}", part
        for name, value in (holder.get("headers") or {}).items():
            if value is not None:
                yield text_of(value), f"{place}headers.{name}", "headers"


def check(fields: Mapping[str, Any], credential: Mapping[str, Any] | None, probe: Mapping[str, Any] | None) -> None:
    """Raises Failure for a placeholder that the server never fills, and for one without a value.

    ``credential`` is None if the server keeps the one that it has, whose keys are unknown. With a ``probe``, its parameters
    and those of the connector must fill all placeholders, and the bodies must then be JSON.
    """
    _check_escapes(fields)
    _check_values_of_parameters(fields)
    for placeholder in placeholders(fields):
        _check_kind(placeholder)
        if placeholder.kind == CREDENTIAL and credential is not None and placeholder.default is None:
            _check_credential(placeholder, credential)
    for key in connector_checks.keys_of_protocol(fields):
        if key in (credential or {}) and _is_empty((credential or {})[key]):
            raise _without_value(key, f"protocol: {fields['protocol']} uses it")
    if probe is None:
        return
    values = _values(fields.get("parameters") or {}, probe)
    _check_parameters(fields, values)
    for place, body in _bodies(fields, values):
        problem = _problem_of_body(body, values)
        if problem:
            raise Failure("invalid_payload", f"{place}: {problem}")


def warnings(fields: Mapping[str, Any], probe: Mapping[str, Any] | None) -> Iterator[str]:
    """What is or may be wrong with the placeholders and bodies that :func:`check` accepts.

    Without a ``probe``, parameters that the connector does not have may get any value in a prediction.
    """
    for placeholder in placeholders(fields):
        if not placeholder.kind and any(form.fullmatch(placeholder.name) for form in (_KIND_AND_NAME, _VARIABLE)):
            yield f"{placeholder.place}: OpenSearch does not fill {placeholder.text}, and sends it as it is."
    if probe is not None:
        return
    values = _values(fields.get("parameters") or {}, {})
    for place, body in _bodies(fields, values):
        if not _can_become_json(_filled(body, values)):
            yield f"{place}: all predictions will fail, as the body cannot become JSON. {_problem_of_body(body, values)}"
        elif "messages" not in values and '"${parameters.messages}"' in body:
            yield (
                f"{place}: ${{parameters.messages}} is in quotes. Write it without, as it is a list; in quotes, predictions "
                "with 'messages' fail."
            )


def unfilled_in_headers(fields: Mapping[str, Any]) -> list[Placeholder]:
    """The placeholders in headers of actions for which the connector has no parameter. Before 3.7, predictions do not fill
    them."""
    return [
        placeholder
        for placeholder in placeholders(fields)
        if placeholder.kind == PARAMETERS
        and placeholder.part == "headers"
        and placeholder.default is None
        and placeholder.name not in (fields.get("parameters") or {})
    ]


def has_key(credential: Mapping[str, Any], name: str) -> bool:
    """Whether a credential has the key of ``${credential.name}``.

    ``secretArn`` has all keys of the secret that it names: Amazon OpenSearch Service fills ``${credential.secretArn.KEY}``.
    """
    return key_of(credential, name) is not None


def key_of(credential: Mapping[str, Any], name: str) -> str | None:
    """The key that gives ``${credential.name}`` its value; None if there is none."""
    return next((key for key in (name, name.split(".")[0]) if key in credential), None)


def _check_escapes(fields: Mapping[str, Any]) -> None:
    """Raises Failure for a placeholder behind a sign of Terraform or of a shell, for which the server does not fill it."""
    for text, place, _part in _texts(fields):
        escaped = _ESCAPED.search(text)
        if escaped:
            sign = escaped[1][-1]
            raise Failure(
                "placeholder_never_filled",
                f"{place}: {sign}{escaped[2]} is not filled because of the {sign} before it, which "
                f"{'Terraform' if sign == '$' else 'a shell'} needs and OpenSearch does not. Write {escaped[2]}.",
                placeholder=escaped[2],
            )


def _check_values_of_parameters(fields: Mapping[str, Any]) -> None:
    """Raises Failure for a key in a parameter: the server fills headers with keys first, and then all texts with parameters."""
    for name, value in (fields.get("parameters") or {}).items():
        for inside in _ANY.findall(text_of(value) if value is not None else ""):
            if inside.startswith(f"{CREDENTIAL}."):
                raise Failure(
                    "placeholder_never_filled",
                    f"parameters.{name}: ${{{inside}}} is filled in headers only. The server would send the text itself.",
                    placeholder=f"${{{inside}}}",
                )


def _check_kind(placeholder: Placeholder) -> None:
    """Raises Failure for a placeholder that the server never fills."""
    if placeholder.kind == CREDENTIAL and placeholder.part != "headers":
        raise Failure(
            "placeholder_never_filled",
            f"{placeholder.place}: {placeholder.text} is filled in headers only. The server would send the text itself.",
            placeholder=placeholder.text,
        )
    if placeholder.kind:
        return
    near = _near(placeholder.name)
    if near:
        raise Failure(
            "placeholder_never_filled",
            f"{placeholder.place}: OpenSearch does not fill {placeholder.text}. Did you mean {near}?",
            placeholder=placeholder.text,
        )
    if placeholder.part != "request_body":
        variable = (
            " It looks like a variable of a shell: write its value." if _VARIABLE.fullmatch(placeholder.name) else ""
        )
        raise Failure(
            "placeholder_never_filled",
            f"{placeholder.place}: OpenSearch does not fill {placeholder.text}.{variable}",
            placeholder=placeholder.text,
        )


def _near(inside: str) -> str | None:
    """The placeholder that was meant, if the text resembles one."""
    given = _KIND_AND_NAME.fullmatch(inside)
    if given is None:
        return None
    word = given[1].lower()
    [kind] = (
        [_SHORT[word]] if word in _SHORT else difflib.get_close_matches(word, (PARAMETERS, CREDENTIAL), 1, 0.7) or [""]
    )
    return f"${{{kind}.{re.split('[.:]', inside, maxsplit=1)[1].strip()}}}" if kind else None


def _check_credential(placeholder: Placeholder, credential: Mapping[str, Any]) -> None:
    key = key_of(credential, placeholder.name)
    if key is None:
        secret = f" Write ${{credential.secretArn.{placeholder.name}}} for a key of the secret."
        raise Failure(
            "credential_missing",
            f"{placeholder.text} is used, but 'credential' has no {placeholder.name!r}."
            f"{secret if 'secretArn' in credential else ''}",
            placeholder=placeholder.name,
        )
    if key != placeholder.name and isinstance(credential[key], Mapping):
        raise Failure(
            "placeholder_never_filled",
            f"{placeholder.place}: {placeholder.text} is not filled, as the server does not look into the mapping "
            f"{key!r} in 'credential'. Give the key a name of its own there, such as {placeholder.name.replace('.', '_')!r}.",
            placeholder=placeholder.text,
        )
    if _is_empty(credential[key]):
        raise _without_value(key, f"{placeholder.text} is used")


def _without_value(key: str, use: str) -> Failure:
    return Failure("credential_missing", f"{use}, but {key!r} in 'credential' has no value.", placeholder=key)


def _is_empty(value: Any) -> bool:
    return value is None or text_of(value).strip() == ""


def _check_parameters(fields: Mapping[str, Any], values: Mapping[str, str]) -> None:
    """Raises Failure for a placeholder that neither the connector's parameters nor those of the probe fill."""
    for placeholder in placeholders(fields):
        if placeholder.part == "request_body" and (_is_true(values, _SKIP_MISSING) or _script_decides(fields, values)):
            continue
        if placeholder.kind == PARAMETERS and placeholder.default is None and placeholder.name not in values:
            raise Failure(
                "placeholder_unfilled",
                f"{placeholder.text} is used, but neither the connector's parameters nor the probe's have "
                f"{placeholder.name!r}.",
                placeholder=placeholder.name,
            )


def _script_decides(fields: Mapping[str, Any], values: Mapping[str, str]) -> bool:
    """Whether a script of the connector computes the parameters of a prediction from those that are given."""
    scripts = any(action.get("pre_process_function") for action in fields.get("actions") or [])
    return scripts and _is_true(values, _SCRIPT_MAKES_PARAMETERS)


def _is_true(values: Mapping[str, str], name: str) -> bool:
    return values.get(name, "").lower() == "true"


def _bodies(fields: Mapping[str, Any], values: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The place and the text of each request body whose placeholders the given values fill."""
    for number, action in enumerate(fields.get("actions") or []):
        if action.get("request_body") is not None and not _script_decides({"actions": [action]}, values):
            yield f"actions[{number}].request_body", text_of(action["request_body"])


def _problem_of_body(body: str, values: Mapping[str, str]) -> str | None:
    """Why a body is not JSON with these values; None if it is."""
    error = _json_error(_filled(body, values))
    if error is None:
        return None
    quoted = _quoted_container(body, values)
    if quoted:
        return f"Write {quoted} without quotes, because its value is not text."
    return f"With its placeholders filled, this is not JSON: {error}"


def _values(parameters: Mapping[str, Any], probe: Mapping[str, Any]) -> dict[str, str]:
    """The values of the placeholders: those of the connector as they are, those of the prediction escaped for JSON."""
    kept = {name.strip() for name in text_of(probe.get(_NO_ESCAPE) or "").split(",")}
    values = {str(name): text_of(value) for name, value in parameters.items()}
    for name, value in probe.items():
        text = text_of(value)
        values[str(name)] = (
            text if name in kept or _json_error(text) is None else json.dumps(text, ensure_ascii=False)[1:-1]
        )
    for value in list(values.values()):
        for inner in re.findall(r"\$\{parameters\.(.+?)\.toString\(\)\}", value):
            if inner in values:
                values[f"{inner}.toString()"] = json.dumps(values[inner], ensure_ascii=False)[1:-1]
    return values


def _filled(body: str, values: Mapping[str, str]) -> str:
    """The body with all placeholders filled whose values are known. Values may contain placeholders, too."""

    def null(match: re.Match[str]) -> str:
        return match[0] if match[1] in values else "null"

    def fill(match: re.Match[str]) -> str:
        known = _KNOWN.fullmatch(match[1])
        if known is None or known[1] != PARAMETERS:
            return match[0]
        default = known[3][2:] if known[3] is not None else match[0]
        return values.get(known[2], default)

    text = re.sub(r'"\$\{parameters\.(\w+):-null\}"', null, body)
    # The server fails on a cycle; here it ends with what is left.
    for _depth in range(10):
        before, text = text, _ANY.sub(fill, text)
        if text == before:
            break
    return text


def _json_error(text: str) -> str | None:
    """Why the server does not take the text for a body; None if it does. From 3.0 on it accepts JSON in lines as well."""
    try:
        return None if isinstance(parse_json(text), (dict, list)) else "it is neither an object nor a list."
    except ValueError as exc:
        error = exc
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) > 1 and all(_is_json_container(line) for line in lines):
        return None
    if not isinstance(error, json.JSONDecodeError):
        return f"{error}."
    around = " ".join(text[max(0, error.pos - 30) : error.pos + 30].split())
    return f"{error.msg} near: {around}"


def _is_json_container(text: str) -> bool:
    try:
        return isinstance(parse_json(text), (dict, list))
    except ValueError:
        return False


def _can_become_json(filled: str) -> bool:
    """Whether the remaining placeholders can have values with which the text is JSON."""
    parts = re.split(r"\$\{parameters\.[^{}]*\}", filled)
    unknown = len(parts) - 1
    # A body that is one placeholder may become a list or an object.
    if unknown > _MAX_UNKNOWN or (unknown == 1 and not "".join(parts).strip()):
        return True
    for stand_ins in itertools.product(_STAND_INS, repeat=unknown):
        text = "".join(itertools.chain.from_iterable(zip(parts, (*stand_ins, ""))))
        if _json_error(text) is None:
            return True
    return False


def _quoted_container(body: str, values: Mapping[str, str]) -> str | None:
    """A placeholder in quotes whose value is an object or a list."""
    for name in re.findall(r'"\$\{parameters\.([^{}:]+)(?::-[^{}]*)?\}"', body):
        if name in values and values[name] not in ("[]", "{}") and _is_json_container(values[name]):
            return f"${{parameters.{name}}}"
    return None
