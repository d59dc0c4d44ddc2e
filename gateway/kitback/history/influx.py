"""InfluxDB as a sink of ready lines, and what each of its answers means; docs/history.md has the table.

1.8, 2 and 3 share the path `/api/v2/write`; to 1.8 the token is `user:password`, and the organisation is any word.
The client's plain write service is used: its batching mode can lose lines, and its own compression is at the dearest
level, which takes nine times the processor time of the cheapest for a sixth fewer bytes (10,000 lines of use records).
"""

import gzip
import json
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

from influxdb_client.client.exceptions import InfluxDBError
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.domain.write_precision import WritePrecision
from influxdb_client.service.write_service import WriteService
from urllib3.exceptions import HTTPError

from kitback.history.cause import cause

_TIMEOUT_MS: Final = 30_000
"""For a whole batch; a server that took longer may have written it all the same, and gets it again."""
_CHEAPEST: Final = 1

_REMEDIES: Final = {
    401: "check the token",
    403: "check that the token may write to the bucket",
    404: "check the names of organisation and bucket, and that the bucket was made",
}
# What InfluxDB says of lines. Any other 400 (a proxy's, a wrong parameter's) is no reason to give up a line.
_OF_LINES: Final = re.compile(
    r"partial write|unable to parse|parsing|line protocol|type conflict|column type|retention|max-(series|values)", re.I
)
_DROPPED: Final = re.compile(r"dropped[= ](\d+)\b")


class NotWritten(Exception):
    """The lines were not, or not all, written. The words say why."""

    def __init__(self, words: str) -> None:
        super().__init__(_printable(words))


class TooLarge(NotWritten):
    """The server would take the lines in smaller pieces."""


class Refused(NotWritten):
    """The server read the lines and will never take at least one of them; it may have written the others."""

    def __init__(self, words: str, named: Mapping[int, str] | None = None, count: int | None = None) -> None:
        """Say what the server said.

        Args:
            named: lines it will not take, by position from 0, with the reason of each; it may not have named all.
            count: how many it will not take, if it said so.
        """
        super().__init__(words)
        self.named = {position: _printable(reason) for position, reason in (named or {}).items()}
        self.count = count


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
        self._client = InfluxDBClient(self.url, token, org=org, timeout=_TIMEOUT_MS)
        self._service = WriteService(self._client.api_client)
        # To this machine a byte costs less to send than to compress.
        self._compresses = not _is_this_machine(self.url)

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
            self._service.post_write(
                self.org,
                self.bucket,
                gzip.compress(lines, _CHEAPEST, mtime=0) if self._compresses else lines,
                precision=WritePrecision.US,
                content_type="text/plain; charset=utf-8",
                content_encoding="gzip" if self._compresses else "identity",
            )
        except InfluxDBError as error:
            raise self._meaning(error) from error
        except (HTTPError, OSError) as error:
            raise Busy(f"InfluxDB at {self.url} cannot be reached: {cause(error)}") from error
        except UnicodeDecodeError as error:  # the client takes every answer for text
            raise Busy(f"InfluxDB at {self.url} gave an answer that is no text") from error

    def delete(self, measurement: str | None, tag: tuple[str, str], from_s: int, to_s: int) -> int:
        """Delete all points with a tag between two Unix seconds, both included; returns how many are left.

        Args:
            measurement: only of this one; None: of all, none of which may have a field of the tag's name.

        InfluxQL is asked, which 1.8 and 2 know; 3 deletes nothing but what its bucket's retention ends.

        Raises:
            NotWritten: the server cannot be reached, or would not.
        """
        name, value = _quoted(tag[0], '"'), _quoted(tag[1], "'")
        source = "/.*/" if measurement is None else _quoted(measurement, '"')
        which = f"{source} WHERE {name} = {value} AND time >= {from_s}s AND time < {to_s + 1}s"
        self._ask(f"DELETE FROM {which}")  # noqa: S608 - names and values are quoted, the rest is numbers
        return sum(
            max(each for each in row[1:] if each is not None)
            for series in self._ask(f"SELECT count(*) FROM {which}")  # noqa: S608 - as above
            for row in series["values"]
        )

    def _ask(self, influxql: str) -> list[dict[str, Any]]:
        """The series that a query returns."""
        client = self._client.api_client
        try:
            told = client.request(
                "POST",
                f"{self.url}/query",
                headers=client.default_headers | {"Content-Type": "application/x-www-form-urlencoded"},
                post_params=[("db", self.bucket), ("q", influxql)],
            )
        except InfluxDBError as error:
            raise self._meaning(error) from error
        except (HTTPError, OSError) as error:
            raise Busy(f"InfluxDB at {self.url} cannot be reached: {cause(error)}") from error
        (result,) = _own_answer(told.data).get("results") or [{"error": "an answer without results"}]
        if "error" in result:
            raise Shut(f"InfluxDB at {self.url} answered: {result['error']}")
        series: list[dict[str, Any]] = result.get("series", [])
        return series

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _meaning(self, error: InfluxDBError) -> NotWritten:
        if error.response is None:  # the client reports a failed TLS handshake so
            return Shut(f"InfluxDB at {self.url} cannot be trusted: {cause(error)}; check its certificate")
        status: int = error.response.status
        answer = _own_answer(error.response.data)
        # 2 calls its words `message`, 1.8 and 3 `error`.
        own_words = str(answer.get("message") or answer.get("error") or "")
        said = f"InfluxDB at {self.url} answered {status}: {own_words or error.response.reason}"
        # 3 answers 500 to a partial write when it was asked by the path of 2.
        if status in (400, 422) or (status == 500 and "partial write" in own_words):
            named = _named(answer)
            if named or _OF_LINES.search(own_words) or (status == 422 and own_words):
                dropped = _DROPPED.search(own_words)
                return Refused(own_words, named, int(dropped[1]) if dropped else None)
        if status == 413:
            return TooLarge(said)
        if status in (408, 425, 429) or status >= 500:
            return Busy(said, _seconds(error.headers))
        return Shut(f"{said}; {_REMEDIES.get(status, 'check that this is the address of an InfluxDB')}")


