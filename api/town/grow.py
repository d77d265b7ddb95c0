"""Writing a town's story through the real core, from where a run before this one was stopped."""

from collections.abc import Callable

from msgspec import Struct

from api.town.plan import ORIGIN
from api.town.story import Step, Story
from ledger.bundle import open_bundle
from ledger.entry import Answer
from ledger.errors import Corrupt, Malformed, NotFound
from ledger.events import Refusal
from ledger.store.append import Received, append, open_log
from ledger.store.devices import device_head
from ledger.store.load import LogCache, read_head
from ledger.store.read import open_engine
from ledger.store.writer import connect_writer


class Grown(Struct, frozen=True):
    """How many entries the town has, and how many of them this run wrote."""

    entries: int
    added: int


def grow(url: str, story: Story, entries: int, told: Callable[[int], None]) -> Grown:
    """Write the story into the migrated database at `url` until it has so many entries; `told` how many by now.

    What is written already is told again in memory only. Malformed if the database holds another town's log; Corrupt
    if the core finds anything wrong with a claim.
    """
    with connect_writer(url) as connection:
        written = _written(url)
        done, cache = 0, LogCache()
        while done < max(entries, written):
            step = next(story.steps)
            if done + step.claims <= written:
                done += step.claims
                if done == written:
                    _same_town(url, step)
            elif done < written:
                raise _other_town()
            else:
                received = [Received(open_bundle(bundle), 0) for bundle in step.bundles]
                if done == 0:
                    answers = [open_log(connection, received[0], step.at_ms)]
                else:
                    answers = append(connection, ORIGIN, received, step.at_ms, cache)
                done += _accepted(answers)
            told(done)
    return Grown(done, done - written)


def write(url: str, steps: list[Step]) -> None:
    """Further steps of a story that has been grown; Corrupt as `grow`."""
    with connect_writer(url) as connection:
        cache = LogCache()
        for step in steps:
            received = [Received(open_bundle(bundle), 0) for bundle in step.bundles]
            _accepted(append(connection, ORIGIN, received, step.at_ms, cache))


def _written(url: str) -> int:
    with connect_writer(url) as connection:
        try:
            return read_head(connection, ORIGIN, lock=False).size
        except NotFound:
            return 0


def _same_town(url: str, step: Step) -> None:
    """The newest bundle on record is this story's."""
    last = open_bundle(step.bundles[-1])
    engine = open_engine(url)
    try:
        with connect_writer(url) as writer, engine.connect() as connection:
            head = device_head(connection, read_head(writer, ORIGIN, lock=False).log_id, last.signer)
    finally:
        engine.dispose()
    if head is None or head.digest != last.digest.hex():
        raise _other_town()


def _other_town() -> Malformed:
    return Malformed(
        "该数据库中的城镇由另一组参数生成；请用原来的 --cylinders 与 --seed，或另选数据库",
        "the town in this database was made with other parameters; give the --cylinders and --seed of that run, or"
        " another database",
    )


def _accepted(answers: list[list[Answer]]) -> int:
    for answer in (one for bundle in answers for one in bundle):
        outcome = answer.outcome
        if isinstance(outcome, Refusal) or outcome.violations or outcome.warnings:
            raise Corrupt(f"生成的记录未被干净接受：{answer}", f"not plainly accepted: {answer}")
    return sum(len(bundle) for bundle in answers)
