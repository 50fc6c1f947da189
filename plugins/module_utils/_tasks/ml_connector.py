# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The task of ml_connector: brings one connector to its desired state."""

from __future__ import annotations

from functools import partial
from typing import Any, Callable, Mapping, NamedTuple, Sequence

from .._coordination.create import Creation, create_once
from .._coordination.duplicates import pick
from .._endpoints import connector_checks
from .._errors.exceptions import ApiError, ConcurrentChange, Failure
from .._kinds import model as models
from .._kinds.base import Doc, read_notes, with_notes
from .._kinds.cluster_setting import CONNECTOR_ACCESS_CONTROL, warn_of_no_access_control
from .._kinds.connector import checks, template, trust
from .._kinds.connector import options as connector_options
from .._kinds.connector import resource as connectors
from .._kinds.connector.options import ConnectorOptions
from .._kinds.connector.resource import Connector
from .._operations import deploy, uses
from .._operations.reconcile import Resource
from .._operations.swap import Swap, delete_unused, held, refusal_cause
from .._operations.uses import User
from .._runtime.module import Module
from .._runtime.run import Run
from .._values import fingerprint

SPEC = {
    "name": {"type": "str"},
    "connector_id": {"type": "str"},
    "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
    **{name: option for name, option in connector_options.BODY_OPTIONS.items() if name != "name"},
    **connector_options.SHORTHANDS,
    "update_credential": {
        "type": "str",
        "default": "when_changed",
        "choices": ["when_changed", "unless_same", "on_create", "always"],
    },
    "update_strategy": {"type": "str", "default": "swap", "choices": ["swap", "redeploy", "fail"]},
    "probe": {"type": "dict"},
    "wait_timeout": {"type": "float", "default": 180.0},
    "delete_in_use": {"type": "bool", "default": False},
    "planned_settings": {"type": "dict"},
}

RULES = {
    "required_one_of": [("name", "connector_id", "definition", "src")],
    "mutually_exclusive": [("provider", "definition", "src")],
}


class _CredentialUpdate(NamedTuple):
    """What a run does about the credential.

    ``sent`` goes with any write of the connector; None if the server keeps the one that it has. ``changed``: it is a reason
    to write. ``notes`` returns the notes to store with it. ``compared`` is false if nothing shows whether the connector has
    this credential.
    """

    sent: Mapping[str, Any] | None
    changed: bool
    notes: Callable[[], dict[str, str]] = dict
    compared: bool = True


def _plan_update(options: ConnectorOptions, source: Mapping[str, Any]) -> _CredentialUpdate:
    """What ``update_credential`` requires for the observed connector's ``source``, which is empty before the create."""
    credential, policy = options.credential, options.update_credential
    if not credential:
        return _CredentialUpdate(None, False)
    if policy in ("when_changed", "unless_same"):
        return _plan_comparison(credential, source, in_doubt=policy == "unless_same")
    changed = policy == "always" or not source or _newly_used(options, source)
    return _CredentialUpdate(credential if changed else None, changed)


def _plan_comparison(credential: Mapping[str, Any], source: Mapping[str, Any], *, in_doubt: bool) -> _CredentialUpdate:
    """As :func:`_plan_update`, for a credential that is compared. ``in_doubt``: whether one that cannot be compared, because
    the connector has no fingerprint, is sent for its own sake; with another change it always is."""
    if not fingerprint.is_available():
        return _CredentialUpdate(credential, in_doubt or not source, compared=False)
    known = read_notes(source).get("credential")
    same = fingerprint.matches(credential, known) if source else False
    if same:
        # A replacement gets the same note, which saves the cost of a new fingerprint.
        return _CredentialUpdate(None, False, partial(dict, credential=str(known)))
    # Slow, so only computed for a write.
    notes = partial(_fingerprint_note, credential)
    return _CredentialUpdate(credential, in_doubt or same is False, notes, compared=same is not None)


def _fingerprint_note(credential: Mapping[str, Any]) -> dict[str, str]:
    return {"credential": fingerprint.shared_fingerprint(credential)}


def _newly_used(options: ConnectorOptions, source: Mapping[str, Any]) -> bool:
    """Whether the desired connector uses a key of the given credential that the observed one does not use, and so may not
    have."""
    observed = Connector.observed(source)
    merged = connectors.merged(observed, options.desired)
    new = connectors.credential_keys(merged) - connectors.credential_keys(observed)
    return any(template.has_key(options.credential or {}, name) for name in new)


def _credential_for_replacement(
    options: ConnectorOptions, fields: Mapping[str, Any], *, unavoidable: bool
) -> Mapping[str, Any] | None:
    """The credential of a connector that replaces another one, whose credential cannot be read.

    Raises Failure if none is given and one is needed: ``credential_needed_to_replace`` if the replacement is
    ``unavoidable``, else ``credential_needed``.
    """
    if options.credential:
        return options.credential
    if connectors.needs_credential(fields):
        raise Failure(
            "credential_needed_to_replace" if unavoidable else "credential_needed",
            f"Connector {fields['name']!r} has to be replaced by a new one, and its credential cannot be read from the server.",
        )
    return _placeholder(fields)


