# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects that all contestants create: N pairs of a connector with a key and a deployed model."""

from __future__ import annotations

from typing import Any

#: The prefix of all names. The bench removes every object with this prefix.
PREFIX = "bench "
ENDPOINT = "http://ollama:11434/v1/chat/completions"
TRUST = r"^http://ollama:11434/v1/chat/completions$"


def name_of(number: int) -> str:
    return f"{PREFIX}{number:05d}"


def key_of(number: int, changed: bool) -> str:
    """The same key for all pairs. Only the key of the first pair changes."""
    return "key-changed" if changed and number == 0 else "key"


def connector(number: int, changed: bool = False) -> dict[str, Any]:
    """The options of ml_connector, most of which are also fields of the server's body."""
    return {
        "name": name_of(number),
        "parameters": {"model": "tiny-chat"},
        "credential": {"api_key": key_of(number, changed)},
        "actions": [
            {
                "action_type": "predict",
                "method": "POST",
                "url": ENDPOINT,
                "headers": {"Content-Type": "application/json", "Authorization": "Bearer ${credential.api_key}"},
                "request_body": '{"model": "${parameters.model}", "messages": ${parameters.messages}}',
            }
        ],
    }


def body(number: int, changed: bool = False) -> dict[str, Any]:
    """The body of ``POST connectors/_create``."""
    return {"version": "1", "protocol": "http", "description": "", **connector(number, changed)}


def variables(size: int, changed: bool) -> dict[str, Any]:
    """The variables of the plays."""
    numbers = range(size)
    return {
        "bodies": [body(number, changed) for number in numbers],
        "connectors": [{**connector(number, changed), "update_credential": "when_changed"} for number in numbers],
        "models": [{"name": name_of(number), "connector": name_of(number)} for number in numbers],
    }
