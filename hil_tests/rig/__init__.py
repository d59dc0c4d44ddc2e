"""What a test follows: one tag on a serial port, virtual or real. Tests do not know which."""

from typing import Any, Protocol

from kitback.intake.sessions import Broker


class Rig(Protocol):
    """A tag with a serial port."""

    port: str
    """The serial port's path."""
    tag_id: str

    def provision(self, provision: dict[str, Any]) -> None:
        """Give the tag its secret, its networks and its broker, as at the workbench. The network list is the rig's."""
        ...

    def broker(self) -> Broker | None:
        """The broker that the tag can reach; None is the gateway's own, on this computer's loopback."""
        ...

    def power_on(self, serial: Any) -> None:
        """Start the tag from nothing. `serial` is pytest-embedded's, with the port open."""
        ...

    def close(self) -> None:
        """Leave nothing running."""
        ...
