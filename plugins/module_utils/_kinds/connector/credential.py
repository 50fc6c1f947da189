# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Whether to send a connector's credential, which is written and can never be read back."""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple

from ..._errors.exceptions import Failure
from ..._values import fingerprint
from ..base import read_notes
from . import resource as connectors
from .options import ConnectorOptions
from .resource import Connector


class CredentialUpdate(NamedTuple):
    """What a run does about the credential.

    ``sent`` is None if the server keeps the one that it has. ``changed`` shows whether the update counts as a change.
    ``notes`` are added to those of the connector.
    """

    sent: Mapping[str, Any] | None
    changed: bool
    notes: dict[str, str]


def plan_update(options: ConnectorOptions, source: Mapping[str, Any]) -> CredentialUpdate:
    """What ``update_credential`` requires for the observed connector's ``source``, which is empty before the create."""
    credential, policy = options.credential, options.update_credential
    if not credential:
        return CredentialUpdate(None, False, {})
    if policy == "when_changed":
        known = read_notes(source).get("credential")
        if source and fingerprint.matches(credential, known):
            # A replacement gets the same note, which saves the cost of a new fingerprint.
            return CredentialUpdate(None, False, {"credential": str(known)})
        return CredentialUpdate(credential, True, {"credential": fingerprint.shared_fingerprint(credential)})
    changed = policy == "always" or not source or _newly_used(options, source)
    return CredentialUpdate(credential if changed else None, changed, {})


def _newly_used(options: ConnectorOptions, source: Mapping[str, Any]) -> bool:
    """Whether the desired connector uses a key of the given credential that the observed one does not use, and so may not
    have."""
    observed = Connector.observed(source)
    merged = connectors.merged(observed, options.desired)
    new = connectors.credential_keys(merged) - connectors.credential_keys(observed)
    return bool(new & set(options.credential or ()))


def for_create(update: CredentialUpdate, fields: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The credential of a connector that is created."""
    return update.sent or _placeholder(fields)


def for_replacement(
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
