"""Which tag is on which asset, and from when to when: a record is its asset's that its tag was on at the time.

What a tag told of a time for which its fitting was entered only afterwards is no asset's, and stays so.
"""

import sqlalchemy as sa

from kitback.register import judgements
from kitback.register.steps import IllegalMove, change, enter, the_row, when
from kitback.register.tables import asset, fitting, tag

STEPS = ("tag.fit", "tag.unfit")
"""What the audit log calls them."""


def fit_tag(
    conn: sa.Connection, tag_id: str, asset_id: str, at: int, *, who: str = "system", why: str | None = None
) -> None:
    """Fit a tag to an asset: what it notes from `at` on is the asset's.

    Raises:
        IllegalMove: either is unknown, or is fitted to something else.
    """
    hold_tag(conn, tag_id)
    the_row(conn, tag, tag_id, "tag")
    the_row(conn, asset, asset_id, "asset")
    for mine in conn.execute(
        sa.select(fitting).where(
            sa.or_(fitting.c.tag_id == tag_id, fitting.c.asset_id == asset_id),
            sa.or_(fitting.c.to_s.is_(None), fitting.c.to_s > at),
        )
    ):
        raise IllegalMove(
            f"cannot fit tag {tag_id} to asset {asset_id} at {when(at)}: tag {mine.tag_id} is on asset "
            f"{mine.asset_id} from {when(mine.from_s)}; take that tag off first"
        )
    values = {"tag_id": tag_id, "asset_id": asset_id, "from_s": at}
    enter(conn, fitting, values, at, who, f"tag.fit {tag_id}", why)
    _new_tag(conn, asset_id)


def unfit_tag(conn: sa.Connection, tag_id: str, at: int, *, who: str = "system", why: str | None = None) -> None:
    """Take a tag off its asset.

    Raises:
        IllegalMove: it is on none, or was fitted later than `at`.
    """
    hold_tag(conn, tag_id)
    mine = conn.execute(sa.select(fitting).where(fitting.c.tag_id == tag_id, fitting.c.to_s.is_(None))).one_or_none()
    if mine is None:
        raise IllegalMove(f"tag {tag_id} is fitted to no asset: check the tag id")
    if at < mine.from_s:
        raise IllegalMove(
            f"tag {tag_id} was fitted at {when(mine.from_s)}, it cannot come off at {when(at)}: check the date"
        )
    change(conn, fitting, mine, {"to_s": at}, at, who, f"tag.unfit {tag_id}", why)
    _new_tag(conn, mine.asset_id)


def hold_tag(conn: sa.Connection, tag_id: str) -> None:
    """Let no report of a tag be taken in until this is done: whose it is, is about to change."""
    conn.execute(sa.select(tag.c.tag_id).where(tag.c.tag_id == tag_id).with_for_update(key_share=True))


def _new_tag(conn: sa.Connection, asset_id: str) -> None:
    """Another tag, or none."""
    judgements.refresh(conn, asset_id)
    judgements.forget_power(conn, asset_id)
