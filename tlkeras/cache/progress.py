"""What a long pass tells: one moving line on a terminal, a line now and then in a log."""

import sys
import time

EVERY_SECONDS = {True: 0.2, False: 10.0}  # by whether stderr is a terminal


def say(text: str) -> None:
    """Prints one line to stderr, where it does not mix with what a program prints as its result."""
    print(f"features: {text}", file=sys.stderr, flush=True)


class Progress:
    """Counts rows and prints how many a second.

    Args:
        total: Number of rows.
        done: Rows that were there before; they do not count for the rate.
    """

    def __init__(self, total: int, done: int = 0):
        self.total, self.done, self._before = total, done, done
        self._start = self._printed = time.perf_counter()

    def advance(self, rows: int) -> None:
        """Counts rows; prints when it is time, and at the end."""
        self.done += rows
        now, moving = time.perf_counter(), sys.stderr.isatty()
        if self.done < self.total and now - self._printed < EVERY_SECONDS[moving]:
            return
        self._printed = now
        rate = (self.done - self._before) / max(now - self._start, 1e-9)
        rest = self.total - self.done
        left = f"{rest / rate:.0f} s left" if rest else f"{now - self._start:.1f} s"
        line = f"{self.done} of {self.total} rows, {rate:.0f} rows/s, {left}"
        if moving:
            print(f"\rfeatures: {line}\033[K", end="" if self.done < self.total else "\n", file=sys.stderr, flush=True)
        else:
            say(line)
