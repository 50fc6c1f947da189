# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ollama_model: predicted by check mode, applied, then unchanged; and the code of each error."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path
from typing import Any, Callable

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http.transport import NoAnswer
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._ollama import models
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.ollama import (
    FOR_EVER,
    IN_FIVE_MINUTES,
    WEIGHTS,
    FakeOllama,
    definition,
)

Runner = Callable[..., dict[str, Any]]
MODULE = "ollama_model"
#: Version 3, no tensor, one value: the text "b" under the name "a".
FILE = b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<QcIQc", 1, b"a", 8, 1, b"b")
DIGEST = "sha256:" + hashlib.sha256(FILE).hexdigest()


@pytest.fixture
def server() -> FakeOllama:
    """A server with the model ``base``; ``tiny`` can be pulled."""
    server = FakeOllama()
    server.models["base:latest"] = definition(
        parameters={"num_ctx": 256, "stop": ["</s>"]}, system="Be short.", license="MIT"
    )
    server.registry["tiny:latest"] = definition(weights=["sha256:" + "2" * 64])
    return server


@pytest.fixture
def gguf(tmp_path: Path) -> str:
    (tmp_path / "model.gguf").write_bytes(FILE)
    return str(tmp_path / "model.gguf")


def converges(
    module: Runner, server: FakeOllama, actions: list[str], *, same_diff: bool = True, **args: Any
) -> dict[str, Any]:
    """Run in check mode, which must change nothing, then apply, then repeat both without a change.

    Returns the applied result.
    """
    before = server.snapshot()
    planned = module(MODULE, server, check_mode=True, **args)
    assert [action["action"] for action in planned["actions"]] == actions, planned
    assert planned["changed"] is bool(actions)
    assert server.snapshot() == before
    applied = module(MODULE, server, **args)
    assert [action["action"] for action in applied["actions"]] == actions, applied
    assert applied["changed"] is bool(actions)
    if same_diff:
        assert applied["diff"] == planned["diff"]
    after, sent = server.snapshot(), len(server.writes)
    for check_mode in (False, True):
        again = module(MODULE, server, check_mode=check_mode, **args)
        assert (again["changed"], again["actions"]) == (False, []), again
        assert again["diff"]["before"] == again["diff"]["after"]
    assert (server.snapshot(), len(server.writes)) == (after, sent)
    return applied


def refused(module: Runner, server: FakeOllama, code: str, **args: Any) -> dict[str, Any]:
    result = module(MODULE, server, **args)
    assert result.get("failed"), result
    failure: dict[str, Any] = result["failure"]
    assert failure["code"] == code, result
    return failure


