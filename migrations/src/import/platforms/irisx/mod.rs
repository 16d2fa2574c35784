//! IRISX: the ten tables of its phases 0 and 1. Those of phase 2, whose columns its document leaves
//! open, are not read.

mod calls;
mod people;
mod things;

use crate::import::run::{Mapping, Part};

pub(super) const MAPPING: Mapping = Mapping {
    tenants: "SELECT id::text FROM tenants ORDER BY id",
    parts: &[
        Part::Steps(people::STEPS),
        Part::Steps(things::STEPS),
        Part::Steps(calls::STEPS),
    ],
    remarks: &["Name, state, plan and limits of the tenant stay as its Tenant says."],
};
