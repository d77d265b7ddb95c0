"""When the label is burnt: which cylinder is it, by what is left to read (`ledger.search`)."""

from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec import json as mjson

from api.trace.asking import missed
from api.trace.question import Reader
from api.trace.telling import Telling
from api.trace.view import named
from api.workbook import Cells
from ledger.search import Fit, Parts
from ledger.store.read import cylinders_by_id, log_state, reading
from ledger.store.searching import find_by_parts

MOST = 20
_PARTS = {
    "serial": "编号 serial", "maker": "制造单位 maker", "made": "制造年月 made", "tare_g": "皮重（克）tare (g)",
    "model": "型号 model", "valve_no": "阀门编号 valve", "seal": "封签 seal",
}  # fmt: skip


class CandidateView(Struct, frozen=True):
    """A cylinder that may be the one. `fitting`: how many parts fit; `why`: how well each does, of 1000."""

    log: str
    cylinder: str
    codes: tuple[str, ...]
    holder: str
    premises: str | None
    entry_index: int
    fitting: int
    score: int
    why: tuple[Fit, ...]


class SearchAnswer(Struct, frozen=True):
    """Candidates over all logs that were asked, the likeliest first. `entry_index`: each one's newest entry."""

    parts: Parts
    logs_asked: list[str]
    candidates: list[CandidateView]


def ask_search(readers: Sequence[Reader], parts: Parts) -> SearchAnswer:
    """The likeliest cylinders; Malformed where there is nothing to go by, NotFound where none fits."""
    found = sorted(
        (one for reader in readers for one in _candidates(reader, parts)),
        key=lambda one: (-one.fitting, -one.score, one.log, one.cylinder),
    )
    if not found:
        raise missed(readers, "符合这些特征的气瓶", "cylinders that fit")
    return SearchAnswer(parts, [one.origin for one in readers], found[:MOST])


def _candidates(reader: Reader, parts: Parts) -> Iterator[CandidateView]:
    with reading(reader.engine, reader.sites) as connection:
        log = log_state(connection, reader.origin)
        found = find_by_parts(connection, log.log_id, parts, most=MOST)
        now = cylinders_by_id(connection, log.log_id, [one.cylinder for one in found])
    for one in found:
        state = now[one.cylinder]
        yield CandidateView(
            reader.origin, one.cylinder, state.codes, state.holder, state.premises, state.entry_index, one.fitting,
            one.score, one.why,
        )  # fmt: skip


def tell_search(answer: SearchAnswer) -> Telling:
    """The answer in every way."""
    titles = ("日志 log", "气瓶 cylinder", "编码 codes", "在何处 holder", "场所 premises", "最新条目 newest entry",
              "相符项 fitting", "得分 score", "依据 why")  # fmt: skip
    rows: Iterator[Cells] = (
        (one.log, one.cylinder, " ".join(one.codes), named(one.holder), one.premises, one.entry_index, one.fitting,
         one.score, _why(one)) for one in answer.candidates
    )  # fmt: skip
    return Telling(iter((mjson.encode(answer),)), titles, rows, _search_lines(answer))


def _search_lines(answer: SearchAnswer) -> Iterator[str]:
    logs, count = "、".join(answer.logs_asked), len(answer.candidates)
    yield f"候选气瓶 candidates {count}，最相符的在前 the likeliest first；所查日志 logs asked：{logs}"
    for rank, one in enumerate(answer.candidates, 1):
        there = named(one.holder) + ("" if one.premises is None else f" 场所 premises {one.premises}")
        yield f"{rank:>3}. {'、'.join(one.codes) or one.cylinder}　{there}　{_why(one)}　#{one.entry_index}"


def _why(one: CandidateView) -> str:
    return "，".join(f"{_PARTS[fit.part]} {fit.ledger_has}{'' if fit.fit else '（不符 differs）'}" for fit in one.why)
