//! Browsers by str0m, many on one thread: each offers Opus, speaks four seconds of ten, and listens.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};
use callplane_e2e::until;
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::media::{Direction, MediaKind, Mid, Pt};
use str0m::net::{Protocol, Receive};
use str0m::rtp::RtpWrite;
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};

const SLOTS: usize = 8;
const SLOT: Duration = Duration::from_micros(2_500);
/// Frames of a round: 10 s, of which the voice has its four.
const ROUND: usize = 500;
/// Samples of Opus in 20 ms, by its RTP clock.
const STEP: u32 = 960;
/// A packet of Opus that says silence: fullband, 20 ms, nothing coded.
const SILENCE: [u8; 3] = [0xF8, 0xFF, 0xFE];

/// A browser whose offer waits for its answer.
pub(crate) struct Offering {
    browser: Browser,
    pending: SdpPendingOffer,
    pub(crate) offer: String,
}

/// One browser.
pub(crate) struct Browser {
    rtc: Rtc,
    socket: UdpSocket,
    address: SocketAddr,
    mid: Mid,
    payload_type: Option<Pt>,
    voice: Arc<[Vec<u8>]>,
    /// Frames said, from a place in the round of its own.
    frame: usize,
    sequence: u64,
    connected: bool,
}

impl Offering {
    /// A browser whose address is `ip`.
    pub(crate) fn new(ip: IpAddr, number: usize, voice: &Arc<[Vec<u8>]>) -> Result<Self> {
        let socket = UdpSocket::bind((ip, 0))?;
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        let config = RtcConfig::new()
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_opus(true, false);
        let mut rtc = config.build(Instant::now());
        rtc.add_local_candidate(Candidate::host(address, "udp")?);
        let mut changes = rtc.sdp_api();
        let mid = changes.add_media(MediaKind::Audio, Direction::SendRecv, None, None, None);
        let (offer, pending) = changes.apply().context("a change was made")?;
        Ok(Self {
            browser: Browser {
                rtc,
                socket,
                address,
                mid,
                payload_type: None,
                voice: Arc::clone(voice),
                frame: number * 37 % ROUND,
                sequence: 1,
                connected: false,
            },
            pending,
            offer: offer.to_sdp_string(),
        })
    }

    pub(crate) fn accept(self, answer: &str) -> Result<Browser> {
        let Self {
            mut browser,
            pending,
            ..
        } = self;
        let answer = SdpAnswer::from_sdp_string(answer)?;
        browser.rtc.sdp_api().accept_answer(pending, answer)?;
        let agreed = browser
            .rtc
            .media(browser.mid)
            .context("the answer has no audio")?
            .remote_pts();
        browser.payload_type = agreed.first().copied();
        ensure!(browser.payload_type.is_some(), "the answer has no codec");
        Ok(browser)
    }
}

impl Browser {
    /// 20 ms.
    fn frame(&mut self, seen: &Seen) -> Result<()> {
        let mut buffer = [0; 2_000];
        while let Ok((length, from)) = self.socket.recv_from(&mut buffer) {
            let received = Receive::new(Protocol::Udp, from, self.address, &buffer[..length])?;
            self.rtc
                .handle_input(Input::Receive(Instant::now(), received))?;
            self.drain(seen)?;
        }
        self.speak()?;
        self.rtc.handle_input(Input::Timeout(Instant::now()))?;
        self.drain(seen)
    }

    fn speak(&mut self) -> Result<()> {
        let Some(payload_type) = self.payload_type.filter(|_| self.connected) else {
            return Ok(());
        };
        let said = self
            .voice
            .get(self.frame % ROUND)
            .map_or(&SILENCE[..], Vec::as_slice);
        let timestamp = (self.sequence as u32).wrapping_mul(STEP);
        let write = RtpWrite::new(
            payload_type,
            self.sequence.into(),
            timestamp,
            Instant::now(),
            said,
        );
        (self.frame, self.sequence) = (self.frame + 1, self.sequence + 1);
        let mut api = self.rtc.direct_api();
        api.stream_tx_by_mid(self.mid, None)
            .context("no stream")?
            .write_rtp(write);
        Ok(())
    }

    fn drain(&mut self, seen: &Seen) -> Result<()> {
        loop {
            match self.rtc.poll_output()? {
                Output::Timeout(_) => return Ok(()),
                Output::Transmit(sent) => {
                    // What is lost shows in what comes.
                    let _ = self.socket.send_to(&sent.contents, sent.destination);
                }
                Output::Event(Event::Connected) => {
                    self.connected = true;
                    seen.connected.fetch_add(1, Ordering::Relaxed);
                }
                Output::Event(Event::RtpPacket(_)) => {
                    seen.received.fetch_add(1, Ordering::Relaxed);
                }
                Output::Event(_) => {}
            }
        }
    }
}

#[derive(Debug, Default)]
struct Seen {
    connected: AtomicU64,
    received: AtomicU64,
}

/// Browsers that are in calls. Dropping ends the thread.
pub(crate) struct Browsers {
    seen: Arc<Seen>,
    stop: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<Result<()>>>,
}

impl Browsers {
    pub(crate) fn start(mut browsers: Vec<Browser>) -> Self {
        let (seen, stop) = (Arc::<Seen>::default(), Arc::<AtomicBool>::default());
        let (counts, stopped) = (Arc::clone(&seen), Arc::clone(&stop));
        let thread = thread::spawn(move || {
            let (mut slot, mut due) = (0, Instant::now());
            while !stopped.load(Ordering::Relaxed) {
                for browser in browsers.iter_mut().skip(slot).step_by(SLOTS) {
                    browser.frame(&counts)?;
                }
                slot = (slot + 1) % SLOTS;
                due += SLOT;
                thread::sleep(due.saturating_duration_since(Instant::now()));
            }
            Ok(())
        });
        Self {
            seen,
            stop,
            thread: Some(thread),
        }
    }

    pub(crate) async fn until_connected(&self, count: usize) -> Result<()> {
        until(
            "the browsers are connected",
            Duration::from_secs(60),
            async || {
                Ok((self.seen.connected.load(Ordering::Relaxed) >= count as u64).then_some(()))
            },
        )
        .await
    }

    /// Packets that came.
    pub(crate) fn received(&self) -> u64 {
        self.seen.received.load(Ordering::Relaxed)
    }

    pub(crate) async fn stop(mut self) -> Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        let thread = self.thread.take().context("stopped twice")?;
        tokio::task::spawn_blocking(move || thread.join())
            .await?
            .map_err(|_| anyhow!("the browsers panicked"))?
    }
}

impl Drop for Browsers {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
