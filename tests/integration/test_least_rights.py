# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The roles for users: each allows what the table in docs/security.md says, and each of its permissions is needed.

The users of the stack have these roles: the stack mounts the file with the roles into its server.
"""

from __future__ import annotations

import importlib
import re
from fnmatch import fnmatchcase

import pytest
import requests
import yaml

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._runtime import lease
from ansible_collections.searchops.opensearch_ml.tests.integration import _lives
from ansible_collections.searchops.opensearch_ml.tests.integration._clusters import SECURITY, put_role, user_with_role
from ansible_collections.searchops.opensearch_ml.tests.integration._lives import LATER_LIVES, LIVES, PING, ROLES, ROOT
from ansible_collections.searchops.opensearch_ml.tests.integration._playbook import run_playbook
from ansible_collections.searchops.opensearch_ml.tests.integration._stack import chat, index_of

on_the_secured = pytest.mark.parametrize("cluster", ["2.19.1-tls"], indirect=True)

DOCUMENT = (ROOT / "docs/security.md").read_text()
PLUGINS = "ansible_collections.searchops.opensearch_ml.plugins.action"

#: 2.19 cannot change agents; the name is from the published source of 3.1 and later.
NOT_ON_THIS_VERSION = {"cluster:admin/opensearch/ml/agents/update"}

#: The modules that the server of these tests is too old for. They need no permissions that no other one needs.
NEED_3 = {"ml_tool_call_check"}

#: All sequences, also those that the server does not know.
ALL_LIVES = (*LIVES, *LATER_LIVES)

#: Without this permission check mode may plan a change that the server refuses.
NODES_INFO = "cluster:monitor/nodes/info"

#: Without this permission an index cannot be given default values of its mappings.
FIELD_MAPPINGS = "indices:admin/mappings/fields/get*"

PROVISIONER, ASKER = ROLES["ml_provisioner"], ROLES["ml_asker"]

#: The rights on the index of the lock, and the other permissions on indexes.
ON_THE_LOCK = next(
    each["allowed_actions"] for each in PROVISIONER["index_permissions"] if each["index_patterns"] == [lease.INDEX]
)
ON_INDEXES = [each for each in PROVISIONER["index_permissions"] if each["index_patterns"] != [lease.INDEX]]
CREATE_INDEX, DELETE_DOCUMENT = "indices:admin/create", "indices:data/write/delete"


def table() -> dict[tuple[str, str], dict[str, bool]]:
    """The table of the document: (module, state) -> role -> whether the role may do it."""
    section = DOCUMENT[DOCUMENT.index("## Who may do what") :]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    head, _rule, *rows = [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines]
    read = {
        (row[0], row[1]): {role: {"yes": True, "no": False}[cell] for role, cell in zip(head[2:], row[2:])}
        for row in rows
    }
    assert len(read) == len(rows), "a row stands there twice"
    return read


@pytest.fixture(scope="module")
def grant(stack):
    """Gives the user a role without one permission; returns the user's connection options."""
    cluster = stack["2.19.1-tls"]
    with user_with_role(cluster, "it_least", PROVISIONER) as options:

        def give(without, role=PROVISIONER, on_the_lock=ON_THE_LOCK):
            data = [
                {**each, "allowed_actions": [one for one in each["allowed_actions"] if one != without]}
                for each in role.get("index_permissions", [])
                if each["index_patterns"] != [lease.INDEX]
            ]
            if role is PROVISIONER:
                data.append({"index_patterns": [lease.INDEX], "allowed_actions": list(on_the_lock)})
            permissions = [each for each in role["cluster_permissions"] if each != without]
            put_role(cluster, "it_least", {"cluster_permissions": permissions, "index_permissions": data})
            return options

        yield give


#: The sequences of which each run of the tests checks that each permission is needed.
SAMPLE = (_lives.setting_life, _lives.connector_life)


@on_the_secured
@pytest.mark.parametrize(
    "life",
    [
        pytest.param(life, marks=[] if life in SAMPLE else pytest.mark.full)
        for life in LIVES
        if any(step.needs for step in life("x"))
    ],
)
def test_each_write_permission_is_needed_and_all_suffice(cluster, module, name, grant, settings_restored, life):
    with _lives.prepared(cluster, name, life):
        for step in life(name):
            for permission in step.needs:
                refused(module.fails(step.module, **step.args, **grant(permission)), permission)
            module(step.module, **step.args)


