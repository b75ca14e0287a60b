//! The exchange's civil time: hour and weekday in New York, without a time-zone lookup for each observation.

use jiff::Timestamp;
use jiff::tz::TimeZone;

const HOUR_MS: i64 = 3_600_000;

/// Kalshi is in New York, and its trading hours are in New York time.
const ZONE_NAME: &str = "America/New_York";

/// An hour in the exchange's civil time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CivilHour {
    /// Hour of the day, 0 to 23.
    pub hour: u8,
    /// Day of the week, Monday is 0.
    pub weekday: u8,
}

/// Converts session time to the exchange's civil time. It caches the last hour: New York's offset from UTC is a whole
/// number of hours and changes on the hour, so the result is constant within an hour of UTC.
#[derive(Clone, Debug)]
pub struct ExchangeZone {
    zone: TimeZone,
    cached_hour: i64,
    cached: CivilHour,
}

impl ExchangeZone {
    /// Uses the time-zone data compiled into the program, whatever the host has.
    #[must_use]
    pub fn new() -> Self {
        let zone = TimeZone::get(ZONE_NAME).expect("jiff's bundled zone data has New York");
        let mut this = Self { zone, cached_hour: 0, cached: CivilHour::default() };
        this.cached = this.look_up(0);
        this
    }

    /// The civil hour of a time in session milliseconds. Times outside the years -9999 to 9999 are clamped.
    #[inline]
    pub fn hour(&mut self, time_ms: i64) -> CivilHour {
        let utc_hour = time_ms.div_euclid(HOUR_MS);
        if utc_hour != self.cached_hour {
            self.cached = self.look_up(time_ms);
            self.cached_hour = utc_hour;
        }
        self.cached
    }

    fn look_up(&self, time_ms: i64) -> CivilHour {
        let end = if time_ms < 0 { Timestamp::MIN } else { Timestamp::MAX };
        let timestamp = Timestamp::from_millisecond(time_ms).unwrap_or(end);
        let civil = self.zone.to_datetime(timestamp);
        CivilHour {
            hour: civil.hour().unsigned_abs(),
            weekday: civil.date().weekday().to_monday_zero_offset().unsigned_abs(),
        }
    }
}

impl Default for ExchangeZone {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hour_of(text: &str) -> (u8, u8) {
        let civil = ExchangeZone::new().hour(text.parse::<Timestamp>().unwrap().as_millisecond());
        (civil.hour, civil.weekday)
    }

    #[test]
    fn the_hour_is_new_yorks_in_summer_and_winter() {
        assert_eq!(hour_of("2026-08-10T22:45:38Z"), (18, 0));
        assert_eq!(hour_of("2026-12-10T22:45:38Z"), (17, 3));
        assert_eq!(hour_of("2026-08-11T03:59:59Z"), (23, 0));
        assert_eq!(hour_of("2026-08-11T04:00:00Z"), (0, 1));
    }

    #[test]
    fn the_remembered_hour_ends_where_the_clocks_change() {
        let mut zone = ExchangeZone::new();
        let change_ms = "2026-03-08T07:00:00Z".parse::<Timestamp>().unwrap().as_millisecond();
        assert_eq!(zone.hour(change_ms - 1), CivilHour { hour: 1, weekday: 6 });
        assert_eq!(zone.hour(change_ms), CivilHour { hour: 3, weekday: 6 });
        assert_eq!(zone.hour(change_ms - 1), CivilHour { hour: 1, weekday: 6 });
    }

    #[test]
    fn impossible_times_have_an_hour_too() {
        for time_ms in [i64::MIN, -1, 0, i64::MAX] {
            let civil = ExchangeZone::new().hour(time_ms);
            assert!(civil.hour < 24 && civil.weekday < 7);
        }
    }
}
