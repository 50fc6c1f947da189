# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Helpers for tests that use two servers: connect to each, create a user, and restore its settings."""

from __future__ import annotations

import contextlib
import os
import secrets
from typing import Any, Iterator, Mapping

from ansible_collections.searchops.opensearch_ml.tests.integration._stack import Cluster, cache, secret

SECURITY = "/_plugins/_security/api"


def plain_server() -> Cluster:
    """The server of the stack without the security plugin."""
    return Cluster("3.6.0", os.environ.get("STACK_OPENSEARCH_URL", "http://127.0.0.1:19200"))


def secured_server() -> Cluster:
    """The server of the stack with the security plugin and TLS."""
    return Cluster(
        "2.19.1-tls",
        os.environ.get("STACK_OPENSEARCH_TLS_URL", "https://127.0.0.1:19201"),
        str(cache() / "tls" / "ca.pem"),
        ("admin", secret("OPENSEARCH_TLS_ADMIN_PASSWORD", "admin_password")),
        ("ml_provisioner", secret("OPENSEARCH_TLS_PROVISIONER_PASSWORD", "provisioner_password")),
        ("ml_asker", secret("OPENSEARCH_TLS_ASKER_PASSWORD", "asker_password")),
    )


@contextlib.contextmanager
def user_with_role(cluster: Cluster, user: str, role: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """A user with the permissions of one role and no other; returns the user's connection options."""
    password = secrets.token_urlsafe(16) + "-Aa1"
    cluster.must("PUT", f"{SECURITY}/internalusers/{user}", {"password": password})
    put_role(cluster, user, role)
    cluster.must("PUT", f"{SECURITY}/rolesmapping/{user}", {"users": [user]})
    try:
        yield {"username": user, "password": password}
    finally:
        for kind in ("rolesmapping", "roles", "internalusers"):
            cluster.must("DELETE", f"{SECURITY}/{kind}/{user}")


def put_role(cluster: Cluster, name: str, role: Mapping[str, Any]) -> None:
    """Create or replace a role that has the permissions of the given one."""
    permissions = {"index_permissions": [], **{key: role[key] for key in role if key.endswith("_permissions")}}
    cluster.must("PUT", f"{SECURITY}/roles/{name}", permissions)


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
