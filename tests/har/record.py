"""Records what a page does in Chromium, as its developer tools export it.

    python tests/har/record.py URL SCRIPT.js OUT.har [--sensitive] [--keep N]

The tools' own exporter makes the HAR: the tools are opened in a second tab, attached
to the first, and asked in their own page. SCRIPT runs in the first, and may be async;
a line "// next page" in it waits for the page that follows.
Bodies that are no JSON are dropped, and of a body more than 4,000 characters; that,
and the frames beyond the first N of a socket, is all that is changed.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import tempfile
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path

from websockets.sync.client import connect

EXPORT = """(async () => {
  const [har, logs] = await Promise.all([
    import('/devtools/models/har/har.js'), import('/devtools/models/logs/logs.js')]);
  const requests = [...logs.NetworkLog.NetworkLog.instance().requests()];
  const log = await har.Log.Log.build(requests, { sanitize: %s });
  requests.sort((one, other) => one.issueTime() - other.issueTime());
  const late = new Promise(done => setTimeout(done, 2000, {}));
  for (const [index, request] of requests.entries()) {
    const content = await Promise.race([request.requestContentData(), late]);
    const read = content.isTextContent ? { text: content.text } : {};
    Object.assign(log.entries[index].response.content, read);
  }
  return JSON.stringify({ log });
})()"""
PRESERVE = """import('/devtools/core/common/common.js').then(({ Settings }) =>
  Settings.Settings.instance().moduleSetting('network-log.preserve-log').set(true))"""
NEXT = "// next page"
LONGEST = 4_000


class Tab:
    """One tab of the browser, by its debugging socket."""

    def __init__(self, url: str, stack: ExitStack) -> None:
        opened = connect(url, max_size=None, compression=None)
        self._socket = stack.enter_context(opened)
        self._numbers = itertools.count(1)

    def do(self, method: str, **params: object) -> dict:
        number = next(self._numbers)
        said = {"id": number, "method": method, "params": params}
        self._socket.send(json.dumps(said))
        while True:
            got = json.loads(self._socket.recv(timeout=60))
            if got.get("id") == number:
                return got["result"]

    def run(self, script: str) -> object:
        asked = {"awaitPromise": True, "returnByValue": True, "userGesture": True}
        got = self.do("Runtime.evaluate", expression=script, **asked)
        if "exceptionDetails" in got:
            raise SystemExit(json.dumps(got["exceptionDetails"], indent=1))
        return got["result"].get("value")


def new_tab(port: str, url: str) -> dict:
    asked = f"http://127.0.0.1:{port}/json/new?{url}"
    request = urllib.request.Request(asked, method="PUT")
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def recorded(url: str, script: str, *, sensitive: bool, browser: str) -> dict:
    with ExitStack() as stack:
        folder = stack.enter_context(
            tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        )
        command = [browser, "--headless", "--no-sandbox", "--disable-gpu"]
        command += ["--remote-debugging-port=0", "--remote-allow-origins=*"]
        command += [f"--user-data-dir={folder}", "about:blank"]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        stack.callback(process.wait, 10)
        stack.callback(process.terminate)
        named = Path(folder, "DevToolsActivePort")
        while not named.exists() or not named.read_text():
            time.sleep(0.1)
        port = named.read_text().split()[0]
        page = new_tab(port, "about:blank")
        where = f"127.0.0.1:{port}/devtools/page/{page['id']}"
        app = f"http://127.0.0.1:{port}/devtools/devtools_app.html?ws={where}"
        tools = Tab(new_tab(port, app)["webSocketDebuggerUrl"], stack)
        time.sleep(3)
        tools.run(PRESERVE)
        tab = Tab(page["webSocketDebuggerUrl"], stack)
        tab.do("Page.enable")
        tab.do("Page.navigate", url=url)
        time.sleep(3)
        for part in script.split(NEXT):
            tab.run(part)
            time.sleep(3)
        return json.loads(str(tools.run(EXPORT % json.dumps(not sensitive))))


def small(har: dict, keep: int) -> dict:
    """Return it without what says nothing of the protocol."""
    for entry in har["log"]["entries"]:
        for name in ("_initiator", "_priority", "timings", "cache", "connection"):
            entry.pop(name, None)
        headers = entry["request"]["headers"]
        headers[:] = [each for each in headers if not each["name"].startswith("sec-")]
        content = entry["response"]["content"]
        if "json" not in content.get("mimeType", ""):
            content.pop("text", None)
        elif len(content.get("text", "")) > LONGEST:
            content.pop("text")
        if "_webSocketMessages" in entry:
            entry["_webSocketMessages"] = entry["_webSocketMessages"][:keep]
    return har


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("url")
    options.add_argument("script", type=Path)
    options.add_argument("out", type=Path)
    options.add_argument("--sensitive", action="store_true")
    options.add_argument("--keep", type=int, default=200)
    said = options.parse_args()
    browser = os.environ.get("CHROMIUM", "chromium-headless-shell")
    script = said.script.read_text("utf-8")
    har = recorded(said.url, script, sensitive=said.sensitive, browser=browser)
    text = json.dumps(small(har, said.keep), indent=1)
    said.out.write_text(f"{text}\n", "utf-8")


if __name__ == "__main__":
    main()
