# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs of ansible-playbook with all modules at full verbosity: no secret is printed, logged or left in a file.

The servers are doubles that repeat all that they are sent, which no real server does. The tests search the output and all files
that Ansible leaves: its log, temporary directories, fact cache, retry files, and the files of ansible-core's callbacks.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Iterable, Iterator

import pytest

from ansible_collections.searchops.opensearch_ml.tests.unit.support.operations import BODY, URL
from ansible_collections.searchops.opensearch_ml.tests.unit.support.samples import SAMPLES, server_for

pytestmark = pytest.mark.without_the_stack

ROOT = Path(__file__).parents[2]

#: Each begins with a unique word that no encoding changes, and ends with characters that each encoding changes.
WORDS = {
    "password": "Qz7hXw2LkV9s", "proxy": "Rb4nTy8JmC1d", "key": "Gf6pMu3WeZ5a", "literal": "Hk9vSd1XoB7q", "ollama": "Lw2cNr5YtJ8e",
    "backend": "Vx3gPa6ZiK4u",
}  # fmt: skip
SECRETS = {name: f'{word}/+"\\ö&<= %' if name not in ("proxy", "literal", "ollama") else f'{word}/+"\\&<= %41' for name, word in WORDS.items()}  # fmt: skip

#: Paths below which the server repeats all that it is sent: in an error, or in the address of a redirect.
ECHOES = ("/echo400", "/echo500", "/echo302")


