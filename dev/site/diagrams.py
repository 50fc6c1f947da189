# SPDX-License-Identifier: GPL-3.0-or-later
"""Mermaid's diagrams as pictures, drawn while the site is built: a page needs no script, and nothing from elsewhere."""

from __future__ import annotations

from base64 import b64encode
from html import escape
from typing import Any

import mmdr
from docutils import nodes
from docutils.parsers.rst import Directive


class Diagram(Directive):
    has_content = True

    def run(self) -> list[nodes.Node]:
        source = "\n".join(self.content)
        try:
            drawn = mmdr.render(source, backend="mermaid-rs-renderer").svg()
        except Exception as exc:
            raise self.error(f"this diagram cannot be drawn: {exc}") from exc
        # What a reader who cannot see it is told: the comment above it.
        told = next((line[2:].strip() for line in self.content if line.startswith("%%")), "")
        if not told:
            raise self.error("a diagram needs a first line that tells in words what it shows: %% ...")
        # Within the page, and yet a document of its own: two diagrams may use the same ids.
        encoded = b64encode(drawn.encode()).decode()
        picture = f'<img class="diagram" alt="{escape(told, quote=True)}" src="data:image/svg+xml;base64,{encoded}">'
        return [nodes.raw("", picture, format="html")]


def setup(app: Any) -> dict[str, Any]:
    app.add_directive("mermaid", Diagram)
    return {"parallel_read_safe": True}
