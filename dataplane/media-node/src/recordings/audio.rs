//! A recording in clear, from any place of it.

use std::io::{self, Read, Seek, SeekFrom};

use callplane_call::{OGG_OPUS_HEADER_LENGTH, WAV_HEADER_LENGTH, last_ogg_page, wav_header};
use callplane_keys::{KeyRing, Place, StreamReader};

use super::Format;

/// A file on the disk, or in an object storage.
pub(crate) trait Source: Read + Seek + Send {}

impl<T: Read + Seek + Send> Source for T {}

/// The longest page of Ogg (RFC 3533 section 6).
const LONGEST_PAGE: u64 = 27 + 255 + 255 * 255;

/// A WAV or an Ogg Opus file that plays to its end, also when its writer was killed or writes on: the
/// header of a WAV file tells of what is there, which the one that was sealed first could not know, and
/// an Ogg file ends with its last whole page.
pub(crate) struct Audio {
    reader: StreamReader<Box<dyn Source>>,
    format: Format,
    length: u64,
    /// In the place of the first octets.
    header: Vec<u8>,
}

impl Audio {
    pub(super) fn open(
        file: Box<dyn Source>,
        format: Format,
        ring: &KeyRing,
        place: &Place,
    ) -> io::Result<Self> {
        let mut reader = StreamReader::open(file, ring, place)?;
        let (length, header) = match format {
            Format::Wav => {
                let samples = reader.length().saturating_sub(WAV_HEADER_LENGTH as u64);
                // Whole pairs of samples.
                let header = wav_header(2, 8_000, samples / 4 * 4).to_vec();
                (reader.length(), header)
            }
            Format::Opus => (whole_pages(&mut reader)?, Vec::new()),
        };
        Ok(Self {
            reader,
            format,
            length,
            header,
        })
    }

    pub(crate) const fn format(&self) -> Format {
        self.format
    }

    /// Octets, header included.
    pub(crate) const fn length(&self) -> u64 {
        self.length
    }

    /// Whether there is less than the header yet.
    pub(crate) const fn is_empty(&self) -> bool {
        let header = match self.format {
            Format::Wav => WAV_HEADER_LENGTH,
            Format::Opus => OGG_OPUS_HEADER_LENGTH + 1,
        };
        self.length < header as u64
    }

    /// Whether it has its end; not so when its node was killed, somebody cut it, or the call goes on.
    pub(crate) const fn is_whole(&self) -> bool {
        self.reader.is_whole()
    }

    /// Up to `length` octets from `position` on; fewer at the end.
    pub(crate) fn read_at(&mut self, position: u64, length: usize) -> io::Result<Vec<u8>> {
        let most = self.length.saturating_sub(position).min(length as u64);
        let mut octets = Vec::with_capacity(length);
        self.reader.seek(SeekFrom::Start(position))?;
        self.reader.by_ref().take(most).read_to_end(&mut octets)?;
        let from = usize::try_from(position).unwrap_or(usize::MAX);
        let header = self.header.get(from..).unwrap_or_default();
        for (octet, known) in octets.iter_mut().zip(header) {
            *octet = *known;
        }
        Ok(octets)
    }
}

/// Where the last whole page ends.
fn whole_pages(reader: &mut StreamReader<Box<dyn Source>>) -> io::Result<u64> {
    if reader.is_whole() {
        return Ok(reader.length());
    }
    let from = reader.length().saturating_sub(2 * LONGEST_PAGE);
    let mut tail = Vec::new();
    reader.seek(SeekFrom::Start(from))?;
    reader.read_to_end(&mut tail)?;
    Ok(last_ogg_page(&tail).map_or(0, |end| from + end as u64))
}
