# SPDX-License-Identifier: GPL-3.0-or-later
"""What OpenSearch 3.7 and later add, according to the published source. The tests have run no such server."""

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
    def test_a_private_backend_must_match_the_list(self, newer: FakeCluster) -> None:
        newer.add_model("Chat", newer.add_connector())
        assert execute(newer, "ml_predict", model="Chat", **QUESTION)["content"]
        execute(newer, SETTING, settings={PRIVATE_ENDPOINTS: [r"^http://other\.test/.*$"]})
        with pytest.raises(Failure) as caught:
            execute(newer, "ml_predict", model="Chat", wait_timeout=0, **QUESTION)
        assert caught.value.code == "private_endpoint_refused"
        assert PRIVATE_ENDPOINTS in caught.value.remedy
        execute(newer, SETTING, settings={PRIVATE_ENDPOINTS: [EXACT]}, list_mode="append")
        assert execute(newer, "ml_predict", model="Chat", **QUESTION)["content"]

    def test_the_list_is_changed_as_other_lists(self, newer: FakeCluster) -> None:
        for mode, expected in (("append", [EXACT]), ("remove", [])):
            assert execute(newer, SETTING, settings={PRIVATE_ENDPOINTS: EXACT}, list_mode=mode)["changed"]
            assert newer.persistent[PRIVATE_ENDPOINTS] == expected

    @pytest.mark.parametrize("version", ["2.19.1", "3.6.0"])
    def test_37_adds_the_setting(self, version: str) -> None:
        cluster = FakeCluster(version)
        name = "opensearch_cluster_setting_info"
        assert execute(cluster, name, patterns=[PRIVATE_ENDPOINTS])["settings"] == {}
        with pytest.raises(Failure) as caught:
            execute(cluster, SETTING, settings={PRIVATE_ENDPOINTS: [EXACT], TRUSTED: [EXACT]})
        assert caught.value.code == "unknown_setting"
        assert cluster.writes == []

    def test_the_setting_is_listed(self, newer: FakeCluster) -> None:
        listed = execute(newer, "opensearch_cluster_setting_info", patterns=[PRIVATE_ENDPOINTS])
        assert listed["settings"] == {PRIVATE_ENDPOINTS: []}


@pytest.mark.parametrize("pattern", ["^http://(a+)+$", r"^http://(a)\1$", "^http://" + "a" * 250 + "$"])
def test_an_unsafe_pattern_is_refused(newer: FakeCluster, pattern: str) -> None:
    with pytest.raises(Failure, match="refuse the pattern") as caught:
        execute(newer, SETTING, settings={TRUSTED: [pattern]})
    assert caught.value.code == "unsafe_pattern"
    assert execute(FakeCluster("3.6.0"), SETTING, settings={TRUSTED: [pattern]})["changed"]


@pytest.mark.parametrize(
    ("requested", "reason"),
    [
        (" ", "connector id is invalid"),
        ("_a", "connector id must not start with '_'"),
        ("-a", "connector id must not start with '-'"),
        ("a" * 513, "connector id is too long, max length is 512"),
        ("a b", "connector id must contain only letters, digits"),
        ("taken", "connector id 'taken' already exists"),
    ],
)
def test_ids_that_the_fake_cluster_refuses(requested: str, reason: str) -> None:
    accepted, refused = requested_id("3.9.0", "connector", {"connector_id": requested}, {"taken"})
    assert accepted is None
    assert refused is not None
    assert refused[1].startswith(reason)


def test_a_create_does_not_overwrite() -> None:
    cluster = FakeCluster("3.9.0")
    cluster.add_connector(connector_id="mine")
    body = {**cluster.connectors["mine"], "connector_id": "mine", "credential": {"a": "b"}}
    answer = cluster.handle("POST", f"{ML}/connectors/_create", {}, body)
    assert answer.status == 409
