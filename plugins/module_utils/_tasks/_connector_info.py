# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What ml_connector_info does: lists connectors, on request also those that models carry inside them."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._resource import Doc
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._resources import connector as connectors
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._resources.connector import Connector
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._resources.model import Model
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._run import Run

OPTIONS = {
    "name": {"type": "str"},
    "connector_id": {"type": "str"},
    "include_inline": {"type": "bool", "default": False},
}


def execute(options: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """The connectors that the options select. Raises Failure."""
    name, connector_id = options["name"], options["connector_id"]
    if connector_id:
        found = Connector.get(run.client, connector_id)
        standalone = [found] if found else []
    elif name:
        standalone = Connector.named(run.client, name)
    else:
        standalone = Connector.search(run.client, {"match_all": {}})
    listed = [_entry(doc, None) for doc in standalone]
    if options["include_inline"]:
        # 2.19 cannot search for the object as a whole.
        models = Model.search(run.client, {"exists": {"field": "connector.protocol"}})
        inline = [
            (Doc("", dict(model.source["connector"])), model.id) for model in models if model.source.get("connector")
        ]
        listed += [_entry(doc, model_id) for doc, model_id in inline if not name or doc.name == name]
    return {"connectors": listed}


def _entry(doc: Doc, model_id: str | None) -> dict[str, Any]:
    shown = connectors.serialise(doc)
    return {**shown, "connector_id": doc.id or None, "model_id": model_id, "urls": connectors.urls(shown)}
