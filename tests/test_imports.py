"""The folder tree tells the architecture: a folder imports only from those above it."""

import ast
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parent.parent / "tlkeras"
ORDER = (
    "ops layers data backbones surgery optimizers transfer methods validators export cache transferability report "
    "bundle tuning testing cli"
).split()
TENSORFLOW = (
    "data/tensorflow_pair.py",
    "layers/hub_",
    "backbones/hub.py",
    "export/",
    "cache/litert_pass.py",
    "cache/tensorflow_pass.py",
    "ops/gradient.py",
    "transfer/pcgrad.py",
    "transfer/phased.py",
    "tuning/hparams.py",
)
FILES = sorted(ROOT.rglob("*.py"))


def imported(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_imports_follow_the_order_of_the_folders(path):
    here = path.relative_to(ROOT).parts[0].removesuffix(".py")
    for module in imported(path):
        parts = module.split(".")
        if here in ORDER and parts[0] == "tlkeras" and len(parts) > 1 and parts[1] in ORDER:
            assert ORDER.index(parts[1]) <= ORDER.index(here), f"{path} imports {module}"
        if parts[0] in ("tensorflow", "tensorflow_hub"):
            assert path.relative_to(ROOT).as_posix().startswith(TENSORFLOW), f"{path} imports {module}"


def test_no_method_imports_another():
    methods = {path.stem for path in (ROOT / "methods").glob("*/*.py") if path.stem != "__init__"}
    for path in (ROOT / "methods").glob("*/*.py"):
        for module in imported(path):
            assert not (module.startswith("tlkeras.methods") and module.split(".")[-1] in methods), f"{path}: {module}"


def test_import_registers_the_classes_and_every_public_name_resolves():
    code = (
        "import tlkeras, keras; assert keras.saving.get_registered_object('tlkeras>DANN');"
        "[getattr(tlkeras, name) for name in tlkeras.__all__]"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)
