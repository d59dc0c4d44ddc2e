"""What staff may do with a flag, what that needs, and what it leaves in the audit log."""

import pytest
import sqlalchemy as sa

from kitback.register import IllegalMove, outbox, recalls
from kitback.register.tables import flag, loan
from kitback.watch import Action, life
from kitback.watch.life import Outcome, Standing, Status
from lending import DAY, HOUR, NOW, Service

IDLE = {"used_at": NOW - 20 * DAY}
CLINICIAN = "District nurse: the family has said that it can go"


@pytest.fixture
def idle(service: Service) -> int:
    """The number of an idle bed's flag."""
    service.lend("B", **IDLE)
    return raised(service, "idle")


def raised(service: Service, rule: str) -> int:
    service.judge()
    with service.register.read() as conn:
        return conn.execute(sa.select(flag.c.flag_id).where(flag.c.rule == rule)).scalar_one()


def do(service: Service, flag_id: int, *steps: Status, at: int = NOW, **given: object) -> None:
    for step in steps:
        with service.register.write() as conn:
            life.move(conn, flag_id, step, at, "amy", given.get("why"), policy=service.policy, **rest(given))  # type: ignore[arg-type] # what a case gives by name


def rest(given: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in given.items() if name != "why"}


def standing(service: Service, flag_id: int) -> Standing:
    with service.register.read() as conn:
        return Standing.of(conn.execute(sa.select(flag).where(flag.c.flag_id == flag_id)).one())


# --- the way of an idle flag: ask first


@pytest.mark.both_engines
def test_an_idle_flag_goes_from_a_question_to_a_collection(service: Service, idle: int) -> None:
    do(service, idle, Status.CONTACTED, Status.CONFIRMED)
    assert standing(service, idle).outcome is Outcome.NOT_NEEDED
    do(service, idle, Status.COLLECTION, why="daughter says Thursday suits", at=NOW + HOUR)
    assert standing(service, idle) == Standing(
        status=Status.COLLECTION, status_s=NOW + HOUR, outcome=Outcome.NOT_NEEDED
    )


@pytest.mark.parametrize("asked", [(), (Status.CONTACTED,)], ids=["nobody asked", "no answer"])
def test_nothing_is_fetched_before_somebody_was_asked_and_said_so(
    service: Service, idle: int, asked: tuple[Status, ...]
) -> None:
    do(service, idle, *asked)
    with pytest.raises(IllegalMove, match=r"nothing is fetched before somebody was asked \(contact\)"):
        do(service, idle, Status.COLLECTION, why="van is near")


def test_what_only_a_question_can_tell_is_not_confirmed_without_one(service: Service, idle: int) -> None:
    with pytest.raises(IllegalMove, match=r"asks for ask: note first that somebody was asked"):
        do(service, idle, Status.CONFIRMED)


def test_a_collection_needs_a_reason(service: Service, idle: int) -> None:
    do(service, idle, Status.CONTACTED, Status.CONFIRMED)
    with pytest.raises(IllegalMove, match="to collect flag 1 needs a reason"):
        do(service, idle, Status.COLLECTION)


def test_asking_again_is_noted_as_often_as_it_happens(service: Service, idle: int) -> None:
    do(service, idle, Status.CONTACTED, outcome=Outcome.COULD_NOT_REACH)
    do(service, idle, Status.CONTACTED, at=NOW + DAY)
    assert standing(service, idle) == Standing(status=Status.CONTACTED, status_s=NOW + DAY)


# --- mutes


def test_still_needed_mutes_for_as_long_as_the_policy_says(service: Service, idle: int) -> None:
    with service.register.write() as conn:
        conn.execute(sa.update(loan).values(review_s=None))
    do(service, idle, Status.CONTACTED, Status.STILL_NEEDED)
    assert standing(service, idle) == Standing(
        status=Status.STILL_NEEDED,
        status_s=NOW,
        muted_until=service.policy.watch.still_needed.after(NOW),
        basis_s=NOW - 20 * DAY,
        outcome=Outcome.STILL_NEEDED,
    )


@pytest.mark.parametrize(("review_in", "muted_for"), [(10, 10), (100, 28), (-10, 28)])
def test_still_needed_mutes_no_longer_than_to_the_next_review(
    service: Service, idle: int, review_in: int, muted_for: int
) -> None:
    with service.register.write() as conn:
        conn.execute(sa.update(loan).values(review_s=NOW + review_in * DAY))
    do(service, idle, Status.STILL_NEEDED, outcome=Outcome.STILL_IN_USE)
    assert standing(service, idle).muted_until == NOW + muted_for * DAY
    assert standing(service, idle).outcome is Outcome.STILL_IN_USE


