# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The declared items of a stack: parsed, checked as far as that needs no cluster, and sorted by their dependencies."""

from __future__ import annotations

from typing import Any, Callable, Iterable, Iterator, Mapping, NamedTuple

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from .._errors.exceptions import Failure
from .sections import BY_OPTION, SECTIONS, SETTINGS, Dependency, Section
from .topological_sort import Cycle, topological_order


class Item(NamedTuple):
    """One declared object: its section, place in the declaration, name, and the validated parameters of its task."""

    section: Section
    place: str
    name: str
    params: dict[str, Any]

    @property
    def key(self) -> tuple[str, str]:
        return self.section.option, self.name

    @property
    def absent(self) -> bool:
        return bool(self.params["state"] == "absent")

    @property
    def display_name(self) -> str:
        """Place and name, for messages."""
        return f"{self.place} {self.name!r}"

    def dependencies(self) -> list[Dependency]:
        return [] if self.absent else self.section.dependencies(self.params)


class Problem(NamedTuple):
    """An error in the declaration, or a reason why the cluster cannot be brought to it."""

    place: str
    code: str
    message: str

    @classmethod
    def from_failure(cls, place: str, failure: Failure) -> Problem:
        return cls(place, failure.code, failure.message)


class Declaration:
    """All items, in the order in which they are applied: dependencies first, then the absent items, users first."""

    def __init__(self, items: Iterable[Item]) -> None:
        self.problems: list[Problem] = []
        self.by_key: dict[tuple[str, str], Item] = {}
        for item in items:
            first = self.by_key.setdefault(item.key, item)
            if first is not item:
                self.problems.append(
                    Problem(item.display_name, "declared_twice", f"{first.place} declares the same name already.")
                )
        self.present = self._sorted([item for item in self.by_key.values() if not item.absent])
        order = [section.option for section in SECTIONS]
        self.absent = sorted(
            (item for item in self.by_key.values() if item.absent), key=lambda item: -order.index(item.section.option)
        )

    def __iter__(self) -> Iterator[Item]:
        return iter([*self.present, *self.absent])

    def with_implied_groups(self, exists: Callable[[str], bool]) -> Declaration:
        """This declaration with the model groups that its models name and that are neither declared nor on the cluster:
        a group that the stack creates belongs to the stack. ``exists`` takes the name or id of a group."""
        implied: dict[str, Item] = {}
        for item in self.present:
            group = item.params.get("model_group")
            if group and ("model_groups", group) not in self.by_key and not exists(group):
                place = f"{item.place}.model_group"
                implied[group] = make_item(BY_OPTION["model_groups"], place, {"name": group})
        return Declaration([*self.by_key.values(), *implied.values()]) if implied else self

    def prerequisites(self, item: Item) -> list[Item]:
        """The declared items that must be applied before this one."""
        if item.absent:
            return []
        declared = [self.by_key.get((each.section, each.reference)) for each in item.dependencies()]
        found = [each for each in declared if each is not None and not each.absent]
        if item.section is not SETTINGS:
            # The server checks whether an endpoint is trusted when it creates the connector.
            found += [each for each in self.by_key.values() if each.section is SETTINGS and not each.absent]
        return found

    def _sorted(self, items: list[Item]) -> list[Item]:
        """The items after their prerequisites; the items as given, and a problem, if that is not possible."""
        for item in items:
            for dependency in item.dependencies():
                declared = self.by_key.get((dependency.section, dependency.reference))
                if declared is not None and declared.absent:
                    message = f"It needs {declared.display_name}, which is declared absent."
                    self.problems.append(Problem(item.display_name, "needs_absent", message))
        dependencies = {item.key: [each.key for each in self.prerequisites(item)] for item in items}
        try:
            return [self.by_key[key] for key in topological_order(dependencies)]
        except Cycle as cycle:
            names = [self.by_key[key].display_name for key in cycle.nodes]
            self.problems.append(Problem(names[0], "cycle", f"{' needs '.join(names)}."))
            return items


def parse_items(sections: Mapping[str, list[Mapping[str, Any]] | None], problems: list[Problem]) -> list[Item]:
    """The items of all sections. An invalid item is left out and added to ``problems``."""
    items = []
    for section in SECTIONS:
        for number, raw in enumerate(sections.get(section.option) or []):
            place = f"{section.option}[{number}]"
            try:
                items.append(make_item(section, place, raw))
            except Failure as failure:
                problems.append(Problem.from_failure(place, failure))
    return items


def make_item(section: Section, place: str, raw: Mapping[str, Any]) -> Item:
    """The item with validated parameters. Raises Failure."""
    if section.by_id and raw.get(section.by_id):
        raise Failure(
            "invalid_input", f"{section.by_id}: a stack names its objects, as their ids differ from cluster to cluster."
        )
    outcome = ArgumentSpecValidator(dict(section.spec), **section.rules).validate(dict(raw))
    if outcome.error_messages:
        raise Failure("invalid_input", "; ".join(outcome.error_messages))
    params: dict[str, Any] = outcome.validated_parameters
    return Item(section, place, section.name_of(params), params)
