"""Which weights of a network belong to one block, by their names and by the shape of the graph."""

import re
from typing import NamedTuple

# A numbered part of a path, the deepest one where several nest: conv2_block1, block_16, block1a, blocks_0,
# expanded_conv_3, stage_0_block_2, layer_11, Mixed_5b, block1/unit_2. Flax calls a part of a block "MlpBlock_3".
_NUMBERED = re.compile(
    r"^(?:.*(?:(?<!mlp)block|layer|unit|stage|cell|group|mixed)s?_?\d+[a-z]?|.*expanded_conv(?:_\d+)?)(?=[_/]|$)", re.I
)
_MOBILENET_V1 = re.compile(r"^(.*conv)_[dp]w(_\d+)")
_NASNET = re.compile(
    r"^(?:(?:normal|reduction|adjust)_(?:conv|bn).*?|separable_conv_\d+(?:_bn)?_(?:normal|reduction)_[a-z]+\d)"
    r"_(stem_\d+|reduce_\d+|\d+)$"
)
_AFFIX = re.compile(r"^bn_|(_(bn|conv|norm))\d*$", re.I)
_NORM_LEAVES = {"gamma", "beta", "moving_mean", "moving_variance", "scale", "offset"}  # the last two: RMSNormalization


class Unit(NamedTuple):
    """Weights that are used together: those of one layer, or of one folder of a SavedModel's variables.

    Attributes:
        path: Name of the layer, or of the folder.
        leaves: Names of its weights, such as `kernel`.
        segment: Number of the part of the graph between two single tensors through which all passes; None where the
            graph is not known that far.
    """

    path: str
    leaves: tuple
    segment: int | None = None

    @property
    def is_norm(self) -> bool:
        """Whether it only normalises, so that it belongs to the block before it unless its name says otherwise."""
        return _NORM_LEAVES.issuperset(self.leaves)


def group(units: list) -> dict:
    """Groups units into blocks.

    Units of one segment belong together (branches of a residual block), and so do units whose names share a numbered
    part. A segment with several numbered parts (NASNet, whose cells read the last two cells) is cut by these.
    Normalisation alone joins the block before it.

    Args:
        units: `Unit`s in execution order.

    Returns:
        `{name of the block: [indices of its units]}`, in the order of execution.

    Example:
        >>> paths = ["Conv1", "bn_Conv1", "block_1_expand", "block_1_project", "post_bn"]
        >>> group([Unit(path, ("gamma",) if "bn" in path else ("kernel",)) for path in paths])
        {'Conv1': [0, 1], 'block_1': [2, 3, 4]}
    """
    keys = _keys(units)
    weighted = {key for key, unit in zip(keys, units, strict=True) if not unit.is_norm}
    blocks, before = {}, None
    for index, key in enumerate(keys):
        if key not in weighted and before is not None:
            key = before
        blocks.setdefault(key, []).append(index)
        before = key
    return blocks


def _keys(units) -> list:
    segments = {}
    for index, unit in enumerate(units):
        segments.setdefault(index if unit.segment is None else ("segment", unit.segment), []).append(index)
    keys = [None] * len(units)
    for indices in segments.values():
        numbered = {_numbered(units[index].path) for index in indices} - {None}
        first = next((index for index in indices if not units[index].is_norm), indices[0])
        key = min(numbered) if len(numbered) == 1 else _plain(units[first].path)
        for index in indices:
            if len(numbered) > 1:
                key = _numbered(units[index].path) or key
            keys[index] = key
    return keys


def _numbered(path: str) -> str | None:
    if found := _MOBILENET_V1.match(path):
        return "".join(found.groups())
    if found := _NASNET.match(path):
        return f"cell_{found[1]}"
    found = _NUMBERED.match(path)
    return found[0] if found else None


def _plain(path: str) -> str:
    return _AFFIX.sub("", path) or path
