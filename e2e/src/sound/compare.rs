//! Whether a recording holds an utterance.

/// The best normalised correlation of `utterance` anywhere in `recording`, and the sample where it is.
///
/// Both have the same rate; 2 kHz is plenty for speech and keeps the search short. 1 is the same sound; the coding
/// of telephones leaves more than 0.95; different words of the same voice stay far below 0.5.
pub fn best_match(recording: &[f32], utterance: &[f32]) -> (f64, usize) {
    if utterance.is_empty() || recording.len() < utterance.len() {
        return (0.0, 0);
    }
    let wanted: f64 = utterance.iter().map(|s| f64::from(*s).powi(2)).sum();
    let mut energy: f64 = recording[..utterance.len()]
        .iter()
        .map(|s| f64::from(*s).powi(2))
        .sum();
    let mut best = (0.0, 0);
    for at in 0..=recording.len() - utterance.len() {
        let window = &recording[at..at + utterance.len()];
        // A window of silence would divide by nearly nothing.
        if energy > wanted * 0.05 {
            let product: f32 = window.iter().zip(utterance).map(|(a, b)| a * b).sum();
            let correlation = f64::from(product) / (energy * wanted).sqrt();
            if correlation > best.0 {
                best = (correlation, at);
            }
        }
        if let Some(next) = recording.get(at + utterance.len()) {
            energy += f64::from(*next).powi(2) - f64::from(recording[at]).powi(2);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(step: f32, length: usize) -> Vec<f32> {
        (0..length)
            .map(|i| (i as f32 * step).sin() * 1000.0)
            .collect()
    }

    #[test]
    fn an_utterance_is_found_where_it_is() {
        let utterance: Vec<f32> = tone(0.31, 400)
            .iter()
            .zip(tone(0.011, 400))
            .map(|(a, b)| a * b / 1000.0)
            .collect();
        let mut recording = vec![0.0; 500];
        recording.extend(utterance.iter().map(|s| s * 0.5));
        recording.extend(vec![0.0; 300]);
        let (correlation, at) = best_match(&recording, &utterance);
        assert!(correlation > 0.999);
        assert_eq!(at, 500);
    }

    #[test]
    fn another_sound_is_not_the_utterance() {
        let (correlation, _) = best_match(&tone(0.9, 2000), &tone(0.31, 400));
        assert!(correlation < 0.3, "{correlation}");
    }
}
