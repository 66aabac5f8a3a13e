"""The space that a search looks through: what may vary, and between which values."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Float:
    """A real number between two bounds.

    Args:
        low: Smallest value.
        high: Largest value.
        log: Whether every factor is as likely as any other, and not every difference; both bounds are then above 0.

    Raises:
        ValueError: If the bounds do not rise, or `log` meets one that is not above 0.

    Example:
        >>> str(Float(1e-4, 0.1, log=True))
        '0.0001..0.1:log'
    """

    low: float
    high: float
    log: bool = False

    def __post_init__(self):
        """Checks the bounds."""
        if not self.low < self.high or (self.log and self.low <= 0):
            rule = "must rise, and with `log=True` be above 0"
            raise ValueError(f"`low` and `high` {rule}. Received: low={self.low}, high={self.high}, log={self.log}")

    def __str__(self):
        """Returns the form that `parse` reads."""
        return f"{float(self.low)}..{float(self.high)}" + (":log" if self.log else "")


@dataclasses.dataclass(frozen=True)
class Int:
    """A whole number between two bounds, both included.

    Args:
        low: Smallest value.
        high: Largest value.

    Raises:
        ValueError: If the bounds are not whole, or do not rise.

    Example:
        >>> str(Int(1, 8))
        '1..8'
    """

    low: int
    high: int

    def __post_init__(self):
        """Checks the bounds."""
        if int(self.low) != self.low or int(self.high) != self.high or not self.low < self.high:
            raise ValueError(f"`low` and `high` must be whole and rise. Received: low={self.low}, high={self.high}")

    def __str__(self):
        """Returns the form that `parse` reads."""
        return f"{int(self.low)}..{int(self.high)}"


@dataclasses.dataclass(frozen=True)
class Choice:
    """One of some values.

    Args:
        values: Strings, or numbers, each once; at least one.

    Raises:
        ValueError: If there is none, one is given twice, or they are of several types.

    Example:
        >>> str(Choice(("0", "2", "all")))
        '0|2|all'
    """

    values: tuple

    def __post_init__(self):
        """Checks the values."""
        object.__setattr__(self, "values", tuple(self.values))
        kinds = {type(value) for value in self.values}
        if len(kinds) != 1 or not kinds <= {str, int, float} or len(set(self.values)) < len(self.values):
            raise ValueError(
                f"`values` must be strings, or whole numbers, or real ones, each once. Received: values={self.values}"
            )

    def __str__(self):
        """Returns the form that `parse` reads."""
        return "|".join(str(value) for value in self.values)


def as_json(space) -> dict:
    """Returns a space as plain JSON, in which it can be kept and compared.

    Args:
        space: `{name: Float, Int or Choice}`.
    """
    return {name: list(d.values) if isinstance(d, Choice) else str(d) for name, d in space.items()}
