# SPDX-License-Identifier: GPL-3.0-or-later
"""What OpenSearch 3.7 has and 3.6 has not, as its published source says it; no such server was run."""

from __future__ import annotations

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import Failure
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import ML, FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.newer_versions import PRIVATE_ENDPOINTS, requested_id
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import execute
from ansible_collections.searchops.opensearch_ml.tests.unit.support.operations import QUESTION, TRUSTED

SETTING = "opensearch_cluster_setting"
EXACT = r"^http://llm\.test:8080/v1/chat/completions$"


@pytest.fixture
def newer() -> FakeCluster:
    return FakeCluster("3.7.0")


class TestPrivateEndpoints:
    def test_a_backend_that_is_not_let_through(self, newer: FakeCluster) -> None:
        newer.add_model("Chat", newer.add_connector())
        assert execute(newer, "ml_predict", model="Chat", **QUESTION)["content"]
        execute(newer, SETTING, settings={PRIVATE_ENDPOINTS: [r"^http://other\.test/.*$"]})
        with pytest.raises(Failure) as caught:
            execute(newer, "ml_predict", model="Chat", wait_timeout=0, **QUESTION)
        assert caught.value.code == "private_endpoint_refused"
        assert PRIVATE_ENDPOINTS in caught.value.remedy
        execute(newer, SETTING, settings={PRIVATE_ENDPOINTS: [EXACT]}, list_mode="append")
        assert execute(newer, "ml_predict", model="Chat", **QUESTION)["content"]

    def test_the_list_is_one_like_others(self, newer: FakeCluster) -> None:
        for mode, left in (("append", [EXACT]), ("remove", [])):
            assert execute(newer, SETTING, settings={PRIVATE_ENDPOINTS: EXACT}, list_mode=mode)["changed"]
            assert newer.persistent[PRIVATE_ENDPOINTS] == left

    @pytest.mark.parametrize("version", ["2.19.1", "3.6.0"])
    def test_before_37_there_is_none(self, version: str) -> None:
        cluster = FakeCluster(version)
        name = "opensearch_cluster_setting_info"
        assert execute(cluster, name, patterns=[PRIVATE_ENDPOINTS])["settings"] == {}
        with pytest.raises(Failure) as caught:
            execute(cluster, SETTING, settings={PRIVATE_ENDPOINTS: [EXACT], TRUSTED: [EXACT]})
        assert caught.value.code == "unknown_setting"
        assert cluster.writes == []

    def test_it_is_listed_from_37_on(self, newer: FakeCluster) -> None:
        listed = execute(newer, "opensearch_cluster_setting_info", patterns=[PRIVATE_ENDPOINTS])
        assert listed["settings"] == {PRIVATE_ENDPOINTS: []}


@pytest.mark.parametrize("pattern", ["^http://(a+)+$", r"^http://(a)\1$", "^http://" + "a" * 250 + "$"])
def test_a_pattern_that_the_server_fears(newer: FakeCluster, pattern: str) -> None:
    with pytest.raises(Failure, match="Regex pattern") as caught:
        execute(newer, SETTING, settings={TRUSTED: [pattern]})
    assert caught.value.code == "invalid_setting_value"
    assert execute(FakeCluster("3.6.0"), SETTING, settings={TRUSTED: [pattern]})["changed"]


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        (" ", "connector id is invalid"),
        ("_a", "connector id must not start with '_'"),
        ("-a", "connector id must not start with '-'"),
        ("a" * 513, "connector id is too long, max length is 512"),
        ("a b", "connector id must contain only letters, digits"),
        ("taken", "connector id 'taken' already exists"),
    ],
)
def test_ids_that_the_double_refuses(wanted: str, reason: str) -> None:
    made, refused = requested_id("3.9.0", "connector", {"connector_id": wanted}, {"taken"})
    assert made is None
    assert refused is not None
    assert refused[1].startswith(reason)


def test_the_double_overwrites_nothing() -> None:
    cluster = FakeCluster("3.9.0")
    cluster.add_connector(connector_id="mine")
    body = {**cluster.connectors["mine"], "connector_id": "mine", "credential": {"a": "b"}}
    answer = cluster.handle("POST", f"{ML}/connectors/_create", {}, body)
    assert answer.status == 409
