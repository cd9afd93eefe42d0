//! Dates (contract 0.5).

use vivarium_domain::time::Timestamp;

/// `YYYY-MM-DDTHH:MM:SS.mmm+0000`. Any other offset would be misread by the client.
pub(super) fn date(time: Timestamp) -> String {
    let time = jiff::Timestamp::from_microsecond(time.as_micros()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    time.strftime("%Y-%m-%dT%H:%M:%S.%3f+0000").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_have_milliseconds_and_a_zero_offset() {
        assert_eq!(date(Timestamp::from_micros(1_772_352_000_012_999)), "2026-03-01T08:00:00.012+0000");
        assert_eq!(date(Timestamp::from_micros(0)), "1970-01-01T00:00:00.000+0000");
    }
}