def _placeholder(fields: Mapping[str, Any]) -> Mapping[str, Any] | None:
    return None if fields["protocol"].startswith("mcp_") else connectors.PLACEHOLDER_CREDENTIAL


class _Resource(Resource[ConnectorOptions]):
    KIND = Connector

    def __init__(self, options: ConnectorOptions, run: Run) -> None:
        super().__init__(options, run)
        self._swap = Swap(run, probe=options.probe, timeout=options.wait_timeout)
        self._credential = _CredentialUpdate(None, False)
        self._extra_note: dict[str, Any] = {}

    def find(self) -> Doc | None:
        for warning in self.options.warnings:
            self.run.warn(warning)
        if not self.absent:
            # Also of a connector that needs no write, whose fields are not checked as a whole.
            for warning in connector_checks.check(self.options.desired, self.options.credential):
                self.run.warn(warning)
        return super().find()

    def find_named(self, name: str) -> Doc | None:
        """The connector with the name, after the interrupted swaps of connectors with this name are finished."""
        found = Connector.all_named(self.run.reader, name)
        counts = pick(self.run, Connector, found, name)
        return self._swap.finish_interrupted(counts, found) if counts else None

    def desired(self, found: Doc | None) -> dict[str, Any]:
        self._credential = _plan_update(self.options, found.source if found else {})
        desired: dict[str, Any] = self.options.desired
        self._extra_note = self.note_of_extra(desired, found)
        return desired if found else connectors.with_defaults(desired)

    def _notes(self) -> dict[str, Any]:
        """The notes to store with any write."""
        return {**self._credential.notes(), **self._extra_note}

    def diff(self, doc: Doc) -> list[str]:
        fields = super().diff(doc)
        if fields and self._credential.sent:
            self._credential = self._credential._replace(changed=True)
        if not self._credential.changed:
            self._warn_if_not_compared(doc)
        return fields + (["credential"] if self._credential.changed else [])

    def _warn_if_not_compared(self, doc: Doc) -> None:
        if self._credential.compared or not connectors.needs_credential(self.observed(doc)):
            return
        reason = "no fingerprint is stored with it, as another program created it or this module without comparing"
        if not fingerprint.is_available():
            reason = "this Python cannot compute fingerprints (hashlib.scrypt is missing or not allowed)"
        self.run.warn(
            f"Connector {doc.name!r} ({doc.id}): 'credential' was not compared with the stored one, because {reason}. "
            "A changed key is not noticed. Set 'update_credential: unless_same' to send it"
            + (" once and store its fingerprint." if fingerprint.is_available() else " in every run.")
        )

    def check_create(self) -> None:
        self._check_fields(self.fields, self.options.credential or {})
        trust.warn_of_refusals(self.run, self.fields, self.options.planned_settings)
        warn_of_no_access_control(self.run, self.fields, CONNECTOR_ACCESS_CONTROL)

    def _check_fields(self, fields: Mapping[str, Any], credential: Mapping[str, Any] | None) -> None:
        checks.check(self.run, fields, credential, self.options.probe or None)
        checks.check_version(self.run.version, fields)

    def send_create(self) -> Doc:
        credential = self._credential.sent or _placeholder(self.fields)
        body = connectors.request_body(self.fields, credential, self._notes())
        with trust.explained_refusals(self.run, self.fields):
            return create_once(self.run, Creation(Connector, body, f"{Connector.PATH}/_create", self._delete_by_id))

    def change(self, found: Doc, diff: list[str]) -> Doc:
        with trust.explained_refusals(self.run, connectors.merged(self.observed(found), self.fields)):
            return self._change(found, diff)

    def _change(self, found: Doc, diff: list[str]) -> Doc:
        options, observed = self.options, self.observed(found)
        planned = Doc(found.id, connectors.merged(observed, self.fields))
        self._check_fields(planned.source, options.credential)
        if connectors.urls(planned.source) != connectors.urls(observed):
            trust.warn_of_refusals(self.run, planned.source, options.planned_settings)
        users = models.using_connectors(self.run.reader, [found.id])
        live = [model for model in users if models.state_of(model) in models.LIVE]
        removed = connectors.removed_parameters(observed, self.fields)
        unavoidable = bool(removed) or "protocol" in diff or self._is_refused(found, live)
        if live and options.update_strategy == "fail":
            raise _in_use(found, live)
        if unavoidable or (live and options.update_strategy == "swap"):
            credential = _credential_for_replacement(options, planned.source, unavoidable=unavoidable)
            body = connectors.request_body(planned.source, credential, self._notes())
            if live and options.probe is None:
                self._warn_of_no_probe(planned, live)
            return self._swap.replace(found, body, users, fields=diff) or planned
        update = partial(Connector.update, self.run, found.id, self._body_of_update(found, planned, diff))
        if live:
            update = partial(deploy.while_undeployed, self.run, live, update, timeout=options.wait_timeout)
        action, ids = "redeploy" if live else "update", [model.id for model in live]
        try:
            self.run.perform(action, Connector.LABEL, planned.name, update, id=found.id, models=ids, fields=diff)
        except ApiError as error:
            cause = refusal_cause(self.run, found.id, error)
            # A deployment that was under way has made a model live since this task read it.
            in_use = cause.code == "connector_in_use"
            raise (ConcurrentChange(error.message, error.status) if in_use else cause) from None
        return planned

    def _warn_of_no_probe(self, connector: Doc, live: Sequence[Doc]) -> None:
        """Warn that nothing would show that the models fail with the new connector."""
        names = ", ".join(repr(model.name) for model in live)
        self.run.warn(
            f"Connector {connector.name!r} is replaced under live models without a test question: {names}. If a new value is wrong, "
            "they fail. With 'probe', the module asks one of them, and returns to the old connector if it fails; for a chat model, "
            "write 'probe: {messages: [{role: user, content: Ping}]}'. 'probe: {}' asks nothing, without this warning."
        )

    def _is_refused(self, found: Doc, live: Sequence[Doc]) -> bool:
        """Whether the server refuses a PUT because it mistakes a live model of another connector for a user of this one.

        Live models of this connector are undeployed for it.
        """
        falsely_matched = [] if live else models.falsely_matched_users(self.run.reader, found.id)
        return any(models.state_of(model) in models.LIVE for model in falsely_matched)

    def _body_of_update(self, found: Doc, planned: Doc, diff: list[str]) -> dict[str, Any]:
        fields = {name: planned.source[name] for name in diff if name != "credential"}
        observed = read_notes(found.source)
        notes = {**observed, **self._extra_note}
        if self._credential.sent is not None:
            # Else the fingerprint of the former credential would later match that one.
            notes.pop("credential", None)
            notes.update(self._credential.notes())
        if notes != observed:
            # The notes are a parameter. A PUT merges parameters, so that only notes, if empty ones, replace notes.
            fields["parameters"] = with_notes(fields.get("parameters") or {}, notes)
        return connectors.request_body(fields, self._credential.sent, notes)

    def check_delete(self, found: Doc) -> None:
        users = models.using_connectors(self.run.reader, [found.id])
        others = [] if self.options.delete_in_use else uses.users_of(self.run, found)
        if users or others:
            raise _in_use(found, users, others)

    def remove(self, found: Doc) -> bool:
        """The server may refuse to delete the connector because of models of other connectors, for as long as these exist. Then
        the connector remains, with a warning, and a later run deletes it.

        It is not marked, as the server refuses to change it as well. It needs no mark: whether it can be deleted follows from
        the models, and a task that desires its name uses it again.
        """
        mistaken = models.falsely_matched_users(self.run.reader, found.id)
        if mistaken:
            self._swap.leave(found, held(found.id, mistaken))
            return False
        try:
            return super().remove(found)
        except Failure as failure:
            if failure.code != "connector_held":
                raise
            self._swap.leave(found, failure)
            return False

    def delete(self, found: Doc) -> None:
        self._delete_by_id(found.id)

    def _delete_by_id(self, connector_id: str) -> None:
        delete_unused(self.run, connector_id)

    def result(self, found: Doc | None, after: Doc | None) -> dict[str, Any]:
        result = super().result(found, after)
        result["leftovers"] = self.run.leftovers
        if self._credential.changed:
            result["diff"]["before"]["credential"] = "(hidden)" if found else None
            result["diff"]["after"]["credential"] = "(hidden, sent)"
        return result

    def to_result(self, after: Doc) -> dict[str, Any]:
        return Connector.for_display(self.observed(after)) if self.run.check_mode else super().to_result(after)

    def shown(self, doc: Doc) -> dict[str, Any]:
        """Without empty texts, which the server leaves out of its answers."""
        return {name: value for name, value in super().shown(doc).items() if value not in (None, "")}


def _in_use(found: Doc, users: list[Doc], others: Sequence[User] = ()) -> Failure:
    """``others``: the agents and pipelines that use the connector."""
    named = ", ".join(f"{model.name!r} ({model.id}, {models.state_of(model)})" for model in users[:10])
    used_by = ([f"{len(users)} models: {named}"] if users else []) + ([uses.listed(others)] if others else [])
    failure = Failure(
        "connector_in_use",
        f"Connector {found.name!r} ({found.id}) is used by {'; and by '.join(used_by)}",
        models=[model.id for model in users],
    )
    if others:
        failure.details["users"] = [user._asdict() for user in others]
    return failure


def check(options: ConnectorOptions) -> None:
    """Raises Failure for options that are invalid on every server."""
    options.check_name()
    if options.state != "absent":
        checks.check_given(options.desired, options.credential, options.probe or None)


MODULE = Module(
    SPEC, _Resource.execute, connector_options.parse, RULES,
    secrets=connector_options.secrets, check=check, objects="connectors",
)  # fmt: skip
