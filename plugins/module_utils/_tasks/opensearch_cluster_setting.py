# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The task of opensearch_cluster_setting: read all settings once, write those that differ with one request."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Iterable, Mapping

from .._endpoints import pattern_safety
from .._errors.exceptions import ApiError, Failure
from .._kinds import cluster_setting as settings
from .._kinds import setting_record, setting_types
from .._runtime.module import Module, typed
from .._runtime.run import Run
from .._values import addition_record
from .._values.addition_record import Entry
from .._values.compare import as_list, text_of
from .._values.masking import hidden
from .._values.nested import flatten

SPEC = {
    "settings": {"type": "dict", "required": True},
    "state": {"type": "str", "default": "present", "choices": ["present", "absent", "undone"]},
    "scope": {"type": "str", "default": "persistent", "choices": ["persistent", "transient"]},
    "list_mode": {"type": "str", "default": "exact", "choices": ["exact", "append", "remove"]},
    "record_for": {"type": "str"},
    "needed_by": {"type": "dict", "default": {}},
    "only_where_set": {"type": "list", "elements": "str", "default": []},
    "allow_catch_all": {"type": "bool", "default": False},
}


@dataclass(frozen=True)
class Options:
    settings: Mapping[str, Any]
    state: str
    scope: str
    list_mode: str
    record_for: str | None
    needed_by: Mapping[str, Mapping[str, str]]
    only_where_set: list[str]
    allow_catch_all: bool


def execute(options: Options, run: Run) -> dict[str, Any]:
    """Apply the desired settings. Raises Failure."""
    desired = _desired(options)
    try:
        observed = run.reader.fact(settings.read)
    except Failure as failure:
        # A later version may have a setting that is not in the table, so only the cluster can say that a name is wrong.
        failure.message += _spelling(name for name in desired if name.startswith(setting_types.ML_PREFIX))
        raise
    skipped = {name for name in options.only_where_set if settings.is_empty(observed.underlying(options.scope, name))}
    desired = {name: value for name, value in desired.items() if name not in skipped}
    recorded = new_record = setting_record.read(observed)
    if options.state == "undone":
        changes, new_record = setting_record.undo(recorded, observed, desired)
        for name, value in changes.items():
            _warn_of_transient(options.scope, run, observed, name, value)
        new_record = setting_record.needed_by(new_record, options.needed_by)
    else:
        changes = _changes(options, run, observed, desired)
        if options.record_for is not None:
            new_record = setting_record.after_adding(recorded, observed, changes, options.record_for)
    is_same = not changes and new_record == recorded
    after = observed if is_same else _reconcile(options.scope, run, observed, changes, new_record)
    if run.check_mode and changes:
        if run.client.signs:
            run.warn(
                f"{', '.join(sorted(changes))}: Amazon decides which settings its service offers. If it refuses these, the task fails "
                "with the code not_offered, and so does a stack; the roles for models and agents continue without them."
            )
        for read in (settings.read, settings.read_if_allowed):
            run.reader.note_fact(after, read)
    after_scope = after.scope(options.scope)
    return {
        "settings": settings.to_result(after, desired),
        "diff": hidden(
            {
                "before": {name: observed.underlying(options.scope, name) for name in changes},
                # A reset is null: the default that is then in effect is not known before the write.
                "after": {name: after_scope.get(name) for name in changes},
            }
        ),
        "outdated": _outdated(options, new_record, after),
    }


def _desired(options: Options) -> dict[str, Any]:
    desired = flatten(options.settings)
    return dict.fromkeys(desired, settings.DEFAULT) if options.state == "absent" else desired


