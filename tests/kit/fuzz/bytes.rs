//! Raw bytes read as sizes, numbers, index sets and matrices.

use gaussx::Scalar;
use gaussx::faer::Mat;

/// A reader over bytes that never ends: zeros follow the last.
#[derive(Debug)]
pub struct Bytes<'a> {
    data: &'a [u8],
    at: usize,
    /// One number in this many is of the kind that breaks things.
    wild: u8,
}

impl<'a> Bytes<'a> {
    pub fn new(data: &'a [u8]) -> Self {
        let mut bytes = Self {
            data,
            at: 0,
            wild: 0,
        };
        bytes.wild = [0, 0, 0, 64, 16, 3][bytes.below(6)];
        bytes
    }

    pub fn byte(&mut self) -> u8 {
        let byte = self.data.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        byte
    }

    pub fn below(&mut self, bound: usize) -> usize {
        usize::from(self.byte()) % bound
    }

    pub fn chance(&mut self, one_in: u8) -> bool {
        self.byte() % one_in == 1
    }

    /// A dimension from 0 to 6.
    pub fn dim(&mut self) -> usize {
        self.below(7)
    }

    /// The right size, or now and then another.
    pub fn near(&mut self, size: usize) -> usize {
        match self.byte() {
            0..=3 => size + 1,
            4..=7 => size.saturating_sub(1),
            _ => size,
        }
    }

    /// A number: moderate, or any bit pattern and the ends of the range.
    pub fn number<T: Scalar>(&mut self) -> T {
        if self.wild > 0 && self.chance(self.wild) {
            return self.wild_number();
        }
        T::of((f64::from(self.byte()) - 128.0) / 64.0 + f64::from(self.byte()) / 16384.0)
    }

    fn wild_number<T: Scalar>(&mut self) -> T {
        let sign = if self.chance(2) { -T::one() } else { T::one() };
        let tiny = T::min_positive_value();
        let size = match self.below(12) {
            0 => return self.bit_pattern(),
            1 => T::nan(),
            2 => T::infinity(),
            3 => T::max_value(),
            4 => tiny,
            5 => tiny * T::EPSILON,
            6 => T::zero(),
            7 => T::one(),
            8 => T::one() + T::EPSILON,
            9 => T::one() - T::EPSILON / T::of(2.0),
            10 => T::max_value().sqrt(),
            _ => T::of(2.0_f64.powi(i32::from(self.byte()) * 8 - 1024)),
        };
        sign * size
    }

    fn bit_pattern<T: Scalar>(&mut self) -> T {
        let mut word = [0; 8];
        word.fill_with(|| self.byte());
        if T::EPSILON.as_f64() > 1e-10 {
            let [a, b, c, d, ..] = word;
            T::of(f64::from(f32::from_le_bytes([a, b, c, d])))
        } else {
            T::of(f64::from_le_bytes(word))
        }
    }

    pub fn numbers<T: Scalar>(&mut self, n: usize) -> Vec<T> {
        (0..n).map(|_| self.number()).collect()
    }

    /// A variance: positive unless the number is wild.
    pub fn variance<T: Scalar>(&mut self) -> T {
        if self.wild > 0 && self.chance(self.wild) {
            return self.wild_number();
        }
        T::of(2.0_f64.powf((f64::from(self.byte()) - 128.0) / 16.0))
    }

    /// A square matrix: diagonally dominant after scaling, or of any numbers.
    pub fn matrix<T: Scalar>(&mut self, n: usize) -> Mat<T> {
        let variances: Vec<T> = (0..n).map(|_| self.variance()).collect();
        let dominant = !self.chance(16);
        let mut m = Mat::zeros(n, n);
        for j in 0..n {
            m[(j, j)] = variances[j];
            for i in j + 1..n {
                let r: T = self.number();
                let share = if dominant {
                    T::of_count(2 * n + 1)
                } else {
                    T::one()
                };
                m[(i, j)] = r / share * variances[i].sqrt() * variances[j].sqrt();
                m[(j, i)] = m[(i, j)];
            }
        }
        if n > 0 && self.chance(32) {
            let (i, j) = (self.below(n), self.below(n));
            m[(i, j)] = self.number();
        }
        m
    }

    /// Indices below `dim`, or now and then one out of range or twice.
    pub fn indices(&mut self, dim: usize) -> Vec<usize> {
        let mut set: Vec<usize> = (0..dim).filter(|_| self.chance(2)).collect();
        if self.chance(2) {
            set.reverse();
        }
        if self.chance(16) {
            set.push(dim + self.below(3));
        }
        if self.chance(16) {
            set.extend(set.first().copied());
        }
        set
    }
}

/// Whether the indices name coordinates, each at most once.
pub fn are_distinct(set: &[usize], dim: usize) -> bool {
    let repeated = |k: usize| set[..k].contains(&set[k]);
    set.iter().all(|&i| i < dim) && !(0..set.len()).any(repeated)
}

/// Whether every number is finite.
pub fn are_finite<T: Scalar>(x: &[T]) -> bool {
    x.iter().all(|value| value.is_finite())
}
