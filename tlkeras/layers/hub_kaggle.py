"""A Kaggle model, `kaggle://owner/model/framework/variation[/version]`, becomes a local directory."""

import os
import re
import urllib.parse
from pathlib import Path

SCHEME = "kaggle://"

_FORM = "kaggle://owner/model/framework/variation[/version]"
_FRAMEWORKS = ("tensorflow1", "tensorflow2")
_LONG = re.compile(r"models/([^/]+)/([^/]+)/frameworks/([^/]+)/variations/([^/]+)(?:/versions/(\d+))?")
_SHORT = re.compile(r"models/([^/]+)/([^/]+)/([^/]+)/([^/]+)(?:/(\d+))?")


def kaggle_address(handle: str) -> str:
    """Returns `handle` in the form `kaggle://...` where it is the address of a model's page on kaggle.com.

    Example:
        >>> kaggle_address("https://www.kaggle.com/models/google/nnlm/tensorFlow2/en-dim50/1")
        'kaggle://google/nnlm/tensorFlow2/en-dim50/1'
    """
    parts = urllib.parse.urlsplit(handle)
    if parts.hostname not in ("kaggle.com", "www.kaggle.com"):
        return handle
    path = parts.path.strip("/")
    found = _LONG.fullmatch(path) or _SHORT.fullmatch(path)
    if not found:
        raise ValueError(
            "An address on kaggle.com must be the page of one variation of a model, such as "
            f"https://www.kaggle.com/models/owner/model/framework/variation/version. Received: {handle}"
        )
    return SCHEME + "/".join(part for part in found.groups() if part)


def download_kaggle(handle: str) -> Path:
    """Returns the directory of a Kaggle model, downloaded by `kagglehub` unless its cache has it.

    With a version the cache, `$KAGGLEHUB_CACHE` or `~/.cache/kagglehub`, answers without a network.

    Args:
        handle: `kaggle://owner/model/framework/variation`, perhaps with `/version`.

    Raises:
        ValueError: If the handle is not of that form, its framework is not TensorFlow, or the download fails.
    """
    name = handle.removeprefix(SCHEME)
    parts = name.split("/")
    if not all(parts) or {".", ".."} & set(parts) or len(parts) not in (4, 5) or not (parts[4:] or ["1"])[0].isdigit():
        raise ValueError(f"`handle` must be of the form {_FORM}, the version a number. Received: {handle}")
    if parts[2].lower() not in _FRAMEWORKS:
        raise ValueError(
            "`handle` must name a SavedModel, framework tensorFlow2 or tensorFlow1; a framework of `keras` is for "
            f"tlkeras.backbones.from_preset, and others are not TensorFlow's. Received: {handle}"
        )
    # Imported here because only this scheme needs it, and it reads the user's Kaggle configuration.
    import kagglehub

    try:
        return Path(kagglehub.model_download(name))
    except Exception as error:  # kagglehub raises a dozen kinds without a common base
        raise ValueError(
            f"`handle` could not be downloaded from Kaggle ({type(error).__name__}: {error}). {_remedy(error, parts)} "
            f"Received: {handle}"
        ) from error


def _remedy(error, parts) -> str:
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in (401, 403):
        return (
            "Create an API token on https://www.kaggle.com/settings, put it into the environment variable "
            "KAGGLE_API_TOKEN, and accept the model's licence on its page if it asks for that."
        )
    if status == 404:
        return "There is no such model, or it is private: compare the handle with the model's page, letter by letter."
    if len(parts) == 5:
        return "Check the network, or fill the cache KAGGLEHUB_CACHE on a machine that has one."
    return f"Without a network only a handle with its version can be used; {_cached_versions(parts)}."


def _cached_versions(parts) -> str:
    # As kagglehub lays its cache out: a marker file beside each whole version.
    root = os.environ.get("KAGGLEHUB_CACHE") or Path.home() / ".cache" / "kagglehub"
    markers = Path(root, "models", *parts).glob("*.complete")
    found = sorted(int(marker.stem) for marker in markers if marker.stem.isdigit())
    return f"the cache holds the versions {found}" if found else "the cache holds none"
