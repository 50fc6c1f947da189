# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What ollama_model_info does: lists the models of an Ollama server, and which of them are in memory."""

from __future__ import annotations

from typing import Any, Mapping

from .._ollama import client as client_module
from .._ollama import models
from .._ollama.models import Stored
from .._runtime.module import Module
from .._runtime.run import Run

OPTIONS = {
    "name": {"type": "str"},
    "running": {"type": "bool", "default": False},
    "details": {"type": "bool", "default": True},
}


def execute(options: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """The models that the options select. Raises Failure."""
    client = client_module.of(run)
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
            found.append({**models.to_result(Stored(line, shown)), "running": models.serialise_running(entry)})
    return {"models": found}


MODULE = Module(OPTIONS, execute, connection=client_module.CONNECTION)
