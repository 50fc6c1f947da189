# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of the playbook report: its content, that it escapes all texts of servers, and its size for many clusters."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from jinja2 import nodes

from ansible_collections.searchops.opensearch_ml.plugins.plugin_utils._report_page import view
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster_server import serving
from ansible_collections.searchops.opensearch_ml.tests.unit.support import report_page
from ansible_collections.searchops.opensearch_ml.tests.unit.support.report_page import EVIL, Page

#: Where the collection is found, be it the repository or a copy of it.
COLLECTIONS = Path(report_page.__file__).parents[6]

TAGS = {
    "html", "head", "meta", "title", "style", "body", "header", "main", "footer", "nav", "section", "h1", "h2", "h3", "p", "br", "ul",
    "li", "a", "span", "strong", "code", "table", "thead", "tbody", "tr", "th", "td", "details", "summary", "div", "svg", "g",
    "path", "rect", "text",
}  # fmt: skip


def test_the_template_escapes_every_value() -> None:
    """Each output is a constant, a macro of the template, or passes the filter ``e`` last."""
    parsed = report_page.environment().parse(report_page.TEMPLATE.read_text(encoding="utf-8"))
    macros = {macro.name for macro in parsed.find_all(nodes.Macro)}
    seen = 0
    for output in parsed.find_all(nodes.Output):
        for each in output.nodes:
            if isinstance(each, nodes.TemplateData):
                continue
            seen += 1
            called = isinstance(each, nodes.Call) and isinstance(each.node, nodes.Name) and each.node.name in macros
            escaped = isinstance(each, nodes.Filter) and each.name == "e"
            assert called or escaped, f"line {each.lineno} puts out {each}"
    assert seen > 50
    assert not {each.name for each in parsed.find_all(nodes.Filter)} & {"safe", "tojson"}
    assert not list(parsed.find_all((nodes.Include, nodes.Import, nodes.FromImport)))


def test_texts_of_the_server_are_not_markup() -> None:
    html = report_page.page({"here": report_page.cluster(mark=EVIL), "gone": report_page.unreachable(EVIL)})
    page = Page(html)
    assert page.open == []
    assert page.tags - {"title"} <= TAGS
    assert not [name for name, _value in page.attributes if name.startswith("on") or name in ("src", "style")]
    assert all(re.fullmatch(r"#c\d+", str(value)) for value in page.values("href"))
    # The whole text is there, as text.
    assert page.text.count("{{ 7 * 7 }}") > 50
    assert r"onerror=alert(1)>&amp;\x1b[31m\x9b\u202e" in page.text
    assert re.findall("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", html) == []


def test_the_page_loads_nothing() -> None:
    html = report_page.page({"one": report_page.cluster()})
    page = Page(html)
    assert page.tags & {"script", "link", "img", "iframe", "object", "base", "form"} == set()
    assert "url(" not in html
    assert "@import" not in html
    [policy] = [value for value in page.values("content") if value and "default-src" in value]
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    assert re.findall(r"(?:src|href|action)=\"(?!#c)", html) == []
    ids = page.values("id")
    assert len(ids) == len(set(ids))


def test_the_page_shows_all_facts() -> None:
    text = " ".join(
        Page(report_page.page({"north": report_page.cluster(), "south": report_page.unreachable()})).text.split()
    )
    for expected in (
        "ML Commons on 2 clusters",
        "State at 2026-01-02 03:04 UTC.",
        "north OpenSearch 3.6.0 3 of 3 models deployed",
        "risky trusted pattern",
        "without an answer: 1",
        "differences from the declaration: 2",
        "duplicate names: 1",
        "answers within 2.25 s",
        ".* trusts hosts that it does not name",
        "(broken does not compile, so no connector can be created",
        "+ create model 'New'",
        "backend_busy",
        "Its connector lost does not exist.",
        "model group Empty group: It has no model.",
        "twin-0 keep, it serves; used by no object",
        f"{report_page.SECOND}: 3 serving",
        "south cannot be read",
        "Could not be read: No host could be reached. unreachableCheck 'hosts'.",
    ):
        assert expected in text, expected
    assert "unimportant" not in text


@pytest.mark.no_cover
def test_twenty_clusters_of_two_hundred_models_are_fast() -> None:
    clusters = {f"cluster-{number:02}": report_page.cluster(200) for number in range(20)}
    began = time.process_time()
    html = report_page.page(clusters)
    # It takes some 0.3 s and 3.4 MB; growth with the square of the models would be far more.
    assert time.process_time() - began < 5
    assert len(html) < 5_000_000
    page = Page(html)
    assert page.text.count("Chat for the department of number 199") == 20 * 2
    # Long lists are folded.
    assert page.values("open") == []


@pytest.mark.parametrize(
    ("name", "pattern", "risk"),
    [
        ("a_regex", ".*", view.CATCH_ALL),
        ("a_regex", "^https?://.*$", view.CATCH_ALL),
        ("a_regex", "^https://a\\.example/.*$", ""),
        ("a_regex", "(", view.BROKEN),
        ("a_regex", r"\p{Greek}", "cannot be checked"),
        ("a", ".*", ""),
    ],
)
def test_risky_patterns_are_marked(name: str, pattern: str, risk: str) -> None:
    results = {**report_page.cluster(), "settings": {"settings": {name: [pattern]}, "origins": {name: "persistent"}}}
    [row] = view.view(results)["settings"]["rows"]
    assert row["values"] == [{"text": pattern, "risk": risk}]


