"""A small town for tests: who is who, signed bundles, and the filings that make a filling station able to fill.

This file is over 400 lines because of the table at its end: what a claim of each kind says unless told otherwise.
"""

import dataclasses
import functools
import hashlib
import itertools
from dataclasses import dataclass, field
from typing import Any, TypeVar, get_args

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from msgspec import structs

from api.packs import shipped_pack
from ledger import claim as c
from ledger import events as e
from ledger.bundle import (
    PrivateKey,
    Seen,
    decode_claim,
    encode_payload,
    open_bundle,
    sign_bundle,
    signer_id,
    signer_key,
)
from ledger.decide import decide
from ledger.entry import Entry, decode_entry, encode_entry, leaf_hash
from ledger.identity import own_code
from ledger.packs.model import Pack
from ledger.replay import next_link, pack_label
from ledger.store.append import Received
from ledger.world import World, chain_after, parties_of, subject_of
from tests.corpus import copy_of

K = TypeVar("K", bound=c.Claim)

ORIGIN = "ledger.test/320600/v1"
START = 1_767_225_600_000  # 2026-01-01 08:00 in China
MINUTE = 60_000
DAY = 86_400_000


def _unchallenged(pack: Pack) -> Pack:
    """That pack without the random stamp challenge: a test that wants one says so."""
    stamp = pack.rules["ID-04@1"]
    quiet = structs.replace(stamp, params=stamp.params | {"challenge_permille": 0})
    return structs.replace(pack, rules=pack.rules | {"ID-04@1": quiet})


PACK = _unchallenged(shipped_pack("320600"))


def claim_id(number: int) -> str:
    """A UUIDv7 that tests can count with."""
    return f"01900000-0000-7000-8000-{number:012x}"


@functools.cache
def private_key(name: str, alg: str = "ed25519") -> PrivateKey:
    """A key that is the same in every run."""
    seed = hashlib.sha256(name.encode()).digest()
    if alg == "ed25519":
        return ed25519.Ed25519PrivateKey.from_private_bytes(seed)
    return ec.derive_private_key(int.from_bytes(seed, "big") >> 8, ec.SECP256R1())


@dataclass
class Signer:
    """A key with its chain of bundles."""

    name: str
    key: PrivateKey
    device_seq: int = 0
    device_prev: str | None = None
    seen: Seen | None = None

    @property
    def id(self) -> str:
        return signer_id(signer_key(self.key))

    def sign(self, *claims: c.AnyClaim, log: str = ORIGIN) -> bytes:
        """The envelope of the next bundle."""
        payload = encode_payload(
            log=log, device_seq=self.device_seq, device_prev=self.device_prev, seen=self.seen, claims=list(claims)
        )
        self.device_seq += 1
        self.device_prev = hashlib.sha256(payload).hexdigest()
        return sign_bundle(payload, self.key)


