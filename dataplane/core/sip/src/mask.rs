//! Messages as others may see them: who called whom, what the bodies say and what proves or encrypts something
//! is overwritten, the rest is left as it was.
//!
//! **Nothing is shown that is not known to be harmless**: headers, attributes and bodies nobody here has heard of
//! are overwritten too. The length of everything stays, so that `Content-Length` does.

/// What overwrites.
const MASK: u8 = b'x';

/// Headers that say nothing about people, in lower case, with their compact forms. The Call-ID names the call, and a
/// number in it is overwritten.
const HARMLESS: [&str; 35] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "allow",
    "allow-events",
    "u",
    "content-encoding",
    "e",
    "content-length",
    "l",
    "content-type",
    "c",
    "cseq",
    "date",
    "expires",
    "max-forwards",
    "mime-version",
    "min-expires",
    "min-se",
    "privacy",
    "rack",
    "require",
    "retry-after",
    "rseq",
    "server",
    "session-expires",
    "x",
    "sip-etag",
    "supported",
    "k",
    "timestamp",
    "unsupported",
    "user-agent",
    "via",
    "v",
];

/// Headers with addresses: the host stays, and what stands behind `>`.
const ADDRESSES: [&str; 18] = [
    "from",
    "f",
    "to",
    "t",
    "contact",
    "m",
    "p-asserted-identity",
    "p-preferred-identity",
    "p-called-party-id",
    "remote-party-id",
    "diversion",
    "history-info",
    "refer-to",
    "r",
    "referred-by",
    "b",
    "record-route",
    "route",
];

/// Attributes of SDP that say how media is sent and nothing else.
const ATTRIBUTES: [&str; 24] = [
    "rtpmap",
    "fmtp",
    "ptime",
    "maxptime",
    "sendrecv",
    "sendonly",
    "recvonly",
    "inactive",
    "rtcp",
    "rtcp-mux",
    "rtcp-fb",
    "rtcp-rsize",
    "mid",
    "group",
    "setup",
    "fingerprint",
    "candidate",
    "end-of-candidates",
    "ice-lite",
    "ice-options",
    "extmap",
    "extmap-allow-mixed",
    "msid-semantic",
    "direction",
];

/// Overwrites what nobody else is to see in a message, which need not be a whole one.
pub fn mask(message: &mut [u8]) {
    let body = message
        .windows(4)
        .position(|octets| octets == b"\r\n\r\n")
        .map_or(message.len(), |end| end + 4);
    let (head, body) = message.split_at_mut(body);
    let is_sdp = mask_head(head);
    match is_sdp {
        true => lines(body).for_each(mask_sdp),
        false => overwrite(body),
    }
}

/// What becomes of a header.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Policy {
    Keep,
    Numbers,
    Addresses,
    /// The first word, which names a scheme, is kept.
    Secret,
    Overwrite,
}

/// Whether a body of SDP follows.
fn mask_head(head: &mut [u8]) -> bool {
    let mut is_sdp = false;
    let mut policy = Policy::Addresses;
    for (index, line) in lines(head).enumerate() {
        let continues = line.first().is_some_and(|octet| b" \t".contains(octet));
        if index == 0 {
            mask_start_line(line);
            continue;
        }
        if continues {
            // What belongs to the line before has no beginning that could be told from its end.
            match policy {
                Policy::Keep => {}
                _ => overwrite(line),
            }
            continue;
        }
        let Some(colon) = line.iter().position(|octet| *octet == b':') else {
            overwrite(line);
            continue;
        };
        let (name, value) = line.split_at_mut(colon);
        let name = String::from_utf8_lossy(name).trim().to_ascii_lowercase();
        if name == "content-type" || name == "c" {
            let value = value.to_ascii_lowercase();
            is_sdp = value.windows(15).any(|octets| octets == b"application/sdp");
        }
        policy = policy_of(&name);
        apply(policy, &mut value[1..]);
    }
    is_sdp
}

fn policy_of(name: &str) -> Policy {
    match name {
        "call-id" | "i" | "warning" | "reason" => Policy::Numbers,
        name if HARMLESS.contains(&name) => Policy::Keep,
        name if ADDRESSES.contains(&name) => Policy::Addresses,
        "authorization" | "proxy-authorization" | "www-authenticate" | "proxy-authenticate" => {
            Policy::Secret
        }
        _ => Policy::Overwrite,
    }
}

fn apply(policy: Policy, value: &mut [u8]) {
    match policy {
        Policy::Keep => {}
        Policy::Numbers => mask_numbers(value),
        Policy::Addresses => mask_addresses(value),
        Policy::Secret => {
            let begin = value.iter().position(|octet| *octet != b' ');
            let space = begin.and_then(|begin| {
                let word = value[begin..].iter().position(|octet| *octet == b' ')?;
                Some(begin + word)
            });
            overwrite(&mut value[space.unwrap_or(0)..]);
        }
        Policy::Overwrite => overwrite(value),
    }
}

/// The address of a request; a status line says nothing of people but for its reason phrase.
fn mask_start_line(line: &mut [u8]) {
    match line.starts_with(b"SIP/2.0 ") {
        true => {
            // The code stays: SIP/2.0 and a space are eight octets, the code three.
            let reason = line.len().min(11);
            mask_numbers(&mut line[reason..]);
        }
        false => {
            let end = line.iter().position(|octet| *octet == b' ').unwrap_or(0);
            mask_addresses(&mut line[end..]);
        }
    }
}

