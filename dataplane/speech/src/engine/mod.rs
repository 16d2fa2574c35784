//! The two engines behind safe types. Nothing outside this folder is `unsafe`.

mod flite;
mod flite_ffi;
mod sphinx;
mod sphinx_ffi;
mod stdout;

pub(crate) use flite::{Flite, UnknownVoice};
pub(crate) use sphinx::{Heard, Sphinx};
pub(crate) use stdout::take_stdout;
