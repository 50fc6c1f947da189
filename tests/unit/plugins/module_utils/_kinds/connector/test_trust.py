# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the cluster lets a connector call its URLs: warnings in check mode, explanations of refusals."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._endpoints import trusted_pattern
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import Failure
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import execute
from ansible_collections.searchops.opensearch_ml.tests.unit.support.operations import CHAT, PRIVATE_IP, TRUSTED, URL

PATTERN = trusted_pattern.exact_pattern(URL)
PRIVATE = "plugins.ml_commons.trusted_connector_private_endpoints_regex"
PUBLIC = "https://llm.example.com/v1/chat/completions"
SETTINGS = "opensearch_cluster_setting"


@pytest.fixture
def strict() -> FakeCluster:
    """A cluster that trusts no more than the well-known providers."""
    return FakeCluster(trusted=())


def check(cluster: FakeCluster, **options: Any) -> list[str]:
    warnings: list[str] = execute(cluster, "ml_connector", check_mode=True, **{**CHAT, **options})["warnings"]
    return warnings


def pasted(text: str) -> dict[str, Any]:
    """The options of the task in a message."""
    [task] = yaml.safe_load(text[text.index("- searchops") : text.rindex("}") + 1])
    return dict(task[f"searchops.opensearch_ml.{SETTINGS}"])


def reads_of_settings(cluster: FakeCluster) -> int:
    return sum("/_cluster/settings" in exchange.path for exchange in cluster.exchanges)


def test_the_task_in_the_warnings_removes_them(strict: FakeCluster) -> None:
    warnings = check(strict)
    assert len(warnings) == 2
    assert f"actions[0].url: no pattern in {TRUSTED} matches {URL}." in warnings[0]
    assert f"actions[0].url ({URL}) has a private address" in warnings[1]
    assert reads_of_settings(strict) == 1
    assert pasted(warnings[0]) == {"settings": {TRUSTED: [PATTERN]}, "list_mode": "append"}
    for warning in warnings:
        execute(strict, SETTINGS, **pasted(warning))
    assert check(strict) == []
    assert execute(strict, "ml_connector", **CHAT)["changed"]


def test_what_an_earlier_task_would_set_counts(strict: FakeCluster) -> None:
    given = {"settings": {TRUSTED: [PATTERN], PRIVATE_IP: True}, "list_mode": "append"}
    planned = execute(strict, SETTINGS, check_mode=True, **given)["settings"]
    warnings = check(strict, planned_settings=planned)
    assert warnings == []
    assert check(strict, planned_settings={PRIVATE_IP: True}) == check(strict)[:1]
    assert "or give the settings of the one that does it as 'planned_settings': - searchops" in check(strict)[0]
    with pytest.raises(Failure, match="not matching the trusted"):
        execute(strict, "ml_connector", **CHAT, planned_settings=planned)


def test_neither_a_real_run_nor_a_change_of_something_else_reads_settings() -> None:
    cluster = FakeCluster(trusted=(PATTERN,))
    execute(cluster, "ml_connector", **CHAT)
    assert check(cluster) == []
    assert check(cluster, description="New") == []
    assert reads_of_settings(cluster) == 0


def test_each_url_that_is_not_trusted(strict: FakeCluster) -> None:
    strict.persistent[TRUSTED] = [PATTERN]
    strict.persistent[PRIVATE_IP] = "true"
    actions = [{"url": URL}, {"url": PUBLIC}, {"url": "http://${parameters.host}/x"}]
    warnings = check(strict, actions=actions)
    assert [warning for warning in warnings if "no pattern" in warning] == [warnings[-1]]
    assert warnings[-1].startswith("actions[1].url: ")


def test_a_public_name_is_not_resolved(strict: FakeCluster) -> None:
    strict.persistent[TRUSTED] = [".*"]
    assert check(strict, actions=[{"url": PUBLIC, "request_body": "{}"}]) == []


def test_the_list_of_private_endpoints() -> None:
    cluster = FakeCluster("3.7.0", trusted=(".*",))
    cluster.persistent[PRIVATE_IP] = "true"
    assert check(cluster) == []
    cluster.persistent[PRIVATE] = ["^http://other/.*$"]
    [warning] = check(cluster)
    execute(cluster, SETTINGS, **pasted(warning))
    assert check(cluster) == []


