# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What ollama_model_info does: lists the models of an Ollama server, and which of them are in memory."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.searchops.opensearch_ml.plugins.module_utils import _ollama
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._core import Module
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._resources import ollama_model as models
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._resources.ollama_model import Stored
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._run import Run

OPTIONS = {
    "name": {"type": "str"},
    "running": {"type": "bool", "default": False},
    "details": {"type": "bool", "default": True},
}


def execute(options: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """The models that the options select. Raises Failure."""
    client = _ollama.of(run)
    lines = models.listed(client)
    if options["name"] is not None:
        line = models.named(lines, models.canonical(options["name"]))
        lines = [line] if line else []
    in_memory = models.running(client)
    found = []
    for line in lines:
        entry = models.named(in_memory, line["name"])
        if options["running"] and not entry:
            continue
        shown = client.show(line["name"]) if options["details"] else {}
        # One that somebody deletes in this moment is not listed.
        if shown is not None:
            found.append({**models.serialise(Stored(line, shown)), "running": models.serialise_running(entry)})
    return {"models": found}


MODULE = Module(OPTIONS, execute, connection=_ollama.CONNECTION)
