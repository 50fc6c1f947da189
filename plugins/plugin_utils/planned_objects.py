# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is private to the collection: it may change at any time.

"""The objects that the tasks of this run of Ansible would have created in check mode.

A later task that refers to one of them need not warn that it is missing. Each task runs in a process of its own, so a file in the
temporary folder of the run, which Ansible deletes at its end, has them.
"""

from __future__ import annotations

import json
import os
from typing import Any, Iterable, Mapping

from ansible import constants as C

from ..module_utils._runtime.run import CREATING

_FILE = "searchops_opensearch_ml_planned"


def read(cluster: Any) -> set[tuple[str, str]]:
    """Kind and name of each object that an earlier task would have created on the cluster. ``cluster``: the option hosts."""
    try:
        with open(_path(), encoding="utf-8") as file:
            lines = [json.loads(line) for line in file]
    except FileNotFoundError:
        return set()
    return {(kind, name) for hosts, kind, name in lines if hosts == cluster}


def add(cluster: Any, actions: Iterable[Mapping[str, Any]]) -> None:
    """Note the objects that these actions, which a task in check mode journalled, would have created."""
    lines = [
        json.dumps([cluster, action["kind"], action["name"]]) + "\n"
        for action in actions
        if action["action"] in CREATING
    ]
    if lines:
        # Several hosts at once may append.
        with open(_path(), "a", encoding="utf-8") as file:
            file.write("".join(lines))


def _path() -> str:
    return os.path.join(str(C.DEFAULT_LOCAL_TMP), _FILE)
