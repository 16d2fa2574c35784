use callplane_providers::Recognition;

const PHRASES: [&str; 8] = [
    "opening hours",
    "book an appointment",
    "speak to an operator",
    "repeat the menu",
    "yes please",
    "no thank you",
    "cancel my booking",
    "callplane support",
];
const OTHER: [&str; 6] = [
    "the weather in london is wonderful today",
    "my grandmother bought seventeen yellow bananas",
    "hello who is this calling me at midnight",
    "thunderstorms",
    "could you tell me a story about dragons",
    "purple elephants never forget",
];

/// What G.711 leaves of speech: every second sample (flite's output has little above 4 kHz worth
/// aliasing about), 14 bits to 8 and back, up to 16 kHz by linear interpolation. The agent's own
/// resampler is better; a recogniser that passes here passes there.
fn over_the_telephone(speech: &[i16]) -> Vec<i16> {
    let narrow: Vec<i32> = speech
        .as_chunks::<2>()
        .0
        .iter()
        .map(|pair| mu_law_round_trip((i32::from(pair[0]) + i32::from(pair[1])) / 2))
        .collect();
    let mut wide = Vec::with_capacity(narrow.len() * 2);
    for (index, sample) in narrow.iter().enumerate() {
        let next = narrow.get(index + 1).unwrap_or(sample);
        wide.push(i16::try_from(*sample).unwrap());
        wide.push(i16::try_from((sample + next) / 2).unwrap());
    }
    wide
}

fn mu_law_round_trip(sample: i32) -> i32 {
    let magnitude = sample.abs().min(32_635) + 132;
    let exponent = 31 - u32::try_from(magnitude).unwrap().leading_zeros() - 7;
    let step = 1 << (exponent + 3);
    let quantised = magnitude / step * step + step / 2 - 132;
    quantised * sample.signum()
}

#[tokio::test]
async fn a_phrase_of_the_grammar_is_recognised_and_other_speech_is_not() {
    let worker = super::ready(&super::config()).await;
    let grammar = super::grammar(&PHRASES);
    let (mut right, mut said) = (0, 0);
    for voice in ["slt", "rms", "kal16"] {
        for phrase in PHRASES {
            let audio = over_the_telephone(&worker.synthesize(phrase, voice).await.unwrap());
            let heard = worker.recognize(audio, grammar.clone()).await.unwrap();
            println!("{voice} said {phrase:?}: {heard:?}");
            said += 1;
            right += u32::from(
                matches!(heard, Recognition::Match { text: ref found, .. } if found == phrase),
            );
        }
    }
    assert!(
        right * 100 >= said * 90,
        "{right} of {said} phrases recognised"
    );

    let mut accepted = 0;
    for voice in ["slt", "rms", "kal16"] {
        for text in OTHER {
            let audio = over_the_telephone(&worker.synthesize(text, voice).await.unwrap());
            let heard = worker.recognize(audio, grammar.clone()).await.unwrap();
            println!("{voice} said {text:?}: {heard:?}");
            accepted += u32::from(heard != Recognition::NoMatch);
        }
    }
    assert!(
        accepted <= 2,
        "{accepted} of 18 other sentences taken for a phrase"
    );
}
