# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the bill of materials next to a built archive, as CycloneDX JSON: its files, and the libraries that it needs."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tarfile
import uuid
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

import yaml
from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, Property, XsUri
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.model.license import DisjunctiveLicense
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

SCHEMA = SchemaVersion.V1_6
#: The property with the supported versions, as a specifier of Python packages; CycloneDX 1.6 has no field for it.
RANGE = "searchops.opensearch_ml:versions"


class Library(NamedTuple):
    """A library that the collection imports but does not contain. ``modules`` are the names by which it is imported."""

    name: str
    modules: tuple[str, ...]
    scope: ComponentScope = ComponentScope.REQUIRED


LIBRARIES = (
    Library("ansible-core", ("ansible",)),
    # Installed with ansible-core.
    Library("PyYAML", ("yaml",)),
    Library("requests", ("requests",)),
    # Installed with requests.
    Library("urllib3", ("urllib3",)),
    Library("botocore", ("botocore",), ComponentScope.OPTIONAL),
)


def sha256(content: bytes) -> list[HashType]:
    return [HashType(alg=HashAlgorithm.SHA_256, content=hashlib.sha256(content).hexdigest())]


def describe(archive: Path, time: datetime) -> str:
    """The bill of materials of an archive as JSON, which is reproducible for the same archive and time."""
    packed = archive.read_bytes()
    with tarfile.open(archive) as opened:
        contents = {
            member.name: opened.extractfile(member).read()  # type: ignore[union-attr] # it is a file
            for member in opened.getmembers()
            if member.isfile()
        }
    info = json.loads(contents["MANIFEST.json"])["collection_info"]
    needs_ansible = yaml.safe_load(contents["meta/runtime.yml"])["requires_ansible"]
    name, version = f"{info['namespace']}.{info['name']}", info["version"]

    collection = Component(
        type=ComponentType.LIBRARY,
        name=name,
        version=version,
        bom_ref=f"{name}@{version}",
        purl=PackageURL("generic", info["namespace"], info["name"], version),
        description=info["description"],
        licenses=[DisjunctiveLicense(id=each) for each in info["license"]],
        hashes=sha256(packed),
        external_references=[
            ExternalReference(type=kind, url=XsUri(info[field]))
            for kind, field in (
                (ExternalReferenceType.VCS, "repository"),
                (ExternalReferenceType.ISSUE_TRACKER, "issues"),
            )
        ],
    )
    files = [
        Component(type=ComponentType.FILE, name=path, bom_ref=f"file:{path}", hashes=sha256(content))
        for path, content in sorted(contents.items())
    ]
    libraries = [
        Component(
            type=ComponentType.LIBRARY,
            name=each.name,
            bom_ref=each.name,
            purl=PackageURL("pypi", name=each.name.lower()),
            scope=each.scope,
            properties=[Property(name=RANGE, value=needs_ansible)] if each.name == "ansible-core" else [],
        )
        for each in LIBRARIES
    ]
    bom = Bom(
        metadata=BomMetaData(component=collection, timestamp=time),
        components=[*files, *libraries],
        serial_number=uuid.uuid5(uuid.NAMESPACE_URL, hashlib.sha256(packed).hexdigest()),
    )
    bom.register_dependency(collection, libraries)
    text = make_outputter(bom, OutputFormat.JSON, SCHEMA).output_as_string(indent=2)
    wrong = JsonStrictValidator(SCHEMA).validate_str(text)
    if wrong:
        sys.exit(f"error: the bill of materials is not valid: {wrong}")
    return text + "\n"


def main(path: str) -> None:
    archive = Path(path)
    # Reproducible builds set the time by this variable.
    given = os.environ.get("SOURCE_DATE_EPOCH")
    time = datetime.fromtimestamp(int(given), timezone.utc) if given else datetime.now(timezone.utc)
    target = archive.with_name(archive.name.removesuffix(".tar.gz") + ".cdx.json")
    text = describe(archive, time)
    target.write_text(text, encoding="utf-8")
    print(f"{target.name}: {len(json.loads(text)['components'])} files and libraries, CycloneDX {SCHEMA.to_version()}")


if __name__ == "__main__":
    main(sys.argv[1])
