# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Plans a stack: runs each item's task in check mode, on a snapshot with the effects of the steps before it."""

from __future__ import annotations

from typing import Any, Collection, Iterable, Mapping, NamedTuple

from .._errors.exceptions import Failure
from .._http.client import Answer, Client
from .._http.clock import Clock
from .._http.exchange import Request
from .._kinds import agent as agents
from .._kinds import model as models
from .._kinds import pipeline as pipelines
from .._kinds.agent import Agent
from .._kinds.base import Doc, Kind
from .._kinds.connector.resource import Connector
from .._kinds.controller import Controller
from .._kinds.memory_container import MemoryContainer
from .._kinds.model import Model
from .._kinds.snapshot import Snapshot, Unread
from .._operations.uses import texts_with_ids
from .._runtime import versions
from .._runtime.run import Run
from . import ownership_label, prune
from .declaration import Declaration, Item, Problem
from .sections import BY_OPTION, SECTIONS, SETTINGS
from .topological_sort import Cycle, topological_order

#: The actions that delete the object with the action's ``id``.
_DELETING = ("delete", "finish_swap", "undo_swap")

#: The actions that replace the object with the action's ``replaced_id`` by a new one.
_REPLACING = ("swap", "replace")

#: The actions that follow from a model's state.
_STATE_ACTIONS = ("deploy", "repair", "undeploy")

_KINDS = {section.kind.LABEL: section.kind for section in SECTIONS if section.kind}


def kinds_of(labels: Iterable[str]) -> set[type[Kind]]:
    """The kinds with these labels."""
    return {_KINDS[label] for label in labels if label in _KINDS}


class Step(NamedTuple):
    """What the task of one item would do: its parameters, its actions, and the diff.

    ``deploying``: the id of the item's model, if it is being deployed already.
    """

    item: Item
    params: dict[str, Any]
    actions: list[dict[str, Any]]
    diff: dict[str, Any]
    deploying: str | None = None


class Purpose(NamedTuple):
    """What a plan is for.

    ``stack``: the name of the stack. ``prune``: which objects that are not declared are deleted, and for "all" in which
    ``sections``. ``verifying``: the stack was just applied. ``deploying``: the keys of the models whose state is not
    planned, as their deployment was started. ``check_mode``: the plan is not applied. ``signs``: whether requests to the
    cluster are signed for Amazon's gateway.
    """

    stack: str | None
    prune: str = "none"
    sections: Collection[str] = ()
    verifying: bool = False
    deploying: Collection[tuple[str, str]] = ()
    check_mode: bool = False
    signs: bool = False


class Plan(NamedTuple):
    """A step for each item that could be planned, in the order of the items, and all problems, warnings and leftovers (connectors
    that the server refuses to delete).

    ``unread``: what the snapshot must have before the plan is complete. ``stale``: objects that the plan changes, and that
    the search that found them may have returned in an old state.
    """

    steps: list[Step]
    problems: list[Problem]
    warnings: list[str]
    leftovers: list[dict[str, Any]]
    unread: list[Unread]
    stale: set[tuple[type[Kind], str]]

    def changing(self) -> list[Step]:
        return [step for step in self.steps if step.actions]

    def deploying(self) -> list[Step]:
        """The steps that change nothing, and whose models are to be waited for."""
        return [step for step in self.steps if step.deploying and not step.actions]


def make_plan(declaration: Declaration, snapshot: Snapshot, purpose: Purpose) -> Plan:
    """Plan all items, then the deletion of what is not declared. Sends nothing, and does not change the snapshot."""
    planner = _Planner(declaration, snapshot, purpose)
    planner.add(declaration)
    plan = planner.plan
    if purpose.prune != "none" and not plan.problems and not plan.unread:
        pruner = prune.Pruner(snapshot, planner.predicted, declaration)
        items = pruner.managed(str(purpose.stack)) if purpose.prune == "managed" else pruner.all(purpose.sections)
        plan.warnings.extend(pruner.warnings)
        planner.add(items)
    return plan


class Offline(Client):
    """The client of a plan, which cannot send: the snapshot answers all look-ups."""

    def __init__(self, *, signs: bool) -> None:
        self.clock = Clock()
        self.signs = signs

    def _send(self, request: Request) -> Answer:
        raise AssertionError(f"A plan sends {request.method} {request.path}.")


