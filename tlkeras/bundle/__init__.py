"""A versioned directory with everything that a model needs elsewhere, and its verification.

Names resolve on first use, so that importing the package does not load TensorFlow.
"""

from tlkeras._lazy import lazily

_HOMES = {
    "About": "about",
    "BundleError": "verify",
    "read_run": "run_folder",
    "verify_bundle": "verify",
    "write_bundle": "write",
}

__all__ = [*_HOMES]  # noqa: F822


__getattr__, __dir__ = lazily(__name__, _HOMES)
