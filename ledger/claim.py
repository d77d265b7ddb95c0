"""Claims: what an identified signer says, one frozen Struct per act, the one type from scanner to log.

A *request* asks leave and may be refused. A *report* says what happened and, if authentic, always becomes an event
(FLOW.md section 1). A *filing* is a request about the registry: a full snapshot of one thing.

Masses are grams, volumes millilitres, times milliseconds UTC, months and days ISO 8601 text in China's calendar.
Person, vehicle and site ids are opaque: no name, number, phone, address or free text has a field here.

This file is over 150 lines because it is one vocabulary: every act of the trade, side by side.
"""

from enum import StrEnum
from typing import Annotated, Literal, get_args

from msgspec import Meta, Struct

from ledger.packs.model import Pack

MAX_CLAIM_BYTES = 24 * 1024
MAX_LISTED_CYLINDERS = 400

ClaimId = Annotated[
    str, Meta(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z", description="UUIDv7")
]
Ref = Annotated[str, Meta(pattern=r"^[0-9A-Za-z][0-9A-Za-z.-]{0,39}\Z", description="an opaque registry id")]
Code = Annotated[
    str, Meta(pattern=r"^[a-z][a-z0-9-]{1,23}:[!-~]{1,100}\Z", description="`scheme:value` of one identifier")
]
SignerId = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]
Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z", description="SHA-256, hexadecimal")]
Millis = Annotated[int, Meta(ge=0, le=2**53 - 1, description="milliseconds UTC since 1970")]
Grams = Annotated[int, Meta(ge=-1_000_000, le=1_000_000)]
Seq = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Count = Annotated[int, Meta(ge=0, le=100_000)]
Month = Annotated[str, Meta(pattern=r"^(19|20)[0-9]{2}-(0[1-9]|1[0-2])\Z")]
Day = Annotated[str, Meta(pattern=r"^(19|20)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])\Z")]
Months = Annotated[int, Meta(ge=1, le=600)]
Origin = Annotated[str, Meta(pattern=r"^[a-z0-9.-]{1,100}(/[a-z0-9.-]{1,40}){0,4}\Z")]
Display = Annotated[str, Meta(min_length=1, max_length=80, description="a public name")]
Phone = Annotated[str, Meta(pattern=r"^[0-9+ -]{3,20}\Z", description="a public service phone")]
District = Annotated[str, Meta(pattern=r"^[0-9]{6}\Z", description="GB/T 2260 division code")]
TareGrams = Annotated[int, Meta(ge=500, le=100_000)]
Codes = Annotated[tuple[Code, ...], Meta(max_length=6)]
Town = Annotated[str, Meta(pattern=r"^[0-9]{9}([0-9]{3})?\Z", description="GB/T 10114 town or village code")]
Photos = Annotated[tuple[Digest, ...], Meta(max_length=8)]

CUSTOMER = "customer"
"""The owner of a cylinder that no enterprise owns: its customer's, until it is surrendered (置换)."""


class Role(StrEnum):
    """Who a signer is (FLOW.md section 3)."""

    AUTHORITY = "authority"
    INSPECTION_BODY = "inspection_body"
    OFFICE = "office"
    STATION = "station"
    WORKER = "worker"
    LOG = "log"

    # Enum's own hash is a Python call, and every claim looks up who may make it.
    __hash__ = str.__hash__


class Phase(StrEnum):
    """What a cylinder gives off: vapour 气相, liquid 液相, or both 气液双相."""

    VAPOUR = "vapour"
    LIQUID = "liquid"
    TWO_PHASE = "two_phase"


class Content(StrEnum):
    """What is in it: 空瓶, 重瓶, or nobody knows."""

    EMPTY = "empty"
    FULL = "full"
    UNKNOWN = "unknown"


class Purpose(StrEnum):
    """Why a cylinder moves. Only `sale` faces a customer and meets a gate."""

    SALE = "sale"
    TRANSFER = "transfer"
    INSPECTION = "inspection"
    DESTRUCTION = "destruction"
    RETURN = "return"
    OWNER_RETURN = "owner_return"
    SEIZURE_TRANSFER = "seizure_transfer"
    EMERGENCY = "emergency"


class PrefillItem(StrEnum):
    """What a pre-check (排检) may find wrong."""

    STAMP_MISMATCH = "stamp_mismatch"
    STAMP_ILLEGIBLE = "stamp_illegible"
    BODY_DAMAGE = "body_damage"
    CORROSION = "corrosion"
    FIRE_MARKS = "fire_marks"
    VALVE = "valve"
    ACCESSORIES = "accessories"
    COLOUR = "colour"
    REFURBISHED = "refurbished"
    MODIFIED = "modified"
    LEAK = "leak"
    TARE_UNCLEAR = "tare_unclear"


class PostfillItem(StrEnum):
    """What a post-check (充装后检查) may find wrong."""

    LEAK = "leak"
    SEAL = "seal"
    LABEL = "label"
    BULGE = "bulge"
    TEMPERATURE = "temperature"


class Cause(StrEnum):
    """Why a fill stopped, a cylinder was set aside, locked or scrapped, or an entry is corrected."""

    POWER_CUT = "power_cut"
    OPERATOR_STOP = "operator_stop"
    SCALE_FAULT = "scale_fault"
    LEAK = "leak"
    WEIGHT_ABNORMAL = "weight_abnormal"
    FAILED_CHECK = "failed_check"
    OVERFILLED = "overfilled"
    FOREIGN = "foreign"
    INSPECTION_DUE = "inspection_due"
    INSPECTION_FAILED = "inspection_failed"
    LIFE_END = "life_end"
    RECALLED = "recalled"
    KEYING_ERROR = "keying_error"
    SCALE_ERROR = "scale_error"
    STAMP_RE_READ = "stamp_re_read"
    LABEL_UNREADABLE = "label_unreadable"
    LABEL_LOST = "label_lost"
    INCIDENT = "incident"


