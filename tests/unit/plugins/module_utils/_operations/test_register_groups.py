# SPDX-License-Identifier: GPL-3.0-or-later
"""Creating model groups exactly once."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import (
    ApiError,
    ConcurrentChange,
)
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._operations.register import ensure_group
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.answers import error, hits
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import ML, FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import make_run
from ansible_collections.searchops.opensearch_ml.tests.unit.support.script import get, post


def test_it_is_created_once(cluster: FakeCluster) -> None:
    run = make_run(cluster)
    first = ensure_group(run, "Chats")
    assert ensure_group(run, "Chats").id == first.id
    assert len(run.actions) == 1


def test_another_controller_creates_it(cluster: FakeCluster) -> None:
    """The server refuses the second group. The task starts over and finds the first one."""
    created: list[str] = []
    cluster.before("POST", "/model_groups/_register", lambda: created.append(cluster.add_group("Chats")))
    with pytest.raises(ConcurrentChange, match="already being used"):
        ensure_group(make_run(cluster), "Chats")
    assert list(cluster.groups) == created


def test_a_group_that_the_user_may_not_read_has_the_name(script: Callable[..., Any]) -> None:
    taken = "The name you provided is already being used by a model group with ID: x."
    search = f"{ML}/model_groups/_search"
    run = make_run(
        script(
            post(search).answers(200, hits()),
            get("/").answers(200, {"version": {"number": "3.6.0"}}),
            post(f"{ML}/model_groups/_register").answers(400, error(400, "illegal_argument_exception", taken)),
            post(search).answers(200, hits()),
        )
    )
    with pytest.raises(ApiError) as caught:
        ensure_group(run, "Chats")
    assert caught.value.code == "group_name_taken"
