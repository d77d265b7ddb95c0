"""The pages in step with the code, and the house in step with its rules. Pure: no database, no processes."""

import ast
import base64
import hashlib
import json
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import get_args

import click
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from docs import generate
from ledger import claim as c
from ledger import events as e
from ledger.errors import LedgerError
from ledger.judge import FAMILIES
from ledger.reasons import REASONS
from ledger.rules.rule import RULES

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *DOCS.rglob("*.md")])
CODE = [
    path
    for part in ("ledger", "api", "scanners", "migrations", "tests", "docs")
    for path in (ROOT / part).rglob("*.py")
]
BANNED = {"utils", "helpers", "common", "base", "misc", "manager", "service"}
LONGEST_UNEXPLAINED = 400
LONGEST_DECISION = 40
SHELL = {"cat", "curl", "export", "mkdir", "openssl", "printf", "python"}


@cache
def text(path: Path) -> str:
    return path.read_text("utf-8")


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def everything() -> str:
    return "\n".join(text(page) for page in PAGES)


# --- generated pages ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", generate.PAGES)
def test_generated_page_is_what_the_code_says(name):
    assert text(DOCS / name) == generate.PAGES[name](), "run python -m docs.generate"


def test_every_rule_reason_claim_and_event_is_documented():
    assert FAMILIES, "their import fills RULES"
    events = [kind.__struct_config__.tag for kind in get_args(e.Outcome)]
    claims = [c.act_of_type(kind) for kind in get_args(c.AnyClaim)]
    missing = [word for word in (*RULES, *REASONS, *claims, *events) if word not in everything()]
    assert missing == []


def test_example_holds_for_who_has_only_the_page():
    blocks = re.findall(r"\n([^\n]+)\n\n```text\n(.*?)\n```", text(DOCS / "example.md"), re.DOTALL)
    assert len(blocks) == 2 + 2 * 8
    (_, public), (_, signer), *rest = blocks
    assert hashlib.sha256(public.encode()).hexdigest()[:32] == signer
    key, leaves = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public.partition(":")[2])), []
    for index in range(2):
        payload, digest, pae, signature, envelope, entry, leaf, root = (value for _, value in rest[8 * index :][:8])
        assert hashlib.sha256(payload.encode()).hexdigest() == digest
        key.verify(base64.b64decode(signature), (pae + payload).encode())
        outer, said, kept = json.loads(envelope), json.loads(payload), json.loads(entry)
        assert base64.b64decode(outer["payload"]).decode() == payload
        assert outer["signatures"] == [{"keyid": signer, "sig": signature}]
        assert pae == f"DSSEv1 {len(outer['payloadType'])} {outer['payloadType']} {len(payload.encode())} "
        assert (kept["bundle"], kept["signer"], kept["device_seq"]) == (digest, signer, said["device_seq"])
        assert json.loads(kept["claim"]) == said["claims"][0]
        assert kept["claim"] in payload
        leaves.append(hashlib.sha256(b"\0" + entry.encode()).digest())
        assert leaves[-1].hex() == leaf
        assert root == (leaves[0] if index == 0 else hashlib.sha256(b"\1" + leaves[0] + leaves[1]).digest()).hex()


# --- HTTP --------------------------------------------------------------------------------------------------------


def routes() -> Iterator[str]:
    """Every route of the app. Nothing connects before its lifespan begins, so the database may be nowhere."""
    from litestar.routes import HTTPRoute  # noqa: PLC0415 - only this needs the web server

    from api.access import Access  # noqa: PLC0415
    from api.app import create_app  # noqa: PLC0415
    from api.deployment import Deployment, HostedLog  # noqa: PLC0415
    from ledger.store.keys import Keys  # noqa: PLC0415
    from ledger.store.read import open_engine  # noqa: PLC0415
    from ledger.store.writer import Writer  # noqa: PLC0415

    nowhere = "postgresql://nowhere/nothing"
    log = HostedLog(Writer(nowhere, "ledger.test", lambda: 0), Keys("ledger.test"))
    app = create_app(Deployment([log], open_engine(nowhere), lambda: 0, Access(())))
    for route in app.routes:
        assert isinstance(route, HTTPRoute)
        for handler in route.route_handlers:
            if handler.include_in_schema:
                path = re.sub(r":[a-z]+}", "}", route.path)
                yield from (f"{method} {path}" for method in handler.http_methods if method != "OPTIONS")


def test_every_route_is_documented():
    page = text(DOCS / "http.md")
    found = list(routes())
    assert found
    assert [route for route in found if f"`{route}`" not in page] == []


def test_every_problem_is_documented():
    from api import problems  # noqa: PLC0415 - only this needs the web server
    from api.access import Unauthorised  # noqa: PLC0415

    core = [kind for kind in below(LedgerError) if kind.__module__ in ("ledger.errors", Unauthorised.__module__)]
    slugs = {kind.slug for kind in core} | {row[0] for row in problems._HTTP.values()} | {"bug", "http-error"}
    page = text(DOCS / "http.md")
    assert [slug for slug in sorted(slugs) if f"| `{slug}` |" not in page] == []
    assert problems.TYPE_PREFIX in page


