//! A table of many markets: the median of each figure over the markets, with the lowest and the highest.

use std::fmt;

use super::Figures;

/// A row: its name, the number of decimals, and how to get the figure.
type Row = (&'static str, usize, fn(&Figures) -> f64);

const ROWS: [Row; 17] = [
    ("seconds observed", 0, |f| f.seconds),
    ("deltas a second", 1, |f| f.deltas_per_s),
    ("trades a second", 2, |f| f.trades_per_s),
    ("milliseconds with deltas, a second", 1, |f| f.moments_per_s),
    ("deltas that share their millisecond, %", 0, |f| f.shared_ms * 100.0),
    ("spread, mean, cents", 2, |f| f.spread),
    ("levels a side, mean", 1, |f| f.levels),
    ("size at the touch, median, contracts", 0, |f| f.touch),
    ("size within 5 cents, mean a side, contracts", 0, |f| f.depth),
    ("size of a delta, median, contracts", 1, |f| f.delta_size),
    ("size of a trade, median, contracts", 1, |f| f.trade_size),
    ("size of a trade, mean, contracts", 1, |f| f.trade_size_mean),
    ("time between mid changes, median, s", 2, |f| f.mid_wait),
    ("time between mid changes, mean, s", 2, |f| f.mid_wait_mean),
    ("mid move after 1 s, mean absolute, cents", 2, |f| f.move_1s),
    ("mid move after 5 s, mean absolute, cents", 2, |f| f.move_5s),
    ("mid move after 15 s, mean absolute, cents", 2, |f| f.move_15s),
];

/// A Markdown table with a column for each group of markets.
#[derive(Clone, Debug, Default)]
pub struct Table {
    columns: Vec<(String, Vec<Figures>)>,
}

impl Table {
    /// Adds a column.
    pub fn add(&mut self, name: impl Into<String>, figures: Vec<Figures>) {
        self.columns.push((name.into(), figures));
    }

    /// The figures, by column.
    #[must_use]
    pub fn columns(&self) -> &[(String, Vec<Figures>)] {
        &self.columns
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "| median over markets (lowest to highest) |")?;
        for (name, figures) in &self.columns {
            write!(f, " {name}, {} markets |", figures.len())?;
        }
        writeln!(f, "\n|---|{}", "---:|".repeat(self.columns.len()))?;
        for (name, decimals, figure) in ROWS {
            write!(f, "| {name} |")?;
            for (_, figures) in &self.columns {
                let mut values: Vec<f64> = figures.iter().map(figure).filter(|value| value.is_finite()).collect();
                values.sort_by(f64::total_cmp);
                match (values.first(), values.get(values.len() / 2), values.last()) {
                    (Some(lowest), Some(median), Some(highest)) => {
                        write!(f, " {median:.decimals$} ({lowest:.decimals$} to {highest:.decimals$}) |")?;
                    }
                    _ => write!(f, " |")?,
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
