//! Squares of four by four numbers, transposed in registers: the compiler moves them one by one.

/// Four rows as columns.
#[inline(always)]
pub(crate) fn of_f64(rows: [[f64; 4]; 4]) -> [[f64; 4]; 4] {
    #[cfg(target_arch = "x86_64")]
    if let Some(v3) = pulp::x86::V3::try_new() {
        use core::arch::x86_64::__m256d;

        let [a, b, c, d]: [__m256d; 4] = pulp::bytemuck::cast(rows);
        let (ab, cd) = (
            v3.avx._mm256_unpacklo_pd(a, b),
            v3.avx._mm256_unpacklo_pd(c, d),
        );
        let (ef, gh) = (
            v3.avx._mm256_unpackhi_pd(a, b),
            v3.avx._mm256_unpackhi_pd(c, d),
        );
        return pulp::bytemuck::cast([
            v3.avx._mm256_permute2f128_pd::<0x20>(ab, cd),
            v3.avx._mm256_permute2f128_pd::<0x20>(ef, gh),
            v3.avx._mm256_permute2f128_pd::<0x31>(ab, cd),
            v3.avx._mm256_permute2f128_pd::<0x31>(ef, gh),
        ]);
    }
    one_by_one(rows)
}

/// Four rows as columns.
#[inline(always)]
pub(crate) fn of_f32(rows: [[f32; 4]; 4]) -> [[f32; 4]; 4] {
    #[cfg(target_arch = "x86_64")]
    if let Some(v3) = pulp::x86::V3::try_new() {
        use core::arch::x86_64::__m128;

        let [a, b, c, d]: [__m128; 4] = pulp::bytemuck::cast(rows);
        let (ab, cd) = (v3.sse._mm_unpacklo_ps(a, b), v3.sse._mm_unpacklo_ps(c, d));
        let (ef, gh) = (v3.sse._mm_unpackhi_ps(a, b), v3.sse._mm_unpackhi_ps(c, d));
        return pulp::bytemuck::cast([
            v3.sse._mm_movelh_ps(ab, cd),
            v3.sse._mm_movehl_ps(cd, ab),
            v3.sse._mm_movelh_ps(ef, gh),
            v3.sse._mm_movehl_ps(gh, ef),
        ]);
    }
    one_by_one(rows)
}

#[inline(always)]
fn one_by_one<T: Copy>(rows: [[T; 4]; 4]) -> [[T; 4]; 4] {
    core::array::from_fn(|j| rows.map(|row| row[j]))
}
