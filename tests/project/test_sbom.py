# SPDX-License-Identifier: GPL-3.0-or-later
"""The bill of materials lists the files of the archive and all libraries that its code imports."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import io
import json
import sys
import tarfile
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Mapping

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "dev/sbom.py"

# ansible-test gets only the unit tests.
pytestmark = pytest.mark.skipif(not SCRIPT.is_file(), reason="the script does not exist")

MOMENT = datetime(2026, 1, 2, tzinfo=timezone.utc)
CONTENTS = {
    "MANIFEST.json": json.dumps(
        {
            "collection_info": {
                "namespace": "searchops",
                "name": "opensearch_ml",
                "version": "7.8.9",
                "description": "A collection",
                "license": ["GPL-3.0-or-later"],
                "repository": "https://example.com/code",
                "issues": "https://example.com/issues",
            }
        }
    ).encode(),
    "meta/runtime.yml": b'requires_ansible: ">=2.18.0"\n',
    "plugins/modules/one.py": b"print(1)\n",
}


@pytest.fixture(scope="module")
def sbom() -> Any:
    spec = importlib.util.spec_from_file_location("sbom", SCRIPT)
    assert spec
    assert spec.loader
    script = importlib.util.module_from_spec(spec)
    sys.modules["sbom"] = script
    spec.loader.exec_module(script)
    return script


def archive(folder: Path, contents: Mapping[str, bytes]) -> Path:
    path = folder / "searchops-opensearch_ml-7.8.9.tar.gz"
    with tarfile.open(path, "w:gz") as packed:
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            packed.addfile(member, io.BytesIO(content))
    return path


def described(sbom: Any, folder: Path, **others: bytes) -> dict[str, Any]:
    """The bill of an archive; ``others`` replace or add files."""
    bill: dict[str, Any] = json.loads(sbom.describe(archive(folder, {**CONTENTS, **others}), MOMENT))
    return bill


def hash_of(component: Mapping[str, Any]) -> str:
    (only,) = component["hashes"]
    assert only["alg"] == "SHA-256"
    return str(only["content"])


def test_it_lists_each_file_with_its_hash(sbom: Any, tmp_path: Path) -> None:
    files = [each for each in described(sbom, tmp_path)["components"] if each["type"] == "file"]
    assert {each["name"]: hash_of(each) for each in files} == {
        name: hashlib.sha256(content).hexdigest() for name, content in CONTENTS.items()
    }


def test_it_describes_the_archive(sbom: Any, tmp_path: Path) -> None:
    bill = described(sbom, tmp_path)
    collection = bill["metadata"]["component"]
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert (collection["name"], collection["version"]) == ("searchops.opensearch_ml", "7.8.9")
    assert collection["licenses"] == [{"license": {"id": "GPL-3.0-or-later"}}]
    packed = (tmp_path / "searchops-opensearch_ml-7.8.9.tar.gz").read_bytes()
    assert hash_of(collection) == hashlib.sha256(packed).hexdigest()


def test_it_lists_what_the_collection_needs(sbom: Any, tmp_path: Path) -> None:
    bill = described(sbom, tmp_path)
    libraries = {each["name"]: each for each in bill["components"] if each["type"] == "library"}
    assert {name: each["scope"] for name, each in libraries.items()} == {
        "ansible-core": "required",
        "PyYAML": "required",
        "requests": "required",
        "urllib3": "required",
        "botocore": "optional",
    }
    assert libraries["ansible-core"]["properties"] == [{"name": sbom.RANGE, "value": ">=2.18.0"}]
    needed = {each["ref"]: each.get("dependsOn", []) for each in bill["dependencies"]}
    assert sorted(needed["searchops.opensearch_ml@7.8.9"]) == sorted(libraries)


def test_it_lists_all_imported_libraries(sbom: Any) -> None:
    imported = set()
    for path in ROOT.glob("plugins/**/*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                imported.add(node.module.split(".")[0])
    listed = {module for each in sbom.LIBRARIES for module in each.modules}
    assert imported - set(sys.stdlib_module_names) - {"ansible_collections"} == listed


def test_the_bill_depends_only_on_the_archive(sbom: Any, tmp_path: Path) -> None:
    path = archive(tmp_path, CONTENTS)
    first = sbom.describe(path, MOMENT)
    assert sbom.describe(path, MOMENT) == first
    other = described(sbom, tmp_path, **{"plugins/modules/one.py": b"print(2)\n"})
    assert other["serialNumber"] != json.loads(first)["serialNumber"]


def test_it_is_written_next_to_the_archive(
    sbom: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    sbom.main(str(archive(tmp_path, CONTENTS)))
    bill = json.loads((tmp_path / "searchops-opensearch_ml-7.8.9.cdx.json").read_text())
    assert bill["metadata"]["timestamp"].startswith("2023-11-14T22:13:20")
    assert "8 files and libraries" in capsys.readouterr().out
