//! How loud samples are.

/// The level of samples in dBov: 0 is a square wave at full scale, a full sine is -3, and speech on
/// a telephone is about -26. Digital silence is -100.
#[must_use]
pub fn level_dbov(samples: &[i16]) -> f32 {
    if samples.is_empty() {
        return -100.0;
    }
    let energy: i64 = samples.iter().map(|s| i64::from(*s) * i64::from(*s)).sum();
    let mean = energy as f32 / samples.len() as f32 / (32_768.0 * 32_768.0);
    (10.0 * mean.log10()).max(-100.0)
}
