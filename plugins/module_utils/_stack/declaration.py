# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The declared items of a stack: parsed, checked as far as that needs no cluster, and sorted by their dependencies."""

from __future__ import annotations

from typing import Any, Callable, Iterable, Iterator, Mapping, NamedTuple, Sequence

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.errors import UnsupportedError

from .._endpoints import blueprint
from .._errors.exceptions import Failure
from .._kinds.controller import Controller
from .._runtime.option_checks import option_faults
from .sections import BY_OPTION, SECTIONS, SETTINGS, Dependency, Section
from .topological_sort import Cycle, topological_order


class Item(NamedTuple):
    """One declared object: its section, place in the declaration, name, and the validated parameters of its task."""

    section: Section
    place: str
    name: str
    params: dict[str, Any]
    #: The texts to mask in results.
    secrets: Sequence[str] = ()

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
    remedy: str

    @classmethod
    def of(cls, place: str, code: str, message: str) -> Problem:
        return cls.from_failure(place, Failure(code, message))

    @classmethod
    def from_failure(cls, place: str, failure: Failure) -> Problem:
        return cls(place, failure.code, failure.message, failure.remedy)


class Declaration:
    """All items, in the order in which they are applied: dependencies first, then the absent items, users first."""

    def __init__(self, items: Iterable[Item]) -> None:
        self.problems: list[Problem] = []
        self.by_key: dict[tuple[str, str], Item] = {}
        for item in items:
            first = self.by_key.setdefault(item.key, item)
            if first is not item:
                self.problems.append(declared_twice(item.display_name, first.place))
        self._settings = [item for item in self.by_key.values() if item.section is SETTINGS and not item.absent]
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
            found += self._settings
        return found

    def _sorted(self, items: list[Item]) -> list[Item]:
        """The items after their prerequisites; the items as given, and a problem, if that is not possible."""
        for item in items:
            for dependency in item.dependencies():
                declared = self.by_key.get((dependency.section, dependency.reference))
                if declared is not None and declared.absent:
                    message = f"It needs {declared.display_name}, which is declared absent."
                    self.problems.append(Problem.of(item.display_name, "needs_absent", message))
        dependencies = {item.key: [each.key for each in self.prerequisites(item)] for item in items}
        try:
            return [self.by_key[key] for key in topological_order(dependencies)]
        except Cycle as cycle:
            names = [self.by_key[key].display_name for key in cycle.nodes]
            self.problems.append(Problem.of(names[0], "cycle", f"{' needs '.join(names)}."))
            return items


class Parsed(NamedTuple):
    """The valid items of a declaration, all faults of the others, the keys of those others whose name is known, and the
    texts to mask in results."""

    items: list[Item]
    problems: list[Problem]
    invalid_keys: set[tuple[str, str]]
    secrets: list[str]

    def unknown_references(self) -> list[tuple[Item, Dependency]]:
        """The references to objects that the declaration does not have, so that the cluster must have them."""
        declared = {item.key for item in self.items} | self.invalid_keys
        return [
            (item, each)
            for item in self.items
            for each in item.dependencies()
            if each.required and (each.section, each.reference) not in declared
        ]


def parse_items(sections: Mapping[str, list[Mapping[str, Any]] | None]) -> Parsed:
    """The items of all sections. An invalid item is left out; all of its faults are problems."""
    parsed = Parsed([], [], set(), [])
    places: dict[tuple[str, str], str] = {}
    for section in SECTIONS:
        for number, raw in enumerate(sections.get(section.option) or []):
            place = f"{section.option}[{number}]"
            try:
                item = make_item(section, place, raw)
                key = item.key
                parsed.items.append(item)
                parsed.secrets.extend(item.secrets)
            except InvalidItem as invalid:
                parsed.problems.extend(invalid.problems)
                parsed.secrets.extend(invalid.secrets)
                if invalid.key is None:
                    continue
                key = invalid.key
                parsed.invalid_keys.add(key)
            first = places.setdefault(key, place)
            if first != place and key in parsed.invalid_keys:
                # Of valid items, the declaration reports it.
                parsed.problems.append(declared_twice(f"{place} {key[1]!r}", first))
    return parsed


class InvalidItem(Failure):
    """All faults of an item. ``key``: its section and its name, None if the name is not known."""

    def __init__(self, problems: list[Problem], key: tuple[str, str] | None, secrets: Sequence[str] = ()) -> None:
        super().__init__(problems[0].code, "; ".join(problem.message.rstrip(".") for problem in problems))
        self.problems = problems
        self.key = key
        self.secrets = secrets


def make_item(section: Section, place: str, raw: Mapping[str, Any]) -> Item:
    """The item with validated parameters. Raises :class:`InvalidItem`."""
    faults = list(option_faults(section.spec, raw))
    if section.by_id and raw.get(section.by_id):
        faults.append(f"{section.by_id}: a stack names its objects, as their ids differ from cluster to cluster.")
    outcome = ArgumentSpecValidator(dict(section.spec), **section.rules).validate(dict(raw))
    # Those of Ansible about unknown options list all options of the module; those about mappings are among the faults.
    faults += [
        error.msg
        for error in outcome.errors
        if not isinstance(error, UnsupportedError) and "'dict'> cannot be converted to a list" not in error.msg
    ]
    problems = [Problem.of(place, "invalid_input", fault) for fault in faults]
    if not problems:
        try:
            # The body shows the name of the object, its description and what it refers to.
            params = dict(section.complete(blueprint.with_body(outcome.validated_parameters, section.option)))
            secrets = section.check(params)
            return Item(section, place, section.name_of(params), params, secrets)
        except Failure as failure:
            raise InvalidItem(
                [Problem.from_failure(place, failure)], _key_of(section, raw), failure.secrets
            ) from failure
    raise InvalidItem(problems, _key_of(section, raw))


def _key_of(section: Section, raw: Mapping[str, Any]) -> tuple[str, str] | None:
    """The section and the name of an invalid item of a kind that other items can refer to."""
    name = raw.get("model" if section.kind is Controller else "name")
    return (section.option, name) if section.kind and isinstance(name, str) and name else None


def declared_twice(place: str, first: str) -> Problem:
    return Problem.of(place, "declared_twice", f"{first} declares the same name already.")
