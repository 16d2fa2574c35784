//! Facts about telephone audio.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod allocation;
mod comfort_noise;
mod conceal;
mod drift;
mod dtmf;
mod dtmf_talk_off;
mod g711;
mod g722;
mod libopus;
mod ogg_opus;
mod opus;
mod opus_packet;
mod rate;
mod recording;
mod resample;
mod support;
mod tone;
mod vad;
