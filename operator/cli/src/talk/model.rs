//! The model that leads an agent's conversations, from files, flags and the environment.

use std::time::Duration;

use anyhow::Context as _;
use callplane_crds::{ChatTimeouts, OpenaiChat};
use callplane_flow::graph::NodeKind;
use callplane_flow::{ModelUse, Program};
use callplane_providers::{ChatConfig, ChatLimits, ChatModel, Egress, Endpoint, HttpClient};

use crate::arguments::ModelArguments;

/// The model that is asked where neither files nor flags name one.
const OPENAI: &str = "https://api.openai.com/v1";
const OPENAI_MODEL: &str = "gpt-4o-mini";

/// Whether a language model leads a part of the conversation.
pub(crate) fn needs_model(program: &Program) -> bool {
    program.nodes().any(|(_, kind)| kind == NodeKind::Converse)
}

/// The model: of the Agent's Provider, unless flags name another.
///
/// # Errors
/// When there is none, with what to do.
pub(crate) fn model(
    arguments: &ModelArguments,
    program: &Program,
    provider: Option<OpenaiChat>,
) -> anyhow::Result<ChatModel> {
    let key = std::env::var(&arguments.model_key_env)
        .ok()
        .filter(|key| !key.is_empty());
    let used = program.agent.model.as_ref();
    if let (Some(used), None, None) = (used, &provider, &arguments.model_url) {
        let name = used.provider.rsplit('/').next().unwrap_or_default();
        anyhow::bail!(
            "no file has the Provider {name} of the Agent: name it, too, or another server with --model-url"
        );
    }
    let (url, name, limits) = match provider {
        Some(OpenaiChat {
            base_url,
            model,
            timeouts,
        }) => (base_url, model, limits(&timeouts)),
        None => (
            OPENAI.to_owned(),
            OPENAI_MODEL.to_owned(),
            ChatLimits::default(),
        ),
    };
    let url = arguments.model_url.clone().unwrap_or(url);
    let is_openai = url.starts_with("https://api.openai.com");
    anyhow::ensure!(
        key.is_some() || !is_openai,
        "the agent lets a model talk: set {} to a key of OpenAI, or name another server with --model-url",
        arguments.model_key_env
    );
    let endpoint = Endpoint::new(&url, key.as_deref()).context("--model-url or the key")?;
    let http = HttpClient::new(Egress::everywhere())?;
    let config = ChatConfig {
        endpoint,
        model: name,
        limits,
    };
    let model = ChatModel::new(&http, config);
    let wishes = used.cloned().map(|wishes| ModelUse {
        model: arguments.model.clone().or(wishes.model),
        ..wishes
    });
    let wishes = wishes.unwrap_or_else(|| ModelUse {
        provider: String::new(),
        model: arguments.model.clone(),
        temperature_percent: None,
        max_tokens: None,
        fallbacks: Vec::new(),
    });
    Ok(model.used_as(&wishes))
}

fn limits(timeouts: &ChatTimeouts) -> ChatLimits {
    let ChatTimeouts {
        first_part_ms,
        stall_ms,
        total_ms,
    } = *timeouts;
    let millis = |millis: u32| Duration::from_millis(millis.into());
    ChatLimits {
        first_part: millis(first_part_ms),
        stall: millis(stall_ms),
        total: millis(total_ms),
        ..ChatLimits::default()
    }
}
