"""The whole way in, on a real register: what a report changes, and what it never may."""

from collections.abc import Callable

import msgspec
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, OperationalError

from kitback import wire
from kitback.intake import Intake, quarantine
from kitback.policy import load
from kitback.register import Register, RegisterError, apply, assets, fittings, listening, loans, outbox
from kitback.register.tables import judgement, tag_now, use_day, waiting
from kitback.register.tag_states import GAPS_KEPT, accounts
from moves import return_ready
from paper_tag import PaperTag, SetClock, account, clocks, counts, gaps, history

pytestmark = pytest.mark.both_engines

NOON = 1_750_075_200  # 2025-06-16T12:00:00Z
DAY = 86_400

Exchange = Callable[..., wire.Ack | wire.Rejection | None]
Upload = Callable[[PaperTag], None]


def judged(register: Register, asset_id: str = "BED-1") -> sa.Row[tuple[object, ...]]:
    with register.read() as conn:
        return conn.execute(sa.select(judgement).where(judgement.c.asset_id == asset_id)).one()


@pytest.fixture(autouse=True)
def at_noon(clock: SetClock) -> None:
    clock.unix = NOON


# --- the ack ----------------------------------------------------------------------------------------------------------


def test_an_ack_tells_high_time_and_register(
    tag: PaperTag, exchange: Exchange, register: Register, clock: SetClock
) -> None:
    tag.use()
    assert exchange(tag) == wire.Ack(v=1, journal=tag.journal, high=1, at=tag.at, unix=clock.unix, epoch=register.epoch)


def test_a_gateway_that_does_not_know_the_time_teaches_none(tag: PaperTag, exchange: Exchange, clock: SetClock) -> None:
    clock.right = False
    ack = exchange(tag)
    assert isinstance(ack, wire.Ack)
    assert ack.unix is None


def test_a_second_upload_of_everything_changes_nothing(
    tag: PaperTag, upload: Upload, intake: Intake, register: Register, clock: SetClock
) -> None:
    for _ in range(10):
        tag.use()
    clock.unix += tag.at
    upload(tag)
    with register.read() as conn:
        days, lines = conn.execute(sa.select(use_day)).all(), history(conn)
    for after in (0, 4, 8):
        intake.take([tag.message(after)])
    with register.read() as conn:
        assert conn.execute(sa.select(use_day)).all() == days
        assert history(conn) == lines
        assert account(conn, tag).duplicate == 10


# --- order ------------------------------------------------------------------------------------------------------------


def test_an_early_batch_is_answered_with_high_and_not_applied(
    tag: PaperTag, exchange: Exchange, register: Register
) -> None:
    for _ in range(8):
        tag.use()
    ack = exchange(tag, tag.message(after=4))
    assert isinstance(ack, wire.Ack)
    assert ack.high == 0
    with register.read() as conn:
        assert account(conn, tag).applied == 0
        assert counts(conn)["early"] == 1


def test_overwritten_records_are_written_off_and_shown(tag: PaperTag, upload: Upload, register: Register) -> None:
    tag.use()
    upload(tag)
    for _ in range(6):
        tag.use()
    tag.overwrite(4)
    upload(tag)
    with register.read() as conn:
        assert (account(conn, tag).applied, account(conn, tag).lost) == (4, 3)
        assert gaps(conn, tag) == [(2, 4)]


def test_a_record_that_was_written_off_applies_after_all(
    tag: PaperTag, upload: Upload, intake: Intake, register: Register
) -> None:
    for _ in range(6):
        tag.use()
    late = tag.message(after=1)
    tag.records = {seq: kept for seq, kept in tag.records.items() if seq in (1, 6)}
    upload(tag)
    with register.read() as conn:
        assert (account(conn, tag).applied, account(conn, tag).lost) == (2, 4)
    intake.take([late])
    with register.read() as conn:
        assert (account(conn, tag).applied, account(conn, tag).lost) == (6, 0)
        assert gaps(conn, tag) == []