def below(kind: type[LedgerError]) -> Iterator[type[LedgerError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from below(child)


# --- commands ----------------------------------------------------------------------------------------------------


@cache
def commands() -> dict[str, click.Command | None]:
    """`ledger serve` and so on; None where a command cannot be imported yet."""
    from api.cli import COMMANDS  # noqa: PLC0415 - only these tests need the commands
    from api.cli import main as ledger  # noqa: PLC0415
    from scanners.cli import main as station  # noqa: PLC0415

    context = click.Context(ledger)
    found: dict[str, click.Command | None] = {f"ledger {name}": ledger.get_command(context, name) for name in COMMANDS}
    return found | {f"station {name}": command for name, command in station.commands.items()}


def test_every_command_is_documented():
    start = text(DOCS / "start.md")
    assert [name for name in commands() if f"`{name}`" not in start] == []


def console_lines(page: Path) -> Iterator[str]:
    """What a reader is told to type, continued lines joined, here-documents and answers left out."""
    for block in re.findall(r"```console\n(.*?)```", text(page), re.DOTALL):
        yield from re.findall(r"^\$ (.*)$", block.replace("\\\n", ""), re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_what_readers_are_told_to_type_exists(page):
    targets = set(re.findall(r"^([a-z]+):", text(ROOT / "Makefile"), re.MULTILINE))
    for line in console_lines(page):
        words = [word for word in line.split() if not re.match(r"[A-Z_]+=", word)]
        if re.match(r"[A-Z]+=\$\(", line):
            words = line.partition("$(")[2].partition(" |")[0].rstrip(")").split()
        if not words:
            continue  # values that the next commands take
        if words[0] == "make":
            assert words[3 if words[1] == "-C" else 1] in targets, line
        elif words[0] in ("ledger", "station"):
            command = commands()[" ".join(words[:2])]
            if isinstance(command, click.Group):
                assert words[2] in command.commands, line
                command = command.commands[words[2]]
            known = {option for param in (command.params if command else []) for option in param.opts}
            assert [word for word in words[2:] if word.startswith("--") and word not in known] == [], line
        else:
            assert words[0] in SHELL, line


def test_settings_and_bench_rows_are_documented():
    from api import settings  # noqa: PLC0415 - only this needs them
    from api.bench.rows import ROWS  # noqa: PLC0415

    variables = re.findall(r"^(LEDGER_[A-Z_]+)", str(settings.__doc__), re.MULTILINE)
    assert variables
    assert [name for name in variables if name not in text(DOCS / "start.md")] == []
    performance = text(DOCS / "performance.md")
    assert [row for row in ROWS if f"`{row}`" not in performance] == []
    assert performance.count("<!-- bench:begin -->") == performance.count("<!-- bench:end -->") == 1


# --- pages -------------------------------------------------------------------------------------------------------


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", text(page), flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_relative_link_resolves(page):
    prose = re.sub(r"```.*?```|`[^`\n]*`", "", text(page), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        if re.match(r"https?://", target):
            continue
        path, _, anchor = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), f"{name_of(page)} links to {target}"
        assert not anchor or anchor in anchors(linked), f"{name_of(page)} links to {target}"


def test_every_source_file_that_is_named_exists():
    known = "\n".join(["", *(f"/{name_of(path)}" for path in CODE), ""])
    named = [(name_of(page), name) for page in PAGES for name in re.findall(r"`([a-z_0-9/]+\.py)`", text(page))]
    assert named
    assert [(page, name) for page, name in named if f"/{name}\n" not in known] == []


def test_every_test_that_a_page_names_exists():
    there = set(re.findall(r"^def (test_\w+)\(", "".join(text(path) for path in CODE), re.MULTILINE))
    assert set(re.findall(r"`(test_\w+)`", everything())) - there == set()


def test_index_lists_every_page_and_decisions_are_short_and_numbered():
    index = text(DOCS / "README.md")
    pages = [path for path in DOCS.rglob("*.md") if path.name != "README.md"]
    assert [name_of(page) for page in pages if f"({page.relative_to(DOCS)})" not in index] == []
    decisions = sorted((DOCS / "decisions").iterdir())
    assert [path.name[:4] for path in decisions] == [f"{number:04}" for number in range(1, len(decisions) + 1)]
    assert [path.name for path in decisions if len(text(path).splitlines()) >= LONGEST_DECISION] == []


def test_changelog_knows_this_version():
    version = tomllib.loads(text(ROOT / "pyproject.toml"))["project"]["version"]
    assert f"## [{version}]" in text(ROOT / "CHANGELOG.md")


# --- the house ---------------------------------------------------------------------------------------------------


def test_architecture_names_the_house_as_it_stands():
    page = text(DOCS / "architecture.md")
    top = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith((".", "__"))}
    inner = {f"ledger/{path.name}" for path in (ROOT / "ledger").iterdir() if (path / "__init__.py").exists()}
    assert [part for part in sorted(top | inner) if f"`{part}/`" not in page] == []


def test_files_are_short_or_say_why():
    long = [path for path in CODE if len(text(path).splitlines()) > LONGEST_UNEXPLAINED]
    silent = [path for path in long if "lines because" not in (ast.get_docstring(ast.parse(text(path))) or "")]
    assert [name_of(path) for path in silent] == [], 'over 400 lines: say "… lines because …" in the docstring'


def test_names_say_what_is_inside_and_packages_hold_a_docstring_only():
    assert [name_of(path) for path in CODE if path.stem in BANNED] == []
    for path in CODE:
        if path.name == "__init__.py":
            body = ast.parse(text(path)).body
            assert all(isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) for node in body), path


def test_only_the_lock_names_a_package_registry():
    index = "pypi"  # put together here, so that this file names none
    hosts = re.compile(rf"{index}\.(?:org|python|tuna)|pythonhosted\.|/{index}(?:/web)?/simple|registry\.npm".encode())
    files = [path for path in ROOT.glob("*") if path.is_file() and path.name != "uv.lock"]
    for part in (".ci", "ledger", "api", "scanners", "migrations", "tests", "docs"):
        files += [path for path in (ROOT / part).rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert [name_of(path) for path in files if hosts.search(path.read_bytes())] == []
