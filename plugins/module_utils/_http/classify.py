# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What an exchange with the server means, and whether its request may be sent again.

Which errors of a cluster are worth a retry is in the ``retry`` column of the rules in ``_errors/server_errors.py``.
"""

from __future__ import annotations

from typing import Callable, Collection, NamedTuple

from .._errors import server_errors
from .._errors.exceptions import AnswerLost, ApiError, Failure, Unreachable
from .._errors.server_errors import RECOVERING, SOON, STARTING
from .exchange import Exchange
from .transport import NotSent

#: A gateway answers with these statuses. They do not show whether the server has executed the request.
GATEWAY = (502, 503, 504)

#: The retry kind of a request that was not sent: the next host is tried without a pause.
NOT_SENT = "not sent"


class Decision(NamedTuple):
    """What an exchange means.

    ``failure``: None after a success; else raised if the request is not sent again, after one more pause if
    ``pause_before_failure``. ``retry``: the retry kind, or None if the request must not be sent again. ``retry_after``:
    the server's header of this name.
    """

    failure: Failure | None = None
    retry: str | None = None
    retry_after: str = ""
    pause_before_failure: bool = False


SUCCESS = Decision()


class Dialect(NamedTuple):
    """How one kind of server answers. ``unreachable`` and ``no_answer`` are the failure codes without an answer;
    ``wrong_host`` the codes that a wrong host may explain."""

    classify_answer: Callable[[Exchange], Decision]
    unreachable: str = "unreachable"
    no_answer: str = "no_answer"
    wrong_host: Collection[str] = ()


def classify(exchange: Exchange, dialect: Dialect) -> Decision:
    """What an exchange means, and whether its request may be sent again."""
    if isinstance(exchange.error, NotSent):
        message = f"No host could be reached ({', '.join(exchange.hosts)}): {exchange.mask(str(exchange.error))}"
        return Decision(Unreachable(dialect.unreachable, message), NOT_SENT)
    if exchange.error:
        message = f"{exchange.where} brought no answer: {exchange.mask(str(exchange.error))}"
        decision = Decision(Failure(dialect.no_answer, message), SOON)
    else:
        decision = dialect.classify_answer(exchange)
    if decision.failure and not exchange.request.repeatable:
        decision = _if_not_repeatable(exchange, decision, decision.failure)
    return decision._replace(retry_after=exchange.answer.headers.get("Retry-After", ""))


def _if_not_repeatable(exchange: Exchange, decision: Decision, failure: Failure) -> Decision:
    """For a request that must not be executed twice: no retry if the server may have executed it."""
    status, retry = exchange.status, decision.retry
    rejected = status == 429 and retry is not None and isinstance(failure, ApiError) and failure.kind != ""
    unknown = rejected or status in GATEWAY or (status >= 500 and retry is not None)
    if exchange.error or (exchange.request.write and unknown and retry != STARTING):
        lost = AnswerLost(failure.code, failure.message, failure.status)
        # A 429 does not show that the request was rejected: ML Commons also answers so when it has stored a model and has
        # no capacity for the step after that (3.6.0).
        return decision._replace(failure=lost, retry=None, pause_before_failure=rejected)
    return decision._replace(retry=None) if status == 504 or retry == RECOVERING else decision


def classify_opensearch(exchange: Exchange) -> Decision:
    """What an answer of a cluster means."""
    status = exchange.status
    if status in exchange.request.accept:
        return SUCCESS
    if status >= 400:
        return _classify_error(exchange)
    if status >= 300:
        return classify_redirect(exchange)
    if isinstance(exchange.body, (dict, list)):
        return SUCCESS
    message = f"{exchange.where} answered {status} without JSON: {exchange.mask(str(exchange.body))[:200]}"
    return Decision(Failure("not_opensearch", message, status))


def classify_redirect(exchange: Exchange) -> Decision:
    """What a redirect means, which the client never follows."""
    # ML Commons passes a redirect of the backend on as JSON, without its Location; a proxy in front of the cluster answers
    # with a page or nothing.
    if "/_predict" in exchange.request.path and isinstance(exchange.body, dict):
        reason = exchange.mask(server_errors.decode_error(exchange.body)[1])
        message = f"{exchange.where} answered {exchange.status}, from the backend: {reason}"
        return Decision(Failure("backend_redirected", message, exchange.status))
    location = exchange.mask(exchange.answer.headers.get("Location", "nowhere"))
    return Decision(Failure("redirected", f"{exchange.where} was redirected to {location}.", exchange.status))


def _classify_error(exchange: Exchange) -> Decision:
    where, status, body, mask = exchange.where, exchange.status, exchange.body, exchange.mask
    kind, reason = server_errors.decode_error(body)
    if server_errors.is_from_another_server(exchange.host, exchange.request.path, status, body, reason):
        message = f"{where} answered {status}: {mask(reason)[:200]}"
        return Decision(Failure("not_opensearch", message, status))
    code, retry = server_errors.classify(status, kind, reason)
    if retry is None and status in (502, 504) and code == "api_error":
        retry = SOON
    details = server_errors.remedy_details(code, reason)
    # Before the reason, as that quotes the payload and may be shortened.
    unfilled = f" (${{parameters.{details['placeholder']}}} is not filled)" if "placeholder" in details else ""
    message = f"{where} answered {status}{unfilled}: {mask(reason)}"
    return Decision(ApiError(code, message, status, kind, reason, **details), retry)


OPENSEARCH = Dialect(
    classify_opensearch,
    wrong_host=("unreachable", "no_answer", "redirected", "not_opensearch", "wrong_credentials", "no_ml_plugin"),
)
