# SPDX-License-Identifier: GPL-3.0-or-later
"""Render Mermaid diagrams as images while the site is built, so that a page needs no script and no other server."""

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
        # The alternative text is the first comment of the diagram.
        alternative = next((line[2:].strip() for line in self.content if line.startswith("%%")), "")
        if not alternative:
            raise self.error("a diagram must start with a comment that describes it: %% ...")
        # As an image inside the page, as two diagrams may use the same ids.
        encoded = b64encode(drawn.encode()).decode()
        picture = (
            f'<img class="diagram" alt="{escape(alternative, quote=True)}" src="data:image/svg+xml;base64,{encoded}">'
        )
        return [nodes.raw("", picture, format="html")]


def setup(app: Any) -> dict[str, Any]:
    app.add_directive("mermaid", Diagram)
    return {"parallel_read_safe": True}
