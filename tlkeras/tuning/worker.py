"""A worker of a search: it trains what the chief proposes."""

import contextlib
import json
import os
import socket
import uuid
from pathlib import Path

import grpc

from tlkeras.tuning.beats import beating
from tlkeras.tuning.chief import CHIEF, PORT, WORKERS
from tlkeras.tuning.one_trial import MemoryGrown
from tlkeras.tuning.oracles import oracle_of
from tlkeras.tuning.runner import Runner
from tlkeras.tuning.searching import run

NAME = "KERASTUNER_TUNER_ID"  # KerasTuner reads the name of a worker, and the address of its chief, from variables


def join(trial, plan, *, directory, chief, most_memory=None):
    """Trains trials of a search that `tlkeras.tuning.lead` runs elsewhere, until there are no more.

    Args:
        trial: Function that trains one model; see `tlkeras.tuning.search`.
        plan: `Plan`, the same as the chief's.
        directory: Folder of the search, the same as the chief's: all share it.
        chief: Its address, `HOST:PORT`.
        most_memory: MB that the process may grow by, or None.

    Raises:
        ValueError: If no chief listens there or the folder is not its own, or its search is another.
        OSError: If the disk is full, or the chief stops answering.
        tlkeras.tuning.MemoryGrown: If the process has grown by more; another one may join then.
    """
    check_chief(plan, directory, chief)
    host, _, port = chief.rpartition(":")
    beats, name = Path(directory) / WORKERS, os.environ.get(NAME, f"joined{uuid.uuid4().hex[:8]}")
    # gRPC would ask a proxy even for this machine.
    variables = {NAME: name, "KERASTUNER_ORACLE_IP": host, "KERASTUNER_ORACLE_PORT": port, "no_grpc_proxy": host}
    try:
        with _environment(variables), beating(beats / name, watched=beats / CHIEF):
            run(Runner(oracle_of(plan, directory), trial, plan, directory, most_memory=most_memory))
    except MemoryGrown:
        os.environ[NAME] = name  # the one that goes on is the same worker
        raise
    except grpc.RpcError as error:
        raise OSError(f"the chief at {chief} does not answer: {error.details()}") from error


def check_chief(plan, directory, chief):
    """Does nothing if a worker can join.

    Args:
        plan: `Plan`.
        directory: Folder of the search.
        chief: Its address.

    Raises:
        ValueError: As in `join`.
    """
    host, _, port = chief.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except (OSError, ValueError) as error:
        raise ValueError(
            f"`chief` must be the HOST:PORT that a search says it listens on. Received: {chief!r} ({error})"
        ) from error
    path = Path(directory) / WORKERS / PORT
    listens = path.read_text(encoding="ascii") if path.exists() else "none"
    if listens != port:
        raise ValueError(
            f"`directory` must be the folder of the chief, which all share. Received: {directory}, whose chief listens "
            f"on port {listens}, and `chief` {chief!r}"
        )
    changes = plan.changes(json.loads((Path(directory) / "plan.json").read_text(encoding="utf-8")))
    if changes:
        raise ValueError(f"A worker joins the search that its chief runs. Received: one in which {'; '.join(changes)}")


@contextlib.contextmanager
def _environment(variables):
    """Sets variables of the process, and puts back what they were."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
