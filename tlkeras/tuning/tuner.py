"""A search over the flags of a recipe, from the command to the page."""

import dataclasses
import functools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tlkeras.report import write_json
from tlkeras.tuning import leaderboard, page
from tlkeras.tuning.chief import lead
from tlkeras.tuning.plan import Plan
from tlkeras.tuning.recipe import Recipe
from tlkeras.tuning.record import FAILED, best_of
from tlkeras.tuning.request import COMMAND
from tlkeras.tuning.searching import search
from tlkeras.tuning.spec import parse
from tlkeras.tuning.worker import NAME, check_chief, join


class NoScore(ValueError):
    """No trial of a search came to a score."""


def tune(request, arguments, *, directory, resume=False):
    """Searches over flags of a recipe, then trains the best of them with several seeds; writes what was found.

    The folder holds `leaderboard.csv`, `leaderboard.md`, `report.html`, `logs` for the HParams page of TensorBoard,
    `best.json` (flags, as `--config` of the recipe takes them), and in `best` what the recipe writes for them.

    Args:
        request: `Request`.
        arguments: Flags of the recipe that hold for all trials, as its own command line takes them.
        directory: Folder to write into.
        resume: Whether to go on with the search in it.

    Returns:
        List of `Record`, the best first; of a search that is joined, nothing: its chief has them.

    Raises:
        ValueError: If something does not fit, in words of the command line.
        NoScore: If all trials failed; it says why.
        MemoryGrown: If the process has grown by more than it may; another one resumes the search.
    """
    directory, recipe = Path(directory), Recipe(request.recipe)
    flags, plan = _planned(request, arguments, recipe)
    if request.chief:
        check_chief(plan, directory, request.chief)  # before the data are read
        trial = _trial(recipe, flags, plan, directory)
        return join(trial, plan, directory=directory, chief=request.chief, most_memory=request.memory)
    plan.refuse(directory, resume)
    if request.workers or request.listen:
        records = lead(
            plan, functools.partial(_start, request, arguments, directory), directory=directory, resume=resume,
            workers=request.workers, listen=request.listen or "127.0.0.1:0",
        )  # fmt: skip
    else:
        trial = _trial(recipe, flags, plan, directory)
        records = search(trial, plan, directory=directory, resume=resume, most_memory=request.memory)
    print("\n" + leaderboard.text(records, plan), flush=True)
    best = best_of(records)
    if best is None:
        raise NoScore(_reasons(records))
    chosen = dataclasses.asdict(recipe.with_values(flags, best.values))
    write_json(directory / "best.json", chosen)
    found = _retrain(recipe, chosen, directory, request.seeds) if request.seeds else None
    shutil.rmtree(directory / "cache", ignore_errors=True)  # as a recipe does when it is done
    page.write(directory / "report.html", records, plan, title=recipe.path.stem, retrained=found)
    return records


def _planned(request, arguments, recipe):
    """Returns the flags that all trials share, and the plan."""
    space = parse(request.space, recipe.space) if request.space else recipe.space
    flags = recipe.flags(arguments, space)
    objective = request.objective or recipe.objectives[0]
    if objective not in recipe.objectives:
        raise ValueError(
            f"`objective` must be one of {', '.join(recipe.objectives)}: labels of what is adapted to choose nothing. "
            f"Received: {objective!r}"
        )
    if request.against not in ("", *recipe.costs):
        rule = f"be one of {', '.join(recipe.costs)}" if recipe.costs else "stay empty: the recipe measures no cost"
        raise ValueError(f"`against` must {rule}. Received: {request.against!r}")
    fixed = {name: value for name, value in dataclasses.asdict(flags).items() if name not in space}
    return flags, Plan(
        space, request.trials, request.tuner, objective, recipe.epochs(flags), request.seed, fixed, request.against
    )


def _trial(recipe, flags, plan, directory):
    """Returns the function of values, share and report that trains one model; it has read the data."""
    cost = {"against": plan.against} if plan.against else {}
    train = recipe.module.trials(flags, directory, plan.objective, **cost)
    return lambda values, share, report: train(recipe.with_values(flags, values, share), plan.seed, report)


def _start(request, arguments, directory, address, name):
    """Starts a worker; Ctrl-C reaches the chief alone, which ends its workers."""
    joined = dataclasses.replace(request, workers=0, listen="", chief=address)
    command = [*COMMAND, *joined.command(arguments, directory)]
    return subprocess.Popen(command, env={**os.environ, NAME: name}, start_new_session=True)


def _retrain(recipe, best, directory, seeds):
    """Runs the recipe itself with the best flags, and returns its metrics, one dict a seed."""
    out = directory / "best"
    command = [sys.executable, recipe.path, "--config", directory / "best.json", "--out", out, "--seeds", seeds]
    command += ["--resume"] if (out / "config.json").exists() else []
    if not best.get("cache", "-"):
        command += ["--cache", directory / "cache"]  # what the trials computed
    print(f"\nThe best flags with {seeds} seeds: {' '.join(map(str, command))}", flush=True)
    done = subprocess.run([*map(str, command)], check=False)
    if done.returncode:
        raise OSError(f"the best flags could not be trained: {recipe.path.name} ended with {done.returncode}")
    metrics = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    return metrics.get("runs", [metrics])


def _reasons(records):
    counts = {}
    for record in records:
        reason = record.reason if record.status == FAILED else "it did not end"
        counts[reason] = counts.get(reason, 0) + 1
    lines = [f"{count} x {reason}" for reason, count in sorted(counts.items(), key=lambda item: -item[1])]
    return f"No trial came to a score, so that nothing can be chosen. Received: {'; '.join(lines[:5])}"
