//! Random octets of the system.

use aws_lc_rs::rand;

use crate::{Error, Result};

/// Fills `octets`.
pub(crate) fn fill(octets: &mut [u8]) -> Result<()> {
    rand::fill(octets).map_err(|_| Error::NoRandomness)
}
