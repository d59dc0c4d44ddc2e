"""Shard groups: the sessions that share out the tags among them, and so among gateways.

A tag's topics begin with its shard, the last hexadecimal digit of its id. All reports of a tag come through one
session, in order, whichever gateway holds it.
"""

from typing import Final, Literal

from kitback import wire
from kitback.intake.sessions import Broker, Session
from kitback.register import Register, listening
from kitback.register.settled import settle

ShardGroups = Literal[1, 2, 4, 8, 16]
"""Into how many groups the 16 shards may be divided."""

_SHARDS: Final = "0123456789abcdef"


class WrongGroups(ValueError):
    """The register was begun with another number of shard groups; the message says what to do."""


def settle_groups(register: Register, groups: ShardGroups) -> None:
    """Fix the number of shard groups when a register is first used, and so which sessions are to be listened to.

    Raises:
        WrongGroups: the register was begun with another.
        RegisterError: the database failed.
    """
    settled = settle(register, "shard_groups", str(groups))
    if settled != str(groups):
        raise WrongGroups(
            f"shard_groups = {groups}, but this register was begun with {settled}, and reports wait on the broker in "
            f"sessions of that many groups: set shard_groups = {settled}"
        )
    with register.write() as conn:
        listening.expect(conn, _names(register.epoch, groups))


def sessions_for(broker: Broker, root: str, epoch: str, groups: ShardGroups) -> list[Session]:
    """The sessions of a register, one a shard group; their names are the same in every gateway on it."""
    shards = ["+"] if groups == 1 else [_SHARDS[group::groups] for group in range(groups)]
    return [
        Session(broker, name, [f"{root}/{shard}/+/{wire.UP_REPORT}" for shard in mine])
        for name, mine in zip(_names(epoch, groups), shards, strict=True)
    ]


def _names(epoch: str, groups: ShardGroups) -> list[str]:
    """What the sessions are called on the broker."""
    return [f"kitback-{epoch}"] if groups == 1 else [f"kitback-{epoch}-{group}" for group in range(groups)]
