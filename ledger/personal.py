"""No personal value gets in: ids that look like a phone number or an identity number are refused.

No field of a claim takes a name, an address or free text; what is left is somebody who uses a number of a person's as
an opaque id, or within one, as operators' certificates commonly carry their holder's. It is asked at the door only:
what a log holds already is read as it is.
"""

import re
from collections.abc import Iterator

from ledger.bundle import Bundle
from ledger.claim import AnyClaim, Confirmation
from ledger.errors import Malformed

_OPAQUE = (
    "customer", "premises", "person", "second_person", "reviewer", "witness", "worker", "filler", "inspector",
    "voucher", "proxy", "order", "contract", "target", "cell", "building", "certificate", "permit", "blacklisting",
    "policy", "agreement", "incident", "recall", "order_no", "line", "tank_lot", "vehicle",
)  # fmt: skip
"""Whatever a colleague may name as they like. Not enterprises and sites, whose codes are given out, nor serials."""
_PERSONAL = re.compile(
    r"(?<![0-9a-f])("  # random hexadecimal ids hold such runs by chance
    r"(86-?)?1[3-9][0-9]{9}"  # a mobile phone, YD/T numbering
    r"|[1-9][0-9]{5}(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])[0-9]{3}[0-9Xx]"  # GB 11643
    r")(?![0-9a-f])"
)


def check_personal(bundle: Bundle) -> None:
    """Malformed, with a pointer into the payload, where an id looks like a person's number."""
    for n, signed in enumerate(bundle.claims):
        for field, value in _ids(signed.claim):
            if _PERSONAL.search(value):
                raise Malformed(
                    "编号像手机号或身份证号；账本不收个人信息，请改用随机编号",
                    "this id looks like a phone or identity number; the ledger takes no personal data, use a random id",
                    pointer=f"/claims/{n}/{field}",
                )


def _ids(claim: AnyClaim) -> Iterator[tuple[str, str]]:
    for field in _OPAQUE:
        value: str | None = getattr(claim, field, None)
        if value is not None:
            yield field, value
    shown: Confirmation | None = getattr(claim, "confirmation", None)
    if shown is not None:
        for field in ("voucher", "proxy"):
            inner: str | None = getattr(shown, field)
            if inner is not None:
                yield f"confirmation/{field}", inner
