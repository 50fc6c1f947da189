# SPDX-License-Identifier: GPL-3.0-or-later
"""Deleting model groups."""

from __future__ import annotations

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds import model_group as groups
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.base import Doc
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import make_run


def test_only_an_empty_group_is_deleted(cluster: FakeCluster) -> None:
    group_id = cluster.add_group("Chats")
    model_id = cluster.add_model("Chat", cluster.add_connector(), state="UNDEPLOYED", model_group_id=group_id)
    run = make_run(cluster)
    assert not groups.delete_if_empty(run, Doc(group_id, {"name": "Chats"}))
    del cluster.models[model_id]
    assert groups.delete_if_empty(run, Doc(group_id, {"name": "Chats"}))
    assert cluster.groups == {}
