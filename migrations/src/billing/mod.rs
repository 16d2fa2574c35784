//! Money: who pays, what they have, what they owe. Amounts are millionths of the currency's unit.

pub mod accounts;
pub mod events;
pub mod invoices;
pub mod ledger;
pub mod payments;
pub mod payouts;
pub mod prices;
pub mod subscriptions;
