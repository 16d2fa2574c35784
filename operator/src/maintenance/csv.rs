//! What an archive is inside: CSV (RFC 4180) under gzip.

use std::io::{Read as _, Write as _};

use csv::{ReaderBuilder, StringRecord, Writer};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

/// Compresses.
#[must_use]
pub fn pack(csv: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    // Into memory, which takes all.
    let written = encoder.write_all(csv).and_then(|()| encoder.finish());
    written.expect("memory takes what is written to it")
}

/// Expands; `None` for what [`pack`] did not make.
#[must_use]
pub fn unpack(packed: &[u8]) -> Option<Vec<u8>> {
    let mut csv = Vec::new();
    GzDecoder::new(packed).read_to_end(&mut csv).ok()?;
    Some(csv)
}

/// Counts the rows below the names of the columns; `None` for what is no CSV.
pub(super) fn rows(csv: &[u8]) -> Option<i64> {
    Sheet::parse(csv).map(|sheet| i64::try_from(sheet.rows.len()).unwrap_or(i64::MAX))
}

/// A part of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sheet {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// Values in the order of the columns.
    pub rows: Vec<Vec<String>>,
}

impl Sheet {
    /// Reads CSV; `None` for what is none.
    #[must_use]
    pub fn parse(csv: &[u8]) -> Option<Self> {
        let mut reader = ReaderBuilder::new().from_reader(csv);
        let fields = |record: &StringRecord| record.iter().map(str::to_owned).collect();
        let columns = fields(reader.headers().ok()?);
        let rows = reader
            .records()
            .map(|record| record.ok().as_ref().map(fields))
            .collect::<Option<_>>()?;
        Some(Self { columns, rows })
    }

    /// Writes CSV.
    #[must_use]
    pub fn to_csv(&self) -> Vec<u8> {
        let mut writer = Writer::from_writer(Vec::new());
        for row in std::iter::once(&self.columns).chain(&self.rows) {
            writer
                .write_record(row)
                .expect("rows are as long as the columns, and memory takes them");
        }
        writer
            .into_inner()
            .expect("memory takes what is written to it")
    }

    /// The place of a column.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sheet_comes_back_with_commas_quotes_and_lines_in_it() {
        let sheet = Sheet {
            columns: vec!["id".to_owned(), "text".to_owned()],
            rows: vec![vec!["1".to_owned(), "a,\"b\"\nc\r\n".to_owned()]],
        };
        let packed = pack(&sheet.to_csv());
        let csv = unpack(&packed).unwrap();
        assert_eq!(Sheet::parse(&csv).unwrap(), sheet);
        assert_eq!(rows(&csv), Some(1));
        assert_eq!(rows(b"id,text\n"), Some(0));
        assert_eq!(unpack(b"no gzip"), None);
        assert_eq!(unpack(&packed[..packed.len() - 4]), None);
    }
}
