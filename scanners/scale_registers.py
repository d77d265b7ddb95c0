"""The simulated scale's registers: its map, and the block by which a simulation plays the physical world."""

from scanners.registers import Register, RegisterMap

SIMULATED = RegisterMap(
    weight_g=Register("input", 0, 2, signed=True),
    sequence=Register("input", 2, 2),
    valve=Register("input", 4),
    result=Register("input", 5),
    start_weight_g=Register("input", 6, 2, signed=True),
    end_weight_g=Register("input", 8, 2, signed=True),
    permit=Register("coil", 0),
    heartbeat=Register("holding", 0),
    target_g=Register("holding", 2, 2),
    permit_token=Register("holding", 4, 2),
)

WATCHDOG_MS = Register("holding", 1)

# What proves the interlock: openings in all, under the permit token now set, and the most that any one token had.
OPENINGS = Register("input", 10, 2)
OPENINGS_OF_TOKEN = Register("input", 12)
MOST_OPENINGS_OF_A_TOKEN = Register("input", 13)

# The physical world: gross weight put on the platform, how the next fill goes wrong, how fast gas flows.
PUT_WEIGHT_G = Register("holding", 100, 2, signed=True)
OVERFILL_G = Register("holding", 102, 2, signed=True)
CUT_POWER_AT_G = Register("holding", 104, 2)
SPEED_UP = Register("holding", 106, 2)
FLOW_G_S = Register("holding", 108)

HOLDING_SPANS = ((0, 6), (100, 9))
INPUT_SPAN = (0, 14)
