"""Dead letters: kept whole, read back, and taken out of their file."""

from __future__ import annotations

import fcntl
import json
import os
import stat

import pytest
from msgspec.structs import replace

from notifyws.config.settings import Settings
from notifyws.delivery.dead_letters import DeadLetters, replay
from notifyws.delivery.outbox_records import DeadLetter, notification_of
from notifyws.delivery.targets import DeliveryTargets
from notifyws.errors import ConfigurationError

LETTER = DeadLetter("exec", "ended with 1", 3, "then", '{"type":"t","own":[1.50,null]}')


def test_a_letter_is_one_json_line_that_holds_the_notification_as_it_was():
    line = LETTER.as_line()
    assert '"notification":{"type":"t","own":[1.50,null]}' in line
    assert json.loads(line)["attempts"] == 3
    assert "\n" not in line


@pytest.mark.parametrize(
    "line",
    [
        '{"type": "pay", "amount": 1.10, "big": 12345678901234567890.12}',
        '{"type":"t","message":",\\"notification\\":{}"}',
        '{"notification":{"a":1},"type":"t"}',
    ],
)
def test_a_notification_is_read_from_its_letter_as_it_was_written(line):
    """Seen: replayed with other digits, and so under another ``Idempotency-Key``."""
    letter = replace(LETTER, line=line, error='it said ,"notification":{}')
    assert DeadLetter.of_line(letter.as_line()) == letter
    assert DeadLetter.of_line(f"{letter.as_line()}  \n").line == line


def test_a_letter_in_another_order_is_read_too():
    spaced = json.dumps({"notification": {"type": "t"}, **json.loads(LETTER.as_line())})
    assert DeadLetter.of_line(spaced).sink == LETTER.sink


@pytest.mark.parametrize(
    "line",
    [
        "{}",
        "[]",
        "no JSON",
        '{"type":"t"}',
        LETTER.as_line().replace('"type":"t"', '"type":1'),
        LETTER.as_line().replace('"attempts":3', '"attempts":null'),
        LETTER.as_line().replace('"attempts":3', '"attempts":1e999'),
        LETTER.as_line().replace('"exec"', "NaN"),
        LETTER.as_line().replace('"then"', "[]"),
        "[" * 100_000,
    ],
)
def test_what_is_no_letter_is_told_from_one(line):
    with pytest.raises(ValueError, match=r"no dead letter|Expecting"):
        DeadLetter.of_line(line)


def dead_letter(n):
    return DeadLetter("exec", "no", 1, "then", f'{{"type":"t","n":{n}}}')


@pytest.fixture
def warnings():
    return []


@pytest.fixture
def dead(tmp_path, warnings):
    return DeadLetters(tmp_path / "dead" / "x.jsonl", warnings.append)


async def test_letters_are_appended_for_the_owner_alone_and_read_back(dead, warnings):
    for n in range(3):
        await dead.write_dead_letters(dead_letter(n))
    assert dead.read() == [dead_letter(n) for n in range(3)]
    assert stat.S_IMODE(os.stat(dead.path).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(dead.path.parent).st_mode) == 0o700
    assert f"kept in {dead.path}" in warnings[0]


async def test_those_that_were_taken_leave_the_file_and_later_ones_stay(dead):
    for n in range(3):
        await dead.write_dead_letters(dead_letter(n))
    dead.replace(2, [dead_letter(1)])
    assert dead.read() == [dead_letter(1), dead_letter(2)]
    dead.replace(2, [])
    assert not dead.path.exists()
    assert list(dead.path.parent.iterdir()) == []


async def test_a_letter_that_cannot_be_written_is_told_in_full(tmp_path, warnings):
    (tmp_path / "file").write_text("")
    await DeadLetters(tmp_path / "file" / "x", warnings.append).write_dead_letters(
        dead_letter(5)
    )
    assert dead_letter(5).line in warnings[0]


async def test_letters_for_one_reason_are_appended_at_once_and_told_as_one(
    dead, warnings
):
    letters = [dead_letter(n) for n in range(1200)]
    await dead.write_dead_letters(*letters)
    assert dead.read() == letters
    assert warnings == [
        f"exec did not take 1,200 notifications: no; kept in {dead.path}"
    ]


