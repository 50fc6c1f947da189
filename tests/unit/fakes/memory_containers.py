# SPDX-License-Identifier: GPL-3.0-or-later
"""Memory containers of the fake cluster: defaults are filled in, an update merges and ignores what concerns the indexes.

As seen on 3.6.0. The indexes are only counted: ``memory_indexes`` has the names of those that exist.
"""

from __future__ import annotations

import copy
from typing import Any, Mapping

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.answers import Refused
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.newer_versions import release
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.state import State

AGENTIC_MEMORY = "plugins.ml_commons.agentic_memory_enabled"

CONFIGURATION = {
    "index_prefix", "llm_id", "embedding_model_type", "embedding_model_id", "embedding_dimension", "max_infer_size", "strategies",
    "index_settings", "parameters", "disable_history", "disable_session", "use_system_index",
}  # fmt: skip

CHANGEABLE = {"llm_id", "embedding_model_type", "embedding_model_id", "embedding_dimension", "max_infer_size"}

STRATEGY = {"id", "enabled", "type", "namespace", "configuration"}

#: The types of memory that are indexes of a container with strategies; without any, only the first two.
MEMORIES = ("sessions", "working", "long-term", "history")


class MemoryContainers(State):
    def __init__(self, version: str) -> None:
        super().__init__(version)
        self.memory_containers: dict[str, dict[str, Any]] = {}
        self.memory_indexes: set[str] = set()
        #: Whether the server fails to create the indexes of a container, as without the plugin neural-search.
        self.memory_indexes_fail = False

    def add_memory_container(self, name: str = "House memory", **fields: Any) -> str:
        made = self._memory_containers_post_create(body={"name": name, **fields}, query={})
        return str(made["memory_container_id"])

    def _check_memory(self) -> None:
        if release(self.version) < (3, 3):
            raise Refused(400, "no handler found for uri [/_plugins/_ml/memory_containers] and method [POST]")
        if self._effective(AGENTIC_MEMORY) == "false":
            reason = f"The Agentic Memory APIs are not enabled. To enable, please update the setting {AGENTIC_MEMORY}"
            raise Refused(403, reason)

    def _memory_containers_post_create(self, *, body: dict[str, Any], query: Any) -> dict[str, Any]:
        self._check_memory()
        if body.get("name") is None:
            raise Refused(400, "name is null", "illegal_argument_exception")
        configuration = self._configuration(body.get("configuration") or {})
        configuration["strategies"] = [self._new_strategy(each) for each in configuration.get("strategies") or []]
        _check_configuration(configuration)
        object_id, now = self._id("container"), self._now()
        known = {"name", "description", "backend_roles"} | self.later_fields
        self.memory_containers[object_id] = {
            **{name: value for name, value in body.items() if name in known and value not in (None, [])},
            "configuration": _without_empty(configuration),
            "created_time": now,
            "last_updated_time": now,
        }
        self._wrote(object_id)
        if self.memory_indexes_fail:
            raise Refused(500, "Internal server error")
        self.memory_indexes |= _indexes(configuration)
        return {"memory_container_id": object_id, "status": "created"}

    def _configuration(self, given: Mapping[str, Any]) -> dict[str, Any]:
        known = CONFIGURATION | self.later_fields
        fields = {name: value for name, value in given.items() if name in known and value is not None}
        for name in ("disable_history", "disable_session"):
            fields.setdefault(name, False)
        fields.setdefault("use_system_index", True)
        fields.setdefault("index_prefix", "default" if fields["use_system_index"] else "0f1e2d3c")
        if "llm_id" in fields:
            fields.setdefault("max_infer_size", 5)
        else:
            fields.pop("max_infer_size", None)
        return copy.deepcopy(fields)

    def _new_strategy(self, given: Mapping[str, Any]) -> dict[str, Any]:
        known = {name: value for name, value in given.items() if name in STRATEGY | self.later_fields}
        if not known.get("namespace"):
            raise Refused(400, "Strategy namespace is required.", "illegal_argument_exception")
        return {"id": f"{str(known['type']).lower()}_{self._id('strategy')}", "enabled": True, **known}

    def _memory_container(self, object_id: str) -> dict[str, Any]:
        self._check_memory()
        if object_id not in self.memory_containers:
            raise Refused(404, f"Failed to find memory container with the provided memory container id: {object_id}")
        return self.memory_containers[object_id]

    def _memory_containers_get_one(self, object_id: str, *, body: Any, query: Any) -> dict[str, Any]:
        return self._memory_container(object_id)

    def _memory_containers_post_search(self, *, body: dict[str, Any], query: Any) -> dict[str, Any]:
        self._check_memory()
        return self._search(self.memory_containers, body)

    def _memory_containers_put_one(self, object_id: str, *, body: dict[str, Any], query: Any) -> dict[str, Any]:
        self._check_memory()
        if object_id not in self.memory_containers:
            raise Refused(500, "Internal server error")
        container = self.memory_containers[object_id]
        # No version refreshes the index after an update.
        self._changing(object_id, container, 2)
        stored: dict[str, Any] = copy.deepcopy(container)
        for name in {"name", "description", "backend_roles", *self.later_fields} & set(body):
            stored[name] = body[name]
        if "configuration" in body:
            sent = self._configuration(body["configuration"])
            configuration = stored["configuration"]
            configuration["strategies"] = self._merged(
                configuration.get("strategies") or [], sent.get("strategies") or []
            )
            later = self.later_fields & set(sent)
            configuration.update({name: sent[name] for name in CHANGEABLE | later if name in sent})
            if configuration.get("embedding_model_type") == "SPARSE_ENCODING":
                configuration.pop("embedding_dimension", None)
            try:
                _check_configuration(configuration)
            except Refused:
                raise Refused(500, "Internal server error") from None
            stored["configuration"] = _without_empty(configuration)
            self.memory_indexes |= _indexes(configuration)
        self.memory_containers[object_id] = {**stored, "last_updated_time": self._now()}
        self._wrote(object_id)
        return {"_id": object_id, "result": "updated"}

    def _merged(self, old: list[dict[str, Any]], sent: list[dict[str, Any]]) -> list[dict[str, Any]]:
        by_id = {each["id"]: each for each in old}
        for each in sent:
            if not each.get("id"):
                new = self._new_strategy(each)
                by_id[new["id"]] = new
            elif each["id"] not in by_id or each.get("type", by_id[each["id"]]["type"]) != by_id[each["id"]]["type"]:
                raise Refused(500, "Internal server error")
            else:
                by_id[each["id"]] = {**by_id[each["id"]], **each}
        # A hash map has no order.
        return sorted(by_id.values(), key=lambda each: str(each["id"])[::-1])

    def _memory_containers_delete_one(self, object_id: str, *, body: Any, query: Any) -> dict[str, Any]:
        self._check_memory()
        if object_id not in self.memory_containers:
            raise Refused(404, "Memory container not found")
        configuration = self.memory_containers[object_id]["configuration"]
        memories = (body or {}).get("delete_memories") or []
        prefix = configuration["index_prefix"]
        sharing = [each for each in self.memory_containers.values() if each["configuration"]["index_prefix"] == prefix]
        if memories and len(sharing) > 1:
            reason = f"Cannot delete memory indices as multiple containers share the index prefix '{prefix}'."
            raise Refused(409, reason)
        del self.memory_containers[object_id]
        self.memory_indexes -= {f"{prefix}-{memory}" for memory in memories}
        return {"_id": object_id, "result": "deleted"}


