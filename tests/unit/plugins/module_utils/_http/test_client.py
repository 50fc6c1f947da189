# SPDX-License-Identifier: GPL-3.0-or-later
"""The client against scripted exchanges: hosts, retries and pauses, and the codes of failures."""

from __future__ import annotations

import json
from typing import Any, Callable
from urllib.parse import unquote

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import (
    AnswerLost,
    ApiError,
    Failure,
    Unreachable,
    WriteInCheckMode,
)
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http import exchange as exchange_module
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http.client import (
    Client,
    ClientOptions,
    segment,
)
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http.connection import choose_authentication
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http.retry import (
    MAX_PAUSE,
    MAX_RETRY_AFTER,
    STARTING_PAUSE,
    STARTING_RETRIES,
)
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.answers import error
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.clock import FakeClock
from ansible_collections.searchops.opensearch_ml.tests.unit.support.script import (
    Expected,
    Script,
    delete,
    get,
    post,
    put,
)

Scripter = Callable[..., Script]
MASTER_KEY = error(
    404,
    "status_exception",
    "The ML encryption master key has not been initialized yet. Please retry after waiting for 10 seconds.",
)


def client(
    transport: Script,
    *hosts: str,
    clock: FakeClock | None = None,
    mask: Callable[[str], str] = str,
    **options: Any,
) -> Client:
    names = list(hosts or ("http://one:9200",))
    return Client(
        names, transport, choose_authentication({}), ClientOptions(**options), clock=clock or FakeClock(), mask=mask
    )


def test_an_answer_is_decoded(script: Scripter) -> None:
    sent = script(get("/x?pretty=true").answers(200, {"a": [1]}))
    one = client(sent, "http://one:9200/", headers={"X-Team": "search"}, timeout=7.0)
    assert one.get("/x", {"pretty": "true"}).body == {"a": [1]}
    _method, url, headers, content, timeout = sent.sent[0]
    assert url == "http://one:9200/x?pretty=true"
    assert headers == {"Accept": "application/json", "X-Team": "search"}
    assert (content, timeout) == (None, 7.0)
    assert (one.reads, one.writes) == (1, 0)


