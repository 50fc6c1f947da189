# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is private to the collection: it may change at any time.

"""The content of the report page about one cluster, from the results of the modules that read the cluster.

All texts are printable, but not escaped for HTML: ``playbooks/templates/report.html.j2`` does that.
"""

from __future__ import annotations

import re
from typing import Any, Iterable, Mapping, Sequence

from ...module_utils._endpoints import pattern_checks
from ...module_utils._errors.exceptions import Failure, printable
from . import drawing

Result = Mapping[str, Any]

PREFIX = "plugins.ml_commons."
#: These settings are always shown, all others only if they are set.
SETTINGS_THAT_MATTER = (
    "trusted_connector_endpoints_regex",
    "trusted_connector_private_endpoints_regex",
    "connector.private_ip_enabled",
    "connector_access_control_enabled",
    "model_access_control_enabled",
    "only_run_on_ml_node",
    "model_auto_redeploy.enable",
    "agent_framework_enabled",
)

#: model state -> how the page colours it.
_MOODS = {
    "DEPLOYED": "good",
    "PARTIALLY_DEPLOYED": "fair",
    "DEPLOYING": "fair",
    "REGISTERING": "fair",
    "DEPLOY_FAILED": "bad",
}
_MOOD_OF_SIGN = {"+": "good", "~": "fair", "-": "bad"}

#: The risks of a pattern of trusted addresses.
CATCH_ALL = "trusts hosts that it does not name"
BROKEN = "does not compile, so no connector can be created"


def view(results: Mapping[str, Result]) -> dict[str, Any]:
    """The content of the page. ``results`` has the keys graph, settings, profile, duplicates, stack and answers."""
    graph = results.get("graph") or {}
    reason = reason_of(graph, "nodes")
    if reason:
        return {"reason": reason}
    nodes, edges = graph["nodes"], graph["edges"]
    shown = {
        "reason": None,
        "name": _text((graph.get("cluster") or {}).get("name")),
        "version": _text((graph.get("cluster") or {}).get("version")),
        "settings": _settings(results.get("settings") or {}),
        "models": _models(nodes, edges, results.get("profile") or {}, results.get("answers") or {}),
        "nodes": _nodes(results.get("profile") or {}),
        "drift": _drift(results.get("stack") or {}),
        "duplicates": _duplicates(results.get("duplicates") or {}),
        "orphans": _orphans(nodes, edges),
        "drawing": _drawing(drawing.lay_out(nodes, edges)),
    }
    return {**shown, "count": _counts(shown, nodes)}


def reason_of(result: Result, key: str) -> dict[str, str] | None:
    """Why a result does not have a key; None if it has it."""
    if key in result:
        return None
    failure = result.get("failure") or {}
    return {
        "message": _text(failure.get("message") or result.get("msg") or "Nothing was read.", 1000),
        "remedy": _text(failure.get("remedy"), 1000),
        "code": _text(failure.get("code")),
    }


def _text(value: object, limit: int = 300) -> str:
    return "" if value is None else printable(value, limit)


def _address(url: object) -> str:
    """A URL without the parts that may contain keys: user, query and fragment."""
    return _text(re.sub(r"//[^/?#]*@", "//", re.split(r"[?#]", str(url))[0]))


def _settings(result: Result) -> dict[str, Any]:
    values, origins = result.get("settings") or {}, result.get("origins") or {}
    rows = [
        {
            "name": _text(name.removeprefix(PREFIX)),
            "values": [{"text": _text(each), "risk": _risk(name, each)} for each in _listed(values[name])],
            "origin": _text(origins.get(name)),
        }
        for name in values
        if origins.get(name) != "default" or name.removeprefix(PREFIX) in SETTINGS_THAT_MATTER
    ]
    return {"rows": rows, "reason": reason_of(result, "settings")}


def _listed(value: object) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _risk(name: str, pattern: object) -> str:
    if not name.endswith("_regex"):
        return ""
    try:
        return CATCH_ALL if pattern_checks.is_catch_all(str(pattern)) else ""
    except Failure as failure:
        return BROKEN if "does not compile" in failure.message else "cannot be checked"


def _models(nodes: Sequence[Result], edges: Sequence[Result], profile: Result, answers: Result) -> list[dict[str, Any]]:
    """Each model with its connector, its state on the nodes, and its answer to the question."""
    names = {node["id"]: node["name"] for node in nodes}
    urls = {node["id"]: node.get("urls") or [] for node in nodes}
    connector_of = {edge["from"]: edge["to"] for edge in edges if edge["relation"] == "calls through"}
    profiles: dict[str, list[Result]] = {}
    for entry in profile.get("models") or []:
        profiles.setdefault(entry["model_id"], []).append(entry)
    answer_of = {result["item"]["id"]: result for result in answers.get("results") or []}
    rows = []
    for node in nodes:
        if node["kind"] != "model":
            continue
        connector = connector_of.get(node["id"])
        rows.append(
            {
                "name": _text(node["name"]),
                "id": _text(node["id"]),
                "stack": _text(node.get("stack")),
                "state": _text(node.get("state")),
                "mood": _MOODS.get(str(node.get("state")), ""),
                "connector": _text(names.get(connector, connector)),
                "urls": [_address(url) for url in urls.get(str(connector), [])],
                **_placement(profiles.get(node["id"], [])),
                "answer": _answer(answer_of.get(node["id"])),
            }
        )
    return rows


