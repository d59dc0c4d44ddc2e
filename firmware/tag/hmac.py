"""HMAC-SHA256 (RFC 2104), which MicroPython leaves out."""

import hashlib
from binascii import b2a_base64


def digest(key: bytes, *parts: bytes | memoryview) -> bytes:
    """The 32 bytes of HMAC-SHA256 of the parts one after the other."""
    if len(key) > 64:
        key = hashlib.sha256(key).digest()
    key = key + bytes(64 - len(key))
    inner = hashlib.sha256(bytes(b ^ 0x36 for b in key))
    for part in parts:
        inner.update(part)
    outer = hashlib.sha256(bytes(b ^ 0x5C for b in key))
    outer.update(inner.digest())
    return outer.digest()


def signature(secret: bytes, channel: bytes, body: bytes | memoryview) -> bytes:
    """The 24 base64 bytes that close a message on a channel."""
    return b2a_base64(digest(secret, channel, b"\n", body)[:16])[:24]


def seal(secret: bytes, channel: bytes, body: bytes) -> bytes:
    """A signed message."""
    return body + b"\n" + signature(secret, channel, body)


def unseal(secret: bytes, channel: bytes, message: bytes) -> bytes | None:
    """The body of a signed message, or None if the signature is missing or wrong."""
    body, _, mac = message.rpartition(b"\n")
    return body if equal(mac, signature(secret, channel, body)) else None


def equal(a: bytes, b: bytes) -> bool:
    """Whether two byte strings are equal, in a time that does not tell where they differ."""
    if len(a) != len(b):
        return False
    difference = 0
    for i in range(len(a)):
        difference |= a[i] ^ b[i]
    return difference == 0
