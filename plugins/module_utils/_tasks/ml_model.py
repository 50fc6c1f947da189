# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What ml_model does: registered, as stated, and deployed or not."""

from __future__ import annotations

from typing import Any, Mapping

from .._coordination.duplicates import one_or_none
from .._errors.exceptions import Failure
from .._http.connection import wait_options
from .._kinds import model as models
from .._kinds import model_group
from .._kinds.base import Doc, check_name
from .._kinds.model import Model
from .._kinds.model_group import ModelGroup
from .._operations import deploy as deployment
from .._operations import register
from .._operations.deploy_errors import missing_dependency_failure
from .._operations.model_group import ensure
from .._runtime import versions
from .._runtime.module import Module
from .._runtime.run import Run
from . import find_model, model_result

_GUARDRAIL_SIDE = {
    "type": "dict",
    "options": {
        "stop_words": {
            "type": "list",
            "elements": "dict",
            "options": {
                "index_name": {"type": "str", "required": True},
                "source_fields": {"type": "list", "elements": "str", "required": True},
            },
        },
        "regex": {"type": "list", "elements": "str"},
        "model_id": {"type": "str"},
        "response_filter": {"type": "str"},
        "response_validation_regex": {"type": "str"},
    },
}

OPTIONS = {
    "name": {"type": "str"},
    "model_id": {"type": "str"},
    "state": {"type": "str", "default": "deployed", "choices": ["present", "deployed", "undeployed", "absent"]},
    "connector": {"type": "str"},
    "model_group": {"type": "str"},
    "description": {"type": "str"},
    "is_enabled": {"type": "bool"},
    "rate_limiter": {
        "type": "dict",
        "options": {
            "limit": {"type": "float", "required": True},
            "unit": {
                "type": "str",
                "required": True,
                "choices": list(models.UNITS),
            },
        },
    },
    "guardrails": {
        "type": "dict",
        "options": {
            "type": {"type": "str", "choices": ["local_regex", "model"], "default": "local_regex"},
            "input_guardrail": _GUARDRAIL_SIDE,
            "output_guardrail": _GUARDRAIL_SIDE,
        },
    },
    "interface": {"type": "dict", "options": {"input": {"type": "dict"}, "output": {"type": "dict"}}},
    "deploy_setting": {
        "type": "dict",
        "options": {"is_auto_deploy_enabled": {"type": "bool"}, "model_ttl_minutes": {"type": "int"}},
    },
    "register_deploy": {"type": "str", "default": "one_step", "choices": ["one_step", "two_step"]},
    "delete_empty_group": {"type": "bool", "default": False},
    **wait_options(300.0),
}


RULES = {"required_one_of": [("name", "model_id")]}


