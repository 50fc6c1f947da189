# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Notes that the collection keeps on a connector or an agent, as JSON in one parameter of the object.

The note ``replaces`` has the id of the object that this one was created to replace.
"""

from __future__ import annotations

from typing import Any, Mapping

from .._errors.exceptions import Failure
from .._values.compare import canonical, text_of
from .base import Doc

#: The parameter. It fills no placeholder, and results do not show it.
PARAMETER = "_searchops"


def read_notes(source: Mapping[str, Any]) -> dict[str, Any]:
    """The notes on an object, from what the server returned of it. Empty if it has no valid ones."""
    notes = canonical((source.get("parameters") or {}).get(PARAMETER))
    return notes if isinstance(notes, dict) else {}


def with_notes(parameters: Mapping[str, Any], notes: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters to send for an object with these notes."""
    return {**parameters, PARAMETER: text_of(dict(notes))}


def replaces(new: Doc, old: Doc) -> bool:
    """Whether ``new`` was created to replace the object with the id of ``old``. A younger object may reuse an id."""
    return bool(read_notes(new.source).get("replaces") == old.id)


def check_parameters(parameters: Mapping[str, Any] | None) -> None:
    """Raises Failure if the user's parameters use the reserved name."""
    if PARAMETER in (parameters or {}):
        raise Failure("invalid_input", f"parameters: the name {PARAMETER} is reserved for notes of the collection.")
