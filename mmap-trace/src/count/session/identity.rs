//! The account that a lesson or command runs as.

use anyhow::{Context as _, Result, bail};
use nix::unistd::{Gid, Uid, User, geteuid};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub uid: Uid,
    pub gid: Gid,
    /// The account's name, or its number if it has none.
    pub name: String,
}

impl Identity {
    /// The account that a lesson runs as, which is never root: the caller's, else the one that called sudo,
    /// else `nobody`.
    pub fn for_lesson() -> Result<Identity> {
        if !geteuid().is_root() {
            return Self::of_uid(geteuid());
        }
        match invoking_user(|name| std::env::var(name).ok()) {
            Some(uid) => Self::of_uid(uid),
            None => Self::by_name("nobody"),
        }
    }

    /// The account that a command runs as: the wanted one, else the one that called sudo, else the caller's.
    pub fn for_command(wanted: Option<&str>) -> Result<Identity> {
        match (wanted, invoking_user(|name| std::env::var(name).ok())) {
            (Some(name), _) => Self::by_name(name),
            (None, Some(uid)) => Self::of_uid(uid),
            (None, None) => Self::of_uid(geteuid()),
        }
    }

    fn by_name(name: &str) -> Result<Identity> {
        let user = User::from_name(name).with_context(|| format!("getpwnam({name})"))?;
        let Some(user) = user else {
            bail!(
                "there is no account {name} on this machine; getent passwd lists those that exist"
            );
        };
        Ok(Identity {
            uid: user.uid,
            gid: user.gid,
            name: user.name,
        })
    }

    fn of_uid(uid: Uid) -> Result<Identity> {
        let user = User::from_uid(uid).with_context(|| format!("getpwuid({uid})"))?;
        Ok(user.map_or(
            Identity {
                uid,
                gid: Gid::from_raw(uid.as_raw()),
                name: uid.to_string(),
            },
            |user| Identity {
                uid: user.uid,
                gid: user.gid,
                name: user.name,
            },
        ))
    }
}

/// The account that called sudo; `None` without sudo, and if root called it.
fn invoking_user(variable: impl Fn(&str) -> Option<String>) -> Option<Uid> {
    let uid: u32 = variable("SUDO_UID")?.parse().ok()?;
    (uid != 0).then(|| Uid::from_raw(uid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_that_calls_sudo_is_ignored() {
        let with = |value: &'static str| invoking_user(move |_| Some(value.to_owned()));
        assert_eq!(with("1000"), Some(Uid::from_raw(1000)));
        assert_eq!(with("0"), None);
        assert_eq!(with("me"), None);
        assert_eq!(invoking_user(|_| None), None);
    }
}
