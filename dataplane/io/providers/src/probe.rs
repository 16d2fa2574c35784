//! Whether a provider is there and takes its key, without asking it for anything that costs.

use std::time::Duration;

use reqwest::Method;
use tokio::time::Instant;

use crate::error::ModelError;
use crate::http::{Endpoint, HttpClient, send};

/// What a provider is asked to see whether it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probed {
    /// The list of models.
    Models,
    /// Its URL itself, where nothing need be: any answer but 401 and 500 and above will do.
    Root,
}

/// Asks for the list of models (OpenAI API reference, "List models"), which every server of OpenAI's protocols has or
/// does not know. One that does not know it is there all the same.
///
/// # Errors
/// When it does not answer in time, refuses the key or cannot be connected to.
pub async fn probe(
    http: &HttpClient,
    endpoint: &Endpoint,
    probed: Probed,
    patience: Duration,
) -> Result<(), ModelError> {
    let path = match probed {
        Probed::Models => "models",
        Probed::Root => "",
    };
    let request = http.request(Method::GET, endpoint, path)?;
    match send(request, Instant::now() + patience).await {
        // Only what it says about itself counts.
        Ok(_)
        | Err(
            ModelError::Refused {
                status: 404 | 405, ..
            }
            | ModelError::Unavailable { status: 501 }
            | ModelError::Busy { .. },
        ) => Ok(()),
        // Who knows no such place is there.
        Err(ModelError::Refused { .. } | ModelError::Unauthorized { status: 403 })
            if probed == Probed::Root =>
        {
            Ok(())
        }
        Err(error) => Err(error),
    }
}
