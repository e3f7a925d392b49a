"""`python -m simulators.miners lv06|s9|lbbox [name=value ...]`: one emulated miner until stdin ends."""

from __future__ import annotations

import os
import sys

from simulators.miners.process import main

if __name__ == "__main__":
    # as in simulators.bm13xx: numba would import scipy for a BLAS that nothing here needs
    sys.modules["scipy"] = None  # type: ignore[assignment]
    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
