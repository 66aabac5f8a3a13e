"""The folder of a recipe's run: its model, and what the recipe wrote of it."""

import json
import os
from pathlib import Path

from tlkeras.bundle.about import About

MODEL = "model.keras"


def model_file(path: str | os.PathLike) -> Path:
    """Return the `.keras` file that a path names: itself, or the model in the folder of a run.

    Args:
        path: A `.keras` file, or a folder that a recipe wrote with `--out`.

    Raises:
        ValueError: If there is none; of a run of several seeds it names their folders.
    """
    path = Path(path)
    found = path / MODEL if path.is_dir() else path
    if found.is_file():
        return found
    seeds = sorted(str(model.parent) for model in path.glob(f"seed_*/{MODEL}"))
    hint = f", which has one model a seed: {', '.join(seeds)}" if seeds else ""
    raise ValueError(f"`model` must be a .keras file or the folder of a run that holds {MODEL}. Received: {path}{hint}")


def read_run(path: str | os.PathLike) -> About:
    """Return what a recipe wrote beside its model; nothing of it for a lone `.keras` file.

    Args:
        path: As in `model_file`; `config.json` is also found one folder up, where a run of several seeds has it.

    Raises:
        ValueError: If a file of the run is no JSON object.
    """
    path = Path(path)
    if not path.is_dir():
        return About()
    metrics = _json(path / "metrics.json")
    config = _json(path / "config.json") or (_json(path.parent / "config.json") if path.name[:5] == "seed_" else {})
    return About(class_names=metrics.get("class_names"), metrics=metrics, config=config)


def _json(path: Path) -> dict:
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} must be JSON, as a recipe writes it. Received: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} must be a JSON object, as a recipe writes it. Received: {type(content).__name__}")
    return content
