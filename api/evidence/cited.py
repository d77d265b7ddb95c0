"""What the answer to a question cites, read off the very answer, so that the evidence of the question can hold it."""

from collections.abc import Collection, Iterable, Iterator
from itertools import chain, islice

from msgspec import Struct, structs, to_builtins

from api.recall.incident import incident_report
from api.recall.report import recall_report
from api.trace.building import ask_building
from api.trace.question import Question, Reader
from api.trace.scene import ask_scene
from api.trace.story import Story, customer_story, cylinder_story, period_story
from ledger.errors import NotFound
from ledger.evidence import Scope
from ledger.identity import Identifier
from ledger.store.read import ALL_SITES, Connection, Engine, LogState, log_state, reading
from ledger.store.tracing import standing
from ledger.trace.statement import Window

_CYLINDER = "cylinder:"
_INDEXES = ("filed_in", "as_of")
"""Where an answer has indexes of entries, besides every `…_index`."""


class Asked(Struct, frozen=True):
    """How the question goes on: a cylinder's code as it was asked by, what was known when (ms UTC), and the codes found
    at the scene, which the answer compares with what should be at these premises or in this building.
    """

    code: Identifier | None = None
    known_at: int | None = None
    found: tuple[str, ...] = ()


class Cites(Struct, frozen=True):
    """Indexes of entries: behind facts, papers and places, and of what is told; and the cylinders (ledger ids) of which
    the answer says where they stand.
    """

    behind: frozenset[int] = frozenset()
    told: frozenset[int] = frozenset()
    cylinders: frozenset[str] = frozenset()


NOTHING = Cites()


def cites_of(engine: Engine, origin: str, scope: Scope, asked: Asked, most: int | None) -> Cites:
    """What the answer cites; nothing where it tells of nothing. Of a long story, the first `most` entries that it tells
    and one more, which is one too many for a file.
    """
    reader = Reader(engine, origin, ALL_SITES)
    try:
        if scope.kind in ("recall", "incident"):
            return _of_many(reader, scope)
        if scope.kind in ("window", "log"):
            return NOTHING
        places = _places(reader, scope, asked)
        if scope.kind == "building":
            return places
        story = _story(reader, scope, asked)
    except NotFound:
        return NOTHING
    told = islice(chain(story.statements, story.later), None if most is None else most + 1)
    indexes = frozenset(one.entry_index for one in told)
    head = _cites(to_builtins(story.head))
    return Cites(head.behind | places.behind, indexes | places.told, head.cylinders | places.cylinders)


def _story(reader: Reader, scope: Scope, asked: Asked) -> Story:
    window = Window(scope.from_ms, scope.to_ms, asked.known_at)
    if asked.code is not None:
        return cylinder_story(reader, asked.code, Question(scope.kind, str(asked.code), window))
    question = Question(scope.kind, scope.id, window)
    tell = customer_story if scope.kind in ("customer", "premises") else period_story
    return tell(reader, question)


def _places(reader: Reader, scope: Scope, asked: Asked) -> Cites:
    """Of a building, all that stands in it; of a scene, what was found there, should be, or is elsewhere."""
    answers: list[object] = []
    if scope.kind == "building":
        answers.append(ask_building([reader], scope.id, None, asked.known_at))
    if asked.found:
        answers.append(ask_scene([reader], scope.kind, scope.id, asked.found, asked.known_at))
    cites = _cites(to_builtins(answers))
    return structs.replace(cites, told=cites.behind)


def _of_many(reader: Reader, scope: Scope) -> Cites:
    """Of a recall or incident: each cylinder with the entry that it is affected by and the one that put it where it is,
    and no chains: there may be ten thousand.
    """
    with reading(reader.engine, reader.sites) as connection:
        log = log_state(connection, reader.origin)
        if scope.kind == "incident":
            frozen = incident_report(connection, log, scope.id)
            return _where(connection, log, to_builtins(frozen), (one.cylinder for one in frozen.cylinders))
        report = recall_report(connection, log, scope.id, log.recorded_at)
        reached = (one.cylinder for one in (*report.affected, *report.before))
        return _where(connection, log, to_builtins(report), reached)


def _where(connection: Connection, log: LogState, answer: object, cylinders: Iterable[str]) -> Cites:
    there = standing(connection, log.log_id, [f"{_CYLINDER}{one}" for one in cylinders]).values()
    return Cites(told=frozenset(chain(_indexes(answer), (span.entry_index for span in there))))


def _cites(answer: object) -> Cites:
    return Cites(behind=frozenset(_indexes(answer)), cylinders=frozenset(_cylinders(answer)))


def _indexes(answer: object) -> Iterator[int]:
    for key, value in _fields(answer):
        if key.endswith("_index") or key in _INDEXES:
            values: Collection[object] = value if isinstance(value, list | tuple) else (value,)
            yield from (one for one in values if isinstance(one, int))


def _cylinders(answer: object) -> Iterator[str]:
    for key, value in _fields(answer):
        if key == "party" and isinstance(value, str) and value.startswith(_CYLINDER):
            yield value.removeprefix(_CYLINDER)


def _fields(answer: object) -> Iterator[tuple[str, object]]:
    """Every key with its value, at any depth."""
    if isinstance(answer, dict):
        yield from answer.items()
    inner = answer.values() if isinstance(answer, dict) else answer if isinstance(answer, list | tuple) else ()
    for value in inner:
        yield from _fields(value)
