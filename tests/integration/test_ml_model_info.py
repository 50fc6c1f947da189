# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lists of models on real servers, in pages, including orphans."""

from __future__ import annotations

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http import client as http_client
from ansible_collections.searchops.opensearch_ml.tests.integration._stack import ML, connector_body

INFO = "ml_model_info"


def test_a_model_is_listed_as_the_module_returned_it(cluster, module, name):
    cluster.make_connector(name)
    made = module("ml_model", name=name, connector=name, description="One")
    for args in ({"name": name}, {"model_id": made["model_id"]}):
        for check in (False, True):
            result = module(INFO, check=check, **args)
            assert (result["changed"], module.recorder.writes) == (False, [])
            (entry,) = result["models"]
            assert (entry["connector_name"], entry["model_group_name"], entry["missing"]) == (name, name, [])
            assert {field: entry[field] for field in made["model"]} == made["model"]


def test_filters(cluster, module, name):
    first, second = (cluster.make_connector(f"{name} {which}") for which in ("first", "second"))
    group = module("ml_model_group", name=f"{name} shelf")["model_group_id"]
    one = cluster.make_model(f"{name} one", first, model_group_id=group)
    two = cluster.make_model(f"{name} two", second)
    body = {"name": f"{name} inline", "function_name": "remote", "connector": connector_body(f"{name} inside")}
    inline = cluster.must("POST", f"{ML}/models/_register", body)["model_id"]

    def listed(**args):
        return [entry["model_id"] for entry in module(INFO, name_pattern=f"{name}*", **args)["models"]]

    assert listed() == [one, two, inline]
    assert listed(model_group=f"{name} shelf") == listed(model_group=group) == [one]
    assert listed(connector=f"{name} second") == listed(connector=second) == [two]
    assert listed(states=["REGISTERED"]) == [one, two, inline]
    assert listed(states=["DEPLOYED"]) == listed(orphans=True) == []


def test_orphans(cluster, module, name):
    """The server does not delete connectors and groups in use, but accepts any connector id in an update of a model."""
    model = cluster.make_model(name, cluster.make_connector(name))
    cluster.must("PUT", f"{ML}/models/{model}", {"connector_id": "no-such-connector"})
    (entry,) = module(INFO, name=name, orphans=True)["models"]
    assert (entry["model_id"], entry["missing"], entry["connector_name"]) == (model, ["connector"], None)


@pytest.mark.parametrize("size", [1, 3, 7])
def test_pages(cluster, module, name, monkeypatch, size):
    """Small pages give the same list as a large one, and one request suffices if the page is not full."""
    ids = {cluster.make_connector(f"{name} {number}") for number in range(7)}
    everything = module("ml_connector_info")["connectors"]
    assert len(module.recorder.requests) == 1
    monkeypatch.setattr(http_client, "PAGE_SIZE", size)
    paged = module("ml_connector_info")["connectors"]
    assert len(module.recorder.requests) == len(everything) // size + 1
    assert paged == everything
    assert ids <= {entry["connector_id"] for entry in paged}
