# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Plans a stack: runs each item's task in check mode, against a snapshot with the effects of the steps before it."""

from __future__ import annotations

from typing import Any, Collection, Iterable, Mapping, NamedTuple

from .._errors.catalogue import NO_CLUSTER
from .._errors.exceptions import Failure
from .._http.client import Answer, Client, segment
from .._kinds import model as models
from .._kinds import pipeline as pipelines
from .._kinds.base import Doc
from .._kinds.controller import Controller
from .._kinds.model import Model
from .._runtime import versions
from .._runtime.run import Run
from . import ownership_label
from .declaration import Declaration, Item, Problem
from .sections import BY_OPTION, SECTIONS, SETTINGS
from .snapshot import CachedClient, Snapshot

#: The actions that delete the object with the action's ``id``.
_DELETING = ("delete", "finish_swap", "undo_swap")

#: The actions that follow from a model's state.
_STATE_ACTIONS = ("deploy", "repair", "undeploy")

_PATHS = {section.kind.LABEL: section.kind.PATH for section in SECTIONS if section.kind}


def paths_of(labels: Iterable[str]) -> set[str]:
    """The paths of the kinds with these labels."""
    return {_PATHS[label] for label in labels if label in _PATHS}


class Step(NamedTuple):
    """What the task of one item would do: its parameters, its actions, and the diff.

    ``deploying``: the id of the item's model, if it is being deployed already.
    """

    item: Item
    params: dict[str, Any]
    actions: list[dict[str, Any]]
    diff: dict[str, Any]
    deploying: str | None = None


class Plan(NamedTuple):
    """A step for each item that could be planned, in the order of the items, and all problems and warnings."""

    steps: list[Step]
    problems: list[Problem]
    warnings: list[str]

    def changing(self) -> list[Step]:
        return [step for step in self.steps if step.actions]

    def deploying(self) -> list[Step]:
        """The steps that change nothing, and whose models are to be waited for."""
        return [step for step in self.steps if step.deploying and not step.actions]


