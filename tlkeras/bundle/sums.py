"""SHA256SUMS: every file of a directory by its content, in the form that `sha256sum -c` reads."""

import hashlib
import re
from pathlib import Path

NAME = "SHA256SUMS"


def write_sums(directory: Path) -> None:
    """Write the sums of all files below a directory; `sha256sum -c SHA256SUMS` in it reads them.

    Args:
        directory: Where.
    """
    (directory / NAME).write_text(_text(directory), encoding="utf-8")


def check_sums(directory: Path) -> dict[str, str]:
    """Return what differs from the sums: `{file: what is wrong}`, empty where nothing is.

    Args:
        directory: Where `write_sums` wrote.
    """
    written = _read(directory / NAME)
    if isinstance(written, str):
        return {NAME: written}
    found = {name: _digest(directory / name) for name in _names(directory)}
    problems = {name: "is missing" for name in written.keys() - found.keys()}
    problems |= {name: f"is not listed in {NAME}" for name in found.keys() - written.keys()}
    both = written.keys() & found.keys()
    problems |= {name: "is not what was written" for name in both if written[name] != found[name]}
    return dict(sorted(problems.items()))


def _text(directory: Path) -> str:
    return "".join(f"{_digest(directory / name)}  {name}\n" for name in _names(directory))


def _names(directory: Path) -> list[str]:
    files = (path.relative_to(directory).as_posix() for path in directory.rglob("*") if not path.is_dir())
    return sorted(name for name in files if name != NAME)


def _digest(path: Path) -> str:
    if not path.is_file():
        return "a link to nowhere, or no file"
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(path: Path) -> dict[str, str] | str:
    """Return `{file: sum}`, or what is wrong with the list itself."""
    if not path.is_file():
        return "is missing"
    lines = path.read_bytes().decode("utf-8", "replace").split("\n")
    found = [re.fullmatch(r"([0-9a-f]{64})  (.+)", line) for line in lines[:-1]]
    if lines[-1] or not found or None in found:
        return "is not a list of SHA-256 sums and names"
    return {match[2]: match[1] for match in found}