def test_an_answer_is_decoded_only_once(script: Scripter, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []
    parse = exchange_module.parse_json
    monkeypatch.setattr(exchange_module, "parse_json", lambda text: parsed.append(text) or parse(text))
    assert client(script(get("/x").answers(200, {"a": 1}))).get("/x").body == {"a": 1}
    assert parsed == ['{"a": 1}']


def test_a_body_is_sent_as_json(script: Scripter) -> None:
    sent = script(post("/x/_search", {"query": "Größe"}), post("/x", {"a": 1}), put("/x/1", {}), delete("/x/1"))
    one = client(sent)
    one.search("/x/_search", {"query": "Größe"})
    one.create("/x", {"a": 1})
    one.change("PUT", "/x/1", {})
    one.change("DELETE", "/x/1")
    assert (one.reads, one.writes) == (1, 3)
    assert [headers.get("Content-Type") for _m, _u, headers, _c, _t in sent.sent] == ["application/json"] * 3 + [None]


@pytest.mark.parametrize(
    ("options", "header"),
    [
        ({}, None),
        ({"username": "joe", "password": "pässword"}, "Basic am9lOnDDpHNzd29yZA=="),
        ({"token": "abc"}, "Bearer abc"),
        ({"token": "abc", "username": "joe", "password": "x"}, "Bearer abc"),
        ({"token": "abc", "username": "joe", "password": "x", "auth_type": "basic"}, "Basic am9lOng="),
        ({"token": "abc", "auth_type": "none"}, None),
        ({"client_cert": "/cert.pem"}, None),
    ],
)
def test_each_request_is_authenticated(script: Scripter, options: dict[str, Any], header: str | None) -> None:
    sent = script(get("/"), get("/"))
    one = Client(["http://one"], sent, choose_authentication(options), clock=FakeClock())
    one.get("/")
    one.get("/")
    assert [headers.get("Authorization") for _m, _u, headers, _c, _t in sent.sent] == [header] * 2


@pytest.mark.parametrize(
    "options",
    [{"username": "joe"}, {"auth_type": "basic"}, {"auth_type": "bearer"}, {"auth_type": "client_cert"}],
    ids=str,
)
def test_incomplete_credentials_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(Failure, match="needs") as caught:
        choose_authentication(options)
    assert caught.value.code == "invalid_input"


class TestHosts:
    def test_the_next_host_is_tried_at_once(self, script: Scripter, clock: FakeClock) -> None:
        sent = script(get("/").is_refused(), get("/"))
        client(sent, "http://one", "http://two", clock=clock).get("/")
        assert sent.hosts == ["one", "two"]
        assert clock.slept == []

    def test_a_host_that_works_is_kept(self, script: Scripter) -> None:
        sent = script(get("/").is_refused(), get("/"), get("/"), put("/x"))
        one = client(sent, "http://one", "http://two")
        one.get("/")
        one.get("/")
        one.change("PUT", "/x", {})
        assert sent.hosts == ["one", "two", "two", "two"]

    def test_the_next_host_is_used_after_a_lost_answer(self, script: Scripter) -> None:
        sent = script(get("/").is_lost(), get("/"))
        client(sent, "http://one", "http://two").get("/")
        assert sent.hosts == ["one", "two"]

    def test_a_request_fails_when_all_hosts_are_down(self, script: Scripter, clock: FakeClock) -> None:
        sent = script(*[get("/").is_refused()] * 5)
        with pytest.raises(Unreachable, match=r"http://one, http://two.*connection refused") as caught:
            client(sent, "http://one", "http://two", retries=3, clock=clock).get("/")
        assert caught.value.code == "unreachable"
        assert sent.hosts == ["one", "two", "one", "two", "one"]
        assert clock.slept == pytest.approx([0.2, 0.4])

    def test_a_create_that_was_not_sent_is_repeated(self, script: Scripter) -> None:
        sent = script(post("/x").is_refused(), post("/x").answers(200, {"id": 1}))
        assert client(sent).create("/x", {}).body == {"id": 1}


class TestRetries:
    def test_pauses_grow_up_to_a_maximum(self, script: Scripter, clock: FakeClock) -> None:
        sent = script(*[get("/").answers(503, {})] * 7, get("/"))
        client(sent, retries=7, clock=clock).get("/")
        assert clock.slept == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2, MAX_PAUSE, MAX_PAUSE])

    def test_pauses_have_jitter(self, script: Scripter) -> None:
        clock = FakeClock(share=0.0)
        client(script(get("/").answers(503, {}), get("/")), clock=clock).get("/")
        assert clock.slept == pytest.approx([0.1])

    def test_zero_retries_send_a_request_once(self, script: Scripter, clock: FakeClock) -> None:
        with pytest.raises(ApiError):
            client(script(get("/").answers(503, {})), retries=0, clock=clock).get("/")
        assert clock.slept == []

    @pytest.mark.parametrize("status", [429, 503])
    @pytest.mark.parametrize(
        ("asked", "slept"),
        [("7", 7.0), ("0", 0.2), ("86400", MAX_RETRY_AFTER), ("Wed, 21 Oct 2026 07:28:00 GMT", 0.2), ("-5", 0.2)],
    )
    def test_retry_after_is_obeyed_up_to_a_maximum(
        self, script: Scripter, clock: FakeClock, status: int, asked: str, slept: float
    ) -> None:
        client(script(get("/").answers(status, {}, {"Retry-After": asked}), get("/")), clock=clock).get("/")
        assert clock.slept == pytest.approx([slept])

    @pytest.mark.parametrize(
        "passing",
        [
            get("/").answers(429, error(429, "rejected_execution_exception", "queue")),
            get("/").answers(503, error(503, "unavailable_shards_exception", "primary shard is not active")),
            get("/").answers(409, error(409, "version_conflict_engine_exception", "seqNo")),
            get("/").answers(500, error(500, "m_l_limit_exceeded_exception", "exceed max running task limit")),
            get("/").answers(502, "<html>Bad Gateway</html>"),
            get("/").answers(504, "<html>Gateway Timeout</html>"),
            get("/").is_lost(),
        ],
        ids=["429", "503", "409", "task limit", "502", "504", "lost"],
    )
    def test_transient_errors_are_retried(self, script: Scripter, passing: Expected) -> None:
        assert client(script(passing, get("/").answers(200, {"ok": 1}))).get("/").body == {"ok": 1}

    @pytest.mark.parametrize(
        ("status", "reason"),
        [
            (500, "null pointer"),
            (400, "bad"),
            (403, "no permissions for [x]"),
            (404, "none"),
            (409, "Cannot delete the model group when it has associated model versions"),
            (429, "Request is throttled at model level."),
            (429, "Error from remote service: slow down"),
            (503, "Error from remote service: Loading model"),
            (502, "Remote service returned empty response body"),
        ],
    )
    def test_permanent_errors_fail_at_once(self, script: Scripter, status: int, reason: str) -> None:
        with pytest.raises(ApiError, match="GET /x on http://one:9200 answered") as caught:
            client(script(get("/x").answers(status, error(status, "status_exception", reason)))).get("/x")
        assert caught.value.status == status
        assert caught.value.reason == reason

    def test_a_lasting_conflict_fails_after_all_retries(self, script: Scripter) -> None:
        conflict = put("/x").answers(409, error(409, "version_conflict_engine_exception", "seqNo"))
        with pytest.raises(ApiError) as caught:
            client(script(*[conflict] * 3), retries=2).change("PUT", "/x", {})
        assert caught.value.code == "version_conflict"

    def test_a_starting_cluster_gets_extra_retries(self, script: Scripter, clock: FakeClock) -> None:
        starting = post("/x").answers(404, MASTER_KEY)
        sent = script(*[starting] * STARTING_RETRIES, post("/x"))
        client(sent, retries=0, clock=clock).create("/x", {})
        assert clock.slept == [STARTING_PAUSE] * STARTING_RETRIES

    def test_extra_retries_are_limited(self, script: Scripter) -> None:
        starting = post("/x").answers(404, MASTER_KEY)
        with pytest.raises(ApiError) as caught:
            client(script(*[starting] * (STARTING_RETRIES + 1)), retries=0).create("/x", {})
        assert caught.value.code == "master_key"