def test_a_snooze_ends_when_staff_say(service: Service, idle: int) -> None:
    do(service, idle, Status.SNOOZED, why="on holiday", until=NOW + 9 * DAY)
    assert standing(service, idle) == Standing(
        status=Status.SNOOZED, status_s=NOW, muted_until=NOW + 9 * DAY, basis_s=NOW - 20 * DAY
    )


@pytest.mark.parametrize("until", [NOW, NOW - DAY, NOW + 14 * DAY + 1])
def test_a_snooze_lasts_no_longer_than_the_policy_allows(service: Service, idle: int, until: int) -> None:
    with pytest.raises(IllegalMove, match=r"within 2 weeks, by 11:00 on 26 November 2025"):
        do(service, idle, Status.SNOOZED, why="on holiday", until=until)
    do(service, idle, Status.SNOOZED, why="on holiday", until=NOW + 14 * DAY)


def test_a_snooze_is_not_drawn_out(service: Service, idle: int) -> None:
    do(service, idle, Status.SNOOZED, why="on holiday", until=NOW + DAY)
    with pytest.raises(IllegalMove, match="flag 1 is snoozed, and cannot be snoozed from there; what can be done: "):
        do(service, idle, Status.SNOOZED, why="on holiday", until=NOW + 10 * DAY)


def test_a_snooze_needs_a_reason_and_an_end(service: Service, idle: int) -> None:
    with pytest.raises(IllegalMove, match="needs a reason"):
        do(service, idle, Status.SNOOZED, until=NOW + DAY)
    with pytest.raises(IllegalMove, match="needs an end"):
        do(service, idle, Status.SNOOZED, why="on holiday")


def test_only_a_snooze_takes_an_end(service: Service, idle: int) -> None:
    with pytest.raises(IllegalMove, match="to contact flag 1 takes no end"):
        do(service, idle, Status.CONTACTED, until=NOW + DAY)


# --- the end


def test_closing_keeps_what_was_said_before_and_what_it_was_decided_on(service: Service, idle: int) -> None:
    do(service, idle, Status.CONTACTED, Status.CONFIRMED, Status.CLOSED)
    assert standing(service, idle) == Standing(
        status=Status.CLOSED, status_s=NOW, basis_s=NOW - 20 * DAY, outcome=Outcome.NOT_NEEDED, closed_at=NOW
    )


def test_closing_what_nobody_answered_needs_an_outcome(service: Service, idle: int) -> None:
    with pytest.raises(IllegalMove, match="needs an outcome: give one of not_needed, as_said, "):
        do(service, idle, Status.CLOSED)
    do(service, idle, Status.CLOSED, outcome=Outcome.WRONG_FLAG)
    assert standing(service, idle).outcome is Outcome.WRONG_FLAG


def test_that_it_is_over_by_itself_is_not_for_staff_to_say(service: Service, idle: int) -> None:
    with pytest.raises(IllegalMove, match="cannot have come to ended: give one of"):
        do(service, idle, Status.CLOSED, outcome=Outcome.ENDED)


def test_a_step_without_outcomes_takes_none(service: Service, idle: int) -> None:
    with pytest.raises(IllegalMove, match="cannot have come to moved: leave it out"):
        do(service, idle, Status.SNOOZED, why="later", until=NOW + DAY, outcome=Outcome.MOVED)


@pytest.mark.both_engines
def test_what_was_decided_can_be_taken_back_with_a_reason(service: Service, idle: int) -> None:
    do(service, idle, Status.CLOSED, outcome=Outcome.WRONG_FLAG)
    with pytest.raises(IllegalMove, match="to reopen flag 1 needs a reason"):
        do(service, idle, Status.OPEN)
    do(service, idle, Status.OPEN, why="wrong number typed", at=NOW + HOUR)
    assert standing(service, idle) == Standing(status=Status.OPEN, status_s=NOW + HOUR)


def test_a_closed_flag_does_not_come_back_beside_another_that_says_the_same(service: Service, idle: int) -> None:
    do(service, idle, Status.CLOSED, outcome=Outcome.WRONG_FLAG)
    with service.register.write() as conn:
        row = conn.execute(sa.select(flag)).mappings().one()
        fresh = {"flag_id": 2, "status": "open", "closed_at": None, "outcome": None, "basis_s": None}
        conn.execute(sa.insert(flag), {**row, **fresh})
    with pytest.raises(IllegalMove, match="flag 2 says the same of B by now"):
        do(service, idle, Status.OPEN, why="wrong number typed")


