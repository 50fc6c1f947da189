# SPDX-License-Identifier: GPL-3.0-or-later
"""Bodies of answers as OpenSearch and ML Commons write them."""

from __future__ import annotations

import json
from typing import Any, Mapping

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http.transport import RawAnswer


def raw(status: int, body: Any, headers: Mapping[str, str] | None = None) -> RawAnswer:
    """``body`` is sent as JSON, or unchanged if it is text."""
    text = body if isinstance(body, str) else json.dumps(body)
    return RawAnswer(status, dict(headers or {}), text.encode())


def error(status: int, kind: str, reason: str) -> dict[str, Any]:
    """The body of an error in the server's usual shape."""
    return {
        "error": {"root_cause": [{"type": kind, "reason": reason}], "type": kind, "reason": reason},
        "status": status,
    }


def hits(*docs: tuple[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The body of a search answer, from pairs of id and source."""
    return {"hits": {"hits": [{"_id": object_id, "_source": dict(source)} for object_id, source in docs]}}


def prediction(data: Any, status: int = 200) -> dict[str, Any]:
    """The body of a prediction: ``data`` is what the backend answered, with its status."""
    return {"inference_results": [{"output": [{"name": "response", "dataAsMap": data}], "status_code": status}]}


def chat(connector: dict[str, Any], credential: dict[str, str], parameters: dict[str, Any]) -> dict[str, Any]:
    """A backend that gives every question the same answer, in the format of OpenAI."""
    data = {
        "choices": [{"message": {"role": "assistant", "content": "Light is scattered."}}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8},
    }
    return prediction(data)


def vectors(algorithm: str, body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a connector with built-in functions makes of texts: a vector or a score for each."""
    name = "similarity" if algorithm == "text_similarity" else "sentence_embedding"
    return [{"name": name, "data_type": "FLOAT32", "shape": [1], "data": [0.5]} for _text in body["text_docs"]]


class Refused(Exception):
    """The server refuses the request: a status, a reason and the type of the error."""

    def __init__(self, status: int, reason: str, kind: str = "status_exception") -> None:
        super().__init__(reason)
        self.status = status
        self.body = error(status, kind, reason)
