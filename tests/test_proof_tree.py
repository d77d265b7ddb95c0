"""The tree's proofs and tiles, against a reference of ten lines, pymerkle, published vectors and mutation."""

import base64
import contextlib
import hashlib
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymerkle import InmemoryTree  # type: ignore[import-untyped]

from ledger.entry import leaf_hash
from ledger.errors import BadProof, Corrupt, Malformed
from ledger.merkle import EMPTY_ROOT, Frontier, extend, root_of
from ledger.proofs import check_consistency, check_inclusion, prove_consistency, prove_inclusion, tree_root
from ledger.tiles import (
    ENTRIES,
    FULL_BYTES,
    WIDTH,
    Tile,
    encode_entries,
    extend_tiles,
    parse_entries,
    parse_tile_path,
    tile_path,
    tile_reader,
    tiles_between,
)

VECTORS = Path(__file__).parent.parent.parent / "shared" / "vectors" / "merkle"
SIZES = 300
ENTRIES_TEXT = [f"entry {n}".encode() for n in range(SIZES)]
LEAVES = [leaf_hash(entry) for entry in ENTRIES_TEXT]


# --- the reference: RFC 6962 section 2.1, word for word ------------------------------------------------------------


@cache
def reference(start: int, end: int) -> bytes:
    if end - start == 1:
        return LEAVES[start]
    k = 1
    while k * 2 < end - start:
        k *= 2
    return hashlib.sha256(b"\1" + reference(start, start + k) + reference(start + k, end)).digest()


def read(level: int, index: int) -> bytes:
    """Hashes as a store would have them."""
    return reference(index << level, (index + 1) << level)


def test_roots_are_the_reference_s_at_every_size():
    frontier: Frontier = ()
    for size in range(1, SIZES + 1):
        frontier = extend(frontier, size - 1, [LEAVES[size - 1]])
        assert root_of(frontier) == reference(0, size) == tree_root(read, size)
    assert tree_root(read, 0) == EMPTY_ROOT


def test_every_entry_is_proved_in_its_tree_and_in_no_other():
    for size in [*range(1, 40), 64, 65, 129, 257, SIZES]:
        root = reference(0, size)
        for index in range(size):
            proof = prove_inclusion(read, index, size)
            check_inclusion(LEAVES[index], index, size, proof, root)
            with pytest.raises(BadProof):
                check_inclusion(LEAVES[index - 1], index, size, proof, root if size > 1 else EMPTY_ROOT)


def test_every_two_sizes_are_consistent_and_only_with_their_own_roots():
    for new in [*range(1, 50), 256, 257, SIZES]:
        for old in range(1, new + 1):
            proof = prove_consistency(read, old, new)
            check_consistency(old, new, proof, reference(0, old), reference(0, new))
            if old < new:
                with pytest.raises(BadProof):
                    check_consistency(old, new, proof, reference(0, new), reference(0, old))
    assert prove_consistency(read, 0, 5) == ()


