"""The way in: from a tag's MQTT message to the register, in one transaction, and the answer back."""

from kitback.intake.intake import Intake, Message
from kitback.intake.sessions import Broker, Session
from kitback.intake.shards import ShardGroups, WrongGroups, sessions_for, settle_groups
from kitback.intake.worker import Worker

__all__ = [
    "Broker",
    "Intake",
    "Message",
    "Session",
    "ShardGroups",
    "Worker",
    "WrongGroups",
    "sessions_for",
    "settle_groups",
]
