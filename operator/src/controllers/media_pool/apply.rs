//! Makes it so: the budget, the pods that are missing, the pods that are too many.

use std::time::Duration;

use callplane_crds::{MediaPool, Network};
use callplane_kit::apply::{self as kit_apply, owner_reference};
use callplane_kit::{Next, delete};
use callplane_store::media_nodes::{self, MediaNode};
use kube::{Api, ResourceExt as _};

use super::build::{Prepared, build, node};
use super::dereference::References;
use super::plan::{Node, Plan, plan};
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

        let Plan {
            create,
            delete,
            waits_for_calls,
        } = self.decide(validated, references, &template.hash).await?;
        let pods = Api::namespaced(client.clone(), &validated.namespace);
        for ordinal in create {
            let pod = template.pod(&validated.name, ordinal);
            kit_apply::create(&pods, POD_MANAGER, &owner, pod)
                .await
                .map_err(Error::CreatePod)?;
        }
        for name in delete {
            if let Some(victim) = references.pods.iter().find(|pod| pod.name_any() == name) {
                delete::owned(&pods, &**victim, &owner.uid)
                    .await
                    .map_err(Error::DeletePod)?;
            }
        }
        if waits_for_calls {
            *next = Next::After(CALLS_POLL);
        }
        Ok(())
    }

    /// Plans first without the load of the nodes. Only a plan that lets a pod go depends on it, so the
    /// database is not asked while everything is as it should be, and is not needed to start pods.
    async fn decide(
        &self,
        validated: &Validated,
        references: &References,
        template: &str,
    ) -> Result<Plan, Error> {
        let surge = validated.spec.network == Network::PodNetwork;
        let blind = nodes(validated, references, template, None);
        let first = plan(&blind, validated.replicas, surge);
        if first.delete.is_empty() && !first.waits_for_calls {
            return Ok(first);
        }
        self.context.fence().await?;
        let heard = media_nodes::list(&self.context.database, validated.tenant_id)
            .await
            .map_err(Error::ReadLoad)?;
        let nodes = nodes(validated, references, template, Some(&heard));
        Ok(plan(&nodes, validated.replicas, surge))
    }
}

fn nodes(
    validated: &Validated,
    references: &References,
    template: &str,
    heard: Option<&[MediaNode]>,
) -> Vec<Node> {
    references
        .pods
        .iter()
        .filter_map(|pod| node(pod, &validated.name, template, heard))
        .collect()
}
