"""What a search over a recipe is asked for."""

import dataclasses
import sys

OPTIONS = ("trials", "tuner", "objective", "seed", "seeds", "memory", "workers", "listen", "chief", "against")
COMMAND = (sys.executable, "-c", "import sys; sys.argv[0] = 'tlkeras'; from tlkeras.cli import main; sys.exit(main())")


@dataclasses.dataclass(frozen=True)
class Request:
    """What `tune` is asked for.

    Attributes:
        recipe: File of the recipe.
        space: As in `tlkeras.tuning.parse`; empty for all that the recipe declares.
        trials: How many models are trained at most.
        tuner: `"random"`, `"bayesian"`, `"hyperband"` or `"optuna"`.
        objective: Name of a score of the recipe; empty for its default.
        seed: Seed of the values and of every training.
        seeds: How often the best flags are trained afterwards, by the recipe itself; 0 for not at all.
        memory: MB that the process may grow by before it raises `MemoryGrown`; None for no limit.
        workers: How many processes train, each a trial at a time; 0 for this one alone.
        listen: `HOST:PORT` at which other workers may join; port 0 for one that is free.
        chief: Address of the search to join as a worker; empty for a search of its own.
        against: Name of a cost of the recipe, for the best scores at each cost; empty for none. With `"optuna"` only.

    Raises:
        ValueError: If there are fewer than no workers, or some for a search that is joined.
    """

    recipe: str
    space: str = ""
    trials: int = 30
    tuner: str = "random"
    objective: str = ""
    seed: int = 0
    seeds: int = 3
    memory: int | None = None
    workers: int = 0
    listen: str = ""
    chief: str = ""
    against: str = ""

    def __post_init__(self):
        """Checks how many processes are meant."""
        if self.workers < 0 or (self.chief and (self.workers or self.listen)):
            raise ValueError(
                f"`workers` must be at least 0, and only a chief has some and listens. Received: "
                f"workers={self.workers}, listen={self.listen!r}, chief={self.chief!r}"
            )

    def command(self, arguments, directory) -> list:
        """Returns the arguments of `tlkeras` that ask for the same.

        Args:
            arguments: Flags of the recipe.
            directory: Folder to write into.
        """
        options = {"search": self.space, "out": directory, **{name: getattr(self, name) for name in OPTIONS}}
        given = [f"--{name}={value}" for name, value in options.items() if value not in ("", None)]
        return ["tune", str(self.recipe), *given, "--", *map(str, arguments)]
