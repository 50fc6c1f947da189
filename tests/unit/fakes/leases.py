# SPDX-License-Identifier: GPL-3.0-or-later
"""The index of the lease in the fake cluster: one document with a sequence number."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._runtime.lease import DOCUMENT, INDEX
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.answers import Refused


def is_lease(path: str) -> bool:
    return path in (DOCUMENT, f"/{INDEX}")


class Leases:
    """Answers the requests for the lease.

    ``refusal`` is the status and the exception type with which the index refuses ``refused_methods``; 0 for none.
    """

    def __init__(self) -> None:
        self.exists = True
        self.document: dict[str, Any] | None = None
        self.refusal = (0, "")
        self.refused_methods: tuple[str, ...] = ("GET", "PUT", "DELETE")
        self._seq_no = 0

    def handle(self, method: str, path: str, query: Mapping[str, str], body: Any) -> Any:
        status, kind = self.refusal
        if status and method in self.refused_methods:
            raise Refused(status, f"no permissions for [{method}]", kind)
        if path == f"/{INDEX}":
            if self.exists:
                raise Refused(400, f"index [{INDEX}] already exists", "resource_already_exists_exception")
            self.create_index()
            return {"acknowledged": True, "index": INDEX}
        if not self.exists:
            raise Refused(404, f"no such index [{INDEX}]", "index_not_found_exception")
        if method == "GET":
            if self.document is None:
                raise _Missing()
            return {"found": True, **self._version(), "_source": self.document}
        expected = query.get("if_seq_no")
        if method == "PUT":
            taken = self.document is not None if query.get("op_type") == "create" else not self._is_current(expected)
            if taken:
                raise Refused(409, "version conflict", "version_conflict_engine_exception")
            self.document = dict(body)
        else:
            if self.document is None:
                raise _Missing()
            if not self._is_current(expected):
                raise Refused(409, "version conflict", "version_conflict_engine_exception")
            self.document = None
        self._seq_no += 1
        return {"result": "updated", **self._version()}

    def create_index(self) -> None:
        self.exists = True
        self._seq_no = 0

    def delete_index(self) -> None:
        self.exists = False
        self.document = None

    def hold(self, owner: str = "other:1:abc", *, time_to_live: float = 30.0) -> None:
        """Let another controller hold the lease."""
        self._seq_no += 1
        self.document = {"owner": owner, "ttl": time_to_live, "renewed": "2026-01-01T00:00:00Z"}

    def release(self) -> None:
        self._seq_no += 1
        self.document = None

    def _is_current(self, seq_no: str | None) -> bool:
        return self.document is not None and seq_no == str(self._seq_no)

    def _version(self) -> dict[str, int]:
        return {"_seq_no": self._seq_no, "_primary_term": 1}


class _Missing(Refused):
    """A document that does not exist: its answer has no error."""

    def __init__(self) -> None:
        super().__init__(404, "")
        self.body = {"found": False}
