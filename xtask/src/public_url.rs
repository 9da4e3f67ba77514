//! Where the site will be mounted.

use anyhow::{Result, ensure};
use std::str::FromStr;

/// A path (`/book/`) or a whole address (`https://example.org/book/`).
///
/// Pages and links need only the path; canonical links and the sitemap are whole addresses where the host is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    /// `https://example.org`, without a slash at the end; empty where only the path is known.
    origin: String,
    /// Begins and ends with a slash.
    base: String,
}

impl PublicUrl {
    /// The path under which the site lives; begins and ends with a slash.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The same without its closing slash, empty at the root: what a router calls its base.
    pub fn mount(&self) -> &str {
        self.base.trim_end_matches('/')
    }

    /// Whether the host is known too.
    pub fn has_host(&self) -> bool {
        !self.origin.is_empty()
    }

    /// The address of a file, given from the site's root.
    pub fn file(&self, path: &str) -> String {
        format!("{}{}{path}", self.origin, self.base)
    }

    /// The address of a route: every route is a folder with an `index.html`.
    pub fn address(&self, route: &str) -> String {
        let route = route.trim_matches('/');
        let slash = if route.is_empty() { "" } else { "/" };
        format!("{}{}{route}{slash}", self.origin, self.base)
    }
}

impl FromStr for PublicUrl {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (origin, path) = match text.find("://").map(|at| at + 3) {
            None => ("", text),
            Some(host) => {
                let end = text[host..].find('/').map_or(text.len(), |slash| host + slash);
                ensure!(
                    ["http://", "https://"].contains(&&text[..host]) && end > host,
                    "a public URL starts with https://host or with a slash, not `{text}`"
                );
                text.split_at(end)
            }
        };
        ensure!(
            path.is_empty() || path.starts_with('/'),
            "a public path starts with a slash, as in `/book/`, not `{text}`"
        );
        ensure!(
            path.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-._~%".contains(&b))
                && origin.bytes().all(|b| b.is_ascii_alphanumeric() || b":/-.[]".contains(&b))
                && !path.contains("//"),
            "a public URL holds letters, digits and -._~% between single slashes, not `{text}`"
        );
        Ok(Self {
            origin: origin.to_owned(),
            base: match path.trim_matches('/') {
                "" => "/".to_owned(),
                path => format!("/{path}/"),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_and_a_whole_address_both_parse() -> Result<()> {
        for (text, base, address) in [
            ("/", "/", "/map/"),
            ("", "/", "/map/"),
            ("/a/b", "/a/b/", "/a/b/map/"),
            ("https://example.org", "/", "https://example.org/map/"),
            ("http://localhost:80/a/", "/a/", "http://localhost:80/a/map/"),
        ] {
            let url: PublicUrl = text.parse()?;
            assert_eq!((url.base(), url.address("/map").as_str()), (base, address), "{text}");
            assert_eq!(url.address("/"), url.address(""), "{text}");
        }
        Ok(())
    }

    #[test]
    fn what_could_break_out_of_the_page_is_refused() {
        for text in ["book/", "ftp://example.org/", "https:///", "/a\"b/", "/a b/", "//a/", "https://e.org<"] {
            assert!(text.parse::<PublicUrl>().is_err(), "{text}");
        }
    }
}
