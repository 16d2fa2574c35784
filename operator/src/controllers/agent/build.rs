//! The row of an Agent, and of the version that its Program is.

use callplane_store::agents::AgentSpec;

use super::validate::Valid;
use crate::controllers::projection::fingerprint;

/// What should be in the database.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) agent: AgentSpec,
}

/// Makes the rows. The same spec and Program are the same version.
pub(super) fn build(valid: Valid) -> Prepared {
    let Valid {
        object,
        spec,
        flow,
        program,
    } = valid;
    let program = program.to_json();
    let spec_json = serde_json::to_value(&spec).expect("a spec is maps with texts as keys");
    Prepared {
        agent: AgentSpec {
            spec_hash: fingerprint(&(&spec_json, &program)),
            display_name: spec.display_name.unwrap_or_else(|| object.name.clone()),
            object,
            prompt: spec.prompt,
            first_sentence: spec.first_sentence,
            max_concurrent_calls: None,
            flows: vec![flow],
            knowledge_bases: spec
                .knowledge_bases
                .into_iter()
                .map(|named| named.name)
                .collect(),
            spec: spec_json,
            program,
        },
    }
}
