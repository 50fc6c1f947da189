#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make empty libraries in place of NVIDIA's, with which PyPI's torch is linked: stubs.py FOLDER_OF_PACKAGES

Without these libraries torch cannot be imported, and they take 3.4 GB. An empty library has the functions that torch looks for,
in the versions that it looks for. Each function returns 100, "no CUDA-capable device", so torch computes on the processor.
Requires gcc and readelf.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

#: The libraries of NVIDIA. torch opens the driver, libcuda.so, only on demand.
NVIDIA = re.compile(r"lib(cu(?!da\.so)|nccl|nvrtc|nvshmem|nvJitLink)")

#: The beginning of a function's name -> its library, for functions without a version. The longest beginning decides.
PREFIXES = {
    "cublas": "libcublas",
    "cublasLt": "libcublasLt",
    "cuda": "libcudart",
    "__cuda": "libcudart",
    "cudnn": "libcudnn",
    "cufft": "libcufft",
    "cuFile": "libcufile",
    "cupti": "libcupti",
    "curand": "libcurand",
    "cusolver": "libcusolver",
    "cusparse": "libcusparse",
    "cusparseLt": "libcusparseLt",
    "nccl": "libnccl",
    "nvrtc": "libnvrtc",
    "nvshmem": "libnvshmem_host",
    "pnccl": "libnccl",
}

#: Functions that return a text, and those that return the address of a handle.
RETURNS_TEXT = re.compile(r"[Gg]et(ErrorString|ErrorName)$|(?<!cuda)GetLastError$")
RETURNS_HANDLE = re.compile(r"__cudaRegisterFatBinary$")


def output_of(*command: str | Path) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def functions_of(library: Path) -> tuple[dict[str, str], set[str]]:
    """The functions that a library looks for, with their versions ("" for none), and the names of those that it has."""
    wanted, defined = {}, set()
    for line in output_of("readelf", "--dyn-syms", "--wide", library).splitlines():
        columns = line.split()
        if len(columns) < 8 or not re.fullmatch(r"\d+:", columns[0]):
            continue
        name, _at, version = columns[7].partition("@")
        if columns[6] == "UND":
            wanted[name] = version.lstrip("@")
        else:
            defined.add(name)
    return wanted, defined


def library_of(function: str, version: str, missing: set[str]) -> str | None:
    """The missing library with this function: NVIDIA names the versions of functions like the library."""
    if version in missing:
        return version
    prefix = max((prefix for prefix in PREFIXES if function.startswith(prefix)), key=len, default=None)
    return next((name for name in missing if prefix and name.startswith(PREFIXES[prefix] + ".so")), None)


def source_of(functions: dict[str, str]) -> str:
    lines = ["static void *handle;"]
    for name in sorted(functions):
        if RETURNS_HANDLE.search(name):
            lines.append("void **%s(void) { return &handle; }" % name)
        elif RETURNS_TEXT.search(name):
            lines.append('const char *%s(void) { return "no CUDA"; }' % name)
        else:
            lines.append("long %s(void) { return 100; }" % name)
    return "\n".join(lines) + "\n"


def compile_stub(library: Path, functions: dict[str, str]) -> None:
    versions = defaultdict(list)
    for name, version in functions.items():
        if version:
            versions[version].append(name)
    with tempfile.TemporaryDirectory() as folder:
        source, script = Path(folder, "stub.c"), Path(folder, "versions")
        source.write_text(source_of(functions))
        script.write_text("".join("%s { global: %s; };\n" % (v, "; ".join(names)) for v, names in versions.items()))
        options = ["-shared", "-fPIC", "-nostdlib", "-fno-builtin", "-w", "-Wl,-soname," + library.name]
        if versions:
            options.append("-Wl,--version-script=%s" % script)
        output_of("gcc", *options, "-o", library, source)


def main(packages: Path) -> None:
    folder = packages / "torch" / "lib"
    libraries = sorted(path for path in folder.glob("*.so*") if path.is_file())
    needed: set[str] = set()
    wanted: dict[str, str] = {}
    defined: set[str] = set()
    for library in libraries:
        needed.update(re.findall(r"\(NEEDED\).*\[(.+)\]", output_of("readelf", "--dynamic", "--wide", library)))
        looked_for, has = functions_of(library)
        wanted.update({name: version or wanted.get(name, "") for name, version in looked_for.items()})
        defined |= has
    missing = {name for name in needed - {path.name for path in libraries} if NVIDIA.match(name)}
    stubs: dict[str, dict[str, str]] = {name: {} for name in missing}
    for name, version in wanted.items():
        library_name = None if name in defined else library_of(name, version, missing)
        if library_name:
            stubs[library_name][name] = version
    for name, functions in sorted(stubs.items()):
        compile_stub(folder / name, functions)
    print("%d libraries with %d functions" % (len(stubs), sum(map(len, stubs.values()))))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
