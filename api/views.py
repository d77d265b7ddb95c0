"""What readers are shown: entries in words, and cylinders as they stand. Masses grams, times ms UTC, months YYYY-MM."""

from msgspec import Struct

from api.words import CONTENT_ZH, Finding, china_time, findings, sentence
from ledger import claim as c
from ledger import events as e
from ledger.bundle import decode_claim
from ledger.china import add_months, day_of, last_day
from ledger.claim import act_of
from ledger.cylinder import Cylinder, Fill
from ledger.lifecycle import STAGE_ZH, Stage
from ledger.packs.model import Pack
from ledger.rules.filling import allowed_net_g
from ledger.rules.inspection import due_month_under
from ledger.store.read import Connection, Stored, record
from ledger.store.recalls import recall_of


class EntryView(Struct, frozen=True):
    """One entry in words. `recorded_at_text` is China's time; `claim` is what was said, `outcome` what came of it."""

    entry_index: int
    leaf: str
    recorded_at: int
    recorded_at_text: str
    act: str
    outcome_type: str
    accepted: bool
    zh: str
    en: str
    findings: list[Finding]
    subject: str
    signer: str
    site: str | None
    person: str | None
    claim: c.AnyClaim
    outcome: e.Outcome


class LastFill(Struct, frozen=True):
    """The last completed fill."""

    station: str
    at: int
    at_text: str
    net_g: int
    tank_lot: str
    lawful: bool


class CylinderState(Struct, frozen=True):
    """A cylinder as it stands. `code` is the one asked by, and whether it is still in use; what the pack in force does
    not limit is None.
    """

    log: str
    cylinder: str
    code: str
    code_active: bool
    codes: tuple[str, ...]
    stage: Stage
    stage_zh: str
    holder: str
    content: c.Content
    content_zh: str
    owner: str
    owner_name: str | None
    service_phone: str | None
    maker: str
    serial: str
    model: str
    made_month: str
    tare_g: int
    allowed_fill_g: int
    inspection_due_month: str | None
    inspection_overdue: bool | None
    life_end_month: str | None
    last_fill: LastFill | None
    locks: tuple[c.Cause, ...]
    seized: str | None
    recall: str | None
    use_registration: str | None


def entry_view(stored: Stored) -> EntryView:
    """An entry as people and machines read it."""
    entry = stored.entry
    claim, outcome = decode_claim(entry.claim), entry.outcome
    zh, en = sentence(claim, outcome)
    return EntryView(
        entry_index=stored.entry_index,
        leaf=stored.leaf,
        recorded_at=entry.recorded_at,
        recorded_at_text=china_time(entry.recorded_at),
        act=act_of(claim),
        outcome_type=e.tag_of(outcome),
        accepted=not isinstance(outcome, e.Refusal),
        zh=zh,
        en=en,
        findings=findings(outcome),
        subject=entry.subject,
        signer=entry.signer,
        site=getattr(claim, "site", None),
        person=getattr(claim, "person", None),
        claim=claim,
        outcome=outcome,
    )


def cylinder_state(
    connection: Connection, log_id: int, log: str, found: Cylinder, *, code: str, active: bool, now: int, whole: bool
) -> CylinderState:
    """A cylinder with its owner, and what the pack in force says of its dates today (`now`, ms UTC).

    `whole`: for a reader of the whole log.
    """
    owner = record(connection, log_id, f"enterprise:{found.owner}")
    owner = owner if isinstance(owner, c.FileEnterprise) else None
    pack = _pack(connection, log_id)
    due = _due_month(pack, found)
    return CylinderState(
        log=log,
        cylinder=found.cylinder,
        code=code,
        code_active=active,
        codes=found.codes,
        stage=found.stage,
        stage_zh=STAGE_ZH[found.stage],
        holder=shown_holder(found.holder, whole=whole),
        content=found.content,
        content_zh=CONTENT_ZH[found.content],
        owner=found.owner,
        owner_name=None if owner is None else owner.name,
        service_phone=None if owner is None else owner.service_phone,
        maker=found.maker,
        serial=found.serial,
        model=found.model,
        made_month=found.made_month,
        tare_g=found.tare_g,
        allowed_fill_g=allowed_net_g(found),
        inspection_due_month=due,
        inspection_overdue=None if due is None else day_of(now) > last_day(due),
        life_end_month=_life_end(pack, found),
        last_fill=None if found.fill is None else last_fill(found.fill),
        locks=found.locks,
        seized=found.seized,
        recall=recall_of(connection, log_id, found),
        use_registration=found.use_registration,
    )


def shown_holder(holder: str, *, whole: bool) -> str:
    """Who holds it, as a reader is shown it: whose customer it is shows to readers of the whole log only."""
    return holder if whole or not holder.startswith("customer:") else "customer"


def last_fill(fill: Fill) -> LastFill:
    """A fill as readers are shown it."""
    return LastFill(fill.site, fill.at, china_time(fill.at), fill.net_g, fill.tank_lot, fill.lawful)


def _pack(connection: Connection, log_id: int) -> Pack | None:
    filed = record(connection, log_id, "pack") or record(connection, log_id, "log")
    return filed.pack if isinstance(filed, c.AdoptPack | c.OpenLog) else None


def _params(pack: Pack | None, rule: str) -> dict[str, int] | None:
    """The parameters of the newest version of a rule that the pack has, None when it has none or switched it off."""
    if pack is None:
        return None
    versions = {int(name.partition("@")[2]): set_ for name, set_ in pack.rules.items() if name.startswith(f"{rule}@")}
    if not versions or versions[max(versions)].mode == "off":
        return None
    return versions[max(versions)].params


def _due_month(pack: Pack | None, found: Cylinder) -> str | None:
    params = _params(pack, "INS-01")
    return None if params is None else due_month_under(params, found)


def _life_end(pack: Pack | None, found: Cylinder) -> str | None:
    params = _params(pack, "LIFE-01")
    return None if params is None else add_months(found.made_month, params["cap_months"])
