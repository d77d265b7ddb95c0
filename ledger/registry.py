"""The registry, folded from filings: each record *is* the last accepted filing about its subject.

A filing is a full snapshot of one thing, so the history of a thing is the sequence of its filings, and nothing here
is merged or derived. Look-ups that gates need are indexed; dates are judged by the caller's day, never by ours.
"""

from collections import defaultdict
from collections.abc import Collection
from typing import Any, TypeVar, get_args

from msgspec import Struct

from ledger import claim as c
from ledger.bundle import signer_id
from ledger.packs.model import PackInForce

LOG_SUBJECT = "log"
PACK_SUBJECT = "pack"


class Record(Struct, frozen=True):
    """The filing in force for a subject, and where it stands: `seq` is what the next filing must expect."""

    claim: c.FilingClaim
    seq: int
    entry_index: int


_ID_FIELD: dict[type[c.Filing], tuple[str, str]] = {
    c.EnrolSigner: ("signer", "signer"),
    c.FileEnterprise: ("enterprise", "enterprise"),
    c.FileSuccessor: ("successor", "enterprise"),
    c.FileCustody: ("custody", "agreement"),
    c.FileBlacklisting: ("blacklisting", "blacklisting"),
    c.FileSeizureOrder: ("seizure_order", "order_no"),
    c.FileProduct: ("product", "product"),
    c.FilePremises: ("premises", "premises"),
    c.FileCustomer: ("customer", "customer"),
    c.FileContract: ("contract", "contract"),
    c.FileVoucher: ("voucher", "voucher"),
    c.FileProxy: ("proxy", "proxy"),
    c.FileOrder: ("order", "order"),
    c.FileVehicle: ("vehicle", "vehicle"),
    c.FilePairing: ("pairing", "vehicle"),
    c.FilePermit: ("permit", "permit"),
    c.FileSite: ("site", "site"),
    c.FileLine: ("line", "line"),
    c.FileCalibration: ("calibration", "certificate"),
    c.FilePerson: ("person", "person"),
    c.FileCertificate: ("certificate", "certificate"),
    c.FileTankLot: ("tank_lot", "tank_lot"),
    c.FileUseRegistration: ("use_registration", "certificate"),
    c.FileInsurance: ("insurance", "policy"),
    c.OpenRecall: ("recall", "recall"),
    c.CloseRecall: ("recall", "recall"),
    c.OpenIncident: ("incident", "incident"),
    c.LiftIncident: ("incident", "incident"),
}

KINDS = (LOG_SUBJECT, PACK_SUBJECT, *dict.fromkeys(kind for kind, _ in _ID_FIELD.values()))
"""The kinds of subjects; a log has one `log` and one `pack`, and any number of each other, `kind:id`."""


def subject_of_filing(claim: c.FilingClaim) -> str:
    """The subject that a filing is about, `kind:id`."""
    if isinstance(claim, c.OpenLog):
        return LOG_SUBJECT
    if isinstance(claim, c.AdoptPack):
        return PACK_SUBJECT
    kind, field = _ID_FIELD[type(claim)]
    return f"{kind}:{getattr(claim, field)}"


SUPPLY_KINDS = tuple(_ID_FIELD[kind][0] for kind in get_args(c.SupplyFiling))
"""The kinds of what is filed about customers, which `ledger.world` holds apart."""

R = TypeVar("R", bound=c.Filing)


