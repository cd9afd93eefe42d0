//! Standard output is for data, standard error for talk. A reader that has gone away is no fault of ours.

use std::io::Write;

/// Writes a line of data.
pub(crate) fn data(line: &str) {
    let mut stdout = std::io::stdout().lock();
    drop(writeln!(stdout, "{line}").and_then(|()| stdout.flush()));
}

/// Writes a line of talk.
pub(crate) fn talk(line: &str) {
    drop(writeln!(std::io::stderr().lock(), "{line}"));
}

/// Writes a part of a program's standard output as it is.
pub(crate) fn raw_data(text: &str) {
    let mut stdout = std::io::stdout().lock();
    drop(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()));
}

/// Writes a part of a program's standard error as it is.
pub(crate) fn raw_talk(text: &str) {
    drop(std::io::stderr().lock().write_all(text.as_bytes()));
}

/// Lines up columns, the first row being the heading.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["NAME", "ROLES"], ["übermensch", "-"]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(table(&rows), "NAME        ROLES\nübermensch  -");
    }
}