def forms(word: str) -> set[str]:
    """The word in plain text, JSON, YAML, XML and URLs, in hexadecimal digits, and in base64 at any offset."""
    found = {word, word.encode().hex()}
    for before in range(3):
        encoded = base64.b64encode(b"x" * before + word.encode()).decode()
        # Without the characters that depend on the text before and after it.
        found.add(encoded[(0, 2, 3)[before] : len(encoded) // 4 * 4 - 4])
    return found


def leaks(content: bytes, where: str) -> list[str]:
    text = content.decode("utf-8", "replace")
    return [f"{name} as {form} in {where}" for name, word in WORDS.items() for form in forms(word) if form in text]


@contextlib.contextmanager
def serving() -> Iterator[str]:
    """A cluster and an Ollama behind one port, and below some paths a server that repeats all that it is sent."""
    cluster, ollama = server_for("ml_model"), server_for("ollama_model")
    one_at_a_time = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def answer(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            prefix = f"/{self.path.split('/')[1]}"
            if prefix in ECHOES:
                echo = "; ".join(f"{name}: {value}" for name, value in self.headers.items())
                error = {"error": {"type": "x", "reason": f"source[{content.decode()}] headers[{echo}]"}, "status": 400}
                location = {"Location": f"http://127.0.0.1/?{echo}"} if prefix == "/echo302" else {}
                self.reply(int(prefix[-3:]), json.dumps(error).encode(), location)
                return
            double = ollama if self.path.startswith("/api/") else cluster
            with one_at_a_time:
                try:
                    if self.path in ("/api/pull", "/api/create"):
                        raw = double.stream(self.command, self.path, {}, content, 5.0)
                        self.reply(raw.status, b"".join(raw.chunks), raw.headers)
                    else:
                        raw = double.send(self.command, self.path, {}, content or None, 5.0)
                        self.reply(raw.status, raw.content, raw.headers)
                except AssertionError:
                    self.reply(400, b'{"error": {"type": "x", "reason": "not known here"}, "status": 400}', {})

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = answer

        def reply(self, status: int, content: bytes, headers: Any) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def options_of(module: str, base: str) -> dict[str, Any]:
    """The sample options of the module with every secret that it accepts, as variables."""
    patience = {"timeout": 5, "retries": 0}
    if module.startswith("ollama_"):
        return {**SAMPLES[module], "url": f"{{{{ server }}}}{base}", "api_key": "{{ secrets.ollama }}", **patience}
    options = {
        **SAMPLES[module],
        "hosts": [f"{{{{ server }}}}{base}"],
        "username": "joe",
        "password": "{{ secrets.password }}",
        "headers": {"X-Proxy": "{{ secrets.proxy }}"},
        **patience,
    }
    if module == "ml_connector":
        headers = {"Authorization": "Bearer ${credential.key}", "X-Api-Key": "{{ secrets.literal }}"}
        options["name"] = "With a key"
        options["actions"] = [{"url": URL, "request_body": BODY, "headers": headers}]
        options["credential"] = {"key": "{{ secrets.key }}"}
    if module == "ml_stack":
        action = {"url": URL, "request_body": BODY, "headers": {"X-Api-Key": "${credential.key}"}}
        connector = {"name": "Of a stack", "credential": {"key": "{{ secrets.backend }}"}, "actions": [action]}
        options["connectors"] = [connector]
    return options


class Runs:
    """Runs plays in a separate folder, and searches it for secrets."""

    def __init__(self, folder: Path) -> None:
        self.inputs, self.left = folder / "inputs", folder / "left"
        for each in (self.inputs, self.left / "home", self.left / "tmp"):
            each.mkdir(parents=True)
        (self.inputs / "hosts").write_text("somewhere ansible_connection=local\n", encoding="utf-8")
        self.result: subprocess.CompletedProcess[bytes]

    def __call__(
        self, tasks: list[dict[str, Any]], server: str, callback: str, form: str, *, in_process: bool, **more: str
    ) -> list[str]:
        """Run a play; returns the secrets found in its output and files."""
        variables = {
            "server": server, "secrets": SECRETS, "left": str(self.left), "opensearch_ml_in_process": in_process,
            "ansible_python_interpreter": sys.executable,
        }  # fmt: skip
        play = {"hosts": "all", "gather_facts": False, "tasks": tasks}
        (self.inputs / "variables.json").write_text(json.dumps(variables), encoding="utf-8")
        (self.inputs / "play.yml").write_text(json.dumps([play]), encoding="utf-8")
        left = str(self.left)
        self.result = subprocess.run(
            [str(Path(sys.executable).parent / "ansible-playbook"), "-vvvv", "--diff", "-i", str(self.inputs / "hosts"),
             "-e", f"@{self.inputs / 'variables.json'}", str(self.inputs / "play.yml")],
            cwd=self.left, capture_output=True, timeout=240, stdin=subprocess.DEVNULL, check=False,
            env={
                **os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "HOME": f"{left}/home", "TMPDIR": f"{left}/tmp",
                "ANSIBLE_HOME": f"{left}/home/.ansible", "ANSIBLE_LOCAL_TEMP": f"{left}/local", "ANSIBLE_REMOTE_TEMP": f"{left}/remote",
                "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "dev/collections"), "ANSIBLE_LOG_PATH": f"{left}/log", "ANSIBLE_NOCOLOR": "1",
                "ANSIBLE_CACHE_PLUGIN": "jsonfile", "ANSIBLE_CACHE_PLUGIN_CONNECTION": f"{left}/facts",
                "ANSIBLE_RETRY_FILES_ENABLED": "1", "ANSIBLE_RETRY_FILES_SAVE_PATH": f"{left}/retry",
                "ANSIBLE_STDOUT_CALLBACK": callback, "ANSIBLE_CALLBACK_RESULT_FORMAT": form,
                "ANSIBLE_CALLBACKS_ENABLED": "ansible.builtin.junit,ansible.builtin.tree", "JUNIT_OUTPUT_DIR": f"{left}/junit",
                "ANSIBLE_CALLBACK_TREE_DIR": f"{left}/tree", **more,
            },
        )  # fmt: skip
        found = leaks(self.result.stdout, "stdout") + leaks(self.result.stderr, "stderr")
        for path in self.left.rglob("*"):
            found += leaks(os.fsencode(path), "a name")
            if path.is_file():
                found += leaks(path.read_bytes(), str(path.relative_to(self.left)))
        return found


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path)


def every_one(modules: Iterable[str], bases: tuple[str, ...], check_modes: tuple[bool, ...]) -> list[dict[str, Any]]:
    """Each module against each server. The results go into the fact cache."""
    tasks: list[dict[str, Any]] = []
    for base in ("", *bases):
        for module in modules:
            for check_mode in check_modes:
                tasks.append(
                    {
                        f"searchops.opensearch_ml.{module}": options_of(module, base),
                        "name": f"{module} {base} {check_mode}",
                        "check_mode": check_mode,
                        "ignore_errors": True,
                        "register": f"result_{len(tasks)}",
                    }
                )
    kept = "{{ [" + ", ".join(f"result_{number}" for number in range(len(tasks))) + "] }}"
    tasks.append({"ansible.builtin.set_fact": {"results": kept, "cacheable": True}})
    tasks.append(
        {"searchops.opensearch_ml.ml_connector": options_of("ml_connector", ECHOES[0]), "name": "The last one"}
    )
    return tasks


EVERY = tuple(SAMPLES)

#: The modules with secrets of their own, and one of each other kind: a module in a separate process takes a second.
SOME = ("ml_connector", "ml_stack", "ml_connector_info", "ml_predict", "opensearch_cluster_setting", "ollama_model")

#: All output formats of ansible-core. The first two replace the callbacks 'json' and 'yaml' of other collections.
OUTPUTS = [
    ("default", "json", True, EVERY, ECHOES, (True, False)),
    ("default", "yaml", True, SOME, ECHOES[:1], (False,)),
    ("minimal", "json", True, SOME, ECHOES[:1], (False,)),
    ("oneline", "json", True, SOME, ECHOES[:1], (False,)),
    ("default", "json", False, SOME, ECHOES[:1], (False,)),
    pytest.param("default", "yaml", True, EVERY, ECHOES, (True, False), marks=pytest.mark.full),
    pytest.param("minimal", "json", True, EVERY, ECHOES[:1], (False,), marks=pytest.mark.full),
    pytest.param("oneline", "json", True, EVERY, ECHOES[:1], (False,), marks=pytest.mark.full),
]


@pytest.mark.parametrize(
    ("callback", "form", "in_process", "modules", "bases", "check_modes"),
    OUTPUTS,
    ids=lambda value: str(value) if isinstance(value, (str, bool)) else "",
)
def test_a_run_of_all_modules(
    runs: Runs,
    callback: str,
    form: str,
    in_process: bool,
    modules: tuple[str, ...],
    bases: tuple[str, ...],
    check_modes: tuple[bool, ...],
) -> None:
    with serving() as server:
        found = runs(every_one(modules, bases, check_modes), server, callback, form, in_process=in_process)
    text = runs.result.stdout.decode()
    assert found == []
    # The search covered what it should: the server repeated all, secrets were masked, and each kind of file was written.
    assert runs.result.returncode == 2, text[-3000:]
    assert "source[" in text
    assert "********" in text
    for kind in ("log", "facts/*", "junit/*.xml", "tree/somewhere", "retry/play.retry"):
        assert [path for path in runs.left.glob(kind) if path.stat().st_size], kind
    kept = next(runs.left.glob("facts/*")).read_text(encoding="utf-8")
    assert kept.count("failure") >= len(modules) * len(bases)
    assert ("runs in the controller's process" in text) is in_process


#: The ways in which a secret can leak, each as a task.
PLANTED: dict[str, dict[str, Any]] = {
    "in the output": {"ansible.builtin.debug": {"msg": "{{ secrets.password }}"}},
    "in the output, encoded": {"ansible.builtin.debug": {"msg": "{{ ('joe:' ~ secrets.password) | b64encode }}"}},
    "in a diff": {"ansible.builtin.copy": {"content": "{{ secrets.key }}\n", "dest": "{{ left }}/a"}, "check_mode": True},
    "in a file": {
        "ansible.builtin.copy": {"content": "{{ secrets.key | b64encode }}", "dest": "{{ left }}/a"}, "no_log": True, "diff": False,
    },
    "in the fact cache": {"ansible.builtin.set_fact": {"kept": "{{ secrets.proxy }}", "cacheable": True}, "no_log": True},
    "in the tests' report": {"ansible.builtin.assert": {"that": "false", "fail_msg": "{{ secrets.literal | to_json }}"}},
}  # fmt: skip


@pytest.mark.parametrize("way", PLANTED)
def test_a_planted_leak_is_found(runs: Runs, way: str) -> None:
    found = runs([PLANTED[way]], "http://127.0.0.1:9", "default", "json", in_process=True)
    assert found
    in_files = [each for each in found if not each.endswith(("stdout", "stderr", "in log"))]
    assert bool(in_files) or way in ("in the output", "in the output, encoded", "in a diff")
    if way in ("in a file", "in the fact cache"):
        assert not [each for each in found if each.endswith(("stdout", "stderr"))]


def test_a_collection_that_does_not_mask_is_found(runs: Runs) -> None:
    """The same run as above, without the masking."""
    plugins = runs.inputs / "callbacks"
    plugins.mkdir()
    (plugins / "unmask.py").write_text(
        "from ansible.plugins.callback import CallbackBase\n"
        "from ansible_collections.searchops.opensearch_ml.plugins.module_utils._values.masking import Masker\n"
        "Masker.add = lambda self, *secrets: None\n"
        "class CallbackModule(CallbackBase):\n"
        "    CALLBACK_VERSION, CALLBACK_TYPE, CALLBACK_NAME = 2.0, 'notification', 'unmask'\n",
        encoding="utf-8",
    )
    tasks = [{"searchops.opensearch_ml.ml_connector": options_of("ml_connector", "/echo400")}]
    with serving() as server:
        found = runs(tasks, server, "default", "json", in_process=True, ANSIBLE_CALLBACK_PLUGINS=str(plugins))
        assert {"stdout", "log"} <= {each.rpartition(" in ")[2] for each in found}
        assert [each for each in found if "junit" in each]
        assert runs(tasks, server, "default", "json", in_process=True) != []
