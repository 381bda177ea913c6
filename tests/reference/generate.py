#!/usr/bin/env python3
"""Reference values for tests/accuracy.rs, certified by Arb ball arithmetic.

    pip install python-flint && python3 tests/reference/generate.py > tests/reference/cases.json

Inputs are stored as the bits of the numbers (float.hex), so that both sides compute from the
same exact values; results as 40 digits whose error radius is below 1e-38 of the value.
"""

import json
import math
import random
import struct

from flint import arb, arb_mat, ctx

ctx.prec = 600
RANDOM = random.Random(20261120)
EPSILON = {"f64": 2.0**-52, "f32": 2.0**-23}


def rounded(x, scalar):
    """x in the scalar type, as a Python float."""
    return struct.unpack("f", struct.pack("f", x))[0] if scalar == "f32" else float(x)


def exact(matrix):
    """The matrix as balls of radius zero; only its lower triangle is written out, so it must be symmetric."""
    n = len(matrix)
    if any(matrix[i][j] != matrix[j][i] for i in range(n) for j in range(i)):
        raise ArithmeticError("not symmetric")
    return arb_mat([[arb(x) for x in row] for row in matrix])


def digits(ball):
    value = arb(ball)
    if value == 0:
        return "0"
    if not value.rad() < abs(value) * arb("1e-38"):
        raise ArithmeticError(f"not certified: {value}")
    return value.mid().str(40, radius=False)


# Covariances ------------------------------------------------------------------------------------


def orthogonal(n):
    """A random orthogonal matrix by Gram-Schmidt, to float precision."""
    q = []
    while len(q) < n:
        v = [RANDOM.gauss(0, 1) for _ in range(n)]
        for _ in range(2):
            for u in q:
                dot = sum(a * b for a, b in zip(u, v))
                v = [a - dot * b for a, b in zip(v, u)]
        norm = math.sqrt(sum(a * a for a in v))
        q.append([a / norm for a in v])
    return q


def dense(n, kappa, spread, scalar):
    """A matrix with eigenvalues 1 .. 1/kappa, its coordinates in units 10^±spread."""
    q = orthogonal(n)
    values = [kappa ** (-i / max(n - 1, 1)) for i in range(n)]
    units = [10.0 ** RANDOM.uniform(-spread, spread) for _ in range(n)]

    def entry(i, j):
        i, j = max(i, j), min(i, j)
        return units[i] * units[j] * sum(q[k][i] * q[k][j] * values[k] for k in range(n))

    return [[rounded(entry(i, j), scalar) for j in range(n)] for i in range(n)]


def near(sigma, t, scalar):
    """A matrix at a relative distance of about t: entries moved, then rounded."""
    n = len(sigma)
    noise = [RANDOM.uniform(-1, 1) for _ in range(n)]

    def entry(i, j):
        i, j = max(i, j), min(i, j)
        bump = t * math.sqrt(sigma[i][i] * sigma[j][j]) * noise[i] * noise[j]
        return sigma[i][j] + bump + (t * sigma[i][i] / 3 if i == j else 0)

    return [[rounded(entry(i, j), scalar) for j in range(n)] for i in range(n)]


def diagonal_matrix(v):
    return [[v[i] if i == j else 0.0 for j in range(len(v))] for i in range(len(v))]


def blocks_matrix(blocks):
    n = sum(map(len, blocks))
    out = [[0.0] * n for _ in range(n)]
    start = 0
    for block in blocks:
        for i, row in enumerate(block):
            out[start + i][start : start + len(row)] = row
        start += len(block)
    return out


