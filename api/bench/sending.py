"""What the bench sends: bundles signed before the clock starts, from a load generator's process to a server's."""

from pathlib import Path

from api.bench.load import Expected, Plan, Result
from api.bench.processes import post, run_load
from api.bench.setting import Setting
from api.bench.town import real_clock


def signed(setting: Setting, connections: int, each: int, claims: int) -> list[list[bytes]]:
    """Whole requests by connection, a device to each: so many bundles of so many claims."""
    return [
        [post(device.sign(claims), real_clock()) for _ in range(each)] for device in setting.town.devices(connections)
    ]


def loaded(
    setting: Setting, url: str, requests: list[list[bytes]], *, expected: Expected = "accepted", claims: int = 0,
    per_s: int | None = None, warm: int, publish: Path | None = None,
) -> Result:  # fmt: skip
    """The requests sent to a server over the database at `url`, which also publishes what a `publish` file says."""
    with setting.servers.serving(url, nothing=expected == "nothing", publish=publish) as port:
        plan = Plan(port, requests, warm, setting.size.limit_s, expected, claims, per_s)
        return run_load(plan, setting.environment)
