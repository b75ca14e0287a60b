//! Tick grids: which prices a market accepts. The exchange's `price_ranges` are the only source; the names of price
//! structures are just labels, and new ones may appear.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Price;

/// Why price ranges do not form a grid.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum GridError {
    /// The list is empty.
    #[error("price ranges are empty: at least one {{start, end, step}} is needed")]
    Empty,
    /// There are more bands than a message can carry.
    #[error("{0} price ranges, but at most {max} are supported", max = GridBands::CAPACITY)]
    TooMany(usize),
    /// The tick is zero, the ends are reversed, or the range is not a whole number of ticks.
    #[error("price range {start} to {end} in steps of {step}: the step must be positive and divide the range")]
    BadBand {
        /// The band's first price.
        start: Price,
        /// The band's last price.
        end: Price,
        /// The band's tick size.
        step: Price,
    },
    /// A band does not begin where the previous one ends.
    #[error("price range starts at {found}, expected {expected}: ranges must be contiguous from 0 to 1")]
    NotContiguous {
        /// Where the previous band ends.
        expected: Price,
        /// Where this band begins.
        found: Price,
    },
}

/// One band of a tick grid: prices `start, start + step, ..., end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[repr(C)]
pub struct Band {
    /// The first price of the band.
    pub start: Price,
    /// The last price of the band, which is also the first of the next.
    pub end: Price,
    /// The tick size within the band.
    pub step: Price,
}

/// A grid's bands in a fixed-size form that messages can carry. Always valid: contiguous from $0 to $1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "UncheckedBands")]
#[repr(C)]
pub struct GridBands {
    length: u8,
    bands: [Band; Self::CAPACITY],
}

/// Bands as they were read, not yet checked.
#[derive(Deserialize)]
struct UncheckedBands {
    length: u8,
    bands: [Band; GridBands::CAPACITY],
}

impl TryFrom<UncheckedBands> for GridBands {
    type Error = GridError;

    fn try_from(unchecked: UncheckedBands) -> Result<Self, GridError> {
        let length = usize::from(unchecked.length);
        Self::new(unchecked.bands.get(..length).ok_or(GridError::TooMany(length))?)
    }
}

impl GridBands {
    /// The largest number of bands. Every structure published so far has one or three.
    pub const CAPACITY: usize = 4;

    /// Checks bands as listed by the exchange.
    ///
    /// # Errors
    /// If there are none or too many, a tick does not divide its band, or the bands do not cover $0 to $1 without gaps.
    pub fn new(bands: &[Band]) -> Result<Self, GridError> {
        if bands.is_empty() {
            return Err(GridError::Empty);
        }
        if bands.len() > Self::CAPACITY {
            return Err(GridError::TooMany(bands.len()));
        }
        let mut expected = Price::ZERO;
        for band in bands {
            let (start, end, step) = (band.start.units(), band.end.units(), band.step.units());
            if step <= 0 || end <= start || (end - start) % step != 0 {
                return Err(GridError::BadBand { start: band.start, end: band.end, step: band.step });
            }
            if band.start != expected {
                return Err(GridError::NotContiguous { expected, found: band.start });
            }
            expected = band.end;
        }
        if expected != Price::ONE {
            return Err(GridError::NotContiguous { expected: Price::ONE, found: expected });
        }
        let mut fixed = [Band::default(); Self::CAPACITY];
        fixed[..bands.len()].copy_from_slice(bands);
        Ok(Self { length: u8::try_from(bands.len()).expect("checked against the capacity above"), bands: fixed })
    }

    /// A grid with the same tick at every price.
    ///
    /// # Errors
    /// If the tick does not divide a dollar.
    pub fn uniform(step: Price) -> Result<Self, GridError> {
        Self::new(&[Band { start: Price::ZERO, end: Price::ONE, step }])
    }

