"""An outbox at its cap: nothing more is acknowledged, and nothing is lost once InfluxDB is back."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from brokers import Mosquitto, free_port, until
from gate import Gate
from influx import Bucket
from kitback.intake import Intake
from kitback.register import Register
from paper_tag import ROOT, SetClock, nowhere

from .books import differences, drained, pending
from .fleet import Fleet
from .process import GatewayProcess

NOW = 1_790_000_000


def test_at_the_cap_of_the_outbox_tags_hold_their_records_until_influxdb_is_back(
    tmp_path: Path, bucket: Bucket
) -> None:
    away = replace(bucket, url=f"http://127.0.0.1:{free_port()}")
    broker = Mosquitto(tmp_path)
    broker.start()
    register = Register.open(str(tmp_path / "register.db"))
    fleet = Fleet(broker.port, seed=10, tags=10, records=700, batch=40)
    fleet.enrol(register)
    # Most of the MiB is there already.
    fleet.hand_to(Intake(register, SetClock(NOW), ROOT, nowhere))
    fleet.live_on(records=300)
    try:
        with GatewayProcess(tmp_path, broker_port=broker.port, bucket=away, more="outbox_mib = 1") as gateway:
            gateway.start()
            refusals(fleet, gateway, 2)
            acks, waiting = fleet.acks, pending(register, away)
            refusals(fleet, gateway, 4)
            assert (fleet.acks, pending(register, away)) == (acks, waiting)
            assert not fleet.all_safe
            with closing(Gate(urlsplit(bucket.url).port or 0, port=urlsplit(away.url).port or 0)):
                fleet.upload(gateway)
                drained(register, away)
                gateway.stop()
                assert not differences(register, fleet.tags, away)
    finally:
        fleet.close()
        register.close()
        broker.stop()


def refusals(fleet: Fleet, gateway: GatewayProcess, times: int) -> None:
    """Let the fleet upload until the gateway has refused so many batches, in clear words."""
    until(
        lambda: fleet.turn() or gateway.log.read_bytes().count(b"the outbox is full") >= times,
        what=f"{times} refusals",
    )
