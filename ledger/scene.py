"""What was found at a place against what the ledger has there. Pure.

A scene is a question: it stores nothing and changes nothing. A count (现场盘点) is a signed report, which puts custody
right (FLOW.md section 5, USR-08), and says itself where it contradicts what the ledger held until then.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from msgspec import Struct

from ledger import claim as c
from ledger.custody import Held, History, Span, held_at
from ledger.world import UNREAD, World


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


class Counted(NamedTuple):
    """A count against the ledger: ids of cylinders, and codes that nobody registered, as in `PremisesCounted`."""

    found: tuple[str, ...]
    missing: tuple[str, ...]
    overtaken: tuple[str, ...]
    elsewhere: tuple[str, ...]
    foreign: tuple[str, ...]
    gone: tuple[str, ...]


def counted(world: World, claim: c.CountPremises, seen_at: int) -> Counted:
    """That count, seen at `seen_at` (ms UTC): what comes late tells what was there, and moves nothing seen since."""
    there, here = world.premises_of(claim.premises), (f"customer:{claim.customer}", f"premises:{claim.premises}")
    uses = [world.codes.get(code) for code in claim.codes]
    seen = tuple(dict.fromkeys(use.cylinder for use in uses if use is not None))
    since = {key for key in (*seen, *there.held) if world.cylinders[key].placed_at > seen_at}
    found = tuple(key for key in seen if key not in since)
    bare = dict.fromkeys(code for code in claim.codes if code not in world.codes and not code.startswith(UNREAD))
    moved = {code for code in (*bare, *there.foreign) if code in world.strays and world.strays[code].seen_at > seen_at}
    return Counted(
        found=found,
        missing=tuple(key for key in there.held if key not in seen and key not in since),
        overtaken=tuple(key for key in seen if key in since),
        elsewhere=tuple(key for key in found if world.cylinders[key].place not in ((), here)),
        foreign=tuple(code for code in bare if code not in moved),
        gone=tuple(code for code in there.foreign if code not in bare and code not in moved),
    )
