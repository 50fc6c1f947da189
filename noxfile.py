# SPDX-License-Identifier: GPL-3.0-or-later
"""Every step of development as a session: ``dev/run nox --list`` shows them, ``dev/run nox -s unit -- -k client`` runs one.

``antsibull-nox.toml`` adds the checks that Ansible's own collections have.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import functools
import os
import re
import shutil
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Callable, Iterator, Sequence
from xml.etree import ElementTree

import antsibull_nox
import nox
from nox.command import CommandFailed

ROOT = Path(__file__).parent
WORK = ROOT / ".cache"
RESULTS = WORK / "results"
#: The repository as an installed collection.
VIEW = ROOT / "dev/collections"
COLLECTION = "ansible_collections/searchops/opensearch_ml"

#: Each supported ansible-core, and the Pythons that run it, of which the first one is used that is installed.
CORES = {
    "2.18": ("3.11", "3.12", "3.13"),
    "2.19": ("3.11", "3.12", "3.13"),
    "2.20": ("3.13", "3.12", "3.14"),
    "2.21": ("3.13", "3.12", "3.14"),
}
#: The steps of `make test`, two at a time; then those that have the servers for themselves, one after the other.
CHECKS = (
    "stack", "coverage", "lint", "unit-2.18", "unit-2.21", "sanity-2.18", "sanity-2.21", "docs", "build", "browser",
)  # fmt: skip
ON_SERVERS = ("integration", "install", "molecule")
#: `make test-full` runs the other versions as well, and whole matrices of which these steps have a sample.
FULL_CHECKS = (
    *CHECKS, "unit-full", "sanity-2.19", "sanity-2.20", *(f"{kind}-{core}" for kind in ("units", "imports") for core in CORES),
    "fuzz",
)  # fmt: skip
FULL_ON_SERVERS = ("integration-full", "install", "molecule", "molecule-full", "faults", "concurrency")

# Sessions run in .venv, which dev/run has made; only those of other versions make an environment.
nox.options.default_venv_backend = "none"
nox.options.download_python = "never"
nox.options.error_on_missing_interpreters = True
nox.options.sessions = ["unit", "lint"]
antsibull_nox.load_antsibull_nox_toml()


def pytest(session: nox.Session, name: str, *arguments: str, **environment: str | None) -> None:
    """Run pytest, with the results as a file that ``.ci/run`` counts."""
    session.run(
        "pytest", f"--junitxml={RESULTS / name}.xml", f"--override-ini=junit_suite_name={name}", *arguments,
        env=environment,
    )  # fmt: skip


def without_clusters() -> dict[str, str | None]:
    """An environment in which no unit test depends on the developer's own cluster."""
    return {name: None for name in os.environ if name.startswith("OPENSEARCH_") and name != "OPENSEARCH_ML_CACHE"}


def files(*patterns: str) -> list[str]:
    """The files of the repository that exist, committed or not, without ignored ones."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z", "--", *patterns],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    # The link in dev/collections leads to a folder.
    return [name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def copy(target: Path, *patterns: str) -> None:
    """Copy files of the repository into a repository of their own: ansible-test and git need one, without links."""
    for name in files(*patterns):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target / name)
    for command in (["init", "--quiet"], ["add", "--all"]):
        subprocess.run(["git", *command], cwd=target, check=True)


def sync(session: nox.Session, *groups: str) -> None:
    """Install dependency groups of uv.lock in the session's environment."""
    session.run_install(
        "uv", "sync", "--frozen", "--quiet", "--no-default-groups", *(f"--group={group}" for group in groups),
        f"--python={session.virtualenv.location}/bin/python",
        env={"UV_PROJECT_ENVIRONMENT": session.virtualenv.location}, external=True,
    )  # fmt: skip


#: Tests marked full are those of `make test-full`.
NOT_FULL = ("-m", "not full")


def unit_tests(session: nox.Session, name: str, *arguments: str) -> None:
    # Without a file among the arguments, pytest takes the testpaths of pyproject.toml.
    pytest(session, name, "-n=auto", *arguments, **without_clusters())


