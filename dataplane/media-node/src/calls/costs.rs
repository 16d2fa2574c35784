//! What a call costs, by component.

use callplane_call::{PartyFacts, SpeechUse};
use callplane_rating::price_of;
use callplane_store::records::{self, Cost, CostComponent, Recording};
use callplane_types::{Currency, Micros};

use super::used::Used;

use crate::routing::Prices;

/// What recognises speech.
pub(super) const RECOGNIZER: &str = "pocketsphinx";
/// What tells the time of other parties from that of the call itself, both telephony by the minute.
const TRANSFER: &str = "transfer";
/// What speaks.
const SYNTHESIZER: &str = "flite";

/// The rows of `call_costs`, and what `calls` says of the price of its time. What was used is
/// written also where it costs nothing; the time of a call without an answer is not used.
pub(super) fn costs(
    call: &mut records::Call,
    speech: SpeechUse,
    asked: &Used,
    parties: &[PartyFacts],
    recording: Option<&Recording>,
    prices: Option<&Prices>,
) -> Vec<Cost> {
    let units = prices.map(|prices| prices.units).unwrap_or_default();
    let mut costs: Vec<Cost> = prices
        .and_then(|prices| time(call, prices))
        .into_iter()
        .collect();
    costs.extend(prices.and_then(|prices| time_of(parties, prices)));
    let currency = call.currency.clone();
    let used = |component, provider: &str, unit: &str, quantity_micros, unit_rate: Micros| {
        used(
            component,
            provider,
            unit,
            quantity_micros,
            unit_rate,
            &currency,
        )
    };
    let transcribed = asked.audio();
    let elsewhere = transcribed.values().sum();
    let here = speech.recognized.saturating_sub(elsewhere);
    let recognizers = transcribed
        .iter()
        .map(|(provider, audio)| (provider.as_str(), *audio));
    for (provider, audio) in std::iter::once((RECOGNIZER, here)).chain(recognizers) {
        costs.extend(used(
            CostComponent::Stt,
            provider,
            "second",
            audio.as_micros(),
            units.stt_second,
        ));
    }
    for (provider, tokens) in asked.tokens() {
        for (unit, tokens, rate) in [
            ("input_kilotoken", tokens.input, units.llm_input_kilotoken),
            (
                "output_kilotoken",
                tokens.output,
                units.llm_output_kilotoken,
            ),
        ] {
            costs.extend(used(
                CostComponent::Llm,
                &provider,
                unit,
                u128::from(tokens) * 1_000,
                rate,
            ));
        }
    }
    let spoken = asked.spoken();
    let elsewhere = spoken.values().sum();
    let here = speech.synthesized_characters.saturating_sub(elsewhere);
    let voices = spoken
        .iter()
        .map(|(provider, characters)| (provider.as_str(), *characters));
    for (provider, characters) in std::iter::once((SYNTHESIZER, here)).chain(voices) {
        costs.extend(used(
            CostComponent::Tts,
            provider,
            "character",
            u128::from(characters) * 1_000_000,
            units.tts_character,
        ));
    }
    let recorded = recording.map_or(0, |recording| u128::from(recording.duration_seconds));
    costs.extend(used(
        CostComponent::Recording,
        "",
        "second",
        recorded * 1_000_000,
        units.recording_second,
    ));
    costs
}

/// The time from the answer to the end; nothing without an answer.
fn time(call: &mut records::Call, prices: &Prices) -> Option<Cost> {
    let rate = &prices.minute;
    call.rate_micros_per_minute = Some(rate.per_minute);
    call.currency = rate.currency.clone();
    // The store rounds the billable seconds of the row by the same increment.
    call.billing_increment_seconds = u16::try_from(rate.increment.get()).unwrap_or(u16::MAX);
    let charge = rate.price(Some(call.ended_at?.saturating_since(call.answered_at?)));
    Some(Cost {
        component: CostComponent::Telephony,
        provider: String::new(),
        quantity_micros: i64::from(charge.billable_seconds) * 1_000_000 / 60,
        unit: "minute".to_owned(),
        unit_rate: rate.per_minute,
        amount: charge.amount,
        currency: rate.currency.clone(),
    })
}

/// The time of everybody whom the caller was connected with, from the answer to the end, each rounded as a call is.
fn time_of(parties: &[PartyFacts], prices: &Prices) -> Option<Cost> {
    let rate = &prices.minute;
    let charges = parties.iter().filter_map(|party| {
        let answered_at = party.answered_at?;
        Some(rate.price(Some(party.ended_at.saturating_since(answered_at))))
    });
    let (seconds, amount) = charges.fold((0_i64, 0_i64), |(seconds, amount), charge| {
        (
            seconds + i64::from(charge.billable_seconds),
            amount.saturating_add(charge.amount.0),
        )
    });
    (seconds > 0).then(|| Cost {
        component: CostComponent::Telephony,
        provider: TRANSFER.to_owned(),
        quantity_micros: seconds * 1_000_000 / 60,
        unit: "minute".to_owned(),
        unit_rate: rate.per_minute,
        amount: Micros(amount),
        currency: rate.currency.clone(),
    })
}