class TestReports:
    """Each retry is counted, and reported with its pause."""

    def reports(self, one: Client) -> list[tuple[str, float]]:
        found: list[tuple[str, float]] = []
        one.on_retry = lambda line, pause: found.append((line, round(pause, 3)))
        return found

    def test_each_pause_is_reported_before_it_is_made(self, script: Scripter, clock: FakeClock) -> None:
        starting = get("/x").answers(503, "OpenSearch Security not initialized.")
        one = client(script(get("/x").is_lost(), get("/x").answers(503, {}), starting, get("/x")), clock=clock)
        lines: list[tuple[str, int]] = []
        one.on_retry = lambda line, pause: lines.append((line, len(clock.slept)))
        one.get("/x")
        assert lines == [
            ("GET /x brought no answer: sending again in 0.2 s (1 of 5)", 0),
            ("GET /x answered 503: sending again in 0.4 s (2 of 5)", 1),
            ("GET /x answered 503: sending again in 2.0 s (1 of 15)", 2),
        ]
        assert (one.reads, one.writes, one.retries) == (4, 0, 3)

    def test_the_next_host_needs_no_pause(self, script: Scripter, clock: FakeClock) -> None:
        one = client(script(post("/x").is_refused(), post("/x")), "http://one", "http://two", clock=clock)
        reported = self.reports(one)
        one.create("/x", {})
        assert reported == [("POST /x could not be sent: sending again to the next host (1 of 6)", 0.0)]
        assert (one.retries, clock.slept) == (1, [])

    def test_a_request_that_is_not_sent_again_is_not_counted(self, script: Scripter) -> None:
        one = client(script(*[get("/x").answers(503, {})] * 3), retries=2)
        reported = self.reports(one)
        with pytest.raises(ApiError):
            one.get("/x")
        assert (len(reported), one.retries) == (2, 2)

    def test_the_pause_before_a_failure_is_reported_but_not_counted(self, script: Scripter) -> None:
        rejected = error(429, "rejected_execution_exception", "queue")
        one = client(script(post("/x").answers(429, rejected, {"Retry-After": "3"})))
        reported = self.reports(one)
        with pytest.raises(AnswerLost):
            one.create("/x", {})
        assert (reported, one.retries) == ([("POST /x answered 429: continuing in 3.0 s", 3.0)], 0)

    def test_secrets_are_masked_and_control_characters_escaped(self, script: Scripter) -> None:
        one = client(
            script(get("/x/s3cret\x1b").answers(503, error(503, "x", "s3cret")), get("/x/s3cret\x1b")),
            mask=lambda text: text.replace("s3cret", "***"),
        )
        reported = self.reports(one)
        one.get("/x/s3cret\x1b")
        assert reported == [("GET /x/***\\x1b answered 503: sending again in 0.2 s (1 of 5)", 0.2)]

    def test_counts_of_another_client_are_added(self, script: Scripter) -> None:
        one, other = client(script()), client(script(get("/x").is_lost(), get("/x"), put("/x")))
        other.get("/x")
        other.change("PUT", "/x")
        one.add_counts(other)
        one.add_counts(other)
        assert (one.reads, one.writes, one.retries) == (4, 2, 2)


