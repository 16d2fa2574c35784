//! Models that agents ask: of language, which lead conversations, and of speech, which understand callers and speak to
//! them; and the tools of agents, and what they look up.
//!
//! **One client for all of them**, so that connections are kept between the turns of all calls. No more is asked at
//! once than the node has calls. A provider that fails again and again is left alone for a while, each by itself.

mod known;
mod look_up;
mod question;
mod speak;
mod think;
mod tool;
mod transcribe;

use std::sync::Arc;

use callplane_providers::{Egress, HttpClient, InvalidEndpoint};
use tokio::sync::Semaphore;

use crate::clock::Clock;
use crate::metrics::Metrics;

pub(crate) use known::KnownProvider;
use speak::Mute;
pub(crate) use think::{Answered, TokenCount};

/// Look-ups at once. Each has a connection to the database for words and one for each model of embeddings: what keeps
/// calls and their records needs the others.
const LOOK_UPS: usize = 2;

/// What asks the models of every call.
pub(crate) struct Models {
    http: HttpClient,
    at_once: Semaphore,
    look_ups: Semaphore,
    clock: Clock,
    metrics: Arc<Metrics>,
}

impl Models {
    /// Asks at most so much at once, of what `egress` lets through.
    pub(crate) fn new(
        egress: Egress,
        at_once: usize,
        clock: Clock,
        metrics: Arc<Metrics>,
    ) -> Result<Self, InvalidEndpoint> {
        Ok(Self {
            http: HttpClient::new(egress)?,
            at_once: Semaphore::new(at_once),
            look_ups: Semaphore::new(LOOK_UPS),
            clock,
            metrics,
        })
    }

    /// The connections to providers.
    pub(crate) fn http(&self) -> &HttpClient {
        &self.http
    }
}
