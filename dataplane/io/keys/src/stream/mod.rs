//! What is too long to be sealed at once, or grows while it is sealed.
//!
//! ```text
//! 8 octets   "CPSTRM" and the version: 0 1, or 0 2 where chunks are short
//! 77         the key of this stream, an [`Envelope`](crate::Envelope) for the [`Place`](crate::Place)
//! n * 16400  chunks of 16 KiB (1 KiB: 1040), each with its tag
//! 16..16399  the last chunk, always shorter than the others, often empty
//! ```
//!
//! AES-256-GCM with a random key of the stream's own, so that the nonce of a chunk is its number, and
//! whether it is the last. **Chunks cannot be changed, exchanged, repeated or taken away unnoticed;** a
//! stream whose writer was killed has no last one, opens as far as it goes and says that it was cut. Any
//! place is found by counting, so a player seeks without reading what is before.

mod opener;
mod reader;
mod sealer;

pub use opener::StreamOpener;
pub use reader::StreamReader;
pub use sealer::StreamSealer;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use crate::{DataKey, Envelope, Error, Result};

/// Octets before the first chunk.
pub const STREAM_HEADER: usize = MAGIC_LENGTH + Envelope::OVERHEAD + DataKey::LEN;

const MAGIC_LENGTH: usize = 8;
/// Of AES-256-GCM.
const TAG: usize = 16;

/// How much is sealed at once: what waits to be is lost when its writer is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamChunk {
    /// 16 KiB.
    Long,
    /// 1 KiB, for what grows slowly.
    Short,
}

impl StreamChunk {
    /// Octets of clear text in every chunk but the last.
    #[must_use]
    pub const fn octets(self) -> usize {
        match self {
            Self::Long => 16 << 10,
            Self::Short => 1 << 10,
        }
    }

    /// Octets of every chunk but the last as it lies there.
    const fn sealed(self) -> usize {
        self.octets() + TAG
    }

    const fn magic(self) -> &'static [u8; MAGIC_LENGTH] {
        match self {
            Self::Long => b"CPSTRM\0\x01",
            Self::Short => b"CPSTRM\0\x02",
        }
    }

    /// The version is authenticated with every chunk, the rest of the header by opening with its key.
    fn associated(self) -> Aad<&'static [u8]> {
        Aad::from(self.magic().as_slice())
    }
}

/// Which chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chunk {
    Inner(u64),
    Last(u64),
}

impl Chunk {
    /// Never the same twice under one key: a number is sealed once, and there is one last chunk.
    fn nonce(self) -> Nonce {
        let (number, last) = match self {
            Self::Inner(number) => (number, 0),
            Self::Last(number) => (number, 1),
        };
        let mut nonce = [0; NONCE_LEN];
        nonce[3] = last;
        nonce[4..].copy_from_slice(&number.to_be_bytes());
        Nonce::assume_unique_for_key(nonce)
    }
}

fn cipher(key: &[u8]) -> Result<LessSafeKey> {
    let key = UnboundKey::new(&AES_256_GCM, key).map_err(|_| Error::KeyLength)?;
    Ok(LessSafeKey::new(key))
}
