# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What ml_connector does: from its options to a connector that is as stated."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any, Mapping, Sequence

from .._coordination.duplicates import one_or_none, resolve_name
from .._errors.exceptions import ApiError, Failure
from .._kinds import model as models
from .._kinds.base import Doc
from .._kinds.connector import checks
from .._kinds.connector import credential as credential_module
from .._kinds.connector import options as options_module
from .._kinds.connector import resource as connectors
from .._kinds.connector.credential import Secret
from .._kinds.connector.resource import Connector
from .._kinds.notes import read_notes
from .._operations import deploy as deployment
from .._operations import undeletable_connector
from .._operations.swap import Swap
from .._runtime.module import Module
from .._runtime.run import Run

OPTIONS = {
    "name": {"type": "str"},
    "connector_id": {"type": "str"},
    "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
    **{name: option for name, option in options_module.BODY_OPTIONS.items() if name != "name"},
    **options_module.SHORTHANDS,
    "update_credential": {"type": "str", "default": "on_create", "choices": ["on_create", "always", "when_changed"]},
    "update_strategy": {"type": "str", "default": "swap", "choices": ["swap", "redeploy", "fail"]},
    "probe": {"type": "dict"},
    "wait_timeout": {"type": "float", "default": 180.0},
}


RULES = {
    "required_one_of": [("name", "connector_id", "definition", "src")],
    "mutually_exclusive": [("provider", "definition", "src")],
}


def secrets(options: Mapping[str, Any], parsed: object = None) -> list[str]:
    """Values to hide beyond those of 'no_log' options: keys that stand in headers in the open."""
    with suppress(Failure):
        # The task itself tells what is wrong with the statement.
        options = options_module.resolved(options)
    # A key that is given in two places is as secret in the one that does not count.
    definition = options.get("definition") or {}
    return (
        credential_module.leaves([options.get("credential"), options.get("api_key"), definition.get("credential")])
        + connectors.literal_secrets(options.get("actions"), options.get("mcp_headers"))
        + connectors.literal_secrets(definition.get("actions"), definition.get("headers"))
    )


