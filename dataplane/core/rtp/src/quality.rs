//! How good a call sounds: a transport-only E-model.
//!
//! ITU-T G.107 computes a rating R from everything between mouth and ear. What RTP knows is loss
//! and delay, so all other parameters keep their defaults, which gives R = 93.2 for a perfect line:
//!
//! ```text
//! R   = 93.2 - Id - Ie,eff
//! Id  = 0.024 d + 0.11 (d - 177.3) H(d - 177.3)      d: one-way delay in ms (Cole & Rosenbluth)
//! Ie,eff = Ie + (95 - Ie) Ppl / (Ppl + Bpl)          Ppl: loss in %, at random (G.107 7-29)
//! MOS = 1 + 0.035 R + R (R - 60) (100 - R) 7e-6      (G.107 annex B)
//! ```
//!
//! The scale is that of the narrowband telephone for every codec, so that calls compare: one in a
//! wideband codec is not rated above one in G.711 that lost nothing.

use std::time::Duration;

const R_DEFAULT: f64 = 93.2;

/// What a codec costs (G.113 appendix I).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Impairment {
    /// Ie: what is lost with no packet missing.
    pub equipment: f64,
    /// Bpl: how well missing packets are borne; more is better.
    pub robustness: f64,
}

impl Impairment {
    /// G.711 with concealment (G.113 appendix I: Ie 0, Bpl 25.1). Also for G.722, whose losses the same
    /// concealment fills: G.113 has no values of it for the narrowband scale.
    pub const G711: Self = Self {
        equipment: 0.0,
        robustness: 25.1,
    };
    /// Opus. G.113 has no values; at the bit rates of calls it is transparent for a telephone's band,
    /// and its concealment is taken to be as good as that of G.711. What its FEC brought again is not
    /// lost.
    pub const OPUS: Self = Self::G711;

    /// Of a codec by its encoding name in SDP. One that is not known counts as G.711.
    #[must_use]
    pub fn of(codec: &str) -> Self {
        match codec.eq_ignore_ascii_case("opus") {
            true => Self::OPUS,
            false => Self::G711,
        }
    }
}

/// The rating R, 0 to 93.2, from the part of the packets lost (0 to 1) and the one-way delay from
/// mouth to ear.
#[must_use]
pub fn rating(codec: Impairment, loss: f64, delay: Duration) -> f64 {
    let percent = loss.clamp(0.0, 1.0) * 100.0;
    let delay = delay.as_secs_f64() * 1000.0;
    let impairment_delay = 0.024 * delay + 0.11 * (delay - 177.3).max(0.0);
    let Impairment {
        equipment,
        robustness,
    } = codec;
    let impairment_loss = equipment + (95.0 - equipment) * percent / (percent + robustness);
    (R_DEFAULT - impairment_delay - impairment_loss).clamp(0.0, R_DEFAULT)
}

/// The mean opinion score of a rating, 1 (bad) to 4.4 (as good as a telephone gets).
#[must_use]
pub fn mos(rating: f64) -> f64 {
    let r = rating.clamp(0.0, R_DEFAULT);
    (1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6).max(1.0)
}
