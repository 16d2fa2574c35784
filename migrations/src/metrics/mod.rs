//! Figures over time. A worker rolls a day of calls up, again as often as it likes: a day is replaced,
//! not added to. Lists of calls are not counted when somebody looks at a chart.

mod agents;
mod calls;
mod usage;

pub use agents::{AgentDay, agent_days, roll_up_agents};
pub use calls::{CallDay, call_days, roll_up_calls};
pub use usage::{UsageDay, roll_up_usage, usage_days};
