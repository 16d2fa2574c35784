//! Campaign: calls to a list of recipients.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::reference::LocalReference;

/// `Campaign.spec.schedule.timeZone` for the zone of each recipient.
pub const RECIPIENT_ZONE: &str = "Recipient";

/// Calls an Agent makes to recipients. The recipients are rows in the tenant's database, imported
/// with `kubectl callplane campaign import`; the object says who calls, when and how fast.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Deserialize, Serialize)]
#[kube(
    group = "callplane.dev",
    version = "v1alpha1",
    kind = "Campaign",
    plural = "campaigns",
    shortname = "camp",
    category = "callplane",
    namespaced,
    status = "CampaignStatus",
    derive = "PartialEq",
    doc = "Calls an Agent makes to recipients: who calls, when and how fast.",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    ),
    printcolumn(name = "State", type_ = "string", json_path = ".spec.desiredState"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Done", type_ = "integer", json_path = ".status.progress.done"),
    printcolumn(
        name = "Total",
        type_ = "integer",
        json_path = ".status.progress.total"
    ),
    printcolumn(
        name = "Answered",
        type_ = "integer",
        json_path = ".status.progress.answered"
    ),
    printcolumn(name = "Busy", type_ = "integer", json_path = ".status.progress.busy"),
    printcolumn(
        name = "No Answer",
        type_ = "integer",
        json_path = ".status.progress.noAnswer"
    ),
    printcolumn(
        name = "Failed",
        type_ = "integer",
        json_path = ".status.progress.failed"
    ),
    printcolumn(
        name = "Unknown",
        type_ = "integer",
        json_path = ".status.progress.unknown",
        priority = 1
    ),
    printcolumn(
        name = "On DNC List",
        type_ = "integer",
        json_path = ".status.progress.onDncList",
        priority = 1
    ),
    printcolumn(
        name = "Agent",
        type_ = "string",
        json_path = ".spec.agentRef.name",
        priority = 1
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason",
        priority = 1
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct CampaignSpec {
    /// Name for people. The name of the object when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub display_name: Option<String>,

    /// The Agent that speaks.
    pub agent_ref: LocalReference,

    /// The PhoneNumber that calls are made with. Its `outbound.enabled` must be true; calls go out
    /// by its Trunk.
    pub caller_number_ref: LocalReference,

    /// Do-not-call lists that have to exist before anybody is called, by name; one that does not
    /// exist is created empty. A number on any list of the tenant is never called by any of its
    /// campaigns, whether the list is named here or not.
    #[serde(default)]
    #[schemars(schema_with = "crate::schema::dns_labels::<0, 16>")]
    pub dnc_lists: Vec<String>,

    /// When recipients may be called.
    #[serde(default)]
    pub schedule: Schedule,

    /// How fast.
    #[serde(default)]
    pub pacing: Pacing,

    /// Run: place calls. Pause: place no more; calls under way go on. Stop: the same, for ever.
    #[serde(default)]
    #[x_kube(validation = Rule::new("oldSelf != 'Stop' || self == 'Stop'")
        .message("a stopped campaign cannot start again; create another Campaign"))]
    pub desired_state: DesiredState,
}

/// What the owner of a campaign wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum DesiredState {
    /// Place calls.
    Run,
    /// Place no more calls for now. Nothing rings before somebody has said Run.
    #[default]
    Pause,
    /// Place no more calls, ever.
    Stop,
}

/// When recipients may be called.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Schedule {
    /// Hours and days.
    #[serde(default)]
    pub window: CallingWindow,

    /// The clock that the window is read on: `Recipient` for the zone of each recipient (the
    /// column `timeZone` of the import, else the zones that the number's country has; it must then
    /// be allowed in all of them), or one IANA zone such as Europe/Berlin for everybody.
    #[serde(default = "recipient_zone")]
    #[schemars(schema_with = "crate::schema::zone")]
    pub time_zone: String,
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            window: CallingWindow::default(),
            time_zone: recipient_zone(),
        }
    }
}

/// Hours and days.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.from < self.to")
        .message("from must be before to; a window does not span midnight")
)]
pub struct CallingWindow {
    /// First local time at which a call may be placed, as 09:00.
    #[serde(default = "default_from")]
    #[schemars(schema_with = "crate::schema::time_of_day")]
    pub from: String,

    /// Local time from which no call is placed any more, as 18:00; 24:00 is the end of the day.
    #[serde(default = "default_to")]
    #[schemars(schema_with = "crate::schema::time_of_day")]
    pub to: String,

    /// Local days of the week.
    #[serde(default = "workdays")]
    #[schemars(length(min = 1, max = 7))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub days: Vec<Day>,
}

impl Default for CallingWindow {
    fn default() -> Self {
        Self {
            from: default_from(),
            to: default_to(),
            days: workdays(),
        }
    }
}

/// A day of the week.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
pub enum Day {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

/// How fast a campaign calls.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pacing {
    /// Calls at once, ringing ones included.
    #[serde(default = "default_concurrency")]
    #[schemars(range(min = 1, max = 10_000))]
    pub max_concurrent_calls: i32,

    /// Seconds of ringing after which a call counts as not answered.
    #[serde(default = "default_ring")]
    #[schemars(range(min = 5, max = 120))]
    pub ring_seconds: i32,
}

impl Default for Pacing {
    fn default() -> Self {
        Self {
            max_concurrent_calls: default_concurrency(),
            ring_seconds: default_ring(),
        }
    }
}

/// What the operator has made of a Campaign, and how far it is.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CampaignStatus {
    /// Generation of the spec that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// Identifier of the tenant whose database has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,

    /// Identifier of the campaign in the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign_id: Option<String>,

    /// Where the campaign stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<CampaignPhase>,

    /// Recipients by outcome, at most 10 seconds old while the campaign runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<CampaignProgress>,

    /// Ready, Accepted, ResolvedRefs, Programmed; Reconciling and Stalled while they hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
}

/// Where a campaign stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum CampaignPhase {
    /// It places calls, or would if a window were open.
    Running,
    /// It places none until it is told to run.
    Paused,
    /// Every recipient has an outcome.
    Completed,
    /// It places none any more.
    Stopped,
}

/// Recipients by outcome. Those that are neither `done` nor `active` wait for their turn.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CampaignProgress {
    /// Recipients of the campaign.
    pub total: i64,
    /// Recipients that will not be called any more, whatever came of it: the sum of `answered`,
    /// `busy`, `noAnswer`, `failed`, `unknown` and `onDncList`. Whom the campaign reached is
    /// `answered` alone.
    pub done: i64,
    /// Recipients that are being dialled or talked to now.
    pub active: i64,
    /// Recipients that answered.
    pub answered: i64,
    /// Recipients that were busy.
    pub busy: i64,
    /// Recipients that did not answer while it rang.
    pub no_answer: i64,
    /// Recipients that could not be called: the number is wrong, or the carrier refused.
    pub failed: i64,
    /// Recipients whose call was lost with the media node that made it. They may have been talked
    /// to, so they are not called again.
    pub unknown: i64,
    /// Recipients that were not called because they are on a do-not-call list.
    pub on_dnc_list: i64,
    /// When these were counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Time>,
}

fn recipient_zone() -> String {
    RECIPIENT_ZONE.to_owned()
}

fn default_from() -> String {
    "09:00".to_owned()
}

fn default_to() -> String {
    "18:00".to_owned()
}

fn workdays() -> Vec<Day> {
    vec![Day::Mon, Day::Tue, Day::Wed, Day::Thu, Day::Fri]
}

fn default_concurrency() -> i32 {
    1
}

fn default_ring() -> i32 {
    30
}
