"""The gateway's own key over the anchors' hashes.

A tag hashes what it hears under a key that every tag of the fleet holds; whoever opens a tag could test addresses
against a stolen register. The pepper never leaves the gateway.
"""

import hashlib
import hmac
import os
import secrets
from pathlib import Path

_BYTES = 32


def load_pepper(path: Path) -> bytes:
    """The pepper kept in a file, made on first use and readable by its owner only.

    Raises:
        ValueError: the file is there but holds no pepper.
        OSError: it cannot be read or made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        pepper = path.read_bytes()
        if len(pepper) != _BYTES:
            message = f"{path} holds no pepper ({len(pepper)} bytes, not {_BYTES}): put back the right file; a new one "
            raise ValueError(message + "makes every known anchor unknown") from None
        return pepper
    with os.fdopen(descriptor, "wb") as file:
        pepper = secrets.token_bytes(_BYTES)
        file.write(pepper)
        file.flush()
        os.fsync(file.fileno())
    return pepper


def fingerprint(pepper: bytes) -> str:
    """What tells one pepper from another, and says nothing else of it."""
    return hashlib.sha256(pepper).hexdigest()


def peppered(pepper: bytes, anchor: str) -> str:
    """The name of an anchor in the register, from the hash a tag knows it by (hexadecimal)."""
    return hmac.digest(pepper, bytes.fromhex(anchor), hashlib.sha256).hex()
