# SPDX-License-Identifier: GPL-3.0-or-later
"""Indexes and documents of the fake cluster: settings become text, mappings and documents are stored unchanged."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.answers import Refused

MISSING = "index_not_found_exception"


def text(value: Any) -> Any:
    return [text(item) for item in value] if isinstance(value, list) else str(value).lower()


class Indices:
    def __init__(self) -> None:
        self.observed: dict[str, dict[str, Any]] = {}
        self.documents: dict[str, dict[str, Any]] = {}

    def add(self, name: str, **body: Any) -> None:
        settings = {"index.number_of_shards": "1", "index.uuid": "u"}
        settings.update({key: text(value) for key, value in body.get("settings", {}).items()})
        self.observed[name] = {
            "aliases": dict(body.get("aliases", {})),
            "settings": settings,
            "mappings": dict(body.get("mappings", {})),
        }
        self.documents[name] = {}

    def knows(self, path: str) -> bool:
        return path == "/_aliases" or (path != "/" and not path.startswith("/_"))

    def handle(self, method: str, path: str, body: Any) -> Any:
        if path == "/_aliases":
            return self.change_aliases(body["actions"])
        name, _slash, action = path[1:].partition("/")
        if (method, action) == ("PUT", ""):
            self.add(name, **(body or {}))
            return {"acknowledged": True, "index": name}
        if action == "_mget" and name not in self.observed:
            # With the status 200, unlike the others.
            error = {"type": MISSING, "reason": f"no such index [{name}]"}
            return {"docs": [{"_index": name, "_id": each, "error": error} for each in body["ids"]]}
        if name not in self.observed:
            raise Refused(404, f"no such index [{name}]", MISSING)
        index, documents = self.observed[name], self.documents[name]
        if action == "_settings":
            self.change_settings(index["settings"], body)
        elif action == "_mapping":
            properties = {**index["mappings"].get("properties", {}), **body.get("properties", {})}
            index["mappings"] = {**index["mappings"], **body, "properties": properties}
        elif action == "_mget":
            found = [(each, documents.get(each)) for each in body["ids"]]
            return {"docs": [{"_id": each, "found": source is not None, "_source": source} for each, source in found]}
        elif action == "_bulk":
            return self.bulk(documents, list(body))
        elif action == "_search":
            hits = [{"_id": each, "_score": 1.0, "_source": source} for each, source in documents.items()]
            return {"hits": {"total": {"value": len(hits)}, "hits": hits}}
        elif method == "DELETE":
            del self.observed[name]
        else:
            return {name: index}
        return {"acknowledged": True}

    def change_settings(self, settings: dict[str, Any], changes: Mapping[str, Any]) -> None:
        for key, value in changes.items():
            settings.pop(key, None)
            if value is not None:
                settings[key] = text(value)

    def change_aliases(self, actions: list[dict[str, Any]]) -> dict[str, Any]:
        for action in actions:
            [(what, fields)] = action.items()
            index, alias = fields.pop("index"), fields.pop("alias")
            aliases = self.observed[index]["aliases"]
            aliases.pop(alias, None) if what == "remove" else aliases.update({alias: fields})
        return {"acknowledged": True}

    def bulk(self, documents: dict[str, Any], lines: list[Any]) -> dict[str, Any]:
        items = []
        while lines:
            [(action, facts)] = lines.pop(0).items()
            if action == "delete":
                documents.pop(facts["_id"], None)
            else:
                documents[facts["_id"]] = lines.pop(0)
            items.append({action: {"_id": facts["_id"], "status": 200}})
        return {"errors": False, "items": items}
