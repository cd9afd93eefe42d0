//! `Prefer: wait=N` (RFC 7240, 4.3).

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};

/// How long the client would wait for a finished answer, at most `maximum`; none if it has no such preference.
/// Of several such preferences the first counts (RFC 7240, 2); other preferences and malformed ones are passed over.
pub fn prefer_wait(headers: &HeaderMap, maximum: Duration) -> Option<Duration> {
    let lines = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    let seconds = lines.flat_map(|line| line.split(',')).find_map(wait_of)?;
    Some(Duration::from_secs(seconds).min(maximum))
}

/// The answer's header that says that the preference was honoured.
pub fn preference_applied(wait: Duration) -> (HeaderName, HeaderValue) {
    let text = format!("wait={}", wait.as_secs());
    let value = HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("wait"));
    (HeaderName::from_static("preference-applied"), value)
}

fn wait_of(preference: &str) -> Option<u64> {
    let (preference, _parameters) = preference.split_once(';').unwrap_or((preference, ""));
    let (name, value) = preference.split_once('=')?;
    if !name.trim().eq_ignore_ascii_case("wait") {
        return None;
    }
    let digits = value.trim().trim_matches('"');
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // More digits than fit mean longer than any bound.
    Some(digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(&[], None)]
    #[case(&["wait=10"], Some(10))]
    #[case(&["respond-async, Wait = \"7\"; x=y"], Some(7))]
    #[case(&["respond-async", "wait=3", "wait=9"], Some(3))]
    #[case(&["wait=99999999999999999999999"], Some(60))]
    #[case(&["wait=-1"], None)]
    #[case(&["wait"], None)]
    #[case(&["wait=abc, wait=0"], Some(0))]
    fn the_first_valid_wait_counts(#[case] lines: &[&str], #[case] seconds: Option<u64>) {
        let name = HeaderName::from_static("prefer");
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(&name, line.parse().unwrap());
        }
        let wait = prefer_wait(&headers, Duration::from_secs(60));
        assert_eq!(wait, seconds.map(Duration::from_secs));
    }

    #[test]
    fn the_answer_names_what_was_applied() {
        assert_eq!(preference_applied(Duration::from_secs(7)).1, "wait=7");
    }
}
