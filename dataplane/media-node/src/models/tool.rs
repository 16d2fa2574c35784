//! Runs a tool of an agent.

use std::sync::Arc;
use std::time::Duration;

use callplane_flow::{ToolRun, ToolUse};
use callplane_providers::{ModelError, ToolCaller};

use super::Models;
use super::known::{Asks, KnownProvider};
use super::question::{Kind, Question};

impl Models {
    /// What the tool says, or why it says nothing: both for the model. Not to be dropped before its end, or it is not
    /// known whether it was done.
    pub(crate) async fn run_tool(
        &self,
        provider: Option<Arc<KnownProvider>>,
        tool: &ToolUse,
        run: ToolRun,
        caller: &ToolCaller,
        timeout: Duration,
    ) -> Result<String, String> {
        let name = &tool.http.provider;
        let Some(provider) = provider else {
            self.count(name, Kind::Tool, "no_provider");
            return Err("it is not set up".to_owned());
        };
        let Asks::Tool(client) = &provider.asks else {
            self.count(name, Kind::Tool, "no_provider");
            return Err("it is not set up".to_owned());
        };
        let Some(question) = Question::begin(self, Arc::clone(&provider), Kind::Tool) else {
            return Err("it is out of order".to_owned());
        };
        let begun = self.clock.now();
        let answer = client
            .call(&tool.http, run.arguments, caller, timeout)
            .await;
        question.end(answer.as_ref().err());
        let took = self.clock.now() - begun;
        self.metrics.models.tool_ran(&provider.name, took);
        answer.map_err(|error| reason(&error).to_owned())
    }
}

/// What the model is told, and through it the caller: nothing of how it is set up.
const fn reason(error: &ModelError) -> &'static str {
    match error {
        ModelError::Connection | ModelError::Cut => {
            "the connection broke; whether it was done is not known"
        }
        ModelError::TooSlow(_) => "it did not answer in time; whether it was done is not known",
        ModelError::Busy { .. } => "it has too much to do; it was not done",
        ModelError::Unavailable { .. }
        | ModelError::Refused {
            status: 300..400 | 408,
            ..
        } => "it failed; whether it was done is not known",
        ModelError::TooLong => "it was done, and its answer is too long",
        ModelError::Protocol(_) => "its answer cannot be used",
        ModelError::Forbidden | ModelError::Unauthorized { .. } | ModelError::Refused { .. } => {
            "it refuses us; it was not done"
        }
    }
}