def check(options: Options) -> None:
    """Raises Failure for settings that are invalid on every server."""
    desired = _desired(options)
    if not desired and not options.needed_by:
        raise Failure("invalid_input", "settings: at least one setting is required.")
    _check_needed_by(options)
    _check_scope(options.settings)
    for name, value in desired.items():
        settings.check_items(name, value)
        setting_types.check_type(name, value)
    if options.list_mode != "remove" and options.state != "undone":
        for name, value in desired.items():
            settings.check(name, value, allow_catch_all=options.allow_catch_all)
    if options.scope != "persistent" and (options.state == "undone" or options.record_for is not None):
        raise Failure(
            "invalid_input", "scope: only what is added to persistent settings is recorded; set 'persistent'."
        )
    if options.record_for is not None and (options.state != "present" or options.list_mode != "append"):
        raise Failure("invalid_input", "record_for: requires 'state: present' and 'list_mode: append'.")
    if addition_record.NAME in desired:
        raise Failure("invalid_input", f"settings: {addition_record.NAME} is reserved for the record of this module.")
    unknown = [name for name in options.only_where_set if name not in desired]
    if unknown:
        raise Failure("invalid_input", f"only_where_set: {', '.join(unknown)}: not among the given settings.")


def _check_needed_by(options: Options) -> None:
    """Raises Failure for an option ``needed_by`` that the state does not have, or that is no mapping of mappings of texts."""
    if options.needed_by and options.state != "undone":
        raise Failure("invalid_input", "needed_by: requires 'state: undone'.")
    for name, owners in options.needed_by.items():
        if not isinstance(owners, Mapping) or not all(isinstance(owner, str) for owner in owners.values()):
            raise Failure("invalid_input", f"needed_by: {name}: must map each value to the name of what needs it.")


def _check_scope(given: Mapping[str, Any]) -> None:
    """Raises Failure for a request body of the settings API, which has the scopes as its keys."""
    for key in given:
        scope = str(key).partition(".")[0]
        if scope in ("persistent", "transient", "defaults"):
            wanted = "transient" if scope == "transient" else "persistent"
            raise Failure(
                "invalid_input",
                f"settings: {scope!r} is no setting: the scope is an option of its own. Write 'scope: {wanted}', and put the "
                "settings directly below 'settings'.",
            )


def _changes(options: Options, run: Run, observed: settings.Settings, desired: Mapping[str, Any]) -> dict[str, Any]:
    """The values to write. Warns of transient values that hide them, raises Failure for unknown settings."""
    changes = {}
    for name, given in desired.items():
        if not observed.knows(name):
            _check_unknown(run, observed, name)
        value = settings.desired_value(observed, options.scope, name, given, options.list_mode)
        if not settings.is_in_effect(observed, options.scope, name, value):
            changes[name] = settings.request_value(value)
            _check_static(name)
        _check_safety(run, name, value, written=name in changes)
        if f"{settings.ARCHIVED_PREFIX}{name}" in observed.persistent:
            run.warn(
                f"{name}: the server archived a value that it refuses, as at an upgrade, and uses the default since. Set the "
                f"values that you need, then delete the archived ones: set {settings.ARCHIVED_PREFIX}* to null."
            )
        _warn_of_transient(options.scope, run, observed, name, value)
        if options.list_mode != "remove":
            for warning in settings.weaknesses(observed, options.scope, name, value):
                run.warn(warning)
    return changes


def _warn_of_transient(scope: str, run: Run, observed: settings.Settings, name: str, value: Any) -> None:
    """Warn if a transient value hides the value of the persistent scope."""
    if scope == "persistent" and name in observed.transient and not settings.same(observed.transient[name], value):
        run.warn(
            f"{name}: a transient value is set, so that the persistent value has no effect until the transient one is deleted "
            "or the cluster restarts. To delete it, run this task: - searchops.opensearch_ml.opensearch_cluster_setting: "
            f"{{settings: {{{name}: null}}, scope: transient, state: absent}}"
        )


def _outdated(options: Options, record: Mapping[str, Entry], after: settings.Settings) -> dict[str, list[str]]:
    """By the name of a setting: the values that were added for the same owner, and are not among the given ones."""
    if options.record_for is None:
        return {}
    given = {name: as_list(value) for name, value in flatten(options.settings).items()}
    found = {
        name: [value for value in values if value not in given.get(name, [])]
        for name, values in setting_record.still_set(record, after, options.record_for).items()
    }
    return {name: values for name, values in found.items() if values}


def _check_safety(run: Run, name: str, value: Any, *, written: bool) -> None:
    """Raises Failure for patterns that the server refuses; warns of those that a later version does."""
    for risk in pattern_safety.find_risks(name, as_list(value)):
        if written and risk.refused_by(run.version):
            raise Failure("unsafe_pattern", f"{name}: {risk.reason}", construct=risk.construct)
        if risk.refused_after(run.version):
            run.warn(
                f"{name}: {risk.reason} An upgrade of a cluster with such a pattern replaces the whole list by its default."
            )


