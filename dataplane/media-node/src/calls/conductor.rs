//! Conducts one call: carries between its SIP session, its media thread, speech, its recording and,
//! at its end, its record.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use callplane_call::{Facts, HangupCause, Input, Output, Stage};
use callplane_flow::Speech;
use callplane_sip::{Command, Ending, Event, InviteRequest};
use callplane_store::records::Recording as StoredRecording;
use callplane_transport::sip::Session;
use callplane_types::Instant;
use tokio::time::timeout;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::asking::Asking;
use super::live::{Live, LiveEvent};
use super::live_calls::Entered;
use super::meta::{Channel, Meta};
use super::party::Parties;
use super::record;
use super::recorder::{Chunk, Destination, Recorder};
use super::slots::Slot;
use crate::media::{MediaCall, MediaInput};
use crate::node::Node;
use crate::recordings::Format;

/// How long the disk may take for the end of a recording.
const LAST_WRITES: Duration = Duration::from_secs(10);

/// The SIP side of a call.
pub(crate) enum Line {
    /// They called; when the INVITE came.
    Inbound(Session, Instant),
    /// To be called, once there is an offer to send.
    Outbound(Box<InviteRequest>, TaskTrackerToken),
    /// There is none: a browser was answered by WHIP. Its page may follow the call.
    Browser(Arc<Live>),
}

/// One call and what serves it.
struct Conductor {
    node: Arc<Node>,
    meta: Meta,
    media: MediaCall,
    session: Option<Session>,
    invite: Option<(Box<InviteRequest>, TaskTrackerToken)>,
    invited_at: Option<Instant>,
    parties: Parties,
    recorder: Recording,
    asking: Asking,
    /// Who follows it in a browser.
    live: Arc<Live>,
    entered: Entered,
}

enum Recording {
    NotBegun,
    Running(Recorder),
    /// It failed; the call goes on without.
    Broken,
}

/// Serves a call until its end and hands in its record. The slot is free when this returns.
pub(crate) async fn conduct(node: Arc<Node>, meta: Meta, slot: Slot, media: MediaCall, line: Line) {
    let (session, invite, invited_at, live) = match line {
        Line::Inbound(session, at) => (Some(session), None, Some(at), Live::new()),
        Line::Outbound(invite, placing) => (None, Some((invite, placing)), None, Live::new()),
        Line::Browser(live) => (None, None, None, live),
    };
    let entered = node
        .live
        .enter(meta.id, media.input().clone(), Arc::clone(&live));
    let sip_call_id = (meta.channel == Channel::Telephone).then_some(meta.external_id.as_str());
    // Until the record is handed in.
    let _watched = node
        .traces
        .begin(meta.id, sip_call_id, media.input().clone());
    let conductor = Conductor {
        node,
        meta,
        media,
        session,
        invite,
        invited_at,
        parties: Parties::default(),
        recorder: Recording::NotBegun,
        asking: Asking::new(),
        live,
        entered,
    };
    conductor.run().await;
    drop(slot);
}

impl Conductor {
    async fn run(mut self) {
        let hang_up_all = self.node.hang_up_all.clone();
        let mut told_to_end = false;
        let facts = loop {
            tokio::select! {
                output = self.media.next() => match output {
                    Some(Output::Finished(facts)) => break Some(facts),
                    Some(output) => self.obey(output).await,
                    None => break None,
                },
                event = next_event(&mut self.session) => {
                    self.media.input().handle(Input::Sip(event)).await;
                }
                (party, event) = self.parties.next_event() => {
                    self.media.input().handle(Input::PartySip { party, event }).await;
                }
                () = hang_up_all.cancelled(), if !told_to_end => {
                    told_to_end = true;
                    self.media.input().handle(Input::HangUp(HangupCause::NodeDrain)).await;
                }
            }
        };
        match facts {
            Some(facts) => self.finish(*facts).await,
            None => tracing::error!(call.id = %self.meta.id, "a media thread lost a call"),
        }
    }

    async fn obey(&mut self, output: Output) {
        match output {
            Output::Invite { sdp } => self.invite(sdp).await,
            Output::Sip(command) => self.command(command).await,
            Output::Answered => self.answered(),
            Output::Synthesize { utterance, text } => {
                let (node, input) = self.helpers();
                let agent = self.meta.agent();
                self.asking.speak(&node, agent, utterance, text, input);
            }
            Output::Recognize {
                turn,
                speech,
                audio,
            } => {
                let (node, input) = self.helpers();
                match speech {
                    Speech::Grammar(grammar) => {
                        self.node.tasks.spawn(async move {
                            let result = node.speech.recognize(audio, &grammar).await;
                            input.handle(Input::Recognized { turn, result }).await;
                        });
                    }
                    Speech::Free => {
                        let agent = self.meta.agent();
                        self.asking.transcribe(&node, agent, turn, audio, input);
                    }
                }
            }
            Output::LookUp(look_up) => {
                let (node, input) = self.helpers();
                self.asking.look_up(&node, look_up, input);
            }
            Output::Think(think) => {
                let (node, input) = self.helpers();
                self.asking.think(&node, self.meta.agent(), think, input);
            }
            Output::StopThinking(id) => self.asking.stop(id),
            Output::RunTool(run) => {
                let (node, input) = self.helpers();
                self.asking.run_tool(&node, &self.meta, run, input);
            }
            Output::Dial { party, to } => {
                let (node, input) = self.helpers();
                self.parties.dial(&node, &self.meta, input, party, to);
            }
            Output::PartyInvite { party, sdp } => {
                let (node, input) = self.helpers();
                self.parties
                    .invite(&node, &self.meta, input, party, sdp)
                    .await;
            }
            Output::PartySip { party, command } => {
                self.parties.command(&self.node, party, command).await;
            }
            Output::Recorded(samples) => self.record(Chunk::Samples(samples)),
            Output::NotRecorded(time) => self.record(Chunk::Silence(time)),
            Output::Stage(stage, took) => {
                self.node.metrics.stage(stage, took);
                if stage == Stage::Total {
                    self.tell(LiveEvent::Answering(took));
                }
            }
            Output::Said(message) => self.tell(LiveEvent::Said(message)),
            // The loop above took it.
            Output::Finished(_) => {}
        }
    }

