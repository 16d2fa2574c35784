//! Sockets for SIP and RTP.
//!
//! [`sip::bind`] starts the task that owns a [`callplane_sip::UserAgent`] with its UDP and TCP
//! sockets; the [`sip::SipHandle`] it gives places calls, and the receiver beside it gives the
//! calls that come in. [`rtp::PortPool`] hands out pairs of bound RTP and RTCP sockets.

#![forbid(unsafe_code)]

pub mod rtp;
pub mod sip;
