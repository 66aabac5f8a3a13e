"""Every example in a docstring runs."""

import doctest
import importlib
import pathlib

import keras
import numpy as np
import pytest

import tlkeras
from tlkeras import methods, transfer

ROOT = pathlib.Path(tlkeras.__file__).parent
MODULES = sorted(
    ".".join(("tlkeras", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")
    for path in ROOT.rglob("*.py")
)
NAMES = {"tlkeras": tlkeras, "keras": keras, "np": np, "DANNRamp": transfer.DANNRamp, "DANN": methods.DANN}


@pytest.mark.parametrize("name", MODULES)
def test_examples(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "saved_models").symlink_to(ROOT.parent / "saved_models")
    failed, _ = doctest.testmod(importlib.import_module(name), extraglobs=NAMES, optionflags=doctest.ELLIPSIS)
    assert failed == 0