@dataclass
class Story:
    """Makes claims with fresh ids at a clock of its own (`now`, ms UTC)."""

    now: int = START
    ids: Any = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.authority = Signer("authority", private_key("authority"))
        self.office = Signer("office", private_key("office"))
        self.rival = Signer("rival", private_key("rival", "p256"))
        self.station = Signer("station", private_key("station"))
        self.inspector = Signer("inspector", private_key("inspector"))
        self.log = Signer("log", private_key("log"))
        self.worker = Signer("worker", private_key("worker"))

    def base(self) -> dict[str, Any]:
        """What every claim says."""
        return {"claim_id": claim_id(next(self.ids)), "scanned_at": self.now}

    def make(self, act: type[K], /, **fields: Any) -> K:
        """A claim of that kind, with defaults that stand at the station."""
        here = {"site": "S1", "person": "P1", "line": "L1", "tank_lot": "T1", "vehicle": "V1"}
        here = {} if act is c.OpenRecall else here  # what is left out fits every cylinder
        known = {name: value for name, value in here.items() if name in act.__struct_fields__}
        return act(**(self.base() | known | fields))

    def opening(self, **changes: Any) -> c.OpenLog:
        """Entry 0's claim."""
        fields = {
            "origin": ORIGIN,
            "authority": signer_key(self.authority.key),
            "log_signer": signer_key(self.log.key),
            "pack": PACK,
        }
        return c.OpenLog(**(self.base() | fields | changes))

    def enrolment(self, signer: Signer, role: c.Role, enterprise: str | None, sites: tuple[str, ...]) -> c.EnrolSigner:
        """Every act that the role may do."""
        return self.make(
            c.EnrolSigner,
            signer=signer.id,
            key=signer_key(signer.key),
            role=role,
            enterprise=enterprise,
            sites=sites,
            acts=("*",),
            status="active",
        )

    def filings(self) -> list[tuple[Signer, c.AnyClaim]]:
        """All that the station needs before its first fill; signer and claim, in order."""
        year = {"valid_from": "2025-01-01", "valid_to": "2027-12-31"}
        lpg = {"media": ("lpg",), "status": "valid", **year}
        a, o, m = self.authority, self.office, self.make
        filler = {"enterprise": "E1", "kind": "filler", "name": "示例燃气", "service_phone": "0513-96777"}
        body = {"enterprise": "B1", "kind": "inspection_body", "name": "示例检验", "service_phone": "0513-96778"}
        rival = {"enterprise": "E2", "kind": "filler", "name": "邻家燃气", "service_phone": "0513-96779"}
        supplier = {"enterprise": "SU1", "kind": "supplier", "name": "示例气源", "service_phone": "0513-96780"}
        maker = {"enterprise": "GL", "kind": "manufacturer", "name": "示例钢瓶厂", "service_phone": "0513-96781"}
        decades = {"valid_from": "2005-01-01", "valid_to": "2030-12-31"}
        site = {"district": "320600", "status": "open"}
        people = [
            ("P1", "E1", "filling", ("filler", "checker")),
            ("P2", "E1", "filling", ("filler", "checker")),
            ("W1", "E1", "delivery", ("delivery",)),
            ("W2", "E1", "delivery", ("delivery",)),
            ("I1", "B1", "inspection", ("inspector",)),
            ("I2", "B1", "inspection", ("inspector",)),
        ]
        told: list[tuple[Signer, c.AnyClaim]] = [
            (a, m(c.FileEnterprise, **filler)),
            (a, m(c.FileEnterprise, **rival)),
            (a, m(c.FileEnterprise, **body)),
            (a, m(c.FileEnterprise, **supplier)),
            (a, m(c.FileEnterprise, **maker)),
            (a, m(c.FilePermit, permit="PM1", enterprise="E1", kind="filling", **lpg)),
            (a, m(c.FilePermit, permit="PM2", enterprise="E2", kind="filling", **lpg)),
            (a, m(c.FilePermit, permit="PM3", enterprise="B1", kind="inspection", **lpg)),
            (a, m(c.FilePermit, permit="SP1", enterprise="SU1", kind="supply", **lpg)),
            (a, m(c.FilePermit, permit="MK1", enterprise="GL", kind="manufacture", **(lpg | decades))),
            (a, self.enrolment(self.office, c.Role.OFFICE, "E1", ())),
            (a, self.enrolment(self.rival, c.Role.OFFICE, "E2", ())),
            (o, m(c.FileSite, site="S1", enterprise="E1", kind="filling_station", name="一号站", **site)),
            (o, m(c.FileLine, kind="scale", division_g=50, status="in_service")),
            (o, m(c.FileLine, line="L2", kind="carousel", division_g=50, status="in_service")),
            (o, m(c.FileCalibration, certificate="CAL1", **year)),
            (o, m(c.FileCalibration, certificate="CAL2", line="L2", **year)),
            (o, m(c.FileInsurance, policy="INS1", enterprise="E1", **year)),
            (a, self.enrolment(Signer("b", private_key("body office")), c.Role.OFFICE, "B1", ())),
        ]
        body_office = Signer("body office", private_key("body office"))
        told.append((body_office, m(c.FileSite, site="B1S", enterprise="B1", kind="inspection", name="检验站", **site)))
        for person, enterprise, kind, roles in people:
            by = o if enterprise == "E1" else body_office
            signed = True if "delivery" in roles else None
            known = {"person": person, "enterprise": enterprise, "status": "active", "roles": roles}
            told.append((by, m(c.FilePerson, labour_contract=signed, **known)))
            paper = {"certificate": f"C-{person}", "person": person, "kind": kind, "status": "valid"}
            told.append((by, m(c.FileCertificate, **paper, **year)))
        told += [
            (a, self.enrolment(self.station, c.Role.STATION, "E1", ("S1",))),
            (a, self.enrolment(self.inspector, c.Role.INSPECTION_BODY, "B1", ("B1S",))),
            (o, self.lot()),
            *((o, claim) for claim in self.supply(year)),
            (o, self.enrolment(self.worker, c.Role.WORKER, "E1", ("S1",))),
        ]
        told += [
            (a, m(c.FilePermit, permit="GB1", enterprise="E1", kind="gas_business", **lpg)),
            (a, m(c.FilePermit, permit="TR1", enterprise="E1", kind="transport", **lpg)),
            (a, m(c.FilePermit, permit="GB2", enterprise="E2", kind="gas_business", **lpg)),
        ]
        return told

    def supply(self, year: dict[str, str]) -> list[c.AnyClaim]:
        """A customer at home, with all that a hand-over asks; the truck and the tricycle that go there with W1."""
        own = {"enterprise": "E1"}
        at_home = {"customer": "K1", "premises": "H1"}
        vehicle = {**own, "status": "in_service"}
        return [
            self.make(c.FileVehicle, vehicle="V1", kind="dg_truck", permit="TR1", load_cap_g=5_000_000, **vehicle),
            self.make(c.FileVehicle, vehicle="V2", kind="tricycle", permit=None, load_cap_g=400_000, **vehicle),
            *(self.make(c.FilePairing, **USUAL[c.FilePairing] | {"vehicle": v, "person": "W1"}) for v in ("V1", "V2")),
            self.make(c.FileCustomer, **USUAL[c.FileCustomer]),
            self.make(c.FilePremises, **USUAL[c.FilePremises]),
            self.make(c.FileContract, **USUAL[c.FileContract] | year | at_home),
        ]

    def lot(self, **changes: Any) -> c.FileTankLot:
        """A released tank lot."""
        fields: dict[str, Any] = {
            "tank": "TK1",
            "includes": None,
            "received_g": 20_000_000,
            "supplier_permit": "SP1",
            "odorant_certificate": True,
            "dme_permille": 0,
            "status": "released",
        }
        return self.make(c.FileTankLot, **(fields | changes))

    def cylinder(self, number: int, **changes: Any) -> c.RegisterCylinder:
        """A 15-kg cylinder, made 2024-06, inspected never (it was not due), with its owner's mark and papers."""
        owner = changes.get("owner", "E1")
        fields = {
            "cylinder": f"01900000-0000-7000-9000-{number:012x}",
            "code": code(number),
            "owner": owner,
            "maker": "GL",
            "serial": f"2{number:06d}",
            "made_month": "2024-06",
            "model": "YSP35.5",
            "phase": c.Phase.VAPOUR,
            "water_volume_ml": 35_500,
            "tare_g": 16_500,
            "max_fill_g": 14_900,
            "design_life_months": 144,
            "filler_mark": None if owner == c.CUSTOMER else owner,
            "ownership": "declaration" if owner == c.CUSTOMER else "invoice",
        }
        return self.make(c.RegisterCylinder, **(fields | changes))

    def certificate(self, *cylinders: c.RegisterCylinder, name: str = "UR1") -> c.FileUseRegistration:
        """A use registration over these."""
        keys = tuple(cylinder.cylinder for cylinder in cylinders)
        return self.make(c.FileUseRegistration, certificate=name, enterprise="E1", cylinders=keys, status="valid")

    def usual_signer(self, act: type[c.Claim]) -> Signer:
        """Who says such things."""
        if act in (c.RecordInspection, c.RaiseAlert):
            return self.inspector if act is c.RecordInspection else self.log
        if act in WORKER_ACTS:
            return self.worker
        return self.authority if act in AUTHORITY_ACTS else self.office if act in OFFICE_ACTS else self.station

    def receive(self, signer: Signer, *claims: c.AnyClaim) -> Received:
        """Signed and opened, as the server takes it."""
        return Received(open_bundle(signer.sign(*claims)), 0)


