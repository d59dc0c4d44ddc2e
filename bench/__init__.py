"""Figures, never tests: how large, how fast, how thrifty; JSON, medians, and a peer in the same run where there is one.

Run from a checkout, with what `make setup` puts in place.
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "tests"))  # its brokers, lives and certificates serve here too