@pytest.mark.parametrize("text", ["{}\n", "no\n", b"\xff\xfe"])
def test_what_is_no_file_of_letters_is_said_so(tmp_path, text):
    path = tmp_path / "x.jsonl"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigurationError, match="dead letter"):
        DeadLetters(path, pytest.fail).read()


def test_a_file_that_is_not_there_is_said_so(dead):
    with pytest.raises(ConfigurationError, match="No such file"):
        dead.read()
    with pytest.raises(ConfigurationError, match="cannot write"):
        dead.replace(0, [])


async def test_one_replay_at_a_time_has_the_file_and_letters_still_come(dead):
    await dead.write_dead_letters(dead_letter(0))
    other = DeadLetters(dead.path, pytest.fail)
    with dead.claimed():
        with (
            pytest.raises(ConfigurationError, match="another process"),
            other.claimed(),
        ):
            pass
        await dead.write_dead_letters(dead_letter(1))
        dead.replace(1, [])
    with other.claimed():
        assert other.read() == [dead_letter(1)]


async def test_a_draft_that_a_killed_replay_left_is_in_nobodys_way(dead):
    """In a container, every process has the same number."""
    await dead.write_dead_letters(dead_letter(0))
    dead.path.with_name(f".{dead.path.name}.{os.getpid()}").write_text("half of")
    dead.replace(1, [dead_letter(1)])
    assert dead.read() == [dead_letter(1)]


def test_a_folder_that_cannot_be_written_cannot_be_claimed(dead):
    with pytest.raises(ConfigurationError, match="cannot write"), dead.claimed():
        pass


async def test_a_torn_line_costs_no_other_letter_and_is_kept(dead, warnings):
    """A killed process, another program or a full disk left half of one."""
    await dead.write_dead_letters(dead_letter(0))
    with dead.path.open("ab") as file:
        file.write(b'{"sink":"exec","error":"no \xff')
    await dead.write_dead_letters(dead_letter(1))
    first, torn, last = dead.read()
    assert (first, last) == (dead_letter(0), dead_letter(1))
    assert torn.line == '{"sink":"exec","error":"no \\xff'
    dead.replace(3, [torn])
    assert DeadLetter.of_line(dead.path.read_text()).line == torn.line


async def test_a_file_that_another_process_does_not_let_go_of_is_not_waited_for(
    dead, warnings
):
    await dead.write_dead_letters(dead_letter(0))
    with dead.path.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        await dead.write_dead_letters(dead_letter(1))
    assert "does not let go of it" in warnings[-1]
    assert dead_letter(1).line in warnings[-1]
    assert dead.read() == [dead_letter(0)]


async def test_a_pipe_in_its_place_is_not_waited_for(dead, warnings):
    dead.path.parent.mkdir(parents=True)
    os.mkfifo(dead.path)
    await dead.write_dead_letters(dead_letter(0))
    assert "no regular file" in warnings[0]


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_regular_file_is_not_waited_for(tmp_path, make):
    make(tmp_path / "x")
    with pytest.raises(ConfigurationError, match="no regular file"):
        DeadLetters(tmp_path / "x", pytest.fail).read()


async def test_a_letter_may_hold_what_others_take_for_the_end_of_a_line(dead):
    text = '{"type":"t","n":"\u2028\x85"}'
    await dead.write_dead_letters(DeadLetter("exec", "no", 1, "then", text))
    (read,) = dead.read()
    assert notification_of(read.line).fields["n"] == "\u2028\x85"


async def test_a_replay_by_a_link_empties_the_file_that_it_leads_to(tmp_path):
    """Seen: the link was gone, and the letters were handed on again the next time."""
    file, link = tmp_path / "letters", tmp_path / "link"
    await DeadLetters(file, print).write_dead_letters(LETTER)
    link.symlink_to(file)
    deliver = DeliveryTargets(command="true")
    assert await replay(link, Settings(), deliver, print) == 1
    assert not file.exists()
    assert link.is_symlink()
