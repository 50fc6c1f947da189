# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Memory containers: sessions, messages, and facts that a model extracts from them.

Of the server (ml-commons 3.3 to 3.8, MemoryConfiguration and TransportUpdateMemoryContainerAction):

- A container without strategies has indexes for sessions and for the working memory, one with strategies also for the facts
  and their history. Containers with the same ``index_prefix`` share the indexes, by default all of them.
- An update merges. It ignores the fields of the configuration that concern the indexes. It resets ``max_infer_size`` if
  ``llm_id`` is sent without it, and ignores it if it is sent without ``llm_id``.
- Strategies have ids. An update changes those whose ids it names and adds those without an id; it cannot remove any.
- Any failure of an update is answered with "Internal server error", so that this module checks what it can before.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any, Iterable, Mapping, Sequence

from .._errors.exceptions import ApiError, Failure
from .._http.client import Client
from .._runtime import versions
from .._values.compare import contains, restrict_to, same_tree, without_none
from .base import Doc, Kind, check_name
from .definition import read_definition

#: The fields of a configuration that name models.
MODEL_FIELDS = ("llm_id", "embedding_model_id")

#: The fields about embeddings. The server validates them together, and fixes them once the container has strategies.
EMBEDDING_FIELDS = ("embedding_model_id", "embedding_model_type", "embedding_dimension")

#: The fields of a configuration that an update can change.
_CHANGEABLE = ("llm_id", "max_infer_size", "strategies", *EMBEDDING_FIELDS)

#: The fields of a configuration that only a create can set.
_FIXED = ("index_prefix", "index_settings", "parameters", "disable_history", "disable_session", "use_system_index")

#: The ways to extract facts from messages.
STRATEGY_TYPES = ("SEMANTIC", "USER_PREFERENCE", "SUMMARY")

EMBEDDING_TYPES = ("TEXT_EMBEDDING", "SPARSE_ENCODING")

#: The largest ``max_infer_size`` that the server accepts.
MAX_INFER_SIZE = 10

#: What a delete can delete with the container: each is an index.
MEMORY_TYPES = ("sessions", "working", "long-term", "history")


