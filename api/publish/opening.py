"""What must hold before a log is published, and before each step: state, folder, database and clock agree.

state file   checkpoint in the folder   then
none         none, no tiles             a new log
none         any, or tiles              stop; with --new-log take over what is published, if we signed it
size n       none, or smaller           put out the state's (we died between signing and putting out)
size n       the same                   go on; it may have gained cosignatures, and they stay
size n       larger, or another root    stop: the state is an old copy, or someone else signed
"""

from collections.abc import Sequence

from api.publish.state import State, StateFile
from api.publish.stopped import Stopped
from api.publish.tile_store import TileStore
from api.publish.tree import reader
from api.settings import BadSettings
from ledger.checkpoint import Checkpoint, TreeHead, parse_checkpoint, signed_at, with_cosignatures
from ledger.errors import BadSignature, LedgerError
from ledger.note import Signature
from ledger.note_key import NoteSigner
from ledger.policy import Policy, judge_checkpoint
from ledger.proofs import tree_root
from ledger.store.committed import Committed

MAX_CLOCK_BACK_MS = 10 * 60 * 1000


def last_signed(
    file: StateFile, store: TileStore, origin: str, signers: Sequence[NoteSigner], *, new_log: bool
) -> State:
    """What was signed last, by the state file; Stopped when the folder contradicts it."""
    published = _published(store)
    if file.state is not None:
        if new_log:
            raise BadSettings(
                "状态文件已存在，请去掉 --new-log", "there is a state file; leave out --new-log, which is for none"
            )
        _check_state(file.state)
        if published is not None:
            _check_published(published, file.state, store)
        return file.state
    if published is None and not store.has_tiles:
        return State(origin=origin)
    if not new_log:
        raise Stopped(
            "state-missing",
            f"{store.folder} 中已有发布内容，却没有状态文件；请找回它（不要从备份恢复），确已丢失才用 --new-log",
            f"{store.folder} holds what was published, but the state file is missing; find it (not in a backup). "
            "Only if it is lost for good say --new-log",
        )
    if published is None:
        return State(origin=origin)
    return _taken_over(published, origin, signers)


def _published(store: TileStore) -> Checkpoint | None:
    raw = store.read_checkpoint()
    try:
        return None if raw is None else parse_checkpoint(raw)
    except LedgerError as error:
        raise Stopped("checkpoint-differs", f"{store.folder}/checkpoint：{error.zh}", error.en) from error


def _check_state(state: State) -> None:
    """Raise Stopped unless the state's checkpoint is of the size and root that it says."""
    try:
        head = parse_checkpoint(state.checkpoint.encode()).head if state.checkpoint else None
        told = (state.origin, 0, state_root(State(origin=state.origin)))
        sound = (told if head is None else (head.origin, head.size, head.root)) == (
            state.origin, state.size, state_root(state),
        )  # fmt: skip
    except (LedgerError, ValueError):
        sound = False
    if not sound:
        raise Stopped(
            "state-spoilt",
            "状态文件自相矛盾，被人改动过；请看发布指南",
            "the state file contradicts itself: someone edited it; see the publishing guide",
        )


def _check_published(published: Checkpoint, state: State, store: TileStore) -> None:
    head = published.head
    if head.origin == state.origin and head.size > state.size:
        raise Stopped(
            "state-old",
            f"已发布到 {head.size} 条，状态文件却只到 {state.size} 条：它被换成了旧的；请找回最新的状态文件",
            f"{head.size} entries are published, but the state file knows {state.size}: an older copy was put back; "
            "find the newest one",
        )
    there = state_root(state) if head.size == state.size else _root_of_files(store, state.size, head.size)
    if head.origin != state.origin or head.extensions or there not in (None, head.root):
        raise _not_ours(store)


def _not_ours(store: TileStore) -> Stopped:
    return Stopped(
        "checkpoint-differs",
        f"{store.folder}/checkpoint 不是本状态所签；请查明是谁写的",
        f"{store.folder}/checkpoint is not what this state signed; find out who wrote it",
    )


def _root_of_files(store: TileStore, signed: int, size: int) -> bytes | None:
    """The root of the first `size` entries in the files of the signed tree.

    None when some are missing: they are made anew, and the state's newer checkpoint takes this one's place.
    """
    try:
        return tree_root(reader(store, signed), size)
    except Stopped as stopped:
        if stopped.reason == "tile-missing":
            return None
        raise


