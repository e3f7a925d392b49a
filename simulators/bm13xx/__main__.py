"""`python -m simulators.bm13xx [name=value ...]`: one emulated chain until stdin ends."""

from __future__ import annotations

import sys

from simulators.bm13xx.endpoint import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
