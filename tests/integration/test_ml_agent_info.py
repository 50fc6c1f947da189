# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lists of agents on real servers."""

from __future__ import annotations

from ansible_collections.searchops.opensearch_ml.tests.integration._stack import ML

INFO = "ml_agent_info"


def test_by_name_id_and_type(cluster, module, name):
    made = [
        cluster.must("POST", f"{ML}/agents/_register", {"name": name, "type": kind})["agent_id"]
        for kind in ("FLOW", "flow", "conversational_flow")
    ]
    for args, listed in (
        ({"name": name}, made),
        ({"name": name, "type": "flow"}, made[:2]),
        ({"agent_id": made[2]}, made[2:]),
        ({"agent_id": "no-such-agent"}, []),
        ({"name": f"{name} none"}, []),
    ):
        for check in (False, True):
            result = module(INFO, check=check, **args)
            assert [agent["agent_id"] for agent in result["agents"]] == listed
            assert (result["changed"], module.recorder.writes) == (False, [])
    assert set(made) <= {agent["agent_id"] for agent in module(INFO)["agents"]}
