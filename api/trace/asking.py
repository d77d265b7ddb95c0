"""A question put to several logs at once: a cylinder may be the next county's. The answer as JSON, piece by piece."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple
from urllib.parse import quote

from msgspec import json as mjson

from api.cylinders import parse_asked
from api.evidence.times import parse_time
from api.trace.question import Question, Reader
from api.trace.story import Story, customer_story, cylinder_story, period_story
from api.trace.terms import KINDS
from api.trace.view import StatementView, TraceAnswer, Views
from ledger.errors import Malformed, NotFound
from ledger.trace.counts import Tally
from ledger.trace.statement import Window


class Answer(NamedTuple):
    """The stories of a question, in the order of the logs that were asked; each is read once."""

    question: Question
    logs_asked: list[str]
    stories: list[Story]


def window_of(from_: str | None, to: str | None, known_at: str | None) -> Window:
    """The times that people gave; Malformed where they are none, or end before they begin."""
    from_ms, to_ms, known = (None if text is None else parse_time(text) for text in (from_, to, known_at))
    if from_ms is not None and to_ms is not None and to_ms <= from_ms:
        raise Malformed("止不晚于起，请更正 from 与 to", "the times end before they begin; correct from and to")
    return Window(from_ms, to_ms, known)


def ask(readers: Sequence[Reader], question: Question) -> Answer:
    """What each of these logs tells; NotFound, naming the logs that were asked, where none knows of it."""
    stories = list[Story]()
    code = parse_asked(quote(question.id, safe="")) if question.kind == "cylinder" else None
    for reader in readers:
        try:
            if code is not None:
                stories.append(cylinder_story(reader, code, question))
            elif question.kind in ("customer", "premises"):
                stories.append(customer_story(reader, question))
            else:
                stories.append(period_story(reader, question))
        except NotFound:
            continue
    if not stories:
        zh, en = KINDS[question.kind]
        raise missed(readers, f"{zh} {question.id}", f"{en} {question.id}")
    return Answer(question, [one.origin for one in readers], stories)


def missed(readers: Iterable[Reader], zh: str, en: str) -> NotFound:
    """The fault of a question that no log answers: it names the logs that were asked."""
    asked = [one.origin for one in readers]
    return NotFound(
        f"没有{zh} 的记录（所查日志：{'、'.join(asked)}）",
        f"nothing is recorded of the {en} (asked the logs {', '.join(asked)})",
    )


def json_of(answer: Answer) -> Iterator[bytes]:
    """A `TraceAnswer`, in pieces; what is counted comes after what is counted over."""
    kind, key, window = answer.question
    head = TraceAnswer(kind, key, window.from_ms, window.to_ms, window.known_at, answer.logs_asked, [])
    yield mjson.encode(head).removesuffix(b"]}")
    for number, story in enumerate(answer.stories):
        if number:
            yield b","
        yield from _story(story)
    yield b"]}"


def _story(story: Story) -> Iterator[bytes]:
    yield mjson.encode(story.head).removesuffix(b"}")
    tally, views = Tally(), Views()
    yield b',"statements":['
    yield from _listed(map(views, map(tally.add, story.statements)))
    yield b'],"later":['
    yield from _listed(map(views, story.later))
    yield b'],"counts":'
    yield mjson.encode(tally.counts)
    yield b"}"


def _listed(statements: Iterable[StatementView]) -> Iterator[bytes]:
    for number, one in enumerate(statements):
        if number:
            yield b","
        yield mjson.encode(one)
