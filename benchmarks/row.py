"""One row of a comparison of senders: delivers N messages durably and prints one line of JSON.

    python -m benchmarks.row N [--tls] [--latency 0] [--event]

The line has n, wall_s, us, cpu_s, cpu_us, delivered, peak_mib and conns. With --event it has event_to_webhook instead: the
milliseconds from an event to the arrival of its message, one event at a time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from pathlib import Path

from benchmarks import drain, event
from benchmarks.sink import Receiver


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("n", type=int)
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--event", action="store_true")
    options = parser.parse_args()
    if options.event:
        with Receiver() as sink, tempfile.TemporaryDirectory() as folder:
            found = asyncio.run(event.measure(Path(folder), sink, options.n, 0))
        each = {f"{name}_ms": figure for name, figure in found.items()}
        print(json.dumps({"n": options.n, "wall_s": sum(found.values()), "event_to_webhook": each}))
        return
    figures = drain.measure("service", options.n, options.tls)
    print(json.dumps(figures | {"conns": figures["connections"]}))


if __name__ == "__main__":
    main()
