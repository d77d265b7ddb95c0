"""The shape of a rule pack: a dated, versioned set of rules, modes and parameters for a jurisdiction."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

Day = Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")]


class RuleSetting(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How one `rule@n` runs under a pack: its mode, the days between which it holds, its integer parameters.

    `otherwise` is how it runs outside those days: what a district adds for a time leaves the nation's rule behind.
    """

    mode: Literal["block", "warn", "off"]
    effective_from: Day | None = None
    effective_to: Day | None = None
    params: dict[str, int] = {}
    otherwise: "RuleSetting | None" = None


class Pack(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A pack with its overlay merged in: what a log adopts, whole, so that a replay needs nothing else.

    `rules` maps `RULE-ID@n` to its setting. Rules in `transition_rules` only warn at a site until the site's
    `transition_until` (FLOW.md section 4).
    """

    name: Annotated[str, Meta(pattern=r"^[a-z0-9]{2,12}\Z")]
    version: Annotated[int, Meta(ge=1, le=10**6)]
    jurisdiction: Annotated[str, Meta(pattern=r"^([0-9]{6}|CN)\Z")]
    rules: dict[str, RuleSetting]
    transition_rules: tuple[str, ...] = ()


class PackInForce:
    """A pack as a registry holds it. Compared by identity, so that what is derived from it can be kept beside it."""

    __slots__ = ("label", "pack")

    def __init__(self, pack: Pack) -> None:
        """`label` is `name@version`, as entries name the pack in force."""
        self.pack = pack
        self.label = f"{pack.name}@{pack.version}"
