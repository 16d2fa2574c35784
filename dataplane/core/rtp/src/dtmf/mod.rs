//! Digits as telephone events (RFC 4733).

mod digit;
mod event;
mod receive;
mod send;

pub use digit::{Digit, InvalidDigit};
pub use event::Event;
pub use receive::{DigitEvent, DigitReceiver};
pub use send::{DigitSender, EventPacket, QueueFull};
