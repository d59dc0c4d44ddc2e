"""A register that was lost in the middle of an upload and comes back from a backup gets again what the backup lacks."""

import sqlite3
from contextlib import closing
from pathlib import Path

from brokers import Mosquitto
from influx import Bucket
from kitback.register import Register

from .books import differences, drained
from .fleet import Fleet
from .process import GatewayProcess


def test_a_restored_register_gets_from_the_tags_what_its_backup_lacks(tmp_path: Path, bucket: Bucket) -> None:
    broker = Mosquitto(tmp_path)
    broker.start()
    file, backup = tmp_path / "register.db", tmp_path / "backup.db"
    register = Register.open(str(file))
    fleet = Fleet(broker.port, seed=9)
    fleet.enrol(register)
    try:
        with GatewayProcess(tmp_path, broker_port=broker.port, bucket=bucket) as gateway:
            gateway.start()
            fleet.upload(gateway, 60)
            with closing(sqlite3.connect(file)) as live, closing(sqlite3.connect(backup)) as kept:
                live.backup(kept)
            fleet.upload(gateway)
            drained(register, bucket)
            gateway.kill()

            register.close()
            for each in tmp_path.glob("register.db*"):
                each.unlink()
            backup.rename(file)
            register = Register.open(str(file))
            gateway.start()
            for tag in fleet.tags:
                tag.report_again()
            fleet.upload(gateway)
            drained(register, bucket)
            gateway.stop()
        assert not differences(register, fleet.tags, bucket)
    finally:
        fleet.close()
        register.close()
        broker.stop()
