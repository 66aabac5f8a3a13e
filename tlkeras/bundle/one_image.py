"""A LiteRT file whose batch size is fixed, for runtimes that cannot leave it open."""

import numpy as np
from ai_edge_litert import schema_py_generated as schema


def one_image(content: bytes) -> bytes:
    """Return the same file with inputs and outputs of exactly their written shape: a batch of 1.

    LiteRT.js 2.5.3 compares the shape of a tensor with the signature of the input, in which an open batch is -1, and
    refuses every tensor. Only these numbers change.

    Args:
        content: The bytes of a LiteRT file.
    """
    changed = bytearray(content)
    model = schema.Model.GetRootAs(changed)
    for graph in map(model.Subgraphs, range(model.SubgraphsLength())):
        for index in (*graph.InputsAsNumpy(), *graph.OutputsAsNumpy()):
            tensor = graph.Tensors(int(index))
            if tensor.ShapeSignatureLength():
                signature = tensor.ShapeSignatureAsNumpy()  # a view of `changed`
                np.copyto(signature, tensor.ShapeAsNumpy())
    return bytes(changed)
