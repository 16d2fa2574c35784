//! Which pods to create and which to delete: a decision without a clock and without a client.
//!
//! **A pod that carries calls is deleted only when the pool has to shrink and no idle one is left**,
//! and then it ends its calls first (SIGTERM, `maxDrainSeconds`). An unknown load is no load of zero.

/// What is known about the calls of a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Calls {
    /// So many; heard from the node itself within its lease.
    Known(u32),
    /// The node is silent or the database was not asked.
    Unknown,
}

/// A pod of the pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Name of the pod.
    pub name: String,
    /// The number at the end of its name.
    pub ordinal: usize,
    /// It was built from the present template.
    pub is_current: bool,
    /// It takes calls.
    pub is_ready: bool,
    /// It is on its way out.
    pub is_deleting: bool,
    /// All its containers have ended for good, as after an eviction.
    pub is_finished: bool,
    /// It runs, and had its time to become ready.
    pub is_overdue: bool,
    /// How many pods in a row before it were given up because they were overdue.
    pub given_up_before: u32,
    /// Its calls.
    pub calls: Calls,
}

/// A pod to create.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewPod {
    /// Its number.
    pub ordinal: usize,
    /// How many pods were given up that it comes in the place of.
    pub given_up_before: u32,
}

/// What to do now. Empty when everything is as it should be or something has to be waited for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Pods to create.
    pub create: Vec<NewPod>,
    /// Names of pods to delete.
    pub delete: Vec<String>,
    /// Those of them that are given up: of the present template, overdue, without calls.
    pub given_up: Vec<String>,
    /// Calls have to end before it goes on: look at the load again soon.
    pub waits_for_calls: bool,
}

/// Plans for `replicas` pods. With `surge` a rollout has one pod more than that for a while; without,
/// as with HostNetwork where a node has room for one pod of a pool, one fewer.
#[must_use]
pub fn plan(nodes: &[Node], replicas: usize, surge: bool) -> Plan {
    let mut plan = Plan::default();
    for node in nodes {
        if node.is_finished && !node.is_deleting {
            plan.delete.push(node.name.clone());
        }
    }
    let mut living: Vec<&Node> = nodes
        .iter()
        .filter(|node| !node.is_deleting && !node.is_finished)
        .collect();
    let tries = drop_stuck(&mut plan, &mut living);
    let is_rolling = living.iter().any(|node| !node.is_current);
    let room = replicas + usize::from(is_rolling && surge && replicas > 0);
    shrink(&mut plan, &mut living, room);
    if is_rolling {
        roll(&mut plan, &living, nodes, replicas, surge);
    }
    grow(
        &mut plan,
        nodes,
        &tries,
        replicas.saturating_sub(living.len())
            + usize::from(is_rolling && surge && can_surge(&living, replicas)),
    );
    plan
}

/// Takes out of `living` what neither takes calls nor has any: outdated pods at once, because they
/// are in the way of their repair; present ones when they are overdue. Gives back which tries those
/// are that come in the place of the latter, the latest first.
fn drop_stuck(plan: &mut Plan, living: &mut Vec<&Node>) -> Vec<u32> {
    let mut tries = Vec::new();
    living.retain(|node| {
        let is_stuck = !node.is_ready
            && node.calls == Calls::Known(0)
            && (!node.is_current || node.is_overdue);
        if is_stuck {
            plan.delete.push(node.name.clone());
            if node.is_current {
                plan.given_up.push(node.name.clone());
                tries.push(node.given_up_before.saturating_add(1));
            }
        }
        !is_stuck
    });
    tries.sort_unstable_by(|a, b| b.cmp(a));
    tries
}

/// Deletes what is above `room`: outdated before current, not ready before ready, idle before busy,
/// the least busy before the busiest, high numbers before low ones.
fn shrink(plan: &mut Plan, living: &mut Vec<&Node>, room: usize) {
    if living.len() <= room {
        return;
    }
    living.sort_by_key(|node| {
        let is_idle = node.calls == Calls::Known(0);
        (
            !is_idle,
            node.is_current,
            node.is_ready,
            node.calls,
            usize::MAX - node.ordinal,
        )
    });
    for victim in living.drain(..living.len() - room) {
        plan.delete.push(victim.name.clone());
    }
}

