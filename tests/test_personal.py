"""Nothing personal gets in: no field takes it, and no id may look like it."""

from collections.abc import Iterator
from typing import Any

import pytest

from ledger import claim as c
from ledger.bundle import encode_payload, open_bundle, sign_bundle
from ledger.errors import Malformed
from ledger.personal import check_personal
from ledger.store.embedded import EmbeddedServer
from tests.http_town import Town, serve_town
from tests.story import ORIGIN, USUAL, Story, code


@pytest.fixture(scope="module")
def town(server: EmbeddedServer, migrated_template: str) -> Iterator[Town]:
    server.create_database("personal", template=migrated_template)
    with serve_town(server.url("personal")) as town:
        yield town
    server.drop_database("personal")


def refused(claim: c.AnyClaim, pointer: str) -> bool:
    story = Story()
    with pytest.raises(Malformed) as caught:
        check_personal(open_bundle(story.office.sign(story.make(c.FileInsurance, **USUAL[c.FileInsurance]), claim)))
    return caught.value.pointer == f"/claims/1/{pointer}"


# None of these is anybody's: the prefixes are reserved, the check character is wrong.
PERSONAL = ("13800000000", "8613800000000", "86-13800000000", "320602199001010000", "32060219900101000X")


@pytest.mark.parametrize("number", PERSONAL)
def test_a_customer_whose_id_is_a_persons_number_is_refused(number: str) -> None:
    story = Story()
    assert refused(story.make(c.FileCustomer, **USUAL[c.FileCustomer] | {"customer": number}), "customer")
    shown = c.Confirmation("voucher", "matched", voucher=number)
    handed = story.make(c.HandOver, **USUAL[c.HandOver] | {"code": code(1), "confirmation": shown})
    assert refused(handed, "confirmation/voucher")


@pytest.mark.parametrize(
    "number", [*PERSONAL, "T32060219900101000X", "CT-13800000000", "C13800000000", "13800000000-2"]
)
@pytest.mark.parametrize(
    ("filing", "field"),
    [(c.FileCertificate, "certificate"), (c.FilePremises, "building"), (c.FileContract, "contract")],
)
def test_a_persons_number_within_another_id_is_refused_too(number: str, filing: type[c.Filing], field: str) -> None:
    story = Story()
    claim: Any = story.make(filing, **USUAL[filing] | {field: number})
    assert refused(claim, field)


@pytest.mark.parametrize(
    "fine", ["K1", "12345678901", "138000000000", "320602209913010000", "0191b2c3d4e5f60718", "a13800000000b"]
)
def test_random_ids_pass(fine: str) -> None:
    story = Story()
    claim = story.make(c.FileCustomer, **USUAL[c.FileCustomer] | {"customer": fine})
    check_personal(open_bundle(story.office.sign(claim)))


def test_the_door_takes_no_number_of_a_person_and_no_field_for_one(town: Town) -> None:
    size, story = town.size(), town.story
    by_number = story.make(c.FileCustomer, **USUAL[c.FileCustomer] | {"customer": PERSONAL[0]})
    answer = town.send(story.office.sign(by_number))
    assert (answer.status_code, answer.json()["pointer"]) == (400, "/claims/0/customer")
    assert "随机编号" in answer.text
    whole = story.make(c.FileCustomer, **USUAL[c.FileCustomer] | {"customer": "K7"})
    payload = encode_payload(log=ORIGIN, device_seq=900, device_prev=None, seen=None, claims=[whole])
    for more in (b'"name":"\xe7\x94\xb2",', b'"phone":"0",', b'"address":"1",'):
        answer = town.send(sign_bundle(payload.replace(b'"customer":', more + b'"customer":'), story.office.key))
        assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (400, "malformed")
    assert town.size() == size
