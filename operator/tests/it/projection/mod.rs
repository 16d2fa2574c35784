//! Trunk, Provider, KnowledgeBase, Flow, Agent, PhoneNumber and Campaign, from the object to the row and back.

mod campaigns;
mod deletion;
mod flows;
mod knowledge;
mod numbers;
mod outage;
mod providers;
mod secrets;
mod tenancy;
mod trunks;
mod world;
