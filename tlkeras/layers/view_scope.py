"""Which rows of a batch belong to which view, for layers inside a graph that knows nothing of views."""

import contextlib
import contextvars

_ROWS = contextvars.ContextVar("tlkeras_view_rows", default=None)


@contextlib.contextmanager
def view_scope(rows):
    """Tells the layers called inside the `with` block which views their rows belong to.

    Args:
        rows: `{view: number of rows}` in the order in which the views are concatenated.

    Example:
        >>> with view_scope({"source": 2, "target": 3}):
        ...     current_views()
        {'source': 2, 'target': 3}
    """
    token = _ROWS.set(rows)
    try:
        yield
    finally:
        _ROWS.reset(token)


def current_views():
    """Returns `{view: number of rows}` of the views that are running, or None outside a `view_scope`."""
    return _ROWS.get()
