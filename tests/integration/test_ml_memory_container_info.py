# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The list of memory containers of real servers."""

from __future__ import annotations

from ansible_collections.searchops.opensearch_ml.tests.integration._stack import ML, index_of

INFO = "ml_memory_container_info"


def test_the_selection(cluster, module, name):
    if not cluster.is_3:
        module.refuses("unsupported_version", INFO)
        return
    body = {"name": name, "configuration": {"index_prefix": index_of(name)}}
    object_id = cluster.must("POST", f"{ML}/memory_containers/_create", body)["memory_container_id"]
    for args in ({"name": name}, {"name_pattern": f"{name}*"}, {"memory_container_id": object_id}):
        (found,) = module(INFO, **args)["memory_containers"]
        assert (found["memory_container_id"], found["name"]) == (object_id, name)
        assert found["configuration"]["index_prefix"] == index_of(name)
    assert module(INFO, name=f"{name} none")["memory_containers"] == []
    assert module(INFO, memory_container_id="none")["memory_containers"] == []
