//! Reading a stream as if it were a file in clear.

use std::io::{self, Read, Seek, SeekFrom};

use zeroize::Zeroizing;

use super::{STREAM_HEADER, StreamOpener};
use crate::{Error, KeyRing, Place};

/// A stream as a file in clear: reads and seeks, a chunk in memory at a time.
///
/// A stream that was cut ends behind its last whole chunk. A chunk that does not open is an error where it
/// is reached, [`io::ErrorKind::InvalidData`].
#[derive(Debug)]
pub struct StreamReader<R> {
    source: R,
    opener: StreamOpener,
    length: u64,
    is_whole: bool,
    position: u64,
    /// The chunk that was opened last, and its number.
    chunk: Option<(u64, Zeroizing<Vec<u8>>)>,
}

impl<R: Read + Seek> StreamReader<R> {
    /// Opens a stream that was sealed for `place`, and looks whether it has its end.
    ///
    /// # Errors
    /// Those of `source`; [`io::ErrorKind::UnexpectedEof`] without a header; those of
    /// [`StreamOpener::begin`] as [`io::ErrorKind::InvalidData`] with [`Error`] inside.
    pub fn open(mut source: R, ring: &KeyRing, place: &Place) -> io::Result<Self> {
        let mut header = [0; STREAM_HEADER];
        source.seek(SeekFrom::Start(0))?;
        source.read_exact(&mut header)?;
        let opener = StreamOpener::begin(ring, place, &header).map_err(invalid)?;
        let octets = source.seek(SeekFrom::End(0))?;
        let mut reader = Self {
            source,
            opener,
            length: 0,
            is_whole: false,
            position: 0,
            chunk: None,
        };
        if let Some((length, last)) = reader.opener.length_of(octets) {
            reader.length = length;
            let (begin, _) = reader.opener.place_of(last);
            reader.is_whole = match reader.load(last, octets - begin) {
                Ok(()) => true,
                // A last chunk of which only a part was written does not open.
                Err(error) if error.kind() == io::ErrorKind::InvalidData => false,
                Err(error) => return Err(error),
            };
        }
        if !reader.is_whole {
            let (_, sealed) = reader.opener.place_of(0);
            let full = (octets - STREAM_HEADER as u64) / sealed as u64;
            reader.length = full * reader.opener.chunk().octets() as u64;
        }
        Ok(reader)
    }

    /// Octets in clear.
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// Whether it has its end; not so when its writer was killed, or writes on.
    pub const fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// `most` is how long the chunk is at most: a file that grows meanwhile has not grown.
    fn load(&mut self, number: u64, most: u64) -> io::Result<()> {
        if self
            .chunk
            .as_ref()
            .is_some_and(|(known, _)| *known == number)
        {
            return Ok(());
        }
        let (begin, length) = self.opener.place_of(number);
        self.source.seek(SeekFrom::Start(begin))?;
        let mut sealed = Vec::with_capacity(length);
        self.source
            .by_ref()
            .take(most.min(length as u64))
            .read_to_end(&mut sealed)?;
        let clear = self.opener.open(number, &sealed).map_err(invalid)?;
        self.chunk = Some((number, clear));
        Ok(())
    }
}

impl<R: Read + Seek> Read for StreamReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.position >= self.length || out.is_empty() {
            return Ok(0);
        }
        let (number, from) = self.opener.chunk_of(self.position);
        self.load(number, u64::MAX)?;
        let clear = self.chunk.as_ref().map_or(&[][..], |(_, clear)| clear);
        let clear = clear.get(from..).unwrap_or_default();
        let length = clear.len().min(out.len());
        out[..length].copy_from_slice(&clear[..length]);
        self.position += length as u64;
        Ok(length)
    }
}

impl<R: Read + Seek> Seek for StreamReader<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let to = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.length.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = to.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

fn invalid(error: Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
