"""The way in: from a tag's MQTT message to the register, in one transaction, and the answer back."""

from kitback.intake.intake import Intake, Message
from kitback.intake.sessions import Session

__all__ = ["Intake", "Message", "Session"]
