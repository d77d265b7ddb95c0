"""The rule packs that ship with the ledger, read from the package's data files."""

from importlib.resources import files

from ledger.errors import Malformed
from ledger.packs.model import Pack
from ledger.packs.text import parse_pack

NATIONAL = "cn"


def shipped_pack(name: str) -> Pack:
    """A pack that ships with the ledger: `cn`, or a district (`320600`) laid over it."""
    folder = files("ledger.packs")
    national = parse_pack((folder / f"{NATIONAL}.toml").read_text("utf-8"))
    if name == NATIONAL:
        return national
    overlay = folder / f"{name}.toml"
    if not overlay.is_file():
        raise Malformed(f"没有名为 {name} 的规则包", f"no pack named {name} ships with the ledger")
    return parse_pack(overlay.read_text("utf-8"), national)
