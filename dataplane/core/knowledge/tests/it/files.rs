//! Files that other programs wrote; `fixtures/README.md` says which.

use callplane_knowledge::{Block, Document, Limits, MediaType, Unreadable, extract, passages};

fn read(name: &str, octets: &[u8]) -> Document {
    let kind = MediaType::of_name(name).unwrap();
    extract(kind, None, octets, &Limits::default()).unwrap()
}

fn headings(document: &Document) -> Vec<(u8, &str)> {
    let of = |block| match block {
        &Block::Heading { level, ref text } => Some((level, text.as_str())),
        Block::Paragraph(_) => None,
    };
    document.blocks.iter().filter_map(of).collect()
}

fn text(document: &Document) -> String {
    let lines: Vec<&str> = document.blocks.iter().map(Block::text).collect();
    lines.join("\n")
}

/// Every program writes the same text of it.
const PRACTICE: [(&str, &[u8]); 5] = [
    ("practice.md", include_bytes!("fixtures/practice.md")),
    ("practice.html", include_bytes!("fixtures/practice.html")),
    ("practice.docx", include_bytes!("fixtures/practice.docx")),
    (
        "practice-writer.docx",
        include_bytes!("fixtures/practice-writer.docx"),
    ),
    ("practice.pdf", include_bytes!("fixtures/practice.pdf")),
];

#[test]
fn one_text_is_read_alike_from_every_format() {
    for (name, octets) in PRACTICE {
        let document = read(name, octets);
        assert_eq!(
            document.title.as_deref(),
            Some("Northside Dental"),
            "{name}"
        );
        let found = headings(&document);
        let names: Vec<&str> = found.iter().map(|(_, text)| *text).collect();
        for heading in ["Opening hours", "Prices", "How to pay", "Parking"] {
            assert!(names.contains(&heading), "{name}: {names:?}");
        }
        let level = |of: &str| found.iter().find(|(_, text)| *text == of).unwrap().0;
        assert!(level("How to pay") > level("Prices"), "{name}");
        let text = text(&document);
        for sentence in [
            "the emergency service of the city answers under 116117.",
            "if a treatment costs more than 500 €, and bring the letter of your insurance",
            "By bank transfer within fourteen days",
            "The entrance to the garage is in Müllerstraße 12. The first hour is free",
        ] {
            assert!(text.contains(sentence), "{name}: {text}");
        }
        let row = text.split("Professional").nth(1).unwrap();
        assert!(row[..30].contains("98 €"), "{name}: {row}");
        assert!(!text.contains('<') && !text.contains("**"), "{name}");
    }
}

#[test]
fn paragraphs_of_a_pdf_are_put_together_of_their_lines_and_columns() {
    let document = read("columns.pdf", include_bytes!("fixtures/columns.pdf"));
    assert_eq!(document.title.as_deref(), Some("Leaflet"));
    let paragraph = |text: &str| Block::Paragraph(text.to_owned());
    assert_eq!(
        document.blocks,
        [
            Block::Heading {
                level: 1,
                text: "How to find us".to_owned()
            },
            paragraph(
                "The red bus of line 12 stops in front of the house every ten minutes until midnight."
            ),
            paragraph("Taxis wait at the railway station, which is a walk of five minutes."),
            paragraph("The second page has a few words, too: café, 5 €."),
        ]
    );
}

#[test]
fn tables_styles_and_references_of_a_document_of_word_are_read() {
    let document = read("rules.docx", include_bytes!("fixtures/rules.docx"));
    assert_eq!(document.title.as_deref(), Some("House rules"));
    assert_eq!(headings(&document), [(1, "Guests"), (2, "Kitchen")]);
    assert_eq!(
        text(&document),
        "Guests\nGuests are welcome & may stay until ten. Please knock.\nRoom | Seats\nBlue | 12\nKitchen\nThe kettle is for all."
    );
}

#[test]
fn a_page_is_read_without_what_surrounds_it() {
    let page = b"<!doctype html><title>Tea &amp; more</title><script>if (a < b) { alert('x') }</script>
        <nav><a href=/>Home</a><ul><li>Shop</ul></nav>
        <main><h1>Tea</h1><p>Green tea<br>brews <b>two</b> minutes.<style>p{}</style>
        <table><tr><th>Kind<th>Price<tr><td>Sencha<td>9&nbsp;&euro;</table></main><footer>Imprint</footer>";
    let document = read("tea.html", page);
    assert_eq!(document.title.as_deref(), Some("Tea & more"));
    assert_eq!(
        text(&document),
        "Tea\nGreen tea\nbrews two minutes.\nKind | Price\nSencha | 9 €"
    );
    let open = b"<nav><p>Never ended <p>navigation";
    assert_eq!(text(&read("open.html", open)), "Never ended\nnavigation");
}

#[test]
fn characters_are_read_by_what_server_page_and_mark_say() {
    let limits = Limits::default();
    let read =
        |kind, charset, octets: &[u8]| text(&extract(kind, charset, octets, &limits).unwrap());
    assert_eq!(read(MediaType::Text, None, "Grüße".as_bytes()), "Grüße");
    assert_eq!(read(MediaType::Text, None, b"Gr\xfc\xdfe"), "Grüße");
    assert_eq!(
        read(MediaType::Text, Some("koi8-r"), b"\xd0\xd2\xc9"),
        "при"
    );
    assert_eq!(read(MediaType::Text, None, b"\xff\xfeG\0r\0"), "Gr");
    let page = b"<meta charset='iso-8859-2'><p>\xb1";
    assert_eq!(read(MediaType::Html, None, page), "ą");
}

#[test]
fn a_file_that_needs_a_password_says_so() {
    let locked = include_bytes!("fixtures/locked.pdf");
    let outcome = extract(MediaType::Pdf, None, locked, &Limits::default());
    assert_eq!(outcome, Err(Unreadable::Protected));
}

#[test]
fn an_answer_stands_in_one_passage_with_its_heading() {
    for (name, octets) in PRACTICE {
        let found = passages(
            &read(name, octets),
            callplane_knowledge::Cut {
                words: 60,
                overlap: 10,
            },
        );
        let parking = found
            .iter()
            .find(|one| one.text.contains("Müllerstraße"))
            .unwrap();
        assert!(
            parking.text.contains("Parking\n"),
            "{name}: {}",
            parking.text
        );
        assert!(found.len() > 1, "{name}");
    }
}
