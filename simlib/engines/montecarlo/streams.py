"""Keyed random numbers: each is a function of a seed, a replicate, a name and a count alone.

A random number (a *draw*) is a pure function of (seed, replicate, stream, number). A *stream* belongs to one source of
chance: the waits and the outcomes of a move, the level of a variable on day 0, one forced firing (happening of a move),
or one amount of an impact. The stream of a move or a variable is named by an id, never by a position.

This has four consequences. The same seed gives the same bits for any number of threads. The first 1,000 of 10,000
replicates are the same as in a run of 1,000. Adding, dropping or reordering moves changes no draw of the other moves.
Two runs that differ in one rate are *counterfactuals* of one another: the k-th firing of a move uses the same unit
exponential in both runs. This is the common-random-numbers coupling of Glasserman and Yao (1992) with the next-reaction
method, as in Rathinam, Sheppard and Khammash (2010).

The generator is counter-based (Salmon et al. 2011): it has no state, but hashes a key with a counter.

    seed key       s    = mix(seed + γ)
    replicate key  s_r  = mix(s + (r + 1) γ)
    stream key     k    = mix(s_r xor h),  h the stable 64-bit hash of the stream's name
    draw n         mix(k + (n + 1) γ)

`mix` is the 64-bit finaliser "variant 13" of Stafford (2011), a bijection. With the odd constant γ, the last line is
the generator SplitMix64 (Steele, Lea and Flood 2014) started at the stream key. SplitMix64 passes the BigCrush tests.
Two streams of L draws overlap with probability about 2 L / 2^64. In 10^6 replicates of 50 moves, with 100 draws for
each move, the probability that at least one pair of streams shares draws is near 1%. Streams with similar names or
consecutive replicates are no likelier to overlap than others.

In the stream of a move, draw 2k is the unit exponential before its k-th firing (from 0), and draw 2k + 1 chooses the
outcome of that firing. Forced firings have separate streams and do not use the move's stream. The amounts of impacts
have separate streams, too. Draws 2k and 2k + 1 of an amount belong to the k-th firing of its move, where k also counts
forced firings. A uniform number is (the upper 52 bits + 1/2) / 2^52, so it is never 0 or 1.

References: Glasserman, P. and Yao, D. (1992) Some guidelines and guarantees for common random numbers, Management
Science 38. Rathinam, M., Sheppard, P. and Khammash, M. (2010) Efficient computation of parameter sensitivities of
discrete stochastic chemical reaction networks, J. Chem. Phys. 132. Salmon, J. et al. (2011) Parallel random numbers: as
easy as 1, 2, 3, SC11. Stafford, D. (2011) Better bit mixing. Steele, G., Lea, D. and Flood, C. (2014) Fast splittable
pseudorandom number generators, OOPSLA.
"""

from __future__ import annotations

import hashlib
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from simlib.arguments import whole
from simlib.typing import Bits

StreamKind = Literal["move", "start", "force", "amount"]

GAMMA = np.uint64(0x9E3779B97F4A7C15)
MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
MIX_2 = np.uint64(0x94D049BB133111EB)


def check_seed(seed: Any) -> int:
    """Return the seed, or raise ValueError if it is no whole number from 0 to 2**63 - 1."""
    return whole("seed", seed)


def stream_hash(kind: StreamKind, name: str) -> int:
    """Return the 64-bit hash of a stream of random numbers, the same on every machine.

    The name is a move id, a variable id, the text of a forced or dated move, or the place of an impact's amount in the
    file.
    """
    digest = hashlib.blake2b(f"{kind}:{name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def mix(x: ArrayLike) -> Bits:
    """Return 64-bit words with all their bits mixed, by Stafford's variant 13 (a bijection)."""
    word = np.atleast_1d(np.asarray(x, dtype=np.uint64))
    word = (word ^ (word >> np.uint64(30))) * MIX_1
    word = (word ^ (word >> np.uint64(27))) * MIX_2
    return word ^ (word >> np.uint64(31))


def seed_key(seed: int) -> np.uint64:
    """Return the 64-bit key of a seed. Raises ValueError for a bad seed."""
    return np.uint64(mix(np.atleast_1d(np.uint64(check_seed(seed))) + GAMMA)[0])
