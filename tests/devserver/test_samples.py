"""The examples."""

from __future__ import annotations

from itertools import islice

from notifyws.devserver.samples import SAMPLES, endless_samples


def test_every_example_is_complete():
    assert set(SAMPLES) == {"trip_update", "payment_approved", "message_received"}
    for payload in SAMPLES.values():
        assert set(payload) == {"title", "message", "link", "data"}
        assert all(payload.values())


def test_the_endless_ones_take_turns_and_begin_with_the_examples():
    first = list(islice(endless_samples(), 6))
    assert [one["type"] for one in first] == [*SAMPLES, *SAMPLES]
    for one in first[:3]:
        assert {k: v for k, v in one.items() if k != "type"} == SAMPLES[one["type"]]


def test_the_endless_ones_vary_and_their_data_with_them():
    shown = list(islice(endless_samples(), 30))
    assert len({one["message"] for one in shown}) == 9
    for one in shown:
        assert one["data"].keys() == SAMPLES[one["type"]]["data"].keys()
        if one["type"] == "payment_approved":
            assert f"${one['data']['amount']:.2f}" in one["message"]
