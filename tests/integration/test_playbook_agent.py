# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook agent: check mode, a run, a repetition, a change, and the removal."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.searchops.opensearch_ml.tests.integration import _tiny_model
from ansible_collections.searchops.opensearch_ml.tests.integration._double import CHAT, calls_tools, chat
from ansible_collections.searchops.opensearch_ml.tests.integration._stack import ML
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes import tool_models

ROOT = Path(__file__).parents[2]


@pytest.fixture
def play(connection, name, tmp_path):
    """Runs the playbook; returns its output and the number of changes. It must succeed, or fail with ``fails``."""

    def run(*arguments, fails=False, **more):
        given = {
            "opensearch_connection": dict(connection),
            "agent_name": name,
            "agent_chat_name": name,
            "agent_base_url": "http://ollama:11434",
            "agent_model": "tiny-chat",
            "agent_wait_timeout": 60,
            **more,
        }
        variables = tmp_path / "variables.json"
        variables.write_text(json.dumps(given))
        program = str(Path(sys.executable).parent / "ansible-playbook")
        done = subprocess.run(
            [program, "playbooks/agent.yml", "-e", f"@{variables}", *arguments],
            cwd=ROOT, capture_output=True, text=True, timeout=240, stdin=subprocess.DEVNULL, check=False,
            env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
        )  # fmt: skip
        text = done.stdout + done.stderr
        assert (done.returncode != 0) is fails, text
        return text, int(re.findall(r"changed=(\d+)", text)[-1])

    return run


@pytest.mark.full_on("3.6.0")
def test_create_change_and_remove_an_agent(play, cluster, recorder, name, snapshot, settings_restored):
    text, planned = play("--check", "--diff")
    assert "no pattern in" not in text
    assert recorder.writes == []
    assert not any(snapshot().values())

    text, changed = play("--diff", agent_expect_pattern="Rayleigh")
    assert "Rayleigh scattering" in text
    assert changed == planned
    agent = cluster.one("agents", name)
    assert agent.source["tools"][0]["parameters"]["model_id"] == cluster.one("models", name).id

    before = snapshot()
    for arguments in ([], ["--check"]):
        recorder.clear()
        assert play(*arguments)[1] == 0
        assert recorder.writes == []
    assert snapshot() == before

    assert play(agent_description="New", agent_update_strategy="recreate")[1] == 1
    assert (cluster.one("agents", name).id == agent.id) is cluster.is_3

    recorder.clear()
    text, _changed = play(agent_state="absent", agent_name=f"{name} misspelt", fails=True)
    assert f"The model {name} is used by agent {name}. Nothing was removed." in text
    text, _changed = play(agent_state="absent", agent_chat_name=f"{name} misspelt", fails=True)
    assert f"The agent {name} uses the model {name}, and there is no model {name} misspelt." in text
    _text, planned = play("--check", agent_state="absent")
    assert recorder.writes == []
    assert play(agent_state="absent")[1] == planned
    assert not any(snapshot().values())
    recorder.clear()
    assert play(agent_state="absent")[1] == 0
    assert recorder.writes == []


@pytest.fixture
def backend():
    with calls_tools() as server:
        yield server


@pytest.fixture
def of_double(backend, name):
    """Variables for an agent whose model is the double."""
    return {
        "agent_provider": "vllm",
        "agent_base_url": backend.url,
        "agent_model": "Qwen/Qwen3-4B",
        "agent_chat_name": name,
        "agent_api_key": "key-of-the-double",
        "agent_question": 'Which "indexes" are there?\nList them.',
        # The head of the table that ListIndexTool returns.
        "agent_expect_pattern": "health",
    }


