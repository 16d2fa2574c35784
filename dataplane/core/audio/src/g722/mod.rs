//! ITU-T G.722: 7 kHz speech in 64 kbit/s.
//!
//! A quadrature mirror filter splits 16 kHz into two bands at 8 kHz each; sub-band ADPCM makes six
//! bits of the lower and two of the higher one, together an octet for each two samples. RTP sends it
//! as payload type 9 with a clock of 8000 (RFC 3551 section 4.5.2): 160 octets, 160 ticks and 320
//! samples are 20 ms. The arithmetic is that of G.722 clause 6, bit by bit.

mod arithmetic;
mod decoder;
mod encoder;
mod high_band;
mod low_band;
mod mode;
mod predictor;
mod qmf;
mod scale;

pub use decoder::G722Decoder;
pub use encoder::G722Encoder;
pub use mode::G722Mode;
