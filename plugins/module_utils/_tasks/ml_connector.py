# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The task of ml_connector: brings one connector to its desired state."""

from __future__ import annotations

from functools import partial
from typing import Any, Mapping, NamedTuple, Sequence

from .._coordination.create import Creation, create_once
from .._coordination.duplicates import pick
from .._errors.exceptions import ApiError, ConcurrentChange, Failure
from .._kinds import model as models
from .._kinds.base import Doc, read_notes
from .._kinds.connector import checks
from .._kinds.connector import credential as credentials
from .._kinds.connector import options as connector_options
from .._kinds.connector import resource as connectors
from .._kinds.connector.credential import CredentialUpdate
from .._kinds.connector.options import ConnectorOptions
from .._kinds.connector.resource import Connector
from .._operations import deploy as deployment
from .._operations import undeletable_connector
from .._operations.swap import Swap
from .._runtime.module import Module
from .._runtime.run import Run

SPEC = {
    "name": {"type": "str"},
    "connector_id": {"type": "str"},
    "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
    **{name: option for name, option in connector_options.BODY_OPTIONS.items() if name != "name"},
    **connector_options.SHORTHANDS,
    "update_credential": {"type": "str", "default": "on_create", "choices": ["on_create", "always", "when_changed"]},
    "update_strategy": {"type": "str", "default": "swap", "choices": ["swap", "redeploy", "fail"]},
    "probe": {"type": "dict"},
    "wait_timeout": {"type": "float", "default": 180.0},
}

RULES = {
    "required_one_of": [("name", "connector_id", "definition", "src")],
    "mutually_exclusive": [("provider", "definition", "src")],
}


class Change(NamedTuple):
    """A connector before and after the task.

    ``observed`` are its fields before, none before a create; ``planned`` all fields after. ``fields`` are the names of the
    desired ones that differ.
    """

    observed: Mapping[str, Any]
    desired: Mapping[str, Any]
    planned: Mapping[str, Any]
    fields: list[str]
    credential: CredentialUpdate

    @property
    def journalled_fields(self) -> list[str]:
        return self.fields + (["credential"] if self.credential.changed else [])


def execute(options: ConnectorOptions, run: Run) -> dict[str, Any]:
    """Bring the connector to its desired state. Raises Failure."""
    for warning in options.warnings:
        run.warn(warning)
    options.check_name()
    swap = Swap(run, probe=options.probe, timeout=options.wait_timeout)
    found = _finish_swaps_and_find(options, run, swap)
    if options.state == "absent":
        return _delete(run, found)
    if found is None:
        return _create(options, run)
    return _reconcile(options, run, found, swap)


def _finish_swaps_and_find(options: ConnectorOptions, run: Run, swap: Swap) -> Doc | None:
    """The connector with the id or name, after the interrupted swaps of connectors with this name are finished."""
    if options.connector_id:
        return Connector.find_by_id(run.client, options.connector_id, required=options.state == "present")
    name = str(options.name)
    found = Connector.all_named(run.client, name)
    counts = pick(run, Connector, found, name)
    return swap.finish_interrupted(counts, found) if counts else None


def _delete(run: Run, found: Doc | None) -> dict[str, Any]:
    if found is None:
        return {"connector": None, "connector_id": None, "diff": {"before": {}, "after": {}}}
    users = models.using_connectors(run.client, [found.id])
    if users:
        raise _in_use(found, users)
    delete = partial(undeletable_connector.delete_unused, run, found.id)
    run.perform("delete", Connector.LABEL, found.name, delete, id=found.id)
    before = connectors.for_display(connectors.observed(found.source))
    return {"connector": None, "connector_id": found.id, "diff": {"before": before, "after": {}}}


def _create(options: ConnectorOptions, run: Run) -> dict[str, Any]:
    fields = connectors.with_defaults(options.desired)
    change = Change({}, fields, fields, list(fields), credentials.plan_update(options, {}))
    credential = credentials.for_create(change.credential, fields)
    checks.check(run, fields, options.credential or {}, options.probe)
    checks.check_version(run.version, fields)

    body = connectors.request_body(fields, credential, change.credential.notes)
    delete_own = partial(undeletable_connector.delete_unused, run)
    create = partial(create_once, run, Creation(Connector, body, f"{Connector.PATH}/_create", delete_own))
    return _result(run, change, run.perform("create", Connector.LABEL, fields["name"], create))


