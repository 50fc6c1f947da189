# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""How a model comes to be: its group, its registration, and what is taken back where others do the same at that moment."""

from __future__ import annotations

from typing import Any, Mapping

from .._coordination.create import Creation, create_once
from .._errors.exceptions import Failure
from .._kinds import model as models
from .._kinds import model_group
from .._kinds.base import Doc, check_name
from .._kinds.model import Model
from .._kinds.model_group import ModelGroup
from .._operations.model_group import ensure, may_be_deleted
from .._runtime import versions
from .._runtime.run import Run
from . import deploy as deployment


def ensure_group(run: Run, group: Doc | None, name: str) -> Doc:
    """The stated group, or one of the model's name.

    Left to itself the server makes a group of the model's name, or quietly adds the model to one of that name. Where
    many models are made that spares each a write.
    """
    alone = group is None and run.in_bulk and not versions.supports(run.version, "custom_ids")
    if alone and not ModelGroup.all_named(run.client, name):
        check_name("model_group", name)
        run.perform("create", ModelGroup.LABEL, name, lambda: None)
        return Doc("", {"name": name})
    return ensure(run, group.name if group else name)


def register_model(run: Run, wanted: Mapping[str, Any], *, at_once: bool, timeout: float) -> tuple[Doc, bool]:
    """The model, and whether it was made here; ``at_once`` has it deployed too. Raises Failure."""
    creation = Creation(
        Model,
        {"function_name": "remote", **wanted},
        f"{Model.PATH}/_register",
        query={"deploy": "true"} if at_once else None,
        delete_own=lambda model_id: delete_with_group(run, model_id, wanted, timeout),
        matches=lambda doc: wanted.get("model_group_id") in (None, doc.source.get("model_group_id")),
        discriminator=str(wanted.get("model_group_id")),
    )
    doc, ours = create_once(run, creation)
    # 2.19 overlooks 'is_enabled' at the registration.
    overlooked = models.diff(doc.source, wanted) if ours else []
    if overlooked:
        if at_once:
            # The server writes the same document while it deploys: the later of two writes fails, be it its own.
            models.wait_until_not_deploying(run, doc.id, timeout=timeout, started=True)
        models.update(run, doc, {name: wanted[name] for name in overlooked}, timeout=timeout)
    return doc, ours


def check_group_stays(run: Run, doc: Doc, wanted: Mapping[str, Any], group: Doc, *, timeout: float) -> None:
    """Take the own model back where its group is not to stay, as another one of that name has been made at the same time: in
    the one that stays others have registered theirs. Raises Failure then."""
    if group.id and may_be_deleted(run, group, doc.created):
        delete_with_group(run, doc.id, wanted, timeout)
        raise Failure(
            "concurrent_change", f"Somebody else has made model group {group.name!r} ({group.id}) and takes it back."
        )


def delete_with_group(run: Run, model_id: str, wanted: Mapping[str, Any], timeout: float) -> None:
    """Remove the own model, with the group that the server made for it: of two models of one name that are registered at
    once, each may get a group of that name."""
    own = None if wanted.get("model_group_id") else Model.get(run.client, model_id)
    deployment.undeploy_and_delete(run, model_id, timeout)
    if own is not None and own.source.get("model_group_id"):
        model_group.delete_if_empty(run, Doc(own.source["model_group_id"], {"name": own.name}))
