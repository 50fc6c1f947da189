# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Models: fields, states, comparison, searches and updates."""

from __future__ import annotations

from typing import Any, Callable, Iterable, Mapping

from .._errors.exceptions import ApiError, ConcurrentChange, Failure
from .._http.client import Client
from .._runtime import versions
from .._runtime.reader import Key, Reader
from .._runtime.run import Run
from .._values.compare import canonical, contains, same_tree, text_of, without_none
from .base import Doc, Kind
from .connector.resource import words_of
from .definition import read_definition

REGISTERED, DEPLOYING, DEPLOYED, PARTIALLY_DEPLOYED = "REGISTERED", "DEPLOYING", "DEPLOYED", "PARTIALLY_DEPLOYED"
DEPLOY_FAILED, UNDEPLOYED = "DEPLOY_FAILED", "UNDEPLOYED"

#: All states of a model.
STATES = (
    REGISTERED, "REGISTERING", DEPLOYING, DEPLOYED, PARTIALLY_DEPLOYED, DEPLOY_FAILED, UNDEPLOYED,
)  # fmt: skip

#: The units of a rate limit.
UNITS = ("NANOSECONDS", "MICROSECONDS", "MILLISECONDS", "SECONDS", "MINUTES", "HOURS", "DAYS")

#: States in which at least one node serves the model, or is about to.
LIVE = frozenset({DEPLOYED, PARTIALLY_DEPLOYED, DEPLOYING})

#: The sides of the guardrails, and the fields of one side.
GUARDRAIL_SIDES = ("input_guardrail", "output_guardrail")
GUARDRAIL_FIELDS = ("stop_words", "regex", "model_id", "response_filter", "response_validation_regex")

#: The fields of a model's configuration with names that the server stores in upper case.
_ENUMS = frozenset({"framework_type", "pooling_mode"})

#: The field of the keys with one word of a connector's id, by which the server matches ids.
CONNECTOR_WORD = "connector_word"