def _check_static(name: str) -> None:
    if setting_types.is_static(name):
        raise Failure("static_setting", f"{name}: OpenSearch reads this setting from opensearch.yml only.")


def _check_unknown(run: Run, observed: settings.Settings, name: str) -> None:
    """Raises Failure for a setting that the cluster does not list and that cannot exist; else warns in check mode."""
    since = _versions_with(name, run.version)
    meant = "" if since else setting_types.did_you_mean(name, observed.names())
    if name.startswith(setting_types.ML_PREFIX) or setting_types.ML_PREFIX in meant:
        raise Failure("unknown_setting", f"This cluster has no setting {name!r}.{since}{meant}")
    if run.check_mode:
        run.warn(f"{name}: the cluster does not list this setting; it may refuse it.{meant}")


def _versions_with(name: str, version: tuple[int, int]) -> str:
    """A note about the versions that have a setting which this one lacks, for the end of a message."""
    known = setting_types.type_of(name)
    if known and known.until and version > known.until:
        return f" OpenSearch {known.until[0]}.{known.until[1]} was the last version with it; remove it."
    return f" OpenSearch {known.since[0]}.{known.since[1]} added it." if known and known.since else ""


def _spelling(names: Iterable[str], known: Iterable[str] = ()) -> str:
    """A note about each name that may be a misspelling of a known setting, for the end of a message."""
    known = list(known)
    notes = [(name, setting_types.did_you_mean(name, known)) for name in names if not setting_types.type_of(name)]
    return "".join(f" {name!r} may be misspelt.{note}" for name, note in notes if note)


def _reconcile(
    scope: str,
    run: Run,
    observed: settings.Settings,
    changes: Mapping[str, Any],
    record: Mapping[str, Entry],
) -> settings.Settings:
    """Write the changes and the record. Returns the settings after it."""
    names = ", ".join(sorted(changes)) or addition_record.NAME
    before, after = (addition_record.to_request(each) for each in (setting_record.read(observed), record))
    do = partial(_write, run, scope, changes, {addition_record.NAME: after} if after != before else {})
    try:
        run.perform("set", "cluster setting", names, do, scope=scope)
    except Failure as failure:
        if failure.code == "unknown_setting":
            failure.message += _spelling((name for name in changes if not observed.knows(name)), observed.names())
        raise
    return _planned(scope, observed, changes) if run.check_mode else _verify(scope, run, changes)


def _write(run: Run, scope: str, changes: Mapping[str, Any], record: Mapping[str, Any]) -> None:
    """Write the changes and the record with one request, or the changes alone if the cluster refuses the record."""
    try:
        settings.write(run.client, scope, {**changes, **record})
    except ApiError as error:
        # Amazon's service accepts only some settings (from its documentation; not tested on the service).
        if not record or not (addition_record.NAME in error.reason or "payload is not allowed" in error.reason):
            raise
        if changes:
            settings.write(run.client, scope, changes)
        run.warn(
            f"This cluster refuses the setting {addition_record.NAME}, so that it is not recorded what this task has added. "
            "A removal will leave it."
        )


def _planned(scope: str, observed: settings.Settings, changes: Mapping[str, Any]) -> settings.Settings:
    """The settings after the write, with scalars as the server returns them."""
    values = dict(observed.scope(scope))
    for name, value in changes.items():
        if value is settings.DEFAULT:
            values.pop(name, None)
        else:
            values[name] = value if isinstance(value, list) else text_of(value)
    return observed._replace(**{scope: values})


def _verify(scope: str, run: Run, changes: Mapping[str, Any]) -> settings.Settings:
    """Read the settings back after the write. Raises Failure if they still differ."""
    after = settings.read(run.client)
    names = [name for name, value in changes.items() if not settings.is_in_effect(after, scope, name, value)]
    if names:
        raise Failure(
            "not_converged",
            f"{', '.join(names)}: written, but the cluster has another value. Check if another controller sets it.",
        )
    return after


MODULE = Module(SPEC, execute, typed(Options), check=check)
