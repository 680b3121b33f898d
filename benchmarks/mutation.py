"""What the tests notice: random small changes to the code, each tried against the tests near it.

    python benchmarks/mutation.py sadvae_har/method/gate.py                  # 30 changes to one module
    python benchmarks/mutation.py feature_extraction/own_files --number 10   # 10 to each module of a folder
    python benchmarks/mutation.py --number 5                                 # 5 to each module of both packages

Changes: comparison, boolean and arithmetic operators, conditions negated, constants, axis numbers, statements deleted,
arguments swapped, returns, and names such as min for max; each kind is drawn as often as any other. They are made in a
temporary copy of the checkout with what is not committed, never in place.

The tests near `sadvae_har/method/gate.py` are the test files in `tests/sadvae_har/method` (where that folder has none:
in the next above it) and all test files that import the module. The quick ones run first, those marked `slow` after
them or with `--fast` not at all, up to the first failure and for three times as long as without a change. Tests that
need real data sets skip.

Each change is a line of the results file; changes that are there for the same module and the same tests are not tried
again. `benchmarks/equivalent_mutants.yaml` lists changes that change nothing, each with the reason; they do not count.
"""

import argparse
import importlib
import json
import multiprocessing
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path

import pytest
import yaml
from mutants import Mutant, draw

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("feature_extraction", "sadvae_har")
EQUIVALENT = Path(__file__).with_name("equivalent_mutants.yaml")
IMPORTED_ONCE = ("torch", "sklearn.linear_model", "sklearn.manifold", "scipy.signal", "pyarrow.csv", "hypothesis")
MEMORY_BYTES = 16 << 30  # of a changed program, which may never stop asking for more
FORK = multiprocessing.get_context("fork")
KEY = ("state", "file", "code", "change")  # of a result; the state is a digest of the module and the tests near it
PATIENCE, GRACE_S = 3, 20  # times the seconds without a change, and what is added to that


class Recorder:
    """A pytest plugin: quick tests first, and what failed.

    Attributes:
        seconds: Test file -> seconds of its tests with what they share.
        failed: The first test, or the first file, that failed; "" if none did.
    """

    def __init__(self, failed: str = ""):
        """Start with nothing."""
        self.seconds, self.failed = dict[str, float](), failed

    def pytest_collection_modifyitems(self, items: list) -> None:
        """Put slow tests last."""
        items.sort(key=lambda item: item.get_closest_marker("slow") is not None)

    def pytest_collectreport(self, report) -> None:  # type: ignore[no-untyped-def]
        """Keep a file that cannot be imported."""
        if report.failed:
            self.failed = self.failed or report.nodeid

    def pytest_runtest_logreport(self, report) -> None:  # type: ignore[no-untyped-def]
        """Keep seconds and the first failure."""
        file = report.nodeid.partition("::")[0]
        self.seconds[file] = self.seconds.get(file, 0) + report.duration
        if report.failed:
            self.failed = self.failed or report.nodeid


def modules(paths: Sequence[Path]) -> list[Path]:
    """Return the modules that paths name, relative to the checkout; all of both packages without any."""
    found: list[Path] = []
    for path in paths or [ROOT / package for package in PACKAGES]:
        path = path.resolve()
        if not path.exists() or not any(path.is_relative_to(ROOT / package) for package in PACKAGES):
            raise SystemExit(f"{path}: no module or folder of {' or '.join(PACKAGES)} in {ROOT}")
        found += sorted(path.rglob("*.py")) if path.is_dir() else [path]
    return [path.relative_to(ROOT) for path in dict.fromkeys(found)]


def tests_near(module: Path) -> list[str]:
    """Return the test files near a module, relative to the checkout, those that bear its name first."""
    folder = ROOT / "tests" / module.parent
    while not list(folder.glob("test_*.py")):
        folder = folder.parent
    parts = module.with_suffix("").parts
    package, name = (".".join(parts[:-2]), parts[-2]) if parts[-1] == "__init__" else (".".join(parts[:-1]), parts[-1])
    whole = re.escape(f"{package}.{name}".lstrip("."))
    imports = re.compile(rf"(from|import) {whole}\b(?!\.)|from {re.escape(package)} import [^#\n]*\b{name}\b")
    importing = [path for path in (ROOT / "tests").rglob("test_*.py") if imports.search(path.read_text())]
    near = {path.relative_to(ROOT) for path in [*folder.glob("test_*.py"), *importing]}
    return [path.as_posix() for path in sorted(near, key=lambda path: (name not in path.stem, path))]


@cache
def working_copy(home: Path) -> Path:
    """Copy the checkout for this process; what git ignores stays behind."""
    copy = Path(tempfile.mkdtemp(dir=home)) / "checkout"
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    return copy


def run_tests(copy: Path, options: Sequence[str], limit_s: float | None) -> Recorder:
    """Run pytest in a copy, in a process of its own that starts with the libraries loaded.

    Args:
        copy: The copy.
        options: Test files and options.
        limit_s: Seconds after which it is ended; None for no limit.
    """
    ours, theirs = FORK.Pipe(duplex=False)
    process = FORK.Process(target=_run_pytest, args=(copy, options, theirs))
    process.start()
    theirs.close()
    try:
        return ours.recv() if ours.poll(limit_s) else Recorder("time limit")
    except EOFError:
        return Recorder("the program ended")
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid or 0, signal.SIGKILL)
        process.join()


