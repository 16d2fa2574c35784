//! One tenant with a number, and a node that serves it.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use callplane_e2e::phones::{Caller, Sipp};
use callplane_e2e::{Metrics, download, get, until};
use callplane_flow::{AgentSettings, Graph, compile};
use callplane_keys::{DataKey, KeyRing};
use callplane_media_node::{Config, Running};
use callplane_store::campaigns::{
    self, CampaignSpec, DesiredState, NewRecipient, Recipient, WindowZone,
};
use callplane_store::tenants::Transcripts;
use callplane_store::test_util::{PostgresServer, TestDatabase, TestTenant};
use callplane_store::{ObjectRef, agents, flows, numbers, tenants, trunks};
use callplane_types::{CampaignId, Pii, TrunkId};
use clap::Parser as _;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::folder::Folder;

/// The number that the agent answers.
pub(crate) const NUMBER: &str = "+15551230001";
const NAMESPACE: &str = "acme";

/// Everything one test needs; dropped in order.
pub(crate) struct World {
    pub(crate) database: TestDatabase<'static>,
    pub(crate) tenant: TestTenant,
    pub(crate) folder: Folder,
    pub(crate) sip_port: u16,
    pub(crate) rtp_ports: u16,
}

impl World {
    /// A tenant with a trunk that lets loopback in, an agent that runs `graph`, and a number.
    pub(crate) async fn new(graph: Value) -> Self {
        Self::on(PostgresServer::shared().unwrap(), graph).await
    }

    /// As [`World::new`], with an agent of these settings.
    pub(crate) async fn with_agent(graph: Value, settings: AgentSettings) -> Self {
        let database = TestDatabase::create(PostgresServer::shared().unwrap())
            .await
            .unwrap();
        let tenant = database.tenant("acme").await.unwrap();
        Self::of_agent(database, tenant, graph, settings).await
    }

    /// As [`World::new`], with so many calls at once.
    pub(crate) async fn with_quota(graph: Value, calls: i64) -> Self {
        Self::with_quota_on(PostgresServer::shared().unwrap(), graph, calls).await
    }

    pub(crate) async fn with_quota_on(
        server: &'static PostgresServer,
        graph: Value,
        calls: i64,
    ) -> Self {
        let database = TestDatabase::create(server).await.unwrap();
        let mut spec = database.tenant_spec("acme");
        spec.quotas = [("concurrent_calls".to_owned(), Some(calls))].into();
        let tenant = database.tenant_of(spec).await.unwrap();
        Self::of(database, tenant, graph).await
    }

    pub(crate) async fn on(server: &'static PostgresServer, graph: Value) -> Self {
        let database = TestDatabase::create(server).await.unwrap();
        let tenant = database.tenant("acme").await.unwrap();
        Self::of(database, tenant, graph).await
    }

    /// As [`World::on`], with a tenant that keeps its transcripts so.
    pub(crate) async fn keeping(
        server: &'static PostgresServer,
        graph: Value,
        transcripts: Transcripts,
    ) -> Self {
        let database = TestDatabase::create(server).await.unwrap();
        let mut spec = database.tenant_spec("acme");
        spec.transcripts = transcripts;
        let tenant = database.tenant_of(spec).await.unwrap();
        Self::of(database, tenant, graph).await
    }

    /// The tenant asks for encrypted transcripts from now on.
    pub(crate) async fn encrypt(&self) {
        let (operator, fence) = (&self.database.operator, &self.database.fence);
        let mut spec = self.tenant.spec.clone();
        spec.transcripts = Transcripts::Encrypted;
        spec.spec_hash = "encrypted".to_owned();
        tenants::ensure(operator, fence, &spec).await.unwrap();
        tenants::project_anchor(operator, fence, self.tenant.id)
            .await
            .unwrap();
    }

    async fn of(database: TestDatabase<'static>, tenant: TestTenant, graph: Value) -> Self {
        Self::of_agent(database, tenant, graph, AgentSettings::default()).await
    }

    async fn of_agent(
        database: TestDatabase<'static>,
        tenant: TestTenant,
        graph: Value,
        settings: AgentSettings,
    ) -> Self {
        let world = Self {
            database,
            tenant,
            folder: Folder::new(),
            sip_port: free_port(),
            rtp_ports: rtp_block(),
        };
        world.write_secret();
        world.project(graph, settings).await;
        world
    }

    fn write_secret(&self) {
        let folder = self.folder.path().join("database");
        std::fs::create_dir_all(&folder).unwrap();
        for (name, text) in self.tenant.credentials.to_files() {
            std::fs::write(folder.join(name), text).unwrap();
        }
        let keys = keys().to_text();
        std::fs::write(folder.join("recordingKeys"), keys.as_bytes()).unwrap();
    }

