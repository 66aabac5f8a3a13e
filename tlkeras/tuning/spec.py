"""A search space in the words of the command line."""

import json
from pathlib import Path

from tlkeras.tuning.space import Choice, Float, Int

FORMS = "NAME=LOW..HIGH, NAME=LOW..HIGH:log, NAME=A|B|C, or the NAME alone of what the recipe declares"


def parse(spec, declared) -> dict:
    """Returns the search space that a user asks for, `{name: Float, Int or Choice}`.

    Args:
        spec: Text such as `rate=1e-4..1e-1:log,depth=0|2|all,bottleneck`; or the path of a JSON file of
            `{name: text such as "1e-4..1e-1:log", list of values, or null for what is declared}`, which is the way
            to write values that hold a comma.
        declared: `{name: Float, Int or Choice}`: what may be searched, and of which type its values are.

    Raises:
        ValueError: If a name is not declared, is given twice, or its values cannot be read as what is declared.

    Example:
        >>> space = parse("rate=0.01..0.1,depth", {"rate": Float(1e-4, 1.0), "depth": Choice(("0", "all"))})
        >>> {name: str(dimension) for name, dimension in space.items()}
        {'rate': '0.01..0.1', 'depth': '0|all'}
    """
    pairs = _of_file(spec) if str(spec).endswith(".json") else _of_text(spec)
    names = [name for name, _ in pairs]
    unknown = [name for name in names if name not in declared]
    if unknown or not names or len(set(names)) < len(names):
        raise ValueError(
            f"`search` must name some of {', '.join(declared)}, each once: {FORMS}. Received: {', '.join(names)!r}"
            + (f", of which {', '.join(unknown)} cannot be searched" if unknown else "")
        )
    return {name: _dimension(name, asked, declared[name]) for name, asked in pairs}


def _of_text(spec):
    parts = [part.partition("=") for part in str(spec).split(",") if part]
    return [(name.strip().replace("-", "_"), asked.strip() if equal else None) for name, equal, asked in parts]


def _of_file(path):
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"`search` must be readable as JSON. Received: {path} ({error})") from error
    if not isinstance(found, dict):
        raise ValueError(f"`search` must be an object in JSON, {{name: values}}. Received: {path}")
    return list(found.items())


def _dimension(name, asked, declared):
    """Returns what is asked for, with values of the type of what is declared."""
    if asked is None:
        return declared
    kind = type(declared.values[0]) if isinstance(declared, Choice) else float if isinstance(declared, Float) else int
    try:
        if isinstance(asked, str) and ".." in asked and kind is not str:
            bounds, _, scale = asked.partition(":")
            low, high = (float(bound) for bound in bounds.split(".."))
            if scale not in ("", "log") or (scale and kind is int):
                raise ValueError(f"`{scale}` is no scale of such a flag")
            return Float(low, high, bool(scale)) if kind is float else Int(low, high)
        values = asked.split("|") if isinstance(asked, str) else asked
        return Choice(tuple(kind(value) for value in values))
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"`search` must give `{name}` values such as {declared}: {FORMS}. Received: {name}={asked!r} ({error})"
        ) from error