class _Planner:
    """Plans items one after the other; each sees the objects that the steps before it would create and delete.

    ``predicted`` is the snapshot with the effects of all planned steps.
    """

    def __init__(self, declaration: Declaration, snapshot: Snapshot, purpose: Purpose) -> None:
        self.plan = Plan([], [], [], [], [], set())
        self.predicted = snapshot.copy()
        self._declaration = declaration
        self._purpose = purpose
        self._failed: set[tuple[str, str]] = set()

    def add(self, items: Iterable[Item]) -> None:
        """Plan these items, which need not be part of the declaration."""
        for item in self._users_first(list(items)):
            # A failed setting does not block planning of the items after it.
            blocking = (each for each in self._declaration.prerequisites(item) if each.section is not SETTINGS)
            if any(each.key in self._failed for each in blocking) or not self._add(item):
                self._failed.add(item.key)

    def _users_first(self, items: list[Item]) -> list[Item]:
        """The items as given, but an absent one after the absent ones that use it on the cluster, as an agent uses another
        agent, and a model that of its guardrails. Those that use each other stay as given."""
        numbers = {
            object_id: number for number, item in enumerate(items) if item.absent for object_id in self._ids_of(item)
        }
        if len(numbers) < 2:
            return items
        users: dict[int, list[int]] = {number: [] for number in range(len(items))}
        owners = agents.owners_of_executors(self.predicted.all(Agent))
        for user, text in texts_with_ids(self.predicted):
            owner = owners.get(user.id)
            first = numbers.get(owner.id if owner else user.id)
            if first is not None:
                for used in {number for object_id, number in numbers.items() if object_id in text} - {first}:
                    users[used].append(first)
        while True:
            try:
                return [items[number] for number in topological_order(users)]
            except Cycle as cycle:
                for number in cycle.nodes:
                    users[number] = [user for user in users[number] if user not in cycle.nodes]

    def _ids_of(self, item: Item) -> list[str]:
        """The ids of the objects that an absent item deletes; none for limits, which nothing uses."""
        if item.section.kind is Controller:
            return []
        by_id = item.section.by_id
        if by_id and item.params.get(by_id):
            return [str(item.params[by_id])]
        return [doc.id for doc in self._observed_docs(item)]

    def _add(self, item: Item) -> bool:
        """Plan one item. Returns whether that was possible."""
        try:
            missing = self._missing_references(item)
            self.plan.problems.extend(missing)
            if not missing:
                self.plan.steps.append(self._step(item))
            return not missing
        except Unread as unread:
            self.plan.unread.append(unread)
        except Failure as failure:
            self.plan.problems.append(Problem.from_failure(item.display_name, failure))
        return False

    def _step(self, item: Item) -> Step:
        params = self._params(item)
        self.predicted.take_used()
        run = Run(Offline(signs=self._purpose.signs), check_mode=True, reader=self.predicted)
        run.verifying = self._purpose.verifying
        run.only_planning = self._purpose.check_mode
        result = item.section.execute(params, run)
        if self._may_be_stale(run):
            self.plan.stale.update(self.predicted.take_used())
        self.plan.warnings.extend(text for text in run.warnings if text not in self.plan.warnings)
        self.plan.leftovers.extend(run.leftovers)
        self._predict(item, run.actions, result)
        return Step(item, params, run.actions, result["diff"], _deploying(item, params, result))

    @staticmethod
    def _may_be_stale(run: Run) -> bool:
        """Whether the actions may follow from a search that lags behind by a second: on servers that do not refresh the
        index after an update, and on all after a memory container or a model's state changes or the model gets limits."""
        return bool(run.actions) and (
            not versions.supports(run.version, "visible_updates")
            or any(action["kind"] in (Controller.LABEL, MemoryContainer.LABEL) for action in run.actions)
            or any(action["kind"] == Model.LABEL and action["action"] in _STATE_ACTIONS for action in run.actions)
        )

    def _params(self, item: Item) -> dict[str, Any]:
        """The parameters of the item's task. A new object gets the stack's label; an existing one keeps its own."""
        params = dict(item.params)
        if self._purpose.verifying and params.get("update_credential") == "always":
            params["update_credential"] = "on_create"
        if item.key in self._purpose.deploying:
            params["state"] = "present"
        if not item.section.labelled or item.absent:
            return params
        description = params.get("description")
        if description is None:
            # A published definition may contain a description.
            description = (params.get("definition") or {}).get("description")
        observed = self._observed(item)
        stack = self._purpose.stack if observed is None else ownership_label.owner(observed.get("description"))
        # An existing object keeps its description unless one is declared; but a pipeline is written as a whole.
        if stack and (description is not None or observed is None or item.section.kind is None):
            params["description"] = ownership_label.add_label(description, stack)
        return params

    def _observed(self, item: Item) -> dict[str, Any] | None:
        """The item's object as it is predicted; None if it does not exist."""
        if item.section.kind is None:
            return self.predicted.fact(pipelines.read, item.params["type"], item.params["name"])
        found = self._observed_docs(item)
        return found[0].source if found else None

    def _observed_docs(self, item: Item) -> list[Doc]:
        kind = item.section.kind
        return self.predicted.find(kind, [("name", item.name)]) if kind else []

    def _missing_references(self, item: Item) -> list[Problem]:
        """The item's references to objects that are neither declared nor on the cluster."""
        problems = []
        for dependency in item.dependencies():
            kind = BY_OPTION[dependency.section].kind
            declared = (dependency.section, dependency.reference) in self._declaration.by_key
            if not dependency.required or kind is None or declared:
                continue
            if not self.predicted.find(kind, [("name", dependency.reference), ("_id", dependency.reference)]):
                message = f"There is no {kind.LABEL} {dependency.reference!r}, neither declared nor on the cluster."
                problems.append(Problem.of(item.display_name, kind.UNKNOWN_CODE, message))
        return problems

    def _predict(self, item: Item, actions: list[dict[str, Any]], result: Mapping[str, Any]) -> None:
        """Add the effects of the actions to the predicted snapshot."""
        for action in actions:
            deleted = _KINDS.get(action["kind"])
            if deleted and action["action"] in _DELETING and action.get("id"):
                if deleted is Agent:
                    self._predict_executor_deleted(action["id"])
                self.predicted.note_deleted(deleted, action["id"])
                if "kept_id" in action:
                    self._predict_users(action["id"], action["kept_id"])
            if deleted and action["action"] in _REPLACING:
                self._predict_replacement(deleted, action["replaced_id"], item.name)
        kind, option = item.section.kind, item.section.option
        if kind is None or not actions or item.absent or option == "controllers":
            return
        fields: dict[str, Any] = {}
        if option == "connectors":
            # Its agents need to know what its requests contain.
            view = result["connector"]
            fields = {field: view[field] for field in ("parameters", "actions") if field in view}
        elif option == "models":
            fields = {field: result[field] for field in ("connector_id", "model_group_id") if result.get(field)}
        elif option == "agents":
            fields = result["agent"]
        for doc in self._observed_docs(item) or [Doc(f"(new {item.name})", {"name": item.name})]:
            self.predicted.put_planned(kind, Doc(doc.id, {**doc.source, **fields}))

    def _predict_executor_deleted(self, agent_id: str) -> None:
        """Delete the executor that the server created for an agent, which is deleted with it."""
        owners = agents.owners_of_executors(self.predicted.all(Agent))
        for executor in [each for each, owner in owners.items() if owner.id == agent_id]:
            self.predicted.note_deleted(Agent, executor)

    def _predict_replacement(self, kind: type[Kind], replaced_id: str, name: str) -> None:
        """Give an object the id of its replacement, which is not known yet, so that what names it by its id differs."""
        old = self.predicted.get(kind, replaced_id)
        if old is None:
            return
        new = Doc(f"(new {name})", old.source)
        self.predicted.note_deleted(kind, replaced_id)
        self.predicted.put_planned(kind, new)
        if kind is Connector:
            for model in self.predicted.find(Model, [("connector_id", replaced_id)]):
                self.predicted.note_changed(Model, model.id, {"connector_id": new.id})

    def _predict_users(self, deleted_id: str, kept_id: str) -> None:
        """Point the models of a connector that the end of a swap deletes at the one that it keeps."""
        for model in self.predicted.find(Model, [("connector_id", deleted_id)]):
            self.predicted.put_planned(Model, Doc(model.id, {**model.source, "connector_id": kept_id}))


def _deploying(item: Item, params: Mapping[str, Any], result: Mapping[str, Any]) -> str | None:
    """The id of the item's model if it is to be waited for and is being deployed already."""
    if item.section.option != "models" or params["state"] != "deployed" or not params["wait"]:
        return None
    return str(result["model_id"]) if result["model"].get("state") == models.DEPLOYING else None