class TestStartUp:
    """The answers of a starting cluster: the client waits for each, but not without limit."""

    #: name -> the answer, the number of retries, and the code of the final failure.
    ANSWERS = {
        "security": (get("/x").answers(503, "OpenSearch Security not initialized."), STARTING_RETRIES, "security_starting"),
        "security, by an action": (
            get("/x").answers(503, error(503, "security_exception", "OpenSearch Security not initialized for a:b")),
            STARTING_RETRIES,
            "security_starting",
        ),
        "no state": (
            get("/x").answers(503, error(503, "cluster_block_exception", "blocked by: [1/state not recovered / initialized]")),
            STARTING_RETRIES,
            "cluster_starting",
        ),
        "no cluster manager": (
            get("/x").answers(503, error(503, "cluster_manager_not_discovered_exception", "null")),
            2,
            "no_cluster_manager",
        ),
        "master key": (get("/x").answers(404, MASTER_KEY), STARTING_RETRIES, "master_key"),
        "red, in a search": (
            get("/x").answers(503, error(503, "search_phase_execution_exception", "all shards failed")),
            STARTING_RETRIES,
            "shards_unavailable",
        ),
        "red, by an id": (
            get("/x").answers(503, error(503, "no_shard_available_action_exception", "No shard available for [get [a]]")),
            STARTING_RETRIES,
            "shards_unavailable",
        ),
        "red, in a write": (
            get("/x").answers(503, error(503, "unavailable_shards_exception", "primary shard is not active")),
            2,
            "shards_unavailable",
        ),
        "no plugin": (
            get("/x").answers(400, {"error": "no handler found for uri [/_plugins/_ml/x] and method [GET]"}),
            2,
            "no_ml_plugin",
        ),
        "a proxy": (get("/x").answers(503, "<html>Service Unavailable</html>"), 2, "cluster_starting"),
        "nothing": (get("/x").answers(503, ""), 2, "cluster_starting"),
    }  # fmt: skip

    @pytest.mark.parametrize(("answer", "tries", "code"), ANSWERS.values(), ids=ANSWERS)
    def test_a_start_is_waited_for(
        self, script: Scripter, clock: FakeClock, answer: Expected, tries: int, code: str
    ) -> None:
        sent = script(*[answer] * tries, get("/x").answers(200, {"up": True}))
        assert client(sent, retries=2, clock=clock).get("/x").body == {"up": True}
        assert clock.slept

    @pytest.mark.parametrize(("answer", "tries", "code"), ANSWERS.values(), ids=ANSWERS)
    def test_waiting_for_a_start_is_limited(
        self, script: Scripter, clock: FakeClock, answer: Expected, tries: int, code: str
    ) -> None:
        with pytest.raises(ApiError, match="GET /x on http://one:9200 answered") as caught:
            client(script(*[answer] * (tries + 1)), retries=2, clock=clock).get("/x")
        assert caught.value.code == code
        assert caught.value.remedy
        assert sum(clock.slept) <= STARTING_PAUSE * STARTING_RETRIES

    def test_a_create_refused_by_a_starting_cluster_is_repeated(self, script: Scripter) -> None:
        refused = post("/x").answers(503, "OpenSearch Security not initialized.")
        client(script(refused, refused, post("/x")), retries=0).create("/x", {})

    def test_a_create_that_met_missing_shards_is_not_repeated(self, script: Scripter) -> None:
        unknown = post("/x").answers(503, error(503, "search_phase_execution_exception", "all shards failed"))
        with pytest.raises(AnswerLost) as caught:
            client(script(unknown)).create("/x", {})
        assert caught.value.code == "shards_unavailable"

    def test_the_next_node_is_tried_while_one_starts(self, script: Scripter) -> None:
        starting = get("/x").answers(503, "OpenSearch Security not initialized.")
        sent = script(starting, get("/x"))
        client(sent, "http://one", "http://two", retries=0).get("/x")
        assert [url for _method, url, *_rest in sent.sent] == ["http://one/x", "http://two/x"]


