# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Masks secrets in all output, in each form in which they are transferred."""

from __future__ import annotations

import base64
import difflib
import json
import re
from functools import lru_cache
from typing import Any, Callable, Iterable, Iterator, Mapping
from urllib.parse import quote, quote_plus, unquote

from . import secret_names
from .nested import map_scalars, map_strings, parse_json, scalars

MASK = "********"

#: Minimum length. A shorter secret occurs in any text by chance: masking it would damage ids and hide nothing.
MIN_SECRET_LENGTH = 4

#: The values of a secret name that are not secret: placeholders, and the scheme before them.
_ONLY_PLACEHOLDERS = re.compile(r"\s*([A-Za-z]+(-[A-Za-z]+)?\s+)?(\$\{[^}]*\}\s*)*")

#: Values that are no secret, whatever the name: of a switch, a small number, or none.
_NO_SECRET = re.compile(r"(?i)true|false|yes|no|none|null|[0-9]{1,5}")


def is_literal_secret(header: str, value: str) -> bool:
    """Whether the value of a header contains a secret itself instead of a ``${credential...}`` placeholder."""
    return secret_names.is_secret_header(header) and not _ONLY_PLACEHOLDERS.fullmatch(value)


def is_plain_secret(name: str, value: Any) -> bool:
    """Whether the value of a field or a parameter is a secret by its name, and not a placeholder of one."""
    return (
        isinstance(value, str)
        and secret_names.is_secret(name)
        and not _ONLY_PLACEHOLDERS.fullmatch(value)
        and not _NO_SECRET.fullmatch(value)
    )


#: The keys whose values are secret wherever they are: in a connector, in the body of one, and in an item of a stack, also
#: in one of the wrong section.
_SECRET_KEYS = ("credential", "credentials", "api_key", "access_key", "secret_key", "session_token")

#: Similarity of two names, from 0 to 1, above which one is taken for a misspelling of the other.
_MISSPELT = 0.85

#: The keys of mappings from names of fields to names of fields. What such a name is says nothing about its value.
_FIELD_MAPS = frozenset({"field_map", "input_map", "output_map", "properties"})

#: The keys of headers that go to a backend.
_HEADER_KEYS = frozenset({"headers", "mcp_headers"})

#: A character in a URL, which programs write with letters of either case.
_HEXADECIMAL = re.compile("%[0-9A-F]{2}")

_URL_KEYS = frozenset({"url", "base_url"})

#: A text that is one URL, with its parts: up to a user's password, the password, the rest up to the query, the query.
_URL = re.compile(r"([A-Za-z][\w+.-]*://)(?:([^/?#\s@:]*:)([^/?#\s@]+)(?=@))?([^?\s]*)(\?\S*)?")

#: A parameter in the query of a URL.
_QUERY_PARAMETER = re.compile(r"(?<=[?&])([^=&#]+)=([^&#]+)")

_ONE_PLACEHOLDER = re.compile(r"\$\{[^}]*\}")

#: A text among invalid headers that is the name of one, and not its value.
_HEADER_NAME = re.compile(r"[A-Za-z]+(-[A-Za-z]+)*")


@lru_cache(maxsize=4096)
def _is_secret_key(key: str) -> bool:
    """Whether the values of a key are secret, also if it is misspelt: a later version of the server may know the field, so it
    is sent and shown."""
    return bool(difflib.get_close_matches(key.strip().lower(), _SECRET_KEYS, 1, _MISSPELT))


def credential_values(value: Any) -> list[str]:
    """The texts and numbers in a credential, at any depth; also a text that is one as a whole, and those in its JSON."""
    found = []
    for scalar in scalars(value):
        if scalar in (None, "") or isinstance(scalar, bool):
            continue
        found.append(str(scalar))
        if isinstance(scalar, str):
            found += credential_values(_from_json(scalar))
    return found


