"""What the service owns: assets, their services and examinations, safety notices, tags and places."""

import json

import pytest
import sqlalchemy as sa

from kitback.register import IllegalMove, Register, assets, fittings, places, recalls, tags
from kitback.register.tables import audit, judgement
from moves import DAY, POLICY, TAG, Move, T, judged, noted, owned

pytestmark = pytest.mark.both_engines


def test_an_asset_may_have_a_serial_a_value_and_a_commissioner(stocked: Register) -> None:
    with stocked.write() as conn:
        assets.add_asset(conn, "BED-2", "bed", "Bed", T, serial="SN-9", value_pence=61_500, commissioner="City")
        row = owned(conn, "BED-2")
        assert (row.serial, row.value_pence, row.commissioner, row.state) == ("SN-9", 61_500, "City", "available")
        assert noted(conn)[4]["value_pence"] == 61_500


def test_a_service_starts_the_time_to_the_next(stocked: Register) -> None:
    with stocked.write() as conn:
        assert judged(conn).service_due_s is None
        assets.note_service(conn, POLICY, "BED-1", T)
        due = POLICY.serviced("bed", T)
        assert (owned(conn).serviced_s, owned(conn).service_due_s, owned(conn).exam_due_s) == (T, due, None)
        assert judged(conn).service_due_s == due
        assert noted(conn)[1] == "asset.service BED-1"
        assert noted(conn)[3:] == (
            {"serviced_s": None, "service_due_s": None},
            {"serviced_s": T, "service_due_s": due},
        )


def test_a_thorough_examination_starts_the_time_to_the_next(stocked: Register) -> None:
    with stocked.write() as conn:
        assets.note_examination(conn, POLICY, "HST-1", T)
        due = POLICY.examined("hoist", T)
        assert (owned(conn, "HST-1").examined_s, owned(conn, "HST-1").exam_due_s) == (T, due)
        assert judged(conn, "HST-1").exam_due_s == due


def test_a_notice_calls_an_asset_back_until_it_is_safe(stocked: Register) -> None:
    with stocked.write() as conn:
        recalls.recall_asset(conn, "N-1", "BED-1", "Rails", T + DAY)
        recalls.recall_asset(conn, "N-2", "BED-1", "Motor", T)
        assert judged(conn).recalled_from == T
        recalls.make_safe(conn, "N-2", "BED-1", T + 2 * DAY)
        assert judged(conn).recalled_from == T + DAY
        recalls.make_safe(conn, "N-1", "BED-1", T + 2 * DAY)
        assert judged(conn).recalled_from is None
        assert noted(conn)[1:] == ("recall.end N-1 BED-1", None, {"ended_s": None}, {"ended_s": T + 2 * DAY})


def test_another_tag_begins_unheard_and_with_power(stocked: Register) -> None:
    with stocked.write() as conn:
        fittings.fit_tag(conn, TAG, "BED-1", T)
        conn.execute(sa.update(judgement), {"heard_at": T + 5, "unpowered_from": T + 5})
        fittings.unfit_tag(conn, TAG, T + 10)
        after = judged(conn)
        assert (after.tag_id, after.heard_at, after.unpowered_from) == (None, None, None)
        fittings.fit_tag(conn, TAG, "HST-1", T + 10)


@pytest.mark.parametrize(
    ("move", "words"),
    [
        (lambda c: assets.add_asset(c, "BED-1", "bed", "Bed", T), "in the register already"),
        (lambda c: assets.add_asset(c, "X", "boat", "Boat", T), "give one of bed, hoist, mattress"),
        (lambda c: assets.add_asset(c, "A\nB", "bed", "Bed", T), "no asset id"),
        (lambda c: assets.add_asset(c, "A\\", "bed", "Bed", T), "no asset id"),
        (lambda c: assets.add_asset(c, "X", "bed", "Bed", T, value_pence=-1), "give what a new one costs"),
        (lambda c: assets.note_service(c, POLICY, "NONE", T), "there is no asset"),
        (lambda c: assets.note_service(c, POLICY, "BED-1", T), "no later: check the date"),
        (lambda c: assets.note_examination(c, POLICY, "BED-1", T), "needs no thorough examination"),
        (lambda c: recalls.recall_asset(c, "N-1", "BED-1", "Rails", T), "another notice's number"),
        (lambda c: recalls.recall_asset(c, " ", "BED-1", "Rails", T), "give it, as the notice says"),
        (lambda c: recalls.recall_asset(c, "N-2", "NONE", "Rails", T), "there is no asset"),
        (lambda c: recalls.make_safe(c, "N-2", "BED-1", T), "check number and id"),
        (lambda c: recalls.make_safe(c, "N-1", "BED-1", T - 1), "check the date"),
        (lambda c: places.add_place(c, "x", "nowhere", "zone", "X", T), "there is no place nowhere"),
        (lambda c: places.add_place(c, "x", None, "moon", "X", T), "place type 'moon'"),
        (lambda c: places.add_anchor(c, "00", "nowhere", T), "there is no place nowhere"),
        (lambda c: tags.enrol_tag(c, TAG, b"s" * 32, T), "in the register already"),
        (lambda c: tags.enrol_tag(c, "A0:B1", b"s" * 32, T), "lower-case hexadecimal"),
        (lambda c: tags.enrol_tag(c, "a0b1c2d3e4f6", b"short", T), "at least 16"),
        (lambda c: tags.provision_tag(c, "0000000000", T), "there is no tag"),
        (lambda c: fittings.fit_tag(c, "0000000000", "BED-1", T), "there is no tag"),
        (lambda c: fittings.fit_tag(c, TAG, "NONE", T), "there is no asset"),
        (lambda c: fittings.fit_tag(c, TAG, "HST-1", T + 9), "take that tag off first"),
        (lambda c: fittings.unfit_tag(c, "0000000000", T), "fitted to no asset"),
        (lambda c: fittings.unfit_tag(c, TAG, T - 1), "cannot come off"),
    ],
)
def test_an_illegal_move_is_refused_with_a_remedy_and_changes_nothing(
    stocked: Register, move: Move, words: str
) -> None:
    with stocked.write() as conn:
        fittings.fit_tag(conn, TAG, "BED-1", T)
        assets.note_service(conn, POLICY, "BED-1", T)
        recalls.recall_asset(conn, "N-1", "BED-1", "Rails", T)
        steps = conn.execute(sa.select(audit)).all()
        with pytest.raises(IllegalMove, match=words):
            move(conn)
        assert conn.execute(sa.select(audit)).all() == steps


def test_an_asset_that_was_made_safe_is_called_back_by_that_notice_no_more(stocked: Register) -> None:
    with stocked.write() as conn:
        recalls.recall_asset(conn, "N-1", "BED-1", "Rails", T)
        recalls.make_safe(conn, "N-1", "BED-1", T)
        with pytest.raises(IllegalMove, match=r"was made safe at .* another notice's number"):
            recalls.recall_asset(conn, "N-1", "BED-1", "Rails", T + DAY)
        with pytest.raises(IllegalMove, match="check number and id"):
            recalls.make_safe(conn, "N-1", "BED-1", T)


def test_a_tags_secret_is_not_in_the_audit_log(stocked: Register) -> None:
    with stocked.read() as conn:
        told = [json.dumps([row.what, row.before, row.after]) for row in conn.execute(sa.select(audit))]
    assert any(TAG in each for each in told)
    assert not any("ssss" in each or "7373" in each for each in told)
