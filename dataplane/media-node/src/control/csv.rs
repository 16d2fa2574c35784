//! Lists in CSV: a header, then a line a number.

use callplane_types::Pii;
use csv::StringRecord;

use super::error::ApiError;

/// One line: its number, and the other columns by name.
#[derive(Debug)]
pub(super) struct Line {
    /// In the file; the header is line 1.
    pub(super) line: u64,
    pub(super) number: Pii<String>,
    pub(super) columns: Vec<(String, String)>,
}

/// Reads a list. Lines that hold nothing are skipped.
pub(super) fn read(body: &[u8]) -> Result<Vec<Line>, ApiError> {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .flexible(true)
        .from_reader(body);
    let header = reader
        .headers()
        .map_err(|_| ApiError::bad_request("the first line must name the columns, in UTF-8"))?
        .clone();
    let number_column = header
        .iter()
        .position(|name| name.trim_start_matches('\u{feff}') == "number")
        .ok_or_else(|| {
            ApiError::bad_request("there is no column `number`: name it in the first line")
        })?;
    let mut lines = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| {
            let line = error.position().map_or(0, csv::Position::line);
            ApiError::bad_request(format!("line {line} is not CSV in UTF-8"))
        })?;
        lines.extend(read_line(&header, number_column, &record));
    }
    Ok(lines)
}

fn read_line(header: &StringRecord, number: usize, record: &StringRecord) -> Option<Line> {
    if record.iter().all(str::is_empty) {
        return None;
    }
    let columns = header
        .iter()
        .zip(record.iter())
        .enumerate()
        .filter(|(column, (_, value))| *column != number && !value.is_empty())
        .map(|(_, (name, value))| (name.to_owned(), value.to_owned()))
        .collect();
    Some(Line {
        line: record.position().map_or(0, csv::Position::line),
        number: Pii::new(record.get(number).unwrap_or_default().to_owned()),
        columns,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_go_by_their_names_and_lines_keep_their_numbers() {
        let file = "name,number,timeZone,order\nAda, +15551230001 ,Europe/Berlin,17\n,+15551230002,,\n,,,\n";
        let lines = read(file.as_bytes()).unwrap();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0].number.expose(), "+15551230001");
        assert_eq!(lines[0].columns.len(), 3);
        assert_eq!((lines[0].line, lines[1].line), (2, 3));
        assert!(lines[1].columns.is_empty());
    }

    #[test]
    fn a_list_without_numbers_is_refused() {
        assert!(read(b"name,phone\nAda,1\n").is_err());
        assert!(read(b"").is_err());
        assert!(read(b"number\n\xff\xfe\n").is_err());
    }
}
