"""The wire: what is signed, what is refused, and where it travels."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kitback import wire

SECRET = bytes(range(32))


def test_a_message_is_pinned_to_the_byte() -> None:
    """The firmware makes the same bytes: a change here is a change of the protocol."""
    assert wire.seal(SECRET, wire.UP_REPORT, b"{}") == b"{}\n0/3e53uldR1WdihddlHVQg=="


def test_a_record_is_an_array_that_begins_with_its_name() -> None:
    assert wire.encode(wire.Use(1, 2, 3, 4, 5)) == b'["use",1,2,3,4,5]'
    assert wire.encode(wire.Boot(1, 2, "power_on")) == b'["boot",1,2,"power_on",1]'
    assert wire.record_decoder.decode(b'["boot",1,2,"power_on"]') == wire.Boot(1, 2, "power_on", 1)


@given(st.binary(), st.sampled_from([wire.UP_REPORT, wire.DOWN_ACK]))
def test_what_was_sealed_opens_for_the_same_channel(body: bytes, channel: str) -> None:
    assert wire.unseal(SECRET, channel, wire.seal(SECRET, channel, body)) == body


def test_a_message_cannot_be_reflected_to_its_sender() -> None:
    with pytest.raises(wire.BadSignature):
        wire.unseal(SECRET, wire.DOWN_ACK, wire.seal(SECRET, wire.UP_REPORT, b"{}"))


@given(st.binary(max_size=60))
def test_what_was_not_sealed_does_not_open(message: bytes) -> None:
    with pytest.raises(wire.BadSignature):
        wire.unseal(SECRET, wire.UP_REPORT, message)


@given(st.binary(max_size=40), st.integers(0, 10**6), st.integers(1, 255))
def test_one_changed_byte_is_noticed(body: bytes, where: int, by: int) -> None:
    message = bytearray(wire.seal(SECRET, wire.UP_REPORT, body))
    message[where % len(message)] ^= by
    with pytest.raises(wire.BadSignature):
        wire.unseal(SECRET, wire.UP_REPORT, bytes(message))


@pytest.mark.parametrize(
    "record",
    [
        b'["use",0,0,0,0,0]',
        b'["use",1,-1,0,0,0]',
        b'["use",1,0,99999999,0,0]',
        b'["use",1,0,0,0]',
        b'["use",1,0,0,0,0,0]',
        b'["use",1,0,0.5,0,0]',
        b'["fix",1,0,"due",1,[["C0FFEEC0FFEE",-60]]]',
        b'["fix",1,0,"due",1,[["c0ffeec0ffee",-200]]]',
        b'["alarm",1,0,"fire",true]',
        b'["dance",1,0]',
        b"{}",
    ],
)
def test_a_record_that_breaks_its_schema_is_refused(record: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        wire.record_decoder.decode(record)


def test_a_topic_leads_back_to_its_tag() -> None:
    topic = wire.topic("kitback", "a0b1c2d3e4f5", wire.UP_REPORT)
    assert topic == "kitback/5/a0b1c2d3e4f5/up/report"
    assert wire.tag_of("kitback", topic) == "a0b1c2d3e4f5"


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "kitback",
        "other/5/a0b1c2d3e4f5/up/report",
        "kitback/4/a0b1c2d3e4f5/up/report",
        "kitback/5/a0b1c2d3e4f5/down/ack",
        "kitback/5/a0b1c2d3e4f5/up/report/more",
        "kitback/5/A0B1C2D3E4F5/up/report",
        "kitback/5/5/up/report",
        "kitback/5/../up/report",
    ],
)
def test_a_topic_of_no_tag_leads_nowhere(topic: str) -> None:
    assert wire.tag_of("kitback", topic) is None
