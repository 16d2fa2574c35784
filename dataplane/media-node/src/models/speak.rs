//! Has a voice of a provider speak.

use std::sync::Arc;

use callplane_call::{Clip, SampleRate};
use callplane_flow::SpeechUse;

use super::Models;
use super::known::{Asks, KnownProvider};
use super::question::{Kind, Question};

impl Models {
    /// A sentence as the voice speaks it; nothing while the provider fails. What was spoken before is not asked for again.
    pub(crate) async fn speak(
        &self,
        provider: Option<Arc<KnownProvider>>,
        wishes: &SpeechUse,
        text: &str,
    ) -> Option<Clip> {
        let SpeechUse {
            provider: name,
            voice,
            speed_percent,
        } = wishes;
        let Some(provider) = provider else {
            self.count(name, Kind::Speech, "no_provider");
            return None;
        };
        let Asks::Speech(model, prompts) = &provider.asks else {
            self.count(name, Kind::Speech, "no_provider");
            return None;
        };
        let speak = async {
            let _turn = self.at_once.acquire().await.ok()?;
            let question = Question::begin(self, Arc::clone(&provider), Kind::Speech)?;
            let begun = self.clock.now();
            let spoken = model
                .synthesize(text, voice, *speed_percent, SampleRate::Narrowband)
                .await;
            question.end(spoken.as_ref().err());
            let spoken = spoken.ok()?;
            let took = self.clock.now() - begun;
            self.metrics.models.spoke(&provider.name, took);
            Some(spoken.into())
        };
        let spoken_as = format!("{voice} {speed_percent}");
        let speak = async { speak.await.ok_or(()) };
        let samples = prompts.get_or(&spoken_as, text, speak).await;
        samples.ok().map(Clip::new)
    }
}