class Planner:
    """Plans items one after the other; each sees the objects that the steps before it would create and delete.

    ``predicted`` is the snapshot with the effects of all planned steps.
    """

    def __init__(
        self,
        client: Client,
        snapshot: Snapshot,
        stack: str | None,
        *,
        verifying: bool = False,
        deploying: Collection[tuple[str, str]] = (),
    ) -> None:
        """``verifying``: the stack was just applied. ``deploying``: the keys of the models whose state is not planned, as
        their deployment was started."""
        self._deploying_keys = deploying
        self._client = client
        self.predicted = snapshot.copy()
        self._stack = stack
        self._verifying = verifying
        self._plan = Plan([], [], [])

    def plan(self, declaration: Declaration, items: Iterable[Item]) -> Plan:
        """Plan these items, which need not be part of the declaration. Returns the plan of all items so far."""
        failed: set[tuple[str, str]] = set()
        for item in items:
            # A failed setting does not block planning of the items after it.
            if any(each.key in failed and each.section is not SETTINGS for each in declaration.prerequisites(item)):
                failed.add(item.key)
                continue
            missing = self._missing_references(declaration, item)
            if missing:
                self._plan.problems.extend(missing)
                failed.add(item.key)
                continue
            try:
                self._plan.steps.append(self._step(item))
            except Failure as failure:
                if failure.code in NO_CLUSTER:
                    raise
                self._plan.problems.append(Problem.from_failure(item.display_name, failure))
                failed.add(item.key)
        return self._plan

    def _step(self, item: Item) -> Step:
        params = self._params(item)
        client, run, result = self._dry_run(item, params)
        reread: set[str] = set()
        while self._may_be_stale(run) and self.predicted.mark_stale(client.served_from_snapshot - reread):
            # The task runs again on objects read by their ids before it may change anything. It may then use other objects,
            # which are read as well.
            reread |= client.served_from_snapshot
            params = self._params(item)
            client, run, result = self._dry_run(item, params)
        self._plan.warnings.extend(text for text in run.warnings if text not in self._plan.warnings)
        self._predict(item, run.actions, result)
        return Step(item, params, run.actions, result["diff"], _deploying(item, params, result))

    @staticmethod
    def _may_be_stale(run: Run) -> bool:
        """Whether the actions may follow from a search that lags behind by a second: on servers that do not refresh the
        index after an update, and on all after a model's state changes or the model gets limits."""
        return bool(run.actions) and (
            not versions.supports(run.version, "visible_updates")
            or any(action["kind"] == Controller.LABEL for action in run.actions)
            or any(action["kind"] == Model.LABEL and action["action"] in _STATE_ACTIONS for action in run.actions)
        )

    def _dry_run(self, item: Item, params: Mapping[str, Any]) -> tuple[CachedClient, Run, dict[str, Any]]:
        """Execute the item's task in check mode. Raises Failure."""
        client = CachedClient(self._client, self.predicted, read_only=True)
        run = Run(client, check_mode=True)
        try:
            return client, run, item.section.execute(params, run)
        finally:
            self._client.add_counts(client)

    def _params(self, item: Item) -> dict[str, Any]:
        """The parameters of the item's task. A new object gets the stack's label; an existing one keeps its own."""
        params = dict(item.params)
        if self._verifying and params.get("update_credential") == "always":
            params["update_credential"] = "on_create"
        if item.key in self._deploying_keys:
            params["state"] = "present"
        if not item.section.labelled or item.absent:
            return params
        description = params.get("description")
        if description is None:
            # A published definition may contain a description.
            description = (params.get("definition") or {}).get("description")
        observed = self._observed(item)
        stack = self._stack if observed is None else ownership_label.owner(observed.get("description"))
        # An existing object keeps its description unless one is declared; but a pipeline is written as a whole.
        if stack and (description is not None or observed is None or item.section.kind is None):
            params["description"] = ownership_label.add_label(description, stack)
        return params

    def _observed(self, item: Item) -> dict[str, Any] | None:
        """The item's object as it is predicted; None if it does not exist."""
        if item.section.kind is None:
            return self._observed_pipeline(item.params)
        found = self._observed_docs(item)
        return found[0].source if found else None

    def _observed_docs(self, item: Item) -> list[Doc]:
        kind = item.section.kind
        return self.predicted.find_by(kind.PATH, "name", item.name) if kind else []

    def _observed_pipeline(self, params: Mapping[str, Any]) -> dict[str, Any] | None:
        answer = self.predicted.get(f"{pipelines.PATHS[params['type']]}/{segment(params['name'])}")
        return (answer.body or {}).get(params["name"]) if answer else None

    def _missing_references(self, declaration: Declaration, item: Item) -> list[Problem]:
        """The item's references to objects that are neither declared nor on the cluster."""
        problems = []
        for dependency in item.dependencies():
            kind = BY_OPTION[dependency.section].kind
            declared = (dependency.section, dependency.reference) in declaration.by_key
            if not dependency.required or kind is None or declared:
                continue
            if not self.predicted.contains(kind.PATH, dependency.reference):
                message = f"There is no {kind.LABEL} {dependency.reference!r}, neither declared nor on the cluster."
                problems.append(Problem(item.display_name, kind.UNKNOWN_CODE, message))
        return problems

    def _predict(self, item: Item, actions: list[dict[str, Any]], result: Mapping[str, Any]) -> None:
        """Add the effects of the actions to the predicted snapshot."""
        for action in actions:
            path = _PATHS.get(action["kind"])
            if path and action["action"] in _DELETING and action.get("id"):
                self.predicted.remove(path, action["id"])
                if "kept_id" in action:
                    self._predict_users(action["id"], action["kept_id"])
        kind, option = item.section.kind, item.section.option
        if option == "pipelines" and actions:
            self._predict_pipeline(item, result)
        if kind is None or not actions or item.absent or option == "controllers":
            return
        fields: dict[str, Any] = {}
        if option == "models":
            fields = {field: result[field] for field in ("connector_id", "model_group_id") if result.get(field)}
        elif option == "agents":
            fields = result["agent"]
        for doc in self._observed_docs(item) or [Doc(f"(new {item.name})", {"name": item.name})]:
            self.predicted.put(kind.PATH, Doc(doc.id, {**doc.source, **fields}), planned=True)

    def _predict_pipeline(self, item: Item, result: Mapping[str, Any]) -> None:
        name, type_ = item.params["name"], item.params["type"]
        answer = Answer(404, {}) if item.absent else Answer(200, {name: result["pipeline"]["definition"]})
        self.predicted.put_answer(f"{pipelines.PATHS[type_]}/{segment(name)}", answer)

    def _predict_users(self, deleted_id: str, kept_id: str) -> None:
        """Point the models of a connector that the end of a swap deletes at the one that it keeps."""
        for model in self.predicted.find_by(Model.PATH, "connector_id", deleted_id):
            self.predicted.put(Model.PATH, Doc(model.id, {**model.source, "connector_id": kept_id}), planned=True)


def _deploying(item: Item, params: Mapping[str, Any], result: Mapping[str, Any]) -> str | None:
    """The id of the item's model if it is to be waited for and is being deployed already."""
    if item.section.option != "models" or params["state"] != "deployed" or not params["wait"]:
        return None
    return str(result["model_id"]) if result["model"].get("state") == models.DEPLOYING else None
