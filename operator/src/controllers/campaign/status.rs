//! The status of a Campaign: its conditions, and how far it is.

use callplane_crds::{CampaignPhase, CampaignProgress, CampaignStatus};
use callplane_store::campaigns::{Phase, Progress};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;

use super::COUNT_EVERY;
use super::apply::Applied;
use crate::controllers::projection::{Common, RowStatus};

impl RowStatus for CampaignStatus {
    fn common(&mut self) -> Common<'_> {
        Common {
            observed_generation: &mut self.observed_generation,
            tenant_id: &mut self.tenant_id,
            row_id: &mut self.campaign_id,
            conditions: &mut self.conditions,
        }
    }
}

/// Says which row it is and how far the campaign is.
pub(super) fn tell(
    status: &mut CampaignStatus,
    generation: Option<i64>,
    applied: &Applied,
    now: Timestamp,
) {
    let CampaignStatus {
        observed_generation,
        tenant_id: _,
        campaign_id,
        phase,
        progress,
        conditions: _,
    } = status;
    let phase_now = self::phase(applied.progress.phase);
    let is_news = *phase != phase_now || *observed_generation != generation;
    *campaign_id = Some(applied.id.to_string());
    *phase = phase_now;
    *progress = self::progress(progress.take(), &applied.progress, is_news, now);
}

/// The new counts, unless they are the same or the old ones are younger than 10 s: a campaign that
/// calls fast must not write to etcd as fast. A new phase is told at once.
fn progress(
    before: Option<CampaignProgress>,
    counted: &Progress,
    is_news: bool,
    now: Timestamp,
) -> Option<CampaignProgress> {
    let fresh = counts(counted, now);
    let Some(before) = before else {
        return Some(fresh);
    };
    let same = CampaignProgress {
        at: before.at.clone(),
        ..fresh.clone()
    } == before;
    let young = before
        .at
        .as_ref()
        .is_some_and(|at| now.duration_since(at.0).unsigned_abs() < COUNT_EVERY);
    Some(if same || (young && !is_news) {
        before
    } else {
        fresh
    })
}

fn counts(counted: &Progress, now: Timestamp) -> CampaignProgress {
    let Progress {
        phase: _,
        total,
        waiting: _,
        dialing,
        answered,
        busy,
        no_answer,
        failed,
        unknown,
        suppressed,
    } = *counted;
    let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    CampaignProgress {
        total: count(total),
        done: count(counted.finished()),
        active: count(dialing),
        answered: count(answered),
        busy: count(busy),
        no_answer: count(no_answer),
        failed: count(failed),
        unknown: count(unknown),
        on_dnc_list: count(suppressed),
        at: Some(Time(now)),
    }
}

fn phase(phase: Phase) -> Option<CampaignPhase> {
    match phase {
        // Neither has a spec that leads to it on this path.
        Phase::Draft | Phase::Failed => None,
        Phase::Scheduled | Phase::Running => Some(CampaignPhase::Running),
        Phase::Paused => Some(CampaignPhase::Paused),
        Phase::Completed => Some(CampaignPhase::Completed),
        Phase::Stopped => Some(CampaignPhase::Stopped),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(answered: u64) -> Progress {
        Progress {
            phase: Phase::Running,
            total: 5,
            waiting: 5 - answered,
            dialing: 0,
            answered,
            busy: 0,
            no_answer: 0,
            failed: 0,
            unknown: 0,
            suppressed: 0,
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn what_is_done_is_the_sum_of_the_outcomes() {
        let counted = Progress {
            phase: Phase::Running,
            total: 30,
            waiting: 5,
            dialing: 4,
            answered: 6,
            busy: 5,
            no_answer: 4,
            failed: 3,
            unknown: 2,
            suppressed: 1,
        };
        let told = counts(&counted, at(0));
        let sum = told.answered + told.busy + told.no_answer + told.failed;
        assert_eq!(told.done, sum + told.unknown + told.on_dnc_list);
        assert_eq!(
            told.total - told.done - told.active,
            5,
            "wait for their turn"
        );
    }

    #[test]
    fn the_same_counts_are_not_written_again() {
        let first = progress(None, &counted(1), true, at(0));
        assert_eq!(progress(first.clone(), &counted(1), false, at(100)), first);
    }

    #[test]
    fn counts_are_at_least_ten_seconds_apart() {
        let first = progress(None, &counted(1), true, at(0));
        assert_eq!(progress(first.clone(), &counted(2), false, at(9)), first);
        let later = progress(first, &counted(2), false, at(10)).unwrap();
        assert_eq!((later.answered, later.done), (2, 2));
    }

    #[test]
    fn a_new_phase_is_told_at_once() {
        let first = progress(None, &counted(1), true, at(0));
        let later = progress(first, &counted(5), true, at(1)).unwrap();
        assert_eq!(later.done, 5);
    }
}
