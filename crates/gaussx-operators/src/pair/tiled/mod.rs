//! Two dense covariances of some dozens of coordinates: the forms of
//! [`panels`](super::panels) and [`difference`](super::difference) in tiles, where a matrix
//! product is over before it is set up.

mod difference;
mod factors;

use faer::MatRef;

use super::part::Part;
use crate::columns::contiguous;
use crate::fused::is_fused;
use crate::tiles::{Tile, WIDTH, run};
use crate::{CholeskyFactor, Scalar};

pub(super) use difference::divergence_of_close;
pub(super) use factors::{divergence, trace};

/// The most tiles in a row that are served here.
const MOST_TILES: usize = 16;

/// A dense factor, `deviation · L`.
#[derive(Clone, Copy)]
struct Dense<'a, T: Scalar> {
    l: MatRef<'a, T>,
    deviation: T,
}

impl<'a, T: Scalar> Dense<'a, T> {
    fn of(factor: CholeskyFactor<'a, T>) -> Option<Self> {
        let (l, deviation) = factor.contiguous_dense()?;
        Some(Self { l, deviation })
    }
}

/// Whether both covariances are such as are served here.
pub(super) fn serves<T: Scalar>(p: Part<'_, T>, q: Part<'_, T>) -> bool {
    let is_dense = |part: Part<'_, T>| part.factor.contiguous_dense().is_some();
    is_dense(p) && is_dense(q) && tiles_in_row(q.dim()).is_some()
}

fn tiles_in_row(n: usize) -> Option<usize> {
    let m = n.div_ceil(WIDTH);
    (m <= MOST_TILES && is_fused()).then_some(m)
}

/// Above their diagonals the tiles of `U = Lᵀ`, `m` in a row, and the reciprocals of the
/// diagonal.
struct Upper<'a, T> {
    tiles: &'a mut [Tile<T>],
    reciprocals: [[T; WIDTH]; MOST_TILES],
    m: usize,
}

impl<'a, T: Scalar> Upper<'a, T> {
    #[inline(always)]
    fn load(factor: Dense<'_, T>, tiles: &'a mut [Tile<T>], m: usize) -> Self {
        let Dense { l, deviation } = factor;
        let mut reciprocals = [[T::one(); WIDTH]; MOST_TILES];
        for j in 0..m * WIDTH {
            let (p, r) = (j / WIDTH, j % WIDTH);
            let column = if j < l.nrows() {
                reciprocals[p][r] = T::one() / (deviation * l[(j, j)]);
                contiguous(l.col(j))
            } else {
                &[]
            };
            for t in p..m {
                let mut row = run(column, t * WIDTH).map(|entry| deviation * entry);
                if t == p {
                    for entry in &mut row[..=r] {
                        *entry = T::zero();
                    }
                }
                tiles[p * m + t][r] = row;
            }
        }
        Self {
            tiles,
            reciprocals,
            m,
        }
    }

    #[inline(always)]
    fn at(&self, p: usize, t: usize) -> &Tile<T> {
        &self.tiles[p * self.m + t]
    }
}

/// Adds the squares of a tile.
#[inline(always)]
fn add_squares<T: Scalar>(sums: &mut Tile<T>, tile: &Tile<T>) {
    for r in 0..WIDTH {
        for j in 0..WIDTH {
            sums[r][j] += tile[r][j] * tile[r][j];
        }
    }
}

#[inline(always)]
fn sum<T: Scalar>(sums: &Tile<T>) -> T {
    let mut columns = [T::zero(); WIDTH];
    for row in sums {
        for j in 0..WIDTH {
            columns[j] += row[j];
        }
    }
    columns.iter().fold(T::zero(), |sum, &column| sum + column)
}
