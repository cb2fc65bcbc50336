"""Our conjugate gradients beside pyDVL's and dattri's: one model, one target, one residual.

    tox -e influence-peers

CPU seconds on one thread. The peers are no dependency of anything: without them these are skipped.
"""

import time

import numpy as np
import pytest
import torch
from influence_case import (
    TOLERANCE,
    influence_by_dattri,
    solved_by_pydvl,
    solved_here,
    trained_case,
)

pytestmark = pytest.mark.filterwarnings("ignore")  # the peers' own

PYDVL_BARS = {"as its users write it": 100, "with its batch ready": 20}
"""The bar is 100, for pyDVL as it comes; the lower number guards against getting slower beside its
products alone (docs/influence.md)."""
DATTRI_BAR, CORRELATION_BAR = 5, 0.99999
N_CANDIDATES = 500


@pytest.fixture(scope="module")
def case():
    made = trained_case()
    solved_here(made)  # compiles
    return made


def cpu_seconds(work):
    started = time.process_time()
    answer = work()
    return time.process_time() - started, answer


@pytest.mark.parametrize("loader", PYDVL_BARS)
def test_the_solve_beside_pydvls(case, loader, benchmark):
    pytest.importorskip("pydvl.influence.torch", reason="tox -e influence-peers")
    ours = benchmark.pedantic(lambda: cpu_seconds(lambda: solved_here(case)), rounds=1)
    ours = min([ours, *(cpu_seconds(lambda: solved_here(case)) for _ in range(4))], key=first)
    collated = loader != "as its users write it"
    theirs, mean_solution = cpu_seconds(
        lambda: solved_by_pydvl(case, ours[1].iterations, collated=collated)
    )
    residual = case.residual(mean_solution / len(case.samples))
    ratio = theirs / ours[0]
    benchmark.extra_info.update(ours=ours[0], pydvl=theirs, ratio=ratio, pydvl_residual=residual)
    print(
        f"\n{len(case.samples)} samples, {case.linear.size} parameters: {ours[0]:.3f} s, "
        f"{ours[1].iterations} iterations to {ours[1].relative_residual:.1e}; pyDVL "
        f"{loader} {theirs:.1f} s to {residual:.1e}: {ratio:.0f} times"
    )
    assert ours[1].relative_residual <= TOLERANCE
    assert residual <= 1.5 * TOLERANCE  # it did solve the same system
    assert ratio >= PYDVL_BARS[loader]


def test_the_solve_and_the_influence_beside_dattris(case, benchmark):
    pytest.importorskip("dattri", reason="tox -e influence-peers")
    rows = np.linspace(0, len(case.samples) - 1, N_CANDIDATES).astype(np.int64)
    candidates = case.samples.take(rows)

    def answer():
        found = solved_here(case)
        return found, case.linear.sample_losses_along(found.s, candidates)

    answer()  # compiles
    ours = benchmark.pedantic(lambda: cpu_seconds(answer), rounds=1)
    ours = min([ours, *(cpu_seconds(answer) for _ in range(4))], key=first)
    found, values = ours[1]
    triples = case.triples[torch.from_numpy(rows)]
    influence_by_dattri(case, triples, 1)  # imports
    # one iteration more than ours: it starts at the target instead of at 0
    theirs, expected = cpu_seconds(lambda: influence_by_dattri(case, triples, found.iterations + 1))
    one, _ = cpu_seconds(lambda: influence_by_dattri(case, triples, 1))
    solve = theirs - one  # as many iterations as ours took, without candidates' gradients
    correlation = float(np.corrcoef(values, expected)[0, 1])
    ratio = solve / ours[0]
    benchmark.extra_info.update(
        ours=ours[0], dattri=theirs, dattri_solve=solve, ratio=ratio, correlation=correlation
    )
    print(
        f"\n{ours[0]:.3f} s with {N_CANDIDATES} candidates; dattri {theirs:.1f} s, its iterations "
        f"alone {solve:.1f} s: {ratio:.0f} times; correlation {correlation:.8f}"
    )
    assert correlation >= CORRELATION_BAR
    assert ratio >= DATTRI_BAR


def first(pair):
    return pair[0]
