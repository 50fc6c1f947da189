# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Models on a real Ollama: created from a file and from another model, pulled from a registry, loaded and deleted.

The tests send no broken file: it makes Ollama 0.17.4 panic, which ends all its models.
"""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path

import pytest
import requests

from ansible_collections.searchops.opensearch_ml.tests.integration._recorder import Recorder
from ansible_collections.searchops.opensearch_ml.tests.integration._registry import URL, Registry, digest_of
from ansible_collections.searchops.opensearch_ml.tests.integration.conftest import WAYS

GGUF = Path(__file__).parents[2] / "containers/ollama/tiny-chat.gguf"
MODULE = "ollama_model"
READING = ("/api/show",)


@pytest.fixture(scope="module")
def recorder():
    recorder = Recorder(URL, None, None)
    yield recorder
    recorder.close()


@pytest.fixture(scope="module")
def registry():
    registry = Registry()
    yield registry
    registry.close()


def tags():
    return {model["name"]: model for model in requests.get(f"{URL}/api/tags", timeout=30).json()["models"]}


@pytest.fixture
def name(recorder):
    unique = f"it-{uuid.uuid4().hex[:10]}"
    recorder.clear()
    yield unique
    for found in tags():
        if unique in found:
            requests.post(f"{URL}/api/generate", json={"model": found, "keep_alive": 0}, timeout=60)
            requests.delete(f"{URL}/api/delete", json={"model": found}, timeout=30)


@pytest.fixture
def ollama(run_module, recorder):
    def run(check=False, module=MODULE, url=None, **args):
        recorder.clear()
        given = {"url": url or recorder.url, "retries": 0, **args, "_ansible_check_mode": check, "_ansible_diff": True}
        return run_module(module, given)[0]

    return run


def writes(recorder):
    return [write for write in recorder.writes if not write.endswith(READING)]


@pytest.fixture
def converges(ollama, recorder):
    def run(actions, same_diff=True, **args):
        before = tags()
        planned = ollama(check=True, **args)
        assert [action["action"] for action in planned["actions"]] == actions, planned
        assert (writes(recorder), tags()) == ([], before)
        applied = ollama(**args)
        assert [action["action"] for action in applied["actions"]] == actions, applied
        assert applied["changed"] is bool(actions)
        assert not same_diff or applied["diff"] == planned["diff"]
        after = tags()
        for check in (False, True):
            again = ollama(check=check, **args)
            assert (again["changed"], again["actions"], writes(recorder)) == (False, [], []), again
            assert again["diff"]["before"] == again["diff"]["after"]
        assert tags() == after
        return applied

    return run


@pytest.fixture
def fails(ollama):
    def run(code, **args):
        result = ollama(**args)
        assert result.get("failed"), result
        assert result["failure"]["code"] == code, result["msg"]
        return result

    return run


@pytest.mark.parametrize("run_as", WAYS, indirect=True)
def test_a_model_from_a_file_and_a_model_from_that(converges, ollama, name, tmp_path):
    # A file that the server does not have yet: the same model with some extra bytes.
    file = tmp_path / "model.gguf"
    shutil.copy(GGUF, file)
    with file.open("ab") as end:
        end.write(name.encode())
    given = {"name": name, "from_file": str(file)}
    parameters = {"num_ctx": "256", "temperature": 0.5, "stop": ['a\n"b', "é"], "use_mmap": False}
    done = converges(["upload", "create"], **given, parameters=parameters, template="<|user|> {{ .Prompt }}<|answer|>")
    assert done["model"]["digest"] == tags()[f"{name}:latest"]["digest"]
    assert done["model"]["weights"] == [digest_of(file.read_bytes())]
    assert done["model"]["parameters"] == {**parameters, "num_ctx": 256}
    converges(["update"], **given, parameters={"num_ctx": 256}, system="Be short.")
    converges(["update"], **given, parameters={"num_ctx": 128}, license="Mine")

    of_it = {"name": f"{name}-two:v1", "from_model": name, "license": "Ours\nand theirs"}
    done = converges(["create"], **of_it, parameters={"seed": 7, "top_p": 1e-7})
    assert done["model"]["parameters"] == {"num_ctx": 128, "seed": 7, "top_p": 1e-7}
    assert done["model"]["license"] == "Mine\nOurs\nand theirs"
    converges(["update"], **of_it, parameters={"seed": 7})
    # A change of the base model changes it as well.
    ollama(**given, parameters={"num_ctx": 64})
    assert converges(["update"], **of_it, parameters={"seed": 7})["model"]["parameters"]["num_ctx"] == 64

    listed = {model["name"]: model for model in ollama(module="ollama_model_info")["models"]}
    assert listed[f"{name}-two:v1"]["license"] == "Ours\nand theirs"
    for each in (f"{name}-two:v1", name):
        converges(["delete"], name=each, state="absent")
    assert not [found for found in tags() if name in found]


@pytest.fixture
def memory(stack_lock):
    """Reserve the server's memory for this test: requests of other tests would unload the model."""
    with stack_lock.alone():
        yield