def _reconcile(options: ConnectorOptions, run: Run, found: Doc, swap: Swap) -> dict[str, Any]:
    observed, desired = connectors.observed(found.source), options.desired
    planned = connectors.merged(observed, desired)
    credential_update = credentials.plan_update(options, found.source)
    change = Change(observed, desired, planned, connectors.diff(observed, desired), credential_update)
    if not change.journalled_fields:
        return _result(run, change._replace(planned=observed), found)

    checks.check(run, planned, options.credential, options.probe)
    checks.check_version(run.version, planned)
    users = models.using_connectors(run.client, [found.id])
    live = [model for model in users if models.state_of(model) in models.LIVE]
    unavoidable = _must_be_replaced(run, found, change, live)
    if live and options.update_strategy == "fail":
        raise _in_use(found, live)
    if unavoidable or (live and options.update_strategy == "swap"):
        credential = credentials.for_replacement(options, planned, unavoidable=unavoidable)
        body = connectors.request_body(planned, credential, change.credential.notes)
        new = swap.replace(found, body, users, fields=change.journalled_fields)
        return _result(run, change, new or found)
    _update(options, run, found, change, live)
    return _result(run, change, found)


def _must_be_replaced(run: Run, found: Doc, change: Change, live: Sequence[Doc]) -> bool:
    """Whether a PUT cannot make the change.

    A PUT can neither remove a parameter nor change the protocol. The server refuses it if it mistakes a live model of
    another connector for a user of this one. Live models of this connector are undeployed for it.
    """
    if connectors.removed_parameters(change.observed, change.desired) or "protocol" in change.fields:
        return True
    if live:
        return False
    falsely_matched = models.falsely_matched_users(run.client, found.id)
    return any(models.state_of(model) in models.LIVE for model in falsely_matched)


def _update(options: ConnectorOptions, run: Run, found: Doc, change: Change, live: list[Doc]) -> None:
    """Update the connector in place; live models are undeployed meanwhile."""
    fields = {name: change.planned[name] for name in change.fields}
    if change.credential.notes:
        fields.setdefault("parameters", {})
    notes = {**read_notes(found.source), **change.credential.notes}
    update = partial(_put, run, found.id, connectors.request_body(fields, change.credential.sent, notes))
    if live:
        update = partial(deployment.while_undeployed, run, live, update, timeout=options.wait_timeout)
    facts: dict[str, Any] = {"id": found.id, "models": [model.id for model in live], "fields": change.journalled_fields}
    run.perform("redeploy" if live else "update", Connector.LABEL, change.planned["name"], update, **facts)


def _put(run: Run, connector_id: str, body: Mapping[str, Any]) -> None:
    try:
        Connector.update(run, connector_id, body)
    except ApiError as error:
        cause = undeletable_connector.refusal_cause(run.client, connector_id, error)
        if cause.code == "connector_in_use":
            # A deployment that was under way has made a model live since this task read it.
            raise ConcurrentChange(error.message, error.status) from error
        raise cause from None


def _in_use(found: Doc, users: list[Doc]) -> Failure:
    named = ", ".join(f"{model.name!r} ({model.id}, {models.state_of(model)})" for model in users[:10])
    return Failure(
        "connector_in_use",
        f"Connector {found.name!r} ({found.id}) is used by {len(users)} models: {named}",
        models=[model.id for model in users],
    )


def _result(run: Run, change: Change, doc: Doc | None) -> dict[str, Any]:
    """The result and the diff, over the desired fields. After a write both show what the server has stored."""
    after = change.planned
    if run.changed and doc is not None and not run.check_mode and not run.in_bulk:
        doc = Connector.verified(run.client, doc.id, partial(_remaining_diff, change.desired))
        after = connectors.observed(doc.source)
    diff = {"before": _shown(change.observed, change.desired), "after": _shown(after, change.desired)}
    if change.credential.changed:
        diff["before"]["credential"] = "(hidden)" if change.observed else None
        diff["after"]["credential"] = "(hidden, sent)"
    written = doc is not None and not run.check_mode
    shown = connectors.to_result(doc) if doc and written else connectors.for_display(change.planned)
    return {"connector": shown, "connector_id": doc.id if doc else None, "diff": diff}


def _remaining_diff(desired: Mapping[str, Any], doc: Doc) -> list[str]:
    return connectors.diff(connectors.observed(doc.source), desired)


def _shown(fields: Mapping[str, Any], desired: Mapping[str, Any]) -> dict[str, Any]:
    """The desired fields for display. The server leaves empty texts out of its answers."""
    return connectors.for_display({name: fields[name] for name in desired if fields.get(name) not in (None, "")})


MODULE = Module(SPEC, execute, connector_options.parse, RULES, secrets=connector_options.secrets)