@nox.session
def unit(session: nox.Session) -> None:
    """The unit tests and the tests of the repository's texts; arguments go to pytest, files in place of all."""
    unit_tests(session, "unit", *(session.posargs or NOT_FULL))


@nox.session(name="unit-full")
def unit_full(session: nox.Session) -> None:
    """The unit tests that `unit` leaves out."""
    unit_tests(session, "unit-full", "-m", "full")


@nox.session
def coverage(session: nox.Session) -> None:
    """The same tests, and the coverage that pyproject.toml requires."""
    unit_tests(session, "coverage", *NOT_FULL, "--cov", "--cov-report=term")


@nox.session
def fuzz(session: nox.Session) -> None:
    """The property tests with FUZZ_EXAMPLES random examples each, 5000 if it is not set."""
    examples = os.environ.get("FUZZ_EXAMPLES", "5000")
    chosen = session.posargs or ("-k", "fuzz or hostile or look_alikes or properties")
    pytest(session, "fuzz", "tests/unit", "-n=auto", *chosen, **without_clusters(), FUZZ_EXAMPLES=examples)


@nox.session
def lint(session: nox.Session) -> None:
    """All static checks, even if one fails: the hooks of pre-commit, then the slower ones."""
    # ansible-lint looks for the modules of the stack's playbooks.
    session.run("containers/collections", external=True)
    failed = []
    plugins = [f"{VIEW}/{COLLECTION}/plugins/{folder}" for folder in ("module_utils", "plugin_utils", "action")]
    for name, *command in (
        ("ruff check", "ruff", "check", "--quiet", "."),
        ("ruff format", "ruff", "format", "--quiet", "--diff", "."),
        # New files as well, which --all-files leaves out until they are added.
        ("hooks", "pre-commit", "run", "--files", *files()),
        ("mypy", "mypy", "--no-error-summary", *plugins),
        ("ansible-lint", "ansible-lint", "-q", "--nocolor"),
        ("requirements", "ansible-builder", "introspect", "--sanitize", str(VIEW)),
        ("environment", "ansible-builder", "create", "--file=docs/execution-environment.yml", f"--context={WORK}/ee"),
        ("docs", "antsibull-docs", "lint-collection-docs", "--plugin-docs", "--validate-collection-refs=self", "."),
        ("extra-checks", "nox", "-s", "extra-checks"),
    ):
        try:
            # antsibull-docs writes a log into the home directory. The hooks of ruff would change files, which others read.
            session.run(*command, env={"HOME": str(WORK)} if name == "docs" else {"SKIP": "ruff-check,ruff-format"})
        except CommandFailed:
            failed.append(name)
    if failed:
        session.error(f"lint: {', '.join(failed)} failed")


@nox.session
def derive(session: nox.Session) -> None:
    """Update everything that follows from the code: action plugins, choices, a table, the schema of a stack."""
    for script in ("dev/derive.py", "dev/stack_schema.py"):
        session.run("python", script, env={"PYTHONPATH": str(VIEW)})


@nox.session
def docs(session: nox.Session) -> None:
    """The site of the documentation, in .cache/docs/html. Any warning is an error."""
    source, html = WORK / "docs/source", WORK / "docs/html"
    for folder in (source, html):
        shutil.rmtree(folder, ignore_errors=True)
    (source / "collection").mkdir(parents=True)
    session.run(
        "antsibull-docs", "collection", "--use-current", "--squash-hierarchy", "--fail-on-error",
        "--no-add-antsibull-docs-version", f"--dest-dir={source / 'collection'}", "searchops.opensearch_ml",
        # It writes a log into the home directory.
        env={"HOME": str(WORK / "docs")}, silent=True,
    )  # fmt: skip
    session.run("python", "docs/site/stage.py", str(source), env={"PYTHONPATH": str(VIEW)})
    session.run(
        "sphinx-build", "-W", "--keep-going", "--quiet", "--fresh-env", "--jobs=2", "--conf-dir=docs/site",
        f"--doctree-dir={WORK}/docs/doctrees", str(source), str(html),
    )  # fmt: skip
    pages = {path: path.read_text(encoding="utf-8") for path in html.rglob("*.html")}
    # The theme shows its errors on the pages instead of failing; and no page may need another server.
    bad = re.compile(r'ERROR: Adding|class="system-message|<(script|img|link|iframe)[^>]* (src|href)="(https?:)?//')
    wrong = [path.name for path, text in pages.items() if bad.search(text)]
    if wrong or not pages:
        session.error(f"errors, or files of other servers, on these pages: {wrong}")
    session.log(f"{html}/index.html, {len(pages)} pages")


