"""InfluxDB as a sink of ready lines, and what each of its answers means.

1.8, 2 and 3 share the path `/api/v2/write`; to 1.8 the token is `user:password`, and the organisation is any word.
The client's synchronous write is used: its batching mode can lose lines.
"""

import json

from influxdb_client.client.exceptions import InfluxDBError
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.domain.write_precision import WritePrecision
from urllib3.exceptions import HTTPError

from kitback.history.cause import cause

_TIMEOUT_MS = 10_000

_REMEDIES = {
    401: "check the token",
    403: "check that the token may write to the bucket",
    404: "check the names of organisation and bucket, and that the bucket was made",
}


class NotWritten(Exception):
    """The lines were not, or not all, written. The words say why."""


class TooLarge(NotWritten):
    """The server would take the lines in smaller pieces."""


class Refused(NotWritten):
    """The server read the lines and will never take at least one of them; it may have written the others."""


class Busy(NotWritten):
    """The server cannot take lines now, or cannot be reached. It may have written them."""

    def __init__(self, words: str, retry_after_s: float | None = None) -> None:
        super().__init__(words)
        self.retry_after_s = retry_after_s
        """How long the server asks to be left alone, if it said so."""


class Shut(NotWritten):
    """The server will take no lines from us until a person changes something."""


class Influx:
    """A bucket of an InfluxDB.

    Args:
        url: such as `https://influx.example.org:8086`
        token: one that may write to the bucket
    """

    def __init__(self, url: str, token: str, org: str, bucket: str) -> None:
        self.url = url.rstrip("/")
        self.token = token
        self.org = org
        self.bucket = bucket
        self._client = InfluxDBClient(self.url, token, org=org, enable_gzip=True, timeout=_TIMEOUT_MS)
        self._write = self._client.write_api(SYNCHRONOUS).write

    @property
    def name(self) -> str:
        """What the register calls this sink."""
        return f"{self.url} {self.org}/{self.bucket}"

    def write(self, lines: bytes) -> None:
        """Write lines of line protocol whose times are in microseconds. To repeat lines is harmless.

        Raises:
            NotWritten: one of its four kinds says what may follow.
        """
        try:
            self._write(self.bucket, record=lines, write_precision=WritePrecision.US)  # type: ignore[arg-type]
        except InfluxDBError as error:
            raise self._meaning(error) from error
        except (HTTPError, OSError) as error:
            raise Busy(f"InfluxDB at {self.url} cannot be reached: {cause(error)}") from error

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _meaning(self, error: InfluxDBError) -> NotWritten:
        if error.response is None:  # the client reports a failed TLS handshake so
            return Shut(f"InfluxDB at {self.url} cannot be trusted: {cause(error)}; check its certificate")
        status = error.response.status
        own_words = _own_words(error.response.data)
        said = f"InfluxDB at {self.url} answered {status}: {own_words or error.response.reason}"
        match status:
            case 413:
                return TooLarge(said)
            case 400 | 422 if own_words:  # a proxy's 400 says nothing about our lines
                return Refused(own_words)
            case 429 | 500 | 502 | 503 | 504:
                return Busy(said, _seconds(error.retry_after))
        return Shut(f"{said}; {_REMEDIES.get(status, 'check that this is the address of an InfluxDB')}")


def _own_words(body: str | bytes) -> str | None:
    """The message of an answer that InfluxDB itself made: 2 calls it `message`, 1.8 and 3 `error`."""
    try:
        answer = json.loads(body)
        return str(answer.get("message") or answer["error"])
    except (ValueError, LookupError, AttributeError):
        return None


def _seconds(retry_after: str | None) -> float | None:
    return float(retry_after) if retry_after and retry_after.isdecimal() else None
