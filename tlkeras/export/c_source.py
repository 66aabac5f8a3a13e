"""A LiteRT file as C source for a microcontroller that runs TensorFlow Lite Micro."""

import os
import re
from pathlib import Path

from tlkeras.export.atomic import replacing_file
from tlkeras.export.contents import AS_WRITTEN, parsed
from tlkeras.export.litert import ConversionError

ALIGNMENT = 16  # bytes, of the model and of every tensor in the arena
A_TENSOR, AN_OPERATION = 48, 160  # bytes of Micro's own records, about; they differ by version and by target
# The kernels of Micro, as its resolver spells them: `AddConv2D` registers CONV_2D.
KERNELS = """
Abs Add AddN ArgMax ArgMin AssignVariable AveragePool2D BatchMatMul BatchToSpaceNd BroadcastArgs BroadcastTo CallOnce
Cast Ceil Concatenation Conv2D Cos CumSum DepthToSpace DepthwiseConv2D Dequantize Div DynamicUpdateSlice Elu
EmbeddingLookup Equal Exp ExpandDims Fill Floor FloorDiv FloorMod FullyConnected Gather GatherNd Greater GreaterEqual
HardSwish If L2Normalization L2Pool2D LeakyRelu Less LessEqual Log LogicalAnd LogicalNot LogicalOr Logistic LogSoftmax
MaxPool2D Maximum Mean Minimum MirrorPad Mul Neg NotEqual Pack Pad PadV2 Prelu Quantize ReadVariable ReduceMax ReduceMin
Relu Relu6 Reshape ResizeBilinear ResizeNearestNeighbor ReverseV2 Round Rsqrt SelectV2 Shape Sin Slice Softmax
SpaceToBatchNd SpaceToDepth Split SplitV Sqrt Square SquaredDifference Squeeze StridedSlice Sub Sum Svdf Tanh Transpose
TransposeConv UnidirectionalSequenceLSTM Unpack VarHandle While ZerosLike
""".split()
BY_OPERATION = {name.lower(): name for name in KERNELS}


def to_c_source(path: str | os.PathLike, directory: str | os.PathLike, *, name: str = "model") -> dict:
    """Write `NAME.c` and `NAME.h` of a LiteRT file: its bytes as an array, and what Micro needs to run them.

    The header defines `NAME_data`, `NAME_size`, `NAME_ARENA_BYTES`, `NAME_KERNEL_COUNT` and `NAME_REGISTER(resolver)`,
    which adds the kernels to a `tflite::MicroMutableOpResolver<NAME_KERNEL_COUNT>`.

    The arena is an estimate: the activations that live at the same time, each rounded up to 16 bytes, and some 48 bytes
    a tensor and 160 an operation for Micro's own records. Start with it, and read `arena_used_bytes()` on the device.

    Args:
        path: A LiteRT file, float32 or int8.
        directory: Where to write.
        name: Of the files and the array: a C identifier.

    Returns:
        A dict: `path` of the source, `header`, `bytes` of the model, `arena_bytes`, `kernels` in Micro's spelling.

    Raises:
        ValueError: If `path` is no LiteRT file, or `name` no C identifier.
        ConversionError: If Micro has no kernel for an operation, which is named.

    Example:
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
        >>> facts = to_c_source(tlkeras.export.to_litert(model, "m.tflite", value_range=None), "micro")
        >>> facts["kernels"]
        ['FullyConnected', 'Softmax']
    """
    if not re.fullmatch(r"[A-Za-z_]\w*", name):
        raise ValueError(f"`name` must be a C identifier. Received: {name!r}")
    interpreter = parsed(path, "path", experimental_op_resolver_type=AS_WRITTEN)
    content = Path(path).read_bytes()
    operations = interpreter._get_ops_details()  # the list has no public name
    tensors = {tensor["index"]: tensor for tensor in interpreter.get_tensor_details()}
    kernels = _kernels(operations, tensors)
    ends = interpreter.get_input_details(), interpreter.get_output_details()
    arena = _arena(operations, tensors, *([end["index"] for end in details] for details in ends))
    directory = Path(directory)
    for suffix, text in ((".c", _source(content, name)), (".h", _header(len(content), name, arena, kernels))):
        with replacing_file(directory / f"{name}{suffix}") as temporary:
            temporary.write_text(text, encoding="ascii")
    return {
        "path": str(directory / f"{name}.c"), "header": str(directory / f"{name}.h"), "bytes": len(content),
        "arena_bytes": arena, "kernels": kernels,
    }  # fmt: skip


