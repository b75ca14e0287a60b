//! A rational tanh that gives the same bits on every machine.
//!
//! `x * P(x^2) / Q(x^2)` with `P` and `Q` of degree 4, a minimax fit made for this project on |x| <= 8.4 (Lawson
//! iterations, then a search among the `f32` neighbours of the coefficients). Beyond 8.4, where tanh is within 1.1e-7
//! of one, the argument is clamped. Only additions, multiplications, one division and comparisons are used, which IEEE
//! 754 defines exactly, so all code paths agree.

/// The largest absolute error over all `f32`, measured on every one of them. Most of it is rounding: the fit itself is
/// within 1.1e-8.
#[cfg(feature = "internals")]
pub const TANH_ERROR_MAX: f32 = 3.4e-7;

const LIMIT: f32 = 8.4;

/// `P`, constant term first.
const P: [f32; 5] = [1.471_534_5, 0.197_372_33, 0.005_199_758_3, 3.127_280_5e-5, 2.102_527_8e-8];

/// `Q`, constant term first.
const Q: [f32; 5] = [1.471_534_5, 0.687_883_56, 0.038_290_013, 0.000_492_737_5, 1.199_145_2e-6];

/// Computes tanh within 3.4e-7. The result never exceeds one; NaN stays NaN.
#[inline(always)]
#[expect(clippy::inline_always, reason = "each processor path must get its own copy, compiled for its instructions")]
pub(super) fn tanh(x: f32) -> f32 {
    let x = x.clamp(-LIMIT, LIMIT);
    let t = x * x;
    // Written out, since `mul_add` would round differently, and would be slow on processors without it.
    let p = ((((P[4] * t + P[3]) * t + P[2]) * t + P[1]) * t + P[0]) * x;
    let q = (((Q[4] * t + Q[3]) * t + Q[2]) * t + Q[1]) * t + Q[0];
    (p / q).clamp(-1.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_within_its_documented_error_of_the_true_tanh() {
        // A prime step through the bit patterns of 0..=20 covers every exponent and is spread over the mantissas.
        for bits in (0..=20f32.to_bits()).step_by(2_003) {
            for x in [f32::from_bits(bits), -f32::from_bits(bits)] {
                let error = (f64::from(tanh(x)) - libm::tanh(f64::from(x))).abs();
                assert!(error <= f64::from(TANH_ERROR_MAX), "tanh({x}) is off by {error:e}");
            }
        }
    }

    #[test]
    fn it_is_odd_bounded_and_passes_on_what_is_not_a_number() {
        for x in [0.0, 1e-30, 0.3, 7.0, 8.4, 9.0, f32::MAX, f32::INFINITY] {
            assert_eq!(tanh(x).to_bits(), (-tanh(-x)).to_bits());
            assert!(tanh(x) <= 1.0);
        }
        assert!(tanh(f32::NAN).is_nan());
    }
}
