//! What this node knows without asking: numbers, trunks, programs.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use callplane_call::{Codec, KeyExchange, MediaSecurity};
use callplane_flow::{AgentSettings, AudioCodec, Program};
use callplane_store::routes::{Route, RoutedAgent};
use callplane_store::tenants::Transcripts;
use callplane_store::trunks::{
    Trunk, TrunkCodec, TrunkDirection, TrunkKeyExchange, TrunkSrtp, TrunkTransport,
};
use callplane_types::{AgentId, E164, TrunkId};
use tokio::time::timeout;
use uuid::Uuid;

use super::network::Network;
use super::prices::Prices;
use crate::models::KnownProvider;

/// How long name servers may take.
const LOOK_UP: Duration = Duration::from_secs(1);

/// A snapshot, replaced whole. **Calls are answered from it alone**, so that they are answered while
/// PostgreSQL is down.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    routes: HashMap<E164, Route>,
    trunks: Vec<KnownTrunk>,
    programs: HashMap<Uuid, Arc<LoadedProgram>>,
    /// By `namespace/name`, as Programs name them.
    providers: HashMap<String, Arc<KnownProvider>>,
    /// By name, where browsers call agents by theirs: the current version.
    agents: HashMap<String, Uuid>,
    prices: Option<Prices>,
    in_service: bool,
    transcripts: Transcripts,
    loaded: bool,
}

/// A trunk, with what is read from its texts.
#[derive(Debug)]
pub(crate) struct KnownTrunk {
    pub(crate) id: TrunkId,
    networks: Vec<Network>,
    direction: TrunkDirection,
    pub(crate) transport: TrunkTransport,
    /// Where calls go out, `host:port`.
    pub(crate) addresses: Vec<String>,
    pub(crate) max_calls: Option<u32>,
    pub(crate) media: TrunkMedia,
    pub(crate) login: Option<TrunkLogin>,
    /// Whether callers must show the login.
    pub(crate) challenges: bool,
}

/// How people are spoken with over a trunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TrunkMedia {
    pub(crate) security: MediaSecurity,
    /// Where the keys are from that our offers want.
    pub(crate) exchange: KeyExchange,
    /// Best first, and never empty.
    pub(crate) codecs: Vec<Codec>,
}

/// The digest login of a trunk.
#[derive(Clone)]
pub(crate) struct TrunkLogin {
    pub(crate) username: String,
    pub(crate) password: String,
}

/// A Program and the words that go with it.
#[derive(Debug)]
pub(crate) struct LoadedProgram {
    pub(crate) program: Arc<Program>,
    pub(crate) agent: RoutedAgent,
    pub(crate) version: i32,
}

/// What an inbound number leads to.
#[derive(Debug)]
pub(crate) enum Lookup<'a> {
    /// To an agent that can talk.
    Agent {
        route: &'a Route,
        program: Arc<LoadedProgram>,
    },
    /// To nobody: it is ours and has no agent, takes no calls, or belongs to another trunk.
    Nobody,
    /// Its Program could not be loaded yet.
    NotReady,
    /// It is not ours.
    Unknown,
}

impl Directory {
    pub(crate) fn new(
        routes: Vec<Route>,
        trunks: Vec<KnownTrunk>,
        programs: HashMap<Uuid, Arc<LoadedProgram>>,
        prices: Option<Prices>,
        in_service: bool,
        transcripts: Transcripts,
    ) -> Self {
        Self {
            routes: routes
                .into_iter()
                .map(|route| (route.number.clone(), route))
                .collect(),
            trunks,
            programs,
            providers: HashMap::new(),
            agents: HashMap::new(),
            prices,
            in_service,
            transcripts,
            loaded: true,
        }
    }

    /// With agents that are called by their names.
    pub(crate) fn with_agents(mut self, agents: Vec<RoutedAgent>) -> Self {
        self.agents = agents
            .into_iter()
            .map(|agent| (agent.name, agent.version_id))
            .collect();
        self
    }

    /// With what agents ask.
    pub(crate) fn with_providers(mut self, providers: Vec<Arc<KnownProvider>>) -> Self {
        self.providers = providers
            .into_iter()
            .map(|provider| (provider.name.clone(), provider))
            .collect();
        self
    }

    /// The provider of this name.
    pub(crate) fn provider(&self, name: &str) -> Option<Arc<KnownProvider>> {
        self.providers.get(name).cloned()
    }

