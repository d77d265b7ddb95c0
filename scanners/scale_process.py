"""`python -m scanners.scale_process`: the simulated scale without the rest of the command, so that it starts fast."""

import argparse
import asyncio
from pathlib import Path

from scanners.scale_server import serve


def main() -> None:
    """Serve on any free port of the loopback until standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", type=Path)
    parser.add_argument("--seed", type=int)
    options = parser.parse_args()
    asyncio.run(serve("127.0.0.1", 0, kept_in=options.state, seed=options.seed, until_eof=True))


if __name__ == "__main__":
    main()
