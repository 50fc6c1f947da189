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
#: The same with the plugin neural-search.
WITH_NEURAL_SEARCH = {
    "search": {
        "request_processors": [*KNOWN["search"]["request_processors"], "neural_query_enricher"],
        "response_processors": [*KNOWN["search"]["response_processors"], "rerank"],
        "phase_results_processors": ["normalization-processor"],
    },
    "ingest": {"processors": [*KNOWN["ingest"]["processors"], "text_embedding"]},
}

FORBIDDEN = "no permissions for [cluster:monitor/nodes/info] and User [name=asker, backend_roles=[]]"


class Pipelines:
    """``nodes`` are the processors that each node knows; None for a user who may not read the nodes."""

    def __init__(self) -> None:
        self.bodies: dict[str, dict[str, Any]] = {"search": {}, "ingest": {}}
        self.nodes: list[dict[str, dict[str, list[str]]]] | None = [KNOWN]

    def knows(self, path: str) -> bool:
        return path.startswith((*PREFIXES, "/_nodes/"))

    def handle(self, method: str, path: str, body: Any) -> Any:
        if path.startswith("/_nodes/"):
            return self.read_nodes(path.rsplit("/", 1)[1])
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
                field_of_node = "processors" if kind == "ingest" else field
                known = [node[kind].get(field_of_node, []) for node in self.nodes or [WITH_NEURAL_SEARCH]]
                for type_ in processor:
                    if not all(type_ in types for types in known):
                        text = "No processor type exists with name" if kind == "ingest" else "Invalid processor type"
                        raise Refused(400, f"{text} [{type_}]", "parse_exception")
        stored[name] = body
        return {"acknowledged": True}

    def read_nodes(self, section: str) -> Any:
        if self.nodes is None:
            raise Refused(403, FORBIDDEN, "security_exception")
        kind = "ingest" if section == "ingest" else "search"
        nodes = {}
        for number, node in enumerate(self.nodes, 1):
            info = {field: [{"type": name} for name in names] for field, names in node[kind].items()}
            nodes[f"n{number}"] = {"name": f"node-{number}", section: info}
        return {"nodes": nodes}
