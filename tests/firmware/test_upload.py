"""The talk with the gateway: order, duplicates, missed acks, rejections."""

import pytest

# A gateway that keeps the rules of DESIGN's "Order and duplicates", with the faults a test asks for.
TALK = """
import esp32, time
from nor import Nor
from tag import hmac, report, retained
from tag.journal import Journal
from tag.retained import state
from tag.upload import Failed, Upload

SECRET = bytes(range(32))
NOW = 1_790_000_000

class Gateway:
    def __init__(self, deaf=(), poison=(), high=0, stale=False, unix=NOW):
        self.deaf, self.poison, self.high, self.stale, self.unix = deaf, poison, high, stale, unix
        self.reports = []
        self.got = []

    def send(self, message):
        self.message = bytes(message)

    def answers(self, ms):
        body = json.loads(self.message.rpartition(b"\\n")[0])
        self.reports.append([body["after"], [record[1] for record in body["records"]], body.get("pair")])
        if len(self.reports) in self.deaf:
            time.ms += ms
            return
        if self.stale:
            yield self.seal({"v": 1, "journal": body["journal"], "high": 99, "at": body["at"] - 1, "epoch": "e"})
        seqs = [record[1] for record in body["records"]]
        if [seq for seq in seqs if seq in self.poison]:
            yield self.seal({"v": 1, "reject": "schema", "of": self.message[-24:].decode()})
            return
        if body["after"] <= max(self.high, body["oldest"] - 1):
            self.got += [seq for seq in seqs if seq > self.high]
            self.high = max([self.high] + seqs)
        ack = {"v": 1, "journal": body["journal"], "high": self.high, "at": body["at"], "epoch": "e"}
        if self.unix:
            ack["unix"] = self.unix
        yield self.seal(ack)

    def seal(self, answer):
        body = json.dumps(answer).encode()
        return body + b"\\n" + hmac.signature(SECRET, report.DOWN, body)

def talk(gateway, journal):
    try:
        Upload(gateway, journal, SECRET, 3300, time.ms + 8000).run()
    except Failed as why:
        return str(why)

def journal(records, clock=1):
    journal = Journal(Nor(16, 4096), lambda: 1)
    for i in range(records):
        journal.append(clock, "use", i, 1, 0, 0)
    return journal

time.seconds = 50
state.clock = 1
"""


def test_the_first_report_on_a_clock_is_empty_and_its_round_trip_goes_with_the_next(on_tag):
    assert on_tag(
        TALK + "gateway = Gateway()\nprint(json.dumps([talk(gateway, journal(3)), gateway.reports, gateway.got]))"
    ) == [None, [[0, [], None], [0, [1, 2, 3], [50, 50, 1_790_000_000]]], [1, 2, 3]]


def test_an_answer_without_a_time_is_an_answer(on_tag):
    assert on_tag(
        TALK
        + """
esp32.values["unheard"] = 5
failed = talk(Gateway(unix=None), journal(1))
print(json.dumps([failed, state.pair_unix, "unheard" in esp32.values]))
"""
    ) == [None, 0, False]


def test_a_pair_of_the_last_25_hours_is_good_enough_and_one_report_goes_even_when_nothing_is_new(on_tag):
    assert on_tag(
        TALK
        + """
gateway, book = Gateway(), journal(1)
talk(gateway, book)
time.seconds += 90_000
first = talk(gateway, book)
fresh = len(gateway.reports)
time.seconds += 90_001
talk(gateway, book)
print(json.dumps([first, fresh, gateway.reports[2:]]))
"""
    ) == [
        None,
        3,
        [
            [1, [], [50, 50, 1_790_000_000]],
            [1, [], [90050, 90050, 1_790_000_000]],
            [1, [], [180051, 180051, 1_790_000_000]],
        ],
    ]


def test_a_gateway_without_a_trusted_clock_gives_no_pair(on_tag):
    pairs = on_tag(
        TALK + "g = Gateway(unix=None)\ntalk(g, journal(1))\nprint(json.dumps([report[2] for report in g.reports]))"
    )
    assert pairs == [None, None]


def test_many_records_go_in_batches_each_after_the_last(on_tag):
    reports, got = on_tag(
        TALK + "g = Gateway()\ntalk(g, journal(400))\nprint(json.dumps([[r[:2] for r in g.reports], g.got]))"
    )
    assert got == list(range(1, 401))
    assert len(reports) < 7
    assert [after for after, seqs in reports[1:]] == [seqs[0] - 1 for _, seqs in reports[1:]]


