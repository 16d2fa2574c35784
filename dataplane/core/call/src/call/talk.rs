//! The conversation of a call: what the media path hears goes to the agent, what the agent wants
//! goes to the media path or outside.

use callplane_agent::{self as agent, Capture, Ending, Sound, SpeechDown, UtteranceId};
use callplane_types::Instant;

use super::{Call, Phase};
use crate::facts::EventKind;
use crate::hangup::{Hangup, HangupCause};
use crate::media::Clip;
use crate::output::Output;

impl Call {
    /// One frame of the conversation.
    pub(super) fn talk(&mut self, now: Instant) {
        if matches!(self.phase, Phase::Answering { .. })
            && self.leg.as_ref().is_some_and(|leg| leg.has_heard())
        {
            // The ACK is late or lost, and the caller is there.
            self.connect(now);
        }
        let talking = matches!(self.phase, Phase::Talking { .. });
        let Some(leg) = self.leg.as_mut() else { return };
        let heard = leg.listen(now, talking);
        if !talking {
            return;
        }
        let held = leg.is_held();
        if let Some(full) = leg.take_recorded() {
            self.outputs.push_back(Output::Recorded(full));
        }
        if held {
            return self.tell_agent(now, agent::Input::Held);
        }
        while let Some(key) = self.leg.as_mut().and_then(|leg| leg.poll_key()) {
            self.key(now, key);
        }
        if let Some(progress) = heard.played {
            self.tell_agent(
                now,
                agent::Input::Played {
                    utterance: progress.utterance,
                    samples: progress.played,
                    done: progress.done,
                },
            );
        }
        self.tell_agent(now, agent::Input::Frame { voice: heard.voice });
    }

    /// The caller pressed a key.
    pub(super) fn key(&mut self, now: Instant, key: char) {
        self.timeline.event(now, EventKind::Dtmf);
        self.tell_agent(now, agent::Input::Digit(key));
    }

    pub(super) fn speech_arrived(
        &mut self,
        now: Instant,
        utterance: UtteranceId,
        clip: Result<Clip, SpeechDown>,
    ) {
        let input = match clip {
            Ok(clip) => {
                let samples = clip.samples();
                self.clips.push((utterance, clip));
                agent::Input::SpeechReady { utterance, samples }
            }
            Err(SpeechDown) => agent::Input::SpeechFailed { utterance },
        };
        self.tell_agent(now, input);
    }

    pub(super) fn tell_agent(&mut self, now: Instant, input: agent::Input) {
        self.agent.handle(now, input);
        while let Some(output) = self.agent.poll() {
            self.obey(now, output);
        }
    }

    fn obey(&mut self, now: Instant, output: agent::Output) {
        match output {
            agent::Output::Synthesize { utterance, text } => {
                self.speech.synthesized_characters += text.chars().count() as u64;
                self.outputs
                    .push_back(Output::Synthesize { utterance, text });
            }
            agent::Output::Play { utterance, sound } => self.play(utterance, sound),
            agent::Output::StopPlayout => {
                if let Some(leg) = self.leg.as_mut() {
                    leg.stop_playing();
                }
            }
            agent::Output::Capture(capture) => {
                if let Some(leg) = self.leg.as_mut() {
                    match capture {
                        Capture::Begin => leg.begin_capture(),
                        Capture::Discard => leg.discard_capture(),
                    }
                }
            }
            agent::Output::Recognize { turn, grammar } => {
                let audio = self
                    .leg
                    .as_mut()
                    .map(|leg| leg.take_capture())
                    .unwrap_or_default();
                self.speech.recognized += crate::media::time_of(audio.len());
                self.outputs.push_back(Output::Recognize {
                    turn,
                    grammar,
                    audio,
                });
            }
            agent::Output::Entered { node, kind } => self.timeline.entered(now, node, kind),
            agent::Output::Failed { node, message } => self
                .timeline
                .event(now, EventKind::FlowExpressionFailed { node, message }),
            agent::Output::BargeIn => self.timeline.event(now, EventKind::BargeIn),
            agent::Output::SpeechDown => self.timeline.event(now, EventKind::SpeechDown),
            agent::Output::Message(message) => self.timeline.said(message),
            agent::Output::Stage(stage, took) => {
                self.outputs.push_back(Output::Stage(stage, took));
            }
            agent::Output::HangUp(ending) => self.leave(now, ending),
        }
    }

    fn play(&mut self, utterance: UtteranceId, sound: Sound) {
        let clip = match sound {
            Sound::Apology => self.apology.clone(),
            Sound::Speech => {
                let place = self.clips.iter().position(|(id, _)| *id == utterance);
                match place {
                    Some(place) => self.clips.swap_remove(place).1,
                    None => Clip::default(),
                }
            }
        };
        // What was skipped will not be asked for again.
        self.clips.retain(|(id, _)| *id > utterance);
        if let Some(leg) = self.leg.as_mut() {
            leg.play(utterance, clip);
        }
    }

    fn leave(&mut self, now: Instant, ending: Ending) {
        let hangup = match ending {
            Ending::Flow(ending) => {
                self.ending = Some(ending);
                Hangup {
                    cause: HangupCause::NormalClearing,
                    party: self.own_party(),
                }
            }
            Ending::Silence => Hangup::system(HangupCause::SilenceTimeout),
            Ending::MaxDuration => Hangup::system(HangupCause::MaxDuration),
        };
        self.hang_up(now, hangup);
    }
}
