//! What two groups of coordinates know of each other.

use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, Mat, Par};
use gaussx_operators::{
    Blocks, CompensatedSum, CovarianceOperator, DenseCovariance, Error, FactorKind, Scalar,
    Workspace, memory, validate,
};

/// Mutual information `I(x_a; x_b) = ½ (ln det Σ_aa + ln det Σ_bb - ln det Σ_ab,ab)` between
/// two disjoint sets of coordinates, in nats.
///
/// Never negative; exactly 0 for independent sets. What is computed is
/// `-½ Σ ln(1 - t_i)`, with `t_i` the part that is taken from 1 on pivot `i` of the Cholesky
/// factorisation of `I - C Cᵀ`, `C = L_a⁻¹ Σ_ab L_b⁻ᵀ`: a sum of squares, not a difference
/// of entropies.
///
/// ```math
/// I(x_a; x_b) = -\tfrac12 \ln\det(I - C C^{\mathsf T}), \qquad
///   C = L_a^{-1} \Sigma_{ab} L_b^{-\mathsf T}
/// ```
///
/// Shapes: `a` and `b` hold indices below `n`, in any order, each at most once.
///
/// Cost: 1 for diagonal covariances; per block for blocks; `(m + k)³/3` for sets of `m` and
/// `k` coordinates of a dense covariance.
///
/// Accuracy: relative error a small multiple of `n ε κ` however small the information;
/// for two coordinates a few `ε` but for the conditioning of the numbers given.
///
/// # Errors
///
/// [`Error::InvalidParameter`] if a set is empty; [`Error::IndexOutOfRange`];
/// [`Error::DuplicateIndex`] within a set or across the two;
/// [`Error::AllocationFailed`].
///
/// # Examples
///
/// ```
/// use gaussx_core::{DenseCovariance, faer::mat, mutual_information};
///
/// let sigma = DenseCovariance::new(mat![[1.0, 0.6], [0.6, 1.0]])?;
/// let nats = mutual_information(&sigma, &[0], &[1])?;
/// assert!((nats + 0.5 * 0.64_f64.ln()).abs() < 1e-15);
/// # Ok::<(), gaussx_core::Error>(())
/// ```
///
/// Source: Cover, Thomas, *Elements of Information Theory*, 2nd ed., §8.5; Hotelling,
/// "Relations between two sets of variates" (1936).
pub fn mutual_information<T: Scalar>(
    covariance: &(impl CovarianceOperator<T> + ?Sized),
    a: &[usize],
    b: &[usize],
) -> Result<T, Error> {
    let sets = [
        ("index set a", "size of index set a", a),
        ("index set b", "size of index set b", b),
    ];
    for (what, size, set) in sets {
        if set.is_empty() {
            return Err(Error::invalid_parameter(size, T::zero(), "at least one"));
        }
        validate::indices(what, set, covariance.dim())?;
        validate::distinct(what, set)?;
    }
    validate::distinct("union of index sets a and b", a.iter().chain(b))?;
    let nats = information(&covariance, a, b)?;
    validate::representable("mutual information", nats)
}

/// The information between two checked sets, one of which may be empty.
fn information<T: Scalar>(
    covariance: &dyn CovarianceOperator<T>,
    a: &[usize],
    b: &[usize],
) -> Result<T, Error> {
    if a.is_empty() || b.is_empty() {
        return Ok(T::zero());
    }
    match covariance.cholesky().kind() {
        FactorKind::ScaledIdentity { .. } | FactorKind::Diagonal { .. } => Ok(T::zero()),
        FactorKind::BlockDiagonal { blocks, .. } => within_blocks(blocks, a, b),
        _ if a.len() == 1 && b.len() == 1 => between_two(covariance, a[0], b[0]),
        _ => between_sets(covariance, a, b),
    }
}

/// Blocks are independent, so that their information adds up. It does not depend on scale.
fn within_blocks<T: Scalar>(blocks: &dyn Blocks<T>, a: &[usize], b: &[usize]) -> Result<T, Error> {
    let mut total = CompensatedSum::new();
    let mut start = 0;
    for index in 0..blocks.count() {
        let block = blocks.block(index);
        let range = start..start + block.dim();
        start = range.end;
        let local = |set: &[usize]| -> Vec<usize> {
            let inside = set.iter().filter(|i| range.contains(i));
            inside.map(|i| i - range.start).collect()
        };
        total.add(information(block, &local(a), &local(b))?);
    }
    Ok(total.value())
}

/// Two coordinates: `-½ ln(1 - ρ²)`, with `1 - ρ²` from the determinant near `ρ² = 1`.
fn between_two<T: Scalar>(
    covariance: &dyn CovarianceOperator<T>,
    i: usize,
    j: usize,
) -> Result<T, Error> {
    let mut block: Mat<T> = Mat::zeros(2, 2);
    let mut workspace = Workspace::new();
    covariance.sub_block_into(&[i, j], &[i, j], block.as_mut(), &mut workspace)?;
    let (v, w, c) = (block[(0, 0)], block[(1, 1)], block[(1, 0)]);
    let squared_correlation = (c / v) * (c / w);
    let half = T::of(0.5);
    Ok(if squared_correlation <= half {
        -half * (-squared_correlation).ln_1p()
    } else {
        let (v, w, c) = comparable(v, w, c);
        -half * (difference_of_products(v, w, c, c) / (v * w)).ln()
    })
}

