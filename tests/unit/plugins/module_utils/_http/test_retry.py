# SPDX-License-Identifier: GPL-3.0-or-later
"""How often the retry policy sends a request again, and after which pauses."""

from __future__ import annotations

from typing import Iterable

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.server_errors import (
    RECOVERING,
    SOON,
    STARTING,
)
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http.classify import NOT_SENT, Decision
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http.retry import (
    MAX_RETRY_AFTER,
    STARTING_PAUSE,
    STARTING_RETRIES,
    Retry,
    RetryPolicy,
)


def pauses(decisions: Iterable[Decision], limit: int = 5, hosts: int = 1, jitter: float = 1.0) -> list[float | None]:
    """The pause after each decision; None if the request is not sent again."""
    policy = RetryPolicy(limit, hosts, lambda: jitter)
    retries = [policy.next(decision) for decision in decisions]
    return [retry and retry.pause for retry in retries]


def of(*kinds: str | None, retry_after: str = "") -> list[Decision]:
    return [Decision(retry=kind, retry_after=retry_after) for kind in kinds]


@pytest.mark.parametrize(
    ("decisions", "limit", "hosts", "expected"),
    [
        (of(None), 5, 1, [None]),
        (of(SOON), 0, 1, [None]),
        (of(*[SOON] * 7), 6, 1, [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, None]),
        # One host: as any other failure. Three hosts: a pause only after each round.
        (of(*[NOT_SENT] * 3), 2, 1, [0.2, 0.4, None]),
        (of(*[NOT_SENT] * 8), 5, 3, [0.0, 0.0, 0.2, 0.0, 0.0, 0.4, 0.0, None]),
        (of(*[NOT_SENT] * 3), 0, 3, [0.0, 0.0, None]),
        # Waiting for a start does not use up the retries, nor the other way round.
        (of(SOON, STARTING, SOON, RECOVERING, SOON), 2, 1, [0.2, STARTING_PAUSE, 0.4, STARTING_PAUSE, None]),
        (of(NOT_SENT, SOON, SOON), 1, 2, [0.0, None, None]),
        (of(SOON, retry_after="7"), 1, 1, [7.0]),
        (of(SOON, retry_after="86400"), 1, 1, [MAX_RETRY_AFTER]),
        (of(SOON, retry_after="9" * 400), 1, 1, [MAX_RETRY_AFTER]),
        (of(SOON, retry_after="0"), 1, 1, [0.2]),
        (of(SOON, retry_after="Wed, 21 Oct 2026 07:28:00 GMT"), 1, 1, [0.2]),
        # Before the next host no Retry-After is obeyed.
        (of(NOT_SENT, retry_after="7"), 1, 2, [0.0]),
        (of(STARTING, retry_after="7"), 0, 1, [STARTING_PAUSE]),
    ],
)
def test_pauses(decisions: list[Decision], limit: int, hosts: int, expected: list[float | None]) -> None:
    assert pauses(decisions, limit, hosts) == pytest.approx(expected)


def test_waiting_for_a_start_is_limited() -> None:
    found = pauses(of(*[STARTING, RECOVERING] * STARTING_RETRIES), limit=0)
    assert found == [STARTING_PAUSE] * STARTING_RETRIES + [None] * STARTING_RETRIES


def test_jitter_halves_a_pause_at_most() -> None:
    assert pauses(of(SOON, SOON), jitter=0.0) == pytest.approx([0.1, 0.2])


def test_retries_are_numbered() -> None:
    policy = RetryPolicy(5, 2, lambda: 1.0)
    lines = [str(policy.next(decision)) for decision in of(NOT_SENT, SOON, STARTING)]
    assert lines == [
        "sending again to the next host (1 of 6)",
        "sending again in 0.4 s (2 of 5)",
        "sending again in 2.0 s (1 of 15)",
    ]


def test_the_pause_before_a_failure_is_that_of_a_retry() -> None:
    policy = RetryPolicy(5, 1, lambda: 1.0)
    final = Decision(retry_after="3")
    assert policy.next(final) is None
    assert policy.pause(final) == 3.0
    assert policy.pause(Decision()) == pytest.approx(0.2)
    assert policy.next(of(SOON)[0]) == Retry(0.2, 1, 5)
