//! What strangers write to bring a reader down.

use std::io::Write as _;

use callplane_knowledge::{Limits, MediaType, Unreadable, extract};
use proptest::prelude::*;
use zip::write::SimpleFileOptions;

const SMALL: Limits = Limits {
    source: 1 << 20,
    unpacked: 1 << 20,
    text: 1 << 16,
    pages: 3,
};

fn refused(kind: MediaType, octets: &[u8]) -> Unreadable {
    extract(kind, None, octets, &SMALL).unwrap_err()
}

fn docx(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in parts {
        archive
            .start_file(*name, SimpleFileOptions::default())
            .unwrap();
        archive.write_all(content).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

#[test]
fn what_is_too_long_is_refused_before_it_is_read() {
    let long = vec![b'a'; SMALL.source + 1];
    for kind in MediaType::ALL {
        assert_eq!(refused(kind, &long), Unreadable::TooLong(SMALL.source));
    }
    let text = "word ".repeat(SMALL.text / 5 + 2);
    for kind in [MediaType::Text, MediaType::Markdown, MediaType::Html] {
        assert_eq!(
            refused(kind, text.as_bytes()),
            Unreadable::TooMuchText(SMALL.text)
        );
    }
}

#[test]
fn a_bomb_is_not_unpacked_beyond_the_limit() {
    let bomb = docx(&[("word/document.xml", &vec![b' '; 50 << 20])]);
    assert!(bomb.len() < 100_000);
    let outcome = refused(MediaType::Docx, &bomb);
    assert_eq!(outcome, Unreadable::Unpacked(SMALL.unpacked));
}

#[test]
fn entities_are_not_expanded() {
    let laughs = b"<!DOCTYPE a [<!ENTITY x 'ha'><!ENTITY y '&x;&x;&x;'>]><w:document><w:p><w:t>Say &y; &amp; go</w:t></w:p></w:document>";
    let file = docx(&[("word/document.xml", laughs)]);
    let document = extract(MediaType::Docx, None, &file, &SMALL).unwrap();
    assert_eq!(document.blocks[0].text(), "Say & go");
}

#[test]
fn nesting_costs_nothing() {
    let depth = 150_000;
    let html = "<div>".repeat(depth) + "deep" + &"</div>".repeat(depth / 2);
    let document = extract(MediaType::Html, None, html.as_bytes(), &Limits::default()).unwrap();
    assert_eq!(document.blocks[0].text(), "deep");
    let xml = "<w:p>".repeat(depth) + "<w:t>deep</w:t>" + &"</w:p>".repeat(depth);
    let limits = Limits::default();
    let file = docx(&[("word/document.xml", xml.as_bytes())]);
    let document = extract(MediaType::Docx, None, &file, &limits).unwrap();
    assert_eq!(document.blocks[0].text(), "deep");
    let quotes = "> ".repeat(depth) + "deep";
    let document = extract(MediaType::Markdown, None, quotes.as_bytes(), &limits).unwrap();
    assert!(document.blocks[0].text().contains("deep"));
}

#[test]
fn files_that_are_no_such_files_and_empty_ones_say_what_to_do() {
    for kind in [MediaType::Pdf, MediaType::Docx] {
        let message = refused(kind, b"nothing of the kind").to_string();
        assert!(message.contains("write it anew"), "{message}");
    }
    for kind in [MediaType::Text, MediaType::Markdown, MediaType::Html] {
        assert_eq!(refused(kind, b" \n\x00\x07"), Unreadable::NoText);
    }
}

#[test]
fn a_pdf_with_more_pages_than_allowed_is_refused() {
    let mut pdf = String::from("%PDF-1.4\n");
    let kids: String = (3..9).map(|page| format!("{page} 0 R ")).collect();
    pdf += "1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n";
    pdf += &format!("2 0 obj<</Type/Pages/Count 6/Kids[{kids}]>>endobj\n");
    for page in 3..9 {
        pdf += &format!("{page} 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>endobj\n");
    }
    pdf += "trailer<</Root 1 0 R/Size 9>>\n";
    assert_eq!(
        refused(MediaType::Pdf, pdf.as_bytes()),
        Unreadable::TooManyPages(3)
    );
}

/// Real files, so that damage reaches what lies behind the first look.
const FILES: [(MediaType, &[u8]); 4] = [
    (MediaType::Pdf, include_bytes!("fixtures/columns.pdf")),
    (MediaType::Pdf, include_bytes!("fixtures/practice.pdf")),
    (MediaType::Docx, include_bytes!("fixtures/practice.docx")),
    (MediaType::Html, include_bytes!("fixtures/practice.html")),
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_files_never_panic_and_keep_the_limits(
        file in 0..FILES.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..20),
        cut in any::<prop::sample::Index>(),
        is_cut in any::<bool>(),
    ) {
        let (kind, octets) = FILES[file];
        let mut octets = octets.to_vec();
        for (at, value) in changes {
            let at = at.index(octets.len());
            octets[at] = value;
        }
        if is_cut {
            octets.truncate(cut.index(octets.len()));
        }
        if let Ok(document) = extract(kind, None, &octets, &SMALL) {
            let text: usize = document.blocks.iter().map(|block| block.text().len()).sum();
            prop_assert!(text > 0 && text <= SMALL.text);
        }
    }

    #[test]
    fn any_octets_are_read_or_refused(
        kind in prop::sample::select(&MediaType::ALL[..]),
        octets in prop::collection::vec(any::<u8>(), 0..2_000),
    ) {
        if let Ok(document) = extract(kind, None, &octets, &SMALL) {
            for block in &document.blocks {
                prop_assert!(!block.text().is_empty());
                prop_assert!(!block.text().contains(|one: char| one.is_control() && one != '\n'));
            }
        }
    }
}