@on_the_secured
def test_each_read_permission_is_needed_and_all_suffice(cluster, module, name, grant):
    cluster.make_model(name, cluster.make_connector(name), deploy=True)
    question = {"model": name, "messages": PING}
    for permission in ASKER["cluster_permissions"]:
        refused(module.fails("ml_predict", **question, **grant(permission, ASKER)), permission)
    assert module("ml_predict", **question, **grant(None, ASKER))["content"] == "Pong."


def refused(failure, permission):
    assert failure["code"] == "forbidden", failure
    assert fnmatchcase(failure["details"]["permission"].replace("[", "("), permission.replace("[", "("))
    assert failure["details"]["permission"] in failure["remedy"]


@pytest.fixture
def no_lock(cluster):
    """There is no index of the lock, before and after the test."""
    cluster.send("DELETE", f"/{lease.INDEX}")
    yield
    cluster.send("DELETE", f"/{lease.INDEX}")


def lock_warnings(result):
    return [warning for warning in result.get("warnings", []) if "lock" in warning]


@on_the_secured
@pytest.mark.parametrize("missing", ON_THE_LOCK)
@pytest.mark.usefixtures("no_lock")
def test_each_right_on_the_lock_is_needed(cluster, module, name, grant, missing):
    """Without the right to delete the task locks, without one of the others it does not."""
    user = grant(None, on_the_lock=[each for each in ON_THE_LOCK if each != missing])
    if missing != CREATE_INDEX:
        cluster.must("PUT", f"/{lease.INDEX}", lease.INDEX_BODY)
    if missing == DELETE_DOCUMENT:
        result = module("ml_connector", **chat(name), lock="required", **user)
        [warning] = lock_warnings(result)
        assert warning.startswith("The lock of the cluster could not be released, so others wait up to 30 s for it: ")
        assert cluster.must("GET", lease.DOCUMENT)["found"]
    else:
        failure = module.fails("ml_connector", **chat(name), lock="required", **user)
        assert failure["code"] == "lease_unavailable"
        assert fnmatchcase(
            re.search(r"no permissions for \[([^]\[]+)", failure["message"])[1], missing.replace("[", "(")
        )
        assert not cluster.named("connectors", name)
        result = module("ml_connector", **chat(name), **user)
        [warning] = lock_warnings(result)
        assert warning.startswith("This task writes without a lock, so no other controller must write now: ")
    assert result["changed"]
    assert cluster.one("connectors", name)


@on_the_secured
@pytest.mark.parametrize("exists", [False, True])
@pytest.mark.usefixtures("no_lock")
def test_the_rights_on_the_lock_suffice(cluster, module, name, grant, exists):
    if exists:
        cluster.must("PUT", f"/{lease.INDEX}", lease.INDEX_BODY)
    rights = [each for each in ON_THE_LOCK if not exists or each != CREATE_INDEX]
    user = grant(None, on_the_lock=rights)
    for description in ("One", "Two"):
        result = module("ml_connector", **chat(name, description=description), lock="required", **user)
        assert (result["changed"], lock_warnings(result)) == (True, [])
    assert cluster.send("GET", lease.DOCUMENT).status_code == 404
    settings = cluster.must("GET", f"/{lease.INDEX}/_settings")[lease.INDEX]["settings"]["index"]
    assert (settings["hidden"], settings["number_of_shards"]) == ("true", "1")


@on_the_secured
@pytest.mark.parametrize("life", LIVES)
def test_the_table_of_roles(cluster, module, name, snapshot, settings_restored, life):
    seen, written = {}, table()
    with _lives.prepared(cluster, name, life):
        for step in life(name):
            row = seen[step.module, step.what] = {}
            # The roles with fewer rights come first, while the step still has something to do.
            for role in sorted(ROLES):
                denied = not written[step.module, step.what][role]
                before = (snapshot(), cluster.settings()) if denied else None
                result = module.run(step.module, **step.args, **cluster.users[role])
                row[role] = not result.get("failed")
                if denied:
                    assert result["failure"]["code"] == "forbidden", (step, role, result)
                    assert (snapshot(), cluster.settings()) == before, (step, role)
    assert seen == {row: written[row] for row in seen}


