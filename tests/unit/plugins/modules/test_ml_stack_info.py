# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module ml_stack_info: the parts that its options select."""

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.stacks import apply_chat_stack

Runner = Callable[..., dict[str, Any]]
MODULE = "ml_stack_info"


def test_export_of_one_stack_or_of_some_sections(module: Runner, cluster: FakeCluster) -> None:
    apply_chat_stack(module, cluster)
    cluster.add_connector("Theirs")
    of_stack = module(MODULE, cluster, name="chat")["stack"]
    assert [item["name"] for item in of_stack["connectors"]] == ["A", "B"]
    assert of_stack["settings"] == []
    selected = module(MODULE, cluster, sections=["connectors"], name_pattern="T*")["stack"]
    assert [[item["name"] for item in items] for items in selected.values()] == [["Theirs"]]
