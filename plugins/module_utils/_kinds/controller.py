# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Controllers: rate limits of single users for a model. A model has at most one, under the model's id."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Any, Mapping

from .._errors.exceptions import Failure
from .._http.client import Client, segment
from .._runtime.run import Run, WaitTimeout
from . import model as models
from .base import Doc, Kind
from .model import Model

#: Seconds within which a model has the flag that it has limits, once the server has answered their write.
FLAG_LAG_SECONDS = 5.0


class Controller(Kind):
    LABEL = "controller"
    PATH = "/_plugins/_ml/controllers"
    ID_FIELD = "model_id"
    UNKNOWN_CODE = "unknown_controller"
    FIELDS = ("user_rate_limiter",)
    READ_ONLY_FIELDS = ()

    @classmethod
    def desired(cls, options: Mapping[str, Any]) -> dict[str, Any]:
        """With each limit as a number. Raises Failure."""
        fields = super().desired(options)
        limits = fields.get("user_rate_limiter", {})
        return {**fields, "user_rate_limiter": {str(user): _limit(str(user), limits[user]) for user in limits}}

    @classmethod
    def observed(cls, source: Mapping[str, Any], desired: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """With each limit as a number; the server stores text."""
        return {**super().observed(source, desired), "user_rate_limiter": limits_of(Doc("", dict(source)))}

    @classmethod
    def same(cls, name: str, observed: Any, desired: Any) -> bool:
        if name == "user_rate_limiter":
            return bool(observed == desired)
        return super().same(name, observed, desired)


def _limit(user: str, limit: Any) -> dict[str, Any]:
    where = f"user_rate_limiter: {user}"
    if not isinstance(limit, Mapping) or set(limit) != {"limit", "unit"}:
        raise Failure("invalid_input", f"{where}: must have 'limit' and 'unit', and nothing else.")
    try:
        number = math.nan if isinstance(limit["limit"], bool) else float(limit["limit"])
    except (TypeError, ValueError):
        number = math.nan
    # The server also accepts 0; a user with that limit cannot use a deployed model at all.
    if not 0 < number < math.inf:
        raise Failure("invalid_input", f"{where}: limit: must be a number above zero, not {limit['limit']!r}.")
    if limit["unit"] not in models.UNITS:
        raise Failure("invalid_input", f"{where}: unit: must be one of {', '.join(models.UNITS)}.")
    return {"limit": number, "unit": str(limit["unit"])}


def limits_of(doc: Doc | None) -> dict[str, dict[str, Any]]:
    """The observed limit of each user, with the limit as a number; the server stores text."""
    limits = (doc.source.get("user_rate_limiter") if doc else None) or {}
    return {user: _as_number(limits[user]) for user in sorted(limits)}


def _as_number(limit: Mapping[str, Any]) -> dict[str, Any]:
    """The limit with a number. Another client may have left out its number or its unit."""
    return {**limit, **({"limit": float(limit["limit"])} if limit.get("limit") is not None else {})}


def to_result(model: Doc, fields: Mapping[str, Any]) -> dict[str, Any]:
    """A controller as modules return it."""
    return {"model_id": model.id or None, "model_name": model.name, **Controller.for_display(fields)}


def models_with_limits(client: Client) -> list[Doc]:
    """All models that have limits for single users. One search."""
    return Model.search(client, {"term": {"is_controller_enabled": True}})


def write(run: Run, model: Doc, fields: Mapping[str, Any], *, timeout: float) -> None:
    """Replace the limits of all users, with all other fields. Waits ``timeout`` seconds for a deployment to end, as the server refuses limits
    during it. Raises Failure."""
    if models.state_of(model) == models.DEPLOYING:
        models.wait_until_not_deploying(run, model.id, timeout=timeout)
    # A POST replaces all limits; a PUT would keep those of users that the body does not have.
    run.client.change("POST", f"{Controller.PATH}/{segment(model.id)}", dict(fields))
    # The server sometimes answers before the model has the flag (seen on 3.6.0), which the next run reads.
    with suppress(WaitTimeout):
        run.wait_until(
            lambda: Model.get(run.client, model.id),
            lambda doc: doc is None or bool(doc.source.get("is_controller_enabled")),
            what=f"model {model.id} to know its limits",
            describe=lambda doc: "not yet",
            timeout=min(timeout, FLAG_LAG_SECONDS),
        )