@pytest.mark.usefixtures("memory")
def test_loaded(converges, ollama, name):
    # Of models with the same weights and context Ollama keeps one in memory, under the name that was loaded first.
    given = {"name": name, "from_model": "tiny-chat", "parameters": {"num_ctx": 192}}
    done = converges(["create", "load"], **given, state="loaded", keep_alive="10m")
    assert done["running"]["context_length"] == 192
    converges(["load"], **given, state="loaded", keep_alive="-1")
    converges([], **given, state="loaded")
    converges(["load"], **given, state="loaded", keep_alive="600")
    # After it is created again, the memory still has the old one.
    converges(["update", "load"], **{**given, "parameters": {"num_ctx": 128}}, state="loaded", keep_alive="600")
    (entry,) = ollama(module="ollama_model_info", name=name, running=True)["models"]
    assert entry["running"]["context_length"] == 128
    # If only the system message differs, the server would continue to use the old model in memory.
    given["parameters"] = {"num_ctx": 128}
    converges(["update", "load"], **given, system="Be short.", state="loaded", keep_alive="600")
    converges(["unload", "delete"], name=name, state="absent")
    assert name not in requests.get(f"{URL}/api/ps", timeout=30).text


@pytest.mark.usefixtures("memory")
def test_loaded_while_another_with_the_same_weights_is_in_memory(converges, ollama, fails, name):
    assert not ollama(name="tiny-chat", state="loaded", keep_alive="10m").get("failed")
    given = {"name": name, "from_model": "tiny-chat", "state": "loaded", "system": "Be short."}
    # In check mode, in a real run, and when the model exists.
    for check in (True, False, True):
        result = fails("ollama_same_weights", check=check, **given, template="{{ .Prompt }}")
        assert "tiny-chat:latest is in memory" in result["failure"]["message"]
    converges(["update", "load"], **given, parameters={"num_ctx": 160})


def test_a_pull(converges, ollama, fails, registry, name):
    model = registry.offer(name, GGUF.read_bytes() + name.encode(), {"num_ctx": 256})
    # Without 'insecure' Ollama uses TLS for the registry.
    fails("ollama_registry_plain_http", name=model)
    given = {"name": model, "insecure": True}
    done = converges(["pull"], same_diff=False, **given)
    assert done["progress"]["bytes"] > 900_000
    assert done["model"]["parameters"] == {"num_ctx": 256}
    first = done["model"]["digest"]
    assert not ollama(**given, update="latest")["changed"]

    registry.offer(name, GGUF.read_bytes() + name.encode(), {"num_ctx": 128})
    assert not ollama(**given)["changed"]
    assert "check mode" in str(ollama(check=True, **given, update="latest")["warnings"])
    done = ollama(**given, update="latest")
    assert (done["changed"], done["diff"]["before"]["digest"]) == (True, first)
    assert done["diff"]["after"]["digest"] == tags()[f"{model}:latest"]["digest"] != first
    assert not ollama(**given, update="latest")["changed"]
    converges(["delete"], name=model, state="absent")


def test_the_next_run_completes_a_failed_pull(converges, ollama, registry, name):
    model = registry.offer(name, GGUF.read_bytes() + name.encode(), {"num_ctx": 256})
    registry.cut = 1000
    # Without the recorder, which would continue to read.
    result = ollama(name=model, insecure=True, wait_timeout=3, url=URL)
    assert result["failure"]["code"] == "wait_timeout", result["msg"]
    assert f"{model}:latest" not in tags()
    registry.cut = None
    converges(["pull"], same_diff=False, name=model, insecure=True)


def test_what_the_server_refuses(fails, ollama, registry, recorder, name, tmp_path):
    result = fails("ollama_unknown_model", name=f"{registry.address}/library/{name}", insecure=True)
    # The answer begins with success, and a later line of the stream contains the error.
    assert [request.status for request in recorder.requests if request.path == "/api/pull"] == [200]
    assert result["failure"]["status"] == 200
    assert "after 'pulling manifest': pull model manifest: file does not exist" in result["msg"]
    assert (result["changed"], result["actions"]) == (False, [])
    fails("ollama_model_missing", name=name, from_model=f"{name}-base")
    assert writes(recorder) == []
    fails("ollama_invalid_template", name=name, from_file=str(GGUF), template="{{ if }}")
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(GGUF.read_bytes()[:500_000])
    fails("ollama_invalid_file", name=name, from_file=str(cut))
    assert writes(recorder) == []
    fails("ollama_unreachable", name=name, url="http://127.0.0.1:1")
    fails("not_ollama", name=name, url=f"http://127.0.0.1:{registry.address.rsplit(':', 1)[1]}")
    assert not [found for found in tags() if name in found]
