//! What others may see of a message.

#![no_main]

use callplane_sip::mask;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    let mut masked = octets.to_vec();
    mask(&mut masked);
    assert_eq!(masked.len(), octets.len());
});
