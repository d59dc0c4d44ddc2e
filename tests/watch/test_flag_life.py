"""What the judge itself does in the life of a flag: holds, brings back, lets be, closes."""

import pytest
import sqlalchemy as sa

from kitback.register import holds, loans
from kitback.register.tables import audit, flag, use_day
from kitback.watch import Judged
from kitback.watch.life import Outcome, Status, move
from lending import DAY, HOUR, NOW, Service
from moves import return_ready

pytestmark = pytest.mark.both_engines


def status(service: Service, rule: str = "idle") -> str | None:
    with service.register.read() as conn:
        return conn.scalar(sa.select(flag.c.status).where(flag.c.rule == rule).order_by(flag.c.flag_id.desc()))


def decide(
    service: Service,
    to: Status,
    at: int,
    *,
    until: int | None = None,
    outcome: Outcome | None = None,
    rule: str = "idle",
) -> None:
    with service.register.write() as conn:
        flag_id = conn.scalar(sa.select(flag.c.flag_id).where(flag.c.rule == rule, flag.c.closed_at.is_(None)))
        move(conn, flag_id or 0, to, at, "Ann", "so", policy=service.policy, until=until, outcome=outcome)


def use(service: Service, asset_id: str, *ends: int) -> None:
    """Use as its tag tells it, to the end of the last day."""
    with service.register.write() as conn:
        days = [{"asset_id": asset_id, "day": end // DAY, "used_at": end} for end in ends]
        conn.execute(sa.insert(use_day), [{**each, "in_use": 60, "events": 1, "seen": 60} for each in days])
    service.tell(asset_id, used_at=ends[-1], heard_at=ends[-1], complete_to=ends[-1])


def idle(service: Service) -> None:
    service.lend("B", used_at=NOW - 20 * DAY)
    use_at_its_beginning = {"asset_id": "B", "day": (NOW - 20 * DAY) // DAY, "used_at": NOW - 20 * DAY}
    with service.register.write() as conn:
        conn.execute(sa.insert(use_day), {**use_at_its_beginning, "in_use": 60, "events": 1, "seen": 60})
    service.judge()


def held(service: Service, at: int) -> None:
    with service.register.write() as conn:
        holds.begin(conn, service.policy, "L-B", at)
    service.tell("B", used_at=NOW - 20 * DAY, heard_at=NOW - HOUR, complete_to=NOW - HOUR, whole=True, battery_mv=4000)


# --- use


def test_one_stray_use_closes_no_idle_flag(service: Service) -> None:
    idle(service)
    use(service, "B", NOW + DAY)
    assert service.judge(NOW + DAY) == Judged(changed=1)
    assert service.open_flags("B") == {
        "idle": "Used on 13 November only since 23 October. Ask whether it is still needed."
    }
    assert service.since("B", "idle") == NOW - 20 * DAY


def test_use_on_two_days_closes_it(service: Service) -> None:
    idle(service)
    use(service, "B", NOW + DAY)
    service.judge(NOW + DAY)
    use(service, "B", NOW + 2 * DAY)
    assert service.judge(NOW + 2 * DAY) == Judged(closed=1)


def test_a_stray_use_that_goes_on_closes_no_idle_flag_either(service: Service) -> None:
    idle(service)
    service.tell("B", used_at=NOW, heard_at=NOW, complete_to=NOW)  # its record comes when it is over
    service.judge(NOW)
    assert service.open_flags("B") == {
        "idle": "Used on 12 November only since 23 October. Ask whether it is still needed."
    }
    use(service, "B", NOW + HOUR)
    service.judge(NOW + HOUR)
    assert set(service.open_flags("B")) == {"idle"}
    assert service.since("B", "idle") == NOW - 20 * DAY


def test_nor_where_something_else_that_is_flagged_was_used_that_day(service: Service) -> None:
    service.lend("C", used_at=NOW - 20 * DAY)
    idle(service)
    use(service, "C", NOW)
    service.tell("B", used_at=NOW, heard_at=NOW, complete_to=NOW)
    service.judge(NOW)
    assert set(service.open_flags("B")) == {"idle"}


def test_use_that_goes_on_a_day_after_a_stray_one_closes_it(service: Service) -> None:
    idle(service)
    use(service, "B", NOW)
    service.judge(NOW)
    service.tell("B", used_at=NOW + DAY, heard_at=NOW + DAY, complete_to=NOW + DAY)
    assert service.judge(NOW + DAY) == Judged(closed=1)


def test_one_night_told_as_one_use_is_use_on_one_day(service: Service) -> None:
    idle(service)
    midnight = NOW // DAY * DAY + DAY
    for at in (midnight - HOUR, midnight + 7 * HOUR):
        service.tell("B", used_at=at, heard_at=at, complete_to=at)
        service.judge(at)
    use(service, "B", midnight + 7 * HOUR)
    service.judge(midnight + 7 * HOUR)
    assert set(service.open_flags("B")) == {"idle"}


MIDNIGHT = NOW // DAY * DAY + DAY


def test_so_is_one_told_by_the_hour(service: Service) -> None:
    idle(service)
    use(service, "B", MIDNIGHT - HOUR // 3)
    service.tell("B", used_at=MIDNIGHT + HOUR // 3)
    service.judge(MIDNIGHT + HOUR // 3)
    assert set(service.open_flags("B")) == {"idle"}
    use(service, "B", MIDNIGHT + 7 * HOUR)
    service.judge(MIDNIGHT + 7 * HOUR)
    assert set(service.open_flags("B")) == {"idle"}


def test_two_nights_told_by_the_hour_are_use_on_two(service: Service) -> None:
    idle(service)
    use(service, "B", MIDNIGHT - HOUR // 3, MIDNIGHT + DAY - HOUR // 3)
    service.tell("B", used_at=MIDNIGHT + DAY + HOUR // 3)
    assert service.judge(MIDNIGHT + DAY + HOUR // 3) == Judged(closed=1)


def test_two_nights_of_which_the_first_began_just_before_midnight_are_use_on_two(service: Service) -> None:
    idle(service)
    with service.register.write() as conn:
        first_minutes = {"asset_id": "B", "day": MIDNIGHT // DAY - 1, "in_use": 60, "events": 1, "seen": 60}
        conn.execute(sa.insert(use_day), first_minutes)
    use(service, "B", MIDNIGHT + DAY - HOUR // 3, MIDNIGHT + DAY + 7 * HOUR)
    assert service.judge(MIDNIGHT + DAY + 7 * HOUR) == Judged(closed=1)


def test_in_use_until_the_evening_and_on_the_next_day_it_was_on_two(service: Service) -> None:
    idle(service)
    use(service, "B", MIDNIGHT - 2 * HOUR, MIDNIGHT + 7 * HOUR)
    assert service.judge(MIDNIGHT + 7 * HOUR) == Judged(closed=1)


def test_in_use_late_on_two_evenings_days_apart_it_was_on_two(service: Service) -> None:
    idle(service)
    use(service, "B", MIDNIGHT - HOUR // 3, MIDNIGHT + 3 * DAY - HOUR // 3)
    assert service.judge(MIDNIGHT + 3 * DAY) == Judged(closed=1)


def test_a_pump_that_runs_on_is_in_use_on_each_day_but_that_it_began_on(service: Service) -> None:
    idle(service)
    use(service, "B", MIDNIGHT - HOUR // 3, MIDNIGHT + DAY - HOUR // 3)
    service.judge(MIDNIGHT + DAY - HOUR // 3)
    assert set(service.open_flags("B")) == {"idle"}
    use(service, "B", MIDNIGHT + DAY + HOUR)
    assert service.judge(MIDNIGHT + DAY + HOUR) == Judged(closed=1)


def test_idle_again_after_a_stray_use_it_began_with_that(service: Service) -> None:
    idle(service)
    use(service, "B", NOW + DAY)
    service.judge(NOW + DAY)
    service.tell("B", heard_at=NOW + 8 * DAY, complete_to=NOW + 8 * DAY)
    service.judge(NOW + 8 * DAY)
    assert service.since("B", "idle") == NOW + DAY


def test_used_for_the_first_time_is_still_hardly_used(service: Service) -> None:
    service.lend("B", used_at=None)
    service.judge()
    use(service, "B", NOW + DAY)
    service.judge(NOW + DAY)
    assert service.open_flags("B") == {
        "never_used": "Used on 13 November only since it was lent (on 13 October). Ask whether it is still needed."
    }


# --- mutes


def test_still_needed_is_let_be_until_the_evidence_changes(service: Service) -> None:
    idle(service)
    decide(service, Status.CONTACTED, NOW)
    decide(service, Status.STILL_NEEDED, NOW)
    service.tell("B", heard_at=NOW + 9 * DAY, complete_to=NOW + 9 * DAY)
    service.judge(NOW + 9 * DAY)
    assert status(service) == "still_needed"
    assert service.open_flags("B")["idle"].startswith("Not used for 29 days"), "its words are kept up to date"
    service.tell("B", used_at=NOW + DAY)
    assert service.judge(NOW + 9 * DAY) == Judged(changed=1, moved=1)
    assert status(service) == "open"


def test_a_mute_ends_at_its_second(service: Service) -> None:
    idle(service)
    decide(service, Status.SNOOZED, NOW, until=NOW + DAY)
    service.judge(NOW + DAY - 1)
    assert status(service) == "snoozed"
    service.judge(NOW + DAY)
    assert status(service) == "open"
    with service.register.read() as conn:
        brought_back = sa.select(audit.c.why).where(audit.c.what.startswith("flag.bring-back"), audit.c.who == "watch")
        why = conn.scalar(brought_back)
    assert why == "the time it was muted for is over"


def test_a_late_delivery_comes_back_to_who_put_it_off_while_it_was_at_risk(service: Service) -> None:
    service.prescribe("B", pathway="crisis_response", at=NOW)
    service.judge(NOW + 4 * HOUR - 1)
    decide(service, Status.SNOOZED, NOW + 4 * HOUR - 1, until=NOW + 2 * DAY, rule="not_delivered")
    service.judge(NOW + 4 * HOUR)
    assert status(service, "not_delivered") == "open"


# --- holds


def test_a_hold_holds_what_is_asked_about_use_until_it_ends(service: Service) -> None:
    idle(service)
    held(service, NOW)
    assert service.judge(NOW) == Judged(moved=1)
    assert status(service) == "held"
    service.judge(NOW + 14 * DAY - 1)
    assert status(service) == "held"
    service.judge(NOW + 14 * DAY)
    assert status(service) == "open"


def test_a_held_loan_opens_no_flag_about_use(service: Service) -> None:
    service.lend("B", used_at=NOW - 20 * DAY)
    held(service, NOW - HOUR)
    service.judge()
    assert service.open_flags("B") == {}


@pytest.mark.parametrize(
    ("used_at", "rule"), [(NOW - 20 * DAY, "idle"), (None, "never_used")], ids=["idle", "never used"]
)
def test_days_in_hospital_are_no_idleness_of_who_came_home(service: Service, used_at: int | None, rule: str) -> None:
    service.lend("B", used_at=used_at)
    held(service, NOW - 20 * DAY)
    with service.register.write() as conn:
        holds.end(conn, "L-B", NOW - 9 * DAY)
    told = {"used_at": used_at, "heard_at": NOW, "whole": True, "battery_mv": 4000}
    service.tell("B", **told, complete_to=NOW - 2 * DAY - 1)
    service.judge()
    assert service.open_flags("B") == {}
    service.tell("B", complete_to=NOW - 2 * DAY)
    service.judge()
    assert set(service.open_flags("B")) == {rule}


def test_what_was_asked_before_the_hospital_is_asked_again_when_she_is_home(service: Service) -> None:
    idle(service)
    held(service, NOW)
    service.judge(NOW)
    with service.register.write() as conn:
        holds.end(conn, "L-B", NOW + DAY)
    service.tell("B", used_at=NOW - 20 * DAY, heard_at=NOW + DAY, complete_to=NOW + DAY, whole=True, battery_mv=4000)
    service.judge(NOW + DAY)
    assert status(service) == "open"


def test_a_held_loan_is_overdue_all_the_same(service: Service) -> None:
    service.lend("B", due_s=NOW)
    service.tell("B", held_until=NOW + DAY)
    service.judge()
    assert set(service.open_flags("B")) == {"overdue"}


# --- the asset's own


OF_ASSET = {
    "service_due": {"service_due_s": NOW + DAY},
    "thorough_exam_due": {"exam_due_s": NOW + DAY},
    "battery_low": {"battery_mv": 3000},
    "recall": {"recalled_from": NOW - DAY},
}


@pytest.mark.parametrize("rule", OF_ASSET)
def test_what_is_the_assets_lives_on_when_its_loan_ends_and_another_begins(service: Service, rule: str) -> None:
    service.lend("B", **OF_ASSET[rule])
    service.judge()
    told = {"heard_at": NOW, "complete_to": NOW, "whole": True, "used_at": None, "battery_mv": 4000, "review_s": None}
    with service.register.read() as conn:
        raised = conn.scalar(sa.select(flag.c.flag_id))
    if rule != "recall":
        decide(service, Status.SNOOZED, NOW, until=NOW + 10 * DAY, rule=rule)
    for at in (NOW + HOUR, NOW + 2 * HOUR):
        with service.register.write() as conn:
            if at == NOW + HOUR:
                return_ready(conn, "L-B", at)
            else:
                loans.lend(conn, service.policy, "L-2", "B", "end_of_life", "home", "home", at)
        service.tell("B", **(told | OF_ASSET[rule]))
        service.judge(at)
        with service.register.read() as conn:
            mine = sa.select(flag.c.flag_id, flag.c.loan_ref, flag.c.status).where(flag.c.rule == rule)
            lives_on = conn.execute(mine).one()
        expected = "open" if rule == "recall" else "snoozed"
        assert lives_on == (raised, None if at == NOW + HOUR else "L-2", expected)


def test_a_collection_of_one_loan_is_none_of_the_next(service: Service) -> None:
    service.lend("B", pathway="end_of_life", service_due_s=NOW + DAY)
    service.judge()
    for to in (Status.CONTACTED, Status.CONFIRMED, Status.COLLECTION):
        outcome = Outcome.NOT_NEEDED if to is Status.CONFIRMED else None
        decide(service, to, NOW, outcome=outcome, rule="service_due")
    with service.register.write() as conn:
        return_ready(conn, "L-B", NOW + HOUR)
        loans.lend(conn, service.policy, "L-2", "B", "end_of_life", "home", "home", NOW + HOUR)
    service.tell("B", service_due_s=NOW + DAY)
    service.judge(NOW + HOUR)
    assert status(service, "service_due") == "open"


# --- collection


def on_its_way(service: Service) -> None:
    idle(service)
    decide(service, Status.CONTACTED, NOW)
    decide(service, Status.CONFIRMED, NOW, outcome=Outcome.NOT_NEEDED)
    decide(service, Status.COLLECTION, NOW)


def test_what_is_to_be_fetched_is_not_called_off_because_it_was_used(service: Service) -> None:
    on_its_way(service)
    use(service, "B", NOW + DAY)
    service.judge(NOW + DAY)
    use(service, "B", NOW + 2 * DAY)
    service.judge(NOW + 2 * DAY)
    assert status(service) == "collection"


def test_nor_because_it_was_seen_in_stores(service: Service) -> None:
    on_its_way(service)
    service.tell("B", place_id="store", place_type="store", place_from=NOW)
    service.judge(NOW)
    assert set(service.open_flags("B")) == {"idle", "seen_in_stores"}


def test_it_ends_with_its_loan_and_keeps_what_staff_said_came_of_it(service: Service) -> None:
    on_its_way(service)
    with service.register.write() as conn:
        loans.return_loan(conn, "L-B", NOW + DAY)
    service.judge(NOW + DAY)
    with service.register.read() as conn:
        assert conn.execute(sa.select(flag.c.status, flag.c.outcome)).one() == ("closed", "not_needed")


# --- closed by staff


def test_what_staff_closed_is_not_raised_again_for_the_same_evidence(service: Service) -> None:
    idle(service)
    decide(service, Status.CLOSED, NOW, outcome=Outcome.WRONG_FLAG)
    assert service.judge(NOW + 60) == Judged()
    service.tell("B", used_at=NOW - 8 * DAY)
    assert service.judge(NOW + 120) == Judged(opened=1)


def test_a_low_battery_that_staff_closed_is_raised_when_the_tag_says_so_again(service: Service) -> None:
    service.lend("B", battery_mv=3000)
    service.judge()
    decide(service, Status.CLOSED, NOW, outcome=Outcome.AS_SAID, rule="battery_low")
    assert service.judge(NOW + 60) == Judged()
    service.tell("B", heard_at=NOW + HOUR)
    assert service.judge(NOW + HOUR) == Judged(opened=1)