/// Display names and what stands before the host of each address; of a `tel:` all. Parameters behind the address
/// lose their numbers but for ports.
fn mask_addresses(value: &mut [u8]) {
    let mut rest = 0;
    while let Some((scheme, after)) = scheme_in(&value[rest..]) {
        let (name, user) = (rest + scheme, rest + after);
        overwrite_name(&mut value[rest..name]);
        // The last @ before the host; a user may hold what looks like parameters.
        let limit = value[user..]
            .iter()
            .position(|octet| b"> \t\r\n\"".contains(octet))
            .map_or(value.len(), |end| user + end);
        let at = value[user..limit].iter().rposition(|octet| *octet == b'@');
        let is_tel = value[name..user].eq_ignore_ascii_case(b"tel:");
        match at {
            _ if is_tel => overwrite(&mut value[user..limit]),
            Some(at) => overwrite(&mut value[user..user + at]),
            None => {}
        }
        // Without a user the host could be one, and loses its numbers below.
        let host = at.map_or(user, |at| user + at);
        let next = scheme_in(&value[limit..]).map_or(value.len(), |(next, _)| limit + next);
        mask_numbers(&mut value[host..next]);
        // Headers that a URI asks for may hold anything (RFC 3261 section 19.1.1).
        let asked = value[host..next].iter().position(|octet| *octet == b'?');
        if let Some(asked) = asked.map(|asked| host + asked) {
            let close = value[asked..next].iter().position(|octet| *octet == b'>');
            overwrite(&mut value[asked..close.map_or(next, |close| asked + close)]);
        }
        rest = next;
        if next < value.len() {
            // The name before the next address begins behind a comma; without one nobody knows where.
            let comma = value[limit..next].iter().position(|octet| *octet == b',');
            rest = limit + comma.unwrap_or(0);
        }
    }
    if rest == 0 {
        overwrite(value);
    }
}

/// Where an address begins, and where its scheme ends.
fn scheme_in(value: &[u8]) -> Option<(usize, usize)> {
    let schemes: [&[u8]; 4] = [b"sip:", b"sips:", b"tel:", b"urn:"];
    (0..value.len()).find_map(|at| {
        let begins = at == 0 || !value[at - 1].is_ascii_alphanumeric();
        let scheme = schemes.iter().find(|scheme| {
            value[at..]
                .get(..scheme.len())
                .is_some_and(|found| found.eq_ignore_ascii_case(scheme))
        })?;
        begins.then_some((at, at + scheme.len()))
    })
}

/// Letters and digits of a name, so that quotes and brackets still match.
fn overwrite_name(name: &mut [u8]) {
    for octet in name {
        if octet.is_ascii_alphanumeric() || !octet.is_ascii() {
            *octet = MASK;
        }
    }
}

/// Runs of digits that could be a telephone number: more than five, so that ports stay.
fn mask_numbers(value: &mut [u8]) {
    let mut begin = 0;
    while begin < value.len() {
        let run = value[begin..]
            .iter()
            .take_while(|octet| octet.is_ascii_digit())
            .count();
        if run > 5 {
            value[begin..begin + run].fill(MASK);
        }
        begin += run.max(1);
    }
}

/// A line of SDP (RFC 8866).
fn mask_sdp(line: &mut [u8]) {
    match line {
        [b'v' | b't' | b'm' | b'b' | b'c', b'=', ..] => {}
        // The user's name; identifier, version and address stay.
        [b'o', b'=', rest @ ..] => {
            let end = rest
                .iter()
                .position(|octet| *octet == b' ')
                .unwrap_or(rest.len());
            if rest[..end] != *b"-" {
                overwrite(&mut rest[..end]);
            }
        }
        [b'a', b'=', rest @ ..] => {
            let name = rest
                .iter()
                .position(|octet| b":\r\n".contains(octet))
                .unwrap_or(rest.len());
            let is_known = ATTRIBUTES
                .iter()
                .any(|known| rest[..name].eq_ignore_ascii_case(known.as_bytes()));
            if !is_known {
                // The suite of a key says nothing of it: `crypto:1 AES_CM_128_HMAC_SHA1_80 inline:`.
                let secret = rest
                    .windows(7)
                    .position(|octets| octets.eq_ignore_ascii_case(b"inline:"))
                    .filter(|_| rest[..name].eq_ignore_ascii_case(b"crypto"));
                let begin = secret.map_or(name, |at| at + 7).min(rest.len());
                overwrite(&mut rest[begin..]);
            }
        }
        [_, b'=', rest @ ..] => overwrite(rest),
        rest => overwrite(rest),
    }
}

/// Everything but the ends of lines, spaces and the colon that begins a value.
fn overwrite(octets: &mut [u8]) {
    for octet in octets {
        if !b"\r\n :".contains(octet) {
            *octet = MASK;
        }
    }
}

/// Lines with their ends.
fn lines(text: &mut [u8]) -> impl Iterator<Item = &mut [u8]> {
    text.split_inclusive_mut(|octet| *octet == b'\n')
}