def _printable(words: str) -> str:
    """Words from outside as any database keeps them; PostgreSQL has no NUL, and UTF-8 no half of a pair."""
    return "".join(each if each.isprintable() else " " for each in words)


def _quoted(word: str, mark: str) -> str:
    """A name or a text as InfluxQL has it."""
    return mark + word.replace("\\", "\\\\").replace(mark, f"\\{mark}") + mark


def _is_this_machine(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _own_answer(body: str | bytes) -> dict[str, Any]:
    """What InfluxDB itself answered; empty for an answer by anything else."""
    try:
        answer = json.loads(body)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _named(answer: Mapping[str, Any]) -> dict[int, str]:
    """Lines that an answer names, from 0, with reasons: 3 lists them as `data`, its clouds give the first as `line`."""
    data = answer.get("data")
    listed = data if isinstance(data, list) else [data]
    if isinstance(answer.get("line"), int):
        listed.append({"line_number": answer["line"], "error_message": answer.get("message")})
    return {
        each["line_number"] - 1: str(each.get("error_message"))
        for each in listed
        if isinstance(each, dict) and isinstance(each.get("line_number"), int)
    }


def _seconds(headers: Mapping[str, str]) -> float | None:
    """How long to wait by `Retry-After`, which is a number of seconds or a date by the server's own clock."""
    asked = headers.get("Retry-After", "")
    try:
        if re.fullmatch(r"\d+(\.\d+)?", asked):
            return float(asked)
        wait = parsedate_to_datetime(asked) - parsedate_to_datetime(headers.get("Date", ""))
    except (ValueError, TypeError, OverflowError):  # no dates, one without its time zone, or one beyond all calendars
        return None
    return max(wait.total_seconds(), 0.0)
