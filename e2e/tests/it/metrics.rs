//! Prometheus from Debian, scraping the pods.

use std::time::Duration;

use anyhow::Context;
use callplane_e2e::{get, run, until};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use tokio::process::Command;

use crate::first_call::presses;
use crate::tenant::{CALL, Options, Tenant};

#[tokio::test]
#[ignore = "needs a cluster: make test"]
async fn prometheus_scrapes_the_pods_and_promtool_finds_nothing() {
    let tenant = Tenant::ready("scraped", &Options::default()).await;
    tenant
        .call(5070, &presses("1234"))
        .await
        .finish(CALL)
        .await
        .unwrap();
    let metrics = tenant.metrics().await;
    run("promtool", &["check", "metrics"], metrics.text())
        .await
        .unwrap();
    for secret in ["+1555", "1234", "Hello"] {
        let leak = metrics.text().lines().find(|line| {
            !line.starts_with('#') && line.split('}').next().is_some_and(|l| l.contains(secret))
        });
        assert!(leak.is_none(), "{leak:?}");
    }

    let list = [
        "get",
        "pods",
        "-n",
        "callplane-system",
        "-l",
        "app.kubernetes.io/name=callplane",
        "-o",
        "json",
    ];
    let operators: Value =
        serde_json::from_str(&tenant.cluster.kubectl(&list).await.unwrap()).unwrap();
    let mut targets = vec![format!("{}:9090", tenant.node().await.1.ip())];
    for pod in operators["items"].as_array().unwrap() {
        let address = format!("{}:8080", pod["status"]["podIP"].as_str().unwrap());
        let text = get(&address, "/metrics").await.unwrap().body;
        run("promtool", &["check", "metrics"], &text).await.unwrap();
        targets.push(address);
    }

    let config = tenant.folder.join("prometheus.yml");
    let scrape = format!(
        "scrape_configs: [{{job_name: callplane, scrape_interval: 1s, static_configs: [{{targets: {targets:?}}}]}}]\n"
    );
    std::fs::write(&config, scrape).unwrap();
    let address = tenant.phone(9099).to_string();
    let log = std::fs::File::create(tenant.folder.join("prometheus.log")).unwrap();
    let _prometheus = Command::new("prometheus")
        .arg(format!("--config.file={}", config.display()))
        .arg(format!(
            "--storage.tsdb.path={}",
            tenant.folder.join("data").display()
        ))
        .arg(format!("--web.listen-address={address}"))
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .unwrap();

    for (query, wanted) in [
        ("sum(up)", targets.len().to_string()),
        ("sum(callplane_calls_total)", "1".to_owned()),
    ] {
        until(query, Duration::from_secs(30), async || {
            let found = ask(&address, query).await?;
            anyhow::ensure!(found == wanted, "{query} is {found}");
            Ok(Some(()))
        })
        .await
        .unwrap();
    }
    for query in queries_of_the_dashboard(&tenant).await {
        until(&query, Duration::from_secs(30), async || {
            ask(&address, &query).await.map(Some)
        })
        .await
        .unwrap();
    }
}

/// The first value that Prometheus has for a query.
async fn ask(address: &str, query: &str) -> anyhow::Result<String> {
    let query = utf8_percent_encode(query, NON_ALPHANUMERIC);
    let answer = get(address, &format!("/api/v1/query?query={query}")).await?;
    let value: Value = serde_json::from_str(&answer.body)?;
    let found = value["data"]["result"][0]["value"][1].as_str();
    found
        .map(str::to_owned)
        .with_context(|| format!("no sample yet: {}", answer.body))
}

/// What the dashboard that helm installed asks for, as Grafana would ask it of everything.
async fn queries_of_the_dashboard(tenant: &Tenant) -> Vec<String> {
    let name = "callplane-dashboard-calls";
    let get = [
        "get",
        "configmap",
        "-n",
        "callplane-system",
        name,
        "-o",
        "json",
    ];
    let map: Value = serde_json::from_str(&tenant.cluster.kubectl(&get).await.unwrap()).unwrap();
    let text = map["data"]["calls.json"].as_str().unwrap();
    let dashboard: Value = serde_json::from_str(text).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels
        .iter()
        .filter_map(|panel| panel["targets"].as_array())
        .flatten();
    let queries: Vec<String> = targets
        .map(|target| target["expr"].as_str().unwrap())
        // Nobody is refused here.
        .filter(|expr| !expr.contains("callplane_calls_rejected_total"))
        .map(|expr| {
            expr.replace("$namespace", ".*")
                .replace("$__rate_interval", "1m")
        })
        .collect();
    assert!(queries.len() > 20, "{queries:?}");
    queries
}
