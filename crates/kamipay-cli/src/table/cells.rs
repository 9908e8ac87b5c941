//! The texts of cells: shortened, and with their points below each other.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::NONE;

/// The beginning of a text.
pub(super) fn shorten(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    beginning(text.chars(), width - 1) + "…"
}

/// The beginning and the end of a text.
pub(super) fn middle(text: &str, start: usize, end: usize) -> String {
    let end: String = beginning(text.chars().rev(), end).chars().rev().collect();
    format!("{}…{end}", beginning(text.chars(), start))
}

/// As many characters as fit.
fn beginning(chars: impl Iterator<Item = char>, width: usize) -> String {
    let mut used = 0;
    let fits = |char: &char| {
        used += char.width().unwrap_or_default();
        used <= width
    };
    chars.take_while(fits).collect()
}

/// Pads amounts, so that right-aligned ones have their points below each other.
pub(super) fn align_points<'a>(cells: impl Iterator<Item = &'a mut String>) {
    let mut cells: Vec<&mut String> = cells.filter(|cell| *cell != NONE).collect();
    let parts = |cell: &str| {
        let (number, currency) = cell.split_once(' ').unwrap_or((cell, ""));
        let fraction = number.find('.').map_or(0, |point| number.len() - point);
        (fraction, currency.chars().count())
    };
    let fraction = cells.iter().map(|cell| parts(cell).0).max().unwrap_or_default();
    let currency = cells.iter().map(|cell| parts(cell).1).max().unwrap_or_default();
    for cell in &mut cells {
        let (has_fraction, has_currency) = parts(cell);
        let fill = " ".repeat(fraction - has_fraction);
        let end = cell.find(' ').unwrap_or(cell.len());
        cell.insert_str(end, &fill);
        cell.push_str(&" ".repeat(currency - has_currency));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortened_text_is_as_wide_as_it_may_be() {
        assert_eq!(middle("0x812f8c44ee5dffe3ff057c3c83e01ed24c5bdf", 8, 4), "0x812f8c…5bdf");
        assert_eq!(shorten(&"é".repeat(44), 44), "é".repeat(44));
        assert_eq!(shorten(&"é".repeat(45), 44).width(), 44);
        assert_eq!(shorten("漢字漢字", 6), "漢字…");
        assert_eq!(middle("漢字漢字漢字", 4, 3), "漢字…字");
    }
}
