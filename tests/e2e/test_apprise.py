"""``--apprise``: a real listener, a real service, and secrets that nobody sees."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

from tests.support.target import target

SECRET = "hush-1234567"


def test_a_service_that_fails_is_tried_again_and_its_secrets_are_nowhere(home, server):
    with target() as there:
        there.answers += [500, 200, 500, 500]
        url = f"json://me:{SECRET}@{urlsplit(there.url).netloc}/{SECRET}"
        how = {"TEAM": url, "NOTIFYWS_HAND_ON_DELAYS": "0.01"}
        listener = home.listen("--apprise", "TEAM", "-vv", "-n", "2", "--json", **how)
        server.notify(1, 2)
        assert listener.wait() == 0
        titles = [json.loads(each.body)["title"] for each in there.posted]
    assert titles == ["1", "1", "2", "2"]
    (file,) = home.path.glob("**/dead-letters/*.jsonl")
    letter = json.loads(file.read_text())
    assert letter["sink"] == "apprise:json"
    assert letter["notification"]["title"] == "2"
    assert "error=500" in letter["error"]
    assert SECRET not in f"{file.read_text()}{listener.err.text}{listener.out.text}"

    with target() as again:
        url = f"json://me:{SECRET}@{urlsplit(again.url).netloc}/{SECRET}"
        done = home.within("listen", "--replay", str(file), "--apprise", url)
        assert (done.returncode, len(again.posted)) == (0, 1)
    assert SECRET not in done.stderr
