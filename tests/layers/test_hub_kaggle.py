import http.server
import json
import threading

import numpy as np
import pytest
from kagglesdk import kaggle_env

from tests.layers.hub_models import save_module
from tlkeras.layers.hub_handle import resolve_handle
from tlkeras.layers.hub_kaggle import kaggle_address
from tlkeras.layers.hub_layer import HubLayer

MODEL = "google/nnlm/tensorFlow2/en-dim50"
VERSIONED = f"kaggle://{MODEL}/3"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An own cache, no credentials, and a port where nobody listens in the place of the network."""
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path))
    for name in ("KAGGLE_API_TOKEN", "KAGGLE_USERNAME", "KAGGLE_KEY", "KAGGLE_API_ENVIRONMENT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setitem(kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.PROD, "http://127.0.0.1:9")
    return tmp_path / "cache"


def fill(cache, version, *, whole=True):
    """Lays a model into the cache as kagglehub does: a folder named by the version and a marker beside it."""
    folder = cache / "models" / MODEL
    folder.mkdir(parents=True, exist_ok=True)
    save_module(folder / str(version))
    if whole:
        (folder / f"{version}.complete").touch()
    return folder / str(version)


@pytest.mark.parametrize(
    "handle",
    [
        VERSIONED,
        f"https://www.kaggle.com/models/{MODEL}/3",
        "https://kaggle.com/models/google/nnlm/frameworks/tensorFlow2/variations/en-dim50/versions/3?tab=x",
    ],
)
def test_a_versioned_handle_comes_from_the_cache_without_a_network(cache, handle):
    folder = fill(cache, 3)
    assert resolve_handle(handle) == folder
    assert HubLayer(handle)(np.ones((1, 2), "float32")).numpy().tolist() == [[1.0, 2.0]]


def test_a_versioned_handle_that_is_not_whole_in_the_cache_asks_for_a_network(cache):
    fill(cache, 3, whole=False)
    with pytest.raises(
        ValueError, match=f"Check the network, or fill the cache KAGGLEHUB_CACHE.*Received: {VERSIONED}"
    ):
        resolve_handle(VERSIONED)


def test_an_unversioned_handle_without_a_network_names_the_cached_versions(cache):
    handle = f"kaggle://{MODEL}"
    with pytest.raises(ValueError, match=f"with its version can be used; the cache holds none. Received: {handle}"):
        resolve_handle(handle)
    fill(cache, 3), fill(cache, 12), fill(cache, 13, whole=False)
    with pytest.raises(ValueError, match=r"the cache holds the versions \[3, 12\]. Received: "):
        resolve_handle(handle)


class Kaggle(http.server.BaseHTTPRequestHandler):
    """Answers what kagglehub asks for a model: its version, the list of its files, the files."""

    def do_POST(self):  # noqa: N802
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path.split("/")[-1], asked.get("path")))
        answer = getattr(self, self.path.split("/")[-1])(asked)
        status = self.server.status or 200
        body, kind = (b"{}", "application/json") if status != 200 else answer
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) + self.server.missing))
        self.end_headers()
        self.wfile.write(body)

    def GetModelInstance(self, asked):  # noqa: N802
        return json.dumps({"versionNumber": 7}).encode(), "application/json"

    def ListModelInstanceVersionFiles(self, asked):  # noqa: N802
        files = [p.relative_to(self.server.model) for p in self.server.model.rglob("*") if p.is_file()]
        return json.dumps({"files": [{"name": str(name)} for name in files]}).encode(), "application/json"

    def DownloadModelInstanceVersion(self, asked):  # noqa: N802
        return (self.server.model / asked["path"]).read_bytes(), "application/octet-stream"

    def log_message(self, *args):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Kaggle) as server:
        server.model, server.asked, server.status, server.missing = save_module(tmp_path / "model"), [], None, 0
        address = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setitem(kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.PROD, address)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_an_unversioned_handle_is_downloaded_once_in_its_current_version(server, cache):
    for _ in range(2):
        layer = HubLayer(f"kaggle://{MODEL}")
        assert layer(np.ones((1, 2), "float32")).numpy().tolist() == [[1.0, 2.0]]
    verbs = [verb for verb, _ in server.asked]
    assert verbs.count("GetModelInstance") == 2 and verbs.count("ListModelInstanceVersionFiles") == 1
    assert resolve_handle(f"kaggle://{MODEL}/7") == cache / "models" / MODEL / "7"


@pytest.mark.parametrize(
    ("status", "remedy"), [(401, "KAGGLE_API_TOKEN"), (403, "accept the model's licence"), (404, "no such model")]
)
def test_a_refused_download_says_what_to_do(server, status, remedy):
    server.status = status
    with pytest.raises(ValueError, match=rf"(?s)could not be downloaded from Kaggle.*{remedy}.*Received: {VERSIONED}"):
        resolve_handle(VERSIONED)


def test_a_download_that_ends_early_is_an_error_and_is_not_taken_for_whole(server):
    server.missing = 5
    with pytest.raises(ValueError, match="could not be downloaded from Kaggle"):
        resolve_handle(VERSIONED)
    server.missing = 0
    assert HubLayer(VERSIONED)(np.ones((1, 2), "float32")).shape == (1, 2)


@pytest.mark.parametrize(
    "handle",
    [
        "kaggle://google/x",
        "kaggle://google/nnlm/tensorFlow2/en/latest",
        "kaggle://google/nnlm/tensorFlow2//1",
        "kaggle://../nnlm/tensorFlow2/en/1",
        f"{VERSIONED}/more",
    ],
)
def test_a_malformed_handle_is_a_clear_error(handle):
    with pytest.raises(ValueError, match=f"must be of the form kaggle://owner/.*Received: {handle}"):
        resolve_handle(handle)


@pytest.mark.parametrize("framework", ["keras", "pyTorch", "tfLite", "nothing"])
def test_another_framework_is_a_clear_error(framework):
    with pytest.raises(ValueError, match="framework tensorFlow2 or tensorFlow1.*from_preset.*Received: "):
        resolve_handle(f"kaggle://google/nnlm/{framework}/en-dim50/1")


def test_a_page_that_is_no_variation_is_a_clear_error():
    with pytest.raises(ValueError, match="page of one variation.*Received: https://www.kaggle.com/models/google/nnlm"):
        kaggle_address("https://www.kaggle.com/models/google/nnlm")
    assert kaggle_address("https://tfhub.dev/google/nnlm/1") == "https://tfhub.dev/google/nnlm/1"