def test_pymerkle_finds_the_same_roots_and_proofs():
    tree = InmemoryTree(algorithm="sha256")
    for size, entry in enumerate(ENTRIES_TEXT, 1):
        tree.append_entry(entry)
        assert tree.get_root(size) == reference(0, size)
    for size in (1, 2, 7, 8, 200, SIZES):
        for index in {0, size // 3, size - 1}:
            theirs = tree.prove_inclusion(index + 1, size).path  # pymerkle counts entries from 1, the leaf comes first
            assert theirs == [LEAVES[index], *prove_inclusion(read, index, size)]


def mutants(proof: tuple[bytes, ...]) -> Iterator[list[bytes]]:
    """Proofs of another length, order or content."""
    for at in range(len(proof) + 1):
        yield [*proof[:at], LEAVES[at], *proof[at:]]
    for at, one in enumerate(proof):
        before, after = proof[:at], proof[at + 1 :]
        yield from ([*before, *after], [*before, one, one, *after], [*before, one[:-1], *after])
        yield [*before, bytes([one[0] ^ 1 << at % 8]) + one[1:], *after]
        if after:
            yield [*before, after[0], one, *after[1:]]


def test_every_mutated_proof_is_refused():
    for size in range(1, 20):
        root = reference(0, size)
        for index in range(size):
            for wrong in mutants(prove_inclusion(read, index, size)):
                assert not accepts(check_inclusion, LEAVES[index], index, size, wrong, root)
            old, old_root = index + 1, reference(0, index + 1)
            for wrong in mutants(prove_consistency(read, old, size)):
                assert not accepts(check_consistency, old, size, wrong, old_root, root)


def test_a_proof_is_of_one_place_in_one_size():
    places = [(index, size) for size in range(1, 14) for index in range(size)]
    for index, size in places:
        proof = prove_inclusion(read, index, size)
        taken = [
            (at, of)
            for at, of in (*places, (-1, size), (size, size))
            if accepts(check_inclusion, LEAVES[index], at, of, proof, reference(0, of))
        ]
        assert taken == [(index, size)]


def test_an_empty_old_tree_and_a_shrinking_one_prove_nothing():
    for old, new in ((0, 0), (0, 5), (5, 4), (-1, 4)):
        with pytest.raises(BadProof):
            check_consistency(old, new, (), EMPTY_ROOT, reference(0, new) if new else EMPTY_ROOT)


# --- published vectors ---------------------------------------------------------------------------------------------


def vectors(kind: str) -> list[Path]:
    return sorted((VECTORS / kind).rglob("*.json"))


def decoded(case: dict[str, str], *names: str) -> list[bytes]:
    return [base64.b64decode(case[name] or "") for name in names]


@pytest.mark.skipif(not VECTORS.is_dir(), reason=f"published vectors are not at {VECTORS}")
def test_published_vectors_are_there():
    assert (len(vectors("inclusion")), len(vectors("consistency"))) == (53, 43)


@pytest.mark.parametrize("path", vectors("inclusion"), ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_published_inclusion_vector(path):
    case = json.loads(path.read_text())
    leaf, root = decoded(case, "leafHash", "root")
    proof = [base64.b64decode(one) for one in case["proof"] or []]
    accepted = accepts(check_inclusion, leaf, case["leafIdx"], case["treeSize"], proof, root)
    assert accepted is not case["wantErr"], case["desc"]


@pytest.mark.parametrize("path", vectors("consistency"), ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_published_consistency_vector(path):
    case = json.loads(path.read_text())
    old_root, new_root = decoded(case, "root1", "root2")
    proof = [base64.b64decode(one) for one in case["proof"] or []]
    accepted = accepts(check_consistency, case["size1"], case["size2"], proof, old_root, new_root)
    assert accepted is not case["wantErr"], case["desc"]


def accepts(check, *arguments) -> bool:
    try:
        check(*arguments)
    except BadProof:
        return False
    return True


# --- tiles ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(0, 1234067), "tile/0/x001/x234/067"),
        (Tile(1, 999, 1), "tile/1/999.p/1"),
        (Tile(2, 1000, 255), "tile/2/x001/000.p/255"),
        (Tile(ENTRIES, 273, 112), "tile/entries/273.p/112"),
    ],
)
def test_tile_path_is_as_published(tile, path):
    assert tile_path(tile) == path
    assert parse_tile_path(path) == tile


@pytest.mark.parametrize(
    "path",
    [
        *("", "tile/0", "tile/0/0", "tile/0/0000", "/tile/0/000", "tile/0/000/", "tile/00/000", "tile/64/000"),
        *("tile/0/x000/000", "tile/0/001/000", "tile/0/x001", "tile/0/x001/x000", "tile/0/-01", "tile/0/../000"),
        *("tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01", "tile/0/000.p/", "tile/0/000.p/1/", "tile/-1/000"),
        *("tile/entries/000\n", "tile/0/٠٠٠", "tile/0/" + "x001/" * 9 + "001", "checkpoint"),
    ],
)
def test_another_spelling_is_no_tile_path(path):
    with pytest.raises(Malformed):
        parse_tile_path(path)


@given(st.integers(-1, 63), st.integers(0, 2**55 - 1), st.integers(1, 256))
@settings(max_examples=25)
def test_tile_path_reads_back(level, index, width):
    assert parse_tile_path(tile_path(Tile(level, index, width))) == Tile(level, index, width)


@given(st.text())
@settings(max_examples=25)
def test_any_text_is_a_tile_path_or_malformed(text):
    with contextlib.suppress(Malformed):
        assert tile_path(parse_tile_path(text)) == text


def test_a_tree_of_70000_has_the_tiles_of_the_standard_s_example():
    tiles = [tile for tile in tiles_between(0, 70_000) if tile.level != ENTRIES]
    assert len([tile for tile in tiles if tile.level == 0 and tile.width == WIDTH]) == 273
    assert tiles[273:] == [Tile(0, 273, 112), Tile(1, 0), Tile(1, 1, 17), Tile(2, 0, 1)]
    assert [tile for tile in tiles_between(0, 256) if tile.level >= 0] == [Tile(0, 0), Tile(1, 0, 1)]
    assert list(tiles_between(5, 5)) == list(tiles_between(0, 0)) == []


def many_leaves(count: int) -> list[bytes]:
    return [hashlib.sha256(b"leaf %d" % n).digest() for n in range(count)]


def grown(steps: list[int], leaves: list[bytes]) -> dict[Tile, bytes]:
    """Tiles published step by step, each step checked to write exactly what it should."""
    kept: dict[Tile, bytes] = {}
    size = 0
    for step in steps:
        new = dict(extend_tiles(kept.__getitem__, size, leaves[size : size + step]))
        assert list(new) == [tile for tile in tiles_between(size, size + step) if tile.level != ENTRIES]
        kept |= new
        size += step
    return kept


@given(st.lists(st.integers(0, 700), min_size=1, max_size=5))
@settings(max_examples=10)
def test_tiles_grown_in_any_steps_give_roots_and_proofs(steps):
    size, leaves = sum(steps), many_leaves(sum(steps))
    kept = grown(steps, leaves)
    read_tiles = tile_reader(kept.__getitem__, size)
    root = root_of(extend((), 0, leaves))
    assert tree_root(read_tiles, size) == root
    for index in {0, size // 2, size - 1} if size else ():
        check_inclusion(leaves[index], index, size, prove_inclusion(read_tiles, index, size), root)
        old_root = root_of(extend((), 0, leaves[: index + 1]))
        check_consistency(index + 1, size, prove_consistency(read_tiles, index + 1, size), old_root, root)


def test_three_levels_of_tiles_hold_the_tree():
    leaves = many_leaves(70_000)
    kept = grown([65_535, 1, 4_464], leaves)
    assert kept[Tile(2, 0, 1)] == root_of(extend((), 0, leaves[:65_536]))
    read_tiles = tile_reader(kept.__getitem__, 70_000)
    root = root_of(extend((), 0, leaves))
    assert tree_root(read_tiles, 70_000) == root
    check_inclusion(leaves[65_000], 65_000, 70_000, prove_inclusion(read_tiles, 65_000, 70_000), root)


def test_a_full_tile_stands_for_the_partial_one_that_it_replaced_and_a_torn_one_is_corrupt():
    leaves = many_leaves(600)
    kept = grown([600], leaves)
    whole = {(tile.level, tile.index): body for tile, body in kept.items()}
    read_tiles = tile_reader(lambda tile: whole[tile.level, tile.index], 300)  # 300 leaves: tile 1 was partial then
    assert len(whole[0, 1]) == FULL_BYTES
    whole[1, 0] = whole[1, 0][:32]
    assert tree_root(read_tiles, 300) == root_of(extend((), 0, leaves[:300]))
    whole[0, 1] = whole[0, 1][:-1]
    with pytest.raises(Corrupt, match=r"tile/0/001\.p/44"):
        tree_root(read_tiles, 300)


@given(st.lists(st.binary(max_size=300), max_size=20))
@settings(max_examples=25)
def test_entry_bundle_reads_back_and_a_torn_one_is_refused(entries):
    bundle = encode_entries(entries)
    assert parse_entries(bundle, len(entries)) == tuple(entries)
    for torn, width in ((bundle[:-1], len(entries)), (bundle + b"\0", len(entries)), (bundle, len(entries) + 1)):
        if torn != bundle or width != len(entries):
            with pytest.raises(Malformed):
                parse_entries(torn, width)


def test_entry_bundle_is_as_published():
    assert encode_entries([b"", b"a", b"x" * 65_535])[:7] == b"\0\0\0\1a\xff\xff"
    assert parse_entries(b"", 0) == ()


@given(st.binary(max_size=100), st.integers(0, 256))
@settings(max_examples=25)
def test_any_bytes_are_an_entry_bundle_or_malformed(raw, width):
    with contextlib.suppress(Malformed):
        assert encode_entries(parse_entries(raw, width)) == raw
