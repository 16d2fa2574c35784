/// How many bits of each octet are speech (G.722 clause 1.2).
///
/// The other ones, the lowest, carry data in modes 2 and 3; the decoder leaves them aside. RTP always
/// uses mode 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum G722Mode {
    /// 64 kbit/s: six bits for the lower band.
    #[default]
    One,
    /// 56 kbit/s: five bits.
    Two,
    /// 48 kbit/s: four bits.
    Three,
}
