"""Measurements, never tests: JSON, medians, and ratios against a peer in the same run."""
