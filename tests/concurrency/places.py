# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The clusters of the rounds, and how the controllers connect to them."""

from __future__ import annotations

import contextlib
from typing import Any, Iterator, NamedTuple

import yaml

from ansible_collections.searchops.opensearch_ml.tests.integration._clusters import (
    plain_server,
    restored,
    secured_server,
    user_with_role,
)
from ansible_collections.searchops.opensearch_ml.tests.integration._lives import ROLES
from ansible_collections.searchops.opensearch_ml.tests.integration._playbook import ROOT
from ansible_collections.searchops.opensearch_ml.tests.integration._stack import Cluster, until

#: The rounds of each subject in a complete run, by the name of the place.
ROUNDS = {"one": 50, "three": 50, "tls": 25}

MEANS = {
    "one": "one node",
    "three": "a cluster of three nodes, over which the controllers are distributed",
    "tls": "one node with the security plugin, over TLS, by a user with the role `ml_provisioner` of "
    "[security_roles.yml](security_roles.yml) and no other",
}


class Place(NamedTuple):
    """``cluster`` has the administrator's rights; ``connection`` has the options of the controllers, without the hosts."""

    cluster: Cluster
    #: The URLs of the nodes that the controllers use.
    urls: list[str]
    connection: dict[str, Any]

    @property
    def version(self) -> str:
        return str(self.cluster.must("GET", "/")["version"]["number"])


@contextlib.contextmanager
def opened(name: str) -> Iterator[Place]:
    """A place. At the end, its settings are restored and the controllers' user is deleted."""
    urls = three_nodes() if name == "three" else None
    cluster = Cluster("3.6.0", urls[0]) if urls else secured_server() if name == "tls" else plain_server()
    until(cluster.answers, f"{cluster.url} to answer", 120.0)
    with contextlib.ExitStack() as stack:
        stack.enter_context(restored(cluster))
        connection: dict[str, Any] = {}
        if cluster.tls:
            user = stack.enter_context(user_with_role(cluster, "it_controller", ROLES["ml_provisioner"]))
            connection = {**user, "ca_path": cluster.ca}
        yield Place(cluster, urls or [cluster.url], connection)


def three_nodes() -> list[str]:
    """The URLs of the cluster of three nodes that `containers/stack up cluster` starts."""
    ports = yaml.safe_load((ROOT / "containers" / "cluster.yml").read_text())["cluster_http_ports"]
    return [f"http://127.0.0.1:{port}" for port in ports]
