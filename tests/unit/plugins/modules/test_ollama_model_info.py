# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ollama_model_info: what it lists, and that it never writes."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.ollama import FOR_EVER, FakeOllama, definition

Runner = Callable[..., dict[str, Any]]


@pytest.fixture
def server() -> FakeOllama:
    server = FakeOllama()
    server.models = {"a:latest": definition(parameters={"num_ctx": 256}), "team/b:1": definition()}
    server.load("a:latest")
    return server


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize(
    ("args", "listed"),
    [
        ({}, ["a:latest", "team/b:1"]),
        ({"running": True}, ["a:latest"]),
        ({"name": "A"}, ["a:latest"]),
        ({"name": "team/b:1", "running": True}, []),
        ({"name": "nope"}, []),
    ],
)
def test_selected_models_are_listed(
    module: Runner, server: FakeOllama, args: dict[str, Any], listed: list[str], check_mode: bool
) -> None:
    result = module("ollama_model_info", server, check_mode=check_mode, **args)
    assert [model["name"] for model in result["models"]] == listed
    assert (result["changed"], result["actions"], server.writes) == (False, [], [])


def test_entry_is_the_same_as_the_result_of_ollama_model(module: Runner, server: FakeOllama) -> None:
    first, second = module("ollama_model_info", server)["models"]
    assert first.pop("running")["expires_at"] == FOR_EVER
    assert first == module("ollama_model", server, name="a")["model"]
    assert second["running"] is None


def test_without_details(module: Runner, server: FakeOllama) -> None:
    first, _second = module("ollama_model_info", server, details=False)["models"]
    assert "parameters" not in first
    assert len(server.exchanges) == 2


def test_server_without_models(module: Runner) -> None:
    server = FakeOllama()
    server.overrides["/api/tags"] = (200, {"models": None})
    assert module("ollama_model_info", server)["models"] == []


@pytest.mark.parametrize(
    "body", [{}, {"models": "x"}, {"models": [1]}, {"models": [{"name": "x"}]}, {"data": [], "object": "list"}]
)
def test_server_that_is_not_ollama(module: Runner, body: Any) -> None:
    server = FakeOllama()
    server.overrides["/api/tags"] = (200, body)
    assert module("ollama_model_info", server)["failure"]["code"] == "not_ollama"