def test_a_closed_flag_goes_nowhere_but_back(service: Service, idle: int) -> None:
    do(service, idle, Status.CLOSED, outcome=Outcome.WRONG_FLAG)
    for to in set(Status) - {Status.OPEN}:
        with pytest.raises(IllegalMove, match="what can be done: reopen"):
            do(service, idle, to, why="x")


# --- who may do what with which


def test_a_safety_check_is_neither_put_off_nor_collected_nor_answered_by_still_needed(service: Service) -> None:
    service.lend("M", "mattress", unpowered_from=NOW - HOUR)
    check = raised(service, "unpowered")
    with pytest.raises(IllegalMove, match="asks for safety check: that is not put off"):
        do(service, check, Status.SNOOZED, why="busy", until=NOW + DAY)
    with pytest.raises(IllegalMove, match="asks for safety check: that it is still needed is no answer"):
        do(service, check, Status.STILL_NEEDED)
    do(service, check, Status.CONFIRMED)
    with pytest.raises(IllegalMove, match="asks for safety check: that is never a reason to fetch it"):
        do(service, check, Status.COLLECTION, why="van is near")


def test_what_a_safety_notice_calls_back_is_no_collection_and_is_not_put_off(service: Service) -> None:
    service.lend("B")
    with service.register.write() as conn:
        recalls.recall_asset(conn, "NatPSA/2023/010", "B", "bed rails", NOW - DAY)
    recalled = raised(service, "recall")
    with pytest.raises(IllegalMove, match="asks for withdraw: that is not put off"):
        do(service, recalled, Status.SNOOZED, why="busy", until=NOW + DAY)
    do(service, recalled, Status.CONFIRMED)
    with pytest.raises(IllegalMove, match="asks for withdraw: that is never a reason to fetch it"):
        do(service, recalled, Status.COLLECTION, why="van is near")


def test_overdue_and_in_use_is_never_collected(service: Service) -> None:
    service.lend("B", pathway="home_first", days=50)
    overdue = raised(service, "overdue")
    do(service, overdue, Status.CONTACTED, Status.CONFIRMED)
    with pytest.raises(IllegalMove, match="asks for review: that is never a reason to fetch it"):
        do(service, overdue, Status.COLLECTION, why="van is near")


def test_what_staff_see_themselves_needs_no_question(service: Service) -> None:
    service.lend("H", "hoist", place_id="store", place_type="store", place_from=NOW - DAY)
    found = raised(service, "seen_in_stores")
    do(service, found, Status.CONFIRMED)
    assert standing(service, found).outcome is Outcome.AS_SAID


def test_a_safety_check_that_somebody_was_asked_about_is_not_taken_for_not_needed(service: Service) -> None:
    service.lend("M", "mattress", unpowered_from=NOW - HOUR)
    check = raised(service, "unpowered")
    do(service, check, Status.CONTACTED, Status.CONFIRMED)
    assert standing(service, check).outcome is Outcome.AS_SAID


@pytest.mark.parametrize("step", [Status.CONTACTED, Status.COLLECTION])
def test_at_the_end_of_life_nothing_nears_the_home_but_on_a_clinicians_word(service: Service, step: Status) -> None:
    service.lend("B", pathway="end_of_life", **IDLE)
    bed = raised(service, "idle")
    if step is Status.COLLECTION:
        do(service, bed, Status.CONTACTED, Status.CONFIRMED, why=CLINICIAN)
    with pytest.raises(IllegalMove, match="nothing nears the home but on a clinician's word"):
        do(service, bed, step)
    do(service, bed, step, why=CLINICIAN)
    assert standing(service, bed).status is step


def test_staff_do_not_hold_a_flag_they_hold_its_loan(service: Service, idle: int) -> None:
    with pytest.raises(IllegalMove, match="cannot be held from there"):
        do(service, idle, Status.HELD)


def test_a_held_flag_waits_for_the_end_of_the_hold(service: Service, idle: int) -> None:
    with service.register.write() as conn:
        life.move_own(conn, [life.Own(idle, Standing(), Status.HELD, "in hospital")], NOW)
    with pytest.raises(IllegalMove, match="because its loan is: end the hold first, or close the flag"):
        do(service, idle, Status.CONTACTED)
    do(service, idle, Status.CLOSED, outcome=Outcome.NOT_NEEDED)


def test_no_step_is_dated_before_the_last(service: Service, idle: int) -> None:
    with pytest.raises(IllegalMove, match="is open since 11:00 on 12 November 2025: give a time after that"):
        do(service, idle, Status.CONTACTED, at=NOW - 1)
    do(service, idle, Status.CONTACTED, at=NOW + HOUR)
    with pytest.raises(IllegalMove, match="is contacted since 12:00"):
        do(service, idle, Status.CONFIRMED, at=NOW + HOUR - 1)


