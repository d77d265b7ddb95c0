"""The stations' agents in the demo: one process a run, `station simulate --plan`, its JSON lines read as they come."""

import asyncio
import random
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

from msgspec import Struct, structs
from msgspec import json as mjson
from PIL import Image, ImageFilter

from api.demo.city import HOST, ORIGIN, STATIONS, City
from api.demo.plan import Plan, Script, Seen
from api.demo.plant import Run
from ledger.clock import ScaledTime
from ledger.identity import parse_code
from ledger.label import format_label
from ledger.symbol import draw_png

PICTURES = 8
"""Cylinders a station whose label is read from a picture."""

_LINE_LIMIT = 1 << 20


class _Line(Struct):
    """One line of the agent: a result, or at the end the summary."""

    tag: str = ""
    act: str = ""
    outcome: str = ""
    rules: tuple[str, ...] = ()
    entry_index: int | None = None
    code: str = ""
    summary: bool = False
    most_openings: int = 0
    pending: int = 0
    set_aside: int = 0


class Agents:
    """Plays runs in `folder`, where keys, outboxes, plans and pictures are kept.

    `seen(site, answer)` hears of every answer, `complain(text)` of an agent that ends badly.
    """

    def __init__(
        self,
        folder: Path,
        url: str,
        city: City,
        story: ScaledTime,
        *,
        seen: Callable[[str, Seen], None],
        complain: Callable[[str], None],
    ) -> None:
        self._folder, self._url, self._city, self._story, self._seen = folder, url, city, story, seen
        self._complain = complain
        self._chance = random.Random(f"agents {city.seed}")  # noqa: S311 - play, not a secret
        self._runs = 0

    def print_labels(self, run: Run, codes: dict[str, str]) -> Run:
        """Print some of the run's labels, photograph them, and have those scripts read the picture instead.

        `codes` gives the codes of honest scripts by tag.
        """
        honest = [n for n, script in enumerate(run.scripts) if script.tag in codes]
        scripts = list(run.scripts)
        for n in self._chance.sample(honest, min(PICTURES, len(honest))):
            script = scripts[n]
            name = f"label-{script.tag}.png"
            label = format_label(parse_code(codes[script.tag]), HOST)
            (self._folder / name).write_bytes(self._photograph(draw_png(label)))
            scripts[n] = structs.replace(script, reading=None, image=name)
        return structs.replace(run, scripts=scripts)

    async def play(self, run: Run) -> None:
        """Play one run to its end."""
        plan = self._write_plan(run)
        process = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).with_name("station")), "simulate", "--plan", str(plan), "--json",
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, limit=_LINE_LIMIT,
        )  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        complaint = asyncio.ensure_future(process.stderr.read())
        summary = _Line()
        try:
            async for text in process.stdout:
                line = mjson.decode(text, type=_Line)
                if line.summary:
                    summary = line
                    continue
                seen = Seen(line.tag, line.act, line.outcome, line.rules, line.entry_index, line.code)
                self._seen(run.site, seen)
            self._check(run.site, await process.wait(), summary, (await complaint).decode(errors="replace"))
        finally:
            if process.returncode is None:
                process.terminate()
                await process.wait()
            complaint.cancel()

    def _check(self, site: str, code: int, summary: _Line, complaint: str) -> None:
        """An agent ends with its summary, nothing left to send, and no permit that opened a valve twice."""
        if code == 0 and summary.summary and summary.most_openings <= 1 and not summary.pending + summary.set_aside:
            return
        self._complain(f"{site}: 终端异常 the agent failed ({code}, {summary})\n{complaint}")
        self._seen(site, Seen(f"agent-{site}", "simulate", "fault"))

    def _write_plan(self, run: Run) -> Path:
        self._runs += 1
        station = next(one for one in STATIONS if one.site == run.site)
        key = self._folder / f"{run.site}.pem"
        key.touch(mode=0o600)
        key.write_bytes(self._city.signers[f"agent:{run.site}"].pem())
        plan = Plan(
            url=self._url,
            log=ORIGIN,
            site=run.site,
            key_file=key.name,
            outbox=f"{run.site}.sqlite",
            real_start_ms=self._story.real_start_ms,
            origin_ms=self._story.origin_ms,
            scale=self._story.scale,
            person=station.filler,
            second_person=station.checker,
            vehicle=station.vehicle,
            tank_lot=station.lot,
            lines=_lines(run.scripts, station.good_lines()),
            cylinders=tuple(run.scripts),
            seed=self._city.seed + self._runs,
        )
        path = self._folder / f"plan-{self._runs}-{run.site}.json"
        path.write_bytes(mjson.encode(plan))
        return path

    def _photograph(self, png: bytes) -> bytes:
        """As a phone sees it: a little askew, a little soft, smaller."""
        with Image.open(BytesIO(png)) as drawn:
            turned = drawn.convert("L").rotate(
                self._chance.uniform(-9, 9), Image.Resampling.BICUBIC, expand=True, fillcolor=200
            )
        small = turned.resize((turned.width // 2, turned.height // 2))
        out = BytesIO()
        small.filter(ImageFilter.GaussianBlur(0.8)).save(out, "PNG")
        return out.getvalue()


def _lines(scripts: list[Script], good: list[str]) -> tuple[str, ...]:
    """The lines that these scripts use, those for honest work first: each gets a scale of its own."""
    used = {script.line for script in scripts if script.line is not None}
    return (*(line for line in good if line in used), *sorted(used.difference(good)))