class TestPull:
    def test_missing_model_is_pulled(self, module: Runner, server: FakeOllama) -> None:
        done = converges(module, server, ["pull"], same_diff=False, name="tiny")
        assert done["model"]["digest"] == server.digest("tiny:latest")
        assert done["progress"] == {"status": "success", "bytes": 100}
        assert done["diff"]["before"] == {}
        assert done["diff"]["after"]["digest"] == server.digest("tiny:latest")
        server.exchanges.clear()
        module(MODULE, server, name="tiny")
        assert [path for _method, path, _body in server.exchanges] == ["/api/tags", "/api/show"]

    def test_update_to_the_latest_version(self, module: Runner, server: FakeOllama) -> None:
        args = {"name": "tiny", "update": "latest"}
        assert module(MODULE, server, **args)["changed"]
        assert not module(MODULE, server, **args)["changed"]
        server.registry["tiny:latest"] = definition(system="New.")
        old = server.digest("tiny:latest")
        checked = module(MODULE, server, check_mode=True, **args)
        assert (checked["changed"], "only known once it is pulled" in checked["warnings"][0]) == (False, True)
        assert not module(MODULE, server, name="tiny")["changed"]
        done = module(MODULE, server, **args)
        assert done["changed"]
        assert done["diff"]["before"]["digest"] == old != done["diff"]["after"]["digest"]

    def test_insecure_is_passed_on(self, module: Runner, server: FakeOllama) -> None:
        server.registry["r.test:5000/library/x:latest"] = definition()
        module(MODULE, server, name="http://r.test:5000/library/x", insecure=True)
        (sent,) = [body for _method, path, body in server.exchanges if path == "/api/pull"]
        assert sent == {"model": "r.test:5000/library/x:latest", "stream": True, "insecure": True}

    def test_names_are_compared_without_case(self, module: Runner, server: FakeOllama) -> None:
        done = module(MODULE, server, name="BASE")
        assert (done["changed"], done["model"]["name"]) == (False, "base:latest")

    def test_interrupted_pull_can_be_repeated(self, module: Runner, server: FakeOllama) -> None:
        server.overrides["/api/pull"] = [{"status": "pulling 1"}, NoAnswer("reset")]
        failure = module(MODULE, server, name="tiny")
        assert (failure["failure"]["code"], failure["changed"]) == ("ollama_stream_cut", False)
        server.overrides.clear()
        assert module(MODULE, server, name="tiny")["changed"]

    @pytest.mark.parametrize(
        "error", ["context canceled", 'Get "http://r.test/v2/library/x/blobs/sha256:1": context canceled']
    )
    def test_pull_that_another_client_aborts_is_retried(self, module: Runner, server: FakeOllama, error: str) -> None:
        server.canceled_pulls, server.canceled_pull_error = 2, error
        assert module(MODULE, server, name="tiny")["changed"]
        server.canceled_pulls = 100
        del server.models["tiny:latest"]
        failure = module(MODULE, server, name="tiny")["failure"]
        assert (failure["code"], server.canceled_pulls) == ("ollama_pull_ended", 95)

    def test_unknown_model(self, module: Runner, server: FakeOllama) -> None:
        refused(module, server, "ollama_unknown_model", name="nope")

    def test_success_without_a_model(self, module: Runner, server: FakeOllama) -> None:
        server.overrides["/api/pull"] = [{"status": "success"}]
        refused(module, server, "not_converged", name="tiny")