class CheckItem(StrEnum):
    """What a check at a customer's may find wrong, and so what a hazard (隐患) may be (`ledger.checklists`)."""

    LEAK = "leak"
    UNDERGROUND = "underground"
    TWO_PHASE = "two_phase"
    HOSE_RUBBER = "hose_rubber"
    HOSE_LONG = "hose_long"
    HOSE_TEE = "hose_tee"
    HOSE_THROUGH_WALL = "hose_through_wall"
    HOSE_AGED = "hose_aged"
    REGULATOR_ADJUSTABLE = "regulator_adjustable"
    REGULATOR_MEDIUM_PRESSURE = "regulator_medium_pressure"
    STOVE_UNFIT = "stove_unfit"
    ALARM_MISSING = "alarm_missing"
    ALARM_FAILED = "alarm_failed"
    SHUT_OFF_MISSING = "shut_off_missing"
    DINING_AREA = "dining_area"
    NO_CYLINDER_ROOM = "no_cylinder_room"
    NOT_SEPARATED = "not_separated"
    NEAR_FIRE = "near_fire"
    VENTILATION = "ventilation"
    FOREIGN_CYLINDER = "foreign_cylinder"


class AlertKind(StrEnum):
    """What the bundles of a signer show to be wrong."""

    CLONED_KEY = "cloned_key"
    LOG_FORK = "log_fork"
    LOG_ROLLBACK = "log_rollback"
    DEVICE_ROLLBACK = "device_rollback"
    REPLAY = "replay"
    LOST_QUEUE = "lost_queue"


