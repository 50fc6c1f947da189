# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be on the cluster: N pairs of a connector with a key and a deployed model, the same for all contestants."""

from __future__ import annotations

from typing import Any

#: Nothing else on the cluster is named so, and all of it is removed afterwards.
PREFIX = "bench "
ENDPOINT = "http://ollama:11434/v1/chat/completions"
TRUST = r"^http://ollama:11434/v1/chat/completions$"


def name_of(number: int) -> str:
    return f"{PREFIX}{number:05d}"


def key_of(number: int, changed: bool) -> str:
    """All have the same; the first pair's is the one that changes."""
    return "key-changed" if changed and number == 0 else "key"


def connector(number: int, changed: bool = False) -> dict[str, Any]:
    """Options of ml_connector, most of which are also the fields of the server's own body."""
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
    """The same for ``POST connectors/_create``."""
    return {"version": "1", "protocol": "http", "description": "", **connector(number, changed)}


def variables(size: int, changed: bool) -> dict[str, Any]:
    """What the plays are given."""
    numbers = range(size)
    return {
        "bodies": [body(number, changed) for number in numbers],
        "connectors": [{**connector(number, changed), "update_credential": "when_changed"} for number in numbers],
        "models": [{"name": name_of(number), "connector": name_of(number)} for number in numbers],
    }
