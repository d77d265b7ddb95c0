"""Register maps: which Modbus register of a filling scale says what. Data, not code, because every maker differs:
word order, address base, decimals and tables (ECOSYSTEM.md section 6). TOML-able, see `station run --help`.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from scanners.faults import Misconfigured

Table = Literal["coil", "discrete", "holding", "input"]
WordOrder = Literal["high_first", "low_first"]
_LONGEST_READ = 120  # of the 125 words that Modbus allows

Address = Annotated[int, Meta(ge=0, le=65_536)]


class Register(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One value. `value = count * multiplier // divisor`; `words` is 1 (16 bits) or 2 (32 bits)."""

    table: Table
    address: Address
    words: Literal[1, 2] = 1
    signed: bool = False
    multiplier: Annotated[int, Meta(ge=1)] = 1
    divisor: Annotated[int, Meta(ge=1)] = 1


class RegisterMap(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """What a filling scale must tell and obey.

    `sequence` counts valve openings and outlives a power cut; `valve` is 1 while gas flows; `permit` is a coil that is
    energised for one fill: dropping it closes the valve; `heartbeat` must change or the scale closes the valve.
    Optional: `result` (0 none, 1 at target, 2 watchdog, 3 power cut, 4 stopped), the latched weights of the last fill,
    and `permit_token`, where the agent notes which authorisation the permit is for.
    `tolerance_g`: without `result`, a fill is complete if it ended no further below its target.
    """

    weight_g: Register
    sequence: Register
    valve: Register
    permit: Register
    target_g: Register
    heartbeat: Register | None = None
    result: Register | None = None
    start_weight_g: Register | None = None
    end_weight_g: Register | None = None
    permit_token: Register | None = None
    address_base: Literal[0, 1] = 0
    word_order: WordOrder = "high_first"
    device_id: Annotated[int, Meta(ge=0, le=247)] = 1
    tolerance_g: Annotated[int, Meta(ge=0, le=5_000)] = 100

    def __post_init__(self) -> None:
        """Misconfigured where a register lies in a table that cannot do what it is for."""
        if self.permit.table != "coil":
            raise Misconfigured("许可必须是线圈（coil）", "`permit` must be a coil")
        for name in ("target_g", "heartbeat", "permit_token"):
            register: Register | None = getattr(self, name)
            if register is not None and register.table != "holding":
                raise Misconfigured(f"{name} 必须是保持寄存器（holding）", f"`{name}` must be a holding register")


def value_of(register: Register, words: list[int], order: WordOrder) -> int:
    """The value that these 16-bit words say, rounded towards minus infinity."""
    count = 0
    for word in words if order == "high_first" else reversed(words):
        count = count << 16 | word
    bits = 16 * register.words
    if register.signed and count >> (bits - 1):
        count -= 1 << bits
    return count * register.multiplier // register.divisor


def words_of(register: Register, value: int, order: WordOrder) -> list[int]:
    """The words that say `value`, or the next smaller count; a set-point is never rounded up."""
    count = value * register.divisor // register.multiplier
    bits = 16 * register.words
    low = -(1 << (bits - 1)) if register.signed else 0
    if not low <= count < low + (1 << bits):
        raise Misconfigured(f"数值 {value} 超出寄存器范围", f"{value} does not fit into {register.words} word(s)")
    words = [(count >> shift) & 0xFFFF for shift in range(bits - 16, -1, -16)]
    return words[::-1] if order == "low_first" else words


def spans(registers: list[Register]) -> dict[Table, tuple[int, int]]:
    """Per table the first address and the count of one block read that covers all (some scales allow only those)."""
    found: dict[Table, tuple[int, int]] = {}
    for register in registers:
        first, count = found.get(register.table, (register.address, 0))
        start = min(first, register.address)
        end = max(first + count, register.address + register.words)
        found[register.table] = (start, end - start)
    if any(count > _LONGEST_READ for _, count in found.values()):
        raise Misconfigured("寄存器相距过远，无法一次读取", "registers too far apart for one block read (120 words)")
    return found
