# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Helpers for tests that use two servers: connect to each, and restore its settings."""

from __future__ import annotations

import contextlib
from typing import Any, Iterator

from ansible_collections.searchops.opensearch_ml.tests.integration._stack import Cluster


@contextlib.contextmanager
def restored(cluster: Cluster) -> Iterator[None]:
    """Restore the settings of the cluster at the end."""
    before = cluster.settings()
    yield
    after = cluster.settings()
    back = {
        scope: {
            name: before[scope].get(name)
            for name in {*before[scope], *after[scope]}
            if before[scope].get(name) != after[scope].get(name)
        }
        for scope in ("persistent", "transient")
    }
    if any(back.values()):
        cluster.put_settings(back["persistent"], back["transient"])
    assert cluster.settings() == before


def connected(cluster: Cluster) -> dict[str, Any]:
    """The connection options of a server without its recorder."""
    options: dict[str, Any] = {"hosts": [cluster.url]}
    if cluster.tls:
        assert cluster.user
        options.update(username=cluster.user[0], password=cluster.user[1], ca_path=cluster.ca)
    return options
