"""`python -m simulators.pool [name=value ...]`: one emulated pool until stdin ends."""

from __future__ import annotations

import sys

from simulators.pool.process import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
