//! A network between a phone and the node: it carries their SIP and their media, takes time for the media, now more
//! and now less, and loses some of it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::task::{AbortHandle, JoinSet};

use crate::world::free_port;

/// What the network does to RTP.
#[derive(Clone, Copy)]
pub(crate) struct Weather {
    /// Of what the phone sends, each packet of this many is lost.
    pub(crate) lost_of_phone: u64,
    /// And of what the node sends.
    pub(crate) lost_of_node: u64,
    /// The way takes so long.
    pub(crate) one_way: Duration,
    /// And up to so much longer, each packet for itself: more than a packet time reorders.
    pub(crate) jitter: Duration,
}

/// By which socket datagrams go out now.
type Exit = Arc<Mutex<Arc<UdpSocket>>>;

/// One way: datagrams come in by a socket and go out by another.
#[derive(Clone)]
struct Way {
    by: Exit,
    /// Where they go; 0 until it is known.
    to: Arc<AtomicU64>,
    /// Each of so many is lost.
    every: Option<u64>,
    rtcp: bool,
    weather: Weather,
    lost: Arc<[AtomicU64; 2]>,
    whose: usize,
}

/// The network. **All ports have five digits, so that a message with other ports is as long as before.**
pub(crate) struct Relay {
    /// What the phone dials.
    pub(crate) sip: SocketAddr,
    /// RTP packets of the phone, and of the node, that were lost.
    pub(crate) lost: Arc<[AtomicU64; 2]>,
    /// The ports from which RTP of the phone goes to the node, and RTP of the node to the phone.
    pub(crate) rtp: [u16; 2],
    /// RTP and RTCP of the phone on their way to the node, and back.
    media: [Media; 2],
    ways: JoinSet<()>,
}

/// Datagrams of one kind, both ways.
struct Media {
    /// Where those of the phone go out.
    exit: Exit,
    /// What carries those of the node that come to there.
    back: AbortHandle,
    /// How they go on.
    outward: Way,
}

/// Sockets towards one side: SIP, RTP and RTCP.
struct Side {
    sip: Arc<UdpSocket>,
    rtp: Arc<UdpSocket>,
    rtcp: Arc<UdpSocket>,
}

async fn bind(port: u16) -> Arc<UdpSocket> {
    Arc::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).await.unwrap())
}

fn port_of(socket: &UdpSocket) -> u16 {
    socket.local_addr().unwrap().port()
}

impl Side {
    async fn new() -> Self {
        let (sip, media) = (free_port(), free_port());
        Self {
            sip: bind(sip).await,
            rtp: bind(media).await,
            rtcp: bind(media + 1).await,
        }
    }
}

impl Relay {
    /// Between the phone whose SIP is at `phone` and the node whose SIP is at `node`.
    pub(crate) async fn start(phone: SocketAddr, node: SocketAddr, weather: Weather) -> Self {
        let (front, back) = (Side::new().await, Side::new().await);
        let sip = front.sip.local_addr().unwrap();
        let lost = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
        let mut ways = JoinSet::new();
        let (media_of_phone, media_of_node) = (Arc::default(), Arc::default());
        let media = [false, true].map(|rtcp| {
            let of = |side: &Side| Arc::clone(if rtcp { &side.rtcp } else { &side.rtp });
            let every = |lost| (!rtcp).then_some(lost);
            let exit: Exit = Arc::new(Mutex::new(of(&back)));
            let inward = Way {
                by: Arc::clone(&exit),
                to: Arc::clone(&media_of_node),
                every: every(weather.lost_of_phone),
                rtcp,
                weather,
                lost: Arc::clone(&lost),
                whose: 0,
            };
            let outward = Way {
                by: Arc::new(Mutex::new(of(&front))),
                to: Arc::clone(&media_of_phone),
                every: every(weather.lost_of_node),
                whose: 1,
                ..inward.clone()
            };
            ways.spawn(inward.carry(of(&front)));
            let back = ways.spawn(outward.clone().carry(of(&back)));
            Media {
                exit,
                back,
                outward,
            }
        });
        let (fp, bp) = (port_of(&front.sip), port_of(&back.sip));
        let towards_node = [(phone.port(), bp), (fp, node.port())];
        let towards_phone = [(bp, phone.port()), (node.port(), fp)];
        let (front_media, back_media) = (port_of(&front.rtp), port_of(&back.rtp));
        ways.spawn(signal(
            (Arc::clone(&front.sip), Arc::clone(&back.sip), node),
            towards_node,
            media_of_phone,
            back_media,
        ));
        ways.spawn(signal(
            (back.sip, front.sip, phone),
            towards_phone,
            media_of_node,
            front_media,
        ));
        Self {
            sip,
            lost,
            rtp: [back_media, front_media],
            media,
            ways,
        }
    }

