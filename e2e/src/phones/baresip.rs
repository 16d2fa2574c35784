//! baresip, a softphone: it speaks a WAV file and records what it hears.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::sound::Wav;
use crate::until;

mod curve;

/// A running baresip with one account. Dropping it ends it.
#[derive(Debug)]
pub struct Baresip {
    control: TcpStream,
    unread: Vec<u8>,
    folder: PathBuf,
    _child: Child,
}

/// How a phone speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Speech {
    /// The codecs it offers and takes, separated by commas: names as in SDP, with the sampling rate where it is not
    /// 8 kHz, as in `G722/16000` and `opus/48000/2`.
    pub codecs: &'static str,
    /// How its media is encrypted.
    pub encryption: Encryption,
    /// Whether it gathers candidates and checks them (ICE), which needs an address besides loopback.
    pub checked: bool,
    /// Whether RTCP shares the port of RTP where the other side does that, too.
    pub one_port: bool,
    /// Milliseconds of audio in a packet, sent and asked for.
    pub packet_time: u8,
    /// Whether keys go by INFO in place of telephone events.
    pub keys_by_info: bool,
}

/// How a phone encrypts its media; it offers nothing else then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// Not at all.
    None,
    /// With keys in the description.
    Sdes,
    /// With keys of a handshake, in which it shows a certificate of an elliptic curve, as later versions of it do.
    Dtls,
    /// The same with the certificate that this version makes, which is of RSA.
    DtlsRsa,
}

impl Encryption {
    /// Its name in an account.
    const fn account(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Sdes => ";mediaenc=srtp-mand",
            Self::Dtls | Self::DtlsRsa => ";mediaenc=dtls_srtp",
        }
    }
}

impl Default for Speech {
    fn default() -> Self {
        Self::PLAIN
    }
}

impl Speech {
    /// As a telephone network does.
    pub const PLAIN: Self = Self {
        codecs: "PCMU",
        encryption: Encryption::None,
        checked: false,
        one_port: false,
        packet_time: 20,
        keys_by_info: false,
    };
}

/// What baresip reports by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its type, such as `CALL_ESTABLISHED` or `CALL_CLOSED`.
    pub name: String,
    /// Its parameter: a digit, or the reason of an end.
    pub parameter: String,
}

impl Baresip {
    /// Starts a phone at `address` that speaks `voice` (8 kHz, mono) once a call is up. `ip:port` is its SIP
    /// address, the ports after it are for media, port + 1000 for its control.
    pub async fn start(
        folder: &Path,
        address: SocketAddr,
        number: &str,
        voice: &Path,
    ) -> Result<Self> {
        Self::speaking(Speech::default(), folder, address, number, voice).await
    }

    /// As [`Baresip::start`], with another way to speak.
    pub async fn speaking(
        speech: Speech,
        folder: &Path,
        address: SocketAddr,
        number: &str,
        voice: &Path,
    ) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let control = SocketAddr::new(address.ip(), address.port() + 1000);
        std::fs::write(
            folder.join("config"),
            config(address, control, voice, folder, speech),
        )?;
        let Speech {
            codecs,
            encryption,
            checked,
            one_port: _,
            packet_time,
            keys_by_info,
        } = speech;
        let security = encryption.account();
        let checks = if checked { ";medianat=ice" } else { "" };
        let keys = if keys_by_info { ";dtmfmode=info" } else { "" };
        let account = format!(
            "<sip:{number}@{address}>;regint=0;audio_codecs={codecs};answermode=auto;ptime={packet_time}{security}{checks}{keys}\n"
        );
        std::fs::write(folder.join("accounts"), account)?;
        std::fs::write(folder.join("contacts"), "")?;
        let log = std::fs::File::create(folder.join("baresip.log"))?;
        let mut command = Command::new("baresip");
        if encryption == Encryption::Dtls {
            let certificate = curve::certificate(folder).await?;
            command.envs(certificate);
        }
        let child = command
            .arg("-f")
            .arg(folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .context("failed to start baresip")?;
        let control = until("baresip listens", Duration::from_secs(10), async || {
            Ok(TcpStream::connect(control).await.ok())
        })
        .await?;
        Ok(Self {
            control,
            unread: Vec::new(),
            folder: folder.to_owned(),
            _child: child,
        })
    }

    /// Dials `number` at `remote`.
    pub async fn dial(&mut self, number: &str, remote: SocketAddr) -> Result<()> {
        self.command("dial", &format!("sip:{number}@{remote}"))
            .await
    }

