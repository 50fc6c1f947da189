# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What is wrong with the URLs and the credential of a connector, as far as its fields show it."""

from __future__ import annotations

import re
from typing import Any, Iterable, Iterator, Mapping, NamedTuple

from .._errors.exceptions import Failure
from .._values.compare import text_of
from .._values.masking import is_literal_secret
from .._values.nested import scalars
from .url import fill, parse, plain_port_warning

#: What ML Commons needs to sign requests (AwsConnector.validate), as keys of the credential or as parameters.
_KEYS_OF_SIGV4 = ("access_key", "secret_key")
_SCOPE_OF_SIGV4 = ("service_name", "region")

#: What ML Commons needs to get tokens from Google Cloud (GoogleCloudConnector.validate), as keys of the credential.
_KEYS_OF_GOOGLE = ("private_key", "client_email")

#: The keys of the credential that the server itself uses, by protocol.
_KEYS_OF_PROTOCOL = {"aws_sigv4": _KEYS_OF_SIGV4, "google_cloud": _KEYS_OF_GOOGLE}

#: Amazon's managed service reads the keys from a role or a secret.
_OTHER_SOURCES_OF_KEYS = ("roleArn", "secretArn")

#: Values that documentation, dashboards and templates show in place of a secret. Servers without keys are often given
#: words such as "none", "dummy" or "EMPTY", so these are no mistakes.
_LEFT_IN = re.compile(
    r"(?ix) .*(\.\.\.|…|\*{3}).* | (.*[-_\s])?x{3,} | x{3,}[-_\w]*"
    r" | (enter|insert|put|paste|add|replace)?[-_\s]*(with)?[-_\s]*(your|my)[-_\s]?[\w\s-]*(key|token|secret|password|credential)s?"
    r"[\w\s-]* | .*(change|replace)[-_\s]?(me|this|it).* | (todo|tbd|fixme|placeholder)\b.*"
    r" | \$\{?[A-Z][A-Z0-9_]*\}? | .*\{\{.*\}\}.* | %[A-Z][A-Z0-9_]*%"
)

#: The same in place of a parameter that is one word: others may be prompts, which address the reader.
_LEFT_IN_PARAMETER = re.compile(
    r"(?ix) ((enter|insert|put|paste|add|replace)[-_](with[-_])?)? your[-_][\w-]+ | (\{%.*%\})? \{\{.*\}\} (\{%.*%\})?"
    r" | \$\{?[A-Z][A-Z0-9_]*\}? | %[A-Z][A-Z0-9_]*%"
)

#: Number of seconds from which a timeout is taken for one in milliseconds.
_MANY_SECONDS = 10_000

#: The longest secret that is searched, so that the time stays short.
_MAX_LEFT_IN = 100


class Call(NamedTuple):
    """A URL that a connector calls, with the connector's own parameters filled in. ``place`` is the field it is in."""

    place: str
    url: str

    @property
    def has_unfilled_host(self) -> bool:
        """Whether the host is known at the prediction only."""
        return "${" in re.split(r"[/?#]", self.url.split("://", 1)[-1], maxsplit=1)[0]

    @property
    def complete(self) -> str:
        """The URL with a letter in place of each placeholder that is still there."""
        return re.sub(r"\$\{[^}]*\}", "x", self.url)


def calls(fields: Mapping[str, Any]) -> list[Call]:
    """The URLs that a connector with these fields calls, those of its actions first."""
    parameters = fields.get("parameters") or {}
    urls = [(f"actions[{number}].url", action.get("url")) for number, action in enumerate(fields.get("actions") or [])]
    urls.append(("url", fields.get("url")))
    return [Call(place, fill(url, parameters)) for place, url in urls if url]


def check(fields: Mapping[str, Any], credential: Mapping[str, Any] | None) -> list[str]:
    """Warnings about the URLs and the credential. Raises Failure for what cannot work.

    ``fields`` may be a part of the connector's fields. ``credential`` is None if the server has one already.
    """
    warnings = []
    places = list(_without_path(fields))
    for call in calls(fields):
        warnings += _check_call(call, needs_path=call.place not in places)
    _check_sigv4(fields, credential)
    _check_google_cloud(fields, credential)
    warnings += _without_body(fields)
    warnings += _long_timeouts(fields.get("client_config") or {})
    places = list(_left_in(fields, credential or {}))
    if places:
        warnings.append(_left_in_warning(places))
    return [*warnings, *_doubled_words(fields, credential or {}), *_blanks(fields, credential or {})]


