"""Several emulated pools in one process: one set of `name=value` pairs for each argument. Ends with stdin."""

from __future__ import annotations

import json
import os
import sys

from simulators.bm13xx.scale import options_from_arguments
from simulators.miners.reactor import Reactor
from simulators.pool.options import parse_pool_options
from simulators.pool.pool import Pool


def main(arguments: list[str]) -> None:
    woken, _ = os.pipe()
    reactor = Reactor(woken)
    pools = [Pool(parse_pool_options(options_from_arguments(text.split())), reactor) for text in arguments]
    for pool in pools:
        pool.open()
    print(json.dumps({"urls": [pool.url for pool in pools]}), flush=True)
    reactor.run()
    for pool in pools:
        pool.close()


if __name__ == "__main__":
    main(sys.argv[1:])
