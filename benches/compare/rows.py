"""The rows of `rows.rs` in NumPy and SciPy, by hand, as fast as we can.

`row(quantity, n)` returns what a row computes: the variants, of which the fastest counts;
what makes the arguments that a call consumes, outside the time, and their bytes; and how
the value is read from the result.
"""

import ctypes
from math import log, pi

import numpy as np
from scipy.linalg import cython_blas
from scipy.linalg.blas import ddot, dgemm, dtrmm, dtrsm, dtrsv
from scipy.linalg.lapack import dpotrf, dpotri, dtrtri

LN_2PI = log(2 * pi)
POINTS = 1000
LENGTHS = {"far": (1.0, 30.0), "near": (3.0, 3.1), "close": (3.0, 3.01)}


class Row:
    def __init__(self, variants, inputs=tuple, bytes=0, value=lambda result: result):
        self.variants, self.inputs, self.bytes, self.value = variants, inputs, bytes, value


def row(quantity, n):
    kind, _, structure = quantity.partition("/")
    if kind == "log-density":
        return log_density(n, structure)
    if kind == "log-density of 1000":
        return log_density_batch(n)
    if kind == "kl" and structure.startswith("dense"):
        lengths = LENGTHS[structure.split(", ")[1]]
        means = vector(n, 1), vector(n, 1 if structure.endswith("equal means") else 2)
        return kl_dense(n, lengths, means, given=structure.endswith("given"))
    if kind == "kl" and "blocks" in structure:
        lengths = LENGTHS["near" if structure.endswith("near") else "far"]
        return kl_blocks(n, int(structure.split()[0]), lengths)
    return {
        "kl/scaled identity": kl_scaled,
        "kl/diagonal": lambda n: kl_diagonal(n, variances(n, 3)),
        "kl/diagonal, given": lambda n: kl_diagonal(n, variances(n, 3)),
        "kl/diagonal, near, given": lambda n: kl_diagonal(n, near_variances(n)),
        "entropy/diagonal": entropy_diagonal,
        "expected log-likelihood/dense, dense noise": ell_dense,
        "expected log-likelihood/dense given, diagonal noise": ell_diagonal,
        "1000 draws/dense": lambda n: draws_dense(n, given=False),
        "1000 draws/dense, factor given": lambda n: draws_dense(n, given=True),
        "1000 draws/diagonal": draws_diagonal,
        "limit/Cholesky": cholesky,
        "limit/matrix product": product,
        "limit/copy": copy,
    }[quantity](n)


# The inputs of benches/kit/lib.rs.


def kernel(n, length):
    i = np.arange(n)
    distance = np.abs(i[:, None] - i) / length
    return np.asfortranarray(1.0 / (1.0 + distance * distance) + 0.5 * np.eye(n))


def variances(n, phase):
    return 1.0 + ((np.arange(n) + phase) % 7)


def near_variances(n):
    """Within a tenth of those of phase 0."""
    return variances(n, 0) * (1.0 + (np.arange(n) % 11) / 100.0)


def vector(n, seed):
    return ((np.arange(n) * 7919 + seed * 104_729) % 2003) / 1001.5 - 1.0


# Pieces. Arrays are in columns, so that LAPACK reads and writes them in place.


def factor(a, clean=0):
    l, info = dpotrf(a, lower=1, clean=clean, overwrite_a=1)
    assert info == 0
    return l


def half_logdet(l):
    """Of few numbers `math.log` is faster than a ufunc."""
    if len(l) <= 16:
        return sum(map(log, l.diagonal().tolist()))
    return np.log(l.diagonal()).sum()


def flat(a):
    return a.ravel("K")


def _blas(name, *kinds):
    """A routine of BLAS that takes views, where SciPy's wrapper would copy them."""
    capsule = cython_blas.__pyx_capi__[name]
    read = ctypes.pythonapi
    read.PyCapsule_GetName.restype = ctypes.c_char_p
    read.PyCapsule_GetName.argtypes = [ctypes.py_object]
    read.PyCapsule_GetPointer.restype = ctypes.c_void_p
    read.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
    pointer = read.PyCapsule_GetPointer(capsule, read.PyCapsule_GetName(capsule))
    return ctypes.CFUNCTYPE(None, *kinds)(pointer)


_P = ctypes.c_void_p
_dtrsm = _blas("dtrsm", *[ctypes.c_char_p] * 4, *[_P] * 7)


