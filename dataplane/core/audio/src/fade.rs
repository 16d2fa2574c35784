//! Ramps that keep the start and the end of a sound from clicking.

/// Raises the volume from nothing to full over all of `samples`.
pub fn fade_in(samples: &mut [i16]) {
    let length = samples.len() as i32;
    for (place, sample) in (1..).zip(samples) {
        *sample = (i32::from(*sample) * place / length) as i16;
    }
}

/// Lowers the volume from full to nothing over all of `samples`: for the last frame of speech that
/// is broken off.
pub fn fade_out(samples: &mut [i16]) {
    let length = samples.len() as i32;
    for (place, sample) in (1..).zip(samples) {
        *sample = (i32::from(*sample) * (length - place) / length) as i16;
    }
}
