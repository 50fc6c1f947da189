# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the examples of the documentation in one ansible-playbook process.

Each document is a play on an inventory host of its own, so that no variable of one document is defined in another one. Each task
of the collection runs twice. A callback plugin reports the results to the test process, which prepares the cluster before each play.
"""

from __future__ import annotations

import contextlib
import copy
import json
import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Callable, Collection, Iterable, Iterator, Mapping, Sequence

from ansible_collections.searchops.opensearch_ml.tests.integration import _stack
from ansible_collections.searchops.opensearch_ml.tests.integration._stack import ML, Cluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.examples import (
    OURS,
    PARTS,
    Document,
    load,
    module_of,
    options_of,
    role_of,
    tasks_of,
)
from ansible_collections.searchops.opensearch_ml.tests.unit.support.guides import ROOT

CALLBACKS = Path(__file__).parent / "callback"

#: Called before the play of each document with its host.
Before = Callable[[str], None]


class Played:
    """What the examples did. ``done`` has the examples with a result; ``problems`` says what is wrong, a line for each."""

    def __init__(self, may_fail: Iterable[str], always_change: Iterable[str]) -> None:
        self.may_fail = set(may_fail)
        self.always_change = set(always_change)
        self.done: set[str] = set()
        self.changed: dict[str, bool] = {}
        self.problems: list[str] = []

    def take(self, event: Mapping[str, Any]) -> None:
        """Judge the result of a task. The second run of an example must not change anything."""
        example, again = event["example"], event["run"] == 2
        place = f"{example} ({event['task']}{', second run' if again else ''})"
        if event["status"] == "failed" and example in self.may_fail:
            self.done.add(example)
        elif event["status"] == "failed":
            self.problems.append(f"{place} fails: {event['message']}")
        elif event["status"] == "ok":
            self.done.add(example)
            if again and event["changed"] and example not in self.always_change:
                self.problems.append(f"{place} changes something again: {event['message']}")
            if not again:
                self.changed[example] = self.changed.get(example, False) or event["changed"]


def key_of(document: Document, task: Mapping[str, Any]) -> str:
    return f"{document.place}: {task['name']}"


def plays_of(document: Document, text: str, left_out: Collection[str], fragment: list[Any]) -> list[dict[str, Any]]:
    """The plays that run a document without the tasks ``left_out``; ``fragment`` are tasks for one with only defaults."""
    content = load(text)
    if isinstance(content, dict) and "module_defaults" in content:
        plays = [{**content, "tasks": copy.deepcopy(fragment)}]
    elif isinstance(content, dict):
        role = {"name": f"Apply {document.place}", "ansible.builtin.include_role": {"name": f"{OURS}stack"}}
        plays = [{"tasks": [{**role, "vars": content}]}]
    else:
        plays = content if "hosts" in content[0] else [{"tasks": content}]
    return [_play(document, play, left_out) for play in plays]


def _play(document: Document, play: dict[str, Any], left_out: Collection[str]) -> dict[str, Any]:
    hosts = play.get("hosts", "localhost")
    steps = list(_steps(document, play["tasks"], left_out))
    # A failed task must not end the playbook. The callback has reported it.
    block = {"name": "Run the examples", "block": steps, "rescue": [{"ansible.builtin.meta": "noop"}]}
    return {
        "gather_facts": False,
        **play,
        "name": document.host,
        "hosts": document.host if hosts == "localhost" else hosts,
        "tasks": [block] if steps else [],
    }


def _steps(document: Document, tasks: Sequence[dict[str, Any]], left_out: Collection[str]) -> Iterator[dict[str, Any]]:
    """The tasks with marks for the callback, those of the collection twice."""
    for task in tasks:
        if set(task) & set(PARTS):
            parts = {part: list(_steps(document, task[part], left_out)) for part in PARTS if part in task}
            yield {name: value for name, value in {**task, **parts}.items() if value}
            continue
        key = key_of(document, task)
        for run in (1, 2) if module_of(task) or role_of(task) else (1,):
            if key not in left_out:
                yield {**task, "vars": {**task.get("vars", {}), "_example": key, "_run": run}}


def play(
    plays: Sequence[Mapping[str, Any]],
    folder: Path,
    before: Before,
    defaults: Mapping[str, Any],
    variables: Mapping[str, Any],
    environment: Mapping[str, str],
    may_fail: Iterable[str] = (),
    always_change: Iterable[str] = (),
) -> Played:
    """Run the plays in one process. ``defaults`` are module defaults of each play, ``may_fail`` examples with a rescue,
    ``always_change`` those that declare no state."""
    played = Played(may_fail, always_change)
    merged = [{**each, "module_defaults": {**defaults, **each.get("module_defaults", {})}} for each in plays]
    hosts = {str(each["hosts"]) for each in plays} - {"opensearch_clusters"}
    inventory = {
        "all": {
            "hosts": {host: {} for host in hosts},
            "vars": {
                "ansible_connection": "local",
                "ansible_python_interpreter": "{{ ansible_playbook_python }}",
                **variables,
            },
            "children": {"opensearch_clusters": {"hosts": {"berlin": {}}}},
        }
    }
    (folder / "inventory.json").write_text(json.dumps(inventory))
    (folder / "examples.json").write_text(json.dumps(merged))
    program = str(Path(sys.executable).parent / "ansible-playbook")
    with _listening(before, played) as url:
        done = subprocess.run(
            [program, "-i", "inventory.json", "examples.json"],
            cwd=folder, capture_output=True, text=True, timeout=900, stdin=subprocess.DEVNULL, check=False,
            env={
                **os.environ,
                "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
                "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "dev/collections"),
                "ANSIBLE_CALLBACK_PLUGINS": str(CALLBACKS),
                "ANSIBLE_CALLBACKS_ENABLED": "to_the_test",
                "ANSIBLE_NOCOLOR": "1",
                "TO_THE_TEST": url,
                **environment,
            },
        )  # fmt: skip
    (folder / "output.txt").write_text(done.stdout + done.stderr)
    if "to_the_test" in done.stderr or not re.search("^PLAY RECAP", done.stdout, re.MULTILINE):
        played.problems.append(f"the run did not reach its end:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    return played


@contextlib.contextmanager
def _listening(before: Before, played: Played) -> Iterator[str]:
    """The URL to which the callback plugin posts; it waits until the answer."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            try:
                if "play" in event:
                    before(event["play"])
                elif event["example"]:
                    played.take(event)
            except Exception as exc:  # the test reports it, not this thread
                played.problems.append(f"{event}: {exc!r}")
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Keep the log out of the tests' output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


