# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The sections of a stack: for each its module, the names of its items, and what its items depend on."""

from __future__ import annotations

from typing import Any, Callable, Iterator, Mapping, NamedTuple

from .._errors.exceptions import Failure
from .._kinds.agent import Agent, named_container
from .._kinds.base import Kind
from .._kinds.connector import options as options_module
from .._kinds.connector.resource import Connector
from .._kinds.controller import Controller
from .._kinds.memory_container import MODEL_FIELDS, MemoryContainer
from .._kinds.model import Model
from .._kinds.model_group import ModelGroup
from .._operations.guardrails import with_references
from .._operations.references import references_in
from .._runtime.module import Module
from .._runtime.run import Run
from .._tasks import (
    ml_agent,
    ml_connector,
    ml_controller,
    ml_memory_container,
    ml_model,
    ml_model_group,
    opensearch_cluster_setting,
    opensearch_pipeline,
)
from .._values.compare import text_of, without_none

#: The section to which ``${model:...}`` and its kin refer.
_SECTION_OF = {
    "model": "models", "agent": "agents", "connector": "connectors", "memory_container": "memory_containers",
}  # fmt: skip


class Dependency(NamedTuple):
    """An object to which an item refers: its section, and its name or id. If ``required``, it must be declared or on
    the cluster."""

    section: str
    reference: str
    required: bool = True


class Section(NamedTuple):
    """One section of a stack: its option, and the module whose options its items take and whose task applies them.

    ``name_of`` and ``dependencies`` take the validated parameters of an item.
    """

    option: str
    module_name: str
    module: Module
    name_of: Callable[[Mapping[str, Any]], str]
    dependencies: Callable[[Mapping[str, Any]], list[Dependency]]
    kind: type[Kind] | None = None
    #: The option that names an object by its id. A stack refuses it, as ids differ from cluster to cluster.
    by_id: str = ""
    #: Whether the description of the object carries the label of its stack.
    labelled: bool = False
    #: Completes the validated parameters of an item by what its definition gives.
    complete: Callable[[Mapping[str, Any]], Mapping[str, Any]] = dict

    @property
    def spec(self) -> Mapping[str, Any]:
        return self.module.spec

    @property
    def rules(self) -> Mapping[str, Any]:
        return self.module.rules

    def check(self, params: Mapping[str, Any]) -> list[str]:
        """The secrets among validated parameters. Raises Failure for parameters that are invalid on every server."""
        options = self.module.parse(params)
        secrets = [str(secret) for secret in self.module.secrets(params, options)]
        try:
            self.module.check(options)
        except Failure as failure:
            failure.secrets = secrets
            raise
        return secrets

    def execute(self, params: Mapping[str, Any], run: Run) -> dict[str, Any]:
        """Execute the module's task with validated parameters. Raises Failure."""
        result: dict[str, Any] = self.module.execute(self.module.parse(params), run)
        return result


def _name(item: Mapping[str, Any]) -> str:
    return str(item["name"])


def _connector_name(item: Mapping[str, Any]) -> str:
    if item["name"]:
        return str(item["name"])
    options = options_module.parse(item)
    options.check_name()
    return str(options.name)


def _setting_names(item: Mapping[str, Any]) -> str:
    return ", ".join(sorted(map(str, item["settings"])))


def _completed_model(item: Mapping[str, Any]) -> Mapping[str, Any]:
    if not item["name"]:
        raise Failure(
            "invalid_input", "name: is required in a stack, also with a definition, as the playbook verify reads it."
        )
    return ml_model.completed(item)


def _controlled_model(item: Mapping[str, Any]) -> str:
    return str(item["model"])


def _pipeline_name(item: Mapping[str, Any]) -> str:
    return f"{item['type']}/{item['name']}"


def _no_dependencies(item: Mapping[str, Any]) -> list[Dependency]:
    return []


def _model_dependencies(item: Mapping[str, Any]) -> list[Dependency]:
    connector = [Dependency("connectors", item["connector"])] if item["connector"] else []
    # Without 'model_group', the model gets a group with the model's name.
    group = Dependency("model_groups", item["model_group"] or item["name"], required=False)
    return [*connector, group, *_references(with_references(item["guardrails"] or {}))]


def _controller_dependencies(item: Mapping[str, Any]) -> list[Dependency]:
    return [Dependency("models", item["model"])]


def _agent_dependencies(item: Mapping[str, Any]) -> list[Dependency]:
    model = (item["llm"] or (item["definition"] or {}).get("llm") or {}).get("model_id")
    by_name = [Dependency("models", model)] if model and "${" not in model else []
    container = named_container({**((item["definition"] or {}).get("memory") or {}), **without_none(item["memory"])})
    by_name += [Dependency("memory_containers", container)] if container else []
    return by_name + list(_references(item))


def _container_dependencies(item: Mapping[str, Any]) -> list[Dependency]:
    configuration = {
        **((item["definition"] or {}).get("configuration") or {}),
        **without_none(item["configuration"]),
    }
    models = [configuration[name] for name in MODEL_FIELDS if configuration.get(name)]
    by_name = [Dependency("models", model) for model in dict.fromkeys(models) if "${" not in model]
    return by_name + list(_references(item))


def _pipeline_dependencies(item: Mapping[str, Any]) -> list[Dependency]:
    return list(_references(item))


def _references(item: Mapping[str, Any]) -> Iterator[Dependency]:
    """The references such as ``${model:name}``, at any depth."""
    for kind, name in dict.fromkeys(references_in(text_of(dict(item)))):
        yield Dependency(_SECTION_OF[kind], name)


def _agent_name(item: Mapping[str, Any]) -> str:
    return str(ml_agent.MODULE.parse(item).name)


def _container_name(item: Mapping[str, Any]) -> str:
    return str(ml_memory_container.MODULE.parse(item).name)


SETTINGS = Section(
    "settings", "opensearch_cluster_setting", opensearch_cluster_setting.MODULE, _setting_names, _no_dependencies
)

#: Sorted: each section depends only on those before it.
SECTIONS = (
    SETTINGS,
    Section(
        "model_groups", "ml_model_group", ml_model_group.MODULE,
        _name, _no_dependencies, ModelGroup, "model_group_id", True,
    ),
    Section(
        "connectors", "ml_connector", ml_connector.MODULE,
        _connector_name, _no_dependencies, Connector, "connector_id", True,
    ),
    Section(
        "models", "ml_model", ml_model.MODULE,
        _name, _model_dependencies, Model, "model_id", True, _completed_model,
    ),
    Section(
        "controllers", "ml_controller", ml_controller.MODULE,
        _controlled_model, _controller_dependencies, Controller,
    ),
    Section(
        "memory_containers", "ml_memory_container", ml_memory_container.MODULE,
        _container_name, _container_dependencies, MemoryContainer, "memory_container_id", True,
    ),
    Section(
        "agents", "ml_agent", ml_agent.MODULE,
        _agent_name, _agent_dependencies, Agent, "agent_id", True,
    ),
    Section(
        "pipelines", "opensearch_pipeline", opensearch_pipeline.MODULE,
        _pipeline_name, _pipeline_dependencies, None, "", True,
    ),
)  # fmt: skip

BY_OPTION = {section.option: section for section in SECTIONS}
