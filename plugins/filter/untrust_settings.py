# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: untrust_settings
short_description: Find the trust in URLs that no connector needs any more
version_added: 1.0.0
author:
  - The searchops.opensearch_ml maintainers (@searchops)
description:
  - "Finds what the settings of P(searchops.opensearch_ml.trust_settings#filter) have that can be removed: it was added by a task
    with O(searchops.opensearch_ml.opensearch_cluster_setting#module:record_for), and no connector needs it any more."
  - "What was set before such a task, or by another program, stays. So does the last pattern for private addresses of OpenSearch 3.7:
    an empty list allows every private address."
positional: _input
options:
  _input:
    description:
      - The settings of the cluster, as RV(searchops.opensearch_ml.opensearch_cluster_setting_info#module:settings). Those that the
        example reads are enough.
    type: dict
    required: true
  connectors:
    description: All connectors, as RV(searchops.opensearch_ml.ml_connector_info#module:connectors).
    type: list
    elements: dict
    required: true
  urls:
    description: The URLs that are no longer called. Those with a placeholder are ignored, as no pattern is added for them.
    type: list
    elements: str
    default: []
  owners:
    description:
      - By their names, connectors that do not exist any more or now call other URLs, each with the list of the URLs that it
        calls now. What was recorded for other URLs of them is no longer needed, and O(connectors) with these names do not
        count.
    type: dict
    default: {}
  trust:
    description: As for P(searchops.opensearch_ml.trust_settings#filter). V(skip) finds no patterns.
    type: str
    choices: [exact, catch_all, skip]
    default: exact
  allow_private:
    description: Which of the O(urls) are private, as for P(searchops.opensearch_ml.trust_settings#filter).
    type: str
    choices: [auto, always, never]
    default: auto
seealso:
  - module: searchops.opensearch_ml.opensearch_cluster_setting
  - plugin: searchops.opensearch_ml.trust_settings
    plugin_type: filter
  - name: ML Commons cluster settings
    description: The settings of ML Commons with their defaults.
    link: https://docs.opensearch.org/latest/ml-commons-plugin/cluster-settings/
"""

EXAMPLES = r"""
- name: Trust an endpoint, and record that this task added it
  searchops.opensearch_ml.opensearch_cluster_setting:
    settings:
      plugins.ml_commons.trusted_connector_endpoints_regex:
        - "{{ 'http://ollama.example.internal:11434/v1/chat/completions' | searchops.opensearch_ml.trusted_regex }}"
    list_mode: append
    record_for: House chat

- name: List the connectors
  searchops.opensearch_ml.ml_connector_info:
    include_inline: true
  register: listed

- name: Read the settings
  searchops.opensearch_ml.opensearch_cluster_setting_info:
    patterns:
      - plugins.ml_commons.*
      - cluster.metadata.searchops_opensearch_ml
  register: read

- name: Remove the trust that this collection added and that no connector needs
  searchops.opensearch_ml.opensearch_cluster_setting:
    settings: "{{ unneeded.settings }}"
    needed_by: "{{ unneeded.needed_by }}"
    state: undone
  when: unneeded.settings | length > 0 or unneeded.needed_by | length > 0
  vars:
    unneeded: >-
      {{ read.settings | searchops.opensearch_ml.untrust_settings(
           listed.connectors, urls=['http://ollama.example.internal:11434/v1/chat/completions']) }}
"""

RETURN = r"""
_value:
  description:
    - C(settings), for O(searchops.opensearch_ml.opensearch_cluster_setting#module:settings) together with
      O(searchops.opensearch_ml.opensearch_cluster_setting#module:state=undone).
    - C(removed), what that task removes, each as a text.
    - C(kept), what stays, each with C(what) and C(why).
    - C(needed_by), for O(searchops.opensearch_ml.opensearch_cluster_setting#module:needed_by) of the same task, what stays of the
      values that were recorded for O(owners), with the connector that needs it.
  type: dict
  sample:
    settings:
      plugins.ml_commons.trusted_connector_endpoints_regex:
        - ^http://ollama\.example\.internal:11434/v1/chat/completions$
    removed:
      - 'trusted pattern ^http://ollama\.example\.internal:11434/v1/chat/completions$'
    kept:
      - what: plugins.ml_commons.connector.private_ip_enabled
        why: connector 'Other chat' calls a private address
    needed_by:
      plugins.ml_commons.connector.private_ip_enabled:
        "true": Other chat
"""

from typing import Any, Callable, Container, Mapping, NamedTuple, Sequence

from ansible.errors import AnsibleFilterError

from ..module_utils._endpoints import privacy, trusted_pattern
from ..module_utils._endpoints import url as url_module
from ..module_utils._endpoints.pattern_checks import Tester
from ..module_utils._endpoints.trust_settings import CATCH_ALL, IS_PRIVATE, PRIVATE_IP_ENABLED, TRUSTED, TRUSTED_PRIVATE
from ..module_utils._errors.exceptions import Failure
from ..module_utils._values import addition_record
from ..module_utils._values.compare import as_list


class _Reason(NamedTuple):
    """Why something stays, and the connector that needs it, if that is why."""

    text: str
    connector: str | None = None

    @classmethod
    def of(cls, connector: str, does: str) -> _Reason:
        return cls(f"connector {connector!r} {does}", connector)


_NOT_RECORDED = _Reason("it was set before, by another program, or the cluster refused the record of it")
_LAST = _Reason("it is the last pattern, and an empty list allows every private address")


def _normalized_pattern(url: str) -> str:
    return trusted_pattern.exact_pattern(url_module.normalize(url))


#: The lists of patterns -> the pattern for a URL, and what a message calls it.
_LISTS: Mapping[str, tuple[Callable[[str], str], str]] = {
    TRUSTED: (trusted_pattern.exact_pattern, "trusted pattern"),
    TRUSTED_PRIVATE: (_normalized_pattern, "pattern for private addresses"),
}


class _Untrust:
    """Decides about each setting.

    ``called``: each URL that is still called, and the name of a connector that calls it. ``others``: those of them that
    connectors other than the owners call. ``own_patterns``: the trusted patterns that the owners need, which check mode has not
    appended, each with the owner.
    """

    def __init__(
        self,
        settings: Mapping[str, Any],
        owners: Container[str],
        called: Mapping[str, str],
        others: Mapping[str, str],
        own_patterns: Mapping[str, str],
    ) -> None:
        self._settings = settings
        self._recorded = addition_record.parse(settings.get(addition_record.NAME))
        self._owners = owners
        self._called = called
        self._others = others
        self._own_patterns = own_patterns
        self.unneeded: dict[str, Any] = {}
        self.removed: list[str] = []
        self.kept: list[dict[str, str]] = []
        #: Of what stays: what was recorded for an owner and is needed by another connector, by the name of the setting.
        self.needed_by: dict[str, dict[str, str]] = {}

    def decide_list(self, name: str, given: Sequence[str]) -> None:
        """Decide about the ``given`` patterns, and those that were recorded for the owners."""
        _pattern_of, label = _LISTS[name]
        observed = as_list(self._settings.get(name))
        found = [item for item in dict.fromkeys([*given, *self._recorded_for_owners(name)]) if item in observed]
        reasons = {item: self._why_kept(name, item) for item in found}
        unneeded = [item for item in found if not reasons[item]]
        if name == TRUSTED_PRIVATE and unneeded and set(observed) == set(unneeded):
            reasons[unneeded.pop()] = _LAST
        if unneeded:
            self.unneeded[name] = unneeded
        self.removed += [f"{label} {item}" for item in unneeded]
        for item, why in reasons.items():
            self._keep(name, item, f"{label} {item}", why)

    def _keep(self, name: str, value: str, what: str, why: _Reason | None) -> None:
        """Report that a value of a setting stays, if there is a reason, and note what needs it if that is no owner."""
        if why is None:
            return
        self.kept.append({"what": what, "why": why.text})
        owner = self._added(name).get(value)
        if owner in self._owners and why.connector not in (None, owner):
            self.needed_by.setdefault(name, {})[value] = str(why.connector)

    def _why_kept(self, name: str, item: str) -> _Reason | None:
        """Why a pattern stays; None if it does not."""
        pattern_of, _label = _LISTS[name]
        is_trust = name == TRUSTED
        if is_trust and item in self._own_patterns:
            return _Reason.of(self._own_patterns[item], "needs it")
        for url, caller in (self._others if is_trust else self._called).items():
            if item == CATCH_ALL and not self._is_trusted_otherwise(url):
                return _Reason.of(caller, "needs it")
            if item != CATCH_ALL and _is_pattern_of(pattern_of, url, item):
                return _Reason.of(caller, "calls its URL")
        return None if item in self._added(name) else _NOT_RECORDED

    def _is_trusted_otherwise(self, url: str) -> bool:
        """Whether a pattern other than the catch-all matches a URL."""
        observed = as_list(self._settings.get(TRUSTED))
        return any(_matches(item, url) for item in [*observed, *self._own_patterns] if item != CATCH_ALL)

    def decide_private(self, given: bool) -> None:
        """Decide about the permission for private addresses. ``given``: whether one of the URLs is private."""
        name, observed = PRIVATE_IP_ENABLED, as_list(self._settings.get(PRIVATE_IP_ENABLED))
        if observed != ["true"] or not (given or self._recorded_for_owners(name)):
            return
        whys = (_why_private(url, caller) for url, caller in self._called.items())
        why = next((each for each in whys if each), None)
        if why is None and "true" not in self._added(name):
            why = _NOT_RECORDED
        self._keep(name, "true", name, why)
        if why is None:
            self.unneeded[name] = "true"
            self.removed.append(name)

    def _added(self, name: str) -> Mapping[str, str]:
        entry = self._recorded.get(name)
        return entry.added if entry else {}

    def _recorded_for_owners(self, name: str) -> list[str]:
        return [value for value, owner in self._added(name).items() if owner in self._owners]


def _own_pattern(url: str, trust: str) -> str:
    """The pattern that trusts the URL of an owner. Raises Failure."""
    return CATCH_ALL if trust == "catch_all" else trusted_pattern.exact_pattern(url)


def _matches(pattern: str, url: str) -> bool:
    """Whether a trusted pattern may match a URL. False for a pattern that cannot be checked."""
    try:
        return Tester(pattern).matches(url) is not False
    except Failure:
        return False


def _is_pattern_of(pattern_of: Callable[[str], str], url: str, pattern: str) -> bool:
    """Whether this is the pattern of a URL. A URL that no request could use, as one with a placeholder, has none."""
    try:
        return pattern_of(url) == pattern
    except Failure:
        return False


def _why_private(url: str, caller: str) -> _Reason | None:
    """Why a URL needs the permission for private addresses; None if it surely does not. What is unknown keeps the permission."""
    try:
        at = privacy.privacy(url)
    except Failure:
        return _Reason.of(caller, "may call a private address")
    if at.private:
        return _Reason.of(caller, "calls a private address")
    return None if at.known else _Reason.of(caller, f"may call a private address: the controller cannot resolve {url}")


def untrust_settings(
    settings: Mapping[str, Any],
    connectors: Sequence[Mapping[str, Any]],
    *,
    urls: Sequence[str] = (),
    owners: Mapping[str, Sequence[str]] | None = None,
    trust: str = "exact",
    allow_private: str = "auto",
) -> dict[str, Any]:
    owners = owners or {}
    # A connector that another program created may take its host from a parameter. Then no pattern is that of its URL.
    urls = [url for url in urls if "${" not in url]
    needed = {url: name for name, calls in owners.items() for url in calls}
    others: dict[str, str] = {}
    for connector in connectors:
        if connector.get("name") not in owners:
            others.update({str(url): str(connector.get("name")) for url in connector.get("urls") or []})
    try:
        own_patterns = {_own_pattern(url, trust): caller for url, caller in needed.items() if trust != "skip"}
        decision = _Untrust(settings, owners, {**needed, **others}, others, own_patterns)
        private = [url for url in urls if IS_PRIVATE[allow_private](url)]
        if trust != "skip":
            patterns = [trusted_pattern.exact_pattern(url) for url in urls]
            decision.decide_list(TRUSTED, patterns + ([CATCH_ALL] * (trust == "catch_all")))
            decision.decide_list(TRUSTED_PRIVATE, [_normalized_pattern(url) for url in private])
        decision.decide_private(bool(private))
    except Failure as failure:
        raise AnsibleFilterError(f"untrust_settings: {failure.message}") from failure
    return {
        "settings": decision.unneeded,
        "removed": decision.removed,
        "kept": decision.kept,
        "needed_by": decision.needed_by,
    }


class FilterModule:
    def filters(self) -> dict[str, object]:
        return {"untrust_settings": untrust_settings}
