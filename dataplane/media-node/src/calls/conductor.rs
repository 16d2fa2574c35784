//! Conducts one call: carries between its SIP session, its media thread, speech, its recording and,
//! at its end, its record.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use callplane_call::{Facts, HangupCause, Input, Output};
use callplane_sip::{Command, Ending, Event, InviteRequest};
use callplane_store::records::Recording as StoredRecording;
use callplane_transport::sip::Session;
use callplane_types::Instant;
use tokio::time::timeout;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::meta::Meta;
use super::record;
use super::recorder::{Destination, Recorder};
use super::slots::Slot;
use crate::media::{MediaCall, MediaInput};
use crate::node::Node;

/// How long the disk may take for the end of a recording.
const LAST_WRITES: Duration = Duration::from_secs(10);

/// The SIP side of a call.
pub(crate) enum Line {
    /// They called; when the INVITE came.
    Inbound(Session, Instant),
    /// To be called, once there is an offer to send.
    Outbound(Box<InviteRequest>, TaskTrackerToken),
}

/// One call and what serves it.
struct Conductor {
    node: Arc<Node>,
    meta: Meta,
    media: MediaCall,
    session: Option<Session>,
    invite: Option<(Box<InviteRequest>, TaskTrackerToken)>,
    invited_at: Option<Instant>,
    recorder: Recording,
}

enum Recording {
    NotBegun,
    Running(Recorder),
    /// It failed; the call goes on without.
    Broken,
}

/// Serves a call until its end and hands in its record. The slot is free when this returns.
pub(crate) async fn conduct(node: Arc<Node>, meta: Meta, slot: Slot, media: MediaCall, line: Line) {
    let (session, invite, invited_at) = match line {
        Line::Inbound(session, at) => (Some(session), None, Some(at)),
        Line::Outbound(invite, placing) => (None, Some((invite, placing)), None),
    };
    let conductor = Conductor {
        node,
        meta,
        media,
        session,
        invite,
        invited_at,
        recorder: Recording::NotBegun,
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
                let voice = self.voice();
                self.node.tasks.spawn(async move {
                    let clip = node.speech.synthesize(&text, &voice).await;
                    input.handle(Input::Speech { utterance, clip }).await;
                });
            }
            Output::Recognize {
                turn,
                grammar,
                audio,
            } => {
                let (node, input) = self.helpers();
                self.node.tasks.spawn(async move {
                    let result = node.speech.recognize(&audio, &grammar).await;
                    input.handle(Input::Recognized { turn, result }).await;
                });
            }
            Output::Recorded(chunk) => self.record(chunk),
            Output::Stage(stage, took) => self.node.metrics.stage(stage, took),
            // The loop above took it.
            Output::Finished(_) => {}
        }
    }

    fn helpers(&self) -> (Arc<Node>, MediaInput) {
        (Arc::clone(&self.node), self.media.input().clone())
    }

    fn voice(&self) -> callplane_flow::Voice {
        let program = self.meta.program.as_ref();
        program.map_or_else(Default::default, |loaded| {
            loaded.program.agent.voice.clone()
        })
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

    fn record(&mut self, chunk: Vec<u8>) {
        if let Recording::NotBegun = self.recorder {
            let destination = Destination {
                folder: self.node.config.data_dir.join("recordings"),
                tenant: self.node.config.tenant.clone(),
                call: self.meta.id,
                at: self.meta.initiated_at,
            };
            let recycle = self.media.input().clone();
            self.recorder = Recording::Running(Recorder::start(destination, recycle));
        }
        if let Recording::Running(recorder) = &self.recorder
            && !recorder.write(chunk)
        {
            tracing::error!(call.id = %self.meta.id, "failed to record a call: the disk is too slow or refuses; the call goes on without");
            self.recorder = Recording::Broken;
        }
    }

    async fn finish(self, facts: Facts) {
        let Self {
            node,
            meta,
            media: _,
            session,
            invite: _,
            invited_at: _,
            recorder,
        } = self;
        // The BYE is on its way; the session ends by itself.
        drop(session);
        node.metrics.ended(meta.direction, &facts);
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
        let record = record::finished(&meta, epoch.as_ref(), &facts, recording, directory.prices());
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
        Ok(Err(error)) => {
            tracing::error!(call.id = %meta.id, error = format!("{error:#}"), "failed to close the recording of a call");
            None
        }
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
