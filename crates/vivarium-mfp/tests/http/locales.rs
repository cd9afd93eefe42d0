//! The language of messages.

use super::support::{Call, Server};

#[tokio::test]
async fn the_parameter_chooses_the_language() {
    let server = Server::new().await;
    for (locale, language, words) in [
        ("en", "en", "there is no such resource"),
        ("en_US", "en", "there is no such resource"),
        ("de", "de", "diese Ressource gibt es nicht"),
        ("de_DE", "de", "diese Ressource gibt es nicht"),
        ("de-DE", "de", "diese Ressource gibt es nicht"),
        ("DE_de", "de", "diese Ressource gibt es nicht"),
        ("de_CH", "de", "diese Ressource gibt es nicht"),
        ("fr_FR", "fr", "cette ressource n'existe pas"),
        ("es", "es", "no existe ese recurso"),
        ("it-IT", "it", "questa risorsa non esiste"),
        ("pt_BR", "pt-BR", "esse recurso não existe"),
        ("pt", "pt-BR", "esse recurso não existe"),
        ("ja_JP", "ja", "そのリソースは存在しません"),
        ("zh", "zh-CN", "该资源不存在"),
        ("zh_CN", "zh-CN", "该资源不存在"),
        ("zh-Hans", "zh-CN", "该资源不存在"),
        ("zh_TW", "zh-TW", "該資源不存在"),
        ("zh_Hant", "zh-TW", "該資源不存在"),
        ("zh-HK", "zh-TW", "該資源不存在"),
        ("ko", "ko", "해당 자원이 없습니다"),
        ("ru_RU", "ru", "такого ресурса нет"),
        ("he", "en", "there is no such resource"),
        ("xx_YY", "en", "there is no such resource"),
        ("%F0%9F%A6%86", "en", "there is no such resource"),
        ("../../etc/passwd", "en", "there is no such resource"),
        ("", "en", "there is no such resource"),
    ] {
        let reply = server.get(&format!("/runtimes/none?locale={locale}")).await;
        assert_eq!(reply.status.as_u16(), 404, "{locale}");
        assert_eq!(reply.header("content-language"), Some(language), "{locale}");
        let message = reply.json()["message"].as_str().unwrap().to_owned();
        assert!(message.starts_with("FWLSE3002E: ") && message.contains(words), "{locale}: {message}");
    }
}

#[tokio::test]
async fn the_header_chooses_where_the_parameter_does_not() {
    let server = Server::new().await;
    for (query, header, language) in [
        ("", "de", "de"),
        ("", "da, en-GB;q=0.8, fr;q=0.9", "fr"),
        ("?locale=", "ko", "ko"),
        ("?locale=it", "de", "it"),
        ("?locale=xx", "de", "en"),
        ("?locale=es&locale=de", "ja", "es"),
        ("", "*", "en"),
        ("", "tlh", "en"),
        ("?mode=%ff&locale=de", "ru", "ru"),
    ] {
        let reply = server.send(Call::get(&format!("/runtimes/none{query}")).header("accept-language", header)).await;
        assert_eq!(reply.header("content-language"), Some(language), "{query} {header}");
    }
}

#[tokio::test]
async fn an_unknown_locale_is_no_error_and_no_locale_changes_a_list() {
    let server = Server::new().await;
    let plain = server.get("/runtimes").await;
    for locale in ["de_DE", "xx", "", "%00", "zh_TW"] {
        let reply = server.get(&format!("/runtimes?locale={locale}")).await;
        assert_eq!((reply.status, &reply.text), (plain.status, &plain.text), "{locale}");
    }
}

#[tokio::test]
async fn the_error_of_a_synchronization_is_in_the_language_of_the_caller() {
    let server = Server::new().await;
    server.add_runtime("broken", &["no-such-package"]).await;
    let reply = server.get("/runtimes?locale=de_DE").await;
    let status = reply.project("broken")["synchronizationStatus"].as_str().unwrap().to_owned();
    assert!(status.starts_with("VIVSE1013E: die Laufzeit `broken` konnte nicht synchronisiert werden: "), "{status}");
    assert!(status.contains("no-such-package"), "{status}");
}
