//! Standard output for frames alone.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd};

unsafe extern "C" {
    fn dup2(from: i32, to: i32) -> i32;
}

/// Takes standard output for the caller and points descriptor 1 at standard error, so that a stray
/// `printf` of an engine cannot break a frame.
pub(crate) fn take_stdout() -> io::Result<File> {
    let ours = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    // SAFETY: dup2 takes two descriptor numbers, both open, and touches no memory of ours.
    let done = unsafe { dup2(io::stderr().as_raw_fd(), io::stdout().as_raw_fd()) };
    if done < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(ours)
    }
}
