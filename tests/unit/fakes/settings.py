# SPDX-License-Identifier: GPL-3.0-or-later
"""Cluster settings of the fake cluster."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.answers import Refused
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.java import java_text
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.newer_versions import unsafe_pattern
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.state import State

STATIC_SETTINGS = {"plugins.ml_commons.multi_tenancy_enabled"}


class Settings(State):
    def _settings(self, method: str, query: Mapping[str, str], body: Any) -> dict[str, Any]:
        if method == "GET":
            assert query == {"flat_settings": "true", "include_defaults": "true"}, query
            explicit = {**self.persistent, **self.transient}
            defaults = {name: value for name, value in self.defaults.items() if name not in explicit}
            return {"persistent": self.persistent, "transient": self.transient, "defaults": defaults}
        for scope, settings in body.items():
            for name, value in settings.items():
                # Free for users (OpenSearch, ClusterService.USER_DEFINED_METADATA).
                if name.startswith("cluster.metadata."):
                    assert value is None or isinstance(value, str), value
                    continue
                if name not in self.defaults:
                    raise Refused(400, f"{scope} setting [{name}], not recognized", "settings_exception")
                if name in STATIC_SETTINGS:
                    raise Refused(400, f"{scope} setting [{name}], not dynamically updateable", "settings_exception")
                unsafe = unsafe_pattern(self.version, name, value)
                if unsafe:
                    raise Refused(400, unsafe, "illegal_argument_exception")
                default = self.defaults[name]
                if default in ("true", "false") and value is not None and java_text(value) not in ("true", "false"):
                    raise Refused(400, f"Failed to parse value [{value}] as only [true] or [false] are allowed.")
        for scope, settings in body.items():
            stored = {"persistent": self.persistent, "transient": self.transient}[scope]
            for name, value in settings.items():
                if value is None:
                    stored.pop(name, None)
                else:
                    stored[name] = [java_text(item) for item in value] if isinstance(value, list) else java_text(value)
        self._wrote("settings")
        return {"acknowledged": True, "persistent": {}, "transient": {}}
