//! The pages of the golden runs, parsed. They are written as XML, too, so the parser refuses whatever
//! is not closed, quoted or escaped.

use std::collections::BTreeSet;
use std::{env, fs};

use roxmltree::{Document, Node};

use super::golden::{HOSTILE, all};
use crate::page;

/// Elements that load something, and attributes that name it.
const LOADING: [&str; 11] = [
    "script", "link", "img", "iframe", "object", "embed", "audio", "video", "base", "form", "image",
];
const NAMING: [&str; 9] =
    ["src", "href", "srcset", "action", "formaction", "data", "poster", "style", "background"];

/// The page of each golden run. With `SEGUE_REPORT_PAGES`, also writes them to that folder, to look
/// at in a browser.
fn pages() -> Vec<(&'static str, String)> {
    let pages: Vec<_> = all()
        .into_iter()
        .map(|(name, report, recent)| (name, page::render(&report, &recent).expect("renders")))
        .collect();
    if let Some(folder) = env::var_os("SEGUE_REPORT_PAGES") {
        for (name, page) in &pages {
            let path = std::path::Path::new(&folder).join(format!("{name}.html"));
            fs::write(path, page).expect("written");
        }
    }
    pages
}

fn check(look: impl Fn(&str, &str, &Document<'_>)) {
    for (name, page) in pages() {
        match Document::parse(&page) {
            Ok(document) => look(name, &page, &document),
            Err(error) => panic!("{name} is not well-formed: {error}\n{page}"),
        }
    }
}

fn elements<'a>(document: &'a Document<'_>, name: &'a str) -> impl Iterator<Item = Node<'a, 'a>> {
    document.descendants().filter(move |node| node.has_tag_name(name))
}

fn text(node: Node<'_, '_>) -> String {
    let texts = node.descendants().filter(Node::is_text).filter_map(|text| text.text());
    texts.collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn foreign_text_is_only_text() {
    check(|name, page, document| {
        assert_eq!(elements(document, "script").count(), 0, "{name}");
        assert!(!page.contains("49") || !page.contains("{{ 49"), "{name} evaluates a text");
        let controls = page.chars().filter(|c| c.is_control() && *c != '\n').count();
        assert_eq!(controls, 0, "{name} has control characters");
        assert!(!page.contains('\u{202e}'), "{name} reverses text");
        let known: BTreeSet<&str> = [
            "html", "head", "meta", "title", "style", "body", "header", "main", "footer",
            "section", "div", "p", "span", "h1", "h2", "h3", "dl", "dt", "dd", "table", "caption",
            "thead", "tbody", "tr", "th", "td", "code", "pre", "ul", "li", "strong", "svg", "rect",
            "details", "summary", "br",
        ]
        .into();
        let used = document.descendants().filter(Node::is_element);
        let used: BTreeSet<&str> = used.map(|node| node.tag_name().name()).collect();
        assert!(used.is_subset(&known), "{name}: {:?}", used.difference(&known));
        if page.contains("alert(1)") {
            let shown = document.descendants().filter(|node| {
                node.is_text() && node.text().is_some_and(|text| text.contains("<script>alert(1)"))
            });
            assert!(shown.count() > 0, "{name} hides the text {HOSTILE:?}");
        }
        assert!(page.len() < 200_000, "{name} has {} bytes", page.len());
    });
}

#[test]
fn nothing_is_loaded_and_the_policy_allows_only_the_page_s_own_style() {
    check(|name, page, document| {
        for node in document.descendants().filter(Node::is_element) {
            let tag = node.tag_name().name();
            assert!(!LOADING.contains(&tag), "{name}: <{tag}>");
            for attribute in node.attributes() {
                let named = attribute.name();
                assert!(!NAMING.contains(&named) && !named.starts_with("on"), "{name}: {named}");
            }
        }
        let style =
            elements(document, "style").next().and_then(|node| node.text()).expect("a style");
        assert!(!style.contains("url(") && !style.contains("@import"), "{name}");
        use base64::Engine;
        use sha2::Digest;
        let digest = base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(style));
        let policy = elements(document, "meta")
            .find(|meta| meta.attribute("http-equiv") == Some("Content-Security-Policy"))
            .and_then(|meta| meta.attribute("content"))
            .expect("a policy");
        let expected = format!(
            "default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
        );
        assert_eq!(policy, expected, "{name}");
        assert!(page.starts_with("<!DOCTYPE html>"), "{name}");
    });
}

#[test]
fn a_screen_reader_finds_its_way() {
    check(|name, _, document| {
        let root = document.root_element();
        assert_eq!(root.attribute("lang"), Some("en"), "{name}");
        let mut level = 0;
        for heading in document.descendants().filter(Node::is_element) {
            let Some(next) = heading.tag_name().name().strip_prefix('h') else { continue };
            let Ok(next) = next.parse::<u32>() else { continue };
            assert!(next <= level + 1, "{name}: h{next} after h{level}");
            assert!(next > 1 || level == 0, "{name}: a second h1");
            level = next;
        }
        let ids: Vec<_> = document.descendants().filter_map(|node| node.attribute("id")).collect();
        let distinct: BTreeSet<_> = ids.iter().collect();
        assert_eq!(ids.len(), distinct.len(), "{name}: {ids:?}");
        for section in elements(document, "section") {
            let label = section.attribute("aria-labelledby").expect("a label");
            assert!(ids.contains(&label), "{name}: {label}");
        }
        for table in elements(document, "table") {
            let caption = table.first_element_child().filter(|one| one.has_tag_name("caption"));
            assert!(caption.is_some_and(|one| !text(one).is_empty()), "{name}: {}", text(table));
        }
        for head in elements(document, "th") {
            assert!(head.attribute("scope").is_some(), "{name}: {}", text(head));
            assert!(!text(head).is_empty(), "{name} has a heading without text");
        }
        for chart in elements(document, "svg") {
            assert_eq!(chart.attribute("role"), Some("img"), "{name}");
            let label = chart.attribute("aria-label").expect("a name");
            let title = chart.first_element_child().expect("a title");
            assert!(title.has_tag_name("title") && text(title) == label && !label.is_empty());
        }
        for scroll in
            document.descendants().filter(|node| node.attribute("class") == Some("scroll"))
        {
            assert_eq!(scroll.attribute("tabindex"), Some("0"), "{name}");
            assert!(scroll.attribute("aria-label").is_some(), "{name}");
        }
    });
}

/// What a page says from top to bottom: headings, texts, and tables row by row.
fn spoken(node: Node<'_, '_>, lines: &mut Vec<String>) {
    for child in node.children().filter(Node::is_element) {
        match child.tag_name().name() {
            "head" => {}
            "svg" => {}
            heading @ ("h1" | "h2" | "h3") => lines.push(format!("\n{heading} {}", text(child))),
            "tr" => {
                let cells = child.children().filter(Node::is_element).map(text);
                lines.push(format!("  | {}", cells.collect::<Vec<_>>().join(" | ")));
            }
            "p" | "caption" | "li" | "pre" | "summary" => lines.push(text(child)),
            "dt" => lines.push(format!("{}:", text(child))),
            "dd" => {
                let name = lines.pop().unwrap_or_default();
                lines.push(format!("{name} {}", text(child)));
            }
            _ => spoken(child, lines),
        }
    }
}

#[test]
fn each_page_says_what_happened() {
    check(|name, _, document| {
        let mut lines = Vec::new();
        spoken(document.root_element(), &mut lines);
        let shortened = lines.iter().map(|line| line.chars().take(400).collect::<String>());
        insta::assert_snapshot!(name, shortened.collect::<Vec<_>>().join("\n"));
    });
}
