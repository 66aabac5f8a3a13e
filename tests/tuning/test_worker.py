import dataclasses
import os
import socket
import threading
import time

import pytest

from tests.tuning.toy import plan_of, score_of, start
from tlkeras.tuning import join, lead, search
from tlkeras.tuning.record import read_all


@pytest.fixture
def listening():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def led(tmp_path):
    """A folder of a search that has a chief."""
    search(score_of, plan_of("random", 1), directory=tmp_path)
    (tmp_path / "workers").mkdir()
    (tmp_path / "workers" / "chief").write_text("name 1")
    return tmp_path


def listens(folder, address):
    (folder / "workers" / "port").write_text(address.rpartition(":")[2])


@pytest.mark.parametrize("address", ["localhost", "localhost:port", "127.0.0.1:1"])
def test_an_address_at_which_nothing_listens_is_refused(led, address):
    with pytest.raises(ValueError, match=f"`chief` must be the HOST:PORT .*Received: '{address}'"):
        join(score_of, plan_of("random", 1), directory=led, chief=address)


def test_another_folder_is_refused(listening, led, tmp_path_factory):
    with pytest.raises(ValueError, match="`directory` must be the folder of the chief.*listens on port none"):
        join(score_of, plan_of("random", 1), directory=tmp_path_factory.mktemp("other"), chief=listening)
    listens(led, "127.0.0.1:7")
    with pytest.raises(ValueError, match="`directory` must be the folder of the chief.*listens on port 7"):
        join(score_of, plan_of("random", 1), directory=led, chief=listening)


def test_another_search_is_refused(listening, led):
    listens(led, listening)
    plan = dataclasses.replace(plan_of("random", 1), seed=3)
    with pytest.raises(ValueError, match="one in which seed was 0 and is 3"):
        join(score_of, plan, directory=led, chief=listening)
    assert "KERASTUNER_ORACLE_IP" not in os.environ


@pytest.mark.slow
def test_workers_that_join_are_the_only_ones_where_none_are_started(tmp_path, capsys):
    thread = threading.Thread(
        target=lead, args=(plan_of("random", 4), None), kwargs={"directory": tmp_path, "workers": 0}
    )
    thread.start()
    said = ""
    while "listening on " not in said:
        said += capsys.readouterr().out
        time.sleep(0.05)
    address = said.split("listening on ")[1].split(": others")[0]
    worker = start(tmp_path, "random", 4, 0, "--chief", address, http_proxy="http://127.0.0.1:9")
    told = worker.communicate()[0]
    assert worker.returncode == 0, told
    thread.join(timeout=20)
    assert not thread.is_alive() and len(read_all(tmp_path)) == 4 and told.count("trial ") >= 4
