"""The tag's application. It never returns: it sleeps in here, or sleeps the chip out of here."""

from tag import cycle

cycle.live()