def code(number: int) -> str:
    """The own-scheme code of the n-th cylinder."""
    return str(own_code("LPG1", f"{number:07d}"))


@dataclass
class Telling:
    """An in-memory log: decides and folds claims as the store does, and keeps the entries' bytes."""

    story: Story = field(default_factory=Story)
    world: World = field(default_factory=lambda: World(ORIGIN))
    bodies: list[bytes] = field(default_factory=list)
    parties: list[tuple[str, ...]] = field(default_factory=list)

    def tell(self, signer: Signer, claim: c.AnyClaim, *, at: int | None = None, offset: int | None = 0) -> e.Outcome:
        """Record one claim; its outcome."""
        now = max(self.story.now if at is None else at, self.world.recorded_at)
        bundle = open_bundle(signer.sign(claim))
        chain = chain_after(self.world.devices.get(bundle.signer), bundle.device_seq, bundle.device_prev)
        outcome = decide(self.world, claim, now, signer=signer.id, clock_offset_ms=offset)
        subject = subject_of(self.world, claim, signer.id, outcome)
        seq, prev = next_link(self.world.head_of(subject))
        entry = Entry(
            v=1, log=ORIGIN, recorded_at=now, clock_offset_ms=offset, subject=subject, subject_seq=seq,
            subject_prev=prev, signer=signer.id, device_seq=bundle.device_seq, device_chain=chain,
            bundle=bundle.digest.hex(), position=0, pack=pack_label(self.world, claim),
            claim=bundle.claims[0].text, outcome=outcome,
        )  # fmt: skip
        body = encode_entry(entry)
        self.bodies.append(body)
        self.parties.append(parties_of(entry, claim))
        self.world.fold(entry, claim, leaf_hash(body).hex())
        return outcome

    def opened(self) -> "Telling":
        """Entry 0 and every filing; all must be accepted."""
        for signer, claim in [(self.story.authority, self.story.opening()), *self.story.filings()]:
            outcome = self.tell(signer, claim)
            assert not isinstance(outcome, e.Refusal), (claim, outcome)
        return self

    def with_cylinder(self, number: int = 1, **changes: Any) -> str:
        """Register a cylinder and cover it by a use registration; its code."""
        registration = self.story.cylinder(number, **changes)
        assert isinstance(self.tell(self.story.office, registration), e.CylinderRegistered)
        paper = self.story.certificate(registration, name=f"UR{number}")
        assert isinstance(self.tell(self.story.authority, paper), e.Filed)
        return registration.code