def passwords_in(urls: Any) -> list[str]:
    """The passwords in a URL or several, as they are and unquoted. Such a URL is refused, but shown among the task's
    arguments."""
    found: list[str] = []
    texts = [text for text in scalars(urls) if isinstance(text, str)]
    # A text may be several URLs, separated by commas.
    for url in [*texts, *(part for text in texts if "," in text for part in text.split(","))]:
        # Not with urlsplit(): an invalid URL, such as one with special characters in its password, must not show it
        # either.
        rest = url.partition("://")[2] or url
        for part in (rest, re.split(r"[/?#]", rest)[0]):
            password = part.rpartition("@")[0].partition(":")[2]
            found += [password, unquote(password)]
    return [password for password in dict.fromkeys(found) if password]


def _authority(url: str) -> str:
    """The part of a URL that may have a password, which is not the path: a model's name there may have an @."""
    rest = url.partition("://")[2] or url
    found = re.split("[/?#]", rest)[0]
    port = found.rpartition("@")[2].partition(":")[2]
    # What is no port is the beginning of a password with a special character.
    return found if port.isdigit() or "${" in port else rest if port and "@" in rest else found


def _secrets_in_query(url: str) -> Iterator[str]:
    """The keys in the query of a URL, as some providers document them."""
    for pair in url.partition("?")[2].partition("#")[0].split("&"):
        name, _equals, value = pair.partition("=")
        if secret_names.is_secret_in_query(name):
            yield from (text for text in (value, unquote(value)) if not _ONE_PLACEHOLDER.fullmatch(text))


