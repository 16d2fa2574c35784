//! A Campaign and what it refers to, as types that cannot be wrong.

use callplane_crds::{
    CallingWindow, Campaign, CampaignSpec, Day, DesiredState, Pacing, PhoneNumber, RECIPIENT_ZONE,
    Reason, Schedule,
};
use callplane_store::ObjectRef;
use callplane_store::campaigns::{self, WindowZone};
use jiff::tz::TimeZone;
use kube::ResourceExt as _;

use super::dereference::References;
use crate::controllers::projection::{Problem, TenantRef, object_ref, usable};

/// A Campaign that can be written.
#[derive(Debug)]
pub(super) struct Valid {
    pub(super) object: ObjectRef,
    pub(super) display_name: String,
    pub(super) desired_state: DesiredState,
    pub(super) agent: String,
    pub(super) caller_number: String,
    pub(super) dnc_lists: Vec<String>,
    pub(super) window: campaigns::CallingWindow,
    pub(super) zone: WindowZone,
    pub(super) max_concurrent_calls: u32,
    pub(super) ring_seconds: u32,
}

/// Checks `campaign`: first itself, then what it refers to.
pub(super) fn validate(
    campaign: &Campaign,
    tenant: Result<TenantRef, Problem>,
    references: References,
) -> Result<(TenantRef, Valid), Problem> {
    let CampaignSpec {
        display_name,
        agent_ref,
        caller_number_ref,
        dnc_lists,
        schedule: Schedule {
            window: hours,
            time_zone,
        },
        pacing: Pacing {
            max_concurrent_calls,
            ring_seconds,
        },
        desired_state,
    } = &campaign.spec;
    let valid = Valid {
        object: object_ref(campaign)?,
        display_name: display_name.clone().unwrap_or_else(|| campaign.name_any()),
        desired_state: *desired_state,
        agent: agent_ref.name.clone(),
        caller_number: caller_number_ref.name.clone(),
        dnc_lists: dnc_lists.clone(),
        window: window(hours)?,
        zone: zone(time_zone)?,
        max_concurrent_calls: positive("spec.pacing.maxConcurrentCalls", *max_concurrent_calls)?,
        ring_seconds: positive("spec.pacing.ringSeconds", *ring_seconds)?,
    };
    let tenant = tenant?;
    let References { agent, number } = references;
    let agent =
        agent.ok_or_else(|| Problem::missing(Reason::AgentNotFound, "Agent", &valid.agent))?;
    let status = agent.status.as_ref();
    usable(
        "Agent",
        &valid.agent,
        status.is_some_and(|status| status.version.is_some()),
        status.map(|status| status.conditions.as_slice()),
    )?;
    let number = number.ok_or_else(|| {
        Problem::missing(
            Reason::PhoneNumberNotFound,
            "PhoneNumber",
            &valid.caller_number,
        )
    })?;
    calls_out(&number, &valid.caller_number)?;
    Ok((tenant, valid))
}

fn calls_out(number: &PhoneNumber, name: &str) -> Result<(), Problem> {
    if !number.spec.outbound.enabled {
        return Err(Problem::unresolved(
            Reason::DependencyNotReady,
            format!("PhoneNumber `{name}` may not call out; set its spec.outbound.enabled to true"),
        ));
    }
    let status = number.status.as_ref();
    usable(
        "PhoneNumber",
        name,
        status.is_some_and(|status| status.number_id.is_some()),
        status.map(|status| status.conditions.as_slice()),
    )
}

fn window(hours: &CallingWindow) -> Result<campaigns::CallingWindow, Problem> {
    let CallingWindow { from, to, days } = hours;
    let from_minute = minute("spec.schedule.window.from", from)?;
    let to_minute = minute("spec.schedule.window.to", to)?;
    if from_minute >= to_minute {
        return Err(Problem::invalid(
            "spec.schedule.window",
            "from must be before to; a window does not span midnight",
        ));
    }
    let mut days: Vec<u8> = days.iter().copied().map(iso_day).collect();
    days.sort_unstable();
    days.dedup();
    if days.is_empty() {
        return Err(Problem::invalid(
            "spec.schedule.window.days",
            "name at least one day",
        ));
    }
    Ok(campaigns::CallingWindow {
        from_minute,
        to_minute,
        days,
    })
}

/// Minutes since midnight, 0 to 1440.
fn minute(field: &str, text: &str) -> Result<u16, Problem> {
    let parse = || {
        let (hours, minutes) = text.split_once(':')?;
        let digits = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
        let (hours, minutes) = (digits(hours) && digits(minutes)).then_some((hours, minutes))?;
        let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
        let total = hours * 60 + minutes;
        (minutes < 60 && total <= 24 * 60).then_some(total)
    };
    parse().ok_or_else(|| {
        Problem::invalid(
            field,
            "write hours and minutes from 00:00 to 24:00, as in 09:00",
        )
    })
}

