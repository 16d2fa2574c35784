//! Two user agents in virtual time, with a link between them that loses, doubles and delays.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use callplane_sip::{
    Command, Config, ConnectionId, Ending, Event, Input, Instant, InviteRequest, NameAddr, NextHop,
    Output, Path, SessionId, Transport, Uri, UserAgent,
};

/// The agent that calls.
pub(crate) const ALICE: usize = 0;
/// The agent that is called.
pub(crate) const BOB: usize = 1;

pub(crate) const OFFER: &[u8] = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\n";
pub(crate) const ANSWER: &[u8] = b"v=0\r\no=- 2 1 IN IP4 192.0.2.2\r\n";

type Filter = Box<dyn FnMut(usize, &str) -> bool>;

/// What the link does to datagrams.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Weather {
    /// Of 100 datagrams so many are lost.
    pub(crate) loss: u64,
    /// Of 100 datagrams so many come twice.
    pub(crate) doubled: u64,
    /// The longest delay beyond the least, which reorders.
    pub(crate) jitter: Duration,
}

pub(crate) struct Link {
    pub(crate) now: Instant,
    pub(crate) agents: [UserAgent; 2],
    weather: Weather,
    random: u64,
    in_flight: BTreeMap<(Instant, u64), (usize, Input)>,
    serial: u64,
    /// Drops what it returns true for: (sender, text).
    pub(crate) lose: Option<Filter>,
    /// Events not taken yet, in order.
    pub(crate) events: Vec<(usize, SessionId, Event)>,
    /// Every message sent, lost ones included: (time, sender, text).
    pub(crate) sent: Vec<(Instant, usize, String)>,
    connections: HashMap<(usize, ConnectionId), (usize, ConnectionId)>,
    accepted: u64,
}

pub(crate) fn address(who: usize) -> SocketAddr {
    [
        "192.0.2.1:5060".parse().unwrap(),
        "192.0.2.2:5060".parse().unwrap(),
    ][who]
}

impl Link {
    pub(crate) fn new(seed: u64, weather: Weather) -> Self {
        println!("seed {seed}, {weather:?}");
        let agent = |who: usize| {
            let mut bytes = [u8::try_from(who).unwrap(); 32];
            bytes[..8].copy_from_slice(&seed.to_be_bytes());
            UserAgent::new(Config::new(address(who)), bytes)
        };
        Self {
            now: Instant::from_origin(Duration::from_secs(1_000)),
            agents: [agent(ALICE), agent(BOB)],
            weather,
            random: seed,
            in_flight: BTreeMap::new(),
            serial: 0,
            lose: None,
            events: Vec::new(),
            sent: Vec::new(),
            connections: HashMap::new(),
            accepted: 0,
        }
    }

    pub(crate) fn calm() -> Self {
        Self::new(1, Weather::default())
    }

    pub(crate) fn replace_agent(&mut self, who: usize, config: Config) {
        self.agents[who] = UserAgent::new(config, [9; 32]);
    }

    /// SplitMix64.
    pub(crate) fn random(&mut self, below: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below.max(1)
    }

    pub(crate) fn call(&mut self, call_id: &str) -> SessionId {
        self.call_by(call_id, Transport::Udp)
    }

    pub(crate) fn call_by(&mut self, call_id: &str, transport: Transport) -> SessionId {
        let mut request = invite(call_id);
        request.next_hop.transport = transport;
        self.place(request)
    }

    pub(crate) fn place(&mut self, request: InviteRequest) -> SessionId {
        let session = self.agents[ALICE].invite(self.now, request).unwrap();
        self.collect(ALICE);
        session
    }

    pub(crate) fn command(&mut self, who: usize, session: SessionId, command: Command) {
        self.input(who, Input::Command { session, command });
    }

    pub(crate) fn answer(&mut self, session: SessionId) {
        let sdp = Bytes::from_static(ANSWER);
        self.command(BOB, session, Command::Answer { sdp });
    }

    pub(crate) fn input(&mut self, who: usize, input: Input) {
        self.agents[who].handle(self.now, input);
        self.collect(who);
    }