    /// From now on media of the phone comes to the node from other ports, as a NAT does that has forgotten the phone;
    /// what goes to those of before is lost.
    pub(crate) async fn rebind(&mut self) {
        let first = free_port();
        for (media, port) in self.media.iter_mut().zip(first..) {
            let socket = bind(port).await;
            media.back.abort();
            let outward = media.outward.clone();
            media.back = self.ways.spawn(outward.carry(Arc::clone(&socket)));
            *media.exit.lock().unwrap() = socket;
        }
    }

    /// RTP packets of the phone that were lost.
    pub(crate) fn lost_of_phone(&self) -> u64 {
        self.lost[0].load(Ordering::Relaxed)
    }
}

impl Way {
    async fn carry(self, from: Arc<UdpSocket>) {
        let mut buffer = [0; 2_048];
        let mut count = 0;
        // Looks random, and is the same in each run.
        let mut random = 0x9E37_79B9_7F4A_7C15_u64;
        while let Ok((length, _)) = from.recv_from(&mut buffer).await {
            count += 1;
            if self.every.is_some_and(|every| count % every == 0) {
                self.lost[self.whose].fetch_add(1, Ordering::Relaxed);
                continue;
            }
            let media = self.to.load(Ordering::Relaxed) as u16;
            let to = SocketAddr::from((Ipv4Addr::LOCALHOST, media + u16::from(self.rtcp)));
            let (by, datagram) = (
                Arc::clone(&self.by.lock().unwrap()),
                buffer[..length].to_vec(),
            );
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let share = (random >> 40) as f64 / (1_u64 << 24) as f64;
            let takes = self.weather.one_way + self.weather.jitter.mul_f64(share);
            tokio::spawn(async move {
                tokio::time::sleep(takes).await;
                let _ = by.send_to(&datagram, to).await;
            });
        }
    }
}

/// Carries SIP one way: other ports in the addresses, and in SDP the relay's own for media.
async fn signal(
    (from, by, to): (Arc<UdpSocket>, Arc<UdpSocket>, SocketAddr),
    addresses: [(u16, u16); 2],
    media: Arc<AtomicU64>,
    media_here: u16,
) {
    let mut buffer = [0; 8_192];
    while let Ok((length, _)) = from.recv_from(&mut buffer).await {
        let mut text = String::from_utf8_lossy(&buffer[..length]).into_owned();
        for (old, new) in addresses {
            assert!(old >= 10_000 && new >= 10_000, "{old} {new}");
            text = text.replace(&format!(":{old}"), &format!(":{new}"));
        }
        if let Some(there) = media_port(&text) {
            media.store(u64::from(there), Ordering::Relaxed);
            for more in 0..2 {
                let (old, new) = (there + more, media_here + more);
                text = text.replace(&format!(" {old} "), &format!(" {new} "));
                text = text.replace(&format!("rtcp:{old}"), &format!("rtcp:{new}"));
            }
        }
        let _ = by.send_to(text.as_bytes(), to).await;
    }
}

fn media_port(text: &str) -> Option<u16> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("m=audio "))?;
    line.split(' ').next()?.parse().ok()
}
