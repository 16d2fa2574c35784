//! How text is cut.

use callplane_knowledge::{Block, Cut, Document, Passage, passages};
use proptest::prelude::*;

fn heading(text: &str) -> Block {
    Block::Heading {
        level: 1,
        text: text.to_owned(),
    }
}

fn paragraph(text: &str) -> Block {
    Block::Paragraph(text.to_owned())
}

fn cut(blocks: Vec<Block>, words: usize, overlap: usize) -> Vec<String> {
    let document = Document {
        title: None,
        blocks,
    };
    let found = passages(&document, Cut { words, overlap });
    found.into_iter().map(|one| one.text).collect()
}

fn words(many: usize, word: &str) -> String {
    vec![word; many].join(" ")
}

#[test]
fn small_paragraphs_share_a_passage_and_none_is_cut_that_fits_another() {
    let (one, two, three) = (words(30, "a"), words(20, "b"), words(40, "c"));
    let found = cut(
        vec![paragraph(&one), paragraph(&two), paragraph(&three)],
        64,
        0,
    );
    assert_eq!(found, [format!("{one}\n{two}"), three]);
}

#[test]
fn a_heading_goes_with_its_text() {
    let (one, two) = (words(40, "a"), words(40, "b"));
    let found = cut(
        vec![
            heading("One"),
            paragraph(&one),
            heading("Two"),
            heading("More"),
            paragraph(&two),
        ],
        64,
        0,
    );
    assert_eq!(found, [format!("One\n{one}"), format!("Two\nMore\n{two}")]);
}

#[test]
fn a_section_that_goes_on_says_its_heading_again() {
    let (one, two) = (words(50, "a"), words(50, "b"));
    let found = cut(
        vec![heading("Hours"), paragraph(&one), paragraph(&two)],
        64,
        0,
    );
    assert_eq!(found, [format!("Hours\n{one}"), format!("Hours\n{two}")]);
}

#[test]
fn a_long_paragraph_is_cut_between_sentences_and_the_next_passage_repeats_the_last_ones() {
    let sentences: Vec<String> = (0..12)
        .map(|n| format!("Sentence {n} has seven words in it."))
        .collect();
    let found = cut(vec![paragraph(&sentences.join(" "))], 64, 7);
    assert!(found.len() > 1);
    for passage in &found {
        assert!(
            passage.starts_with("Sentence") && passage.ends_with("it."),
            "{passage}"
        );
    }
    let last = found[0].rsplit_once("Sentence").unwrap().1;
    assert!(
        found[1].starts_with(&format!("Sentence{last}")),
        "{found:?}"
    );
}

#[test]
fn a_title_that_is_not_in_the_text_begins_it() {
    let titled = |title: &str, first| {
        let document = Document {
            title: Some(title.to_owned()),
            blocks: vec![first, paragraph("text")],
        };
        passages(&document, Cut::default())[0].text.clone()
    };
    assert_eq!(titled("Menu", paragraph("soup")), "Menu\nsoup\ntext");
    assert_eq!(titled("Menu", heading("Menu")), "Menu\ntext");
}

#[test]
fn text_without_spaces_is_cut_and_counted_by_its_letters() {
    let found = passages(
        &Document {
            title: None,
            blocks: vec![paragraph(&"営業時間は九時から".repeat(100))],
        },
        Cut::default(),
    );
    assert!(found.len() >= 3);
    for Passage { text, tokens } in &found {
        assert!(text.chars().count() <= 400);
        assert_eq!(*tokens as usize, text.chars().count());
    }
    // Four octets a token.
    let english = passages(
        &Document {
            title: None,
            blocks: vec![paragraph(&words(100, "tea"))],
        },
        Cut::default(),
    );
    assert_eq!(english[0].tokens, 100);
}

/// Words as readers count them; what is longer than 16 letters counts more than once.
fn weight(text: &str) -> usize {
    text.split_whitespace()
        .map(|word| {
            let dense = word
                .chars()
                .filter(|one| ('\u{3400}'..'\u{9fff}').contains(one))
                .count();
            dense.div_ceil(2) + (word.chars().count() - dense).div_ceil(16)
        })
        .sum()
}

fn letters(text: &str) -> Vec<char> {
    text.chars().filter(|one| !one.is_whitespace()).collect()
}

fn is_within(needle: &[char], hay: &[char]) -> bool {
    let mut hay = hay.iter();
    needle.iter().all(|one| hay.any(|other| other == one))
}

fn block() -> impl Strategy<Value = Block> {
    let word = prop_oneof![
        8 => "[a-z]{1,9}[.,!?]?",
        1 => "[a-z]{1,400}",
        1 => "[一-三]{1,60}。?",
    ];
    let text = prop::collection::vec(word, 1..80).prop_map(|words| words.join(" "));
    prop_oneof![3 => text.clone().prop_map(Block::Paragraph), 1 => "[A-Z]{1,5}( [a-z]{1,5}){0,12}".prop_map(|text| heading(&text))]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_and_no_passage_is_too_long(
        blocks in prop::collection::vec(block(), 1..20),
        size in 16_usize..120,
        overlap in 0_usize..40,
    ) {
        let all: String = blocks.iter().map(Block::text).collect();
        let found = cut(blocks, size, overlap);
        for passage in &found {
            prop_assert!(!passage.trim().is_empty());
            prop_assert!(weight(passage) <= size, "{} of {size}: {passage}", weight(passage));
        }
        prop_assert!(is_within(&letters(&all), &letters(&found.concat())));
    }

    #[test]
    fn paragraphs_without_repetition_are_what_they_were(
        blocks in prop::collection::vec("[a-zß.?! ]{0,200}[a-z]", 1..12),
        size in 16_usize..120,
    ) {
        let all = blocks.concat();
        let found = cut(blocks.iter().map(|text| paragraph(text)).collect(), size, 0);
        prop_assert_eq!(letters(&found.concat()), letters(&all));
    }
}
