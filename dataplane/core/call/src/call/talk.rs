//! The conversation of a call: what the media path hears goes to the agent, what the agent wants
//! goes to the media path or outside.

use callplane_agent::{self as agent, Capture, Ending, Sound, SpeechDown, UtteranceId};
use callplane_flow::{ToolRun, ToolRunId};
use callplane_types::Instant;

use super::{Call, Phase};
use crate::facts::EventKind;
use crate::hangup::{Hangup, HangupCause};
use crate::media::Clip;
use crate::output::Output;

/// Messages of before that whoever watches is told.
const MAX_REPLAYED: usize = 100;

impl Call {
    /// One frame of the conversation.
    pub(super) fn talk(&mut self, now: Instant) {
        if matches!(self.phase, Phase::Answering { .. })
            && self.line.as_ref().is_some_and(|line| line.has_heard())
        {
            // The ACK is late or lost, and the caller is there.
            self.connect(now);
        }
        if self.is_transferring() {
            return self.talk_joined(now);
        }
        let talking = matches!(self.phase, Phase::Talking { .. });
        let Some(line) = self.line.as_mut() else {
            return;
        };
        let heard = self.voices.listen(now, line, &mut self.observers, talking);
        if !talking {
            return;
        }
        let held = line.is_held();
        self.hand_out_recorded();
        if held {
            return self.tell_agent(now, agent::Input::Held);
        }
        while let Some(key) = self.line.as_mut().and_then(|line| line.poll_key()) {
            self.key(now, key);
        }
        if let Some(progress) = heard.played {
            self.tell_agent(now, progress.into());
        }
        self.tell_agent(now, agent::Input::Frame { voice: heard.voice });
    }

    /// The caller pressed a key.
    pub(super) fn key(&mut self, now: Instant, key: char) {
        self.timeline.event(now, EventKind::Dtmf);
        match self.is_transferring() {
            true => self.press_at_party(key),
            false => self.tell_agent(now, agent::Input::Digit(key)),
        }
    }

    pub(super) fn speech_arrived(
        &mut self,
        now: Instant,
        utterance: UtteranceId,
        clip: Result<Clip, SpeechDown>,
    ) {
        if let Some(party) = &mut self.party
            && party.whisper_arrived(utterance, clip.as_ref().ok())
        {
            return;
        }
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
            agent::Output::StopPlayout => self.voices.stop_playing(),
            agent::Output::Capture(Capture::Begin) => self.voices.begin_capture(),
            agent::Output::Capture(Capture::Discard) => self.voices.discard_capture(),
            agent::Output::Recognize { turn, speech } => {
                let audio = self.voices.take_capture();
                self.speech.recognized += audio.duration();
                self.outputs.push_back(Output::Recognize {
                    turn,
                    speech,
                    audio,
                });
            }
            agent::Output::Entered { node, kind } => self.timeline.entered(now, node, kind),
            agent::Output::Record(action) => self.record_for_flow(now, action),
            agent::Output::Failed { node, message } => self
                .timeline
                .event(now, EventKind::FlowExpressionFailed { node, message }),
            agent::Output::BargeIn => self.timeline.event(now, EventKind::BargeIn),
            agent::Output::SpeechDown => self.timeline.event(now, EventKind::SpeechDown),
            agent::Output::Message(message) => self.said(message),
            agent::Output::Stage(stage, took) => {
                self.outputs.push_back(Output::Stage(stage, took));
            }
            agent::Output::LookUp(look_up) => self.outputs.push_back(Output::LookUp(look_up)),
            agent::Output::Think(think) => self.outputs.push_back(Output::Think(think)),
            agent::Output::StopThinking(id) => self.outputs.push_back(Output::StopThinking(id)),
            agent::Output::RunTool(run) => self.run_tool(now, run),
            agent::Output::Transfer(transfer) => self.transfer(now, transfer),
            agent::Output::HangUp(ending) => self.leave(now, ending),
        }
    }

    fn run_tool(&mut self, now: Instant, run: ToolRun) {
        let tool = run.tool.clone();
        self.tools.push((run.id, tool.clone()));
        self.timeline.event(now, EventKind::ToolCalled { tool });
        self.outputs.push_back(Output::RunTool(run));
    }

    pub(super) fn tool_done(
        &mut self,
        now: Instant,
        id: ToolRunId,
        result: Result<String, String>,
    ) {
        let Some(index) = self.tools.iter().position(|(running, _)| *running == id) else {
            return;
        };
        let (_, tool) = self.tools.swap_remove(index);
        self.timeline.event(
            now,
            match &result {
                Ok(_) => EventKind::ToolAnswered { tool },
                Err(_) => EventKind::ToolFailed { tool },
            },
        );
        self.tell_agent(now, callplane_agent::Input::ToolDone { id, result });
    }

    fn said(&mut self, message: agent::Message) {
        let kept = self.timeline.said(message);
        if self.watched
            && let Some(message) = kept
        {
            self.outputs.push_back(Output::Said(message.clone()));
        }
    }

    /// Whoever follows comes late: what was said lately goes out first.
    pub(super) fn watch(&mut self) {
        if std::mem::replace(&mut self.watched, true) {
            return;
        }
        let messages = &self.timeline.messages;
        let lately = &messages[messages.len().saturating_sub(MAX_REPLAYED)..];
        self.outputs
            .extend(lately.iter().cloned().map(Output::Said));
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
        self.voices.play(utterance, clip);
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
