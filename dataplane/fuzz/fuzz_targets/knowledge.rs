//! A document that somebody wrote for agents to look things up in: a digit for its type, then the file.

#![no_main]

use callplane_knowledge::{Block, Cut, Limits, MediaType, extract, passages};
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits {
    source: 1 << 20,
    unpacked: 1 << 20,
    text: 1 << 16,
    pages: 20,
};

fuzz_target!(|octets: &[u8]| {
    let Some((kind, file)) = octets.split_first() else {
        return;
    };
    let Some(kind) = MediaType::ALL.get(usize::from(kind.wrapping_sub(b'0'))) else {
        return;
    };
    let Ok(document) = extract(*kind, None, file, &LIMITS) else {
        return;
    };
    let text: String = document.blocks.iter().map(Block::text).collect();
    assert!(!text.is_empty() && text.len() <= LIMITS.text);
    assert!(!text.contains(|one: char| one.is_control() && one != '\n'));
    let cut = Cut { words: 40, overlap: 5 };
    let mut found = passages(&document, cut).into_iter().flat_map(|passage| {
        assert!(passage.text.split_whitespace().count() <= cut.words);
        passage.text.chars().collect::<Vec<_>>()
    });
    let mut words = text.chars().filter(|one| !one.is_whitespace());
    assert!(words.all(|one| found.any(|other| other == one)));
});
