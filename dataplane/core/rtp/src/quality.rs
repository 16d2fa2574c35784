//! How good a call sounds: a transport-only E-model.
//!
//! ITU-T G.107 computes a rating R from everything between mouth and ear. What RTP knows is loss
//! and delay, so all other parameters keep their defaults, which gives R = 93.2 for a perfect line:
//!
//! ```text
//! R   = 93.2 - Id - Ie,eff
//! Id  = 0.024 d + 0.11 (d - 177.3) H(d - 177.3)      d: one-way delay in ms (Cole & Rosenbluth)
//! Ie,eff = 95 Ppl / (Ppl + Bpl)                      Ppl: loss in %, Ie = 0 for G.711 (G.107 7-29)
//! MOS = 1 + 0.035 R + R (R - 60) (100 - R) 7e-6      (G.107 annex B)
//! ```
//!
//! Bpl = 25.1 is G.113 appendix I for G.711 with the concealment of appendix I, under random loss.

use std::time::Duration;

const R_DEFAULT: f64 = 93.2;
const BPL_G711_PLC: f64 = 25.1;

/// The rating R, 0 to 93.2, from the part of the packets lost (0 to 1) and the one-way delay from
/// mouth to ear.
#[must_use]
pub fn rating(loss: f64, delay: Duration) -> f64 {
    let percent = loss.clamp(0.0, 1.0) * 100.0;
    let delay = delay.as_secs_f64() * 1000.0;
    let impairment_delay = 0.024 * delay + 0.11 * (delay - 177.3).max(0.0);
    let impairment_loss = 95.0 * percent / (percent + BPL_G711_PLC);
    (R_DEFAULT - impairment_delay - impairment_loss).clamp(0.0, R_DEFAULT)
}

/// The mean opinion score, 1 (bad) to 4.4 (as good as a telephone gets).
#[must_use]
pub fn mos(loss: f64, delay: Duration) -> f64 {
    let r = rating(loss, delay);
    (1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6).max(1.0)
}
