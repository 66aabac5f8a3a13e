"""Transfer learning and domain adaptation for Keras 3.

Importing it registers the package's classes, so that `keras.models.load_model` finds them. The command line answers
`--help` at once only because that import of Keras is left out when the `tlkeras` command is what runs.
"""

import importlib
import pathlib
import sys

from tlkeras._lazy import lazily

_MODULES = (
    "backbones bundle cache data export layers methods ops optimizers report surgery testing transfer "
    "transferability tuning validators"
)
_HOMES = {
    "DANNRamp": "transfer",
    "Method": "transfer",
    "Stage": "transfer",
    "TransferModel": "transfer",
    "fine_tune": "transfer",
    "load": "layers",
    **dict.fromkeys(_MODULES.split()),
}

__all__ = [*_HOMES]  # noqa: F822

__getattr__, __dir__ = lazily(__name__, _HOMES)

if pathlib.Path(sys.argv[0] if sys.argv else "").stem != "tlkeras":
    importlib.import_module("tlkeras.methods")
    importlib.import_module("tlkeras.layers")
