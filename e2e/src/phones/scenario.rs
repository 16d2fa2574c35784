//! What a SIPp phone does in a call, as the XML that SIPp reads.

use std::fmt::Write;
use std::net::IpAddr;

/// Payload type of telephone-event in SIPp's own digits.
const DTMF: u8 = 96;

/// A phone that calls.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The number shown to the called side.
    pub number: String,
    /// What happens after the answer: seconds to wait, then digits to press (none: only wait).
    pub steps: Vec<(f64, String)>,
    /// Seconds after the steps before this side hangs up. None: the other side has to.
    pub hang_up_after: Option<f64>,
    /// Where the other side shall send its audio to. None: to the phone itself, which drops it.
    pub audio_to: Option<IpAddr>,
    /// How it presses keys.
    pub keys: Keys,
}

/// How a phone presses keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keys {
    /// Telephone events (RFC 4733).
    #[default]
    Events,
    /// `application/dtmf-relay` in an INFO; it offers no telephone events.
    InfoRelay,
    /// `application/dtmf` in an INFO; it offers no telephone events.
    Info,
    /// Telephone events that were captured, packet for packet, behind seven seconds of captured speech in PCMA: what comes
    /// with SIPp. For one call at a time.
    Captures,
}

/// A phone that is called.
#[derive(Clone, Debug)]
pub enum Callee {
    /// Rings, answers after `ring` seconds and goes on as a [`Caller`] would.
    Answers {
        /// Seconds of ringing.
        ring: f64,
        /// Seconds to wait, then digits to press.
        steps: Vec<(f64, String)>,
        /// Seconds after the steps before this side hangs up. None: the other side has to.
        hang_up_after: Option<f64>,
    },
    /// Refuses with this status, such as 486 or 603.
    Refuses(u16),
    /// Rings until the caller gives up.
    Rings,
}

// === impl Caller ===

impl Caller {
    /// A caller that presses nothing and waits for the other side to hang up.
    pub fn listening(number: &str) -> Self {
        Self {
            number: number.to_owned(),
            steps: Vec::new(),
            hang_up_after: None,
            audio_to: None,
            keys: Keys::Events,
        }
    }

    /// The media port that the first of several calls from this SIP port offers; each further call offers one that
    /// is 4 higher. They follow the SIP port, so that phones on one address keep out of each other's way, and are none
    /// of those that the system gives to whoever asks for any.
    pub fn media_port(sip_port: u16) -> u16 {
        24_500 + sip_port % 400 * 20
    }