/// Lets one outdated pod go when it is idle and the others hold the pool up.
fn roll(plan: &mut Plan, living: &[&Node], nodes: &[Node], replicas: usize, surge: bool) {
    let current_are_ready = living
        .iter()
        .filter(|node| node.is_current)
        .all(|node| node.is_ready);
    let one_is_leaving = !plan.delete.is_empty() || nodes.iter().any(|node| node.is_deleting);
    let enough = if surge {
        // A pod that drains is no reason to wait: it is replaced already.
        living.len() > replicas
    } else {
        living.len() >= replicas && !one_is_leaving
    };
    if !current_are_ready || !enough {
        return;
    }
    let idle = living
        .iter()
        .filter(|node| !node.is_current && node.calls == Calls::Known(0))
        .max_by_key(|node| node.ordinal);
    match idle {
        Some(idle) => plan.delete.push(idle.name.clone()),
        None => plan.waits_for_calls = true,
    }
}

/// The next new pod of a rollout may come when the last one takes calls.
fn can_surge(living: &[&Node], replicas: usize) -> bool {
    living.len() == replicas
        && living
            .iter()
            .filter(|node| node.is_current)
            .all(|node| node.is_ready)
}

/// Creates what is missing, under the lowest free numbers. A number is free when no pod of it is left,
/// not even one that drains.
fn grow(plan: &mut Plan, nodes: &[Node], tries: &[u32], missing: usize) {
    let is_free = |ordinal: &usize| nodes.iter().all(|node| node.ordinal != *ordinal);
    let tries = tries.iter().copied().chain(std::iter::repeat(0));
    plan.create = (0..)
        .filter(is_free)
        .zip(tries)
        .map(|(ordinal, given_up_before)| NewPod {
            ordinal,
            given_up_before,
        })
        .take(missing)
        .collect();
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `0` idle, `3` three calls, `?` unknown; then letters: `o` outdated, `n` not ready, `l` not ready
    /// for too long, `d` deleting, `f` finished.
    fn nodes(text: &str) -> Vec<Node> {
        text.split_whitespace()
            .enumerate()
            .map(|(ordinal, text)| Node {
                name: format!("p-{ordinal}"),
                ordinal,
                is_current: !text.contains('o'),
                is_ready: !text.contains(['n', 'l', 'f']),
                is_deleting: text.contains('d'),
                is_finished: text.contains('f'),
                is_overdue: text.contains('l'),
                given_up_before: 0,
                calls: text[..1].parse().map_or(Calls::Unknown, Calls::Known),
            })
            .collect()
    }

    fn ordinals(plan: &Plan) -> Vec<usize> {
        plan.create.iter().map(|new| new.ordinal).collect()
    }

    #[test]
    fn pods_are_created_and_deleted_as_the_table_says() {
        for (what, pods, replicas, surge, create, delete) in [
            ("nothing there", "", 2, true, vec![0, 1], vec![]),
            ("as it should be", "0 3", 2, true, vec![], vec![]),
            ("scaled to zero", "0 2", 0, true, vec![], vec!["p-0", "p-1"]),
            ("one was evicted", "0 0f", 2, true, vec![2], vec!["p-1"]),
            (
                "one drains, its number is taken",
                "2d 0",
                2,
                true,
                vec![2],
                vec![],
            ),
            (
                "shrinks by the idle one",
                "4 0 2",
                2,
                true,
                vec![],
                vec!["p-1"],
            ),
            (
                "shrinks by the one with fewest calls",
                "4 3 5",
                2,
                true,
                vec![],
                vec!["p-1"],
            ),
            (
                "an unknown load is the last to go",
                "? 3",
                1,
                true,
                vec![],
                vec!["p-1"],
            ),
            (
                "one whose load is unknown stays",
                "0 ?n 0",
                2,
                true,
                vec![],
                vec!["p-2"],
            ),
            (
                "one that does not start goes first",
                "0 0n 0",
                2,
                true,
                vec![],
                vec!["p-1"],
            ),
            (
                "of two idle ones the higher number",
                "0 0 1",
                2,
                true,
                vec![],
                vec!["p-1"],
            ),
            ("rollout adds one first", "0o 0o", 2, true, vec![2], vec![]),
            (
                "rollout waits until it takes calls",
                "0o 0o 0n",
                2,
                true,
                vec![],
                vec![],
            ),
            (
                "then lets an idle one go",
                "4o 0o 0",
                2,
                true,
                vec![],
                vec!["p-1"],
            ),
            ("and replaces the next", "4o 0d 0", 2, true, vec![3], vec![]),
            ("never a busy one", "4o 0 0", 2, true, vec![], vec![]),
            (
                "on the host's network one goes first",
                "0o 0o",
                2,
                false,
                vec![],
                vec!["p-1"],
            ),
            ("and comes back", "0o 0od", 2, false, vec![2], vec![]),
            ("before the next goes", "0o 0n", 2, false, vec![], vec![]),
            (
                "a broken template is replaced at once",
                "0on 0on",
                2,
                true,
                vec![2, 3],
                vec!["p-0", "p-1"],
            ),
            (
                "shrink and rollout: outdated idle first",
                "0 0o 3o",
                1,
                true,
                vec![],
                vec!["p-1"],
            ),
        ] {
            let plan = plan(&nodes(pods), replicas, surge);
            assert_eq!(ordinals(&plan), create, "{what}");
            assert_eq!(plan.delete, delete, "{what}");
        }
    }

    #[test]
    fn a_pod_that_runs_and_takes_no_calls_is_given_up_and_the_next_try_knows() {
        for (what, pods, create, given_up) in [
            ("has its time", "0n 0", vec![], vec![]),
            ("had its time", "0l 0", vec![(2, 5)], vec!["p-0"]),
            ("may have calls", "?l 0", vec![], vec![]),
            ("has calls", "2l 0", vec![], vec![]),
            (
                "all of them",
                "0l 0l",
                vec![(2, 5), (3, 5)],
                vec!["p-0", "p-1"],
            ),
            (
                "one more is missing",
                "0l",
                vec![(1, 5), (2, 0)],
                vec!["p-0"],
            ),
            // Its repair is a new first try.
            ("is outdated", "0lo 0", vec![(2, 0)], vec![]),
            ("is on its way out", "0ld 0", vec![(2, 0)], vec![]),
        ] {
            let mut pods = nodes(pods);
            for pod in &mut pods {
                pod.given_up_before = 4;
            }
            let plan = plan(&pods, 2, true);
            let tries: Vec<_> = plan
                .create
                .iter()
                .map(|new| (new.ordinal, new.given_up_before))
                .collect();
            assert_eq!(tries, create, "{what}");
            assert_eq!(plan.given_up, given_up, "{what}");
        }
    }

    #[test]
    fn a_rollout_that_waits_for_calls_says_so() {
        assert!(plan(&nodes("4o 0 0"), 2, true).waits_for_calls);
        assert!(plan(&nodes("4o ?o 0"), 2, true).waits_for_calls);
        assert!(!plan(&nodes("4 0"), 2, true).waits_for_calls);
    }

    #[test]
    fn a_rollout_ends_with_every_pod_replaced_and_never_fewer_than_asked_for() {
        let mut pods = nodes("0o 0o 0o");
        for _ in 0..20 {
            let step = plan(&pods, 3, true);
            pods.retain(|pod| !step.delete.contains(&pod.name));
            for new in step.create {
                pods.push(Node {
                    name: format!("p-{}", new.ordinal),
                    ordinal: new.ordinal,
                    is_current: true,
                    is_ready: true,
                    is_deleting: false,
                    is_finished: false,
                    is_overdue: false,
                    given_up_before: 0,
                    calls: Calls::Known(0),
                });
            }
            assert!(pods.iter().filter(|pod| pod.is_ready).count() >= 3);
        }
        assert_eq!(pods.len(), 3);
        assert!(pods.iter().all(|pod| pod.is_current));
    }
}
