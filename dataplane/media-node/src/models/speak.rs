//! Has a voice of a provider speak.

use std::sync::Arc;
use std::time::Duration;

use callplane_call::{Clip, SampleRate};
use callplane_flow::SpeechUse;
use tokio::time::timeout;

use super::Models;
use super::known::{Asks, KnownProvider};
use super::question::{Kind, Question};

/// How long a text waits for other questions of the node: the voice is needed soon, and there is another one.
const TURN: Duration = Duration::from_millis(500);

/// No sound came of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mute;

impl Models {
    /// A text as the voice speaks it. What was spoken before is not asked for again, and who wants what is being spoken for
    /// another gets what comes of that.
    pub(crate) async fn speak(
        self: &Arc<Self>,
        provider: Option<Arc<KnownProvider>>,
        wishes: &SpeechUse,
        text: &str,
    ) -> Result<Clip, Mute> {
        let speaks = provider.filter(|provider| matches!(provider.asks, Asks::Speech(..)));
        let Some(provider) = speaks else {
            self.count(&wishes.provider, Kind::Speech, "no_provider");
            return Err(Mute);
        };
        let Asks::Speech(_, prompts) = &provider.asks else {
            return Err(Mute);
        };
        let spoken_as = format!("{} {}", wishes.voice, wishes.speed_percent);
        let asked = (Arc::clone(self), Arc::clone(&provider));
        let (wishes, wanted) = (wishes.clone(), text.to_owned());
        let speak = async move {
            let (models, provider) = asked;
            models.ask_voice(provider, &wishes, &wanted).await
        };
        let samples = prompts.get_or(&spoken_as, text, speak).await?;
        Ok(Clip::new(samples))
    }

    async fn ask_voice(
        &self,
        provider: Arc<KnownProvider>,
        wishes: &SpeechUse,
        text: &str,
    ) -> Result<Arc<[i16]>, Mute> {
        let Asks::Speech(model, _) = &provider.asks else {
            return Err(Mute);
        };
        let turn = timeout(TURN, self.at_once.acquire()).await;
        let _turn = turn.map_err(|_| Mute)?.map_err(|_| Mute)?;
        let question = Question::begin(self, Arc::clone(&provider), Kind::Speech).ok_or(Mute)?;
        let begun = self.clock.now();
        let SpeechUse {
            provider: name,
            voice,
            speed_percent,
        } = wishes;
        let spoken = model
            .synthesize(text, voice, *speed_percent, SampleRate::Narrowband)
            .await;
        question.end(spoken.as_ref().err());
        let spoken = spoken.map_err(|_| Mute)?;
        self.metrics.models.spoke(name, self.clock.now() - begun);
        Ok(spoken.into())
    }
}