def execute(options: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """Bring the model to the stated state. Raises Failure."""
    found, group = find_model.model_and_group(options, run)
    if options["state"] == "absent":
        return _absent(options, run, found, group)
    names = {}
    connector = find_model.connector(options, run, found)
    if connector:
        names["connector"] = (connector.id, options["connector"])
    wanted = models.desired({**options, "connector_id": connector.id if connector else None})
    if "interface" in wanted:
        wanted["interface"] = {side: schema for side, schema in wanted["interface"].items() if schema is not None}
    try:
        if found is None:
            return _create(options, run, wanted, group, names)
        if group is not None:
            names["model_group"] = (group.id, options["model_group"])
            wanted["model_group_id"] = group.id
        return _converge(options, run, found, wanted, names)
    except Failure as failure:
        connector_id = connector.id if connector else None
        raise (
            missing_dependency_failure(run.client, failure, connector_id, wanted.get("model_group_id")) or failure
        ) from None


def _create(
    options: Mapping[str, Any], run: Run, wanted: dict[str, Any], group: Doc | None, names: dict[str, tuple[str, str]]
) -> dict[str, Any]:
    name = options["name"]
    check_name("name", name)
    if "connector_id" not in wanted:
        raise Failure("invalid_input", f"connector: is needed, as there is no model {name!r} yet.")
    versions.check_text(run.version, "name", name)
    versions.check_text(run.version, "description", wanted.get("description"))
    if group is None or not group.id:
        group = register.ensure_group(run, group, name)
    names["model_group"] = (group.id, group.name)
    if group.id or run.check_mode:
        wanted["model_group_id"] = group.id
    at_once = options["state"] == "deployed" and options["register_deploy"] == "one_step"
    made = run.perform(
        "register_and_deploy" if at_once else "register",
        Model.LABEL,
        name,
        lambda: register.register_model(run, wanted, at_once=at_once, timeout=options["wait_timeout"]),
    )
    if made is None:
        planned = Doc("", {**wanted, "model_state": "REGISTERED"})
        if options["state"] == "deployed" and not at_once:
            run.perform("deploy", Model.LABEL, name, lambda: None)
        return model_result.of(options, run, None, planned, wanted, names)
    doc, ours = made
    if not ours:
        run.journal_as("adopt")
        return _converge(options, run, doc, wanted, names)
    result = _finish(options, run, None, doc, wanted, names, deploying=at_once)
    # At the end, as a group that is being deleted may still be there when the model is registered.
    register.check_group_stays(run, doc, wanted, group, timeout=options["wait_timeout"])
    return result


def _converge(
    options: Mapping[str, Any], run: Run, found: Doc, wanted: dict[str, Any], names: dict[str, tuple[str, str]]
) -> dict[str, Any]:
    if (
        wanted.get("connector_id") is not None
        and found.source.get("connector")
        and not found.source.get("connector_id")
    ):
        raise Failure("inline_connector", f"Model {found.name!r} ({found.id}) has an inline connector.")
    if "model_group_id" in wanted and not wanted["model_group_id"]:
        group = ensure(run, options["model_group"])
        names = {**names, "model_group": (group.id, group.name)}
        wanted["model_group_id"] = group.id
    differing = models.diff(found.source, wanted)
    if differing:
        if options["model_id"] and {"name", "model_group_id"} & set(differing):
            both = {**found.source, **wanted}
            models.check_name_free(run.client, found, str(both["name"]), str(both.get("model_group_id")))
        if {"name", "description"} & set(differing):
            for field in ("name", "description"):
                versions.check_text(run.version, field, wanted.get(field))
        changes = {name: wanted[name] for name in differing}
        run.perform(
            "update",
            Model.LABEL,
            found.name,
            lambda: models.update(run, found, changes, timeout=options["wait_timeout"]),
            id=found.id,
            fields=differing,
        )
    return _finish(options, run, found, found, wanted, names)


def _finish(
    options: Mapping[str, Any],
    run: Run,
    before: Doc | None,
    doc: Doc,
    wanted: Mapping[str, Any],
    names: Mapping[str, tuple[str, str]],
    deploying: bool = False,
) -> dict[str, Any]:
    """From a registered model to the stated state, then the result."""
    state = options["state"]
    if state == "deployed":
        doc = deployment.ensure_deployed(
            run, doc, wait=options["wait"], timeout=options["wait_timeout"], under_way=deploying
        )
    elif state == "undeployed" and models.state_of(doc) in models.LIVE:
        run.perform(
            "undeploy",
            Model.LABEL,
            doc.name,
            lambda: deployment.undeploy(run, doc.id, timeout=options["wait_timeout"]),
            id=doc.id,
        )
    if run.changed and not run.check_mode and not run.in_bulk:
        doc = Model.verified(run.client, doc.id, lambda written: models.diff(written.source, wanted))
    return model_result.of(options, run, before, doc, wanted, names)


def _absent(options: Mapping[str, Any], run: Run, found: Doc | None, group: Doc | None) -> dict[str, Any]:
    before: dict[str, Any] = {}
    if found is not None:
        before = {**models.for_display(found.source, ("name", "description")), "state": models.state_of(found)}
        run.perform(
            "delete",
            Model.LABEL,
            found.name,
            lambda: deployment.undeploy_and_delete(run, found.id, options["wait_timeout"]),
            id=found.id,
        )
    if options["delete_empty_group"]:
        _delete_group(options, run, found, group)
    return {"model": None, "model_id": found.id if found else None, "diff": {"before": before, "after": {}}}


def _delete_group(options: Mapping[str, Any], run: Run, found: Doc | None, group: Doc | None) -> None:
    """Delete the group that is stated, else the one of the model's name, unless other models are in it."""
    if group is None and options["name"]:
        group = one_or_none(ModelGroup, ModelGroup.all_named(run.client, options["name"]), options["name"])
    if group is None or not group.id:
        return
    if any(not found or doc.id != found.id for doc in models.in_group(run.client, group.id)):
        return
    target = group
    # Another controller may have put a model into it: then nothing is deleted.
    run.perform(
        "delete",
        ModelGroup.LABEL,
        group.name,
        lambda: model_group.delete_if_empty(run, target),
        had_effect=bool,
        id=group.id,
    )


MODULE = Module(OPTIONS, execute, RULES)
