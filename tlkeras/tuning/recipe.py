"""A recipe whose settings can be searched: a Python file, by what it declares."""

import argparse
import dataclasses
import importlib.util
import math
import sys
from pathlib import Path

from tlkeras.tuning.space import Choice

DECLARED = ("Flags", "SEARCH", "LENGTH", "OBJECTIVES", "trials")


class Recipe:
    """A recipe's file, imported.

    It declares `Flags`, a dataclass of its settings, each with a default and a help string in its metadata; `SEARCH`,
    `{flag: Float, Int or Choice}` that may be searched; `LENGTH`, the names of the flags that say how long it trains,
    its epochs last; `OBJECTIVES`, the names of scores, the default first; and `trials`, a function of
    `(flags, folder, objective)` that reads the data once and returns one of `(flags, seed, report)`, which trains
    one model and returns `{"score": float, ...}`; `report` is that of `tlkeras.tuning.search`.
    Where it declares `COSTS` too, names of costs, `trials` takes one of them as `against=`, and a trial returns it.

    Args:
        path: The file.

    Raises:
        ValueError: If there is no such file, or it declares less.
    """

    def __init__(self, path):
        self.path = Path(path).resolve()
        if not self.path.is_file():
            raise ValueError(f"`recipe` must be a Python file. Received: {path}")
        spec = importlib.util.spec_from_file_location(self.path.stem, self.path)
        self.module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = self.module  # where dataclasses look up what an annotation names
        spec.loader.exec_module(self.module)
        missing = [name for name in DECLARED if not hasattr(self.module, name)]
        if missing:
            raise ValueError(
                f"`recipe` must declare {', '.join(DECLARED)} to be searched. Received: {path} without "
                f"{', '.join(missing)}"
            )
        self.space, self.objectives = self.module.SEARCH, tuple(self.module.OBJECTIVES)
        self.costs = tuple(getattr(self.module, "COSTS", ()))

    def flags(self, arguments, space):
        """Returns the flags that hold for all trials.

        Args:
            arguments: Those of the recipe's own command line.
            space: What is searched.

        Raises:
            ValueError: If a flag is unknown or does not fit, or is searched and given.
        """
        parser = _Parser(prog=self.path.name, add_help=False, allow_abbrev=False)
        for field in dataclasses.fields(self.module.Flags):
            option = "--" + field.name.replace("_", "-")
            if field.type is bool:
                parser.add_argument(option, action=argparse.BooleanOptionalAction, default=None)
            else:
                parser.add_argument(option, type=field.type, default=None)
        given = {name: value for name, value in vars(parser.parse_args(arguments)).items() if value is not None}
        both = sorted(set(given) & set(space))
        if both:
            raise ValueError(f"`search` must leave out what has a value of its own. Received: both for {both}")
        flags = self.module.Flags(**given)
        for name, dimension in space.items():
            ends = dimension.values if isinstance(dimension, Choice) else (dimension.low, dimension.high)
            for value in ends:
                dataclasses.replace(flags, **{name: value})  # raises what the recipe says of it
        return flags

    def epochs(self, flags) -> int:
        """Returns the epochs of a whole training."""
        return getattr(flags, self.module.LENGTH[-1])

    def with_values(self, flags, values, share=1.0):
        """Returns the flags of one trial.

        Args:
            flags: Those of all trials.
            values: `{flag: value}`.
            share: The part of a whole training that the trial has.
        """
        length = {}
        if share != 1:
            epochs = self.epochs(flags)
            kept = round(share * epochs)
            length = {name: math.ceil(getattr(flags, name) * kept / epochs) for name in self.module.LENGTH}
        return dataclasses.replace(flags, **values, **length)


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        raise ValueError(f"{self.prog}: {message}")
