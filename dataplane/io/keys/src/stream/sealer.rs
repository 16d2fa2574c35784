//! Writing a stream.

use aws_lc_rs::aead::LessSafeKey;
use zeroize::Zeroizing;

use super::{Chunk, STREAM_HEADER, StreamChunk, TAG, cipher};
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
            waiting: Zeroizing::default(),
        };
        Ok((sealer, header))
    }

    /// Takes the next octets, and appends the chunks that became full to `out`.
    ///
    /// # Errors
    /// None that can be provoked: [`Error::Refused`] from the cipher.
    pub fn push(&mut self, mut octets: &[u8], out: &mut Vec<u8>) -> Result<()> {
        while let Some((now, later)) =
            octets.split_at_checked(self.chunk.octets() - self.waiting.len())
        {
            self.seal(Chunk::Inner(self.number), now, out)?;
            self.number += 1;
            octets = later;
        }
        self.wait(octets);
        Ok(())
    }

    /// Keeps what is no chunk yet, in no more memory than that: a vector that grew would leave what it held.
    fn wait(&mut self, octets: &[u8]) {
        if octets.len() > self.waiting.capacity() - self.waiting.len() {
            let mut longer = Vec::with_capacity(self.waiting.len() + octets.len());
            longer.extend_from_slice(&self.waiting);
            self.waiting = Zeroizing::new(longer);
        }
        self.waiting.extend_from_slice(octets);
    }

    /// Appends the last chunk.
    ///
    /// # Errors
    /// As [`StreamSealer::push`].
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<()> {
        self.seal(Chunk::Last(self.number), &[], out)
    }

    /// Seals what waits and `rest` behind it.
    fn seal(&mut self, chunk: Chunk, rest: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let begin = out.len();
        let waiting = std::mem::take(&mut self.waiting);
        out.reserve(waiting.len() + rest.len() + TAG);
        out.extend_from_slice(&waiting);
        out.extend_from_slice(rest);
        let sealed = self.cipher.seal_in_place_separate_tag(
            chunk.nonce(),
            self.chunk.associated(),
            &mut out[begin..],
        );
        match sealed {
            Ok(tag) => out.extend_from_slice(tag.as_ref()),
            Err(_) => {
                // Nothing in clear leaves.
                out.truncate(begin);
                return Err(Error::Refused);
            }
        }
        Ok(())
    }
}

impl std::fmt::Debug for StreamSealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StreamSealer(chunk {}, <secret>)", self.number)
    }
}