def execute(options: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """Bring the connector to the stated state. Raises Failure."""
    options = options_module.resolved(options, run)
    found = _locate(options, run)
    if options["state"] == "absent":
        return _absent(run, found)
    if found is None:
        return _create(options, run)
    return _converge(options, run, found)


def _locate(options: Mapping[str, Any], run: Run) -> Doc | None:
    connector_id, name = options["connector_id"], options["name"]
    if connector_id:
        return Connector.find_by_id(run.client, connector_id, required=options["state"] == "present")

    def look() -> Doc | None:
        found = Connector.all_named(run.client, name)
        return one_or_none(Connector, _swap(options, run).finish_interrupted(found), name)

    return resolve_name(run.client, look, run.actions if run.check_mode else None)


def _absent(run: Run, found: Doc | None) -> dict[str, Any]:
    if found is None:
        return {"connector": None, "connector_id": None, "diff": {"before": {}, "after": {}}}
    users = models.using_connectors(run.client, [found.id])
    if users:
        raise _in_use(found, users)
    run.perform(
        "delete", Connector.LABEL, found.name, partial(undeletable_connector.delete_unused, run, found.id), id=found.id
    )
    before = connectors.for_display(connectors.observed(found.source))
    return {"connector": None, "connector_id": found.id, "diff": {"before": before, "after": {}}}


def _create(options: Mapping[str, Any], run: Run) -> dict[str, Any]:
    fields = connectors.with_defaults(connectors.desired(options))
    secret = credential_module.decide(options, {})
    credential = secret.sent or (None if fields["protocol"].startswith("mcp_") else connectors.PLACEHOLDER_CREDENTIAL)
    checks.check(run, fields, options["credential"] or {}, options["probe"])
    checks.check_version(run.version, fields)

    body = connectors.body(fields, credential, secret.notes)
    make = partial(undeletable_connector.create, run, body, may_repoint=options["update_strategy"] != "fail")
    made = run.perform("create", Connector.LABEL, fields["name"], make)
    if made is None:
        return _result(run, {}, fields, fields, secret, None)
    doc, ours, others = made
    if not ours:
        # Somebody made one of this name at the same moment; whatever it holds, it has to become what was stated.
        run.journal_as("adopt")
        return _converge(options, run, doc)
    if others:
        # Its notes tell the third one from both of them, wherever the run is cut off; what is there for good can take none.
        old, *rest = others
        beside = [doc, *rest]
        users = models.using_connectors(run.client, [each.id for each in (old, *beside)])
        body = connectors.body(fields, credential, {**secret.notes, **connectors.replacement_notes(old, beside)})
        differing = connectors.diff(connectors.observed(old.source), connectors.desired(options))
        # Where both are the same nothing changes for the models, and the backend need not be up.
        asking = options if differing else {**options, "probe": None}
        doc = _replace(asking, run, old, body, users, differing, beside) or doc
    return _result(run, {}, fields, fields, secret, doc)


def _converge(options: Mapping[str, Any], run: Run, found: Doc) -> dict[str, Any]:
    current, wanted = connectors.observed(found.source), connectors.desired(options)
    secret = credential_module.decide(options, found.source)
    differing = connectors.diff(current, wanted)
    _swap(options, run).repoint(found)
    if not differing and not secret.changed:
        return _result(run, current, wanted, current, secret, found)

    fields = connectors.merged(current, wanted)
    checks.check(run, fields, options["credential"], options["probe"])
    checks.check_version(run.version, fields)
    users = models.using_connectors(run.client, [found.id])
    live = [model for model in users if models.state_of(model) in models.LIVE]
    # A PUT can neither take a parameter away nor turn one protocol's connector into another's, and the server refuses
    # one where it takes a model that serves for a user.
    replaced = bool(connectors.removed_parameters(current, wanted)) or "protocol" in differing
    if not replaced and not live:
        mistaken = models.falsely_matched_users(run.client, found.id)
        replaced = any(models.state_of(model) in models.LIVE for model in mistaken)
    strategy = options["update_strategy"]
    if live and strategy == "fail":
        raise _in_use(found, live)
    if replaced or (live and strategy == "swap"):
        credential = credential_module.for_a_copy(fields, options, replaced)
        notes = {**secret.notes, **connectors.replacement_notes(found)}
        body = connectors.body(fields, credential, notes)
        doc = _replace(options, run, found, body, users, _named(differing, secret))
    else:
        changes = {name: fields[name] for name in differing}
        notes = {**read_notes(found.source), **secret.notes}
        if secret.notes:
            changes.setdefault("parameters", {})
        doc = run.perform(
            "redeploy" if live else "update",
            Connector.LABEL,
            fields["name"],
            lambda: _update(run, found, connectors.body(changes, secret.sent, notes), live, options["wait_timeout"]),
            id=found.id,
            models=[model.id for model in live],
            fields=_named(differing, secret),
        )
    return _result(run, current, wanted, fields, secret, doc or found)


def _replace(
    options: Mapping[str, Any],
    run: Run,
    old: Doc,
    body: Mapping[str, Any],
    users: list[Doc],
    changed: list[str],
    beside: Sequence[Doc] = (),
) -> Doc | None:
    swap = partial(_swap(options, run).replace, old, body, users, beside)
    return run.perform(
        "swap",
        Connector.LABEL,
        body["name"],
        swap,
        replaced_id=old.id,
        models=[model.id for model in users],
        fields=changed,
    )


def _update(run: Run, found: Doc, body: Mapping[str, Any], live: list[Doc], timeout: float) -> Doc:
    """A PUT; models that serve are away while it is done."""

    def change() -> None:
        try:
            Connector.update(run, found.id, body)
        except ApiError as error:
            raise undeletable_connector.refusal_cause(run.client, found.id, error) from None

    deployment.while_undeployed(run, live, change, timeout=timeout)
    return found


def _swap(options: Mapping[str, Any], run: Run) -> Swap:
    return Swap(run, probe=options["probe"], timeout=options["wait_timeout"])


def _in_use(found: Doc, users: list[Doc]) -> Failure:
    named = ", ".join(f"{model.name!r} ({model.id}, {models.state_of(model)})" for model in users[:10])
    return Failure(
        "connector_in_use",
        f"Connector {found.name!r} ({found.id}) is used by {len(users)} models: {named}",
        models=[model.id for model in users],
    )


def _named(differing: list[str], secret: Secret) -> list[str]:
    return differing + (["credential"] if secret.changed else [])


def _result(
    run: Run,
    current: Mapping[str, Any],
    wanted: Mapping[str, Any],
    planned: Mapping[str, Any],
    secret: Secret,
    doc: Doc | None,
) -> dict[str, Any]:
    """The result and the diff, over the stated fields. After a write both are of what the server stores now."""
    after = planned
    if run.changed and doc is not None and not run.check_mode and not run.in_bulk:
        doc = Connector.verified(
            run.client, doc.id, lambda written: connectors.diff(connectors.observed(written.source), wanted)
        )
        after = connectors.observed(doc.source)
    diff = {
        "before": connectors.for_display(_filled(current, wanted)),
        "after": connectors.for_display(_filled(after, wanted)),
    }
    if secret.changed:
        diff["before"]["credential"] = "(hidden)" if current else None
        diff["after"]["credential"] = "(hidden, sent anew)"
    shown = connectors.to_result(doc) if doc is not None and not run.check_mode else connectors.for_display(planned)
    return {"connector": shown, "connector_id": doc.id if doc else None, "diff": diff}


def _filled(fields: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The stated fields. The server leaves empty texts out of what it answers."""
    return {name: fields[name] for name in wanted if fields.get(name) not in (None, "")}


MODULE = Module(OPTIONS, execute, RULES, secrets=secrets)
