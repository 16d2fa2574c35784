//! Adding and scaling signals.

/// Adds `from` to `into`, sample by sample, as far as both reach; sums beyond 16 bits saturate.
pub fn mix_into(into: &mut [i16], from: &[i16]) {
    for (sum, sample) in into.iter_mut().zip(from) {
        *sum = sum.saturating_add(*sample);
    }
}

/// Changes the volume by `decibels`; what leaves 16 bits saturates.
pub fn scale(samples: &mut [i16], decibels: f32) {
    let factor = 10f32.powf(decibels / 20.0);
    for sample in samples {
        // A cast from float saturates.
        *sample = (f32::from(*sample) * factor).round() as i16;
    }
}