def _without_body(fields: Mapping[str, Any]) -> Iterator[str]:
    """Warnings of predictions that the server refuses to send (3.6.0: "Content length is 0"). Without a ``request_body``, it sends
    the parameter ``http_body`` (HttpConnector of ML Commons)."""
    if "http_body" in (fields.get("parameters") or {}):
        return
    for number, action in enumerate(fields.get("actions") or []):
        predicts = str(action.get("action_type") or "predict").lower() == "predict"
        if predicts and str(action.get("method")).upper() == "POST" and not action.get("request_body"):
            yield f"actions[{number}]: has no request_body, so the server refuses predictions that give no parameter http_body; add it."


def _doubled_words(fields: Mapping[str, Any], credential: Mapping[str, Any]) -> Iterator[str]:
    """Warnings of keys with the word before a key, such as ``Bearer``, that the header has as well."""
    values = _header_values(fields)
    for name, key in credential.items():
        word = re.match(r"[A-Za-z]+(?= )", str(key).lstrip())
        if word and f"{word[0]} ${{credential.{name}}}".lower() in values.lower():
            yield f"credential.{name}: begins with {word[0]!r}, which the header has as well; give the key alone."


def _blanks(fields: Mapping[str, Any], credential: Mapping[str, Any]) -> Iterator[str]:
    """Warnings of keys with a blank at their start or end, which a header sends and most backends answer with 401."""
    values = _header_values(fields)
    for name, key in credential.items():
        if f"${{credential.{name}}}" in values and text_of(key) != text_of(key).strip():
            yield f"credential.{name}: begins or ends with a blank, which most backends take for a part of the key; strip it."


def _header_values(fields: Mapping[str, Any]) -> str:
    headers = [fields.get("headers"), *(action.get("headers") for action in fields.get("actions") or [])]
    return " ".join(str(value) for each in headers if isinstance(each, Mapping) for value in each.values())


def warnings_of_secrets(credential: Mapping[str, Any], place: str) -> list[str]:
    """Warnings about the values of an example in a credential, which ``place`` names."""
    places = [f"{place}.{name}" for name, value in credential.items() if _any_left_in(value)]
    return [_left_in_warning(places)] if places else []


def _left_in_warning(places: Iterable[str]) -> str:
    return f"{', '.join(places)}: looks like a value of an example or a template that was not replaced by your own."


def _without_path(fields: Mapping[str, Any]) -> Iterator[str]:
    """The places of URLs that need no path: that of an MCP server, whose path is a parameter; and some APIs of Amazon, such as
    Comprehend, name the operation in a header."""
    yield "url"
    for number, action in enumerate(fields.get("actions") or []):
        if any(str(name).lower() == "x-amz-target" for name in action.get("headers") or {}):
            yield f"actions[{number}].url"


def _check_call(call: Call, *, needs_path: bool) -> list[str]:
    if call.has_unfilled_host:
        return [
            f"{call.place} takes its host from a parameter, which every user who may predict can override; write the host "
            "into the URL."
        ]
    try:
        path = parse(call.complete).path
    except Failure as failure:
        raise Failure(failure.code, f"{call.place}: {failure.message}") from failure
    plain_port = plain_port_warning(call.complete)
    no_path = (
        f"{call.place}: {call.url} has no path; most model servers answer 404 there."
        if needs_path and not path.strip("/")
        else None
    )
    two_slashes = (
        f"{call.place}: {call.url} has two slashes in its path; many servers answer 404 there."
        if "//" in path
        else None
    )
    return [warning for warning in (plain_port, no_path, two_slashes) if warning]


def _long_timeouts(client_config: Mapping[str, Any]) -> Iterator[str]:
    """Warnings about timeouts that were probably given in milliseconds."""
    for name in ("connection_timeout", "read_timeout"):
        seconds = client_config.get(name)
        if isinstance(seconds, int) and seconds >= _MANY_SECONDS:
            yield (
                f"client_config.{name}: {seconds} seconds are {seconds / 3600:.1f} hours. The unit was milliseconds only before "
                f"OpenSearch 2.14; write {seconds // 1000} if you mean {seconds // 1000} seconds."
            )


