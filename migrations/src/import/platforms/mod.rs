//! The mappings, one a platform.

mod callfabric;
mod common;
mod dukat;
mod irisx;
mod organization;
mod voicecore;

use super::run::Mapping;
use crate::compatibility::Platform;

pub(super) fn mapping(platform: Platform) -> Mapping {
    match platform {
        Platform::Dukat => dukat::MAPPING,
        Platform::Organization => organization::MAPPING,
        Platform::CallFabric => callfabric::MAPPING,
        Platform::Irisx => irisx::MAPPING,
        Platform::VoiceCore => voicecore::MAPPING,
    }
}
