//! The texts of one language, read from the Fluent files in `messages/`.

use std::cell::OnceCell;

use fluent_bundle::{FluentArgs, FluentBundle, FluentResource};

use super::{Language, Message};

fn source(language: Language) -> &'static str {
    match language {
        Language::English => include_str!("../../messages/en.ftl"),
        Language::German => include_str!("../../messages/de.ftl"),
        Language::French => include_str!("../../messages/fr.ftl"),
        Language::Spanish => include_str!("../../messages/es.ftl"),
        Language::Italian => include_str!("../../messages/it.ftl"),
        Language::BrazilianPortuguese => include_str!("../../messages/pt_BR.ftl"),
        Language::Japanese => include_str!("../../messages/ja.ftl"),
        Language::SimplifiedChinese => include_str!("../../messages/zh_CN.ftl"),
        Language::TraditionalChinese => include_str!("../../messages/zh_TW.ftl"),
        Language::Korean => include_str!("../../messages/ko.ftl"),
        Language::Russian => include_str!("../../messages/ru.ftl"),
    }
}

/// The texts of one language. They are read when the first one is needed: that takes a while, and most requests need none.
pub(crate) struct Catalogue {
    language: Language,
    bundle: OnceCell<FluentBundle<FluentResource>>,
}

impl Catalogue {
    /// The texts in `language`.
    pub(crate) fn of(language: Language) -> Self {
        Self { language, bundle: OnceCell::new() }
    }

    /// `CODE: sentence`.
    pub(crate) fn text(&self, message: &Message) -> String {
        let code = message.code.as_str();
        match self.sentence(message) {
            Some(sentence) => format!("{code}: {sentence}"),
            None => code.to_owned(),
        }
    }

    fn sentence(&self, message: &Message) -> Option<String> {
        let bundle = self.bundle.get_or_init(|| read(self.language));
        let pattern = bundle.get_message(message.code.as_str())?.value()?;
        let arguments: FluentArgs<'_> = message.arguments.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Some(bundle.format_pattern(pattern, Some(&arguments), &mut Vec::new()).into_owned())
    }
}

fn read(language: Language) -> FluentBundle<FluentResource> {
    // Arguments are texts that stand as they are, so the bundle needs no language to format numbers by.
    let mut bundle = FluentBundle::default();
    // Isolation marks are invisible characters around each argument; programs that search messages stumble on them.
    bundle.set_use_isolating(false);
    // A line that cannot be read is left out; a test sees to it that there is none.
    let resource = FluentResource::try_new(source(language).to_owned()).unwrap_or_else(|(partial, _)| partial);
    bundle.add_resource_overriding(resource);
    bundle
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;

    use super::super::Code;
    use super::*;

    const LANGUAGES: [Language; 11] = [
        Language::English,
        Language::German,
        Language::French,
        Language::Spanish,
        Language::Italian,
        Language::BrazilianPortuguese,
        Language::Japanese,
        Language::SimplifiedChinese,
        Language::TraditionalChinese,
        Language::Korean,
        Language::Russian,
    ];

    fn arguments_of(language: Language, code: Code) -> BTreeSet<&'static str> {
        let prefix = format!("{} = ", code.as_str());
        let line = source(language).lines().find_map(|line| line.strip_prefix(&prefix)).unwrap();
        line.split("{ $").skip(1).map(|rest| rest.split_once(" }").unwrap().0).collect()
    }

    #[test]
    fn every_language_has_every_code_and_no_other_with_the_same_arguments() {
        for language in LANGUAGES {
            let keys = source(language).lines().filter_map(|line| line.split_once(" = ")).map(|(key, _)| key);
            let expected = Code::ALL.iter().map(|code| code.as_str());
            assert_eq!(keys.collect::<Vec<_>>(), expected.collect::<Vec<_>>(), "{language:?}");
            for code in Code::ALL {
                let english = arguments_of(Language::English, *code);
                assert_eq!(arguments_of(language, *code), english, "{language:?} {code:?}");
            }
        }
    }

    #[test]
    fn every_file_is_read_without_a_fault_and_has_texts_of_its_own() {
        for language in LANGUAGES {
            assert!(FluentResource::try_new(source(language).to_owned()).is_ok(), "{language:?}");
            assert_eq!(Language::find(language.tag()), Some(language));
            let text = Catalogue::of(language).text(&Message::new(Code::WrongCredentials));
            let english = Catalogue::of(Language::English).text(&Message::new(Code::WrongCredentials));
            assert!(text.starts_with("VIVSE1002E: "), "{text}");
            assert_eq!(text == english, language == Language::English, "{text}");
        }
    }

    #[test]
    fn arguments_stand_as_they_are() {
        let name = "{ $x } \u{2068}`ü`\n\"1.000\"";
        let message = Message::new(Code::NoSuchRuntime).with("runtime", name);
        let expected = format!("FWLSE3030E: the administration database knows no runtime `{name}`");
        assert_eq!(Catalogue::of(Language::English).text(&message), expected);
        assert_eq!(Catalogue::of(Language::English).text(&Message::reason("1000.50")), "VIVSE1012E: 1000.50");
    }
}
