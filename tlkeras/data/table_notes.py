"""What is found in the columns of a table and is worth to know."""

import numpy as np

from tlkeras.data.columns import missing_in

MOST_CATEGORIES = 1000


def findings(column, header):
    """Yields what is worth to know of a column of the first table.

    Args:
        column: What `tlkeras.data.columns.parsed` returned.
        header: Its name in the file.

    Raises:
        ValueError: If it is empty, or has too many categories.
    """
    missing = missing_in(column)
    if missing.all():
        raise ValueError(f"Column `{header}` must have values: `ignore` it. Received: {len(column)} missing cells")
    found = set(column[~missing].tolist())
    if column.dtype.kind != "f" and len(found) > MOST_CATEGORIES:
        raise ValueError(
            f"Column `{header}` must have at most {MOST_CATEGORIES} categories: `ignore` it, or merge the rare ones. "
            f"Received: {len(found)} in {len(column)} rows"
        )
    if missing.any():
        yield f"`{header}`: {missing.sum()} of {len(column)} cells are missing."
    if len(found) == 1:
        yield f"`{header}` is the same in all rows that have it."


def differences(column, known, header):
    """Yields how a column differs from that of the first table.

    Args:
        column: What `tlkeras.data.columns.parsed` returned.
        known: That of the first table.
        header: Its name in the file.
    """
    missing = missing_in(column)
    if missing.any():
        share = "all" if missing.all() else f"{missing.sum()} of {len(column)}"
        lacks = "" if missing_in(known).any() else ", none in the first table"
        yield f"`{header}`: {share} cells are missing{lacks}."
    if column.dtype.kind != "f":
        unseen = ~np.isin(column.astype(str), np.unique(known.astype(str))) & ~missing
        if unseen.any():
            example = column[unseen][0]
            yield (
                f"`{header}`: {unseen.sum()} of {len(column)} rows hold what the first table lacks, such as "
                f"{example if column.dtype.kind == 'i' else repr(example[:60])}."
            )