    /// The grid of whole cents, which most markets have.
    #[must_use]
    pub fn cents() -> Self {
        Self::uniform(Price::from_cents(1)).expect("a cent divides a dollar")
    }

    /// The bands, lowest first.
    #[must_use]
    pub fn bands(&self) -> &[Band] {
        &self.bands[..usize::from(self.length)]
    }

    /// A published price structure by name, as listed on the exchange's fixed-point page (2026-08-20). `None` if the bands
    /// of that name are not published.
    #[must_use]
    pub fn named(structure: &str) -> Option<Self> {
        // The tick at the edges, the tick in the centre, and the price at which the lower edge ends, all in $0.0001.
        let (edge, centre, edge_end) = match structure {
            "linear_cent" => (100, 100, 0),
            "deci_cent" => (10, 10, 0),
            "tapered_deci_cent" => (10, 100, 1_000),
            "center_whole_edge_half_cent" => (50, 100, 1_000),
            "center_whole_edge_quint_cent" => (20, 100, 1_000),
            "center_half_edge_half_cent" => (50, 50, 0),
            "center_half_edge_quint_cent" => (20, 50, 1_000),
            "center_half_edge_deci_cent" => (10, 50, 1_000),
            "center_quint_edge_quint_cent" => (20, 20, 0),
            "center_quint_edge_deci_cent" => (10, 20, 1_000),
            "center_centi_edge_centi_cent" => (1, 1, 0),
            "center_deci_edge_centi_cent" => (1, 10, 100),
            _ => return None,
        };
        let price = |units| Price::from_units(units).expect("the table above stays within a dollar");
        let (edge, centre, low) = (price(edge), price(centre), price(edge_end));
        let bands = if edge_end == 0 {
            Self::uniform(centre)
        } else {
            let high = low.complement();
            Self::new(&[
                Band { start: Price::ZERO, end: low, step: edge },
                Band { start: low, end: high, step: centre },
                Band { start: high, end: Price::ONE, step: edge },
            ])
        };
        Some(bands.expect("the published structures are valid"))
    }
}

/// A grid with lookup tables between prices and slots. Slots number the valid prices, from $0 upward.
#[derive(Debug)]
pub struct Grid {
    bands: GridBands,
    slot_by_price: Box<[u16]>,
    price_by_slot: Box<[Price]>,
}

impl Grid {
    /// Marks a price that has no slot.
    const OFF_GRID: u16 = u16::MAX;

    /// Builds the lookup tables of a grid: about 20 kB from price to slot, and 2 bytes per price back.
    #[must_use]
    pub fn new(bands: GridBands) -> Arc<Self> {
        let mut slot_by_price = vec![Self::OFF_GRID; Price::ONE.index() + 1].into_boxed_slice();
        let mut price_by_slot = Vec::new();
        for band in bands.bands() {
            let mut units = band.start.units();
            while units <= band.end.units() {
                let price = Price::from_units_checked(units).expect("a band stays within a dollar");
                if slot_by_price[price.index()] == Self::OFF_GRID {
                    slot_by_price[price.index()] =
                        u16::try_from(price_by_slot.len()).expect("a grid has at most 10,001 prices");
                    price_by_slot.push(price);
                }
                units += band.step.units();
            }
        }
        Arc::new(Self { bands, slot_by_price, price_by_slot: price_by_slot.into_boxed_slice() })
    }

    /// The bands from which the grid was built.
    #[must_use]
    pub fn bands(&self) -> &GridBands {
        &self.bands
    }

