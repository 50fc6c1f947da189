# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible.parsing.dataloader import DataLoader

from ansible_collections.searchops.opensearch_ml.plugins.plugin_utils.plain import plain


def test_what_ansible_read_becomes_plain() -> None:
    """Texts that Ansible read have tags, or a class of their own."""
    read = DataLoader().load('{name: Chat, client_config: {read_timeout: 5}, skills: [rag], description: ""}')
    converted = plain(read)
    assert converted == {"name": "Chat", "client_config": {"read_timeout": 5}, "skills": ["rag"], "description": ""}
    texts = [*converted, converted["name"], *converted["skills"], converted["description"]]
    assert {type(text) for text in texts} == {str}
    assert {type(value) for value in (converted, converted["client_config"])} == {dict}


def test_what_json_cannot_carry_is_an_error() -> None:
    with pytest.raises((TypeError, ValueError)):
        plain({"name": {"a", object()}})