def find_secrets(value: Any) -> Iterator[str]:
    """The secrets in a value of any structure, which need not be valid: credentials, values of names that say so, plain
    secrets in headers, and passwords and keys in URLs."""
    if isinstance(value, str):
        if _URL.fullmatch(value):
            yield from _secrets_in_url(value)
        value = _from_json(value)
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _secrets_of(str(key), item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from find_secrets(item)


def _secrets_of(key: str, item: Any) -> Iterator[str]:
    """The secrets in the value of a key."""
    if _is_secret_key(key):
        yield from (secret for secret in credential_values(item) if not _ONE_PLACEHOLDER.fullmatch(secret))
        return
    if key in _FIELD_MAPS:
        return
    yield from (text for text in _texts(item) if is_plain_secret(key, text))
    if key in _HEADER_KEYS:
        yield from _secrets_in_headers(item)
    elif key in _URL_KEYS and isinstance(item, str):
        yield from _secrets_in_url(item)
    yield from find_secrets(item)


def _texts(item: Any) -> list[str]:
    """A text, or the texts of a list."""
    return [text for text in (item if isinstance(item, (list, tuple)) else [item]) if isinstance(text, str)]


def _secrets_in_url(url: str) -> Iterator[str]:
    yield from passwords_in(_authority(url))
    yield from _secrets_in_query(url)


def hidden(value: Any) -> Any:
    """A copy of a value for results and diffs, with :data:`MASK` in place of each secret."""
    return map_secrets(value, lambda name, text: MASK, _hidden_url)


def map_secrets(value: Any, change: Callable[[str, str], str], change_url: Callable[[str], str]) -> Any:
    """A copy of a value without the secrets that :func:`find_secrets` finds. Texts with JSON stay as they are.

    ``change`` returns what replaces a secret; its arguments are the name that says that it is one, and the secret.
    ``change_url`` returns what replaces a URL with a secret in it.
    """
    if isinstance(value, Mapping):
        return {key: _map_item(str(key), item, change, change_url) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [map_secrets(item, change, change_url) for item in value]
    return change_url(value) if isinstance(value, str) and _hidden_url(value) != value else value


def _map_item(key: str, item: Any, change: Callable[[str, str], str], change_url: Callable[[str], str]) -> Any:
    if key in _FIELD_MAPS:
        return item
    if key in _HEADER_KEYS and isinstance(item, Mapping):
        return {
            name: change(str(name), str(value)) if is_literal_secret(str(name), str(value)) else value
            for name, value in item.items()
        }
    if _is_secret_key(key):
        return map_scalars(
            item, lambda each: each if each in (None, "") or _is_placeholder(each) else change(key, str(each))
        )
    if isinstance(item, str) and is_plain_secret(key, item):
        return change(key, item)
    if isinstance(item, (list, tuple)):
        return [_map_item(key, each, change, change_url) for each in item]
    return map_secrets(item, change, change_url)


def _is_placeholder(value: Any) -> bool:
    return isinstance(value, str) and bool(_ONLY_PLACEHOLDERS.fullmatch(value))


def _hidden_url(text: str) -> str:
    """A URL with :data:`MASK` in place of a password and of keys; any other text as it is."""

    def hide_parameter(match: re.Match[str]) -> str:
        name, value = match.groups()
        return f"{name}={MASK}" if secret_names.is_secret_in_query(name) and not _is_placeholder(value) else match[0]

    url = _URL.fullmatch(text)
    if not url:
        return text
    scheme, user, password, rest, query = url.groups(default="")
    password = MASK if password and not _is_placeholder(password) else password
    return f"{scheme}{user}{password}{rest}{_QUERY_PARAMETER.sub(hide_parameter, query)}"


def _secrets_in_headers(headers: Any) -> Iterator[str]:
    headers = (_from_json(headers) or headers) if isinstance(headers, str) else headers
    if isinstance(headers, Mapping):
        for name, value in headers.items():
            texts = [str(scalar) for scalar in scalars(value) if scalar is not None]
            yield from (text for text in texts if is_literal_secret(str(name), text))
    elif headers:
        # Invalid, so it is unknown which of them are secret.
        texts = [str(scalar) for scalar in scalars(headers) if scalar is not None]
        words = (word for text in texts for word in dict.fromkeys((text, *text.split())))
        yield from (word for word in words if not _HEADER_NAME.fullmatch(word.rstrip(":")))


def _from_json(text: str) -> Any:
    """The mapping or list that a text is as JSON, which Ansible accepts for one; None for any other text."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        return parse_json(text)
    except ValueError:
        return None


def _python_literals(text: str) -> set[str]:
    """The text as ``repr`` writes it in a longer one: which quotes it escapes depends on the rest of that."""
    return {repr(text)[1:-1], repr(f'"{text}')[2:-1]}


def _written(text: str) -> set[str]:
    """A text as it is, and as JSON and messages quote it."""
    escaped = {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
    # A mapping or list in a credential or a parameter is sent as JSON inside of JSON.
    twice = {json.dumps(form)[1:-1] for form in escaped}
    # Messages quote answers of an unexpected structure with repr.
    return {text, *escaped, *twice}.union(*[_python_literals(form) for form in (text, *escaped)])


class Masker:
    """Replaces each known secret, and its base64, URL-encoded and escaped forms, by :data:`MASK`.

    Also in upper and in lower case, as options such as 'method' are converted before a message quotes them.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._forms: set[str] = set()
        self.add(*secrets)

    def add(self, *secrets: str) -> None:
        for secret in secrets:
            if len(secret) < MIN_SECRET_LENGTH:
                continue
            raw = secret.encode("utf-8", "surrogateescape")
            quoted = {quote(secret, safe="", errors="surrogateescape"), quote_plus(secret, errors="surrogateescape")}
            self._forms.update(
                *[_written(form) for form in (secret, secret.upper(), secret.lower())],
                *[{form, form.upper(), form.lower()} for form in quoted],
                {_HEXADECIMAL.sub(lambda match: match[0].lower(), form) for form in quoted},
                {base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()},
            )

    @property
    def forms(self) -> set[str]:
        """All texts that are masked."""
        return set(self._forms)

    def __call__(self, value: Any) -> Any:
        """A copy of the value with the secrets masked, at any depth. Keys stay as they are."""
        return map_strings(value, self._masked)

    def _masked(self, text: str) -> str:
        for form in sorted(self._forms, key=len, reverse=True):
            text = text.replace(form, MASK)
        return text
