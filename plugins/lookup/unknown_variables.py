# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: unknown_variables
short_description: Find misspelt variables of the roles and playbooks
version_added: 1.0.0
author:
  - The searchops.opensearch_ml maintainers (@searchops)
description:
  - Finds variables of the host that look like inputs of a role or playbook of this collection but are none. Ansible ignores such
    a variable, so that the role would work with its default instead.
  - A variable counts as unknown if its name starts with one of the prefixes and the collection does not document it. It does not
    matter whether the inventory sets it, the command line, or a task of yours with C(register) or C(set_fact).
  - A variable that starts with none of the prefixes, nor with that of another role or playbook of this collection, counts as
    unknown if its name is nearly that of an input, such as C(olama_chat_model).
  - A value in C(-e) that Ansible has cut at a blank, such as that of C(-e "openai_chat_name=Local chat"), is reported as well.
  - All roles and playbooks of this collection call this lookup before anything else, and fail if it finds a name.
options:
  _terms:
    description:
      - The prefixes, without the underscore. If a role of this collection has this name, all variables that its argument specs
        name are known, its inputs as well as the facts that it sets.
    type: list
    elements: str
    required: true
  known:
    description:
      - Names of other inputs.
    type: list
    elements: str
    default: []
  includes:
    description:
      - Roles of this collection that the role includes. Their inputs count as unknown in extra variables, those of C(-e), as
        Ansible would use these in place of what the role gives to the included one.
    type: list
    elements: str
    default: []
  unrelated:
    description:
      - Names, or shell-style patterns, of variables that have one of the prefixes but are meant for something else. In a text,
        as C(-e) gives it, commas separate them.
    type: list
    elements: str
    default: []
    vars:
      - name: opensearch_ml_unrelated_variables
seealso:
  - plugin: searchops.opensearch_ml.target_hosts
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: Check the names of the variables
  ansible.builtin.assert:
    that: unknown == ''
    fail_msg: "{{ unknown }}"
  vars:
    unknown: "{{ lookup('searchops.opensearch_ml.unknown_variables', 'stack') }}"
"""

RETURN = r"""
_raw:
  description: One text that names the unknown variables and what they probably mean. Empty if there are none.
  type: list
  elements: str
  sample:
    - Unknown variable 'stack_conectors'. Did you mean 'stack_connectors'?
"""

import re
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Iterable, Iterator, Mapping

from ansible.module_utils.common.yaml import yaml_load
from ansible.plugins.lookup import LookupBase
from ansible.utils.vars import load_extra_vars

#: The variable of the option 'unrelated'.
_UNRELATED = "opensearch_ml_unrelated_variables"

#: How similar the rest of a name must be to that of a known one to be suggested, from 0 to 1.
_SUGGESTED = 0.5

#: How similar a name without a prefix must be to a known one to count as misspelt: 'olama_chat_model' is, 'track_models' is not.
_MISSPELT = 0.92

_COLLECTION = Path(__file__).resolve().parents[2]
_ROLES = _COLLECTION / "roles"


def documented(role: str) -> set[str]:
    """The variables with the role's prefix that its argument specs name: its inputs, and the facts in descriptions."""
    path = _ROLES / role / "meta/argument_specs.yml"
    if not path.is_file():
        return set()
    text = path.read_text(encoding="utf-8")
    names = set(re.findall(rf"C\(({role}_\w+)\)", text))
    return names.union(*(entry.get("options", {}) for entry in yaml_load(text)["argument_specs"].values()))


def _all_prefixes() -> set[str]:
    """The prefixes of all roles and playbooks of the collection."""
    return {path.name for path in _ROLES.glob("*")} | {path.stem for path in (_COLLECTION / "playbooks").glob("*.yml")}


def _find_unknown(names: Iterable[str], prefixes: Iterable[str], known: set[str]) -> Iterator[tuple[str, list[str]]]:
    """The unknown names, each with the known one that it probably means, if any."""
    known_with = {prefix: known | documented(prefix) for prefix in prefixes}
    inputs = known.union(*known_with.values())
    starts = ("_", *(f"{prefix}_" for prefix in {*known_with, *_all_prefixes()}))
    for name in sorted(names):
        for prefix, allowed in known_with.items():
            start = f"{prefix}_"
            if name.startswith(start) and name not in allowed:
                rest = [each[len(start) :] for each in sorted(allowed) if each.startswith(start)]
                yield name, [start + each for each in get_close_matches(name[len(start) :], rest, 1, _SUGGESTED)]
        if name not in inputs and not name.startswith(starts):
            meant = get_close_matches(name, sorted(inputs), 1, _MISSPELT)
            if meant:
                yield name, meant


class LookupModule(LookupBase):
    def run(self, terms: list[str], variables: Mapping[str, Any] | None = None, **kwargs: Any) -> list[str]:
        variables = variables or {}
        unrelated = kwargs.get("unrelated") or self._templar.template(variables.get(_UNRELATED, []))
        if isinstance(unrelated, str):
            unrelated = [name.strip() for name in unrelated.split(",")]
        candidates = [
            name
            for name in map(str, variables)
            if not any(fnmatchcase(name, pattern) for pattern in [_UNRELATED, *unrelated])
        ]
        found = [
            f"Unknown variable '{name}'." + "".join(f" Did you mean '{each}'?" for each in meant)
            for name, meant in _find_unknown(candidates, map(str, terms), set(kwargs.get("known", [])))
        ]
        if found:
            found.append(f"If such a variable is meant for something else, add its name to {_UNRELATED}.")
        extra = load_extra_vars(self._loader)
        # What Ansible cannot assign: of 'name=Local chat' it takes the blank for the end of the value. The rest may be a part of a
        # key, so no message shows it.
        is_cut = "_raw_params" in extra and any(name.startswith(tuple(f"{term}_" for term in terms)) for name in extra)
        if is_cut:
            found.append("A value in -e is cut at a blank. Quote it once more: -e \"name='a b'\".")
        for name in sorted(set(candidates).intersection(extra)):
            for role in kwargs.get("includes", []):
                if name.startswith(f"{role}_"):
                    found.append(
                        f"The extra variable '{name}' is an input of the role {role}, which this role includes with inputs of its own. "
                        "Leave it out of this run."
                    )
        return [" ".join(found)]