/// ISO 8601: 1 is Monday.
fn iso_day(day: Day) -> u8 {
    match day {
        Day::Mon => 1,
        Day::Tue => 2,
        Day::Wed => 3,
        Day::Thu => 4,
        Day::Fri => 5,
        Day::Sat => 6,
        Day::Sun => 7,
    }
}

fn zone(name: &str) -> Result<WindowZone, Problem> {
    if name == RECIPIENT_ZONE {
        return Ok(WindowZone::Recipient);
    }
    match TimeZone::get(name) {
        Ok(_) => Ok(WindowZone::Fixed(name.to_owned())),
        Err(_) => Err(Problem::invalid(
            "spec.schedule.timeZone",
            format_args!(
                "`{name}` is no IANA time zone; write Recipient, or a zone such as Europe/Berlin"
            ),
        )),
    }
}

fn positive(field: &str, count: i32) -> Result<u32, Problem> {
    u32::try_from(count)
        .ok()
        .filter(|count| *count > 0)
        .ok_or_else(|| Problem::invalid(field, "write a number above 0"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::controllers::projection::fixture::{object, tenant};

    const CAMPAIGN: &str = "
        spec:
          agentRef: {name: renewals}
          callerNumberRef: {name: main}
          dncLists: [internal]
          schedule: {timeZone: Europe/Berlin, window: {from: '09:00', to: '18:30', days: [Wed, Mon]}}
          desiredState: Run";
    const AGENT: &str = "
        spec: {flowRef: {name: f}}
        status: {agentId: 019aa6d2-0000-7000-8000-000000000003, version: 1}";
    const NUMBER: &str = "
        spec: {number: '+15551230002', trunkRef: {name: carrier}, outbound: {enabled: true}}
        status: {numberId: 019aa6d2-0000-7000-8000-000000000005}";

    fn check(campaign: &str, agent: Option<&str>, number: Option<&str>) -> Result<Valid, Problem> {
        let references = References {
            agent: agent.map(|yaml| Arc::new(object(yaml))),
            number: number.map(|yaml| Arc::new(object(yaml))),
        };
        validate(&object(campaign), tenant(), references).map(|(_, valid)| valid)
    }

    #[test]
    fn hours_days_and_zone_are_numbers_and_a_zone() {
        let valid = check(CAMPAIGN, Some(AGENT), Some(NUMBER)).unwrap();
        assert_eq!(
            (valid.window.from_minute, valid.window.to_minute),
            (540, 1110)
        );
        assert_eq!(valid.window.days, [1, 3]);
        assert_eq!(valid.zone, WindowZone::Fixed("Europe/Berlin".to_owned()));
        assert_eq!((valid.max_concurrent_calls, valid.ring_seconds), (1, 30));
    }

    #[test]
    fn each_mistake_has_its_reason_and_sentence() {
        let mute = NUMBER.replace("enabled: true", "enabled: false");
        let no_row = NUMBER.split("status:").next().unwrap();
        let cases = [
            (
                CAMPAIGN.replace("18:30", "08:00"),
                Some(AGENT),
                Some(NUMBER),
                Reason::Invalid,
                "from must be before to",
            ),
            (
                CAMPAIGN.replace("Europe/Berlin", "Mars/Base"),
                Some(AGENT),
                Some(NUMBER),
                Reason::Invalid,
                "`Mars/Base` is no IANA time zone",
            ),
            (
                CAMPAIGN.to_owned(),
                None,
                Some(NUMBER),
                Reason::AgentNotFound,
                "Agent `renewals` does not exist",
            ),
            (
                CAMPAIGN.to_owned(),
                Some(AGENT),
                None,
                Reason::PhoneNumberNotFound,
                "PhoneNumber `main` does not exist",
            ),
            (
                CAMPAIGN.to_owned(),
                Some(AGENT),
                Some(mute.as_str()),
                Reason::DependencyNotReady,
                "set its spec.outbound.enabled to true",
            ),
            (
                CAMPAIGN.to_owned(),
                Some(AGENT),
                Some(no_row),
                Reason::WaitingForDependency,
                "PhoneNumber `main` is not ready yet",
            ),
        ];
        for (campaign, agent, number, reason, sentence) in cases {
            let problem = check(&campaign, agent, number).unwrap_err();
            assert_eq!(problem.reason, reason, "{problem}");
            assert!(problem.message.contains(sentence), "{problem}");
        }
    }

    #[test]
    fn a_time_of_day_is_a_minute() {
        for (text, minute_of_day) in [("00:00", 0), ("09:30", 570), ("24:00", 1440)] {
            assert_eq!(minute("f", text).unwrap(), minute_of_day, "{text}");
        }
        for bad in ["", "9:30", "09:60", "24:01", "+9:30", "09.30"] {
            assert!(minute("f", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_zone_that_does_not_exist_is_named() {
        assert_eq!(zone("Recipient").unwrap(), WindowZone::Recipient);
        assert!(zone("Europe/Berlin").is_ok());
        let problem = zone("Europe/Atlantis").unwrap_err();
        assert!(
            problem
                .message
                .contains("`Europe/Atlantis` is no IANA time zone")
        );
    }
}
