# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What one task does on a cluster: its client, its writes, its journal. Check mode lives here and nowhere else."""

from __future__ import annotations

from typing import Any, Callable, TypeVar

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._client import Client
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._waiter import Clock

Done = TypeVar("Done")


class Run:
    """Journal of one task. ``actions`` lists what was done, or in check mode would be done, in order."""

    def __init__(self, client: Client, *, check_mode: bool) -> None:
        self.client = client
        self.check_mode = check_mode
        self.actions: list[dict[str, Any]] = []
        self.warnings: list[str] = []

    @property
    def clock(self) -> Clock:
        return self.client.clock

    @property
    def changed(self) -> bool:
        return bool(self.actions)

    def act(self, action: str, kind: str, name: str, do: Callable[[], Done], **facts: Any) -> Done | None:
        """Do one write and note it; in check mode only note it and return None. Noted only when it succeeded."""
        done = None if self.check_mode else do()
        self.actions.append({"action": action, "kind": kind, "name": name, **facts})
        return done

    def warn(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)
