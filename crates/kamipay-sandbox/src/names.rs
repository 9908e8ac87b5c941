//! Names that nothing has.

use std::error::Error;
use std::fmt;

/// No scenario has the name, or no [`Quirk`](crate::Quirk) or [`Fault`](crate::Fault).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownScenario {
    kind: &'static str,
    name: String,
    /// Those that are much like it, or all.
    known: Vec<&'static str>,
}

impl UnknownScenario {
    pub(crate) fn new(
        kind: &'static str,
        name: &str,
        known: impl IntoIterator<Item = &'static str>,
    ) -> Self {
        let mut known: Vec<_> = known.into_iter().collect();
        let words: Vec<_> = name.split('-').filter(|word| word.len() > 2).collect();
        let is_like = |known: &&str| words.iter().any(|word| known.contains(word));
        if known.iter().any(is_like) {
            known.retain(|name| is_like(name));
        }
        Self { kind, name: name.to_owned(), known }
    }
}

impl fmt::Display for UnknownScenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, name, known } = self;
        write!(f, "there is no {kind} {name:?}; there are: {}", known.join(", "))
    }
}

impl Error for UnknownScenario {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_like_it_is_told() {
        let known = ["empty-page", "short-page", "late-row"];
        let told = |name: &str| UnknownScenario::new("quirk", name, known).to_string();
        assert_eq!(
            told("long-page"),
            r#"there is no quirk "long-page"; there are: empty-page, short-page"#
        );
        assert!(told("nonsense").ends_with("empty-page, short-page, late-row"));
    }
}
