//! ITU-T G.711: eight bits a sample, mu-law and A-law.
//!
//! Samples are linear, 16 bits, left-justified: mu-law uses the upper 14 of them and A-law the upper
//! 13, as the reference code of ITU-T G.191 does.

/// One of the two laws.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Law {
    /// mu-law, PCMU: North America and Japan.
    Mu,
    /// A-law, PCMA: everywhere else.
    A,
}

impl Law {
    /// The octet of silence.
    #[must_use]
    pub const fn silence(self) -> u8 {
        self.encode_sample(0)
    }

    /// Encodes one sample.
    #[must_use]
    pub const fn encode_sample(self, sample: i16) -> u8 {
        match self {
            Self::Mu => encode_mu(sample),
            Self::A => encode_a(sample),
        }
    }

    /// Decodes one octet.
    #[must_use]
    pub const fn decode_sample(self, octet: u8) -> i16 {
        match self {
            Self::Mu => MU[octet as usize],
            Self::A => A[octet as usize],
        }
    }

    /// Encodes as many samples as fit into `octets`.
    pub fn encode(self, samples: &[i16], octets: &mut [u8]) {
        for (octet, sample) in octets.iter_mut().zip(samples) {
            *octet = self.encode_sample(*sample);
        }
    }

    /// Decodes as many octets as fit into `samples`.
    pub fn decode(self, octets: &[u8], samples: &mut [i16]) {
        let table = match self {
            Self::Mu => &MU,
            Self::A => &A,
        };
        for (sample, octet) in samples.iter_mut().zip(octets) {
            *sample = table[usize::from(*octet)];
        }
    }

    /// Whether nobody would hear it if this frame were missing: below -50 dBov.
    #[must_use]
    pub fn is_quiet(self, octets: &[u8]) -> bool {
        let energy: u64 = octets
            .iter()
            .map(|octet| u64::from(self.decode_sample(*octet).unsigned_abs()).pow(2))
            .sum();
        // 32768^2 / 10^5
        energy <= 10_737 * octets.len() as u64
    }
}

static MU: [i16; 256] = table(Law::Mu);
static A: [i16; 256] = table(Law::A);

const fn table(law: Law) -> [i16; 256] {
    let mut table = [0; 256];
    let mut octet = 0;
    while octet < 256 {
        table[octet] = match law {
            Law::Mu => expand_mu(octet as u8),
            Law::A => expand_a(octet as u8),
        };
        octet += 1;
    }
    table
}

const fn encode_mu(sample: i16) -> u8 {
    // One's complement for negative samples, so that -1 and 0 are neighbours.
    let magnitude = (if sample < 0 { !sample } else { sample }) as u16;
    let biased = (magnitude >> 2) + 33;
    let biased = if biased > 0x1FFF { 0x1FFF } else { biased };
    // The segment is where the highest bit stands: 5 is the lowest, 12 the highest.
    let segment = 15 - biased.leading_zeros() as u16 - 5;
    let step = biased >> (segment + 1) & 0x0F;
    let code = !(segment << 4 | step) as u8 & 0x7F;
    if sample < 0 { code } else { code | 0x80 }
}

const fn expand_mu(octet: u8) -> i16 {
    let code = !octet;
    let segment = (code >> 4 & 7) as u32;
    let step = (code & 0x0F) as i16;
    let magnitude = (((step << 3) + 0x84) << segment) - 0x84;
    if octet & 0x80 == 0 {
        -magnitude
    } else {
        magnitude
    }
}

const fn encode_a(sample: i16) -> u8 {
    let magnitude = (if sample < 0 { !sample } else { sample }) as u16 >> 4;
    let code = if magnitude < 32 {
        magnitude
    } else {
        // Segment 2 begins at 32; each has twice the step of the one before.
        let segment = 15 - magnitude.leading_zeros() as u16 - 4;
        (segment + 1) << 4 | (magnitude >> segment & 0x0F)
    };
    let sign = if sample < 0 { 0 } else { 0x80 };
    (code as u8 | sign) ^ 0x55
}

const fn expand_a(octet: u8) -> i16 {
    let code = octet ^ 0x55;
    let segment = (code >> 4 & 7) as u32;
    let step = (code & 0x0F) as i16;
    let magnitude = match segment {
        0 => (step << 4) + 8,
        segment => ((step << 4) + 0x108) << (segment - 1),
    };
    if code & 0x80 == 0 {
        -magnitude
    } else {
        magnitude
    }
}
