"""The server's pages in a real browser, with real listeners.

What another page could do is tried from pages of another origin, in the same browser.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.devserver.support import world
from tests.e2e.support import COMMAND, Server, home, until
from tests.support.browser import REBOUND, in_chromium

HOSTILE = '<img src=x onerror="document.title=1"><script>document.title = 2</script>'
TURNED = "safe\u202egnp.exe\u2066 and \u200bnothing"
CUT = re.compile(r"closed 1006: demo")


@pytest.fixture
def server():
    started = Server()
    yield started
    started.stop()


@pytest.fixture
def listener(tmp_path, server):
    """A real ``notifyws listen --json``, connected."""
    with home(tmp_path) as lived_in:
        lived_in.use(server)
        yield lived_in.listen("--json", NOTIFYWS_RETRY_DELAYS="0.1")


def opened(page, server, path=""):
    page.goto(f"http://127.0.0.1:{server.port}/{path}")
    return page


def shows(page, words, within="#log"):
    """Wait until the page shows words."""
    page.locator(within).get_by_text(words).first.wait_for()


def joined(server, count):
    """Wait until so many connections were known by their tokens."""
    until(lambda: server.stats["connections"] == count, f"{count} connections")


def press(page, name):
    page.get_by_role("button", name=name).click()


@pytest.mark.parametrize("path", ["/", "/client"])
async def test_a_page_runs_its_own_script_alone_and_is_framed_by_nobody(path):
    async with world() as one:
        headers = (await one.http.get(path)).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert re.search(r"script-src 'sha256-[^ ]+'; style-src 'sha256-", policy)
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Content-Type"] == "text/html; charset=utf-8"


@in_chromium
def test_a_types_button_sends_it_to_a_real_listener(page, server, listener):
    opened(page, server)
    shows(page, "#1 demo", "#listeners")
    for count, (name, kind) in enumerate(
        [
            ("Trip Started", "trip_update"),
            ("Payment Approved", "payment_approved"),
            ("New Message", "message_received"),
        ],
        1,
    ):
        press(page, name)
        assert listener.prints(count)[-1]["type"] == kind
    shows(page, "for demo: sent to #1")
    shows(page, "3 sent", "#listeners")


@pytest.mark.slow
@in_chromium
def test_the_command_that_it_shows_is_all_it_takes_to_listen(page, server, tmp_path):
    opened(page, server)
    shows(page, "notifyws listen", "#command")
    command = page.locator("#command").text_content()
    with home(tmp_path) as lived_in:
        path = f"{Path(COMMAND).parent}:{lived_in.env['PATH']}"
        words = ["-c", f"{command} --json -n 1"]
        listening = lived_in.start(*words, program=["bash"], PATH=path)
        shows(page, "#1 demo", "#listeners")
        press(page, "New Message")
        assert listening.prints(1)[0]["type"] == "message_received"
        assert listening.wait() == 0


@in_chromium
def test_the_form_sends_what_one_likes(page, server, listener):
    opened(page, server)
    page.get_by_label("Type").fill("door")
    page.get_by_label("Title").fill("Opened")
    page.get_by_label("Message").fill("The back door is open")
    page.get_by_label("Link").fill("/doors/2")
    page.get_by_label("Data").fill('{"door": ')
    press(page, "Send it")
    shows(page, "The data is no JSON", "#trouble")
    page.keyboard.type("2}")  # where the fault is, the focus is
    press(page, "Send it")
    (printed,) = listener.prints(1)
    assert (printed["type"], printed["title"]) == ("door", "Opened")
    assert (printed["link"], printed["data"]) == ("/doors/2", {"door": 2})
    assert page.locator("#trouble").text_content() == ""


@in_chromium
def test_the_keyboard_alone_will_do(page, server, listener):
    opened(page, server)
    shows(page, "#1 demo", "#listeners")

    def focused(words):
        for _ in range(30):
            page.keyboard.press("Tab")
            if words in page.evaluate("document.activeElement.textContent"):
                width = "getComputedStyle(document.activeElement).outlineWidth"
                assert page.evaluate(width) == "3px"
                return
        raise AssertionError(words)

    focused("Trip Started")
    page.keyboard.press("Enter")
    assert listener.prints(1)[0]["type"] == "trip_update"
    focused("Cut all lines")
    page.keyboard.press("Space")
    listener.says("Connected", 2)


@in_chromium
def test_it_can_be_read_in_the_dark_and_on_a_small_screen(page, server):
    page.set_viewport_size({"width": 400, "height": 700})
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    opened(page, server)
    press(page, "Trip Started")
    shows(page, "sent to nobody")
    for scheme, brighter in (("dark", "text"), ("light", "ground")):
        page.emulate_media(color_scheme=scheme)
        ground, text = (
            sum(map(int, re.findall(r"\d+", page.evaluate(f"{STYLE}.{what}"))))
            for what in ("backgroundColor", "color")
        )
        assert (text > ground) is (brighter == "text")
        assert abs(text - ground) > 500
    assert page.evaluate("document.documentElement.scrollWidth") == 400
    moving = "getComputedStyle(document.querySelector('#log > li')).animationName"
    assert page.evaluate(moving) == "none"


STYLE = "getComputedStyle(document.body)"


@in_chromium
def test_hostile_text_stays_text(page, server):
    opened(page, server)
    hostile = {"type": HOSTILE, "title": TURNED, "link": "javascript:alert(1)"}
    server.dev("notify", {**hostile, "message": HOSTILE, "data": {HOSTILE: TURNED}})
    shows(page, HOSTILE)
    shows(page, "safe‹U+202E›gnp.exe‹U+2066› and ‹U+200B›nothing")
    assert page.locator("#log :is(img, script, a)").count() == 0
    assert page.title() == "notifyws: development server"


@in_chromium
def test_a_users_name_is_text_too(page):
    name = "<b>'$(x)\u202e"
    server = Server(users={name: "x", "ann": "y"})
    try:
        opened(page, server)
        shows(page, "WEBSOCKET_USERNAME='<b>'\\''$(x)‹U+202E›'", "#command")
        page.get_by_label("To").select_option(name)
        press(page, "Trip Started")
        shows(page, "for <b>'$(x)‹U+202E›: sent to nobody")
    finally:
        server.stop()


@in_chromium
def test_cut_lines_come_back_and_the_page_shows_it(page, server, listener):
    opened(page, server)
    press(page, "Cut all lines")
    listener.says("Connected", 2)
    shows(page, CUT)
    shows(page, "#2 demo", "#listeners")


@in_chromium
def test_a_refused_token_is_renewed(page, server, listener):
    opened(page, server)
    press(page, "Refuse the next token")
    listener.says("Connected", 2)
    shows(page, "upgrade refused: 401")
    shows(page, "#2 demo", "#listeners")
    assert server.stats["refreshes"] == 1


@in_chromium
def test_a_server_that_is_away_answers_503_and_counts_down(page, server, listener):
    opened(page, server)
    press(page, "Answer 503 for 10 s")
    shows(page, re.compile(r"answers 503; \d+ s left"), "#left")
    shows(page, "upgrade refused: 503")
    server.dev("mode", {})  # it is not waited for
    listener.says("Connected", 2)
    shows(page, "closes all lines, too", "#left")


@in_chromium
def test_a_slow_server_is_slow_until_it_is_told_otherwise(page, server, listener):
    opened(page, server)
    slow = page.get_by_role("button", name="Slow down")
    slow.click()
    page.locator("#slow[aria-pressed=true]").wait_for()
    press(page, "Trip Started")
    shows(page, "sent to nobody")  # not yet
    shows(page, "sent to #1")
    slow.click()
    page.locator("#slow[aria-pressed=false]").wait_for()
    press(page, "New Message")
    listener.prints(2)


@pytest.mark.slow
@in_chromium
def test_a_flood_leaves_the_page_awake_and_its_log_short(page, server, listener):
    opened(page, server)
    page.evaluate("""() => {
        window.worst = 0;
        let last = performance.now();
        (function look(now) {
          worst = Math.max(worst, now - last), last = now;
          requestAnimationFrame(look);
        })(last);
    }""")
    for _ in range(5):
        server.dev("notify", [{"title": "x" * 200, "n": n} for n in range(2_000)])
    server.notify(1)
    shows(page, "10001 sent", "#listeners")
    shows(page, re.compile(r"and \d+ more before"))
    assert page.locator("#log > li").count() <= 200
    assert page.evaluate("worst") < 2000


@in_chromium
def test_a_page_finds_the_server_again(page):
    server = Server()
    opened(page, server)
    shows(page, "Running", "#connection")
    server.stop()
    shows(page, "It does not answer", "#connection")
    press(page, "Trip Started")
    shows(page, "The server does not answer", "#trouble")
    again = Server(port=server.port)
    shows(page, "Running", "#connection")
    shows(page, "This page was away")
    again.stop()


@pytest.mark.slow
@in_chromium
def test_the_page_that_listens_does_so_with_a_token_in_each_place(page, server):
    for count, place in enumerate(("query", "subprotocol", "message"), 1):
        opened(page, server, "client")
        page.get_by_label("password").fill("demo")
        page.get_by_label("token").select_option(place)
        press(page, "Connect")
        shows(page, "Connected", "#state")
        joined(server, count)
        server.dev("notify", {"type": place, "title": HOSTILE})
        shows(page, f"{place} · {HOSTILE}", "ul")


# Pages of others

TRIES = """async target => {
  const tried = [];
  const attempt = async (what, does) => {
    try { await does(); tried.push(what); } catch {}
  };
  const body = JSON.stringify({ title: "forged" });
  const read = async (...how) => {
    const answer = await fetch(...how);
    if (answer.type === "opaque") throw new Error();
  };
  await attempt("post", () => read(`${target}/_dev/notify`, { method: "POST", body }));
  await attempt("get", () => read(`${target}/_dev/stats`));
  await fetch(`${target}/_dev/notify`, { method: "POST", mode: "no-cors", body });
  await fetch(`${target}/_dev/cut`, { method: "POST", mode: "no-cors", body: "{}" });
  await attempt("events", () => new Promise((good, bad) => {
    const stream = new EventSource(`${target}/_dev/events`);
    stream.addEventListener("hello", good);
    stream.onerror = () => { stream.close(); bad(); };
  }));
  await attempt("socket", () => new Promise((good, bad) => {
    const socket = new WebSocket(target.replace("http", "ws"));
    socket.onopen = good;
    socket.onerror = bad;
  }));
  const frame = document.createElement("iframe");
  frame.src = target;
  document.body.append(frame);
  await new Promise(done => { frame.onload = done; });
  const form = document.createElement("form");
  Object.assign(form, { method: "POST", action: `${target}/_dev/cut` });
  form.target = "_blank";
  document.body.append(form);
  return tried;
}"""


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_page_of_another_origin_can_do_nothing(chromium, server, listener, host):
    other = Server()

    def story(page):
        page.goto(f"http://{host}:{other.port}/missing")
        target = f"http://127.0.0.1:{server.port}"
        assert page.evaluate(TRIES, target) == []
        (frame,) = page.frames[1:]
        assert not frame.get_by_text("Make trouble").count()
        with page.context.expect_page() as answered:
            page.evaluate("document.forms[0].requestSubmit()")
        answered.value.get_by_text("only this machine's own may ask").wait_for()
        server.notify(7)
        assert [each["title"] for each in listener.prints(1)] == ["7"]
        assert server.stats["live"] == 1

    try:
        chromium.run(story, loud=True)
    finally:
        other.stop()


def test_a_name_that_was_led_here_is_refused(chromium, server):
    def story(page):
        page.goto(f"http://{REBOUND}:{server.port}/")
        page.get_by_text("only this machine's own may ask").wait_for()
        asked = (
            "fetch('/_dev/notify', {method: 'POST', body: '{}'}).then(a => a.status)"
        )
        assert page.evaluate(asked) == 403

    chromium.run(story, loud=True)
