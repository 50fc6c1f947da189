# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Several controllers at the same objects: how they get out of each other's way, and how those who look on wait for that.

Of several objects of one name that were made at once the oldest stays. Whoever made another one takes it back; whoever
made the oldest waits until it is alone. So not two can stay, and what stays is seldom what somebody is about to take back.
Where another one cannot be taken back, as somebody has found it first and uses it, that one stays: whoever made the oldest
does not wait for long, and whoever made the other one keeps it as soon as it is alone.
"""

from __future__ import annotations

from typing import Any, Callable, TypeVar

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._client import Client
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors import Failure
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._run import Run

Found = TypeVar("Found")

#: Objects of one name that were made within so many seconds may be of controllers that are still at it.
AT_ONCE = 10.0

#: For how long others may take back theirs, a model that has to be undeployed for it included, and the pauses between the
#: looks for that, in seconds.
TAKEN_BACK, LOOK_AGAIN = 10.0, 0.3

#: For how long whoever made the oldest waits for the others, where nothing has to be undeployed for that, in seconds. Less than
#: those who look on wait, as what is used already stays instead.
GIVES_WAY = 4.0

#: The pauses of one who cannot take back the own object, in seconds: longer than the others wait for that.
INSISTENCE = (0.5, 1.0, 1.0, 1.5, 2.0, 2.0)

#: The longest pause of one who steps aside, in seconds.
LONGEST_STEP_ASIDE = 2.0


class Ambiguous(Failure):
    """Several objects have one name. ``at_once`` tells that they were made so shortly after each other that all but one may
    be about to be taken back."""

    def __init__(self, message: str, docs: list[Any]) -> None:
        super().__init__("ambiguous_name", message, ids=[doc.id for doc in docs])
        made = sorted(doc.created for doc in docs)
        self.at_once = made[-2] > 0 and made[-1] - made[-2] <= AT_ONCE * 1000


def settled(client: Client, look: Callable[[], Found], planned: list[Any] | None = None) -> Found:
    """What ``look`` tells; where it finds several objects that were made at once, what it tells when one is left. Raises
    ``concurrent_change`` where they are still being made and taken back at the end. What a look has ``planned`` by then is
    forgotten before the next one."""
    begun = len(planned or ())
    end = client.clock.now() + TAKEN_BACK
    first: list[str] = []
    while True:
        try:
            return look()
        except Ambiguous as failure:
            seen = failure.details["ids"]
            first = first or seen
            if not failure.at_once or client.recalls:
                raise
            if client.clock.now() >= end:
                if seen == first:
                    raise
                raise Failure("concurrent_change", failure.message, **failure.details) from failure
        if planned is not None:
            del planned[begun:]
        client.clock.sleep(LOOK_AGAIN)


def outlast(run: Run, found: list[Any], look: Callable[[], list[Any]], own: str, timeout: float) -> list[Any]:
    """Wait for the others, as long as the ``own`` object is the first of those found and not the only one, and for ``timeout``
    seconds at most. Returns what was found last."""
    end = run.clock.now() + timeout
    while len(found) > 1 and found[0].id == own and run.clock.now() < end:
        run.clock.sleep(LOOK_AGAIN)
        found = look()
    return found


def step_aside(run: Run, attempt: int) -> None:
    run.clock.sleep(min(0.1 + run.clock.jitter() * 0.4 * (attempt + 1), LONGEST_STEP_ASIDE))


def insist(run: Run, withdraw: Callable[[str], None], own: str, look: Callable[[], list[Any]]) -> bool:
    """Take the own object back even though others get in the way: one that stays is a duplicate for good, unless it is the
    only one left by then. Returns whether it was taken back."""
    for pause in INSISTENCE:
        try:
            withdraw(own)
            return True
        except Failure:
            run.clock.sleep(pause)
        if [doc.id for doc in look()] == [own]:
            return False
    withdraw(own)
    return True