def _run_pytest(copy: Path, options: Sequence[str], connection) -> None:  # type: ignore[no-untyped-def]
    os.setsid()
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    os.chdir(copy)
    os.environ |= {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    sys.dont_write_bytecode = True  # compiled files are told apart by length and second
    sys.path[0] = str(copy)
    log = os.open(copy.parent / "log.txt", os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    for number in (1, 2):
        os.dup2(log, number)
    recorder = Recorder()
    always = ("-x", "-q", "-p", "no:cacheprovider", "--hypothesis-seed=0", f"--basetemp={copy.parent / 'tmp'}")
    code = pytest.main([*always, *options], plugins=[recorder])
    sys.stdout.flush()
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        recorder.failed = recorder.failed or f"pytest ended with {code}"
    connection.send(recorder)


def time_tests(home: Path, options: Sequence[str]) -> dict[str, float]:
    """Return the seconds of each test file without a change.

    Raises:
        SystemExit: A test fails.
    """
    recorder = run_tests(working_copy(home), options, None)
    if recorder.failed:
        log = (working_copy(home).parent / "log.txt").read_text(errors="replace")
        raise SystemExit(f"{log}\n{recorder.failed}: without a change")
    return recorder.seconds


def try_mutant(home: Path, module: Path, mutant: Mutant, options: Sequence[str], limit_s: float) -> str:
    """Return what notices a change: a test, the time limit, or nothing ("")."""
    copy, text = working_copy(home), (ROOT / module).read_text(encoding="utf-8")
    try:
        (copy / module).write_text(mutant.of(text), encoding="utf-8")
        return run_tests(copy, options, limit_s).failed
    finally:
        (copy / module).write_text(text, encoding="utf-8")


def equivalent() -> set[tuple[str, str, str]]:
    """Return file, line of code and change of the changes that change nothing."""
    listed = yaml.safe_load(EQUIVALENT.read_text(encoding="utf-8")) or {}
    return {(file, entry["code"], entry["change"]) for file, entries in listed.items() for entry in entries}


def state(module: Path, tests: Sequence[str]) -> str:
    """Return a digest of a module and the tests near it."""
    return sha256(b"\0".join((ROOT / path).read_bytes() for path in [module, *tests])).hexdigest()[:16]


def read_results(path: Path) -> list[dict]:
    """Return the lines of a results file; [] without one."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


class Campaign:
    """Changes to several modules and what is known about them."""

    def __init__(self, home: Path, pool: ProcessPoolExecutor, arguments: argparse.Namespace):
        """Read what an earlier call found.

        Args:
            home: Folder for copies of the checkout.
            pool: Processes that try changes.
            arguments: What the command line says.
        """
        self.home, self.pool, self.arguments, self.equivalent = home, pool, arguments, equivalent()
        self.known = {tuple(result[name] for name in KEY): result for result in read_results(arguments.out)}
        self.seconds: dict[str, float] = {}
        arguments.out.parent.mkdir(parents=True, exist_ok=True)

    def examine(self, module: Path) -> list[dict]:
        """Return a result for each change drawn for a module, less those that change nothing."""
        tests, results, trials = tests_near(module), list[dict](), {}
        seed, text = f"{self.arguments.seed} {module}", (ROOT / module).read_text(encoding="utf-8")
        for mutant in draw(text, self.arguments.number, seed):
            values = (state(module, tests), module.as_posix(), mutant.code, mutant.change)
            if values[1:] in self.equivalent:
                continue
            if values in self.known:
                results.append(self.known[values])
                continue
            options = [*tests, *(("-m", "not slow") if self.arguments.fast else ())]
            limit_s = PATIENCE * self._seconds(tests, options) + GRACE_S
            trial = self.pool.submit(try_mutant, self.home, module, mutant, options, limit_s)
            trials[trial] = dict(zip(KEY, values, strict=True)) | {"line": mutant.line}
        for trial in as_completed(trials):
            results.append(trials[trial] | {"noticed": trial.result()})
            with self.arguments.out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(results[-1]) + "\n")
            print("{file}:{line}  {change}  {noticed}".format(**results[-1]), flush=True)
        return results

    def _seconds(self, tests: Sequence[str], options: Sequence[str]) -> float:
        """Return how long test files take without a change; each is timed once."""
        new = [file for file in tests if file not in self.seconds]
        if new:
            found = self.pool.submit(time_tests, self.home, [*new, *options[len(tests) :]]).result()
            self.seconds |= {file: found.get(file, 0.0) for file in new}
        return sum(self.seconds[file] for file in tests)


def report(results: Sequence[dict]) -> str:
    """Return the share noticed a module and over all, below what nothing noticed."""
    lines = [
        f"survived  {r['file']}:{r['line']}  {r['code']}\n          {r['change']}" for r in results if not r["noticed"]
    ]
    for file in [*dict.fromkeys(r["file"] for r in results), None]:
        counted = [bool(r["noticed"]) for r in results if file in (None, r["file"])]
        if counted:
            lines.append(f"{sum(counted) / len(counted):5.0%}  {sum(counted):4} of {len(counted):4}  {file or 'all'}")
    return "\n".join(lines)


def main() -> None:
    """Try changes; print what survived and the shares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", type=Path, nargs="*", help="modules or folders; both packages without any")
    parser.add_argument("--number", type=int, default=30, help="changes a module (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="another seed draws others (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=1, help="changes tried at once (default: %(default)s)")
    parser.add_argument("--fast", action="store_true", help="leave out tests that are marked slow")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "mutation.jsonl", help="default: %(default)s")
    arguments = parser.parse_args()
    for name in IMPORTED_ONCE:
        importlib.import_module(name)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory() as home:
        pool = ProcessPoolExecutor(arguments.jobs, FORK)
        try:
            campaign = Campaign(Path(home), pool, arguments)
            results = [result for module in modules(arguments.paths) for result in campaign.examine(module)]
        finally:
            pool.shutdown(cancel_futures=True)
    print(report(results))


if __name__ == "__main__":
    main()