    fn tell(&self, event: LiveEvent) {
        self.live.tell(event);
    }

    fn helpers(&self) -> (Arc<Node>, MediaInput) {
        (Arc::clone(&self.node), self.media.input().clone())
    }

    fn format(&self) -> Format {
        let format = self.meta.agent().map(|agent| agent.recording_format);
        format.unwrap_or_default().into()
    }

    async fn invite(&mut self, sdp: bytes::Bytes) {
        let Some((invite, _placing)) = self.invite.take() else {
            return;
        };
        match self.node.sip.invite(InviteRequest { sdp, ..*invite }).await {
            Ok(session) => self.session = Some(session),
            Err(error) => {
                tracing::warn!(call.id = %self.meta.id, %error, "failed to send an INVITE");
                self.media.input().handle(Input::InviteRefused).await;
            }
        }
    }

    async fn command(&mut self, command: Command) {
        let answers = matches!(command, Command::Answer { .. });
        if let Some(session) = &self.session
            && session.handle().send(command).await.is_err()
        {
            tracing::error!(call.id = %self.meta.id, "the SIP task is gone");
        }
        if let Some(at) = self.invited_at.take_if(|_| answers) {
            self.node.metrics.answered_after(self.node.clock.now() - at);
        }
    }

    fn answered(&self) {
        self.node
            .records
            .answered(self.meta.id, self.node.clock.wall());
    }

    fn record(&mut self, chunk: Chunk) {
        if let Recording::NotBegun = self.recorder {
            let destination = Destination {
                recordings: self.node.recordings.clone(),
                encoders: self.node.encoders.clone(),
                format: self.format(),
                call: self.meta.id,
                at: self.meta.initiated_at,
            };
            let recycle = self.media.input().clone();
            self.recorder = Recording::Running(Recorder::start(destination, recycle));
        }
        if let Recording::Running(recorder) = &self.recorder
            && !recorder.write(chunk)
        {
            tracing::error!(call.id = %self.meta.id, "a call is not recorded any more: the disk is too slow, or the error before says why");
            self.recorder = Recording::Broken;
            self.entered.recording_fails();
        }
    }

    async fn finish(self, facts: Facts) {
        self.tell(LiveEvent::Ended(facts.hangup));
        let Self {
            node,
            meta,
            media: _,
            session,
            invite: _,
            invited_at: _,
            parties,
            recorder,
            asking,
            live: _,
            entered,
        } = self;
        drop(entered);
        let used = asking.finish();
        for (provider, tokens) in used.tokens() {
            let models = &node.metrics.models;
            models.used(&provider, tokens.input, tokens.output);
        }
        // The BYE is on its way; the session ends by itself.
        drop(session);
        node.metrics.ended(meta.id, meta.direction, &facts);
        let recording = close(&meta, recorder).await;
        tracing::info!(
            call.id = %meta.id,
            call.status = facts.status.as_str(),
            call.hangup_cause = facts.hangup.cause.as_str(),
            "Call ended"
        );
        meta.over.store(true, Ordering::Release);
        let directory = node.directory();
        let epoch = node.epoch();
        let ways = parties.into_ways();
        let record = record::finished(
            &meta,
            epoch.as_ref(),
            &facts,
            &ways,
            &used,
            recording,
            directory.prices(),
        );
        node.records.submit(record).await;
    }
}

/// Closes the recording; one that the disk does not let go of is not waited for.
async fn close(meta: &Meta, recorder: Recording) -> Option<StoredRecording> {
    let Recording::Running(recorder) = recorder else {
        return None;
    };
    match timeout(LAST_WRITES, recorder.finish()).await {
        Ok(Ok(recording)) => Some(recording),
        // It has said why.
        Ok(Err(_)) => None,
        Err(_elapsed) => {
            tracing::error!(call.id = %meta.id, "the disk does not take the end of a recording; the record of the call goes without");
            None
        }
    }
}

/// The next event of a session that may not be there yet, or no more.
async fn next_event(session: &mut Option<Session>) -> Event {
    let Some(open) = session else {
        return pending().await;
    };
    match open.next_event().await {
        Some(event) => event,
        None => {
            // Its `Ended` was taken before, or the SIP task is gone.
            *session = None;
            Event::Ended(Ending::TransportFailed)
        }
    }
}
