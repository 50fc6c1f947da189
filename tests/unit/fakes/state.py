# SPDX-License-Identifier: GPL-3.0-or-later
"""What all resources of the fake cluster share: the stored objects, ids, time, and the delay of searches."""

from __future__ import annotations

import json
import re
from typing import Any, Mapping

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.answers import Refused
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.newer_versions import (
    new_settings,
    release,
    requested_id,
)
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.search import matches

DEFAULT_SETTINGS: dict[str, Any] = {
    "plugins.ml_commons.trusted_connector_endpoints_regex": [
        r"^https://api\.openai\.com/.*$",
        r"^https://api\.cohere\.ai/.*$",
    ],
    "plugins.ml_commons.connector.private_ip_enabled": "false",
    "plugins.ml_commons.only_run_on_ml_node": "true",
    "plugins.ml_commons.max_deploy_model_tasks_per_node": "10",
    "plugins.ml_commons.task_dispatcher.eligible_node_role.remote_model": ["data", "ml"],
    "plugins.ml_commons.native_memory_threshold": "90",
    "plugins.ml_commons.multi_tenancy_enabled": "false",
    "cluster.routing.allocation.enable": "all",
}


def generated_id(number: int, kind: str) -> str:
    """The id of the object that a cluster creates as its ``number``-th one, from 1 on. Ids of real servers look similar."""
    return f"K{number}q-{kind}_{number}Z"


class State:
    """The stored objects by id, and how searches see them."""

    def __init__(self, version: str) -> None:
        self.version = version
        self.connectors: dict[str, dict[str, Any]] = {}
        #: connector id -> its credential, which no answer contains.
        self.credentials: dict[str, dict[str, str]] = {}
        self.groups: dict[str, dict[str, Any]] = {}
        self.models: dict[str, dict[str, Any]] = {}
        self.agents: dict[str, dict[str, Any]] = {}
        self.controllers: dict[str, dict[str, Any]] = {}
        self.tasks: dict[str, dict[str, Any]] = {}
        self.persistent: dict[str, Any] = {}
        self.transient: dict[str, Any] = {}
        self.defaults = {**DEFAULT_SETTINGS, **new_settings(version)}
        #: id -> how often the document was written.
        self.versions: dict[str, int] = {}
        #: kind -> the ids of the next objects of this kind, in order.
        self.next_ids: dict[str, list[str]] = {}
        #: True: a search answers 404 while its index does not exist, that is before the first object.
        self.index_missing = False
        #: The fields of objects, and of what is in them, that a later version would store, too.
        self.later_fields: set[str] = set()
        #: Number of searches that still show a document as it was before a change. 2.19 does not refresh the index after
        #: a PUT, and no version does when it stores a model's state. A GET, a create and a delete are always current.
        self.change_lag = 2 if version.startswith("2.") else 0
        self.state_lag = 2
        #: id -> the old document, and the number of searches that still show it.
        self._stale: dict[str, tuple[dict[str, Any], list[int]]] = {}
        self._created = 0
        self._time = 1700001000000

    def _id(self, kind: str) -> str:
        if self.next_ids.get(kind):
            return self.next_ids[kind].pop(0)
        self._created += 1
        return generated_id(self._created, kind)

    def _id_for(self, kind: str, body: Mapping[str, Any], objects: Mapping[str, Any]) -> str:
        """The id of a new object: the one that the body requests, or one that the server chooses."""
        requested, refused = requested_id(self.version, kind, body, objects)
        if refused:
            raise Refused(*refused)
        return requested or self._id(kind.split()[-1])

    def _now(self) -> int:
        """Milliseconds since 1970; each call is a second later."""
        self._time += 1000
        return self._time

    def _wrote(self, object_id: str) -> None:
        self.versions[object_id] = self.versions.get(object_id, 0) + 1

    def _changing(self, object_id: str, source: Mapping[str, Any], lag: int) -> None:
        """Keep the old document for the next ``lag`` searches. Call it before the change."""
        if lag:
            seen, _remaining = self._stale.get(object_id, (json.loads(json.dumps(source)), []))
            self._stale[object_id] = (seen, [lag])
        else:
            self._stale.pop(object_id, None)

    def _seen(self, object_id: str, source: dict[str, Any]) -> dict[str, Any]:
        """The document as a search sees it."""
        if object_id not in self._stale:
            return source
        seen, remaining = self._stale[object_id]
        remaining[0] -= 1
        if remaining[0] == 0:
            del self._stale[object_id]
        return seen

    def _effective(self, name: str) -> Any:
        """The value of a cluster setting: transient before persistent before default."""
        for scope in (self.transient, self.persistent, self.defaults):
            if name in scope:
                return scope[name]
        return None

    def _check_text(self, kind: str, body: Mapping[str, Any]) -> None:
        for field in ("name", "description"):
            text = body.get(field)
            if release(self.version) >= (3, 1) and text and not re.fullmatch(r"[\w\s.,!?():@\-/'\"]*", text):
                raise Refused(
                    400,
                    f"Model {kind} {field} can only contain letters, numbers, spaces, and basic punctuation (.,!?():@-_'/\")",
                )

    def _search(self, objects: Mapping[str, dict[str, Any]], body: Any) -> dict[str, Any]:
        if body is None:
            raise Refused(400, "request body is required", "parse_exception")
        if not objects and self.index_missing:
            raise Refused(404, "no such index [.plugins-ml-x]", "index_not_found_exception")
        visible = {object_id: self._seen(object_id, source) for object_id, source in objects.items()}
        found = [
            (object_id, source)
            for object_id, source in visible.items()
            if matches(body.get("query", {"match_all": {}}), object_id, source)
        ]
        # Sequence numbers in the order of creation: a change does not move a document.
        numbers = {object_id: [number] for number, object_id in enumerate(objects)}
        after = body.get("search_after")
        found = [pair for pair in found if after is None or numbers[pair[0]] > after]
        for clause in reversed(body.get("sort", [])):
            [(field, order)] = clause.items()
            if field != "_seq_no":
                found.sort(key=lambda pair: pair[1][field], reverse=order == "desc")
        size = body.get("size", 10)
        if size > 10000:
            raise Refused(400, "Result window is too large", "illegal_argument_exception")
        return {
            "hits": {
                "hits": [
                    {"_id": object_id, "_source": source, "sort": numbers[object_id]}
                    for object_id, source in found[:size]
                ]
            }
        }
