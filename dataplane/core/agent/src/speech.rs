//! What the agent says: utterances in order, spoken one at a time.

use std::collections::VecDeque;
use std::time::Duration;

use callplane_flow::SayId;
use callplane_types::Instant;

use crate::ledger::{UtteranceId, heard};
use crate::output::Sound;

/// Who asked for an utterance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The flow, which wants to know when it is done.
    Flow(SayId),
    /// The agent itself, because speech is down.
    Apology,
    /// The agent itself, because the model takes its time.
    Filler,
}

/// What the flow wants said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sentence {
    pub(crate) id: SayId,
    pub(crate) text: String,
    pub(crate) interruptible: bool,
}

#[derive(Debug)]
struct Utterance {
    id: UtteranceId,
    origin: Origin,
    text: String,
    interruptible: bool,
    asked: Instant,
    audio: Audio,
}

#[derive(Debug, Clone, Copy)]
enum Audio {
    Requested,
    Ready {
        samples: u64,
    },
    /// Played from the clip that was kept for this, or not at all.
    Missing {
        apologise: bool,
    },
}

#[derive(Debug)]
struct Playing {
    utterance: Utterance,
    since: Instant,
    played: u64,
    latency: Option<Duration>,
}

/// An utterance that is over.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finished {
    pub(crate) origin: Origin,
    /// The words of it that reached the caller.
    pub(crate) heard: String,
    /// An apology was played in its place, this many samples of it.
    pub(crate) apologised: Option<u64>,
    /// The whole text, when less of it was heard.
    pub(crate) intended: Option<String>,
    /// When its first frame was sent; nothing when none was.
    pub(crate) since: Option<Instant>,
    /// What the caller had waited for it.
    pub(crate) latency: Option<Duration>,
}

/// What is to be done about the front of the queue.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Play(UtteranceId, Sound),
    Skipped(Finished),
}

/// The utterances of a call that are not over. **Each is finished exactly once, in order**, unless it is
/// [set aside](Speech::set_aside).
#[derive(Debug, Default)]
pub(crate) struct Speech {
    queue: VecDeque<Utterance>,
    playing: Option<Playing>,
    last_id: u32,
}

impl Speech {
    /// Queues a text; the audio is to be asked for under the identifier given back.
    pub(crate) fn say(
        &mut self,
        now: Instant,
        origin: Origin,
        text: String,
        interruptible: bool,
    ) -> UtteranceId {
        let audio = match origin {
            Origin::Flow(_) | Origin::Filler => Audio::Requested,
            Origin::Apology => Audio::Missing { apologise: true },
        };
        let id = self.next_id();
        self.queue.push_back(Utterance {
            id,
            origin,
            text,
            interruptible,
            asked: now,
            audio,
        });
        id
    }

    /// Queues a sentence before all others.
    pub(crate) fn say_first(&mut self, now: Instant, sentence: Sentence) -> UtteranceId {
        let Sentence {
            id: say,
            text,
            interruptible,
        } = sentence;
        let id = self.next_id();
        self.queue.push_front(Utterance {
            id,
            origin: Origin::Flow(say),
            text,
            interruptible,
            asked: now,
            audio: Audio::Requested,
        });
        id
    }

    /// Names an utterance that somebody else hears, and which so is not queued.
    pub(crate) fn whisper(&mut self) -> UtteranceId {
        self.next_id()
    }

    fn next_id(&mut self) -> UtteranceId {
        self.last_id += 1;
        UtteranceId(self.last_id)
    }

    /// The audio of an utterance arrived. Gives how long that took.
    pub(crate) fn ready(
        &mut self,
        now: Instant,
        id: UtteranceId,
        samples: u64,
    ) -> Option<Duration> {
        let utterance = self.requested(id)?;
        utterance.audio = Audio::Ready { samples };
        Some(now - utterance.asked)
    }

    /// The audio of an utterance will not come.
    pub(crate) fn failed(&mut self, id: UtteranceId, apologise: bool) {
        if let Some(utterance) = self.requested(id) {
            utterance.audio = Audio::Missing { apologise };
        }
    }

    /// The first utterance whose audio was asked for longer ago than `timeout`.
    pub(crate) fn overdue(&self, now: Instant, timeout: Duration) -> Option<UtteranceId> {
        self.queue
            .iter()
            .find(|u| matches!(u.audio, Audio::Requested) && now - u.asked >= timeout)
            .map(|u| u.id)
    }

    /// What is being said answers the caller after `latency`.
    pub(crate) fn answers(&mut self, latency: Duration) {
        if let Some(playing) = self.playing.as_mut() {
            playing.latency = Some(latency);
        }
    }

    /// Whether the audio of an utterance that is to be said is still to come.
    pub(crate) fn awaits(&self, id: UtteranceId) -> bool {
        self.queue
            .iter()
            .any(|u| u.id == id && matches!(u.audio, Audio::Requested))
    }

