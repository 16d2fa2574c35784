//! Nodes that are reached from everywhere.

use std::sync::Arc;

use callplane_types::Instant;

use super::{Back, Run};
use crate::grammar::{Grammar, Meaning};
use crate::program::ProgramGlobal;

impl Run {
    /// The phrases of the global nodes that may be entered now.
    pub(super) fn add_globals(&self, now: Instant, grammar: &mut Grammar) {
        for (name, global) in self.open_globals(now) {
            for phrase in &global.phrases {
                grammar.add(phrase, Meaning::Global(name.to_owned()));
            }
        }
    }

    /// The keys of the global nodes that may be entered now.
    pub(super) fn global_keys(&self, now: Instant) -> impl Iterator<Item = char> {
        self.open_globals(now)
            .filter_map(|(_, global)| global.digit)
    }

    pub(super) fn global_by_key(&self, now: Instant, key: char) -> Option<String> {
        self.open_globals(now)
            .find(|(_, global)| global.digit == Some(key))
            .map(|(name, _)| name.to_owned())
    }

    /// Global nodes that speech or keys lead to, their guards asked now. A guard that fails keeps
    /// its node shut; that it failed shows when it stands on an edge.
    fn open_globals(&self, now: Instant) -> impl Iterator<Item = (&str, &ProgramGlobal)> {
        self.program.nodes.iter().filter_map(move |(name, node)| {
            let global = node.global.as_ref()?;
            let guard = global.condition.as_ref();
            let open = !global.is_conditional()
                && self.is_cool(now, name)
                && guard.is_none_or(|guard| guard.is_true(&self.variables) == Ok(true));
            open.then_some((name.as_str(), global))
        })
    }

    fn is_cool(&self, now: Instant, name: &str) -> bool {
        self.cooldowns.get(name).is_none_or(|until| now >= *until)
    }

    /// A question is answered or given up and `to` is next, unless the expression of a global node
    /// has become true: then that one, which may return to `to`.
    pub(super) fn turn_over(&mut self, now: Instant, to: String) {
        let program = Arc::clone(&self.program);
        let due = program.nodes.iter().find(|(name, node)| {
            let Some(global) = &node.global else {
                return false;
            };
            let condition = global.condition.as_ref();
            global.is_conditional()
                && **name != to
                && **name != self.node
                && self.is_cool(now, name)
                && condition.is_some_and(|it| it.is_true(&self.variables) == Ok(true))
        });
        // A global node that is left by an edge returns nowhere.
        self.back = None;
        match due.map(|(name, _)| name.clone()) {
            Some(name) => self.enter_global(now, name, Back::To(to)),
            None => self.advance(now, to),
        }
    }

    /// A global node was called for while the current question was asked for the `attempt`-th time.
    pub(super) fn interrupt(&mut self, now: Instant, name: String, attempt: u32) {
        let node = self.node.clone();
        self.enter_global(now, name, Back::Again { node, attempt });
    }

    /// Within a global node that returns, another one keeps the first place to return to, so that
    /// places never pile up.
    fn enter_global(&mut self, now: Instant, name: String, back: Back) {
        let program = Arc::clone(&self.program);
        let global = program
            .nodes
            .get(&name)
            .and_then(|node| node.global.as_ref());
        let Some(global) = global else {
            return self.fault();
        };
        self.cooldowns.insert(name.clone(), now + global.cooldown);
        if global.returns {
            self.back.get_or_insert(back);
            self.proceed(now, name);
        } else {
            self.advance(now, name);
        }
    }
}
