"""The broker's stream, taken apart: the same messages as paho finds, however the stream is cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt import _packet
from paho.mqtt.enums import MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from kitback.intake.packets import Malformed, Packets

PING_ANSWER = b"\xd0\x00"
SUBSCRIBED = b"\x90\x03\x00\x01\x01"


def length(value: int) -> bytes:
    coded = bytearray()
    while value > 127:
        coded.append(value & 127 | 128)
        value >>= 7
    return bytes((*coded, value))


def message(
    topic: bytes = b"kitback/1/00000001/up/report",
    payload: bytes = b"hello",
    packet_id: int = 7,
    properties: bytes = b"",
    flags: int = 0b0010,
) -> bytes:
    """A PUBLISH; `flags` are DUP, two of QoS, and RETAIN."""
    packet_id_bytes = packet_id.to_bytes(2) if flags & 0b0110 else b""
    body = len(topic).to_bytes(2) + topic + packet_id_bytes + properties + payload
    return bytes([0x30 | flags]) + length(len(body)) + body


@st.composite
def properties(draw: st.DrawFn) -> bytes:
    """What MQTT 5 may put before a payload, packed by paho."""
    some = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    some.UserProperty = draw(st.lists(st.tuples(st.text("ab", max_size=40), st.text("cd", max_size=40)), max_size=4))
    if draw(st.booleans()):
        some.MessageExpiryInterval = draw(st.integers(0, 2**32 - 1))
    return bytes(some.pack()) if draw(st.booleans()) else b"\0"


@st.composite
def publishes(draw: st.DrawFn, version: MQTTProtocolVersion) -> bytes:
    size = draw(st.sampled_from([0, 1, 80, 90, 100, 300, 16_340, 16_360, 16_380]) | st.integers(0, 200))
    return message(
        draw(st.text("ab/é€😀", min_size=1, max_size=30)).encode(),
        draw(st.binary(max_size=4)) + b"." * size,
        draw(st.integers(1, 65535)),
        draw(properties()) if version == MQTTProtocolVersion.MQTTv5 else b"",
        draw(st.sampled_from([0b0000, 0b0001, 0b0010, 0b0011, 0b1010, 0b1011])),
    )


@pytest.mark.parametrize("version", [MQTTProtocolVersion.MQTTv5, MQTTProtocolVersion.MQTTv311])
@given(data=st.data())
def test_any_cut_of_a_stream_gives_the_messages_that_paho_finds(
    data: st.DataObject, version: MQTTProtocolVersion
) -> None:
    others = st.sampled_from([PING_ANSWER, SUBSCRIBED])
    packets = data.draw(st.lists(publishes(version) | others, max_size=8))
    stream = b"".join(packets)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    found = Packets(with_properties=version == MQTTProtocolVersion.MQTTv5)
    for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found.feed(stream[begin:end])
    expected = [paho_reads(packet, version) for packet in packets if packet[0] & 0xF0 == 0x30]
    assert list(zip(found.messages, found.ids, strict=True)) == expected
    assert bytes(found.others) == b"".join(packet for packet in packets if packet[0] & 0xF0 != 0x30)


def paho_reads(packet: bytes, version: MQTTProtocolVersion) -> tuple[tuple[str, bytes], bytes]:
    body = packet[1:].lstrip(bytes(range(128, 256)))[1:]  # without its length
    read = _packet.decode_publish(packet[0], body, version)
    return (read.topic.decode(), bytes(read.payload)), read.mid.to_bytes(2) if read.qos else b""


@pytest.mark.parametrize("with_properties", [True, False])
@given(pieces=st.lists(st.binary(max_size=60) | st.binary(max_size=60).map(lambda tail: b"\x32" + tail), max_size=5))
def test_noise_gives_messages_or_is_said_to_be_malformed(pieces: list[bytes], with_properties: bool) -> None:
    packets = Packets(with_properties)
    try:
        for piece in pieces:
            packets.feed(piece)
    except Malformed:
        pass
    assert len(packets.messages) == len(packets.ids)


def test_a_topic_that_is_no_text_is_handed_on_as_none() -> None:
    packets = Packets(with_properties=False)
    packets.feed(message(topic=b"kitback/\xff"))
    assert packets.messages == [("", b"hello")]


@pytest.mark.parametrize("with_properties", [True, False])
def test_of_a_huge_message_enough_is_kept_to_refuse_and_acknowledge_it(with_properties: bool) -> None:
    packets = Packets(with_properties)
    none = b"\0" if with_properties else b""
    stream = message(payload=b"x" * 5_000_000, properties=none) + message(properties=none, packet_id=8)
    for begin in range(0, len(stream), 65_536):
        packets.feed(stream[begin : begin + 65_536])
    (huge, normal), ids = packets.messages, packets.ids
    assert 100_000 < len(huge[1]) < 300_000
    assert normal[1] == b"hello"
    assert ids == [b"\0\7", b"\0\x08"]


def test_a_message_with_huge_properties_can_be_refused_and_acknowledged_too() -> None:
    packets = Packets(with_properties=True)
    stream = message(properties=length(1_000_000) + b"x" * 1_000_000) + message(properties=b"\0", packet_id=8)
    for begin in range(0, len(stream), 65_536):
        packets.feed(stream[begin : begin + 65_536])
    assert [payload for _, payload in packets.messages] == [b"", b"hello"]
    assert packets.ids == [b"\0\7", b"\0\x08"]


@pytest.mark.parametrize(
    ("stream", "what"),
    [
        (message(flags=0b0100), "QoS"),
        (message(flags=0b0110), "QoS"),
        (b"\x32\x03\x00\x04k", "ends before"),
        (b"\x32\x03\x00\x01k", "ends before"),
        (b"\x32\x05\x00\x01k\x00\x01", "ends before"),
        (b"\x32\x06\x00\x01k\x00\x01\x05", "ends before"),
        (b"\x32\x80\x80\x80\x80\x01", "four bytes"),
        (b"\x90\x80\x80\x80\x01" + b"x" * 200_000, "type 9"),
    ],
)
def test_what_is_not_mqtt_is_named(stream: bytes, what: str) -> None:
    with pytest.raises(Malformed, match=what):
        Packets(with_properties=True).feed(stream)