#: The kinds that modules create by name, and the options that refer to them.
CREATES = {
    "ml_connector": "connector",
    "ml_model": "model",
    "ml_agent": "agent",
    "ml_memory_container": "memory_container",
    "ml_model_group": "model_group",
    "opensearch_index": "index",
    "opensearch_pipeline": "pipeline",
}
REFERS = ("connector", "model", "agent", "index", "pipeline")
#: Options named as in REFERS that are something else there.
NO_REFERENCES = ("ml_connector", "ml_stack")


def needs_of(content: Any) -> tuple[list[tuple[str, str]], set[tuple[str, str]]]:
    """The (kind, name) of the objects that must exist before the examples, and of all that they name."""
    needed: list[tuple[str, str]] = []
    created: set[tuple[str, str]] = set()

    def need(kind: str, name: str) -> None:
        if (kind, name) not in created and (kind, name) not in needed:
            needed.append((kind, name))

    for task in tasks_of(content):
        module, options = module_of(task), options_of(task)
        for kind in REFERS if module not in NO_REFERENCES else ():
            if isinstance(options.get(kind), str):
                need(kind, options[kind])
        text = json.dumps(options)
        for name in re.findall(r"\$\{model:([^}]+)\}", text):
            need("model", name)
        if isinstance(options.get("llm"), dict):
            need("model", options["llm"]["model_id"])
        if isinstance(options.get("configuration"), dict) and "llm_id" in options["configuration"]:
            need("model", options["configuration"]["llm_id"])
        kind, name = CREATES.get(module, ""), options.get("name", "")
        if not kind or not name:
            continue
        if options.get("state") in ("absent", "undeployed"):
            need(kind, name)
        else:
            created.add((kind, name))
    return needed, {*needed, *created, *_in_declarations(content)}