def _indexes(configuration: Mapping[str, Any]) -> set[str]:
    memories = MEMORIES if configuration.get("strategies") else MEMORIES[:2]
    off = {"sessions": configuration["disable_session"], "history": configuration["disable_history"]}
    return {f"{configuration['index_prefix']}-{memory}" for memory in memories if not off.get(memory)}


def _without_empty(configuration: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in configuration.items() if value not in ({}, [])}


def _check_configuration(configuration: Mapping[str, Any]) -> None:
    """As MemoryConfiguration.validateInputs and validateStrategiesRequireModels."""
    type_, model = configuration.get("embedding_model_type"), configuration.get("embedding_model_id")
    dimension = configuration.get("embedding_dimension")
    for wrong, reason in (
        (bool(type_) != bool(model), "Embedding model type is required when embedding model ID is provided"),
        (
            type_ not in (None, "TEXT_EMBEDDING", "SPARSE_ENCODING"),
            "Embedding model type must be either TEXT_EMBEDDING or",
        ),
        (type_ == "TEXT_EMBEDDING" and dimension is None, "Dimension is required for TEXT_EMBEDDING"),
        (type_ == "SPARSE_ENCODING" and dimension is not None, "Dimension is not allowed for SPARSE_ENCODING"),
        (configuration.get("max_infer_size", 0) > 10, "Maximum infer size cannot exceed 10"),
        (
            bool(configuration.get("strategies")) and not (configuration.get("llm_id") and model),
            "Strategies require both an LLM model and embedding model to be configured.",
        ),
    ):
        if wrong:
            raise Refused(400, reason, "illegal_argument_exception")
