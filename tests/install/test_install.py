# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection as users install it, from git and from its archive, with nothing but ansible-core and requests.

The session ``install`` of noxfile.py starts the servers and runs this.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Callable

import pytest
import yaml

from ansible_collections.searchops.opensearch_ml.tests.unit.support import guides

ROOT = Path(__file__).resolve().parents[2]
SERVER = os.environ.get("STACK_OPENSEARCH_URL", "http://127.0.0.1:19200")

Run = Callable[..., str]


def call(*command: Any, cwd: Path, **environment: str) -> str:
    """The output of a command in an environment without the settings of this repository."""
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        env={"LC_ALL": "C.UTF-8", "NO_COLOR": "1", "HOME": str(cwd), "no_proxy": "127.0.0.1", **environment},
        timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a bare environment."""
    venv = tmp_path_factory.mktemp("user") / "venv"
    subprocess.run(
        ["uv", "sync", "--frozen", "--quiet", "--no-default-groups", "--group=user"],
        cwd=ROOT, check=True, env={**os.environ, "UV_PROJECT_ENVIRONMENT": str(venv)},
    )  # fmt: skip
    return venv / "bin"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository as its next commit would have it."""
    target = tmp_path_factory.mktemp("git") / "opensearch_ml"
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name, follow_symlinks=False)
    identity = {"GIT_AUTHOR_NAME": "x", "GIT_AUTHOR_EMAIL": "x", "GIT_COMMITTER_NAME": "x", "GIT_COMMITTER_EMAIL": "x"}
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "x"]):
        call("git", *command, cwd=target, PATH=os.environ["PATH"], **identity)
    return target


@pytest.fixture(scope="module", params=["git", "archive"])
def run(request: pytest.FixtureRequest, programs: Path, source: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs a program where the collection was installed."""
    place = tmp_path_factory.mktemp(request.param)

    def program(name: str, *arguments: Any, **environment: str) -> str:
        path = f"{programs}:{os.environ['PATH']}"
        return call(
            programs / name, *arguments, cwd=place, PATH=path, ANSIBLE_COLLECTIONS_PATH=str(place), **environment
        )

    if request.param == "git":
        address = f"git+file://{source}"
    else:
        program("ansible-galaxy", "collection", "build", source, "--output-path", place)
        [address] = map(str, place.glob("searchops-opensearch_ml-*.tar.gz"))
    program("ansible-galaxy", "collection", "install", address, "--collections-path", place)
    return program


def test_a_requirements_file(programs: Path, source: Path, tmp_path: Path) -> None:
    """As the guide to upgrades shows it, with a tag as the version."""
    [block] = [block for block in guides.blocks("docs/guides/upgrading.md") if block.file == "requirements.yml"]
    version = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["version"]
    call("git", "tag", "--force", version, cwd=source, PATH=os.environ["PATH"])
    (tmp_path / "requirements.yml").write_text(re.sub(r"https://\S+", f"file://{source}", block.text))
    path = {"PATH": f"{programs}:{os.environ['PATH']}"}
    galaxy = programs / "ansible-galaxy"
    call(galaxy, "collection", "install", "-r", "requirements.yml", "--upgrade", cwd=tmp_path, **path)
    listed = call(galaxy, "collection", "list", "searchops.opensearch_ml", cwd=tmp_path, **path)
    assert re.search(rf"searchops\.opensearch_ml +{re.escape(version)}", listed)


def test_nothing_else_is_installed(programs: Path) -> None:
    installed = {path.name.partition("-")[0] for path in programs.parent.glob("lib/*/site-packages/*.dist-info")}
    assert {"ansible_core", "requests"} <= installed
    assert not {"distlib", "botocore"} & installed


def test_a_module(run: Run) -> None:
    module = "searchops.opensearch_ml.opensearch_cluster_setting_info"
    output = run("ansible", "localhost", "-m", module, OPENSEARCH_HOSTS=SERVER)
    assert "localhost | SUCCESS" in output
    assert '"settings"' in output


def test_every_module_is_documented(run: Run) -> None:
    listed = run("ansible-doc", "--type", "module", "--list", "searchops.opensearch_ml")
    modules = {f"searchops.opensearch_ml.{path.stem}" for path in (ROOT / "plugins/modules").glob("[!_]*.py")}
    assert modules
    assert modules == set(re.findall(r"^(searchops\.\S+)", listed, re.MULTILINE))


def test_every_playbook_is_found(run: Run) -> None:
    playbooks = [f"searchops.opensearch_ml.{path.stem}" for path in (ROOT / "playbooks").glob("*.yml")]
    assert playbooks
    run("ansible-playbook", "-i", "localhost,", "--syntax-check", *playbooks)


def test_a_playbook(run: Run) -> None:
    def chat(*more: str) -> str:
        options = (
            "ollama_chat_base_url=http://ollama:11434",
            "ollama_chat_model=tiny-chat",
            "ollama_chat_name=Installed",
        )
        variables = [word for option in (*options, *more) for word in ("-e", option)]
        return run(
            "ansible-playbook", "-i", "localhost,", "searchops.opensearch_ml.ollama_chat", *variables,
            OPENSEARCH_HOSTS=SERVER,
        )  # fmt: skip

    try:
        assert "The sky is blue" in chat()
        assert re.search(r"changed=0 +unreachable=0 +failed=0", chat())
    finally:
        removed = chat("ollama_chat_state=absent")
    assert re.search(r"changed=[1-9]", removed)
