//! The server's own router, asked in this process as a visitor would who follows every link.

use super::SiteError;
use super::address::INDEX;
use super::folder::Folder;
use super::kept::Kept;
use super::links::links;
use crate::limits::SITE_PAGE_BYTES_MAX;
use crate::web::Failure;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use axum::response::Response;
use std::collections::{BTreeSet, VecDeque};
use std::io::Write;
use tokio_stream::StreamExt;
use tower::ServiceExt;

/// The pages' links that stay on the site begin so.
const OWN: char = '/';
/// Where the demo's files are named.
pub const ABOUT: &str = "/demo/about.json";

/// What is asked, and what of it is kept.
pub struct Asking<'a> {
    pub router: Router,
    pub folder: &'a Folder,
    pub kept: &'a mut Kept,
}

/// An address of this site, without what stands after `#`; `None`: the link leads elsewhere.
pub fn own(link: &str) -> Option<&str> {
    let address = link.split('#').next().unwrap_or_default();
    (address.starts_with(OWN) && !address.starts_with("//")).then_some(address)
}

impl Asking<'_> {
    /// Asks for `first`, and for all that is kept of what pages lead to, the nearest first; writes each as it
    /// came. The pages' files. `told(done, known)` hears how far it is.
    ///
    /// # Errors
    /// Where an address is answered with a failure, or a file cannot be written.
    pub async fn follow(
        &mut self,
        first: &[&str],
        told: &mut dyn FnMut(usize, usize),
    ) -> Result<BTreeSet<String>, SiteError> {
        let mut pages = BTreeSet::new();
        let mut waiting: VecDeque<(String, String)> = VecDeque::new();
        for address in first {
            self.kept.add(address);
            waiting.push_back(((*address).to_owned(), "the start".into()));
        }
        let mut done = 0;
        while let Some((address, from)) = waiting.pop_front() {
            let file = self.kept.file(&address).unwrap_or(INDEX).to_owned();
            if let Some(links) = self.write(&address, &from, &file).await? {
                for link in links.iter().filter_map(|link| own(link)) {
                    if self.kept.take(link, &address) {
                        waiting.push_back((link.to_owned(), address.clone()));
                    }
                }
                pages.insert(file);
            }
            done += 1;
            told(done, done + waiting.len());
        }
        Ok(pages)
    }

    /// Writes what an address answers; its links, if it is a page.
    async fn write(
        &self,
        address: &str,
        from: &str,
        file: &str,
    ) -> Result<Option<Vec<String>>, SiteError> {
        let answer = answer(&self.router, address)
            .await
            .map_err(|why| SiteError::asked(address, from, why))?;
        if answer.status() != StatusCode::OK {
            return Err(SiteError::asked(address, from, words(&answer)));
        }
        let kind = answer.headers().get(header::CONTENT_TYPE);
        let is_page = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
        if !is_page {
            self.stream(answer, file).await?;
            return Ok(None);
        }
        let body = to_bytes(answer.into_body(), SITE_PAGE_BYTES_MAX).await;
        let body = body.map_err(|error| SiteError::asked(address, from, error.to_string()))?;
        let page = String::from_utf8_lossy(&body);
        self.folder.write(file, page.as_bytes())?;
        Ok(Some(links(&page)))
    }

    /// A file as it comes: it may be larger than the memory.
    async fn stream(&self, answer: Response, file: &str) -> Result<(), SiteError> {
        let path = self.folder.path(file);
        let mut out = self.folder.create(file)?;
        let mut parts = answer.into_body().into_data_stream();
        while let Some(part) = parts.next().await {
            let part =
                part.map_err(|error| SiteError::read(&path, std::io::Error::other(error)))?;
            out.write_all(&part)
                .map_err(|source| SiteError::write(&path, source))?;
        }
        out.flush()
            .map_err(|source| SiteError::write(&path, source))
    }
}

/// What an address answers, whatever that is.
///
/// # Errors
/// Where it is no address.
pub async fn answer(router: &Router, address: &str) -> Result<Response, String> {
    let request = Request::get(address)
        .body(Body::empty())
        .map_err(|error| error.to_string())?;
    let Ok(answer) = router.clone().oneshot(request).await;
    Ok(answer)
}

/// Why an answer is none.
fn words(answer: &Response) -> String {
    let failure = answer.extensions().get::<Failure>();
    failure.map_or_else(
        || format!("it answers {}.", answer.status()),
        Failure::words,
    )
}
