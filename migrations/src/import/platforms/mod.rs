//! The mappings, one a platform.

mod common;
mod irisx;

use super::run::Mapping;
use crate::compatibility::Platform;
use crate::{Error, Result};

pub(super) fn mapping(platform: Platform) -> Result<Mapping> {
    match platform {
        Platform::Irisx => Ok(irisx::MAPPING),
        _ => Err(Error::invalid("platform", "it cannot be imported from yet")),
    }
}
