//! Speech that fails in the middle of a call.

use std::time::Duration;

use callplane_e2e::phones::Baresip;
use callplane_e2e::sound::{best_match, say, say_at};
use callplane_e2e::{PodProcesses, figure, until};
use tokio::task::JoinHandle;

use crate::first_call::presses;
use crate::tenant::{CALL, Options, Tenant};

const WORKER: &str = "callplane-speech";
/// What a media node says when it can neither speak nor listen; synthesised when it starts.
const APOLOGY: &str = "I am sorry, I have trouble speaking and listening right now. You can use the keys of your phone.";
/// Shorter than a worker takes to load its engines, so that none comes to serve.
const AGAIN: Duration = Duration::from_millis(50);

/// Keeps the speech workers of a pod dead until it is dropped: as often as one is started, it is killed.
struct KeptDead(JoinHandle<()>);

impl KeptDead {
    async fn of(processes: PodProcesses) -> Self {
        let killed = processes.signal(WORKER, "KILL").await.unwrap();
        assert!(killed > 0, "no speech worker was there to be killed");
        Self(tokio::spawn(async move {
            let mut again = tokio::time::interval(AGAIN);
            loop {
                again.tick().await;
                processes.signal(WORKER, "KILL").await.unwrap();
            }
        }))
    }
}

impl Drop for KeptDead {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[tokio::test]
#[ignore = "needs a cluster: make test"]
async fn the_caller_hears_an_apology_and_digits_work_while_the_speech_worker_is_dead() {
    let tenant = Tenant::ready("speechless", &Options::default()).await;
    let (pod, node) = tenant.node().await;
    let processes = PodProcesses::of(&tenant.cluster, &tenant.name, &pod)
        .await
        .unwrap();
    let silence = tenant.folder.join("silence.wav");
    say_at(&[], "rms", 60.0, &tenant.folder, &silence)
        .await
        .unwrap();
    let mut phone = Baresip::start(&tenant.folder, tenant.phone(6060), "+15550109999", &silence)
        .await
        .unwrap();
    phone.dial(&tenant.number(), node).await.unwrap();
    phone.event("CALL_ESTABLISHED", CALL).await.unwrap();
    until("the agent has spoken", CALL, async || {
        Ok((phone.heard()?.seconds() > 5.0).then_some(()))
    })
    .await
    .unwrap();
    let dead = KeptDead::of(processes).await;
    phone.press("1234").await.unwrap();
    phone.event("CALL_CLOSED", CALL).await.unwrap();

    let record = tenant.records(1).await.remove(0);
    assert_eq!(record["variables"]["code"], "1234");
    let last = record["messages"].as_array().unwrap().last().unwrap();
    assert_eq!(last["heardText"], APOLOGY, "{record}");
    let heard = phone.heard().unwrap().channel(0, 2000);
    let said = say(APOLOGY, "slt", &tenant.folder)
        .await
        .unwrap()
        .channel(0, 2000);
    let (likeness, _) = best_match(&heard, &said);
    figure(
        "apology while speech is dead: likeness of what the caller hears",
        format_args!("{likeness:.2}"),
        "",
        "> 0.8",
    )
    .unwrap();
    assert!(
        likeness > 0.8,
        "the apology was heard with a likeness of {likeness}"
    );

    drop(dead);
    spoken_to_again(&tenant).await;
}

/// The pause before the next start of a worker has grown meanwhile, so the first callers may get an apology too.
async fn spoken_to_again(tenant: &Tenant) {
    let mut calls = 1;
    until("a caller is spoken to again", CALL, async || {
        calls += 1;
        let phone = tenant.call(5070 + calls, &presses("5678")).await;
        phone.finish(CALL).await?;
        let record = tenant.records(usize::from(calls)).await.remove(0);
        anyhow::ensure!(record["variables"]["code"] == "5678", "{record}");
        let last = record["messages"].as_array().unwrap().last().unwrap();
        Ok((last["heardText"] == "You entered 5678. Goodbye.").then_some(()))
    })
    .await
    .unwrap();
}
