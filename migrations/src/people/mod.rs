//! People and access over all tenants, through the door of the API, [`crate::ApiDatabase`]: what happens
//! before the tenant is known. Passwords and tokens come in as hashes; what is compared is never read.

pub mod api_keys;
pub mod memberships;
pub mod sessions;
pub mod tokens;
pub mod users;