def _placement(profiles: Sequence[Result]) -> dict[str, Any]:
    """On how many nodes a model serves and should serve, and its state on the nodes where it does not serve."""
    planned = {node for entry in profiles for node in entry.get("target_worker_nodes") or []}
    return {
        "serving": sum(1 for entry in profiles if entry.get("loaded")),
        "planned": len(planned),
        "elsewhere": [
            {"node": _text(entry["node_id"]), "state": _text(entry.get("state") or "not deployed")}
            for entry in profiles
            if not entry.get("loaded") or entry.get("state") != "DEPLOYED"
        ],
    }


def _answer(result: Result | None) -> dict[str, Any]:
    if result is None or result.get("skipped"):
        return {"asked": False, "seconds": None, "reason": None}
    return {"asked": True, "seconds": result.get("elapsed"), "reason": reason_of(result, "elapsed")}


def _nodes(profile: Result) -> dict[str, Any]:
    """Each node with the number of models that it serves, and the states of the other models on it."""
    found: dict[str, dict[str, int]] = {}
    for each in profile.get("models") or []:
        states = found.setdefault(_text(each["node_id"]), {})
        state = "serving" if each.get("loaded") else _text(each.get("state") or "not deployed")
        states[state] = states.get(state, 0) + 1
    rows = [
        {"id": node, "states": [{"state": state, "count": found[node][state]} for state in sorted(found[node])]}
        for node in found
    ]
    return {"rows": rows, "reason": reason_of(profile, "models")}


def _drift(result: Result) -> dict[str, Any]:
    """The plan of the stack that is declared for the cluster, if there is one."""
    if not result:
        return {"declared": False, "lines": [], "reason": None}
    lines = [{"text": _text(line), "mood": _MOOD_OF_SIGN.get(str(line)[:1], "")} for line in result.get("plan") or []]
    return {"declared": True, "lines": lines, "reason": reason_of(result, "plan")}


def _duplicates(result: Result) -> dict[str, Any]:
    rows = [
        {
            "kind": _kind(found["kind"]),
            "name": _text(found["name"]),
            "objects": [
                {
                    "id": _text(each["id"]),
                    "fate": _text(each.get("fate")),
                    "reason": _text(each.get("reason")),
                    "users": ", ".join(_text(user.get("name")) for user in each.get("users") or []),
                }
                for each in found["objects"]
            ],
        }
        for found in result.get("duplicates") or []
    ]
    return {"rows": rows, "reason": reason_of(result, "duplicates")}


def _kind(kind: object) -> str:
    return _text(kind).replace("_", " ")


def _orphans(nodes: Sequence[Result], edges: Iterable[Result]) -> list[dict[str, str]]:
    """The objects that refer to a missing object, and the connectors and groups that nothing uses."""
    known = {node["id"]: node for node in nodes}
    used = set()
    found = []
    for edge in edges:
        used.add(edge["to"])
        if edge["to"] not in known:
            what = "group" if edge["relation"] == "is in" else "connector"
            found.append((known[edge["from"]], f"Its {what} {edge['to']} does not exist."))
    unused = {"connector": "No model uses it.", "model_group": "It has no model."}
    found += [(node, unused[node["kind"]]) for node in nodes if node["kind"] in unused and node["id"] not in used]
    return [
        {"kind": _kind(node["kind"]), "name": _text(node["name"]), "id": _text(node["id"]), "reason": _text(reason)}
        for node, reason in found
    ]


def _drawing(drawn: dict[str, Any]) -> dict[str, Any]:
    boxes = []
    for box in drawn["boxes"]:
        node = box.pop("node")
        name, kind = _text(node["name"]), _kind(node["kind"])
        missing = node["kind"] == drawing.MISSING
        boxes.append(
            {
                **box,
                "kind": kind,
                "name": name,
                "short": name if len(name) <= 28 else name[:27] + "\u2026",
                "note": _text(node.get("state")) or ("does not exist" if missing else kind),
                "mood": "bad" if missing else _MOODS.get(str(node.get("state")), ""),
            }
        )
    return {**drawn, "boxes": boxes}


def _counts(shown: Mapping[str, Any], nodes: Sequence[Result]) -> dict[str, Any]:
    kinds = [str(node["kind"]) for node in nodes]
    answers = [model["answer"] for model in shown["models"]]
    seconds = [answer["seconds"] for answer in answers if answer["seconds"] is not None]
    return {
        "connectors": kinds.count("connector"),
        "models": len(shown["models"]),
        "deployed": sum(model["state"] == "DEPLOYED" for model in shown["models"]),
        "amiss": sum(model["mood"] in ("fair", "bad") for model in shown["models"]),
        "agents": kinds.count("agent"),
        "pipelines": sum(kind.endswith("_pipeline") for kind in kinds),
        "drift": len(shown["drift"]["lines"]),
        "duplicates": len(shown["duplicates"]["rows"]),
        "orphans": len(shown["orphans"]),
        "risks": sum(bool(each["risk"]) for row in shown["settings"]["rows"] for each in row["values"]),
        "silent": sum(answer["reason"] is not None for answer in answers),
        "answered": len(seconds),
        "slowest": max(seconds, default=None),
    }
