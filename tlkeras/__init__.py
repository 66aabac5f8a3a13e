"""Transfer learning and domain adaptation for Keras 3.

Importing it registers the package's classes, so that `keras.models.load_model` finds them. The command line answers
`--help` at once only because that import of Keras is left out when the `tlkeras` command is what runs.
"""

import importlib
import pathlib
import sys

_HOMES = {"TransferModel": "transfer", "Method": "transfer", "DANNRamp": "transfer", "load": "layers"}
_MODULES = (
    "backbones data export layers methods ops report surgery testing transfer validators".split()  # noqa: SIM905
)

__all__ = [*_HOMES, *_MODULES]  # noqa: PLE0604


def __getattr__(name):
    if name in _HOMES:
        return getattr(importlib.import_module(f"tlkeras.{_HOMES[name]}"), name)
    if name in _MODULES:
        return importlib.import_module(f"tlkeras.{name}")
    raise AttributeError(f"module 'tlkeras' has no attribute {name!r}. It has: {sorted(__all__)}")


def __dir__():
    return sorted(__all__)


if pathlib.Path(sys.argv[0] if sys.argv else "").stem != "tlkeras":
    importlib.import_module("tlkeras.methods")