def _taken_over(published: Checkpoint, origin: str, signers: Sequence[NoteSigner]) -> State:
    """A state of what lies published. Stopped unless each of our keys signed it; the files are compared afterwards."""
    try:
        ours = published.head.origin == origin and all(signed_at(published, one.key) is not None for one in signers)
    except LedgerError:
        ours = False
    if not ours:
        raise Stopped(
            "checkpoint-differs",
            "已发布的存证快照不是这些密钥所签；请核对密钥与文件夹",
            "the published checkpoint was not signed with these keys; compare keys and folder",
        )
    times = (signed_at(published, one.key) or 0 for one in signers)
    return State(
        origin=origin, size=published.head.size, root=published.head.root.hex(),
        checkpoint=published.raw.decode(), signed_at=max(times) * 1000,
    )  # fmt: skip


def state_root(state: State) -> bytes:
    """The root that was signed last."""
    return bytes.fromhex(state.root)


def signed_head(state: State) -> TreeHead:
    """What was signed last; the empty tree before the first."""
    return TreeHead(state.origin, state.size, state_root(state))


def put_out(store: TileStore, state: State, policy: Policy) -> Checkpoint | None:
    """The state's checkpoint, out by now: with the cosignatures that the published one gained. None before the first.

    Dying meanwhile leaves an older one out, which the next opening replaces.
    """
    if not state.size:
        return None
    signed, published = parse_checkpoint(state.checkpoint.encode()), _published(store)
    if published is None or published.head != signed.head:
        newest = signed
    else:
        newest = with_cosignatures(published, signed.note.signatures)
        _check_lines(newest, policy, store)
    newest = with_cosignatures(newest, _kept_lines(store, newest, policy))
    if published is None or newest.raw != published.raw:
        store.write_checkpoint(newest.raw)
    return newest


def _kept_lines(store: TileStore, checkpoint: Checkpoint, policy: Policy) -> list[Signature]:
    """The cosignatures that only the copy that is kept has: we died between the two."""
    raw = store.read_kept(checkpoint.head.size)
    try:
        kept = None if raw is None else parse_checkpoint(raw)
        if kept is None or kept.note.text != checkpoint.note.text:
            return []
        judge_checkpoint(policy, kept)
    except LedgerError:  # spoilt: it is written anew
        return []
    there = {(one.name, one.key_id) for one in checkpoint.note.signatures}
    return [one for one in kept.note.signatures if (one.name, one.key_id) not in there]


def _check_lines(checkpoint: Checkpoint, policy: Policy, store: TileStore) -> None:
    """Raise Stopped when a line under a key of the policy is not its signature: nobody would believe any of it."""
    keys = [log.key for log in policy.logs] + [one.key for one in policy.witnesses]
    try:
        for key in keys:
            signed_at(checkpoint, key)
    except BadSignature as error:
        raise _not_ours(store) from error


def check_clock(state: State, now: int) -> None:
    """Raise Stopped when the clock (ms UTC) is far behind the last signature; a little is a leap or a correction."""
    if now < state.signed_at - MAX_CLOCK_BACK_MS:
        back_s = (state.signed_at - now) // 1000
        raise Stopped(
            "clock-back",
            f"时钟比上次签名倒退了 {back_s} 秒；请校时后再启动",
            f"the clock is {back_s} s behind the last signature; set it, then start again",
        )


def check_head(log: Committed, state: State) -> None:
    """Raise Stopped when the database is a replica, or holds less than was signed."""
    if not log.primary:
        raise Stopped(
            "replica",
            "这是只读副本；只能由主库发布",
            "this database is a replica; publish from the primary",
        )
    if log.size < state.size:
        raise Stopped(
            "database-shorter",
            f"数据库只有 {log.size} 条，而已签 {state.size} 条：它是从旧备份恢复的，或被删改；"
            f"请恢复到 {state.size} 条以上，并请各站补发",
            f"the database has {log.size} entries, {state.size} are signed: it was restored from an old backup, or "
            f"rows were deleted; recover it to {state.size} or more, and have stations send again",
        )
