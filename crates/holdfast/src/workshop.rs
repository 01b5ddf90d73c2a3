//! The threads that the loop works on. Reading a large scope keeps a thread busy for long stretches, and nobody who asks
//! the API is to wait behind that: the loop has threads of its own, and the system prefers the others to them.

use anyhow::{Context, Result};
use tokio::runtime::{Builder, Handle, Runtime};

/// How much the loop's threads stand back behind all others, as `nice` counts it: a fourth of the weight, so that a busy
/// machine still sweeps.
const STANDS_BACK: i32 = 6;

/// The loop's threads; they end with the value.
pub(crate) struct Workshop(Option<Runtime>);

impl Workshop {
    pub(crate) fn open() -> Result<Self> {
        let stand_back = || {
            // Linux counts it by thread. Where it cannot be had, they are as good as the others.
            #[cfg(target_os = "linux")]
            let _ = rustix::process::nice(STANDS_BACK);
        };
        let mut threads = Builder::new_multi_thread();
        let threads = threads.enable_all().thread_name("loop").on_thread_start(stand_back).build();
        Ok(Self(Some(threads.context("the threads of the loop cannot start")?)))
    }

    /// Where its tasks are begun.
    pub(crate) fn handle(&self) -> Handle {
        self.0.as_ref().map_or_else(Handle::current, |threads| threads.handle().clone())
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        // Whoever drops it may be a task, which must not wait for threads to end.
        if let Some(threads) = self.0.take() {
            threads.shutdown_background();
        }
    }
}
