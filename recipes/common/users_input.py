"""Mistakes of the user told from mistakes of ours."""

import contextlib


class InputError(Exception):
    """A mistake in what the user gave: one line, no traceback."""


@contextlib.contextmanager
def users_input():
    """Marks the lines that read what the user gave; elsewhere a ValueError is a mistake of ours, with its traceback.

    Raises:
        InputError: Instead of what the package raises.
    """
    try:
        yield
    except (ValueError, TypeError, OSError, ImportError) as error:
        raise InputError(str(error)) from error
