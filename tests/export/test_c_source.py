import re
import shutil
import subprocess

import keras
import numpy as np
import pytest

from tlkeras.export import ConversionError, to_c_source, to_litert
from tlkeras.export.c_source import A_TENSOR, AN_OPERATION, KERNELS

MAIN = """
#include <stdint.h>
#include <stdio.h>
#include "digits.h"
int main(void) {
  if ((uintptr_t)digits_data % 16) return 3;
  return fwrite(digits_data, 1, digits_size, stdout) != digits_size;
}
"""
RESOLVER = """
#include "digits.h"
#include <cstdio>
struct Resolver { int count = 0; ADD };
int main() {
  Resolver resolver;
  DIGITS_REGISTER(resolver);
  return resolver.count != DIGITS_KERNEL_COUNT || DIGITS_ARENA_BYTES < 100;
}
"""


@pytest.mark.skipif(shutil.which("gcc") is None, reason="no C compiler here")
@pytest.mark.parametrize("quantize", [None, "int8"])
def test_the_compiled_array_is_the_file_and_the_header_registers_every_kernel(model, images, tmp_path, quantize):
    path = to_litert(model, tmp_path / "m.tflite", quantize=quantize, samples=images[0][:50])
    facts = to_c_source(path, tmp_path, name="digits")
    (tmp_path / "main.c").write_text(MAIN)
    command = ["gcc", "-std=c99", "-Wall", "-Wextra", "-Werror", "main.c", "digits.c", "-o", "main"]
    subprocess.run(command, cwd=tmp_path, check=True)
    done = subprocess.run([tmp_path / "main"], capture_output=True, check=True)
    assert done.stdout == path.read_bytes() and facts["bytes"] == len(done.stdout)
    added = " ".join(f"void Add{kernel}() {{ ++count; }}" for kernel in facts["kernels"])
    (tmp_path / "resolver.cc").write_text(RESOLVER.replace("ADD", added))
    subprocess.run(["gcc", "-Wall", "-Werror", "resolver.cc", "-o", "resolver"], cwd=tmp_path, check=True)
    subprocess.run([tmp_path / "resolver"], check=True)


def test_the_arena_by_hand(tmp_path):
    """Two dense layers: 10 floats in, 7 between, 3 out; rounded up to 48, 32 and 16 bytes."""
    inputs = keras.Input((10,))
    model = keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Dense(7, activation="relu")(inputs)))
    facts = to_c_source(to_litert(model, tmp_path / "m.tflite", value_range=None), tmp_path)
    assert facts["kernels"] == ["FullyConnected"]
    records = facts["arena_bytes"] - (48 + 32) - 2 * AN_OPERATION
    assert records % A_TENSOR == 0 and 5 <= records // A_TENSOR <= 7  # input, two weights, biases, two outputs
    header = (tmp_path / "model.h").read_text()
    assert re.search(rf"#define MODEL_ARENA_BYTES {facts['arena_bytes']}\n", header)
    assert "(resolver).AddFullyConnected();" in header


def test_what_micro_has_no_kernel_for_is_named(tmp_path):
    inputs = keras.Input((6, 4))
    model = keras.Model(inputs, keras.ops.top_k(inputs, 2)[0])
    path = to_litert(model, tmp_path / "m.tflite", value_range=None)
    with pytest.raises(ConversionError, match="TensorFlow Lite Micro has no kernel for TOPK_V2 at '"):
        to_c_source(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("quantize", ["dynamic", "float16"])
def test_a_file_of_mixed_types_is_refused(tmp_path, quantize):
    inputs = keras.Input((64,))
    model = keras.Model(inputs, keras.layers.Dense(64)(inputs))
    path = to_litert(model, tmp_path / "m.tflite", quantize=quantize, value_range=None)
    with pytest.raises(ConversionError, match="no kernel for .* of float(16|32 and int8) at"):
        to_c_source(path, tmp_path / "out")


@pytest.mark.parametrize("content", [b"", b"\x00" * 100, b"TFL3" * 10])
def test_what_is_no_litert_file_is_refused(tmp_path, content):
    (tmp_path / "m.tflite").write_bytes(content)
    with pytest.raises(ValueError, match="`path` must be LiteRT .* files, complete. Received: .*m.tflite"):
        to_c_source(tmp_path / "m.tflite", tmp_path / "out")


def test_a_name_that_c_cannot_spell_is_refused(tmp_path):
    with pytest.raises(ValueError, match="`name` must be a C identifier. Received: '1st'"):
        to_c_source(tmp_path / "m.tflite", tmp_path, name="1st")


def test_every_kernel_is_spelled_once():
    assert len(set(KERNELS)) == len(KERNELS) > 90 and np.char.isalnum(KERNELS).all()
