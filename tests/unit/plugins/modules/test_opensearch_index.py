# SPDX-License-Identifier: GPL-3.0-or-later
"""opensearch_index: the requests, what counts as a difference, and input that is refused."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.answers import error
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.script import Script, delete, get, post, put

Runner = Callable[..., dict[str, Any]]
MakeScript = Callable[..., Script]
NAME = "opensearch_index"
READ = "/rag?flat_settings=true"
VECTOR = {"type": "knn_vector", "dimension": 4, "method": {"name": "hnsw", "engine": "lucene"}}
BODY = {
    "settings": {"knn": True, "index": {"number_of_replicas": 0}},
    "mappings": {"dynamic": False, "properties": {"text": {"type": "text"}, "vector": VECTOR}},
}
FLAT = {"index.knn": "true", "index.number_of_replicas": "0"}
STORED = {
    "settings": {**FLAT, "index.uuid": "u"},
    "mappings": {
        "dynamic": "false",
        "properties": {
            "text": {"type": "text"},
            "vector": {**VECTOR, "method": {"engine": "lucene", "name": "hnsw", "parameters": {}}},
            "meta": {"properties": {"a": {"type": "keyword"}}},
        },
    },
}


def observed(**parts: Any) -> dict[str, Any]:
    return {"rag": {"aliases": {}, **STORED, **parts}}


MISSING = error(404, "index_not_found_exception", "no such index [rag]")


def test_create_and_delete(module: Runner, cluster: FakeCluster) -> None:
    args = {"name": "rag", "definition": BODY}
    planned = module(NAME, cluster, check_mode=True, **args)
    assert cluster.indices.observed == {}
    created = module(NAME, cluster, **args)
    assert [action["action"] for action in planned["actions"]] == ["create"]
    assert created["actions"] == planned["actions"]
    assert (
        created["diff"] == planned["diff"] == {"before": {}, "after": {"settings": FLAT, "mappings": BODY["mappings"]}}
    )
    assert created["index"]["settings"]["index.uuid"] == "u"
    for check_mode in (False, True):
        again = module(NAME, cluster, check_mode=check_mode, **args)
        assert (again["changed"], again["actions"]) == (False, [])
        assert again["diff"]["before"] == again["diff"]["after"]
    absent = {"name": "rag", "state": "absent"}
    assert module(NAME, cluster, check_mode=True, **absent)["changed"]
    assert module(NAME, cluster, **absent)["index"] is None
    assert not module(NAME, cluster, **absent)["changed"]


def test_an_unchanged_index_costs_one_request(module: Runner, script: MakeScript) -> None:
    meta = {"properties": {"meta": {"type": "object", "properties": {"a": {"type": "keyword"}}}}}
    for body in (BODY, {}, {"settings": {"knn.nope": None}}, {"mappings": meta}):
        assert not module(NAME, script(get(READ).answers(200, observed())), name="rag", definition=body)["changed"]


def test_only_changed_parts_are_sent(module: Runner, script: MakeScript) -> None:
    settings = {"index.search.default_pipeline": "p", "index.number_of_replicas": None}
    body = {"settings": {"search": {"default_pipeline": "p"}, "number_of_replicas": None, "knn": True}}
    after = {"index.knn": "true", "index.search.default_pipeline": "p"}
    steps = script(
        get(READ).answers(200, observed()),
        put("/rag/_settings", settings).answers(200),
        get(READ).answers(200, observed(settings=after)),
    )
    result = module(NAME, steps, name="rag", definition=body)
    assert result["actions"][0]["fields"] == sorted(settings)
    mappings = {"properties": {"new": {"type": "text"}}}
    steps = script(
        get(READ).answers(200, observed()),
        put("/rag/_mapping", mappings).answers(200),
        get(READ).answers(200, observed(mappings=mappings)),
    )
    result = module(NAME, steps, name="rag", definition={"mappings": mappings})
    assert result["diff"]["before"] == {"settings": {}, "mappings": {"properties": {}}}


@pytest.mark.parametrize(
    "body",
    [
        {"settings": {"number_of_shards": 2}},
        {"settings": {"knn": False}},
        {"mappings": {"properties": {"vector": {**VECTOR, "dimension": 5}}}},
        {"mappings": {"properties": {"vector": {"method": {"engine": "faiss"}}}}},
        {"mappings": {"properties": {"text": {"type": "keyword"}}}},
        {"mappings": {"properties": {"meta": {"type": "nested"}}}},
        {"mappings": {"properties": {"meta": {"properties": {"a": {"type": "text"}}}}}},
    ],
)
@pytest.mark.parametrize("check_mode", [True, False])
def test_changes_that_need_a_new_index(
    module: Runner, script: MakeScript, body: dict[str, Any], check_mode: bool
) -> None:
    steps = script(get(READ).answers(200, observed()))
    failure = module(NAME, steps, name="rag", definition=body, check_mode=check_mode)["failure"]
    assert failure["code"] == "index_not_changeable"


@pytest.mark.parametrize(
    ("kind", "reason", "code"),
    [
        ("illegal_argument_exception", "Can't update non dynamic settings [[index.codec]]", "index_not_changeable"),
        ("illegal_argument_exception", "Mapper for [a] conflicts with existing mapper", "index_not_changeable"),
        ("mapper_parsing_exception", "No handler for type [nope] declared on field [a]", "invalid_mapping"),
        ("settings_exception", "unknown setting [index.nope]", "unknown_setting"),
    ],
)
def test_refusals_of_the_server(module: Runner, script: MakeScript, kind: str, reason: str, code: str) -> None:
    steps = script(get(READ).answers(404, MISSING), put("/rag").answers(400, error(400, kind, reason)))
    result = module(NAME, steps, name="rag", definition=BODY)
    assert (result["failure"]["code"], result["changed"]) == (code, False)


@pytest.mark.parametrize("name", ["", "A", "a*", "_all", "-a", "+a", ".", "..", "a,b", "a b", "a/b", "a:b"])
@pytest.mark.parametrize("state", ["present", "absent"])
def test_invalid_names(module: Runner, cluster: FakeCluster, name: str, state: str) -> None:
    assert module(NAME, cluster, name=name, state=state)["failure"]["code"] == "invalid_input"
    assert cluster.exchanges == []


def test_an_index_of_a_plugin(module: Runner, cluster: FakeCluster) -> None:
    """OpenSearch Dashboards reads its root agent from one: the name may begin with a full stop."""
    assert module(NAME, cluster, name=".plugins-ml-config")["changed"]
    document = {
        "index": ".plugins-ml-config",
        "documents": [{"id": "os_chat", "source": {"type": "os_chat_root_agent"}}],
    }
    assert module("opensearch_document", cluster, **document)["changed"]


def test_the_body_of_settings(module: Runner, cluster: FakeCluster) -> None:
    """As the API for the settings of an index takes it."""
    body = {"index.search.default_pipeline": "house"}
    message = module(NAME, cluster, name="rag", definition=body)["failure"]["message"]
    assert message.endswith(
        "not ['index.search.default_pipeline']. Write index.search.default_pipeline below 'settings'."
    )


@pytest.mark.parametrize("body", [{"warmers": {}}, {"settings": "x"}, {"aliases": ["a"]}])
def test_invalid_bodies(module: Runner, cluster: FakeCluster, body: dict[str, Any]) -> None:
    assert module(NAME, cluster, name="rag", definition=body)["failure"]["code"] == "invalid_input"
    assert cluster.exchanges == []


def test_the_name_of_an_alias_is_refused(module: Runner, script: MakeScript) -> None:
    for state in ("present", "absent"):
        steps = script(get(READ).answers(200, {"other": STORED}))
        assert module(NAME, steps, name="rag", state=state)["failure"]["code"] == "invalid_input"


def test_another_controller_changes_the_index(module: Runner, script: MakeScript) -> None:
    changed = get(READ).answers(200, observed(settings={}))
    steps = script(get(READ).answers(404, MISSING), put("/rag").answers(200, {}), changed)
    assert module(NAME, steps, name="rag", definition=BODY)["failure"]["code"] == "not_converged"


def test_another_controller_deletes_the_index(module: Runner, cluster: FakeCluster) -> None:
    """The task starts over and creates it again."""
    cluster.before("PUT", "/rag", lambda: cluster.before("GET", "/rag", cluster.indices.observed.clear))
    result = module(NAME, cluster, name="rag", definition=BODY)
    assert [action["action"] for action in result["actions"]] == ["create", "create"]
    assert list(cluster.indices.observed) == ["rag"]


def test_deleted_by_another_controller(module: Runner, script: MakeScript) -> None:
    steps = script(get(READ).answers(200, observed()), delete("/rag").answers(404, MISSING))
    assert module(NAME, steps, name="rag", state="absent")["changed"]


def test_an_answer_of_another_server(module: Runner, script: MakeScript) -> None:
    steps = script(get(READ).answers(404, "<html>not found</html>"))
    assert module(NAME, steps, name="rag")["failure"]["code"] == "not_opensearch"


def test_models_are_given_by_name(module: Runner, cluster: FakeCluster) -> None:
    """A field of the type semantic has the id of its model."""
    model_id = cluster.add_model("Embeddings", cluster.add_connector())
    field = {"type": "semantic", "model_id": "${model:Embeddings}"}
    args = {"name": "rag", "definition": {"mappings": {"properties": {"text": field}}}}
    made = module(NAME, cluster, **args)
    assert cluster.indices.observed["rag"]["mappings"]["properties"]["text"]["model_id"] == model_id
    assert made["diff"]["after"]["mappings"]["properties"]["text"] == field
    assert not module(NAME, cluster, **args)["changed"]
    args["definition"]["mappings"]["properties"]["text"] = {**field, "model_id": "your_model_id"}
    assert module(NAME, cluster, **args)["failure"]["code"] == "placeholder_left_in"


class TestDefaultsOfMappings:
    """The server does not store a value that is its default."""

    TEXT = {
        "type": "text",
        "analyzer": "a",
        "search_analyzer": "a",
        "fields": {"raw": {"type": "keyword", "index": True}},
    }
    BODY = {"mappings": {"properties": {"t": {"properties": {"x": TEXT}}}}}
    STORED = {
        "properties": {
            "t": {"properties": {"x": {"type": "text", "analyzer": "a", "fields": {"raw": {"type": "keyword"}}}}}
        }
    }
    FIELDS = "/rag/_mapping/field/t.x%2Ct.x.raw?include_defaults=true"

    @staticmethod
    def defaults(search_analyzer: str = "a") -> dict[str, Any]:
        x = {"type": "text", "analyzer": "a", "search_analyzer": search_analyzer, "similarity": None}
        fields = {
            "t.x": {"full_name": "t.x", "mapping": {"x": x}},
            "t.x.raw": {"full_name": "t.x.raw", "mapping": {"raw": {"type": "keyword", "index": True}}},
        }
        return {"rag": {"mappings": fields}}

    def test_given_defaults_are_no_difference(self, module: Runner, script: MakeScript) -> None:
        stored = {"rag": {"aliases": {}, "settings": {}, "mappings": self.STORED}}
        steps = script(get(READ).answers(200, stored), get(self.FIELDS).answers(200, self.defaults()))
        result = module(NAME, steps, name="rag", definition=self.BODY)
        assert (result["changed"], result["diff"]["before"]) == (False, result["diff"]["after"])

    def test_another_value_is_one(self, module: Runner, script: MakeScript) -> None:
        stored = {"rag": {"aliases": {}, "settings": {}, "mappings": self.STORED}}
        steps = script(get(READ).answers(200, stored), get(self.FIELDS).answers(200, self.defaults("b")))
        assert module(NAME, steps, name="rag", definition=self.BODY, check_mode=True)["changed"]

    def test_without_the_permission(self, module: Runner, script: MakeScript) -> None:
        stored = {"rag": {"aliases": {}, "settings": {}, "mappings": self.STORED}}
        denied = error(403, "security_exception", "no permissions for [indices:admin/mappings/fields/get]")
        steps = script(
            get(READ).answers(404, MISSING),
            put("/rag", self.BODY).answers(200, {"acknowledged": True}),
            get(READ).answers(200, stored),
            get(self.FIELDS).answers(403, denied),
        )
        failure = module(NAME, steps, name="rag", definition=self.BODY)["failure"]
        assert (failure["code"], "t.x, t.x.raw" in failure["message"]) == ("not_converged", True)


def test_a_semantic_field_names_its_model(module: Runner, cluster: FakeCluster) -> None:
    reference = "${model:Local embeddings}"
    args = {
        "name": "rag",
        "definition": {"mappings": {"properties": {"text": {"type": "semantic", "model_id": reference}}}},
    }
    planned = module(NAME, cluster, check_mode=True, **args)
    assert "no model 'Local embeddings' yet" in str(planned["warnings"])
    assert module(NAME, cluster, **args)["failure"]["code"] == "unknown_model"
    assert cluster.indices.observed == {}

    model_id = cluster.add_model("Local embeddings", cluster.add_connector("Local embeddings"))
    created = module(NAME, cluster, **args)
    assert cluster.indices.observed["rag"]["mappings"]["properties"]["text"]["model_id"] == model_id
    assert created["diff"] == planned["diff"]
    assert created["diff"]["after"]["mappings"]["properties"]["text"]["model_id"] == reference
    for check_mode in (False, True):
        again = module(NAME, cluster, check_mode=check_mode, **args)
        assert (again["changed"], again["diff"]["before"]) == (False, again["diff"]["after"])


ALIASES = {"today": {"filter": {"range": {"at": {"gte": "now/d"}}}, "routing": 1}, "library": {}}
STORED_ALIASES = {
    "today": {**{"filter": ALIASES["today"]["filter"]}, "index_routing": "1", "search_routing": "1"},
    "library": {},
}


class TestAliases:
    def test_create_change_and_remove(self, module: Runner, cluster: FakeCluster) -> None:
        def converge(aliases: dict[str, Any]) -> list[str]:
            args = {"name": "rag", "definition": {"aliases": aliases}}
            planned, done = (module(NAME, cluster, check_mode=check, **args) for check in (True, False))
            assert (planned["actions"], planned["diff"]) == (done["actions"], done["diff"])
            assert not module(NAME, cluster, **args)["changed"]
            return [name for action in done["actions"] for name in action.get("fields", [action["action"]])]

        assert converge(ALIASES) == ["create"]
        stored = cluster.indices.observed["rag"]["aliases"]
        assert stored == STORED_ALIASES
        # Of an alias, only the given fields are compared, and the others are kept.
        assert converge({"today": {}}) == []
        assert converge({"today": {"search_routing": "2"}, "other": {"is_write_index": True}}) == [
            "aliases.other", "aliases.today",
        ]  # fmt: skip
        assert stored["today"] == {**STORED_ALIASES["today"], "search_routing": "2"}
        stored["theirs"] = {}
        assert converge({"today": None, "gone": None}) == ["aliases.today"]
        assert list(stored) == ["library", "other", "theirs"]

    def test_all_changes_are_one_request(self, module: Runner, script: MakeScript) -> None:
        actions = [{"add": {"index": "rag", "alias": "new"}}, {"remove": {"index": "rag", "alias": "old"}}]
        steps = script(
            get(READ).answers(200, observed(aliases={"old": {}})),
            post("/_aliases", {"actions": actions}).answers(200),
            get(READ).answers(200, observed(aliases={"new": {}})),
        )
        result = module(NAME, steps, name="rag", definition={"aliases": {"new": {}, "old": None}})
        assert result["index"]["aliases"] == {"new": {}}
        assert result["diff"]["before"]["aliases"] == {"new": None, "old": {}}
        assert result["diff"]["after"]["aliases"] == {"new": {}, "old": None}

    @pytest.mark.parametrize("aliases", [{"a": True}, {"a": "b"}])
    def test_invalid(self, module: Runner, script: MakeScript, aliases: Any) -> None:
        result = module(NAME, script(), name="rag", definition={"aliases": aliases})
        assert "definition: aliases: a must be a mapping" in result["msg"]