def _kernels(operations, tensors):
    """Returns the kernels that the operations need, or names those that Micro cannot run."""
    found, missing = set(), []
    for operation in operations:
        kernel = BY_OPERATION.get(operation["op_name"].replace("_", "").lower())
        names = {str(kind.__name__) for kind in operation["operand_types"] if isinstance(kind, type)}
        hybrid = ({"float32", "int8"} <= names and kernel not in ("Quantize", "Dequantize")) or "float16" in names
        if kernel and not hybrid:
            found.add(kernel)
        else:
            at = tensors[operation["outputs"][0]]["name"]
            kind = f"{operation['op_name']} of {' and '.join(sorted(names))}" if hybrid else operation["op_name"]
            missing.append(f"{kind} at {at!r}")
    if missing:
        raise ConversionError(
            f"TensorFlow Lite Micro has no kernel for {'; '.join(missing)}. Replace the layer, or export float32 or "
            f"int8. Received: {len(missing)} of {len(operations)} operations"
        )
    return sorted(found)


def _arena(operations, tensors, inputs, outputs):
    """Returns the bytes of the activations that live at the same time, and of Micro's records."""
    first, last = dict.fromkeys(inputs, 0), dict.fromkeys(inputs, 0)
    for step, operation in enumerate(operations):
        first.update(dict.fromkeys(operation["outputs"], step))
        last.update(dict.fromkeys((*operation["outputs"], *operation["inputs"]), step))
    last.update(dict.fromkeys(outputs, len(operations)))  # the caller reads them
    peak = max(
        sum(_rounded(tensors[index]) for index in first if first[index] <= step <= last[index])
        for step in range(len(operations))
    )
    return peak + A_TENSOR * len(tensors) + AN_OPERATION * len(operations)


def _rounded(tensor):
    size = int(tensor["shape"].prod()) * tensor["dtype"]().itemsize
    return -(-size // ALIGNMENT) * ALIGNMENT


def _source(content, name):
    lines = [content[start : start + 16] for start in range(0, len(content), 16)]
    values = "\n".join("  " + " ".join(f"0x{byte:02x}," for byte in line) for line in lines)
    return f"""#include "{name}.h"

const unsigned char {name}_data[] __attribute__((aligned({ALIGNMENT}))) = {{
{values}
}};
const unsigned int {name}_size = {len(content)};
"""


def _header(size, name, arena, kernels):
    upper = name.upper()
    register = " \\\n  ".join(f"(resolver).Add{kernel}();" for kernel in kernels)
    return f"""#ifndef {upper}_H_
#define {upper}_H_

#ifdef __cplusplus
extern "C" {{
#endif
extern const unsigned char {name}_data[]; /* a LiteRT file of {size} bytes */
extern const unsigned int {name}_size;
#ifdef __cplusplus
}}
#endif

/* An estimate: see arena_used_bytes() on the device. */
#define {upper}_ARENA_BYTES {arena}

/* tflite::MicroMutableOpResolver<{upper}_KERNEL_COUNT> resolver; {upper}_REGISTER(resolver) */
#define {upper}_KERNEL_COUNT {len(kernels)}
#define {upper}_REGISTER(resolver) \\
  {register}

#endif /* {upper}_H_ */
"""