def test_a_journal_full_of_holes_is_remembered_for_the_latest_and_counted_whole(
    tag: PaperTag, upload: Upload, register: Register
) -> None:
    tag.batch = 50
    for _ in range(2 * GAPS_KEPT + 19):
        tag.use()
    tag.records = {seq: kept for seq, kept in tag.records.items() if seq % 2}
    upload(tag)
    with register.read() as conn:
        assert account(conn, tag).lost == GAPS_KEPT + 9
        assert gaps(conn, tag) == [(seq, seq) for seq in range(20, 2 * GAPS_KEPT + 19, 2)]


def test_a_tag_that_goes_back_to_an_earlier_journal_goes_on_with_its_account(
    tag: PaperTag, upload: Upload, register: Register
) -> None:
    tag.use()
    upload(tag)
    first = (tag.journal, tag.high, tag.newest, tag.records)
    tag.journal, tag.high, tag.newest, tag.records = "1a2b3c4d-2", 0, 0, {}
    tag.use()
    upload(tag)
    tag.journal, tag.high, tag.newest, tag.records = first
    tag.use()
    upload(tag)
    with register.read() as conn:
        assert (account(conn, tag).applied, account(conn, tag).duplicate) == (2, 0)
        assert conn.scalar(sa.select(sa.func.sum(accounts.c.applied))) == 3


def test_a_new_journal_begins_a_new_account(tag: PaperTag, upload: Upload, register: Register) -> None:
    tag.use()
    upload(tag)
    tag.journal, tag.high, tag.newest, tag.records = "1a2b3c4d-2", 0, 0, {}
    tag.use()
    upload(tag)
    with register.read() as conn:
        assert account(conn, tag).applied == 1
        tag.journal = "1a2b3c4d-1"
        assert account(conn, tag).applied == 1


def test_a_journal_first_seen_half_full_has_lost_nothing(tag: PaperTag, upload: Upload, register: Register) -> None:
    for _ in range(6):
        tag.use()
    tag.overwrite(4)
    upload(tag)
    with register.read() as conn:
        row = account(conn, tag)
    assert (row.base, row.high, row.applied, row.lost) == (4, 6, 2, 0)


# --- time -------------------------------------------------------------------------------------------------------------


def test_records_wait_until_their_clock_has_a_pair(tag: PaperTag, exchange: Exchange, register: Register) -> None:
    tag.use(span=600)
    exchange(tag)
    with register.read() as conn:
        assert len(conn.execute(sa.select(waiting)).all()) == 1
        assert account(conn, tag).applied == 1
        assert history(conn) == []
    assert not judged(register).whole
    exchange(tag)  # carries the pair that the first answer made
    with register.read() as conn:
        assert conn.execute(sa.select(waiting)).all() == []
        assert history(conn) == [
            f'use,tag={tag.tag_id},kind=bed asset="BED-1",span=600i,in_use=600i,events=1i,quality="extrapolated" '
            f"{(NOON - 600) * 1_000_000 + 1}"
        ]
    assert judged(register).whole
    assert judged(register).used_at == NOON