@dataclass
class Town(Telling):
    """A telling in which each act has its usual signer, so that a test says only what matters to it."""

    def say(
        self, act: type[c.Claim], /, *, by: Signer | None = None, offset: int | None = 0, **fields: Any
    ) -> e.Outcome:
        """One claim of that kind with its usual signer and place; its outcome."""
        claim: Any = self.story.make(act, **(USUAL.get(act, {}) | fields))
        return self.tell(by or self.story.usual_signer(act), claim, offset=offset)

    def last_id(self) -> str:
        """The id of the claim told last."""
        return decode_claim(decode_entry(self.bodies[-1]).claim).claim_id

    def wait(self, minutes: float) -> "Town":
        """Let the story's clock run."""
        self.story.now += int(minutes * MINUTE)
        return self

    def authorise(self, code: str, **fields: Any) -> str:
        """Pre-check and authorise; the authorisation's id."""
        assert isinstance(self.say(c.CheckPrefill, code=code), e.PrefillChecked)
        outcome = self.say(c.AuthoriseFill, code=code, **fields)
        assert isinstance(outcome, e.FillAuthorised), outcome
        return self.last_id()

    def fill(self, code: str, *, gross_g: int = 31_000, authorisation: str | None = None, **fields: Any) -> str:
        """Start and complete a fill, pre-checked and authorised first if it is not; the authorisation's id."""
        leave = authorisation or self.authorise(code)
        self.say(c.StartFill, code=code, authorisation=leave, start_weight_g=16_500)
        self.wait(1.5).say(c.CompleteFill, code=code, authorisation=leave, end_weight_g=gross_g, **fields)
        return leave

    def release(self, code: str, *, gross_g: int = 31_000) -> e.Outcome:
        """Post-check by the second person, then release."""
        self.say(c.CheckPostfill, code=code, weight_g=gross_g)
        return self.say(c.ReleaseCylinder, code=code)

    def sell(self, code: str) -> e.Outcome:
        """Out of the depot for sale."""
        return self.say(c.DepotOut, code=code, purpose=c.Purpose.SALE)

    def copy(self) -> "Town":
        """Another town with the same past: what happens in one no longer happens in the other."""
        world = copy_of(self.world)
        story = Story(now=self.story.now, ids=itertools.count(next(self.story.ids) + 1_000))
        for name, value in vars(self.story).items():
            if isinstance(value, Signer):
                setattr(story, name, dataclasses.replace(value))
        return Town(story, world, list(self.bodies), list(self.parties))


