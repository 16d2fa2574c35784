//! `kubectl callplane chat`: an agent in the terminal.

mod conversation;
mod load;
mod screen;

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use callplane_crds::{ChatTimeouts, OpenaiChat};
use callplane_flow::graph::NodeKind;
use callplane_flow::{ModelUse, Program, Think, ThinkId, Thought, TransferEnd};
use callplane_providers::{
    ChatConfig, ChatLimits, ChatModel, Egress, Endpoint, HttpClient, ModelError, Usage,
};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines, Stdin};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use self::conversation::{Conversation, Happening, Waits};
use self::load::Loaded;
use self::screen::Screen;
use crate::arguments::{ChatArguments, ModelArguments};

/// How often a conversation that waits for the model is told that time passes.
const TICK: Duration = Duration::from_millis(100);
/// The model that is asked where neither files nor flags name one.
const OPENAI: &str = "https://api.openai.com/v1";
const OPENAI_MODEL: &str = "gpt-4o-mini";

/// Reads the agent, and talks until one side hangs up.
pub(crate) async fn run(arguments: &ChatArguments) -> anyhow::Result<()> {
    let Loaded { program, model } = load::load(&arguments.files, arguments.agent.as_deref())?;
    let model = self::model(&arguments.model, &program, model)?;
    let screen = Screen::new(std::io::stdout().is_terminal(), arguments.model.price);
    let variables = arguments.variables.iter().cloned();
    let chat = Chat {
        conversation: Conversation::begin(&program, variables),
        model,
        screen,
        lines: BufReader::new(tokio::io::stdin()).lines(),
        asked: None,
    };
    chat.talk().await
}

/// The model, if the agent needs one.
fn model(
    arguments: &ModelArguments,
    program: &Program,
    provider: Option<OpenaiChat>,
) -> anyhow::Result<Option<ChatModel>> {
    let needs_model = program.nodes().any(|(_, kind)| kind == NodeKind::Converse);
    if !needs_model {
        return Ok(None);
    }
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
    });
    Ok(Some(model.used_as(&wishes)))
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

/// What comes of a question to the model.
enum Part {
    Thought(Thought),
    Ended(Result<Usage, ModelError>),
}

/// A question that the model answers.
struct Asked {
    id: ThinkId,
    since: Instant,
    parts: mpsc::UnboundedReceiver<Part>,
    task: JoinHandle<()>,
}

struct Chat {
    conversation: Conversation,
    model: Option<ChatModel>,
    screen: Screen,
    lines: Lines<BufReader<Stdin>>,
    asked: Option<Asked>,
}

impl Chat {
    async fn talk(mut self) -> anyhow::Result<()> {
        self.screen.hint();
        loop {
            self.show();
            match self.conversation.waits() {
                Waits::Over => return Ok(()),
                Waits::Model => self.wait().await,
                Waits::Transfer => {
                    self.screen.ask_for_transfer();
                    match self.line().await?.as_deref() {
                        None => self.conversation.hang_up(),
                        Some("/notreached" | "/n") => {
                            self.conversation.transferred(TransferEnd::NotReached);
                        }
                        Some(_) => self.conversation.transferred(TransferEnd::Left),
                    }
                }
                Waits::Caller { speech, keys } => {
                    self.screen.prompt();
                    let line = self.line().await?;
                    self.caller(line.as_deref(), speech, keys);
                }
            }
        }
    }

    /// The next line, without its end; nothing when there is no more.
    async fn line(&mut self) -> anyhow::Result<Option<String>> {
        let line = self.lines.next_line().await?;
        Ok(line.map(|line| line.trim().to_owned()))
    }

    /// What the caller typed.
    fn caller(&mut self, line: Option<&str>, speech: bool, keys: bool) {
        match line {
            None | Some("/quit" | "/q") => {
                self.conversation.hang_up();
                self.screen.over("the caller hung up");
            }
            Some("/help" | "/h") => self.screen.help(),
            Some("/variables" | "/v") => self.screen.variables(&self.conversation.captured()),
            Some("" | "/silence" | "/s") => self.conversation.be_silent(),
            Some(line) => match line.strip_prefix("/keys ") {
                Some(pressed) if keys => self.conversation.press(pressed),
                Some(_) => self.screen.note("keys are no answer here"),
                None if line.starts_with('/') => self.screen.help(),
                None if speech => self.conversation.hear(line),
                None => self
                    .screen
                    .note("words are no answer here; press keys: /keys 12"),
            },
        }
    }

    /// Takes what the model says, while time passes.
    async fn wait(&mut self) {
        let Some(asked) = self.asked.as_mut() else {
            return self.conversation.wait(TICK);
        };
        let (id, since) = (asked.id, asked.since);
        let part = tokio::time::timeout(TICK, asked.parts.recv()).await;
        match part {
            Err(_) => self.conversation.wait(TICK),
            // What it took comes with the end.
            Ok(Some(Part::Thought(Thought::Done))) => {}
            Ok(Some(Part::Thought(thought))) => {
                if let Thought::Call(call) = &thought {
                    self.screen.call(call);
                }
                self.conversation.think(id, thought);
            }
            Ok(Some(Part::Ended(Ok(usage)))) => {
                self.screen.usage(usage, since.elapsed());
                self.asked = None;
                self.conversation.think(id, Thought::Done);
            }
            Ok(Some(Part::Ended(Err(error)))) => {
                self.screen.note(&error.to_string());
                self.asked = None;
                self.conversation.think(id, Thought::Failed);
            }
            Ok(None) => self.asked = None,
        }
    }

    fn show(&mut self) {
        while let Some(happening) = self.conversation.poll() {
            match happening {
                Happening::Think(think) => self.ask(think),
                Happening::StopThinking(id) => {
                    if let Some(asked) = self.asked.take_if(|asked| asked.id == id) {
                        asked.task.abort();
                    }
                }
                other => self.screen.show(&other),
            }
        }
        self.screen.news(&self.conversation.captured());
    }

    fn ask(&mut self, think: Think) {
        let Some(model) = self.model.clone() else {
            return;
        };
        let id = think.id;
        let (sender, parts) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            let part = |thought| drop(sender.send(Part::Thought(thought)));
            let ended = model.ask(&think, part).await;
            drop(sender.send(Part::Ended(ended)));
        });
        self.asked = Some(Asked {
            id,
            since: Instant::now(),
            parts,
            task,
        });
    }
}
