"""Is anything lost or wrong after a kill, a damaged file, a full disk, on another machine? Tries it, many times.

    python benchmarks/campaign.py kills --number 40 [--raw FOLDER]
    python benchmarks/campaign.py damage --number 50
    python benchmarks/campaign.py machines

Four commands are tried on the recordings that ship with `seglearn`, with short settings, and `benchmark` on WHARF,
whose recordings have to be in `FOLDER/wharf`. Each is first given twice in peace, to learn what it writes, and what of
that differs between two runs anyway, such as times.

* `kills`: the command is killed (`kill -9`) at a random moment, and given again until it ends. What it leaves must be
  what an undisturbed one leaves.
* `damage`: one bit of a file that it wrote is flipped, for every kind of file in turn, and the command given again. It
  must make the file again or refuse it by name.
* `machines`: other hash seeds, locales, time zones, numbers of threads; a disk that fills up.

Results go to `benchmarks/campaign.json`, one entry a part, from which `docs/reliability.md` quotes.
"""

import argparse
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from feature_extraction.storage.files import read_json, write_json

LIMIT_S = 900
RUN = ("--dataset", "watch", "--split", "random-1", "--text.views", "[kinematics]", "--train.n_seeds", "1")
RESOURCES = ("--resources", "{home}/resources")
TASKS: dict[str, tuple[str, ...]] = {
    "data prepare": ("data", "prepare", "watch", *RESOURCES),
    "run": ("run", *RUN, "--train.n_steps", "200", "--train.n_checkpoints", "5", *RESOURCES, "--out", "{home}/run"),
    "encoder pool": (
        *("encoder", "pool", "--datasets", "watch", "--pretraining", "{home}/pool.yaml", "--out", "{home}/encoder"),
        *RESOURCES,
    ),
    "benchmark": (
        *("benchmark", "--datasets", "wharf", "--kinds", "random", "--methods", "ridge", "eszsl", "--seeds", "1"),
        *("--raw", "{home}/.raw", "--results", "{home}/rows.jsonl", "--docs", "{home}/docs", *RESOURCES),
    ),
    "everyday train": ("everyday", "train", "--datasets", "watch", *RESOURCES, "--out", "{home}/model"),
}
POOL = """\
objectives: {masked_autoencoding: 1.0}
n_epochs: 3
encoder: {width: 16, depth: 1, heads: 2, feed_forward: 16}
"""
RAW: list[Path] = []  # folder of recordings, if there is one