def test_a_flag_that_is_not_there_is_said_not_to_be(service: Service) -> None:
    with pytest.raises(IllegalMove, match="there is no flag 7: `kitback flags list` has their numbers"):
        do(service, 7, Status.CONTACTED)


# --- the table


def test_the_table_names_one_move_from_here_to_there_at_most() -> None:
    for frm in Status:
        for to in Status:
            for action in Action:
                for by_watch in (False, True):
                    fits = [
                        each
                        for each in life.MOVES
                        if (frm in each.frm, each.to, each.by_watch) == (True, to, by_watch) and action in each.suits
                    ]
                    assert len(fits) <= 1


def test_every_state_can_be_reached_and_left() -> None:
    assert {each.to for each in life.MOVES} == set(Status)
    assert {frm for each in life.MOVES for frm in each.frm} == set(Status)


def test_every_outcome_has_its_words() -> None:
    assert len({each.words for each in Outcome}) == len(Outcome)


# --- what is noted and told


def test_each_step_is_in_the_audit_log_with_what_changed(service: Service, idle: int) -> None:
    do(service, idle, Status.CONTACTED, why="rang the care home")
    with service.register.read() as conn:
        (noted,) = life.history(conn, idle)
    assert (noted.who, noted.what, noted.why) == ("amy", f"flag.contact {idle}", "rang the care home")
    assert noted.at_s == NOW
    assert noted.before == {"status": "open", "status_s": None}
    assert noted.after == {"status": "contacted", "status_s": NOW}


def test_a_refused_step_leaves_no_trace(service: Service, idle: int) -> None:
    before = standing(service, idle)
    with service.register.write() as conn:
        with pytest.raises(IllegalMove):
            life.move(conn, idle, Status.COLLECTION, NOW, "amy", "now", policy=service.policy)
        assert life.history(conn, idle) == []
    assert standing(service, idle) == before


@pytest.mark.both_engines
def test_the_judges_own_moves_are_noted_as_its_own(service: Service, idle: int) -> None:
    do(service, idle, Status.CONTACTED, Status.STILL_NEEDED)
    muted = standing(service, idle)
    with service.register.write() as conn:
        life.move_own(conn, [life.Own(idle, muted, Status.OPEN, "28 days are over")], NOW + DAY)
        *_, noted = life.history(conn, idle)
    assert (noted.who, noted.what, noted.why) == ("watch", f"flag.bring-back {idle}", "28 days are over")
    assert standing(service, idle) == Standing(status=Status.OPEN, status_s=NOW + DAY)


def test_what_staff_said_stays_when_a_flag_ends_by_itself(service: Service, idle: int) -> None:
    do(service, idle, Status.CONTACTED, Status.CONFIRMED)
    with service.register.write() as conn:
        life.move_own(conn, [life.Own(idle, standing_of(conn, idle), Status.CLOSED, "returned")], NOW)
    assert standing(service, idle) == Standing(
        status=Status.CLOSED, status_s=NOW, outcome=Outcome.NOT_NEEDED, closed_at=NOW
    )


def test_what_nobody_touched_ends_as_ended(service: Service, idle: int) -> None:
    with service.register.write() as conn:
        life.move_own(conn, [life.Own(idle, standing_of(conn, idle), Status.CLOSED, "in use again")], NOW)
    assert standing(service, idle).outcome is Outcome.ENDED


def standing_of(conn: sa.Connection, flag_id: int) -> Standing:
    return Standing.of(conn.execute(sa.select(flag).where(flag.c.flag_id == flag_id)).one())


def told(service: Service) -> list[str]:
    with service.register.read() as conn:
        rows = outbox.pending(conn, "anywhere", 1000, 1 << 20)
    return [line for row in rows for line in row.lines.decode().splitlines() if line.startswith("flag,")]


@pytest.mark.both_engines
def test_what_staff_close_is_told_to_the_history_after_what_was_told_before(service: Service, idle: int) -> None:
    service.judge(NOW + DAY)
    do(service, idle, Status.CLOSED, outcome=Outcome.WRONG_FLAG, at=NOW + HOUR)
    lines = told(service)
    assert "open=false" in lines[-1]
    assert max(lines, key=lambda line: int(line.rsplit(" ", 1)[1])) == lines[-1], "or dashboards would show it open"
    do(service, idle, Status.OPEN, why="wrong number typed", at=NOW + 2 * DAY)
    assert "open=true" in told(service)[-1]


def test_other_steps_are_not_told_to_the_history(service: Service, idle: int) -> None:
    before = told(service)
    do(service, idle, Status.CONTACTED, Status.CONFIRMED)
    assert told(service) == before
