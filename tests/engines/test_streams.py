"""The dice: known answers, seeds, and statistical quality across every part of an address."""

import itertools

import numpy as np
import pytest

from simlib.arguments import MAX_SEED
from simlib.engines.montecarlo import _kernel
from simlib.engines.montecarlo.streams import check_seed, mix, seed_key, stream_hash
from tests.engines.chance import P_LIMIT, draws, exponentials, pairs_p, stream_keys, uniform_p, uniforms


def test_a_stream_from_key_0_is_splitmix64_with_seed_0():
    assert [hex(int(word)) for word in draws(0, [0, 1, 2])] == [
        "0xe220a8397b1dcdaf",
        "0x6e789e6aa1b965f4",
        "0x6c45d188009454f",
    ]


def test_hashes_of_names_never_change():
    assert stream_hash("move", "patrol") == 0xE1651EF02482BE2F
    assert stream_hash("start", "patrol") == 0xF4821FFFC2880D0D


def test_a_move_a_variable_and_an_intervention_of_one_name_have_streams_of_their_own():
    assert len({stream_hash(kind, "patrol") for kind in ("move", "start", "force")}) == 3


def test_the_compiled_dice_are_the_same_dice():
    keys = stream_keys(0, np.arange(200), stream_hash("move", "patrol"))
    assert [int(_kernel.mix(key)) for key in keys] == mix(keys).tolist()
    assert [_kernel.uniform(key, 5) for key in keys] == uniforms(draws(keys, 5)).tolist()
    np.testing.assert_allclose([_kernel.exponential(key, 5) for key in keys], exponentials(draws(keys, 5)), rtol=1e-15)


def test_uniforms_are_never_0_or_1():
    lowest, highest = uniforms(np.array([0, 2**64 - 1], dtype=np.uint64))
    assert 0 < lowest < 1e-15
    assert 1 - 1e-15 < highest < 1


@pytest.mark.parametrize("seed", [0, 1, MAX_SEED, np.int64(7)])
def test_good_seeds(seed):
    assert check_seed(seed) == int(seed)


@pytest.mark.parametrize("seed", [-1, 2**63, 10**30, 1.5, "7", None, True])
def test_bad_seeds_are_refused_in_words(seed):
    with pytest.raises(ValueError, match=r"seed is .*; expected a whole number from 0 to"):
        check_seed(seed)


def test_seed_0_is_a_seed_of_its_own():
    assert seed_key(0) not in (0, seed_key(1))


N = 40_000
MOVE, OTHER = stream_hash("move", "m1"), stream_hash("move", "m2")

COORDINATES = {
    "replicates": lambda: draws(stream_keys(0, np.arange(N), MOVE), 0),
    "occurrences": lambda: draws(stream_keys(0, 0, MOVE), np.arange(N)),
    "moves": lambda: np.concatenate([draws(stream_keys(0, 0, stream_hash("move", f"m{i}")), 0) for i in range(N // 8)]),
    "seeds": lambda: np.concatenate([draws(stream_keys(seed, 0, MOVE), 0) for seed in range(N // 8)]),
}


@pytest.mark.statistical
@pytest.mark.parametrize("coordinate", COORDINATES)
def test_draws_are_uniform_along_each_coordinate(coordinate):
    """One chi-squared test on the numbers and one on neighbouring pairs; wrong once in 50,000 each."""
    u = uniforms(COORDINATES[coordinate]())
    assert uniform_p(u) > P_LIMIT
    assert pairs_p(u[:-1], u[1:]) > P_LIMIT


@pytest.mark.statistical
def test_streams_are_independent_of_each_other():
    """Pairs of draws whose addresses differ in one coordinate, over 40,000 replicates."""
    replicates = np.arange(N)
    base = uniforms(draws(stream_keys(0, replicates, MOVE), 0))
    others = {
        "another move": draws(stream_keys(0, replicates, OTHER), 0),
        "the next occurrence": draws(stream_keys(0, replicates, MOVE), 2),
        "its own outcome": draws(stream_keys(0, replicates, MOVE), 1),
        "another seed": draws(stream_keys(1, replicates, MOVE), 0),
        "the next replicate": draws(stream_keys(0, replicates + 1, MOVE), 0),
    }
    assert {name: p for name, words in others.items() if (p := pairs_p(base, uniforms(words))) < P_LIMIT} == {}


@pytest.mark.statistical
def test_every_bit_is_fair():
    """64 bits over 40,000 replicates, and over 40,000 occurrences: largest standard score below 5 (wrong 4e-5)."""
    for words in (COORDINATES["replicates"](), COORDINATES["occurrences"]()):
        ones = np.array([np.sum((words >> np.uint64(bit)) & np.uint64(1), dtype=float) for bit in range(64)])
        assert np.max(np.abs(ones - N / 2)) / np.sqrt(N / 4) < 5


@pytest.mark.statistical
def test_a_change_of_one_input_bit_flips_half_the_output_bits():
    """Avalanche through the whole chain, for every bit of the seed, the replicate and the hash of the name."""
    bits, rng = np.arange(62), np.random.default_rng(5)
    for _ in range(20):
        seed, replicate, stream = (int(x) for x in rng.integers(0, 2**62, 3))
        here = draws(stream_keys(seed, replicate, stream), 0)
        flipped = [[seed ^ (1 << int(b)), replicate, stream] for b in bits]
        flipped += [[seed, replicate ^ (1 << int(b)), stream] for b in bits]
        flipped += [[seed, replicate, stream ^ (1 << int(b))] for b in bits]
        there = np.concatenate([draws(stream_keys(*address), 0) for address in flipped])
        changed = np.bitwise_count(here ^ there)
        assert changed.min() > 8
        assert changed.max() < 56
        assert abs(changed.mean() - 32) < 5 * 4 / np.sqrt(len(changed))


@pytest.mark.statistical
def test_the_tests_would_notice_bad_dice():
    """Null control: dice that hash too little fail the same tests."""
    keys = np.arange(N, dtype=np.uint64) << np.uint64(40)
    weyl = uniforms(keys * np.uint64(0x9E3779B97F4A7C15))
    assert pairs_p(weyl[:-1], weyl[1:]) < P_LIMIT
    u = uniforms(COORDINATES["replicates"]())
    assert pairs_p(u, u) < P_LIMIT
    assert uniform_p(u**1.05) < P_LIMIT


def test_no_two_addresses_share_a_key():
    streams = [stream_hash("move", f"m{move}") for move in range(40)]
    keys = [stream_keys(seed, np.arange(500), stream) for seed in range(5) for stream in streams]
    every = list(itertools.chain.from_iterable(key.tolist() for key in keys))
    assert len(set(every)) == len(every)
