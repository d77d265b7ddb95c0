"""A scene count against the ledger: what was found at a place, and what should have stood there. Pure."""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from ledger.custody import Held, History, Span, held_at


class FoundThere(Struct, frozen=True):
    """A cylinder that was found, by one code or several: whose history it is (`cylinder:…`, `code:…`), and where the
    ledger has it; None where the ledger never had it anywhere.
    """

    codes: tuple[str, ...]
    party: str
    span: Span | None


class SceneCount(Struct, frozen=True):
    """`matched`: found where the ledger has them. `missing`: the ledger has them there, and nobody found them.
    `elsewhere`: found, and by the ledger somewhere else. `unknown`: found, and never seen by this ledger.
    """

    matched: tuple[FoundThere, ...]
    missing: tuple[Held, ...]
    elsewhere: tuple[FoundThere, ...]
    unknown: tuple[FoundThere, ...]


def compare(
    found: Mapping[str, str],
    expected: Iterable[Held],
    histories: Iterable[History],
    at: int,
    known_at: int | None = None,
) -> SceneCount:
    """`found`: each code that was read there, and whose history it leads to. `expected`: what the ledger has there.
    `histories`: at least of what was found. Times are ms UTC, as in `ledger.custody`.
    """
    codes = dict[str, tuple[str, ...]]()
    for code, party in found.items():
        codes[party] = (*codes.get(party, ()), code)
    there = {one.party: one for one in expected}
    known = {one.party: held_at(one, at, known_at) for one in histories if one.party in codes}
    matched, elsewhere, unknown = list[FoundThere](), list[FoundThere](), list[FoundThere]()
    for party, read in codes.items():
        span = there[party].span if party in there else known.get(party)
        to = matched if party in there else unknown if span is None else elsewhere
        to.append(FoundThere(read, party, span))
    missing = tuple(one for one in there.values() if one.party not in codes)
    return SceneCount(tuple(matched), missing, tuple(elsewhere), tuple(unknown))
