# SPDX-License-Identifier: GPL-3.0-or-later
"""The argument specs of the modules, taken from a call of main()."""

from __future__ import annotations

import importlib
from typing import Any
from unittest import mock

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._runtime import module as runtime
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import COLLECTION


def load(module: str) -> Any:
    return importlib.import_module(f"{COLLECTION}.plugins.modules.{module}")


def argument_spec(module: str) -> dict[str, Any]:
    """The argument spec that main() passes to AnsibleModule."""

    class Caught(Exception):
        pass

    def catch(self: Any, argument_spec: dict[str, Any], **rules: Any) -> None:
        assert rules["supports_check_mode"] is True
        raise Caught(argument_spec)

    with mock.patch.object(runtime.AnsibleModule, "__init__", catch), pytest.raises(Caught) as caught:
        load(module).main()
    spec: dict[str, Any] = caught.value.args[0]
    return spec