def _in_declarations(content: Any) -> Iterator[tuple[str, str]]:
    """The objects of stacks and roles, and the groups of models."""
    tasks = list(tasks_of(content))
    for values in [content, *(value for task in tasks for value in (options_of(task), task.get("vars", {})))]:
        for option, value in values.items() if isinstance(values, dict) else ():
            if option.endswith(("connectors", "models")) and isinstance(value, list):
                yield from (("model", each["name"]) for each in value)
            elif option.endswith("_chat_name") or option in ("model_group", "agent_name", "rag_name"):
                yield "model", value


class Objects:
    """Creates the objects that examples refer to, by plain REST, and deletes all that the examples have created."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self._connectors: dict[str, str] = {}
        self._models: dict[str, str] = {}
        self._named: set[tuple[str, str]] = set()

    def prepare(self, needed: Sequence[tuple[str, str]], named: set[tuple[str, str]]) -> None:
        self.remove()
        self._named |= named
        for kind, name in needed:
            self.make(kind, name)

    def make(self, kind: str, name: str) -> None:
        self._named.add((kind, name))
        getattr(self, f"_make_{kind}")(name)

    def remove(self) -> None:
        for name in sorted({name for kind, name in self._named if kind != "index"}):
            self.cluster.remove(name)
        for kind, name in self._named:
            if kind == "index":
                self.cluster.send("DELETE", f"/{name}")
        for made in (self._connectors, self._models, self._named):
            made.clear()

    def _make_connector(self, name: str) -> str:
        if name not in self._connectors:
            self._named.add(("connector", name))
            self._connectors[name] = self.cluster.make_connector(name)
        return self._connectors[name]

    def _make_model(self, name: str) -> str:
        if name not in self._models:
            self._named.add(("model", name))
            self._models[name] = self.cluster.make_model(name, self._make_connector(name), deploy=True)
            # A model that has answered has statistics.
            assert self.cluster.predict(self._models[name]).status_code == 200
        return self._models[name]

    def _make_agent(self, name: str) -> None:
        """An agent that asks a model and remembers the conversation."""
        parameters = {
            "model_id": self._make_model(name),
            "messages": '[{"role": "user", "content": "${parameters.question}"}]',
            "response_filter": "$.choices[0].message.content",
        }
        body = {
            "name": name,
            "type": "conversational_flow",
            "app_type": "rag",
            "memory": {"type": "conversation_index"},
            "tools": [{"type": "MLModelTool", "name": "chat", "parameters": parameters}],
        }
        self.cluster.must("POST", f"{ML}/agents/_register", body)

    def _make_two_connectors(self, name: str) -> None:
        """Two connectors of one name."""
        _stack.two_of_one_name(self.cluster, "connectors", lambda: self.cluster.make_connector(name))

    def _make_guarded_connector(self, name: str) -> None:
        """A connector with a key."""
        headers = {"Authorization": "Bearer ${credential.api_key}"}
        self.cluster.make_connector(name, credential={"api_key": "unknown"}, headers=headers)

    def _make_model_group(self, name: str) -> None:
        self.cluster.must("POST", f"{ML}/model_groups/_register", {"name": name})

    def _make_index(self, name: str) -> None:
        self.cluster.must("PUT", f"/{name}")
        self.cluster.must(
            "PUT", f"/{name}/_doc/key?refresh=true", {"text": "The key of the office hangs behind the door."}
        )

    def _make_pipeline(self, name: str) -> None:
        """A search pipeline that lets a chat model answer."""
        processor = {
            "model_id": self._make_model(name),
            "context_field_list": ["text"],
            "system_prompt": "You are a helpful assistant.",
        }
        self.cluster.must(
            "PUT", f"/_search/pipeline/{name}", {"response_processors": [{"retrieval_augmented_generation": processor}]}
        )
