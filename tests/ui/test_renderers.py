"""What is printed of a burst; the commands' own tests show the rest."""

from __future__ import annotations

import os

from notifyws.models import Frame, Notification
from notifyws.ui.output import Output
from notifyws.ui.renderers import raw_renderer

LINE = '{"type":"t", "title":"kept"}'


async def printed(*items, every=False):
    reading, writing = os.pipe()
    with open(reading, encoding="utf-8") as reader:
        with open(writing, "w"):
            await raw_renderer(Output(writing), every=every).show(items)
        return reader.read()


async def test_a_notification_that_is_all_of_a_frame_is_printed_as_that():
    assert await printed(Notification({"type": "t"}, "now", LINE)) == f"{LINE}\n"


async def test_of_what_came_in_one_frame_with_others_the_frame_is_printed_once():
    one = Notification({"type": "t"}, "now")
    assert await printed(one, one, Frame(LINE * 2, has_news=True)) == f"{LINE * 2}\n"


async def test_a_frame_without_notifications_is_printed_where_every_one_is_wanted():
    assert await printed(Frame("hello")) == ""
    assert await printed(Frame("hello"), every=True) == "hello\n"
