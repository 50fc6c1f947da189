# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The servers of the stack that score documents."""

from __future__ import annotations

from typing import NamedTuple

import requests

from ansible_collections.searchops.opensearch_ml.tests.integration._stack import LLAMA_CPP_RERANK, VLLM_POOLING


class Reranker(NamedTuple):
    """One server: its provider, its address for the nodes and for this process, and its model."""

    provider: str
    base_url: str
    on_host: str
    model: str

    def scores(self, query: str, documents: list[str]) -> dict[int, str]:
        """The scores by the number of the document, each as the server prints it."""
        body = {"model": self.model, "query": query, "documents": documents}
        answer = requests.post(f"{self.on_host}/v1/rerank", json=body, timeout=30)
        assert answer.status_code == 200, answer.text
        printed = answer.json(parse_float=str)["results"]
        return {each["index"]: str(each["relevance_score"]) for each in printed}


RERANKERS = {
    "llama.cpp": Reranker("llama_cpp", LLAMA_CPP_RERANK, "http://127.0.0.1:21439", "tiny-rerank"),
    "vLLM": Reranker("vllm", VLLM_POOLING, "http://127.0.0.1:21438", "tiny-chat"),
}
