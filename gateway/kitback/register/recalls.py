"""Safety notices: an asset is called back because it may do harm, until it was made safe."""

import sqlalchemy as sa

from kitback.register import judgements
from kitback.register.steps import IllegalMove, change, enter, refuse_silence, the_row, when
from kitback.register.tables import asset, recall

STEPS = ("recall.begin", "recall.end")
"""What the audit log calls them."""


def recall_asset(
    conn: sa.Connection,
    recall_ref: str,
    asset_id: str,
    reason: str,
    at: int,
    *,
    who: str = "system",
    why: str | None = None,
) -> None:
    """A safety notice, known by its own number, calls an asset back. It may be on loan, and stays so until it is back.

    Raises:
        IllegalMove: there is no such asset, the notice has no number or reason, or it called this asset back before.
    """
    the_row(conn, asset, asset_id, "asset")
    if not recall_ref.strip():
        raise IllegalMove("a safety notice has a number: give it, as the notice says")
    refuse_silence("what the notice warns of", reason)
    known = _find(conn, recall_ref, asset_id)
    if known is not None:
        state = "does so still" if known.ended_s is None else f"it was made safe at {when(known.ended_s)}"
        raise IllegalMove(
            f"notice {recall_ref} called asset {asset_id} back at {when(known.from_s)}, {state}: "
            "give another notice's number, or check the id"
        )
    values = {"recall_ref": recall_ref, "asset_id": asset_id, "reason": reason, "from_s": at}
    enter(conn, recall, values, at, who, f"recall.begin {recall_ref} {asset_id}", why)
    judgements.refresh(conn, asset_id)


def make_safe(
    conn: sa.Connection, recall_ref: str, asset_id: str, at: int, *, who: str = "system", why: str | None = None
) -> None:
    """An asset is no longer called back: it was made safe, or the notice was withdrawn.

    Raises:
        IllegalMove: the notice does not call it back, or did not yet at that time.
    """
    mine = _find(conn, recall_ref, asset_id)
    if mine is None or mine.ended_s is not None:
        raise IllegalMove(f"notice {recall_ref} does not call asset {asset_id} back: check number and id")
    if at < mine.from_s:
        raise IllegalMove(
            f"notice {recall_ref} called asset {asset_id} back at {when(mine.from_s)}, it cannot have been made safe "
            f"at {when(at)}: check the date"
        )
    change(conn, recall, mine, {"ended_s": at}, at, who, f"recall.end {recall_ref} {asset_id}", why)
    judgements.refresh(conn, asset_id)


def refuse_recalled(conn: sa.Connection, asset_id: str) -> None:
    """Refuse to give out what a safety notice calls back.

    Raises:
        IllegalMove: one does.
    """
    for each in conn.execute(sa.select(recall).where(recall.c.asset_id == asset_id, recall.c.ended_s.is_(None))):
        raise IllegalMove(
            f"asset {asset_id} is called back by notice {each.recall_ref} since {when(each.from_s)} ({each.reason}): "
            "make it safe first, or choose another asset"
        )


def _find(conn: sa.Connection, recall_ref: str, asset_id: str) -> sa.Row[tuple[object, ...]] | None:
    mine = (recall.c.recall_ref == recall_ref, recall.c.asset_id == asset_id)
    return conn.execute(sa.select(recall).where(*mine)).one_or_none()
