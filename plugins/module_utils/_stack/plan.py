# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What would be done: each item's own task in check mode, on what is known of the cluster and of what was planned."""

from __future__ import annotations

from typing import Any, Iterable, Mapping, NamedTuple

from .._errors.catalogue import NO_CLUSTER
from .._errors.exceptions import Failure
from .._http.client import Answer, Client, segment
from .._kinds import pipeline as pipelines
from .._kinds.base import Doc
from .._kinds.model import Model
from .._runtime.run import Run
from . import ownership_label
from .declaration import Declaration, Item, Problem
from .sections import BY_OPTION, SECTIONS, SETTINGS
from .snapshot import CachedClient, Snapshot

#: The actions by which an object goes whose id they tell.
_REMOVING = ("delete", "finish_swap", "undo_swap")

_PATHS = {section.kind.LABEL: section.kind.PATH for section in SECTIONS if section.kind}


class Step(NamedTuple):
    """What becomes of one item: the options of its task, what that does, and why."""

    item: Item
    options: dict[str, Any]
    actions: list[dict[str, Any]]
    diff: dict[str, Any]


class Plan(NamedTuple):
    """A step for each item that could be planned, in the order of the declaration; what is wrong; what is warned of."""

    steps: list[Step]
    problems: list[Problem]
    warnings: list[str]

    def changing(self) -> list[Step]:
        return [step for step in self.steps if step.actions]


class Planner:
    """Plans items one after the other; what one would make or delete is there, or gone, for those after it.

    ``memory`` is the cluster as it would be by then.
    """

    def __init__(self, client: Client, memory: Snapshot, stack: str | None, *, verifying: bool = False) -> None:
        self._client = client
        self.memory = memory.fork()
        self._stack = stack
        self._verifying = verifying
        self._plan = Plan([], [], [])

    def plan(self, declaration: Declaration, items: Iterable[Item]) -> Plan:
        """Plan items of the declaration, or such as are no part of it; all that was planned so far."""
        out: set[tuple[str, str]] = set()
        for item in items:
            # A setting counts when something is done, and not for what is wrong with it.
            if any(needed.key in out and needed.section is not SETTINGS for needed in declaration.before(item)):
                out.add(item.key)
                continue
            unknown = self._unknown(declaration, item)
            if unknown:
                self._plan.problems.extend(unknown)
                out.add(item.key)
                continue
            try:
                self._plan.steps.append(self._step(item))
            except Failure as failure:
                if failure.code in NO_CLUSTER:
                    raise
                self._plan.problems.append(Problem.of(item.told, failure))
                out.add(item.key)
        return self._plan

    def _step(self, item: Item) -> Step:
        options = self._options(item)
        client, run, result = self._check(item, options)
        read: set[str] = set()
        while run.actions and self.memory.doubt(client.recalled - read):
            # What a search told may be a second old; before anything is changed for it, it is read. Then something
            # else may count, which is read as well.
            read |= client.recalled
            options = self._options(item)
            client, run, result = self._check(item, options)
        self._plan.warnings.extend(text for text in run.warnings if text not in self._plan.warnings)
        self._foresee(item, run.actions, result)
        return Step(item, options, run.actions, result["diff"])

    def _check(self, item: Item, options: Mapping[str, Any]) -> tuple[CachedClient, Run, dict[str, Any]]:
        client = CachedClient(self._client, self.memory, read_only=True)
        run = Run(client, check_mode=True)
        try:
            return client, run, item.section.execute(options, run)
        finally:
            self._client.reads += client.reads

    def _options(self, item: Item) -> dict[str, Any]:
        """The options of the item's task. What is made gets the stack's mark, what is there keeps its own."""
        options = dict(item.options)
        if self._verifying and options.get("update_credential") == "always":
            options["update_credential"] = "on_create"
        if not item.section.labelled or item.absent:
            return options
        stated = options.get("description")
        if stated is None:
            # A published body may bring a description of its own.
            stated = (options.get("definition") or {}).get("description")
        held = self._held(item)
        mark = self._stack if held is None else ownership_label.owner(held.get("description"))
        # What is not stated of an object that is there stays; but a pipeline is stated as a whole.
        if mark and (stated is not None or held is None or item.section.kind is None):
            options["description"] = ownership_label.marked(stated, mark)
        return options

    def _held(self, item: Item) -> dict[str, Any] | None:
        """What the cluster holds of an item; None where there is none."""
        if item.section.kind is None:
            return self._pipeline(item.options)
        known = self._known(item)
        return known[0].source if known else None

    def _known(self, item: Item) -> list[Doc]:
        kind = item.section.kind
        return self.memory.having(kind.PATH, "name", item.name) if kind else []

    def _pipeline(self, options: Mapping[str, Any]) -> dict[str, Any] | None:
        answer = self.memory.read(f"{pipelines.PATHS[options['type']]}/{segment(options['name'])}")
        return (answer.body or {}).get(options["name"]) if answer else None

    def _unknown(self, declaration: Declaration, item: Item) -> list[Problem]:
        """References to what is neither declared nor on the cluster."""
        problems = []
        for need in item.needs():
            kind = BY_OPTION[need.section].kind
            if not need.must or kind is None or (need.section, need.reference) in declaration.by_key:
                continue
            if not self.memory.holds(kind.PATH, need.reference):
                message = f"There is no {kind.LABEL} {need.reference!r}, neither declared nor on the cluster."
                problems.append(Problem(item.told, kind.UNKNOWN_CODE, message))
        return problems

    def _foresee(self, item: Item, actions: list[dict[str, Any]], result: Mapping[str, Any]) -> None:
        """Take in what the actions would make and delete."""
        for action in actions:
            path = _PATHS.get(action["kind"])
            if path and action["action"] in _REMOVING and action.get("id"):
                self.memory.remove(path, action["id"])
                if "kept_id" in action:
                    self._repointed(action["id"], action["kept_id"])
        kind, option = item.section.kind, item.section.option
        if option == "pipelines" and actions:
            name, type_ = item.options["name"], item.options["type"]
            answer = Answer(404, {}) if item.absent else Answer(200, {name: result["pipeline"]["definition"]})
            self.memory.answer(f"{pipelines.PATHS[type_]}/{segment(name)}", answer)
        if kind is None or not actions or item.absent or option == "controllers":
            return
        refers: dict[str, Any] = {}
        if option == "models":
            refers = {field: result[field] for field in ("connector_id", "model_group_id") if result.get(field)}
        elif option == "agents":
            refers = result["agent"]
        for doc in self._known(item) or [Doc(f"(new {item.name})", {"name": item.name})]:
            self.memory.put(kind.PATH, Doc(doc.id, {**doc.source, **refers}), planned=True)

    def _repointed(self, gone: str, kept: str) -> None:
        """Take in that the models of a connector that goes with the end of a swap have the one that is kept."""
        for model in self.memory.having(Model.PATH, "connector_id", gone):
            self.memory.put(Model.PATH, Doc(model.id, {**model.source, "connector_id": kept}), planned=True)
