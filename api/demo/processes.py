"""The demo's processes: servers that say READY and their address, and commands that are run to their end."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_READY = "READY "


@asynccontextmanager
async def started(module: str, argument: str) -> AsyncIterator[list[str]]:
    """`python -m module argument`; what it prints until it is ready, its address last. It ends with the block."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", module, argument, stdout=PIPE)
    assert process.stdout is not None
    try:
        said: list[str] = []
        while not (said and said[-1].startswith(_READY)):
            line = (await process.stdout.readline()).decode()
            if not line:
                raise RuntimeError(f"{module} did not start: {said}")
            said.append(line.rstrip("\n"))
        yield [*said[:-1], said[-1].removeprefix(_READY)]
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def finished(*arguments: str) -> tuple[int, str]:
    """`python arguments…` run to its end: exit code, and what it said; what it complained of goes to our own."""
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=PIPE, stderr=PIPE)
    out, error = await process.communicate()
    said = out.decode(errors="replace").strip()
    if process.returncode:
        sys.stderr.write(f"{said}\n{error.decode(errors='replace')}")
    return process.returncode or 0, said
