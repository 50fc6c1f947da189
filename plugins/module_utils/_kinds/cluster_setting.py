# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Cluster settings: the values of each scope, the desired value of a setting, and whether it is in effect."""

from __future__ import annotations

from typing import Any, Iterable, Mapping, NamedTuple

from .._endpoints import pattern_checks, trusted_pattern
from .._errors.exceptions import ApiError, Failure, describe_shape
from .._http.client import Client
from .._runtime.run import Run
from .._values.compare import as_list, same_text, text_of
from .._values.masking import hidden
from .._values.nested import flatten
from . import setting_types

PATH = "/_cluster/settings"

#: The beginning of the name under which the server keeps a value that it refuses since an upgrade.
ARCHIVED_PREFIX = "archived."

#: The fields of groups and connectors about who may use them.
ACCESS = ("access_mode", "backend_roles", "add_all_backend_roles")

#: The settings that switch this control on.
MODEL_ACCESS_CONTROL = "plugins.ml_commons.model_access_control_enabled"
CONNECTOR_ACCESS_CONTROL = "plugins.ml_commons.connector_access_control_enabled"

#: The desired value of a setting that is reset: the scope has no value, and the default is in effect.
DEFAULT = None


class Settings(NamedTuple):
    """All settings of a cluster by dotted name: the values of each scope, and the defaults of settings without one."""

    persistent: dict[str, Any]
    transient: dict[str, Any]
    defaults: dict[str, Any]

    def scope(self, scope: str) -> dict[str, Any]:
        return self.transient if scope == "transient" else self.persistent

    def origin(self, name: str) -> str | None:
        """Where the effective value is from: "transient", "persistent" or "default". None for an unknown setting."""
        for origin, values in (
            ("transient", self.transient), ("persistent", self.persistent), ("default", self.defaults),
        ):  # fmt: skip
            if name in values:
                return origin
        return None

    def effective(self, name: str) -> Any:
        """The value that is in effect. None for an unknown setting."""
        for values in (self.transient, self.persistent, self.defaults):
            if name in values:
                return values[name]
        return None

    def underlying(self, scope: str, name: str) -> Any:
        """The value that is in effect for the scope: its own, or what it would replace. A persistent value replaces no
        transient one. None for an unknown setting, and for a default that a transient value hides: the server returns the
        defaults of settings that no scope has."""
        if scope == "transient":
            return self.effective(name)
        return self.persistent.get(name, self.defaults.get(name))

    def knows(self, name: str) -> bool:
        return self.origin(name) is not None

    def with_effective(self, values: Mapping[str, Any]) -> Settings:
        """The settings with other effective values for some of them."""
        given = flatten(values)
        transient = {name: value for name, value in self.transient.items() if name not in given}
        return self._replace(transient=transient, persistent={**self.persistent, **given})

    def names(self) -> list[str]:
        return sorted({name for values in self for name in values})


def read(client: Client) -> Settings:
    """Read all settings with one request. The defaults include the values of opensearch.yml. Raises Failure."""
    answer = client.get(PATH, {"flat_settings": "true", "include_defaults": "true"}).body
    try:
        return Settings(*(dict(answer[section]) for section in ("persistent", "transient", "defaults")))
    except (KeyError, TypeError, ValueError) as exc:
        raise Failure(
            "not_opensearch", f"The server answered the cluster settings as {describe_shape(answer)}"
        ) from exc


def read_if_allowed(client: Client) -> Settings | None:
    """All settings, for what is only a warning. None if the server refuses to show them. Raises Failure otherwise."""
    try:
        return read(client)
    except ApiError:
        return None


def warn_of_no_access_control(run: Run, fields: Iterable[str], name: str) -> None:
    """In check mode, warn if the given fields are about access and the setting ``name`` switches its control off."""
    given = [field for field in ACCESS if field in fields]
    settings = run.reader.fact(read_if_allowed) if given and run.only_planning else None
    if settings is not None and text_of(settings.effective(name)) == "false":
        run.warn(
            f"{', '.join(given)}: {name} is false, so that the server refuses these options, unless an earlier task sets it. It "
            "has no effect without the security plugin."
        )


def to_result(settings: Settings, names: Iterable[str]) -> dict[str, Any]:
    """The effective values of settings, as modules return them."""
    shown: dict[str, Any] = hidden({name: settings.effective(name) for name in names})
    return shown


def write(client: Client, scope: str, changes: Mapping[str, Any]) -> None:
    """Write settings with one request; None resets a setting. The Failure that it raises names the settings, which not
    every refusal of the server does."""
    try:
        client.change("PUT", PATH, {scope: dict(changes)})
    except Failure as failure:
        if not any(name in failure.message for name in changes):
            failure.message = f"{', '.join(sorted(changes))}: {failure.message}"
        raise


