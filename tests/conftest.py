"""One thread a process: equal steps then give equal bits, and two processes do not fight over two cores."""

import os

import pytest

for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(name, "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def pytest_collection_modifyitems(items):
    """Skips by name what asks for XLA on torch, where Keras calls Dynamo, which takes minutes a model."""
    if os.environ.get("KERAS_BACKEND") != "torch":
        return
    for item in items:
        if getattr(item, "callspec", None) and item.callspec.params.get("jit_compile"):
            item.add_marker(pytest.mark.skip("Dynamo, not XLA, compiles under torch"))
