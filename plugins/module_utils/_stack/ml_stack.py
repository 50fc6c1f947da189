# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What ml_stack does: read the cluster at once, plan, do the plan, look whether it came true."""

from __future__ import annotations

from functools import partial
from typing import Any, Mapping

from .._coordination.duplicates import SEARCH_INTERVAL, UNIQUE_TIMEOUT
from .._errors.exceptions import Failure
from .._kinds.model_group import ModelGroup
from .._runtime.module import Module
from .._runtime.run import Run
from . import declaration as declaration_module
from . import ownership_label, plan_text, prune
from .apply import Applier, Outcome
from .declaration import Declaration, Item, Problem
from .plan import Plan, Planner, Step
from .read_snapshot import read_snapshot
from .sections import SECTIONS
from .snapshot import Snapshot

OPTIONS = {
    "name": {"type": "str"},
    **{section.option: {"type": "list", "elements": "dict"} for section in SECTIONS},
    "prune": {"type": "str", "default": "none", "choices": ["none", "managed", "all"]},
    "prune_confirm": {"type": "str"},
    "parallel": {"type": "int", "default": 2},
}

RULES = {"required_if": [("prune", "managed", ["name"]), ("prune", "all", ["prune_confirm"])]}

#: How often what was done is looked at and, where somebody else got in the way, done again.
ROUNDS = 3


def secrets(options: Mapping[str, Any], parsed: object = None) -> list[str]:
    """The secrets in all items, as far as those can be read."""
    found: list[str] = []
    for section in SECTIONS:
        for item in options.get(section.option) or []:
            found += section.secrets({**dict.fromkeys(section.spec), **item})
    return found


def execute(options: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """Bring the cluster to the declared state. Raises Failure."""
    if options["name"] is not None:
        ownership_label.check_name(options["name"])
    if options["parallel"] < 1:
        raise Failure("invalid_input", f"parallel: must be at least 1, not {options['parallel']}.")
    problems: list[Problem] = []
    declaration = Declaration(declaration_module.parse(options, problems))
    problems += declaration.problems
    if problems:
        raise plan_text.refuse(problems)
    if options["prune"] == "all":
        prune.confirm(run.client, options["prune_confirm"])
    return _Stack(options, run, declaration).bring_about()


class _Stack:
    def __init__(self, options: Mapping[str, Any], run: Run, declaration: Declaration) -> None:
        self._options = options
        self._run = run
        self._declaration = declaration

    def bring_about(self) -> dict[str, Any]:
        memory, planner, plan = self._surveyed()
        if not plan.problems:
            plan = self._plan(planner, self._surplus(memory, planner.memory))
        if plan.problems:
            raise plan_text.refuse(plan.problems)
        changing = plan.changing()
        for step in changing:
            if self._run.check_mode:
                self._run.actions += plan_text.told_actions(step, step.actions)
        if changing and not self._run.check_mode:
            outcomes = self._apply(memory, changing, in_bulk=True)
            self._settle(outcomes)
        return {
            "stack": self._options["name"],
            "plan": plan_text.lines(changing),
            "changes": [
                {"section": step.item.section.option, "name": step.item.name, **step.diff} for step in changing
            ],
            "diff": {"prepared": plan_text.prepared(changing)},
        }

    def _surveyed(self, *, verifying: bool = False) -> tuple[Snapshot, Planner, Plan]:
        """What there is of the declared items, and what would be done; once nobody else is at several objects of one name."""
        clock = self._run.clock
        end = clock.now() + UNIQUE_TIMEOUT
        while True:
            memory = read_snapshot(self._run.client, self._declaration)
            self._declaration = self._declaration.with_groups(partial(memory.holds, ModelGroup.PATH))
            planner = Planner(self._run.client, memory, self._options["name"], verifying=verifying)
            plan = self._plan(planner, list(self._declaration))
            if clock.now() >= end or not any(problem.recently_created(clock.epoch()) for problem in plan.problems):
                return memory, planner, plan
            clock.sleep(SEARCH_INTERVAL)

    def _surplus(self, memory: Snapshot, foreseen: Snapshot) -> list[Item]:
        pruner = prune.Pruner(self._run.client, memory, foreseen, self._declaration)
        if self._options["prune"] == "managed":
            surplus = pruner.managed(self._options["name"])
        elif self._options["prune"] == "all":
            surplus = pruner.all(section.option for section in SECTIONS if self._options[section.option] is not None)
        else:
            return []
        for warning in pruner.warnings:
            self._run.warn(warning)
        return surplus

    def _plan(self, planner: Planner, items: list[Item]) -> Plan:
        plan = planner.plan(self._declaration, items)
        for warning in plan.warnings:
            self._run.warn(warning)
        return plan

    def _apply(self, memory: Snapshot, steps: list[Step], *, in_bulk: bool) -> list[Outcome]:
        applier = Applier(
            self._run.client,
            memory,
            self._declaration,
            parallel=self._options["parallel"],
            in_bulk=in_bulk,
            tell=self._run.report_waiting,
        )
        outcomes = applier.apply(steps)
        for outcome in outcomes:
            self._run.actions += plan_text.told_actions(outcome.step, outcome.actions)
            for warning in outcome.warnings:
                self._run.warn(warning)
        return outcomes

    def _settle(self, outcomes: list[Outcome]) -> None:
        """Look whether what was done came true. Raises Failure with all that is amiss: what failed, and what is still to be
        done beside that."""
        out = {each.step.item.key: each for each in outcomes if each.stops}
        try:
            left = self._left(out)
        except Failure as failure:
            # A cluster that is away by now does not tell why the items failed.
            if not out:
                raise
            left = [failure.message]
        if out:
            raise _failed(list(out.values()), left)
        if left:
            raise Failure(
                "not_converged", f"The stack was applied, yet {_still(left)} Is somebody else changing it?", left=left
            )

    def _left(self, out: dict[tuple[str, str], Outcome]) -> list[str]:
        """What is still to be done, once what somebody else undid was done again. What fails or is left out is put in
        ``out``, and is no part of it."""
        steps: list[Step] = []
        for _round in range(ROUNDS):
            memory, _planner, plan = self._surveyed(verifying=True)
            known = {each.step.item.told for each in out.values()}
            wrong = [each for each in plan.problems if each.place not in known]
            steps = [step for step in plan.changing() if step.item.key not in out]
            if not steps:
                return [f"{each.place}: {each.message}" for each in wrong]
            again = self._apply(memory, steps, in_bulk=False)
            out.update({each.step.item.key: each for each in again if each.stops})
        return plan_text.lines(steps)


def _still(left: list[str]) -> str:
    return f"this is still to be done: {'; '.join(each.rstrip('.') for each in left[:20])}."


def _failed(outcomes: list[Outcome], left: list[str]) -> Failure:
    failed = [each for each in outcomes if each.failure]
    told = "; ".join(
        f"{each.step.item.told}: {each.failure.message.rstrip('.')}" for each in failed[:20] if each.failure
    )
    blocked = [each for each in outcomes if each.blocked_by]
    waiting = f" {len(blocked)} that need them were left out." if blocked else ""
    beside = f" Besides, {_still(left)}" if left else ""
    return Failure(
        "stack_failed",
        f"{len(failed)} of the stack's items failed, the rest was done: {told}.{waiting}{beside}",
        failed=[
            {"place": each.step.item.place, "name": each.step.item.name, **each.failure.as_dict()}
            for each in failed
            if each.failure
        ],
        left_out=[each.step.item.told for each in blocked],
        left=left,
    )


MODULE = Module(OPTIONS, execute, RULES, secrets=secrets)
