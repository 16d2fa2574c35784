//! Writing a stream.

use aws_lc_rs::aead::LessSafeKey;
use zeroize::Zeroizing;

use super::{Chunk, STREAM_HEADER, StreamChunk, cipher};
use crate::{DataKey, Error, KeyRing, Place, Result, random};

/// Seals octets as they come. What it gives is appended to the file in the same order, so that **the file
/// opens up to the last chunk that reached it**.
pub struct StreamSealer {
    cipher: LessSafeKey,
    chunk: StreamChunk,
    number: u64,
    /// Less than a chunk.
    waiting: Zeroizing<Vec<u8>>,
}

impl StreamSealer {
    /// Begins a stream for `place` with the key of `ring` that seals, and gives its header.
    ///
    /// # Errors
    /// [`Error::Exhausted`], [`Error::NoRandomness`].
    pub fn begin(ring: &KeyRing, place: &Place, chunk: StreamChunk) -> Result<(Self, Vec<u8>)> {
        let mut key = Zeroizing::new([0; DataKey::LEN]);
        random::fill(key.as_mut_slice())?;
        let mut header = Vec::with_capacity(STREAM_HEADER);
        header.extend(chunk.magic());
        header.extend(ring.seal(place, key.as_slice())?);
        let sealer = Self {
            cipher: cipher(key.as_slice())?,
            chunk,
            number: 0,
            waiting: Zeroizing::new(Vec::with_capacity(chunk.octets())),
        };
        Ok((sealer, header))
    }

    /// Takes the next octets, and appends the chunks that became full to `out`.
    ///
    /// # Errors
    /// None that can be provoked: [`Error::Refused`] from the cipher.
    pub fn push(&mut self, mut octets: &[u8], out: &mut Vec<u8>) -> Result<()> {
        while !octets.is_empty() {
            let room = self.chunk.octets() - self.waiting.len();
            let (now, later) = octets.split_at(room.min(octets.len()));
            self.waiting.extend_from_slice(now);
            octets = later;
            if self.waiting.len() == self.chunk.octets() {
                self.seal(Chunk::Inner(self.number), out)?;
                self.number += 1;
            }
        }
        Ok(())
    }

    /// Appends the last chunk.
    ///
    /// # Errors
    /// As [`StreamSealer::push`].
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<()> {
        self.seal(Chunk::Last(self.number), out)
    }

    fn seal(&mut self, chunk: Chunk, out: &mut Vec<u8>) -> Result<()> {
        let tag = self
            .cipher
            .seal_in_place_separate_tag(chunk.nonce(), self.chunk.associated(), &mut self.waiting)
            .map_err(|_| Error::Refused)?;
        out.extend_from_slice(&self.waiting);
        out.extend_from_slice(tag.as_ref());
        self.waiting.clear();
        Ok(())
    }
}

impl std::fmt::Debug for StreamSealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StreamSealer(chunk {}, <secret>)", self.number)
    }
}
