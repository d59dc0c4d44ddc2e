"""Runs before main.py at every start, deep sleep included. Everything the tag does is main.py's."""
