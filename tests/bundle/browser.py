"""A headless Chromium, driven through chromedriver as W3C WebDriver describes it."""

import contextlib
import json
import shutil
import socket
import subprocess
import time
import urllib.request

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the standard's name of a reference
FLAGS = "headless no-sandbox disable-gpu disable-quic no-first-run disable-background-networking disable-sync"
MISSING = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]


class Browser:
    """One session.

    Args:
        address: Of chromedriver.
    """

    def __init__(self, address):
        self.address, self.session = address, ""
        options = {"binary": shutil.which("chromium"), "args": [f"--{flag}" for flag in FLAGS.split()]}
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"performance": "ALL", "browser": "ALL"}}
        self.session = "/" + self("POST", "", capabilities={"alwaysMatch": wanted})["sessionId"]

    def __call__(self, method, command, **content):
        data = json.dumps(content).encode() if method == "POST" else None
        request = urllib.request.Request(f"{self.address}/session{self.session}{command}", data, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["value"]

    def open(self, url):
        self("POST", "/url", url=url)

    def run(self, script, *values):
        return self("POST", "/execute/sync", script=script, args=list(values))

    def choose(self, selector, path):
        """Put a file into a file input, as the dialogue does."""
        found = self("POST", "/element", using="css selector", value=selector)
        self("POST", f"/element/{found[ELEMENT]}/value", text=str(path))

    def wait(self, script, *values):
        """Return what a script hands to the function that is its last argument."""
        return self("POST", "/execute/async", script=script, args=list(values))

    def until(self, script, *values):
        """Return what a script returns as soon as it is not null, or None after a minute."""
        end = time.monotonic() + 60
        while (found := self.run(script, *values)) is None and time.monotonic() < end:
            time.sleep(0.05)
        return found

    def requests(self):
        """Return the addresses that were asked for since the last call."""
        entries = [json.loads(entry["message"])["message"] for entry in self("POST", "/se/log", type="performance")]
        sent = [entry["params"] for entry in entries if entry["method"] == "Network.requestWillBeSent"]
        return [entry["request"]["url"] for entry in sent]

    def errors(self):
        """Return what the console said as an error since the last call."""
        return [entry["message"] for entry in self("POST", "/se/log", type="browser") if entry["level"] == "SEVERE"]


@contextlib.contextmanager
def chromium():
    """Yield a `Browser`; both processes end with the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    driver = subprocess.Popen(["chromedriver", f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        browser = None
        for _ in range(200):
            with contextlib.suppress(OSError):
                browser = Browser(f"http://127.0.0.1:{port}")
                break
            time.sleep(0.1)
        yield browser
        browser("DELETE", "")
    finally:
        driver.terminate()
        driver.wait(timeout=30)
