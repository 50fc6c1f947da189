# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The subjects of the fault matrix: what runs while faults are injected, and which objects must exist at the end."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Mapping, NamedTuple

from ansible_collections.searchops.opensearch_ml.tests.faults.processes import Call, ModulesRun, PlaybookRun, Run
from ansible_collections.searchops.opensearch_ml.tests.faults.proxy import TIMEOUT
from ansible_collections.searchops.opensearch_ml.tests.integration._stack import CHAT_BODY, OLLAMA, PRIVATE_IP, TRUSTED

BASE = OLLAMA.removesuffix("/v1/chat/completions")
PATTERN = r"^http://ollama:11434/v1/chat/completions$"

#: Setting of OpenSearch 3.7 and later.
RESTRICTION = "plugins.ml_commons.trusted_connector_private_endpoints_regex"

#: The characters of a header that are escaped in JSON, in URLs or in YAML.
API_KEY = 'cr3d/ent+ial "quoted" \\back &=?%41 #'
PASSWORD = 'p4ss/word+"quoted"\\ &=%:end'
PROXY_KEY = "pr0xy+header/secret=="
USER = "joe"

#: Few retries with short pauses suffice, as only one exchange fails.
RETRIES = 2


def connection(url: str, *, slow: bool) -> dict[str, Any]:
    return {
        "hosts": [url],
        "username": USER,
        "password": PASSWORD,
        "headers": {"X-Proxy": PROXY_KEY},
        "retries": RETRIES,
        "timeout": TIMEOUT if slow else 30,
    }


class Subject(NamedTuple):
    """A sequence of tasks to run. ``start`` begins a run against a URL; with ``slow`` the client has a short timeout."""

    name: str
    means: str
    start: Callable[[str, str, bool, Path], Run]
    #: The endings of the names of the objects by kind; the case's name precedes them.
    objects: Mapping[str, tuple[str, ...]]
    #: The index of the leases does not exist at the start of a case.
    first_use: bool = False


def play_chain(call: Call, name: str, predict_timeout: float) -> None:
    """The modules that the role calls, in its order."""
    messages = [
        {"role": "system", "content": "You are a helpful assistant."},
        {"role": "user", "content": "Why is the sky blue?"},
    ]
    call(
        "opensearch_cluster_setting", settings={TRUSTED: [PATTERN], PRIVATE_IP: True, RESTRICTION: [PATTERN]},
        list_mode="append", only_where_set=[RESTRICTION],
    )  # fmt: skip
    connector = call(
        "ml_connector", name=name, description="Chat on an OpenAI-compatible server", provider="ollama", base_url=BASE,
        model="tiny-chat", api_key=API_KEY, api_path="/v1/chat/completions",
        client_config={"connection_timeout": 10, "read_timeout": 180}, update_credential="when_changed",
        update_strategy="swap", probe={"messages": messages}, wait_timeout=60,
    )  # fmt: skip
    model = call(
        "ml_model", name=name, description="Chat on an OpenAI-compatible server", connector=connector["connector_id"],
        model_group=name, register_deploy="one_step", state="deployed", wait_timeout=60,
    )  # fmt: skip
    call(
        "ml_predict", model=model["model_id"], messages=messages, predict_timeout=predict_timeout, wait_timeout=60,
    )  # fmt: skip


def play_first(call: Call, name: str, **_unused: Any) -> None:
    """A setting and a group: two tasks that write."""
    call("opensearch_cluster_setting", settings={TRUSTED: [PATTERN], PRIVATE_IP: True}, list_mode="append")
    call("ml_model_group", name=name)


def play_stack(call: Call, name: str, description: str | None = None, **_unused: Any) -> None:
    """A setting, a group, two connectors and their models. One item at a time, so that the exchanges have a fixed order."""
    action = {
        "url": OLLAMA,
        "headers": {"Content-Type": "application/json", "Authorization": "Bearer ${credential.key}"},
        "request_body": CHAT_BODY,
    }
    common = {"parameters": {"model": "tiny-chat"}, "actions": [action], "credential": {"key": API_KEY}}
    call(
        "ml_stack", name=name.replace(" ", "-"), parallel=1,
        settings=[{"settings": {TRUSTED: [PATTERN], PRIVATE_IP: True}, "list_mode": "append"}],
        model_groups=[{"name": f"{name} group", "description": description or "A group"}],
        connectors=[
            {"name": f"{name} one", "update_credential": "when_changed", **common},
            {"name": f"{name} two", **common},
        ],
        models=[
            {"name": f"{name} {which}", "connector": f"{name} {which}", "model_group": f"{name} group"}
            for which in ("one", "two")
        ],
    )  # fmt: skip


def play_dedupe(call: Call, name: str) -> None:
    """Keep one object of each name."""
    call("ml_dedupe", name_pattern=f"{name}*", apply=True, trust_credentials=True)


def _modules(play: Callable[..., None]) -> Callable[[str, str, bool, Path], Run]:
    def start(url: str, name: str, slow: bool, output: Path) -> Run:
        timeout = TIMEOUT if slow else 210
        return ModulesRun(play, connection(url, slow=slow), output, name=name, predict_timeout=timeout)

    return start


def _role(url: str, name: str, slow: bool, output: Path) -> Run:
    variables = {
        "opensearch_connection": connection(url, slow=slow),
        "ollama_chat_name": name,
        "ollama_chat_base_url": BASE,
        "ollama_chat_model": "tiny-chat",
        "ollama_chat_api_key": API_KEY,
        "ollama_chat_allow_private": "always",
        "ollama_chat_wait_timeout": 60,
    }
    return PlaybookRun("playbooks/ollama_chat.yml", variables, output)


CHAT = {"connectors": ("",), "models": ("",), "model_groups": ("",)}

FIRST = Subject(
    "first use",
    "a setting and a model group, on a server on which no run has used the lock yet",
    _modules(play_first),
    {"model_groups": ("",)},
    first_use=True,
)
ROLE = Subject("role", "the role `ollama_chat`, run by ansible-playbook", _role, CHAT)
CHAIN = Subject("chain", "the modules of the role `ollama_chat`, called as it calls them", _modules(play_chain), CHAT)
STACK = Subject(
    "stack",
    "`ml_stack` with a setting, a group, two connectors and two models",
    _modules(play_stack),
    {"connectors": (" one", " two"), "models": (" one", " two"), "model_groups": (" group",)},
)
