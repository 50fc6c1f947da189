# SPDX-License-Identifier: GPL-3.0-or-later
"""No signed POST has parameters in its URL: Amazon's gateway ignores them (its manual)."""

from __future__ import annotations

import pytest

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import execute
from ansible_collections.searchops.opensearch_ml.tests.unit.support.operations import OPERATIONS, Operation

SIGNED = {
    "auth_type": "aws_sigv4", "aws_region": "eu-central-1",
    "aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "wJalrXUtnFEMI",
}  # fmt: skip


def arranged(cluster: FakeCluster) -> None:
    cluster.add_model("Chat", cluster.add_connector())
    cluster.indices.add("rag")


DOCUMENTS = {"index": "rag", "documents": [{"id": "1", "source": {"text": "a"}}]}
OTHERS = [
    Operation("document: store", "opensearch_document", DOCUMENTS, arranged),
    Operation("search: with a pipeline", "opensearch_search", {"index": "rag", "pipeline": "answer"}, arranged),
    Operation("predict: texts", "ml_predict", {"model": "Chat", "text_docs": ["a"]}, arranged),
    Operation("predict: a question and texts", "ml_predict", {"model": "Chat", "text_docs": ["a"], "query_text": "b", "expect_content": False}, arranged),
]  # fmt: skip


@pytest.mark.parametrize("operation", [*OPERATIONS, *OTHERS], ids=str)
def test_no_parameters_in_the_url_of_a_post(cluster: FakeCluster, operation: Operation) -> None:
    operation.arrange(cluster)
    execute(cluster, operation.module, **operation.options, **SIGNED)
    posted = [exchange for exchange in cluster.exchanges if exchange.method == "POST"]
    assert [str(exchange) for exchange in posted if exchange.query] == []
