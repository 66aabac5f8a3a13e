"""An export matches its model within the bound, or fails and names a layer; no file that cannot be run is left."""

import collections
import pathlib
import tempfile

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from tests.export.random_models import random_model
from tlkeras import export

KINDS = ("float32", "float16", "dynamic", "int8", "onnx", "c", "int8 c", "trainable")
HOW = {
    "deadline": None, "database": None, "derandomize": True, "print_blob": False, "phases": [Phase.generate],
    "suppress_health_check": list(HealthCheck),
}  # fmt: skip


def written(kind, model, samples, value_range, folder):
    """Writes one file of a kind; its answers are those of its own runtime, in this test."""
    path = folder / "m.file"
    if kind == "onnx":
        export.to_onnx(model, path, samples=samples[30:], value_range=value_range)
        return export.run_onnx(path, samples[30:])
    if kind == "trainable":
        export.to_trainable_litert(model, path, samples=samples[30:], value_range=value_range)
        return None
    quantize = None if kind in ("float32", "c") else kind.removesuffix(" c")
    calibration = samples[:30] if quantize == "int8" else None
    export.export_litert(
        model, path, samples=samples[30:], quantize=quantize, calibration=calibration, value_range=value_range
    )
    if kind.endswith("c") and kind != "dynamic":
        export.to_c_source(path, folder)
    return export.run_litert(path, samples[30:])


def outcome(kind, model, samples, value_range):
    """Returns how an export ended, after it was seen that it ended well."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        try:
            found = written(kind, model, samples, value_range, folder)
        except export.ConversionError as error:
            layers = [f"in layer {layer.name!r}" for layer in model._flatten_layers(include_self=False)]
            assert any(text in str(error) for text in layers) or "micro" in str(error).lower(), error
            assert {path.suffix for path in folder.iterdir()} <= ({".file"} if kind.endswith("c") else set())
            return "no such operation"
        except export.ExportMismatch as error:
            assert kind in ("int8", "int8 c", "dynamic", "float16"), error
            assert not list(folder.iterdir())
            return "mismatch"
        if found is not None:
            expected = model.predict(samples[30:], verbose=0)
            if kind in ("float32", "onnx", "c"):
                assert np.abs(found - expected).max() <= 1e-3 * max(1, np.abs(expected).max())
            assert (found.argmax(-1) == expected.argmax(-1)).mean() >= 0.98
        return "matches"


def check(draw, kind):
    model, samples, value_range = random_model(draw)
    note(f"{kind}: {[layer.get_config() | {'class': type(layer).__name__} for layer in model.layers]}")
    return outcome(kind, model, samples, value_range)


@pytest.mark.slow
@settings(max_examples=6, **HOW)
@given(st.data(), st.sampled_from(KINDS))
def test_a_sample(data, kind):
    check(data.draw, kind)


@pytest.mark.exhaustive
def test_two_hundred():
    counts = collections.Counter()

    @settings(max_examples=200, **HOW)
    @given(st.data(), st.sampled_from(KINDS))
    def every(data, kind):
        counts[kind, check(data.draw, kind)] += 1

    try:
        every()
    finally:
        for (kind, ended), count in sorted(counts.items()):
            print(f"{kind:10} {ended:18} {count}")
    assert sum(counts.values()) >= 200
