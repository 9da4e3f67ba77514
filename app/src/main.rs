//! The browser's entry point. Natively there is nothing to start: `xtask` calls the library.

fn main() {
    #[cfg(feature = "csr")]
    app::start();
}