def test_a_backlog_between_two_pairs_is_interpolated(
    tag: PaperTag, upload: Upload, register: Register, clock: SetClock
) -> None:
    """The counter runs one percent fast: after 100 h it is an hour ahead."""
    upload(tag)
    for _ in range(101):
        tag.use(span=3600)
    clock.unix += 100 * 3600
    tag.pair = wire.Pair(tag.at, tag.at, clock.unix)
    upload(tag)
    with register.read() as conn:
        ends = [int(line.rsplit(" ", 1)[1]) // 1_000_000 for line in history(conn)]
    assert ends[0] == NOON
    assert ends[50] == NOON + round(50 * 3600 * 100 / 101)


def test_a_clock_that_never_got_a_pair_lies_between_its_neighbours(
    tag: PaperTag, upload: Upload, register: Register, clock: SetClock
) -> None:
    upload(tag)
    tag.use(span=100)
    clock.unix += 100
    upload(tag)
    tag.wake()
    for _ in range(8):  # more than a batch: none may be placed before all are there
        tag.use(span=100)
    tag.wake()
    tag.use(span=100)
    clock.unix += 1800
    tag.pair = wire.Pair(100, 100, clock.unix)
    upload(tag)
    with register.read() as conn:
        placed = [(int(line.rsplit(" ", 1)[1]) // 1_000_000 - NOON, "estimated" in line) for line in history(conn)]
        assert conn.execute(sa.select(waiting)).all() == []
    # The first clock ends at 100, the third begins at 1800: 800 seconds, amid 1700.
    assert placed == [(0, False), *((550 + 100 * i, True) for i in range(8)), (1800, False)]


def test_a_clock_without_a_pair_is_placed_only_when_it_is_all_there(
    tag: PaperTag, upload: Upload, exchange: Exchange, intake: Intake, register: Register, clock: SetClock
) -> None:
    upload(tag)
    tag.wake()
    for _ in range(8):
        tag.use(span=100)
    intake.take([tag.message()])  # half of it; the answer is lost, so there is no pair
    tag.wake()
    clock.unix += 1800
    tag.pair = wire.Pair(0, 0, clock.unix)
    exchange(tag, tag.seal(tag.report(limit=0)))
    with register.read() as conn:
        assert history(conn) == []
    upload(tag)
    with register.read() as conn:
        placed = [int(line.rsplit(" ", 1)[1]) // 1_000_000 - NOON for line in history(conn)]
    assert placed == [500 + 100 * i for i in range(8)]


def test_a_report_that_waited_in_a_queue_is_not_placed_by_its_arrival(
    tag: PaperTag, upload: Upload, exchange: Exchange, register: Register, clock: SetClock
) -> None:
    upload(tag)
    tag.use(span=600)
    clock.unix += 5 * DAY
    exchange(tag)
    assert judged(register).used_at == NOON + 600


def test_pairs_that_cannot_be_are_not_believed(tag: PaperTag, exchange: Exchange, register: Register) -> None:
    tag.at = 1000
    for pair in (
        wire.Pair(900, 800, NOON - 100),  # acked before it was sent
        wire.Pair(900, 1001, NOON - 1),  # acked later than now
        wire.Pair(100, 900, NOON - 100),  # an answer that took minutes
        wire.Pair(900, 900, NOON + 1),  # from the future
    ):
        tag.pair = pair
        exchange(tag, tag.message())
    with register.read() as conn:
        assert clocks(conn, tag) == {}


def test_old_pairs_are_forgotten_once_nothing_needs_them(
    tag: PaperTag, upload: Upload, exchange: Exchange, register: Register, clock: SetClock
) -> None:
    for _ in range(12):
        tag.use(span=DAY)
        clock.unix += DAY
        upload(tag)
        exchange(tag)
    tag.wake()
    upload(tag)
    exchange(tag)
    with register.read() as conn:
        assert {clock for clock, (pairs, _) in clocks(conn, tag).items() if pairs} == {2}


# --- use and present state --------------------------------------------------------------------------------------------


def test_use_is_shared_out_among_days(tag: PaperTag, upload: Upload, register: Register, clock: SetClock) -> None:
    upload(tag)
    tag.at += 11 * 3600
    tag.use(span=7200, in_use=3600, events=4)
    clock.unix += 13 * 3600
    upload(tag)
    day = NOON // DAY
    with register.read() as conn:
        rows = conn.execute(sa.select(use_day).order_by(use_day.c.day)).all()
    assert [tuple(row) for row in rows] == [
        ("BED-1", day, 1800, 2, 3600, None),
        ("BED-1", day + 1, 1800, 2, 3600, NOON + 13 * 3600),
    ]


def test_quiet_time_is_no_use_but_is_seen(tag: PaperTag, upload: Upload, register: Register, clock: SetClock) -> None:
    upload(tag)
    tag.use(span=3600, in_use=0, events=0)
    clock.unix += 3600
    upload(tag)
    row = judged(register)
    assert (row.used_at, row.complete_to, row.whole) == (None, NOON + 3600, True)


def test_half_an_upload_is_no_evidence(
    tag: PaperTag, upload: Upload, exchange: Exchange, register: Register, clock: SetClock
) -> None:
    upload(tag)
    for _ in range(9):
        tag.use(span=600, in_use=0, events=0)
    clock.unix += 5400
    exchange(tag)
    row = judged(register)
    assert (row.whole, row.complete_to) == (False, NOON)


def test_use_that_is_not_a_record_yet_counts(
    tag: PaperTag, upload: Upload, exchange: Exchange, register: Register, clock: SetClock
) -> None:
    upload(tag)
    tag.open = wire.OpenUse(tag.at, 300, 200, 0)
    tag.at += 300
    clock.unix += 300
    exchange(tag)
    assert judged(register).used_at == NOON + 300


def test_use_before_the_loan_is_not_use_of_the_loan(
    tag: PaperTag, upload: Upload, register: Register, clock: SetClock
) -> None:
    with register.write() as conn:
        return_ready(conn, "LN-1", NOON + 100)
        loans.lend(conn, load(), "LN-2", "BED-1", "home_first", "home", "home", NOON + 7200)
    upload(tag)
    tag.use(span=3600)
    clock.unix += 3600
    upload(tag)
    assert judged(register).used_at is None


def test_a_record_belongs_to_the_asset_the_tag_was_on_at_the_time(
    tag: PaperTag, upload: Upload, register: Register, clock: SetClock
) -> None:
    upload(tag)
    with register.write() as conn:
        fittings.unfit_tag(conn, tag.tag_id, NOON + 1000)
        assets.add_asset(conn, "HST-1", "hoist", "Hoist", at=NOON)
        fittings.fit_tag(conn, tag.tag_id, "HST-1", NOON + 2000)
    for _ in range(3):
        tag.use(span=1000)
    clock.unix += 3000
    upload(tag)
    with register.read() as conn:
        assert [line.partition("span")[0] for line in history(conn)] == [
            f'use,tag={tag.tag_id},kind=bed asset="BED-1",',
            f"use,tag={tag.tag_id},kind=unfitted ",
            f'use,tag={tag.tag_id},kind=hoist asset="HST-1",',
        ]
    assert judged(register).used_at == NOON + 1000
    assert judged(register, "HST-1").used_at == NOON + 3000


def test_an_alarm_acts_at_once_and_its_record_tells_since_when(
    tag: PaperTag, upload: Upload, exchange: Exchange, register: Register, clock: SetClock
) -> None:
    upload(tag)
    for _ in range(9):
        tag.use(span=600)
    tag.note(wire.Alarm, name="unpowered", on=True)
    tag.at += 60
    clock.unix += 5460
    tag.alarms = ["unpowered"]
    exchange(tag)
    assert judged(register).unpowered_from == NOON + 5460
    upload(tag)
    assert judged(register).unpowered_from == NOON + 5400
    tag.alarms = []
    tag.note(wire.Alarm, name="unpowered", on=False)
    upload(tag)
    assert judged(register).unpowered_from is None


def test_a_report_overtaken_by_a_later_one_does_not_undo_it(
    tag: PaperTag, upload: Upload, exchange: Exchange, register: Register, clock: SetClock
) -> None:
    upload(tag)
    tag.battery_mv = 3300
    late = tag.message()
    tag.at += 600
    tag.battery_mv = 3900
    clock.unix += 600
    exchange(tag)
    exchange(tag, late)
    row = judged(register)
    assert (row.battery_mv, row.complete_to) == (3900, NOON + 600)


# --- bad input --------------------------------------------------------------------------------------------------------


def reasons(register: Register) -> list[tuple[str, str, int, int]]:
    with register.read() as conn:
        return [(kept.tag_id, kept.reason, kept.seq, kept.times) for kept in quarantine.listing(conn)]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"not json", "not_json"),
        (b"\xff\xfe", "not_json"),
        (b'{"x":' + b"[" * 4000, "not_json"),
        (b"", "not_json"),
        (b"{}", "schema"),
        (b"[" * 4000, "schema"),
        (b'{"v":2}', "schema"),
        (b" " * 5000, "too_large"),
    ],
)
def test_a_genuine_message_that_is_no_report_is_kept_and_rejected(
    tag: PaperTag, exchange: Exchange, register: Register, body: bytes, reason: str
) -> None:
    message = tag.seal(body)
    assert exchange(tag, message) == wire.Rejection(v=1, reject=reason, of=message[1][-24:].decode())
    assert reasons(register) == [(tag.tag_id, reason, 0, 1)]
    exchange(tag, message)
    assert reasons(register) == [(tag.tag_id, reason, 0, 2)]


def test_a_forged_message_is_kept_and_not_answered(tag: PaperTag, exchange: Exchange, register: Register) -> None:
    topic, payload = tag.message()
    assert exchange(tag, (topic, payload[:-1] + b"A")) is None
    assert exchange(tag, (topic, payload.replace(b"0.1.0", b"0.1.1"))) is None
    assert reasons(register) == [(tag.tag_id, "not_signed", 0, 1)] * 2


def test_an_unknown_tag_is_kept_once_and_not_answered(register: Register, exchange: Exchange) -> None:
    stranger = PaperTag(tag_id="ffffffffffff")
    for _ in range(5):
        stranger.use()
        assert exchange(stranger) is None
    assert reasons(register) == [("ffffffffffff", "unknown_tag", 0, 5)]


def test_topics_of_no_tag_are_kept_within_bounds(intake: Intake, register: Register) -> None:
    intake.take([(f"kitback/0/nonsense{i}/up/report", b"%d" % i) for i in range(50)])
    assert len(reasons(register)) == quarantine.KEPT_PER_TAG


def test_numbers_that_jump_are_rejected_and_write_nothing_off(
    tag: PaperTag, exchange: Exchange, register: Register
) -> None:
    tag.use()
    exchange(tag)
    answer = exchange(tag, tag.seal(msgspec.structs.replace(tag.report(), newest=2**32 - 1)))
    assert isinstance(answer, wire.Rejection)
    assert answer.reject == "sequence_jump"
    with register.read() as conn:
        assert account(conn, tag).high == 1


def test_one_bad_record_is_quarantined_alone(tag: PaperTag, exchange: Exchange, register: Register) -> None:
    tag.pair = wire.Pair(0, 0, NOON)
    for _ in range(4):
        tag.use(span=10)
    body = wire.encode(tag.report()).replace(b'["use",2,10,10,600,1]', b'["use",2,-5,{"a":1},"x"]')
    ack = exchange(tag, tag.seal(body))
    assert isinstance(ack, wire.Ack)
    assert ack.high == 4
    assert reasons(register) == [(tag.tag_id, "bad_record", 2, 1)]
    with register.read() as conn:
        row = account(conn, tag)
        assert (row.applied, row.quarantined, row.lost) == (3, 1, 0)
        assert len(history(conn)) == 3
    exchange(tag, tag.seal(body))
    with register.read() as conn:
        assert (account(conn, tag).quarantined, account(conn, tag).duplicate) == (1, 4)


def test_a_record_that_is_all_damage_is_numbered_by_its_place(
    tag: PaperTag, exchange: Exchange, register: Register
) -> None:
    for _ in range(4):
        tag.use(span=10)
    body = wire.encode(tag.report()).replace(b'["use",4,30,10,600,1]', b"null")
    ack = exchange(tag, tag.seal(body))
    assert isinstance(ack, wire.Ack)
    assert ack.high == 4
    assert reasons(register) == [(tag.tag_id, "bad_record", 4, 1)]


def test_a_tag_of_which_every_record_is_damaged_does_not_fill_the_disk(
    tag: PaperTag, exchange: Exchange, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quarantine, "KEPT_RECORDS", 3)
    for _ in range(8):
        tag.use(span=10)
    for after in (0, 4):
        damaged = wire.encode(tag.report(after)).replace(b'"use"', b'"?"')
        assert isinstance(exchange(tag, tag.seal(damaged)), wire.Ack)
    assert tag.high == 8
    assert {seq for _, _, seq, _ in reasons(register)} == {1, 2, 3}
    with register.read() as conn:
        assert account(conn, tag).quarantined == 8
        had = counts(conn)
        assert (had["records.quarantined"], had["quarantine.dropped"]) == (8, 5)


def test_a_report_the_gateway_fails_on_stops_no_other(register: Register, tag: PaperTag, clock: SetClock) -> None:
    def broken(*_: object) -> list[str | None]:
        raise ZeroDivisionError

    other = PaperTag(tag_id="0123456789ab", pair=wire.Pair(0, 0, NOON))
    with register.write() as conn:
        other.enrol(conn)
    tag.pair = wire.Pair(0, 0, NOON)
    tag.use(span=0)
    tag.note(wire.Fix, cause="boot", key=1, heard=[])
    other.use(span=0)
    answers = Intake(register, clock, "kitback", broken).take([tag.message(), other.message()])
    rejected = tag.hear(*answers[0])
    assert isinstance(rejected, wire.Rejection)
    assert rejected.reject == "failed"
    other.hear(*answers[1])
    assert other.high == 1
    assert reasons(register) == [(tag.tag_id, "failed", 0, 1)]
    with register.read() as conn:
        assert conn.execute(sa.select(use_day)).all() == []
        assert conn.scalars(sa.select(accounts.c.tag_id)).all() == [other.tag_id]
        assert len(history(conn)) == 1


@pytest.mark.parametrize("failing", [OperationalError("", {}, Exception("database or disk is full"))])
def test_a_failing_database_takes_nothing_in(
    tag: PaperTag,
    register: Register,
    intake: Intake,
    failing: Exception,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tag.pair = wire.Pair(0, 0, NOON)
    tag.use(span=0)
    message = tag.message()

    def fail(*_: object) -> None:
        raise failing

    with monkeypatch.context() as patch:
        patch.setattr(apply.Applying, "apply", fail)
        with pytest.raises(RegisterError, match="disk is full"):
            intake.take([message])
    with register.read() as conn:
        assert counts(conn) == {}
        assert quarantine.listing(conn) == []
        assert outbox.enqueued(conn) == 0
    assert len(intake.take([message])) == 1


def test_every_message_is_counted_once(tag: PaperTag, intake: Intake, register: Register) -> None:
    tag.use()
    intake.take([tag.message(), tag.message(), tag.seal(b"{}"), ("kitback/x", b""), (tag.topic, b"junk")])
    with register.read() as conn:
        counted = counts(conn)
    assert counted["received"] == 5
    assert counted["accepted"] == 2
    assert sum(value for name, value in counted.items() if name.startswith("quarantined.")) == 3


def test_a_tags_state_is_kept_as_it_says(tag: PaperTag, exchange: Exchange, register: Register) -> None:
    exchange(tag)
    with register.read() as conn:
        row = conn.execute(sa.select(tag_now)).one()
    assert (row.tag_id, row.heard_at, row.fw, row.battery_mv) == (tag.tag_id, NOON, "0.1.0", 3900)


def test_records_overwritten_before_the_first_report_are_counted(
    tag: PaperTag, upload: Upload, register: Register
) -> None:
    for _ in range(10):
        tag.use()
    tag.overwrite(5)
    upload(tag)
    with register.read() as conn:
        assert counts(conn)["records.before_first_sight"] == 5
        assert account(conn, tag).lost == 0


def test_a_tag_that_was_erased_and_counts_its_clocks_anew_is_placed_in_the_present(
    tag: PaperTag, upload: Upload, register: Register, clock: SetClock
) -> None:
    tag.wake()
    tag.use(span=40_000)
    clock.unix += 40_000
    upload(tag)
    clock.unix += 25 * 86_400
    tag.clock, tag.at, tag.pair = 1, 0, None
    tag.use(span=600)
    clock.unix += 600
    upload(tag)
    with register.read() as conn:
        used_at, complete_to = conn.execute(sa.select(judgement.c.used_at, judgement.c.complete_to)).one()
    assert abs(used_at - clock.unix) < 5
    assert abs(complete_to - clock.unix) < 5


def test_an_erased_tag_with_a_new_journal_on_its_first_clock_is_placed_in_the_present(
    tag: PaperTag, upload: Upload, register: Register, clock: SetClock
) -> None:
    tag.use(span=40_000)
    clock.unix += 40_000
    upload(tag)
    clock.unix += 25 * 86_400
    erased = PaperTag(journal="99999999-1", clock=tag.clock)
    erased.use(span=600)
    clock.unix += 600
    upload(erased)
    with register.read() as conn:
        assert abs(conn.scalar(sa.select(judgement.c.used_at)) - clock.unix) < 5


def test_what_waits_when_its_tag_is_erased_is_placed_before_the_new_count(
    tag: PaperTag, upload: Upload, exchange: Exchange, intake: Intake, register: Register, clock: SetClock
) -> None:
    """Erased twice: of the second life a record is outstanding to its end, so that nothing is closed by it."""
    tag.clock = 4
    upload(tag)
    tag.wake()
    tag.use(span=100)
    intake.take([tag.message()])  # the answer is lost, so there is no pair
    second, third = (PaperTag(journal=f"9999999{life}-1") for life in (2, 3))
    second.newest = 1
    for _ in range(2):
        clock.unix += 5000
        exchange(second)
        exchange(second)
        second.wake()
    with register.read() as conn:
        assert conn.scalar(sa.select(waiting.c.clock)) == -1
    clock.unix += 10_000
    third.use(span=100)
    upload(third)

    assert judged(register).whole
    with register.read() as conn:
        assert conn.scalar(sa.select(sa.func.count()).select_from(waiting)) == 0
        placed = [(int(line.rsplit(" ", 1)[1]) // 1_000_000 - NOON, "estimated" in line) for line in history(conn)]
    # Amid the five thousand seconds until the tag came back.
    assert placed == [(2450, True), (19_900, False)]


def test_a_new_count_of_clocks_takes_nothing_from_the_old_one(
    tag: PaperTag, upload: Upload, intake: Intake, register: Register, clock: SetClock
) -> None:
    """Not even from a clock of the same number of which something still waited."""
    tag.clock = 2
    tag.use(span=100)
    intake.take([tag.message()])
    tag = PaperTag(journal="99999999-1")
    clock.unix += 10_000
    upload(tag)
    tag.wake()
    tag.use(span=100)
    clock.unix += 100
    upload(tag)
    assert judged(register).whole
    with register.read() as conn:
        placed = [(int(line.rsplit(" ", 1)[1]) // 1_000_000 - NOON, "estimated" in line) for line in history(conn)]
    assert placed == [(9900, True), (10_000, False)]


def test_a_gateway_that_was_ahead_and_is_put_right_places_nothing_in_the_future(
    tag: PaperTag, upload: Upload, intake: Intake, register: Register, clock: SetClock
) -> None:
    clock.unix += 30 * DAY
    upload(tag)
    tag.use(span=600, in_use=0, events=0)
    clock.unix += 600
    upload(tag)
    clock.unix -= 30 * DAY
    tag.wake()
    tag.use(span=600)
    intake.take([tag.message()])  # the answer is lost, so there is no pair
    tag.wake()
    clock.unix += 1000
    upload(tag)
    row = judged(register)
    assert row.used_at <= clock.unix
    assert row.complete_to <= clock.unix
    with register.read() as conn:
        assert max(int(line.rsplit(" ", 1)[1]) // 1_000_000 for line in history(conn)[1:]) <= clock.unix


def test_a_report_from_before_the_tag_was_moved_says_nothing_of_its_new_asset(
    tag: PaperTag, upload: Upload, exchange: Exchange, register: Register, clock: SetClock
) -> None:
    upload(tag)
    tag.at += 3600
    tag.alarms, tag.open = ["unpowered"], wire.OpenUse(tag.at - 600, 600, 600, 1)
    waited_in_the_broker = tag.message()
    clock.unix += 2 * 86_400
    with register.write() as conn:
        fittings.unfit_tag(conn, tag.tag_id, clock.unix - 86_400)
        assets.add_asset(conn, "MAT-1", "mattress", "Mattress", at=clock.unix - 86_400)
        fittings.fit_tag(conn, tag.tag_id, "MAT-1", clock.unix - 86_400)
    exchange(tag, waited_in_the_broker)
    with register.read() as conn:
        columns = sa.select(judgement.c.used_at, judgement.c.unpowered_from)
        assert tuple(conn.execute(columns.where(judgement.c.asset_id == "MAT-1")).one()) == (None, None)


def test_a_clash_in_the_rows_that_all_share_is_no_tags_fault(
    tag: PaperTag, intake: Intake, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    def clash(*_: object) -> None:
        raise IntegrityError("", {}, Exception("duplicate key"))

    tag.use()
    with monkeypatch.context() as patch:
        patch.setattr(outbox, "append", clash)
        with pytest.raises(RegisterError, match="duplicate key"):
            intake.take([tag.message(), tag.message()])
    assert reasons(register) == []


def test_no_connection_left_is_no_tags_fault(
    tag: PaperTag, intake: Intake, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crowded(*_: object) -> None:
        raise sa.exc.TimeoutError

    with monkeypatch.context() as patch:
        patch.setattr(sa.Engine, "connect", crowded)
        patch.setattr(sa.Engine, "begin", crowded)
        with pytest.raises(RegisterError, match="all its connections in use"):
            intake.take([tag.message(), tag.message()])
    assert reasons(register) == []


def test_a_tag_whose_own_row_is_damaged_stops_no_other(
    tag: PaperTag, exchange: Exchange, intake: Intake, register: Register
) -> None:
    other = PaperTag(tag_id="0123456789ab")
    with register.write() as conn:
        other.enrol(conn)
    exchange(tag)
    with register.write() as conn:
        conn.execute(sa.update(tag_now).values(clocks="damaged"))
    answers = intake.take([tag.message(), other.message()])
    assert [type(each) for each in (tag.hear(*answers[0]), other.hear(*answers[1]))] == [wire.Rejection, wire.Ack]
    assert reasons(register) == [(tag.tag_id, "failed", 0, 1)]


def test_whatever_is_heard_says_every_few_seconds_that_somebody_listens(
    tag: PaperTag, exchange: Exchange, intake: Intake, register: Register, clock: SetClock
) -> None:
    intake.connected(["hearing"])
    for step in (*[3] * 10, -3600, 3, 3, 3, 3, 3):
        clock.unix += step
        exchange(tag)
        with register.read() as conn:
            assert 0 <= clock.unix - (listening.heard(conn) or 0) < 10


def test_what_one_session_hears_hides_no_other_sessions_absence(
    tag: PaperTag, exchange: Exchange, intake: Intake, register: Register, clock: SetClock
) -> None:
    intake.connected(["hearing", "lost"])
    intake.away(["lost"])
    for _ in range(4):
        clock.unix += listening.AWAY
        exchange(tag)
    with register.read() as conn:
        assert listening.since(conn, clock.unix) is None
    intake.connected(["hearing", "lost"])
    with register.read() as conn:
        assert listening.since(conn, clock.unix) == clock.unix
