//! The operators of G.722 clause 6: 16-bit words, in wider registers.

/// What a 16-bit word can hold of `value`.
pub(super) fn saturate(value: i32) -> i32 {
    value.clamp(i32::from(i16::MIN), i32::from(i16::MAX))
}

/// The product with a fraction of 15 bits.
pub(super) fn fraction(value: i32, of: i32) -> i32 {
    (value * of) >> 15
}

/// Bounds a sample of a sub-band to 15 bits (block LIMIT).
pub(super) fn limit(sample: i32) -> i32 {
    sample.clamp(-16_384, 16_383)
}

/// `magnitude` where the signs agree, its opposite where they do not. Zero counts as positive.
pub(super) fn signed(magnitude: i32, one: i32, other: i32) -> i32 {
    if (one ^ other) < 0 {
        -magnitude
    } else {
        magnitude
    }
}
