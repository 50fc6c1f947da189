# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs of ansible-playbook whose tasks run in the controller's process, and again as modules, with the same results."""

from __future__ import annotations

import json
import os
import pty
import re
import socket
import subprocess
from pathlib import Path
from typing import Any, Iterator
from unittest import mock

import pytest

from ansible_collections.searchops.opensearch_ml.tests.integration._lives import LIVES, foreign_life, prepared
from ansible_collections.searchops.opensearch_ml.tests.integration._stack import (
    CHAT_BODY,
    GATEWAY,
    Cluster,
    gateway_keys,
)
from ansible_collections.searchops.opensearch_ml.tests.integration.conftest import WAYS, Modules
from ansible_collections.searchops.opensearch_ml.tests.integration.test_secrets import leaks
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster_server import serving

REPOSITORY = Path(__file__).resolve().parents[2]
HERE = "runs in the controller's process"
BAD_KEY = 'wr0ng-key "quoted" \\/+=='

#: What differs between two equal objects: ids and timestamps.
OF_ITS_OWN = re.compile(r"(?<![\w-])(chatcmpl-\d+|[\w-]{20}|[\w-]{22}|[0-9a-f]{64}|1[7-9]\d{11})(?![\w-])")
LATELY = 1_700_000_000
#: Fields with durations.
DURATIONS = (
    "timings",
    "elapsed",
    "took",
    "predict_request_stats",
    "model_inference_stats",
    "age_seconds",
    "idle_seconds",
)


class Playbook:
    """Runs tasks on one cluster. ``way`` is the value of opensearch_ml_in_process."""

    def __init__(self, cluster: Any, folder: Path) -> None:
        self.cluster = cluster
        self.folder = folder

    def __call__(
        self, way: str, todo: list[dict[str, Any]], *options: str, terminal: bool = False, **environment: str
    ) -> tuple[str, list[dict[str, Any]]]:
        """Run the tasks; returns the output and the results of the tasks."""
        connection: dict[str, Any] = {"hosts": [self.cluster.url]}
        if self.cluster.tls:
            connection.update(
                username=self.cluster.user[0], password="{{ lookup('env', 'IT_PASSWORD') }}", ca_path=self.cluster.ca
            )
        results = self.folder / "results.json"
        keep = {"ansible.builtin.copy": {"content": "{{ [" + ", ".join(f"r{i}" for i in range(len(todo))) + "] | to_json }}",
                                         "dest": str(results), "mode": "0600"}, "no_log": True, "check_mode": False}  # fmt: skip
        book = [
            {
                "hosts": "localhost",
                "connection": "local",
                "gather_facts": False,
                "module_defaults": {"group/searchops.opensearch_ml.all": connection},
                "vars": {"opensearch_ml_in_process": way},
                "tasks": [{"register": f"r{i}", "ignore_errors": True, **task} for i, task in enumerate(todo)] + [keep],
            }
        ]
        (self.folder / "play.json").write_text(json.dumps(book))
        command = ["ansible-playbook", "-i", "localhost,", "play.json", "-e", "ansible_python_interpreter={{ansible_playbook_python}}"]  # fmt: skip
        variables = {
            **os.environ,
            "ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg"),
            "ANSIBLE_COLLECTIONS_PATH": str(REPOSITORY / "dev" / "collections"),
            "ANSIBLE_LOCAL_TEMP": str(self.folder),
            # The default is below the home directory, which differs between processes if HOME is set.
            "ANSIBLE_ASYNC_DIR": str(self.folder / "async"),
            "ANSIBLE_NOCOLOR": "1",
            "IT_KEY": gateway_keys()[0],
            "IT_BAD": BAD_KEY,
            "IT_PASSWORD": self.cluster.user[1] if self.cluster.user else "",
            **environment,
        }
        run = _on_terminal if terminal else _captured
        text = run([*command, *options], self.folder, variables)
        return text, json.loads(results.read_text())


