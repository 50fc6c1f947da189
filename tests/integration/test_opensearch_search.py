# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Searches on real servers. The tests of the playbook rag cover answers of chat models."""

from __future__ import annotations

from ansible_collections.searchops.opensearch_ml.tests.integration._stack import index_of

SEARCH = "opensearch_search"


def test_hits(module, name):
    index = index_of(name)
    assert module.fails(SEARCH, index=index)["code"] == "unknown_index"
    module("opensearch_index", name=index)
    documents = [{"id": "1", "source": {"text": "blue light"}}, {"id": "2", "source": {"text": "red"}}]
    module("opensearch_document", index=index, documents=documents)
    found = module(SEARCH, index=index, definition={"query": {"match": {"text": "blue"}}})
    assert (found["changed"], found["total"], found["answer"]) == (False, 1, None)
    assert [(hit["id"], hit["source"]) for hit in found["hits"]] == [("1", {"text": "blue light"})]
    assert module(SEARCH, check=True, index=index)["hits"] == []
    assert module.fails(SEARCH, index=index, expect_pattern="blue")["code"] == "empty_content"
    assert module.fails(SEARCH, index=index, definition={"nope": 1})["code"] == "api_error"


def test_through_a_pipeline(module, name):
    index = index_of(name)
    module("opensearch_index", name=index)
    module("opensearch_document", index=index, documents=[{"id": "1", "source": {"text": "blue"}}])
    pipeline = f"{name} a/b"
    module("opensearch_pipeline", name=pipeline, type="search", definition={"version": 1})
    assert module(SEARCH, index=index, pipeline=pipeline)["total"] == 1
    assert module.fails(SEARCH, index=index, pipeline=f"{name} nope")["code"] == "api_error"
