//! The rows of a KnowledgeBase.

use callplane_crds::KnowledgeBaseSpec;
use callplane_store::knowledge::projection::BaseSpec;

use super::validate::Valid;
use crate::controllers::projection::key;

/// Makes the rows.
pub(super) fn build(valid: Valid<'_>) -> BaseSpec {
    let Valid {
        object,
        spec_hash,
        base,
        documents,
    } = valid;
    let KnowledgeBaseSpec {
        description,
        text_search,
        embedding,
        documents: _,
    } = &base.spec;
    BaseSpec {
        object,
        spec_hash,
        description: description.clone(),
        text_search: text_search.configuration().to_owned(),
        embedding_provider: embedding
            .as_ref()
            .map(|embedding| key(base, &embedding.provider_ref)),
        documents,
    }
}