def _captured(command: list[str], folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def _on_terminal(command: list[str], folder: Path, environment: dict[str, str]) -> str:
    """The output on a terminal."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(command, cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        seen = b""
        # On Linux the end of a terminal is an error.
        try:
            while piece := os.read(ours, 65536):
                seen += piece
        except OSError:
            pass
        os.close(ours)
        assert process.wait(120) == 0, seen.decode()
    return seen.decode()


@pytest.fixture
def play(cluster, tmp_path) -> Playbook:
    return Playbook(cluster, tmp_path)


def connector(name: str, key: str = "IT_KEY", **more: Any) -> dict[str, Any]:
    options = {
        "name": name,
        "parameters": {"model": "tiny-chat", "max_tokens": 16},
        "credential": {"key": f"{{{{ lookup('env', '{key}') }}}}"},
        "actions": [
            {
                "url": GATEWAY,
                "headers": {"Authorization": "Bearer ${credential.key}"},
                "request_body": CHAT_BODY,
            }
        ],
        **more,
    }
    return {"searchops.opensearch_ml.ml_connector": options}


def life(name: str) -> list[dict[str, Any]]:
    ask = {"model": name, "messages": [{"role": "user", "content": "Ping"}]}
    model = {"name": name, "connector": name, "model_group": f"{name} group"}
    return [
        connector(name),
        {"searchops.opensearch_ml.ml_model": model},
        {"searchops.opensearch_ml.ml_predict": {**ask, "expect_pattern": "Pong"}},
        {"searchops.opensearch_ml.ml_predict": {**ask, "expect_pattern": "never said"}},
        connector(name, "IT_BAD", update_credential="always", probe={"messages": ask["messages"]}),
        connector(name, state="nonsense"),
        {"searchops.opensearch_ml.ml_connector_info": {"name": name}},
        {"searchops.opensearch_ml.opensearch_cluster_setting_info": {"patterns": ["plugins.ml_commons.conn*"]}},
    ]  # fmt: skip


def comparable(value: Any) -> Any:
    """A result without ids, timestamps and durations."""
    if isinstance(value, dict):
        return {key: comparable(item) for key, item in value.items() if key not in DURATIONS}
    if isinstance(value, list):
        return [comparable(item) for item in value]
    if isinstance(value, str):
        return OF_ITS_OWN.sub("~", value)
    return "~" if isinstance(value, (int, float)) and value > LATELY else value


#: The sample of :func:`life` for each run of the tests: a change, a failure, a refused option and a list.
SAMPLE = (0, 4, 5, 6)


@pytest.mark.parametrize(
    ("cluster", "part"),
    [
        ("2.19.1-tls", "sample"),
        pytest.param("2.19.1-tls", "all", marks=pytest.mark.full),
        pytest.param("3.6.0", "all", marks=pytest.mark.full),
    ],
    indirect=["cluster"],
)
def test_both_ways_have_the_same_results(cluster, play, name, part):
    """Check mode, a run, a failure and a repetition, at full verbosity with diffs: the results agree, without a secret."""
    results_of: dict[str, list[Any]] = {}
    for way in ("true", "false"):
        own = f"{name} {len(results_of)}"
        todo = life(own)
        if part == "sample":
            todo = [todo[number] for number in SAMPLE]
        results_of[way] = []
        for options in [()] if part == "sample" else [("--check",), (), ()]:
            text, results = play(way, todo, "-vvvv", "--diff", *options)
            assert (HERE in text) is (way == "true")
            assert leaks(text, gateway_keys()[0], BAD_KEY, *(cluster.user or ())[1:]) == []
            results_of[way].append(json.loads(json.dumps(results).replace(own, name)))
    assert comparable(results_of["true"]) == comparable(results_of["false"])
    if part == "all":
        planned, done, again = results_of["true"]
        assert [result["changed"] for result in done] == [True, True, False, False, False, False, False, False]
        assert [result["failed"] for result in done] == [False, False, False, True, True, True, False, False]
        assert [action["action"] for action in planned[0]["actions"]] == ["create"]
        assert not any(result["changed"] for result in again)


@pytest.mark.parametrize("cluster", ["3.6.0"], indirect=True)
# The life of others' indexes has the modules of data_life.
@pytest.mark.parametrize("life", [life for life in LIVES if life is not foreign_life])
def test_each_step_has_the_same_result(cluster, recorder, connection, name, settings_restored, life):
    """Each module in each state, planned, run and repeated: as an action plugin and as a module."""
    results_of: dict[str, list[Any]] = {}
    for way in WAYS:
        own, results = f"{name} {way}", []
        run = Modules(cluster, recorder, connection, way).run
        with prepared(cluster, own, life):
            for step in life(own):
                results += [run(step.module, check, **step.args) for check in (True, False, False)]
        text = json.dumps(results)
        for theirs, ours in ((own, name), (own.replace(" ", "-"), name.replace(" ", "-"))):
            text = text.replace(theirs, ours)
        results_of[way] = comparable(json.loads(text))
    assert results_of["action"] == results_of["module"]
    assert any(result["changed"] for result in results_of["action"])


@pytest.mark.full_on("3.6.0")
def test_async_tasks_run_as_modules(play, name):
    text, [result] = play("true", [{**connector(name), "async": 60, "poll": 1}], "-vvv")
    assert HERE not in text
    assert (result["failed"], result["changed"], result["finished"] in (1, True)) == (False, True, True)


@pytest.fixture
def silent_server() -> Iterator[str]:
    """A server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.full_on("3.6.0")
@pytest.mark.parametrize("way", ["true", "false"])
def test_keywords_of_the_task(play, name, silent_server, way):
    """The task's environment and timeout are applied."""
    ask = {"searchops.opensearch_ml.ml_connector_info": {"name": name}}
    signed = {"OPENSEARCH_AUTH_TYPE": "aws_sigv4"}
    stuck = {"searchops.opensearch_ml.ml_connector_info": {"hosts": [silent_server], "auth_type": "none"}}
    _text, [refused, ended] = play(way, [{**ask, "environment": signed}, {**stuck, "timeout": 2}])
    assert "aws_region" in refused["failure"]["message"]
    assert ended["failed"]
    assert "failure" not in ended


def test_progress_is_shown_on_a_terminal(tmp_path):
    """A model that is never deployed, on a fake cluster: a real server cannot be made slow on demand."""
    double = FakeCluster()
    double.add_model("Chat", double.add_connector(), state="DEPLOYING")
    todo = [{"searchops.opensearch_ml.ml_model": {"name": "Chat", "wait_timeout": 7}}]
    with mock.patch.object(FakeCluster, "_tick", return_value=None), serving(double) as url:
        play = Playbook(Cluster("double", url, None, None, None), tmp_path)
        line = "[localhost] waiting for model "
        assert line in play("auto", todo, terminal=True)[0]
        assert line not in play("auto", todo)[0]
