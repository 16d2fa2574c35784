//! Speech to text by pocketsphinx: one utterance against one grammar.

use std::ffi::{CStr, CString, NulError};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::ptr;

use super::Flite;
use super::sphinx_ffi as ffi;
use crate::grammar::Grammar;

/// A decoder with the acoustic model and dictionary of one language.
pub(crate) struct Sphinx {
    decoder: *mut ffi::Decoder,
}

/// What the decoder made of an utterance.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Heard {
    /// A sentence of the grammar.
    Sentence {
        /// Its words, with single spaces.
        text: String,
        /// 0 to 1, see [`confidence`].
        confidence: f32,
    },
    /// Nothing that fits.
    Nothing,
}

/// Why the decoder is of no use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SphinxError {
    #[error(
        "no speech model in {0}: install the Debian package pocketsphinx-en-us or give its folder with --models"
    )]
    Models(PathBuf),
    #[error("a path with a NUL byte")]
    Path(#[from] NulError),
    #[error("pocketsphinx failed to load its models")]
    Load,
    #[error("pocketsphinx refused the grammar")]
    Grammar,
    #[error("pocketsphinx failed to decode the utterance")]
    Decode,
}

const CHOICES: &CStr = c"choices";
const PHONES: &CStr = c"phones";

impl Sphinx {
    /// Loads the models of a folder laid out as in Debian's pocketsphinx-en-us: about 0.2 s.
    pub(crate) fn load(models: &Path) -> Result<Self, SphinxError> {
        let (acoustic, dictionary) = (models.join("en-us"), models.join("cmudict-en-us.dict"));
        let phones = models.join("en-us-phone.lm.bin");
        if !acoustic.is_dir() || !dictionary.is_file() || !phones.is_file() {
            return Err(SphinxError::Models(models.to_owned()));
        }
        let [acoustic, dictionary, phones] = [&acoustic, &dictionary, &phones].map(|p| c_path(p));
        let (acoustic, dictionary, phones) = (acoustic?, dictionary?, phones?);
        // SAFETY: all arguments are C strings that outlive the calls, the list ends with a null
        // pointer as cmd_ln_init wants it; ps_init keeps a reference of its own to the
        // configuration, so ours is given back whether it succeeded or not.
        let decoder = unsafe {
            let configuration = ffi::cmd_ln_init(
                ptr::null_mut(),
                ffi::ps_args(),
                1,
                c"-hmm".as_ptr(),
                acoustic.as_ptr(),
                c"-dict".as_ptr(),
                dictionary.as_ptr(),
                c"-samprate".as_ptr(),
                c"16000".as_ptr(),
                // Batch normalisation over the whole utterance: 73 % instead of 58 % of short words.
                c"-cmn".as_ptr(),
                c"batch".as_ptr(),
                // The yardstick for confidence needs no context of phones, and is 40 times faster so.
                c"-allphone_ci".as_ptr(),
                c"yes".as_ptr(),
                c"-logfn".as_ptr(),
                c"/dev/null".as_ptr(),
                ptr::null::<std::ffi::c_char>(),
            );
            if configuration.is_null() {
                return Err(SphinxError::Load);
            }
            let decoder = ffi::ps_init(configuration);
            ffi::cmd_ln_free_r(configuration);
            decoder
        };
        if decoder.is_null() {
            return Err(SphinxError::Load);
        }
        let sphinx = Self { decoder };
        // SAFETY: the decoder is alive and both are C strings.
        let set = unsafe { ffi::ps_set_allphone_file(decoder, PHONES.as_ptr(), phones.as_ptr()) };
        if set < 0 {
            Err(SphinxError::Load)
        } else {
            Ok(sphinx)
        }
    }