    /// The agent of this name, as it speaks now.
    pub(crate) fn agent(&self, name: &str) -> Option<Arc<LoadedProgram>> {
        self.program(*self.agents.get(name)?)
    }

    /// What calls cost.
    pub(crate) fn prices(&self) -> Option<&Prices> {
        self.prices.as_ref()
    }

    /// Whether the tenant takes calls at all: not while it is suspended or being removed.
    pub(crate) fn in_service(&self) -> bool {
        self.in_service
    }

    /// How what is said in calls is kept.
    pub(crate) fn transcripts(&self) -> Transcripts {
        self.transcripts
    }

    /// Whether it was read from the database, as opposed to being empty from the start.
    pub(crate) fn is_loaded(&self) -> bool {
        self.loaded
    }

    /// The trunks that calls from `source` may come in by.
    pub(crate) fn trunks_from(&self, source: IpAddr) -> impl Iterator<Item = &KnownTrunk> {
        self.trunks.iter().filter(move |trunk| trunk.admits(source))
    }

    pub(crate) fn trunk(&self, id: TrunkId) -> Option<&KnownTrunk> {
        self.trunks.iter().find(|trunk| trunk.id == id)
    }

    /// Who answers `number`, called over one of `trunks`.
    pub(crate) fn look_up(&self, number: &E164, trunks: &[TrunkId]) -> Lookup<'_> {
        let Some(route) = self.routes.get(number) else {
            return Lookup::Unknown;
        };
        let over_its_trunk = route.trunk_id.is_none_or(|id| trunks.contains(&id));
        match &route.agent {
            Some(agent) if route.inbound && over_its_trunk => {
                match self.programs.get(&agent.version_id) {
                    Some(program) => Lookup::Agent {
                        route,
                        program: Arc::clone(program),
                    },
                    None => Lookup::NotReady,
                }
            }
            _ => Lookup::Nobody,
        }
    }

    /// By which number and trunk somebody is called on behalf of a call: by `own`, the number it came to or shows,
    /// on its trunk or else on `over`, the call's; a call without numbers takes the first that leads to `agent`.
    /// Nothing where the number may not be shown, or its trunk takes no calls out.
    pub(crate) fn way_out(
        &self,
        own: Option<&E164>,
        agent: Option<AgentId>,
        over: Option<TrunkId>,
    ) -> Option<(&E164, &KnownTrunk)> {
        let leads_to_agent = |route: &&Route| {
            let leads = route.agent.as_ref().is_some_and(|to| Some(to.id) == agent);
            leads && route.outbound && route.trunk_id.is_some()
        };
        let route = match own {
            Some(own) => self.routes.get(own)?,
            None => self
                .routes
                .values()
                .filter(leads_to_agent)
                .min_by(|one, other| one.number.cmp(&other.number))?,
        };
        let trunk = self.trunk(route.trunk_id.or(over)?)?;
        (route.outbound && trunk.direction != TrunkDirection::Inbound)
            .then_some((&route.number, trunk))
    }

    /// A Program by its version.
    pub(crate) fn program(&self, version: Uuid) -> Option<Arc<LoadedProgram>> {
        self.programs.get(&version).cloned()
    }
}

impl KnownTrunk {
    /// Reads the texts of a trunk. `password` is the opened secret. Networks that do not read are
    /// left out: they admit nobody.
    pub(crate) fn new(trunk: Trunk, password: Option<String>) -> Self {
        let Trunk {
            id,
            name: _,
            uid: _,
            addresses,
            allowed_cidrs,
            transport,
            direction,
            srtp,
            key_exchange,
            codecs,
            max_calls,
            auth,
        } = trunk;
        let challenges = auth.as_ref().is_some_and(|auth| auth.challenge_inbound);
        let login = auth
            .map(|auth| auth.username)
            .zip(password)
            .map(|(username, password)| TrunkLogin { username, password });
        Self {
            networks: allowed_cidrs
                .iter()
                .filter_map(|network| network.parse().ok())
                .collect(),
            id,
            direction,
            transport,
            addresses,
            max_calls,
            media: TrunkMedia::new(srtp, key_exchange, &codecs),
            login,
            challenges,
        }
    }

    fn admits(&self, source: IpAddr) -> bool {
        self.direction != TrunkDirection::Outbound
            && self.networks.iter().any(|network| network.contains(source))
    }

