//! Unknown names.

use std::{error::Error, fmt};

/// There is no scenario, [`Quirk`](crate::Quirk), [`Fault`](crate::Fault) or
/// [`PaymentState`](crate::PaymentState) with the name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownScenario {
    kind: &'static str,
    name: String,
    /// Similar names, or all.
    known: Vec<String>,
}

impl UnknownScenario {
    pub(crate) fn new(
        kind: &'static str,
        name: &str,
        known: impl IntoIterator<Item: Into<String>>,
    ) -> Self {
        let mut known: Vec<String> = known.into_iter().map(Into::into).collect();
        let words: Vec<_> = name.split('-').filter(|word| word.len() > 2).collect();
        let is_like = |known: &String| words.iter().any(|word| known.contains(word));
        if known.iter().any(is_like) {
            known.retain(is_like);
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
    fn similar_names_are_suggested() {
        let known = ["empty-page", "short-page", "late-row"];
        let message = |name: &str| UnknownScenario::new("quirk", name, known).to_string();
        assert_eq!(
            message("long-page"),
            r#"there is no quirk "long-page"; there are: empty-page, short-page"#
        );
        assert!(message("nonsense").ends_with("empty-page, short-page, late-row"));
    }
}
