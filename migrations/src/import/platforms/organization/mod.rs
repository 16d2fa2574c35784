//! The organization platform: the 15 models of its document and the three junctions of its diagram.
//!
//! Its identifiers are CUIDs: rows get one of ours that follows from theirs, which is noted in
//! `metadata.import` where a table has metadata.

mod agents;
mod calls;
mod people;

use crate::import::run::{Mapping, Part};

pub(super) const MAPPING: Mapping = Mapping {
    tenants: "SELECT id FROM \"Organization\" ORDER BY id",
    parts: &[
        Part::Steps(people::STEPS),
        Part::Steps(agents::STEPS),
        Part::Steps(calls::STEPS),
    ],
    remarks: &[
        "Name, slug and plan of the organization stay as its Tenant says.",
        "Agents, numbers, campaigns and conversation paths do nothing until an object of their name is applied.",
    ],
};
