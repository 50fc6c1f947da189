# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the pages that the browser opens: python -m ...tests.browser.pages FOLDER.

``troubles.html`` has something of each kind that is amiss, a server whose text is meant to break out, and a cluster that is away;
``report_page.html`` is what the playbook writes of 20 clusters with 200 models each, which answer on this machine.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from pathlib import Path

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster_server import serving
from ansible_collections.searchops.opensearch_ml.tests.unit.support import report_page

CLUSTERS, MODELS = 20, 200


def troubles() -> str:
    calm = report_page.cluster(4)
    calm["settings"] = {"settings": {"plugins.ml_commons.only_run_on_ml_node": "false"}, "origins": {}}
    calm["duplicates"] = {"duplicates": []}
    calm["stack"] = {"plan": []}
    calm["answers"] = {"results": []}
    return report_page.page({
        "north": report_page.cluster(12),
        "hostile": report_page.cluster(3, mark=report_page.EVIL),
        "calm": calm,
        "south": report_page.unreachable(),
    })  # fmt: skip


def busy() -> FakeCluster:
    cluster = FakeCluster()
    connectors = [cluster.add_connector(f"Gateway {number}") for number in range(MODELS // 5)]
    for number in range(MODELS):
        cluster.add_model(f"Chat {number}", connectors[number % len(connectors)])
    return cluster


def write_fleet(target: Path) -> None:
    with contextlib.ExitStack() as stack:
        hosts = {
            f"cluster-{number:02}": {"opensearch_connection": {"hosts": [stack.enter_context(serving(busy()))]}}
            for number in range(CLUSTERS)
        }
        inventory = target.with_suffix(".json")
        inventory.write_text(json.dumps({"all": {"hosts": hosts}}), encoding="utf-8")
        subprocess.run(
            ["ansible-playbook", "searchops.opensearch_ml.report", "-i", str(inventory), "-e", "opensearch_targets=all",
             "-e", f"report_file={target}"],
            check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=240,
        )  # fmt: skip


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "troubles.html").write_text(troubles(), encoding="utf-8")
    began = time.monotonic()
    target = folder / "report_page.html"
    write_fleet(target)
    size = target.stat().st_size / 1e6
    print(f"{CLUSTERS} clusters of {MODELS} models: {size:.1f} MB in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
