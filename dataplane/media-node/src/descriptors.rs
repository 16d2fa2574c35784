//! How many sockets and files the process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Takes as many as the hard limit lets it. A call has three sockets; where the soft limit is the usual 1024, which is
/// there for programs that use select(2), some 300 calls would be all.
pub(crate) fn take_all() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = Rlimit {
        current: maximum,
        maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, wanted) {
        tracing::warn!(%error, limit = current, "the limit of open files stays as it is");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_soft_limit_below_the_hard_one_is_raised() {
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        let low = Rlimit {
            current: Some(256),
            maximum,
        };
        setrlimit(Resource::Nofile, low).unwrap();
        take_all();
        assert_eq!(getrlimit(Resource::Nofile).current, maximum);
    }
}
