//! Text to speech by flite.

use std::ffi::{CStr, CString, c_char};
use std::slice;

use callplane_providers::protocol::{MAX_SAMPLES, SAMPLE_RATE};

use super::flite_ffi as ffi;

/// The engine with its voices. One per process: flite keeps global state.
pub(crate) struct Flite {
    voices: Vec<(&'static str, *mut ffi::Voice)>,
}

/// No such voice.
#[derive(Debug, thiserror::Error)]
#[error("unknown voice `{voice}`: choose one of {known}")]
pub(crate) struct UnknownVoice {
    voice: String,
    known: String,
}

impl Flite {
    /// Loads the voices; they are compiled into the libraries, so this takes milliseconds.
    ///
    /// Must be called once: flite registers its voices in global lists.
    pub(crate) fn load() -> Self {
        // SAFETY: flite_init and the register functions take no pointers of ours (the folder may be
        // null for built-in voices) and are called once, before any other function of flite.
        let voices = unsafe {
            ffi::flite_init();
            vec![
                ("slt", ffi::register_cmu_us_slt(std::ptr::null())),
                ("rms", ffi::register_cmu_us_rms(std::ptr::null())),
                ("awb", ffi::register_cmu_us_awb(std::ptr::null())),
                ("kal16", ffi::register_cmu_us_kal16(std::ptr::null())),
            ]
        };
        Self {
            voices: voices
                .into_iter()
                .filter(|(_, voice)| !voice.is_null())
                .collect(),
        }
    }

    /// Names of the voices.
    pub(crate) fn voices(&self) -> Vec<String> {
        self.voices
            .iter()
            .map(|(name, _)| (*name).to_owned())
            .collect()
    }

    /// Speaks `text`: 16 kHz mono, at most [`MAX_SAMPLES`]. Characters flite has no sound for are
    /// read as pauses. No name of a voice means the first.
    pub(crate) fn synthesize(&self, text: &str, voice: &str) -> Result<Vec<i16>, UnknownVoice> {
        let voice = self.voice(voice)?;
        let text = speakable(text);
        if text.as_bytes().trim_ascii().is_empty() {
            return Ok(Vec::new());
        }
        // SAFETY: text is a C string and voice came from a register function; both outlive the
        // call. The wave is null or ours until delete_wave, with num_samples * num_channels shorts.
        unsafe {
            let wave = ffi::flite_text_to_wave(text.as_ptr(), voice);
            let Some(found) = wave.as_ref() else {
                return Ok(Vec::new());
            };
            let length = usize::try_from(found.num_samples)
                .unwrap_or(0)
                .min(MAX_SAMPLES);
            let usable = !found.samples.is_null()
                && found.num_channels == 1
                && u32::try_from(found.sample_rate) == Ok(SAMPLE_RATE);
            let samples = if usable {
                slice::from_raw_parts(found.samples, length).to_vec()
            } else {
                Vec::new()
            };
            ffi::delete_wave(wave);
            Ok(samples)
        }
    }

    /// How flite would pronounce a word, in the phones of the CMU dictionary: `K AO L P L EY N`.
    pub(crate) fn pronounce(&self, word: &str) -> Option<String> {
        let (_, voice) = self.voices.first()?;
        let word = speakable(word);
        let mut phones = Vec::new();
        // SAFETY: as in synthesize; the relation, its items and their names belong to the utterance
        // and are read before it is deleted.
        unsafe {
            let utterance = ffi::flite_synth_text(word.as_ptr(), *voice);
            if utterance.is_null() {
                return None;
            }
            let segments = ffi::utt_relation(utterance, c"Segment".as_ptr());
            let mut item = if segments.is_null() {
                std::ptr::null_mut()
            } else {
                ffi::relation_head(segments)
            };
            while !item.is_null() {
                phones.extend(dictionary_phone(ffi::item_feat_string(
                    item,
                    c"name".as_ptr(),
                )));
                item = ffi::item_next(item);
            }
            ffi::delete_utterance(utterance);
        }
        (!phones.is_empty()).then(|| phones.join(" "))
    }

    fn voice(&self, wanted: &str) -> Result<*mut ffi::Voice, UnknownVoice> {
        self.voices
            .iter()
            .find(|(name, _)| wanted.is_empty() || *name == wanted)
            .map(|(_, voice)| *voice)
            .ok_or_else(|| UnknownVoice {
                voice: wanted.to_owned(),
                known: self.voices().join(", "),
            })
    }
}

/// Printable ASCII and spaces.
fn speakable(text: &str) -> CString {
    let ascii: Vec<u8> = text
        .chars()
        .map(|c| {
            if matches!(c, ' '..='~') {
                c as u8
            } else {
                b' '
            }
        })
        .collect();
    CString::new(ascii).expect("only printable ASCII is left, so no NUL")
}

/// flite writes phones in lower case, has `ax` where the dictionary has `AH`, and `pau` for silence.
///
/// # Safety
/// `name` is null or a C string.
unsafe fn dictionary_phone(name: *const c_char) -> Option<String> {
    if name.is_null() {
        return None;
    }
    // SAFETY: by the contract of this function.
    match unsafe { CStr::from_ptr(name) }.to_str().ok()? {
        "pau" => None,
        "ax" => Some("AH".to_owned()),
        phone => Some(phone.to_ascii_uppercase()),
    }
}