    async fn project(&self, graph: Value, settings: AgentSettings) {
        let (operator, fence) = (&self.database.operator, &self.database.fence);
        let id = self.tenant.id;
        let trunk = trunks::TrunkSpec {
            id: TrunkId::new(Uuid::now_v7()),
            object: object("carrier"),
            spec_hash: "1".to_owned(),
            addresses: vec![self.carrier().to_string()],
            allowed_cidrs: vec!["127.0.0.0/8".to_owned()],
            transport: trunks::TrunkTransport::Udp,
            direction: trunks::TrunkDirection::Both,
            srtp: trunks::TrunkSrtp::Allowed,
            key_exchange: trunks::TrunkKeyExchange::Sdes,
            codecs: trunks::TrunkCodec::ALL.to_vec(),
            max_calls: None,
            auth: None,
        };
        trunks::project(operator, fence, id, &trunk).await.unwrap();
        let parsed: Graph = serde_json::from_value(graph.clone()).unwrap();
        let settings = AgentSettings {
            name: "reception".to_owned(),
            ..settings
        };
        let program = compile(&parsed, &settings).unwrap();
        let flow = flows::FlowSpec {
            object: object("order"),
            spec_hash: "1".to_owned(),
            kind: flows::FlowKind::Conversation,
            schema_version: "1".to_owned(),
            graph,
            nodes: parsed
                .nodes
                .iter()
                .map(|(name, node)| flows::FlowNode {
                    key: name.clone(),
                    kind: node.step().unwrap().kind().to_string(),
                    label: None,
                    config: json!({}),
                })
                .collect(),
            edges: Vec::new(),
        };
        flows::project(operator, fence, id, &flow).await.unwrap();
        let agent = agents::AgentSpec {
            object: object("reception"),
            spec_hash: "1".to_owned(),
            display_name: "Reception".to_owned(),
            prompt: None,
            first_sentence: None,
            max_concurrent_calls: None,
            flows: vec!["order".to_owned()],
            knowledge_bases: Vec::new(),
            spec: json!({}),
            program: program.to_json(),
        };
        agents::project(operator, fence, id, &agent).await.unwrap();
        let number = self.number("1");
        numbers::project(operator, fence, id, &number)
            .await
            .unwrap();
    }

    fn number(&self, spec_hash: &str) -> numbers::NumberSpec {
        numbers::NumberSpec {
            object: ObjectRef {
                uid: Uuid::from_u128(u128::from(self.sip_port) << 64 | 8),
                ..object("main")
            },
            spec_hash: spec_hash.to_owned(),
            number: NUMBER.parse().unwrap(),
            label: None,
            trunk: Some("carrier".to_owned()),
            agent: Some("reception".to_owned()),
            inbound: true,
            outbound: true,
        }
    }

    /// Puts another trunk in the place of the first, and its number on it; `keys` open its secret.
    pub(crate) async fn replace_trunk(&self, spec: &trunks::TrunkSpec, keys: &KeyRing) {
        let (operator, fence) = (&self.database.operator, &self.database.fence);
        let id = self.tenant.id;
        self.write_keys(keys);
        let old = trunks::list(&self.tenant.database).await.unwrap();
        let uid = old[0].uid.unwrap();
        trunks::remove(operator, fence, id, uid).await.unwrap();
        trunks::project(operator, fence, id, spec).await.unwrap();
        let number = self.number("2");
        numbers::project(operator, fence, id, &number)
            .await
            .unwrap();
    }

    /// Puts data keys into the tenant's Secret.
    pub(crate) fn write_keys(&self, keys: &KeyRing) {
        let folder = self.folder.path().join("database");
        std::fs::write(folder.join("dataKeys"), keys.to_text().as_bytes()).unwrap();
    }

    /// The flags of a node; `more` replace those before them.
    pub(crate) fn arguments(&self, more: &[&str]) -> Vec<String> {
        let folder = |name: &str| self.folder.path().join(name).display().to_string();
        let (database, data) = (folder("database"), folder("data"));
        let sip = self.sip_port.to_string();
        let rtp = format!("{}-{}", self.rtp_ports, self.rtp_ports + 79);
        let mut flags = vec![
            ("--tenant", self.tenant.spec.name.to_string()),
            ("--pool", "acme-media".to_owned()),
            ("--node", "acme-media-0".to_owned()),
            ("--address", "127.0.0.1".to_owned()),
            ("--bind", "127.0.0.1".to_owned()),
            ("--sip-port", sip),
            ("--rtp-ports", rtp),
            ("--database-dir", database),
            ("--data-dir", data),
            ("--metrics", "127.0.0.1:0".to_owned()),
            ("--control", "127.0.0.1:0".to_owned()),
            ("--media-threads", "1".to_owned()),
            // Tests share the machine with others, which is no reason to refuse their calls.
            ("--max-busy-percent", "100".to_owned()),
        ];
        flags.retain(|(flag, _)| !more.contains(flag));
        let flags = flags
            .into_iter()
            .flat_map(|(flag, value)| [flag.to_owned(), value]);
        flags
            .chain(more.iter().map(|more| (*more).to_owned()))
            .collect()
    }