    fn requested(&mut self, id: UtteranceId) -> Option<&mut Utterance> {
        self.queue
            .iter_mut()
            .find(|u| u.id == id && matches!(u.audio, Audio::Requested))
    }

    /// Begins the next utterance when nothing is being said and its audio is there.
    pub(crate) fn step(&mut self, now: Instant) -> Option<Step> {
        if self.playing.is_some() {
            return None;
        }
        let sound = match self.queue.front()?.audio {
            Audio::Requested => return None,
            Audio::Ready { .. } => Some(Sound::Speech),
            Audio::Missing { apologise } => apologise.then_some(Sound::Apology),
        };
        let utterance = self.queue.pop_front()?;
        let id = utterance.id;
        let Some(sound) = sound else {
            return Some(Step::Skipped(unheard(utterance)));
        };
        self.playing = Some(Playing {
            utterance,
            since: now,
            played: 0,
            latency: None,
        });
        Some(Step::Play(id, sound))
    }

    /// The playout clock moved. Gives the utterance when that was its end.
    pub(crate) fn played(&mut self, id: UtteranceId, played: u64, done: bool) -> Option<Finished> {
        let playing = self.playing.as_mut().filter(|p| p.utterance.id == id)?;
        playing.played = played;
        if !done {
            return None;
        }
        self.playing.take().map(|p| p.finish(true))
    }

    /// Stops what is being said and drops what was to follow. Gives all that ended by it.
    pub(crate) fn interrupt(&mut self) -> Vec<Finished> {
        let mut finished: Vec<Finished> = self
            .playing
            .take()
            .map(|p| p.finish(false))
            .into_iter()
            .collect();
        finished.extend(self.queue.drain(..).map(unheard));
        finished
    }

    /// Stops what is being said and takes out all that is to be said again, in order. Gives as well what was heard
    /// of the sentence that was broken off; an apology is not made again.
    pub(crate) fn set_aside(&mut self) -> (Option<Finished>, Vec<Sentence>) {
        let playing = self.playing.take();
        let all = playing.iter().map(|p| &p.utterance).chain(&self.queue);
        let unsaid = all.filter_map(Utterance::sentence).collect();
        self.queue.clear();
        (playing.map(|p| p.finish(false)), unsaid)
    }

    /// What the caller has not heard yet of all that the flow wants said, in order; of the sentence that is being said,
    /// the words from the first one that was not heard to its end.
    pub(crate) fn unsaid(&self) -> Vec<Sentence> {
        let playing = self.playing.iter().filter_map(Playing::rest);
        playing
            .chain(self.queue.iter().filter_map(Utterance::sentence))
            .collect()
    }

    /// Whether the caller may cut off everything that is being said or waits.
    pub(crate) fn interruptible(&self) -> bool {
        let playing = self.playing.iter().map(|p| &p.utterance);
        playing.chain(&self.queue).all(|u| u.interruptible)
    }

    /// Whether a clip is being sent.
    pub(crate) fn audible(&self) -> bool {
        self.playing.is_some()
    }

    /// Whether nothing is being said and nothing waits.
    pub(crate) fn idle(&self) -> bool {
        self.playing.is_none() && self.queue.is_empty()
    }
}

impl Utterance {
    /// Nothing if the flow did not ask for it.
    fn sentence(&self) -> Option<Sentence> {
        match self.origin {
            Origin::Flow(id) => Some(Sentence {
                id,
                text: self.text.clone(),
                interruptible: self.interruptible,
            }),
            Origin::Apology | Origin::Filler => None,
        }
    }
}

impl Playing {
    /// What was not heard of it; nothing if the flow did not ask for it, or it cannot be spoken.
    fn rest(&self) -> Option<Sentence> {
        let Audio::Ready { samples } = self.utterance.audio else {
            return None;
        };
        let sentence = self.utterance.sentence()?;
        let text = sentence.text.trim();
        let rest = text[heard(text, samples, self.played).len()..].trim_start();
        (!rest.is_empty()).then(|| Sentence {
            text: rest.to_owned(),
            ..sentence.clone()
        })
    }

    fn finish(self, complete: bool) -> Finished {
        let Utterance {
            origin,
            text,
            audio,
            ..
        } = self.utterance;
        let (heard, apologised) = match audio {
            // Text that the voice has no sound for comes without samples.
            Audio::Ready { samples } if complete && samples > 0 => (text.clone(), None),
            Audio::Ready { samples } => (heard(&text, samples, self.played).to_owned(), None),
            Audio::Requested | Audio::Missing { .. } => (String::new(), Some(self.played)),
        };
        Finished {
            origin,
            intended: (heard != text).then_some(text),
            heard,
            apologised,
            since: Some(self.since),
            latency: self.latency,
        }
    }
}

fn unheard(utterance: Utterance) -> Finished {
    Finished {
        origin: utterance.origin,
        heard: String::new(),
        apologised: None,
        intended: Some(utterance.text),
        since: None,
        latency: None,
    }
}
