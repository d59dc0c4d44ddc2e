"""Drains the outbox to InfluxDB. Nothing of the product reads it back: pages and rules read only the register."""

from kitback.history.drain import Drain, Progress
from kitback.history.erase import Eraser
from kitback.history.influx import Influx
from kitback.history.status import status
from kitback.history.upkeep import Upkeep

__all__ = ["Drain", "Eraser", "Influx", "Progress", "Upkeep", "status"]