    /// Puts a datagram before an agent, as if from `source`.
    pub(crate) fn inject(&mut self, who: usize, source: SocketAddr, text: &[u8]) {
        let bytes = Bytes::copy_from_slice(text);
        self.input(who, Input::Datagram { source, bytes });
    }

    /// A call that Bob has answered and Alice acknowledged: (her session, his).
    pub(crate) fn established(&mut self) -> (SessionId, SessionId) {
        let hers = self.call("call-1");
        let his = self.incoming();
        self.answer(his);
        self.expect(ALICE, hers, |event| matches!(event, Event::Answered { .. }));
        self.expect(BOB, his, |event| {
            matches!(event, Event::Acknowledged { .. })
        });
        (hers, his)
    }

    /// Waits until Bob has an INVITE.
    pub(crate) fn incoming(&mut self) -> SessionId {
        self.wait(|who, _, event| who == BOB && matches!(event, Event::Incoming(_)))
            .0
    }

    pub(crate) fn expect(
        &mut self,
        who: usize,
        session: SessionId,
        want: impl Fn(&Event) -> bool,
    ) -> Event {
        self.wait(|have, id, event| have == who && id == session && want(event))
            .1
    }

    pub(crate) fn ending(&mut self, who: usize, session: SessionId) -> Ending {
        match self.expect(who, session, |event| matches!(event, Event::Ended(_))) {
            Event::Ended(ending) => ending,
            other => panic!("{other:?}"),
        }
    }

    /// Runs until a matching event comes and takes it.
    pub(crate) fn wait(
        &mut self,
        want: impl Fn(usize, SessionId, &Event) -> bool,
    ) -> (SessionId, Event) {
        let limit = self.now + Duration::from_secs(400);
        loop {
            let found = self.events.iter().position(|(w, s, e)| want(*w, *s, e));
            if let Some(at) = found {
                let (_, session, event) = self.events.remove(at);
                return (session, event);
            }
            assert!(
                self.now < limit && self.step(),
                "the event never came; have {:?}",
                self.events
            );
        }
    }

    /// Runs until nothing is in flight and no timer is left.
    pub(crate) fn settle(&mut self) {
        let limit = self.now + Duration::from_secs(1_000);
        while self.step() {
            assert!(self.now < limit, "timers never end");
        }
    }

    pub(crate) fn run_for(&mut self, time: Duration) {
        let until = self.now + time;
        while self.next_time().is_some_and(|at| at <= until) {
            self.step();
        }
        self.now = until;
    }

    /// The messages of one sender that begin with `start`.
    pub(crate) fn count(&self, who: usize, start: &str) -> usize {
        self.sent
            .iter()
            .filter(|(_, from, text)| *from == who && text.starts_with(start))
            .count()
    }

    pub(crate) fn times(&self, who: usize, start: &str) -> Vec<Duration> {
        let mut matching = self
            .sent
            .iter()
            .filter(|(_, from, text)| *from == who && text.starts_with(start))
            .map(|(at, ..)| *at);
        let Some(first) = matching.next() else {
            return Vec::new();
        };
        std::iter::once(Duration::ZERO)
            .chain(matching.map(|at| at - first))
            .collect()
    }

    pub(crate) fn assert_forgotten(&self) {
        for agent in &self.agents {
            assert_eq!(agent.session_count(), 0, "sessions left");
            assert_eq!(agent.transaction_count(), 0, "transactions left");
            assert_eq!(agent.next_timeout(), None, "timers left");
        }
    }

    fn next_time(&self) -> Option<Instant> {
        let flight = self.in_flight.first_key_value().map(|((at, _), _)| *at);
        let timers = self.agents.iter().filter_map(UserAgent::next_timeout);
        flight.into_iter().chain(timers).min()
    }

    fn step(&mut self) -> bool {
        let Some(at) = self.next_time() else {
            return false;
        };
        self.now = self.now.max(at);
        if let Some(entry) = self.in_flight.first_entry()
            && entry.key().0 <= self.now
        {
            let (who, input) = entry.remove();
            self.input(who, input);
            return true;
        }
        for who in [ALICE, BOB] {
            if self.agents[who]
                .next_timeout()
                .is_some_and(|at| at <= self.now)
            {
                self.input(who, Input::Timeout);
            }
        }
        true
    }

