# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role openai_chat on each real server: set up, unchanged, the key changed while it serves, and removed without a trace."""

from __future__ import annotations

import functools
from typing import Any, Callable, NamedTuple

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._values import addition_record
from ansible_collections.searchops.opensearch_ml.tests.integration._load import Load
from ansible_collections.searchops.opensearch_ml.tests.integration._playbook import run_playbook
from ansible_collections.searchops.opensearch_ml.tests.integration._stack import (
    LLAMA_CPP_KEY,
    PRIVATE_IP,
    TRUSTED,
    VLLM,
    VLLM_GATEWAY,
    gateway_keys,
    llama_cpp_keys,
    secret,
)


class Server(NamedTuple):
    """A server of the stack, and the keys that it accepts: none, one, or those between which a run changes."""

    provider: str
    base_url: str
    keys: Callable[[], list[str]] = list


SERVERS = {
    "Ollama": Server("ollama", "http://ollama:11434"),
    "Ollama behind a gateway": Server("openai_compatible", "http://gateway:8080", gateway_keys),
    "llama.cpp": Server("llama_cpp", LLAMA_CPP_KEY, llama_cpp_keys),
    "vLLM": Server("vllm", VLLM, lambda: [secret("VLLM_KEY", "vllm_key")]),
    # A server of vLLM that has its key from VLLM_API_KEY accepts a single one.
    "vLLM behind a gateway": Server("vllm", VLLM_GATEWAY, gateway_keys),
}


@pytest.mark.full_on("3.6.0", but=["vLLM"])
@pytest.mark.full_on("2.19.1-tls")
@pytest.mark.parametrize("server", SERVERS)
def test_the_life_of_a_chat_model(cluster, connection, snapshot, recorder, name, tmp_path, settings_restored, server):
    provider, base_url, keys = SERVERS[server]
    first, *others = keys() or [""]
    play = functools.partial(
        run_playbook,
        tmp_path,
        "openai_chat",
        hidden=list(filter(None, [first, *others])),
        opensearch_connection=connection,
        openai_chat_provider=provider,
        openai_chat_base_url=base_url,
        openai_chat_model="tiny-chat",
        openai_chat_name=name,
        openai_chat_expect_pattern="Rayleigh",
    )
    # As on a new cluster, which trusts no address of the stack.
    cluster.put_settings(dict.fromkeys((TRUSTED, PRIVATE_IP, addition_record.NAME)))
    before = cluster.settings()

    def unchanged(**given: Any) -> None:
        recorder.clear()
        objects = snapshot()
        assert play(**given)[1] == [0]
        assert recorder.writes == []
        assert snapshot() == objects

    text, changed = play(openai_chat_api_key=first)
    assert changed == [3]
    assert "Rayleigh scattering" in text
    assert f"^{base_url}/v1/chat/completions$" in cluster.effective(TRUSTED)
    unchanged(openai_chat_api_key=first)

    model_id = cluster.one("models", name).id
    for key in others:
        with Load(cluster, model_id) as load:
            assert play(openai_chat_api_key=key)[1] == [1]
            load.pass_some()
        assert load.bad == []
        unchanged(openai_chat_api_key=key)

    assert play(openai_chat_state="absent")[1] == [3]
    assert not any(snapshot().values())
    assert cluster.settings() == before
    unchanged(openai_chat_state="absent")
