# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The task of ollama_model_info: lists the models of an Ollama server, and which of them are loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .._ollama import models
from .._ollama.client import CONNECTION, client_of
from .._ollama.models import ObservedModel
from .._runtime.module import Module, typed
from .._runtime.run import Run

SPEC = {
    "name": {"type": "str"},
    "running": {"type": "bool", "default": False},
    "details": {"type": "bool", "default": True},
}


@dataclass(frozen=True)
class Options:
    name: str | None
    running: bool
    details: bool


def execute(options: Options, run: Run) -> dict[str, Any]:
    """Return the models that the options select. Raises Failure."""
    client = client_of(run)
    entries = models.list_models(client)
    if options.name is not None:
        selected = models.find_entry(entries, models.canonical_name(options.name))
        entries = [selected] if selected else []
    loaded = models.list_loaded(client)
    found = []
    for entry in entries:
        loaded_entry = models.find_entry(loaded, entry["name"])
        if options.running and not loaded_entry:
            continue
        details = client.show(entry["name"]) if options.details else {}
        # None: another client has deleted the model since it was listed.
        if details is not None:
            model = models.to_result(ObservedModel(entry, details))
            found.append({**model, "running": models.loaded_to_result(loaded_entry)})
    return {"models": found}


MODULE = Module(SPEC, execute, typed(Options), connection=CONNECTION)
