"""`ssl` of the ESP32 port, which holds certificates' dates against the RTC. The PC's own holds them against its clock.

Only the authority's dates are looked at here: by them, too, a tag whose clock says 2000 trusts nobody.
"""

import time

import tls
from tls import *  # noqa: F403

_UTC_TIME = b"\x17\x0d"  # DER's tag and length of YYMMDDhhmmssZ; the first two are the dates of validity
_VERIFY_FAILED = -0x2700


class SSLContext:
    def __init__(self, protocol):
        self._context = tls.SSLContext(protocol)
        self._from = self._until = b""

    @property
    def verify_mode(self):
        return self._context.verify_mode

    @verify_mode.setter
    def verify_mode(self, mode):
        self._context.verify_mode = mode

    def load_verify_locations(self, cadata):
        self._context.load_verify_locations(cadata)
        begins = cadata.find(_UTC_TIME) + 2
        self._from = bytes(cadata[begins : begins + 12])
        ends = cadata.find(_UTC_TIME, begins) + 2
        self._until = bytes(cadata[ends : ends + 12])

    def wrap_socket(self, sock, server_side=False, do_handshake_on_connect=True, server_hostname=None):
        year, month, day, hour, minute, second = time.gmtime()[:6]
        if (
            not self._from
            <= b"%02d%02d%02d%02d%02d%02d" % (year % 100, month, day, hour, minute, second)
            <= self._until
        ):
            raise OSError(_VERIFY_FAILED, "MBEDTLS_ERR_X509_CERT_VERIFY_FAILED")
        return self._context.wrap_socket(
            sock,
            server_side=server_side,
            do_handshake_on_connect=do_handshake_on_connect,
            server_hostname=server_hostname,
        )
