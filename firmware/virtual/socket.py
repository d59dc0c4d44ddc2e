"""`socket` of the ESP32 port: the PC's own, in whose reach some addresses of the world are somewhere else."""

import usocket
import world
from usocket import *  # noqa: F403


def getaddrinfo(host, port):
    return usocket.getaddrinfo(*world.routes.get((host, port), (host, port)))
