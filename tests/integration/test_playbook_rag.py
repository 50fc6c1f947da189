# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook rag in both ways: check mode, a run, a repetition, a change, and the removal. And a rerank model."""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.searchops.opensearch_ml.tests.integration._rerankers import RERANKERS
from ansible_collections.searchops.opensearch_ml.tests.integration._stack import index_of

ROOT = Path(__file__).parents[2]
BLUE = 'Air scatters "blue" light most.\nSo the sky is blue.'


@pytest.fixture
def play(connection, name, tmp_path):
    """Runs the playbook; returns its output and the number of changes. It must succeed, or fail with ``fails``."""

    def run(*arguments, fails=False, **more):
        given = {
            "opensearch_connection": dict(connection),
            "rag_provider": "ollama",
            "rag_base_url": "http://ollama:11434",
            "rag_model": "tiny-chat",
            "rag_embedding_model": "tiny-chat",
            "rag_name": name,
            "rag_index": index_of(name),
            "rag_documents": [{"id": "sky", "text": BLUE}, {"id": "hours", "text": "Open from nine to five."}],
            "rag_question": BLUE,
            "rag_k": 1,
            "rag_wait_timeout": 60,
            **more,
        }
        variables = tmp_path / "variables.json"
        variables.write_text(json.dumps(given))
        program = str(Path(sys.executable).parent / "ansible-playbook")
        done = subprocess.run(
            [program, "playbooks/rag.yml", "-e", f"@{variables}", *arguments],
            cwd=ROOT, capture_output=True, text=True, timeout=240, stdin=subprocess.DEVNULL, check=False,
            env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
        )  # fmt: skip
        text = done.stdout + done.stderr
        assert (done.returncode != 0) is fails, text
        return text, int(re.findall(r"changed=(\d+)", text)[-1])

    return run


@pytest.mark.parametrize(
    "search",
    [
        # With the plugin neural-search, which all servers of the stack have.
        "auto",
        pytest.param("neural", marks=pytest.mark.full),
        "knn",
    ],
)
@pytest.mark.full_on("2.19.1-tls", but=["knn"])
@pytest.mark.full_on("3.6.0", but=["auto"])
def test_answers_from_documents(play, cluster, recorder, name, snapshot, settings_restored, search):
    play = functools.partial(play, rag_search=search)
    query = "hybrid" if search == "auto" else search
    text, planned = play("--check", "--diff")
    assert "no pattern in" not in text
    assert recorder.writes == []
    assert not any(snapshot().values())

    text, changed = play("--diff", rag_expect_pattern=r"\w")
    assert changed == planned
    assert "Nothing was asked" not in text
    assert f"The query {query} finds the documents" in text
    documents = cluster.indexes(name)[index_of(name)]["documents"]
    assert {each: source["text"] for each, (_version, source) in documents.items()} == {
        "sky": BLUE,
        "hours": "Open from nine to five.",
    }
    assert all(len(source["embedding"]) == 96 for _version, source in documents.values())
    asked = next(request for request in recorder.requests if b'"search_pipeline"' in request.body)
    body = json.loads(asked.body)
    assert list(body["query"]) == [query]
    # It is found by its embedding: documents and questions are embedded in the same way.
    if query == "hybrid":
        body["query"] = body["query"]["hybrid"]["queries"][1]
    found = cluster.must("POST", asked.path, body)
    assert [hit["_id"] for hit in found["hits"]["hits"]] == ["sky"]
    assert found["hits"]["max_score"] > 0.999
    assert found["ext"]["retrieval_augmented_generation"]["answer"].strip()

    before = snapshot()
    # The rest does not depend on the way: one suffices.
    for arguments in ([], ["--check"]) if search == "auto" else ([],):
        recorder.clear()
        assert play(*arguments)[1] == 0
        assert recorder.writes == []
    assert snapshot() == before

    if search == "auto":
        assert play(rag_documents=[{"id": "hours", "text": "Closed."}], rag_dimension=96, rag_question="")[1] == 1

    recorder.clear()
    text, _changed = play(rag_state="absent", rag_index=f"{index_of(name)}-misspelt", fails=True)
    assert f"The model {name} is used by search pipeline {index_of(name)}." in text
    text, _changed = play(rag_state="absent", rag_name=f"{name} misspelt", fails=True)
    assert (
        f"The search pipeline {index_of(name)} uses the model {name}, and there is no model {name} misspelt or" in text
    )
    _text, planned = play("--check", rag_state="absent")
    assert recorder.writes == []
    assert play(rag_state="absent")[1] == planned
    assert not any(snapshot().values())
    recorder.clear()
    assert play(rag_state="absent")[1] == 0
    assert recorder.writes == []


#: Both contain the question. A rerank model and a search may order them differently.
SKY = [
    {"id": "sky", "text": BLUE},
    {"id": "twice", "text": f"{BLUE} {BLUE}"},
    {"id": "hours", "text": "Open from nine to five."},
]


@pytest.mark.full
@pytest.mark.parametrize("server", RERANKERS)
def test_a_rerank_model_orders_what_the_search_finds(
    play, cluster, recorder, name, snapshot, settings_restored, server
):  # fmt: skip
    reranker = RERANKERS[server]
    reranked = functools.partial(
        play,
        rag_rerank_model=reranker.model,
        rag_rerank_provider=reranker.provider,
        rag_rerank_base_url=reranker.base_url,
        rag_candidates=3,
        rag_documents=SKY,
    )
    _text, planned = reranked("--check")
    assert not any(snapshot().values())
    assert reranked()[1] == planned

    asked = next(request for request in recorder.requests if b'"search_pipeline"' in request.body)
    found = cluster.must("POST", asked.path, json.loads(asked.body))
    printed = reranker.scores(BLUE, [each["text"] for each in SKY])
    scores = {SKY[number]["id"]: float(score) for number, score in printed.items()}
    hits = found["hits"]["hits"]
    assert [hit["_id"] for hit in hits] == sorted(scores, key=lambda each: -scores[each])
    assert {hit["_id"]: hit["_score"] for hit in hits} == pytest.approx(scores, abs=1e-4)
    assert found["ext"]["retrieval_augmented_generation"]["answer"].strip()

    before = snapshot()
    recorder.clear()
    assert reranked()[1] == 0
    assert recorder.writes == []
    assert snapshot() == before
    _text, planned = play("--check", rag_state="absent")
    assert play(rag_state="absent")[1] == planned
    assert not any(snapshot().values())
