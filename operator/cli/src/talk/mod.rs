//! A conversation with an agent from files, without a telephone: what `chat` and `test` have in common.

mod asking;
mod conversation;
mod load;
mod model;

pub(crate) use self::asking::{Asking, Part};
pub(crate) use self::conversation::{Conversation, Happening, Interruption, Waits};
pub(crate) use self::load::{Loaded, Resources, graph_of, is_yaml, load, the_one};
pub(crate) use self::model::{model, needs_model};