class Registry:
    """All records of one log by subject, with the few indexes that gates read. Mutable: `file` is its only change."""

    def __init__(self) -> None:
        """An empty registry: no log is open yet."""
        self.records: dict[str, Record] = {}
        self._of_kind: dict[type[c.Filing], dict[str, Any]] = {kind: {} for kind in get_args(c.FilingClaim)}
        self._owned: dict[tuple[type[c.Filing], str], dict[str, Any]] = defaultdict(dict)
        self.open_recalls: dict[str, c.OpenRecall] = {}
        self.open_drills: dict[str, c.OpenRecall] = {}
        self.open_incidents: dict[str, c.OpenIncident] = {}
        self.in_force: PackInForce | None = None

    def get(self, kind: type[R], key: str) -> R | None:
        """The record of that kind and id, None when there is none."""
        record: R | None = self._of_kind[kind].get(key)
        return record

    def owned_by(self, kind: type[R], owner: str) -> Collection[R]:
        """All records of that kind that name this owner (enterprise, person or line)."""
        held = self._owned.get((kind, owner))
        return () if held is None else held.values()

    def stands_for(self, enterprise: str | None, owner: str, day: str) -> bool:
        """Whether an enterprise is this owner, or its successor by that day, over any number of mergers."""
        seen: set[str] = set()
        while owner != enterprise:
            filed = self.get(c.FileSuccessor, owner)
            if filed is None or filed.from_day > day or owner in seen:
                return False
            seen.add(owner)
            owner = filed.successor
        return True

    def blacklisted(self, kind: str, target: str, day: str) -> c.FileBlacklisting | None:
        """The listing of that person, enterprise or maker in force on that day."""
        for listing in self.owned_by(c.FileBlacklisting, target):
            if listing.kind == kind and listing.status == "listed" and listing.from_day <= day:
                return listing
        return None

    def file(self, claim: c.FilingClaim, *, seq: int, entry_index: int) -> None:
        """Make an accepted filing the record of its subject."""
        subject = subject_of_filing(claim)
        replaced = self.records.get(subject)
        if replaced is not None:
            # A paper that changes hands is no longer its old owner's; nor may an index remember what no record says.
            for field in _OWNER_FIELDS.get(type(replaced.claim), ()):
                self._owned[type(replaced.claim), getattr(replaced.claim, field)].pop(subject, None)
            self._of_kind[type(replaced.claim)].pop(subject.partition(":")[2], None)
        self.records[subject] = Record(claim, seq, entry_index)
        self._of_kind[type(claim)][subject.partition(":")[2]] = claim
        if isinstance(claim, c.OpenLog | c.AdoptPack):
            self.in_force = PackInForce(claim.pack)
        self._open_or_close(claim)
        for field in _OWNER_FIELDS.get(type(claim), ()):
            self._owned[type(claim), getattr(claim, field)][subject] = claim

    def _open_or_close(self, claim: c.FilingClaim) -> None:
        """Keep what is open, in the order of the newest filings, as a registry read back has it."""
        match claim:
            case c.OpenRecall() | c.CloseRecall():
                self.open_recalls.pop(claim.recall, None)
                self.open_drills.pop(claim.recall, None)
                if isinstance(claim, c.OpenRecall):
                    (self.open_drills if claim.drill else self.open_recalls)[claim.recall] = claim
            case c.OpenIncident():
                self.open_incidents.pop(claim.incident, None)
                self.open_incidents[claim.incident] = claim
            case c.LiftIncident():
                self.open_incidents.pop(claim.incident, None)
            case _:
                pass

    def signer(self, key_id: str) -> c.EnrolSigner | None:
        """The enrolment of that key; the authority and the log's own signer are enrolled by entry 0."""
        enrolled = self.get(c.EnrolSigner, key_id)
        if enrolled is not None:
            return enrolled
        opening = self.records.get(LOG_SUBJECT)
        if opening is None or not isinstance(opening.claim, c.OpenLog):
            return None
        for key, role in ((opening.claim.authority, c.Role.AUTHORITY), (opening.claim.log_signer, c.Role.LOG)):
            if signer_id(key) == key_id:
                return implicit_signer(opening.claim, key, role)
        return None


def implicit_signer(opening: c.OpenLog, key: c.SignerKey, role: c.Role) -> c.EnrolSigner:
    """The enrolment that entry 0 itself is: every act that the role may do, at every site."""
    return c.EnrolSigner(
        claim_id=opening.claim_id,
        scanned_at=opening.scanned_at,
        signer=signer_id(key),
        key=key,
        role=role,
        enterprise=None,
        sites=(),
        acts=("*",),
        status="active",
    )


_OWNER_FIELDS: dict[type[c.Filing], tuple[str, ...]] = {
    c.FilePermit: ("enterprise",),
    c.FileSite: ("enterprise",),
    c.FileCertificate: ("person",),
    c.FileInsurance: ("enterprise",),
    c.FileCalibration: ("line",),
    c.FileCustody: ("owner",),
    c.FileBlacklisting: ("target",),
}
