# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lists of model groups on real servers."""

from __future__ import annotations

INFO = "ml_model_group_info"


def test_a_group_is_listed_as_the_module_returned_it(module, name):
    made = module("ml_model_group", name=name, description="One")
    for args in ({"name": name}, {"model_group_id": made["model_group_id"]}, {"name_pattern": f"{name}*"}):
        for check in (False, True):
            result = module(INFO, check=check, **args)
            assert (result["changed"], module.recorder.writes) == (False, [])
            assert result["model_groups"] == [made["model_group"]]


def test_users(cluster, module, name):
    model = cluster.make_model(name, cluster.make_connector(name))
    module("ml_model_group", name=f"{name} empty")
    groups = module(INFO, name_pattern=f"{name}*", include_used_by=True)["model_groups"]
    assert {group["name"]: group["used_by"] for group in groups} == {name: [model], f"{name} empty": []}
    groups = module(INFO, name_pattern=f"{name}*", unused=True)["model_groups"]
    assert [group["name"] for group in groups] == [f"{name} empty"]
