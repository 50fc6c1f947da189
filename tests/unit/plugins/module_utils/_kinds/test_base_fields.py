# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each field that a GET can return has an option, is the server's own, or is exported among the extra fields.

The fields are those that the published source writes (``toXContent`` of MLModelGroup, AbstractConnector, McpConnector,
ConnectorAction, ConnectorClientConfig, MLModel, Guardrail, MLDeploySetting, MLRateLimiter, MLController, MLAgent, LLMSpec,
MLAgentModelSpec, MLToolSpec, MLMemorySpec), at the tags 2.19.1.0 and 3.6.0.0 and on the main branch of August 2026.
"""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.agent import Agent
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.base import Kind
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.connector.resource import Connector
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.controller import Controller
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.model import Model
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.model_group import ModelGroup
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._stack.sections import SECTIONS

#: Kind -> version -> the fields that it has and its predecessor in this table does not.
RETURNED: dict[type[Kind], dict[str, set[str]]] = {
    ModelGroup: {
        "2.19.1": {
            "name", "latest_version", "description", "backend_roles", "owner", "access", "model_group_id",
            "created_time", "last_updated_time", "tenant_id",
        },
        "3.6.0": set(),
        "main": set(),
    },
    Connector: {
        "2.19.1": {
            "name", "version", "description", "protocol", "parameters", "credential", "actions", "backend_roles", "owner",
            "access", "created_time", "last_updated_time", "client_config", "tenant_id",
        },
        "3.6.0": {"url", "headers"},
        "main": {"provisioned_by"},
    },
    Model: {
        "2.19.1": {
            "name", "model_group_id", "algorithm", "model_version", "model_content", "description", "model_format",
            "model_state", "model_content_size_in_bytes", "model_content_hash_value", "model_config", "deploy_setting",
            "is_enabled", "is_controller_enabled", "rate_limiter", "created_time", "last_updated_time",
            "last_registered_time", "last_deployed_time", "last_undeployed_time", "model_id", "auto_redeploy_retry_times",
            "chunk_number", "total_chunks", "planning_worker_node_count", "current_worker_node_count",
            "planning_worker_nodes", "deploy_to_all_nodes", "is_hidden", "connector", "connector_id", "guardrails",
            "interface", "tenant_id",
        },
        "3.6.0": set(),
        "main": {"provisioned_by"},
    },
    Controller: {"2.19.1": {"model_id", "user_rate_limiter"}, "3.6.0": set(), "main": set()},
    Agent: {
        "2.19.1": {
            "name", "type", "description", "llm", "tools", "parameters", "memory", "created_time", "last_updated_time",
            "app_type", "is_hidden", "tenant_id",
        },
        "3.6.0": {"model", "context_management", "context_management_name"},
        "main": {"provisioned_by"},
    },
}  # fmt: skip

#: Path -> the fields within it, of all versions. The tenant of a tool is the server's own.
WITHIN: dict[tuple[type[Kind], str], set[str]] = {
    (Model, "rate_limiter"): {"limit", "unit"},
    (Model, "guardrails"): {"type", "input_guardrail", "output_guardrail"},
    (Model, "guardrails.input_guardrail"): {
        "stop_words", "regex", "model_id", "response_filter", "response_validation_regex",
    },
    (Model, "deploy_setting"): {"is_auto_deploy_enabled", "model_ttl_minutes"},
    (Agent, "llm"): {"model_id", "parameters"},
    (Agent, "model"): {"model_id", "model_provider", "credential", "model_parameters"},
    (Agent, "memory"): {"type", "window_size", "session_id", "memory_container_id"},
    (Agent, "tools"): {
        "type", "name", "description", "attributes", "parameters", "include_output_in_agent_response", "config",
    },
}  # fmt: skip

#: What no option sets: other tools set it, an update leaves it and an export has it.
EXTRA = {"provisioned_by"}


@pytest.mark.parametrize("version", ["2.19.1", "3.6.0", "main"])
@pytest.mark.parametrize("kind", RETURNED)
def test_each_returned_field_is_known(kind: type[Kind], version: str) -> None:
    assert set(kind.extra_names(RETURNED[kind][version])) <= EXTRA


@pytest.mark.parametrize(("kind", "path"), WITHIN)
def test_each_field_within_another_is_known(kind: type[Kind], path: str) -> None:
    assert WITHIN[kind, path] <= set(kind.NESTED[path])


@pytest.mark.parametrize("kind", RETURNED)
def test_the_fields_of_the_server_have_no_option(kind: type[Kind]) -> None:
    assert kind.own_fields().isdisjoint({*kind.FIELDS, *kind.OPTION_OF})


@pytest.mark.parametrize(
    "section", [section for section in SECTIONS if section.kind], ids=lambda section: section.option
)
def test_each_field_has_an_option(section: Any) -> None:
    options = {section.kind.OPTION_OF.get(name, name) for name in section.kind.FIELDS}
    assert options <= set(section.spec)
    assert "extra_fields" in section.spec


@pytest.mark.parametrize(
    "section", [section for section in SECTIONS if section.kind], ids=lambda section: section.option
)
def test_the_options_within_a_field_are_those_that_the_kind_knows(section: Any) -> None:
    for path, known in section.kind.NESTED.items():
        spec = section.spec
        for name in path.split("."):
            spec = spec[name]["options"]
        assert set(spec) == {*known, "extra_fields"}
