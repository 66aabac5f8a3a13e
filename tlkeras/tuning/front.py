"""The trials that are worth their cost."""

from tlkeras.tuning.record import DONE


def front_of(records, against) -> list:
    """Returns the Pareto front, the cheapest first: no other trial scores higher for as little, or as high for less.

    Trials that are equal in both are all on it.

    Args:
        records: Of all trials.
        against: Name of the figure that is the cost, lower is better.

    Example:
        >>> from tlkeras.tuning import Record
        >>> found = [(0.5, 10), (0.9, 30), (0.4, 20), (0.9, 40)]
        >>> records = [Record(i, {}, "done", score, figures={"bytes": cost}) for i, (score, cost) in enumerate(found)]
        >>> [record.trial for record in front_of(records, "bytes")]
        [0, 1]
    """
    done = [record for record in records if record.status == DONE]
    points = {(record.score, record.figures[against]) for record in done}
    kept = [record for record in done if not any(_beats(point, record, against) for point in points)]
    return sorted(kept, key=lambda record: (record.figures[against], record.trial))


def _beats(point, record, against):
    own = record.score, record.figures[against]
    return point != own and point[0] >= own[0] and point[1] <= own[1]