    /// Where calls go out: the first address that resolves, within a second.
    pub(crate) async fn next_hop(&self) -> Option<SocketAddr> {
        let first = async {
            for address in &self.addresses {
                if let Ok(mut found) = tokio::net::lookup_host(address.as_str()).await
                    && let Some(found) = found.next()
                {
                    return Some(found);
                }
            }
            None
        };
        timeout(LOOK_UP, first).await.ok().flatten()
    }
}

impl TrunkMedia {
    /// A trunk that an import brought may have none of our codecs: it is spoken with in G.711.
    fn new(srtp: TrunkSrtp, key_exchange: TrunkKeyExchange, codecs: &[TrunkCodec]) -> Self {
        let codecs = match codecs {
            [] => &[TrunkCodec::Pcmu, TrunkCodec::Pcma],
            codecs => codecs,
        };
        let codec = |codec: &TrunkCodec| match codec {
            TrunkCodec::Pcmu => Codec::Pcmu,
            TrunkCodec::Pcma => Codec::Pcma,
            TrunkCodec::G722 => Codec::G722,
            TrunkCodec::Opus => Codec::Opus,
        };
        Self {
            security: match srtp {
                TrunkSrtp::Disabled => MediaSecurity::Disabled,
                TrunkSrtp::Allowed => MediaSecurity::Allowed,
                TrunkSrtp::Required => MediaSecurity::Required,
            },
            exchange: match key_exchange {
                TrunkKeyExchange::Sdes => KeyExchange::Sdes,
                TrunkKeyExchange::Dtls => KeyExchange::Dtls,
            },
            codecs: codecs.iter().map(codec).collect(),
        }
    }

    /// What calls of an agent speak, best first: what the trunk has, those ahead that the agent names.
    pub(crate) fn codecs_for(&self, agent: &AgentSettings) -> Vec<Codec> {
        let codec = |codec: &AudioCodec| match codec {
            AudioCodec::Pcmu => Codec::Pcmu,
            AudioCodec::Pcma => Codec::Pcma,
            AudioCodec::G722 => Codec::G722,
            AudioCodec::Opus => Codec::Opus,
        };
        let named: Vec<Codec> = agent.codecs.iter().map(codec).collect();
        let mut codecs = self.codecs.clone();
        codecs.sort_by_key(|one| {
            named
                .iter()
                .position(|other| other == one)
                .unwrap_or(named.len())
        });
        codecs
    }
}

impl std::fmt::Debug for TrunkLogin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TrunkLogin(<secret>)")
    }
}

/// The E.164 number in the user part of a SIP URI: `+15551230001`, `15551230001`, with visual
/// separators or parameters.
pub(crate) fn number_in(user: &str) -> Option<E164> {
    let user = user.split(';').next().unwrap_or_default();
    let digits: String = user
        .chars()
        .filter(|sign| !matches!(sign, '-' | '.' | '(' | ')' | ' '))
        .collect();
    let number = match digits.starts_with('+') {
        true => digits,
        false => format!("+{digits}"),
    };
    number.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_orders_what_its_trunk_has_and_adds_nothing() {
        use {AudioCodec as Wanted, TrunkCodec as Has};
        let spoken = |has: &[Has], wanted: &[Wanted]| {
            let agent = AgentSettings {
                codecs: wanted.to_vec(),
                ..AgentSettings::default()
            };
            TrunkMedia::new(TrunkSrtp::Allowed, TrunkKeyExchange::Sdes, has).codecs_for(&agent)
        };
        let has = [Has::G722, Has::Pcmu, Has::Pcma];
        let all = vec![Codec::G722, Codec::Pcmu, Codec::Pcma];
        assert_eq!(spoken(&has, &[]), all);
        let wanted = [Wanted::Opus, Wanted::Pcma, Wanted::G722];
        assert_eq!(
            spoken(&has, &wanted),
            [Codec::Pcma, Codec::G722, Codec::Pcmu]
        );
        assert_eq!(spoken(&has, &[Wanted::Opus]), all);
        assert_eq!(spoken(&[], &[Wanted::Pcma]), [Codec::Pcma, Codec::Pcmu]);
    }

    #[test]
    fn numbers_are_found_in_what_carriers_write() {
        for user in [
            "+15551230001",
            "15551230001",
            "+1-555-123.0001",
            "+15551230001;phone-context=x",
        ] {
            assert_eq!(number_in(user).unwrap().as_str(), "+15551230001", "{user}");
        }
        for user in ["", "anonymous", "service", "0301234567"] {
            assert!(number_in(user).is_none(), "{user}");
        }
    }
}
