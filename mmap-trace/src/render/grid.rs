//! Lays out lines and columns in blocks that fit a terminal.

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};

use super::{
    rows::Line,
    text::{WIDTH, escape, width, wrap_name},
};

/// The most columns side by side; more are hard to compare.
const MOST_COLUMNS: usize = 4;
/// Space before each column.
const GAP: usize = 2;
/// A heading is broken if it is wider than this and than its numbers.
const NARROWEST: usize = 9;
/// Words of a heading are not broken up to this width.
const WIDEST_WORD: usize = 12;
/// Limits for the width of labels: wide ones are easier to read, narrow ones leave room for more columns.
const LABEL_WIDTHS: [usize; 4] = [32, 28, 24, 20];

/// One block of a table, ready to print.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// Lines of the heading, without the rule below it.
    pub(super) heading: Vec<String>,
    /// The rule and everything below it.
    pub(super) body: Vec<String>,
}

/// A column's heading, broken into lines, and its width.
struct Measured {
    heading: Vec<String>,
    width: usize,
}

/// Lays out groups of lines, with an empty line between groups.
pub(super) fn blocks(headings: &[&str], groups: &[Vec<Line>]) -> Vec<Block> {
    let columns: Vec<Measured> = headings
        .iter()
        .enumerate()
        .map(|(column, heading)| {
            let cells = groups
                .iter()
                .flatten()
                .map(|line| width(&line.cells[column]));
            measure(heading, cells.max().unwrap_or(0))
        })
        .collect();
    let widest = groups
        .iter()
        .flatten()
        .map(|line| width(&escape(&line.label)))
        .max()
        .unwrap_or(0);
    let layouts = LABEL_WIDTHS.map(|limit| {
        let label = widest.min(limit);
        (label, split(&columns, WIDTH - label))
    });
    let best = layouts.into_iter().min_by_key(|(_, blocks)| blocks.len());
    let (label, split) = best.unwrap_or_default();
    split
        .into_iter()
        .map(|chosen| block(&columns, &chosen, groups, label))
        .collect()
}

fn measure(heading: &str, cells: usize) -> Measured {
    let heading = escape(heading);
    let words = heading.split_inclusive(['-', '_', '.', ' ']).map(width);
    let word = words.max().unwrap_or(0).min(WIDEST_WORD);
    let heading = wrap_name(&heading, cells.max(NARROWEST).max(word));
    let width = heading
        .iter()
        .map(|line| width(line))
        .max()
        .unwrap_or(0)
        .max(cells);
    Measured { heading, width }
}

/// Which columns are side by side.
fn split(columns: &[Measured], room: usize) -> Vec<Vec<usize>> {
    let mut blocks: Vec<Vec<usize>> = Vec::new();
    let mut used = 0;
    for (column, measured) in columns.iter().enumerate() {
        let needed = measured.width + GAP;
        match blocks.last_mut() {
            Some(block) if block.len() < MOST_COLUMNS && used + needed <= room => {
                block.push(column);
                used += needed;
            }
            _ => {
                blocks.push(vec![column]);
                used = needed;
            }
        }
    }
    blocks
}

fn block(columns: &[Measured], chosen: &[usize], groups: &[Vec<Line>], label: usize) -> Block {
    let height = chosen
        .iter()
        .map(|&column| columns[column].heading.len())
        .max()
        .unwrap_or(0);
    let mut table = Table::new();
    table
        .load_style(TableStyle::new().header_separator(LineStyle::none().fill('-')))
        .set_content_arrangement(ContentArrangement::Disabled);
    let headings = chosen.iter().map(|&column| {
        // Shorter headings are aligned at the bottom.
        let lines = &columns[column].heading;
        format!("{}{}", "\n".repeat(height - lines.len()), lines.join("\n"))
    });
    table.set_header(
        std::iter::once(String::new())
            .chain(headings)
            .collect::<Vec<_>>(),
    );
    let groups = groups.iter().filter(|group| !group.is_empty());
    for (number, group) in groups.enumerate() {
        if number > 0 {
            table.add_row(vec![String::new()]);
        }
        for line in group {
            let cells = chosen.iter().map(|&column| line.cells[column].clone());
            let label = wrap_label(&escape(&line.label), label);
            table.add_row(std::iter::once(label).chain(cells).collect::<Vec<_>>());
        }
    }
    for (number, column) in table.column_iter_mut().enumerate() {
        column.set_padding((if number == 0 { 0 } else { GAP as u16 }, 0));
        column.set_cell_alignment(match number {
            0 => CellAlignment::Left,
            _ => CellAlignment::Right,
        });
    }
    let mut heading: Vec<String> = table
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect();
    let body = heading.split_off(height.min(heading.len()));
    Block { heading, body }
}

/// Breaks a label; the further lines are indented.
fn wrap_label(label: &str, limit: usize) -> String {
    if width(label) <= limit {
        return label.to_owned();
    }
    wrap_name(label, limit.saturating_sub(2)).join("\n  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(label: &str, cells: &[&str]) -> Line {
        Line {
            label: label.to_owned(),
            cells: cells.iter().map(|&cell| cell.to_owned()).collect(),
        }
    }

    fn text(block: &Block) -> String {
        [block.heading.join("\n"), block.body.join("\n")].join("\n")
    }

    #[test]
    fn numbers_are_aligned_right_and_headings_at_the_bottom() {
        let groups = [
            vec![
                line("page faults", &["12", "1,024"]),
                line("  major", &["0", "7"]),
            ],
            vec![],
            vec![line("elapsed, ms", &["1.250", ""])],
        ];
        let blocks = blocks(&["read-4k", "mmap-load-cold"], &groups);
        assert_eq!(
            text(&blocks[0]),
            "                          mmap-
             read-4k  load-cold
-------------------------------
page faults       12      1,024
  major            0          7

elapsed, ms    1.250"
        );
    }

    #[test]
    fn a_heading_is_not_broken_inside_a_word() {
        let blocks = blocks(&["one-page-everywhere"], &[vec![line("frame", &["7"])]]);
        let words: Vec<&str> = blocks[0].heading.iter().map(|line| line.trim()).collect();
        assert_eq!(words, ["one-page-", "everywhere"]);
    }

    #[test]
    fn columns_that_do_not_fit_go_into_another_block() {
        let six = ["1"; 6];
        let by_number = blocks(&["a", "b", "c", "d", "e", "f"], &[vec![line("x", &six)]]);
        assert_eq!(by_number.len(), 2);
        let wide = ["1,000,000,000,000,000"; 4];
        let by_width = blocks(&["a", "b", "c", "d"], &[vec![line("work, bytes", &wide)]]);
        assert_eq!(by_width.len(), 2);
    }

    #[test]
    fn a_long_label_is_broken_when_that_saves_a_block() {
        let wide = ["1,073,741,824"; 4];
        let label = "resident pages after the mapping";
        let one = blocks(&["a", "b", "c", "d"], &[vec![line(label, &wide)]]);
        assert_eq!(one.len(), 1);
        assert!(one[0].body[1].starts_with("resident pages "), "{one:?}");
        assert!(one[0].body.iter().all(|line| width(line) <= WIDTH));
    }
}
