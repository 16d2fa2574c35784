//! Grammars as they come from a flow.

use std::collections::BTreeSet;

/// A grammar in the JSpeech Grammar Format (W3C note of June 2000), reduced to what flows write:
/// one header, rules of words, alternatives, groups and optional parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Grammar {
    jsgf: String,
    words: BTreeSet<String>,
}

/// Why a text is no [`Grammar`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidGrammar {
    #[error("the grammar does not begin with `#JSGF V1.0;` and `grammar NAME;`")]
    Header,
    /// An import makes pocketsphinx read a file; tags and weights are not used by flows.
    #[error("the grammar has an import, a tag, a weight or a character that has no place in it")]
    Forbidden,
    #[error("the grammar has no public rule")]
    NoPublicRule,
}

impl Grammar {
    /// Checks a grammar before C code sees it, and lists its words.
    pub(crate) fn parse(jsgf: &str) -> Result<Self, InvalidGrammar> {
        let body = jsgf
            .trim_start()
            .strip_prefix("#JSGF V1.0;")
            .ok_or(InvalidGrammar::Header)?;
        let mut rules = body
            .split(';')
            .map(str::trim)
            .filter(|rule| !rule.is_empty());
        let name = rules.next().and_then(|rule| rule.strip_prefix("grammar "));
        if !name.is_some_and(|name| is_name(name.trim())) {
            return Err(InvalidGrammar::Header);
        }
        let (mut words, mut public) = (BTreeSet::new(), false);
        for rule in rules {
            let (left, right) = rule.split_once('=').ok_or(InvalidGrammar::Forbidden)?;
            let is_public = left.trim_start().starts_with("public ");
            let left = left
                .trim_start()
                .strip_prefix("public ")
                .unwrap_or(left)
                .trim();
            if !is_reference(left) {
                return Err(InvalidGrammar::Forbidden);
            }
            public |= is_public;
            for token in right.split(|c: char| c.is_whitespace() || "|()[]".contains(c)) {
                match token {
                    "" => {}
                    reference if is_reference(reference) => {}
                    word if word.chars().all(|c| c.is_alphanumeric() || c == '\'') => {
                        words.insert(word.to_owned());
                    }
                    _ => return Err(InvalidGrammar::Forbidden),
                }
            }
        }
        if public {
            Ok(Self {
                jsgf: jsgf.to_owned(),
                words,
            })
        } else {
            Err(InvalidGrammar::NoPublicRule)
        }
    }

    /// Whether no word can be said at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Every word once.
    pub(crate) fn words(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(String::as_str)
    }

    /// The text as it came.
    pub(crate) fn jsgf(&self) -> &str {
        &self.jsgf
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// `<name>`.
fn is_reference(text: &str) -> bool {
    text.strip_prefix('<')
        .and_then(|text| text.strip_suffix('>'))
        .is_some_and(is_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_listed_once_and_rules_are_not_words() {
        let jsgf = "#JSGF V1.0;\ngrammar question;\npublic <answer> = i'd like | <digit> like;\n\
                    <digit> = (one | two) [three];\n";
        let grammar = Grammar::parse(jsgf).unwrap();
        assert_eq!(
            grammar.words().collect::<Vec<_>>(),
            ["i'd", "like", "one", "three", "two"]
        );
        assert!(!grammar.is_empty());
        assert!(
            Grammar::parse("#JSGF V1.0; grammar q; public <a> = <VOID>;")
                .unwrap()
                .is_empty()
        );
    }

    #[test]
    fn nothing_reaches_the_c_parser_that_a_flow_does_not_write() {
        for (text, error) in [
            ("", InvalidGrammar::Header),
            ("#JSGF V1.0; public <a> = b;", InvalidGrammar::Header),
            (
                "#JSGF V1.0; grammar q; import <x.y>; public <a> = b;",
                InvalidGrammar::Forbidden,
            ),
            (
                "#JSGF V1.0; grammar q; public <a> = b {tag};",
                InvalidGrammar::Forbidden,
            ),
            (
                "#JSGF V1.0; grammar q; public <a> = /3/ b;",
                InvalidGrammar::Forbidden,
            ),
            (
                "#JSGF V1.0; grammar q; public <a> = <b;",
                InvalidGrammar::Forbidden,
            ),
            (
                "#JSGF V1.0; grammar q; <a> = b;",
                InvalidGrammar::NoPublicRule,
            ),
        ] {
            assert_eq!(Grammar::parse(text), Err(error), "{text}");
        }
    }
}