    /// The settings of a node in this process.
    fn config(&self, more: &[&str]) -> Config {
        let program = "callplane-media-node".to_owned();
        Config::parse_from([program].into_iter().chain(self.arguments(more)))
    }

    /// Starts the node and waits until it is ready.
    pub(crate) async fn node(&self, more: &[&str]) -> Running {
        let running = callplane_media_node::start(self.config(more))
            .await
            .unwrap();
        let admin = running.admin_address();
        until("the node is ready", Duration::from_secs(20), async || {
            let response = get(&admin.to_string(), "/readyz").await?;
            Ok((response.status == 200).then_some(()))
        })
        .await
        .unwrap();
        running
    }

    pub(crate) fn sip(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.sip_port))
    }

    /// Waits until another node can take the SIP port: the agent of the last one may repeat a BYE
    /// for a while.
    pub(crate) async fn until_port_is_free(&self) {
        until(
            "the SIP port is free",
            Duration::from_secs(20),
            async || Ok(UdpSocket::bind(self.sip()).map(|_| Some(()))?),
        )
        .await
        .unwrap();
    }

    /// Where calls go out.
    pub(crate) fn carrier(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.sip_port + 1))
    }

    /// A campaign that runs, with these recipients.
    pub(crate) async fn campaign(&self, numbers: &[&str]) -> CampaignId {
        self.paced_campaign(numbers, 10).await
    }

    /// As [`World::campaign`], with at most so many calls at once.
    pub(crate) async fn paced_campaign(&self, numbers: &[&str], at_once: u32) -> CampaignId {
        let id = self.project_paced(DesiredState::Run, at_once).await;
        let recipients: Vec<NewRecipient> = numbers
            .iter()
            .zip(2..)
            .map(|(number, line)| NewRecipient {
                line,
                number: Pii::new((*number).to_owned()),
                name: None,
                time_zone: None,
                variables: serde_json::Map::new(),
            })
            .collect();
        let imported = campaigns::import(&self.tenant.database, id, &recipients).await;
        assert_eq!(imported.unwrap().inserted, numbers.len() as u64);
        id
    }

    /// Writes the campaign `spring` with a wanted state.
    pub(crate) async fn project_campaign(&self, desired_state: DesiredState) -> CampaignId {
        self.project_paced(desired_state, 10).await
    }

    async fn project_paced(&self, desired_state: DesiredState, at_once: u32) -> CampaignId {
        let spec = CampaignSpec {
            object: ObjectRef {
                uid: Uuid::from_u128(u128::from(self.sip_port) << 64 | 7),
                ..object("spring")
            },
            spec_hash: desired_state.as_str().to_owned(),
            display_name: "Spring".to_owned(),
            desired_state,
            agent: "reception".to_owned(),
            caller_number: "main".to_owned(),
            dnc_lists: vec!["optout".to_owned()],
            window: None,
            zone: WindowZone::Recipient,
            max_concurrent_calls: at_once,
            calls_per_minute: None,
            ring_seconds: 3,
            max_attempts: 1,
            retry_backoff_seconds: 60,
        };
        let (operator, fence) = (&self.database.operator, &self.database.fence);
        campaigns::project(operator, fence, self.tenant.id, &spec)
            .await
            .unwrap()
    }

    /// The recipients of a campaign once none is open any more.
    pub(crate) async fn settled(&self, campaign: CampaignId) -> Vec<Recipient> {
        let database = &self.tenant.database;
        until(
            "the campaign is over",
            Duration::from_secs(30),
            async || {
                let progress = campaigns::progress(database, campaign).await?;
                Ok((progress.waiting + progress.dialing == 0).then_some(()))
            },
        )
        .await
        .unwrap();
        campaigns::recipients(database, campaign, None, 100)
            .await
            .unwrap()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// SIPp calls our number.
    pub(crate) fn call(&self, caller: &Caller, calls: u32) -> Sipp {
        let local = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let folder = self.folder.path().join("phones");
        Sipp::call(&folder, local, self.sip(), NUMBER, caller, calls).unwrap()
    }

    /// The document of the call from `number` once it is in the database.
    pub(crate) async fn ended_call_from(&self, node: &Running, number: &str) -> Value {
        let control = node.control_address();
        until(
            "the call is recorded",
            Duration::from_secs(15),
            async || {
                let calls = json_of(control, "/v1/calls?limit=100").await?;
                let calls = calls["calls"].as_array().cloned().unwrap_or_default();
                let Some(call) = calls
                    .iter()
                    .find(|call| call["from"] == number && !call["durationSeconds"].is_null())
                else {
                    return Ok(None);
                };
                let id = call["id"].as_str().unwrap_or_default();
                Ok(Some(json_of(control, &format!("/v1/calls/{id}")).await?))
            },
        )
        .await
        .unwrap()
    }

    /// The document of the newest call once it has ended and is in the database.
    pub(crate) async fn ended_call(&self, node: &Running) -> Value {
        let control = node.control_address();
        until(
            "the call is recorded",
            Duration::from_secs(15),
            async || {
                let calls = json_of(control, "/v1/calls?limit=1").await?;
                let call = &calls["calls"][0];
                if call["durationSeconds"].is_null() {
                    return Ok(None);
                }
                let id = call["id"].as_str().unwrap_or_default();
                Ok(Some(json_of(control, &format!("/v1/calls/{id}")).await?))
            },
        )
        .await
        .unwrap()
    }
}

