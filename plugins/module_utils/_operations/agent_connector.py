# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Whether the connector of a model can send what an agent gives to the model."""

from __future__ import annotations

from typing import Any, Mapping

from .._endpoints.providers import TOOLS_PARAMETER
from .._kinds.base import Doc
from .._kinds.connector.resource import Connector
from .._runtime.reader import Reader
from .._values.compare import text_of


def sends_tools(reader: Reader, model: Doc) -> bool:
    """Whether a request body has a place for the tools. Raises Failure."""
    return any(f"${{parameters.{TOOLS_PARAMETER}" in body for body in _bodies(_connector_of(reader, model)))


def lacks_messages(reader: Reader, model: Doc, *given: Mapping[str, Any] | None) -> bool:
    """Whether a request body needs ``messages``, as that of a chat, and neither the connector nor the ``given`` parameters of
    the agent have them: an agent gives a ``prompt``. Raises Failure."""
    connector = _connector_of(reader, model)
    needs = any("${parameters.messages}" in body for body in _bodies(connector))
    return needs and not any("messages" in (each or {}) for each in (connector.get("parameters"), *given))


def _connector_of(reader: Reader, model: Doc) -> Mapping[str, Any]:
    connector_id = model.source.get("connector_id")
    found = reader.get(Connector, str(connector_id)) if connector_id else None
    connector: Mapping[str, Any] = found.source if found else model.source.get("connector") or {}
    return connector


def _bodies(connector: Mapping[str, Any]) -> list[str]:
    return [text_of(action.get("request_body") or "") for action in connector.get("actions") or []]
