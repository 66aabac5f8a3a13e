import http.server
import shutil
import threading

import numpy as np
import pytest

from tests.layers.hub_models import pack, save_module, save_text
from tlkeras.layers.hub_handle import resolve_handle
from tlkeras.layers.hub_layer import HubLayer


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def model(tmp_path):
    return save_module(tmp_path / "model")


def outputs(handle):
    return HubLayer(handle)(np.ones((1, 2), "float32")).numpy().tolist()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):  # noqa: N802
        self.server.asked.append(self.path)
        found = self.path == "/model/1?tf-hub-format=compressed"
        self.send_response(200 if found else 404)
        self.end_headers()
        if found:
            self.wfile.write(self.server.archive.read_bytes())

    def log_message(self, *args):
        pass


@pytest.fixture
def server(model, tmp_path):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.archive, server.asked = pack(model, tmp_path / "served.tar.gz"), []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_an_address_is_downloaded_once_as_tf_hub_does(server):
    address = f"http://127.0.0.1:{server.server_port}/model/1"
    assert outputs(address) == outputs(address) == [[1.0, 2.0]]
    assert server.asked == ["/model/1?tf-hub-format=compressed"]


def test_an_address_that_answers_404_is_a_clear_error(server):
    with pytest.raises(ValueError, match="could not be downloaded.*Received: http://127"):
        resolve_handle(f"http://127.0.0.1:{server.server_port}/nothing")


@pytest.mark.parametrize("handle", ["no/such/place", "gs://bucket/x"])
def test_unknown_handles_are_a_clear_error(handle):
    with pytest.raises(ValueError, match=f"`handle` must be .*Received: {handle}"):
        resolve_handle(handle)


def test_a_directory_without_a_graph_is_a_clear_error(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="holds a saved_model.pb.*Received: "):
        HubLayer(tmp_path / "empty")


@pytest.mark.parametrize("keep", [0, 1, 3, 0.5, -1])
def test_a_truncated_graph_is_a_clear_error(model, keep):
    path = model / "saved_model.pb"
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content)) if isinstance(keep, float) else keep])
    with pytest.raises(ValueError, match="`handle` must be .*Received: "):
        HubLayer(model)


@pytest.mark.parametrize("name", ["variables.index", "variables.data-00000-of-00001"])
@pytest.mark.parametrize("keep", [None, 0, 4])
def test_truncated_or_absent_variables_are_a_clear_error(model, name, keep):
    path = model / "variables" / name
    content = path.read_bytes()
    path.unlink()
    if keep is not None:
        path.write_bytes(content[:keep])
    with pytest.raises(ValueError, match="whole variables.*Received: "):
        HubLayer(model)


def test_variables_of_another_model_are_a_clear_error(model, tmp_path):
    other = save_text(tmp_path / "other", tmp_path / "v.txt")
    shutil.rmtree(model / "variables")
    shutil.copytree(other / "variables", model / "variables")
    with pytest.raises(ValueError, match="whole variables.*Received: "):
        HubLayer(model)


def test_an_absent_asset_is_a_clear_error(tmp_path):
    text = save_text(tmp_path / "text", tmp_path / "v.txt")
    shutil.rmtree(text / "assets")
    with pytest.raises(ValueError, match="asset 'v.txt' in "):
        HubLayer(text)
