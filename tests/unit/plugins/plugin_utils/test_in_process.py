# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tasks run in the controller's process, that they return what the module returns, and the progress they show."""

from __future__ import annotations

import contextlib
import io
import json
import os
from pathlib import Path
from typing import Any, Callable, Iterator
from unittest import mock

import pytest
from ansible.errors import AnsibleActionFail
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible.plugins.action.normal import ActionModule as NormalAction
from ansible.utils.display import Display

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http import transport
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http.clock import Clock
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._runtime import run as run_module
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._values.masking import Masker
from ansible_collections.searchops.opensearch_ml.plugins.plugin_utils import in_process
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster_server import serving
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.ollama import FakeOllama
from ansible_collections.searchops.opensearch_ml.tests.unit.support import harness
from ansible_collections.searchops.opensearch_ml.tests.unit.support.action import SENT, make_action, run_action
from ansible_collections.searchops.opensearch_ml.tests.unit.support.samples import SAMPLES, server_for

IN_PROCESS, PROGRESS = "opensearch_ml_in_process", "opensearch_ml_progress"


@pytest.fixture
def url(cluster: FakeCluster) -> Iterator[str]:
    with serving(cluster) as address:
        yield address


def info(url: str, variables: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return run_action("ml_connector_info", {"hosts": [url]}, variables, **more)


class TestWhere:
    def test_a_local_task_runs_in_process(self, url: str) -> None:
        assert info(url)["connectors"] == []

    @pytest.mark.parametrize(
        "keywords",
        [
            {"transport": "ssh"},
            {"become": object()},
            {"async_val": 60},
            {"environment": [{"PYTHONPATH": "/x"}]},
            {"environment": [{"LD_PRELOAD": "/x.so"}]},
        ],
    )
    def test_other_tasks_run_as_modules(self, url: str, keywords: dict[str, Any]) -> None:
        assert info(url, **keywords) == SENT

    @pytest.mark.parametrize("way", ["variable", "environment"])
    @pytest.mark.parametrize(
        ("value", "keywords", "sent"),
        [
            (True, {"transport": "ssh"}, False),
            ("yes", {"become": object()}, False),
            ("true", {"environment": [{"PYTHONPATH": "/x"}]}, False),
            (True, {"async_val": 60}, True),
            (False, {}, True),
            ("off", {}, True),
            ("auto", {}, False),
            ("Auto", {"transport": "ssh"}, True),
        ],
    )
    def test_the_setting_overrides_the_default(
        self, url: str, monkeypatch: pytest.MonkeyPatch, way: str, value: Any, keywords: dict[str, Any], sent: bool
    ) -> None:
        if way == "environment":
            monkeypatch.setenv("SEARCHOPS_OPENSEARCH_ML_IN_PROCESS", str(value))
        result = info(url, {IN_PROCESS: value} if way == "variable" else None, **keywords)
        assert (result == SENT) is sent

    def test_the_variable_precedes_the_environment(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SEARCHOPS_OPENSEARCH_ML_IN_PROCESS", "true")
        assert info(url, {IN_PROCESS: False}) == SENT

    @pytest.mark.parametrize("name", [IN_PROCESS, PROGRESS])
    def test_an_invalid_value_is_refused(self, url: str, name: str) -> None:
        with pytest.raises(AnsibleActionFail, match=f"{name} must be true, false or auto, not 'perhaps'"):
            info(url, {name: "perhaps"})

    def test_a_missing_library_falls_back_to_the_module(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """The interpreter for modules may have the library."""
        monkeypatch.setattr(transport, "HAS_REQUESTS", False)
        assert info(url) == SENT
        failed = info(url, {IN_PROCESS: True})
        assert (failed["failed"], failed["failure"]["code"]) == (True, "library_missing")

    def test_arguments_that_are_not_json_fall_back_to_the_module(self, url: str) -> None:
        """Ansible reports the error."""
        assert run_action("ml_connector_info", {"hosts": [url], "name": object()}) == SENT


@pytest.mark.parametrize("transport", ["local", "ssh"])
def test_a_connection_that_the_task_does_not_use_is_reported(
    url: str, monkeypatch: pytest.MonkeyPatch, transport: str
) -> None:
    """An ad hoc command has no module_defaults, and would address the same cluster for each inventory host."""
    shown: list[str] = []
    monkeypatch.setattr(Display, "warning", lambda self, msg, *args, **kwargs: shown.append(msg))
    monkeypatch.setenv("OPENSEARCH_HOSTS", url)
    variables = {"opensearch_connection": {"hosts": ["http://berlin:9200"]}}
    run_action("ml_connector_info", {}, variables, transport=transport)
    [warning] = shown
    assert "does not use the host's variable opensearch_connection" in warning
    run_action("ml_connector_info", {"hosts": [url]}, variables)
    run_action("ml_connector_info", {}, {"opensearch_connection": {"validate_certs": False}})
    run_action("ml_connector_info", {}, {"inventory_hostname": "rom"}, transport=transport)
    run_action("ollama_model_info", {"url": "http://127.0.0.1:9", "retries": 0}, variables)
    assert shown == [warning]


@pytest.mark.parametrize("hosts", [{}, {"hosts": []}, {"hosts": ""}])
def test_a_host_that_does_not_name_its_cluster_is_reported(
    url: str, monkeypatch: pytest.MonkeyPatch, hosts: dict[str, Any]
) -> None:
    shown: list[str] = []
    monkeypatch.setattr(Display, "warning", lambda self, msg, *args, **kwargs: shown.append(msg))
    monkeypatch.setenv("OPENSEARCH_HOSTS", url)
    connection = {"username": "rom", **hosts}
    for args in ({}, {"username": "rom"}):
        run_action("ml_connector_info", args, {"inventory_hostname": "rom", "opensearch_connection": connection})
    assert [text.partition(",")[0] for text in shown] == [
        "rom: the host's variable opensearch_connection has no 'hosts'"
    ] * 2


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize("module", sorted(SAMPLES))
def test_both_ways_return_the_same(module: str, check_mode: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through real HTTP, against two servers in the same state, at the same time."""
    monkeypatch.setattr(Clock, "epoch", lambda self: 1700001000.0)
    results = []
    for way in (as_module, run_action):
        server = server_for(module)
        if isinstance(server, FakeOllama):
            # Nothing is pulled, as this server cannot stream.
            server.models.update(server.registry)
        with serving(server) as address:
            connection = {"url": address} if module.startswith("ollama_") else {"hosts": [address]}
            result = way(module, {**connection, **SAMPLES[module]}, check_mode=check_mode)
            assert not result.get("failed"), result
            # Two answers never take equally long.
            assert result.pop("elapsed", 0) >= 0
            results.append(json.dumps(result).replace(address, "http://server"))
    assert results[0] == results[1]


class TestFiles:
    """``src`` names a file on the controller, wherever the module runs."""

    BODY = {"processors": []}

    @pytest.fixture(autouse=True)
    def playbook_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "files").mkdir()
        return tmp_path

    @staticmethod
    def pipeline(url: str, src: str, **more: Any) -> dict[str, Any]:
        return run_action("opensearch_pipeline", {"hosts": [url], "name": "p", "type": "ingest", "src": src}, **more)

    @pytest.mark.parametrize("place", [".", "files"])
    def test_beside_the_playbook_and_in_files(self, url: str, playbook_folder: Path, place: str) -> None:
        (playbook_folder / place / "p.json").write_text(json.dumps(self.BODY))
        assert self.pipeline(url, "p.json")["pipeline"]["definition"] == self.BODY

    def test_by_an_absolute_path(self, url: str, playbook_folder: Path) -> None:
        (playbook_folder / "p.json").write_text(json.dumps(self.BODY))
        assert self.pipeline(url, str(playbook_folder / "p.json"))["pipeline"]["definition"] == self.BODY

    @pytest.mark.parametrize("place", ["variables", "here"])
    def test_where_the_command_line_is(
        self, url: str, playbook_folder: Path, tmp_path_factory: pytest.TempPathFactory, place: str
    ) -> None:
        """A declaration that a playbook of the collection applies is next to neither the playbook nor the role."""
        folders = {name: tmp_path_factory.mktemp(name) for name in ("variables", "here", "playbook")}
        (folders[place] / "p.json").write_text(json.dumps(self.BODY))
        os.chdir(folders["here"])
        args = {"hosts": [url], "name": "p", "type": "ingest", "src": "p.json"}
        given = {"extra_vars": ("a=b", f"@{folders['variables'] / 'stack.yml'}")}

        def run() -> dict[str, Any]:
            action = make_action("opensearch_pipeline", args)
            action._loader.set_basedir(str(folders["playbook"]))
            with mock.patch.object(in_process.context, "CLIARGS", given):
                result: dict[str, Any] = action.run(task_vars={})
            return result

        assert run()["pipeline"]["definition"] == self.BODY
        (folders[place] / "p.json").unlink()
        message = run()["msg"]
        assert all(f"{folder}/p.json" in message for folder in folders.values())

    def test_a_missing_file_is_not_searched_in_the_collection(self, url: str) -> None:
        action = make_action("opensearch_pipeline", {"hosts": [url], "name": "p", "type": "ingest", "src": "p.json"})
        action._loader.set_basedir(in_process._OWN_FOLDERS[0] + "stack")
        assert "/roles/stack" not in action.run(task_vars={})["msg"]

    @pytest.mark.parametrize("transport", ["local", "ssh"])
    def test_a_missing_file_is_named_with_the_places_where_it_was_searched(self, url: str, transport: str) -> None:
        failed = self.pipeline(url, "p.json", transport=transport)
        assert (failed["failed"], failed["failure"]["code"]) == (True, "invalid_input")
        assert failed["msg"].startswith("src: there is no file 'p.json' on the controller. Searched: ")
        searched = failed["msg"].partition("Searched: ")[2].rstrip(".").split(", ")
        assert len(searched) == len(set(searched)) > 0
        assert "/files/p.json, " in failed["msg"]

    def test_a_missing_absolute_path_is_named_once(self, url: str) -> None:
        assert self.pipeline(url, "/nowhere/p.json")["msg"].count("/nowhere/p.json") == 1

    @pytest.mark.parametrize("text", ["{'a': None, 'b': True}", '{"a": null, "b": true}', "{a: null, b: true}"])
    def test_a_mapping_as_text_keeps_its_values(self, text: str) -> None:
        """Templates of some versions of Ansible make Python's notation of it."""
        body = in_process._mapping_of(text, "pipelines")
        assert body == {"a": None, "b": True}

    def test_a_text_in_place_of_a_file(self, url: str) -> None:
        """As a variable has it that was pasted from the console, or filled by the lookup file."""
        text = f"PUT /_ingest/pipeline/p\n{json.dumps(self.BODY)}"
        item = {"name": "p", "type": "ingest", "definition": text}
        assert run_action("opensearch_pipeline", {"hosts": [url], **item})["pipeline"]["definition"] == self.BODY
        assert "failed" not in run_action("ml_stack", {"hosts": [url], "pipelines": [item]})
        failed = run_action("opensearch_pipeline", {"hosts": [url], **item, "definition": "PUT /_ingest/pipeline/p"})
        assert failed["msg"].startswith("definition contains a request line, but no body.")

    def test_the_sections_of_a_stack(self, url: str, playbook_folder: Path) -> None:
        (playbook_folder / "files" / "p.json").write_text(json.dumps(self.BODY))
        items = [{"name": "p", "type": "ingest", "src": "p.json"}, {"name": "q", "type": "ingest", "definition": {}}]
        stack = run_action("ml_stack", {"hosts": [url], "pipelines": items})
        assert [change["name"] for change in stack["changes"]] == ["ingest/p", "ingest/q"]

    def test_another_host_gets_the_content(self, url: str, playbook_folder: Path) -> None:
        (playbook_folder / "files" / "p.json").write_text(json.dumps(self.BODY))
        without_file = {"name": "p", "type": "ingest"}
        item = {**without_file, "src": "p.json"}
        for module, args, sent in (
            ("opensearch_pipeline", item, {**without_file, "definition": self.BODY}),
            ("ml_stack", {"pipelines": [item]}, {"pipelines": [{**without_file, "definition": self.BODY}]}),
        ):
            action = make_action(module, args, transport="ssh")
            with mock.patch.object(NormalAction, "run", return_value=dict(SENT)):
                assert action.run(task_vars={}) == SENT
            assert action._task.args == sent
            accepted = as_module(module, {"hosts": [url], **sent}, check_mode=True)
            assert (accepted.get("failed", False), accepted["changed"]) == (False, True), accepted

    def test_an_encrypted_file(self, url: str, playbook_folder: Path) -> None:
        secrets = [("default", VaultSecret(b"password"))]
        content = VaultLib(secrets).encrypt(json.dumps(self.BODY), secrets[0][1])
        (playbook_folder / "p.json").write_bytes(content)
        action = make_action("opensearch_pipeline", {"hosts": [url], "name": "p", "type": "ingest", "src": "p.json"})
        action._loader.set_vault_secrets(secrets)
        assert action.run(task_vars={})["pipeline"]["definition"] == self.BODY

    def test_validation_reports_what_is_no_path(self, url: str) -> None:
        args = {"hosts": [url], "name": "p", "type": "ingest", "src": "p.json", "definition": {}}
        assert "mutually exclusive" in run_action("opensearch_pipeline", args)["msg"]


def as_module(module: str, args: dict[str, Any], *, check_mode: bool) -> dict[str, Any]:
    main = harness.importlib.import_module(f"{harness.COLLECTION}.plugins.modules.{module}").main
    printed = io.StringIO()
    given = harness.patch_module_args({**args, "_ansible_check_mode": check_mode, "_ansible_diff": True})
    with given, contextlib.redirect_stdout(printed), pytest.raises(SystemExit):
        main()
    result: dict[str, Any] = json.loads(printed.getvalue())
    return result


@pytest.mark.parametrize(
    "args",
    [
        {},
        {"name": "x", "state": "nonsense"},
        {"name": "x", "no_such": 1},
        {"name": "x", "password": "s3cret-word", "timeout": "s3cret-word"},
        {"name": "x", "definition": {"a": "b"}, "src": "/nowhere"},
        {"name": "x", "actions": "none"},
    ],
)
def test_invalid_arguments_fail_as_in_the_module(url: str, args: dict[str, Any]) -> None:
    stated = {"hosts": [url], **args}
    sent = {**stated, "_ansible_module_name": "searchops.opensearch_ml.ml_connector"}
    result = run_action("ml_connector", stated)
    assert result == as_module("ml_connector", sent, check_mode=False)
    assert (result["failed"], result["failure"]["code"]) == (True, "invalid_input")
    assert "s3cret-word" not in str(result)


class TestTheVariablesOfARole:
    VARIABLES = {
        "__opensearch_ml_role_variables": {"name": "chat_name", "state": "chat_state", "update_strategy": "chat_update"}
    }

    def test_they_follow_the_message_that_names_their_options(self, url: str) -> None:
        given = {"hosts": [url], "name": " ", "type": "flow"}
        result = run_action("ml_agent", given, self.VARIABLES)
        assert result["msg"].endswith(" This role sets 'name' by chat_name.")
        assert "chat_name" not in str(result["failure"])
        assert "This role" not in run_action("ml_agent", given)["msg"]

    def test_a_message_that_names_none(self, url: str) -> None:
        result = run_action("ml_agent", {"hosts": [url], "agent_id": "nope", "type": "flow"}, self.VARIABLES)
        assert "This role" not in result["msg"]

    def test_options_that_a_remedy_quotes(self, url: str, cluster: FakeCluster) -> None:
        cluster.add_agent("Fixed")
        result = run_action(
            "ml_agent", {"hosts": [url], "name": "Fixed", "type": "conversational_flow"}, self.VARIABLES
        )
        assert result["msg"].endswith(" This role sets 'update_strategy' by chat_update.")


class TestTheTask:
    def test_the_environment_of_the_task_is_used(self, url: str) -> None:
        result = run_action("ml_connector_info", {}, environment=[{"OPENSEARCH_HOSTS": url}, {"COUNT": 1}])
        assert result["connectors"] == []
        assert not [name for name in os.environ if name.startswith("OPENSEARCH_")]

    def test_the_environment_is_restored(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OPENSEARCH_HOSTS", "http://127.0.0.1:1")
        assert run_action("ml_connector_info", {}, environment=[{"OPENSEARCH_HOSTS": url}])["connectors"] == []
        assert os.environ["OPENSEARCH_HOSTS"] == "http://127.0.0.1:1"

    def test_tagged_texts_become_plain(self, url: str, cluster: FakeCluster) -> None:
        """Texts of a playbook have tags of Ansible, and a key may be a number."""
        text = "{name: Local chat, parameters: {model: tiny, 1: [a, 0.5]}, actions: [{url: 'http://127.0.0.1:1/v1'}]}"
        result = run_action("ml_connector", {"hosts": [url], **DataLoader().load(text)})
        assert result["changed"]
        [connector] = cluster.connectors.values()
        assert connector["parameters"] == {"model": "tiny", "1": '["a",0.5]'}
        assert {type(text) for text in (result["connector"]["name"], result["diff"]["after"]["name"])} == {str}

    def test_unexpected_exceptions_are_raised(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(transport.RequestsTransport, "send", mock.Mock(side_effect=NotImplementedError))
        with pytest.raises(NotImplementedError):
            info(url)


class TestProgress:
    """The task waits for a model that is never deployed. Time passes only while the code sleeps."""

    @pytest.fixture
    def shown(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        lines: list[str] = []
        monkeypatch.setattr(Display, "display", lambda self, msg, *args, **more: lines.append(msg))
        return lines

    @pytest.fixture
    def wait(self, cluster: FakeCluster, check_mode_violations: list[str]) -> Callable[..., dict[str, Any]]:
        cluster.add_model("Chat", cluster.add_connector(), state="DEPLOYING")

        def run(variables: dict[str, Any], **keywords: Any) -> dict[str, Any]:
            args = {"hosts": ["http://cluster.test:9200"], "name": "Chat", "wait_timeout": 23.0}
            stuck = mock.patch.object(FakeCluster, "_tick", return_value=None)
            with stuck, harness.patched(cluster, check_mode_violations, False):
                return run_action("ml_model", {**args, **keywords.pop("args", {})}, variables, **keywords)

        return run

    def test_progress_is_shown_while_the_task_runs(self, wait: Callable[..., dict[str, Any]], shown: list[str]) -> None:
        assert wait({PROGRESS: True, "inventory_hostname": "east"})["failure"]["code"] == "wait_timeout"
        assert len(shown) == 3
        assert all(line.startswith("[east] waiting for model ") for line in shown)
        assert "to be deployed: model_state DEPLOYING (" in shown[0]

    def test_progress_lines_are_masked(self, wait: Callable[..., dict[str, Any]], shown: list[str]) -> None:
        wait({PROGRESS: True}, args={"username": "joe", "password": "DEPLOYING"})
        assert shown
        assert not [line for line in shown if "DEPLOYING" in line]

    def test_a_stack_shows_how_many_items_are_done(
        self, cluster: FakeCluster, shown: list[str], monkeypatch: pytest.MonkeyPatch, check_mode_violations: list[str]
    ) -> None:
        monkeypatch.setattr(run_module, "PROGRESS_INTERVAL", 0.0)
        groups = [{"name": name} for name in ("A", "B", "C")]
        args = {"hosts": ["http://cluster.test:9200"], "model_groups": groups, "parallel": 1}
        with harness.patched(cluster, check_mode_violations, False):
            assert run_action("ml_stack", args, {PROGRESS: True})["changed"]
        lines = [line.split(", the last one ") for line in shown if " done" in line]
        assert [count for count, _item in lines] == [f"[localhost] {n} of 3 done" for n in (1, 2, 3)]
        # Several items may have ended at the same time.
        assert {item for _count, item in lines} == {f"model_groups[{n}] {name!r} (0 s)" for n, name in enumerate("ABC")}

    @pytest.mark.parametrize(
        ("variables", "no_log", "terminal", "quiet"),
        [
            ({}, False, False, True),
            ({}, False, True, False),
            ({PROGRESS: "auto"}, False, True, False),
            ({PROGRESS: False}, False, True, True),
            ({PROGRESS: True}, True, True, True),
        ],
    )
    def test_progress_depends_on_the_setting_and_the_terminal(
        self,
        wait: Callable[..., dict[str, Any]],
        shown: list[str],
        monkeypatch: pytest.MonkeyPatch,
        variables: dict[str, Any],
        no_log: bool,
        terminal: bool,
        quiet: bool,
    ) -> None:
        monkeypatch.setattr(in_process, "ON_TERMINAL", terminal)
        wait(variables, no_log=no_log)
        assert (not shown) is quiet

    def test_the_environment_turns_progress_on(
        self, wait: Callable[..., dict[str, Any]], shown: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SEARCHOPS_OPENSEARCH_ML_PROGRESS", "yes")
        wait({})
        assert shown


class TestRetries:
    """A server that is down for four requests: the third and the fourth pause are long enough for a progress line."""

    LINES = [
        f"POST /_plugins/_ml/connectors/_search answered 503: sending again in {pause} s ({number} of 5)"
        for number, pause in enumerate((0.2, 0.4, 0.8, 1.6), 1)
    ]

    @pytest.fixture
    def shown(self, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
        lines: dict[str, list[str]] = {"progress": [], "vvv": []}
        monkeypatch.setattr(Display, "display", lambda self, msg, *args, **more: lines["progress"].append(msg))
        monkeypatch.setattr(Display, "vvv", lambda self, msg, host=None: lines["vvv"].append(f"{host}: {msg}"))
        return lines

    @pytest.fixture
    def run(self, cluster: FakeCluster, check_mode_violations: list[str]) -> Callable[..., dict[str, Any]]:
        for number in range(4):
            cluster.inject("unavailable", number)

        def run(verbosity: int, args: dict[str, Any] | None = None, **keywords: Any) -> dict[str, Any]:
            connection = {"hosts": ["http://cluster.test:9200"], **(args or {})}
            variables = {"inventory_hostname": "east", PROGRESS: keywords.pop("progress", True)}
            display = mock.patch.object(Display(), "verbosity", verbosity)
            with display, harness.patched(cluster, check_mode_violations, False):
                return run_action("ml_connector_info", connection, variables, **keywords)

        return run

    def test_long_pauses_are_progress_lines(
        self, run: Callable[..., dict[str, Any]], shown: dict[str, list[str]]
    ) -> None:
        assert run(2)["retries"] == 4
        assert shown["progress"] == [f"[east] {line}" for line in self.LINES[2:]]
        assert not [line for line in shown["vvv"] if "sending again" in line]

    @pytest.mark.parametrize("progress", [True, False])
    def test_all_pauses_are_shown_once_at_vvv(
        self, run: Callable[..., dict[str, Any]], shown: dict[str, list[str]], progress: bool
    ) -> None:
        assert run(3, progress=progress)["retries"] == 4
        assert [line for line in shown["vvv"] if "sending again" in line] == [f"east: {line}" for line in self.LINES]
        assert shown["progress"] == []

    def test_no_log_hides_them(self, run: Callable[..., dict[str, Any]], shown: dict[str, list[str]]) -> None:
        run(3, no_log=True)
        assert "answered" not in str(shown)

    @pytest.mark.parametrize("verbosity", [0, 3])
    def test_secrets_in_lines_of_retries_are_masked(
        self, run: Callable[..., dict[str, Any]], shown: dict[str, list[str]], verbosity: int
    ) -> None:
        secret = "s3cret/wörd"
        run(verbosity, {"connector_id": secret, "username": "joe", "password": secret})
        assert "GET /_plugins/_ml/connectors/******** answered 503" in str(shown)
        assert not [form for form in Masker([secret]).forms if form in str(shown)]