def whiten_lower(l, m, panel):
    """`m := l⁻¹ m` for lower triangular `m`, whose zeros are skipped by panels."""
    n = len(l)
    size, one = ctypes.c_int(n), ctypes.c_double(1.0)
    lda = ctypes.addressof(size)
    for j in range(0, n, panel):
        rows, columns = ctypes.c_int(n - j), ctypes.c_int(min(panel, n - j))
        corner = 8 * (j * n + j)
        _dtrsm(
            b"L", b"L", b"N", b"N",
            ctypes.addressof(rows), ctypes.addressof(columns), ctypes.addressof(one),
            l.ctypes.data + corner, lda, m.ctypes.data + corner, lda,
        )  # fmt: skip
    return m


def whitened_square_by_panels(panel):
    def square(l_q, l_p):
        w = flat(whiten_lower(l_q, l_p, panel))
        return ddot(w, w)

    return square


def whitened_square(l_q, l_p):
    w = flat(dtrsm(1.0, l_q, l_p, lower=1, overwrite_b=1))
    return ddot(w, w)


def traces(n):
    """How `tr(Q⁻¹ P)` may be had from two factors."""
    panels = [64, 128, 256] if n > 128 else [32] if n > 32 else []
    return [whitened_square, *map(whitened_square_by_panels, panels)]


# Rows.


def log_density(n, structure):
    x, mean, a = vector(n, 1), vector(n, 2), kernel(n, 3.0)
    constant = -0.5 * n * LN_2PI

    def whole(a):
        l = factor(a)
        z = dtrsv(l, x - mean, lower=1, overwrite_x=1)
        return constant - half_logdet(l) - 0.5 * ddot(z, z)

    if structure == "dense":
        return Row([whole], lambda: (a.copy("F"),), a.nbytes)
    l = factor(a.copy("F"))
    normalizer = constant - half_logdet(l)

    def given():
        z = dtrsv(l, x - mean, lower=1, overwrite_x=1)
        return normalizer - 0.5 * ddot(z, z)

    return Row([given])


def log_density_batch(d):
    a, mean = kernel(d, 3.0), vector(d, 2)
    points = vector(d * POINTS, 1).reshape(POINTS, d)

    def densities(l, z):
        # Rows of `z.T` are contiguous.
        squares = np.einsum("ij,ij->i", z.T, z.T)
        return -0.5 * (d * LN_2PI + squares) - half_logdet(l)

    def solve(a):
        l = factor(a)
        return densities(l, dtrsm(1.0, l, (points - mean).T, lower=1, overwrite_b=1))

    def invert(a):
        l = factor(a)
        inverse, _ = dtrtri(l, lower=1)
        return densities(l, dtrmm(1.0, inverse, (points - mean).T, lower=1, overwrite_b=1))

    return Row([solve, invert], lambda: (a.copy("F"),), a.nbytes, np.sum)


def kl_dense(n, lengths, means, given):
    p, q = (kernel(n, length) for length in lengths)
    mean_p, mean_q = means

    def by_factors(trace):
        def whole(p, q):
            l_p, l_q = factor(p, clean=1), factor(q)
            z = dtrsv(l_q, mean_p - mean_q, lower=1, overwrite_x=1)
            logdets = half_logdet(l_q) - half_logdet(l_p)
            return 0.5 * (trace(l_q, l_p) + ddot(z, z) - n) + logdets

        return whole

    def by_inverse(p, q):
        # The factor leaves P above its diagonal; the inverse of Q comes there too.
        half = 0.5 * p.diagonal()
        l_p = factor(p)
        u_q, _ = dpotrf(q, lower=0, clean=1, overwrite_a=1)
        z = dtrsv(u_q, mean_p - mean_q, lower=0, trans=1, overwrite_x=1)
        logdets = half_logdet(u_q) - half_logdet(l_p)
        np.fill_diagonal(l_p, half)
        inverse, _ = dpotri(u_q, lower=0, overwrite_c=1)
        return ddot(flat(inverse), flat(l_p)) + 0.5 * (ddot(z, z) - n) + logdets

    if not given:
        variants = [by_inverse, *map(by_factors, traces(n))]
        return Row(variants, lambda: (p.copy("F"), q.copy("F")), 2 * p.nbytes)
    l_p, l_q = factor(p, clean=1), factor(q)
    logdets = half_logdet(l_q) - half_logdet(l_p)

    def with_factors(trace):
        def known():
            z = dtrsv(l_q, mean_p - mean_q, lower=1, overwrite_x=1)
            return 0.5 * (trace(l_q, l_p.copy("F")) + ddot(z, z) - n) + logdets

        return known

    return Row([*map(with_factors, traces(n))])


def chunks(n, size):
    return (slice(start, min(start + size, n)) for start in range(0, n, size))


