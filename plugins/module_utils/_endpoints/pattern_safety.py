# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Trusted-endpoint patterns that OpenSearch 3.7 and later refuse, because matching them could take exponential time.

The rules are those of the published source (ml-commons, ``MLCommonsSettings.validateRegexSafety``); they were not run on a
real server of these versions. The server checks the text of a pattern, so that it also refuses harmless ones. At an upgrade
it archives a stored list that contains such a pattern, and the default list is in effect again.
"""

from __future__ import annotations

import re
from typing import Iterable, NamedTuple, Tuple

from .trust_settings import TRUSTED, TRUSTED_PRIVATE

#: The settings whose patterns the server checks.
CHECKED_SETTINGS = (
    TRUSTED,
    TRUSTED_PRIVATE,
    "plugins.ml_commons.connector.restricted_ip_patterns",
)

#: Maximum number of characters of a pattern.
MAX_LENGTH = 256

#: Major and minor version.
Release = Tuple[int, int]

#: The first version that checks patterns, and the first that accepts every optional group.
_CHECKED_SINCE, _OPTIONAL_ACCEPTED_SINCE = (3, 7), (3, 9)

#: As in the server's source: a group that ends with a quantifier and is itself repeated, or is optional.
_REPEATED_GROUP = re.compile(r"\([^)]*[*+?]\)[*+{]")
_OPTIONAL_GROUP = re.compile(r"\([^)]*[*+?]\)\?")
_BACK_REFERENCE = re.compile(r"\\[1-9]")

#: An optional group without groups in it, as far as :func:`_without_optional_groups` can replace it.
_SIMPLE_OPTIONAL_GROUP = re.compile(r"(?<!\\)(\([^()]*[*+?])\)\?(?![?+])")


class Risk(NamedTuple):
    """Why some versions refuse a pattern.

    ``construct``: what they refuse in it. ``until``: the first version that accepts it again, or None. ``instead``: a
    pattern that matches the same and that all versions accept, if there is one.
    """

    pattern: str
    construct: str
    until: Release | None = None
    instead: str | None = None

    def refused_by(self, version: Release) -> bool:
        return version >= _CHECKED_SINCE and (self.until is None or version < self.until)

    def refused_after(self, version: Release) -> bool:
        """Whether this version accepts the pattern, and a later one refuses it."""
        return version < _CHECKED_SINCE

    @property
    def versions(self) -> str:
        """The versions that refuse the pattern, for the user."""
        return "OpenSearch 3.7 and 3.8" if self.until else "OpenSearch 3.7 and later"

    @property
    def reason(self) -> str:
        """A sentence on the versions that refuse the pattern, why, and what to write instead."""
        # Ready to paste into YAML, so without Python's doubled backslashes.
        advice = f" Write '{self.instead}', which matches the same." if self.instead else ""
        return f"{self.versions} refuse the pattern '{self.pattern}' because of {self.construct}.{advice}"


def find_risk(pattern: str) -> Risk | None:
    """Why a version of OpenSearch refuses the pattern. None if all accept it."""
    # First, so that the searches below get short texts only. The order does not matter to the server's users.
    if len(pattern) > MAX_LENGTH:
        return Risk(pattern, f"its length of {len(pattern)} characters, where {MAX_LENGTH} are allowed")
    if _REPEATED_GROUP.search(pattern):
        return Risk(pattern, "a repeated group that ends with a quantifier, such as (a+)+")
    if _BACK_REFERENCE.search(pattern):
        return Risk(pattern, r"a back reference, such as \1")
    if _OPTIONAL_GROUP.search(pattern):
        return Risk(
            pattern,
            r"an optional group that ends with a quantifier, such as (:\d+)?",
            until=_OPTIONAL_ACCEPTED_SINCE,
            instead=_without_optional_groups(pattern),
        )
    return None


def find_risks(setting: str, patterns: Iterable[str]) -> list[Risk]:
    """The risks of the patterns of a setting. Empty for a setting whose patterns the server does not check."""
    if setting not in CHECKED_SETTINGS:
        return []
    return [risk for risk in map(find_risk, patterns) if risk]


def _without_optional_groups(pattern: str) -> str | None:
    """The pattern with ``(a+|)`` for each ``(a+)?``, which matches the same. None if one of them is too complex for that."""
    replaced = _SIMPLE_OPTIONAL_GROUP.sub(r"\1|)", pattern)
    return None if _OPTIONAL_GROUP.search(replaced) else replaced
