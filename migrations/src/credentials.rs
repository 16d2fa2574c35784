//! What a process of a tenant needs to log in: the files of the Secret `callplane-database`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use callplane_types::{SchemaName, TenantId};
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::roles::Purpose;

/// Which of the two logins of a purpose. One is in use; the other is prepared, handed out, and only then
/// the first is closed, so that a password changes without a failed login in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Slot {
    /// `<schema>_<purpose>_a`.
    A,
    /// `<schema>_<purpose>_b`.
    B,
}

impl Slot {
    /// `a` or `b`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::B => "b",
        }
    }

    /// The one to rotate to.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

impl FromStr for Slot {
    type Err = crate::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "a" => Ok(Self::A),
            "b" => Ok(Self::B),
            _ => Err(crate::Error::invalid("slot", "write a or b")),
        }
    }
}

/// A login of one tenant, and where its database is.
///
/// The keys of the Secret are the names of the files: `username`, `password`, `slot`, `host`,
/// `port`, `database`, `schema`, `tenantId`, `sslmode`, and `ca.crt` where the server's certificate is
/// signed by an authority of one's own.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Login role, `<schema>_<purpose>_<slot>`.
    pub username: String,
    /// Its password.
    pub password: String,
    /// Which of the two logins it is.
    pub slot: Slot,
    /// Host name, address, or the folder of a Unix socket.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Database name.
    pub database: String,
    /// The tenant's schema.
    pub schema: SchemaName,
    /// `platform.tenants.id`.
    pub tenant_id: TenantId,
    /// `disable`, `prefer`, `require`, `verify-ca`, `verify-full` as libpq reads them.
    pub sslmode: String,
    /// Certificates to trust in PEM, for `verify-ca` and `verify-full`; `None` for those of the system.
    pub ca_file: Option<PathBuf>,
}

/// Why [`Credentials::read`] failed.
#[derive(Debug, thiserror::Error)]
pub enum ReadCredentialsError {
    /// A file is missing or unreadable.
    #[error("cannot read {file} of the mounted database Secret")]
    Unreadable {
        /// Its name.
        file: &'static str,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// A file holds something else than it should.
    #[error("{file} of the mounted database Secret is not valid")]
    Invalid {
        /// Its name.
        file: &'static str,
    },
}

impl Credentials {
    /// Reads the files of the mounted Secret.
    ///
    /// Kubernetes replaces all of them at once, yet a reader may see an old and a new one: when the
    /// login fails, read again.
    pub fn read(folder: &Path) -> Result<Self, ReadCredentialsError> {
        fn parse<T: FromStr>(file: &'static str, text: &str) -> Result<T, ReadCredentialsError> {
            text.parse()
                .map_err(|_| ReadCredentialsError::Invalid { file })
        }
        let text = |file: &'static str| {
            std::fs::read_to_string(folder.join(file))
                .map(|text| text.trim().to_owned())
                .map_err(|source| ReadCredentialsError::Unreadable { file, source })
        };
        Ok(Self {
            username: text("username")?,
            password: text("password")?,
            slot: parse("slot", &text("slot")?)?,
            host: text("host")?,
            port: parse("port", &text("port")?)?,
            database: text("database")?,
            schema: parse("schema", &text("schema")?)?,
            tenant_id: parse("tenantId", &text("tenantId")?)?,
            sslmode: text("sslmode")?,
            ca_file: Some(folder.join("ca.crt")).filter(|file| file.exists()),
        })
    }

    /// The keys and values of the Secret, as [`Credentials::read`] wants them; without `ca.crt`, whose
    /// content is not ours.
    #[must_use]
    pub fn to_files(&self) -> [(&'static str, String); 9] {
        let Self {
            username,
            password,
            slot,
            host,
            port,
            database,
            schema,
            tenant_id,
            sslmode,
            ca_file: _,
        } = self;
        [
            ("username", username.clone()),
            ("password", password.clone()),
            ("slot", slot.as_str().to_owned()),
            ("host", host.clone()),
            ("port", port.to_string()),
            ("database", database.clone()),
            ("schema", schema.to_string()),
            ("tenantId", tenant_id.to_string()),
            ("sslmode", sslmode.clone()),
        ]
    }

    /// What the login is for, by its name.
    pub(crate) fn purpose(&self) -> Option<Purpose> {
        self.username
            .strip_prefix(self.schema.as_str())
            .and_then(|rest| rest.strip_prefix('_'))
            .and_then(|rest| rest.rsplit_once('_'))
            .and_then(|(purpose, _slot)| purpose.parse().ok())
    }

    /// What the server shows of a session: which process it belongs to, by the purpose of the login.
    fn application_name(&self) -> &'static str {
        match self.purpose() {
            Some(Purpose::Media) => "callplane-media-node",
            Some(Purpose::App) => "callplane-app",
            Some(Purpose::Ro) => "callplane-reports",
            None => "callplane",
        }
    }

    pub(crate) fn connect_options(&self) -> crate::Result<PgConnectOptions> {
        let sslmode: PgSslMode = self.sslmode.parse().map_err(|_| {
            crate::Error::invalid(
                "sslmode",
                "write disable, prefer, require, verify-ca or verify-full",
            )
        })?;
        let options = PgConnectOptions::new_without_pgpass()
            .host(&self.host)
            .port(self.port)
            .username(&self.username)
            .password(&self.password)
            .database(&self.database)
            .ssl_mode(sslmode)
            .application_name(self.application_name());
        Ok(match &self.ca_file {
            Some(file) => options.ssl_root_cert(file),
            None => options,
        })
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("username", &self.username)
            .field("password", &"<secret>")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("database", &self.database)
            .field("schema", &self.schema)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_read_back_and_do_not_print_the_password() {
        let folder =
            std::env::temp_dir().join(format!("callplane-credentials-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let given = Credentials {
            username: "callplane_acme_media_a".to_owned(),
            password: "hunter2".to_owned(),
            slot: Slot::A,
            host: "127.0.0.1".to_owned(),
            port: 5432,
            database: "callplane".to_owned(),
            schema: "callplane_acme".parse().unwrap(),
            tenant_id: TenantId::new(uuid::Uuid::from_u128(7)),
            sslmode: "disable".to_owned(),
            ca_file: None,
        };
        assert_eq!(given.application_name(), "callplane-media-node");
        for (file, text) in given.to_files() {
            std::fs::write(folder.join(file), text + "\n").unwrap();
        }
        assert_eq!(Credentials::read(&folder).unwrap(), given);
        assert!(!format!("{given:?}").contains("hunter2"));
        std::fs::remove_file(folder.join("slot")).unwrap();
        assert!(matches!(
            Credentials::read(&folder),
            Err(ReadCredentialsError::Unreadable { file: "slot", .. })
        ));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
