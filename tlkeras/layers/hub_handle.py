"""A handle (directory, `.tar.gz`, Kaggle model or URL) becomes the local directory of a SavedModel."""

import os
import tarfile
import warnings
from pathlib import Path

from tlkeras.layers.hub_archive import unpack_archive
from tlkeras.layers.hub_kaggle import SCHEME, download_kaggle, kaggle_address

_ARCHIVES = (".tar.gz", ".tgz")


def resolve_handle(handle: str | os.PathLike) -> Path:
    """Returns the local directory behind `handle`.

    Args:
        handle: A directory; a `.tar.gz` file, which is unpacked once into the cache; a Kaggle model, as
            `kaggle://owner/model/framework/variation[/version]` or by the address of its page, which `kagglehub`
            downloads into its own cache; or another `http(s)://` address, which `tensorflow_hub` downloads into the
            cache. The cache is `$TFHUB_CACHE_DIR`, or the user's cache folder; that of Kaggle is `$KAGGLEHUB_CACHE`.

    Raises:
        ValueError: If there is nothing at `handle`, the scheme is another one, or the archive is unsafe or damaged.
    """
    handle = kaggle_address(os.fspath(handle))
    if handle.startswith(SCHEME):
        return download_kaggle(handle)
    if handle.startswith(("http://", "https://")):
        return _download(handle)
    if "://" in handle:
        raise ValueError(
            "`handle` must be a directory, a .tar.gz file, a kaggle:// model or an http(s):// address; fetch other "
            f"schemes first. Received: {handle}"
        )
    path = Path(handle).expanduser()
    if path.is_dir():
        return path
    if path.is_file() and path.name.endswith(_ARCHIVES):
        return unpack_archive(path)
    raise ValueError(
        "`handle` must be an existing directory, a .tar.gz file, a kaggle:// model or an http(s):// address. "
        f"Check the path. Received: {handle}"
    )


def _download(address: str) -> Path:
    # Imported here because tensorflow_hub imports Keras 2 and pkg_resources; only an address needs it.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import tensorflow_hub
    try:
        return Path(tensorflow_hub.resolve(address))
    except (OSError, ValueError, tarfile.TarError) as error:
        raise ValueError(
            f"`handle` could not be downloaded ({type(error).__name__}: {error}). "
            f"Check the address and the network, or pass a local directory. Received: {address}"
        ) from error
