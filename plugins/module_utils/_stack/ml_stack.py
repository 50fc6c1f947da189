# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The task of ml_stack: read the cluster, plan, apply the plan, and verify the result."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Mapping

from .._errors.exceptions import ConcurrentChange, Failure
from .._kinds.connector.resource import Connector
from .._kinds.model import Model
from .._kinds.model_group import ModelGroup
from .._kinds.snapshot import Snapshot
from .._runtime.module import Module
from .._runtime.run import Run
from .._runtime.versions import read_version
from .._values.masking import find_secrets
from . import ownership_label, plan_text, prune
from .apply import Applier, StepOutcome
from .declaration import Declaration, Parsed, parse_items
from .plan import Plan, Purpose, Step, kinds_of
from .read_snapshot import read_and_plan, read_snapshot
from .sections import SECTIONS

SPEC = {
    "name": {"type": "str"},
    **{section.option: {"type": "list", "elements": "dict"} for section in SECTIONS},
    "prune": {"type": "str", "default": "none", "choices": ["none", "managed", "all"]},
    "prune_confirm": {"type": "str"},
    "parallel": {"type": "int", "default": 2},
}

RULES = {"required_if": [("prune", "managed", ["name"]), ("prune", "all", ["prune_confirm"])]}

#: Maximum number of entries that a message lists. The details list all of them.
_MAX_IN_MESSAGE = 20


@dataclass(frozen=True)
class Options:
    """The options of a stack. ``given``: the sections that are given, of which some may be empty."""

    name: str | None
    given: list[str]
    parsed: Parsed
    prune: str
    prune_confirm: str | None
    parallel: int


def parse(params: Mapping[str, Any]) -> Options:
    """The typed options of validated parameters."""
    sections = {section.option: params[section.option] for section in SECTIONS}
    return Options(
        name=params["name"],
        given=[option for option, items in sections.items() if items is not None],
        parsed=parse_items(sections),
        prune=params["prune"],
        prune_confirm=params["prune_confirm"],
        parallel=params["parallel"],
    )


def secrets(params: Mapping[str, Any], options: Options | None) -> list[str]:
    """The values to mask in all sections, of which nothing need be valid: a connector may be in the wrong section."""
    given = find_secrets([params.get(section.option) for section in SECTIONS])
    # With those in files that items name.
    return list(dict.fromkeys([*given, *(options.parsed.secrets if options else [])]))


def check(options: Options) -> None:
    """Raises Failure with all faults of the declaration that can be found without the cluster."""
    if options.name is not None:
        ownership_label.check_stack_name(options.name)
    if options.parallel < 1:
        raise Failure("invalid_input", f"parallel: must be at least 1, not {options.parallel}.")
    _check_declared(options)
    problems = [*options.parsed.problems, *Declaration(options.parsed.items).problems]
    if problems:
        raise plan_text.invalid_stack(problems, options.parsed.unknown_references())


def execute(options: Options, run: Run) -> dict[str, Any]:
    """Apply the declaration to the cluster. Raises Failure."""
    if options.prune == "all":
        prune.check_confirmation(run.client, options.prune_confirm)
    return _StackRun(options, run, Declaration(options.parsed.items)).reconcile()


def _check_declared(options: Options) -> None:
    """Raises Failure if the declaration has no section, as an empty one would be a success on any cluster."""
    # 'prune: managed' alone removes all objects of the stack; 'all' removes only objects of the given sections.
    if options.prune != "managed" and not options.given:
        *first, last = [section.option for section in SECTIONS]
        raise Failure("nothing_declared", f"Nothing is declared: none of {', '.join(first)} and {last} is given.")


