# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: target_hosts
short_description: Choose the inventory hosts that a playbook addresses
version_added: 1.0.0
author:
  - The searchops.opensearch_ml maintainers (@searchops)
description:
  - Returns the value for C(hosts) of a play. The playbooks of this collection use it, so that one variable,
    C(opensearch_targets), chooses the clusters of all of them.
  - Without that variable it is the inventory group C(opensearch_clusters), if that has hosts, else C(localhost). If the inventory
    has other hosts, but the play addresses only C(localhost) because nothing chooses them, it warns.
  - Fails if no host matches, as Ansible itself would skip the play and report success, and if a part of the pattern is neither a
    host nor a group, as Ansible would go on without that cluster, or with one that you wanted to exclude. Warns if C(--limit) excludes all hosts
    that match. Fails as well if the inventories of the command line have no host, for example because a path is misspelt.
options:
  _terms:
    description: The lookup takes no terms, and ignores those that it is given.
  targets:
    description: A pattern of hosts and groups, as Ansible's C(hosts) and C(--limit) take it, or a list of them.
    type: raw
    vars:
      - name: opensearch_targets
seealso:
  - plugin: searchops.opensearch_ml.unknown_variables
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: Ask every cluster
  hosts: "{{ query('searchops.opensearch_ml.target_hosts') }}"
  connection: local
  gather_facts: false
  module_defaults:
    group/searchops.opensearch_ml.all: "{{ opensearch_connection }}"
  tasks:
    - name: List the models
      searchops.opensearch_ml.ml_model_info:
"""

RETURN = r"""
_raw:
  description: A list with the pattern of hosts and groups that the play addresses.
  type: list
  elements: str
  sample:
    - opensearch_clusters
"""

from difflib import get_close_matches
from typing import Any, Mapping, Sequence

from ansible import constants, context
from ansible.errors import AnsibleError
from ansible.inventory.manager import split_host_pattern
from ansible.plugins.lookup import LookupBase
from ansible.plugins.lookup.inventory_hostnames import LookupModule as InventoryHostnames
from ansible.utils.display import Display

#: The variable of the option 'targets', and the group that is its default.
_VARIABLE = "opensearch_targets"
_GROUP = "opensearch_clusters"

_LOCAL = "localhost"

#: How similar a name must be to that of the variable to count as misspelt, from 0 to 1.
_MISSPELT = 0.9

#: Maximum number of hosts that a message lists.
_MAX_LISTED = 5


def _no_match(pattern: str, groups: Mapping[str, Sequence[str]]) -> AnsibleError:
    """The error for a pattern that matches no host of the inventory."""
    known = [str(name) for name in (*groups, *groups.get("all", [])) if name != pattern]
    near = get_close_matches(pattern, known, 1)
    suggested = f" Did you mean '{near[0]}'?" if near else " Name hosts or groups of the inventory."
    return AnsibleError(f"{_VARIABLE}: the inventory has no host that matches {pattern!r}.{suggested}")


class LookupModule(LookupBase):
    def run(self, terms: list[str], variables: Mapping[str, Any] | None = None, **kwargs: Any) -> list[str]:
        variables = variables or {}
        given = kwargs.get("targets")
        if given is None and variables.get(_VARIABLE) is not None:
            given = self._templar.template(variables[_VARIABLE])
        if given:
            return self._checked([given] if isinstance(given, str) else list(given), variables)
        misspelt = [name for name in get_close_matches(_VARIABLE, variables, 3, _MISSPELT) if name != _VARIABLE]
        if misspelt:
            raise AnsibleError(f"Unknown variable '{misspelt[0]}'. Did you mean '{_VARIABLE}'?")
        groups: Mapping[str, list[str]] = variables.get("groups") or {}
        if groups.get(_GROUP):
            return self._checked([_GROUP], variables)
        self._check_default(groups, variables)
        return [_LOCAL]

    def _checked(self, patterns: list[str], variables: Mapping[str, Any]) -> list[str]:
        """The patterns, if they match a host. Raises AnsibleError."""
        # A check of the syntax usually has no inventory.
        if context.CLIARGS.get("syntax"):
            return patterns
        found = self._matching(patterns, variables)
        # A group may be empty, as long as the others have hosts.
        groups = variables.get("groups") or {}
        parts = [str(part).lstrip("!&") for part in split_host_pattern(patterns)]
        unknown = [part for part in parts if part not in groups and not self._matching([part], variables)]
        if unknown or not found:
            raise _no_match(unknown[0] if unknown else ",".join(patterns), groups)
        limit = self._excluding_limit(found, variables)
        if limit:
            # The other plays of a run may be meant.
            Display().warning(
                f"The play addresses {', '.join(patterns)}, of which '--limit {limit}' excludes all hosts. It is skipped, and "
                "nothing is done."
            )
        return patterns

    def _excluding_limit(self, hosts: list[str], variables: Mapping[str, Any]) -> str:
        """The value of C(--limit), if it excludes all of these hosts. Empty if it does not, or names a file."""
        limit = str(variables.get("ansible_limit") or "")
        if not limit or limit.startswith("@"):
            return ""
        return "" if set(hosts) & set(self._matching([limit], variables)) else limit

    def _check_default(self, groups: Mapping[str, list[str]], variables: Mapping[str, Any]) -> None:
        """Warn if the inventory has hosts that nothing chooses. Raises AnsibleError if the play would address none."""
        others = [str(host) for host in groups.get("all") or [] if host != _LOCAL]
        if not others:
            self._check_inventories(groups)
            return
        hosts = ", ".join(others[:_MAX_LISTED]) + (
            f" and {len(others) - _MAX_LISTED} more" * (len(others) > _MAX_LISTED)
        )
        sources = ", ".join(map(str, variables.get("ansible_inventory_sources") or ["the inventory"]))
        remedy = f"Set {_VARIABLE}, for example to 'all', or put the hosts of the clusters into the group {_GROUP}."
        limit = self._excluding_limit([_LOCAL], variables)
        if limit:
            raise AnsibleError(f"The play addresses only {_LOCAL}, which '--limit {limit}' excludes. {remedy}")
        Display().warning(
            f"The play addresses only {_LOCAL}, and none of the other hosts in {sources}: {hosts}. {remedy} "
            f"{_VARIABLE}={_LOCAL} keeps it so without this warning."
        )

    @staticmethod
    def _check_inventories(groups: Mapping[str, list[str]]) -> None:
        """Raises AnsibleError if the command line names inventories, and these have no host."""
        given = list(context.CLIARGS.get("inventory") or [])
        if not given or given == list(constants.DEFAULT_HOST_LIST) or context.CLIARGS.get("syntax"):
            return
        if not groups.get("all"):
            raise AnsibleError(
                f"The inventory has no host: {', '.join(map(str, given))}. Correct the path or the "
                "file, or omit '-i' to address the cluster of OPENSEARCH_HOSTS."
            )

    def _matching(self, patterns: list[str], variables: Mapping[str, Any]) -> list[str]:
        """The hosts that match."""
        lookup = InventoryHostnames(loader=self._loader, templar=self._templar)
        return [str(host) for host in lookup.run(patterns, variables=variables)]
