# SPDX-License-Identifier: GPL-3.0-or-later
"""What every module must have: no place can forget a new module."""

from __future__ import annotations

import importlib
from functools import lru_cache
from pathlib import Path
from typing import Any, Callable

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http.transport import RawAnswer
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._runtime import module as runtime
from ansible_collections.searchops.opensearch_ml.tests.unit.support import harness
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import COLLECTION, connection_of, task_of
from ansible_collections.searchops.opensearch_ml.tests.unit.support.samples import SAMPLES, server_for
from ansible_collections.searchops.opensearch_ml.tests.unit.support.specs import argument_spec, load


class Unavailable:
    """A transport whose first requests a proxy answers while the server is down."""

    def __init__(self, server: Any, requests: int) -> None:
        self._server = server
        self._remaining = requests
        self.stream = getattr(server, "stream", None)

    def send(self, *request: Any) -> RawAnswer:
        self._remaining -= 1
        if self._remaining >= 0:
            return RawAnswer(503, {}, b"")
        answer: RawAnswer = self._server.send(*request)
        return answer


ROOT = Path(runtime.__file__).resolve().parents[3]
MODULES = sorted(path.stem for path in (ROOT / "plugins/modules").glob("*.py") if not path.stem.startswith("_"))


@lru_cache(maxsize=None)
def parsed(text: str) -> Any:
    """The value of a YAML text. Most of the documentation is read by several tests; do not change the value."""
    return yaml.safe_load(text)


def documentation(module: str) -> dict[str, Any]:
    """The documentation, with the options of its fragments."""
    documented: dict[str, Any] = parsed(load(module).DOCUMENTATION)
    options: dict[str, Any] = {}
    for fragment in documented.get("extends_documentation_fragment", []):
        name, _dot, variable = fragment.removeprefix("searchops.opensearch_ml.").partition(".")
        source = importlib.import_module(f"{COLLECTION}.plugins.doc_fragments.{name}").ModuleDocFragment
        options.update(parsed(getattr(source, (variable or "documentation").upper())).get("options") or {})
    own = documented.get("options") or {}
    assert not set(own) & set(options), "an option of the module hides one of a fragment"
    return {**documented, "options": {**options, **own}}


def of_spec(spec: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {
            "type": option.get("type", "str"),
            "elements": option.get("elements"),
            "required": option.get("required", False),
            "default": option.get("default"),
            "choices": option.get("choices"),
            "aliases": option.get("aliases", []),
            "options": of_spec(option.get("options") or {}),
        }
        for name, option in spec.items()
    }


def of_documentation(options: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {
            "type": option.get("type", "str"),
            "elements": option.get("elements"),
            "required": option.get("required", False),
            "default": option.get("default"),
            "choices": list(option["choices"]) if "choices" in option else None,
            "aliases": option.get("aliases", []),
            "options": of_documentation(option.get("suboptions") or {}),
        }
        for name, option in options.items()
    }


def test_the_modules_are_found() -> None:
    assert set(MODULES) >= {"opensearch_cluster_setting", "ml_connector", "ml_model", "ml_predict"}
    assert {path.stem for path in (ROOT / "plugins/action").glob("*.py")} == set(MODULES)


def test_the_action_groups_have_all_modules() -> None:
    """One group for each kind of server, as the defaults of a group contain its connection."""
    groups = yaml.safe_load((ROOT / "meta/runtime.yml").read_text(encoding="utf-8"))["action_groups"]
    ollama = [module for module in MODULES if module.startswith("ollama_")]
    assert sorted(groups["ollama"]) == ollama
    assert sorted(groups["all"]) == sorted(set(MODULES) - set(ollama))


