# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Model groups on real servers: created, changed, renamed, and deleted unless they have models."""

from __future__ import annotations

import pytest

from ansible_collections.searchops.opensearch_ml.tests.integration._stack import ACCESS_CONTROL

MODULE = "ml_model_group"


@pytest.fixture
def connection(cluster, connection):
    """The administrator's: the user of the other tests may not change groups, and has no role to share."""
    if cluster.admin:
        connection.update(username=cluster.admin[0], password=cluster.admin[1])
    return connection


@pytest.fixture
def access_control(cluster, settings_restored):
    cluster.put_settings({ACCESS_CONTROL: True})


def test_create_change_rename_and_delete(cluster, converges, name):
    made = converges(MODULE, ["create"], name=name, description="One")
    group_id = made["model_group_id"]
    assert cluster.one("model_groups", name).id == group_id
    assert made["model_group"]["access_mode"] == "public"
    converges(MODULE, ["update"], name=name, description="Two")
    converges(MODULE, ["update"], model_group_id=group_id, name=f"{name} renamed", description="Three")
    stored = cluster.get("model_groups", group_id)
    assert (stored["name"], stored["description"]) == (f"{name} renamed", "Three")
    converges(MODULE, [], name=f"{name} renamed")
    converges(MODULE, ["delete"], name=f"{name} renamed", state="absent")
    converges(MODULE, [], model_group_id=group_id, state="absent")


def test_a_renamed_group_is_found_at_once(module, name):
    """Nothing refreshes the index between the tasks, as other tests do by looking at the server."""
    group_id = module(MODULE, name=name)["model_group_id"]
    module(MODULE, model_group_id=group_id, name=f"{name} renamed")
    assert module(MODULE, name=f"{name} renamed", state="absent")["changed"]


def test_a_group_with_models_is_not_deleted(cluster, module, name):
    model = cluster.make_model(name, cluster.make_connector(name))
    group = cluster.one("model_groups", name).id
    for check in (True, False):
        failure = module.refuses("group_in_use", MODULE, check=check, model_group_id=group, state="absent")
        assert failure["details"] == {"ids": [model]}
    cluster.must("DELETE", f"/_plugins/_ml/models/{model}")
    assert module(MODULE, model_group_id=group, state="absent")["changed"]


def test_names_in_use(cluster, module, name):
    first = module(MODULE, name=name)["model_group_id"]
    module(MODULE, name=f"{name} other")
    for check in (True, False):
        module.refuses("group_name_taken", MODULE, check=check, model_group_id=first, name=f"{name} other")
    # The server's own refusal, which a user sees when another controller is faster.
    for method, path in (("POST", "_register"), ("PUT", first)):
        answer = cluster.send(method, f"/_plugins/_ml/model_groups/{path}", {"name": f"{name} other"})
        assert (answer.status_code, "already being used by" in answer.text) == (400, True)


def test_a_description_cannot_be_removed(module, name):
    module(MODULE, name=name, description="One")
    module.refuses("invalid_input", MODULE, name=name, description="")


def test_unknown_ids(module, name):
    module.refuses("unknown_model_group", MODULE, model_group_id="no-such-group", name=name)
    assert not module(MODULE, model_group_id="no-such-group", state="absent")["changed"]


def test_access_without_access_control(cluster, module, name):
    assert module.fails(MODULE, name=name, access_mode="private")["code"] == "access_control_disabled"
    assert cluster.named("model_groups", name) == []


# Access control needs the security plugin.
@pytest.mark.parametrize("cluster", ["2.19.1-tls"], indirect=True)
def test_access(cluster, converges, name, access_control):
    converges(MODULE, ["create"], name=name, backend_roles=["b", "a"])
    stored = cluster.one("model_groups", name).source
    assert (stored["access"], sorted(stored["backend_roles"])) == ("restricted", ["a", "b"])
    converges(MODULE, ["update"], name=name, backend_roles=["a"])
    converges(MODULE, ["update"], name=name, access_mode="public")
    assert cluster.one("model_groups", name).source["access"] == "public"
    converges(MODULE, ["update"], name=name, access_mode="restricted", backend_roles=["c"])
    converges(MODULE, ["update"], name=name, access_mode="private")