def new_home(folder: Path) -> Path:
    """Make the folder of a trial."""
    folder.mkdir(parents=True)
    for raw in RAW:
        (folder / ".raw").symlink_to(raw.resolve())
    (folder / "pool.yaml").write_text(POOL, encoding="utf-8")
    return folder


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Attributes:
        code: Exit code; minus the signal if it was killed.
        seconds: How long it took.
        said: What it wrote on standard output and standard error.
    """

    code: int
    seconds: float
    said: str


def give(task: str, home: Path, kill_after_s: float | None = None, longest_file: int | None = None) -> Ended:
    """Give a command in a process of its own, forked from this one, so that what it imports is there already.

    Args:
        task: Its name.
        home: Folder of the trial.
        kill_after_s: When it is killed, if it still runs.
        longest_file: Bytes beyond which the system refuses to write to a file, as on a full disk.
    """
    log = home.parent / f"{home.name}.log"
    start = time.monotonic()
    child = os.fork()
    if child == 0:
        _child(task, home, log, longest_file)
    code = None
    while code is None:
        found, status = os.waitpid(child, os.WNOHANG)
        elapsed = time.monotonic() - start
        if found:
            code = os.waitstatus_to_exitcode(status)
        elif elapsed > LIMIT_S or (kill_after_s is not None and elapsed >= kill_after_s):
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            code = -int(signal.SIGKILL)
        else:
            time.sleep(0.002)
    return Ended(code, time.monotonic() - start, log.read_text(encoding="utf-8", errors="replace"))


def _child(task: str, home: Path, log: Path, longest_file: int | None) -> None:
    """Run the command and end the process, whatever happens."""
    code = 70
    try:
        file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for stream in (1, 2):
            os.dup2(file, stream)
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a full disk is an error of writing, not a signal
        if longest_file is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (longest_file, longest_file))
        from sadvae_har.__main__ import main

        code = main([word.format(home=home) for word in TASKS[task]])
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def tree(home: Path) -> dict[str, bytes]:
    """Return the bytes of all files in a folder by their paths.

    Left out are hidden ones, which are temporary, and the logs of TensorBoard, whose names hold time and process.
    """
    files = {path.relative_to(home): path for path in sorted(home.rglob("*")) if path.is_file()}
    kept = {name: path for name, path in files.items() if not _is_hidden(name) and "tfevents" not in name.name}
    return {str(name): path.read_bytes() for name, path in kept.items()}


def _is_hidden(name: Path) -> bool:
    return any(part.startswith(".") for part in name.parts)


@dataclass
class Peace:
    """What a command leaves if nothing disturbs it.

    Attributes:
        files: Path -> bytes.
        volatile: Files that differ between two undisturbed runs.
        seconds: How long it takes.
    """

    files: dict[str, bytes]
    volatile: set[str]
    seconds: float

    @classmethod
    def of(cls, task: str, folder: Path) -> "Peace":
        """Give the command twice."""
        homes = [new_home(folder / f"peace-{k}") for k in (1, 2)]
        ended = [give(task, home) for home in homes]
        for one in ended:
            if one.code:
                raise SystemExit(f"{task} ends with {one.code} in peace:\n{one.said[-2000:]}")
        one, two = (_without_home(tree(home), home) for home in homes)
        volatile = {name for name in {*one, *two} if one.get(name) != two.get(name)}
        return cls(one, volatile, ended[1].seconds)

    def compared(self, home: Path) -> list[str]:
        """Return the files that differ from those of an undisturbed command, or are missing, or too many."""
        found = _without_home(tree(home), home)
        names = {*found, *self.files} - self.volatile
        wrong = [name for name in names if found.get(name) != self.files.get(name)]
        return sorted(wrong + [name for name in self.volatile if (name in found) != (name in self.files)])


def _without_home(files: dict[str, bytes], home: Path) -> dict[str, bytes]:
    """Return files with the folder of the trial taken out of their text: some name paths."""
    return {name: data.replace(str(home).encode(), b"HOME") for name, data in files.items()}


@dataclass
class Tally:
    """How often something was tried and what came of it.

    Attributes:
        outcomes: Outcome -> number.
        examples: Of what should not have happened.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    def count(self, outcome: str, example: str = "") -> None:
        """Count one trial."""
        self.outcomes[outcome] += 1
        if example and len(self.examples) < 10:
            self.examples.append(example[:500])

    def plain(self) -> dict[str, Any]:
        """Return it ready for JSON."""
        return {**dict(sorted(self.outcomes.items())), **({"examples": self.examples} if self.examples else {})}


def kills(task: str, number: int, generator: np.random.Generator, folder: Path) -> Tally:
    """Kill a command at random moments, up to three times in a trial; compare what it leaves in the end."""
    peace, tally = Peace.of(task, folder), Tally()
    done = 0
    bar = tqdm(total=number, desc=f"kills of {task}", unit="kill", disable=None)
    while done < number:
        home = new_home(folder / f"kill-{done}")
        for _ in range(int(generator.integers(1, 4))):
            ended = give(task, home, kill_after_s=generator.uniform(0.02, peace.seconds))
            if ended.code != -signal.SIGKILL:
                break
            done += 1
            bar.update()
            tally.count("killed")
        ended = give(task, home)
        wrong = peace.compared(home)
        if ended.code:
            tally.count("did not end", f"{task}: exit code {ended.code}: {ended.said[-400:]}")
        elif wrong:
            tally.count("differs", f"{task}: {wrong}")
        else:
            tally.count("trials equal to an undisturbed run")
        if any(_is_hidden(name) for path in home.rglob("*") if (name := path.relative_to(home)) != Path(".raw")):
            tally.count("of all trials, with temporary files left behind")
        shutil.rmtree(home)
    return tally


def damage(task: str, number: int, generator: np.random.Generator, folder: Path) -> Tally:
    """Flip one bit of a file of each kind in turn, and give the command again."""
    peace, tally = Peace.of(task, folder), Tally()
    original = folder / "peace-1"
    kinds: dict[str, list[str]] = {}
    for name in peace.files:
        if peace.files[name] and name != "pool.yaml":
            kinds.setdefault(Path(name).suffix or Path(name).name, []).append(name)
    for kind, names in tqdm(sorted(kinds.items()), desc=f"damage to {task}", unit="kind", disable=None):
        for _ in range(number):
            home = folder / "damaged"
            shutil.copytree(original, home, symlinks=True)
            for path in home.rglob("*"):
                if path.is_file() and str(original).encode() in (data := path.read_bytes()):
                    path.write_bytes(data.replace(str(original).encode(), str(home).encode()))
            name = str(generator.choice(names))
            data = bytearray((home / name).read_bytes())
            place = int(generator.integers(len(data)))
            data[place] ^= 1 << int(generator.integers(8))
            (home / name).write_bytes(data)
            damaged = bytes(data)
            ended = give(task, home)
            _count_damage(tally, peace, home, name, damaged, ended, f"{task}: {kind}: {name}, byte {place}")
            shutil.rmtree(home)
    return tally