@pytest.mark.parametrize("cluster", ["3.6.0"], indirect=True)
@pytest.mark.parametrize(
    "provider", ["ollama", *(pytest.param(each, marks=pytest.mark.full) for each in ("llama_cpp", "vllm"))]
)
def test_an_agent_answers_from_a_tool(play, cluster, recorder, name, snapshot, settings_restored, provider):
    """A conversational agent on each server: it calls a tool of OpenSearch, and answers from its result."""
    index = _tiny_model.Index(cluster, name)
    index.become("yellow")
    server = _tiny_model.options(provider)
    given = {
        "agent_type": "conversational",
        "agent_provider": provider,
        "agent_base_url": server["base_url"],
        "agent_model": server["model"],
        "agent_api_key": server.get("api_key", ""),
        "agent_chat_name": name,
        "agent_tools": [index.tool],
        "agent_question": _tiny_model.HEALTHY,
        "agent_expect_pattern": "yellow",
    }
    _text, planned = play("--check", "--diff", **given)
    assert recorder.writes == []

    text, changed = play("--diff", **given)
    assert changed == planned
    assert _tiny_model.HEALTH["yellow"] in text
    assert not server.get("api_key") or server["api_key"] not in text
    before = snapshot()
    recorder.clear()
    index.become("green")
    text, changed = play(**{**given, "agent_expect_pattern": "green"})
    assert (changed, _tiny_model.HEALTH["green"] in text) == (0, True)
    assert recorder.writes == []
    assert {**snapshot(), "indexes": {}} == {**before, "indexes": {}}

    play(**given, agent_state="absent")
    assert not any({**snapshot(), "indexes": {}}.values())


@pytest.mark.full
@pytest.mark.parametrize("cluster", ["3.6.0"], indirect=True)
def test_an_agent_that_makes_a_plan(play, cluster, recorder, name, snapshot, settings_restored, of_double, backend):
    """On a double: the tiny model makes no plans."""
    given = {**of_double, "agent_type": "plan_execute_and_reflect"}
    backend.answers[CHAT] = chat(tool_models.plans)
    _text, planned = play("--check", "--diff", **given)
    assert recorder.writes == []
    assert backend.seen == []
    assert not any(snapshot().values())

    text, changed = play("--diff", **given)
    assert changed == planned
    assert "The tool says" in text
    assert "key-of-the-double" not in text
    agents = {item.source["type"].lower(): item for item in cluster.find("agents", {"prefix": {"name.keyword": name}})}
    assert agents[given["agent_type"]].source["llm"]["model_id"] == cluster.one("models", name).id
    # The agent's own conversation: it sent back the call and the tool's result.
    of_agent = [body for path, body in backend.seen if "ListIndexTool" in json.dumps(body.get("tools"))]
    assert [message["role"] for message in of_agent[-1]["messages"]][-2:] == ["assistant", "tool"]
    result = of_agent[-1]["messages"][-1]["content"]
    assert "health" in result
    assert all(body.get("tools") != [] for _path, body in backend.seen)

    before = snapshot()
    for arguments in ([], ["--check"]):
        recorder.clear()
        assert play(*arguments, **given)[1] == 0
        assert recorder.writes == []
    assert snapshot() == before

    assert play(**given, agent_instructions="Be brief.")[1] == 1
    recorder.clear()
    _text, planned = play("--check", **given, agent_state="absent")
    assert recorder.writes == []
    assert play(**given, agent_state="absent")[1] == planned
    assert not any(snapshot().values())
    assert play(**given, agent_state="absent")[1] == 0


@pytest.mark.parametrize("cluster", ["3.6.0"], indirect=True)
def test_a_model_that_calls_no_tools(play, cluster, name, settings_restored, of_double, backend):
    given = {**of_double, "agent_type": "conversational", "agent_expect_pattern": ""}
    backend.answers[CHAT] = chat(tool_models.MODELS["no_call"])
    text, _changed = play(fails=True, **given)
    assert "tool_not_called" in text
    assert cluster.find("agents", {"prefix": {"name.keyword": name}}) == []
    text, _changed = play(**given, agent_tool_check="warn")
    assert "no_call" in text
    assert cluster.one("agents", name)
    play(**given, agent_state="absent")


@pytest.mark.parametrize("cluster", ["3.6.0"], indirect=True)
def test_the_conversation_goes_on(play, cluster, name, module, settings_restored, of_double, backend):
    """A second question to the memory of the first one brings that one along."""
    given = {**of_double, "agent_type": "conversational", "agent_expect_pattern": ""}
    play(**given)
    first = module("ml_agent_execute", agent=name, question="First?")
    memory = {"memory_id": first["memory"]["memory_id"], "question": "Second?"}
    backend.seen.clear()
    module("ml_agent_execute", agent=name, parameters=memory)
    contents = [message.get("content") for message in backend.seen[0][1]["messages"]]
    assert contents[1] == "First?"
    assert contents[-1] == "Second?"
    assert [message["role"] for message in backend.seen[0][1]["messages"]] == ["system", "user", "assistant", "user"]
    cluster.must("DELETE", f"{ML}/memory/{first['memory']['memory_id']}")
    play(**given, agent_state="absent")