#: Requests that no module sends and that no role may allow.
BEYOND = [
    ("GET", "/.plugins-ml-connector/_search"),
    ("GET", "/.plugins-ml-config/_search"),
    ("PUT", "/.plugins-ml-connector/_doc/x"),
    ("DELETE", "/.plugins-ml-model"),
    ("GET", "/.opendistro_security/_search"),
    ("GET", f"{SECURITY}/internalusers"),
    ("PUT", f"{SECURITY}/roles/it_more"),
    ("DELETE", f"/{lease.INDEX}"),
    ("GET", f"/{lease.INDEX}/_search"),
    ("GET", "/_cat/indices"),
    ("GET", "/_search"),
    ("PUT", "/_snapshot/it"),
    ("DELETE", "/*"),
]


@on_the_secured
@pytest.mark.parametrize("role", ROLES)
def test_other_requests_are_denied(cluster, name, role):
    cluster.make_model(name, cluster.make_connector(name))
    user = tuple(cluster.users[role].values())
    for method, path in BEYOND:
        body = None if method == "DELETE" else {"type": "fs"} if "snapshot" in path else {}
        answer = requests.request(method, cluster.url + path, json=body, auth=user, verify=cluster.ca, timeout=30)
        assert answer.status_code == 403, f"{method} {path}: {answer.status_code} {answer.text}"
        assert cluster.one("models", name)


@on_the_secured
def test_the_play_in_the_document_creates_the_roles(cluster, tmp_path):
    roles = {f"it_{name}": role for name, role in ROLES.items()}
    (tmp_path / "roles.yml").write_text(yaml.safe_dump({"_meta": {"type": "roles"}, **roles}))
    (tmp_path / "play.yml").write_text(re.search(r"```yaml\n(.*?)```", DOCUMENT, re.DOTALL)[1])
    admin, password = cluster.admin
    try:
        run_playbook(
            tmp_path, f"{tmp_path}/play", hidden=[password], roles_file=f"{tmp_path}/roles.yml", cluster_url=cluster.url,
            cluster_ca_path=cluster.ca, cluster_admin=admin, cluster_admin_password=password,
        )  # fmt: skip
        for name, role in roles.items():
            made = cluster.must("GET", f"{SECURITY}/roles/{name}")[name]
            assert made["cluster_permissions"] == role["cluster_permissions"]
            assert [each["allowed_actions"] for each in made["index_permissions"]] == [
                each["allowed_actions"] for each in role.get("index_permissions", [])
            ]
            assert cluster.must("GET", f"{SECURITY}/rolesmapping/{name}")[name]["users"] == [name]
    finally:
        for name in roles:
            for kind in ("rolesmapping", "roles"):
                cluster.send("DELETE", f"{SECURITY}/{kind}/{name}")


def test_the_table_has_each_state_of_each_module():
    """Except for the Ollama modules: Ollama has no roles."""
    steps = [(step.module, step.what) for life in ALL_LIVES for step in life("x")]
    assert set(steps) == set(table())
    modules = {path.stem for path in ROOT.glob("plugins/modules/*.py") if not path.stem.startswith("ollama_")}
    assert {module for module, _what in steps} == modules - NEED_3
    modules -= NEED_3
    for module in modules:
        options = importlib.import_module(f"{PLUGINS}.{module}").ActionModule.MODULE.spec
        # The "state" of an info module is what it lists.
        states = [] if module.endswith("_info") else options.get("state", {}).get("choices", [])
        assert set(states) <= {what.split(":")[0] for each, what in steps if each == module}, module


@on_the_secured
def test_checks_that_need_an_optional_permission(module, name, grant):
    unknown = {"name": name, "type": "ingest", "definition": {"processors": [{"no_such_processor": {}}]}}
    assert module("opensearch_pipeline", check=True, **unknown, **grant(NODES_INFO))["changed"]
    assert module.fails("opensearch_pipeline", check=True, **unknown)["code"] == "unknown_processor"


@on_the_secured
def test_defaults_of_mappings_need_an_optional_permission(module, name, grant):
    index = {
        "name": index_of(name),
        "definition": {"mappings": {"properties": {"text": {"type": "text", "index": True}}}},
    }
    failure = module.fails("opensearch_index", **index, **grant(FIELD_MAPPINGS))
    assert (failure["code"], "indices:admin/mappings/fields/get" in failure["message"]) == ("not_converged", True)
    assert not module("opensearch_index", **index, **grant(None))["changed"]


def test_each_listed_permission_is_tested():
    tried = [permission for life in ALL_LIVES for step in life("x") for permission in step.needs]
    listed = PROVISIONER["cluster_permissions"] + [each for data in ON_INDEXES for each in data["allowed_actions"]]
    assert sorted(listed) == sorted({*tried, NODES_INFO, FIELD_MAPPINGS, *NOT_ON_THIS_VERSION})
