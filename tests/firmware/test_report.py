"""What real MicroPython emits is what wire.py reads."""

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kitback import wire

SECRET = bytes(range(32))

BUILD = """
from tag import report
buffer = bytearray(report.MAX_MESSAGE)
secret = bytes(range(32))
messages = []
left = [(seq, on, text.encode()) for seq, on, text in given["records"]]
after = left[0][0] - 1 if left else 5
while True:
    head = dict(given["head"], after=after)
    sent = report.build(secret, buffer, head, iter(left), 3, given["most"])
    messages.append([bytes(sent.message).decode(), sent.count, sent.last, sent.mac.decode()])
    if not sent.count:
        break
    left = left[sent.count:]
    after = sent.last
print(json.dumps(messages))
"""

counters = st.integers(0, 2**32 - 1)
counts = st.integers(0, 2**31 - 1)
spans = st.integers(0, 31 * 86400)
hashes = st.binary(min_size=6, max_size=6).map(bytes.hex)
heard = st.builds(wire.Heard, hashes, st.integers(-127, 20))


def records(seq: int) -> st.SearchStrategy[wire.Record]:
    s = st.just(seq)
    return st.one_of(
        st.builds(wire.Boot, s, counters, st.sampled_from(["power_on", "watchdog", "panic"]), st.integers(1, 65535)),
        st.builds(wire.Use, s, counters, spans, spans, counts),
        st.builds(
            wire.Fix,
            s,
            counters,
            st.sampled_from(["boot", "due", "moved"]),
            st.integers(0, 255),
            st.lists(heard, max_size=8),
        ),
        st.builds(wire.Alarm, s, counters, st.just("unpowered"), st.booleans()),
        st.builds(wire.Health, s, counters, st.integers(0, 20000), counts, counts, counts),
    )


@st.composite
def journals(draw: st.DrawFn) -> list[tuple[int, wire.Record]]:
    """Records on clocks that never go back, as (clock, record)."""
    length = draw(st.integers(0, 60))
    clocks = sorted(draw(st.lists(st.integers(0, 2), min_size=length, max_size=length)))
    first = draw(st.integers(1, 2**31))
    return [(clock, draw(records(first + i))) for i, clock in enumerate(clocks)]


HEAD = {
    "journal": "0a0b0c0d-1",
    "oldest": 1,
    "newest": 2**32 - 1,
    "clock": 3,
    "at": 17,
    "alarms": ["unpowered"],
    "battery_mv": 3300,
    "open": [0, 17, 0, 0],
    "pair": [1, 2, 1_790_000_000],
}


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(held=journals(), most=st.sampled_from([1, 7, 4096]))
def test_batches_hold_every_record_once_in_order_one_clock_each_within_the_limit(on_tag, held, most):
    rows = [[record.seq, clock, msgspec.json.encode(record).decode()] for clock, record in held]
    got = []
    for text, count, last, mac in on_tag(BUILD, {"head": HEAD, "records": rows, "most": most}):
        message = text.encode()
        assert len(message) <= wire.MAX_MESSAGE
        report = wire.report_decoder.decode(wire.unseal(SECRET, wire.UP_REPORT, message))
        assert message.endswith(b"\n" + mac.encode())
        assert len(report.records) == count <= most
        assert last == (report.records[-1].seq if count else report.after)
        got += [(report.on, record) for record in report.records]
    assert got == held


def test_the_head_is_read_back_as_it_was_given(on_tag):
    [[text, *_]] = on_tag(BUILD, {"head": HEAD, "records": [], "most": 1})
    report = wire.report_decoder.decode(wire.unseal(SECRET, wire.UP_REPORT, text.encode()))
    assert report.pair == wire.Pair(1, 2, 1_790_000_000)
    assert report.open == wire.OpenUse(0, 17, 0, 0)
    assert (report.alarms, report.battery_mv, report.clock, report.on, report.after) == (["unpowered"], 3300, 3, 3, 5)


def test_a_batch_fills_the_message_to_the_last_byte_but_never_more(on_tag):
    rows = [[seq, 1, msgspec.json.encode(wire.Use(seq, 0, 3600, 3600, 0)).decode()] for seq in range(1, 200)]
    sizes = on_tag(
        """
from tag import report
buffer = bytearray(report.MAX_MESSAGE)
sizes = []
for digits in range(40):
    records = ((seq, on, text.encode()) for seq, on, text in given["records"])
    head = dict(given["head"], after=0, journal="0" * digits)
    sizes.append(len(report.build(bytes(32), buffer, head, records, 3).message))
print(json.dumps(sizes))
""",
        {"head": HEAD, "records": rows},
    )
    assert max(sizes) == wire.MAX_MESSAGE
    assert min(sizes) > wire.MAX_MESSAGE - 30


READ = """
from tag import report
answer = report.read_answer(bytes(range(32)), given["message"].encode(), "0a0b0c0d-1", 17, b"m" * 24)
print(json.dumps(answer))
"""


def seal(answer: msgspec.Struct | bytes) -> str:
    body = answer if isinstance(answer, bytes) else wire.encode(answer)
    return wire.seal(SECRET, wire.DOWN_ACK, body).decode()


def ack(journal: str = "0a0b0c0d-1", at: int = 17) -> wire.Ack:
    return wire.Ack(v=1, journal=journal, high=9, at=at, unix=1_790_000_000, epoch="e")


def test_the_ack_of_this_report_is_read(on_tag):
    assert on_tag(READ, {"message": seal(ack())})["high"] == 9


def test_the_rejection_of_this_report_is_read(on_tag):
    rejection = wire.Rejection(v=1, reject="schema", of="m" * 24)
    assert on_tag(READ, {"message": seal(rejection)})["reject"] == "schema"


def test_answers_to_anything_else_are_ignored(on_tag):
    for message in (
        seal(ack(journal="0a0b0c0d-2")),
        seal(ack(at=16)),
        seal(wire.Rejection(v=1, reject="schema", of="n" * 24)),
        seal(ack()).replace("9", "8", 1),
        wire.seal(SECRET, wire.UP_REPORT, wire.encode(ack())).decode(),
        seal(b"nonsense"),
        seal(b"[1]"),
        seal(b'{"v":2}'),
        seal(b'{"v":1,"reject":"schema","of":7}'),
    ):
        assert on_tag(READ, {"message": message}) is None, message
