//! Schemas of texts that mean something: each has a length limit, which also bounds the cost of its
//! CEL rule, and a rule with a sentence instead of a bare pattern, because the API server answers a
//! broken pattern with the pattern.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

/// A telephone number as `callplane_types::E164` reads it.
pub(crate) fn e164(_: &mut SchemaGenerator) -> Schema {
    text(
        16,
        "self.matches('^[+][1-9][0-9]{6,14}$')",
        "write + and 7 to 15 digits, as in +15551230001",
    )
}

/// The name of an object: an RFC 1123 label.
pub(crate) fn dns_label(_: &mut SchemaGenerator) -> Schema {
    text(63, DNS_LABEL, DNS_LABEL_HELP)
}

/// A PostgreSQL schema name as `callplane_types::SchemaName` reads it.
pub(crate) fn schema_name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "maxLength": 48,
        "x-kubernetes-validations": [
            rule(
                "self.matches('^[a-z][a-z0-9_]{0,47}$')",
                "use at most 48 lower-case letters, digits and underscores, starting with a letter",
            ),
            rule(
                "!self.startsWith('pg_') && !(self in ['platform', 'public', 'information_schema'])",
                "pg_*, platform, public and information_schema belong to PostgreSQL or to Callplane; choose another name",
            ),
        ],
    })
}

/// `host:port` of a SIP peer; IPv6 in brackets.
pub(crate) fn host_port(_: &mut SchemaGenerator) -> Schema {
    text(
        261,
        r"self.matches('^([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\\[[0-9A-Fa-f:.]+\\]):[0-9]{1,5}$')",
        "write host:port, as in sip.carrier.example:5060 or [2001:db8::1]:5060",
    )
}

/// The URL of a provider up to the version of its protocol.
pub(crate) fn base_url(_: &mut SchemaGenerator) -> Schema {
    text(
        512,
        r"self.matches('^https?://([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\\[[0-9A-Fa-f:.]+\\])(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?$')",
        "write the URL up to the version, as in https://api.openai.com/v1, without a login, a query or a fragment",
    )
}

/// A name of an HTTP header (RFC 9110 section 5.1) that does not mean something else.
pub(crate) fn header_name(_: &mut SchemaGenerator) -> Schema {
    text(
        64,
        "self.matches('^[A-Za-z][A-Za-z0-9-]*$') && !(self.lowerAscii() in ['host', 'content-length', 'content-type', 'transfer-encoding', 'connection', 'accept', 'idempotency-key']) && !self.lowerAscii().startsWith('callplane-')",
        "write a header that carries a key: letters, digits and hyphens, as in X-Api-Key",
    )
}

/// The name of a tool as `callplane_flow` reads it.
pub(crate) fn tool_name(_: &mut SchemaGenerator) -> Schema {
    text(
        63,
        "self.matches('^[a-z][a-z0-9_]{0,62}$') && !(self in ['go_to', 'note'])",
        "use a lower-case letter, then lower-case letters, digits and underscores; go_to and note belong to converse nodes",
    )
}

/// A path of a tool as `callplane_flow` reads it.
pub(crate) fn tool_path(_: &mut SchemaGenerator) -> Schema {
    text(
        256,
        "self.matches('^([A-Za-z0-9._~/-]|[{][A-Za-z0-9_-]+[}])*$') && !self.matches('(^|/)[.][.]?(/|$)')",
        "write a path below the URL of the provider, with arguments in braces, as in rooms/{room}/slots",
    )
}

/// A JSON Schema of an object, kept as it is.
pub(crate) fn parameters(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "x-kubernetes-preserve-unknown-fields": true,
    })
}

/// A key of the data of a Secret.
pub(crate) fn secret_key(_: &mut SchemaGenerator) -> Schema {
    text(
        253,
        "self.matches('^[A-Za-z0-9._-]+$')",
        "write a key of the Secret: letters, digits, dots, hyphens and underscores, as in api-key",
    )
}

/// The name of an object of a kind that may have dots in it: an RFC 1123 subdomain.
pub(crate) fn dns_subdomain(_: &mut SchemaGenerator) -> Schema {
    text(
        253,
        "self.matches('^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$')",
        "use lower-case letters, digits, hyphens and dots, starting and ending with a letter or digit",
    )
}

/// A key of a ConfigMap that is the name of a file.
pub(crate) fn file_key(_: &mut SchemaGenerator) -> Schema {
    text(
        253,
        "self.matches('^[A-Za-z0-9._-]*[.]([tT][xX][tT]|[mM][dD]|[hH][tT][mM][lL]?|[pP][dD][fF]|[dD][oO][cC][xX])$')",
        "write the name of a file that can be read: one that ends with .txt, .md, .html, .pdf or .docx",
    )
}

/// The address of a web page. Of as many as a knowledge base may name, checking longer ones would cost the API server
/// more than it allows a rule.
pub(crate) fn page_url(_: &mut SchemaGenerator) -> Schema {
    text(
        1_024,
        r"self.matches('^https?://([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\\[[0-9A-Fa-f:.]+\\])(:[0-9]{1,5})?([/?][!-~]*)?$') && !self.contains('#')",
        "write the address of a page, as in https://www.example.com/prices, without a login or a fragment",
    )
}

