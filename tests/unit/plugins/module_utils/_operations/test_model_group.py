# SPDX-License-Identifier: GPL-3.0-or-later
"""Creating model groups exactly once."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import ApiError, Failure
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._operations.model_group import (
    GROUP_CREATE_TRIES,
    ensure,
)
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.answers import error, hits
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import ML, FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import make_run
from ansible_collections.searchops.opensearch_ml.tests.unit.support.models import (
    NEW,
    apply,
    count_requests,
)
from ansible_collections.searchops.opensearch_ml.tests.unit.support.script import get, post


class TestEnsure:
    def test_creates_it_once(self, cluster: FakeCluster) -> None:
        run = make_run(cluster)
        first = ensure(run, "Chats")
        assert ensure(run, "Chats").id == first.id
        assert len(run.actions) == 1

    def test_another_controller_creates_it(self, cluster: FakeCluster) -> None:
        created: list[str] = []
        cluster.before("POST", "/model_groups/_register", lambda: created.append(cluster.add_group("Chats")))
        assert ensure(make_run(cluster), "Chats").id == created[0]
        assert list(cluster.groups) == created

    def test_another_controller_creates_and_deletes_it(self, cluster: FakeCluster) -> None:
        """The server refuses the name as taken, and the next search finds no group with it."""
        cluster.before("POST", "/model_groups/_register", lambda: cluster.add_group("Chats"))
        cluster.before(
            "POST",
            "/model_groups/_register",
            lambda: cluster.before("POST", "/model_groups/_search", cluster.groups.clear),
        )
        group = ensure(make_run(cluster), "Chats")
        assert list(cluster.groups) == [group.id]

    def test_other_controllers_create_several(self, cluster: FakeCluster) -> None:
        def other_controllers() -> None:
            cluster.groups.update({each: {"name": "Chats", "created_time": 1700001000000} for each in ("one", "two")})

        cluster.before("POST", "/model_groups/_register", other_controllers)
        with pytest.raises(Failure, match="2 model groups have the name 'Chats'") as caught:
            ensure(make_run(cluster), "Chats")
        assert caught.value.code == "concurrent_change"

    def test_a_group_that_the_user_may_not_read_has_the_name(self, script: Callable[..., Any]) -> None:
        taken = "The name you provided is already being used by a model group with ID: x."
        tried = [
            post(f"{ML}/model_groups/_register").answers(400, error(400, "illegal_argument_exception", taken)),
            post(f"{ML}/model_groups/_search").answers(200, hits()),
        ]
        run = make_run(
            script(
                post(f"{ML}/model_groups/_search").answers(200, hits()),
                get("/").answers(200, {"version": {"number": "3.6.0"}}),
                *tried * GROUP_CREATE_TRIES,
            )
        )
        with pytest.raises(ApiError) as caught:
            ensure(run, "Chats")
        assert caught.value.code == "group_name_taken"


class TestMayBeDeleted:
    @pytest.mark.parametrize(("age", "searches"), [(29, 2), (31, 1)])
    def test_only_a_recent_group_is_searched_again(self, cluster: FakeCluster, age: int, searches: int) -> None:
        cluster.add_connector()
        group = cluster.add_group("Shelf")
        # The model is created a second later.
        cluster.groups[group]["created_time"] -= (age - 1) * 1000
        apply(cluster, **NEW, model_group="Shelf")
        assert count_requests(cluster, "/model_groups/_search") == searches

    def test_a_group_of_this_task_is_not_searched_again(self, cluster: FakeCluster) -> None:
        cluster.add_connector()
        apply(cluster, **NEW, model_group="Shelf")
        searches = count_requests(cluster, "/model_groups/_search")
        apply(cluster, **{**NEW, "name": "Other"}, model_group="Shelf")
        assert count_requests(cluster, "/model_groups/_search") == searches + 2
