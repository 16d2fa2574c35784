//! The part of flite 2.2 that is used (`flite.h`, `cst_wave.h`, `cst_utterance.h`).

use std::ffi::{c_char, c_int, c_short};
use std::marker::{PhantomData, PhantomPinned};

macro_rules! opaque {
    ($($name:ident)*) => {$(
        #[repr(C)]
        pub(super) struct $name {
            _data: [u8; 0],
            _marker: PhantomData<(*mut u8, PhantomPinned)>,
        }
    )*};
}
opaque!(Voice Utterance Relation Item);

/// `struct cst_wave_struct`.
#[repr(C)]
pub(super) struct Wave {
    pub(super) kind: *const c_char,
    pub(super) sample_rate: c_int,
    pub(super) num_samples: c_int,
    pub(super) num_channels: c_int,
    pub(super) samples: *mut c_short,
}

#[link(name = "flite_cmu_us_slt")]
unsafe extern "C" {
    pub(super) fn register_cmu_us_slt(folder: *const c_char) -> *mut Voice;
}
#[link(name = "flite_cmu_us_rms")]
unsafe extern "C" {
    pub(super) fn register_cmu_us_rms(folder: *const c_char) -> *mut Voice;
}
#[link(name = "flite_cmu_us_awb")]
unsafe extern "C" {
    pub(super) fn register_cmu_us_awb(folder: *const c_char) -> *mut Voice;
}
#[link(name = "flite_cmu_us_kal16")]
unsafe extern "C" {
    pub(super) fn register_cmu_us_kal16(folder: *const c_char) -> *mut Voice;
}
#[link(name = "flite_usenglish")]
#[link(name = "flite_cmulex")]
#[link(name = "flite")]
unsafe extern "C" {
    pub(super) fn flite_init() -> c_int;
    pub(super) fn flite_text_to_wave(text: *const c_char, voice: *mut Voice) -> *mut Wave;
    pub(super) fn delete_wave(wave: *mut Wave);
    pub(super) fn flite_synth_text(text: *const c_char, voice: *mut Voice) -> *mut Utterance;
    pub(super) fn delete_utterance(utterance: *mut Utterance);
    pub(super) fn utt_relation(utterance: *const Utterance, name: *const c_char) -> *mut Relation;
    pub(super) fn relation_head(relation: *mut Relation) -> *mut Item;
    pub(super) fn item_next(item: *const Item) -> *mut Item;
    pub(super) fn item_feat_string(item: *const Item, name: *const c_char) -> *const c_char;
}
