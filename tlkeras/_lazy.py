"""Public names that import their module on first use."""

import importlib


def lazily(package, homes):
    """Returns the `__getattr__` and `__dir__` of a package whose names live in its modules.

    Args:
        package: `__name__` of the package.
        homes: `{public name: module below the package}`; a name that is a module itself has the module None.

    Example:
        >>> get, _ = lazily("tlkeras", {"DANNRamp": "transfer"})
        >>> get("DANNRamp").__name__
        'DANNRamp'
    """

    def get(name):
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}. It has: {sorted(homes)}")
        module = importlib.import_module(f"{package}.{homes[name] or name}")
        return getattr(module, name) if homes[name] else module

    return get, lambda: sorted(homes)
