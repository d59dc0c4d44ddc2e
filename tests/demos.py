"""The demo's register as a clerk finds it on the last day of its stories, without the minute that they take."""

from pathlib import Path

import sqlalchemy as sa

from kitback.demo.keys import Keys
from kitback.demo.loans import LENT, furnish
from kitback.policy import load
from kitback.register import Register, listening
from kitback.register.tables import judgement
from kitback.virtual.stories import DAY, DAYS, STORIES
from kitback.watch import judge

END_S = 1_763_366_400
"""Monday 17 November 2025, 08:00 in London."""
UNUSED = "bed-unused-since-day-12"


def furnished(file: Path) -> Register:
    """The places, equipment and loans of all stories; and the idle bed's flag, of what its tag would have told."""
    register = Register.open(f"sqlite:///{file}")
    start_s, policy = END_S - DAYS * DAY, load()
    with register.write() as conn:
        furnish(conn, STORIES, policy, Keys(b"p" * 32), start_s, seed=1)
        listening.connected(conn, start_s)
        told = {"used_at": start_s + 12 * DAY, "heard_at": END_S, "complete_to": END_S, "whole": True}
        conn.execute(sa.update(judgement).where(judgement.c.asset_id == LENT[UNUSED].asset_id).values(**told))
        listening.still(conn, END_S)
    judge(register, policy, END_S)
    return register
