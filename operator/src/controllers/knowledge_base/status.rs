//! The status of a KnowledgeBase: its row, and how far its documents are.

use callplane_crds::{ConditionType, DocumentCounts, FailedDocument, KnowledgeBaseStatus, Reason};
use callplane_kit::conditions::{Conditions, Summary};
use callplane_store::knowledge::projection::Progress;

use crate::controllers::projection::{Common, RowStatus};

impl RowStatus for KnowledgeBaseStatus {
    fn common(&mut self) -> Common<'_> {
        Common {
            observed_generation: &mut self.observed_generation,
            tenant_id: &mut self.tenant_id,
            row_id: &mut self.knowledge_base_id,
            conditions: &mut self.conditions,
        }
    }
}

/// Says which row it is, and how far its documents are.
pub(super) fn tell(status: &mut KnowledgeBaseStatus, progress: &Progress) {
    let KnowledgeBaseStatus {
        observed_generation: _,
        tenant_id: _,
        knowledge_base_id,
        documents,
        failed,
        conditions: _,
    } = status;
    let Progress {
        id,
        processing,
        ready,
        failed: not_read,
        failures,
    } = progress;
    *knowledge_base_id = Some(id.to_string());
    *documents = Some(DocumentCounts {
        total: processing + ready + not_read,
        processing: *processing,
        ready: *ready,
        failed: *not_read,
    });
    *failed = failures
        .iter()
        .map(|(name, message)| FailedDocument {
            name: name.clone(),
            message: message.clone(),
        })
        .collect();
}

/// Says whether every document can be searched. A KnowledgeBase is Ready when that is so.
pub(super) fn judge(conditions: &mut Conditions, progress: Option<&Progress>) {
    let kind = ConditionType::DocumentsReady.as_str();
    let Some(progress) = progress else {
        let message = "Looked at when everything else is right.";
        return conditions.keep(kind, Reason::Progressing.as_str(), message);
    };
    let is_ready = conditions.is_true(ConditionType::Ready.as_str());
    let (reason, message) = match progress {
        Progress {
            processing: 0,
            failed: 0,
            ..
        } => {
            let (reason, message) = (Reason::DocumentsRead, "Every document can be searched.");
            return conditions.set(kind, true, reason.as_str(), message);
        }
        Progress {
            processing: 0,
            failed,
            ..
        } => (
            Reason::DocumentsFailed,
            format!("{failed} could not be read; status.failed says of each what to do"),
        ),
        Progress { processing, .. } => (
            Reason::DocumentsProcessing,
            format!("{processing} are being read; agents find what is in the others"),
        ),
    };
    conditions.set(kind, false, reason.as_str(), &message);
    if !is_ready {
        return;
    }
    let is_over = progress.processing == 0;
    let reason = reason.as_str().to_owned();
    // A document that cannot be read comes right by somebody, one that is being read by itself.
    conditions.summarize(&match is_over {
        true => Summary::Stalled { reason, message },
        false => Summary::Progressing { reason, message },
    });
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
    use k8s_openapi::jiff::Timestamp;
    use uuid::Uuid;

    use super::*;

    fn progress(processing: i64, ready: i64, failed: i64) -> Progress {
        Progress {
            id: Uuid::nil(),
            processing,
            ready,
            failed,
            failures: (0..failed)
                .map(|one| (format!("d{one}"), "split it".to_owned()))
                .collect(),
        }
    }

    fn judged(progress: &Progress) -> Vec<Condition> {
        let mut conditions = Conditions::new(&[], Some(1), Timestamp::UNIX_EPOCH);
        conditions.summarize(&Summary::Ready);
        judge(&mut conditions, Some(progress));
        conditions.into_vec()
    }

    fn of<'a>(conditions: &'a [Condition], kind: &str) -> Option<(&'a str, &'a str)> {
        let found = conditions.iter().find(|one| one.type_ == kind)?;
        Some((found.status.as_str(), found.reason.as_str()))
    }

    #[test]
    fn a_knowledge_base_is_ready_when_every_document_can_be_searched() {
        let read = judged(&progress(0, 2, 0));
        assert_eq!(of(&read, "DocumentsReady"), Some(("True", "DocumentsRead")));
        assert_eq!(of(&read, "Ready"), Some(("True", "Ready")));
        let reading = judged(&progress(1, 1, 1));
        assert_eq!(
            of(&reading, "Ready"),
            Some(("False", "DocumentsProcessing"))
        );
        assert_eq!(
            of(&reading, "Reconciling"),
            Some(("True", "DocumentsProcessing"))
        );
        let failed = judged(&progress(0, 1, 1));
        assert_eq!(of(&failed, "Stalled"), Some(("True", "DocumentsFailed")));
    }

    #[test]
    fn the_status_counts_documents_and_names_those_that_failed() {
        let mut status = KnowledgeBaseStatus::default();
        tell(&mut status, &progress(1, 2, 3));
        let counts = status.documents.unwrap();
        assert_eq!(
            (counts.total, counts.processing, counts.ready, counts.failed),
            (6, 1, 2, 3)
        );
        assert_eq!(status.failed[2].name, "d2");
        assert_eq!(status.failed[2].message, "split it");
        tell(&mut status, &progress(0, 2, 0));
        assert_eq!(status.failed, []);
    }
}
