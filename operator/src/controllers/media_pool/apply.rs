//! Makes it so: the budget, the pods that are missing, the pods that are too many.

use std::time::Duration;

use callplane_crds::{MediaPool, Network, Reason};
use callplane_kit::apply::{self as kit_apply, owner_reference};
use callplane_kit::{Next, delete};
use callplane_store::media_nodes::{self, MediaNode};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::Timestamp;
use kube::{Api, ResourceExt as _};

use super::build::{Prepared, build, node};
use super::dereference::References;
use super::plan::{Node, Plan, plan};
use super::start;
use super::validate::Validated;
use super::{Error, MediaPoolController};

const BUDGET_MANAGER: &str = "callplane/media-pool-budget";
const POD_MANAGER: &str = "callplane/media-pool-pod";
/// How often to look whether the calls of a pod that a rollout waits for have ended.
const CALLS_POLL: Duration = Duration::from_secs(5);

impl MediaPoolController {
    pub(super) async fn apply(
        &self,
        pool: &MediaPool,
        validated: &Validated,
        references: &References,
        next: &mut Next,
    ) -> Result<(), Error> {
        let Prepared {
            template,
            disruption_budget,
        } = build(validated);
        let client = &self.context.kit.client;
        let owner = owner_reference(pool).map_err(Error::ApplyDisruptionBudget)?;
        let budgets = Api::namespaced(client.clone(), &validated.namespace);
        let live = references.disruption_budget.as_deref();
        kit_apply::owned(&budgets, BUDGET_MANAGER, &owner, live, disruption_budget)
            .await
            .map_err(Error::ApplyDisruptionBudget)?;

        let now = Timestamp::now();
        let (plan, unheard) = self
            .decide(validated, references, &template.hash, now)
            .await?;
        let Plan {
            create,
            delete,
            given_up,
            waits_for_calls,
        } = plan;
        let pods = Api::namespaced(client.clone(), &validated.namespace);
        for new in create {
            let pod = template.pod(&validated.name, new);
            kit_apply::create(&pods, POD_MANAGER, &owner, pod)
                .await
                .map_err(Error::CreatePod)?;
        }
        for name in delete {
            if let Some(victim) = references.pods.iter().find(|pod| pod.name_any() == name) {
                delete::owned(&pods, &**victim, &owner.uid)
                    .await
                    .map_err(Error::DeletePod)?;
                if given_up.contains(&name) {
                    self.tell_given_up(pool, victim).await;
                }
            }
        }
        *next = next_look(references, waits_for_calls, now);
        unheard.map_or(Ok(()), Err)
    }

    /// Plans first without the load of the nodes. Only a plan that lets a pod go depends on it, so the
    /// database is not asked while everything is as it should be. Nor is it needed to start pods: when
    /// only the clock gave reason to ask, the plan comes with the error.
    async fn decide(
        &self,
        validated: &Validated,
        references: &References,
        template: &str,
        now: Timestamp,
    ) -> Result<(Plan, Option<Error>), Error> {
        let surge = validated.spec.network == Network::PodNetwork;
        let blind = nodes(validated, references, template, None, now);
        let first = plan(&blind, validated.replicas, surge);
        let lets_go = !first.delete.is_empty() || first.waits_for_calls;
        let is_overdue = |node: &Node| node.is_overdue && !node.is_deleting;
        if !lets_go && !blind.iter().any(is_overdue) {
            return Ok((first, None));
        }
        match self.heard(validated).await {
            Ok(heard) => {
                let nodes = nodes(validated, references, template, Some(&heard), now);
                let mut plan = plan(&nodes, validated.replicas, surge);
                let mut overdue = nodes.iter().filter(|node| is_overdue(node));
                plan.waits_for_calls |= overdue.any(|node| !plan.delete.contains(&node.name));
                Ok((plan, None))
            }
            Err(error) if lets_go => Err(error),
            Err(error) => Ok((first, Some(error))),
        }
    }

    /// What the media nodes told the database.
    async fn heard(&self, validated: &Validated) -> Result<Vec<MediaNode>, Error> {
        self.context.fence().await?;
        media_nodes::list(&self.context.database, validated.tenant_id)
            .await
            .map_err(Error::ReadLoad)
    }

    async fn tell_given_up(&self, pool: &MediaPool, pod: &Pod) {
        let before = start::given_up_before(pod);
        let note = format!(
            "Pod `{}` ran for {} s without being ready and is given up; the next one gets {} s: \
             look at its log",
            pod.name_any(),
            start::patience(before).as_secs(),
            start::patience(before.saturating_add(1)).as_secs(),
        );
        let reason = Reason::PodsFailing.as_str();
        let events = &self.context.kit.events;
        events.warning(pool, "Replace", reason, &note).await;
    }
}

/// When to look again although nothing changed.
fn next_look(references: &References, waits_for_calls: bool, now: Timestamp) -> Next {
    let of_calls = waits_for_calls.then_some(CALLS_POLL);
    let staying = references
        .pods
        .iter()
        .filter(|pod| pod.metadata.deletion_timestamp.is_none());
    let of_start = staying
        .filter_map(|pod| start::given_up_at(pod))
        .filter_map(|at| Duration::try_from(at.duration_since(now)).ok())
        .filter(|left| !left.is_zero())
        .min();
    of_calls
        .into_iter()
        .chain(of_start)
        .min()
        .map_or(Next::Resync, Next::After)
}

fn nodes(
    validated: &Validated,
    references: &References,
    template: &str,
    heard: Option<&[MediaNode]>,
    now: Timestamp,
) -> Vec<Node> {
    references
        .pods
        .iter()
        .filter_map(|pod| node(pod, &validated.name, template, heard, now))
        .collect()
}
