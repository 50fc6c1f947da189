# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.plugin_utils import planned_objects

BERLIN, BERN = ["http://berlin:9200"], ["http://bern:9200"]


@pytest.fixture(autouse=True)
def _folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(planned_objects, "_path", lambda: str(tmp_path / "planned"))


def action(action: str, name: str) -> dict[str, str]:
    return {"action": action, "kind": "connector", "name": name}


def test_what_a_task_would_create_is_known_to_the_next_one() -> None:
    assert planned_objects.read(BERLIN) == set()
    planned_objects.add(BERLIN, [action("create", "a"), action("update", "b"), action("delete", "c")])
    planned_objects.add(BERLIN, [action("create", "d")])
    assert planned_objects.read(BERLIN) == {("connector", "a"), ("connector", "d")}


def test_another_cluster_does_not_have_it() -> None:
    planned_objects.add(BERLIN, [action("create", "a")])
    assert planned_objects.read(BERN) == set()
