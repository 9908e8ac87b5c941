use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use arrayvec::ArrayString;

/// Declares a type for one kind of identifier, an opaque text.
///
/// `or number`: also reads a JSON number, which becomes its digits. `in N`: keeps texts of up to N
/// bytes inline. Default: 40, enough for UUIDs and the vendor's own identifiers.
macro_rules! identifier {
    ($(#[$meta:meta])* pub struct $name:ident;) => {
        $crate::wire::identifier::identifier!($(#[$meta])* pub struct $name in 40;);
    };

    ($(#[$meta:meta])* pub struct $name:ident in $inline:literal;) => {
        $crate::wire::identifier::identifier!(@type $(#[$meta])* $name $inline);

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                $crate::wire::text(from, |text| Ok(Self::from(text)))
            }
        }
    };

    ($(#[$meta:meta])* pub struct $name:ident or number;) => {
        $crate::wire::identifier::identifier!(@type $(#[$meta])* $name 40);

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                $crate::wire::scalar(from).map(|text| Self::from(&*text))
            }
        }
    };

    (@type $(#[$meta:meta])* $name:ident $inline:literal) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name($crate::wire::identifier::Text<$inline>);

        impl $name {
            /// The text, as the API sent it.
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, text: &str) -> bool {
                self.as_str() == text
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, text: &&str) -> bool {
                self.as_str() == *text
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({:?})"), self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.as_str())
            }
        }
    };
}

pub(crate) use identifier;

/// A text that is kept inline if it has at most `N` bytes.
///
/// Answers are full of short texts. To read them would otherwise be mostly memory allocation.
#[derive(Clone)]
pub(crate) enum Text<const N: usize> {
    Short(ArrayString<N>),
    Long(Box<str>),
}

impl<const N: usize> Text<N> {
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Short(text) => text,
            Self::Long(text) => text,
        }
    }
}

impl<const N: usize> From<&str> for Text<N> {
    fn from(text: &str) -> Self {
        ArrayString::from(text).map_or_else(|_| Self::Long(text.into()), Self::Short)
    }
}

impl<const N: usize> From<String> for Text<N> {
    fn from(text: String) -> Self {
        if text.len() <= N { Self::from(&*text) } else { Self::Long(text.into()) }
    }
}

impl<const N: usize> PartialEq for Text<N> {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl<const N: usize> Eq for Text<N> {}

impl<const N: usize> Hash for Text<N> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl<const N: usize> PartialOrd for Text<N> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<const N: usize> Ord for Text<N> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};

    use super::*;

    #[test]
    fn inline_and_boxed_texts_compare_and_hash_alike() {
        let texts: Vec<String> = (0..=9)
            .map(|length| "b".repeat(length))
            .chain(["é".repeat(4), "a".repeat(9)])
            .collect();
        let state = BuildHasherDefault::<DefaultHasher>::new();
        let hash = |text: &Text<8>| state.hash_one(text);
        let (mut seen, mut hashes) = (HashSet::new(), HashSet::new());
        for text in &texts {
            let (borrowed, owned) = (Text::<8>::from(&**text), Text::<8>::from(text.clone()));
            assert_eq!(borrowed.as_str(), *text);
            assert!(borrowed == owned, "{text}");
            assert_eq!(matches!(owned, Text::Short(_)), text.len() <= 8, "{text}");
            assert_eq!(hash(&borrowed), hash(&owned));
            assert!(hashes.insert(hash(&borrowed)), "{text}");
            assert!(seen.insert(borrowed) && !seen.insert(owned), "{text}");
            for other in &texts {
                let order = Text::<8>::from(&**text).cmp(&Text::from(&**other));
                assert_eq!(order, text.cmp(other), "{text} {other}");
                assert_eq!(
                    Text::<8>::from(&**text).partial_cmp(&Text::from(&**other)),
                    Some(order)
                );
            }
        }
    }
}
