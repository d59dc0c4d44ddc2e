"""One judgement of all assets: findings become flags, flags are kept up to date, flags that no longer hold are closed.

One scan finds the assets worth a look. They are looked at some hundred at a time: read, weighed, and what follows is
written in a short transaction of its own, so that reports are taken in meanwhile. Most of what has a flag, or had one
that staff closed, stays as it is: it is read beside those who write, and what changed between the reading and the
writing is left to the next judgement. So is the rest when the gateway is killed: judging again does it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kitback.policy import Policy
from kitback.register import Register, feeds, listening
from kitback.register.undisturbed import undisturbed
from kitback.watch import delivery, gauges, new_policy
from kitback.watch.keep import Cause, keep
from kitback.watch.life import Status
from kitback.watch.sight import AT_ONCE, Sights, unchanged
from kitback.watch.weigh import Changes, weigh


@dataclass(frozen=True, slots=True)
class Judged:
    """What one judgement did, in flags."""

    opened: int = 0
    changed: int = 0
    """Open before and after, with another beginning or in other words."""
    closed: int = 0
    moved: int = 0
    """Held, or brought back to those who muted them."""

    def and_then(self, changes: Changes) -> "Judged":
        """With what was done next."""
        closed = sum(own.to is Status.CLOSED for _, own in changes.moved)
        return Judged(
            self.opened + len(changes.opened),
            self.changed + len(changes.changed),
            self.closed + closed,
            self.moved + len(changes.moved) - closed,
        )


def judge(register: Register, policy: Policy, now_s: int) -> Judged:
    """Judge every asset at `now_s`, in many short transactions.

    Raises:
        RegisterError: the database failed; what was judged until then stays, and judging again does the rest.
    """
    delivery.note(register, policy, now_s)
    with register.read() as conn:
        since = listening.since(conn, now_s)
        stale = [each.source for each in feeds.stale(conn, policy.feed.stale_after, now_s)]
    listening_from = now_s + 1 if since is None else since
    seen_before = new_policy.adopt(register, policy, now_s, listening_from)
    sights = Sights(policy, now_s, listening_from, stale)
    if seen_before is None:
        judged = _judge(register, sights, policy, now_s, lambda *_: "seen")
    else:
        judged = _judge(register, sights, policy, now_s, lambda *each: "seen" if each in seen_before else "policy")
        new_policy.settle(register, now_s)
    gauges.tell(register, now_s)
    return judged


def _judge(register: Register, sights: Sights, policy: Policy, now_s: int, cause: Cause) -> Judged:
    with register.read() as conn:
        known, fresh = sights.worth_a_look(conn)
    done = Judged()
    for assets in _some(known):
        with undisturbed():
            done = done.and_then(_follow(register, sights, assets, policy, now_s, cause))
    for assets in _some(fresh):
        # On PostgreSQL reports may come in meanwhile: it is as if they had come a moment later.
        with undisturbed(), register.write() as conn:
            changes = weigh(sights.of(conn, assets).values())
            keep(conn, changes, policy, now_s, cause)
        done = done.and_then(changes)
    return done


def _some(assets: Sequence[str]) -> Iterator[Sequence[str]]:
    return (assets[start : start + AT_ONCE] for start in range(0, len(assets), AT_ONCE))


def _follow(
    register: Register, sights: Sights, assets: Sequence[str], policy: Policy, now_s: int, cause: Cause
) -> Changes:
    """Keep the flags of these assets up to date, and raise what else is seen in them; returns what was done."""
    with register.read() as conn:
        before = sights.of(conn, assets)
    changes = weigh(before.values())
    if changes:
        with register.write() as conn:
            changes = changes.of(unchanged(conn, {each: before[each] for each in changes.assets}))
            keep(conn, changes, policy, now_s, cause)
    return changes
