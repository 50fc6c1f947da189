# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Models: how they are found, what differs, and how they come to be deployed or undeployed."""

from __future__ import annotations

from typing import Any, Callable, Iterable, Mapping

from .._errors.exceptions import Failure
from .._http.client import Client
from .._runtime.run import Run
from .._values.compare import canonical, contains, same_text, same_tree, without_none
from .base import Doc, Kind
from .connector.resource import words_of

REGISTERED, DEPLOYING, DEPLOYED, PARTIALLY_DEPLOYED = "REGISTERED", "DEPLOYING", "DEPLOYED", "PARTIALLY_DEPLOYED"
DEPLOY_FAILED, UNDEPLOYED = "DEPLOY_FAILED", "UNDEPLOYED"

#: All states that a model can be in.
STATES = (
    REGISTERED, "REGISTERING", DEPLOYING, DEPLOYED, PARTIALLY_DEPLOYED, DEPLOY_FAILED, UNDEPLOYED,
)  # fmt: skip

#: Of what a rate limit is so many requests.
UNITS = ("NANOSECONDS", "MICROSECONDS", "MILLISECONDS", "SECONDS", "MINUTES", "HOURS", "DAYS")

#: States in which at least one node serves the model or is about to.
LIVE = frozenset({DEPLOYED, PARTIALLY_DEPLOYED, DEPLOYING})

#: The fields in which a model is stated and compared; a PUT takes each of them.
FIELDS = (
    "name", "description", "model_group_id", "connector_id", "is_enabled",
    "rate_limiter", "guardrails", "interface", "deploy_setting",
)  # fmt: skip


class Model(Kind):
    LABEL = "model"
    PATH = "/_plugins/_ml/models"
    ID_FIELD = "model_id"
    UNKNOWN_CODE = "unknown_model"
    # It may have to be undeployed before.
    DUPLICATE_TIMEOUT = 20.0
    # The chunks of local models share the index.
    MUST_NOT = ({"exists": {"field": "chunk_number"}},)


def state_of(doc: Doc) -> str:
    return str(doc.source.get("model_state"))


def undeployed_by_ttl(doc: Doc) -> bool:
    """Whether the server itself undeployed the model because it was idle, and a prediction will bring it back."""
    setting = doc.source.get("deploy_setting") or {}
    return int(setting.get("model_ttl_minutes") or -1) > 0 and setting.get("is_auto_deploy_enabled") is not False