class TestFile:
    def test_create_and_update(self, module: Runner, server: FakeOllama, gguf: str) -> None:
        args: dict[str, Any] = {"name": "own:1", "from_file": gguf}
        done = converges(
            module, server, ["upload", "create"], **args, parameters={"num_ctx": "512", "temperature": 0.5, "stop": "x"}
        )
        assert done["model"]["weights"] == [DIGEST]
        assert done["model"]["parameters"] == {"num_ctx": 512, "stop": ["x"], "temperature": 0.5}
        changed = {
            **args,
            "parameters": {"num_ctx": 512},
            "system": "Hi.",
            "template": "{{ .System }}",
            "license": "MIT",
        }
        assert module(MODULE, server, **{**changed, "parameters": {"num_ctx": 512, "stop": ["x"]}})["changed"]
        # The file is on the server already. Creating the model again removes a parameter.
        done = converges(module, server, ["update"], **args, parameters={"seed": 3, "stop": ["y"]}, system="Hi.")
        assert done["model"]["parameters"] == {"seed": 3, "stop": ["y"]}
        assert done["diff"]["before"]["license"] == "MIT"

    def test_template_and_stop_words_of_the_file_are_not_compared(
        self, module: Runner, server: FakeOllama, gguf: str
    ) -> None:
        server.template_of_files = "<|user|>{{ .Prompt }}"
        module(MODULE, server, name="own", from_file=gguf)
        server.models["own:latest"]["parameters"] = {"stop": ["<|user|>"]}
        converges(module, server, [], name="own", from_file=gguf)
        converges(module, server, ["update"], name="own", from_file=gguf, template="{{ .Prompt }}")

    def test_changed_file(self, module: Runner, server: FakeOllama, gguf: str) -> None:
        module(MODULE, server, name="own", from_file=gguf)
        Path(gguf).write_bytes(FILE + b"!")
        converges(module, server, ["upload", "update"], name="own", from_file=gguf)

    def test_invalid_files_are_refused(self, module: Runner, server: FakeOllama, tmp_path: Path) -> None:
        refused(module, server, "invalid_input", name="own", from_file=str(tmp_path / "missing"))
        refused(module, server, "invalid_input", name="own", from_file=str(tmp_path))
        (tmp_path / "empty").touch()
        (tmp_path / "text").write_text("hello")
        for name in ("empty", "text"):
            refused(module, server, "ollama_invalid_file", name="own", from_file=str(tmp_path / name))
        assert server.writes == []

    def test_file_that_changes_before_its_upload(
        self, module: Runner, server: FakeOllama, gguf: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(models, "file_digest", lambda path: ("sha256:" + "0" * 64, 1))
        refused(module, server, "ollama_invalid_file", name="own", from_file=gguf)

    @pytest.mark.parametrize(
        ("path", "instead", "code"),
        [
            (f"/api/blobs/{DIGEST}", (500, {"error": "write /x: no space left on device"}), "ollama_disk_full"),
            ("/api/create", [{"status": "parsing GGUF"}, {"error": "invalid file magic"}], "ollama_invalid_file"),
            ("/api/create", (400, {"error": "template error: x"}), "ollama_invalid_template"),
            ("/api/create", [{"status": "success"}], "not_converged"),
        ],
    )
    def test_errors_of_the_server(
        self, module: Runner, server: FakeOllama, gguf: str, path: str, instead: Any, code: str
    ) -> None:
        server.blobs.clear()
        if path == "/api/create":
            server.blobs.add(DIGEST)
        else:
            # The fake server answers the HEAD request before it.
            real = server._override
            server._override = lambda asked: real(asked) if server.exchanges[-1][0] == "POST" else None  # type: ignore[method-assign] # for this test only
        server.overrides[path] = instead
        refused(module, server, code, name="own", from_file=gguf)


class TestModel:
    def test_create_and_update(self, module: Runner, server: FakeOllama) -> None:
        args: dict[str, Any] = {"name": "own", "from_model": "base", "parameters": {"temperature": 0.2}}
        done = converges(module, server, ["create"], **args, system="Be long.", license="Ours")
        assert done["model"]["parameters"] == {"num_ctx": 256, "stop": ["</s>"], "temperature": 0.2}
        assert done["model"]["license"] == "MIT\nOurs"
        done = converges(module, server, ["update"], **args)
        assert (done["model"]["system"], done["model"]["license"]) == ("Be short.", "MIT")
        # A change of the base model is applied, and a change by another client is reverted.
        server.models["base:latest"] = definition(weights=["sha256:" + "3" * 64])
        assert converges(module, server, ["update"], **args)["model"]["weights"] == ["sha256:" + "3" * 64]
        server.models["own:latest"]["parameters"]["num_ctx"] = 4096
        converges(module, server, ["update"], **args)

    def test_missing_base_model(self, module: Runner, server: FakeOllama) -> None:
        refused(module, server, "ollama_model_missing", name="own", from_model="nope")
        assert server.writes == []
        planned = module(MODULE, server, check_mode=True, name="own", from_model="nope")
        assert (planned["changed"], len(planned["warnings"])) == (True, 1)

    def test_template_with_words_of_a_modelfile(self, module: Runner, server: FakeOllama) -> None:
        done = converges(module, server, ["create"], name="own", from_model="base", template="{{ .Prompt }}\nFROM x")
        assert done["model"]["weights"] == [WEIGHTS]


class TestLoaded:
    def test_load_reload_and_delete(self, module: Runner, server: FakeOllama) -> None:
        done = converges(module, server, ["pull", "load"], same_diff=False, name="tiny", state="loaded")
        assert done["running"]["expires_at"] == IN_FIVE_MINUTES
        converges(module, server, ["load"], name="tiny", state="loaded", keep_alive="-1")
        converges(module, server, [], name="tiny", state="loaded")
        converges(module, server, ["load"], name="tiny", state="loaded", keep_alive="1h30m")
        converges(module, server, [], name="tiny", state="loaded", keep_alive="300")
        converges(module, server, ["unload", "delete"], name="tiny", state="absent")

    @pytest.mark.parametrize(
        ("expires_at", "keep_alive", "actions"),
        [
            (FOR_EVER, "-1", []),
            (FOR_EVER, "-1h", []),
            (FOR_EVER, "5m", ["load"]),
            (IN_FIVE_MINUTES, "-1", ["load"]),
            (IN_FIVE_MINUTES, "299s", []),
            (IN_FIVE_MINUTES, "290", ["load"]),
            (IN_FIVE_MINUTES, "24h", []),
            ("2026-11-24T01:25:53.123456789+01:00", "5m", []),
            ("2026-11-24T02:25:53+01:00", "5m", ["load"]),
        ],
    )
    def test_keep_alive_is_compared_with_the_expiry(
        self, module: Runner, server: FakeOllama, expires_at: str, keep_alive: str, actions: list[str]
    ) -> None:
        server.load("base:latest", expires_at)
        done = module(MODULE, server, check_mode=True, name="base", state="loaded", keep_alive=keep_alive)
        assert [action["action"] for action in done["actions"]] == actions

    @pytest.mark.parametrize(("keep_alive", "sent"), [("300", 300), ("-1", -1), ("10m", "10m"), (" 1.5h ", "1.5h")])
    def test_keep_alive_is_sent_in_the_servers_types(
        self, module: Runner, server: FakeOllama, keep_alive: str, sent: Any
    ) -> None:
        module(MODULE, server, name="base", state="loaded", keep_alive=keep_alive)
        assert server.exchanges[-2][2] == {"model": "base:latest", "stream": False, "keep_alive": sent}

    def test_older_version_in_memory_is_replaced(self, module: Runner, server: FakeOllama) -> None:
        server.load("base:latest")
        server.loaded["base:latest"]["digest"] = "0" * 64
        converges(module, server, ["load"], name="base", state="loaded")

    def test_embedding_model(self, module: Runner, server: FakeOllama) -> None:
        server.models["embed:latest"] = definition(capabilities=["embedding"])
        converges(module, server, ["load"], name="embed", state="loaded")
        assert server.writes == ["POST /api/embed"]

    def test_model_that_needs_too_much_memory(self, module: Runner, server: FakeOllama) -> None:
        server.overrides["/api/generate"] = (
            500,
            {"error": "model requires more system memory (9 GiB) than is available"},
        )
        refused(module, server, "ollama_out_of_memory", name="base", state="loaded")

    def test_other_model_with_same_weights_and_context_is_refused(self, module: Runner, server: FakeOllama) -> None:
        server.load("base:latest")
        args = {"name": "own", "from_model": "base", "system": "Be long.", "state": "loaded"}
        for check_mode in (True, False):
            failure = refused(module, server, "ollama_same_weights", check_mode=check_mode, **args)
            assert "base:latest is in memory" in failure["message"]
        # The same once the model exists.
        for check_mode in (True, False):
            refused(module, server, "ollama_same_weights", check_mode=check_mode, **args)
        converges(module, server, ["update", "load"], **args, parameters={"num_ctx": 128})

    @pytest.mark.parametrize("other", [{"num_ctx": 512}, {"num_gpu": 0}])
    def test_other_model_with_same_weights_and_other_parameters(
        self, module: Runner, server: FakeOllama, other: dict[str, Any]
    ) -> None:
        server.load("base:latest")
        converges(module, server, ["create", "load"], name="own", from_model="base", parameters=other, state="loaded")

    def test_other_model_that_a_request_loaded_with_another_context(self, module: Runner, server: FakeOllama) -> None:
        server.load("base:latest")
        server.loaded["base:latest"]["context_length"] = 1024
        planned = module(MODULE, server, check_mode=True, name="own", from_model="base", state="loaded")
        assert [action["action"] for action in planned["actions"]] == ["create", "load"]
        assert "warnings" not in planned

    def test_other_model_with_the_default_context(self, module: Runner, server: FakeOllama) -> None:
        server.models["base:latest"]["parameters"] = {}
        server.load("base:latest")
        args = {"name": "own", "from_model": "base", "system": "Be long.", "state": "loaded"}
        assert "base:latest is in memory" in module(MODULE, server, check_mode=True, **args)["warnings"][0]
        refused(module, server, "ollama_same_weights", **args)

    def test_other_model_that_changed_since_it_was_loaded(self, module: Runner, server: FakeOllama) -> None:
        server.load("base:latest")
        server.loaded["base:latest"]["digest"] = "0" * 64
        args = {"name": "own", "from_model": "base", "system": "Be long.", "state": "loaded"}
        assert module(MODULE, server, check_mode=True, **args)["changed"]

    def test_model_that_is_displaced_at_once(self, module: Runner, server: FakeOllama) -> None:
        server.overrides["/api/generate"] = (200, {"done": True})
        refused(module, server, "not_converged", name="base", state="loaded")

    def test_invalid_expiry_of_the_server(self, module: Runner, server: FakeOllama) -> None:
        server.load("base:latest", "tomorrow")
        refused(module, server, "not_ollama", name="base", state="loaded", keep_alive="5m")


class TestAbsent:
    def test_delete(self, module: Runner, server: FakeOllama) -> None:
        done = converges(module, server, ["delete"], name="base", state="absent")
        assert (done["model"], done["diff"]["after"]) == (None, {})
        server.exchanges.clear()
        module(MODULE, server, name="base", state="absent")
        assert len(server.exchanges) == 1

    def test_delete_fails_if_the_model_is_still_listed(self, module: Runner, server: FakeOllama) -> None:
        server.overrides["/api/delete"] = (404, {"error": "model 'base:latest' not found"})
        refused(module, server, "not_converged", name="base", state="absent")


@pytest.mark.parametrize(
    "args",
    [
        {"name": "a b"},
        {"name": ""},
        {"name": "tiny", "parameters": {"num_ctx": 1}},
        {"name": "tiny", "system": "x"},
        {"name": "own", "from_model": "own:latest"},
        {"name": "own", "from_model": "a b"},
        {"name": "own", "from_model": "base", "parameters": {"num_ctx": "many"}},
        {"name": "own", "from_model": "base", "parameters": {"num_ctx": 1.5}},
        {"name": "own", "from_model": "base", "parameters": {"temperature": True}},
        {"name": "own", "from_model": "base", "parameters": {"temperature": [1]}},
        {"name": "own", "from_model": "base", "parameters": {"use_mmap": "perhaps"}},
        {"name": "base", "state": "loaded", "keep_alive": "0"},
        {"name": "base", "state": "loaded", "keep_alive": "0s"},
        {"name": "base", "state": "loaded", "keep_alive": "soon"},
        {"name": "base", "state": "loaded", "keep_alive": "nan"},
        {"name": "base", "keep_alive": "5m"},
        {"name": "base", "wait_timeout": 0},
        {"name": "base", "silence_timeout": -1},
        {"name": "base", "url": "ftp://x"},
    ],
)
def test_invalid_options_are_refused_before_anything_is_sent(
    module: Runner, server: FakeOllama, args: dict[str, Any]
) -> None:
    for check_mode in (True, False):
        refused(module, server, "invalid_input", check_mode=check_mode, **args)
    assert server.exchanges == []


def test_unknown_parameter_is_warned_of(module: Runner, server: FakeOllama) -> None:
    done = converges(module, server, ["create"], name="own", from_model="base", parameters={"num_cxt": 5})
    assert "num_cxt" in done["warnings"][0]


def test_warnings_of_a_failed_task_are_masked(module: Runner, server: FakeOllama) -> None:
    args = {"name": "own", "from_model": "nope", "parameters": {"num_cxt": 5, "first-key-of-all": 1}}
    result = module(MODULE, server, **args, api_key="first-key-of-all")
    assert result["failure"]["code"] == "ollama_model_missing"
    assert "does not know" in str(result["warnings"])
    assert "num_cxt" in str(result["warnings"])
    assert "first-key" not in str(result["warnings"])


def test_keys_are_masked(module: Runner, server: FakeOllama) -> None:
    server.overrides["/api/tags"] = (401, {"error": "wrong key first-key-of-all"})
    result = module(MODULE, server, name="base", api_key="first-key-of-all", headers={"X-Key": "second-key"})
    assert result["failure"]["code"] == "ollama_unauthorized"
    assert "first-key" not in str(result)
    assert "second-key" not in str(result)
