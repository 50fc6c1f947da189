# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documents on real servers."""

from __future__ import annotations

from ansible_collections.searchops.opensearch_ml.tests.integration._stack import index_of

DOCUMENT = "opensearch_document"
AWKWARD = {
    "text": 'größe "quoted"\nand more',
    "whole": [1, -3, 12345678901],
    "broken": [1.5, 1e10],
    "flags": {"on": True, "off": False, "none": None, "empty": [], "deep": {"a": [{"b": "1"}]}},
}


def test_add_change_and_delete(cluster, module, converges, name):
    index = index_of(name)
    assert module.fails(DOCUMENT, index=index, documents=[{"id": "1", "source": {}}])["code"] == "unknown_index"
    module("opensearch_index", name=index)
    documents = [{"id": "a/b ü", "source": AWKWARD}, {"id": "2", "source": {"text": "b"}}]
    converges(DOCUMENT, ["index"], index=index, documents=documents)
    assert cluster.indexes(name)[index]["documents"] == {"a/b ü": (1, AWKWARD), "2": (1, {"text": "b"})}

    documents[1]["source"]["text"] = "c"
    converges(DOCUMENT, ["index"], index=index, documents=documents)
    assert {each: version for each, (version, _source) in cluster.indexes(name)[index]["documents"].items()} == {
        "a/b ü": 1,
        "2": 2,
    }
    converges(DOCUMENT, ["delete"], index=index, documents=[{"id": "2"}, {"id": "3"}], state="absent")
    assert list(cluster.indexes(name)[index]["documents"]) == ["a/b ü"]


def test_a_refused_document(cluster, module, name):
    index = index_of(name)
    module("opensearch_index", name=index, definition={"mappings": {"properties": {"n": {"type": "integer"}}}})
    documents = [{"id": "1", "source": {"n": 1}}, {"id": "2", "source": {"n": "many"}}]
    result = module.run(DOCUMENT, index=index, documents=documents)
    assert result["failure"]["code"] == "document_refused"
    assert list(result["failure"]["details"]["documents"]) == ["2"]
    assert (result["changed"], len(result["actions"])) == (True, 1)
    assert list(cluster.indexes(name)[index]["documents"]) == ["1"]