def desired(options: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that the options state; nested options that are None count as not stated."""
    fields = {name: value for name, value in without_none(options).items() if name in FIELDS}
    for name in ("rate_limiter", "deploy_setting", "guardrails"):
        if name in fields:
            fields[name] = _pruned(fields[name])
    return fields


def diff(source: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """The names of the stated fields that the stored model does not fulfil."""
    return [name for name in wanted if not _same(name, _value(source, name), wanted[name])]


def for_display(source: Mapping[str, Any], fields: Iterable[str] = FIELDS) -> dict[str, Any]:
    """Fields for results and diffs: JSON taken out of strings."""
    return {name: canonical(_value(source, name)) for name in fields if _value(source, name) is not None}


def to_result(doc: Doc) -> dict[str, Any]:
    """A model as modules return it."""
    more = (
        "algorithm", "model_version", "created_time", "last_updated_time", "last_deployed_time",
        "planning_worker_node_count", "current_worker_node_count", "planning_worker_nodes",
    )  # fmt: skip
    return {
        "model_id": doc.id,
        "state": state_of(doc),
        **for_display(doc.source),
        **{name: doc.source[name] for name in more if name in doc.source},
    }


def using_connectors(client: Client, connector_ids: Iterable[str]) -> list[Doc]:
    """All models that refer to one of the connectors, whatever their state."""
    wanted = set(connector_ids)
    return Model.search_exact(client, "connector_id", wanted, connector_query(wanted))


def connector_query(connector_ids: Iterable[str]) -> dict[str, Any]:
    """A search for the models of any number of connectors, which may find more than those."""
    # The field is text, of which one word is looked for; where it is mapped as a keyword it holds the id as it is.
    ids = set(connector_ids)
    return {"terms": {"connector_id": sorted(ids | {max(sorted(words_of(each)), key=len) for each in ids})}}


def falsely_matched_users(client: Client, connector_id: str) -> list[Doc]:
    """The models for whose sake the server refuses to delete a connector, although all of them use others: their
    connectors' ids have a word of its id. Empty where a model does use it, or did a moment ago."""
    words = words_of(connector_id)
    if len(words) < 2:
        return []
    found = Model.reread(client, Model.search(client, {"match": {"connector_id": connector_id}}))
    used = [str(doc.source.get("connector_id")) for doc in found]
    return [] if any(each == connector_id or words.isdisjoint(words_of(each)) for each in used) else found


def ids_by_field(client: Client, field: str) -> dict[str, list[str]]:
    """The ids of all models by what they have in a field, as one search tells them."""
    found: dict[str, list[str]] = {}
    for doc in Model.search(client, {"exists": {"field": field}}):
        found.setdefault(str(doc.source.get(field)), []).append(doc.id)
    return found


def in_group(client: Client, group_id: str) -> list[Doc]:
    """All models of a group, whatever their state."""
    return Model.search_exact(client, "model_group_id", [group_id], {"term": {"model_group_id": group_id}})


def check_name_free(client: Client, doc: Doc, name: str, group_id: str) -> None:
    """Refuse a name that another model of the group has, as then neither could be found by it. Raises Failure."""
    others = [
        other.id
        for other in Model.all_named(client, name)
        if other.id != doc.id and other.source.get("model_group_id") == group_id
    ]
    if others:
        raise Failure(
            "model_name_taken",
            f"The name {name!r} belongs to another model of the group: {', '.join(others)}.",
            ids=others,
        )


def update(run: Run, doc: Doc, fields: Mapping[str, Any], *, timeout: float) -> None:
    """Change fields of a model. One that is just being deployed is waited for, as the server would refuse."""
    if state_of(doc) == DEPLOYING:
        wait_until_not_deploying(run, doc.id, timeout=timeout)
    Model.update(run, doc.id, dict(fields))


def wait_until_not_deploying(run: Run, model_id: str, *, timeout: float, started: bool = False) -> Doc:
    """The model as soon as it is not being deployed any more.

    ``started`` tells that a deployment was asked for, so that a model that is still only registered is waited for too.
    """
    passing = {DEPLOYING, REGISTERED} if started else {DEPLOYING}
    return wait_for(run, model_id, lambda doc: state_of(doc) not in passing, f"to leave {DEPLOYING}", timeout)


def wait_for(run: Run, model_id: str, done: Callable[[Doc], bool], what: str, timeout: float) -> Doc:
    """The model as soon as ``done`` holds for it. Raises Failure when it vanishes, or after ``timeout`` seconds."""

    def read() -> Doc:
        doc = Model.get(run.client, model_id)
        if doc is None:
            raise Failure("concurrent_change", f"Model {model_id} was removed while it was waited for.")
        return doc

    return run.wait_until(
        read,
        done,
        what=f"model {model_id} {what}",
        describe=lambda doc: f"model_state {state_of(doc)}",
        timeout=timeout,
    )


def _value(source: Mapping[str, Any], name: str) -> Any:
    """A field by its meaning: 2.19 stores no ``is_enabled`` unless it was changed, and limits are stored as text."""
    value = source.get(name)
    if name == "is_enabled" and value is None and source:
        return True
    if name == "rate_limiter" and value and value.get("limit") is not None:
        return {**value, "limit": float(value["limit"])}
    return value


def _same(name: str, have: Any, want: Any) -> bool:
    if name == "interface":
        # A schema is also changed by what is no longer in it.
        return isinstance(have, dict) and all(same_tree(have.get(side), want[side]) for side in want)
    if isinstance(want, (dict, list)):
        return have is not None and contains(have, want)
    return same_text(have if have is not None else "", want)


def _pruned(value: Any) -> Any:
    """Nested options without those that were not given."""
    if isinstance(value, Mapping):
        # The server drops empty lists.
        return {name: _pruned(item) for name, item in without_none(value).items() if item != []}
    if isinstance(value, list):
        return [_pruned(item) for item in value]
    return value
