"""The folder of a run, and whether it may be written into."""

import dataclasses
import datetime
import json
import shutil
from pathlib import Path

from tlkeras.report import versions, write_json


def open_folder(name, arguments, flags, seeds):
    """Creates the run folder, or checks that the one to resume was started with the same flags."""
    stamp = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    if arguments.resume and not arguments.out:
        raise ValueError("`--resume` needs `--out`, the folder of the interrupted run. Received: no --out")
    out = arguments.out or Path("runs") / name / stamp
    if arguments.resume and not (out / "config.json").exists():
        raise ValueError(
            f"`--out` holds no run to resume: check its name, or leave out `--resume`. Received: --out={out}"
        )
    out.mkdir(parents=True, exist_ok=True)
    if (out / "metrics.json").exists() and not (out / "config.json").exists():
        raise ValueError(f"`--out` holds files of something else: name another folder. Received: --out={out}")
    wanted = {"flags": dataclasses.asdict(flags), "seeds": seeds}
    path = out / "config.json"
    if path.exists():
        started = json.loads(path.read_text(encoding="utf-8"))
        differing = {
            key: [before, wanted["flags"].get(key)]
            for key, before in started["flags"].items()
            if before != wanted["flags"].get(key)
        }
        if started["seeds"] != seeds:
            differing["seeds"] = [started["seeds"], seeds]
        if not arguments.resume:
            raise ValueError(
                f"`--out` holds a run already: add `--resume` or name another folder. Received: --out={out}"
            )
        if differing:
            raise ValueError(f"`--resume` needs the flags of the run. Received (run, now): {differing}")
    write_json(path, {"recipe": name, **wanted, "versions": versions()})
    return out


def withdraw(out):
    """Removes a folder in which nothing was computed, so that the corrected command can name it again."""
    if [path for path in out.rglob("*") if path.is_file()] == [out / "config.json"]:
        shutil.rmtree(out)