@nox.session
def build(session: nox.Session) -> None:
    """The archive for users, as Galaxy's own importer accepts it, in .cache/build."""
    shutil.rmtree(WORK / "build", ignore_errors=True)
    session.run("ansible-galaxy", "collection", "build", f"--output-path={WORK / 'build'}", silent=True)
    [archive] = (WORK / "build").glob("*.tar.gz")
    session.chdir(archive.parent)
    log = session.run(
        "uv", "run", "--frozen", "--quiet", "--isolated", "--no-default-groups", "--group=galaxy", f"--project={ROOT}",
        # Not for uv, which has its cache in the home directory.
        "env", f"HOME={archive.parent}", "python", "-m", "galaxy_importer.main", archive.name,
        env={"GALAXY_IMPORTER_CONFIG": str(ROOT / "dev/galaxy-importer.cfg"), "ANSIBLE_COLLECTIONS_PATH": None,
             "ANSIBLE_CONFIG": None},
        silent=True,
    )  # fmt: skip
    if found := [line for line in (log or "").splitlines() if line.startswith(("WARNING", "ERROR"))]:
        session.error("Galaxy would warn: " + "; ".join(found))


#: What ansible-test tests: the files for users, the unit tests, and what these read. It checks every file that it finds.
TESTED = (
    ".gitignore", "galaxy.yml", "*.md", "CHANGELOG.rst", "LICENSE", "meta", "plugins", "roles", "playbooks", "docs",
    "changelogs", "tests/unit", "containers/opensearch-tls/security/roles.yml", "dev/*.py", "Makefile",
)  # fmt: skip
#: Matrices that test the collection's own code only: no version of ansible-core runs them, as `coverage` does.
VERSIONLESS = tuple(f"tests/unit/plugins/modules/test_{name}.py" for name in ("faults", "fuzz", "hostile"))
#: In place of the script that ansible-test would download in order to install pip into its environments.
GET_PIP = """\
import shutil
import sysconfig
for name in {names!r}:
    shutil.copytree({folder!r} + "/" + name, sysconfig.get_path("purelib") + "/" + name, dirs_exist_ok=True)
"""


def ansible_test(session: nox.Session, name: str, core: str, *command: str) -> None:
    """Run ansible-test of one ansible-core on a copy of the repository, which is the session's own as two may run at once."""
    sync(session, f"core-{core.replace('.', '-')}", "test")
    # Its environments are in its home.
    home = WORK / "ansible-test" / name
    tree = home / COLLECTION
    for folder in tree.glob("*"):
        # What ansible-test has made itself makes the next run faster.
        if folder.name != "tests":
            shutil.rmtree(folder) if folder.is_dir() else folder.unlink()
    shutil.rmtree(tree / "tests/unit", ignore_errors=True)
    copy(tree, *TESTED, *(f":!{path}" for path in VERSIONLESS if command[0] == "units"))
    [info] = Path(session.virtualenv.location).glob("lib/*/site-packages/pip-*.dist-info")
    version = info.name.removeprefix("pip-").removesuffix(".dist-info")
    script = home / f".ansible/test/cache/get_pip_{version.replace('.', '_')}.py"
    config = home / ".config/pip/pip.conf"
    for path in (script, config):
        path.parent.mkdir(parents=True, exist_ok=True)
    script.write_text(GET_PIP.format(names=["pip", info.name], folder=str(info.parent)))
    # ansible-test clears the environment, in which an index and its certificate may be named.
    named = {"index-url": os.environ.get("PIP_INDEX_URL"), "cert": os.environ.get("PIP_CERT")}
    config.write_text("".join(["[global]\n", *(f"{k} = {v}\n" for k, v in named.items() if v)]))
    session.chdir(tree)
    environment = {"HOME": str(home), "ANSIBLE_COLLECTIONS_PATH": "", "ANSIBLE_CONFIG": None, "ANSIBLE_HOME": None}
    output = session.run("ansible-test", *command, "--color=no", env=environment, silent=True)
    print(output)
    if not output or "All targets skipped" in output:
        session.error("ansible-test found nothing to test")