    fn collect(&mut self, who: usize) {
        while let Some(output) = self.agents[who].poll() {
            match output {
                Output::Transmit { path, bytes } => self.transmit(who, path, &bytes),
                Output::Event { session, event } => self.events.push((who, session, event)),
                Output::Connect { connection, peer } => self.connect(who, connection, peer),
                Output::Close { connection } => {
                    if let Some((other, theirs)) = self.connections.remove(&(who, connection)) {
                        let input = Input::StreamClosed { connection: theirs };
                        self.fly(other, input, Duration::from_millis(10));
                    }
                }
            }
        }
    }

    /// Cuts every TCP connection.
    pub(crate) fn cut_connections(&mut self) {
        let mut ends: Vec<_> = self.connections.drain().map(|(end, _)| end).collect();
        ends.sort_unstable();
        for (who, connection) in ends {
            self.input(who, Input::StreamClosed { connection });
        }
    }

    fn connect(&mut self, who: usize, connection: ConnectionId, peer: SocketAddr) {
        let other = 1 - who;
        self.accepted += 1;
        let theirs = ConnectionId::accepted(self.accepted);
        assert_eq!(peer, address(other));
        self.connections.insert((who, connection), (other, theirs));
        self.connections.insert((other, theirs), (who, connection));
        let delay = Duration::from_millis(10);
        let from = SocketAddr::new(address(who).ip(), 40_000);
        let accepted = Input::StreamOpened {
            connection: theirs,
            peer: from,
        };
        self.fly(other, accepted, delay);
        self.fly(who, Input::StreamOpened { connection, peer }, delay);
    }

    fn transmit(&mut self, who: usize, path: Path, bytes: &Bytes) {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let lost = self.lose.as_mut().is_some_and(|lose| lose(who, &text));
        self.sent.push((self.now, who, text));
        let least = Duration::from_millis(20);
        let peer = match path {
            Path::Udp(peer) => peer,
            Path::Tcp(connection) => {
                if let Some(&(other, theirs)) = self.connections.get(&(who, connection)) {
                    // In pieces, to try the framing.
                    for piece in bytes.chunks(97) {
                        let bytes = Bytes::copy_from_slice(piece);
                        let input = Input::StreamBytes {
                            connection: theirs,
                            bytes,
                        };
                        self.fly(other, input, least);
                    }
                }
                return;
            }
        };
        let weather = self.weather;
        if lost || self.random(100) < weather.loss {
            return;
        }
        let other = (0..2).find(|other| address(*other) == peer);
        let Some(other) = other else {
            return;
        };
        let copies = 1 + u64::from(self.random(100) < weather.doubled);
        let jitter = u64::try_from(weather.jitter.as_millis()).unwrap();
        for _ in 0..copies {
            let delay = least + Duration::from_millis(self.random(jitter + 1));
            let source = address(who);
            let bytes = bytes.clone();
            self.fly(other, Input::Datagram { source, bytes }, delay);
        }
    }

    fn fly(&mut self, to: usize, input: Input, delay: Duration) {
        self.serial += 1;
        self.in_flight
            .insert((self.now + delay, self.serial), (to, input));
    }
}

pub(crate) fn uri(text: &'static str) -> Uri {
    Uri::parse(&Bytes::from_static(text.as_bytes())).unwrap()
}

pub(crate) fn invite(call_id: &str) -> InviteRequest {
    InviteRequest {
        call_id: call_id.to_owned(),
        from: NameAddr::new(uri("sip:alice@192.0.2.1")),
        to: NameAddr::new(uri("sip:bob@192.0.2.2")),
        request_uri: uri("sip:bob@192.0.2.2"),
        next_hop: NextHop {
            transport: Transport::Udp,
            address: address(BOB),
        },
        sdp: Bytes::from_static(OFFER),
        login: None,
        headers: vec![("X-Attempt".to_owned(), "1\r\nInjected: yes".to_owned())],
    }
}
