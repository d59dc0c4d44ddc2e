"""Tags as the service knows them: enrolled with a secret, given their keys and networks."""

import sqlalchemy as sa

from kitback import wire
from kitback.register import audit_log
from kitback.register.steps import IllegalMove, refuse_existing, the_row
from kitback.register.tables import audit, tag

_SECRET_BYTES = 16


def enrol_tag(
    conn: sa.Connection, tag_id: str, secret: bytes, at: int, *, who: str = "system", why: str | None = None
) -> None:
    """Make a tag known, with the secret that signs its messages.

    Raises:
        IllegalMove: it is enrolled already, its id is no tag id, or the secret is too short.
    """
    if not wire.TAG_ID.fullmatch(tag_id):
        raise IllegalMove(f"{tag_id!r} is no tag id: give the 8 to 16 lower-case hexadecimal digits on its label")
    if len(secret) < _SECRET_BYTES:
        raise IllegalMove(f"the secret of tag {tag_id} has {len(secret)} bytes: give at least {_SECRET_BYTES}")
    refuse_existing(conn, tag, tag_id, "tag")
    conn.execute(sa.insert(tag), {"tag_id": tag_id, "secret": secret, "enrolled_at": at})
    # Without its row: the secret is nobody's to read.
    audit_log.note(conn, at, who, f"tag.enrol {tag_id}", why=why, after={})


def provision_tag(conn: sa.Connection, tag_id: str, at: int, *, who: str = "system", why: str | None = None) -> int:
    """Note that a tag is given its keys and networks. Returns which time this is, the provisioning's generation.

    Raises:
        IllegalMove: the tag is unknown.
    """
    the_row(conn, tag, tag_id, "tag")
    what = f"tag.provision {tag_id}"
    before = conn.scalar(sa.select(sa.func.count()).select_from(audit).where(audit.c.what == what)) or 0
    audit_log.note(conn, at, who, what, why=why, after={"generation": before + 1})
    return before + 1
