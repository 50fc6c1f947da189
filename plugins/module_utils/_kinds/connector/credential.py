# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What becomes of a connector's credential, which is written and can never be read back."""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple

from ..._errors.exceptions import Failure
from ..._values import fingerprint
from ..._values.walk import scalars
from ..notes import read_notes
from . import resource as connectors


class Secret(NamedTuple):
    """What a run does about the credential: ``sent`` is None where the stored one stays."""

    sent: dict[str, Any] | None
    changed: bool
    notes: dict[str, str]


def decide(options: Mapping[str, Any], source: Mapping[str, Any]) -> Secret:
    """What ``update_credential`` asks for, given the stored connector's ``source``; that is empty where there is none."""
    credential, policy = options["credential"], options["update_credential"]
    if not credential:
        return Secret(None, False, {})
    if policy == "when_changed":
        known = read_notes(source).get("credential")
        if source and fingerprint.matches(credential, known):
            # A copy gets the same note, without the cost of making it anew.
            return Secret(None, False, {"credential": str(known)})
        return Secret(credential, True, {"credential": fingerprint.shared_fingerprint(credential)})
    changed = policy == "always" or not source or _newly_used(options, source)
    return Secret(credential if changed else None, changed, {})


def _newly_used(options: Mapping[str, Any], source: Mapping[str, Any]) -> bool:
    """Whether the stated connector puts a part of the given credential in where the stored one uses none of that name,
    and so may have none."""
    current = connectors.observed(source)
    before, after = (
        {name for kind, name, _default in connectors.placeholders(fields) if kind == "credential"}
        for fields in (current, connectors.merged(current, connectors.desired(options)))
    )
    return bool((after - before) & set(options["credential"]))


def for_a_copy(fields: Mapping[str, Any], options: Mapping[str, Any], replaced: bool) -> dict[str, Any] | None:
    """The credential of a connector that takes another's place; the stored one cannot be read. ``replaced`` tells that
    there is no other way than a new connector."""
    if options["credential"]:
        return dict(options["credential"])
    if connectors.needs_credential(fields):
        raise Failure(
            "credential_needed_to_replace" if replaced else "credential_needed",
            f"Connector {fields['name']!r} has to be replaced by a new one, and its credential cannot be read from the server.",
        )
    return None if fields["protocol"].startswith("mcp_") else connectors.PLACEHOLDER_CREDENTIAL


def leaves(value: Any) -> list[str]:
    """The scalars in a credential, at any depth."""
    return [str(scalar) for scalar in scalars(value) if scalar not in (None, "")]