AUTHORITY_ACTS = (
    c.OpenLog, c.AdoptPack, c.EnrolSigner, c.FileEnterprise, c.FilePermit, c.FileUseRegistration, c.OpenRecall,
    c.CloseRecall, c.SeizeCylinder, c.EndSeizure, c.FileSuccessor, c.FileBlacklisting, c.FileSeizureOrder,
    c.OpenIncident, c.LiftIncident, c.SettleAlert,
)  # fmt: skip
OFFICE_ACTS = (
    c.FileSite, c.FileLine, c.FileCalibration, c.FilePerson, c.FileCertificate, c.FileTankLot, c.FileInsurance,
    c.RegisterCylinder, c.BindCode, c.DecideScrap, c.DeregisterCylinder, c.CorrectCylinder, c.FileCustody,
    c.FileProduct, *get_args(c.SupplyFiling), c.FileVehicle, c.FilePairing, c.AssignHazard, c.SuspendSupply,
    c.ResumeSupply, c.AcknowledgeRecall,
)  # fmt: skip
WORKER_ACTS = (
    c.HandOver, c.NotDelivered, c.CheckPremises, c.OpenHazard, c.EscalateHazard, c.RectifyHazard, c.RecheckHazard,
    c.CountPremises, c.RemoveInEmergency, c.ReportLost, c.ReportFound,
)  # fmt: skip
_DIGEST = "00" * 32
_AT_HOME = {"customer": "K1", "premises": "H1"}
_CHECK = c.SafetyCheck("delivery-1", photos=(_DIGEST,))
_CONFIRMED = c.Confirmation("signature", "matched", digest=_DIGEST)
_HAZARD = "01900000-0000-7000-8000-00000000fffe"
_YEARS = {"valid_from": "2025-01-01", "valid_to": "2027-12-31"}
USUAL: dict[type[c.Claim], dict[str, Any]] = {
    c.RecordInspection: {
        "site": "B1S", "person": "I1", "reviewer": "I2", "inspected_on": "2026-01-01", "passed": True,
        "report_digest": _DIGEST,
    },
    c.BindCode: {"second_person": "P2", "photo_digest": _DIGEST},
    c.StartFill: {"start_weight_g": 16_500},
    c.CompleteFill: {"start_weight_g": 16_500, "scale_seq": 1},
    c.InterruptFill: {"cause": c.Cause.POWER_CUT},
    c.CheckPostfill: {"person": "P2"},
    c.DepotOut: {"purpose": c.Purpose.SALE},
    c.DepotIn: {"purpose": c.Purpose.RETURN, "content": c.Content.EMPTY},
    c.CollectCylinder: {"content": c.Content.EMPTY},
    c.CountStock: {"content": c.Content.FULL},
    c.HandOver: {
        **_AT_HOME, "person": "W1", "position": "outdoor", "check": _CHECK, "confirmation": _CONFIRMED,
    },
    c.LoadVehicle: {"person": "W1", "vehicle": "V2"},
    c.UnloadVehicle: {"person": "W1", "vehicle": "V2", "content": c.Content.FULL},
    c.NotDelivered: {**_AT_HOME, "person": "W1", "vehicle": "V2", "cause": "nobody_home"},
    c.RemoveInEmergency: {"person": "W1", "cause": "leak", "vehicle": "V2"},
    c.ReportLost: {"person": "W1", "cause": "not_returned"},
    c.ReportFound: {"person": "W1", "site": "S1", "vehicle": None},
    c.CheckPremises: {
        "premises": "H1", "person": "W1", "kind": "home", "check": c.SafetyCheck("home-1", photos=(_DIGEST,)),
        "confirmation": _CONFIRMED,
    },
    c.OpenHazard: {
        "premises": "H1", "person": "W1", "item": c.CheckItem.HOSE_AGED, "grade": "equipment",
        "deadline": "2026-01-15", "notice": "signed", "notice_digest": _DIGEST, "photo_digest": _DIGEST,
    },
    c.AssignHazard: {
        "premises": "H1", "hazard": _HAZARD, "person": "W1", "measure": "replace", "funds": "customer",
        "deadline": "2026-01-15", "plan_digest": _DIGEST,
    },
    c.EscalateHazard: {
        "premises": "H1", "hazard": _HAZARD, "person": "W1", "town": "320602001", "notice_digest": _DIGEST,
    },
    c.RectifyHazard: {"premises": "H1", "hazard": _HAZARD, "person": "W1", "photo_digest": _DIGEST},
    c.RecheckHazard: {"premises": "H1", "hazard": _HAZARD, "person": "W2", "passed": True, "photo_digest": _DIGEST},
    c.SuspendSupply: {"premises": "H1", "enterprise": "E1", "cause": "hazard"},
    c.ResumeSupply: {"premises": "H1", "enterprise": "E1"},
    c.CountPremises: {**_AT_HOME, "person": "W1", "codes": (), "photo_digest": _DIGEST},
    c.AcknowledgeRecall: {"recall": "R1", "enterprise": "E1"},
    c.SettleAlert: {"alert": "F2.1", "cause": "missed_scan", "outcome": "explained"},
    c.ExtractResidue: {"extracted_g": 500, "weight_g": 16_500},
    c.ReplaceValve: {"valve": "self_closing"},
    c.DetermineTare: {"witness": "P2", "tare_g": 16_500},
    c.SurrenderCylinder: {"to": "enterprise", "evidence_digest": _DIGEST},
    c.ConfirmRelabel: {"person": "P2"},
    c.SetAside: {"cause": c.Cause.FAILED_CHECK},
    c.LockCylinder: {"cause": c.Cause.LEAK},
    c.SeizeCylinder: {"order_no": "O1", "kind": "sealed"},
    c.EndSeizure: {"order_no": "O1"},
    c.DecideScrap: {"cause": c.Cause.LIFE_END},
    c.DestroyCylinder: {"witness": "P2", "method": "flattened", "photo_digest": _DIGEST},
    c.CorrectCylinder: {"corrects": 0, "cause": c.Cause.KEYING_ERROR},
    c.RecordArrival: {"counts": {"YSP35.5": 40}},
    c.FileEnterprise: {"enterprise": "E9", "kind": "filler", "name": "新来燃气", "service_phone": "0513-96770"},
    c.FileSuccessor: {"enterprise": "E2", "successor": "E1", "from_day": "2026-01-01"},
    c.FileCustody: {"agreement": "CU1", "owner": "E1", "custodian": "E2", "status": "valid", **_YEARS},
    c.FileBlacklisting: {
        "blacklisting": "BL1", "kind": "person", "target": "P1", "from_day": "2026-01-01", "status": "listed",
    },
    c.FileSeizureOrder: {"order_no": "O1", "kind": "sealed", "issued_on": "2026-01-01", "status": "in_force"},
    c.FileProduct: {"product": "G1", "enterprise": "E1", "medium": "lpg", "use": "civil", "status": "current"},
    c.FilePremises: {
        "premises": "H1", "enterprise": "E1", "kind": "resident", "crowded": False, "vaporiser": False,
        "status": "open",
    },
    c.FileCustomer: {
        "customer": "K1", "enterprise": "E1", "kind": "resident", "verified_on": "2025-06-01", "status": "open",
    },
    c.FileContract: {
        "contract": "CT1", "enterprise": "E1", **_AT_HOME, "signed_on": "2025-06-01", "status": "valid", **_YEARS,
    },
    c.FileVoucher: {
        "voucher": "VO1", "enterprise": "E1", "customer": "K1", "valid_to": "2027-12-31", "status": "valid",
    },
    c.FileProxy: {"proxy": "PX1", "enterprise": "E1", "customer": "K1", "status": "valid", **_YEARS},
    c.FileOrder: {
        "order": "OR1", "enterprise": "E1", **_AT_HOME, "channel": "delivery", "model": "YSP35.5", "count": 1,
        "ordered_on": "2026-01-01", "status": "open",
    },
    c.FileVehicle: {
        "vehicle": "V9", "enterprise": "E1", "kind": "tricycle", "permit": None, "load_cap_g": 400_000,
        "status": "in_service",
    },
    c.FilePairing: {"vehicle": "V9", "person": "W1", "from_day": "2026-01-01", "reason": "planned"},
    c.FilePermit: {
        "permit": "PM9", "enterprise": "E1", "kind": "filling", "media": ("lpg",), "status": "valid", **_YEARS,
    },
    c.FileSite: {
        "site": "S9", "enterprise": "E1", "kind": "depot", "name": "九号库", "district": "320600", "status": "open",
    },
    c.FileLine: {"line": "L9", "kind": "scale", "division_g": 50, "status": "in_service"},
    c.FileCalibration: {"certificate": "CAL9", "line": "L1", **_YEARS},
    c.FilePerson: {"person": "P9", "enterprise": "E1", "status": "active"},
    c.FileCertificate: {"certificate": "C9", "person": "P1", "kind": "filling", "status": "valid", **_YEARS},
    c.FileTankLot: {
        "tank_lot": "T9", "tank": "TK1", "includes": None, "received_g": 20_000_000, "supplier_permit": "SP1",
        "odorant_certificate": True, "dme_permille": 0, "status": "released",
    },
    c.FileUseRegistration: {"certificate": "UR9", "enterprise": "E1", "cylinders": (), "status": "valid"},
    c.FileInsurance: {"policy": "INS9", "enterprise": "E1", **_YEARS},
    c.OpenRecall: {"recall": "R1"},
    c.CloseRecall: {"recall": "R1"},
    c.OpenIncident: {"incident": "IN1", "lines": ("L1",), "tank_lots": ("T1",), "sites": ("S1",), "vehicles": ("V1",)},
    c.LiftIncident: {"incident": "IN1"},
    c.RaiseAlert: {
        "kind": c.AlertKind.CLONED_KEY, "signer": signer_id(signer_key(private_key("station"))), "entries": (1, 2),
        "device_seq": 3, "digests": (_DIGEST, "11" * 32),
    },
}  # fmt: skip
"""What a claim of that kind says unless a test says otherwise."""
