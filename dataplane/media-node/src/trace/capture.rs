//! A capture: what is on the wire of one call, while somebody takes it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use callplane_call::{mask_rtcp, mask_rtp};
use callplane_sip::{Heading, Traced, mask};
use callplane_transport::sip::Seen;
use callplane_types::{CallId, Instant};
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::time::sleep_until;
use tokio_util::sync::CancellationToken;

use super::pcap::Packet;
use super::{RunningCall, Traces};
use crate::media::MediaInput;

/// Packets that wait to be taken: ten seconds of a call. More are left out.
const WAITING: usize = 1_024;
/// What follows the end of a call: the answer to a BYE.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What others may see of packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Masking {
    /// Neither numbers nor names, keys, bodies and sound.
    Masked,
    /// All.
    Unmasked,
}

/// Why there is no capture of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CaptureError {
    /// It does not go on here.
    NotRunning,
    /// A browser's: its packets never come to the sockets of a call.
    Browser,
    /// There is one already.
    Running,
}

/// Where packets go. Cheap to clone.
#[derive(Debug, Clone)]
struct Outlet {
    packets: mpsc::Sender<Packet>,
    left_out: Arc<AtomicU64>,
}

impl Outlet {
    /// Whether anybody is there to take more.
    fn put(&self, packet: Packet) -> bool {
        match self.packets.try_send(packet) {
            Ok(()) => true,
            Err(TrySendError::Full(_)) => {
                self.left_out.fetch_add(1, Ordering::Relaxed);
                true
            }
            Err(TrySendError::Closed(_)) => false,
        }
    }
}

/// The part of a capture on a media thread. **It never waits, and is over by itself.**
#[derive(Debug)]
pub(crate) struct Tap {
    outlet: Outlet,
    masking: Masking,
    until: Instant,
    /// Our address, as others know it.
    address: IpAddr,
}

/// Which port of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Channel {
    Rtp,
    Rtcp,
}

/// A datagram that the media thread has before it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Datagram<'a> {
    pub(crate) channel: Channel,
    pub(crate) heading: Heading,
    /// Our port.
    pub(crate) port: u16,
    pub(crate) peer: SocketAddr,
    pub(crate) octets: &'a [u8],
}

impl Tap {
    /// Takes a copy; false when the capture is over and the tap can go.
    pub(crate) fn take(&self, now: Instant, datagram: Datagram<'_>) -> bool {
        if now >= self.until {
            return false;
        }
        let Datagram {
            channel,
            heading,
            port,
            peer,
            octets,
        } = datagram;
        let mut octets = octets.to_vec();
        match (self.masking, channel) {
            (Masking::Unmasked, _) => {}
            (Masking::Masked, Channel::Rtp) => mask_rtp(&mut octets),
            (Masking::Masked, Channel::Rtcp) => mask_rtcp(&mut octets),
        }
        let here = SocketAddr::new(self.address, port);
        self.outlet
            .put(packet(SystemTime::now(), heading, here, peer, octets))
    }
}

/// The part of a capture that sees SIP.
#[derive(Debug)]
pub(super) struct SipTap {
    outlet: Outlet,
    masking: Masking,
    sip_call_id: Bytes,
    here: SocketAddr,
}

impl SipTap {
    pub(super) fn is_of(&self, message: &Traced) -> bool {
        message.call_id == self.sip_call_id
    }

    pub(super) fn message(&self, seen: &Seen) {
        let Traced {
            heading,
            peer,
            ref bytes,
            ..
        } = seen.message;
        let mut octets = bytes.to_vec();
        if self.masking == Masking::Masked {
            mask(&mut octets);
        }
        self.outlet
            .put(packet(seen.at, heading, self.here, peer, octets));
    }
}

fn packet(
    at: SystemTime,
    heading: Heading,
    here: SocketAddr,
    peer: SocketAddr,
    octets: Vec<u8>,
) -> Packet {
    let (from, to) = match heading {
        Heading::Received => (peer, here),
        Heading::Sent => (here, peer),
    };
    Packet {
        at,
        from,
        to,
        octets,
    }
}

/// A capture that runs. Dropping it ends it.
pub(crate) struct Capture {
    traces: Traces,
    call: CallId,
    packets: mpsc::Receiver<Packet>,
    left_out: Arc<AtomicU64>,
    until: tokio::time::Instant,
    over: CancellationToken,
    /// The call is over, and what follows it is waited for.
    ending: bool,
}

impl Traces {
    /// Begins to capture a call for `time`; `now` and `sip` are the node's.
    pub(crate) async fn capture(
        &self,
        call: CallId,
        (now, time): (Instant, Duration),
        masking: Masking,
        sip: SocketAddr,
    ) -> Result<Capture, CaptureError> {
        let (packets, taken) = mpsc::channel(WAITING);
        let outlet = Outlet {
            packets,
            left_out: Arc::default(),
        };
        let left_out = Arc::clone(&outlet.left_out);
        let (media, over) = self.enter(call, outlet.clone(), masking, sip)?;
        let capture = Capture {
            traces: self.clone(),
            call,
            packets: taken,
            left_out,
            until: tokio::time::Instant::now() + time,
            over,
            ending: false,
        };
        let tap = Tap {
            outlet,
            masking,
            until: now + time,
            address: sip.ip(),
        };
        media.capture(Box::new(tap)).await;
        Ok(capture)
    }

    fn enter(
        &self,
        call: CallId,
        outlet: Outlet,
        masking: Masking,
        here: SocketAddr,
    ) -> Result<(MediaInput, CancellationToken), CaptureError> {
        let mut inner = self.lock();
        if inner.captures.contains_key(&call) {
            return Err(CaptureError::Running);
        }
        let Some(RunningCall {
            sip_call_id,
            media,
            over,
        }) = inner.running.get(&call)
        else {
            return Err(CaptureError::NotRunning);
        };
        let Some(sip_call_id) = sip_call_id.clone() else {
            return Err(CaptureError::Browser);
        };
        let entered = (media.clone(), over.clone());
        let tap = SipTap {
            outlet,
            masking,
            sip_call_id,
            here,
        };
        inner.captures.insert(call, tap);
        Ok(entered)
    }
}

impl Capture {
    /// The next packet; `None` when the time or the call is over.
    pub(crate) async fn next(&mut self) -> Option<Packet> {
        loop {
            if !self.ending && self.over.is_cancelled() {
                self.ending = true;
                self.until = self.until.min(tokio::time::Instant::now() + LAST_WORDS);
            }
            tokio::select! {
                packet = self.packets.recv() => return packet,
                () = sleep_until(self.until) => return self.rest(),
                () = self.over.cancelled(), if !self.ending => {}
            }
        }
    }

    /// What came within the time and was not taken yet.
    fn rest(&mut self) -> Option<Packet> {
        self.packets.close();
        self.packets.try_recv().ok()
    }

    /// Packets that there was no room for so far.
    pub(crate) fn left_out(&self) -> u64 {
        self.left_out.load(Ordering::Relaxed)
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.traces.lock().captures.remove(&self.call);
    }
}