def kl_scaled(n):
    mean_p, mean_q, v_p, v_q = vector(n, 1), vector(n, 2), 2.0, 3.0

    def by_chunks(size):
        buffer = np.empty(min(size, n))

        def kl():
            square = 0.0
            for c in chunks(n, size):
                difference = buffer[: c.stop - c.start]
                np.subtract(mean_p[c], mean_q[c], out=difference)
                square += difference.dot(difference)
            ratio = v_p / v_q
            return 0.5 * (n * (ratio - 1.0 - log(ratio)) + square / v_q)

        return kl

    return Row([by_chunks(size) for size in (1 << 12, 1 << 14, n)])


def kl_diagonal(n, q):
    mean_p, mean_q, p = vector(n, 1), vector(n, 2), variances(n, 0)

    def plain():
        ratio = p / q
        difference = mean_p - mean_q
        return 0.5 * (np.sum(ratio - 1.0 - np.log(ratio)) + np.sum(difference**2 / q))

    def by_chunks(size):
        buffers = np.empty((2, size))

        def kl():
            total = 0.0
            for c in chunks(n, size):
                r, s = buffers[:, : c.stop - c.start]
                np.subtract(mean_p[c], mean_q[c], out=r)
                r *= r
                r += p[c]
                r /= q[c]
                total += r.sum()
                # One division and one logarithm of each coordinate.
                np.divide(p[c], q[c], out=s)
                total -= np.log(s, out=s).sum()
            return 0.5 * (total - n)

        return kl

    return Row([plain, *(by_chunks(size) for size in (1 << 12, 1 << 14))])


def entropy_diagonal(n):
    v = variances(n, 0)
    constant = n * (1.0 + LN_2PI)

    def plain():
        return 0.5 * (constant + np.log(v).sum())

    def by_chunks(size):
        buffer = np.empty(size)

        def entropy():
            total = constant
            for c in chunks(n, size):
                total += np.log(v[c], out=buffer[: c.stop - c.start]).sum()
            return 0.5 * total

        return entropy

    def by_products():
        # The logarithm of eight numbers at once, if their product is sure to be one.
        if not (v.min() > 1e-38 and v.max() < 1e38 and n % 8 == 0):
            return plain()
        return 0.5 * (constant + np.log(np.multiply.reduce(v.reshape(8, -1), axis=0)).sum())

    return Row([plain, by_chunks(1 << 12), by_chunks(1 << 14), by_products])


def kl_blocks(n, m, lengths):
    """Three ways: a loop over LAPACK, NumPy's batched routines, arithmetic on all blocks."""
    count = n // m
    p, q = (np.tile(kernel(m, length), (count, 1, 1)) for length in lengths)
    mean_p, mean_q = vector(n, 1), vector(n, 2)

    def loop(trace):
        def kl(p, q):
            total = 0.0
            difference = (mean_p - mean_q).reshape(count, m)
            diagonals = np.empty((2, count, m))
            for k in range(count):
                # A block is symmetric: its transpose is the block, in columns.
                l_p, l_q = factor(p[k].T, clean=1), factor(q[k].T)
                diagonals[0, k] = l_p.diagonal()
                diagonals[1, k] = l_q.diagonal()
                z = dtrsv(l_q, difference[k], lower=1)
                total += trace(l_q, l_p) + ddot(z, z)
            logs = np.log(diagonals).sum(axis=(1, 2))
            return 0.5 * (total - n) + logs[1] - logs[0]

        return kl

    def batched(p, q):
        l_p, l_q = np.linalg.cholesky(p), np.linalg.cholesky(q)
        difference = (mean_p - mean_q).reshape(count, m, 1)
        w = np.linalg.solve(l_q, np.concatenate([l_p, difference], axis=2)).ravel()
        half = lambda l: np.log(np.einsum("kii->ki", l)).sum()
        return 0.5 * (w.dot(w) - n) + half(l_q) - half(l_p)

    def all_blocks(size):
        """Loops over the entries of a block, each a vector over `size` blocks."""

        def cholesky(a):
            for j in range(m):
                np.sqrt(a[j, j], out=a[j, j])
                a[j + 1 :, j] /= a[j, j]
                for k in range(j + 1, m):
                    a[k:, k] -= a[k:, j] * a[k, j]

        def kl(p, q):
            total, logs = 0.0, 0.0
            difference = (mean_p - mean_q).reshape(count, m)
            for c in chunks(count, size):
                l_p = np.ascontiguousarray(p[c].transpose(1, 2, 0))
                l_q = np.ascontiguousarray(q[c].transpose(1, 2, 0))
                z = np.ascontiguousarray(difference[c].T)
                cholesky(l_p)
                cholesky(l_q)
                ratios = np.einsum("iib->ib", l_q) / np.einsum("iib->ib", l_p)
                logs += np.log(ratios).sum()
                for j in range(m):
                    w = l_p[j, : j + 1]
                    w /= l_q[j, j]
                    z[j] /= l_q[j, j]
                    total += np.vdot(w, w)
                    for i in range(j + 1, m):
                        l_p[i, : j + 1] -= l_q[i, j] * w
                    z[j + 1 :] -= l_q[j + 1 :, j] * z[j]
                total += np.vdot(z, z)
            return 0.5 * (total - n) + logs

        return kl

    variants = [batched]
    if m <= 8:
        variants += [all_blocks(256), all_blocks(1024)]
    else:
        variants += [*map(loop, traces(m))]
    return Row(variants, lambda: (p.copy(), q.copy()), 2 * p.nbytes)


