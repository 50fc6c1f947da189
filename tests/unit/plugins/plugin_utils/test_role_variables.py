# SPDX-License-Identifier: GPL-3.0-or-later
"""Which options a message names, so that the variables of a role that set them follow."""

from __future__ import annotations

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.plugin_utils import role_variables

NAMES = {"tools": "agent_tools", "memory": "agent_memory"}


@pytest.mark.parametrize(
    ("message", "named"),
    [
        ("tools: must not be empty", "'tools' by agent_tools"),
        ("Set 'tools: []'", "'tools' by agent_tools"),
        ("tools[0]: unknown option", "'tools' by agent_tools"),
        ("missing required arguments: type found in tools", "'tools' by agent_tools"),
        ("missing required arguments: x found in memory -> tools", "'memory' by agent_memory"),
        ("memory.size. Supported parameters include: type.", "'memory' by agent_memory"),
        ("agent.memory needs OpenSearch 3.5; this cluster has 2.19", "'memory' by agent_memory"),
        ("The agent has no tools", ""),
    ],
)
def test_explained(message: str, named: str) -> None:
    assert role_variables.explained(message, NAMES) == (f" This role sets {named}." if named else "")