    /// Presses digits.
    pub async fn press(&mut self, digits: &str) -> Result<()> {
        self.command("sndcode", digits).await
    }

    /// Hangs up.
    pub async fn hang_up(&mut self) -> Result<()> {
        self.command("hangup", "").await
    }

    /// Sends a command: JSON in a netstring.
    async fn command(&mut self, command: &str, parameters: &str) -> Result<()> {
        let json = json!({"command": command, "params": parameters, "token": command}).to_string();
        self.control
            .write_all(format!("{}:{json},", json.len()).as_bytes())
            .await?;
        Ok(())
    }

    /// Waits for an event of this name and returns it; others in between are dropped.
    pub async fn event(&mut self, name: &str, limit: Duration) -> Result<Event> {
        timeout(limit, async {
            loop {
                let message = self.message().await?;
                if message["event"] == true && message["type"] == name {
                    return Ok(Event {
                        name: name.to_owned(),
                        parameter: message["param"].as_str().unwrap_or_default().to_owned(),
                    });
                }
            }
        })
        .await
        .with_context(|| {
            format!(
                "baresip does not report {name} within {limit:?}; its log is in {}",
                self.folder.display()
            )
        })?
    }

    async fn message(&mut self) -> Result<Value> {
        loop {
            if let Some((message, rest)) = netstring(&self.unread) {
                let value = serde_json::from_slice(message).context("baresip sent no JSON");
                self.unread = rest.to_vec();
                return value;
            }
            let mut buffer = [0; 4096];
            let length = self.control.read(&mut buffer).await?;
            anyhow::ensure!(
                length > 0,
                "baresip ended; its log is in {}",
                self.folder.display()
            );
            self.unread.extend_from_slice(&buffer[..length]);
        }
    }

    /// What it heard in its last call, and half a second of silence: the end of the last words may still be in its
    /// jitter buffer when the other side hangs up.
    pub fn heard(&self) -> Result<Wav> {
        let mut heard = Wav::read(&self.recording()?)?;
        let silence = heard.rate as usize / 2 * usize::from(heard.channels);
        heard.samples.extend(std::iter::repeat_n(0, silence));
        Ok(heard)
    }

    /// The file with what it heard in its last call.
    pub fn recording(&self) -> Result<PathBuf> {
        let mut files: Vec<PathBuf> = std::fs::read_dir(&self.folder)?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.to_string_lossy().ends_with("-dec.wav"))
            .collect();
        files.sort();
        files.pop().context("baresip has recorded nothing")
    }
}

fn netstring(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = bytes.iter().position(|b| *b == b':')?;
    let length: usize = std::str::from_utf8(&bytes[..colon])
        .ok()?
        .trim()
        .parse()
        .ok()?;
    let message = bytes.get(colon + 1..colon + 1 + length)?;
    let rest = bytes.get(colon + 2 + length..)?;
    Some((message, rest))
}

fn config(
    address: SocketAddr,
    control: SocketAddr,
    voice: &Path,
    folder: &Path,
    speech: Speech,
) -> String {
    let IpAddr::V4(ip) = address.ip() else {
        return String::new();
    };
    let mux = if speech.one_port { "yes" } else { "no" };
    let modules = match (speech.encryption, speech.checked) {
        // Without these nothing is loaded that a test does not use.
        (Encryption::Dtls | Encryption::DtlsRsa, false) => "module dtls_srtp.so\n",
        (Encryption::Dtls | Encryption::DtlsRsa, true) => "module dtls_srtp.so\nmodule ice.so\n",
        (_, true) => "module ice.so\n",
        (_, false) => "",
    };
    let (first, last) = (address.port() + 2, address.port() + 20);
    format!(
        "net_interface {ip}
sip_listen {address}
sip_trans_def udp
call_local_timeout 120
call_max_calls 1
audio_source aufile,{voice}
audio_player aufile,{folder}/unused.wav
audio_alert none
audio_srate 8000
audio_channels 1
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
audio_txmode thread
rtp_ports {first}-{last}
rtp_stats yes
rtcp_mux {mux}
module_path /usr/lib/baresip/modules
module g711.so
module g722.so
module opus.so
module srtp.so
{modules}module aufile.so
module sndfile.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen {control}
snd_path {folder}
",
        voice = voice.display(),
        folder = folder.display(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn netstrings_are_split() {
        assert_eq!(
            netstring(b"2:{},3:abc,"),
            Some((&b"{}"[..], &b"3:abc,"[..]))
        );
        assert_eq!(netstring(b"5:{}"), None);
    }
}
