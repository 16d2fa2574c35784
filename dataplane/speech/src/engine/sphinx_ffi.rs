//! The part of pocketsphinx 5prealpha that is used (`pocketsphinx.h`, `ps_search.h`, `cmd_ln.h`).

use std::ffi::{c_char, c_int, c_long, c_void};
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
opaque!(Decoder Configuration ArgumentDefinition);

#[link(name = "sphinxbase")]
unsafe extern "C" {
    /// Takes pairs of C strings after `strict`, ended by a null pointer.
    pub(super) fn cmd_ln_init(
        merge_into: *mut Configuration,
        definitions: *const ArgumentDefinition,
        strict: c_int,
        ...
    ) -> *mut Configuration;
    pub(super) fn cmd_ln_free_r(configuration: *mut Configuration) -> c_int;
}
#[link(name = "pocketsphinx")]
unsafe extern "C" {
    pub(super) fn ps_args() -> *const ArgumentDefinition;
    pub(super) fn ps_init(configuration: *mut Configuration) -> *mut Decoder;
    pub(super) fn ps_free(decoder: *mut Decoder) -> c_int;
    pub(super) fn ps_lookup_word(decoder: *mut Decoder, word: *const c_char) -> *mut c_char;
    pub(super) fn ps_add_word(
        decoder: *mut Decoder,
        word: *const c_char,
        phones: *const c_char,
        update: c_int,
    ) -> c_int;
    pub(super) fn ps_set_jsgf_string(
        decoder: *mut Decoder,
        name: *const c_char,
        grammar: *const c_char,
    ) -> c_int;
    pub(super) fn ps_set_allphone_file(
        decoder: *mut Decoder,
        name: *const c_char,
        path: *const c_char,
    ) -> c_int;
    pub(super) fn ps_set_search(decoder: *mut Decoder, name: *const c_char) -> c_int;
    pub(super) fn ps_start_utt(decoder: *mut Decoder) -> c_int;
    pub(super) fn ps_process_raw(
        decoder: *mut Decoder,
        samples: *const i16,
        count: usize,
        no_search: c_int,
        full_utterance: c_int,
    ) -> c_int;
    pub(super) fn ps_end_utt(decoder: *mut Decoder) -> c_int;
    pub(super) fn ps_get_hyp(decoder: *mut Decoder, score: *mut i32) -> *const c_char;
    pub(super) fn ps_get_n_frames(decoder: *mut Decoder) -> c_int;
}
unsafe extern "C" {
    /// Frees what ps_lookup_word returned.
    pub(super) fn free(pointer: *mut c_void);
}
const _: () = assert!(
    size_of::<c_long>() == 8,
    "the declarations are for 64-bit systems"
);
