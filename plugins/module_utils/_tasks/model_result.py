# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What ml_model returns: the model as it is or, in check mode, would be, and the diff."""

from __future__ import annotations

from typing import Any, Mapping

from .._kinds import model as models
from .._kinds.base import Doc
from .._runtime.run import Run
from .._values.compare import restrict_to


def of(
    options: Mapping[str, Any],
    run: Run,
    before: Doc | None,
    after: Doc,
    wanted: Mapping[str, Any],
    names: Mapping[str, tuple[str, str]],
) -> dict[str, Any]:
    """``names`` tells for ``connector`` and ``model_group`` the id and the name by which it was stated."""
    old = before.source if before else {}
    # In check mode the stated fields stand for what the server would store of them.
    new = {**after.source, **wanted} if run.check_mode else after.source
    diff = {"before": _shown(old, wanted, names), "after": _shown(new, wanted, names)}
    if options["state"] != "present":
        goal = {"deployed": models.DEPLOYED, "undeployed": models.UNDEPLOYED}[options["state"]]
        changing = any(
            action["action"] in ("register_and_deploy", "deploy", "repair", "undeploy") for action in run.actions
        )
        diff["after"]["state"] = goal if changing else models.state_of(after)
    else:
        diff["after"]["state"] = models.state_of(after)
    if before is not None:
        diff["before"]["state"] = models.state_of(before)
    model_id = after.id or None
    return {
        "model": models.to_result(Doc(after.id, {**new})) if model_id else _shown(new, wanted, names),
        "model_id": model_id,
        "model_group_id": new.get("model_group_id") or None,
        "connector_id": new.get("connector_id") or None,
        "diff": diff,
    }


def _shown(
    source: Mapping[str, Any], wanted: Mapping[str, Any], names: Mapping[str, tuple[str, str]]
) -> dict[str, Any]:
    """The stated fields; a group or connector under the name by which it was stated, as its id is not known before."""
    view = {name: restrict_to(value, wanted[name]) for name, value in models.for_display(source, wanted).items()}
    for option, (object_id, name) in names.items():
        stored = view.pop(f"{option}_id", None)
        if stored is not None:
            view[option] = name if stored == object_id else stored
    return view
