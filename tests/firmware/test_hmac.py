"""The tag signs as RFC 4231 and wire.py do."""

import pytest

from kitback import wire

# RFC 4231, test cases 1, 2, 3 and 6 (a key longer than a block).
VECTORS = [
    ("0b" * 20, b"Hi There".hex(), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
    (
        b"Jefe".hex(),
        b"what do ya want for nothing?".hex(),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    ),
    ("aa" * 20, "dd" * 50, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
    (
        "aa" * 131,
        b"Test Using Larger Than Block-Size Key - Hash Key First".hex(),
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    ),
]


@pytest.mark.parametrize(("key", "message", "expected"), VECTORS)
def test_digest_is_that_of_rfc_4231(on_tag, key, message, expected):
    assert (
        on_tag(
            """
from tag import hmac
key, message = [bytes.fromhex(text) for text in given]
print(json.dumps(hmac.digest(key, message[:3], message[3:]).hex()))
""",
            [key, message],
        )
        == expected
    )


def test_signature_is_the_one_the_gateway_makes(on_tag):
    assert on_tag(
        """
from tag import hmac, report
print(json.dumps(hmac.signature(bytes(range(32)), report.UP, b'{"v":1}').decode()))
"""
    ) == (wire.signature(bytes(range(32)), wire.UP_REPORT, b'{"v":1}').decode())


def test_a_message_is_opened_only_when_whole_and_meant_for_this_channel(on_tag):
    secret = bytes(range(32))
    good = wire.seal(secret, wire.DOWN_ACK, b'{"v":1}').decode()
    reflected = wire.seal(secret, wire.UP_REPORT, b'{"v":1}').decode()
    damaged = good.replace("1", "2", 1)
    assert on_tag(
        """
from tag import hmac, report
opened = [hmac.unseal(bytes(range(32)), report.DOWN, text.encode()) for text in given]
print(json.dumps([body and body.decode() for body in opened]))
""",
        [good, reflected, damaged, good[:-1], "", "\n"],
    ) == ['{"v":1}', None, None, None, None, None]
