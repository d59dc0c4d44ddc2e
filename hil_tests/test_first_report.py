"""A tag's first minutes, as its serial port tells them."""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from hil_tests.rig import Rig

from kitback import wire
from kitback.register import Register
from kitback.register.tag_states import accounts

_SERIAL_S = 10
_NETWORK_S = 30


def test_a_tag_goes_from_power_on_to_its_first_acknowledged_report(
    rig: Rig, register: Register, dut: Any, record_property: Callable[[str, object], None]
) -> None:
    record_property("rig", type(rig).__name__)
    rig.power_on(dut.serial)

    dut.expect(rf"kitback \S+ tag {rig.tag_id} boot power_on", timeout=_SERIAL_S)
    journal = dut.expect(r"journal ([0-9a-f]{8}-\d+) oldest \d+ newest \d+", timeout=_SERIAL_S)[1].decode()
    joined = dut.expect(r"wifi connected (\d+) ms", timeout=_NETWORK_S)
    record_property("wifi_ms", int(joined[1]))
    sent = dut.expect(r"report after (\d+) records ([1-9]\d*) bytes (\d+)", timeout=_NETWORK_S)
    acked = dut.expect(r"acked (\d+)", timeout=_SERIAL_S)
    dut.expect(r"sleep \d+ ms", timeout=_SERIAL_S)

    after, records, size = (int(sent[i]) for i in (1, 2, 3))
    assert size <= wire.MAX_MESSAGE
    assert int(acked[1]) == after + records
    assert _safe(register, rig.tag_id, journal) >= after + records


def _safe(register: Register, tag_id: str, journal: str) -> int:
    """Up to which sequence number the register has the tag's records."""
    with register.read() as conn:
        ours = (accounts.c.tag_id == tag_id) & (accounts.c.journal == journal)
        return int(conn.execute(sa.select(accounts.c.high).where(ours)).scalar_one())
