# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Register models and create their groups, each exactly once, and delete a registered model with its group."""

from __future__ import annotations

from functools import partial
from typing import Any, Mapping

from .._coordination.create import Creation, create_once
from .._coordination.duplicates import find_named
from .._errors.exceptions import ApiError, ConcurrentChange
from .._kinds import model as models
from .._kinds import model_group as groups
from .._kinds.base import Doc, check_name
from .._kinds.model import Model
from .._kinds.model_group import ModelGroup
from .._runtime import versions
from .._runtime.run import Run
from . import deploy


def ensure_group_of_model(run: Run, group: Doc | None, name: str) -> Doc:
    """The desired group, or a group with the model's name; created if it does not exist.

    Returns a group without an id if the server will create it at the registration: without a group in the request it
    creates one with the model's name, or adds the model to an existing group of that name. A stack uses that to save
    one write per model.
    """
    server_creates = group is None and run.in_bulk and not versions.supports(run.version, "custom_ids")
    if server_creates and not ModelGroup.all_named(run.reader, name):
        check_name("model_group", name)
        run.journal("create", ModelGroup.LABEL, name)
        return Doc("", {"name": name})
    return ensure_group(run, group.name if group else name)


def ensure_group(run: Run, name: str) -> Doc:
    """The group with this name, created if it does not exist. In check mode a missing group has an empty id."""
    found = find_named(run, ModelGroup, name)
    if found:
        return found
    check_name("model_group", name)
    created = run.perform("create", ModelGroup.LABEL, name, partial(create_group, run, {"name": name}))
    return created or Doc("", {"name": name})


def create_group(run: Run, fields: Mapping[str, Any]) -> Doc:
    """Create a group exactly once. Raises Failure, also if a group has the name that this user may not read."""
    delete_own = partial(ModelGroup.delete, run)
    try:
        return create_once(run, Creation(ModelGroup, fields, f"{ModelGroup.PATH}/_register", delete_own=delete_own))
    except ApiError as error:
        if error.code != "group_name_taken" or not ModelGroup.all_named(run.server, fields["name"]):
            raise
        raise ConcurrentChange(error.message, error.status) from error


def register_model(run: Run, fields: Mapping[str, Any], *, deploy_at_once: bool, timeout: float) -> Doc:
    """Register a model exactly once. ``deploy_at_once``: the same request starts a deployment. Raises Failure."""
    group_id = fields.get("model_group_id")
    creation = Creation(
        Model,
        {"function_name": "remote", **fields},
        f"{Model.PATH}/_register",
        query={"deploy": "true"} if deploy_at_once else None,
        delete_own=partial(delete_with_group, run, fields=fields, timeout=timeout),
        matches=lambda doc: group_id in (None, doc.source.get("model_group_id")),
        discriminator=str(group_id),
    )
    doc = create_once(run, creation)
    if "is_enabled" in fields:
        doc = Model.get(run.client, doc.id) or doc
    # 2.19 ignores 'is_enabled' in a registration.
    ignored = Model.diff(Model.observed(doc.source), fields)
    if ignored:
        if deploy_at_once:
            # The deployment writes the same document. The later of two concurrent writes fails, even if it is the
            # server's.
            models.wait_until_not_deploying(run, doc.id, timeout=timeout, started=True)
        models.update(run, doc, {name: fields[name] for name in ignored}, timeout=timeout)
    return doc


def delete_with_group(run: Run, model_id: str, fields: Mapping[str, Any], timeout: float) -> None:
    """Delete a model that this task registered, and its group if the server created that at the registration."""
    doc = None if fields.get("model_group_id") else Model.get(run.client, model_id)
    deploy.undeploy_and_delete(run, model_id, timeout)
    if doc is not None and doc.source.get("model_group_id"):
        groups.delete_if_empty(run, Doc(doc.source["model_group_id"], {"name": doc.name}))
