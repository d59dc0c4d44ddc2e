"""Takes the broker's stream of bytes apart: whole messages to us, every other packet to paho.

A gateway's stream is nearly all PUBLISH, and paho spends some twenty microseconds on each. What is needed of one is its
topic, its payload and its id.
"""

from typing import Final

_PUBLISH: Final = 0x30
_QOS: Final = 0x06
_QOS_1: Final = 0x02
_KEPT: Final = 1 << 17
"""Bytes of a packet that are kept at most. The longest topic and the id fit in, so that a message that is cut can be
refused and acknowledged; no report is as long."""


class Malformed(Exception):
    """The broker sent what is not MQTT; the connection is of no more use."""


class Packets:
    """The packets of one connection."""

    def __init__(self, with_properties: bool) -> None:
        """`with_properties`: the connection speaks MQTT 5."""
        self._with_properties = with_properties
        self.messages: list[tuple[str, bytes]] = []
        """Topic and payload, in order of arrival; the topic is empty where it is no UTF-8."""
        self.ids: list[bytes] = []
        """For each message, the two bytes of its packet id as its PUBACK has them; none for QoS 0."""
        self.others = bytearray()
        """Packets that are no messages, whole."""
        self._rest = b""
        self._to_skip = 0

    def feed(self, data: bytes) -> None:
        """Take apart what the broker has sent next, however it was cut.

        Raises:
            Malformed: it is not MQTT, or a QoS that was not asked for.
        """
        if self._to_skip:
            skipped = min(self._to_skip, len(data))
            self._to_skip -= skipped
            data = data[skipped:]
        if self._rest:
            data = self._rest + data
        at, end = 0, len(data)
        while end - at > 1:
            # Lengths of one and two bytes are read in place: they are those of reports.
            length, start = data[at + 1], at + 2
            if length > 127:
                if start < end and (high := data[start]) < 128:
                    length, start = length & 127 | high << 7, start + 1
                else:
                    length, start = _number(data, at + 1, end)
                    if start == 0:
                        break
            stop = start + length
            if stop > end:
                if length <= _KEPT or end - start < _KEPT:
                    break
                self._to_skip, stop = stop - end, end
            if data[at] & 0xF0 == _PUBLISH:
                self._message(data[at] & _QOS, data, start, stop)
            elif length > _KEPT:
                raise Malformed(f"a packet of type {data[at] >> 4} with {length} bytes")
            else:
                self.others += data[at:stop]
            at = stop
        self._rest = data[at:]

    def _message(self, qos: int, data: bytes, start: int, stop: int) -> None:
        topic_end = payload = start + 2 + int.from_bytes(data[start : start + 2])
        if qos == _QOS_1:
            payload += 2
        elif qos:
            raise Malformed("a message with a QoS that was not asked for")
        id_end = payload
        if self._with_properties:
            # Nearly always there are none.
            payload = payload + 1 if data[payload : payload + 1] == b"\0" else _after_properties(data, payload, stop)
        if payload > stop and not self._to_skip:
            raise Malformed("a message that ends before its payload")
        try:
            topic = str(data[start + 2 : topic_end], "utf-8")
        except UnicodeDecodeError:
            topic = ""
        self.messages.append((topic, data[payload:stop]))
        self.ids.append(data[topic_end:id_end])


def _after_properties(data: bytes, at: int, end: int) -> int:
    length, start = _number(data, at, end)
    return start + length if start else end + 1


def _number(data: bytes, at: int, end: int) -> tuple[int, int]:
    """A number of variable length, and where it ends; 0 and 0 if that is not there yet."""
    value = 0
    for shift in range(0, 28, 7):
        if at >= end:
            return 0, 0
        value |= (data[at] & 127) << shift
        at += 1
        if data[at - 1] < 128:
            return value, at
    raise Malformed("a length of more than four bytes")
