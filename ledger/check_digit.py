"""Check characters of the numbers that this trade types and scans.

A check character finds typing errors and nothing else: a copied code has a right one. Every function takes the body
without its check character, in upper case and of the stated alphabet only, and returns the one character; anything
else in the body is the caller's bug.
"""

ALPHANUMERIC = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
CREDIT_CODE = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # GB 32100: no I, O, S, V, Z

_VALUE_31 = {character: value for value, character in enumerate(CREDIT_CODE)}
_ZERO = ord("0")

# ISO 7064 MOD 37,36 as a table: running product, next character -> next product. Every scanned code takes this path.
_NEXT_37_36 = [
    {character: ((product + value) % 36 or 36) * 2 % 37 for value, character in enumerate(ALPHANUMERIC)}
    for product in range(37)
]


def gs1_mod_10(digits: str) -> str:
    """GS1's mod 10 (GRAI, GTIN, SSCC): weights 3, 1, 3 … from the right.

    Finds every wrong digit, and every swap of neighbours whose values do not differ by 5.
    Source: GS1 General Specifications, section 7.9.
    """
    ascii_codes = digits.encode()
    heavy, light = ascii_codes[-1::-2], ascii_codes[-2::-2]
    total = 3 * sum(heavy) + sum(light) - _ZERO * (3 * len(heavy) + len(light))
    return ALPHANUMERIC[-total % 10]


def iso_7064_mod_37_36(body: str) -> str:
    """ISO 7064 MOD 37,36 over 0-9 A-Z, for our own code.

    Finds every wrong character and all but about 1 in 600 swaps of unlike neighbours. Source: ISO/IEC 7064:2003, hybrid
    systems.
    """
    product = 36
    for character in body:
        product = _NEXT_37_36[product][character]
    return ALPHANUMERIC[(1 - product) % 36]


def iso_7064_mod_11_2(digits: str) -> str:
    """ISO 7064 MOD 11-2, for citizen numbers (GB 11643-1999); the check character may be X."""
    remainder = 0
    for digit in digits:
        remainder = (remainder + int(digit)) * 2 % 11
    return "0123456789X"[(12 - remainder) % 11]


def gb_32100_mod_31(body: str) -> str:
    """The check character of a unified social credit code (统一社会信用代码): weights 3^i mod 31 (GB 32100-2015)."""
    total = sum(_VALUE_31[character] * pow(3, place, 31) for place, character in enumerate(body))
    return CREDIT_CODE[-total % 31]


def luhn(digits: str) -> str:
    """Luhn's formula, for bank cards (ISO/IEC 7812-1, annex B)."""
    total = sum(map(int, digits[-2::-2])) + sum(sum(divmod(2 * int(digit), 10)) for digit in digits[-1::-2])
    return ALPHANUMERIC[-total % 10]