class Model(Kind):
    LABEL = "model"
    PATH = "/_plugins/_ml/models"
    ID_FIELD = "model_id"
    UNKNOWN_CODE = "unknown_model"
    IN_USE_CODE = "model_in_use"
    # The chunks of local models are in the same index.
    MUST_NOT = ({"exists": {"field": "chunk_number"}},)
    REFERENCES = ("connector_id", "model_group_id")
    # A PUT accepts each of them.
    FIELDS = (
        "name", "description", "model_group_id", "connector_id", "is_enabled",
        "rate_limiter", "guardrails", "interface", "deploy_setting", "model_config",
    )  # fmt: skip
    READ_ONLY_FIELDS = (
        "algorithm", "model_version", "created_time", "last_updated_time", "last_deployed_time",
        "planning_worker_node_count", "current_worker_node_count", "planning_worker_nodes",
    )  # fmt: skip
    SERVER_FIELDS = (
        "model_state", "is_hidden", "tenant_id", "deploy_to_all_nodes", "auto_redeploy_retry_times",
        "last_registered_time", "last_undeployed_time",
        # The limits of single users are an object of their own, which ml_controller manages.
        "is_controller_enabled",
        # The content of local models, and the names of fields before 2.7.
        "model_format", "model_content", "model_content_size_in_bytes", "model_content_hash_value", "chunk_number",
        "total_chunks", "content", "version", "last_uploaded_time", "last_loaded_time", "last_unloaded_time",
    )  # fmt: skip
    NESTED = {
        "rate_limiter": ("limit", "unit"),
        "guardrails": ("type", "input_guardrail", "output_guardrail"),
        "guardrails.input_guardrail": GUARDRAIL_FIELDS,
        "guardrails.output_guardrail": GUARDRAIL_FIELDS,
        "guardrails.input_guardrail.stop_words": ("index_name", "source_fields"),
        "guardrails.output_guardrail.stop_words": ("index_name", "source_fields"),
        "deploy_setting": ("is_auto_deploy_enabled", "model_ttl_minutes"),
    }
    OPTION_OF = {
        "model_group_id": "model_group", "connector_id": "connector", "connector": "connector",
        # A model that the module registers is remote.
        "function_name": "connector",
    }  # fmt: skip
    STORED_SINCE = {"provisioned_by": "provisioned_by"}

    @classmethod
    def desired(cls, options: Mapping[str, Any]) -> dict[str, Any]:
        """Without nested options that are None."""
        fields = super().desired(options)
        for name in {"rate_limiter", "deploy_setting", "guardrails"} & set(fields):
            fields[name] = _without_nested_none(fields[name])
        if "interface" in fields:
            fields["interface"] = without_none(fields["interface"])
        if "model_config" in fields:
            fields["model_config"] = _model_config(fields["model_config"])
        return fields

    @classmethod
    def observed(cls, source: Mapping[str, Any], desired: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """2.19 stores ``is_enabled`` only after a change, and the server stores limits as text."""
        fields = super().observed(source, desired)
        if source:
            fields.setdefault("is_enabled", True)
        if "model_config" in fields:
            fields["model_config"] = _model_config(fields["model_config"])
        limiter = fields.get("rate_limiter") or {}
        if limiter.get("limit") is not None:
            fields["rate_limiter"] = {**limiter, "limit": float(limiter["limit"])}
        return fields

    @classmethod
    def same(cls, name: str, observed: Any, desired: Any) -> bool:
        if name == "interface":
            # To remove a keyword from a schema is a change, too.
            return isinstance(observed, dict) and all(
                same_tree(observed.get(side), schema) for side, schema in desired.items()
            )
        if isinstance(desired, (dict, list)):
            return observed is not None and contains(observed, desired)
        return super().same(name, observed, desired)

    @classmethod
    def for_display(cls, fields: Mapping[str, Any]) -> dict[str, Any]:
        """With JSON strings parsed."""
        return super().for_display({name: canonical(value) for name, value in fields.items()})

    @classmethod
    def to_result(cls, doc: Doc) -> dict[str, Any]:
        return {"state": state_of(doc), **super().to_result(doc)}

    @classmethod
    def keys_of(cls, doc: Doc) -> set[Key]:
        words = words_of(str(doc.source.get("connector_id") or ""))
        return super().keys_of(doc) | {(CONNECTOR_WORD, word) for word in words}

    @classmethod
    def _field_query(cls, field: str, values: list[str]) -> dict[str, Any]:
        if field == CONNECTOR_WORD:
            return {"terms": {"connector_id": values}}
        if field == "connector_id":
            # Where the field is text, one word of the id matches; where it is a keyword, only the whole id does.
            longest_words = {max(sorted(words_of(each)), key=len) for each in values}
            return {"terms": {"connector_id": sorted({*values, *longest_words})}}
        return super()._field_query(field, values)


#: Field of a body -> the type of its value.
_DEFINITION_TYPES: Mapping[str, type] = {
    **dict.fromkeys(("name", "description", "connector_id", "model_group_id", "function_name"), str),
    **dict.fromkeys(("rate_limiter", "guardrails", "interface", "deploy_setting", "model_config"), dict),
    "is_enabled": bool,
}


def definition_fields(definition: Any) -> dict[str, Any]:
    """The fields of a pasted body, by the names of the options, without those that only the server sets. Raises Failure for a
    value of a wrong type, and for a model that does not call a backend."""
    fields = read_definition(Model, definition, _DEFINITION_TYPES)
    kind = str(fields.pop("function_name", None) or definition.get("algorithm") or "remote")
    if kind.lower() != "remote":
        raise Failure(
            "invalid_input",
            f"definition: the model is of the kind {kind}, which runs on the nodes; the module manages those with "
            "'function_name: remote'.",
        )
    if "model_format" in definition:
        raise Failure(
            "invalid_input",
            "definition: the model has a 'model_format', so it runs on the nodes; the module manages models that call a backend "
            "through a connector.",
        )
    if "connector" in fields:
        raise Failure(
            "invalid_input",
            "definition: the model has a connector of its own; create that with ml_connector, and give its name as 'connector'.",
        )
    limiter = fields.get("rate_limiter")
    if limiter and "limit" in limiter:
        try:
            fields["rate_limiter"] = {**limiter, "limit": float(limiter["limit"])}
        except (TypeError, ValueError) as exc:
            raise Failure("invalid_input", "definition: rate_limiter.limit must be a number.") from exc
    for option in ("connector", "model_group"):
        if f"{option}_id" in fields:
            fields[option] = fields.pop(f"{option}_id")
    return fields


def state_of(doc: Doc) -> str:
    return str(doc.source.get("model_state"))


def is_remote(doc: Doc) -> bool:
    """Whether the model calls a backend through a connector; local models run on the nodes."""
    return str(doc.source.get("algorithm")).upper() == "REMOTE"


def is_live(doc: Doc) -> bool:
    """True if at least one node serves the model, or is about to."""
    return state_of(doc) in LIVE


def undeployed_by_ttl(doc: Doc) -> bool:
    """True if the server may have undeployed the model because it was idle, and deploys it again on a prediction."""
    setting = doc.source.get("deploy_setting") or {}
    return int(setting.get("model_ttl_minutes") or -1) > 0 and setting.get("is_auto_deploy_enabled") is not False


def using_connectors(reader: Reader, connector_ids: Iterable[str]) -> list[Doc]:
    """All models that refer to one of the connectors, in any state."""
    return Model.having(reader, [("connector_id", each) for each in connector_ids])


def falsely_matched_users(reader: Reader, connector_id: str) -> list[Doc]:
    """The models because of which the server refuses to delete a connector that none of them uses.

    Before 3.9, the server matches ids word by word, and the ids of their connectors share a word with this one. Empty if a
    model uses the connector, or did so a moment ago.
    """
    words = words_of(connector_id)
    # An id of one word cannot share a word with another id.
    if len(words) < 2 or versions.supports(reader.fact(versions.read_version), "exact_users"):
        return []
    found = reader.reread(Model, reader.find(Model, [(CONNECTOR_WORD, word) for word in words]))
    used = [str(doc.source.get("connector_id")) for doc in found]
    return [] if any(each == connector_id or words.isdisjoint(words_of(each)) for each in used) else found


def ids_by_field(client: Client, field: str) -> dict[str, list[str]]:
    """The ids of all models, grouped by the value of ``field``. One search."""
    ids: dict[str, list[str]] = {}
    for doc in Model.search(client, {"exists": {"field": field}}):
        ids.setdefault(str(doc.source.get(field)), []).append(doc.id)
    return ids


def in_group(reader: Reader, group_id: str) -> list[Doc]:
    """All models of a group, in any state."""
    return Model.having(reader, [("model_group_id", group_id)])


def check_name_free(reader: Reader, doc: Doc, name: str, group_id: str) -> None:
    """Raise Failure if another model of the group has this name: neither could be found by it."""
    others = [
        other.id
        for other in Model.all_named(reader, name)
        if other.id != doc.id and other.source.get("model_group_id") == group_id
    ]
    if others:
        raise Failure(
            "model_name_taken",
            f"Another model of the group has the name {name!r}: {', '.join(others)}.",
            ids=others,
        )


def update(run: Run, doc: Doc, fields: Mapping[str, Any], *, timeout: float) -> None:
    """Change fields of a model. Waits while it is being deployed, as the server refuses changes meanwhile."""
    end = run.clock.now() + timeout
    while True:
        if state_of(doc) == DEPLOYING:
            doc = wait_until_not_deploying(run, doc.id, timeout=max(1.0, end - run.clock.now()))
        try:
            return Model.update(run, doc.id, dict(fields))
        except ApiError as error:
            # On several nodes, a deployed model may be deploying again for some seconds (seen on 3.6.0).
            if "is deploying" not in error.reason or run.clock.now() >= end:
                raise
        run.clock.sleep(0.5)


def wait_until_not_deploying(run: Run, model_id: str, *, timeout: float, started: bool = False) -> Doc:
    """Wait until no deployment of the model is under way, at most ``timeout`` seconds. Returns the model.

    ``started``: a deployment was requested, so a model that is still only registered is not ready either.
    """
    not_ready = {DEPLOYING, REGISTERED} if started else {DEPLOYING}
    return wait_for(run, model_id, lambda doc: state_of(doc) not in not_ready, f"to leave {DEPLOYING}", timeout)


def wait_for(run: Run, model_id: str, done: Callable[[Doc], bool], what: str, timeout: float) -> Doc:
    """Re-read a model until ``done`` returns True for it. Returns the model.

    Raises Failure if the model is deleted, or after ``timeout`` seconds.
    """

    def read() -> Doc:
        doc = Model.get(run.client, model_id)
        if doc is None:
            raise ConcurrentChange(f"Model {model_id} was deleted while this task waited for it.")
        return doc

    return run.wait_until(
        read,
        done,
        what=f"model {model_id} {what}",
        describe=lambda doc: f"model_state {state_of(doc)}",
        timeout=timeout,
    )


def check_version(version: versions.Version, fields: Mapping[str, Any]) -> None:
    """Raises Failure for a field that a server of this version drops."""
    if "additional_config" in (fields.get("model_config") or {}):
        versions.require(version, "additional_config", "model_config: additional_config")


#: The types of frameworks that servers know (2.19.1, 3.6.0).
_FRAMEWORKS = ("sentence_transformers", "huggingface_transformers", "huggingface_transformers_neuron")


def check_new_config(version: versions.Version, config: Mapping[str, Any] | None) -> None:
    """Raises Failure for the configuration of a new model that the server would refuse (2.19.1, 3.6.0)."""
    if not config:
        return
    of_remote_models = versions.supports(version, "additional_config")
    needed = {"model_type": "such as TEXT_EMBEDDING"}
    if not of_remote_models or str(config.get("model_type")).lower() == "text_embedding":
        needed.update(
            embedding_dimension="the length of the vectors", framework_type=f"one of {', '.join(_FRAMEWORKS)}"
        )
    missing = [f"{name} ({meant})" for name, meant in needed.items() if config.get(name) is None]
    additional = config.get("additional_config")
    has_space_type = isinstance(additional, Mapping) and "space_type" in additional
    if of_remote_models and len(needed) > 1 and not has_space_type:
        missing.append("additional_config.space_type (such as l2 or cosinesimil)")
    if missing:
        raise Failure(
            "invalid_input", f"model_config: lacks {', '.join(missing)}, which OpenSearch {version} requires."
        )
    if "framework_type" in config and config["framework_type"] not in _FRAMEWORKS:
        raise Failure(
            "invalid_input",
            f"model_config: framework_type: {config['framework_type']!r} is none of {', '.join(_FRAMEWORKS)}.",
        )


def _model_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration with the names of the server's enums in lower case, and with ``all_config`` as the text that the
    server requires."""
    fields = without_none(config)
    for name in _ENUMS & set(fields):
        fields[name] = str(fields[name]).lower()
    if "all_config" in fields:
        fields["all_config"] = text_of(fields["all_config"])
    return fields


def _without_nested_none(value: Any) -> Any:
    """A nested option without those that were not given."""
    if isinstance(value, Mapping):
        # The server drops empty lists.
        given = {name: item for name, item in without_none(value).items() if item != [] or name not in GUARDRAIL_FIELDS}
        return {name: _without_nested_none(item) for name, item in given.items()}
    if isinstance(value, list):
        return [_without_nested_none(item) for item in value]
    return value
