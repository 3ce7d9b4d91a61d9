//! The account that a lesson or command runs as.

use anyhow::{Context as _, Result, bail};
use nix::unistd::{Gid, Group, Uid, User, geteuid};

use crate::count::kernel::accounts;

/// setresuid(2) leaves an id unchanged if it is given this one.
const UNCHANGED: u32 = u32::MAX;

/// The first id after those that systemd gives to containers. It lists the next four million as unused
/// (docs/UIDS-GIDS.md), and `adduser` gives out no id as high.
const FIRST_OWN: u32 = 0x7000_0000;

/// `PID_MAX_LIMIT` (include/linux/threads.h).
const LARGEST_PID: u32 = 1 << 22;

/// What a recording calls an id without an account.
const OWN_NAME: &str = "an unused uid";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub uid: Uid,
    pub gid: Gid,
    /// The account's name, or its number if it has none.
    pub name: String,
}

impl Identity {
    /// The account that a lesson runs as, which is never root: the caller's, else the one that called sudo,
    /// else an id of its own, else `nobody`.
    pub fn for_lesson() -> Result<Identity> {
        if !geteuid().is_root() {
            return Self::of_uid(geteuid());
        }
        match invoking_user(|name| std::env::var(name).ok())? {
            Some(uid) => Self::of_uid(uid),
            None => Self::own(std::process::id()).map_or_else(|| Self::by_name("nobody"), Ok),
        }?
        .unprivileged()
    }

    /// The account that a command runs as: the wanted one, else the one that called sudo, else the caller's.
    pub fn for_command(wanted: Option<&str>) -> Result<Identity> {
        match (wanted, invoking_user(|name| std::env::var(name).ok())?) {
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
        Identity {
            uid: user.uid,
            gid: user.gid,
            name: user.name,
        }
        .checked()
    }

    /// An id that no account and no process has, so that a lesson can neither signal nor trace a daemon, and
    /// limits count its own processes only. `None` if this machine or container has no such id.
    fn own(tracer: u32) -> Option<Identity> {
        // Tracers that run at the same time differ in their process id.
        let id = FIRST_OWN.checked_add(tracer)?;
        let (uid, gid) = (Uid::from_raw(id), Gid::from_raw(id));
        let is_free = accounts::is_mapped(id)
            && User::from_uid(uid).is_ok_and(|user| user.is_none())
            && Group::from_gid(gid).is_ok_and(|group| group.is_none())
            && accounts::tasks(uid) == Some(0);
        is_free.then(|| Identity {
            uid,
            gid,
            name: OWN_NAME.to_owned(),
        })
    }

    /// Whether an id is one of those that lessons get for themselves.
    #[must_use]
    pub fn is_own(uid: u32) -> bool {
        (FIRST_OWN..FIRST_OWN + LARGEST_PID).contains(&uid)
    }

    /// Refuses root.
    fn unprivileged(self) -> Result<Identity> {
        if self.uid.is_root() {
            bail!(
                "a lesson never runs as root, but account {} has uid 0; start the tracer through sudo from \
                 an ordinary account",
                self.name
            );
        }
        self.checked()
    }

    /// Refuses ids that tell the kernel to change nothing.
    fn checked(self) -> Result<Identity> {
        if [self.uid.as_raw(), self.gid.as_raw()].contains(&UNCHANGED) {
            bail!(
                "account {} has uid {} and gid {}, and {UNCHANGED} tells the kernel to change nothing: the \
                 program would keep root's; give the account another id with usermod",
                self.name,
                self.uid,
                self.gid
            );
        }
        Ok(self)
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
fn invoking_user(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Uid>> {
    let uid = id("SUDO_UID", &variable)?;
    id("SUDO_GID", &variable)?;
    Ok(uid.filter(|&uid| uid != 0).map(Uid::from_raw))
}

/// The account and group to which files belong that are made under sudo.
pub fn invoking_owner() -> Result<Option<(Uid, Gid)>> {
    let variable = |name: &str| std::env::var(name).ok();
    let (uid, gid) = (id("SUDO_UID", variable)?, id("SUDO_GID", variable)?);
    Ok(uid
        .zip(gid)
        .map(|(uid, gid)| (Uid::from_raw(uid), Gid::from_raw(gid))))
}

/// The id in an environment variable.
fn id(name: &str, variable: impl Fn(&str) -> Option<String>) -> Result<Option<u32>> {
    let Some(text) = variable(name) else {
        return Ok(None);
    };
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(id) if is_number && id != UNCHANGED => Ok(Some(id)),
        _ => bail!(
            "{name}={text:?} is no id of an account, which is a number from 0 to {}: the program could keep \
             root's privileges. Start this through sudo again, or remove the variable with: unset {name}",
            UNCHANGED - 1
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_that_calls_sudo_is_ignored() {
        let with = |value: &'static str| {
            invoking_user(move |name| (name == "SUDO_UID").then(|| value.to_owned())).unwrap()
        };
        assert_eq!(with("1000"), Some(Uid::from_raw(1000)));
        assert_eq!(with("0"), None);
        assert_eq!(invoking_user(|_| None).unwrap(), None);
    }

    #[test]
    fn an_id_that_the_kernel_would_not_change_to_is_refused() {
        for wrong in [
            "4294967295",
            "4294967296",
            "-1",
            "+5",
            "me",
            "",
            " 1000",
            "1e3",
        ] {
            for variable in ["SUDO_UID", "SUDO_GID"] {
                let given = |name: &str| (name == variable).then(|| wrong.to_owned());
                let error = invoking_user(given).unwrap_err().to_string();
                assert!(error.contains(variable), "{error}");
            }
        }
    }

    #[test]
    fn a_lesson_needs_an_unprivileged_account() {
        let of = |uid, gid| Identity {
            uid: Uid::from_raw(uid),
            gid: Gid::from_raw(gid),
            name: "wrong".to_owned(),
        };
        assert!(of(0, 1000).unprivileged().is_err());
        assert!(of(UNCHANGED, 1000).checked().is_err());
        assert!(of(1000, UNCHANGED).checked().is_err());
        assert!(of(1000, 1000).unprivileged().is_ok());
    }
}
