# SPDX-License-Identifier: GPL-3.0-or-later
"""Sphinx configuration of the documentation site. See the session docs of noxfile.py."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import yaml
from docutils import nodes

sys.path.insert(0, str(Path(__file__).parent))
ROOT = Path(__file__).parents[2]
galaxy = yaml.safe_load((ROOT / "galaxy.yml").read_text())

project = f"{galaxy['namespace']}.{galaxy['name']}"
author = galaxy["authors"][0]
version = release = galaxy["version"]
html_title = f"{galaxy['name']} {version}"

extensions = ["myst_parser", "sphinx_antsibull_ext", "diagrams"]
# The source folder contains the whole repository, so that links to any of its files work.
include_patterns = ["index.md", "*.md", "CHANGELOG.rst", "docs/**", "roles/*/README.md", "collection/*"]
highlight_language = "none"
# Typographic quotes would break code that users copy from a page.
smartquotes = False

# Headings are link targets, as on GitHub.
myst_heading_anchors = 4
myst_fence_as_directive = ["mermaid"]

html_theme = "furo"
html_copy_source = False
html_show_sphinx = False
html_static_path = ["static"]
html_css_files = ["site.css"]

#: Link targets in Ansible's own documentation. Intersphinx would have to download its whole index.
ANSIBLE = "https://docs.ansible.com/projects/ansible/latest/"
ANSIBLE_PAGES = {
    "action_plugins": "plugins/action.html",
    "ansible_configuration_settings": "reference_appendices/config.html",
    "common_return_values": "reference_appendices/common_return_values.html",
}


def ansibles_own(app: Any, environment: Any, node: Any, content: nodes.Element) -> nodes.reference | None:
    page = ANSIBLE_PAGES.get(node["reftarget"])
    return nodes.reference("", "", content, internal=False, refuri=ANSIBLE + page) if page else None


def without_contents(app: Any, page: str, source: list[str]) -> None:
    """Remove a page's own table of contents: the theme shows one, and reports an error for a second."""
    source[0] = re.sub(r"^\.\. contents::.*\n(?: +:.*\n)*", "", source[0], flags=re.MULTILINE)


def setup(app: Any) -> dict[str, Any]:
    app.connect("missing-reference", ansibles_own)
    app.connect("source-read", without_contents)
    return {"parallel_read_safe": True}
