use callplane_webrtc::{Deframer, FrameTooLong, MAX_FRAMED, frame_header};
use proptest::prelude::*;

/// Hands `stream` over in pieces of at most `piece` octets.
fn deframe(stream: &[u8], piece: usize) -> Result<Vec<Vec<u8>>, FrameTooLong> {
    let (mut deframer, mut rest, mut found) = (Deframer::default(), stream, Vec::new());
    while !rest.is_empty() {
        let space = deframer.space();
        assert!(!space.is_empty());
        let length = rest.len().min(piece).min(space.len());
        space[..length].copy_from_slice(&rest[..length]);
        deframer.filled(length);
        rest = &rest[length..];
        while let Some(datagram) = deframer.next_datagram()? {
            found.push(datagram.to_vec());
        }
    }
    Ok(found)
}

#[test]
fn the_longest_datagram_is_taken_and_a_longer_one_is_not() {
    let framed = |length: usize| {
        let datagram = vec![7; length];
        let mut stream = frame_header(&datagram).unwrap().to_vec();
        stream.extend(datagram);
        stream
    };
    let longest = framed(MAX_FRAMED);
    assert_eq!(deframe(&longest, 99), Ok(vec![vec![7; MAX_FRAMED]]));
    let longer = framed(MAX_FRAMED + 1);
    assert_eq!(deframe(&longer, 99), Err(FrameTooLong(MAX_FRAMED + 1)));
    assert_eq!(frame_header(&vec![0; 70_000]), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn datagrams_come_out_as_they_went_in_however_the_stream_is_cut(
        datagrams in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..MAX_FRAMED), 0..12),
        piece in 1_usize..5_000,
    ) {
        let mut stream = Vec::new();
        for datagram in &datagrams {
            stream.extend(frame_header(datagram).unwrap());
            stream.extend(datagram);
        }
        let sent: Vec<_> = datagrams.into_iter().filter(|one| !one.is_empty()).collect();
        prop_assert_eq!(deframe(&stream, piece), Ok(sent));
    }

    #[test]
    fn any_stream_is_datagrams_or_an_error(stream in proptest::collection::vec(any::<u8>(), 0..9_000), piece in 1_usize..5_000) {
        let _ = deframe(&stream, piece);
    }
}