class TestLostAnswers:
    def test_a_read_is_repeated_until_the_retries_are_used_up(self, script: Scripter, clock: FakeClock) -> None:
        with pytest.raises(Failure, match=r"GET /x .* brought no answer: the connection broke") as caught:
            client(script(*[get("/x").is_lost()] * 3), retries=2, clock=clock).get("/x")
        assert caught.value.code == "no_answer"
        assert clock.slept == pytest.approx([0.2, 0.4])

    def test_the_message_names_the_host_that_did_not_answer(self, script: Scripter) -> None:
        with pytest.raises(Failure, match="on http://one brought no answer"):
            client(script(get("/x").is_lost()), "http://one", "http://two", retries=0).get("/x")

    @pytest.mark.parametrize("method", ["PUT", "DELETE", "POST"])
    def test_a_change_is_repeated(self, script: Scripter, method: str) -> None:
        client(script(Expected(method, "/x").is_lost(), Expected(method, "/x"))).change(method, "/x")

    @pytest.mark.parametrize(
        "lost",
        [
            post("/x").is_lost(),
            post("/x").answers(502, "<html>Bad Gateway</html>"),
            post("/x").answers(503, error(503, "unavailable_shards_exception", "primary shard is not active")),
            post("/x").answers(504, ""),
            post("/x").answers(500, error(500, "m_l_limit_exceeded_exception", "exceed max running task limit")),
        ],
        ids=["lost", "502", "503", "504", "500"],
    )
    def test_a_create_is_not_repeated(self, script: Scripter, clock: FakeClock, lost: Expected) -> None:
        with pytest.raises(AnswerLost):
            client(script(lost), clock=clock).create("/x", {})
        assert clock.slept == []

    def test_a_create_that_the_server_refused_is_repeated(self, script: Scripter) -> None:
        busy = post("/x").answers(429, "Too Many Requests")
        conflict = post("/x").answers(409, error(409, "version_conflict_engine_exception", "seqNo"))
        client(script(busy, conflict, post("/x"))).create("/x", {})

    def test_a_create_that_was_rejected_may_have_been_handled(self, script: Scripter, clock: FakeClock) -> None:
        """ML Commons answers so when it has stored a model and rejects the step after that."""
        rejected = post("/x").answers(429, error(429, "rejected_execution_exception", "of MLTaskManager"))
        with pytest.raises(AnswerLost) as caught:
            client(script(rejected), clock=clock).create("/x", {})
        assert caught.value.status == 429
        assert len(clock.slept) == 1

    def test_a_model_call_is_not_repeated_after_a_lost_answer(self, script: Scripter) -> None:
        sent = script(post("/m/_predict").is_lost())
        with pytest.raises(Failure, match="no answer") as caught:
            client(sent).ask("/m/_predict", {"parameters": {}}, timeout=99.0)
        assert caught.value.code == "no_answer"
        assert sent.sent[0][4] == 99.0

    @pytest.mark.parametrize(
        ("status", "body"),
        [(504, "<html>"), (503, error(503, "no_shard_available_action_exception", "none"))],
    )
    def test_a_model_call_that_may_have_been_executed_is_not_repeated(
        self, script: Scripter, status: int, body: Any
    ) -> None:
        with pytest.raises(Failure):
            client(script(post("/m/_execute").answers(status, body))).ask("/m/_execute", {}, timeout=9.0)

    def test_secrets_in_a_lost_answers_message_are_masked(self, script: Scripter) -> None:
        sent = script(post("/m/_predict").is_lost("the head was s3cret"))
        with pytest.raises(Failure) as caught:
            client(sent, mask=lambda text: text.replace("s3cret", "***")).ask("/m/_predict", {}, timeout=9.0)
        assert "the head was ***" in caught.value.message


