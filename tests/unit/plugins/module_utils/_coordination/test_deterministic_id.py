# SPDX-License-Identifier: GPL-3.0-or-later
"""Ids that the collection chooses: readable, stable, accepted by the server."""

from __future__ import annotations

import re

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._coordination.deterministic_id import custom_id


class TestCustomId:
    def test_is_readable_and_stable(self) -> None:
        assert custom_id("connector", "Local chat") == "connector_local_chat_8eb495c95dd0b98d"
        assert custom_id("model group", "Größe (2)").startswith("model_group_gr_e_2_")

    @pytest.mark.parametrize("name", ["日本語", "_a", "-", "a" * 256, "a/b?c=../d", "\ud800", "A b" * 50])
    def test_is_accepted_by_the_server(self, name: str) -> None:
        assert re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,99}", custom_id("model group", name))

    def test_differs_by_kind_name_and_discriminator(self) -> None:
        ids = [
            custom_id(*parts)
            for parts in (
                ("model", "Chat"), ("model", "chat"), ("model", "Chat!"), ("model", "Chat", "a"), ("model", "Chat", "b"),
                ("agent", "Chat"), ("model", "日本"), ("model", "本日"),
            )
        ]  # fmt: skip
        assert len(set(ids)) == len(ids)
