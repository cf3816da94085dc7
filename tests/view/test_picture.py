"""A picture shows what a terminal shows, and is the same every time."""

from notifyws.view.picture import DARK, LIGHT, export_svg, live_text
from tests.view.helpers import LINKED, PLAIN, note, trip
from tests.view.test_footer import UP


def drawn(look=LINKED, **options):
    text = live_text([trip(), note()], UP, 80, look=look, now=753, command="listen")
    return export_svg(text, 80, **options)


def test_a_picture_is_the_same_every_time():
    assert drawn() == drawn()


def test_a_picture_shows_the_prompt_the_cards_and_the_footer():
    svg = drawn()
    assert "listen" in svg
    assert "Trip&#160;Started" in svg
    assert "Connected" in svg
    assert "\x1b" not in svg


def test_a_picture_has_the_colours_of_its_palette():
    for palette, ground in ((DARK, "#0d1117"), (LIGHT, "#ffffff")):
        assert ground in drawn(palette=palette)


def test_without_colour_nothing_but_the_grounds_is_coloured():
    svg = drawn(PLAIN)
    assert "●" in svg
    assert "#58a6ff" not in svg
