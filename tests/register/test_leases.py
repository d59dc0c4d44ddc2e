"""Leases: shared out fairly, taken over when over, and never relied on by two at once."""

import os
import signal
import subprocess
import sys

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kitback.register import Register
from kitback.register.leases import LeaseLost, Leases
from kitback.register.tables import lease

NAMES = {"a", "b", "c", "d"}


def run_out(register: Register, holder: Leases) -> None:
    """Let the time of a holder's leases pass."""
    with register.write() as conn:
        conn.execute(sa.update(lease).where(lease.c.holder == holder.holder).values(until_s=1.0))


def is_sure(register: Register, holder: Leases) -> bool:
    """Whether a holder may rely on what it last held."""
    with register.write() as conn:
        try:
            holder.check(conn)
        except LeaseLost:
            return False
    return True


def test_who_is_alone_holds_all(register: Register) -> None:
    leases = Leases(register)
    assert leases.share(NAMES) == leases.share(NAMES) == NAMES
    assert is_sure(register, leases)


def test_who_joins_gets_a_fair_share_and_the_rest_stays_where_it_is(register: Register) -> None:
    first, second = Leases(register), Leases(register)
    first.share(NAMES)
    assert second.share(NAMES) == set()
    kept = first.share(NAMES)
    assert len(kept) == 2
    assert second.share(NAMES) == NAMES - kept
    assert first.share(NAMES) == kept
    assert is_sure(register, first)
    assert is_sure(register, second)


def test_a_worker_with_its_share_keeps_it_whatever_else_is_free(register: Register) -> None:
    first, second = Leases(register), Leases(register)
    second.share(NAMES)
    first.share(NAMES)
    of_second = second.share(NAMES)
    of_first = first.share(NAMES)
    for worker, own, others in ((first, of_first, of_second), (second, of_second, of_first)):
        with register.write() as conn:
            conn.execute(sa.update(lease).where(lease.c.name.in_(sorted(others))).values(until_s=1.0))
        assert worker.share(NAMES) == own


def test_more_gateways_than_sessions_stand_by(register: Register) -> None:
    first, second = Leases(register), Leases(register)
    assert first.share({"only"}) == {"only"}
    assert second.share({"only"}) == set()
    assert first.share({"only"}) == {"only"}


def test_what_is_given_back_is_free_and_relied_on_no_more(register: Register) -> None:
    first, second = Leases(register), Leases(register)
    first.share(NAMES)
    first.give_back()
    assert not is_sure(register, first)
    assert second.share(NAMES) == NAMES


def test_who_can_do_nothing_with_its_sessions_leaves_them_all_to_who_can(register: Register) -> None:
    deaf, other = Leases(register), Leases(register)
    deaf.share(NAMES)
    other.share(NAMES)
    assert deaf.share(NAMES, deaf=True) == set()
    assert other.share(NAMES) == NAMES


def test_who_can_do_nothing_with_its_sessions_but_is_alone_keeps_them(register: Register) -> None:
    assert Leases(register).share(NAMES, deaf=True) == NAMES


def test_a_lease_from_before_the_clock_was_put_back_is_over(register: Register) -> None:
    first, second = Leases(register), Leases(register)
    first.share(NAMES)
    first.leads("watch", seconds=120)
    with register.write() as conn:
        conn.execute(sa.update(lease).values(until_s=lease.c.until_s + 3600))
    assert second.share(NAMES) == NAMES
    assert second.leads("watch", seconds=120)
    assert not is_sure(register, first)


def test_a_long_lease_lasts_although_others_are_short(register: Register) -> None:
    first, second = Leases(register), Leases(register)
    first.leads("watch", seconds=120)
    second.share(NAMES)
    assert not second.leads("watch", seconds=120)


def test_who_does_not_renew_is_replaced_and_stopped(register: Register) -> None:
    first, second = Leases(register), Leases(register)
    first.share(NAMES)
    run_out(register, first)
    assert is_sure(register, first)  # nobody has come for them yet
    assert second.share(NAMES) == NAMES
    assert not is_sure(register, first)
    with pytest.raises(LeaseLost, match="a, b, c, d"), register.write() as conn:
        first.check(conn)


def test_a_process_that_was_killed_is_not_waited_for(register: Register) -> None:
    code = (
        "import sys; from kitback.register import Register; from kitback.register.leases import Leases\n"
        "print(len(Leases(Register.open(sys.argv[1]), 3600).share(set('abcd'))), flush=True)\n"
        "sys.stdin.read()"
    )
    url = str(register.engine.url)
    with subprocess.Popen([sys.executable, "-c", code, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout
        assert other.stdout.readline() == b"4\n"
        leases = Leases(register, 3600)
        assert leases.share(NAMES) == set()
        os.kill(other.pid, signal.SIGKILL)
        other.wait(10)
        assert leases.share(NAMES) == NAMES


def test_one_gateway_does_a_task_for_all(register: Register) -> None:
    first, second = Leases(register), Leases(register)
    assert first.leads("watch")
    assert not second.leads("watch")
    assert first.leads("watch")
    first.give_back()
    assert second.leads("watch")
    assert not Leases(register).leads("watch")


def test_a_task_passes_on_when_its_time_is_up(register: Register) -> None:
    first, second = Leases(register), Leases(register)
    first.leads("watch", seconds=0)
    assert second.leads("watch")
    assert not first.leads("watch", seconds=0)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(
    doings=st.lists(
        st.tuples(st.integers(0, 2), st.sampled_from(["share", "share", "share", "run out", "give back"])), max_size=20
    )
)
def test_no_two_can_ever_rely_on_one_lease(register: Register, doings: list[tuple[int, str]]) -> None:
    workers = [Leases(register) for _ in range(3)]
    held: list[frozenset[str]] = [frozenset()] * 3
    for who, what in doings:
        if what == "share":
            held[who] = workers[who].share(NAMES)
        elif what == "run out":
            run_out(register, workers[who])
        else:
            workers[who].give_back()
            held[who] = frozenset()
        relied_on = [
            name for worker, names in zip(workers, held, strict=True) if is_sure(register, worker) for name in names
        ]
        assert len(relied_on) == len(set(relied_on))
    for worker in workers:
        worker.give_back()
