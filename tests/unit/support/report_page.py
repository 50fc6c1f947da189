# SPDX-License-Identifier: GPL-3.0-or-later
"""Invented module results for the playbook report, the page that it makes of them, and a parser for the page."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Mapping

from jinja2 import Environment, StrictUndefined

from ansible_collections.searchops.opensearch_ml.plugins.filter.cluster_report import cluster_report
from ansible_collections.searchops.opensearch_ml.plugins.modules import ml_stack_info

Results = dict[str, dict[str, Any]]

TEMPLATE = Path(ml_stack_info.__file__).resolve().parents[2] / "playbooks/templates/report.html.j2"


class Page(HTMLParser):
    """The tags, attributes and text of a page, and the elements that are still open at its end."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.pieces: list[str] = []
        self.feed(html)
        self.close()
        self.text = "".join(self.pieces)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.pieces.append(data)

    def values(self, name: str) -> list[str | None]:
        return [value for each, value in self.attributes if each == name]


#: Text that a page must escape: tags, ends of attributes, entities, terminal escapes, right-to-left text.
EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>&amp;\x1b[31m\x9b\u202e{{ 7 * 7 }}"

FIRST, SECOND = "C54_k7uARlmFjB9d3dFG3w", "ujUGMXvLRUq0zrT-hUrNtw"


def environment() -> Environment:
    """The Jinja environment of the template. As in Ansible, nothing is escaped automatically."""
    jinja = Environment(autoescape=False, undefined=StrictUndefined)  # noqa: S701 - the tests check the escaping of the template
    jinja.filters["searchops.opensearch_ml.cluster_report"] = cluster_report
    return jinja


def page(clusters: Mapping[str, Results]) -> str:
    """The page that the playbook writes for these results."""
    hostvars = {
        host: {("stack_result" if name == "stack" else f"__report_{name}"): result for name, result in results.items()}
        for host, results in clusters.items()
    }
    return environment().from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        __report_clusters=list(clusters), __report_time="2026-01-02 03:04 UTC", hostvars=hostvars
    )  # fmt: skip


def cluster(models: int = 3, *, mark: str = "") -> Results:
    """Results of one cluster with each kind of problem; ``mark`` is added to each text of the server."""
    connectors = [
        {
            "kind": "connector",
            "id": f"connector-{number}{mark}",
            "name": f"Gateway {number}{mark}",
            "stack": None,
            "urls": [f"https://llm-{number}.example.com/v1/chat/completions{mark}"],
        }
        for number in range(models // 5 + 1)
    ]
    states = ["DEPLOYED"] * 8 + ["PARTIALLY_DEPLOYED", "DEPLOY_FAILED"]
    kept = [
        {
            "kind": "model",
            "id": f"model-{number}{mark}",
            "name": f"Chat for the department of number {number}{mark}",
            "stack": f"demo{mark}" if number % 2 else None,
            "state": states[number % len(states)] + mark,
        }
        for number in range(models)
    ]
    agents = [
        {"kind": "agent", "id": f"agent-{number}{mark}", "name": f"Helper {number}{mark}", "stack": None}
        for number in range(models // 3 + 1)
    ]
    pipeline = {"kind": "search_pipeline", "id": f"search/answers{mark}", "name": f"answers{mark}", "stack": None}
    group = {"kind": "model_group", "id": f"group{mark}", "name": f"Empty{mark}", "stack": None}
    edges = [
        {"from": model["id"], "to": connectors[number // 5]["id"], "relation": "calls through"}
        for number, model in enumerate(kept[1:])
    ]
    if kept:
        edges.append({"from": kept[0]["id"], "to": f"lost{mark}", "relation": "calls through"})
        edges.append({"from": pipeline["id"], "to": kept[-1]["id"], "relation": "uses"})
        edges += [
            {"from": agent["id"], "to": kept[number * 3 % models]["id"], "relation": "uses"}
            for number, agent in enumerate(agents)
        ]
    trusted = "plugins.ml_commons.trusted_connector_endpoints_regex"
    failure = {"code": f"backend_busy{mark}", "message": f"It answered 429.{mark}", "remedy": f"Wait.{mark}"}
    return {
        "graph": {
            "cluster": {"name": f"house{mark}", "version": f"3.6.0{mark}"},
            "nodes": [group, *connectors, *kept, *agents, pipeline],
            "edges": edges,
        },
        "settings": {
            "settings": {
                trusted: [r"^https://llm\.example\.com/.*$" + mark, ".*", f"(broken{mark}"],
                "plugins.ml_commons.only_run_on_ml_node": f"false{mark}",
                f"plugins.ml_commons.own{mark}": f"1{mark}",
                "plugins.ml_commons.unimportant": "5",
            },
            "origins": {trusted: f"persistent{mark}", "plugins.ml_commons.unimportant": "default"},
        },
        "profile": {
            "models": [
                {
                    "model_id": model["id"],
                    "node_id": node + mark,
                    "state": model["state"],
                    "loaded": node == FIRST or model["state"].startswith("DEPLOYED"),
                    "target_worker_nodes": [FIRST + mark, SECOND + mark],
                    "worker_nodes": [FIRST + mark],
                }
                for model in kept
                for node in (FIRST, SECOND)
            ]
        },
        "duplicates": {
            "duplicates": [
                {
                    "kind": f"connector{mark}",
                    "name": f"Gateway 0{mark}",
                    "objects": [
                        {
                            "id": f"twin-{number}{mark}",
                            "fate": f"keep{mark}",
                            "reason": f"it serves{mark}",
                            "users": [{"name": f"Chat{mark}"}] * number,
                        }
                        for number in (1, 0)
                    ],
                }
            ]
        },
        "stack": {"plan": [f"+ create model 'New'{mark}", f"~ change connector 'Gateway 0' (in place){mark}"]},
        "answers": {
            "results": [
                {"item": each, "elapsed": 0.25 + number}
                if number
                else {"item": each, "failed": False, "msg": mark, "failure": failure}
                for number, each in enumerate(kept[:3])
            ]
        },
    }


def unreachable(mark: str = "") -> Results:
    failure = {
        "code": f"unreachable{mark}",
        "message": f"No host could be reached.{mark}",
        "remedy": f"Check 'hosts'.{mark}",
    }
    return {"graph": {"failed": True, "msg": "", "failure": failure}}
