# SPDX-License-Identifier: GPL-3.0-or-later
"""The typed options of ml_connector: parsed once, with 'src', 'definition' and 'provider' resolved."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._endpoints import blueprint
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import Failure
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.connector import (
    options as connector_options,
)
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import execute, parameters, run_module
from ansible_collections.searchops.opensearch_ml.tests.unit.support.operations import CHAT

SERVER = {"hosts": ["http://cluster.test:9200"]}

#: How often an unchanged stack reads a file, at most: for the secrets, and for one plan.
READS_OF_AN_UNCHANGED_STACK = 2


@pytest.fixture
def src(tmp_path: Path) -> str:
    file = tmp_path / "connector.json"
    file.write_text(json.dumps(CHAT))
    return str(file)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that were read."""
    paths: list[str] = []
    read_file = blueprint.read_file

    def counted(path: str, objects: str) -> dict[str, Any]:
        paths.append(path)
        return read_file(path, objects)

    monkeypatch.setattr(blueprint, "read_file", counted)
    return paths


class TestSrc:
    @pytest.mark.parametrize("check_mode", [True, False])
    def test_the_module_reads_the_file_once(
        self, cluster: FakeCluster, src: str, reads: list[str], check_mode: bool
    ) -> None:
        result = run_module("ml_connector", {"src": src}, cluster, [], check_mode=check_mode)
        assert result["changed"]
        assert reads == [src]

    def test_a_file_that_cannot_be_parsed_is_read_once(self, cluster: FakeCluster, src: str, reads: list[str]) -> None:
        Path(src).write_text("[]")
        assert run_module("ml_connector", {"src": src}, cluster, [])["failure"]["code"] == "invalid_input"
        assert reads == [src]

    def test_a_stack_reads_the_file_no_more_often_than_it_runs_the_task(
        self, cluster: FakeCluster, src: str, reads: list[str]
    ) -> None:
        stack = {"connectors": [{"name": "Local chat", "src": src}]}
        execute(cluster, "ml_stack", **stack)
        reads.clear()
        assert not run_module("ml_stack", stack, cluster, [])["changed"]
        assert len(reads) <= READS_OF_AN_UNCHANGED_STACK


class TestParse:
    def test_an_unknown_field_passes(self, cluster: FakeCluster) -> None:
        definition = {**CHAT, "colour": "green"}
        options = connector_options.parse(parameters("ml_connector", {**SERVER, "definition": definition}))
        assert (options.warnings, options.desired["colour"]) == ((), "green")

    def test_a_field_of_another_protocol_is_a_warning_that_the_task_issues(self, cluster: FakeCluster) -> None:
        definition = {**CHAT, "url": "http://llm.test/"}
        options = connector_options.parse(parameters("ml_connector", {**SERVER, "definition": definition}))
        [warning] = options.warnings
        assert "such a connector has no url" in warning
        assert warning in execute(cluster, "ml_connector", definition=definition)["warnings"]

    @pytest.mark.parametrize(
        ("definition", "warning"),
        [
            (
                {"paramters": {"a": 1}},
                "definition: 'paramters' is unknown and is sent as it is. Did you mean 'parameters'?",
            ),
            (
                {"actions": [{**CHAT["actions"][0], "request_boby": "x"}]},
                "definition.actions[0]: 'request_boby' is unknown",
            ),
            ({"client_config": {"read_timout": 5}}, "definition.client_config: 'read_timout' is unknown"),
        ],
    )
    def test_a_misspelt_field(self, definition: dict[str, Any], warning: str) -> None:
        given = {**SERVER, "definition": {**CHAT, **definition}}
        [found] = connector_options.parse(parameters("ml_connector", given)).warnings
        assert found.startswith(warning)

    def test_a_failure_to_parse_names_the_surplus_fields_as_well(self) -> None:
        definition = {**CHAT, "url": "http://llm.test/", "access_mode": "x"}
        with pytest.raises(Failure, match="such a connector has no url") as caught:
            connector_options.parse(parameters("ml_connector", {**SERVER, "definition": definition}))
        assert "access_mode" in caught.value.message

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            (
                {"actions": CHAT["actions"][0]},
                "definition: actions: takes a list, not a mapping; write the mapping as an item",
            ),
            ({"version": [1]}, "definition: version: takes one text, not a list; write version: 1"),
        ],
    )
    def test_a_value_of_another_structure(self, fields: dict[str, Any], message: str) -> None:
        """Blocks of Terraform, such as that of an action, become mappings."""
        with pytest.raises(Failure, match=message):
            connector_options.parse(parameters("ml_connector", {**SERVER, "definition": {**CHAT, **fields}}))

    def test_an_option_overrides_the_definition(self) -> None:
        given = {**SERVER, "definition": CHAT, "description": "Mine", "parameters": {"temperature": 1}}
        options = connector_options.parse(parameters("ml_connector", given))
        assert options.name == "Local chat"
        assert options.body["description"] == "Mine"
        assert options.body["parameters"] == {**CHAT["parameters"], "temperature": 1}


class TestSecrets:
    def test_a_key_that_an_option_overrides_is_a_secret_as_well(self) -> None:
        params = parameters(
            "ml_connector",
            {**SERVER, "definition": {**CHAT, "credential": {"key": "first-key"}}, "credential": {"key": "second-key"}},
        )
        assert set(connector_options.secrets(params, connector_options.parse(params))) == {"first-key", "second-key"}

    def test_the_secrets_of_a_definition_that_cannot_be_parsed(self) -> None:
        definition = {**CHAT, "parameters": 5, "credential": {"key": "first-key"}}
        params = parameters("ml_connector", {**SERVER, "definition": definition})
        assert connector_options.secrets(params, None) == ["first-key"]