def test_after_a_missed_ack_one_batch_goes_and_the_talk_ends(on_tag):
    why, reports = on_tag(
        TALK + "g = Gateway(deaf=(1, 2))\nwhy = talk(g, journal(400))\nprint(json.dumps([why, g.reports]))"
    )
    assert why == "no ack"
    assert [len(seqs) > 0 for _, seqs, _ in reports] == [False, True]


def test_a_missed_pair_does_not_keep_records_back_when_acks_come_again(on_tag):
    assert on_tag(TALK + "g = Gateway(deaf=(1,))\nwhy = talk(g, journal(400))\nprint(json.dumps([why, g.got]))") == [
        None,
        list(range(1, 401)),
    ]


def test_what_was_not_acked_is_sent_again(on_tag):
    assert on_tag(
        TALK
        + """
g, book = Gateway(deaf=(2,)), journal(3)
first = talk(g, book)
second = talk(g, book)
print(json.dumps([first, second, [r[:2] for r in g.reports], g.got]))
"""
    ) == ["no ack", None, [[0, []], [0, [1, 2, 3]], [0, [1, 2, 3]]], [1, 2, 3]]


def test_a_gateway_restored_from_a_backup_gets_the_records_again(on_tag):
    assert on_tag(
        TALK
        + """
g, book = Gateway(), journal(5)
talk(g, book)
restored = Gateway(high=2)
why = talk(restored, book)
print(json.dumps([why, [r[:2] for r in restored.reports], restored.got]))
"""
    ) == [None, [[5, []], [2, [3, 4, 5]]], [3, 4, 5]]


def test_a_restored_gateway_gets_the_good_records_before_a_refused_one_again(on_tag):
    why, got = on_tag(
        TALK
        + """
g, book = Gateway(poison=[9]), journal(10)
talk(g, book)
restored = Gateway(high=2, poison=[9])
why = talk(restored, book)
print(json.dumps([why, sorted(set(restored.got))]))
"""
    )
    assert why is None
    assert got == [3, 4, 5, 6, 7, 8, 10]


def test_an_ack_of_an_earlier_report_is_not_taken(on_tag):
    assert on_tag(
        TALK + "g = Gateway(stale=True)\nwhy = talk(g, journal(3))\nprint(json.dumps([why, g.got, state.acked]))"
    ) == [None, [1, 2, 3], 3]


@pytest.mark.parametrize("poison", [[1], [40], [100], [17, 18], [1, 2, 3], [99, 100]])
def test_records_that_cannot_be_read_are_found_by_halves_and_left_out(on_tag, poison):
    why, got, sent = on_tag(
        TALK
        + "g = Gateway(poison=given)\nwhy = talk(g, journal(100))\nprint(json.dumps([why, g.got, len(g.reports)]))",
        poison,
    )
    assert why is None
    assert got == [seq for seq in range(1, 101) if seq not in poison]
    assert sent < 60


def test_a_refused_record_is_not_sent_again(on_tag):
    assert on_tag(
        TALK
        + """
g, book = Gateway(poison=[3]), journal(3)
talk(g, book)
before = len(g.reports)
talk(g, book)
book.append(1, "use", 0, 0, 0, 0)
talk(g, book)
print(json.dumps([r[:2] for r in g.reports[before:]]))
"""
    ) == [[2, []], [2, [4]]]


def test_the_records_of_another_clock_go_in_a_report_of_their_own(on_tag):
    assert on_tag(
        TALK
        + """
g, book = Gateway(), journal(2)
for _ in range(2):
    book.append(2, "use", 0, 0, 0, 0)
state.clock = 2
talk(g, book)
print(json.dumps([r[1] for r in g.reports]))
"""
    ) == [[], [1, 2], [3, 4]]


def test_a_new_journal_is_sent_from_its_beginning(on_tag):
    assert on_tag(
        TALK
        + """
talk(Gateway(), journal(50))
g = Gateway()
talk(g, journal(60))
print(json.dumps(g.got))
"""
    ) == list(range(1, 61))


def test_a_talk_ends_when_its_time_is_up_and_keeps_what_was_acked(on_tag):
    assert on_tag(
        TALK
        + """
class Slow(Gateway):
    def send(self, message):
        time.ms += 5000
        Gateway.send(self, message)

g = Slow()
why = talk(g, journal(1000))
print(json.dumps([why, len(g.reports), state.acked == g.high > 0]))
"""
    ) == ["out of time", 2, True]