def sanity(session: nox.Session, core: str) -> None:
    ansible_test(session, f"sanity-{core}", core, "sanity", f"--python={session.python}")


def imports(session: nox.Session, core: str) -> None:
    ansible_test(session, f"imports-{core}", core, "sanity", "--test=compile", "--test=import")


def units(session: nox.Session, core: str) -> None:
    ansible_test(session, f"units-{core}", core, "units", "--num-workers=1", f"--python={session.python}")


def unit_on(session: nox.Session, core: str) -> None:
    sync(session, f"core-{core.replace('.', '-')}", "test")
    left_out = (f"--ignore={path}" for path in ("tests/unit/plugins/module_utils", *VERSIONLESS))
    chosen = session.posargs or (*left_out, *NOT_FULL)
    pytest(session, f"unit-{core}", "tests/unit", "-n=auto", *chosen, **without_clusters())


def on_core(run: Callable[[nox.Session, str], None], core: str, text: str) -> Callable[[nox.Session], None]:
    """A session for one ansible-core."""

    def session_on_core(session: nox.Session) -> None:
        run(session, core)

    session_on_core.__doc__ = text
    return session_on_core


for _core, _pythons in CORES.items():
    # CORE_PYTHON names another one.
    _installed = (version for version in _pythons if shutil.which(f"python{version}"))
    _python = os.environ.get("CORE_PYTHON") or next(_installed, _pythons[0])
    for _session, _name, _text in (
        (sanity, "sanity", "ansible-test sanity, without an ignore file, on one Python,"),
        (imports, "imports", "ansible-test's compile and import, on every Python that it finds,"),
        (units, "units", "The unit tests in ansible-test"),
        (unit_on, "unit", "The unit tests of all that meets ansible-core"),
    ):
        _function = on_core(_session, _core, f"{_text} on ansible-core {_core}.")
        nox.session(_function, name=f"{_name}-{_core}", python=_python, venv_backend="uv", reuse_venv=True)


@nox.session
def browser(session: nox.Session) -> None:
    """The page of the playbook report in Chromium; screenshots are in .cache/browser."""
    pages, modules = WORK / "browser", WORK / "browser-modules"
    shutil.rmtree(pages, ignore_errors=True)
    session.run("tests/browser/install", str(modules), external=True)
    session.run(
        "python", "-m", "ansible_collections.searchops.opensearch_ml.tests.browser.pages", str(pages),
        env={"PYTHONPATH": str(VIEW)},
    )  # fmt: skip
    session.run(
        "node", "--test", "--test-reporter=spec", "tests/browser/page.test.mjs", external=True,
        env={"BROWSER_MODULES": str(modules), "BROWSER_PAGES": str(pages)},
    )  # fmt: skip


def start_servers(session: nox.Session, *services: str) -> None:
    """Start the stack, or a part of it, unless `make test` has started it already."""
    if not os.environ.get("STACK_IS_UP"):
        session.run("containers/stack", "up", *services, external=True)


@nox.session
def stack(session: nox.Session) -> None:
    """Start the local stack: OpenSearch 3 and 2, Ollama, llama.cpp, vLLM, a gateway. Arguments name some of the services."""
    session.run("containers/stack", "up", *session.posargs, external=True)