class _StackRun:
    def __init__(self, options: Options, run: Run, declaration: Declaration) -> None:
        self._options = options
        self._run = run
        self._declared = declaration
        #: With the model groups that it implies.
        self._declaration = declaration

    def reconcile(self) -> dict[str, Any]:
        """Plan; in check mode return the plan, else apply and verify it. Raises Failure."""
        run = self._run
        snapshot = self._read()
        plan = self._plan(snapshot)
        if not run.check_mode and plan.changing() and run.take_lease():
            again = snapshot.read_again(run.client, self._read())
            # A plan on the same snapshot is the same.
            plan = plan if again.is_same(snapshot) else self._plan(again)
            snapshot = again
        for warning in plan.warnings:
            run.warn(warning)
        run.add_leftovers(plan.leftovers)
        changing = plan.changing()
        if self._run.check_mode:
            for step in changing:
                self._run.actions += plan_text.explained_actions(step, step.actions)
        else:
            self._apply_and_verify(snapshot, changing, plan.deploying())
        return {
            "stack": self._options.name,
            "plan": plan_text.plan_lines(changing),
            "changes": [
                {"section": step.item.section.option, "name": step.item.name, **step.diff} for step in changing
            ],
            "leftovers": run.leftovers,
            "diff": {"prepared": plan_text.diff_text(changing)},
        }

    def _read(self) -> Snapshot:
        # A deletion looks for what uses the object.
        deletes = any(item.absent and item.params.get("delete_in_use") is False for item in self._declared)
        whole = deletes or self._options.prune != "none"
        snapshot = read_snapshot(self._run.client, self._declared, whole=whole)
        if not self._run.client.reads:
            # Empty sections refer to nothing; but a cluster that nothing has asked must not count as right.
            read_version(self._run.client)
        return snapshot

    def _plan(self, snapshot: Snapshot) -> Plan:
        """The plan of the stack. Raises Failure if it has problems."""
        options = self._options
        self._declaration = self._declared.with_implied_groups(partial(_is_group, snapshot))
        purpose = Purpose(
            options.name,
            options.prune,
            options.given,
            check_mode=self._run.check_mode,
            signs=self._run.client.signs,
        )
        plan = read_and_plan(self._run.client, self._declaration, snapshot, purpose)
        if plan.problems:
            raise plan_text.invalid_stack(plan.problems)
        return plan

    def _apply_and_verify(self, snapshot: Snapshot, steps: list[Step], deploying: list[Step]) -> None:
        """Apply the steps and verify the stack under the lease, then wait for the deployments, also for those of the
        ``deploying`` steps. Raises Failure with all failed items and all remaining differences."""
        applier = Applier(self._run, snapshot, self._declaration, parallel=self._options.parallel)
        outcomes = applier.apply(steps, deploying)
        for outcome in outcomes:
            self._run.actions += plan_text.explained_actions(outcome.step, outcome.actions)
        _raise_concurrent_change(outcomes)
        remaining, broken = self._remaining(snapshot, outcomes, applier.deploying) if steps else ([], None)
        journalled = [len(outcome.actions) for outcome in outcomes]
        self._run.finished_writing()
        applier.await_deployed()
        for outcome, count in zip(applier.outcomes, journalled):
            # A wait may have repaired a deployment.
            self._run.actions += plan_text.explained_actions(outcome.step, outcome.actions[count:])
            for warning in outcome.warnings:
                self._run.warn(warning)
            self._run.add_leftovers(outcome.leftovers)
        _raise_concurrent_change(applier.outcomes)
        failed = [each for each in applier.outcomes if each.blocks]
        if failed:
            raise _stack_failed(failed, remaining)
        if broken:
            raise broken
        if remaining:
            raise Failure(
                "not_converged",
                f"The stack was applied, but {_remains(remaining)} Does another controller change the same objects?",
                left=remaining,
            )

    def _remaining(
        self, before: Snapshot, outcomes: list[StepOutcome], deploying: set[tuple[str, str]]
    ) -> tuple[list[str], Failure | None]:
        """What still differs after the stack was applied, without the items that failed; or why that cannot be read.

        ``before``: the snapshot of the plan. ``deploying``: the keys of the models whose deployment was started; the wait
        for it shows whether it succeeds.
        """
        kinds = {action["kind"] for outcome in outcomes for action in outcome.actions}
        # A new connector is given to its models.
        written = kinds_of(kinds | ({Model.LABEL} if Connector.LABEL in kinds else set()))
        try:
            snapshot = read_snapshot(self._run.client, self._declaration, before=before, written=written)
            purpose = Purpose(self._options.name, verifying=True, deploying=deploying)
            plan = read_and_plan(self._run.client, self._declaration, snapshot, purpose)
        except Failure as failure:
            # If the cluster has become unreachable, the failures of the items still explain what happened.
            return [failure.message], failure
        for warning in plan.warnings:
            self._run.warn(warning)
        failed = {each.step.item.key: each.step.item.display_name for each in outcomes if each.blocks}
        left = [f"{each.place}: {each.message}" for each in plan.problems if each.place not in failed.values()]
        return left + plan_text.plan_lines(step for step in plan.changing() if step.item.key not in failed), None


def _is_group(snapshot: Snapshot, reference: str) -> bool:
    """Whether the cluster has a model group with this name or id."""
    return bool(snapshot.find(ModelGroup, [("name", reference), ("_id", reference)]))


def _raise_concurrent_change(outcomes: list[StepOutcome]) -> None:
    """Raises :class:`ConcurrentChange`, so that the whole stack starts over, if that is why an item failed."""
    for outcome in outcomes:
        if isinstance(outcome.failure, ConcurrentChange):
            raise outcome.failure


def _remains(remaining: list[str]) -> str:
    return f"this remains to be done: {'; '.join(each.rstrip('.') for each in remaining[:_MAX_IN_MESSAGE])}."


def _stack_failed(outcomes: list[StepOutcome], remaining: list[str]) -> Failure:
    failures = [(each.step.item, each.failure) for each in outcomes if each.failure]
    skipped = [each.step.item.display_name for each in outcomes if each.blocked_by]
    listed = "; ".join(
        f"{item.display_name}: {failure.message.rstrip('.')}" for item, failure in failures[:_MAX_IN_MESSAGE]
    )
    message = f"{len(failures)} of the stack's items failed, the others were applied: {listed}."
    if skipped:
        message += f" {len(skipped)} items that depend on them were skipped."
    if remaining:
        message += f" Also, {_remains(remaining)}"
    return Failure(
        "stack_failed",
        message,
        failed=[{"place": item.place, "name": item.name, **failure.as_dict()} for item, failure in failures],
        left_out=skipped,
        left=remaining,
    )


MODULE = Module(
    SPEC, execute, parse, RULES, secrets=secrets, check=check,
    item_specs={section.option: section.spec for section in SECTIONS},
)  # fmt: skip
