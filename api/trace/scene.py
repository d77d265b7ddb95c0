"""A scene: was what was found at a place expected there (`ledger.scene`)."""

from collections.abc import Iterator, Sequence
from urllib.parse import quote

from msgspec import Struct
from msgspec import json as mjson

from api.cylinders import parse_asked
from api.trace.asking import missed
from api.trace.question import Question, Reader
from api.trace.standing import with_codes
from api.trace.telling import Telling
from api.trace.view import HeldView, held_view, named
from api.words import china_time, zoned
from api.workbook import Cells
from ledger.scene import FoundThere, compare
from ledger.store.holding import CODE, cylinders_with, histories, stock_then
from ledger.store.read import has_record, log_state, reading
from ledger.store.tracing import premises_then
from ledger.trace.statement import Window


class FoundView(Struct, frozen=True):
    """What was found, by the codes that were read on it; `by_ledger` is where the ledger has it, None for nowhere."""

    codes: tuple[str, ...]
    party: str
    by_ledger: HeldView | None


class SceneView(Struct, frozen=True):
    """A count against one log: found where it has them; not found; found, and by it elsewhere; never seen by it.

    `evidence`: where that of the same question is had.
    """

    log: str
    evidence: str | None
    matched: list[FoundView]
    missing: list[HeldView]
    elsewhere: list[FoundView]
    unknown: list[FoundView]


class SceneAnswer(Struct, frozen=True):
    """What was found at premises, or in a building, against what stands there by the ledger, as known at `known_at`."""

    kind: str
    id: str
    known_at: int | None
    logs_asked: list[str]
    logs: list[SceneView]


def ask_scene(
    readers: Sequence[Reader], kind: str, key: str, codes: Sequence[str], known_at: int | None
) -> SceneAnswer:
    """What was found there against each log; NotFound where no log knows the place."""
    read = [str(parse_asked(quote(code, safe=""))) for code in codes]
    views = [view for one in readers for view in _scene(one, kind, key, read, known_at)]
    if not views:
        zh = "楼栋" if kind == "building" else "用气场所"
        raise missed(readers, f"{zh} {key}", f"{kind} {key}")
    return SceneAnswer(kind, key, known_at, [one.origin for one in readers], views)


def _scene(reader: Reader, kind: str, key: str, codes: list[str], known_at: int | None) -> Iterator[SceneView]:
    with reading(reader.engine, reader.sites) as connection:
        log = log_state(connection, reader.origin)
        homes = [key] if has_record(connection, log.log_id, f"premises:{key}") else []
        if kind == "building":
            homes = list(premises_then(connection, log, key, known_at))
        parties = [f"premises:{one}" for one in homes]
        # Nothing is seen after it was recorded, so what holds when the last entry was recorded holds now.
        at = log.recorded_at if known_at is None else known_at
        expected = stock_then(connection, log.log_id, parties, at, known_at)
        leads = cylinders_with(connection, log.log_id, codes)
        found = {code: leads.get(code, f"{CODE}{code}") for code in codes}
        stories = histories(connection, log.log_id, sorted(set(found.values())))
        held = [one for stock in expected.values() for one in stock]
        scene = compare(found, held, stories, at, known_at)
        missing = with_codes(connection, log, [held_view(one.party, one.span) for one in scene.missing])
    if homes:
        yield SceneView(
            reader.origin,
            Question(kind, key, Window(known_at=known_at)).evidence(reader, codes),
            matched=[_found(one) for one in scene.matched],
            missing=missing,
            elsewhere=[_found(one) for one in scene.elsewhere],
            unknown=[_found(one) for one in scene.unknown],
        )


def _found(one: FoundThere) -> FoundView:
    return FoundView(one.codes, one.party, None if one.span is None else held_view(one.party, one.span))


def tell_scene(answer: SceneAnswer) -> Telling:
    """The answer in every way."""
    titles = ("日志 log", "结论 verdict", "气瓶 cylinder", "编码 codes", "账上在何处 by the ledger",
              "条目 entry", "起 since")  # fmt: skip
    return Telling(iter((mjson.encode(answer),)), titles, _scene_rows(answer), _scene_lines(answer))


def _scene_rows(answer: SceneAnswer) -> Iterator[Cells]:
    for log in answer.logs:
        told = (
            ("相符 matched", log.matched),
            ("账上在别处 elsewhere", log.elsewhere),
            ("账上没有 unknown", log.unknown),
        )
        for verdict, some in told:
            for one in some:
                there = one.by_ledger
                place = (None, None, None) if there is None else _place(there)
                yield (log.log, verdict, one.party, " ".join(one.codes), *place)
        for gone in log.missing:
            yield (
                log.log,
                "账上有，现场没有 missing",
                gone.party,
                " ".join(gone.codes) or None,
                *_place(gone),
            )


def _place(held: HeldView) -> Cells:
    """Where the ledger has it, by which entry, since when."""
    return named(held.holder), held.entry_index, zoned(held.since)


def _scene_lines(answer: SceneAnswer) -> Iterator[str]:
    then = "" if answer.known_at is None else f"（当时所知 as known at {china_time(answer.known_at)}）"
    yield f"现场比对 scene {answer.id}{then}；所查日志 logs asked：{'、'.join(answer.logs_asked)}"
    for log, verdict, party, codes, holder, entry, since in _scene_rows(answer):
        there = "" if holder is None else f"　账上 by the ledger {holder} 自 since {since} #{entry}"
        yield f"  {verdict}　{codes or named(str(party))}{there}　（{log}）"
    yield from (f"证据包 evidence：GET {one.evidence}" for one in answer.logs)
