//! Which indices of a source were used.

/// How far back an index may be and still be told new from used (RFC 3711 section 3.3.2 asks for 64
/// at least).
const SIZE: u64 = 128;

/// The last 128 indices of one source.
///
/// **An index is new at most once, whatever the order.**
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    highest: u64,
    /// Bit 0 is `highest`, bit n is n before it.
    used: u128,
}

impl Window {
    /// Of a source of which one index was used.
    pub(crate) const fn begin(index: u64) -> Self {
        Self {
            highest: index,
            used: 1,
        }
    }

    /// Of a source of which everything up to an index counts as used.
    pub(crate) const fn after(index: u64) -> Self {
        Self {
            highest: index,
            used: u128::MAX,
        }
    }

    pub(crate) const fn highest(&self) -> u64 {
        self.highest
    }

    /// Whether an index is known not to be used yet.
    pub(crate) const fn is_new(&self, index: u64) -> bool {
        match self.highest.checked_sub(index) {
            None => true,
            Some(back) => back < SIZE && self.used >> back & 1 == 0,
        }
    }

    /// Counts an index as used.
    pub(crate) fn mark(&mut self, index: u64) {
        if let Some(ahead) = index.checked_sub(self.highest) {
            let ahead = u32::try_from(ahead).unwrap_or(u32::MAX);
            self.used = self.used.checked_shl(ahead).unwrap_or(0) | 1;
            self.highest = index;
        } else if self.highest - index < SIZE {
            self.used |= 1 << (self.highest - index);
        }
    }

    /// The index that a sequence number stands for, the one nearest to the highest (RFC 3711
    /// section 3.3.1 and appendix A). There is none before the first.
    pub(crate) fn estimate(&self, sequence: u16) -> Option<u64> {
        const HALF: u16 = 1 << 15;
        let (roc, last) = (self.highest >> 16, self.highest as u16);
        let roc = if last < HALF {
            match sequence > last && sequence - last > HALF {
                true => roc.checked_sub(1)?,
                false => roc,
            }
        } else {
            roc + u64::from(last - HALF > sequence)
        };
        Some(roc << 16 | u64::from(sequence))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequence_number_stands_for_the_nearest_index() {
        for (highest, sequence, index) in [
            (0, 1, Some(1)),
            (0, 0x8000, Some(0x8000)),
            (0, 0x8001, None),
            (0, 0xFFFF, None),
            (0x7FFF, 0xFFFF, Some(0xFFFF)),
            (0x8000, 0, Some(0)),
            (0x8001, 0, Some(0x1_0000)),
            (0xFFFF, 0, Some(0x1_0000)),
            (0xFFFF, 0x7FFE, Some(0x1_7FFE)),
            (0xFFFF, 0x7FFF, Some(0x7FFF)),
            (0x1_0000, 0xFFFF, Some(0xFFFF)),
            (0x1_0000, 0x8001, Some(0x8001)),
            (0x1_0000, 0x8000, Some(0x1_8000)),
            (0x5_FFFE, 0xFFFD, Some(0x5_FFFD)),
            (0xFFFF_FFFF_FFFF, 0, Some(0x1_0000_0000_0000)),
        ] {
            let found = Window::begin(highest).estimate(sequence);
            assert_eq!(found, index, "{sequence:#x} after {highest:#x}");
        }
    }

    #[test]
    fn an_index_is_new_once_and_only_within_the_window() {
        let mut window = Window::begin(1000);
        assert!(!window.is_new(1000));
        for index in [999, 873, 1128, 1001] {
            assert!(window.is_new(index), "{index}");
            window.mark(index);
            assert!(!window.is_new(index), "{index}");
        }
        assert_eq!(window.highest(), 1128);
        assert!(!window.is_new(1000), "used, and at the edge");
        assert!(window.is_new(1002));
        window.mark(5000);
        assert!(window.is_new(4873));
        assert!(!window.is_new(4872), "too old to tell");
    }

    #[test]
    fn nothing_up_to_where_a_window_goes_on_from_is_new() {
        let window = Window::after(1000);
        assert!((0..=1000).all(|index| !window.is_new(index)));
        assert!(window.is_new(1001));
    }
}