class Claim(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", omit_defaults=True, kw_only=True):
    """What every claim says: its own id, and when the act happened by the signer's clock."""

    claim_id: ClaimId
    scanned_at: Millis


class SafetyCheck(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What somebody looked at by a versioned list (`ledger.checklists`): what failed, what was left out, photographs'
    digests. Every item of the list that is in neither was looked at and found good.
    """

    checklist: Ref
    failed_items: tuple[CheckItem, ...] = ()
    skipped_items: tuple[CheckItem, ...] = ()
    photos: Photos = ()


class Confirmation(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How a customer confirmed, as the device attests it: by voucher (供气使用凭证), code, signature or filed proxy.

    It names the voucher or proxy shown. `digest` is of what else shows it: the signature's picture, the code's message.
    """

    how: Literal["voucher", "code", "signature", "proxy"]
    result: Literal["matched", "wrong", "late", "absent"]
    voucher: Ref | None = None
    proxy: Ref | None = None
    digest: Digest | None = None


# --- scans: about one cylinder -------------------------------------------------------------------------------------


class RegisterCylinder(Claim, frozen=True, tag="register_cylinder"):
    """Request: open a cylinder's life in the ledger. `cylinder` is its ledger id, `code` its first identifier.

    `also` are the other codes on its body. `owner` is an enterprise, or `customer` for one that is to be surrendered.
    `filler_mark` is the enterprise whose mark is debossed on its head (封头凹印). `new`: bought new and never filled.
    """

    cylinder: ClaimId
    code: Code
    owner: Ref
    maker: Ref
    serial: Annotated[str, Meta(pattern=r"^[0-9A-Z-]{1,20}\Z")]
    made_month: Month
    model: Annotated[str, Meta(pattern=r"^YSP[0-9A-Z./\-\u6db2]{1,16}\Z")]
    phase: Phase
    water_volume_ml: Annotated[int, Meta(ge=1_000, le=150_000)]
    tare_g: TareGrams
    max_fill_g: Annotated[int, Meta(ge=200, le=63_000)]
    design_life_months: Months
    inspected_month: Month | None = None
    also: Codes = ()
    bought_on: Day | None = None
    filler_mark: Ref | None = None
    collar: Literal["welded", "screwed"] | None = None
    ownership: Literal["invoice", "transfer", "custody", "surrender", "declaration"] | None = None
    ownership_digest: Digest | None = None
    new: bool = False
    valve_no: Ref | None = None
    valve_model: Ref | None = None


class BindCode(Claim, frozen=True, tag="bind_code"):
    """Request: give a cylinder another identifier; `retires` names the active one of the same scheme, if any.

    A new label in place of an old one (换标) needs `person`, a photograph of stamp and label in one picture, and a
    second person, who may also confirm later (`confirm_relabel`).
    """

    code: Code
    new_code: Code
    retires: Code | None = None
    person: Ref | None = None
    second_person: Ref | None = None
    photo_digest: Digest | None = None
    cause: Cause | None = None


class ConfirmRelabel(Claim, frozen=True, tag="confirm_relabel"):
    """Report: a second person compared the new label with the stamp (换标复核)."""

    code: Code
    site: Ref
    person: Ref


class RecordInspection(Claim, frozen=True, tag="record_inspection"):
    """Report: the periodic inspection (定期检验) of a cylinder. `site` is the inspection body's place."""

    code: Code
    site: Ref
    person: Ref
    reviewer: Ref
    inspected_on: Day
    passed: bool
    report_digest: Digest
    tare_g: TareGrams | None = None
    ring: Ref | None = None


class CheckPrefill(Claim, frozen=True, tag="check_prefill"):
    """Report: the row pre-check (排检) of one cylinder; only exceptions are listed.

    `stamp_tail` is what a person keyed of the stamp's serial, its last characters (码印核对); `also_read` are other
    codes read on the same body (RFID, valve).
    """

    code: Code
    site: Ref
    person: Ref
    failed_items: tuple[PrefillItem, ...] = ()
    stamp_tail: Annotated[str, Meta(pattern=r"^[0-9A-Z-]{1,20}\Z")] | None = None
    also_read: Codes = ()
    photo_digest: Digest | None = None


class AuthoriseFill(Claim, frozen=True, tag="authorise_fill"):
    """Request: fill this cylinder once on this line from this tank lot. `continues` names what it resumes.

    `start_weight_g` is what the scale shows before the valve opens, gross, where it can be read by then.
    """

    code: Code
    site: Ref
    line: Ref
    person: Ref
    tank_lot: Ref
    continues: ClaimId | None = None
    start_weight_g: Grams | None = None


class StartFill(Claim, frozen=True, tag="start_fill"):
    """Report: the agent consumed the authorisation and opened the valve."""

    code: Code
    site: Ref
    line: Ref
    person: Ref
    authorisation: ClaimId
    start_weight_g: Grams


class CompleteFill(Claim, frozen=True, tag="complete_fill"):
    """Report: the valve closed with the fill done. Weights are gross, as the scale shows them."""

    code: Code
    site: Ref
    line: Ref
    person: Ref
    authorisation: ClaimId
    tank_lot: Ref
    start_weight_g: Grams
    end_weight_g: Grams
    scale_seq: Seq


class InterruptFill(Claim, frozen=True, tag="interrupt_fill"):
    """Report: the valve closed before the fill was done."""

    code: Code
    site: Ref
    line: Ref
    person: Ref
    authorisation: ClaimId
    weight_g: Grams
    cause: Cause


class WeighCylinder(Claim, frozen=True, tag="weigh_cylinder"):
    """Report: a weighing (复秤) outside a fill; gross."""

    code: Code
    site: Ref
    line: Ref
    person: Ref
    weight_g: Grams


class CheckPostfill(Claim, frozen=True, tag="check_postfill"):
    """Report: the post-check (充装后检查) of one cylinder by a second person, with its check-weigh; gross."""

    code: Code
    site: Ref
    person: Ref
    weight_g: Grams
    failed_items: tuple[PostfillItem, ...] = ()


class ReleaseCylinder(Claim, frozen=True, tag="release_cylinder"):
    """Request: release for sale (放行). `seal` is the number of this fill's seal (封签)."""

    code: Code
    site: Ref
    person: Ref
    seal: Ref | None = None


class DepotOut(Claim, frozen=True, tag="depot_out"):
    """Out of the depot (出库). For sale it is a request and meets the gate; for any other purpose a report."""

    code: Code
    site: Ref
    person: Ref
    vehicle: Ref
    purpose: Purpose
    to_site: Ref | None = None


class DepotIn(Claim, frozen=True, tag="depot_in"):
    """Report: into the depot (入库)."""

    code: Code
    site: Ref
    person: Ref
    vehicle: Ref
    purpose: Purpose
    content: Content


class LoadVehicle(Claim, frozen=True, tag="load_vehicle"):
    """Request: a full one onto a delivery vehicle (装车), the last refusal before the road."""

    code: Code
    site: Ref
    person: Ref
    vehicle: Ref


class UnloadVehicle(Claim, frozen=True, tag="unload_vehicle"):
    """Report: off a delivery vehicle (卸车), unsold or empty."""

    code: Code
    site: Ref
    person: Ref
    vehicle: Ref
    content: Content


class CollectCylinder(Claim, frozen=True, tag="collect_cylinder"):
    """Report: a cylinder taken back (回收空瓶), from a customer where it names one. Never refused."""

    code: Code
    site: Ref
    person: Ref
    vehicle: Ref
    content: Content
    customer: Ref | None = None
    premises: Ref | None = None
    weight_g: Grams | None = None


class HandOver(Claim, frozen=True, tag="hand_over"):
    """Request: hand a full one over (交付) at a customer's premises, to stand at `position`; with no `vehicle` at the
    counter of `site`, where the customer fetches it (自提) to take it there.

    `site` is the place that sent it, where it has one: in that site's first days some rules only warn. `check` is the
    delivery check (随瓶安检), `confirmation` the customer's; `empties` are taken back in the same visit, each with a
    collection of its own. `weight_g` is gross, at the door. `cell` is the 1-km cell of the place, `in_area` the
    geofence's verdict, as the device attests them. `done`: the line was down and it was handed over, so this is a
    report, which is judged and never refused.
    """

    code: Code
    person: Ref
    vehicle: Ref | None
    customer: Ref
    premises: Ref
    position: Literal["indoor", "outdoor", "cylinder_room"]
    site: Ref | None = None
    channel: Literal["delivery", "self_pickup"] = "delivery"
    order: Ref | None = None
    check: SafetyCheck | None = None
    confirmation: Confirmation | None = None
    empties: Annotated[tuple[Code, ...], Meta(max_length=20)] = ()
    weight_g: Grams | None = None
    cell: Ref | None = None
    in_area: bool | None = None
    done: bool = False


class NotDelivered(Claim, frozen=True, tag="not_delivered"):
    """Report: a full one that was brought and not handed over; it stays on the vehicle. A refusal to sign is shown by
    a photograph.
    """

    code: Code
    person: Ref
    vehicle: Ref
    customer: Ref
    premises: Ref
    cause: Literal["nobody_home", "refused", "refused_to_sign", "unsafe", "supply_refused", "wrong_order"]
    photo_digest: Digest | None = None


class RemoveInEmergency(Claim, frozen=True, tag="remove_in_emergency"):
    """Report: taken away because it is dangerous where it is (应急处置), onto a vehicle or to a site. Never refused."""

    code: Code
    person: Ref
    cause: Literal["leak", "fire", "explosion", "illegal_point", "other_danger"]
    vehicle: Ref | None = None
    to_site: Ref | None = None


class ReportLost(Claim, frozen=True, tag="report_lost"):
    """Report: nobody knows where it is (丢失)."""

    code: Code
    person: Ref
    cause: Literal["not_returned", "stolen", "destroyed_unseen", "miscounted"]


class ReportFound(Claim, frozen=True, tag="report_found"):
    """Report: found (找到) at a site, on a vehicle or at a customer's premises."""

    code: Code
    person: Ref
    site: Ref | None = None
    vehicle: Ref | None = None
    customer: Ref | None = None
    premises: Ref | None = None
    photo_digest: Digest | None = None


class SetAside(Claim, frozen=True, tag="set_aside"):
    """Report: set aside (隔离待处理)."""

    code: Code
    site: Ref
    person: Ref
    cause: Cause


class LockCylinder(Claim, frozen=True, tag="lock_cylinder"):
    """Report: locked (锁瓶) until its cause is gone."""

    code: Code
    site: Ref
    person: Ref
    cause: Cause


class BleedCylinder(Claim, frozen=True, tag="bleed_cylinder"):
    """Report: bled back (回抽) and weighed again; gross."""

    code: Code
    site: Ref
    person: Ref
    weight_g: Grams


class EvacuateCylinder(Claim, frozen=True, tag="evacuate_cylinder"):
    """Report: air drawn out (抽真空) before the first fill or after an inspection."""

    code: Code
    site: Ref
    person: Ref


class ExtractResidue(Claim, frozen=True, tag="extract_residue"):
    """Report: residue taken out (抽残): how much, and what the cylinder weighs afterwards, gross."""

    code: Code
    site: Ref
    person: Ref
    extracted_g: Annotated[int, Meta(ge=0, le=100_000)]
    weight_g: Grams


class ReplaceValve(Claim, frozen=True, tag="replace_valve"):
    """Report: another valve (换阀). A code that the new valve carries is bound by `bind_code`."""

    code: Code
    site: Ref
    person: Ref
    valve: Literal["plain", "smart", "self_closing"]
    valve_no: Ref | None = None
    valve_model: Ref | None = None


class DetermineTare(Claim, frozen=True, tag="determine_tare"):
    """Report: the tare weighed anew (重新核定皮重), valve on, evacuated, with a witness."""

    code: Code
    site: Ref
    person: Ref
    witness: Ref
    tare_g: TareGrams


class SurrenderCylinder(Claim, frozen=True, tag="surrender_cylinder"):
    """Request: a customer's own cylinder goes over (置换) to this site's enterprise, or to be scrapped."""

    code: Code
    site: Ref
    person: Ref
    to: Literal["enterprise", "scrap"]
    evidence_digest: Digest


class SeizeCylinder(Claim, frozen=True, tag="seize_cylinder"):
    """Report of the authority: sealed in place (查封) or detained (扣押) under an order."""

    code: Code
    order_no: Ref
    kind: Literal["sealed", "detained"]


class EndSeizure(Claim, frozen=True, tag="end_seizure"):
    """Report of the authority: the seizure under that order is over."""

    code: Code
    order_no: Ref


class DecideScrap(Claim, frozen=True, tag="decide_scrap"):
    """Report: to be scrapped (待报废); there is no way back."""

    code: Code
    person: Ref
    cause: Cause


class DestroyCylinder(Claim, frozen=True, tag="destroy_cylinder"):
    """Report: its function destroyed (消除使用功能), with a witness and a photograph's digest."""

    code: Code
    site: Ref
    person: Ref
    witness: Ref
    method: Literal["flattened", "cut", "pierced"]
    photo_digest: Digest


class DeregisterCylinder(Claim, frozen=True, tag="deregister_cylinder"):
    """Request: end its registration (注销); needs the destruction. Its codes are retired for ever."""

    code: Code


class CountStock(Claim, frozen=True, tag="count_stock"):
    """Report: found at this site in a count (盘点); opens and corrects custody."""

    code: Code
    site: Ref
    person: Ref
    content: Content


class CorrectCylinder(Claim, frozen=True, tag="correct_cylinder"):
    """Report: correct master data that an earlier entry got wrong; acts from its own index on (DATA-02)."""

    code: Code
    corrects: Seq
    cause: Cause
    tare_g: TareGrams | None = None
    max_fill_g: Annotated[int, Meta(ge=200, le=63_000)] | None = None
    made_month: Month | None = None
    phase: Phase | None = None
    bought_on: Day | None = None
    filler_mark: Ref | None = None
    collar: Literal["welded", "screwed"] | None = None


CORRECTABLE = ("tare_g", "max_fill_g", "made_month", "phase", "bought_on", "filler_mark", "collar")
"""What a correction may change: its fields that a cylinder has by the same name."""


# --- reports about a site -------------------------------------------------------------------------------------------


class RecordArrival(Claim, frozen=True, tag="record_arrival"):
    """Report: a truck arrived; counts by model, no scan per cylinder."""

    site: Ref
    person: Ref
    vehicle: Ref
    counts: dict[Annotated[str, Meta(max_length=20)], Count]


# --- reports about a customer's premises ----------------------------------------------------------------------------


class CheckPremises(Claim, frozen=True, tag="check_premises"):
    """Report: a check at a customer's: before the first supply (通气前检查), at home (入户安检), or with a delivery
    (随瓶安检) whose hand-over does not carry it.
    """

    premises: Ref
    person: Ref
    kind: Literal["presupply", "home", "delivery"]
    check: SafetyCheck
    confirmation: Confirmation | None = None


class OpenHazard(Claim, frozen=True, tag="open_hazard"):
    """Report: a hazard (隐患) found; its id is this claim's. `notice`: how the customer took the notice of it.

    `grade`: of the place (现场类), equipment (设施类), management (管理类) or rules (制度类). `deadline`: the last day.
    """

    premises: Ref
    person: Ref
    item: CheckItem
    grade: Literal["place", "equipment", "management", "rules"]
    deadline: Day
    notice: Literal["signed", "refused", "absent"]
    photo_digest: Digest
    major: bool = False
    notice_digest: Digest | None = None
    found_in: ClaimId | None = None


class AssignHazard(Claim, frozen=True, tag="assign_hazard"):
    """Report: the five fixings (五定) of a hazard: who is responsible, the measure, the funds, the time, the plan."""

    premises: Ref
    hazard: ClaimId
    person: Ref
    measure: Literal["repair", "replace", "install", "move", "remove", "train"]
    funds: Literal["customer", "enterprise", "government"]
    deadline: Day
    plan_digest: Digest


class EscalateHazard(Claim, frozen=True, tag="escalate_hazard"):
    """Report: the customer refuses to have it put right (拒不整改), and the town was told."""

    premises: Ref
    hazard: ClaimId
    person: Ref
    town: Town
    notice_digest: Digest


class RectifyHazard(Claim, frozen=True, tag="rectify_hazard"):
    """Report: put right (整改). With `before_digest`, another photograph from before, it is a re-check on the spot."""

    premises: Ref
    hazard: ClaimId
    person: Ref
    photo_digest: Digest
    before_digest: Digest | None = None


class RecheckHazard(Claim, frozen=True, tag="recheck_hazard"):
    """Report: re-checked (复查). Only this, or a repair on the spot, closes a hazard."""

    premises: Ref
    hazard: ClaimId
    person: Ref
    passed: bool
    photo_digest: Digest


class SuspendSupply(Claim, frozen=True, tag="suspend_supply"):
    """Report: this enterprise suspends its supply (暂停供气); every enterprise sees it at the door."""

    premises: Ref
    enterprise: Ref
    cause: Literal["hazard", "refused_to_rectify", "unsafe_premises", "diversion", "incident"]
    hazards: Annotated[tuple[ClaimId, ...], Meta(max_length=20)] = ()


class ResumeSupply(Claim, frozen=True, tag="resume_supply"):
    """Request: supply again (恢复供气): only the enterprise that suspended it, or its successor, may."""

    premises: Ref
    enterprise: Ref


class CountPremises(Claim, frozen=True, tag="count_premises"):
    """Report: the cylinders found at a customer's in a photographed count (现场盘点); it corrects custody."""

    premises: Ref
    customer: Ref
    person: Ref
    codes: Annotated[tuple[Code, ...], Meta(max_length=60)]
    photo_digest: Digest


# --- reports about a recall -------------------------------------------------------------------------------------------


class AcknowledgeRecall(Claim, frozen=True, tag="acknowledge_recall"):
    """Report: this enterprise has the recall (确认收到召回); `told`: how many holders it has told by now."""

    recall: Ref
    enterprise: Ref
    told: Count = 0


# --- reports about an alert -------------------------------------------------------------------------------------------


class SettleAlert(Claim, frozen=True, tag="settle_alert"):
    """Report: what somebody found out about an alert (`ledger.signals`), by its id: root cause and outcome."""

    alert: Ref
    cause: Literal[
        "missed_scan", "swapped_by_neighbours", "late_upload", "equipment_fault", "clock_fault", "cloned_code",
        "pocket_code", "decanting", "hoarding", "unrecorded_fill", "false_report", "other",
    ]  # fmt: skip
    outcome: Literal["explained", "corrected", "penalised", "handed_over", "false_alarm"]


# --- reports by the log's own signer ---------------------------------------------------------------------------------


class RaiseAlert(Claim, frozen=True, tag="raise_alert"):
    """Report: what the bundles of `signer` show to be wrong.

    `entries` show it, last the one that told, of the bundle `device_seq`. `digests`: two bundles that contradict each
    other. `after_seq`: the newest number before those that are missing, None for none. `sizes`, `roots`: the tree that
    the device saw, then the one that contradicts it.
    """

    kind: AlertKind
    signer: SignerId
    entries: Annotated[tuple[Seq, ...], Meta(min_length=1, max_length=2)]
    device_seq: Seq
    after_seq: Seq | None = None
    digests: Annotated[tuple[Digest, ...], Meta(max_length=2)] = ()
    sizes: Annotated[tuple[Seq, ...], Meta(max_length=2)] = ()
    roots: Annotated[tuple[Digest, ...], Meta(max_length=2)] = ()


# --- filings: full snapshots of one thing in the registry ------------------------------------------------------------


class Filing(Claim, frozen=True, kw_only=True):
    """`expects` is the `subject_seq` of the snapshot that this one replaces, None for a new thing."""

    expects: Seq | None = None


class SignerKey(Struct, frozen=True, forbid_unknown_fields=True):
    """A public key: Ed25519 as 32 raw bytes, P-256 as the 65 bytes of its uncompressed point; hexadecimal."""

    alg: Literal["ed25519", "p256"]
    public: Annotated[str, Meta(pattern=r"^([0-9a-f]{64}|04[0-9a-f]{128})\Z")]


class OpenLog(Filing, frozen=True, tag="open_log"):
    """Entry 0: origin, the authority's key, the log's own signer, the first rule pack. Signed by the authority."""

    origin: Origin
    authority: SignerKey
    log_signer: SignerKey
    pack: Pack
    demo: bool = False


class AdoptPack(Filing, frozen=True, tag="adopt_pack"):
    """The pack in force from the next entry on."""

    pack: Pack


class EnrolSigner(Filing, frozen=True, tag="enrol_signer"):
    """A signer's key, role, acts and sites. The id is derived from the key (`bundle.signer_id`).

    `alert`: the claim id of the alert for which it is quarantined. `worker`: whose phone it is; it then names nobody
    else as who acts, and so its signature is that person's.
    """

    signer: SignerId
    key: SignerKey
    role: Role
    enterprise: Ref | None
    sites: tuple[Ref, ...]
    acts: tuple[Annotated[str, Meta(max_length=40)], ...]
    status: Literal["active", "revoked", "quarantined"]
    alert: ClaimId | None = None
    worker: Ref | None = None


class FileEnterprise(Filing, frozen=True, tag="file_enterprise"):
    """An enterprise: its public name and service phone. A manufacturer's id is its code on the stamp (制造单位代号)."""

    enterprise: Ref
    kind: Literal["filler", "inspection_body", "supplier", "manufacturer", "carrier"]
    name: Display
    service_phone: Phone


class FileSuccessor(Filing, frozen=True, tag="file_successor"):
    """An enterprise's successor from that day on: owns its cylinders, may resume its supply, its marks hold on."""

    enterprise: Ref
    successor: Ref
    from_day: Day


class FileCustody(Filing, frozen=True, tag="file_custody"):
    """A custody agreement (托管): the custodian may fill the owner's cylinders, where a pack allows it."""

    agreement: Ref
    owner: Ref
    custodian: Ref
    valid_from: Day
    valid_to: Day
    status: Literal["valid", "ended"]


class FileBlacklisting(Filing, frozen=True, tag="file_blacklisting"):
    """A person, an enterprise or a maker's products on the authority's blacklist (黑名单), from that day on."""

    blacklisting: Ref
    kind: Literal["person", "enterprise", "maker"]
    target: Ref
    from_day: Day
    status: Literal["listed", "removed"]


class FileSeizureOrder(Filing, frozen=True, tag="file_seizure_order"):
    """An order of the authority to seize (查封、扣押决定). Lifted, it frees every cylinder seized under it."""

    order_no: Ref
    kind: Literal["sealed", "detained"]
    issued_on: Day
    status: Literal["in_force", "lifted"]


class FileProduct(Filing, frozen=True, tag="file_product"):
    """A kind of gas that an enterprise deals in: what it is, and whether it is meant for kitchens."""

    product: Ref
    enterprise: Ref
    medium: Literal["lpg", "propane", "butane", "methanol", "bio_oil"]
    use: Literal["civil", "industrial"]
    status: Literal["current", "withdrawn"]


class FileCustomer(Filing, frozen=True, tag="file_customer"):
    """A customer, by random id. `verified_on`: when its real name (实名) was verified; None while it is not."""

    customer: Ref
    enterprise: Ref
    kind: Literal["resident", "non_resident"]
    verified_on: Day | None
    status: Literal["open", "closed"]


PremisesKind = Literal[
    "resident", "restaurant", "school", "hospital", "hotel", "inn", "market", "mixed_use", "group_rental", "homestay",
    "canteen", "industrial", "other",
]  # fmt: skip


class FilePremises(Filing, frozen=True, tag="file_premises"):
    """A customer's premises, by opaque id: what hand-over gates ask of them. `crowded`: 人员密集场所.

    `town` and `building` say where, and no more. `storey`: where the gas is used. `converted`: a ground floor made into
    a business (底层住改商). The days are those of the last test of the alarm and of its shut-off device.
    """

    premises: Ref
    enterprise: Ref
    kind: PremisesKind
    crowded: bool
    vaporiser: bool
    status: Literal["open", "closed"]
    customer: Ref | None = None
    town: Town | None = None
    building: Ref | None = None
    storey: Literal["above_ground", "semi_underground", "underground", "garage", "store_room"] = "above_ground"
    high_rise: bool = False
    converted: bool = False
    cylinder_room: bool = False
    alarm_tested_on: Day | None = None
    shut_off_tested_on: Day | None = None
    hose: Literal["metal", "coated", "rubber"] | None = None
    regulator: Literal["fixed", "self_closing", "adjustable", "medium_pressure"] | None = None


class FileContract(Filing, frozen=True, tag="file_contract"):
    """A supply contract (供用气合同) between an enterprise and a customer for some premises."""

    contract: Ref
    enterprise: Ref
    customer: Ref
    premises: Ref
    signed_on: Day
    valid_from: Day
    valid_to: Day
    status: Literal["valid", "ended"]


class FileVoucher(Filing, frozen=True, tag="file_voucher"):
    """A customer's supply certificate (供气使用凭证)."""

    voucher: Ref
    enterprise: Ref
    customer: Ref
    valid_to: Day
    status: Literal["valid", "revoked"]


class FileProxy(Filing, frozen=True, tag="file_proxy"):
    """Somebody whom a customer lets confirm in their place (代收委托), by opaque id."""

    proxy: Ref
    enterprise: Ref
    customer: Ref
    valid_from: Day
    valid_to: Day
    status: Literal["valid", "revoked"]


class FileOrder(Filing, frozen=True, tag="file_order"):
    """A customer's order, and how it is to reach them: delivered, or fetched (自提) where that is still allowed."""

    order: Ref
    enterprise: Ref
    customer: Ref
    premises: Ref
    channel: Literal["delivery", "self_pickup"]
    model: Annotated[str, Meta(max_length=20)]
    count: Annotated[int, Meta(ge=1, le=100)]
    ordered_on: Day
    status: Literal["open", "done", "cancelled"]


class FileVehicle(Filing, frozen=True, tag="file_vehicle"):
    """A vehicle: dangerous-goods truck (危货车), tricycle (三轮车) or electric bicycle (电动自行车), by opaque id.

    `permit` is its transport permit on record; `load_cap_g` the most gas and cylinders that it may carry, gross.
    """

    vehicle: Ref
    enterprise: Ref
    kind: Literal["dg_truck", "tricycle", "e_bicycle"]
    permit: Ref | None
    load_cap_g: Annotated[int, Meta(ge=1_000, le=50_000_000)]
    status: Literal["in_service", "out_of_service"]


class FilePairing(Filing, frozen=True, tag="file_pairing"):
    """Who goes with which vehicle (人车对应), from that day on; changed at once with a reason."""

    vehicle: Ref
    person: Ref
    from_day: Day
    reason: Literal["planned", "illness", "leave", "breakdown"]


class FilePermit(Filing, frozen=True, tag="file_permit"):
    """A permit of an enterprise: filling (充装), inspection (检验核准), gas business (燃气经营), transport of dangerous
    goods (危险货物道路运输), manufacture (制造), supply (供气). `sites` and `districts`: where it holds, or all.
    """

    permit: Ref
    enterprise: Ref
    kind: Literal["filling", "inspection", "gas_business", "transport", "manufacture", "supply"]
    media: tuple[Literal["lpg", "propane", "butane"], ...]
    valid_from: Day
    valid_to: Day
    status: Literal["valid", "suspended", "revoked"]
    sites: tuple[Ref, ...] = ()
    districts: tuple[District, ...] = ()


class FileSite(Filing, frozen=True, tag="file_site"):
    """A place of an enterprise; rules in `pack.transition_rules` only warn there until `transition_until`.

    `approvals`: what it is approved for, where its papers say; none listed means what its kind is for.
    """

    site: Ref
    enterprise: Ref
    kind: Literal["filling_station", "depot", "inspection", "supply_station"]
    name: Display
    district: District
    status: Literal["open", "closed"]
    transition_until: Day | None = None
    approvals: tuple[Literal["filling", "storage", "inspection", "residue", "valves"], ...] = ()


class FileLine(Filing, frozen=True, tag="file_line"):
    """A filling line: a scale or a carousel. A spare (备用秤) is registered beforehand and may be used at once."""

    line: Ref
    site: Ref
    kind: Literal["scale", "carousel"]
    division_g: Annotated[int, Meta(ge=1, le=1000)]
    status: Literal["in_service", "out_of_service", "spare"]


class FileCalibration(Filing, frozen=True, tag="file_calibration"):
    """The verification certificate (检定证书) of a line's scale."""

    certificate: Ref
    line: Ref
    valid_from: Day
    valid_to: Day


class FilePerson(Filing, frozen=True, tag="file_person"):
    """A person by opaque id: who employs them, and as what. `labour_contract`: whether one is signed, None for not
    stated; `areas`: the towns that a delivery worker (送气工) keeps to, none for anywhere.
    """

    person: Ref
    enterprise: Ref
    status: Literal["active", "left"]
    roles: tuple[Literal["filler", "checker", "inspector", "delivery", "driver", "escort", "manager"], ...] = ()
    labour_contract: bool | None = None
    areas: Annotated[tuple[Town, ...], Meta(max_length=100)] = ()


class FileCertificate(Filing, frozen=True, tag="file_certificate"):
    """A person's certificate: P = 气瓶充装 (filling), inspector, delivery, driver (驾驶员), escort (押运员), manager.

    `number_digest` is SHA-256 of a salt that the enterprise keeps and the certificate's number, never the number.
    """

    certificate: Ref
    person: Ref
    kind: Literal["filling", "inspection", "delivery", "driver", "escort", "management"]
    valid_from: Day
    valid_to: Day
    status: Literal["valid", "suspended", "revoked"]
    number_digest: Digest | None = None


class FileTankLot(Filing, frozen=True, tag="file_tank_lot"):
    """A tank lot (罐次): what was unloaded into a tank, with the remainder it includes, and its release.

    `supplier_permit` is the supplier's permit on record. `residue_permille`: C5 and heavier, by volume (GB 11174).
    `remainder_g`: how much of what it includes was left in the tank.
    """

    tank_lot: Ref
    site: Ref
    tank: Ref
    includes: Ref | None
    received_g: Annotated[int, Meta(ge=0, le=10**12)]
    supplier_permit: Ref
    odorant_certificate: bool
    dme_permille: Annotated[int, Meta(ge=0, le=1000)] | None
    status: Literal["received", "released", "blocked", "emptied"]
    received_on: Day | None = None
    product: Ref | None = None
    odorant_digest: Digest | None = None
    dme_method: Literal["gas_chromatography", "rapid"] | None = None
    residue_permille: Annotated[int, Meta(ge=0, le=1000)] | None = None
    remainder_g: Annotated[int, Meta(ge=0, le=10**12)] | None = None


class FileUseRegistration(Filing, frozen=True, tag="file_use_registration"):
    """A use-registration certificate (使用登记证) and the cylinders it covers, by ledger id."""

    certificate: Ref
    enterprise: Ref
    cylinders: Annotated[tuple[ClaimId, ...], Meta(max_length=MAX_LISTED_CYLINDERS)]
    status: Literal["valid", "cancelled"]


class FileInsurance(Filing, frozen=True, tag="file_insurance"):
    """An enterprise's policy over all its cylinders in use."""

    policy: Ref
    enterprise: Ref
    valid_from: Day
    valid_to: Day


class OpenRecall(Filing, frozen=True, tag="open_recall"):
    """A recall (召回) of every cylinder that all selectors fit; one left out fits every cylinder.

    Of its newest fill: `line`, `tank_lot` (and every lot that took its remainder; of other gas that may be in the
    cylinder, too), `filler` (who filled it), between `filled_from` and `filled_to` (ms UTC, both included). Of its
    newest inspection: where, by whom, on which day. Of its newest delivery: vehicle, worker. `acknowledge_h`: in so
    many hours every enterprise concerned acknowledges it. `drill`: a rehearsal (演练), which closes no gate.
    """

    recall: Ref
    maker: Ref | None = None
    made_from: Month | None = None
    made_to: Month | None = None
    phase: Phase | None = None
    model: Annotated[str, Meta(max_length=20)] | None = None
    valve_model: Ref | None = None
    line: Ref | None = None
    tank_lot: Ref | None = None
    filler: Ref | None = None
    filled_from: Millis | None = None
    filled_to: Millis | None = None
    inspected_at: Ref | None = None
    inspector: Ref | None = None
    inspected_on: Day | None = None
    vehicle: Ref | None = None
    worker: Ref | None = None
    acknowledge_h: Annotated[int, Meta(ge=1, le=720)] = 24
    drill: bool = False


class CloseRecall(Filing, frozen=True, tag="close_recall"):
    """The recall is over."""

    recall: Ref


Held = Annotated[tuple[Ref, ...], Meta(max_length=100)]


class OpenIncident(Filing, frozen=True, tag="open_incident"):
    """An incident (事故): freezes scales, tank lots, the stock of stations and vehicles until the authority lifts it.

    `cylinder` is the ledger id of the one that it is about, where it is known by now.
    """

    incident: Ref
    premises: Ref | None = None
    cylinder: ClaimId | None = None
    lines: Held = ()
    tank_lots: Held = ()
    sites: Held = ()
    vehicles: Held = ()


class LiftIncident(Filing, frozen=True, tag="lift_incident"):
    """The incident's freeze is over."""

    incident: Ref


CylinderClaim = (
    RegisterCylinder
    | BindCode
    | ConfirmRelabel
    | RecordInspection
    | CheckPrefill
    | AuthoriseFill
    | StartFill
    | CompleteFill
    | InterruptFill
    | WeighCylinder
    | CheckPostfill
    | ReleaseCylinder
    | DepotOut
    | DepotIn
    | LoadVehicle
    | UnloadVehicle
    | CollectCylinder
    | HandOver
    | NotDelivered
    | RemoveInEmergency
    | ReportLost
    | ReportFound
    | SetAside
    | LockCylinder
    | BleedCylinder
    | EvacuateCylinder
    | ExtractResidue
    | ReplaceValve
    | DetermineTare
    | SurrenderCylinder
    | SeizeCylinder
    | EndSeizure
    | DecideScrap
    | DestroyCylinder
    | DeregisterCylinder
    | CountStock
    | CorrectCylinder
)
PremisesClaim = (
    CheckPremises
    | OpenHazard
    | AssignHazard
    | EscalateHazard
    | RectifyHazard
    | RecheckHazard
    | SuspendSupply
    | ResumeSupply
    | CountPremises
)
SupplyFiling = FileCustomer | FilePremises | FileContract | FileVoucher | FileProxy | FileOrder
"""Filings about customers: a city has millions, so nothing ever holds them all (`ledger.world`)."""
FilingClaim = (
    OpenLog
    | AdoptPack
    | EnrolSigner
    | FileEnterprise
    | FileSuccessor
    | FileCustody
    | FileBlacklisting
    | FileSeizureOrder
    | FileProduct
    | SupplyFiling
    | FileVehicle
    | FilePairing
    | FilePermit
    | FileSite
    | FileLine
    | FileCalibration
    | FilePerson
    | FileCertificate
    | FileTankLot
    | FileUseRegistration
    | FileInsurance
    | OpenRecall
    | CloseRecall
    | OpenIncident
    | LiftIncident
)
AnyClaim = CylinderClaim | PremisesClaim | RecordArrival | AcknowledgeRecall | SettleAlert | RaiseAlert | FilingClaim

REQUESTS = (
    RegisterCylinder, BindCode, AuthoriseFill, ReleaseCylinder, LoadVehicle, HandOver, SurrenderCylinder,
    DeregisterCylinder, ResumeSupply,
)  # fmt: skip


def is_request(claim: AnyClaim) -> bool:
    """Whether the claim asks leave, and so may be refused by a rule (FLOW.md section 1)."""
    if isinstance(claim, DepotOut):
        return claim.purpose is Purpose.SALE
    if isinstance(claim, HandOver):
        return not claim.done
    return isinstance(claim, (*REQUESTS, Filing))


def act_of(claim: AnyClaim) -> str:
    """The claim's tag, as enrolments and the entitlement table name it."""
    return _ACTS[type(claim)]


def act_of_type(kind: type[Claim]) -> str:
    """The tag of a kind of claim."""
    return _ACTS[kind]


_ACTS: dict[type[Claim], str] = {kind: str(kind.__struct_config__.tag) for kind in get_args(AnyClaim)}