def _check_sigv4(fields: Mapping[str, Any], credential: Mapping[str, Any] | None) -> None:
    """Raises Failure for a connector that signs requests, and lacks what the signature needs."""
    if fields.get("protocol") != "aws_sigv4" or credential is None:
        return
    missing = []
    if not any(credential.get(name) for name in _OTHER_SOURCES_OF_KEYS):
        missing = [f"credential.{name}" for name in _KEYS_OF_SIGV4 if not credential.get(name)]
    parameters = fields.get("parameters") or {}
    missing += [f"parameters.{name}" for name in _SCOPE_OF_SIGV4 if not (credential.get(name) or parameters.get(name))]
    if missing:
        raise Failure(
            "sigv4_incomplete", f"protocol: aws_sigv4 needs {', '.join(missing)} to sign requests.", missing=missing
        )


def keys_of_protocol(fields: Mapping[str, Any]) -> tuple[str, ...]:
    """The keys of the credential that the server itself uses for the connector's protocol."""
    return () if _uses_account_of_nodes(fields) else _KEYS_OF_PROTOCOL.get(str(fields.get("protocol")), ())


def _uses_account_of_nodes(fields: Mapping[str, Any]) -> bool:
    """Whether a connector of Google Cloud uses the account of the nodes (Application Default Credentials)."""
    mode = (fields.get("parameters") or {}).get("auth_mode")
    return fields.get("protocol") == "google_cloud" and text_of(mode).lower() == "adc"


def _check_google_cloud(fields: Mapping[str, Any], credential: Mapping[str, Any] | None) -> None:
    """Raises Failure for a connector of Google Cloud that lacks the key of an account, or has one beside that of the nodes."""
    if fields.get("protocol") != "google_cloud" or credential is None:
        return
    given = [name for name in _KEYS_OF_GOOGLE if credential.get(name)]
    if _uses_account_of_nodes(fields) and given:
        raise Failure(
            "invalid_input",
            f"credential: remove {', '.join(given)}; with the parameter 'auth_mode: adc' the server uses the account of the "
            "nodes.",
        )
    missing = [name for name in keys_of_protocol(fields) if name not in given]
    if missing:
        raise Failure(
            "credential_missing",
            f"protocol: google_cloud needs {', '.join(missing)} of a service account in 'credential', or, on nodes in Google "
            "Cloud, the parameter 'auth_mode: adc'.",
            placeholder=missing[0],
        )


def needs_amazon(fields: Mapping[str, Any], credential: Mapping[str, Any] | None) -> bool:
    """Whether only Amazon's managed service accepts the credential, because it has no keys of its own."""
    return (
        fields.get("protocol") == "aws_sigv4"
        and credential is not None
        and not all(credential.get(name) for name in _KEYS_OF_SIGV4)
    )


def _left_in(fields: Mapping[str, Any], credential: Mapping[str, Any]) -> Iterator[str]:
    """The places of secrets and parameters that look like those of an example."""
    for name, value in credential.items():
        if _any_left_in(value):
            yield f"credential.{name}"
    for name, value in (fields.get("parameters") or {}).items():
        if isinstance(value, str) and len(value) <= _MAX_LEFT_IN and _LEFT_IN_PARAMETER.fullmatch(value.strip()):
            yield f"parameters.{name}"
    holders = [(f"actions[{number}].headers", action) for number, action in enumerate(fields.get("actions") or [])]
    for place, holder in [*holders, ("headers", fields)]:
        for name, value in (holder.get("headers") or {}).items():
            if is_literal_secret(str(name), text_of(value)) and _any_left_in(text_of(value).rpartition(" ")[2]):
                yield f"{place}.{name}"


def _any_left_in(value: Any) -> bool:
    texts = (scalar.strip() for scalar in scalars(value) if isinstance(scalar, str))
    return any(len(text) <= _MAX_LEFT_IN and _LEFT_IN.fullmatch(text) for text in texts)
