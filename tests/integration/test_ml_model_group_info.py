# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Listing model groups of real servers."""

from __future__ import annotations

INFO = "ml_model_group_info"


def test_what_the_module_made_is_told_as_it_told_it(module, name):
    made = module("ml_model_group", name=name, description="One")
    for args in ({"name": name}, {"model_group_id": made["model_group_id"]}, {"name_pattern": f"{name}*"}):
        for check in (False, True):
            told = module(INFO, check=check, **args)
            assert (told["changed"], module.recorder.writes) == (False, [])
            assert told["model_groups"] == [made["model_group"]]


def test_users(cluster, module, name):
    model = cluster.make_model(name, cluster.make_connector(name))
    module("ml_model_group", name=f"{name} empty")
    told = module(INFO, name_pattern=f"{name}*", include_used_by=True)["model_groups"]
    assert {group["name"]: group["used_by"] for group in told} == {name: [model], f"{name} empty": []}
    told = module(INFO, name_pattern=f"{name}*", unused=True)["model_groups"]
    assert [group["name"] for group in told] == [f"{name} empty"]
