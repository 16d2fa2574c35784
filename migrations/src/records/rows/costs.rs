//! `call_costs`.

use sqlx::PgConnection;
use uuid::Uuid;

use super::below;
use crate::Result;
use crate::records::{CallRecord, Cost};

/// The columns, each as one array.
#[derive(Default)]
struct Columns<'a> {
    calls: Vec<Uuid>,
    components: Vec<&'static str>,
    providers: Vec<&'a str>,
    quantities: Vec<i64>,
    units: Vec<&'a str>,
    unit_rates: Vec<i64>,
    amounts: Vec<i64>,
    currencies: Vec<&'a str>,
}

pub(super) async fn insert(connection: &mut PgConnection, records: &[&CallRecord]) -> Result<()> {
    let mut rows = Columns::default();
    for (call, _, cost) in below(records, |record| record.costs.as_slice()) {
        let Cost {
            component,
            provider,
            quantity_micros,
            unit,
            unit_rate,
            amount,
            currency,
        } = cost;
        rows.calls.push(call.uuid());
        rows.components.push(component.as_str());
        rows.providers.push(provider);
        rows.quantities.push(*quantity_micros);
        rows.units.push(unit);
        rows.unit_rates.push(unit_rate.0);
        rows.amounts.push(amount.0);
        rows.currencies.push(currency.as_str());
    }
    if rows.calls.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO call_costs (call_id, component, provider, quantity, unit, unit_rate,
                amount_micros, currency)
         SELECT r.call, r.component::platform.cost_component, r.provider,
                r.quantity / 1000000::numeric, r.unit, r.unit_rate / 1000000::numeric, r.amount,
                r.currency
           FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::bigint[],
                       $7::bigint[], $8::text[])
                AS r(call, component, provider, quantity, unit, unit_rate, amount, currency)",
    )
    .bind(rows.calls)
    .bind(rows.components)
    .bind(rows.providers)
    .bind(rows.quantities)
    .bind(rows.units)
    .bind(rows.unit_rates)
    .bind(rows.amounts)
    .bind(rows.currencies)
    .execute(connection)
    .await?;
    Ok(())
}
