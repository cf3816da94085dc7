"""Records what a page does in Chromium, as its developer tools export it.

    python tests/har/record.py URL SCRIPT.js OUT.har [--sensitive] [--keep N]

The tools' own exporter makes the HAR: the tools are opened in a second tab, attached
to the first, and asked in their own page. SCRIPT runs in the first, and may be async;
a line "// next page" in it waits for the page that follows.
What is neither JSON nor a socket is dropped, and a body or frame of more than 4,000
characters, and the frames beyond the first N of a socket.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

EXPORT = """(async () => {
  const [har, logs] = await Promise.all([
    import('/devtools/models/har/har.js'), import('/devtools/models/logs/logs.js')]);
  const requests = [...logs.NetworkLog.NetworkLog.instance().requests()];
  const log = await har.Log.Log.build(requests, { sanitize: %s });
  requests.sort((one, other) => one.issueTime() - other.issueTime());
  const late = () => new Promise(done => setTimeout(done, 500, {}));
  for (const [index, request] of requests.entries()) {
    const content = await Promise.race([request.requestContentData(), late()]);
    const read = content.isTextContent ? { text: content.text } : {};
    Object.assign(log.entries[index].response.content, read);
  }
  return JSON.stringify({ log });
})()"""
PRESERVE = """(async () => {
  const [{ Settings }, { SDKSettings }] = await Promise.all([
    import('/devtools/core/common/common.js'), import('/devtools/core/sdk/sdk.js')]);
  const settings = Settings.Settings.instance();
  settings.resolve(SDKSettings.preserveNetworkLogSettingDescriptor).set(true);
})()"""
NEXT = "// next page"
LONGEST = 4_000


def recorded(url: str, script: str, *, sensitive: bool, browser: str | None) -> dict:
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        sync_playwright() as playwright,
        playwright.chromium.launch_persistent_context(
            folder,
            executable_path=browser,
            args=["--remote-debugging-port=0", "--remote-allow-origins=*"],
        ) as context,
    ):
        (page,) = context.pages
        target = context.new_cdp_session(page).send("Target.getTargetInfo")
        port = Path(folder, "DevToolsActivePort").read_text().split()[0]
        where = f"127.0.0.1:{port}/devtools/page/{target['targetInfo']['targetId']}"
        tools = context.new_page()
        tools.goto(f"http://127.0.0.1:{port}/devtools/devtools_app.html?ws={where}")
        time.sleep(3)
        tools.evaluate(PRESERVE)
        page.goto(url)
        for part in script.split(NEXT):
            time.sleep(3)
            page.evaluate(part)
        time.sleep(3)
        return json.loads(tools.evaluate(EXPORT % json.dumps(not sensitive)))


def small(har: dict, keep: int) -> dict:
    """Return it without what says nothing of the protocol."""

    def says(entry: dict) -> bool:
        mime = entry["response"]["content"].get("mimeType", "")
        static = "/static/" in entry["request"]["url"]
        return "_webSocketMessages" in entry or ("json" in mime and not static)

    har["log"]["entries"] = [each for each in har["log"]["entries"] if says(each)]
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
            frames = entry["_webSocketMessages"]
            short = [each for each in frames if len(each["data"]) <= LONGEST]
            entry["_webSocketMessages"] = short[:keep]
    return har


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("url")
    options.add_argument("script", type=Path)
    options.add_argument("out", type=Path)
    options.add_argument("--sensitive", action="store_true")
    options.add_argument("--keep", type=int, default=200)
    said = options.parse_args()
    browser = shutil.which(os.environ.get("CHROMIUM", "chromium-headless-shell"))
    script = said.script.read_text("utf-8")
    har = recorded(said.url, script, sensitive=said.sensitive, browser=browser)
    text = json.dumps(small(har, said.keep), indent=1)
    said.out.write_text(f"{text}\n", "utf-8")


if __name__ == "__main__":
    main()