/// Nothing for what was not used.
fn used(
    component: CostComponent,
    provider: &str,
    unit: &str,
    quantity_micros: u128,
    unit_rate: Micros,
    currency: &Currency,
) -> Option<Cost> {
    let quantity_micros = i64::try_from(quantity_micros).unwrap_or(i64::MAX);
    (quantity_micros > 0).then(|| Cost {
        component,
        provider: provider.to_owned(),
        quantity_micros,
        unit: unit.to_owned(),
        unit_rate,
        amount: price_of(unit_rate, quantity_micros),
        currency: currency.clone(),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use callplane_providers::Usage;
    use callplane_rating::Rate;
    use callplane_store::rates::UnitPrices;
    use callplane_types::{CallId, Direction, TenantId, WallTime};
    use uuid::Uuid;

    use super::*;

    fn call(answered: bool) -> records::Call {
        let begin = WallTime::from_unix_micros(1_700_000_000_000_000);
        let (call, tenant) = (CallId::new(Uuid::now_v7()), TenantId::new(Uuid::nil()));
        let mut call = records::Call::begin(call, tenant, Direction::Inbound, begin);
        call.answered_at = answered.then_some(begin);
        call.ended_at = Some(begin + Duration::from_secs(61));
        call
    }

    fn prices() -> Prices {
        Prices {
            minute: Rate::per_minute(Micros(10_000), "EUR".parse().unwrap()),
            units: UnitPrices {
                stt_second: Micros(100),
                tts_character: Micros(15),
                llm_input_kilotoken: Micros(150),
                llm_output_kilotoken: Micros(600),
                recording_second: Micros(0),
            },
        }
    }

    const SPEECH: SpeechUse = SpeechUse {
        synthesized_characters: 40,
        recognized: Duration::from_millis(2_500),
    };

    fn summary(costs: &[Cost]) -> Vec<(&str, &str, i64, i64)> {
        let row = |cost: &'_ Cost| {
            assert_eq!(cost.currency.as_str().len(), 3);
            (cost.quantity_micros, cost.amount.0)
        };
        costs
            .iter()
            .map(|cost| {
                let (quantity, amount) = row(cost);
                (
                    cost.component.as_str(),
                    cost.unit.as_str(),
                    quantity,
                    amount,
                )
            })
            .collect()
    }

    #[test]
    fn each_stage_is_priced_by_what_it_used() {
        let mut answered = call(true);
        let costs = costs(
            &mut answered,
            SPEECH,
            &Used::default(),
            &[],
            None,
            Some(&prices()),
        );
        assert_eq!(
            summary(&costs),
            [
                ("telephony", "minute", 1_100_000, 11_000),
                ("stt", "second", 2_500_000, 250),
                ("tts", "character", 40_000_000, 600),
            ]
        );
        assert!(costs.iter().all(|cost| cost.currency.as_str() == "EUR"));
        assert_eq!(answered.rate_micros_per_minute, Some(Micros(10_000)));
    }

    #[test]
    fn what_providers_did_is_priced_apart_from_what_was_done_here() {
        let asked = Used::default();
        asked.transcribed("acme/ear", "m", Duration::from_millis(1_500));
        asked.begin_chat("acme/model").set(Usage {
            prompt_tokens: 2_000,
            completion_tokens: 50,
            is_estimated: false,
        });
        asked.spoke("acme/voices", 20);
        asked.spoke("acme/voices", 5);
        let costs = costs(&mut call(true), SPEECH, &asked, &[], None, Some(&prices()));
        assert_eq!(
            summary(&costs)[1..7],
            [
                ("stt", "second", 1_000_000, 100),
                ("stt", "second", 1_500_000, 150),
                ("llm", "input_kilotoken", 2_000_000, 300),
                ("llm", "output_kilotoken", 50_000, 30),
                ("tts", "character", 15_000_000, 225),
                ("tts", "character", 25_000_000, 375),
            ]
        );
        assert_eq!(costs[2].provider, "acme/ear");
        assert_eq!(costs[3].provider, "acme/model");
        assert_eq!(costs[5].provider, SYNTHESIZER);
        assert_eq!(costs[6].provider, "acme/voices");
    }

    #[test]
    fn a_call_that_used_nothing_costs_nothing() {
        let mut unanswered = call(false);
        let none = SpeechUse::default();
        let nothing = Used::default();
        let costs = costs(&mut unanswered, none, &nothing, &[], None, Some(&prices()));
        assert_eq!(costs, []);
    }

    #[test]
    fn without_prices_it_is_still_known_what_was_used() {
        let costs = costs(&mut call(true), SPEECH, &Used::default(), &[], None, None);
        assert_eq!(
            summary(&costs),
            [
                ("stt", "second", 2_500_000, 0),
                ("tts", "character", 40_000_000, 0)
            ]
        );
    }
}
