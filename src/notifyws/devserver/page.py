"""The server's own page, ``/``: logs in, renews its token, shows what arrives.

It does what web pages of such servers do, so that a browser's developer tools have
something to record. It has no file, script or style of anybody else.
"""

from __future__ import annotations

from aiohttp import web

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>notifyws: development server</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; }
  input, select, button { font: inherit; margin: 0 .5rem .5rem 0; }
  li { list-style: none; border-top: 1px solid #8884; padding: .3rem 0; }
</style>
<h1>Development server</h1>
<form>
  <input name="username" placeholder="username" value="demo" required>
  <input name="password" type="password" placeholder="password" required>
  <select name="place">
    <option value="query">token in the query</option>
    <option value="subprotocol">token as a subprotocol</option>
    <option value="message">token in the first frame</option>
  </select>
  <button>Connect</button>
</form>
<p id="state">Not connected.</p>
<ul></ul>
<script>
  const form = document.forms[0], list = document.querySelector("ul");
  const say = text => { document.querySelector("#state").textContent = text; };
  async function ask(path, body) {
    const headers = { "Content-Type": "application/json" };
    const options = { method: "POST", headers, body: JSON.stringify(body) };
    const answer = await fetch(path, options), value = await answer.json();
    if (!answer.ok) throw new Error(value.error.message);
    return value;
  }
  function open(token) {
    const url = new URL("/ws", location.href.replace(/^http/, "ws"));
    const place = form.place.value;
    if (place === "query") url.searchParams.set("access_token", token);
    const offered = place === "subprotocol" ? ["bearer", token] : [];
    const socket = new WebSocket(url, offered);
    socket.onopen = () => {
      say("Connected.");
      if (place === "message") socket.send(JSON.stringify({ type: "auth", token }));
    };
    socket.onclose = event => say(`Closed: ${event.code} ${event.reason}`);
    socket.onmessage = event => {
      const { type, title, message } = JSON.parse(event.data);
      const item = document.createElement("li");
      item.textContent = [type, title, message].filter(Boolean).join(" · ");
      list.prepend(item);
    };
  }
  form.onsubmit = async event => {
    event.preventDefault();
    try {
      const { username, password } = Object.fromEntries(new FormData(form));
      const first = await ask("/auth/login", { username, password });
      const { refreshToken } = first;
      const { accessToken } = await ask("/auth/refresh", { refreshToken });
      open(accessToken);
    } catch (error) {
      say(error.message);
    }
  };
</script>
"""


async def page(_: web.Request) -> web.Response:
    """Answer with the page."""
    return web.Response(text=PAGE, content_type="text/html", charset="utf-8")
