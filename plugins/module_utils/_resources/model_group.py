# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Model groups: the shelves on which models stand. Their names are unique on a cluster."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._client import segment
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._contention import Ambiguous, settled, step_aside
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._creation import create_one
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors import ApiError, Failure
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._resource import LONGEST_NAME, Doc, Kind
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._run import Run
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._values import given, same_text

#: The fields in which a group is stated and compared.
FIELDS = ("name", "description", "access_mode", "backend_roles", "add_all_backend_roles")

#: Those of them that say who may use the group; the server judges them together, so they are sent together.
ACCESS = ("access_mode", "backend_roles", "add_all_backend_roles")

#: Seconds after which a group that somebody has made is not taken back any more because of another one of its name.
PASSING = 30.0

#: How often a group is made whose name is taken by one that is gone at the next look.
TAKEN_TRIES = 4


class ModelGroup(Kind):
    LABEL = "model group"
    PATH = "/_plugins/_ml/model_groups"
    ID_FIELD = "model_group_id"
    UNKNOWN = "unknown_model_group"


def stated(options: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that the options state."""
    fields = {name: value for name, value in given(options).items() if name in FIELDS}
    if not fields.get("add_all_backend_roles"):
        # Said with no, the server takes it for a wish to name roles.
        fields.pop("add_all_backend_roles", None)
    return fields


def stored(source: Mapping[str, Any]) -> dict[str, Any]:
    """The same fields out of what the server answers; which roles were added all at once is not told."""
    fields = {name: source[name] for name in FIELDS if source.get(name) is not None}
    if source.get("access") is not None:
        fields["access_mode"] = source["access"]
    return fields


def differing(source: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """The names of the stated fields that the stored group does not fulfil."""
    current = stored(source)
    return [name for name in wanted if not _same(name, current, wanted[name])]


def serialise(doc: Doc) -> dict[str, Any]:
    """A group as modules return it."""
    more = ("latest_version", "created_time", "last_updated_time", "owner")
    return {
        "model_group_id": doc.id,
        **stored(doc.source),
        **{name: doc.source[name] for name in more if name in doc.source},
    }


def ensure(run: Run, name: str) -> Doc:
    """The group of this name, made where it is missing. In check mode a missing one is told by an empty id."""
    found = settled(run.client, lambda: ModelGroup.only(ModelGroup.named(run.client, name), name))
    if found:
        return found
    check_name("model_group", name)
    made = run.act("create", ModelGroup.LABEL, name, lambda: create(run, {"name": name})[0])
    return made or Doc("", {"name": name})


def is_passing(run: Run, group: Doc, used: int) -> bool:
    """Whether a group that was ``used`` for something new, in milliseconds since 1970, is gone or about to be taken back: of
    several that were made at once the oldest stays. One that was made by this task, or long before, takes no request."""
    if (ModelGroup.PATH, group.id) in run.beside:
        return False
    if used - group.created > PASSING * 1000:
        return False
    # A get tells the present, while the copy of the index that a search asks may not have seen yet what another one has.
    if ModelGroup.get(run.client, group.id) is None:
        return True
    found = ModelGroup.search(run.client, {"term": {"name.keyword": group.name}})
    others = ModelGroup.read_anew(run.client, [doc for doc in found if doc.id != group.id])
    # In the order of Kind.named, whose first one stays.
    return any((other.created, other.id) < (group.created, group.id) for other in others if other.name == group.name)


def check_name(option: str, name: str) -> None:
    """Raises Failure, naming the option, where this can be no group's name."""
    if not name.strip() or len(name) > LONGEST_NAME:
        raise Failure(
            "invalid_input", f"{option}: a name must have 1 to {LONGEST_NAME} characters, this one has {len(name)}."
        )


def create(run: Run, fields: Mapping[str, Any]) -> tuple[Doc, bool]:
    """The group, and whether it was made here."""
    name, attempt = fields["name"], 0
    while True:
        try:
            return create_one(
                ModelGroup,
                run,
                fields,
                path=f"{ModelGroup.PATH}/_register",
                withdraw=lambda group_id: ModelGroup.delete(run, group_id),
            )
        except ApiError as error:
            attempt += 1
            if error.code != "group_name_taken":
                raise
            # Somebody made it between the look and the register: then it is the group that was wanted.
            try:
                found = settled(run.client, lambda: ModelGroup.only(ModelGroup.named(run.client, name), name))
            except Ambiguous as several:
                # There was none before.
                raise Failure("concurrent_change", several.message, **several.details) from error
            if found:
                return found, False
            # Or takes it back already; a group that cannot be seen keeps the name.
            if attempt == TAKEN_TRIES:
                raise
        step_aside(run, attempt)


def delete_if_empty(run: Run, group: Doc) -> bool:
    """Delete the group unless models are in it, which the server itself refuses (409). Returns whether it is gone."""
    answer = run.client.change("DELETE", f"{ModelGroup.PATH}/{segment(group.id)}", accept=(404, 409))
    return answer.status != 409


def _same(name: str, current: Mapping[str, Any], want: Any) -> bool:
    have = current.get(name)
    if name == "backend_roles":
        return set(have or []) == set(want)
    if name == "add_all_backend_roles":
        return current.get("access_mode") == "restricted" and bool(current.get("backend_roles"))
    return same_text(have if have is not None else "", want)