    /// Which sentence of `grammar` do the samples (16 kHz mono) hold? Words that the dictionary does
    /// not know are pronounced as flite would.
    pub(crate) fn recognize(
        &mut self,
        samples: &[i16],
        grammar: &Grammar,
        flite: &Flite,
    ) -> Result<Heard, SphinxError> {
        if grammar.is_empty() || samples.is_empty() {
            return Ok(Heard::Nothing);
        }
        for word in grammar.words() {
            self.learn(word, flite)?;
        }
        let jsgf = CString::new(grammar.jsgf())?;
        // SAFETY: the decoder is alive and both are C strings.
        if unsafe { ffi::ps_set_jsgf_string(self.decoder, CHOICES.as_ptr(), jsgf.as_ptr()) } < 0 {
            return Err(SphinxError::Grammar);
        }
        let Some(choice) = self.decode(CHOICES, samples)? else {
            return Ok(Heard::Nothing);
        };
        let anything = self.decode(PHONES, samples)?;
        let confidence = anything.map_or(0.0, |phones| confidence(&choice, &phones));
        Ok(Heard::Sentence {
            text: choice.text,
            confidence,
        })
    }

    /// Adds a word to the dictionary unless it is there.
    fn learn(&mut self, word: &str, flite: &Flite) -> Result<(), SphinxError> {
        let name = CString::new(word)?;
        // SAFETY: the decoder is alive, name is a C string; what look-up returns is null or ours.
        unsafe {
            let known = ffi::ps_lookup_word(self.decoder, name.as_ptr());
            if !known.is_null() {
                ffi::free(known.cast());
                return Ok(());
            }
        }
        // A word without any sound (of another script, say) gets one that nobody makes: it will not
        // be heard, and the rest of the grammar works.
        let phones = flite
            .pronounce(word)
            .unwrap_or_else(|| "ZH ZH ZH ZH".to_owned());
        let phones = CString::new(phones)?;
        // SAFETY: the decoder is alive and both are C strings.
        let id = unsafe { ffi::ps_add_word(self.decoder, name.as_ptr(), phones.as_ptr(), 1) };
        if id < 0 {
            Err(SphinxError::Grammar)
        } else {
            Ok(())
        }
    }

    fn decode(&mut self, search: &CStr, samples: &[i16]) -> Result<Option<Best>, SphinxError> {
        // SAFETY: the decoder is alive; samples are read during the call only; the hypothesis
        // belongs to the decoder until its next utterance and is copied before.
        unsafe {
            let started = ffi::ps_set_search(self.decoder, search.as_ptr()) >= 0
                && ffi::ps_start_utt(self.decoder) >= 0;
            if !started {
                return Err(SphinxError::Decode);
            }
            let processed =
                ffi::ps_process_raw(self.decoder, samples.as_ptr(), samples.len(), 0, 1);
            if ffi::ps_end_utt(self.decoder) < 0 || processed < 0 {
                return Err(SphinxError::Decode);
            }
            let mut score = 0;
            let text = ffi::ps_get_hyp(self.decoder, &raw mut score);
            let frames = ffi::ps_get_n_frames(self.decoder);
            if text.is_null() {
                return Ok(None);
            }
            let text = CStr::from_ptr(text).to_string_lossy().into_owned();
            Ok(Some(Best {
                text,
                score,
                frames,
            }))
        }
    }
}

impl Drop for Sphinx {
    fn drop(&mut self) {
        // SAFETY: the decoder is alive and nobody else has it.
        unsafe {
            ffi::ps_free(self.decoder);
        }
    }
}

/// The best path of one search.
struct Best {
    text: String,
    /// Log likelihood in units of pocketsphinx (base 1.0001, shifted).
    score: i32,
    /// 10 ms each.
    frames: i32,
}

/// How well the sentence explains the utterance compared with any sequence of phones: the difference
/// of the two log likelihoods a frame, through a logistic curve.
///
/// Measured on telephone audio of three flite voices: 24 sentences of a grammar lay between 7 and 28,
/// 17 of 18 other sentences between -15 and 0 (the last at 17). The curve has its middle between.
fn confidence(choice: &Best, phones: &Best) -> f32 {
    const MIDDLE: f32 = 3.0;
    const WIDTH: f32 = 5.0;
    let frames = choice.frames.max(1) as f32;
    let difference = (choice.score.saturating_sub(phones.score)) as f32 / frames;
    1.0 / (1.0 + ((MIDDLE - difference) / WIDTH).exp())
}

fn c_path(path: &Path) -> Result<CString, NulError> {
    CString::new(path.as_os_str().as_bytes())
}
