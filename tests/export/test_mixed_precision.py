import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from tlkeras.backbones import from_hub
from tlkeras.export import ExportMismatch, export_litert
from tlkeras.export.mixed_precision import Calibrated, fewest_floats, sensitivities
from tlkeras.export.run import run_content


@pytest.fixture(scope="module")
def fragile():
    """Two layers that 8 bits carry well, and between them one whose 32 outputs differ by a factor of 3,000."""
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    inputs = keras.Input((16,), name="fragile_input")
    x = keras.layers.Dense(32, "relu", name="first")(inputs)
    x = keras.layers.Dense(32, name="wide")(x)
    model = keras.Model(inputs, keras.layers.Dense(4, name="last")(keras.layers.ReLU(name="cut")(x)), name="fragile")
    scale = np.geomspace(1, 3000, 32)
    kernel, bias = model.get_layer("wide").get_weights()
    model.get_layer("wide").set_weights([kernel * scale, bias])
    kernel, bias = model.get_layer("last").get_weights()
    model.get_layer("last").set_weights([kernel / scale[:, None], bias])
    return model, rng.normal(size=(400, 16)).astype("float32")


def types(content):
    interpreter = Interpreter(model_content=content)
    details = {tensor["index"]: tensor for tensor in interpreter.get_tensor_details()}
    steps = interpreter._get_ops_details()
    return [(step["op_name"], details[step["outputs"][0]]["dtype"].__name__) for step in steps]


def test_an_operator_that_stays_float_computes_in_float(fragile):
    model, samples = fragile
    calibrated = Calibrated(model, samples[:50].copy(), None)
    assert list(calibrated.operators.values()) == [
        f"{row}: FULLY_CONNECTED in layer '{name}'" for row, name in enumerate(("first", "wide", "last"), 1)
    ]
    first, wide, last = calibrated.operators
    whole = [kind for operation, kind in types(calibrated.content()) if operation == "FULLY_CONNECTED"]
    mixed = [kind for operation, kind in types(calibrated.content([wide])) if operation == "FULLY_CONNECTED"]
    assert whole == ["int8"] * 3 and mixed == ["int8", "float32", "int8"]
    exact = run_content(calibrated.content([first, wide, last]), samples[:20])
    np.testing.assert_allclose(exact, model.predict(samples[:20], verbose=0), rtol=1e-4, atol=1e-3)


def test_the_sensitivity_is_the_error_with_that_operator_alone_in_int8(fragile):
    model, samples = fragile
    calibrated = Calibrated(model, samples[:50].copy(), None)
    answers = model.predict(samples[:50], verbose=0)
    found = sensitivities(calibrated, samples[:50], answers)
    first, wide, last = calibrated.operators
    alone = run_content(calibrated.content([first, wide]), samples[:32])
    assert found[last] == pytest.approx(np.square(alone - answers[:32]).mean())
    assert list(found.values()) == sorted(found.values(), reverse=True)
    assert min(found[wide], found[last]) > 20 * found[first]  # both read or write the activation of many scales


def test_the_worst_stay_float_until_the_bound_holds(fragile, tmp_path, capsys):
    model, samples = fragile
    how = {"quantize": "int8", "calibration": samples[:100], "samples": samples[100:].copy(), "value_range": None}
    with pytest.raises(ExportMismatch, match=r"agreement 0\.\d+.*`max_drop` lets the layers that lose most stay float"):
        export_litert(model, tmp_path / "m.tflite", **how)
    facts = export_litert(model, tmp_path / "m.tflite", **how, max_drop=1)
    assert facts["agreement"] >= 0.99 and facts["operators"] == 3
    assert {name.split("'")[1] for name in facts["float_layers"]} == {"wide", "last"}
    assert "int8 with 2 of 3 operators in float32: agreement" in capsys.readouterr().out
    content = (tmp_path / "m.tflite").read_bytes()
    assert ("FULLY_CONNECTED", "int8") in types(content) and ("FULLY_CONNECTED", "float32") in types(content)


def test_a_mixed_file_can_have_integer_ends(fragile, tmp_path):
    model, samples = fragile
    how = {"calibration": samples[:100], "samples": samples[100:].copy(), "value_range": None, "max_drop": 3}
    facts = export_litert(model, tmp_path / "m.tflite", quantize="int8_integer_io", **how)
    assert facts["float_layers"]
    (taken,), (given,) = (getattr(Interpreter(facts["path"]), f"get_{end}_details")() for end in ("input", "output"))
    assert taken["dtype"] is np.int8 and given["dtype"] is np.int8


def test_a_bound_that_nothing_holds_leaves_the_old_file(fragile, tmp_path, monkeypatch):
    model, samples = fragile
    (tmp_path / "m.tflite").write_bytes(b"old")
    monkeypatch.setattr("tlkeras.export.verify.run_content", lambda content, rows: np.full((len(rows), 4), np.nan))
    with pytest.raises(ExportMismatch, match="int8 with 3 of 3 operators in float32 does not give"):
        export_litert(
            model, tmp_path / "m.tflite", samples=samples[100:].copy(), quantize="int8", calibration=samples[:100],
            max_drop=1, value_range=None,
        )  # fmt: skip
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


@pytest.mark.parametrize("needed", range(1, 12))
def test_the_fewest_that_pass_are_found(needed):
    tried = []

    def attempt(floats):
        tried.append(len(floats))
        if len(floats) < needed:
            raise ExportMismatch("too few")
        return len(floats)

    ranking = [str(place) for place in range(11)]
    assert fewest_floats(ranking, attempt) == (ranking[:needed], needed)
    assert len(tried) <= 8 and len(set(tried)) == len(tried)
    with pytest.raises(ExportMismatch):
        fewest_floats(ranking[: needed - 1] or ["0"], lambda floats: attempt([]))


def test_a_fused_operator_is_named_by_the_layer_with_the_kernel(model, images):
    calibrated = Calibrated(model, images[0][:20].copy(), (0, 255))
    names = list(calibrated.operators.values())
    assert any(name.endswith(": CONV_2D in layer 'conv'") for name in names)
    assert names[-1] == f"{len(names)}: FULLY_CONNECTED in layer 'logits'"
    assert types(calibrated.content())[0][1] == "int8" and Interpreter(
        model_content=calibrated.content()
    ).get_input_details()[0]["dtype"] is np.uint8


def test_operators_of_a_hub_model_are_told_apart(tmp_path):
    backbone = from_hub("saved_models/glyphs")
    model = keras.Model(backbone.input, keras.layers.Dense(3, name="top")(backbone.output))
    samples = np.random.default_rng(0).uniform(0, 255, (4, *backbone.input.shape[1:])).astype("float32")
    names = list(Calibrated(model, samples, (0, 255)).operators.values())
    assert len(set(names)) == len(names) >= 4
    assert names[-1].endswith("FULLY_CONNECTED in layer 'top'") and not any("'top'" in name for name in names[:-1])
