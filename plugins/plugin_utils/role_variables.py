# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is private to the collection: it may change at any time.

"""The variables of a role that set the options that a message names."""

from __future__ import annotations

import re
from typing import Mapping


def explained(message: str, names: Mapping[str, str]) -> str:
    """The end of a message: the variables that set the options that it names. Empty if it names none of them.

    ``names``: option -> variable of the role.
    """
    found = {option: name for option, name in names.items() if _naming(re.escape(option)).search(message)}
    named = ", ".join(f"'{option}' by {name}" for option, name in found.items())
    return f" This role sets {named}." if named else ""


def _naming(option: str) -> re.Pattern[str]:
    """Matches a message that names the option: in quotes, alone or with a value; as the last part of a path; at the beginning; with
    the number of an item; as what a version lacks; or as Ansible names the option that has an invalid one."""
    return re.compile(rf"(?:^|['.]){option}(?:[':]| needs )|^{option}\.|\b{option}\[|found in {option}\b")