class TestStrangeAnswers:
    def test_a_redirect_is_refused(self, script: Scripter) -> None:
        with pytest.raises(Failure, match="redirected to https://elsewhere/") as caught:
            client(script(get("/").answers(302, "", {"Location": "https://elsewhere/"}))).get("/")
        assert (caught.value.code, caught.value.status) == ("redirected", 302)

    def test_a_redirect_of_the_backend_has_its_own_code(self, script: Scripter) -> None:
        path = "/_plugins/_ml/models/a/_predict"
        body = error(307, "status_exception", "Error from remote service: moved, for s3cret")
        sent = script(post(path).answers(307, body), post(path).answers(307, "", {"Location": "https://elsewhere/"}))
        one = client(sent, mask=lambda text: text.replace("s3cret", "***"))
        with pytest.raises(Failure, match=r"307, from the backend: .*moved, for \*\*\*$") as caught:
            one.ask(path, {}, timeout=1.0)
        assert (caught.value.code, caught.value.status) == ("backend_redirected", 307)
        with pytest.raises(Failure) as caught:
            one.ask(path, {}, timeout=1.0)
        assert caught.value.code == "redirected"

    @pytest.mark.parametrize("body", ["<html>Sign in</html>", "", '"text"', "3", "{"])
    def test_an_answer_without_json_is_not_from_opensearch(self, script: Scripter, body: str) -> None:
        with pytest.raises(Failure, match="without JSON") as caught:
            client(script(get("/").answers(200, body))).get("/")
        assert caught.value.code == "not_opensearch"

    @pytest.mark.parametrize(
        ("status", "body"),
        [
            (404, "404 page not found"),
            (405, "405 method not allowed"),
            (404, "<html>not found</html>"),
            (404, ""),
            (404, []),
            (404, {"error": {"code": 404, "message": "File Not Found", "type": "not_found_error"}}),
            (404, {"detail": "Not Found"}),
        ],
    )
    def test_an_error_of_another_server_is_recognized(self, script: Scripter, status: int, body: Any) -> None:
        with pytest.raises(Failure, match=f"answered {status}") as caught:
            client(script(post("/_plugins/_ml/connectors/_search").answers(status, body))).search(
                "/_plugins/_ml/connectors/_search", {}
            )
        assert (caught.value.code, caught.value.status) == ("not_opensearch", status)

    @pytest.mark.parametrize(
        ("status", "body", "code"),
        [
            (404, error(404, "status_exception", "strange"), "api_error"),
            (404, {"error": {"type": "x", "reason": "strange"}}, "api_error"),
            (404, {"error": {"type": "x", "details": "strange"}, "status": 404}, "api_error"),
            (404, {"error": "alias [a] missing", "status": 404}, "api_error"),
            (405, {"error": "Incorrect HTTP method for uri [/x] and method [PUT]", "status": 405}, "api_error"),
            (400, {"error": "no handler found for uri [/_other/x] and method [GET]"}, "api_error"),
            (404, error(404, "index_not_found_exception", "no such index [rag]"), "unknown_index"),
            (404, {"_index": "a", "_id": "1", "found": False}, "api_error"),
            (404, {}, "api_error"),
            (404, {"message": "Not Found"}, "api_error"),
            (404, {"Message": "Not Found"}, "api_error"),
            (403, "Forbidden", "forbidden"),
            (400, {"error": {"code": 400, "message": "no"}}, "api_error"),
            (500, "boom", "api_error"),
        ],
    )
    def test_errors_of_opensearch_and_its_gateways_are_recognized(
        self, script: Scripter, status: int, body: Any, code: str
    ) -> None:
        with pytest.raises(ApiError) as caught:
            client(script(get("/x").answers(status, body))).get("/x")
        assert caught.value.code == code

    @pytest.mark.parametrize(
        ("path", "status", "body", "code"),
        [
            ("/x/y", 400, {"error": "no handler found for uri [/foo/x/y] and method [GET]"}, "not_opensearch"),
            ("/", 404, error(404, "index_not_found_exception", "no such index [foo]"), "not_opensearch"),
            # A proxy has removed the path.
            ("/foo", 404, error(404, "index_not_found_exception", "no such index [foo]"), "unknown_index"),
            ("/x/y", 400, {"error": "no handler found for uri [/x/y] and method [GET]"}, "api_error"),
        ],
    )
    def test_errors_about_the_path_of_a_host_are_recognized(
        self, script: Scripter, path: str, status: int, body: Any, code: str
    ) -> None:
        with pytest.raises(Failure) as caught:
            client(script(get(f"/foo{path}").answers(status, body)), "http://one:9200/foo/").get(path)
        assert caught.value.code == code

    def test_a_plain_text_401_means_wrong_credentials(self, script: Scripter) -> None:
        with pytest.raises(ApiError, match="answered 401: Unauthorized") as caught:
            client(script(get("/").answers(401, "Unauthorized"))).get("/")
        assert caught.value.code == "wrong_credentials"

    def test_a_403_names_the_missing_permission(self, script: Scripter) -> None:
        reason = (
            "no permissions for [cluster:admin/opensearch/ml/create_connector] and User [name=joe, backend_roles=[]]"
        )
        with pytest.raises(ApiError) as caught:
            client(script(post("/x").answers(403, error(403, "security_exception", reason)))).create("/x", {})
        assert caught.value.code == "forbidden"
        assert caught.value.details == {"permission": "cluster:admin/opensearch/ml/create_connector"}
        assert "allows cluster:admin/opensearch/ml/create_connector" in caught.value.remedy

    def test_a_403_may_name_no_permission(self, script: Scripter) -> None:
        with pytest.raises(ApiError) as caught:
            client(script(get("/").answers(403, "Forbidden"))).get("/")
        assert caught.value.details == {}
        assert "{" not in caught.value.remedy

    @pytest.mark.parametrize(
        ("reason", "name"),
        [
            ('Invalid payload: {"a": "' + "x" * 3000 + '", "messages": ${parameters.messages} }', "messages"),
            ("Some parameter placeholder not filled in payload: model", "model"),
        ],
    )
    def test_an_unfilled_placeholder_is_named(self, script: Scripter, reason: str, name: str) -> None:
        with pytest.raises(ApiError, match=rf"answered 400 \(\$\{{parameters\.{name}\}} is not filled\): ") as caught:
            client(script(post("/x").answers(400, error(400, "x", reason)))).search("/x", {})
        assert (caught.value.code, caught.value.details) == ("placeholder_unfilled", {"placeholder": name})

    def test_an_error_page_is_an_api_error(self, script: Scripter) -> None:
        with pytest.raises(ApiError, match="answered 500: <html>"):
            client(script(get("/").answers(500, "<html>boom</html>"))).get("/")

    def test_control_characters_are_escaped(self, script: Scripter) -> None:
        with pytest.raises(ApiError) as caught:
            client(script(get("/").answers(400, error(400, "x", "a\x1b[31mred\u202e")))).get("/")
        assert "\x1b" not in caught.value.message
        assert "\u202e" not in caught.value.message

    def test_a_long_reason_is_shortened(self, script: Scripter) -> None:
        with pytest.raises(ApiError) as caught:
            client(script(get("/").answers(400, error(400, "x", "y" * 9000)))).get("/")
        assert len(caught.value.message) < 2100

    def test_an_accepted_status_is_an_answer(self, script: Scripter) -> None:
        answer = client(script(delete("/x").answers(404, {"e": 1}))).change("DELETE", "/x", accept=(404,))
        assert (answer.status, answer.body) == (404, {"e": 1})

    def test_invalid_utf8_is_a_failure(self, script: Scripter) -> None:
        broken = get("/")
        broken.outcome = broken.outcome._replace(content=b"\xff\xfe{")  # type: ignore[union-attr] # it is an answer
        with pytest.raises(Failure):
            client(script(broken)).get("/")

    def test_json_that_is_nested_too_deeply_is_a_failure(self, script: Scripter) -> None:
        with pytest.raises(Failure) as caught:
            client(script(get("/").answers(200, "[" * 200000))).get("/")
        assert caught.value.code == "not_opensearch"


