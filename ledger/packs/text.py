"""Packs as text: a shell reads the TOML, this parses it and lays an overlay over its base."""

import tomllib
from typing import Any

import msgspec

from ledger.errors import Malformed
from ledger.packs.model import Pack


def parse_pack(text: str, base: Pack | None = None) -> Pack:
    """The pack that this TOML says, laid over `base` where it `overlays` one: its rules replace, the others stay.

    An overlay's setting with a first or a last day leaves the base's setting in force outside them.
    """
    try:
        raw: dict[str, Any] = tomllib.loads(text)
        overlays = raw.pop("overlays", None)
        if overlays != (None if base is None else base.name):
            raise Malformed(f"规则包应叠加于 {overlays}", f"this pack overlays {overlays}; give that one as its base")
        if base is not None:
            nation: dict[str, Any] = msgspec.to_builtins(base.rules)
            raw["rules"] = nation | {name: _over(nation, name, one) for name, one in raw.get("rules", {}).items()}
            raw.setdefault("transition_rules", base.transition_rules)
        return msgspec.convert(raw, Pack)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise Malformed(f"规则包有误：{error}", f"not a rule pack: {error}") from error


def _over(nation: dict[str, Any], name: str, local: dict[str, Any]) -> dict[str, Any]:
    dated = "effective_from" in local or "effective_to" in local
    return local | {"otherwise": nation[name]} if dated and name in nation else local