    pub(super) fn scenario(&self) -> String {
        let number = &self.number;
        let mut xml = head("caller");
        let _ = write!(
            xml,
            r#"<send retrans="500"><![CDATA[
INVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:{number}@[local_ip]:[local_port]>;tag=[pid]SIPpTag[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:{number}@[local_ip]:[local_port];transport=[transport]>
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: [len]

{SDP}
]]></send>
<recv response="100" optional="true"/>
<recv response="180" optional="true"/>
<recv response="183" optional="true"/>
<recv response="200" rtd="true" rrs="true"/>
<send><![CDATA[
ACK [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:{number}@[local_ip]:[local_port]>;tag=[pid]SIPpTag[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>[peer_tag_param]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>
"#
        );
        let infos = match self.keys {
            Keys::Events => {
                steps(&mut xml, &self.steps);
                0
            }
            Keys::Captures => {
                captures(&mut xml, &self.steps);
                0
            }
            keys => self.infos(&mut xml, keys),
        };
        let bye = format!(
            r#"BYE [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:{number}@[local_ip]:[local_port]>;tag=[pid]SIPpTag[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>[peer_tag_param]
"#
        );
        end(&mut xml, self.hang_up_after, &bye);
        if self.keys == Keys::Captures {
            xml = xml.replace(SDP, CAPTURED_SDP);
        } else if self.keys != Keys::Events {
            xml = xml.replace(SDP, PLAIN_SDP);
            xml = xml.replace("CSeq: 2 BYE", &format!("CSeq: {} BYE", 2 + infos));
        }
        match self.audio_to {
            Some(address) => xml.replace("[media_ip]", &address.to_string()),
            None => xml,
        }
    }
}

impl Caller {
    /// An INFO for each key, and how many there are. Each has to be answered with 200.
    fn infos(&self, xml: &mut String, keys: Keys) -> u32 {
        let (number, mut sent) = (&self.number, 0);
        for (wait, digits) in &self.steps {
            pause(xml, *wait);
            for digit in digits.chars() {
                sent += 1;
                let (kind, body) = match keys {
                    Keys::Info => ("dtmf", digit.to_string()),
                    _ => ("dtmf-relay", format!("Signal={digit}\nDuration=160")),
                };
                let _ = write!(
                    xml,
                    r#"<send retrans="500"><![CDATA[
INFO [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:{number}@[local_ip]:[local_port]>;tag=[pid]SIPpTag[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>[peer_tag_param]
Call-ID: [call_id]
CSeq: {cseq} INFO
Max-Forwards: 70
Content-Type: application/{kind}
Content-Length: [len]

{body}
]]></send>
<recv response="200"/>
"#,
                    cseq = 1 + sent
                );
            }
        }
        sent
    }
}

// === impl Callee ===

impl Callee {
    pub(super) fn scenario(&self) -> String {
        let mut xml = head("callee");
        xml.push_str("<recv request=\"INVITE\" crlf=\"true\" rrs=\"true\"><action><ereg regexp=\".*\" search_in=\"hdr\" header=\"From:\" assign_to=\"1\"/><ereg regexp=\".*\" search_in=\"hdr\" header=\"To:\" assign_to=\"2\"/></action></recv>\n");
        match self {
            Self::Answers {
                ring,
                steps: presses,
                hang_up_after,
            } => {
                xml.push_str(&response("180 Ringing", false));
                pause(&mut xml, *ring);
                xml.push_str(&response("200 OK", true));
                xml.push_str("<recv request=\"ACK\" crlf=\"true\"/>\n");
                steps(&mut xml, presses);
                let bye = "BYE [next_url] SIP/2.0\nVia: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\n\
                           From: [$2];tag=[pid]SIPpTag[call_number]\nTo: [$1]\n";
                end(&mut xml, *hang_up_after, bye);
            }
            Self::Refuses(status) => {
                xml.push_str(&response(&format!("{status} Refused"), false));
                xml.push_str("<recv request=\"ACK\"/>\n</scenario>\n");
            }
            Self::Rings => {
                xml.push_str(&response("180 Ringing", false));
                xml.push_str("<recv request=\"CANCEL\" crlf=\"true\"/>\n");
                xml.push_str(&response_to_cancel());
                xml.push_str(
                    &response("487 Request Terminated", false)
                        .replace("[last_CSeq:]", "CSeq: 1 INVITE"),
                );
                xml.push_str("<recv request=\"ACK\"/>\n</scenario>\n");
            }
        }
        // SIPp wants every variable used.
        xml.replace("</scenario>", "<Reference variables=\"1,2\"/>\n</scenario>")
    }
}

const SDP: &str = "v=0
o=phone 53655765 2353687637 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [auto_media_port] RTP/AVP 0 96
a=rtpmap:0 PCMU/8000
a=rtpmap:96 telephone-event/8000
a=fmtp:96 0-15
a=sendrecv";

/// Without telephone events.
const PLAIN_SDP: &str = "v=0
o=phone 53655765 2353687637 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [auto_media_port] RTP/AVP 0
a=rtpmap:0 PCMU/8000
a=sendrecv";

/// What the captures of SIPp have.
const CAPTURED_SDP: &str = "v=0
o=phone 53655765 2353687637 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 8 101
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-11
a=sendrecv";

/// Folder of the captures.
const CAPTURES: &str = "/usr/share/sip-tester";
/// Between two captured keys, in seconds: each lasts 0.15.
const BETWEEN_KEYS: f64 = 0.4;

fn head(name: &str) -> String {
    debug_assert!(SDP.contains(&DTMF.to_string()));
    format!(
        "<?xml version=\"1.0\" encoding=\"ISO-8859-1\" ?>\n<!DOCTYPE scenario SYSTEM \"sipp.dtd\">\n<scenario name=\"{name}\">\n"
    )
}

fn response(status: &str, with_sdp: bool) -> String {
    let body = if with_sdp {
        format!("Content-Type: application/sdp\nContent-Length: [len]\n\n{SDP}")
    } else {
        "Content-Length: 0\n".to_owned()
    };
    let reliable = if status.starts_with('1') {
        ""
    } else {
        " retrans=\"500\""
    };
    format!(
        "<send{reliable}><![CDATA[
SIP/2.0 {status}
[last_Via:]
[last_Record-Route:]
[last_From:]
[last_To:];tag=[pid]SIPpTag[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port];transport=[transport]>
{body}
]]></send>\n"
    )
}

fn response_to_cancel() -> String {
    response("200 OK", false).replace(" retrans=\"500\"", "")
}

fn pause(xml: &mut String, seconds: f64) {
    let _ = writeln!(
        xml,
        "<pause milliseconds=\"{}\"/>",
        (seconds * 1000.0) as u64
    );
}

fn steps(xml: &mut String, steps: &[(f64, String)]) {
    for (wait, digits) in steps {
        pause(xml, *wait);
        if !digits.is_empty() {
            let _ = writeln!(
                xml,
                "<nop><action><exec play_dtmf=\"{digits}\"/></action></nop>"
            );
        }
    }
}

/// Speech, then the keys of the steps, from captures.
fn captures(xml: &mut String, steps: &[(f64, String)]) {
    let play = |xml: &mut String, name: &str| {
        let _ = writeln!(
            xml,
            "<nop><action><exec play_pcap_audio=\"{CAPTURES}/{name}.pcap\"/></action></nop>"
        );
    };
    play(xml, "g711a");
    for (wait, digits) in steps {
        pause(xml, *wait);
        for (number, digit) in digits.chars().enumerate() {
            if number > 0 {
                pause(xml, BETWEEN_KEYS);
            }
            let name = match digit {
                '*' => "star".to_owned(),
                '#' => "pound".to_owned(),
                digit => digit.to_string(),
            };
            play(xml, &format!("dtmf_2833_{name}"));
        }
    }
}

/// Both ends of a call: this side's BYE, or the other's.
fn end(xml: &mut String, hang_up_after: Option<f64>, bye: &str) {
    if let Some(seconds) = hang_up_after {
        pause(xml, seconds);
        let _ = write!(
            xml,
            "<send retrans=\"500\"><![CDATA[\n{bye}Call-ID: [call_id]\nCSeq: 2 BYE\nMax-Forwards: 70\nContent-Length: 0\n\n]]></send>\n\
             <recv response=\"200\" crlf=\"true\"/>\n</scenario>\n"
        );
    } else {
        xml.push_str("<recv request=\"BYE\" crlf=\"true\"/>\n");
        xml.push_str(
            "<send><![CDATA[\nSIP/2.0 200 OK\n[last_Via:]\n[last_From:]\n[last_To:]\n[last_Call-ID:]\n[last_CSeq:]\nContent-Length: 0\n\n]]></send>\n</scenario>\n",
        );
    }
}