@pytest.mark.parametrize("patterns", [["(broken"], [r"(?<=a*)b"]])
def test_a_list_that_cannot_be_checked(strict: FakeCluster, patterns: list[str]) -> None:
    strict.persistent.update({TRUSTED: patterns, PRIVATE_IP: "true"})
    assert check(strict) == []


def test_settings_that_may_not_be_read(strict: FakeCluster) -> None:
    strict.fail_next("GET", "/_cluster/settings", "error")
    assert check(strict) == []


@pytest.mark.parametrize("parameters", [{}, {"host": "llm.test:8080"}])
def test_a_refusal_at_the_create(strict: FakeCluster, parameters: dict[str, str]) -> None:
    url = "http://${parameters.host}/v1/chat/completions" if parameters else URL
    trusted = "https://api.openai.com/v1/x"
    with pytest.raises(Failure) as caught:
        execute(
            strict,
            "ml_connector",
            **{**CHAT, "actions": [{"url": trusted}, {"url": url}], "parameters": {"model": "tiny", **parameters}},
        )
    failure = caught.value
    assert (failure.code, failure.status) == ("untrusted_endpoint", 400)
    assert failure.details["urls"] == {"actions[1].url": URL}
    assert failure.details["patterns"] == [PATTERN]
    assert pasted(failure.message) == {"settings": {TRUSTED: [PATTERN]}, "list_mode": "append"}


def test_a_refusal_by_a_service_that_keeps_the_settings_to_itself(strict: FakeCluster) -> None:
    keys = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "wJalrXUtnFEMI"}
    with pytest.raises(Failure) as caught:
        execute(strict, "ml_connector", **CHAT, auth_type="aws_sigv4", aws_region="eu-central-1", **keys)
    assert (
        "refuses that task with not_offered, use an endpoint that its service trusts by default."
        in caught.value.message
    )


@pytest.mark.parametrize("state", ["DEPLOYED", "UNDEPLOYED"])
def test_a_refusal_at_a_change(state: str) -> None:
    cluster = FakeCluster(trusted=(PATTERN,))
    cluster.add_model("Chat", cluster.add_connector(), state=state)
    with pytest.raises(Failure) as caught:
        execute(cluster, "ml_connector", **{**CHAT, "actions": [{"url": PUBLIC}]})
    assert caught.value.code == "untrusted_endpoint"
    assert pasted(caught.value.message)["settings"] == {TRUSTED: [trusted_pattern.exact_pattern(PUBLIC)]}


def test_another_refusal_is_left_as_it_is(strict: FakeCluster) -> None:
    strict.fail_next("POST", "/_create", "error")
    with pytest.raises(Failure) as caught:
        execute(strict, "ml_connector", **CHAT)
    assert "patterns" not in caught.value.details
    assert reads_of_settings(strict) == 0


class TestStacks:
    CONNECTOR = {"name": CHAT["name"], **CHAT}
    TRUST = {"settings": {TRUSTED: [PATTERN], PRIVATE_IP: True}, "list_mode": "append"}

    def test_settings_of_the_stack_count(self, strict: FakeCluster) -> None:
        result = execute(strict, "ml_stack", check_mode=True, settings=[self.TRUST], connectors=[self.CONNECTOR])
        assert result["warnings"] == []
        assert reads_of_settings(strict) == 1

    def test_without_them_it_warns(self, strict: FakeCluster) -> None:
        result = execute(strict, "ml_stack", check_mode=True, connectors=[self.CONNECTOR])
        assert len(result["warnings"]) == 2
        assert reads_of_settings(strict) == 1


def test_a_pattern_that_takes_long_is_no_reason_to_warn() -> None:
    slow = r"^https://([a-z-]+\.?)*example\.com/.*$"
    url = "https://some-internal-host.of-the-company.org/v1/chat/completions"
    warnings = check(FakeCluster(trusted=(slow,)), actions=[{"url": url, "request_body": "{}"}])
    assert [warning for warning in warnings if TRUSTED in warning] == []
