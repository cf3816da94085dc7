"""What is printed of a burst; the commands' own tests show the rest."""

from __future__ import annotations

import asyncio
import os

from notifyws.models import Frame, Notification
from notifyws.ui.output import Output
from notifyws.ui.renderers import raw_renderer

LINE = '{"type":"t", "title":"kept"}'


def printed(*items, every=False):
    async def story():
        await raw_renderer(Output(writing), every=every).show(items)

    reading, writing = os.pipe()
    with open(reading, encoding="utf-8") as reader:
        with open(writing, "w"):
            asyncio.run(story())
        return reader.read()


def test_a_notification_that_is_all_of_a_frame_is_printed_as_that():
    assert printed(Notification({"type": "t"}, "now", LINE)) == f"{LINE}\n"


def test_of_what_came_in_one_frame_with_others_the_frame_is_printed_once():
    one = Notification({"type": "t"}, "now")
    assert printed(one, one, Frame(LINE * 2, has_news=True)) == f"{LINE * 2}\n"


def test_a_frame_without_notifications_is_printed_where_every_one_is_wanted():
    assert printed(Frame("hello")) == ""
    assert printed(Frame("hello"), every=True) == "hello\n"
