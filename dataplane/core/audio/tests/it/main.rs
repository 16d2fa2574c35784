//! Facts about telephone audio.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod allocation;
mod conceal;
mod g711;
mod recording;
mod resample;
mod support;
mod tone;
mod vad;