def covariance(kind, n, kappa, spread, scalar):
    if kind == "scaled_identity":
        return {"kind": kind, "matrix": diagonal_matrix([rounded(10 ** RANDOM.uniform(-spread, spread), scalar)] * n)}
    if kind == "diagonal":
        v = [rounded(10 ** RANDOM.uniform(-2 * spread, 2 * spread), scalar) for _ in range(n)]
        return {"kind": kind, "matrix": diagonal_matrix(v)}
    if kind == "dense":
        return {"kind": kind, "matrix": dense(n, kappa, spread, scalar)}
    sizes = [n // 3, n - n // 3] if kind == "blocks" else [n // 2, n - n // 2]
    sizes = [size for size in sizes if size]
    parts = [dense(size, kappa, spread, scalar) for size in sizes]
    return {"kind": "blocks", "sizes": sizes, "matrix": blocks_matrix(parts)}


def neighbour(sigma, t, scalar):
    """Another covariance of the same structure, close by."""
    moved = near(sigma["matrix"], t, scalar)
    n = len(moved)
    if sigma["kind"] == "scaled_identity":
        moved = diagonal_matrix([moved[0][0]] * n)
    elif sigma["kind"] == "diagonal":
        moved = diagonal_matrix([moved[i][i] for i in range(n)])
    elif sigma["kind"] == "blocks":
        parts, start = [], 0
        for size in sigma["sizes"]:
            parts.append([row[start : start + size] for row in moved[start : start + size]])
            start += size
        moved = blocks_matrix(parts)
    return {**sigma, "matrix": moved}


def kappa_of(matrix):
    """n / λ_min bound of the correlation matrix: the trace of its inverse; None if not definite."""
    n = len(matrix)
    if any(not matrix[i][i] > 0 for i in range(n)):
        return None
    a = exact(matrix)
    try:
        inverse = a.inv()
    except ZeroDivisionError:
        return None
    if cholesky(a) is None:
        return None
    return float(sum((inverse[i, i] * a[i, i] for i in range(n)), arb(0)).mid())


def cholesky(a):
    n = a.nrows()
    l = arb_mat(n, n)
    for j in range(n):
        pivot = a[j, j] - sum((l[j, k] ** 2 for k in range(j)), arb(0))
        if not pivot > 0:
            return None
        l[j, j] = pivot.sqrt()
        for i in range(j + 1, n):
            l[i, j] = (a[i, j] - sum((l[i, k] * l[j, k] for k in range(j)), arb(0))) / l[j, j]
    return l


# Quantities -------------------------------------------------------------------------------------


def logdet(a):
    l = cholesky(a)
    return 2 * sum((l[i, i].log() for i in range(a.nrows())), arb(0))


def form(a, x, y):
    n = a.nrows()
    delta = arb_mat(n, 1, [arb(u) - arb(v) for u, v in zip(x, y)])
    return (delta.transpose() * a.inv() * delta)[0, 0]


def trace_ratio(p, q):
    product = q.inv() * p
    return sum((product[i, i] for i in range(p.nrows())), arb(0))


def kl(mean_p, p, mean_q, q):
    n = p.nrows()
    if p == q and list(mean_p) == list(mean_q):
        return arb(0)
    return (trace_ratio(p, q) - n + logdet(q) - logdet(p) + form(q, mean_p, mean_q)) / 2


def log_prob(x, mean, a):
    n = a.nrows()
    return -(n * (2 * arb.pi()).log() + logdet(a) + form(a, x, mean)) / 2


def information(a, first, second):
    if all(a[i, j] == 0 for i in first for j in second):
        return arb(0)

    def part(indices):
        return arb_mat([[a[i, j] for j in indices] for i in indices])

    return (logdet(part(first)) + logdet(part(second)) - logdet(part(first + second))) / 2


# Cases ------------------------------------------------------------------------------------------


def vector(n, matrix, scalar, size=1.0):
    """A vector in the units of the coordinates."""
    return [rounded(RANDOM.uniform(-2, 2) * size * math.sqrt(matrix[i][i]), scalar) for i in range(n)]


def packed(sigma):
    """What the reader builds the operator from."""
    a, n = sigma["matrix"], len(sigma["matrix"])
    out = {"kind": sigma["kind"], "dim": n}
    if sigma["kind"] == "scaled_identity":
        out["entries"] = [a[0][0].hex()]
    elif sigma["kind"] == "diagonal":
        out["entries"] = [a[i][i].hex() for i in range(n)]
    else:
        out["entries"] = [a[i][j].hex() for j in range(n) for i in range(j, n)]
    if "sizes" in sigma:
        out["sizes"] = sigma["sizes"]
    return out


def hexes(x):
    return [value.hex() for value in x]


def pair_case(scalar, p, q, near_means):
    n = len(p["matrix"])
    kappas = [kappa_of(p["matrix"]), kappa_of(q["matrix"])]
    if None in kappas or max(kappas) * n * (n + 1) * EPSILON[scalar] > 0.1:
        return None
    mean_q = vector(n, q["matrix"], scalar)
    mean_p = mean_q if near_means else vector(n, q["matrix"], scalar)
    y = vector(n, q["matrix"], scalar)
    a, b = exact(p["matrix"]), exact(q["matrix"])
    logs = [abs(float(math.log(m[i][i]))) for m in (p["matrix"], q["matrix"]) for i in range(n)]
    size = sum(logs) + 3 * n
    trace, distance = float(trace_ratio(a, b).mid()), float(form(b, mean_p, mean_q).mid())
    misfit = float(form(b, y, mean_p).mid())
    return {
        "scalar": scalar,
        "kappa": max(kappas),
        "p": packed(p),
        "q": packed(q),
        "mean_p": hexes(mean_p),
        "mean_q": hexes(mean_q),
        "y": hexes(y),
        "size": size + trace + distance + misfit,
        "kl_divergence": digits(kl(mean_p, a, mean_q, b)),
        "cross_entropy": digits(
            (n * (2 * arb.pi()).log() + logdet(b) + trace_ratio(a, b) + form(b, mean_p, mean_q)) / 2
        ),
        "expected_log_likelihood": digits(log_prob(y, mean_p, b) - trace_ratio(a, b) / 2),
        "log_prob": digits(log_prob(y, mean_p, b)),
        "quadratic_form": digits(form(b, y, mean_p)),
        "logdet": digits(logdet(b)),
        "kl_standard_normal": digits(
            kl(mean_p, a, [0.0] * n, exact(diagonal_matrix([1.0] * n)))
        ),
    }


def information_case(scalar, n, rho, kappa):
    """Two sets whose whitened cross-covariance is of size rho."""
    m = max(1, n // 2)
    first, second = dense(m, kappa, 1, scalar), dense(n - m, kappa, 1, scalar)
    a = blocks_matrix([first, second])
    for i in range(m):
        for j in range(m, n):
            cross = rho * RANDOM.uniform(-1, 1) * math.sqrt(a[i][i] * a[j][j] / kappa) / n
            a[i][j] = a[j][i] = rounded(cross, scalar)
    kappa = kappa_of(a)
    if kappa is None or kappa * n * (n + 1) * EPSILON[scalar] > 0.1:
        return None
    indices = list(range(n))
    sigma = {"kind": "dense", "matrix": a}
    value = information(exact(a), indices[:m], indices[m:])
    return {"scalar": scalar, "kappa": kappa, "p": packed(sigma), "split": m, "mutual_information": digits(value)}


def main():
    kinds = ["scaled_identity", "diagonal", "blocks", "other_blocks", "dense"]
    pairs, sets = [], []
    for scalar, top in (("f64", 8), ("f32", 3)):
        for n in (1, 2, 3, 8, 20):
            for kind_p in kinds:
                for kind_q in kinds:
                    kappa = 10.0 ** RANDOM.choice([0.5, 1, top / 2, top])
                    spread = RANDOM.choice([0, 1, 1, 20 if scalar == "f64" else 3])
                    q = covariance(kind_q, n, kappa, spread, scalar)
                    p = covariance(kind_p, n, kappa, 0, scalar)
                    # p in the units of q, so that the two are comparable.
                    if kind_p != "scaled_identity":
                        units = [math.sqrt(q["matrix"][i][i]) for i in range(n)]
                        own = [math.sqrt(p["matrix"][i][i]) for i in range(n)]
                        ratio = [unit / deviation for unit, deviation in zip(units, own)]
                        a = p["matrix"]

                        def entry(i, j):
                            i, j = max(i, j), min(i, j)
                            return rounded(a[i][j] * ratio[i] * ratio[j], scalar)

                        p["matrix"] = [[entry(i, j) for j in range(n)] for i in range(n)]
                    pairs.append(pair_case(scalar, p, q, RANDOM.random() < 0.3))
            for kind in kinds:
                for t in (0.3, 1e-2, 1e-4, 1e-6, 1e-9, 1e-12, 1e-14):
                    if t < 4 * EPSILON[scalar]:
                        continue
                    kappa = 10.0 ** RANDOM.uniform(0, top)
                    q = covariance(kind, n, kappa, RANDOM.choice([0, 1, 3]), scalar)
                    pairs.append(pair_case(scalar, neighbour(q, t, scalar), q, RANDOM.random() < 0.8))
            for kind in ("diagonal", "blocks", "scaled_identity"):
                # A dense covariance that is nearly structured, either way round.
                for t in (1e-2, 1e-5, 1e-9, 1e-13):
                    if t < 4 * EPSILON[scalar]:
                        continue
                    q = covariance(kind, n, 10.0, 1, scalar)
                    p = {"kind": "dense", "matrix": near(q["matrix"], t, scalar)}
                    pairs.append(pair_case(scalar, p, q, True))
                    pairs.append(pair_case(scalar, q, p, True))
            if n > 1:
                for rho in (1.0, 0.5, 1e-1, 1e-3, 1e-6, 1e-9, 1e-12):
                    for exponent in (0.5, top / 2, top):
                        sets.append(information_case(scalar, n, rho, 10.0**exponent))
    for n in (100, 200):
        for t in (None, 1e-7):
            q = covariance("dense", n, 1e6, 1, "f64")
            p = covariance("dense", n, 1e6, 1, "f64") if t is None else neighbour(q, t, "f64")
            pairs.append(pair_case("f64", p, q, t is not None))
    found = {
        "pairs": [case for case in pairs if case],
        "sets": [case for case in sets if case],
    }
    print(json.dumps(found, separators=(",", ":")))


if __name__ == "__main__":
    main()
