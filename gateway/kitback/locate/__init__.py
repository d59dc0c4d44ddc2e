"""Fixes become whereabouts: where each asset is believed to be, and since when."""

from kitback.locate.locator import Locator
from kitback.locate.pepper import fingerprint, load_pepper, peppered

__all__ = ["Locator", "fingerprint", "load_pepper", "peppered"]
