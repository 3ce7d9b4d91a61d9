//! apt and dpkg, used by an ordinary account: apt resolves, verifies and downloads, dpkg unpacks into a
//! folder of the cache. Nothing is installed, and the machine's own package lists are never changed.

mod fetch;
mod lists;

pub(crate) use fetch::{Selection, download_failed, fetch, first_error, unpack};
pub(crate) use lists::{Control, Installed, Lists};

/// Why a set of package lists cannot be used, as half a sentence for a person.
pub(crate) type Unfit = String;

/// What apt would install: its answer to `--simulate`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
}
