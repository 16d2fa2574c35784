//! A caller whose audio is handed in as frames.

use std::time::Duration;

use callplane_call::{
    Call, Clip, Codec, Facts, Guards, HangupCause, Input, Left, LocalMedia, MediaSecurity, Opening,
    Output, Setup, Speaker,
};
use callplane_types::{CallStatus, HangupParty, Instant, WallTime};

use crate::phone::{digits, program, secrecy};

const FRAME: Duration = Duration::from_millis(20);

struct Joined {
    call: Call,
    now: Instant,
    facts: Option<Facts>,
    /// Frames of the agent that were no silence.
    said: usize,
    /// What was told to whoever watches.
    told: Vec<(Speaker, String)>,
    recorded: usize,
}

impl Joined {
    fn new() -> Self {
        let setup = Setup {
            opening: Opening::Joined { codec: "opus" },
            local: LocalMedia {
                address: "192.0.2.1".parse().unwrap(),
                port: 0,
                codecs: vec![Codec::Pcmu],
                packet_time_ms: 20,
            },
            secrecy: secrecy(MediaSecurity::Disabled, 9),
            program: program(digits()),
            variables: Vec::new(),
            apology: Clip::sorry_tone(),
            seed: 1,
            guards: Guards {
                media: Duration::from_secs(3),
                ..Guards::default()
            },
        };
        Self {
            call: Call::new(Instant::ZERO, WallTime::from_unix_micros(0), setup),
            now: Instant::ZERO,
            facts: None,
            said: 0,
            told: Vec::new(),
            recorded: 0,
        }
    }

    fn pass(&mut self, time: Duration, caller: i16) {
        let end = self.now + time;
        while self.now < end {
            self.now += FRAME;
            self.call.hear(&[caller; 160], None);
            let packets = self.call.tick(self.now, WallTime::from_unix_micros(0));
            assert!(packets.rtp == [None; 2] && packets.rtcp.is_none());
            self.said += usize::from(self.call.say().iter().any(|sample| *sample != 0));
            self.obey();
        }
    }

    fn tell(&mut self, input: Input) {
        self.call.handle(self.now, input);
        self.obey();
    }

    fn obey(&mut self) {
        while let Some(output) = self.call.poll() {
            match output {
                Output::Synthesize { utterance, .. } => {
                    let clip = Ok(Clip::new(vec![1_000; 8_000]));
                    let speech = Input::Speech { utterance, clip };
                    self.call.handle(self.now, speech);
                }
                Output::Said(message) => {
                    let text = message.text.into_inner();
                    self.told.push((message.speaker, text));
                }
                Output::Recorded(octets) => self.recorded += octets.len(),
                Output::Finished(facts) => self.facts = Some(*facts),
                _ => {}
            }
        }
    }
}

#[test]
fn the_agent_begins_when_the_caller_is_joined_and_hears_keys() {
    let mut joined = Joined::new();
    joined.pass(Duration::from_secs(2), 0);
    assert_eq!(joined.said, 0, "nobody is there yet");
    joined.tell(Input::Joined);
    joined.pass(Duration::from_secs(3), 0);
    assert!(joined.said > 40, "{}", joined.said);
    for key in "1204".chars() {
        joined.tell(Input::Key(key));
    }
    joined.pass(Duration::from_secs(4), 0);
    let facts = joined.facts.unwrap();
    assert_eq!(facts.variables["pin"], "1204");
    assert_eq!(facts.status, CallStatus::Completed);
    assert_eq!(facts.hangup.party, HangupParty::Callee);
    assert_eq!(facts.codec, Some("opus"));
    assert_eq!(facts.sip_status, None);
    let seconds = joined.recorded as f64 / 32_000.0;
    assert!((3.5..6.0).contains(&seconds), "{seconds} s recorded");
}

#[test]
fn who_watches_is_told_what_the_record_will_say_and_nobody_else_is() {
    let mut joined = Joined::new();
    joined.tell(Input::Joined);
    joined.pass(Duration::from_secs(3), 0);
    assert_eq!(joined.told, []);
    // The question was heard before; the rest is told as it happens.
    joined.tell(Input::Watch);
    assert_eq!(joined.told.len(), 1, "{:?}", joined.told);
    joined.tell(Input::Watch);
    for key in "1204".chars() {
        joined.tell(Input::Key(key));
    }
    joined.pass(Duration::from_millis(100), 0);
    assert_eq!(joined.told.len(), 2, "{:?}", joined.told);
    assert_eq!(joined.told[1], (Speaker::Keys, "1204".to_owned()));
    joined.pass(Duration::from_secs(4), 0);
    let recorded = joined.facts.unwrap().messages.into_iter();
    let recorded: Vec<_> = recorded
        .map(|message| (message.speaker, message.text.into_inner()))
        .collect();
    assert_eq!(joined.told, recorded);
    assert_eq!(recorded.len(), 3, "the farewell is among them");
}

#[test]
fn who_leaves_ends_the_call() {
    for (why, cause, party) in [
        (
            Left::HungUp,
            HangupCause::NormalClearing,
            HangupParty::Caller,
        ),
        (Left::Lost, HangupCause::MediaTimeout, HangupParty::System),
        (
            Left::Failed,
            HangupCause::NetworkOutOfOrder,
            HangupParty::System,
        ),
    ] {
        let mut joined = Joined::new();
        joined.tell(Input::Joined);
        joined.pass(Duration::from_secs(6), 0);
        assert!(
            joined.facts.is_none(),
            "a browser need not send while nobody talks"
        );
        joined.tell(Input::Left(why));
        let facts = joined.facts.unwrap();
        assert_eq!((facts.hangup.cause, facts.hangup.party), (cause, party));
        assert_eq!(facts.status, CallStatus::Completed);
    }
}

#[test]
fn who_never_arrives_was_not_answered() {
    let mut joined = Joined::new();
    joined.pass(Guards::default().acknowledgement + FRAME, 0);
    let facts = joined.facts.unwrap();
    assert_eq!(facts.hangup.cause, HangupCause::ProtocolTimeout);
    assert_eq!(
        (facts.status, facts.answered_at),
        (CallStatus::Failed, None)
    );
}
