//! Passwords: kept as argon2id hashes, compared two at a time, and in the same time whether or not
//! there is anybody of that name.

use crate::limits::{
    PASSWORD_CHARACTERS_MAX, PASSWORD_CHARACTERS_MIN, PASSWORDS_AT_ONCE_MAX, PASSWORDS_WAITING_MAX,
};
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Semaphore;

/// OWASP's choice for argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// What is compared with where there is no hash to compare with: a hash of these costs.
const NOBODYS: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5cyBzYWx0Li4$U3dlYXQgaXMgdGhlIHNhbWUgZm9yIGFsbCBvZiB1cy4";

/// Why a password is not taken, or cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    #[error("the password has {0} characters, expected {min} at least", min = PASSWORD_CHARACTERS_MIN)]
    Short(usize),
    #[error("the password has more than {max} characters", max = PASSWORD_CHARACTERS_MAX)]
    Long,
    #[error("the password is the name")]
    Name,
    #[error("{waiting} passwords wait to be looked at", waiting = PASSWORDS_WAITING_MAX)]
    Busy,
    #[error("the password cannot be hashed: {0}")]
    Hash(String),
}

/// Where passwords are hashed and compared.
#[derive(Debug)]
pub struct Passwords {
    places: Arc<Semaphore>,
    waiting: AtomicUsize,
}

impl Default for Passwords {
    fn default() -> Self {
        Passwords {
            places: Arc::new(Semaphore::new(PASSWORDS_AT_ONCE_MAX)),
            waiting: AtomicUsize::new(0),
        }
    }
}

/// Whether a new password may be one.
///
/// # Errors
/// Where it is too short or too long, or is the name itself.
pub fn check(password: &str, name: &str) -> Result<(), PasswordError> {
    let characters = password.chars().count();
    if characters > PASSWORD_CHARACTERS_MAX {
        return Err(PasswordError::Long);
    }
    if characters < PASSWORD_CHARACTERS_MIN {
        return Err(PasswordError::Short(characters));
    }
    if password.to_lowercase() == name {
        return Err(PasswordError::Name);
    }
    Ok(())
}

impl Passwords {
    /// The hash of a password that [`check`] let through.
    ///
    /// # Errors
    /// Where too many wait, or the system has no random numbers.
    pub async fn hash(&self, password: String) -> Result<String, PasswordError> {
        self.work(move || hash(&password)).await?
    }

    /// Whether a password is the one of a hash. Takes as long where there is none.
    ///
    /// # Errors
    /// Where too many wait.
    pub async fn is_right(
        &self,
        password: String,
        hash: Option<String>,
    ) -> Result<bool, PasswordError> {
        // No password that was ever taken is longer; the time of hashing grows with it.
        if password.chars().count() > PASSWORD_CHARACTERS_MAX {
            return Err(PasswordError::Long);
        }
        self.work(move || is_right(&password, hash.as_deref()))
            .await
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PasswordError> {
        let waiting = Waiting::new(&self.waiting)?;
        let place = Arc::clone(&self.places).acquire_owned().await;
        drop(waiting);
        let done = tokio::task::spawn_blocking(move || {
            // Held until the work ends, even where the visitor has left.
            let _place = place;
            work()
        });
        done.await
            .map_err(|error| PasswordError::Hash(error.to_string()))
    }
}

/// One that waits; counted out however its wait ends.
struct Waiting<'count>(&'count AtomicUsize);

impl<'count> Waiting<'count> {
    fn new(count: &'count AtomicUsize) -> Result<Self, PasswordError> {
        let before = count.fetch_add(1, Ordering::SeqCst);
        let waiting = Waiting(count);
        if before >= PASSWORDS_WAITING_MAX {
            return Err(PasswordError::Busy);
        }
        Ok(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn hasher() -> Result<Argon2<'static>, PasswordError> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(told)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash(password: &str) -> Result<String, PasswordError> {
    // With a salt of its own.
    let hash: PasswordHash = hasher()?.hash_password(password.as_bytes()).map_err(told)?;
    Ok(hash.to_string())
}

fn is_right(password: &str, hash: Option<&str>) -> bool {
    let Ok(hasher) = hasher() else { return false };
    let is_right = hasher
        .verify_password(password.as_bytes(), hash.unwrap_or(NOBODYS))
        .is_ok();
    is_right && hash.is_some()
}

fn told(error: impl std::fmt::Display) -> PasswordError {
    PasswordError::Hash(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn a_password_is_kept_as_its_hash() {
        let kept = hash("correct horse").unwrap();
        assert!(
            kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{kept}"
        );
        assert!(is_right("correct horse", Some(&kept)));
        assert!(!is_right("correct Horse", Some(&kept)));
        assert!(!is_right("", Some(&kept)) && !is_right("x", Some("no hash")));
        assert_ne!(kept, hash("correct horse").unwrap(), "salted");
    }

    #[test]
    fn nobody_is_looked_at_as_long_as_somebody() {
        assert!(PasswordHash::new(NOBODYS).is_ok());
        let kept = hash("correct horse").unwrap();
        let took = |hash: Option<&str>| {
            let began = Instant::now();
            for _ in 0..3 {
                assert!(!is_right("wrong", hash));
            }
            began.elapsed()
        };
        let (somebody, nobody) = (took(Some(&kept)), took(None));
        assert!(nobody > somebody / 3, "{nobody:?} against {somebody:?}");
    }

    #[test]
    fn what_is_no_password_is_refused() {
        assert!(check("correct horse", "ada").is_ok());
        assert!(matches!(
            check("short", "ada"),
            Err(PasswordError::Short(5))
        ));
        assert!(matches!(
            check(&"x".repeat(201), "ada"),
            Err(PasswordError::Long)
        ));
        assert!(matches!(
            check("Ada Lovelace", "ada lovelace"),
            Err(PasswordError::Name)
        ));
    }

    #[tokio::test]
    async fn only_so_many_wait() {
        let passwords = Passwords::default();
        passwords.places.acquire_many(2).await.unwrap().forget();
        passwords
            .waiting
            .store(PASSWORDS_WAITING_MAX, Ordering::SeqCst);
        let refused = passwords.is_right("x".into(), None).await;
        assert!(matches!(refused, Err(PasswordError::Busy)));
        assert_eq!(
            passwords.waiting.load(Ordering::SeqCst),
            PASSWORDS_WAITING_MAX
        );
    }
}
