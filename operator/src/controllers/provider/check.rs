//! Whether the endpoint of a Provider is there and takes its key.

use std::time::Duration;

use callplane_crds::{Protocol, Provider, ProviderCheck, Reason};
use callplane_providers::{Endpoint, HttpClient, ModelError, Probed, probe};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;

/// How long an endpoint may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often one that answers is asked.
const WHILE_WELL: Duration = Duration::from_secs(600);
/// How often one that does not.
const WHILE_UNWELL: Duration = Duration::from_secs(60);

/// What is known of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Checked {
    /// For the status.
    pub(super) check: ProviderCheck,
    /// What the condition Reachable says; nothing if it goes on saying what it said.
    pub(super) news: Option<Result<(), Trouble>>,
}

/// Why an endpoint is of no use, as a person reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) reason: Reason,
    pub(super) message: String,
}

/// What the last check says, if it holds for this generation and this version of the Secret, and is young enough.
pub(super) fn still_good(
    last: Option<&ProviderCheck>,
    generation: Option<i64>,
    secret_version: Option<&str>,
    now: Timestamp,
) -> Option<Checked> {
    let last = last?;
    let is_same = last.generation == generation && last.secret_version.as_deref() == secret_version;
    // A clock that was set back makes it look older or younger; either way it is asked anew soon.
    let age = now.duration_since(last.at.0).unsigned_abs();
    (is_same && age < pause_after(last)).then(|| Checked {
        check: last.clone(),
        news: None,
    })
}

/// When to ask again.
pub(super) fn pause_after(check: &ProviderCheck) -> Duration {
    match check.error {
        None => WHILE_WELL,
        Some(_) => WHILE_UNWELL,
    }
}

/// Asks the endpoint.
pub(super) async fn ask(
    http: &HttpClient,
    provider: &Provider,
    protocol: Protocol<'_>,
    endpoint: &Endpoint,
    secret_version: Option<&str>,
    now: Timestamp,
) -> Checked {
    let probed = match protocol {
        Protocol::OpenaiChat(_)
        | Protocol::OpenaiTranscription(_)
        | Protocol::OpenaiSpeech(_)
        | Protocol::OpenaiEmbeddings(_) => Probed::Models,
        Protocol::Http(_) => Probed::Root,
    };
    let outcome = probe(http, endpoint, probed, PATIENCE)
        .await
        .map_err(|error| trouble(provider, protocol, &error));
    Checked {
        check: ProviderCheck {
            at: Time(now),
            generation: provider.metadata.generation,
            secret_version: secret_version.map(str::to_owned),
            error: outcome
                .as_ref()
                .err()
                .map(|trouble| trouble.message.clone()),
        },
        news: Some(outcome),
    }
}

/// What is wrong and what to do about it. Nothing that the endpoint said: it may repeat the key.
fn trouble(provider: &Provider, protocol: Protocol<'_>, error: &ModelError) -> Trouble {
    let url = format!("spec.{}.baseUrl", protocol.field());
    let (reason, message) = match error {
        ModelError::Unauthorized { status } => {
            let message = match &provider.spec.secret_ref {
                Some(secret) => format!(
                    "spec.secretRef: the endpoint refuses the key ({status}); put a valid one into the key `{}` of the \
                     Secret `{}`",
                    secret.key, secret.name
                ),
                None => format!(
                    "spec.secretRef: the endpoint wants a key ({status}); name the Secret that has it"
                ),
            };
            (Reason::AuthFailed, message)
        }
        ModelError::Forbidden => (
            Reason::Unreachable,
            format!(
                "{url}: its address is not public; ask the platform team to add the network to providers.privateNetworks \
                 of the chart"
            ),
        ),
        ModelError::Refused {
            status: 300..400, ..
        } => (
            Reason::Unreachable,
            format!("{url}: the endpoint redirects, which is not followed; write where it leads"),
        ),
        ModelError::Unavailable { status } | ModelError::Refused { status, .. } => (
            Reason::Unreachable,
            format!(
                "{url}: the endpoint answers {status} when it is asked whether it is there; look at its log"
            ),
        ),
        ModelError::TooSlow(_) => (
            Reason::Unreachable,
            format!(
                "{url}: the endpoint does not answer within {} s; look whether it is overloaded, and whether the \
                 operator may connect to it",
                PATIENCE.as_secs()
            ),
        ),
        ModelError::Connection
        | ModelError::Busy { .. }
        | ModelError::Cut
        | ModelError::TooLong
        | ModelError::Protocol(_) => (
            Reason::Unreachable,
            format!(
                "{url}: nobody answers there; look at host and port, and whether the operator may connect to it"
            ),
        ),
    };
    Trouble { reason, message }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controllers::projection::fixture::object;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_check_holds_for_its_spec_and_secret_and_for_a_while() {
        let last = ProviderCheck {
            at: Time(at(1_000)),
            generation: Some(1),
            secret_version: Some("7".to_owned()),
            error: None,
        };
        let good = |last: &ProviderCheck, generation, secret, now| {
            still_good(Some(last), Some(generation), secret, at(now)).is_some()
        };
        assert!(good(&last, 1, Some("7"), 1_599));
        assert!(!good(&last, 1, Some("7"), 1_600));
        assert!(!good(&last, 2, Some("7"), 1_001));
        assert!(!good(&last, 1, Some("8"), 1_001));
        assert!(!good(&last, 1, None, 1_001));
        assert_eq!(still_good(None, Some(1), None, at(0)), None);
        let failed = ProviderCheck {
            error: Some("no".to_owned()),
            ..last
        };
        assert!(good(&failed, 1, Some("7"), 1_059) && !good(&failed, 1, Some("7"), 1_060));
    }

    #[test]
    fn each_trouble_names_the_field_and_what_to_do() {
        let provider: Provider = object(
            "spec:
               openaiChat: {baseUrl: 'http://vllm.models:8000/v1', model: m}
               secretRef: {name: openai, key: api-key}",
        );
        let protocol = provider.spec.protocol().unwrap();
        let refused = |status| ModelError::Refused {
            status,
            reason: "sk-secret".to_owned(),
        };
        for (error, reason, sentence) in [
            (
                ModelError::Unauthorized { status: 401 },
                Reason::AuthFailed,
                "key `api-key` of the Secret `openai`",
            ),
            (
                ModelError::Forbidden,
                Reason::Unreachable,
                "providers.privateNetworks",
            ),
            (refused(302), Reason::Unreachable, "write where it leads"),
            (refused(418), Reason::Unreachable, "answers 418"),
            (
                ModelError::Connection,
                Reason::Unreachable,
                "spec.openaiChat.baseUrl: nobody answers",
            ),
        ] {
            let trouble = trouble(&provider, protocol, &error);
            assert_eq!(trouble.reason, reason);
            assert!(trouble.message.contains(sentence), "{}", trouble.message);
            assert!(!trouble.message.contains("sk-secret"));
        }
    }
}
