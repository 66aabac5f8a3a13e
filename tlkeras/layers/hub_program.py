"""A SavedModel without its weights: graph and assets in memory, checked, and rebuilt in a temporary folder."""

import base64
import hashlib
import shutil
import tempfile
import weakref
import zlib
from dataclasses import dataclass
from pathlib import Path

import tensorflow as tf

from tlkeras.layers.hub_graph import asset_names, check_host_ops, parse_saved_model, pruned
from tlkeras.layers.hub_text_ops import load_with_text_ops
from tlkeras.layers.hub_tf1 import is_tf1
from tlkeras.layers.hub_tf1_tables import TableInitialization

_LARGEST = 2**31  # a protobuf holds at most 2 GiB; more than that out of a small config is an attack


@dataclass(frozen=True)
class HubProgram:
    """Graph and assets of a SavedModel that passed the checks of `hub_graph`.

    Attributes:
        graph: Bytes of the `saved_model.pb` to load.
        assets: Content of each asset file, by name.
        source: What to call it in an error.
        stateful: Whether it may hold tables or control flow of TF1, which XLA cannot compile.
        tf1: Whether it is of the TF1 format.
    """

    graph: bytes
    assets: dict
    source: str
    stateful: bool
    tf1: bool

    @classmethod
    def from_directory(cls, directory: Path, allow_host_ops: bool):
        """Reads and checks the SavedModel in `directory`; the variables stay where they are.

        Raises:
            ValueError: If it is absent, broken, or holds operations that touch the host.
        """
        path = directory / "saved_model.pb"
        if not path.is_file():
            raise ValueError(
                "`handle` must be the directory of a SavedModel, which holds a saved_model.pb. "
                f"Check the path, or export the model there first. Received: {directory}"
            )
        source = str(directory)
        saved_model = parse_saved_model(path.read_bytes(), source)
        assets = {name: _read_asset(directory, name) for name in asset_names(saved_model, source)}
        return cls._checked(saved_model, assets, source, allow_host_ops)

    @classmethod
    def from_config(cls, config: dict, source: str, allow_host_ops: bool):
        """Reads and checks what `get_config` wrote.

        Raises:
            ValueError: If it is damaged, or holds operations that touch the host.
        """
        saved_model = parse_saved_model(_unpack(config["graph"], source), source)
        names = asset_names(saved_model, source)
        if names != sorted(config["assets"]):
            raise ValueError(
                f"`program` must hold exactly the assets of its graph, {names}. Received: {sorted(config['assets'])}"
            )
        assets = {name: _unpack(config["assets"][name], source) for name in names}
        return cls._checked(saved_model, assets, source, allow_host_ops)

    @classmethod
    def _checked(cls, saved_model, assets, source, allow_host_ops):
        if not allow_host_ops:
            check_host_ops(saved_model, source)
            saved_model = pruned(saved_model)
        meta, tf1 = saved_model.meta_graphs[0], is_tf1(saved_model)
        objects = meta.object_graph_def.nodes
        held = [node for node in objects if node.saveable_objects and node.WhichOneof("kind") != "variable"]
        if held or (tf1 and any(node.op.startswith("Mutable") for node in meta.graph_def.node)):
            raise ValueError(
                "A SavedModel must keep its state in variables and constant tables; this one holds objects with a "
                "state of their own (mutable lookup tables, iterators), which a .keras file could not carry. "
                f"Export it with constant tables. Received: {source}"
            )
        stateful = tf1 or any(node.WhichOneof("kind") in ("resource", "asset") for node in objects)
        return cls(saved_model.SerializeToString(deterministic=True), assets, source, stateful, tf1)

    def get_config(self) -> dict:
        """Returns graph and assets as compressed text."""
        return {"graph": _pack(self.graph), "assets": {name: _pack(data) for name, data in self.assets.items()}}

    @property
    def tf1_graph(self) -> bytes | None:
        """The graph where it is of the TF1 format, else None."""
        return self.graph if self.tf1 else None

    def rebuild(self):
        """Returns the loaded object; its variables hold no values, and reading one raises.

        The folder lives as long as the object, because tables and exports read the assets from it.

        Raises:
            ImportError: If the graph needs TensorFlow Text, which is not installed.
            ValueError: If TensorFlow cannot load the graph.
        """
        folder = tempfile.mkdtemp(prefix="tlkeras_hub_")
        try:
            Path(folder, "saved_model.pb").write_bytes(self.graph)
            for name, data in self.assets.items():
                path = Path(folder, "assets", name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
            options = tf.saved_model.LoadOptions(experimental_skip_checkpoint=True)
            with tf.init_scope():
                loaded = load_with_text_ops(folder, options, self.source)
        except Exception as error:
            shutil.rmtree(folder, ignore_errors=True)
            if isinstance(error, ImportError):
                raise
            raise ValueError(f"The SavedModel could not be rebuilt: {error} Received: {self.source}") from error
        if self.tf1:
            loaded.table_initialization = TableInitialization(loaded)
        weakref.finalize(loaded, shutil.rmtree, folder, ignore_errors=True)
        return loaded

    def fingerprint(self, variables, signature: str | None = None) -> str:
        """Returns the SHA-256 over graph, assets, the values of `variables` and a `signature`, in hexadecimal."""
        digest = hashlib.sha256(self.graph)
        for name, data in sorted(self.assets.items()):
            digest.update(name.encode() + b"\0" + hashlib.sha256(data).digest())
        for variable in variables:
            digest.update(variable.numpy().tobytes())
        digest.update((signature or "").encode())
        return digest.hexdigest()


def _read_asset(directory: Path, name: str) -> bytes:
    path = directory / "assets" / name
    inside = path.resolve().is_relative_to(directory.resolve())
    if not inside or not path.is_file():
        raise ValueError(
            "Each asset of a SavedModel must be a file in its assets folder (a link out of it is refused). "
            f"Received: asset {name!r} in {directory}"
        )
    return path.read_bytes()


def _pack(data: bytes) -> str:
    return base64.b64encode(zlib.compress(data, 9)).decode("ascii")


def _unpack(text: str, source: str) -> bytes:
    decompressor = zlib.decompressobj()
    try:
        data = decompressor.decompress(base64.b64decode(text, validate=True), _LARGEST)
    except (ValueError, zlib.error) as error:
        raise ValueError(f"`program` must hold base64 of zlib data; the file is damaged. Received: {source}") from error
    if not decompressor.eof:
        raise ValueError(f"`program` must hold whole zlib data of at most 2 GiB. Received: {source}")
    return data
