"""What is said on the wire: builds reports, reads answers. The contract is docs/protocol.md."""

import json

from micropython import const

from tag import VERSION, hmac

UP = b"up/report"
DOWN = b"down/ack"

MAX_MESSAGE = const(4096)
_SIGNED = const(25)  # newline and signature
_RECORDS = b',"records":['
_ALL = const(1 << 30)


class Report:
    """A signed report. `last` is the newest record in it, `count` their number, `mac` its signature.

    The message lies in a buffer that the next report may use again.
    """

    def __init__(self, message: memoryview, last: int, count: int, mac: bytes) -> None:
        self.message = message
        self.last = last
        self.count = count
        self.mac = mac


def build(secret: bytes, buffer: bytearray, head: dict, records, clock: int, most: int = _ALL) -> Report:
    """A report with a batch of records, all on the clock of the first, as many as fit and `most` allows.

    `head` holds every field but `v`, `fw`, `on` and `records`; `clock` is what `on` says when there are no records.
    `records` are (seq, clock, JSON) as a journal reads them; one may be drawn that does not belong to the batch.
    """
    head["v"] = 1
    head["fw"] = VERSION
    end = 0
    count = 0
    last = head["after"]
    for seq, on, text in records:
        if not count:
            end = _begin(buffer, head, on)
            clock = on
        if on != clock or count == most or end + len(text) + 3 + _SIGNED > MAX_MESSAGE:
            break
        if count:
            buffer[end] = 44  # ,
            end += 1
        buffer[end : end + len(text)] = text
        end += len(text)
        count += 1
        last = seq
    if not count:
        end = _begin(buffer, head, clock)
    buffer[end : end + 2] = b"]}"
    end += 2
    mac = hmac.signature(secret, UP, memoryview(buffer)[:end])
    buffer[end] = 10  # newline
    buffer[end + 1 : end + _SIGNED] = mac
    return Report(memoryview(buffer)[: end + _SIGNED], last, count, mac)


def _begin(buffer: bytearray, head: dict, on: int) -> int:
    """Write everything before the first record. Where that goes."""
    head["on"] = on
    text = json.dumps(head, separators=(",", ":")).encode()
    end = len(text) - 1
    buffer[:end] = memoryview(text)[:end]
    buffer[end : end + len(_RECORDS)] = _RECORDS
    return end + len(_RECORDS)


def read_answer(secret: bytes, message: bytes, journal: str, at: int, mac: bytes) -> dict | None:
    """The answer to the report sent at counter `at` with signature `mac`: an ack, or a rejection (it has `reject`).

    None if the message is forged, broken, or answers anything else.
    """
    body = hmac.unseal(secret, DOWN, message)
    if body is None:
        return None
    try:
        answer = json.loads(body)
        if answer["v"] != 1:
            return None
        if "reject" in answer:
            return answer if answer["of"].encode() == mac else None
        if answer["journal"] != journal or answer["at"] != at or not isinstance(answer["high"], int):
            return None
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    return answer
