//! Textbook formulas on plain matrices, in `f64`: the reference for the structure tests.

/// A dense square matrix by rows.
#[derive(Clone, Debug)]
pub struct Naive {
    pub rows: Vec<Vec<f64>>,
}

impl Naive {
    pub fn from_fn(n: usize, f: impl Fn(usize, usize) -> f64) -> Self {
        let row = |i| (0..n).map(|j| f(i, j)).collect();
        Self {
            rows: (0..n).map(row).collect(),
        }
    }

    pub fn block_diagonal(blocks: &[Self]) -> Self {
        let n = blocks.iter().map(Self::dim).sum();
        let mut out = Self::from_fn(n, |_, _| 0.0);
        let mut start = 0;
        for block in blocks {
            for (i, row) in block.rows.iter().enumerate() {
                out.rows[start + i][start..start + row.len()].copy_from_slice(row);
            }
            start += block.dim();
        }
        out
    }

    pub fn dim(&self) -> usize {
        self.rows.len()
    }

    pub fn at(&self, i: usize, j: usize) -> f64 {
        self.rows[i][j]
    }

    pub fn sub_block(&self, rows: &[usize], columns: &[usize]) -> Vec<Vec<f64>> {
        let row = |&i: &usize| columns.iter().map(|&j| self.at(i, j)).collect();
        rows.iter().map(row).collect()
    }

    pub fn marginal(&self, indices: &[usize]) -> Self {
        Self {
            rows: self.sub_block(indices, indices),
        }
    }

    pub fn times(&self, x: &[f64]) -> Vec<f64> {
        let dot = |row: &Vec<f64>| row.iter().zip(x).map(|(a, b)| a * b).sum();
        self.rows.iter().map(dot).collect()
    }

    pub fn product(&self, other: &Self) -> Self {
        let n = self.dim();
        Self::from_fn(n, |i, j| {
            (0..n).map(|k| self.at(i, k) * other.at(k, j)).sum()
        })
    }

    pub fn trace(&self) -> f64 {
        (0..self.dim()).map(|i| self.at(i, i)).sum()
    }

    /// Gauss-Jordan elimination with partial pivoting: the inverse and `ln |det|`.
    fn eliminate(&self) -> (Self, f64) {
        let n = self.dim();
        let mut a = self.clone();
        let mut inverse = Self::from_fn(n, |i, j| if i == j { 1.0 } else { 0.0 });
        let mut ln_det = 0.0;
        for k in 0..n {
            let pivot = (k..n)
                .max_by(|&i, &j| a.at(i, k).abs().total_cmp(&a.at(j, k).abs()))
                .unwrap();
            a.rows.swap(k, pivot);
            inverse.rows.swap(k, pivot);
            let value = a.at(k, k);
            ln_det += value.abs().ln();
            for j in 0..n {
                a.rows[k][j] /= value;
                inverse.rows[k][j] /= value;
            }
            for i in (0..n).filter(|&i| i != k) {
                let factor = a.at(i, k);
                for j in 0..n {
                    a.rows[i][j] -= factor * a.rows[k][j];
                    inverse.rows[i][j] -= factor * inverse.rows[k][j];
                }
            }
        }
        (inverse, ln_det)
    }

    pub fn inverse(&self) -> Self {
        self.eliminate().0
    }

    pub fn logdet(&self) -> f64 {
        self.eliminate().1
    }

    /// An upper bound of the condition number of the correlation matrix.
    pub fn kappa(&self) -> f64 {
        let n = self.dim();
        let scale = |i: usize| self.at(i, i).sqrt();
        let correlation = Self::from_fn(n, |i, j| self.at(i, j) / (scale(i) * scale(j)));
        let norm = |a: &Self| {
            let sum = |row: &Vec<f64>| row.iter().map(|x| x.abs()).sum::<f64>();
            a.rows.iter().map(sum).fold(1.0, f64::max)
        };
        norm(&correlation) * norm(&correlation.inverse())
    }

    pub fn quadratic_form(&self, x: &[f64], mean: &[f64]) -> f64 {
        let delta: Vec<f64> = x.iter().zip(mean).map(|(x, m)| x - m).collect();
        let solved = self.inverse().times(&delta);
        delta.iter().zip(&solved).map(|(a, b)| a * b).sum()
    }

    /// The lower Cholesky factor, by the textbook recursion.
    pub fn cholesky(&self) -> Self {
        let n = self.dim();
        let mut l = Self::from_fn(n, |_, _| 0.0);
        for i in 0..n {
            for j in 0..=i {
                let dot: f64 = (0..j).map(|k| l.at(i, k) * l.at(j, k)).sum();
                let rest = self.at(i, j) - dot;
                l.rows[i][j] = if i == j {
                    rest.sqrt()
                } else {
                    rest / l.at(j, j)
                };
            }
        }
        l
    }
}

const LN_2PI: f64 = 1.8378770664093456;

pub fn log_prob(x: &[f64], mean: &[f64], sigma: &Naive) -> f64 {
    let d = sigma.dim() as f64;
    -0.5 * (d * LN_2PI + sigma.logdet() + sigma.quadratic_form(x, mean))
}

pub fn entropy(sigma: &Naive) -> f64 {
    0.5 * (sigma.dim() as f64 * (1.0 + LN_2PI) + sigma.logdet())
}

pub fn cross_entropy(mean_p: &[f64], p: &Naive, mean_q: &[f64], q: &Naive) -> f64 {
    let trace = q.inverse().product(p).trace();
    let distance = q.quadratic_form(mean_p, mean_q);
    0.5 * (q.dim() as f64 * LN_2PI + q.logdet() + trace + distance)
}

pub fn kl_divergence(mean_p: &[f64], p: &Naive, mean_q: &[f64], q: &Naive) -> f64 {
    let trace = q.inverse().product(p).trace();
    let distance = q.quadratic_form(mean_p, mean_q);
    0.5 * (trace - q.dim() as f64 + q.logdet() - p.logdet() + distance)
}

pub fn expected_log_likelihood(y: &[f64], mean: &[f64], c: &Naive, r: &Naive) -> f64 {
    log_prob(y, mean, r) - 0.5 * r.inverse().product(c).trace()
}

pub fn mutual_information(sigma: &Naive, a: &[usize], b: &[usize]) -> f64 {
    let joint: Vec<usize> = a.iter().chain(b).copied().collect();
    0.5 * (sigma.marginal(a).logdet() + sigma.marginal(b).logdet()
        - sigma.marginal(&joint).logdet())
}
