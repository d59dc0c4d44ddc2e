"""What was set aside is taken in after all, once, when its cause is mended."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
import sqlalchemy as sa

from brokers import until
from kitback import wire
from kitback.intake import Intake, quarantine
from kitback.intake.replay import Outcome, Replay
from kitback.register import Register, fittings, outbox, tag_states
from kitback.register.tables import audit, judgement, tag_now, use_day
from laws import assert_conserved
from paper_tag import ROOT, PaperTag, SetClock, account, clocks, counts, history, nowhere

NEWER = b'["use",1,0,600,600,1,"how"]'
"""A record with one more item than this version knows."""


@pytest.fixture
def replay(register: Register, clock: SetClock) -> Callable[[], list[Outcome]]:
    """Replays all there is."""

    def everything() -> list[Outcome]:
        with register.read() as conn:
            ids = [each.quarantine_id for each in quarantine.listing(conn)]
        replaying = Replay(register, clock, nowhere, "clerk")
        return [replaying.one(each) for each in ids]

    return everything


def kept(register: Register) -> list[quarantine.Kept]:
    with register.read() as conn:
        return quarantine.listing(conn)


def newer_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on Kitback knows that record."""
    decode = wire.record_decoder.decode

    class Newer:
        def decode(self, raw: bytes) -> wire.Record:
            if raw == NEWER:
                return wire.Use(seq=1, at=0, span=600, in_use=600, events=1)
            record: wire.Record = decode(raw)
            return record

    monkeypatch.setattr(wire, "record_decoder", Newer())


def with_newer_record(tag: PaperTag) -> tuple[str, bytes]:
    """The tag's next message, its first record replaced by one that is not known yet."""
    report = msgspec.structs.replace(tag.report())
    body = wire.encode(report)
    first = wire.encode(report.records[0])
    assert first in body
    return tag.seal(body.replace(first, NEWER))


def test_a_report_of_a_tag_that_was_unknown_is_taken_in_when_it_is_enrolled(
    register: Register, intake: Intake, clock: SetClock, replay: Callable[[], list[Outcome]]
) -> None:
    stranger = PaperTag(tag_id="0123456789ab", pair=wire.Pair(0, 0, clock.unix - 1000))
    stranger.use()
    intake.take([stranger.message()])
    ((before,),) = [[each.words for each in replay()]]
    assert before == "no such tag is enrolled"
    heard_at = clock.unix
    clock.unix += 3600
    with register.write() as conn:
        stranger.enrol(conn)

    (outcome,) = replay()

    assert outcome.taken
    assert "1 records applied" in outcome.words
    assert kept(register) == []
    assert replay() == []
    with register.read() as conn:
        assert account(conn, stranger).applied == 1
        assert conn.scalar(sa.select(tag_now.c.heard_at)) == heard_at, "when it came, not when it was replayed"
        had = counts(conn)
        assert (had["received"], had["replayed"], had["accepted"]) == (1, 1, 1)
    intake.take([stranger.message()])
    with register.read() as conn:
        assert counts(conn)["records.duplicate"] == 1
        assert len(history(conn)) == 1


def test_what_is_not_in_quarantine_any_more_is_said(register: Register, clock: SetClock) -> None:
    outcome = Replay(register, clock, nowhere, "clerk").one(7)
    assert outcome == Outcome(7, False, "it is not in quarantine, or no longer")


def test_a_report_that_is_refused_again_stays_with_the_new_reason(
    register: Register, intake: Intake, replay: Callable[[], list[Outcome]]
) -> None:
    stranger, liar = PaperTag(tag_id="0123456789ab"), PaperTag(tag_id="ba9876543210")
    intake.take([(stranger.topic, liar.message()[1])])
    with register.write() as conn:
        stranger.enrol(conn)
        before = counts(conn)

    (outcome,) = replay()

    assert not outcome.taken
    (still,) = kept(register)
    assert still.reason == "not_signed"
    with register.read() as conn:
        assert counts(conn) == before