/// Scales two variances and their covariance by powers of two, so that the products of two
/// of them neither over- nor underflow.
fn comparable<T: Scalar>(v: T, w: T, c: T) -> (T, T, T) {
    let two = T::of(2.0);
    let half_exponent = |x: T| (x.log2() / two).floor().to_i32().unwrap_or(0);
    let (p, q) = (half_exponent(v), half_exponent(w));
    let scale = |x: T, e: i32| x * num_traits::Float::powi(two, -e);
    (
        scale(scale(v, p), p),
        scale(scale(w, q), q),
        scale(scale(c, p), q),
    )
}

/// `a b - c d` to two units in the last place, by Kahan's fused multiply-adds.
///
/// Source: Jeannerod, Louvet, Muller, "Further analysis of Kahan's algorithm" (2013),
/// <https://doi.org/10.1090/S0025-5718-2013-02679-8>.
fn difference_of_products<T: Scalar>(a: T, b: T, c: T, d: T) -> T {
    let product = c * d;
    let error = num_traits::Float::mul_add(-c, d, product);
    let difference = num_traits::Float::mul_add(a, b, -product);
    difference + error
}

fn between_sets<T: Scalar>(
    covariance: &dyn CovarianceOperator<T>,
    a: &[usize],
    b: &[usize],
) -> Result<T, Error> {
    // C Cᵀ is as large as the first set.
    let (a, b) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let (m, k) = (a.len(), b.len());
    let mut workspace = Workspace::new();
    let l_a = marginal(covariance, a)?;
    let l_b = marginal(covariance, b)?;
    let mut c = memory::zero_mat("cross-covariance", m, k)?;
    covariance.sub_block_into(a, b, c.as_mut(), &mut workspace)?;
    l_a.cholesky()
        .half_solve_in_place(c.as_mut(), &mut workspace)?;
    l_b.cholesky()
        .half_solve_in_place(c.as_mut().transpose_mut(), &mut workspace)?;

    let mut taken = memory::zero_mat("squared canonical correlations", m, m)?;
    triangular::matmul(
        taken.as_mut(),
        BlockStructure::TriangularLower,
        Accum::Replace,
        c.as_ref(),
        BlockStructure::Rectangular,
        c.as_ref().transpose(),
        BlockStructure::Rectangular,
        T::one(),
        Par::Seq,
    );
    match small_information(taken) {
        Some(nats) => Ok(nats),
        None => large_information(covariance, a, b, &l_b),
    }
}

/// `-½ Σ ln(1 - t_j)`, `t_j = (C Cᵀ)_jj + Σ_{k<j} l_jk²` with `l` the Cholesky factor of
/// `I - C Cᵀ`; `None` once a `t_j` is above ½, where `1 - t_j` carries its rounding.
fn small_information<T: Scalar>(mut taken: Mat<T>) -> Option<T> {
    let m = taken.nrows();
    let half = T::of(0.5);
    let mut nats = CompensatedSum::new();
    for j in 0..m {
        let t = taken[(j, j)];
        if !(t <= half) {
            return None;
        }
        nats.add(-half * (-t).ln_1p());
        // Column j of l, and what it takes from the pivots and entries to come.
        let pivot = (T::one() - t).sqrt();
        for i in j + 1..m {
            taken[(i, j)] /= -pivot;
        }
        for c in j + 1..m {
            let factor = taken[(c, j)];
            for i in c..m {
                let product = taken[(i, j)] * factor;
                taken[(i, c)] += product;
            }
        }
    }
    Some(nats.value())
}

/// `Σ ln(L_b,ii / L_22,ii)`, `L_22` the last block of the factor of the joint covariance.
fn large_information<T: Scalar>(
    covariance: &dyn CovarianceOperator<T>,
    a: &[usize],
    b: &[usize],
    l_b: &DenseCovariance<T>,
) -> Result<T, Error> {
    let joint: Vec<usize> = a.iter().chain(b).copied().collect();
    let joint = marginal(covariance, &joint)?;
    let mut pivots = memory::zero_vec("pivots", a.len() + b.len())?;
    joint.cholesky().diag_into(&mut pivots)?;
    let mut pivots_b = memory::zero_vec("pivots", b.len())?;
    l_b.cholesky().diag_into(&mut pivots_b)?;
    let mut nats = CompensatedSum::new();
    for (&whole, &left) in pivots_b.iter().zip(&pivots[a.len()..]) {
        nats.add((whole / left).ln());
    }
    Ok(nats.value())
}

/// The covariance of the coordinates `indices`, dense.
fn marginal<T: Scalar>(
    covariance: &dyn CovarianceOperator<T>,
    indices: &[usize],
) -> Result<DenseCovariance<T>, Error> {
    let m = indices.len();
    let mut block = memory::zero_mat("sub-block", m, m)?;
    covariance.sub_block_into(indices, indices, block.as_mut(), &mut Workspace::new())?;
    Ok(DenseCovariance::from_lower_triangle(block)?)
}
