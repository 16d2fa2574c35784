//! `kubectl callplane chat`: an agent in the terminal.

mod screen;

use std::collections::VecDeque;
use std::io::IsTerminal as _;

use callplane_flow::{Thought, ToolRun, TransferEnd};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines, Stdin};

use self::screen::Screen;
use crate::arguments::ChatArguments;
use crate::talk::{self, Asking, Conversation, Happening, Loaded, Part, Waits};

/// Reads the agent, and talks until one side hangs up.
pub(crate) async fn run(arguments: &ChatArguments) -> anyhow::Result<()> {
    let Loaded { program, provider } = talk::load(&arguments.files, arguments.agent.as_deref())?;
    let model = match talk::needs_model(&program) {
        true => Some(talk::model(&arguments.model, &program, provider)?),
        false => None,
    };
    let screen = Screen::new(std::io::stdout().is_terminal(), arguments.model.price);
    let variables = arguments.variables.iter().cloned();
    let chat = Chat {
        conversation: Conversation::begin(&program, variables, None),
        asking: Asking::new(model),
        running: VecDeque::new(),
        screen,
        lines: BufReader::new(tokio::io::stdin()).lines(),
    };
    chat.talk().await
}

struct Chat {
    conversation: Conversation,
    asking: Asking,
    /// Tools whose answer the person is asked for.
    running: VecDeque<ToolRun>,
    screen: Screen,
    lines: Lines<BufReader<Stdin>>,
}

impl Chat {
    async fn talk(mut self) -> anyhow::Result<()> {
        self.screen.hint();
        loop {
            self.show();
            match self.conversation.waits() {
                Waits::Over => return Ok(()),
                Waits::Model => self.wait().await,
                Waits::Tool => self.run_tool().await?,
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
        match self.asking.next(&mut self.conversation).await {
            None => {}
            Some(Part::Thought(id, thought)) => {
                if let Thought::Call(call) = &thought {
                    self.screen.call(call);
                }
                self.conversation.think(id, thought);
            }
            Some(Part::Ended(id, Ok(usage), took)) => {
                self.screen.usage(usage, took);
                self.conversation.think(id, Thought::Done);
            }
            Some(Part::Ended(id, Err(error), _)) => {
                self.screen.note(&error.to_string());
                self.conversation.think(id, Thought::Failed);
            }
        }
    }

    /// Asks what a tool answers: none is called from here.
    async fn run_tool(&mut self) -> anyhow::Result<()> {
        let Some(run) = self.running.pop_front() else {
            self.conversation
                .wait(std::time::Duration::from_millis(100));
            return Ok(());
        };
        self.screen.ask_for_answer(&run);
        let result = match self.line().await?.as_deref() {
            None => {
                self.conversation.hang_up();
                return Ok(());
            }
            Some("/fail" | "/f") => Err("it failed".to_owned()),
            Some("") => Ok("done".to_owned()),
            Some(line) => Ok(line.to_owned()),
        };
        self.conversation.tool_done(run.id, result);
        Ok(())
    }

    fn show(&mut self) {
        while let Some(happening) = self.conversation.poll() {
            match happening {
                Happening::Think(think) => self.asking.ask(think),
                Happening::StopThinking(id) => self.asking.stop(id),
                Happening::RunTool(run) => self.running.push_back(run),
                other => self.screen.show(&other),
            }
        }
        self.screen.news(&self.conversation.captured());
    }
}
