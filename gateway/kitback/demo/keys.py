"""The keys of the demo's fleet: made anew for each run, from the system's randomness."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from typing import Any, Final

from kitback.virtual.stories import SSID

_ANCHOR_BYTES: Final = 6
_KEY_ID: Final = 1


@dataclass(frozen=True)
class Keys:
    """What tags and gateway share, and the pepper that only the gateway holds."""

    pepper: bytes
    anchor_key: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    _secrets: dict[str, bytes] = field(default_factory=dict)

    def secret(self, tag_id: str) -> bytes:
        """The tag's own secret."""
        return self._secrets.setdefault(tag_id, secrets.token_bytes(32))

    def anchor(self, address: bytes) -> str:
        """What a tag calls a radio address on the wire: six bytes of keyed hash, hexadecimal."""
        return hmac.digest(self.anchor_key, address, hashlib.sha256)[:_ANCHOR_BYTES].hex()

    def provision(self, tag_id: str, kind: str, broker: tuple[str, int]) -> dict[str, Any]:
        """What is written into the tag before it is fitted; docs/protocol.md says what each word means."""
        return {
            "kind": kind,
            "secret": self.secret(tag_id).hex(),
            "anchor_key": self.anchor_key.hex(),
            "key_id": _KEY_ID,
            "networks": [[SSID, "demo"]],
            "broker": list(broker),
            "user": None,
            "password": None,
            "root": "kitback",
        }