/// What the node tells Prometheus.
pub(crate) async fn metrics(node: &Running) -> Metrics {
    Metrics::scrape(&node.admin_address().to_string())
        .await
        .unwrap()
}

/// Waits until the dialer has looked at every campaign twice more: the second look began after this
/// did, so what the campaigns said then has been obeyed.
pub(crate) async fn until_looked(node: &Running) {
    const ROUNDS: &str = "callplane_dialer_rounds_total";
    let before = metrics(node).await.sum(ROUNDS, &[]);
    until("the dialer looks", Duration::from_secs(20), async || {
        let rounds = metrics(node).await.sum(ROUNDS, &[]);
        Ok((rounds >= before + 2.0).then_some(()))
    })
    .await
    .unwrap();
}

/// GET of the control API.
pub(crate) async fn json_of(control: SocketAddr, path: &str) -> anyhow::Result<Value> {
    let response = get(&control.to_string(), path).await?;
    Ok(serde_json::from_str(&response.body)?)
}

/// The recording of a call, as the control API plays it; `None` while there is none.
pub(crate) async fn recording_of(
    control: SocketAddr,
    call: &str,
) -> anyhow::Result<Option<Vec<u8>>> {
    let path = format!("/v1/calls/{call}/recording");
    match download(&control.to_string(), &path, None).await? {
        (200, wav) => Ok(Some(wav)),
        (404, _) => Ok(None),
        (status, _) => anyhow::bail!("{path}: {status}"),
    }
}

/// Data keys of a tenant, for its Secret.
pub(crate) fn keys() -> KeyRing {
    KeyRing::new(DataKey::generate().unwrap())
}

pub(crate) fn object(name: &str) -> ObjectRef {
    ObjectRef {
        namespace: Some(NAMESPACE.to_owned()),
        name: name.to_owned(),
        uid: Uuid::now_v7(),
        generation: 1,
    }
}

/// An even port that nobody listens on, with those above it that a phone has its media on. **Not one of those that the
/// system gives to whoever asks for any**: another test would get it before the phone that it is for has it.
pub(crate) fn free_port() -> u16 {
    const FIRST: u16 = 10_000;
    const BLOCKS: u16 = 250;
    const BLOCK: u16 = 24;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let of_process = (std::process::id() % 250) as u16;
    loop {
        let block = (of_process + NEXT.fetch_add(1, Ordering::Relaxed) % BLOCKS) % BLOCKS;
        let port = FIRST + block * BLOCK;
        let udp = |port| UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
        if tcp && udp(port) && udp(port + 1) {
            return port;
        }
    }
}

/// A port for SIP, with another for the control of the phone a thousand above it, which is in the middle of a block.
pub(crate) fn phone_port() -> u16 {
    loop {
        let port = free_port();
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port + 1_000)).is_ok() {
            return port;
        }
    }
}

/// Eighty ports for one test.
fn rtp_block() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let process = (std::process::id() % 32) as u16;
    17_000 + process * 200 + NEXT.fetch_add(1, Ordering::Relaxed) % 16 * 80
}

/// Says hello in tones, takes four digits, says goodbye.
pub(crate) fn digits_flow() -> Value {
    json!({
        "start": "pin",
        "nodes": {
            "pin": {
                "collect": {
                    "variable": "pin", "prompt": "Enter your number.", "type": "digits",
                    "input": "digits", "digits": {"min": 4, "max": 4}, "timeoutSeconds": 5,
                },
                "edges": [{"to": "bye", "event": "noInput"}, {"to": "bye", "event": "noMatch"}, {"to": "done"}],
            },
            "bye": {"hangup": {"outcome": "gave_up"}},
            "done": {"hangup": {"text": "Goodbye.", "outcome": "ordered"}},
        },
    })
}
