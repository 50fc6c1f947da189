# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What is declared: items out of options, checked as far as that goes without the cluster, in dependency order."""

from __future__ import annotations

from typing import Any, Callable, Iterable, Mapping, NamedTuple

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from .._coordination.duplicates import AmbiguousName
from .._errors.exceptions import Failure
from .sections import BY_OPTION, SECTIONS, SETTINGS, Need, Section
from .topological_sort import Cycle, ordered


class Item(NamedTuple):
    """One declared object: where it stands, its name in its section, and the options of its task."""

    section: Section
    place: str
    name: str
    options: dict[str, Any]

    @property
    def key(self) -> tuple[str, str]:
        return self.section.option, self.name

    @property
    def absent(self) -> bool:
        return bool(self.options["state"] == "absent")

    @property
    def told(self) -> str:
        return f"{self.place} {self.name!r}"

    def needs(self) -> list[Need]:
        return [] if self.absent else self.section.needs(self.options)


class Problem(NamedTuple):
    """Something that is wrong with the declaration, and where."""

    place: str
    code: str
    message: str
    several: AmbiguousName | None = None

    @classmethod
    def of(cls, place: str, failure: Failure) -> Problem:
        return cls(place, failure.code, failure.message, failure if isinstance(failure, AmbiguousName) else None)

    def recently_created(self, now: float) -> bool:
        """Whether somebody else may be about to mend it, ``now`` being in seconds since 1970."""
        return self.several is not None and self.several.recently_created(now)


class Declaration:
    """All items, in the order in which they are done: what is needed first, and what is to go last, users first."""

    def __init__(self, items: Iterable[Item]) -> None:
        self.problems: list[Problem] = []
        self.by_key: dict[tuple[str, str], Item] = {}
        for item in items:
            first = self.by_key.setdefault(item.key, item)
            if first is not item:
                self.problems.append(
                    Problem(item.told, "declared_twice", f"{first.place} declares the same name already.")
                )
        self.present = self._ordered([item for item in self.by_key.values() if not item.absent])
        order = [section.option for section in SECTIONS]
        self.absent = sorted(
            (item for item in self.by_key.values() if item.absent), key=lambda item: -order.index(item.section.option)
        )

    def __iter__(self) -> Any:
        return iter([*self.present, *self.absent])

    def with_groups(self, known: Callable[[str], bool]) -> Declaration:
        """The same with the groups that models name and that are neither declared nor ``known`` to the cluster by name or
        id: what the stack makes is to be a part of it."""
        implied: dict[str, Item] = {}
        for item in self.present:
            group = item.options.get("model_group")
            if group and ("model_groups", group) not in self.by_key and not known(group):
                place = f"{item.place}.model_group"
                implied[group] = make(BY_OPTION["model_groups"], place, {"name": group})
        return Declaration([*self.by_key.values(), *implied.values()]) if implied else self

    def before(self, item: Item) -> list[Item]:
        """The declared items that have to be done before this one."""
        if item.absent:
            return []
        needed = [self.by_key.get((need.section, need.reference)) for need in item.needs()]
        found = [each for each in needed if each is not None and not each.absent]
        if item.section is not SETTINGS:
            # Whether an endpoint is trusted is looked at when a connector is made.
            found += [each for each in self.by_key.values() if each.section is SETTINGS and not each.absent]
        return found

    def _ordered(self, items: list[Item]) -> list[Item]:
        for item in items:
            for need in item.needs():
                needed = self.by_key.get((need.section, need.reference))
                if needed is not None and needed.absent:
                    self.problems.append(
                        Problem(item.told, "needs_absent", f"It needs {needed.told}, which is declared absent.")
                    )
        needs = {item.key: [needed.key for needed in self.before(item)] for item in items}
        try:
            return [self.by_key[key] for key in ordered(needs)]
        except Cycle as cycle:
            told = " needs ".join(self.by_key[key].told for key in cycle.nodes)
            self.problems.append(Problem(self.by_key[cycle.nodes[0]].told, "cycle", f"{told}."))
            return items


def parse(options: Mapping[str, Any], problems: list[Problem]) -> list[Item]:
    """The items of all sections. What is wrong with one is noted, and the item left out."""
    items = []
    for section in SECTIONS:
        for number, raw in enumerate(options.get(section.option) or []):
            place = f"{section.option}[{number}]"
            try:
                items.append(make(section, place, raw))
            except Failure as failure:
                problems.append(Problem.of(place, failure))
    return items


def make(section: Section, place: str, raw: Mapping[str, Any]) -> Item:
    """An item of checked options. Raises Failure."""
    if section.by_id and raw.get(section.by_id):
        raise Failure(
            "invalid_input", f"{section.by_id}: a stack names its objects, as their ids differ from cluster to cluster."
        )
    outcome = ArgumentSpecValidator(dict(section.spec), **section.rules).validate(dict(raw))
    if outcome.error_messages:
        raise Failure("invalid_input", "; ".join(outcome.error_messages))
    options: dict[str, Any] = outcome.validated_parameters
    return Item(section, place, section.name_of(options), options)
