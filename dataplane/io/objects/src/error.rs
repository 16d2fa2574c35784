//! Why an object was not stored or read.

/// The result of every operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an object was not stored or read. Tells nothing of what is in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The URL names no storage.
    #[error(
        "the URL of the object storage is wrong: {0}; write file:///FOLDER or s3://BUCKET/PREFIX"
    )]
    Url(String),

    /// The folder is not there: its volume is not mounted, or has another path.
    #[error(
        "the folder {0} of the object storage does not exist; make it, or mount its volume there"
    )]
    NoFolder(String),

    /// The storage is down, full, or refuses us.
    #[error("object `{name}` could not be {what}")]
    Storage {
        /// Which object.
        name: String,
        /// `written`, `read`, `deleted`, `listed`.
        what: &'static str,
        /// What the storage says.
        #[source]
        source: Box<object_store::Error>,
    },

    /// What was to be written could not be read.
    #[error("failed to read what was to become object `{name}`")]
    File {
        /// Which object.
        name: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },

    /// There is no such object.
    #[error("object `{0}` does not exist")]
    NotFound(String),

    /// What is there is not what was written.
    #[error("object `{0}` is damaged: its SHA-256 is another")]
    Damaged(String),

    /// It does not open with the keys at hand.
    #[error("object `{name}` does not open")]
    Sealed {
        /// Which object.
        name: String,
        /// Why.
        #[source]
        source: callplane_keys::Error,
    },

    /// It is too long to be sealed at once; write several.
    #[error("object `{name}` has {octets} octets, more than can be sealed at once")]
    TooLong {
        /// Which object.
        name: String,
        /// Its length.
        octets: usize,
    },
}
