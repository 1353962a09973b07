//! Where in an object store: `s3://BUCKET/PREFIX`, `az://CONTAINER/PREFIX` or `gs://BUCKET/PREFIX`.

use std::fmt;
use std::str::FromStr;

/// The longest place, in bytes.
const PLACE_MAX_BYTES: usize = 512;

/// Whose store it is, or whose it is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// Amazon S3, and what speaks like it.
    S3,
    /// Azure Blob Storage.
    Azure,
    /// Google Cloud Storage.
    Google,
}

impl Provider {
    const ALL: [Provider; 3] = [Provider::S3, Provider::Azure, Provider::Google];

    /// What a place begins with.
    #[must_use]
    pub const fn scheme(self) -> &'static str {
        match self {
            Provider::S3 => "s3",
            Provider::Azure => "az",
            Provider::Google => "gs",
        }
    }

    /// The headers that a `PUT` to a signed URL must have.
    #[must_use]
    pub const fn headers(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Provider::Azure => &[("x-ms-blob-type", "BlockBlob")],
            Provider::S3 | Provider::Google => &[],
        }
    }
}

/// A bucket or container, and the prefix of all keys in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Whose store it is.
    pub provider: Provider,
    /// The bucket, or Azure's container.
    pub bucket: String,
    /// What all keys begin with, without a slash at its ends; may be empty.
    pub prefix: String,
}

/// Why a text is no place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}: write s3://BUCKET/PREFIX, az://CONTAINER/PREFIX or gs://BUCKET/PREFIX")]
pub struct NoPlace(String);

impl FromStr for Place {
    type Err = NoPlace;

    fn from_str(text: &str) -> Result<Self, NoPlace> {
        let no = |why: &str| Err(NoPlace(why.to_owned()));
        if text.len() > PLACE_MAX_BYTES {
            return no("this is too long for a place in an object store");
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return no("this is no place in an object store");
        };
        let Some(provider) = Provider::ALL.into_iter().find(|provider| provider.scheme() == scheme) else {
            return no("this kind of object store is not known");
        };
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = prefix.trim_end_matches('/');
        // No sign of these is written otherwise in a URL: a key looks the same wherever it is shown.
        let fits = |text: &str| {
            text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
                && text != "."
                && text != ".."
        };
        if bucket.is_empty() || !fits(bucket) {
            return no("the name of the bucket is missing, or has other than letters, digits, - _ .");
        }
        if !prefix.is_empty() && !prefix.split('/').all(|part| !part.is_empty() && fits(part)) {
            return no("the prefix has other than letters, digits, - _ . and single slashes");
        }
        Ok(Place { provider, bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.provider.scheme(), self.bucket)?;
        if self.prefix.is_empty() { Ok(()) } else { write!(f, "/{}", self.prefix) }
    }
}

impl Place {
    /// The key of an object under the prefix.
    pub(super) fn key(&self, rest: &str) -> String {
        if self.prefix.is_empty() { rest.to_owned() } else { format!("{}/{rest}", self.prefix) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_bucket_and_what_keys_begin_with() {
        for (text, provider, bucket, prefix, shown) in [
            ("s3://b", Provider::S3, "b", "", "s3://b"),
            ("s3://b/", Provider::S3, "b", "", "s3://b"),
            ("az://c/high/water/", Provider::Azure, "c", "high/water", "az://c/high/water"),
            ("gs://b.example.com/x_y", Provider::Google, "b.example.com", "x_y", "gs://b.example.com/x_y"),
        ] {
            let place: Place = text.parse().unwrap();
            assert_eq!(
                (place.provider, place.bucket.as_str(), place.prefix.as_str()),
                (provider, bucket, prefix)
            );
            assert_eq!(place.to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_place_is_refused_with_the_form_of_one() {
        for text in [
            "",
            "b",
            "s3:/b",
            "http://b",
            "s3://",
            "s3://a b",
            "s3://b//x",
            "s3://b/x//y",
            "s3://b/../c",
            "s3://b/ä",
        ] {
            let error = text.parse::<Place>().unwrap_err();
            assert!(error.to_string().contains("s3://BUCKET/PREFIX"), "{text}: {error}");
        }
        assert!(format!("s3://{}", "a".repeat(600)).parse::<Place>().is_err());
    }
}
