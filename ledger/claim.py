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


class CollectCylinder(Claim, frozen=True, tag="collect_cylinder"):
    """Report: a cylinder taken back (回收空瓶). Never refused, whatever its state."""

    code: Code
    site: Ref
    person: Ref
    vehicle: Ref
    content: Content


class HandOver(Claim, frozen=True, tag="hand_over"):
    """Request: hand a full one over (交付) at a customer's premises, to stand at `position`.

    `site` is the place that sent it, where it has one: in that site's first days some rules only warn.
    """

    code: Code
    person: Ref
    vehicle: Ref
    customer: Ref
    premises: Ref
    position: Literal["indoor", "outdoor", "cylinder_room"]
    site: Ref | None = None


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

    `alert`: the claim id of the alert for which it is quarantined.
    """

    signer: SignerId
    key: SignerKey
    role: Role
    enterprise: Ref | None
    sites: tuple[Ref, ...]
    acts: tuple[Annotated[str, Meta(max_length=40)], ...]
    status: Literal["active", "revoked", "quarantined"]
    alert: ClaimId | None = None


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


class FilePremises(Filing, frozen=True, tag="file_premises"):
    """A customer's premises, by opaque id: what hand-over gates ask of them. `crowded`: 人员密集场所."""

    premises: Ref
    enterprise: Ref
    kind: Literal["resident", "restaurant", "school", "hospital", "other"]
    crowded: bool
    vaporiser: bool
    status: Literal["open", "closed"]


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
    kind: Literal["filling_station", "depot", "inspection"]
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
    """A person by opaque id: who employs them, and as what."""

    person: Ref
    enterprise: Ref
    status: Literal["active", "left"]
    roles: tuple[Literal["filler", "checker", "inspector", "delivery", "driver", "escort", "manager"], ...] = ()


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
    """A recall (召回) by attribute; a selector left out matches every cylinder."""

    recall: Ref
    maker: Ref | None = None
    made_from: Month | None = None
    made_to: Month | None = None
    phase: Phase | None = None
    model: Annotated[str, Meta(max_length=20)] | None = None


class CloseRecall(Filing, frozen=True, tag="close_recall"):
    """The recall is over."""

    recall: Ref


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
    | CollectCylinder
    | HandOver
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
    | FilePremises
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
)
AnyClaim = CylinderClaim | RecordArrival | RaiseAlert | FilingClaim

REQUESTS = (
    RegisterCylinder, BindCode, AuthoriseFill, ReleaseCylinder, HandOver, SurrenderCylinder, DeregisterCylinder,
)  # fmt: skip


def is_request(claim: AnyClaim) -> bool:
    """Whether the claim asks leave, and so may be refused by a rule (FLOW.md section 1)."""
    if isinstance(claim, DepotOut):
        return claim.purpose is Purpose.SALE
    return isinstance(claim, (*REQUESTS, Filing))


def act_of(claim: AnyClaim) -> str:
    """The claim's tag, as enrolments and the entitlement table name it."""
    return _ACTS[type(claim)]


def act_of_type(kind: type[Claim]) -> str:
    """The tag of a kind of claim."""
    return _ACTS[kind]


_ACTS: dict[type[Claim], str] = {kind: str(kind.__struct_config__.tag) for kind in get_args(AnyClaim)}