def test_no_write_is_sent_in_check_mode(script: Scripter) -> None:
    one = client(script(get("/"), post("/x/_search")), read_only=True)
    one.get("/")
    one.search("/x/_search", {})
    with pytest.raises(WriteInCheckMode):
        one.create("/x", {})
    for method in ("PUT", "POST", "DELETE"):
        with pytest.raises(WriteInCheckMode, match=method):
            one.change(method, "/x", {})


@pytest.mark.parametrize("text", ["../../_all", "a/b", "a?b", "a#b", "Größe", "a b", "%2e%2e"])
def test_a_segment_stays_one_segment(text: str) -> None:
    quoted = segment(text)
    assert not set(quoted) & set("/?# ")
    assert unquote(quoted) == text


@pytest.mark.parametrize("text", [".", ".."])
def test_dot_segments_are_refused(text: str) -> None:
    with pytest.raises(Failure, match="not a valid name or id") as caught:
        segment(text)
    assert caught.value.code == "invalid_input"
    assert segment(text + "x") == text + "x"


def test_a_secret_in_a_body_is_not_in_the_failure(script: Scripter) -> None:
    sent = script(post("/x").answers(400, error(400, "x", "bad")))
    with pytest.raises(ApiError) as caught:
        client(sent).create("/x", {"credential": {"key": "s3cret"}})
    assert "s3cret" not in json.dumps(caught.value.as_dict())