def integrate(session: nox.Session, name: str, *arguments: str, **environment: str | None) -> None:
    # A worker for each of the two servers, whose tests follow each other, as they share its settings; one for all other tests.
    pytest(session, name, "-v", "-n=3", "--dist=loadgroup", *arguments, **environment)


@nox.session
def integration(session: nox.Session) -> None:
    """The tests against the local stack; arguments go to pytest."""
    start_servers(session)
    integrate(session, "integration", *(session.posargs or ("tests/integration", *NOT_FULL)))


@nox.session(name="integration-full")
def integration_full(session: nox.Session) -> None:
    """All tests against the local stack; those of single modules in both ways to run one."""
    start_servers(session)
    integrate(session, "integration-full", "tests/integration")
    subjects = (
        "ml_*", "ollama_*", "opensearch_*", "bad_input", "connector_*", "live_change", "providers", "vllm", "least_rights",
    )  # fmt: skip
    modules = [str(path) for subject in subjects for path in Path("tests/integration").glob(f"test_{subject}.py")]
    integrate(session, "integration-modules", *modules, SEARCHOPS_OPENSEARCH_ML_TEST_PATH="module")


def scenarios(session: nox.Session, *arguments: str, **environment: str) -> None:
    start_servers(session)
    session.run(
        "molecule", "--base-config=molecule/config.yml", "test", *arguments,
        # By default, molecule searches extensions/ in a collection. Frames would wrap every line of a log.
        env={"MOLECULE_GLOB": "molecule/*/molecule.yml", "NO_COLOR": "1", **environment},
    )  # fmt: skip


@nox.session
def molecule(session: nox.Session) -> None:
    """The scenarios against the local stack; arguments go to `molecule test`."""
    scenarios(session, *(session.posargs or ("--all", "--report", "--no-command-borders")))


@nox.session(name="molecule-full")
def molecule_full(session: nox.Session) -> None:
    """The scenario of three nodes with all that can happen to them."""
    scenarios(session, "--scenario-name=cluster", "--report", "--no-command-borders", "--", "-e", "full=true")


@nox.session
def install(session: nox.Session) -> None:
    """Install the collection from git and from its archive, as users do, and run a playbook and a module of each."""
    start_servers(session, "opensearch", "ollama")
    pytest(session, "install", "tests/install", *session.posargs)


@nox.session
def faults(session: nox.Session) -> None:
    """Each fault at each exchange of the role and of ml_stack: more than 1000 cases, an hour; writes docs/faults.md."""
    start_servers(session, "opensearch", "ollama")
    matrix(session, "faults")


@nox.session
def concurrency(session: nox.Session) -> None:
    """Eight controllers that write the same names at once, on one node, on three and over TLS: hours; writes docs/concurrency.md."""
    places = session.posargs if "--places" in session.posargs else ("one", "three", "tls")
    start_servers(session, "opensearch", "ollama", *(["opensearch-tls"] if "tls" in places else []))
    with started(session, "cluster") if "three" in places else contextlib.nullcontext():
        matrix(session, "concurrency")


def matrix(session: nox.Session, name: str) -> None:
    package = f"ansible_collections.searchops.opensearch_ml.tests.{name}"
    session.run("python", "-m", package, *session.posargs, env={"PYTHONPATH": str(VIEW)})


@contextlib.contextmanager
def started(session: nox.Session, what: str) -> Iterator[None]:
    """Servers for one session, in addition to the stack or in its place."""
    try:
        session.run("containers/stack", "up", what, external=True)
        yield
    finally:
        session.run("containers/stack", "down", what, external=True)


@nox.session
def bench(session: nox.Session) -> None:
    """Stacks of 1 to 500 pairs against other ways: hours; writes docs/bench.md. `--report` only draws it again."""
    if session.posargs != ["--report"]:
        # A server of its own: that of the stack uses a processor even without requests.
        start_servers(session, "ollama")
        with started(session, "bench"):
            session.run("python", "-m", "bench", *session.posargs)
    session.run("uv", "run", "--frozen", "--isolated", "--only-group=bench", "python", "-m", "bench.publish")


