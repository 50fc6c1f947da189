# SPDX-License-Identifier: GPL-3.0-or-later
"""A declared stack, and helpers to apply it to the fake cluster."""

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import execute

URL = "http://llm.test:8080"
ACTION = {
    "action_type": "predict",
    "method": "POST",
    "url": f"{URL}/v1/chat/completions",
    "headers": {"Authorization": "Bearer ${credential.key}"},
    "request_body": '{"model": "${parameters.model}", "messages": ${parameters.messages}}',
}


def connector(name: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "actions": [ACTION],
        "parameters": {"model": "tiny"},
        "credential": {"key": "s3cret-1"},
        **more,
    }


def chat_stack(**more: Any) -> dict[str, Any]:
    return {
        "name": "chat",
        "model_groups": [{"name": "Group", "description": "Models of ours"}],
        "connectors": [connector("A"), connector("B", description="Second")],
        "models": [
            {"name": "Chat A", "connector": "A", "model_group": "Group"},
            {"name": "Chat B", "connector": "B", "description": "Own group"},
        ],
        "controllers": [{"model": "Chat A", "user_rate_limiter": {"ann": {"limit": 10, "unit": "MINUTES"}}}],
        "agents": [
            {
                "name": "Flow",
                "type": "flow",
                "tools": [{"type": "MLModelTool", "parameters": {"model_id": "${model:Chat A}"}}],
            }
        ],
        "pipelines": [
            {
                "name": "answers",
                "type": "search",
                "definition": {"response_processors": [{"ml_inference": {"model_id": "${model:Chat B}"}}]},
            }
        ],
        **more,
    }


def stack_with_untrusted_connector(cluster: FakeCluster) -> dict[str, Any]:
    """The stack with an endpoint of connector A that the cluster does not trust, so that creating A fails."""
    cluster.persistent["plugins.ml_commons.trusted_connector_endpoints_regex"] = ["^http://llm.*$"]
    untrusted = {**ACTION, "url": "http://other.test/v1/chat/completions"}
    return chat_stack(connectors=[connector("A", actions=[untrusted]), connector("B")])


def apply_stack(cluster: FakeCluster, **options: Any) -> dict[str, Any]:
    return execute(cluster, "ml_stack", **options)


def actions_of(result: dict[str, Any]) -> list[tuple[str, str, str]]:
    """The actions of a result, as (action, kind, name)."""
    return [(action["action"], action["kind"], action["name"]) for action in result["actions"]]


def apply_chat_stack(module: Callable[..., dict[str, Any]], cluster: FakeCluster, **more: Any) -> None:
    """Apply :func:`chat_stack` with the fixture ``module``."""
    # One item after the other, so that the ids are the same in each run.
    result = module("ml_stack", cluster, parallel=1, **chat_stack(**more))
    assert not result.get("failed"), result
