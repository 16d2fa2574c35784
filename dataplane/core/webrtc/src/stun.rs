//! As much of STUN (RFC 8489) as finds the peer of a check: no more is read before its peer does.

/// Octets of the header (section 5).
const HEADER: usize = 20;
/// The magic cookie (section 5).
const COOKIE: [u8; 4] = [0x21, 0x12, 0xA4, 0x42];
/// Binding request (section 6).
const BINDING_REQUEST: [u8; 2] = [0x00, 0x01];
/// USERNAME (section 14.3): fewer than 509 octets.
const USERNAME: u16 = 0x0006;
const MAX_USERNAME: usize = 508;

/// The user name of a binding request; nothing if `datagram` is anything else or is malformed.
///
/// Whether it is really from who it says is not looked at: only the peer knows the password.
#[must_use]
pub fn username(datagram: &[u8]) -> Option<&str> {
    let (header, mut attributes) = datagram.split_at_checked(HEADER)?;
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    let is_request = header[..2] == BINDING_REQUEST && header[4..8] == COOKIE;
    if !is_request || length != attributes.len() || !length.is_multiple_of(4) {
        return None;
    }
    while let [a, b, c, d, rest @ ..] = attributes {
        let kind = u16::from_be_bytes([*a, *b]);
        let length = usize::from(u16::from_be_bytes([*c, *d]));
        let value = rest.get(..length)?;
        if kind == USERNAME {
            return (length <= MAX_USERNAME)
                .then(|| std::str::from_utf8(value).ok())
                .flatten();
        }
        attributes = rest.get(length.next_multiple_of(4)..)?;
    }
    None
}

/// The fragment of ours that a check names: its user name is `ours:theirs` (RFC 8445 section 7.2.2).
#[must_use]
pub fn local_ufrag(datagram: &[u8]) -> Option<&str> {
    let (ours, _theirs) = username(datagram)?.split_once(':')?;
    Some(ours)
}