def test_keys_in_urls_are_removed() -> None:
    results = report_page.cluster()
    urls = ["https://joe:s3cret@llm.example.com/v1?key=s3cret", "https://llm.example.com#s3cret", "//s3cret@x?@"]
    connector = next(node for node in results["graph"]["nodes"] if node["kind"] == "connector")
    connector["urls"] = urls
    assert view.view(results)["models"][1]["urls"] == [
        "https://llm.example.com/v1",
        "https://llm.example.com",
        "//x",
    ]
    assert "s3cret" not in report_page.page({"one": results})


def test_failed_reads_show_their_reason() -> None:
    whole = report_page.cluster()
    failed = {
        "failed": True,
        "msg": "Task failed. Do this.",
        "failure": {"code": "forbidden", "message": "Task failed."},
    }
    for name in ("settings", "profile", "duplicates", "stack"):
        text = Page(report_page.page({"one": {**whole, name: failed}})).text
        assert text.count("Could not be read: Task failed. forbidden") == 1, name
    # A task that fails before its module runs has only a message.
    html = report_page.page({"one": {"graph": {"failed": True, "msg": "'x' is undefined"}}, "two": {}})
    assert Page(html).text.count("Could not be read: 'x' is undefined") == 1
    assert "Could not be read:</strong> Nothing was read." in html


def test_an_empty_cluster_has_a_page() -> None:
    empty: dict[str, Any] = {
        "graph": {"cluster": {"name": None, "version": None}, "nodes": [], "edges": []},
        "settings": {"settings": {}, "origins": {}},
        "profile": {"models": []},
        "duplicates": {"duplicates": []},
    }
    text = " ".join(Page(report_page.page({"one": empty})).text.split())
    for expected in (
        "A cluster without a name, OpenSearch of unknown version; connectors: 0",
        "No stack is declared for this cluster.",
        "No objects.",
        "No models.",
        "No models on any node.",
        "No duplicate names.",
        "No orphans.",
    ):
        assert expected in text, expected


def test_the_playbook_does_not_evaluate_texts_of_the_server(tmp_path: Path) -> None:
    """Ansible does not evaluate templates in texts of a server, and writes nothing to the cluster."""
    # Later versions refuse such names.
    cluster = FakeCluster("2.19.1")
    cluster.add_model(EVIL, cluster.add_connector(EVIL, description=EVIL))
    lost = cluster.add_connector("Lost")
    cluster.add_model("Lost", lost, state="UNDEPLOYED")
    del cluster.connectors[lost]
    target = tmp_path / "page.html"
    with serving(cluster) as url:
        variables = {
            "opensearch_connection": {"hosts": [url]},
            "report_file": str(target),
            "stack_model_groups": [{"name": "New"}],
        }
        (tmp_path / "variables.json").write_text(json.dumps(variables))
        program = str(Path(sys.executable).parent / "ansible-playbook")
        done = subprocess.run(
            [program, "searchops.opensearch_ml.report", "-e", f"@{tmp_path / 'variables.json'}"],
            cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL,
            env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS), "LC_ALL": "C.UTF-8"},
        )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    # The declared group would be created, as with --check. The page itself does not count as a change.
    assert "changed=1 " in done.stdout
    assert cluster.writes == []
    assert len(cluster.predictions) == 1
    assert target.stat().st_mode & 0o777 == 0o600
    html = target.read_text(encoding="utf-8")
    page = Page(html)
    assert page.open == []
    assert page.tags - {"title"} <= TAGS
    assert "{{ 7 * 7 }}" in page.text
    assert f"Its connector {lost} does not exist." in page.text
    assert "+ create model group 'New'" in page.text
    assert "\x1b" not in html


class TestDrawing:
    def test_lines_join_used_boxes_and_their_users(self) -> None:
        drawn = view.view(report_page.cluster(40))["drawing"]
        boxes = {(box["x"], box["y"]) for box in drawn["boxes"]}
        assert len(boxes) == len(drawn["boxes"])
        for line in drawn["lines"]:
            numbers = [int(each) for each in re.findall(r"\d+", line)]
            (x1, y1), (x2, y2) = numbers[:2], numbers[-2:]
            assert (x1 - 220, y1 - 20) in boxes
            assert (x2, y2 - 20) in boxes
            assert max(numbers) < max(drawn["width"], drawn["height"])
        columns: dict[int, list[int]] = {}
        for x, y in sorted(boxes):
            columns.setdefault(x, []).append(y)
        assert len(columns) == 3
        for heights in columns.values():
            # No two boxes overlap.
            assert all(below - above >= 54 for above, below in zip(heights, heights[1:]))

    def test_a_line_joins_two_boxes_of_one_column(self) -> None:
        nodes = [{"kind": "agent", "id": id_, "name": id_, "stack": None} for id_ in ("a", "b")]
        graph = {"nodes": nodes, "edges": [{"from": "a", "to": "b", "relation": "uses"}]}
        drawn = view.view({"graph": graph})["drawing"]
        (first, second), [line] = drawn["boxes"], drawn["lines"]
        assert first["x"] == second["x"]
        right = first["x"] + first["width"]
        assert (
            line
            == f"M{right} {second['y'] + 20}C{right + 40} {second['y'] + 20} {right + 40} {first['y'] + 20} {right} {first['y'] + 20}"
        )