def check_items(name: str, value: Any) -> None:
    """Raises Failure for a list with an item None, which would be sent as the text "null"."""
    if isinstance(value, (list, tuple)) and None in value:
        raise Failure("invalid_input", f"settings: {name}: an item of the list has no value.")


def check(name: str, value: Any, *, allow_catch_all: bool) -> None:
    """Raises Failure for patterns that the server accepts but cannot use, and for those that trust unnamed hosts."""
    if value is None or not name.endswith("_regex"):
        return
    for pattern in as_list(value):
        try:
            _check_pattern(name, pattern, allow_catch_all=allow_catch_all)
        except Failure as failure:
            raise Failure(failure.code, f"{name}: {failure.message}") from failure


def is_pattern_list(name: str) -> bool:
    """Whether the setting is a list of patterns for the URLs of connectors."""
    return name.endswith("endpoints_regex")


def _check_pattern(name: str, pattern: str, *, allow_catch_all: bool) -> None:
    fault = pattern_checks.find_fault(pattern) if is_pattern_list(name) else None
    if fault:
        raise Failure("useless_pattern", f"{pattern!r}: {fault}.")
    trusted_pattern.compile_java(pattern)
    hole = pattern_checks.find_hole(pattern) if is_pattern_list(name) and not allow_catch_all else None
    if hole:
        closed = f" For this host alone, write {hole.closed!r}." if hole.closed else ""
        raise Failure(
            "catch_all_refused", f"{pattern!r} trusts hosts that it does not name, such as {hole.url}.{closed}"
        )


def weaknesses(settings: Settings, scope: str, name: str, value: Any) -> list[str]:
    """Warnings about patterns that are new in the scope and that match more or less than most authors want."""
    if value is None or not is_pattern_list(name):
        return []
    known = as_list(settings.underlying(scope, name))
    found = {pattern: pattern_checks.find_weakness(pattern) for pattern in as_list(value) if pattern not in known}
    return [f"{name}: {pattern!r}: {weakness}." for pattern, weakness in found.items() if weakness]


def desired_value(settings: Settings, scope: str, name: str, value: Any, list_mode: str) -> Any:
    """The value that the scope must have for the user's value. ``list_mode`` combines lists with the one that the scope has
    or would replace. Raises Failure if a transient value hides that list."""
    value = _as_type_of_setting(name, value, settings.effective(name), list_mode)
    if not isinstance(value, (list, tuple)) or list_mode == "exact":
        return value
    underlying = settings.underlying(scope, name)
    if underlying is None and name in settings.transient:
        raise Failure(
            "hidden_default",
            f"{name}: cannot {list_mode} items: the setting has no persistent value, and a transient value hides its default.",
            setting=name,
        )
    observed, items = as_list(underlying), as_list(value)
    if list_mode == "append":
        return observed + [item for item in dict.fromkeys(items) if item not in observed]
    return [item for item in observed if item not in items]


def _as_type_of_setting(name: str, value: Any, effective: Any, list_mode: str) -> Any:
    """The value as a list if the setting is a list, because a single item would replace the list; or as a boolean."""
    if value is DEFAULT or isinstance(value, (list, tuple)):
        return value
    if list_mode == "exact":
        is_item = isinstance(value, str) and isinstance(effective, (list, tuple))
    else:
        is_item = setting_types.is_list(name) or isinstance(effective, (list, tuple))
    if is_item:
        return [value]
    # Templates of older ansible-core turn booleans into text, in Python's spelling.
    if value in ("True", "False") and text_of(effective) in ("true", "false"):
        return value == "True"
    return value


def is_in_effect(settings: Settings, scope: str, name: str, value: Any) -> bool:
    """Whether nothing has to be written: the scope has the value, or has none and would replace the same value."""
    if value is DEFAULT:
        return name not in settings.scope(scope)
    return same(settings.underlying(scope, name), value)


def same(have: Any, want: Any) -> bool:
    """Whether two values mean the same: scalars by their text, lists item by item, a single value as a list of one."""
    if isinstance(want, (list, tuple)):
        return have is not None and as_list(have) == as_list(want)
    if isinstance(have, (list, tuple)):
        return as_list(have) == [text_of(want)]
    return have is not None and same_text(have, want)


def is_empty(value: Any) -> bool:
    """Whether the effective value of a setting is empty, or the cluster does not know the setting."""
    return as_list(value) in ([], [""])


def request_value(value: Any) -> Any:
    """The value as a request has it: the items of lists as text, and 90.0 as 90, as settings of integers refuse the former."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return as_list(value) if isinstance(value, (list, tuple)) else value
