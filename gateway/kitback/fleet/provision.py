"""What makes a tag this service's own: its secret, the fleet's anchor key, the broker, the networks."""

import json
import os
import secrets
import stat
import tomllib
from pathlib import Path
from ssl import PEM_cert_to_DER_cert
from typing import Annotated, Any, Final

import msgspec
import sqlalchemy as sa
from msgspec import Meta, Struct

from kitback.fleet.line import Line
from kitback.register import Register, tables, tags

_SECRET_BYTES: Final = 32
_UNHEARD_CLOCKS: Final = 1000  # room for clocks that began and ended without a report
_ROOM: Final = 2048  # bytes that firmware/tag/nvs.py reads


class FleetError(Exception):
    """The fleet file cannot be used. Says where and what, never a secret."""


class Network(Struct, frozen=True, forbid_unknown_fields=True):
    """A Wi-Fi that the tag may join."""

    ssid: Annotated[str, Meta(min_length=1, max_length=32)]
    password: Annotated[str, Meta(max_length=63)]


class AnchorKey(Struct, frozen=True, forbid_unknown_fields=True):
    """The key that the fleet's tags hash radio addresses with."""

    id: Annotated[int, Meta(ge=0, le=255)]
    key: Annotated[str, Meta(pattern=r"^([0-9a-f]{2}){16,32}$")]


class Fleet(Struct, frozen=True, forbid_unknown_fields=True):
    """The fleet file: what all tags of a service share."""

    broker: Annotated[str, Meta(pattern=r"^[^:\s]+:[0-9]{1,5}$")]
    anchor: AnchorKey
    networks: Annotated[list[Network], Meta(min_length=1)]
    root: str = "kitback"
    user: str | None = None
    password: str | None = None
    ca_file: str | None = None
    """The authority that signed the broker's certificate, PEM or DER; with it the tag speaks TLS."""


def read_fleet(path: Path) -> Fleet:
    """Read a fleet file.

    Raises:
        FleetError: it is not there, is not one, or others on this computer may read it.
    """
    try:
        if os.name == "posix" and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise FleetError(f"{path} holds passwords and others may read it: do `chmod 600 {path}`")
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Fleet)
    except OSError as error:
        raise FleetError(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FleetError(f"{path}: not TOML: {error}") from None
    except msgspec.ValidationError as error:
        raise FleetError(f"{path}: {error}") from None


def provision(line: Line, register: Register, fleet: Fleet, kind: str, at: int) -> str:
    """Enrol the tag on the line and give it all that it needs; the tag's id.

    A tag that the register knows keeps its secret, so that this can be repeated, and networks can be changed.

    Raises:
        FleetError: the document would not fit the tag.
        LineFailed: the tag did not take it.
    """
    tag_id = line.tag_id()
    text = _document(fleet, kind, *_enrolled(register, tag_id, at), at)
    # Flashing empties the NVS; a clock's number must not come back all the same, for the register knows it as another.
    if newest := _newest_clock(register, tag_id):
        line.count_from("power_ons", newest + _UNHEARD_CLOCKS)
    line.keep("provision", text)
    return tag_id


def _document(fleet: Fleet, kind: str, secret: bytes, generation: int, at: int) -> bytes:
    """The provisioning document, as firmware/tag/config.py reads it."""
    host, _, port = fleet.broker.rpartition(":")
    values: dict[str, Any] = {
        "kind": kind,
        "secret": secret.hex(),
        "anchor_key": fleet.anchor.key,
        "key_id": fleet.anchor.id,
        "networks": [[each.ssid, each.password] for each in fleet.networks],
        "broker": [host, int(port)],
        "user": fleet.user,
        "password": fleet.password,
        "root": fleet.root,
        "generation": generation,
        "unix": at,
    }
    if fleet.ca_file:
        values["ca"] = _der(Path(fleet.ca_file)).hex()
    text = json.dumps(values, separators=(",", ":")).encode()
    if len(text) > _ROOM:
        raise FleetError(
            f"the tag has room for {_ROOM} bytes of provisioning, this is {len(text)}: "
            "name fewer networks, or use a certificate authority with an EC key, which is smaller"
        )
    return text


def _enrolled(register: Register, tag_id: str, at: int) -> tuple[bytes, int]:
    """(secret, generation) of a tag, which is enrolled with a new secret if the register does not know it."""
    with register.write() as conn:
        secret = conn.scalar(sa.select(tables.tag.c.secret).where(tables.tag.c.tag_id == tag_id))
        if secret is None:
            secret = secrets.token_bytes(_SECRET_BYTES)
            tags.enrol_tag(conn, tag_id, secret, at)
        return bytes(secret), tags.provision_tag(conn, tag_id, at)


def _newest_clock(register: Register, tag_id: str) -> int:
    """The number of the clock that the tag last reported on; 0 when it never did."""
    with register.read() as conn:
        return conn.scalar(sa.select(tables.tag_now.c.clock).where(tables.tag_now.c.tag_id == tag_id)) or 0


def _der(path: Path) -> bytes:
    """A certificate as a tag wants it."""
    try:
        data = path.read_bytes()
        return PEM_cert_to_DER_cert(data.decode("ascii").strip()) if data.startswith(b"-----") else data
    except OSError as error:
        raise FleetError(f"{path}: {error.strerror}") from None
    except ValueError:
        raise FleetError(f"{path}: not one certificate in PEM or DER") from None
