# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Servers that have just started, or that never complete their start."""

from __future__ import annotations

import os
import socket
import subprocess
import time
import uuid

import pytest

from ansible_collections.searchops.opensearch_ml.tests.integration._clusters import connected
from ansible_collections.searchops.opensearch_ml.tests.integration._stack import TRUST, TRUSTED, Cluster, chat

PLAIN = os.environ.get("OPENSEARCH_IMAGE", "searchops-ml/opensearch:3.6.0")
SECURED = os.environ.get("OPENSEARCH_TLS_IMAGE", "searchops-ml/opensearch-tls:2.19.1")
#: The server of the stack with the same certificates and users.
STACK_TLS = os.environ.get("STACK_OPENSEARCH_TLS_CONTAINER", "searchops-ml-opensearch-tls")

#: Seconds within which each task must succeed or fail.
BOUND = 120
#: Retries for the time until the server listens: 15 seconds, or a minute on a busy machine.
RETRIES = 20

INDEX = ".plugins-ml-connector"


def docker(*arguments, **secrets):
    """``secrets`` are passed as environment variables, which no list of processes shows."""
    done = subprocess.run(
        ["docker", *arguments], check=True, capture_output=True, text=True, timeout=90, env={**os.environ, **secrets}
    )
    return done.stdout.strip()


@pytest.fixture
def start():
    """Starts a server with these settings; returns its container and address before it listens."""
    made = []

    def begin(image, settings, *arguments, **secrets):
        name = f"it-{uuid.uuid4().hex[:10]}"
        made.append(name)
        with socket.create_server(("127.0.0.1", 0)) as free:
            address = f"127.0.0.1:{free.getsockname()[1]}"
        given = {
            # With the transport on the loopback address, the checks for production only warn.
            "network.host": "127.0.0.1",
            "http.host": "0.0.0.0",  # noqa: S104 # of the container
            "OPENSEARCH_JAVA_OPTS": "-Xms512m -Xmx512m -XX:TieredStopAtLevel=1",
            "DISABLE_INSTALL_DEMO_CONFIG": "true",
            **settings,
        }
        variables = [f"--env={name}={value}" for name, value in given.items()] + [f"--env={name}" for name in secrets]
        docker(
            "run", "--detach", "--name", name, "--memory", "1500m", "--publish", f"{address}:9200",
            *variables, *arguments, image, **secrets,
        )  # fmt: skip
        return name, address

    yield begin
    for name in made:
        docker("rm", "--force", "--volumes", name)


def plain(start, **settings):
    # The official image has the security plugin.
    container, address = start(PLAIN, {"DISABLE_SECURITY_PLUGIN": "true", **settings})
    return container, Cluster("own", f"http://{address}")


def secured(start, stack, **settings):
    there = stack["2.19.1-tls"]
    secrets = {
        "STACK_ADMIN_PASSWORD": there.admin[1],
        "STACK_PROVISIONER_PASSWORD": there.user[1],
        "STACK_ASKER_PASSWORD": there.users["ml_asker"]["password"],
    }
    container, address = start(SECURED, settings, "--volumes-from", f"{STACK_TLS}:ro", **secrets)
    return container, Cluster("own", f"https://{address}", there.ca, there.admin, there.user)


@pytest.fixture
def run(run_module):
    """Runs a module against a server, and checks that it ends in time."""

    def run_it(cluster, name, /, **args):
        began = time.monotonic()
        result = run_module(name, {**connected(cluster), "_ansible_diff": True, **args})[0]
        assert time.monotonic() - began < BOUND
        return result

    return run_it


def apply(run, cluster):
    """Applies a setting, a connector and a deployed model; returns whether each was changed."""
    steps = (
        ("opensearch_cluster_setting", {"settings": {TRUSTED: TRUST}}),
        ("ml_connector", chat("first")),
        ("ml_model", {"name": "first", "connector": "first", "state": "deployed"}),
    )
    changed = []
    for module, args in steps:
        result = run(cluster, module, retries=RETRIES, **args)
        assert not result.get("failed"), result["msg"]
        changed.append(result["changed"])
    return changed


def has_one_of_each(cluster):
    return [len(cluster.find(kind, {"match_all": {}})) for kind in ("connectors", "models", "model_groups")] == [
        1,
        1,
        1,
    ]


def test_a_secured_server_that_starts(start, stack, run):
    _container, cluster = secured(start, stack)
    assert apply(run, cluster) == [True, True, True]
    assert apply(run, cluster) == [False, False, False]
    assert has_one_of_each(cluster)


@pytest.mark.full
def test_a_server_that_starts_and_restarts(start, run):
    container, cluster = plain(start, **{"discovery.type": "single-node"})
    assert apply(run, cluster) == [True, True, True]

    docker("restart", "--time", "30", container)
    assert apply(run, cluster) == [False, False, False]
    assert has_one_of_each(cluster)

    # Again, without the only shard of the connectors: the index stays red.
    uuid_of_index = cluster.must("GET", f"/{INDEX}/_settings")[INDEX]["settings"]["index"]["uuid"]
    docker("exec", container, "rm", "-r", f"/usr/share/opensearch/data/nodes/0/indices/{uuid_of_index}/0")
    docker("restart", "--time", "30", container)
    failed = run(cluster, "ml_connector", retries=RETRIES, **chat("first"))
    assert failed.get("failed")
    assert (failed["failure"]["code"], failed["failure"]["status"]) == ("shards_unavailable", 503), failed["msg"]
    assert "allocation/explain" in failed["msg"]


@pytest.mark.full
def test_a_security_plugin_that_never_gets_its_configuration(start, stack, run):
    _container, cluster = secured(start, stack, **{"plugins.security.allow_default_init_securityindex": "false"})
    failed = run(cluster, "ml_connector", retries=RETRIES, **chat("first"))
    assert failed.get("failed")
    assert (failed["failure"]["code"], failed["failure"]["status"]) == ("security_starting", 503), failed["msg"]
    assert "securityadmin.sh" in failed["msg"]


@pytest.mark.full
def test_a_node_that_finds_no_cluster_manager(start, run):
    settings = {
        "discovery.seed_hosts": "127.0.0.1:9399",
        "cluster.initial_cluster_manager_nodes": "missing",
        # Otherwise it listens only after 30 seconds.
        "discovery.initial_state_timeout": "0s",
    }
    _container, cluster = plain(start, **settings)
    failed = run(cluster, "ml_connector", retries=RETRIES, **chat("first"))
    assert failed.get("failed")
    assert (failed["failure"]["code"], failed["failure"]["status"]) == ("cluster_starting", 503), failed["msg"]
    assert failed["failure"]["remedy"] in failed["msg"]
