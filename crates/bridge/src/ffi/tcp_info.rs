//! How many connections wait in the accept queue of a listener: `TCP_INFO` of tcp(7), which none of our libraries wraps.

use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd};

use nix::libc;

/// Connections that wait to be accepted; `None` for sockets that are no TCP listeners.
pub fn waiting_connections(listener: BorrowedFd<'_>) -> Option<u64> {
    let mut info = mem::MaybeUninit::<libc::tcp_info>::zeroed();
    let mut length = size_of::<libc::tcp_info>() as libc::socklen_t;
    // SAFETY: the buffer is as long as `length` says, and the descriptor is borrowed for the call.
    let result = unsafe {
        libc::getsockopt(
            listener.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            info.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    // SAFETY: every bit pattern is a `tcp_info`, and all of it was zeroed before.
    let info = unsafe { info.assume_init() };
    // Of a listener the kernel reports the length of its queue here (tcp_get_info in net/ipv4/tcp.c).
    (result == 0).then_some(u64::from(info.tcpi_unacked))
}
