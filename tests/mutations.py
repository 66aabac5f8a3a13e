"""Breaks each method on purpose and says whether a test notices: `python -m tests.mutations [METHOD ...]`.

Two mutations of every class in `CASES` of the common test: `sign` flips the sign of its term; `gradient` keeps the
value and lets no gradient reach the model. Where a method weighs the supervised loss, a third one, `factors`, makes all
its factors 1. Each runs the method's own test file (without its toys, which are slow) and, only if that stays green,
its cases of the common test. Of a method of several phases every phase is mutated. The own file also runs once with the
term wrapped and unchanged, and must be green.

Prints one line a mutation and exits with 1 if one survives.
"""

import contextlib
import dataclasses
import functools
import importlib
import io
import pathlib
import sys
import time
from collections.abc import Callable

import pytest

importlib.import_module("tests.conftest")  # sets the number of threads, before TensorFlow starts

import keras  # noqa: E402

from tests.test_common import CASES  # noqa: E402
from tlkeras.transfer import Method  # noqa: E402

TESTS = pathlib.Path(__file__).parent
# Terms of the model's weights, or of a batch without a gradient: there the term itself is stopped.
OF_WEIGHTS = ("L2SP", "DomainWeights", "VAT")


@dataclasses.dataclass(frozen=True)
class Changed:
    """The loss of a phase under a mutation; equal when both are equal, so that a phase can be told from the next."""

    change: Callable
    loss: Callable

    def __call__(self, batch, **options):
        return self.change(self.loss, batch, **options)


class Mutation:
    """A pytest plugin that replaces the term of one class while the tests run."""

    def __init__(self, method, kind):
        self.method, self.kind = method, kind
        self.change = getattr(self, "unchanged" if kind == "factors" else kind)
        self.patch = pytest.MonkeyPatch()

    def pytest_sessionstart(self):
        if self.kind == "factors":
            self.patch.setattr(self.method, "weigh", Method.weigh)
        elif self.method.phases is not Method.phases:
            self.patch.setattr(self.method, "phases", self._phased(self.method.phases))
        else:
            self.patch.setattr(self.method, "call", self._called(self.method.call))

    def pytest_sessionfinish(self):
        self.patch.undo()

    def _called(self, original):
        @functools.wraps(original)
        def call(method, batch, training=None):
            return self.change(functools.partial(original, method), batch, training=training)

        return call

    def _phased(self, original):
        def phases(method):
            return tuple(
                dataclasses.replace(phase, loss=Changed(self.change, phase.loss)) for phase in original(method)
            )

        return phases

    def unchanged(self, term, batch, **options):
        return term(batch, **options)

    def sign(self, term, batch, **options):
        return -term(batch, **options)

    def gradient(self, term, batch, **options):
        if self.method.__name__ in OF_WEIGHTS:
            return keras.ops.stop_gradient(term(batch, **options))
        return term(batch._replace(views=keras.tree.map_structure(keras.ops.stop_gradient, batch.views)), **options)


def stays_green(method, kind, *arguments):
    """Whether the tests pass under one mutation; raises if none ran."""
    options = ["-x", "-q", "--tb=no", "-p", "no:cacheprovider", "-p", "no:warnings"]
    with contextlib.redirect_stdout(io.StringIO()) as output:
        code = pytest.main([*options, *map(str, arguments)], plugins=[Mutation(method, kind)])
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        raise RuntimeError(f"The tests did not run. Received: {code!r} from {arguments}\n{output.getvalue()}")
    return code == pytest.ExitCode.OK


def own_tests(method):
    """The test file of a class, and the option that leaves out its toys."""
    return [TESTS / "methods" / f"test_{method.__module__.rsplit('.')[-1]}.py", "-k", "not toy"]


def killer(method, kind):
    """The name of the first test file that notices the mutation, or None."""
    for arguments in (own_tests(method), [TESTS / "test_common.py", "-k", f"{method.__name__}-"]):
        if not stays_green(method, kind, *arguments):
            return arguments[0].name
    return None


def main(names):
    """Checks the named methods, or all of them; returns the exit status."""
    methods = {case.method.__name__: case.method for case in CASES}
    unknown = sorted(set(names) - set(methods))
    if unknown:
        raise SystemExit(f"METHOD must be one of {sorted(methods)}. Received: {unknown}")
    survivors = 0
    for name in names or methods:
        if not stays_green(methods[name], "unchanged", *own_tests(methods[name])):
            raise SystemExit(f"The tests of {name} fail without a mutation: mend that first.")
        weighs = methods[name].weigh is not Method.weigh
        for kind in ("sign", "gradient", *(["factors"] if weighs else [])):
            start = time.monotonic()
            file = killer(methods[name], kind)
            survivors += file is None
            verdict = f"killed by {file}" if file else "SURVIVED"
            print(f"{name:20} {kind:10} {verdict:40} {time.monotonic() - start:6.1f} s", flush=True)
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
