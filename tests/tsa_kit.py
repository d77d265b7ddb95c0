"""A timestamping authority of one's own: `openssl ts` with certificates made for it, behind a real socket."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cosign_kit import Answer, pretending

_CONFIG = """\
[req]
distinguished_name = name
[name]
[root]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign
[tsa]
extendedKeyUsage = critical,timeStamping
keyUsage = critical,digitalSignature
[authority]
serial = serial
default_policy = 1.2.3.4.1
signer_digest = sha256
digests = sha256,sha512
ess_cert_id_alg = sha256
accuracy = secs:1
"""
_EC = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -config openssl.cnf"


class Authority:
    """`root` is the certificate, PEM, that its timestamps verify under. Its times are this machine's."""

    def __init__(self, folder: Path) -> None:
        if shutil.which("openssl") is None:
            pytest.skip("no openssl program to run a timestamping authority with")
        self._folder = folder
        folder.mkdir()
        (folder / "openssl.cnf").write_text(_CONFIG)
        (folder / "serial").write_text("01\n")
        self._openssl(f"req -x509 {_EC} -subj /CN=root -days 30 -extensions root -keyout root.key -out root.pem")
        self._openssl(f"req {_EC} -subj /CN=tsa -keyout tsa.key -out tsa.csr")
        self._openssl(
            "x509 -req -in tsa.csr -CA root.pem -CAkey root.key -CAcreateserial -days 30 -extfile openssl.cnf "
            "-extensions tsa -out tsa.pem"
        )
        self.root = (folder / "root.pem").read_bytes()
        self.asked = 0

    def answer(self, query: bytes) -> bytes:
        """The DER of an answer to the DER of a query."""
        self.asked += 1
        (self._folder / "query").write_bytes(query)
        self._openssl(
            "ts -reply -config openssl.cnf -section authority -queryfile query -inkey tsa.key "
            "-signer tsa.pem -out answer"
        )
        return (self._folder / "answer").read_bytes()

    def vouches(self, der: bytes, text: str) -> bool:
        """What `openssl ts -verify` says of an answer, by the root alone."""
        (self._folder / "text").write_text(text)
        (self._folder / "stamp.tsr").write_bytes(der)
        words = ["openssl", "ts", "-verify", "-data", "text", "-in", "stamp.tsr", "-CAfile", "root.pem"]
        return subprocess.run(words, cwd=self._folder, capture_output=True, check=False).returncode == 0

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Its URL, while it serves."""

        def answered(_: str, query: bytes) -> Answer:
            return 200, self.answer(query)

        with pretending(answered) as url:
            yield url

    def _openssl(self, words: str) -> None:
        done = subprocess.run(["openssl", *words.split()], cwd=self._folder, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