/// The code of a language.
pub(crate) fn language(_: &mut SchemaGenerator) -> Schema {
    text(
        3,
        "self.matches('^[a-z]{2,3}$')",
        "write the code of a language (ISO 639), as in en",
    )
}

/// A length of time in hours, minutes and seconds.
pub(crate) fn duration(_: &mut SchemaGenerator) -> Schema {
    text(
        20,
        "self.matches('^([0-9]{1,5}h)?([0-9]{1,6}m)?([0-9]{1,7}s)?$') && self.matches('[1-9]')",
        "write hours, minutes and seconds above zero, as in 720h or 1h30m",
    )
}

/// A network in CIDR notation.
pub(crate) fn cidr(_: &mut SchemaGenerator) -> Schema {
    text(
        43,
        "isCIDR(self)",
        "write a network with its prefix length, as in 192.0.2.0/24 or 2001:db8::/32",
    )
}

/// A local time of day with minutes; 24:00 is the end of the day.
pub(crate) fn time_of_day(_: &mut SchemaGenerator) -> Schema {
    text(
        5,
        "self.matches('^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$')",
        "write hours and minutes from 00:00 to 24:00, as in 09:00",
    )
}

/// `Recipient`, or the name of an IANA time zone.
pub(crate) fn zone(_: &mut SchemaGenerator) -> Schema {
    text(
        64,
        "self.matches('^[A-Za-z][A-Za-z0-9+_-]*(/[A-Za-z0-9+_-]+)*$')",
        "write Recipient, or an IANA time zone such as Europe/Berlin",
    )
}

/// An absolute path without `..`.
pub(crate) fn absolute_path(_: &mut SchemaGenerator) -> Schema {
    text(
        255,
        "self.startsWith('/') && !self.contains('..')",
        "write an absolute path without ..",
    )
}

/// A limit that is not negative; 0 allows none.
pub(crate) fn quota(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "integer",
        "format": "int64",
        "x-kubernetes-validations": [
            rule("self >= 0", "a quota cannot be negative; write 0 to allow none, leave it out to take the plan's"),
        ],
    })
}

/// Quantities by resource name. The schema of `Quantity` itself explains its grammar on 40 lines,
/// which `kubectl explain` would repeat at every use.
pub(crate) fn quantities(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 8,
        "additionalProperties": {
            "x-kubernetes-int-or-string": true,
            "pattern": "^[0-9]+([.][0-9]+)?([EPTGMk]i?|m|Ki)?$",
        },
    })
}

const DNS_LABEL: &str = "self.matches('^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$')";
const DNS_LABEL_HELP: &str = "use at most 63 lower-case letters, digits and hyphens, starting and ending with a letter or digit";

fn text(max_length: u32, expression: &str, message: &str) -> Schema {
    json_schema!({
        "type": "string",
        "maxLength": max_length,
        "x-kubernetes-validations": [rule(expression, message)],
    })
}

fn rule(expression: &str, message: &str) -> Value {
    json!({ "rule": expression, "message": message })
}

/// A set of [`dns_label`]s.
pub(crate) fn dns_labels<const MIN: usize, const MAX: usize>(
    generator: &mut SchemaGenerator,
) -> Schema {
    set(MIN, MAX, &dns_label(generator))
}

/// A list of [`host_port`]s, in order of preference.
pub(crate) fn host_ports(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 8,
        "items": host_port(generator),
        "x-kubernetes-list-type": "atomic",
    })
}

/// `s3://BUCKET/PREFIX`; names of buckets are those of Amazon S3.
pub(crate) fn bucket_url(_: &mut SchemaGenerator) -> Schema {
    text(
        512,
        "self.matches('^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9!_.()/-]*)?$')",
        "write s3://BUCKET/PREFIX; the endpoint and the region are in the Secret of credentialsSecretRef",
    )
}

/// STUN and TURN servers: what goes into a header of an answer.
pub(crate) fn ice_servers(_: &mut SchemaGenerator) -> Schema {
    let server = text(
        256,
        "self.matches('^(stuns?|turns?):[A-Za-z0-9.:\\\\[\\\\]-]+([?]transport=(udp|tcp))?$')",
        "write stun:HOST:PORT or turn:HOST:PORT?transport=udp; logins come from turnSecretRef",
    );
    set(1, 8, &server)
}

/// Codecs, in order of preference.
pub(crate) fn codecs(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "minItems": 1,
        "maxItems": 4,
        "items": generator.subschema_for::<crate::codec::AudioCodec>(),
        "x-kubernetes-list-type": "atomic",
    })
}

/// A set of [`cidr`]s.
pub(crate) fn cidrs(generator: &mut SchemaGenerator) -> Schema {
    set(0, 64, &cidr(generator))
}

fn set(min_items: usize, max_items: usize, items: &Schema) -> Schema {
    json_schema!({
        "type": "array",
        "minItems": min_items,
        "maxItems": max_items,
        "items": items,
        "x-kubernetes-list-type": "set",
    })
}
