"""`python -m simulators.bm13xx [name=value ...]`: one emulated chain until stdin ends."""

from __future__ import annotations

import os
import sys

from simulators.bm13xx.endpoint import main

if __name__ == "__main__":
    # numba looks for a BLAS when it loads a kernel, and finds it by importing scipy: 0.3 s for which a host
    # would have to wait. Nothing in this process needs one.
    sys.modules["scipy"] = None  # type: ignore[assignment]
    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # taking down a compiler that may be at work takes long, and nothing is left to save
