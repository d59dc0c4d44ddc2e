"""Kitback's tag: notes where a piece of equipment is and whether it is used, and reports it when it can."""

VERSION = "0.1.0"