def test_the_inputs_of_ollama_chat_are_valid_for_openai_chat() -> None:
    """openai_chat does not validate its inputs again when ollama_chat includes it."""

    def specs(role: str) -> dict[str, Any]:
        text = (ROOT / f"roles/{role}/meta/argument_specs.yml").read_text(encoding="utf-8")
        options = yaml.safe_load(text)["argument_specs"]["main"]["options"]
        rules = ("type", "choices", "elements", "required", "options")
        return {
            name.removeprefix(f"{role}_"): {rule: option.get(rule) for rule in rules}
            for name, option in options.items()
        }

    short, long = specs("ollama_chat"), specs("openai_chat")
    short["api_path"] = short.pop("path")
    assert short == {name: long[name] for name in short}


@pytest.mark.parametrize("module", MODULES)
class TestModule:
    def test_it_has_tests(self, module: str) -> None:
        assert (ROOT / f"tests/unit/plugins/modules/test_{module}.py").is_file()
        # ansible-test is given the unit tests only.
        if (ROOT / "tests/integration").is_dir():
            assert (ROOT / f"tests/integration/test_{module}.py").is_file()

    def test_it_can_run_in_the_controllers_process(self, module: str) -> None:
        # Ansible loads an action plugin of the module's own name in its main process, before it forks.
        action = importlib.import_module(f"{COLLECTION}.plugins.action.{module}").ActionModule
        assert action.MODULE is load(module).MODULE is task_of(module).MODULE

    def test_the_documented_options_are_those_of_the_spec(self, module: str) -> None:
        assert of_documentation(documentation(module)["options"]) == of_spec(argument_spec(module))

    def test_no_option_has_the_name_of_a_connection_option(self, module: str) -> None:
        assert not set(task_of(module).MODULE.spec) & set(connection_of(module).options())

    def test_environment_variables_are_documented(self, module: str) -> None:
        documented = documentation(module)["options"]
        for name, option in argument_spec(module).items():
            if "fallback" in option:
                [variable] = option["fallback"][1]
                assert f"E({variable})" in str(documented[name]["description"]), name

    def test_the_head_of_the_documentation(self, module: str) -> None:
        documented = documentation(module)
        assert documented["module"] == module
        assert documented["version_added"]
        assert not documented["short_description"].endswith(".")
        assert "searchops.opensearch_ml.attributes" in documented["extends_documentation_fragment"]

    def test_the_examples_are_valid(self, module: str) -> None:
        validator = ArgumentSpecValidator(argument_spec(module))
        seen = 0
        for task in yaml.safe_load(load(module).EXAMPLES):
            assert task["name"]
            for name, args in task.items():
                if name == f"searchops.opensearch_ml.{module}":
                    seen += 1
                    assert validator.validate(args or {}).error_messages == []
        assert seen

    def test_what_is_returned_is_documented(self, module: str, request: pytest.FixtureRequest) -> None:
        run: Callable[..., dict[str, Any]] = request.getfixturevalue("module_runner")
        args, server = SAMPLES[module], server_for(module)
        documented = set(parsed(load(module).RETURN))
        for check_mode in (True, False):
            result = run(module, server, check_mode=check_mode, **args)
            assert not result.get("failed"), result
            assert set(result) - documented <= {"changed", "invocation", "warnings"}
        failed = run(module, server, **args, timeout=-1)
        assert set(failed) - documented <= {"changed", "invocation", "warnings", "msg", "failed"}
        assert set(failed["failure"]) == set(parsed(load(module).RETURN)["failure"]["contains"])

    @pytest.mark.parametrize("way", [harness.run_module, harness.run_in_process])
    def test_retries_are_counted(
        self, module: str, way: Callable[..., dict[str, Any]], check_mode_violations: list[str]
    ) -> None:
        if way is harness.run_in_process and not harness.CONTROLLER:
            pytest.skip("needs the controller")
        retries = argument_spec(module)["retries"]["default"]
        for unavailable, counted, failed in ((2, 2, False), (99, retries, True)):
            transport = Unavailable(server_for(module), unavailable)
            result = way(module, SAMPLES[module], transport, check_mode_violations)
            assert (result["retries"], result.get("failed", False)) == (counted, failed), result
