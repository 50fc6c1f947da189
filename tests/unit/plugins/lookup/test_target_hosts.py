# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts a playbook addresses."""

from __future__ import annotations

from typing import Any

import pytest
from ansible import constants, context
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible.utils.display import Display

from ansible_collections.searchops.opensearch_ml.plugins.lookup.target_hosts import LookupModule


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    shown: list[str] = []
    monkeypatch.setattr(Display, "warning", lambda self, msg, *args, **kwargs: shown.append(msg))
    return shown


def targets(groups: dict[str, list[str]] | None = None, **variables: Any) -> list[str]:
    everywhere = {"all": sorted({host for hosts in (groups or {}).values() for host in hosts}), **(groups or {})}
    variables["groups"] = everywhere
    loader = DataLoader()
    lookup = LookupModule(loader=loader, templar=Templar(loader=loader, variables=variables))
    return [str(each) for each in lookup.run([], variables=variables)]


GROUPS = {"opensearch_clusters": ["berlin", "paris"], "web": ["www"], "spare": []}


def test_without_an_inventory_it_is_this_machine(warnings: list[str]) -> None:
    assert targets() == ["localhost"]
    assert targets({"ungrouped": ["localhost"], "opensearch_clusters": []}) == ["localhost"]
    assert warnings == []


def test_with_the_group_it_is_the_group(warnings: list[str]) -> None:
    assert targets(GROUPS) == ["opensearch_clusters"]
    assert targets(GROUPS, ansible_limit="paris") == ["opensearch_clusters"]
    assert warnings == []


@pytest.mark.parametrize("variables", [{}, {"opensearch_targets": "localhost"}])
def test_a_limit_that_excludes_all_targets_is_reported(warnings: list[str], variables: dict[str, Any]) -> None:
    """Ansible skips the play and reports success. That is right if the limit is meant for another play of the same run."""
    [target] = targets(GROUPS, ansible_limit="www", **variables)
    [warning] = warnings
    assert warning.startswith(f"The play addresses {target}, of which '--limit www' excludes all hosts.")


def test_inventories_without_a_host_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a misspelt path the play would address the cluster of the environment."""
    monkeypatch.setattr(context, "CLIARGS", {"inventory": ["/srv/inventry.yml"]})
    with pytest.raises(AnsibleError, match=r"The inventory has no host: /srv/inventry\.yml\."):
        targets()
    assert targets({"ungrouped": ["localhost"]}) == ["localhost"]
    monkeypatch.setattr(context, "CLIARGS", {"inventory": list(constants.DEFAULT_HOST_LIST)})
    assert targets() == ["localhost"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [("all", ["all"]), ("berlin,paris", ["berlin,paris"]), (["berlin", "web"], ["berlin", "web"]),
     ("localhost", ["localhost"]), ("all:!web", ["all:!web"]), ("all,!spare", ["all,!spare"]), ("b*,~pa", ["b*,~pa"])],
)  # fmt: skip
def test_the_variable_chooses(warnings: list[str], given: Any, expected: list[str]) -> None:
    assert targets(GROUPS, opensearch_targets=given) == expected
    assert warnings == []


def test_an_inventory_that_nothing_chooses_is_named(warnings: list[str]) -> None:
    hosts = [f"host{number}" for number in range(7)]
    assert targets({"web": hosts}, ansible_inventory_sources=["/srv/inventory.yml"]) == ["localhost"]
    [warning] = warnings
    assert "in /srv/inventory.yml: host0, host1, host2, host3, host4 and 2 more." in warning
    assert "opensearch_targets" in warning


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"opensearch_targets": "opensearch_cluster"}, "Did you mean 'opensearch_clusters'?"),
        ({"opensearch_targets": ["nowhere"]}, "no host that matches 'nowhere'"),
        ({"opensearch_targets": "berlin,parris"}, "no host that matches 'parris'. Did you mean 'paris'?"),
        ({"opensearch_targets": ["berlin", "parris"]}, "Did you mean 'paris'?"),
        ({"opensearch_targets": "all:!parris"}, "Did you mean 'paris'?"),
        ({"opensearch_target": "all"}, "Did you mean 'opensearch_targets'?"),
    ],
)
def test_targets_that_address_nothing_are_refused(variables: dict[str, Any], message: str) -> None:
    """Ansible would skip the play and report success."""
    with pytest.raises(AnsibleError, match=message.replace("?", r"\?")):
        targets(GROUPS, **variables)


def test_a_limit_that_excludes_this_machine_is_refused(warnings: list[str]) -> None:
    with pytest.raises(AnsibleError, match="which '--limit www' excludes"):
        targets({"web": ["www"]}, ansible_limit="www")
    assert targets({"web": ["www"]}, ansible_limit="localhost") == ["localhost"]
