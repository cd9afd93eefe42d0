//! Content negotiation (RFC 9110, 12.5.1).

use std::str::FromStr;

use headers_accept::Accept;
use http::HeaderMap;
use http::header::ACCEPT;
use mediatype::{MediaType, Name, ReadParams};

use crate::problem::{Fault, Problem};

/// The best of `offers` for a client: by quality and specificity, then in the client's order, then in that of the offers.
/// The first offer if there is no `Accept` or it is empty; none if nothing on offer is acceptable.
/// A part of the header that is not valid is passed over.
pub fn negotiate(headers: &HeaderMap, offers: &[&'static str]) -> Option<&'static str> {
    let accept = accept_of(headers);
    if accept.trim().is_empty() {
        return offers.first().copied();
    }
    let types: Vec<MediaType<'_>> = offers.iter().filter_map(|offer| MediaType::parse(offer).ok()).collect();
    let wanted = Accept::from_str(&accept).ok()?;
    let best = wanted.negotiate(&types)?;
    let at = types.iter().position(|offer| std::ptr::eq(offer, best))?;
    offers.get(at).copied()
}

/// The problem of a client that accepts none of `offers`.
pub fn not_acceptable(offers: &[&'static str]) -> Problem {
    Fault::NotAcceptable { offers: offers.iter().map(|offer| (*offer).to_owned()).collect() }.into()
}

/// All lines of the header in one, without the ranges that are not valid.
fn accept_of(headers: &HeaderMap) -> String {
    let lines = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).filter_map(range_of).collect::<Vec<_>>().join(", ")
}

/// A range with its quality and no other parameter: what is on offer has none, so none can tell offers apart.
fn range_of(text: &str) -> Option<String> {
    // A lone `*` is what old Java clients send for `*/*`.
    let text = text.trim();
    let text = if text == "*" || text.starts_with("*;") { text.replacen('*', "*/*", 1) } else { text.to_owned() };
    let range = MediaType::parse(&text).ok()?;
    let quality = range.get_param(Name::new_unchecked("q"));
    Some(quality.map_or_else(|| range.essence().to_string(), |quality| format!("{};q={quality}", range.essence())))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use rstest::rstest;

    use super::*;

    const OFFERS: &[&str] = &["application/json", "application/xml", "text/xml"];

    #[rstest]
    #[case(None, Some("application/json"))]
    #[case(Some(""), Some("application/json"))]
    #[case(Some("*/*"), Some("application/json"))]
    #[case(Some("*"), Some("application/json"))]
    #[case(Some("text/*"), Some("text/xml"))]
    #[case(Some("application/xml"), Some("application/xml"))]
    #[case(Some("application/json;q=0.5, text/xml;q=0.9"), Some("text/xml"))]
    #[case(Some("text/xml, application/json"), Some("text/xml"))]
    #[case(Some("*/*;q=0.1, application/json;q=0"), Some("application/xml"))]
    #[case(Some("application/*;q=0.2, application/json;q=0.1"), Some("application/xml"))]
    #[case(Some("APPLICATION/XML"), Some("application/xml"))]
    #[case(Some("text/html, image/png;q=0.5"), None)]
    #[case(Some("application/json;q=0"), None)]
    #[case(Some("text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8"), Some("application/xml"))]
    #[case(Some("application/json; charset=utf-8"), Some("application/json"))]
    #[case(Some("text/xml;level=1;q=0.3, *;q=0.2"), Some("text/xml"))]
    fn the_best_offer_is_chosen(#[case] accept: Option<&str>, #[case] chosen: Option<&str>) {
        let headers = HeaderMap::from_iter(accept.map(|accept| (ACCEPT, accept.parse().unwrap())));
        assert_eq!(negotiate(&headers, OFFERS), chosen);
    }
}
