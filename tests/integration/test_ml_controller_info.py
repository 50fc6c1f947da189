# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lists of the limits of single users on real servers, which have no search for them."""

from __future__ import annotations

from ansible_collections.searchops.opensearch_ml.tests.integration._stack import until

INFO = "ml_controller_info"
LIMITS = {"alice": {"limit": 10, "unit": "MINUTES"}}


def test_what_is_listed(cluster, module, name):
    connector = cluster.make_connector(name)
    one, two, _none = (cluster.make_model(f"{name} {which}", connector) for which in ("one", "two", "none"))
    created = [module("ml_controller", model=model, user_rate_limiter=LIMITS)["controller"] for model in (one, two)]

    def listed(**args):
        found = module(INFO, **args)
        assert (found["changed"], module.recorder.writes) == (False, [])
        return [entry for entry in found["controllers"] if entry["model_name"].startswith(name)]

    assert listed(model=one) == listed(model=f"{name} one", check=True) == created[:1]
    assert listed(model=f"{name} none") == listed(model="nope") == []
    # An index is refreshed once a second.
    until(lambda: sorted(entry["model_id"] for entry in listed()) == sorted([one, two]), "searches to see both")
    assert sorted(listed(), key=lambda entry: entry["model_name"]) == created
    module("ml_controller", model=one, state="absent")
    # The module does not trust a search that shows an old state.
    assert listed() == created[1:]