    /// The number of prices on the grid, $0 and $1 included.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.price_by_slot.len()
    }

    /// The slot of a price, or `None` if the price is off the grid.
    #[must_use]
    pub fn slot(&self, price: Price) -> Option<usize> {
        let slot = self.slot_by_price[price.index()];
        (slot != Self::OFF_GRID).then_some(usize::from(slot))
    }

    /// The price of a slot.
    ///
    /// # Panics
    /// If the slot is not below [`Grid::slots`].
    #[must_use]
    pub fn price(&self, slot: usize) -> Price {
        self.price_by_slot[slot]
    }

    /// Whether an order may have this price: it is on the grid and strictly between $0 and $1.
    #[must_use]
    pub fn accepts(&self, price: Price) -> bool {
        price > Price::ZERO && price < Price::ONE && self.slot(price).is_some()
    }

    /// The highest grid price at or below a price.
    #[must_use]
    pub fn floor(&self, price: Price) -> Price {
        match self.price_by_slot.binary_search(&price) {
            Ok(slot) => self.price_by_slot[slot],
            Err(above) => self.price_by_slot[above.saturating_sub(1)],
        }
    }

    /// The lowest grid price at or above a price.
    #[must_use]
    pub fn ceil(&self, price: Price) -> Price {
        match self.price_by_slot.binary_search(&price) {
            Ok(slot) => self.price_by_slot[slot],
            Err(above) => self.price_by_slot[above.min(self.slots() - 1)],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(text: &str) -> Price {
        Price::parse(text).unwrap()
    }

    #[test]
    fn every_published_structure_covers_the_dollar_symmetrically() {
        let names = [
            ("linear_cent", 101),
            ("deci_cent", 1_001),
            ("tapered_deci_cent", 281),
            ("center_whole_edge_half_cent", 121),
            ("center_whole_edge_quint_cent", 181),
            ("center_half_edge_half_cent", 201),
            ("center_half_edge_quint_cent", 261),
            ("center_half_edge_deci_cent", 361),
            ("center_quint_edge_quint_cent", 501),
            ("center_quint_edge_deci_cent", 601),
            ("center_centi_edge_centi_cent", 10_001),
            ("center_deci_edge_centi_cent", 1_181),
        ];
        for (name, slots) in names {
            let grid = Grid::new(GridBands::named(name).unwrap());
            assert_eq!(grid.slots(), slots, "{name}");
            for slot in 0..grid.slots() {
                let price = grid.price(slot);
                assert_eq!(grid.slot(price), Some(slot), "{name}");
                assert_eq!(grid.slot(price.complement()), Some(slots - 1 - slot), "{name}");
            }
        }
        assert_eq!(GridBands::named("banded_centi_cent"), None);
    }

    #[test]
    fn the_tick_changes_at_a_band_edge_which_belongs_to_both_bands() {
        let grid = Grid::new(GridBands::named("tapered_deci_cent").unwrap());
        for on_grid in ["0.0990", "0.1000", "0.1100", "0.9000", "0.9010"] {
            assert!(grid.accepts(price(on_grid)), "{on_grid}");
        }
        for off_grid in ["0.1010", "0.0995", "0.8990", "0.0000", "1.0000"] {
            assert!(!grid.accepts(price(off_grid)), "{off_grid}");
        }
        assert_eq!(grid.floor(price("0.1010")), price("0.1000"));
        assert_eq!(grid.ceil(price("0.1010")), price("0.1100"));
    }

    #[test]
    fn ranges_that_form_no_grid_are_rejected() {
        let band = |start, end, step| Band { start: price(start), end: price(end), step: price(step) };
        assert_eq!(GridBands::new(&[]), Err(GridError::Empty));
        assert!(matches!(GridBands::new(&[band("0", "1", "0.03")]), Err(GridError::BadBand { .. })));
        assert!(matches!(GridBands::new(&[band("0", "1", "0")]), Err(GridError::BadBand { .. })));
        assert!(matches!(
            GridBands::new(&[band("0", "0.5", "0.01"), band("0.6", "1", "0.01")]),
            Err(GridError::NotContiguous { .. })
        ));
        assert!(matches!(GridBands::new(&[band("0", "0.5", "0.01")]), Err(GridError::NotContiguous { .. })));
        assert_eq!(GridBands::new(&[band("0", "1", "0.01"); 5]), Err(GridError::TooMany(5)));
    }
}
