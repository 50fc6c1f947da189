# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A callback plugin that reports to a test: the start of each play, which waits for the test's answer, and each result."""

from __future__ import annotations

import json
import os
from typing import Any
from urllib.request import urlopen

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: to_the_test
type: aggregate
short_description: Reports to a test
description: Posts the start of each play and each result as JSON to the URL in E(TO_THE_TEST).
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "to_the_test"

    def v2_playbook_on_play_start(self, play: Any) -> None:
        self._post({"play": play.get_name()})

    def v2_runner_on_ok(self, result: Any) -> None:
        self._report("ok", result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._report("failed", result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._report("failed", result)

    def v2_runner_on_skipped(self, result: Any) -> None:
        self._report("skipped", result)

    def _report(self, status: str, result: Any) -> None:
        task, returned = result._task, result._result
        variables = task.get_vars()
        items = [item for item in returned.get("results") or [] if isinstance(item, dict)]
        self._post(
            {
                "example": variables.get("_example"),
                "run": variables.get("_run"),
                "task": task.get_name(),
                "status": status,
                "changed": bool(returned.get("changed")),
                "message": "; ".join(str(each["msg"]) for each in (returned, *items) if each.get("msg")),
            }
        )

    @staticmethod
    def _post(event: dict[str, Any]) -> None:
        with urlopen(os.environ["TO_THE_TEST"], json.dumps(event).encode(), timeout=60) as answer:
            answer.read()