def _count_damage(tally: Tally, peace: Peace, home: Path, name: str, damaged: bytes, ended: Ended, trial: str) -> None:
    """Say what became of a damaged file."""
    still = (home / name).is_file() and (home / name).read_bytes() == damaged
    others = [other for other in peace.compared(home) if other != name]
    if ended.code == 0 and not others and not still:
        tally.count("made again")
    elif ended.code == 2 and Path(name).name in ended.said and "Traceback" not in ended.said:
        tally.count("refused by name")
    elif ended.code == 0 and not others:
        tally.count("not noticed, nothing else differs", trial)
    else:
        tally.count("wrong", f"{trial}: exit code {ended.code}, {others}: {ended.said[-300:]}")


def machines(task: str, number: int, generator: np.random.Generator, folder: Path) -> Tally:
    """Try other surroundings; `number` sizes at which a disk is full are drawn."""
    peace, tally = Peace.of(task, folder), Tally()
    for name, value in (
        *(("PYTHONHASHSEED", "1"), ("PYTHONHASHSEED", "77"), ("LC_ALL", "C"), ("LC_ALL", "tr_TR.UTF-8")),
        *(("TZ", "Asia/Kathmandu"), ("TZ", "America/St_Johns"), ("OMP_NUM_THREADS", "2")),
    ):
        home = new_home(folder / f"{name}-{value.replace('/', '-')}")
        wrong = peace.compared(home) if (code := _in_surroundings(task, home, {name: value})) == 0 else [f"code {code}"]
        tally.count(f"other {name}: equal" if not wrong else f"other {name}: differs", f"{task}: {wrong}" * bool(wrong))
    for k in range(number):
        home = new_home(folder / f"full-{k}")
        size = int(generator.integers(1, max(map(len, peace.files.values()))))
        ended = give(task, home, longest_file=size)
        last = ended.said.strip().splitlines()[-1:] or [""]
        fine = ended.code == 2 and last[0].startswith("error: ") and "Traceback" not in ended.said
        again = give(task, home)
        wrong = peace.compared(home)
        outcome = "one line, then equal" if fine and again.code == 0 and not wrong else "wrong"
        trial = f"{task}: files of {size} bytes at most: exit code {ended.code}: {last[0][:300]}; then {wrong}"
        tally.count(f"full disk: {outcome}", trial * (outcome == "wrong"))
    return tally


def _in_surroundings(task: str, home: Path, variables: Mapping[str, str]) -> int:
    """Give a command in a new interpreter with other environment variables; return its exit code."""
    words = [word.format(home=home) for word in TASKS[task]]
    command = [sys.executable, "-m", "sadvae_har", *words]
    return subprocess.run(command, env={**os.environ, **variables}, capture_output=True).returncode


PARTS = {"kills": kills, "damage": damage, "machines": machines}


def main() -> None:
    """Run one part for some commands and write down what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--tasks", nargs="+", choices=TASKS, help="default: all that can be tried")
    parser.add_argument("--raw", type=Path, help="folder with one folder of recordings per data set, for `benchmark`")
    parser.add_argument("--number", type=int, default=40, help="kills a command, damages a kind of file, full disks")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    arguments = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    _import_what_commands_need()
    RAW.extend([arguments.raw] if arguments.raw else [])
    for task in arguments.tasks or [task for task in TASKS if RAW or task != "benchmark"]:
        generator = np.random.default_rng([arguments.seed, list(TASKS).index(task)])
        with TemporaryDirectory() as folder:
            tally = PARTS[arguments.part](task, arguments.number, generator, Path(folder))
        results = read_json(arguments.out) if arguments.out.exists() else {}
        entry = {"number": arguments.number, "seed": arguments.seed, **tally.plain()}
        results.setdefault(arguments.part, {})[task] = entry
        write_json(arguments.out, results)
        print(f"{arguments.part}, {task}: {entry}")


def _import_what_commands_need() -> None:
    """Import once what every forked process needs, without starting a thread."""
    import sklearn.linear_model  # noqa: F401
    import torch

    import sadvae_har.__main__  # noqa: F401

    torch.set_num_threads(1)


if __name__ == "__main__":
    main()
