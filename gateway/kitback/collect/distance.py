"""How far it is from one place to another, as a straight line: roads are longer, and Kitback knows no roads."""

from math import asin, cos, radians, sin, sqrt
from typing import Final

from kitback.register.places import Point

_EARTH_KM: Final = 6371.0088
"""Mean radius (IUGG). A sphere is out by half a percent at most, points of two decimals by a kilometre."""


def kilometres(a: Point, b: Point) -> float:
    """The great-circle distance between two points (haversine)."""
    lat_a, lat_b = radians(a.lat), radians(b.lat)
    square = sin((lat_b - lat_a) / 2) ** 2 + cos(lat_a) * cos(lat_b) * sin(radians(b.lon - a.lon) / 2) ** 2
    return 2 * _EARTH_KM * asin(sqrt(min(1.0, square)))
