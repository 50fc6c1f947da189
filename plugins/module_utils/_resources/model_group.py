# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Model groups: the shelves on which models stand. Their names are unique on a cluster."""

from __future__ import annotations

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._client import segment
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors import ApiError, Failure
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._resource import LONGEST_NAME, Doc, Kind
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._run import Run


class ModelGroup(Kind):
    LABEL = "model group"
    PATH = "/_plugins/_ml/model_groups"
    ID_FIELD = "model_group_id"
    UNKNOWN = "unknown_model_group"


def ensure(run: Run, name: str) -> Doc:
    """The group of this name, made where it is missing. In check mode a missing one is told by an empty id."""
    found = ModelGroup.only(ModelGroup.named(run.client, name), name)
    if found:
        return found
    made = run.act("create", ModelGroup.LABEL, name, lambda: _create(run, name))
    return made or Doc("", {"name": name})


def _create(run: Run, name: str) -> Doc:
    if not name.strip() or len(name) > LONGEST_NAME:
        raise Failure(
            "invalid_input", f"model_group: a name must have 1 to {LONGEST_NAME} characters, this one has {len(name)}."
        )
    try:
        return ModelGroup.create_one(
            run,
            {"name": name},
            lambda: ModelGroup.named(run.client, name),
            path=f"{ModelGroup.PATH}/_register",
            withdraw=lambda group_id: ModelGroup.delete(run, group_id),
        )[0]
    except ApiError as error:
        # Somebody made it between the look and the register: then it is the group that was wanted.
        found = ModelGroup.named(run.client, name) if error.code == "group_name_taken" else []
        if len(found) != 1:
            raise
        return found[0]


def delete_if_empty(run: Run, group: Doc) -> bool:
    """Delete the group unless models are in it, which the server itself refuses (409). Returns whether it is gone."""
    answer = run.client.change("DELETE", f"{ModelGroup.PATH}/{segment(group.id)}", accept=(404, 409))
    return answer.status != 409
