//! `cargo xtask serve`: the built site over HTTP on this machine.

use crate::{
    build::{self, Effort},
    pages,
    public_url::PublicUrl,
    shell,
};
use anyhow::{Context, Result};
use axum::{
    Router,
    http::{HeaderValue, header::CACHE_CONTROL},
    response::Redirect,
    routing::get,
};
use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};
use tokio::{net::TcpListener, runtime::Runtime};
use tower_http::{
    services::{ServeDir, ServeFile},
    set_header::SetResponseHeaderLayer,
};

#[derive(clap::Args)]
pub struct Args {
    /// The port on 127.0.0.1; 0 takes any free one
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Mount the site under this path
    #[arg(long, default_value = "/")]
    public_url: PublicUrl,
    /// Serve what was built before
    #[arg(long, conflicts_with = "public_url")]
    no_build: bool,
    /// The folder to serve with --no-build
    #[arg(long, default_value = "dist", requires = "no_build")]
    dir: PathBuf,
}

pub fn run(args: Args) -> Result<()> {
    if !args.no_build {
        build::site(&args.public_url, Effort::Release)?.report();
    }
    let server = Server::start(&shell::root().join(args.dir), args.port)?;
    println!("\nserving {}  (Ctrl-C stops)", server.url);
    server.runtime.block_on(tokio::signal::ctrl_c()).context("waiting for Ctrl-C")
}

/// A running server; it stops when dropped.
pub struct Server {
    /// Where the site answers, with its base path.
    pub url: String,
    runtime: Runtime,
}

impl Server {
    /// Serves a built site under the base path its pages were built for.
    pub fn start(dir: &Path, port: u16) -> Result<Self> {
        let index = dir.join("index.html");
        let html = std::fs::read_to_string(&index)
            .with_context(|| format!("no built site at {}: run `cargo xtask build`", index.display()))?;
        let base = pages::base_of(&html)?.to_owned();
        let runtime = Runtime::new().context("starting the server's threads")?;
        let listener = runtime
            .block_on(TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))))
            .with_context(|| format!("port {port} is not free; choose another with --port"))?;
        let url = format!("http://{}{base}", listener.local_addr().context("reading the port")?);
        let router = router(dir, &base);
        runtime.spawn(async move { axum::serve(listener, router).await });
        Ok(Self { url, runtime })
    }
}

/// The same answers a static host gives: folders have an index, unknown paths get `404.html` and its status.
fn router(dir: &Path, base: &str) -> Router {
    let prefix = base.trim_end_matches('/');
    let files = ServeDir::new(dir)
        .precompressed_br()
        .redirect_path_prefix(prefix)
        .not_found_service(ServeFile::new(dir.join("404.html")).precompressed_br());
    let router = if prefix.is_empty() {
        Router::new().fallback_service(files)
    } else {
        let home = base.to_owned();
        Router::new().route("/", get(move || async move { Redirect::temporary(&home) })).nest_service(prefix, files)
    };
    // A rebuilt page must show at the next reload.
    router.layer(SetResponseHeaderLayer::overriding(CACHE_CONTROL, HeaderValue::from_static("no-cache")))
}
