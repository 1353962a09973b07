//! Tables with aligned columns, which read the same on a terminal and in Markdown.

/// A table: its first row is the heading. The first column is aligned to the left, figures to the right.
pub(super) fn render(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0).max(3)).collect();
    let mut text = String::new();
    for (number, row) in rows.iter().enumerate() {
        let cells = widths.iter().enumerate().map(|(column, width)| {
            let cell = row.get(column).map_or("", String::as_str);
            if column == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        text.push_str(&format!("| {} |\n", cells.collect::<Vec<_>>().join(" | ")));
        if number == 0 {
            let rules = widths.iter().enumerate().map(|(column, width)| {
                let rule = "-".repeat(width - usize::from(column > 0));
                if column == 0 { rule } else { format!("{rule}:") }
            });
            text.push_str(&format!("| {} |\n", rules.collect::<Vec<_>>().join(" | ")));
        }
    }
    text
}

/// A figure with as many digits as mean something; a dash where there is none.
pub(super) fn figure(value: Option<f64>) -> String {
    match value {
        None => "-".to_owned(),
        Some(value) if value == 0.0 || value.abs() >= 100.0 => format!("{value:.0}"),
        Some(value) if value.abs() >= 1.0 => {
            let text = format!("{value:.1}");
            text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
        }
        Some(value) if value.abs() < 0.01 => "<0.01".to_owned(),
        Some(value) => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{figure, render};

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let row = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        let table = render(&[row(["program", "calls"]), row(["C floor", "9"]), row(["vnstatd 2.10", "504"])]);
        let expect = "\
| program      | calls |
| ------------ | ----: |
| C floor      |     9 |
| vnstatd 2.10 |   504 |
";
        assert_eq!(table, expect);
    }

    #[test]
    fn figures_carry_no_digits_that_mean_nothing() {
        let check = |value, expect| assert_eq!(figure(value), expect);
        check(None, "-");
        check(Some(0.0), "0");
        check(Some(0.034), "0.03");
        check(Some(0.001), "<0.01");
        check(Some(1.0), "1");
        check(Some(32.43), "32.4");
        check(Some(504.4), "504");
    }
}
