"""A way of going wrong, and the rule that must answer."""

from msgspec import Struct


class Way(Struct, frozen=True):
    """`rule` must answer. `also` may answer beside it: an over-aged cylinder is overdue as well."""

    rule: str
    zh: str
    en: str
    also: tuple[str, ...] = ()
