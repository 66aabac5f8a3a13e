import numpy as np
from ai_edge_litert.interpreter import Interpreter

from tlkeras.bundle.one_image import one_image
from tlkeras.export import run_litert


def test_only_the_open_batch_changes(bundle, images, tmp_path):
    for kind in ("float32", "int8"):
        path = bundle / f"model_{kind}.tflite"
        before, after = path.read_bytes(), one_image(path.read_bytes())
        assert len(before) == len(after)
        assert sum(a != b for a, b in zip(before, after, strict=True)) == 8  # two numbers of four bytes, -1 to 1
        (tmp_path / path.name).write_bytes(after)
        interpreter = Interpreter(str(tmp_path / path.name))
        assert interpreter.get_input_details()[0]["shape_signature"].tolist() == [1, 12, 10, 3]
        assert interpreter.get_output_details()[0]["shape_signature"].tolist() == [1, 4]
        assert one_image(after) == after
        inputs = images[0][:10].astype("float32")
        np.testing.assert_array_equal(run_litert(tmp_path / path.name, inputs), run_litert(path, inputs))
