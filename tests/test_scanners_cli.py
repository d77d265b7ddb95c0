"""The `station` command as people type it, and documentation that must stay true."""

import asyncio
import json
import re
import stat
import textwrap
import time

import msgspec
import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from ledger.bundle import signer_id
from ledger.claim import CheckPrefill, SignerKey
from scanners import config as config_module
from scanners import plan as plan_module
from scanners.cli import main
from scanners.config import load_config, load_key
from scanners.faults import Misconfigured
from scanners.outbox import Outbox
from scanners.physical import ScaleProcess
from scanners.plan import Plan, Script, load_plan
from scanners.scale_registers import SIMULATED

HAN = ("一", "鿿")

PLAN = {
    "url": "http://127.0.0.1:9",
    "log": "test.example/lpg",
    "site": "s-1",
    "key_file": "k.pem",
    "outbox": "o.sqlite",
    "real_start_ms": 1,
    "origin_ms": 2,
    "scale": 1_000,
    "person": "p-1",
    "second_person": "p-2",
    "vehicle": "v-1",
    "tank_lot": "t-1",
    "lines": ["L1"],
    "cylinders": [{"reading": "TS-G1-A", "tare_g": 16_000}],
}


@pytest.mark.parametrize("command", ["", "run", "keygen", "scale", "simulate", "phones", "outbox"])
def test_help_is_chinese_first(command):
    result = CliRunner().invoke(main, [*([command] if command else []), "--help"])
    assert result.exit_code == 0
    first = result.output.split("\n\n")[1].strip()
    assert HAN[0] <= first[0] <= HAN[1]
    assert any("a" <= letter <= "z" for letter in result.output)


def test_commands_are_listed_in_both_languages():
    listed = CliRunner().invoke(main, ["--help"]).output.partition("Commands:\n")[2].splitlines()
    assert [line.split()[0] for line in listed] == sorted(main.commands)
    for line in listed:
        text = line.split(maxsplit=1)[1]
        assert HAN[0] <= text[0] <= HAN[1]
        assert re.search(r"。[A-Z].*\.$", text), line


def test_keygen_prints_what_an_enrolment_needs_and_never_overwrites(tmp_path):
    path = tmp_path / "k.pem"
    printed = json.loads(CliRunner().invoke(main, ["keygen", "--out", str(path)]).output)
    assert printed["signer"] == signer_id(SignerKey(**printed["key"]))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    load_key(path)
    again = CliRunner().invoke(main, ["keygen", "--out", str(path)])
    assert again.exit_code == 1
    assert "不予覆盖" in again.output


def test_a_p256_key_will_do_another_curve_will_not(tmp_path):
    for curve, good in ((ec.SECP256R1(), True), (ec.SECP384R1(), False)):
        path = tmp_path / f"{curve.name}.pem"
        key = ec.generate_private_key(curve)
        path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        if good:
            load_key(path)
        else:
            with pytest.raises(Misconfigured):
                load_key(path)


def test_the_outbox_says_what_was_set_aside(tmp_path):
    path = tmp_path / "o.sqlite"
    CliRunner().invoke(main, ["keygen", "--out", str(tmp_path / "k.pem")])
    outbox = Outbox(path, log="test.example/lpg", key=load_key(tmp_path / "k.pem"))
    claim_id = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"
    outbox.put([CheckPrefill(claim_id=claim_id, scanned_at=1, code="own:TS-G1-A", site="s-1", person="p-1")])
    outbox.set_aside(0, json.dumps({"type": "https://x/malformed", "zh": "字段有误", "en": "bad field"}).encode())
    outbox.close()
    text = CliRunner().invoke(main, ["outbox", "--path", str(path)]).output
    assert "已搁置 set aside: 1" in text
    assert "字段有误 · bad field" in text
    again = CliRunner().invoke(main, ["outbox", "--path", str(path), "--resend", "0", "--json"])
    assert json.loads(again.output) == {"counts": {"pending": 1}, "set_aside": []}
    assert CliRunner().invoke(main, ["outbox", "--path", str(path), "--resend", "0"]).exit_code == 1


def test_the_documented_configuration_loads(tmp_path):
    document = (config_module.__doc__ or "").split("\n\n", 1)[1]
    lines = [line for line in textwrap.dedent(document).splitlines() if not line.startswith("[scales.registers]")]
    kept = [line for line in lines if not line.startswith(("weight_g", "sequence"))]
    text = "\n".join(kept) + '\n[[scales]]\nline = "CW"\nhost = "10.0.0.12"\nport = 502\n'
    (tmp_path / "station.toml").write_text(text)
    loaded = load_config(tmp_path / "station.toml")
    assert loaded.scales[0].registers == SIMULATED
    assert loaded.key_file == str(tmp_path / "station.pem")


def test_a_gun_without_its_scale_is_told_in_two_languages(tmp_path):
    path = tmp_path / "station.toml"
    path.write_text(
        'url = "http://x"\nlog = "a.example/lpg"\nsite = "s"\nkey_file = "k"\noutbox = "o"\nscales = []\n'
        'guns = [{ post = "fill", scale = "L9", port = 1 }]\n'
        'crew = { person = "p", checker = "q", vehicle = "v", tank_lot = "t" }\n'
    )
    result = CliRunner().invoke(main, ["run", "--config", str(path)])
    assert result.exit_code == 1
    assert "缺少对应的秤" in result.output
    assert "names no known scale" in result.output


def test_a_plan_loads_and_says_what_is_wrong(tmp_path):
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(PLAN))
    plan = load_plan(path)
    assert plan.time.at(3) == 2_002
    assert plan.outbox == str(tmp_path / "o.sqlite")
    assert not plan.cylinders[0].tampered
    for wrong in (
        {"reading": "A", "image": "b.png", "tare_g": 1},
        {"tare_g": 1},
        {"reading": "A", "tare_g": 1, "x": 1},
        {"reading": "A", "tare_g": 1, "key_stamp": True},
    ):
        path.write_text(json.dumps(PLAN | {"cylinders": [wrong]}))
        result = CliRunner().invoke(main, ["simulate", "--plan", str(path)])
        assert result.exit_code == 1, result.output
        assert "\n" in result.output.strip(), "Chinese, then English"
        assert any(HAN[0] <= letter <= HAN[1] for letter in result.output)


@pytest.mark.parametrize("kind", [Plan, Script])
def test_every_field_of_a_plan_is_documented(kind):
    document = kind.__doc__ or ""
    for field in msgspec.structs.fields(kind):
        assert field.name in document.replace(",", " ").split(), field.name
    assert "insist" in (plan_module.__doc__ or "")


def test_a_scale_goes_when_its_parent_goes():
    async def scenario() -> None:
        process = await ScaleProcess.start()
        await process.put(16_000)
        await asyncio.wait_for(process.stop(), 5)

    started = time.monotonic()
    asyncio.run(scenario())
    assert time.monotonic() - started < 10
