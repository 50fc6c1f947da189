# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ml_connector_info against real servers."""

from __future__ import annotations

from ansible_collections.searchops.opensearch_ml.tests.integration import _stack
from ansible_collections.searchops.opensearch_ml.tests.integration._recorder import Recorder
from ansible_collections.searchops.opensearch_ml.tests.integration._stack import Cluster
from ansible_collections.searchops.opensearch_ml.tests.integration.conftest import Modules


def test_by_name_by_id_and_all(cluster: Cluster, module: Modules, recorder: Recorder, name: str) -> None:
    first = cluster.make_connector(name, parameters={"model": "tiny-chat", "host": "ollama"})
    second = cluster.make_connector(name)
    other = cluster.make_connector(
        f"{name} other", url="http://${parameters.host}:11434/x", parameters={"host": "ollama"}
    )

    named = module("ml_connector_info", name=name)["connectors"]
    assert [found["connector_id"] for found in named] == [first, second]
    assert named[0]["urls"] == [_stack.OLLAMA]
    assert "credential" not in named[0]

    by_id = module("ml_connector_info", connector_id=other)["connectors"]
    assert [(found["name"], found["urls"]) for found in by_id] == [(f"{name} other", ["http://ollama:11434/x"])]
    assert {first, second, other} <= {found["connector_id"] for found in module("ml_connector_info")["connectors"]}
    assert module("ml_connector_info", name=f"{name} nobody")["connectors"] == []
    assert module("ml_connector_info", connector_id="nobody")["connectors"] == []
    assert recorder.writes == []


def test_connectors_inside_models(cluster: Cluster, module: Modules, name: str) -> None:
    inline = _stack.connector_body(f"{name} inside")
    body = {"name": name, "function_name": "remote", "connector": inline}
    model_id = cluster.must("POST", f"{_stack.ML}/models/_register", body)["model_id"]

    assert module("ml_connector_info", name=f"{name} inside")["connectors"] == []
    found = module("ml_connector_info", name=f"{name} inside", include_inline=True)["connectors"]
    assert [(one["connector_id"], one["model_id"], one["urls"]) for one in found] == [(None, model_id, [_stack.OLLAMA])]
