# SPDX-License-Identifier: GPL-3.0-or-later
"""ml_memory_container: created once, changed in place as far as the server can, deleted with or without its memories."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable

import pytest

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.memory_containers import AGENTIC_MEMORY

Runner = Callable[..., dict[str, Any]]
NAME = "ml_memory_container"
HOUSE: dict[str, Any] = {"name": "House memory"}
FACTS: dict[str, Any] = {"type": "SEMANTIC", "namespace": ["user_id"]}
TASTE: dict[str, Any] = {"type": "USER_PREFERENCE", "namespace": ["user_id"]}
MODELS: dict[str, Any] = {
    "llm_id": "Chat", "embedding_model_id": "Chat", "embedding_model_type": "text_embedding", "embedding_dimension": 8,
}  # fmt: skip


@pytest.fixture
def model(cluster: FakeCluster) -> str:
    return cluster.add_model("Chat", cluster.add_connector())


def stored(cluster: FakeCluster) -> dict[str, Any]:
    [container] = cluster.memory_containers.values()
    return container


def succeeds(module: Runner, cluster: FakeCluster, **args: Any) -> dict[str, Any]:
    """Check mode predicts what the run does, and a second run changes nothing."""
    planned = module(NAME, cluster, check_mode=True, **args)
    done = module(NAME, cluster, **args)
    for result in (planned, done):
        assert not result.get("failed"), result
    assert (planned["changed"], planned["diff"]) == (done["changed"], done["diff"])
    again = module(NAME, cluster, **args)
    assert (again["changed"], again["actions"]) == (False, []), again
    return done


def test_the_life_of_a_container(module: Runner, cluster: FakeCluster, model: str) -> None:
    made = succeeds(module, cluster, **HOUSE, configuration={"index_prefix": "house"})
    [object_id] = cluster.memory_containers
    assert (made["memory_container_id"], made["diff"]["before"]) == (object_id, {})
    assert made["memory_container"]["configuration"]["use_system_index"] is True
    listed = module("ml_memory_container_info", cluster, name="House memory")["memory_containers"]
    assert listed == [made["memory_container"]]
    changed = succeeds(
        module,
        cluster,
        **HOUSE,
        description="New",
        configuration={**MODELS, "max_infer_size": 3, "strategies": [FACTS]},
    )
    assert changed["diff"]["after"]["configuration"]["llm_id"] == "${model:Chat}"
    assert stored(cluster)["configuration"]["llm_id"] == model
    assert stored(cluster)["configuration"]["max_infer_size"] == 3
    assert cluster.memory_indexes == {"house-sessions", "house-working", "house-long-term", "house-history"}
    succeeds(module, cluster, memory_container_id=object_id, name="Renamed")
    gone = module(NAME, cluster, memory_container_id=object_id, state="absent", delete_memories=["working", "history"])
    assert (gone["changed"], gone["memory_container"], gone["memory_container_id"]) == (True, None, object_id)
    assert cluster.memory_indexes == {"house-sessions", "house-long-term"}
    assert not module(NAME, cluster, memory_container_id=object_id, state="absent")["changed"]


def test_the_indexes_stay_unless_they_are_to_be_deleted(module: Runner, cluster: FakeCluster) -> None:
    cluster.add_memory_container()
    module(NAME, cluster, **HOUSE, state="absent")
    assert (cluster.memory_containers, cluster.memory_indexes) == ({}, {"default-sessions", "default-working"})


def test_shared_indexes_are_not_deleted(module: Runner, cluster: FakeCluster) -> None:
    cluster.add_memory_container()
    cluster.add_memory_container("Other")
    refused = module(NAME, cluster, **HOUSE, state="absent", delete_all_memories=True)
    assert refused["failure"]["code"] == "memory_indexes_shared"
    assert len(cluster.memory_containers) == 2


def test_a_size_alone_keeps_the_model(module: Runner, cluster: FakeCluster, model: str) -> None:
    """The server ignores a size without a model, and resets the size for a model without one."""
    cluster.add_memory_container(configuration={"llm_id": model})
    succeeds(module, cluster, **HOUSE, configuration={"max_infer_size": 7})
    assert (stored(cluster)["configuration"]["llm_id"], stored(cluster)["configuration"]["max_infer_size"]) == (
        model,
        7,
    )
    other = cluster.add_model("Other", cluster.add_connector("Other"))
    succeeds(module, cluster, **HOUSE, configuration={"llm_id": "Other"})
    assert (stored(cluster)["configuration"]["llm_id"], stored(cluster)["configuration"]["max_infer_size"]) == (
        other,
        7,
    )


class TestStrategies:
    @pytest.fixture
    def container(self, cluster: FakeCluster, model: str) -> dict[str, Any]:
        configuration = {
            **MODELS,
            "llm_id": model,
            "embedding_model_id": model,
            "embedding_model_type": "TEXT_EMBEDDING",
        }
        cluster.add_memory_container(configuration={**configuration, "strategies": [FACTS, TASTE]})
        return stored(cluster)

    def strategies(self, cluster: FakeCluster) -> dict[tuple[str, ...], bool]:
        found = stored(cluster)["configuration"]["strategies"]
        return {(each["type"], *each["namespace"]): each["enabled"] for each in found}

    def test_the_order_does_not_matter(self, module: Runner, cluster: FakeCluster, container: dict[str, Any]) -> None:
        assert not module(NAME, cluster, **HOUSE, configuration={"strategies": [TASTE, FACTS]})["changed"]

    def test_one_that_is_left_out_is_disabled(
        self, module: Runner, cluster: FakeCluster, container: dict[str, Any]
    ) -> None:
        done = succeeds(module, cluster, **HOUSE, configuration={"strategies": [TASTE]})
        assert self.strategies(cluster) == {("SEMANTIC", "user_id"): False, ("USER_PREFERENCE", "user_id"): True}
        sides = [
            [each["type"] for each in done["diff"][side]["configuration"]["strategies"]] for side in ("before", "after")
        ]
        assert sides == [["USER_PREFERENCE", "SEMANTIC"], ["USER_PREFERENCE"]]
        succeeds(module, cluster, **HOUSE, configuration={"strategies": []})
        assert set(self.strategies(cluster).values()) == {False}
        succeeds(module, cluster, **HOUSE, configuration={"strategies": [{**FACTS, "enabled": True}, TASTE]})

    def test_the_only_one_of_its_type_is_changed(
        self, module: Runner, cluster: FakeCluster, container: dict[str, Any]
    ) -> None:
        moved = {**FACTS, "namespace": ["session_id"], "configuration": {"system_prompt": "List facts as JSON."}}
        succeeds(module, cluster, **HOUSE, configuration={"strategies": [moved, TASTE]})
        assert self.strategies(cluster) == {("SEMANTIC", "session_id"): True, ("USER_PREFERENCE", "user_id"): True}

    def test_another_one_of_a_type_is_added(
        self, module: Runner, cluster: FakeCluster, container: dict[str, Any]
    ) -> None:
        more = {**FACTS, "namespace": ["agent_id"]}
        succeeds(module, cluster, **HOUSE, configuration={"strategies": [more, FACTS, TASTE]})
        assert len(self.strategies(cluster)) == 3

    def test_one_by_its_id(self, module: Runner, cluster: FakeCluster, container: dict[str, Any]) -> None:
        [first, second] = [each["id"] for each in container["configuration"]["strategies"]]
        given = [{**FACTS, "id": first, "enabled": False}, {**TASTE, "id": second}]
        succeeds(module, cluster, **HOUSE, configuration={"strategies": given})
        assert self.strategies(cluster)[("SEMANTIC", "user_id")] is False

    @pytest.mark.parametrize(
        ("configuration", "reason"),
        [
            ({"strategies": [{**FACTS, "id": "nope"}]}, "no strategy with the id 'nope'"),
            ({"embedding_dimension": 9}, "does not change embedding_dimension"),
            ({"index_prefix": "other", "disable_history": True}, "sets index_prefix, disable_history only when"),
            ({"parameters": {"a": "b"}}, "sets parameters only when"),
        ],
    )
    def test_what_the_server_cannot_change(
        self,
        module: Runner,
        cluster: FakeCluster,
        container: dict[str, Any],
        configuration: dict[str, Any],
        reason: str,
    ) -> None:
        for check_mode in (True, False):
            refused = module(NAME, cluster, check_mode=check_mode, **HOUSE, configuration=configuration)["failure"]
            assert (refused["code"], reason in refused["message"]) == ("memory_container_not_changeable", True), refused
        assert cluster.writes == []

    def test_the_type_of_one_is_fixed(self, module: Runner, cluster: FakeCluster, container: dict[str, Any]) -> None:
        first = container["configuration"]["strategies"][0]["id"]
        refused = module(NAME, cluster, **HOUSE, configuration={"strategies": [{**TASTE, "id": first}]})["failure"]
        assert "does not change the type of a strategy" in refused["message"]


@pytest.mark.parametrize(
    ("configuration", "message"),
    [
        ({"embedding_model_type": "dense"}, "embedding_model_type: must be TEXT_EMBEDDING or SPARSE_ENCODING"),
        ({"embedding_model_type": "sparse_encoding", "embedding_dimension": 3}, "embedding_dimension: remove it"),
        ({"max_infer_size": 11}, "max_infer_size: must be from 1 to 10"),
        ({"strategies": [{"type": "SEMANTICS"}]}, "did you mean 'SEMANTIC'?"),
        ({"max_infer_size": 3}, "max_infer_size: has no effect without llm_id"),
        ({"embedding_model_id": "Chat"}, "embedding_model_type: is required with embedding_model_id"),
        ({"embedding_model_type": "text_embedding"}, "embedding_model_id: is required with embedding_model_type"),
        ({"embedding_model_id": "Chat", "embedding_model_type": "text_embedding"}, "embedding_dimension: is required"),
        ({"llm_id": "Chat", "strategies": [FACTS]}, "strategies: need llm_id, embedding_model_id"),
        ({**MODELS, "strategies": [{"type": "SUMMARY"}]}, "strategies[0].namespace: is required"),
    ],
)
def test_an_invalid_configuration(
    module: Runner, cluster: FakeCluster, model: str, configuration: dict[str, Any], message: str
) -> None:
    for check_mode in (True, False):
        refused = module(NAME, cluster, check_mode=check_mode, **HOUSE, configuration=configuration)["failure"]
        assert (refused["code"], message in refused["message"]) == ("invalid_input", True), refused
    assert cluster.writes == []


@pytest.mark.parametrize("state", ["present", "absent"])
@pytest.mark.parametrize("version", ["2.19.1", "3.2.0"])
def test_an_older_server(module: Runner, version: str, state: str) -> None:
    cluster = FakeCluster(version)
    for name, args in ((NAME, {**HOUSE, "state": state}), ("ml_memory_container_info", {})):
        refused = module(name, cluster, **args)["failure"]
        assert (refused["code"], "3.3" in refused["message"]) == ("unsupported_version", True)
    assert cluster.writes == []


def test_a_disabled_feature(module: Runner, cluster: FakeCluster) -> None:
    cluster.persistent[AGENTIC_MEMORY] = "false"
    refused = module(NAME, cluster, **HOUSE)["failure"]
    assert (refused["code"], AGENTIC_MEMORY in refused["remedy"]) == ("feature_disabled", True)
    # A stack of a cluster without them is complete.
    assert module("ml_stack_info", cluster)["stack"]["memory_containers"] == []


def test_several_of_one_name(module: Runner, cluster: FakeCluster) -> None:
    first = cluster.add_memory_container()
    second = cluster.add_memory_container()
    used = module(NAME, cluster, **HOUSE)
    assert (used["changed"], used["memory_container_id"]) == (False, first)
    assert used["warnings"] == [
        "2 memory containers have the name 'House memory', created at the same moment by controllers without the lock. "
        f"{first} counts; delete {second}."
    ]
    cluster.memory_containers[second]["created_time"] += 60_000
    refused = module(NAME, cluster, **HOUSE)["failure"]
    assert (refused["code"], refused["details"]["ids"]) == ("ambiguous_name", [first, second])


def test_a_container_without_its_indexes_is_deleted_again(module: Runner, cluster: FakeCluster) -> None:
    cluster.memory_indexes_fail = True
    refused = module(NAME, cluster, **HOUSE)["failure"]
    assert (refused["code"], cluster.memory_containers) == ("memory_container_incomplete", {})


class TestFieldsOfALaterVersion:
    BODY: dict[str, Any] = {
        **HOUSE,
        "configuration": {"index_prefix": "house", "quota": {"a": 1}},
        "tier": {"b": 2},
        "created_time": 1700000000000,
        "owner": {"name": "admin"},
    }

    @pytest.fixture(params=["definition", "src", "options"])
    def args(self, request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
        """The same container in three ways."""
        if request.param == "definition":
            return {"definition": self.BODY}
        if request.param == "src":
            (tmp_path / "memory.json").write_text(
                "POST /_plugins/_ml/memory_containers/_create\n" + json.dumps(self.BODY)
            )
            return {"src": str(tmp_path / "memory.json")}
        configuration = {"index_prefix": "house", "extra_fields": {"quota": {"a": 1}}}
        return {**HOUSE, "configuration": configuration, "extra_fields": {"tier": {"b": 2}}}

    def test_they_are_sent_and_compared(self, module: Runner, cluster: FakeCluster, args: dict[str, Any]) -> None:
        cluster.later_fields = {"tier", "quota"}
        created = module(NAME, cluster, **args)
        assert (created.get("msg"), created.get("warnings")) == (None, None)
        assert (stored(cluster)["tier"], stored(cluster)["configuration"]["quota"]) == ({"b": 2}, {"a": 1})
        assert not module(NAME, cluster, **args)["changed"]
        stored(cluster)["configuration"]["quota"] = {"a": 2}
        assert module(NAME, cluster, **args)["changed"]
        assert stored(cluster)["configuration"]["quota"] == {"a": 1}

    def test_the_server_may_drop_them(self, module: Runner, cluster: FakeCluster, args: dict[str, Any]) -> None:
        assert module(NAME, cluster, **args)["warnings"] == [
            "Memory container 'House memory': OpenSearch 3.6 does not store tier, configuration.quota. Remove it, or upgrade "
            "OpenSearch if a later version has it."
        ]

    def test_an_option_overrides_the_definition(self, module: Runner, cluster: FakeCluster) -> None:
        module(NAME, cluster, definition=self.BODY, configuration={"index_prefix": "other"}, description="Mine")
        assert (stored(cluster)["configuration"]["index_prefix"], stored(cluster)["description"]) == ("other", "Mine")

    @pytest.mark.parametrize(
        ("definition", "message"),
        [
            ({"name": 5}, "name must be text"),
            ({**HOUSE, "configuration": []}, "configuration must be a mapping"),
            ({**HOUSE, "configuration": {"strategies": ["a"]}}, "strategies must be a list of mappings"),
            ({"description": "x"}, "neither the options nor the definition give the container a name"),
        ],
    )
    def test_an_invalid_definition(
        self, module: Runner, cluster: FakeCluster, definition: dict[str, Any], message: str
    ) -> None:
        refused = module(NAME, cluster, definition=definition)["failure"]
        assert (refused["code"], message in refused["message"]) == ("invalid_input", True), refused


def test_memories_are_deleted_with_the_container_only(module: Runner, cluster: FakeCluster) -> None:
    refused = module(NAME, cluster, **HOUSE, delete_all_memories=True)["failure"]
    assert (refused["code"], "only with 'state: absent'" in refused["message"]) == ("invalid_input", True)


def test_an_agent_names_its_container(module: Runner, cluster: FakeCluster, model: str) -> None:
    container = cluster.add_memory_container()
    agent = {"name": "Assistant", "type": "conversational", "llm": {"model_id": "Chat"}}
    memory = {"type": "agentic_memory", "memory_container_id": "House memory"}
    done = module("ml_agent", cluster, **agent, memory=memory)
    assert done["agent"]["memory"]["memory_container_id"] == container
    assert done["diff"]["after"]["memory"]["memory_container_id"] == "${memory_container:House memory}"
    assert not module("ml_agent", cluster, **agent, memory=memory)["changed"]
    assert not module("ml_agent", cluster, **agent, memory={**memory, "memory_container_id": container})["changed"]
    unknown = module("ml_agent", cluster, **{**agent, "name": "B"}, memory={**memory, "memory_container_id": "None"})[
        "failure"
    ]
    assert unknown["code"] == "unknown_memory_container"
    # This one is of another cluster.
    remote = {**memory, "type": "remote_agentic_memory", "memory_container_id": "None"}
    assert module("ml_agent", cluster, **{**agent, "name": "C"}, memory=remote)["changed"]


def test_an_agent_on_an_older_server(module: Runner) -> None:
    cluster = FakeCluster("2.19.1")
    memory = {"type": "agentic_memory", "memory_container_id": "House memory"}
    refused = module("ml_agent", cluster, name="A", type="flow", memory=memory)["failure"]
    assert (refused["code"], cluster.writes) == ("unsupported_version", [])
