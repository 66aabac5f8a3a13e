"""A bundle, checked again: every byte, every file by its own runtime, and its program."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from tlkeras.bundle.answers import answers_of, departure, not_run
from tlkeras.bundle.sums import NAME as SUMS
from tlkeras.bundle.sums import check_sums
from tlkeras.bundle.versions import MARKER

LONGEST = 300  # seconds for predict.py
OK, FAILED, NOT_RUN = "ok", "failed", "not run"


class BundleError(RuntimeError):
    """A bundle does not give the answers that are stored in it."""


def verify_bundle(path: str | os.PathLike) -> list[dict]:
    """Check the sums of all files, then run each model file and `predict.py` on the stored inputs.

    The Keras model is not needed. Where a sum is wrong nothing is run: a damaged file may end the process that runs
    it. Equal sums say that nothing changed, not who wrote it: a SavedModel and `predict.py` are programs, and this
    runs them (a SavedModel that touches files, the network or Python is left out).

    Args:
        path: Directory of one version of a bundle.

    Returns:
        One dict a check: `file`, `check`, `result` ("ok", "failed" or "not run"), `why`.

    Raises:
        ValueError: If it is no bundle.

    Example:
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
        >>> path = tlkeras.bundle.write_bundle(model, "bundles/digits")
        >>> {row["result"] for row in verify_bundle(path)}
        {'ok'}
    """
    path = Path(path)
    if not (path / SUMS).is_file() and not (path / MARKER).is_file():
        numbered = " (a version of it may be one)" if path.is_dir() and any(path.glob(f"*/{MARKER}")) else ""
        raise ValueError(f"`path` must be a bundle, a directory with {MARKER} and {SUMS}. Received: {path}{numbered}")
    problems = check_sums(path)
    if problems:
        return [_row(name, "SHA-256", FAILED, why) for name, why in problems.items()]
    count = sum(1 for file in path.rglob("*") if file.is_file()) - 1
    facts = json.loads((path / MARKER).read_text(encoding="utf-8"))
    spec = json.loads((path / "preprocessing.json").read_text(encoding="utf-8"))
    with np.load(path / "samples.npz", allow_pickle=False) as stored:
        inputs, answers = stored["inputs"].astype(spec["input"]["dtype"]), stored["answers"]
    files = {file["file"]: file for file in facts["files"]}
    return [
        _row(f"{count} files", "SHA-256", OK),
        *(_run(path / name, inputs, answers, record) for name, record in files.items()),
        _run_program(path, inputs, answers, files[facts["runs"]]),
    ]


def failures(rows: list[dict]) -> list[dict]:
    """Return the checks that failed.

    Args:
        rows: What `verify_bundle` returned.
    """
    return [row for row in rows if row["result"] == FAILED]


def _row(name: str, check: str, result: str, why: str = "") -> dict:
    return {"file": name, "check": check, "result": result, "why": why}


def _run(path: Path, inputs: np.ndarray, answers: np.ndarray, record: dict) -> dict:
    check = f"answers to {len(inputs)} stored inputs"
    left_out = not_run(path)
    if left_out:
        return _row(path.name, check, NOT_RUN, left_out)
    try:
        worse = departure(answers_of(path, inputs), answers, record)
    except Exception as error:  # three runtimes, each with errors of its own
        worse = f"{type(error).__name__}: {error}"
    return _row(path.name, check, FAILED if worse else OK, worse)


def _run_program(path: Path, inputs: np.ndarray, answers: np.ndarray, record: dict) -> dict:
    """Run `predict.py` in a process of its own, as a user does."""
    with tempfile.TemporaryDirectory() as temporary:
        np.save(Path(temporary, "inputs.npy"), inputs)
        command = [sys.executable, os.fspath((path / "predict.py").resolve()), "inputs.npy", "--json"]
        try:
            done = subprocess.run(command, cwd=temporary, capture_output=True, text=True, timeout=LONGEST)
            lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
            told = done.stderr.strip().splitlines()[-1:] or ["no error"]
            worse = departure(np.array(lines, "float32"), answers, record) if not done.returncode else told[0]
        except (subprocess.TimeoutExpired, ValueError) as error:
            worse = str(error)
    return _row("predict.py", f"its answers with {record['file']}", FAILED if worse else OK, worse)
