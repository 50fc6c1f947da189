# SPDX-License-Identifier: GPL-3.0-or-later
"""Search and ingest pipelines of the fake cluster: bodies are stored unchanged, processors are checked by name."""

from __future__ import annotations

import fnmatch
from typing import Any
from urllib.parse import unquote

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.answers import Refused

PREFIXES = {"/_search/pipeline/": "search", "/_ingest/pipeline/": "ingest"}

KNOWN = {
    "search": {
        "request_processors": ["filter_query", "ml_inference", "script"],
        "response_processors": ["ml_inference", "rename_field", "retrieval_augmented_generation"],
        "phase_results_processors": [],
    },
    "ingest": {"processors": ["ml_inference", "set", "rename"]},
}


class Pipelines:
    def __init__(self) -> None:
        self.bodies: dict[str, dict[str, Any]] = {"search": {}, "ingest": {}}

    def knows(self, path: str) -> bool:
        return path.startswith((*PREFIXES, "/_nodes/"))

    def handle(self, method: str, path: str, body: Any) -> Any:
        if path.startswith("/_nodes/"):
            lists = {
                field: [{"type": name} for name in names]
                for field, names in KNOWN["ingest" if path.endswith("ingest") else "search"].items()
            }
            return {"nodes": {"n1": {"name": "node-1", path.rsplit("/", 1)[1]: lists}}}
        prefix, kind = next((prefix, kind) for prefix, kind in PREFIXES.items() if path.startswith(prefix))
        name, stored = unquote(path[len(prefix) :]), self.bodies[kind]
        if method == "GET":
            found = {key: stored[key] for key in stored if fnmatch.fnmatchcase(key, name)}
            if not found and name != "*":
                empty = Refused(404, "")
                empty.body = {}
                raise empty
            return found
        if method == "DELETE":
            if name not in stored:
                raise Refused(404, f"pipeline [{name}] is missing", "resource_not_found_exception")
            del stored[name]
            return {"acknowledged": True}
        for field, processors in body.items():
            for processor in processors if isinstance(processors, list) else ():
                known = KNOWN[kind].get("processors" if kind == "ingest" else field, [])
                for type_ in processor:
                    if type_ not in known:
                        text = "No processor type exists with name" if kind == "ingest" else "Invalid processor type"
                        raise Refused(400, f"{text} [{type_}]", "parse_exception")
        stored[name] = body
        return {"acknowledged": True}