def test_a_report_that_we_failed_on_is_taken_in_by_a_gateway_that_does_not(
    register: Register,
    intake: Intake,
    clock: SetClock,
    tag: PaperTag,
    upload: Callable[[PaperTag], None],
    replay: Callable[[], list[Outcome]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The tag has gone on meanwhile: its present state is not thrown back, and no alarm of then is raised now."""
    upload(tag)
    tag.batch = 1
    tag.use()
    tag.alarms, tag.battery_mv = ["unpowered"], 3000
    with monkeypatch.context() as broken:
        broken.setattr("kitback.intake.taking.order.judge", lambda *_: 1 / 0)
        intake.take([tag.message()])
        assert [each.words for each in replay()] == [f"{quarantine.WORDS['failed']} (ZeroDivisionError)"]
    tag.use()
    tag.alarms, tag.battery_mv = [], 3900
    clock.unix += 600
    intake.take([tag.seal(msgspec.structs.replace(tag.report(after=1), oldest=2))])
    tag.high = 2

    (outcome,) = replay()

    assert outcome.taken
    with register.read() as conn:
        books = account(conn, tag)
        assert (books.applied, books.lost) == (2, 0)
        now = conn.execute(sa.select(tag_now)).one()
        assert (now.battery_mv, now.heard_at) == (3900, clock.unix)
        assert conn.scalar(sa.select(judgement.c.unpowered_from)) is None
        assert conn.scalar(sa.select(sa.func.sum(use_day.c.in_use))) == 1200


Hole = Callable[[int], None]


@pytest.fixture
def leave_holes(intake: Intake, tag: PaperTag, monkeypatch: pytest.MonkeyPatch) -> Hole:
    """The tag sends so many records singly; we fail on every other one, and it leaves that one out."""

    def send(holes: int) -> None:
        tag.batch = 1
        for _ in range(holes):
            seq = tag.use(span=10)
            with monkeypatch.context() as broken:
                broken.setattr("kitback.intake.taking.order.judge", lambda *_: 1 / 0)
                intake.take([tag.message()])
            del tag.records[seq]
            tag.use(span=10)
            intake.take([tag.message()])
            tag.high = tag.newest

    return send


def test_reports_that_were_refused_are_taken_in_though_many_more_of_their_tag_were_lost_since(
    register: Register, tag: PaperTag, leave_holes: Hole, replay: Callable[[], list[Outcome]]
) -> None:
    holes = quarantine.KEPT_PER_TAG + 64
    leave_holes(holes)

    outcomes = replay()

    assert {each.words for each in outcomes} == {"taken in: 1 records applied, 0 were there already"}
    with register.read() as conn:
        books = account(conn, tag)
        assert (books.applied, books.lost) == (holes + quarantine.KEPT_PER_TAG, holes - quarantine.KEPT_PER_TAG)


def test_a_report_whose_records_the_register_no_longer_misses_singly_stays(
    register: Register, leave_holes: Hole, replay: Callable[[], list[Outcome]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kitback.register.tag_states.GAPS_KEPT", 2)
    leave_holes(3)

    latest, middle, first = sorted(replay(), key=lambda each: -each.quarantine_id)

    assert latest.taken
    assert middle.taken
    assert not first.taken
    assert "no longer knows singly" in first.words
    assert [each.quarantine_id for each in kept(register)] == [first.quarantine_id]


def test_a_report_beyond_what_has_come_stays_until_what_is_before_it_has_come(
    register: Register,
    intake: Intake,
    tag: PaperTag,
    replay: Callable[[], list[Outcome]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for _ in range(8):
        tag.use()
    with monkeypatch.context() as broken:
        broken.setattr("kitback.intake.taking.order.judge", lambda *_: 1 / 0)
        intake.take([tag.message(after=4)])

    assert replay() == [Outcome(1, False, "records before it are still to come")]

    intake.take([tag.message(after=0)])
    assert [each.words for each in replay()] == ["taken in: 4 records applied, 0 were there already"]
    with register.read() as conn:
        assert account(conn, tag).high == 8


def test_a_record_of_a_newer_kind_is_applied_at_its_own_time_beyond_high(
    register: Register,
    intake: Intake,
    clock: SetClock,
    tag: PaperTag,
    replay: Callable[[], list[Outcome]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    began = clock.unix - 5000
    tag.pair, tag.at = wire.Pair(0, 0, began), 0
    tag.use()
    tag.use()
    intake.take([with_newer_record(tag)])
    with register.read() as conn:
        assert (account(conn, tag).high, account(conn, tag).quarantined) == (2, 1)
    assert [each.taken for each in replay()] == [False]
    clock.unix += 86_400

    newer_schema(monkeypatch)
    (outcome,) = replay()

    assert outcome.taken
    with register.read() as conn:
        books = account(conn, tag)
        assert (books.high, books.applied, books.quarantined) == (2, 2, 0)
        assert conn.scalar(sa.select(sa.func.sum(use_day.c.in_use))) == 1200
        late = history(conn)[-1]
        assert late.endswith(f'quality="paired" {began * 1_000_000 + 1}')
        had = counts(conn)
        assert (had["records.quarantined"], had["records.replayed"], had["records.applied"]) == (1, 1, 2)
    assert replay() == []


def test_a_record_keeps_its_time_when_the_tag_was_erased_since(
    register: Register,
    intake: Intake,
    clock: SetClock,
    tag: PaperTag,
    replay: Callable[[], list[Outcome]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    began = clock.unix - 5000
    tag.pair = wire.Pair(0, 0, began)
    tag.use()
    intake.take([with_newer_record(tag)])
    clock.unix += 50_000
    erased = PaperTag(journal="5e6f7a8b-1", pair=wire.Pair(10, 10, clock.unix - 5), at=15)
    intake.take([erased.message()])

    newer_schema(monkeypatch)
    replay()

    with register.read() as conn:
        assert history(conn)[-1].endswith(f" {began * 1_000_000 + 1}")


def test_a_report_from_before_its_tag_was_erased_tells_nothing_of_the_new_count_of_clocks(
    register: Register,
    intake: Intake,
    clock: SetClock,
    tag: PaperTag,
    upload: Callable[[PaperTag], None],
    replay: Callable[[], list[Outcome]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    began = clock.unix - 5000
    tag.clock, tag.pair = 2, wire.Pair(0, 0, began)
    tag.use()
    with monkeypatch.context() as broken:
        broken.setattr("kitback.intake.taking.order.judge", lambda *_: 1 / 0)
        intake.take([tag.message()])
    clock.unix += 50_000
    erased = PaperTag(journal="5e6f7a8b-1")
    upload(erased)

    assert [each.taken for each in replay()] == [True]

    erased.wake()
    erased.use()
    intake.take([erased.message()])  # tells no time yet
    with register.read() as conn:
        assert [int(line.rsplit(" ", 1)[1]) // 1_000_000 for line in history(conn)] == [began]
        assert not any(pairs for number, (pairs, _) in clocks(conn, tag).items() if number > 1)


def test_a_replay_and_the_intake_of_the_same_record_do_not_wait_for_each_other(
    postgres_register: str, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The intake has its tag when the replay begins, and then comes by the record."""
    register, tag = Register.open(postgres_register), PaperTag(pair=wire.Pair(0, 0, clock.unix - 5000))
    with register.write() as conn:
        tag.enrol(conn)
    tag.use()
    Intake(register, clock, ROOT, nowhere).take([with_newer_record(tag)])
    newer_schema(monkeypatch)
    stuck = sa.text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )

    def waits() -> bool:
        with register.engine.connect() as watching:
            return bool(watching.scalar(stuck))

    with ThreadPoolExecutor(1) as beside:
        with register.write(beside=True) as conn:
            tag_states.load(conn, {tag.tag_id})
            replaying = beside.submit(Replay(register, clock, nowhere, "clerk").one, 1)
            until(waits, what="the replay's waiting for the tag")
            quarantine.keep_record(conn, tag.tag_id, tag.journal, 1, "again", NEWER, clock.unix, tag.clock, None)
        assert replaying.result().taken
    with register.read() as conn:
        assert_conserved(conn)
    register.close()


def test_a_record_whose_report_told_no_time_gets_it_from_its_clock(
    register: Register,
    intake: Intake,
    clock: SetClock,
    tag: PaperTag,
    replay: Callable[[], list[Outcome]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    began = clock.unix - 5000
    tag.use()
    intake.take([with_newer_record(tag)])
    tag.high, tag.pair = 1, wire.Pair(600, 600, began + 600)
    tag.at = 700
    intake.take([tag.message()])

    newer_schema(monkeypatch)
    replay()

    with register.read() as conn:
        assert history(conn)[-1].endswith(f'quality="extrapolated" {began * 1_000_000 + 1}')


def test_a_record_that_still_breaks_the_contract_stays_and_says_why(
    register: Register, intake: Intake, tag: PaperTag, replay: Callable[[], list[Outcome]]
) -> None:
    tag.use()
    intake.take([with_newer_record(tag)])

    (outcome,) = replay()

    assert not outcome.taken
    assert outcome.words.startswith("One record of a good report broke its schema: ")
    (still,) = kept(register)
    assert (still.reason, still.seq) == ("bad_record", 1)


def test_what_was_cut_when_it_was_kept_is_not_taken_for_whole(
    intake: Intake, tag: PaperTag, replay: Callable[[], list[Outcome]]
) -> None:
    intake.take([tag.seal(b"x" * 5000)])
    assert [each.words[:27] for each in replay()] == ["only its beginning was kept"]


def test_a_history_line_that_influxdb_refused_goes_to_it_again(
    register: Register, replay: Callable[[], list[Outcome]]
) -> None:
    from kitback.history import set_aside

    with register.write() as conn:
        set_aside.keep(conn, [(b"use,tag=aa in_use=1i 5\n", "beyond retention policy")], 1)

    (outcome,) = replay()

    assert outcome.taken
    with register.read() as conn:
        assert history(conn) == ["use,tag=aa in_use=1i 5"]
        assert outbox.enqueued(conn) == 1


def test_every_replay_is_in_the_audit_log(
    register: Register, intake: Intake, replay: Callable[[], list[Outcome]]
) -> None:
    stranger = PaperTag(tag_id="0123456789ab")
    intake.take([stranger.message()])
    replay()
    with register.write() as conn:
        stranger.enrol(conn)
    replay()
    with register.read() as conn:
        rows = conn.execute(sa.select(audit).where(audit.c.what.startswith("quarantine."))).all()
    assert [(row.who, row.what, msgspec.json.decode(row.after)["taken"]) for row in rows] == [
        ("clerk", "quarantine.replay 1", 0),
        ("clerk", "quarantine.replay 1", 1),
    ]


def test_a_damaged_record_is_applied_to_the_asset_the_tag_was_on_then(
    register: Register,
    intake: Intake,
    clock: SetClock,
    tag: PaperTag,
    replay: Callable[[], list[Outcome]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tag.pair = wire.Pair(0, 0, clock.unix - 5000)
    tag.use()
    intake.take([with_newer_record(tag)])
    with register.write() as conn:
        fittings.unfit_tag(conn, tag.tag_id, clock.unix)

    newer_schema(monkeypatch)
    replay()

    with register.read() as conn:
        assert 'asset="BED-1"' in history(conn)[-1]