class MemoryContainer(Kind):
    LABEL = "memory container"
    PATH = "/_plugins/_ml/memory_containers"
    ID_FIELD = "memory_container_id"
    UNKNOWN_CODE = "unknown_memory_container"
    FIELDS = ("name", "description", "backend_roles", "configuration")
    READ_ONLY_FIELDS = ("created_time", "last_updated_time", "owner")
    SERVER_FIELDS = ("tenant_id",)
    # Seen on 3.6.0, which does not refresh the index after an update.
    VISIBLE_UPDATES = False
    NESTED = {
        "configuration": (*_CHANGEABLE, *_FIXED),
        "configuration.strategies": ("id", "enabled", "type", "namespace", "configuration"),
    }

    @classmethod
    def desired(cls, options: Mapping[str, Any]) -> dict[str, Any]:
        """With types in upper case, as the server returns them."""
        fields = super().desired(options)
        if "configuration" in fields:
            fields["configuration"] = _configuration(fields["configuration"])
        return fields

    @classmethod
    def observed(cls, source: Mapping[str, Any], desired: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """With a configuration without empty fields, and without the one that only the server sets."""
        fields = super().observed(source, desired)
        return {**fields, "configuration": _without_tenant(fields.get("configuration") or {})}

    @classmethod
    def same(cls, name: str, observed: Any, desired: Any) -> bool:
        if name == "configuration":
            return not differing(observed or {}, desired)
        return super().same(name, observed, desired)

    @classmethod
    def search(cls, client: Client, query: Mapping[str, Any]) -> list[Doc]:
        """All containers that match; none on a server whose version has none."""
        return super().search(client, query) if _has_containers(client) else []


def _has_containers(client: Client) -> bool:
    try:
        return versions.supports(versions.read_version(client), "memory_containers")
    except ApiError as error:
        if error.code != "forbidden":
            raise
        # Every answer of a server that has containers names its version.
        return False


def all_containers(client: Client) -> list[Doc]:
    """All memory containers of a cluster; none if a setting disables them."""
    try:
        return MemoryContainer.search(client, {"match_all": {}})
    except ApiError as error:
        if error.code != "feature_disabled":
            raise
        return []


def definition_fields(definition: Any) -> dict[str, Any]:
    """The fields of a pasted body, without those that only the server sets. Raises Failure for a value of a wrong type."""
    types: dict[str, type] = {"name": str, "description": str, "configuration": dict, "backend_roles": list}
    fields = read_definition(MemoryContainer, definition, types)
    strategies = fields.get("configuration", {}).get("strategies") or []
    if not isinstance(strategies, list) or not all(isinstance(each, dict) for each in strategies):
        raise Failure("invalid_input", "definition: configuration.strategies must be a list of mappings.")
    return fields


def _without_tenant(configuration: Mapping[str, Any]) -> dict[str, Any]:
    return without_none({name: value for name, value in configuration.items() if name != "tenant_id"})


def _configuration(given: Mapping[str, Any]) -> dict[str, Any]:
    fields = _without_tenant(given)
    if "embedding_model_type" in fields:
        fields["embedding_model_type"] = str(fields["embedding_model_type"]).upper()
    if "strategies" in fields:
        fields["strategies"] = [_strategy(each) for each in fields["strategies"]]
    return fields


def _strategy(given: Mapping[str, Any]) -> dict[str, Any]:
    fields = without_none(given)
    return {**fields, **({"type": str(fields["type"]).upper()} if "type" in fields else {})}


def matched(
    observed: Iterable[Mapping[str, Any]], desired: Sequence[Mapping[str, Any]]
) -> list[Mapping[str, Any] | None]:
    """For each desired strategy the observed one that it means, or None if it is new.

    That is the one with the same id, else with the same type and namespace, else the only one of its type.
    """
    left = list(observed)
    found: list[Mapping[str, Any] | None] = [None] * len(desired)

    def take(number: int, candidates: list[Mapping[str, Any]]) -> None:
        if found[number] is None and candidates:
            found[number] = candidates[0]
            left.remove(candidates[0])

    for number, want in enumerate(desired):
        take(number, [each for each in left if want.get("id") and each.get("id") == want["id"]])
    for number, want in enumerate(desired):
        same = (each for each in left if same_tree(_kind_of(each), _kind_of(want)))
        take(number, list(same) if not want.get("id") else [])
    for number, want in enumerate(desired):
        of_type = [each for each in left if each.get("type") == want.get("type")]
        take(number, of_type if not want.get("id") and len(of_type) == 1 else [])
    return found


def _kind_of(strategy: Mapping[str, Any]) -> list[Any]:
    return [strategy.get("type"), list(strategy.get("namespace") or [])]


def strategies_to_send(
    observed: Sequence[Mapping[str, Any]], desired: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The strategies for an update: the desired ones with the ids of those that they change. Others are disabled, as the
    server cannot remove them."""
    found = matched(observed, desired)
    sent = [{**want, **({"id": have["id"]} if have else {})} for want, have in zip(desired, found)]
    kept = [each.get("id") for each in found if each]
    return sent + [
        {"id": each["id"], "enabled": False} for each in observed if each.get("id") not in kept and _is_on(each)
    ]


def _is_on(strategy: Mapping[str, Any]) -> bool:
    return strategy.get("enabled") is not False


def after_update(observed: Sequence[Mapping[str, Any]], sent: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The strategies after an update, as the server merges them."""
    changes = {each["id"]: each for each in sent if each.get("id")}
    merged = [{**each, **changes.get(each.get("id"), {})} for each in observed]
    return merged + [{"enabled": True, **each} for each in sent if not each.get("id")]


def strategies_for_display(
    observed: Sequence[Mapping[str, Any]], desired: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The observed strategies with the desired keys, in the desired order, then the others that are enabled."""
    found = matched(observed, desired)
    shown = [restrict_to(dict(have), dict(want)) for want, have in zip(desired, found) if have]
    kept = [id(have) for have in found if have]
    others = [each for each in observed if id(each) not in kept and _is_on(each)]
    return shown + [{name: each.get(name) for name in ("id", "type", "enabled")} for each in others]


def _same_strategies(observed: Sequence[Mapping[str, Any]], desired: Sequence[Mapping[str, Any]]) -> bool:
    found = matched(observed, desired)
    if any(have is None for have in found) or any(_is_on(each) for each in observed if each not in found):
        return False
    return all(
        # The server enables a strategy that does not say.
        same_tree({"enabled": True, **(have or {})}.get(name), value)
        for want, have in zip(desired, found)
        for name, value in want.items()
    )


def differing(observed: Mapping[str, Any], desired: Mapping[str, Any]) -> list[str]:
    """The names of the desired fields of a configuration that differ."""
    return [name for name, value in desired.items() if not _same_field(name, observed.get(name), value)]


def _same_field(name: str, observed: Any, desired: Any) -> bool:
    if name == "strategies":
        return _same_strategies(observed or [], desired)
    if desired in ({}, False):
        # The server omits empty mappings.
        return not observed
    return observed is not None and contains(observed, desired)


def update_body(observed: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The body of an update. ``observed``: the container's fields. Of a configuration all that an update can change is sent,
    as the server validates some fields together."""
    body = dict(changes)
    if "configuration" in changes:
        have, want = observed.get("configuration") or {}, changes["configuration"]
        merged = {**have, **want}
        sent = {name: merged[name] for name in merged if name in _CHANGEABLE or (name not in _FIXED and name in want)}
        sent.pop("strategies", None)
        if "strategies" in want:
            sent["strategies"] = strategies_to_send(have.get("strategies") or [], want["strategies"])
        body["configuration"] = sent
    return body


def obstacle(observed: Mapping[str, Any], desired: Mapping[str, Any]) -> str | None:
    """Why an update cannot change the observed configuration to the desired one; None if it can."""
    changes = differing(observed, desired)
    fixed = [name for name in _FIXED if name in changes]
    if fixed:
        return f"the server sets {', '.join(fixed)} only when it creates a container"
    embedding = [name for name in EMBEDDING_FIELDS if name in changes]
    if embedding and observed.get("strategies") and observed.get("embedding_model_id"):
        return f"the server does not change {', '.join(embedding)} once the container has strategies"
    for number, want in enumerate(desired.get("strategies") or []):
        place = f"configuration.strategies[{number}]"
        have = next((each for each in observed.get("strategies") or [] if want.get("id") == each.get("id")), None)
        if want.get("id") and have is None:
            return f"it has no strategy with the id {want['id']!r} of {place}"
        if want.get("id") and have and want.get("type", have.get("type")) != have.get("type"):
            return f"the server does not change the type of a strategy, as {place} asks for"
    return None


def check(fields: Mapping[str, Any]) -> None:
    """Raises Failure for desired fields that are invalid on every server."""
    if "name" in fields:
        check_name("name", fields["name"])
    configuration = fields.get("configuration") or {}
    type_ = configuration.get("embedding_model_type")
    if type_ is not None and type_ not in EMBEDDING_TYPES:
        raise _invalid("embedding_model_type", f"must be {' or '.join(EMBEDDING_TYPES)}, not {type_!r}")
    if type_ == "SPARSE_ENCODING" and "embedding_dimension" in configuration:
        raise _invalid("embedding_dimension", "remove it, as sparse vectors have no dimension")
    size = configuration.get("max_infer_size")
    if size is not None and not (isinstance(size, int) and 1 <= size <= MAX_INFER_SIZE):
        raise _invalid("max_infer_size", f"must be from 1 to {MAX_INFER_SIZE}, not {size}")
    for number, strategy in enumerate(configuration.get("strategies") or []):
        _check_strategy_type(f"strategies[{number}].type", strategy.get("type"))


def _check_strategy_type(place: str, type_: str | None) -> None:
    """Raises Failure for no type, and for a known one misspelt. A later version may have others."""
    if type_ is None:
        raise _invalid(place, f"is required: {', '.join(STRATEGY_TYPES)}")
    near = get_close_matches(type_, STRATEGY_TYPES, 1, 0.8)
    if near and type_ not in STRATEGY_TYPES:
        raise _invalid(place, f"there is no {type_!r}; did you mean {near[0]!r}?")


def check_whole(configuration: Mapping[str, Any]) -> None:
    """Raises Failure for a whole configuration, as a container has it after the task, that the server would refuse."""
    embedding = [name for name in EMBEDDING_FIELDS[:2] if name in configuration]
    if len(embedding) == 1:
        missing = next(name for name in EMBEDDING_FIELDS[:2] if name not in embedding)
        raise _invalid(missing, f"is required with {embedding[0]}")
    if configuration.get("embedding_model_type") == "TEXT_EMBEDDING" and "embedding_dimension" not in configuration:
        raise _invalid(
            "embedding_dimension", "is required for TEXT_EMBEDDING: the number of dimensions of the model's vectors"
        )
    if "llm_id" not in configuration and "max_infer_size" in configuration:
        raise _invalid("max_infer_size", "has no effect without llm_id")
    strategies = configuration.get("strategies") or []
    if strategies and not ("llm_id" in configuration and embedding):
        raise _invalid("strategies", "need llm_id, embedding_model_id and embedding_model_type")
    for number, strategy in enumerate(strategies):
        if not strategy.get("namespace"):
            raise _invalid(f"strategies[{number}].namespace", "is required, for example [user_id]")


def _invalid(field: str, what: str) -> Failure:
    return Failure("invalid_input", f"configuration.{field}: {what}.")
