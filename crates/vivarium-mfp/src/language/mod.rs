//! Languages of messages: which one a caller wants, and the texts in it (contract 1.7).

mod accept;
mod catalogue;
mod message;

use vivarium_http::RequestContext;

pub(crate) use catalogue::Catalogue;
pub(crate) use message::{Code, Message};

/// A language that messages are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Language {
    English,
    German,
    French,
    Spanish,
    Italian,
    BrazilianPortuguese,
    Japanese,
    SimplifiedChinese,
    TraditionalChinese,
    Korean,
    Russian,
}

impl Language {
    /// Its tag as HTTP writes it (RFC 5646).
    pub(crate) fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
            Self::French => "fr",
            Self::Spanish => "es",
            Self::Italian => "it",
            Self::BrazilianPortuguese => "pt-BR",
            Self::Japanese => "ja",
            Self::SimplifiedChinese => "zh-CN",
            Self::TraditionalChinese => "zh-TW",
            Self::Korean => "ko",
            Self::Russian => "ru",
        }
    }

    /// The language for a tag: `ll`, `ll_CC` or `ll-CC` in any case, with or without a script.
    /// Only Chinese comes in two forms; in every other language the country makes no difference.
    pub(crate) fn find(tag: &str) -> Option<Self> {
        let tag = tag.trim().to_ascii_lowercase();
        let mut subtags = tag.split(['_', '-']);
        Some(match subtags.next()? {
            "en" => Self::English,
            "de" => Self::German,
            "fr" => Self::French,
            "es" => Self::Spanish,
            "it" => Self::Italian,
            "pt" => Self::BrazilianPortuguese,
            "ja" => Self::Japanese,
            "zh" => chinese(subtags),
            "ko" => Self::Korean,
            "ru" => Self::Russian,
            _ => return None,
        })
    }

    /// What the caller of a request wants: `locale` if it is given, else the best of `Accept-Language`, else English.
    /// A language without texts is English, never an error.
    pub(crate) fn wanted(context: &RequestContext) -> Self {
        let locale = context.query().all("locale").next().filter(|locale| !locale.trim().is_empty());
        let found = match locale {
            Some(locale) => Self::find(locale),
            None => accept::preferred(context.headers()),
        };
        found.unwrap_or(Self::English)
    }
}

/// The script decides; without one the country tells which script is usual there.
fn chinese<'a>(subtags: impl Iterator<Item = &'a str>) -> Language {
    for subtag in subtags {
        match subtag {
            "hans" | "cn" | "sg" => return Language::SimplifiedChinese,
            "hant" | "tw" | "hk" | "mo" => return Language::TraditionalChinese,
            _ => {}
        }
    }
    Language::SimplifiedChinese
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_and_case_of_a_tag_do_not_matter() {
        for tag in ["de", "DE", "de_DE", "de-de", "De_aT", " de ", "de_DE_EURO"] {
            assert_eq!(Language::find(tag), Some(Language::German), "{tag}");
        }
    }

    #[test]
    fn chinese_goes_by_script_and_then_by_country() {
        for (tag, language) in [
            ("zh", Language::SimplifiedChinese),
            ("zh_CN", Language::SimplifiedChinese),
            ("zh-SG", Language::SimplifiedChinese),
            ("zh_TW", Language::TraditionalChinese),
            ("zh-Hant", Language::TraditionalChinese),
            ("zh_HK", Language::TraditionalChinese),
            ("zh_Hans_HK", Language::SimplifiedChinese),
            ("zh-XX", Language::SimplifiedChinese),
        ] {
            assert_eq!(Language::find(tag), Some(language), "{tag}");
        }
    }

    #[test]
    fn a_language_without_texts_is_none() {
        for tag in ["", "he", "iw_IL", "deutsch", "_DE", "*", "xx-DE", "d", "ü"] {
            assert_eq!(Language::find(tag), None, "{tag}");
        }
    }
}
