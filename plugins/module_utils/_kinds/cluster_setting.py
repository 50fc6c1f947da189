# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Cluster settings: what is in effect, what is stated, and the one request that closes the gap."""

from __future__ import annotations

from typing import Any, Iterable, Mapping, NamedTuple

from .._endpoints import trusted_pattern
from .._errors.exceptions import Failure
from .._errors.printable import describe_shape
from .._http.client import Client
from .._values.compare import same_text, text_of

PATH = "/_cluster/settings"

#: Settings under this prefix are all listed with their defaults, so one that is not listed does not exist.
ML_PREFIX = "plugins.ml_commons."

#: Stands for "no value of its own": the default counts.
DEFAULT = None


class Settings(NamedTuple):
    """All settings of a cluster, flat: what each scope holds, and the defaults of those that no scope holds."""

    persistent: dict[str, Any]
    transient: dict[str, Any]
    defaults: dict[str, Any]

    def scope(self, scope: str) -> dict[str, Any]:
        return self.transient if scope == "transient" else self.persistent

    def origin(self, name: str) -> str | None:
        """Whose value is in effect, "transient", "persistent" or "default"; None where there is no such setting."""
        for origin, values in (
            ("transient", self.transient), ("persistent", self.persistent), ("default", self.defaults),
        ):  # fmt: skip
            if name in values:
                return origin
        return None

    def effective(self, name: str) -> Any:
        for values in (self.transient, self.persistent, self.defaults):
            if name in values:
                return values[name]
        return None

    def knows(self, name: str) -> bool:
        return self.origin(name) is not None

    def names(self) -> list[str]:
        return sorted({name for values in self for name in values})


def read(client: Client) -> Settings:
    """One request. The defaults include what opensearch.yml says."""
    answer = client.get(PATH, {"flat_settings": "true", "include_defaults": "true"}).body
    try:
        return Settings(*(dict(answer[section]) for section in ("persistent", "transient", "defaults")))
    except (KeyError, TypeError, ValueError) as exc:
        raise Failure("not_opensearch", f"The cluster's settings were answered as {describe_shape(answer)}") from exc


def to_result(settings: Settings, names: Iterable[str]) -> dict[str, Any]:
    """Settings as modules return them: what is in effect."""
    return {name: settings.effective(name) for name in names}


def write(client: Client, scope: str, changes: Mapping[str, Any]) -> None:
    """One request; None resets a setting. Raises Failure that names the settings, which some refusals do not."""
    try:
        client.change("PUT", PATH, {scope: dict(changes)})
    except Failure as failure:
        if not any(name in failure.message for name in changes):
            failure.message = f"{', '.join(sorted(changes))}: {failure.message}"
        raise


def check_items(name: str, value: Any) -> None:
    """Refuse an item without a value, which would be taken for the text "null". Raises Failure."""
    if isinstance(value, (list, tuple)) and None in value:
        raise Failure("invalid_input", f"settings: {name}: an item of the list has no value.")


def check(name: str, value: Any, *, allow_catch_all: bool) -> None:
    """Refuse patterns that the server would take and break on, and those that trust everything. Raises Failure."""
    if not name.endswith("_regex") or value is None:
        return
    for pattern in as_list(value):
        try:
            if trusted_pattern.is_catch_all(pattern) and not allow_catch_all:
                raise Failure("catch_all_refused", f"{name}: {pattern!r} trusts every address.")
        except Failure as failure:
            if failure.code != "invalid_regex":
                raise
            raise Failure(failure.code, f"{name}: {failure.message}") from failure


def desired_value(settings: Settings, scope: str, name: str, value: Any, list_mode: str) -> Any:
    """The value that the scope has to hold so that the statement is true. Lists are joined with the effective list."""
    value = _in_kind(name, value, settings.effective(name), list_mode)
    if not isinstance(value, (list, tuple)) or list_mode == "exact":
        return value
    effective = as_list(settings.effective(name))
    stated = as_list(value)
    if list_mode == "append":
        return effective + [item for item in dict.fromkeys(stated) if item not in effective]
    return [item for item in effective if item not in stated]


def _in_kind(name: str, value: Any, effective: Any, list_mode: str) -> Any:
    """The stated value as a list or a boolean where the setting is one: a lone item would take the list's place."""
    if value is DEFAULT or isinstance(value, (list, tuple)):
        return value
    if list_mode == "exact":
        is_item = isinstance(value, str) and isinstance(effective, (list, tuple))
    else:
        is_item = name.endswith("_regex") or isinstance(effective, (list, tuple))
    if is_item:
        return [value]
    # Templates of older ansible-core make text of booleans, in Python's spelling.
    if value in ("True", "False") and text_of(effective) in ("true", "false"):
        return value == "True"
    return value


def is_in_effect(settings: Settings, scope: str, name: str, value: Any) -> bool:
    """Whether nothing has to be written. What holds by default need not be written down."""
    held = settings.scope(scope)
    if value is DEFAULT:
        return name not in held
    have = held.get(name, settings.effective(name))
    return same(have, value)


def same(have: Any, want: Any) -> bool:
    """Scalars by meaning, lists item by item; a list that was stored as one string is a list of one."""
    if isinstance(want, (list, tuple)):
        return have is not None and as_list(have) == as_list(want)
    if isinstance(have, (list, tuple)):
        return as_list(have) == [text_of(want)]
    return have is not None and same_text(have, want)


def is_empty(value: Any) -> bool:
    """Whether this is no value at all: that of a setting without one, or that the cluster does not know."""
    return as_list(value) in ([], [""])


def as_list(value: Any) -> list[str]:
    if value is None:
        return []
    return [text_of(item) for item in value] if isinstance(value, (list, tuple)) else [text_of(value)]


def request_value(value: Any) -> Any:
    return as_list(value) if isinstance(value, (list, tuple)) else value
