# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lists of pipelines on real servers."""

from __future__ import annotations

INFO = "opensearch_pipeline_info"


def test_by_name_pattern_and_type(module, name):
    body = {"search": {"request_processors": []}, "ingest": {"processors": [], "version": 1}}
    for kind in body:
        for number in (1, 2):
            module("opensearch_pipeline", name=f"{name} {number}", type=kind, definition=body[kind])
    expected = [(kind, f"{name} {number}") for kind in body for number in (1, 2)]
    for args, listed in (
        ({}, expected),
        ({"name": f"{name}*"}, expected),
        ({"name": f"{name} 2"}, expected[1::2]),
        ({"name": f"{name} *", "type": "ingest"}, expected[2:]),
        ({"name": f"{name} none"}, []),
        ({"name": f"{name} none*", "type": "search"}, []),
    ):
        for check in (False, True):
            result = module(INFO, check=check, **args)
            ours = [entry for entry in result["pipelines"] if entry["name"].startswith(name)]
            assert [(entry["type"], entry["name"]) for entry in ours] == listed
            assert all(entry["definition"] == body[entry["type"]] for entry in ours)
            assert (result["changed"], module.recorder.writes) == (False, [])


def test_processors_that_all_nodes_know(cluster, module):
    known = module(INFO, name="none", with_processors=True)["processors"]
    assert {"ml_inference", "text_embedding"} <= set(known["ingest"]["processors"])
    assert known["ingest"]["on_failure"] == known["ingest"]["processors"]
    assert {"ml_inference", "neural_query_enricher"} <= set(known["search"]["request_processors"])
    assert {"rerank", "retrieval_augmented_generation"} <= set(known["search"]["response_processors"])
    # 2.19 knows them too, but does not list them.
    assert ("normalization-processor" in known["search"]["phase_results_processors"]) is cluster.is_3
