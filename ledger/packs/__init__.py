"""Rule packs as data: modes, dates and parameters for a jurisdiction, in TOML."""
