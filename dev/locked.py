# SPDX-License-Identifier: GPL-3.0-or-later
"""Print a package as pip requires it, with its version and hashes from uv.lock: ``python dev/locked.py NAME``."""

import sys
from pathlib import Path

import tomllib

lock = tomllib.loads((Path(__file__).parents[1] / "uv.lock").read_text(encoding="utf-8"))
[package] = [package for package in lock["package"] if package["name"] == sys.argv[1]]
print(f"{package['name']}=={package['version']}", *(f"--hash={wheel['hash']}" for wheel in package["wheels"]))
