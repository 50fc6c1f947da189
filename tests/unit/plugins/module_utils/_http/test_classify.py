# SPDX-License-Identifier: GPL-3.0-or-later
"""What each outcome of a request means, and whether the request may be sent again: by server and by kind of request."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import (
    AnswerLost,
    ApiError,
    Failure,
    Unreachable,
)
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.server_errors import (
    RECOVERING,
    SOON,
    STARTING,
)
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http.classify import (
    NOT_SENT,
    OPENSEARCH,
    Decision,
    Dialect,
    classify,
)
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http.exchange import Exchange, Request
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http.transport import (
    NoAnswer,
    NotSent,
    RawAnswer,
)
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._ollama.client import DIALECT as OLLAMA
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.answers import error

READ = Request("GET", "/x")
CHANGE = Request("PUT", "/x", write=True)
CREATE = Request("POST", "/x", write=True, repeatable=False)
SHOW = Request("POST", "/api/show", {"model": "x"})
MODEL_CALL = Request("POST", "/m/_predict", repeatable=False)


def answer(status: int, body: Any = "", **headers: str) -> RawAnswer:
    return RawAnswer(status, headers, (body if isinstance(body, str) else json.dumps(body)).encode())


SENT_NOTHING = NotSent("connection refused")
LOST = NoAnswer("the connection broke")
OK = answer(200, {})
GATEWAY_PAGE = answer(502, "<html>Bad Gateway</html>")
TIMEOUT_PAGE = answer(504, "<html>Gateway Timeout</html>")
STARTS = answer(503, "OpenSearch Security not initialized.")
NO_SHARD = answer(503, error(503, "search_phase_execution_exception", "all shards failed"))
INACTIVE = answer(503, error(503, "unavailable_shards_exception", "primary shard is not active"))
REJECTED = answer(429, error(429, "rejected_execution_exception", "queue"))
THROTTLED = answer(429, "Too Many Requests")
CONFLICT = answer(409, error(409, "version_conflict_engine_exception", "seqNo"))
TASK_LIMIT = answer(500, error(500, "m_l_limit_exceeded_exception", "exceed max running task limit"))
BACKEND_BUSY = answer(503, error(503, "status_exception", "Error from remote service: busy"))
BROKEN = answer(500, error(500, "null_pointer_exception", "boom"))
REFUSED = answer(400, error(400, "x", "bad"))


def decide(request: Request, outcome: Any, dialect: Dialect = OPENSEARCH) -> Decision:
    hosts = ["http://one", "http://two"]
    kind = "answer" if isinstance(outcome, RawAnswer) else "error"
    exchange = Exchange(request, hosts[0], hosts, lambda text: text.replace("s3cret", "***"), **{kind: outcome})
    return classify(exchange, dialect)


#: The outcome; the failure code; then for a read, a change, a create and a call of a model: the retry kind, or the class of
#: the failure if the request must not be sent again.
ROWS = [
    (SENT_NOTHING, "unreachable", NOT_SENT, NOT_SENT, NOT_SENT, NOT_SENT),
    (LOST, "no_answer", SOON, SOON, AnswerLost, AnswerLost),
    (GATEWAY_PAGE, "api_error", SOON, SOON, AnswerLost, SOON),
    (TIMEOUT_PAGE, "api_error", SOON, SOON, AnswerLost, ApiError),
    (STARTS, "security_starting", STARTING, STARTING, STARTING, STARTING),
    (NO_SHARD, "shards_unavailable", RECOVERING, RECOVERING, AnswerLost, ApiError),
    (INACTIVE, "shards_unavailable", SOON, SOON, AnswerLost, SOON),
    (REJECTED, "api_error", SOON, SOON, AnswerLost, SOON),
    (THROTTLED, "api_error", SOON, SOON, SOON, SOON),
    (CONFLICT, "version_conflict", SOON, SOON, SOON, SOON),
    (TASK_LIMIT, "too_many_tasks", SOON, SOON, AnswerLost, SOON),
    (BACKEND_BUSY, "backend_busy", ApiError, ApiError, AnswerLost, ApiError),
    (BROKEN, "api_error", ApiError, ApiError, ApiError, ApiError),
    (REFUSED, "api_error", ApiError, ApiError, ApiError, ApiError),
    (answer(302, "", Location="https://elsewhere/"), "redirected", Failure, Failure, Failure, Failure),
    (answer(200, "<html>"), "not_opensearch", Failure, Failure, Failure, Failure),
    (answer(404, "404 page not found"), "not_opensearch", Failure, Failure, Failure, Failure),
]  # fmt: skip

#: The same for Ollama, for a repeatable request and for a write that is sent once.
OLLAMA_ROWS = [
    (SENT_NOTHING, "ollama_unreachable", NOT_SENT, NOT_SENT),
    (LOST, "ollama_no_answer", SOON, AnswerLost),
    (GATEWAY_PAGE, "ollama_no_answer", SOON, AnswerLost),
    (answer(404, {"error": "model 'x' not found"}), "ollama_model_missing", Failure, Failure),
    (answer(500, {"error": "something new"}), "ollama_error", Failure, Failure),
    (answer(401, ""), "ollama_unauthorized", Failure, Failure),
    (answer(404, "<html>"), "not_ollama", Failure, Failure),
    (answer(302, "", Location="https://elsewhere/"), "redirected", Failure, Failure),
]


def check(decision: Decision, code: str, expected: Any) -> None:
    """``expected``: the retry kind, or the class of a failure that is final."""
    assert decision.failure
    assert decision.failure.code == code
    if isinstance(expected, str):
        assert decision.retry == expected
    else:
        assert (decision.retry, type(decision.failure)) == (None, expected)


@pytest.mark.parametrize(("outcome", "code", "read", "change", "create", "call"), ROWS)
def test_a_cluster(outcome: Any, code: str, read: Any, change: Any, create: Any, call: Any) -> None:
    for request, expected in ((READ, read), (CHANGE, change), (CREATE, create), (MODEL_CALL, call)):
        check(decide(request, outcome), code, expected)


@pytest.mark.parametrize(("outcome", "code", "read", "write"), OLLAMA_ROWS)
def test_ollama(outcome: Any, code: str, read: Any, write: Any) -> None:
    check(decide(SHOW, outcome, OLLAMA), code, read)
    check(decide(CREATE, outcome, OLLAMA), code, write)


@pytest.mark.parametrize("dialect", [OPENSEARCH, OLLAMA])
@pytest.mark.parametrize("request_", [READ, CHANGE, CREATE, MODEL_CALL], ids=["read", "change", "create", "call"])
def test_a_success(request_: Request, dialect: Dialect) -> None:
    assert decide(request_, OK, dialect) == Decision()


def test_an_accepted_status_is_a_success() -> None:
    assert decide(Request("DELETE", "/x", write=True, accept=(404,)), answer(404, {})).failure is None


def test_only_a_rejected_create_pauses_before_its_failure() -> None:
    assert decide(CREATE, REJECTED).pause_before_failure
    assert not decide(CREATE, LOST).pause_before_failure
    assert not decide(READ, REJECTED).pause_before_failure


@pytest.mark.parametrize("request_", [READ, CREATE], ids=["read", "create"])
def test_the_header_retry_after_is_kept(request_: Request) -> None:
    busy = REJECTED._replace(headers={"Retry-After": "7"})
    assert decide(request_, busy).retry_after == "7"


@pytest.mark.parametrize(
    ("outcome", "summary"),
    [
        (SENT_NOTHING, "GET /x could not be sent"),
        (LOST, "GET /x brought no answer"),
        (GATEWAY_PAGE, "GET /x answered 502"),
    ],
)
def test_the_summary_of_an_exchange(outcome: Any, summary: str) -> None:
    kind = "answer" if isinstance(outcome, RawAnswer) else "error"
    assert Exchange(READ, "http://one", ["http://one"], **{kind: outcome}).summary == summary


@pytest.mark.parametrize(
    "outcome",
    [
        NotSent("s3cret"),
        NoAnswer("s3cret"),
        answer(400, error(400, "x", "s3cret")),
        answer(302, "", Location="https://s3cret/"),
        answer(200, "s3cret"),
        answer(404, "s3cret"),
    ],
)
def test_what_the_server_says_is_masked(outcome: Any) -> None:
    for dialect in (OPENSEARCH, OLLAMA):
        failure = decide(READ, outcome, dialect).failure
        assert failure
        assert "***" in failure.message
        assert "s3cret" not in failure.message


def test_an_unreachable_server_names_all_hosts() -> None:
    failure = decide(READ, SENT_NOTHING).failure
    assert isinstance(failure, Unreachable)
    assert failure.message == "No host could be reached (http://one, http://two): connection refused"
