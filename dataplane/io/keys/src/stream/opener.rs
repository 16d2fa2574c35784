//! Opening the chunks of a stream.

use aws_lc_rs::aead::LessSafeKey;
use zeroize::Zeroizing;

use super::{Chunk, MAGIC_LENGTH, STREAM_HEADER, StreamChunk, TAG, cipher};
use crate::{Error, KeyRing, ParseEnvelopeError, Place, Result};

/// Opens single chunks of a stream.
pub struct StreamOpener {
    cipher: LessSafeKey,
    chunk: StreamChunk,
}

impl StreamOpener {
    /// Reads the header of a stream that was sealed for `place`.
    ///
    /// # Errors
    /// [`Error::Malformed`], [`Error::UnknownKey`], [`Error::Refused`].
    pub fn begin(ring: &KeyRing, place: &Place, header: &[u8; STREAM_HEADER]) -> Result<Self> {
        let (magic, envelope) = header.split_at(MAGIC_LENGTH);
        let known = [StreamChunk::Long, StreamChunk::Short];
        let Some(chunk) = known.into_iter().find(|chunk| chunk.magic() == magic) else {
            let version = header[MAGIC_LENGTH - 1];
            return Err(ParseEnvelopeError::UnknownVersion(version).into());
        };
        let key = ring.open(place, envelope)?;
        Ok(Self {
            cipher: cipher(&key)?,
            chunk,
        })
    }

    /// Where in the file the chunk `number` begins, and how long it can be.
    #[must_use]
    pub const fn place_of(&self, number: u64) -> (u64, usize) {
        let begin = STREAM_HEADER as u64 + number * self.chunk.sealed() as u64;
        (begin, self.chunk.sealed())
    }

    /// In which chunk the octet `position` of the clear text is, and where in there.
    #[must_use]
    pub const fn chunk_of(&self, position: u64) -> (u64, usize) {
        let chunk = self.chunk.octets() as u64;
        (position / chunk, (position % chunk) as usize)
    }

    /// How much clear text a file of `length` octets has that was not cut, and which its last chunk is;
    /// `None` for a length that no such file has.
    #[must_use]
    pub const fn length_of(&self, length: u64) -> Option<(u64, u64)> {
        let Some(chunks) = length.checked_sub(STREAM_HEADER as u64) else {
            return None;
        };
        let sealed = self.chunk.sealed() as u64;
        let (full, rest) = (chunks / sealed, chunks % sealed);
        match rest.checked_sub(TAG as u64) {
            Some(rest) => Some((full * self.chunk.octets() as u64 + rest, full)),
            None => None,
        }
    }

    /// How much is sealed at once.
    #[must_use]
    pub const fn chunk(&self) -> StreamChunk {
        self.chunk
    }

    /// Opens the chunk `number`, all of it. The last one is the one that is shorter.
    ///
    /// # Errors
    /// [`Error::Refused`] for one that was changed, that is another one, or of which a part is missing.
    pub fn open(&self, number: u64, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let chunk = match sealed.len() == self.chunk.sealed() {
            true => Chunk::Inner(number),
            false => Chunk::Last(number),
        };
        let mut clear = Zeroizing::new(sealed.to_vec());
        let length = self
            .cipher
            .open_in_place(chunk.nonce(), self.chunk.associated(), &mut clear)
            .map_err(|_| Error::Refused)?
            .len();
        clear.truncate(length);
        Ok(clear)
    }
}

impl std::fmt::Debug for StreamOpener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StreamOpener(<secret>)")
    }
}
