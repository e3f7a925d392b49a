"""What a person writes to go beyond the built-in limits: names alone, for `--help` to load nothing else."""

from __future__ import annotations

BEYOND_FLAG = "--allow-beyond-envelope"
BEYOND_TABLE = "widen_beyond_built_in"
"""Table of a station file's [[device]] that has an effect only together with `BEYOND_FLAG`."""