def ell_dense(n):
    covariance, noise = (kernel(n, length) for length in LENGTHS["far"])
    y, mean = vector(n, 1), vector(n, 2)

    def by_factors(trace):
        def whole(covariance, noise):
            l_q, l = factor(covariance, clean=1), factor(noise)
            z = dtrsv(l, y - mean, lower=1, overwrite_x=1)
            return -0.5 * (n * LN_2PI + ddot(z, z) + trace(l, l_q)) - half_logdet(l)

        return whole

    def by_inverse(covariance, noise):
        # The covariance of q is not factored, nor found to be one.
        l = factor(noise, clean=1)
        z = dtrsv(l, y - mean, lower=1, overwrite_x=1)
        constant = n * LN_2PI + 2.0 * half_logdet(l) + ddot(z, z)
        inverse, _ = dpotri(l, lower=1, overwrite_c=1)
        diagonal = inverse.diagonal().dot(covariance.diagonal())
        return -0.5 * (constant + 2.0 * ddot(flat(inverse), flat(covariance)) - diagonal)

    variants = [by_inverse, *map(by_factors, traces(n))]
    inputs = lambda: (covariance.copy("F"), noise.copy("F"))
    return Row(variants, inputs, 2 * covariance.nbytes)


def ell_diagonal(n):
    covariance, noise = kernel(n, 3.0), variances(n, 0)
    y, mean = vector(n, 1), vector(n, 2)

    def whole():
        difference = y - mean
        squares = difference * difference + covariance.diagonal()
        return -0.5 * (n * LN_2PI + np.sum(squares / noise + np.log(noise)))

    return Row([whole])


def generators():
    return [np.random.Generator(bits(1)) for bits in (np.random.PCG64, np.random.SFC64)]


def spread(draws, whiten):
    z = whiten(draws)
    return np.vdot(z, z) / z.size


def draws_dense(d, given):
    a, mean = kernel(d, 3.0), vector(d, 1)
    l_given = factor(a.copy("F"))

    def by(rng):
        def draw(a=None):
            l = l_given if given else factor(a)
            z = rng.standard_normal((POINTS, d)).T
            x = dtrmm(1.0, l, z, lower=1, overwrite_b=1)
            x += mean[:, None]
            return x

        return draw

    def value(x):
        return spread(x, lambda x: dtrsm(1.0, l_given, x - mean[:, None], lower=1))

    variants = [by(rng) for rng in generators()]
    if given:
        return Row(variants, value=value)
    return Row(variants, lambda: (a.copy("F"),), a.nbytes, value)


def draws_diagonal(d):
    v, mean = variances(d, 0), vector(d, 1)

    def by(rng):
        def draw():
            x = rng.standard_normal((POINTS, d))
            x *= np.sqrt(v)
            x += mean
            return x

        return draw

    value = lambda x: spread(x, lambda x: (x - mean) / np.sqrt(v))
    return Row([by(rng) for rng in generators()], value=value)


def cholesky(n):
    a = kernel(n, 3.0)
    return Row([factor], lambda: (a.copy("F"),), a.nbytes, half_logdet)


def product(n):
    a, b, c = kernel(n, 3.0), kernel(n, 10.0), np.zeros((n, n), order="F")

    def scipy():
        return dgemm(1.0, a, b, c=c, overwrite_c=1)

    def numpy():
        return np.matmul(a, b, out=c)

    return Row([scipy, numpy], value=lambda c: c[n // 2, n // 3])


def copy(n):
    x, to = vector(n, 1), vector(n, 2)

    def whole():
        np.copyto(to, x)

    return Row([whole], value=lambda _: to[n // 2])
