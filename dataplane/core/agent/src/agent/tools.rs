//! Tools that run while the caller waits: each ends once, by what comes of it or by its time.

use callplane_flow::{Event, ToolRun, ToolRunId};
use callplane_types::Instant;

use super::Agent;
use super::model::Cover;
use crate::output::Output;

/// What the model is told of a tool that did not answer in time.
const TOO_SLOW: &str = "it did not answer in time; whether it was done is not known";

/// A tool that runs.
#[derive(Debug)]
pub(super) struct Running {
    id: ToolRunId,
    until: Instant,
}

impl Agent {
    pub(super) fn run_tool(&mut self, now: Instant, run: ToolRun) {
        if self.running.is_empty() {
            self.tool_cover = Cover::default();
        }
        self.running.push(Running {
            id: run.id,
            until: now + run.timeout + self.policy.tool_grace,
        });
        self.outputs.push_back(Output::RunTool(run));
    }

    pub(super) fn tool_done(
        &mut self,
        now: Instant,
        done: ToolRunId,
        result: Result<String, String>,
    ) {
        let before = self.running.len();
        self.running.retain(|running| running.id != done);
        if self.running.len() < before {
            self.tell_in_turn(now, Event::ToolDone { id: done, result });
        }
    }

    /// A tool that does not end has failed; before that the caller is told that it goes on.
    pub(super) fn check_tools(&mut self, now: Instant) {
        while let Some(overdue) = self.running.iter().find(|running| now >= running.until) {
            self.tool_done(now, overdue.id, Err(TOO_SLOW.to_owned()));
        }
        if self.run.waits_for_tools() {
            let mut cover = std::mem::take(&mut self.tool_cover);
            self.cover(now, &mut cover);
            self.tool_cover = cover;
        }
    }
}