@nox.session
def demo(session: nox.Session) -> None:
    """Set up a model, ask it through OpenSearch, and run again with changed=0."""
    start_servers(session, "opensearch", "ollama")
    session.run("dev/demo", external=True)


@nox.session
def test(session: nox.Session) -> None:
    """All steps of `make test`, or those that the arguments name. Ends with the time of each."""
    chosen = session.posargs or (*CHECKS, *ON_SERVERS)
    run_steps(session, [step for step in chosen if step not in ON_SERVERS], [s for s in chosen if s in ON_SERVERS])


@nox.session(name="test-full")
def test_full(session: nox.Session) -> None:
    """`make test` and all that it has only samples of: hours."""
    run_steps(session, FULL_CHECKS, FULL_ON_SERVERS)


class Steps:
    """Runs sessions of this file in processes of their own, and keeps their results until one fails."""

    def __init__(self) -> None:
        self.states: dict[str, tuple[str, float]] = {}

    def run(self, name: str, *, show: bool, **environment: str) -> None:
        """Run a session. Its output is in a file of RESULTS, and shown at its end, or with ``show`` only shown."""
        if any(state == "FAILED" for state, _seconds in self.states.values()):
            return
        print(f"==> {name} begins", flush=True)
        version = name.partition("-")[2]
        if version in CORES and not any(shutil.which(f"python{each}") for each in CORES[version]):
            self.states[name] = (f"skipped: no Python {' or '.join(CORES[version])}", 0)
            return
        started = time.monotonic()
        log = RESULTS / f"{name}.log"
        with log.open("w") as output:
            done = subprocess.run(
                ["nox", "--session", name], cwd=ROOT, stdin=subprocess.DEVNULL, check=False, env={**os.environ, **environment},
                stdout=None if show else output, stderr=None if show else subprocess.STDOUT,
            )  # fmt: skip
        self.states[name] = ("ok" if done.returncode == 0 else "FAILED", time.monotonic() - started)
        print(log.read_text(errors="replace"), f"==> {name}: {self.states[name][0]}", sep="", flush=True)


def run_steps(session: nox.Session, checks: Sequence[str], on_servers: Sequence[str]) -> None:
    shutil.rmtree(RESULTS, ignore_errors=True)
    RESULTS.mkdir(parents=True)
    started, steps = time.monotonic(), Steps()
    if "stack" in checks:
        # The demo leaves its model on a server, and the record of the trust that it added.
        session.run("containers/stack", "down", external=True)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(functools.partial(steps.run, show=False), checks))
    started_here = {"STACK_IS_UP": "1"} if steps.states.get("stack", ("",))[0] == "ok" else {}
    for name in on_servers:
        steps.run(name, show=True, **started_here)
    print(f"==> Summary, {time.monotonic() - started:.0f} s in all")
    for name in (*checks, *on_servers):
        state, seconds = steps.states.get(name, ("not run", 0))
        print(f"{seconds:6.0f} s  {name:16} {state}")
    passed = [name for name, (state, _seconds) in steps.states.items() if state == "ok"]
    failed = [name for name, (state, _seconds) in steps.states.items() if state == "FAILED"]
    counts: Counter[str] = Counter()
    for path in RESULTS.glob("*.xml"):
        for suite in ElementTree.parse(path).getroot().iter("testsuite"):
            counts.update({kind: int(suite.get(kind, 0)) for kind in ("tests", "failures", "errors", "skipped")})
    bad = counts["failures"] + counts["errors"]
    good = counts["tests"] - bad - counts["skipped"]
    print(
        f"{len(passed)} steps passed, {len(failed)} failed; pytest: {good} passed, {bad} failed, {counts['skipped']} skipped"
    )
    (RESULTS / "total").write_text(f"{good + len(passed)} passed, {bad + len(failed)} failed\n")
    if failed or not passed:
        session.error(f"failed: {', '.join(failed) or 'nothing was run'}")
