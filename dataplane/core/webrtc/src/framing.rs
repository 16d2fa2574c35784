//! Datagrams on a stream: each behind its length in two octets (RFC 4571 section 2).

/// Longest datagram that is taken: an Ethernet frame, as on UDP.
pub const MAX_FRAMED: usize = 1_600;
/// Octets of the length.
const LENGTH: usize = 2;
/// What is read ahead.
const ROOM: usize = 4_096;

/// A frame longer than [`MAX_FRAMED`]: the stream is not what it should be, or the other side wants memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a frame of {0} octets: at most {MAX_FRAMED} are taken")]
pub struct FrameTooLong(pub usize);

/// Finds the datagrams in a stream. **It holds 4 KiB and no more**, however the octets come.
#[derive(Debug, Clone)]
pub struct Deframer {
    buffer: Box<[u8; ROOM]>,
    /// Octets before it were handed out.
    start: usize,
    end: usize,
}

impl Default for Deframer {
    fn default() -> Self {
        Self {
            buffer: Box::new([0; ROOM]),
            start: 0,
            end: 0,
        }
    }
}

impl Deframer {
    /// Where to put what comes next; never empty once [`Deframer::next_datagram`] has given nothing.
    pub fn space(&mut self) -> &mut [u8] {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        &mut self.buffer[self.end..]
    }

    /// So many octets came there.
    pub fn filled(&mut self, octets: usize) {
        self.end = ROOM.min(self.end + octets);
    }

    /// The next datagram; nothing if it has not come whole. An empty one says nothing, and is passed over.
    ///
    /// # Errors
    /// [`FrameTooLong`]: where the next one begins is not known, so the stream is of no more use.
    pub fn next_datagram(&mut self) -> Result<Option<&[u8]>, FrameTooLong> {
        while let [high, low, rest @ ..] = &self.buffer[self.start..self.end] {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            if length > MAX_FRAMED {
                return Err(FrameTooLong(length));
            }
            if rest.len() < length {
                break;
            }
            let begin = self.start + LENGTH;
            self.start = begin + length;
            if length > 0 {
                return Ok(Some(&self.buffer[begin..begin + length]));
            }
        }
        Ok(None)
    }
}

/// What goes before a datagram on the stream; nothing for one that is too long for it.
#[must_use]
pub fn frame_header(datagram: &[u8]) -> Option<[u8; 2]> {
    Some(u16::try_from(datagram.len()).ok()?.to_be_bytes())
}
