"""`ledger file`: filings from a JSON file, signed as one bundle, submitted, and their outcomes in words.

The envelope is kept beside the claims (`CLAIMS.json.envelope`) until it is answered, and sent again as it is: a lost
answer never files twice. The key's chain of bundles is kept beside the key (`KEY.pem.chain`), before each is sent.
"""

import json
import sys
from pathlib import Path
from typing import Any

import click
import httpx
import msgspec

from api.client import Rejected, ask, open_client
from api.health import Health
from api.serve import real_clock
from api.signing import Chain, after, keep_chain, new_claim_id, read_chain, read_private_key, write_chain
from api.words import sentence
from ledger.bundle import Bundle, encode_payload, open_bundle, sign_bundle
from ledger.claim import AnyClaim
from ledger.entry import Answer
from ledger.errors import Malformed
from ledger.events import Refusal

REFUSED_EXIT_CODE = 1
_TIMEOUT_S = 30


@click.command("file")
@click.argument("claims", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--key", required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="私钥文件（PEM）。The signer's private key.",
)  # fmt: skip
@click.option("--url", required=True, help="服务地址，如 http://127.0.0.1:8000。The server's URL.")
@click.option("--log", "origin", help="日志名称，默认唯一的那个。The log's origin; the only one unless told.")
def file_command(claims: Path, key: Path, url: str, origin: str | None) -> None:
    """将一组登记（JSON 列表）签名为一批并提交，逐条说明结果；claim_id 和 scanned_at 可省略。

    Sign a JSON list of filings as one bundle, submit it, and tell each outcome; claim_id and scanned_at may be left
    out. Exit code 0 when all were accepted, 1 when any was refused, 2 when the bundle was not taken.
    """
    kept = claims.with_name(f"{claims.name}.envelope")
    with open_client(url, "", _TIMEOUT_S) as http:
        if kept.exists():
            click.echo(f"重发未得到答复的 {kept} · sending again what was not answered", err=True)
        else:
            log = origin or only_log(http)
            kept.write_bytes(_sign(read_claims(claims), key, log, read_chain(key)))
        bundle = open_bundle(kept.read_bytes())
        # Before it is sent: whatever becomes of the answer, the next bundle of this key has the next number.
        keep_chain(key, after(bundle))
        try:
            answers = _submit(http, bundle)
        except Rejected:
            kept.unlink()  # nothing was stored, and the same bytes would be refused again
            if read_chain(key) == after(bundle):
                write_chain(key, Chain(bundle.device_seq, bundle.device_prev))
            raise
    kept.unlink()
    _tell(bundle, answers)
    sys.exit(REFUSED_EXIT_CODE if any(isinstance(answer.outcome, Refusal) for answer in answers) else 0)


def read_claims(path: Path) -> list[AnyClaim]:
    """The claims in a JSON list, with new ids and the present instant where they say none; Malformed otherwise."""
    now = real_clock()
    try:
        listed = json.loads(path.read_text("utf-8"))
        filled: list[Any] = [{"claim_id": new_claim_id(now), "scanned_at": now} | one for one in listed]
        claims: list[AnyClaim] = msgspec.convert(filled, list[AnyClaim])
    except (ValueError, TypeError) as error:
        raise Malformed(f"{path} 内容有误：{error}", f"{path} is no list of claims: {error}") from error
    return claims


def _sign(claims: list[AnyClaim], key: Path, log: str, chain: Chain) -> bytes:
    payload = encode_payload(
        log=log, device_seq=chain.device_seq, device_prev=chain.device_prev, seen=None, claims=claims
    )
    envelope = sign_bundle(payload, read_private_key(key))
    open_bundle(envelope)  # a stranger's eyes, before anything is kept or sent
    return envelope


def only_log(http: httpx.Client) -> str:
    """The origin of the one log that is hosted there; Malformed when there are several."""
    health = msgspec.json.decode(ask(http, "GET", "/health").content, type=Health)
    if len(health.logs) != 1:
        here = ", ".join(one.log for one in health.logs)
        raise Malformed(f"请用 --log 指明日志：{here}", f"name one with --log: {here}")
    return health.logs[0].log


def _submit(http: httpx.Client, bundle: Bundle) -> list[Answer]:
    response = ask(http, "POST", "/bundles", bundle.envelope, {"Ledger-Device-Time": str(real_clock())})
    return msgspec.json.decode(response.content, type=list[Answer])


def _tell(bundle: Bundle, answers: list[Answer]) -> None:
    for signed, answer in zip(bundle.claims, answers, strict=True):
        zh, en = sentence(signed.claim, answer.outcome)
        mark = "✗" if isinstance(answer.outcome, Refusal) else "✓"
        click.echo(f"{mark} #{answer.entry_index} {zh} · {en}")
