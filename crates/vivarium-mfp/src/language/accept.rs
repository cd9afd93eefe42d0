//! The header `Accept-Language` (RFC 9110, 12.5.4).

use http::HeaderMap;
use http::header::ACCEPT_LANGUAGE;

use super::Language;

/// The supported language that the header likes best; the earlier one where two are liked equally.
/// Parts that cannot be read are passed over.
pub(super) fn preferred(headers: &HeaderMap) -> Option<Language> {
    let values = headers.get_all(ACCEPT_LANGUAGE).into_iter().filter_map(|value| value.to_str().ok());
    let ranges = values.flat_map(|value| value.split(',')).filter_map(range);
    let better = |best: (Language, f32), next: (Language, f32)| if next.1 > best.1 { next } else { best };
    ranges.filter(|(_, quality)| *quality > 0.0).reduce(better).map(|(language, _)| language)
}

fn range(text: &str) -> Option<(Language, f32)> {
    let (tag, parameters) = text.split_once(';').unwrap_or((text, ""));
    let language = if tag.trim() == "*" { Language::English } else { Language::find(tag)? };
    let quality = match parameters.trim().strip_prefix("q=") {
        Some(number) => number.trim().parse().ok()?,
        None => 1.0,
    };
    Some((language, quality))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_best_supported_language_wins() {
        for (header, language) in [
            ("de", Some(Language::German)),
            ("de-AT, fr;q=0.9", Some(Language::German)),
            ("fr;q=0.2, ja;q=0.7, en;q=0.1", Some(Language::Japanese)),
            ("he, xx;q=0.9, ko;q=0.1", Some(Language::Korean)),
            ("de;q=0, *;q=0.5", Some(Language::English)),
            ("ru, de", Some(Language::Russian)),
            ("de;q=many, it;q=0.1", Some(Language::Italian)),
            ("he", None),
            ("", None),
            (",;=,", None),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT_LANGUAGE, header.parse().unwrap())]);
            assert_eq!(preferred(&headers), language, "{header}");
        }
    }
}
